//! Requests: answered once, by what was asked, or given up in time.

use std::sync::Arc;
use std::time::Duration;

use ferromq::RequestErrorKind;

use super::{Seat, Stage};
use crate::Outcome;
use crate::member::{Asking, Task};
use crate::plan::pick;

/// So much later than its timeout a request may end: the clock is looked at.
const MOMENT: Duration = Duration::from_millis(1);

impl Stage<'_> {
    /// A REQ asks, or gives up to. A number is not used again: who gives up may have been heard.
    pub(super) fn ask(&mut self, seat: Seat) -> Outcome {
        if self.member(seat).asking.is_some() {
            if self.dice.chance(1, 5) {
                self.member(seat).asking = None;
                self.log(|| format!("{seat:?} gives a request up"));
                self.seen.note("request cancelled");
            }
            return Ok(());
        }
        if self.member(seat).sending.is_some() {
            // It has the number that would be next.
            return Ok(());
        }
        let name = self.member(seat).name;
        let message = self.ledger.next(name);
        self.ledger.accept(name);
        let limits = [1, 50, 5_000, 20_000];
        let timeout = Duration::from_millis(pick(&mut self.dice, &limits));
        let latest = self.world.elapsed() + timeout + MOMENT;
        self.log(|| format!("{seat:?} asks, for {timeout:?}"));
        let member = self.member(seat);
        let call = Arc::clone(&member.socket).request(message.clone(), timeout);
        member.asking = Some(Asking {
            task: Task::new(call),
            message,
            latest,
        });
        self.poll_asking(seat)
    }

    pub(super) fn poll_asking(&mut self, seat: Seat) -> Outcome {
        let asking = self.member(seat).asking.as_mut();
        let Some(asking) = asking.filter(|asking| asking.task.is_woken()) else {
            return Ok(());
        };
        let Some(answered) = asking.task.poll() else {
            return Ok(());
        };
        let question = std::mem::take(&mut asking.message);
        self.member(seat).asking = None;
        let kind = answered.as_ref().err().map(|error| error.kind);
        self.log(|| format!("{seat:?} is answered: {kind:?}"));
        let (message, behaviour) = match answered {
            Ok(reply) => (reply, "request answered"),
            Err(error) => {
                let behaviour = match error.kind {
                    RequestErrorKind::NoReply => "request without a reply",
                    RequestErrorKind::NotSent => "request without a peer",
                    RequestErrorKind::NoThread(_) => "thread refused",
                    RequestErrorKind::PeerLost => "request: peer lost",
                    other => return Err(format!("{seat:?} could not ask: {other:?}")),
                };
                (error.message, behaviour)
            }
        };
        self.seen.note(behaviour);
        match message == question {
            true => Ok(()),
            false => Err(format!("{seat:?} asked {question:?}: {message:?}")),
        }
    }

    /// A request ends in time.
    pub(super) fn check_asker(&mut self, seat: Seat) -> Outcome {
        let now = self.world.elapsed();
        match &self.member(seat).asking {
            Some(asking) if !asking.task.is_woken() && asking.latest < now => {
                let latest = asking.latest;
                Err(format!("{seat:?}: a request was to end at {latest:?}"))
            }
            _ => Ok(()),
        }
    }
}
