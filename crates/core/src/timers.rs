//! Timers without a clock: who calls says what time it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Repeating timers, each with a value of the application's: which are due, and when the next one
/// is.
///
/// A timer goes off when its interval is over, again and again, counted from the time at which
/// [`expire`](Self::expire) found it due: one that nobody has looked at for several intervals goes
/// off once. Nothing waits here, and no clock is read: [`Poller`](crate::Poller) waits for timers
/// beside sockets.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use ferromq_core::Timers;
///
/// let mut timers = Timers::new();
/// let start = Instant::now();
/// let tick = timers.add("tick", Duration::from_secs(1), start);
/// assert_eq!(timers.next(), Some(start + Duration::from_secs(1)));
///
/// let mut due = Vec::new();
/// timers.expire(start + Duration::from_secs(2), |_, name| due.push(*name));
/// assert_eq!(due, ["tick"]);
/// assert_eq!(timers.next(), Some(start + Duration::from_secs(3)));
///
/// assert_eq!(timers.cancel(tick), Some("tick"));
/// assert_eq!(timers.cancel(tick), None); // there is no such timer any more
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "zmq_timers_new")]
pub struct Timers<T> {
    timers: BTreeMap<TimerId, Timer<T>>,
    due: BTreeSet<(Instant, TimerId)>,
    made: u64,
}

/// Names a timer; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(u64);

#[derive(Clone, Debug)]
struct Timer<T> {
    interval: Duration,
    /// `None`: later than can be told.
    due: Option<Instant>,
    value: T,
}

impl<T> Timers<T> {
    /// No timers.
    pub fn new() -> Self {
        Self {
            timers: BTreeMap::new(),
            due: BTreeSet::new(),
            made: 0,
        }
    }

    /// Adds a timer that goes off at `now + interval` and every interval after. (One of no interval
    /// is due whenever somebody looks.)
    #[doc(alias = "zmq_timers_add")]
    pub fn add(&mut self, value: T, interval: Duration, now: Instant) -> TimerId {
        self.made += 1;
        let id = TimerId(self.made);
        let timer = Timer {
            interval,
            due: None,
            value,
        };
        self.timers.insert(id, timer);
        self.restart(id, now);
        id
    }

    /// Ends a timer. Its value; `None` if there is no such timer.
    #[doc(alias = "zmq_timers_cancel")]
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        let timer = self.timers.remove(&id)?;
        if let Some(due) = timer.due {
            self.due.remove(&(due, id));
        }
        Some(timer.value)
    }

    /// Gives a timer another interval, which begins now. False: there is no such timer.
    #[doc(alias = "zmq_timers_set_interval")]
    pub fn set_interval(&mut self, id: TimerId, interval: Duration, now: Instant) -> bool {
        if let Some(timer) = self.timers.get_mut(&id) {
            timer.interval = interval;
        }
        self.restart(id, now)
    }

    /// Begins a timer's interval anew. False: there is no such timer.
    #[doc(alias = "zmq_timers_reset")]
    pub fn restart(&mut self, id: TimerId, now: Instant) -> bool {
        let Some(timer) = self.timers.get_mut(&id) else {
            return false;
        };
        let due = now.checked_add(timer.interval);
        if let Some(before) = std::mem::replace(&mut timer.due, due) {
            self.due.remove(&(before, id));
        }
        if let Some(due) = due {
            self.due.insert((due, id));
        }
        true
    }

    /// When the next timer goes off; `None`: there is none.
    #[doc(alias = "zmq_timers_timeout")]
    pub fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Calls `each` for the timers that are due, the one due first first. Each begins anew now.
    #[doc(alias = "zmq_timers_execute")]
    pub fn expire(&mut self, now: Instant, mut each: impl FnMut(TimerId, &T)) {
        let due: Vec<TimerId> = self
            .due
            .iter()
            .take_while(|(due, _)| *due <= now)
            .map(|(_, id)| *id)
            .collect();
        for id in due {
            self.restart(id, now);
            if let Some(timer) = self.timers.get(&id) {
                each(id, &timer.value);
            }
        }
    }

    /// How many timers there are.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
#[expect(
    clippy::disallowed_methods,
    reason = "a time to begin with, whichever it is"
)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn due(timers: &mut Timers<char>, now: Instant) -> String {
        let mut due = String::new();
        timers.expire(now, |_, name| due.push(*name));
        due
    }

    #[test]
    fn timers_go_off_in_the_order_in_which_they_are_due() {
        let (mut timers, start) = (Timers::new(), Instant::now());
        timers.add('c', SECOND * 3, start);
        timers.add('a', SECOND, start);
        timers.add('b', SECOND * 2, start);
        assert_eq!(due(&mut timers, start), "");
        assert_eq!(timers.next(), Some(start + SECOND));
        assert_eq!(due(&mut timers, start + SECOND * 3), "abc");
        assert_eq!(timers.next(), Some(start + SECOND * 4));
    }

    #[test]
    fn timer_missed_several_times_goes_off_once() {
        let (mut timers, start) = (Timers::new(), Instant::now());
        timers.add('a', SECOND, start);
        assert_eq!(due(&mut timers, start + SECOND * 10), "a");
        assert_eq!(due(&mut timers, start + SECOND * 10), "");
        assert_eq!(due(&mut timers, start + SECOND * 11), "a");
    }

    #[test]
    fn timer_of_no_interval_is_due_at_every_look() {
        let (mut timers, start) = (Timers::new(), Instant::now());
        timers.add('a', Duration::ZERO, start);
        assert_eq!(due(&mut timers, start), "a");
        assert_eq!(due(&mut timers, start), "a");
    }

    #[test]
    fn timer_restarted_or_given_another_interval_begins_anew() {
        let (mut timers, start) = (Timers::new(), Instant::now());
        let timer = timers.add('a', SECOND * 4, start);
        assert!(timers.restart(timer, start + SECOND * 3));
        assert_eq!(timers.next(), Some(start + SECOND * 7));
        assert!(timers.set_interval(timer, SECOND, start + SECOND * 3));
        assert_eq!(timers.next(), Some(start + SECOND * 4));
    }

    #[test]
    fn timer_cancelled_is_unknown_and_never_goes_off() {
        let (mut timers, start) = (Timers::new(), Instant::now());
        let timer = timers.add('a', SECOND, start);
        assert_eq!(timers.cancel(timer), Some('a'));
        assert_eq!(timers.cancel(timer), None);
        assert!(!timers.restart(timer, start));
        assert!(!timers.set_interval(timer, SECOND, start));
        assert!(timers.is_empty());
        assert_eq!(
            (timers.next(), due(&mut timers, start + SECOND)),
            (None, String::new())
        );
    }

    #[test]
    fn timer_of_the_longest_interval_is_never_due() {
        let (mut timers, start) = (Timers::new(), Instant::now());
        let timer = timers.add('a', Duration::MAX, start);
        assert_eq!((timers.next(), timers.len()), (None, 1));
        assert!(timers.set_interval(timer, SECOND, start));
        assert_eq!(due(&mut timers, start + SECOND), "a");
    }
}
