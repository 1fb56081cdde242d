//! Until when a socket's futures wait. A thread sleeps until its deadline itself; for futures the
//! socket has one alarm at an I/O thread, for the earliest of their deadlines.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::Shared;
use super::state::Body;
use crate::io::IoCommand;
use crate::pattern::Pattern;
use crate::wait::Waiter;

/// The deadlines of futures, and whom each wakes.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    due: BTreeMap<(Instant, u64), Arc<Waiter>>,
    /// How many there have been.
    count: u64,
    /// The time that an I/O thread waits for.
    next: Option<Instant>,
}

/// A deadline that was set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alarm {
    at: Instant,
    number: u64,
}

impl Alarm {
    pub(super) fn at(self) -> Instant {
        self.at
    }
}

impl Alarms {
    /// Notes a deadline. True: it is the earliest, and somebody is to be asked to wait for it.
    fn set(&mut self, at: Instant, waiter: &Arc<Waiter>) -> (Alarm, bool) {
        let number = self.count;
        self.count += 1;
        self.due.insert((at, number), Arc::clone(waiter));
        let earliest = self.next.is_none_or(|next| at < next);
        if earliest {
            self.next = Some(at);
        }
        (Alarm { at, number }, earliest)
    }

    /// The alarm of this time; an outdated one is ignored, for another has taken its place.
    fn ring(&mut self, at: Instant, now: Instant, woken: &mut Vec<Arc<Waiter>>) -> Option<Instant> {
        if self.next != Some(at) {
            return None;
        }
        while let Some(first) = self.due.first_entry()
            && first.key().0 <= now
        {
            woken.push(first.remove());
        }
        self.next = self.due.first_key_value().map(|((at, _), _)| *at);
        self.next
    }
}

impl Body {
    /// The deadline counts no more.
    pub(super) fn cancel_alarm(&mut self, alarm: Option<Alarm>) {
        if let Some(Alarm { at, number }) = alarm {
            self.alarms.due.remove(&(at, number));
        }
    }

    /// Wakes whose deadline has passed. When to look again.
    pub(super) fn ring_alarm(&mut self, at: Instant, now: Instant) -> Option<Instant> {
        self.after.any = true;
        self.alarms.ring(at, now, &mut self.after.woken)
    }
}

impl<P: Pattern> Shared<P> {
    /// Sees to it that a future is woken at its deadline; `before` is what was set for it.
    pub(super) fn set_alarm(
        &self,
        at: Instant,
        waiter: &Arc<Waiter>,
        before: Option<Alarm>,
    ) -> io::Result<Alarm> {
        let io = self.context.io(self.port.options().affinity)?;
        let (alarm, earliest) = self.with(|state| {
            state.body.cancel_alarm(before);
            state.body.alarms.set(at, waiter)
        });
        if let Some(shell) = self.port.shell().filter(|_| earliest) {
            io.post(IoCommand::Alarm(at, Arc::downgrade(&shell)));
        }
        Ok(alarm)
    }
}
