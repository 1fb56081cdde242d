//! What the network and the system do to the sockets.

use std::io::ErrorKind;
use std::time::Duration;

use ferromq_testkit::sim::{Call, Fault, LinkId, Side};

use super::{Seat, Stage, host_name};
use crate::Outcome;
use crate::plan::pick;

/// Numbers of errors, on every unix that matters here but for the last three.
const EINTR: i32 = 4;
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const ENOBUFS: i32 = 105;

impl Stage<'_> {
    pub(super) fn change_weather(&mut self) -> Outcome {
        let links = self.world.links();
        match self.dice.below(8) {
            0..3 if self.plan.rough => {
                if let Some(link) = self.any(&links) {
                    self.log(|| format!("{link:?} is cut"));
                    self.world.cut(link);
                    self.seen.note("connection cut");
                }
            }
            3 => {
                if let Some(link) = self.any(&links) {
                    self.log(|| format!("{link:?} is held up"));
                    self.world.hold(link);
                    self.held.push(link);
                    self.seen.note("connection held up");
                }
            }
            4 | 5 => self.clear_up(),
            6 if self.plan.rough => self.divide(),
            _ => {
                let capacity = pick(&mut self.dice, &[200, 3_000, 65_536]);
                let latency = pick(&mut self.dice, &[200, 10_000]);
                self.world.weather(|conditions| {
                    conditions.capacity = capacity;
                    conditions.latency = Duration::ZERO..=Duration::from_micros(latency);
                });
                self.log(|| format!("capacity {capacity}, latency {latency}"));
            }
        }
        Ok(())
    }

    /// Nobody can reach a place.
    fn divide(&mut self) {
        let Some(Seat { guild, side, slot }) = self.choose(|member| !member.bound.is_empty())
        else {
            return;
        };
        let place = self.guilds[guild].slots[side][slot].bind.to_string();
        if !place.starts_with("inproc") {
            self.log(|| format!("{place} is cut off"));
            self.world.partition(&place);
            self.partitioned.push(place);
            self.seen.note("partition");
        }
    }

    /// What is held up comes through.
    pub(super) fn clear_up(&mut self) {
        for link in self.held.drain(..) {
            self.world.release(link);
        }
        for place in self.partitioned.drain(..) {
            self.world.heal(&place);
        }
        self.log(|| "it clears up".to_owned());
    }

    /// Calls of the system fail, now and then; in an episode without cuts only such from which one
    /// can recover without losing a connection.
    pub(super) fn fail_something(&mut self) -> Outcome {
        let resources = [ENOMEM, ENFILE, EMFILE, ENOBUFS];
        let short = Fault::Os(pick(&mut self.dice, &resources));
        let times = pick(&mut self.dice, &[1, 1, 3, 20]);
        let kinds = match self.plan.rough {
            true => 8,
            false => 5,
        };
        let what = self.dice.below(kinds);
        match what {
            0 => self.fail_accepts(short, times),
            1 => self.world.fail_dial(short, times),
            2 => self.world.fail(
                Call::Listen,
                pick(&mut self.dice, &[short, Fault::Os(ENOSPC)]),
                1,
            ),
            3 => self.world.fail(
                pick(&mut self.dice, &[Call::Start, Call::Reactor]),
                short,
                1,
            ),
            4 => self.fail_transfers(&[Fault::Os(EINTR)]),
            5 => self.fail_transfers(&[
                Fault::Kind(ErrorKind::ConnectionReset),
                Fault::Kind(ErrorKind::BrokenPipe),
                Fault::Kind(ErrorKind::TimedOut),
                Fault::Os(ENOBUFS),
            ]),
            6 => {
                let number = self.dice.below(10 * self.guilds.len());
                let again = self.dice.chance(1, 2);
                match again {
                    true => self
                        .world
                        .add_name(&host_name(number), &[[127, 0, 0, 1].into()]),
                    false => self
                        .world
                        .fail_name(&host_name(number), ErrorKind::NotFound),
                }
            }
            _ => {
                let calls = [Call::Arm, Call::Watch, Call::FinishConnect];
                self.world
                    .fail(pick(&mut self.dice, &calls), Fault::Os(ENOMEM), 1);
            }
        }
        self.log(|| format!("fault {what}: {short:?}, {times} times"));
        Ok(())
    }

    fn fail_accepts(&mut self, fault: Fault, times: usize) {
        let faults = [
            fault,
            Fault::Kind(ErrorKind::ConnectionAborted),
            Fault::Os(EINTR),
        ];
        let fault = pick(&mut self.dice, &faults);
        if let Some(seat) = self.choose(|member| !member.bound.is_empty()) {
            let place = self.slot(seat).bind.to_string();
            if !place.starts_with("inproc") {
                self.world.fail_accept(&place, fault, times);
            }
        }
    }

    /// Reading or writing one connection fails.
    fn fail_transfers(&mut self, faults: &[Fault]) {
        let fault = pick(&mut self.dice, faults);
        let side = pick(&mut self.dice, &[Side::Dialer, Side::Acceptor]);
        let links = self.world.links();
        if let Some(link) = self.any(&links) {
            match self.dice.chance(1, 2) {
                true => self.world.fail_read(link, side, fault, 1),
                false => self.world.fail_write(link, side, fault, 1),
            }
        }
    }

    fn any(&mut self, links: &[LinkId]) -> Option<LinkId> {
        match links.len() {
            0 => None,
            // The newest is more interesting: its handshake may be under way.
            _ if self.dice.chance(1, 3) => links.last().copied(),
            count => Some(links[self.dice.below(count)]),
        }
    }

    /// From now on nothing is in anybody's way.
    pub(super) fn fair_weather(&mut self) {
        self.clear_up();
        self.world.fail_no_more();
        for number in 0..10 * self.guilds.len() {
            self.world
                .add_name(&host_name(number), &[[127, 0, 0, 1].into()]);
        }
        self.world.weather(|conditions| {
            conditions.capacity = 65_536;
            conditions.latency = Duration::ZERO..=Duration::from_micros(200);
        });
    }
}
