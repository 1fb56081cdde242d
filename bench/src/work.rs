//! The workloads: what the two sides do in each phase of a run.

mod attack;
mod backlog;
mod connections;
mod echo;
mod pipelined;
mod round_trip;
mod start_up;
mod stream;
mod subscriptions;

use crate::Outcome;
use crate::cell::Work;
use crate::opponent::{Kind, Opponent};
use crate::sample::Sample;
use crate::side::Side;
use subscriptions::{prefixes, topics};

/// Runs one side of a cell.
pub(crate) fn run<O: Opponent>(side: Side<O>) -> Outcome<Sample> {
    match side.task.cell.work {
        Work::OneWay
        | Work::CurveOneWay
        | Work::Paced(_)
        | Work::Publish(_)
        | Work::Republished
        | Work::FanIn
        | Work::FanOut
        | Work::Pair
        | Work::Stalled => stream::run(side),
        Work::Hot | Work::CurveHot | Work::Cold | Work::Attack(_) => {
            round_trip::run(side, Kind::Req, Kind::Rep)
        }
        Work::PairHot => round_trip::run(side, Kind::Pair, Kind::Pair),
        Work::Pipelined | Work::Brokered => pipelined::run(side),
        Work::Connections(count) => connections::run(side, count),
        Work::Prefixes(count) => prefixes::run(side, count),
        Work::Topics(count) => topics::run(side, count),
        Work::StartUp => start_up::run(side),
        Work::Backlog => backlog::run(side),
    }
}
