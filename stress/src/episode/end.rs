//! The end of an episode: what is still on its way arrives, the sockets are closed, and every
//! message is accounted for.

use std::thread;
use std::time::{Duration, Instant};

use super::Stage;
use crate::ledger::balance;
use crate::member::{Member, Side};
use crate::plan::Shape;
use crate::{Outcome, Score};

/// How long nothing has to come in a rough episode until nothing is expected any more.
const QUIET: Duration = Duration::from_millis(50);

/// Between two looks whether something has come.
const LOOK: Duration = Duration::from_micros(200);

impl Stage<'_> {
    /// Waits for what is on its way, and closes.
    pub(super) fn finish(&self, left: Vec<Member>, right: Vec<Member>) {
        if self.plan.rough {
            self.close_all(left);
            self.wait_for_quiet();
        } else if self.plan.closes_early {
            self.close_all(left);
            self.wait_for(self.ledger.accepted());
        } else {
            self.wait_for(self.expected(&left));
            self.close_all(left);
        }
        self.close_all(right);
    }

    /// How many messages are to be received: of a fan, as many as had room.
    fn expected(&self, left: &[Member]) -> u64 {
        if self.plan.shape != Shape::Fan {
            return self.ledger.accepted();
        }
        let handed_over = |member: &Member| loop {
            let stats = member.socket.stats();
            if stats.queued == 0 {
                break stats.handed_over;
            }
            thread::park_timeout(LOOK);
        };
        left.iter().map(handed_over).sum()
    }

    /// The watch sees to it that it does not take for ever.
    fn wait_for(&self, expected: u64) {
        while self.ledger.received() < expected {
            thread::park_timeout(LOOK);
        }
    }

    fn wait_for_quiet(&self) {
        let (mut before, mut since) = (self.ledger.received(), Instant::now());
        while since.elapsed() < QUIET {
            thread::park_timeout(LOOK);
            let now = self.ledger.received();
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
    }

    fn close_all(&self, members: Vec<Member>) {
        thread::scope(|scope| {
            for member in members {
                scope.spawn(|| self.close(member));
            }
        });
    }

    /// Closes a socket and keeps what it says.
    pub(super) fn close(&self, member: Member) {
        let report = member.socket.close();
        let stats = member.socket.stats();
        let mut closed = self.closed.lock().expect("a panic ends the process");
        closed.push((member, report, stats));
    }

    /// Checks the accounts, when every thread has ended.
    pub(super) fn check(&self, cuts: u64) -> Outcome<Score> {
        let closed = self.closed.lock().expect("a panic ends the process");
        let (mut accepted, mut handed_over) = (0, 0);
        for (member, report, stats) in closed.iter() {
            if !self.plan.rough && (report.unsent > 0 || !report.complete) {
                return Err(format!("unsent in a calm episode: {report:?} {member:?}"));
            }
            if member.outlet.is_some() {
                accepted += stats.accepted;
                let balanced = balance(report, stats, member.inlet.is_none());
                handed_over += balanced.map_err(|problem| format!("{problem} {member:?}"))?;
            }
        }
        let (received, sent) = (self.ledger.received(), self.ledger.accepted());
        match self.plan.shape {
            Shape::Fan => {}
            Shape::Lockstep if accepted == 2 * sent => handed_over -= sent,
            Shape::Pipeline | Shape::Duplex if accepted == sent => {}
            _ => return Err(format!("{sent} were sent, {accepted} accepted")),
        }
        if received > handed_over || (!self.plan.rough && received < handed_over) {
            return Err(format!("{handed_over} handed over, {received} received"));
        }
        let subscribers = closed
            .iter()
            .filter(|(member, ..)| member.side == Side::Right);
        let fan = self.plan.shape == Shape::Fan;
        let copies = if fan { subscribers.count() } else { 1 };
        self.ledger.check_received(copies)?;
        Ok(Score {
            episodes: 1,
            received,
            lost: handed_over - received,
            cuts,
            ..Score::default()
        })
    }
}
