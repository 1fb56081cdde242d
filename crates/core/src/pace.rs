//! When a single message, or a few, are worth a write of their own.
//!
//! A message that is written at once arrives soonest; many written together cost least. Whether
//! more are to come nobody knows, so what a socket spends on single writes is bounded ([`Pace`]):
//! half of its time, and nothing where messages come as quickly as a loop makes them. Who sends a
//! small message every 10 µs has each written so; who sends one every 2 µs, each fifth, with the
//! four before it. What a write costs is measured ([`Rhythm`]): three times as much if the peer
//! sleeps.
//!
//! This is the generic cell rate algorithm of ITU-T I.371. The state is one point in time, from
//! which each single write takes twice its cost, and each message a small part of it; what is taken
//! may be ahead of the time by a few writes.

use std::time::{Duration, Instant};

/// What a write is taken to cost before one was measured, and at most. All times are nanoseconds:
/// what is reckoned for each look at the clock is reckoned in integers.
const MOST: u64 = 10_000;

/// What it is taken to cost at least: there are clocks that stand still.
const LEAST: u64 = 1_000;

/// How much more it is taken to cost while received messages wait for the sender.
const BUSY: u64 = 4;

/// How many messages take as much as a write costs, beside their bytes.
const PART: u64 = 32;

/// How many bytes take a nanosecond: a loop that sends much is busy with that.
const BYTES: u64 = 4;

/// How many connections are written to at one moment after a pause.
const PEERS: u64 = 4;

/// How many messages in a row are written each on one connection, after the first.
const ROW: u64 = 2;

/// From how many messages on a burst is long: so many small ones take about as long as a receiver
/// looks without sleeping, and half a default mark is as many.
const LONG: u32 = 500;

/// For how long a burst that is over is remembered at most.
const MEMORY: u64 = 100_000;

/// The single writes of one socket, over all its pipes.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Where time begins.
    start: Option<Instant>,
    /// Up to when it is taken.
    taken: u64,
    /// Messages that have not taken theirs yet.
    messages: u64,
    /// And their bytes.
    bytes: u64,
}

impl Pace {
    #[inline]
    fn count(&mut self, bytes: u64) {
        self.messages += 1;
        self.bytes += bytes;
    }

    /// Whether what is queued may be written now, if that costs so much, and so much may be taken
    /// ahead of the time.
    fn admits(&mut self, now: Instant, cost: u64, ahead: u64) -> bool {
        let start = *self.start.get_or_insert(now);
        let now = nanoseconds(now.saturating_duration_since(start));
        let work = cost * std::mem::take(&mut self.messages) / PART
            + std::mem::take(&mut self.bytes) / BYTES;
        let from = self.taken.max(now) + work;
        let is_admitted = from <= now + ahead;
        let taken = if is_admitted { from + 2 * cost } else { from };
        self.taken = taken.min(now + 2 * PEERS * cost + MEMORY);
        is_admitted
    }
}

/// 584 years are not over yet.
fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos() as u64
}

/// The messages and writes of one connection, as time goes by.
#[derive(Debug)]
pub(crate) struct Rhythm {
    /// Messages since the last write.
    since: u32,
    /// When the last write had ended.
    written: Option<Instant>,
    /// When the single write under way began.
    began: Option<Instant>,
    /// What the last single write took.
    cost: u64,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            since: 0,
            written: None,
            began: None,
            cost: MOST,
        }
    }
}

impl Rhythm {
    /// One message more, of so many bytes. True: it is time to look at the clock, which costs as
    /// much as half of a small message.
    #[inline]
    pub(crate) fn count(&mut self, bytes: u64, pace: &mut Pace) -> bool {
        pace.count(bytes);
        self.since = self.since.saturating_add(1);
        self.since <= 16 || self.since.is_multiple_of(16)
    }

    /// True if so much has come since the last write that it is time for the next.
    #[inline]
    pub(crate) fn is_long(&self) -> bool {
        self.since >= LONG
    }

    /// True if the message counted last is the first since a write.
    pub(crate) fn is_first(&self) -> bool {
        self.since == 1
    }

    /// True if something was written so short a time ago.
    pub(crate) fn was_written(&self, now: Instant, lately: Duration) -> bool {
        self.written.is_some_and(|at| now < at + lately)
    }

    /// Whether what is queued is written now, for itself.
    pub(crate) fn is_due(&mut self, now: Instant, is_busy: bool, pace: &mut Pace) -> bool {
        let cost = if is_busy { BUSY * self.cost } else { self.cost };
        let quiet = Duration::from_nanos(self.cost / 2);
        let is_idle = self.written.is_none_or(|at| now >= at + quiet);
        let ahead = if is_idle { 2 * PEERS - 1 } else { ROW };
        let is_due = pace.admits(now, cost, cost * ahead);
        if is_due {
            self.began = Some(now);
        }
        is_due
    }

    /// Everything is with the kernel.
    pub(crate) fn rest(&mut self, now: Instant) {
        self.since = 0;
        self.written = Some(now);
        if let Some(began) = self.began.take() {
            self.cost = nanoseconds(now.saturating_duration_since(began)).clamp(LEAST, MOST);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::world::{SystemWorld, World};

    /// A sender with one connection, and its time.
    struct Sender {
        now: Instant,
        pace: Pace,
        rhythm: Rhythm,
        is_busy: bool,
    }

    impl Sender {
        fn new() -> Self {
            Self {
                now: SystemWorld::new().now(),
                pace: Pace::default(),
                rhythm: Rhythm::default(),
                is_busy: false,
            }
        }

        /// Sends so many messages, one every `interval` unless a write, which takes `cost`, is
        /// longer; and returns how many writes that were.
        fn send(&mut self, messages: u32, bytes: u64, interval: Duration, cost: Duration) -> u32 {
            let mut writes = 0;
            for _ in 0..messages {
                let next = self.now + interval;
                let looks = self.rhythm.count(bytes, &mut self.pace);
                if looks && self.rhythm.is_due(self.now, self.is_busy, &mut self.pace) {
                    writes += 1;
                    self.now += cost;
                    self.rhythm.rest(self.now);
                }
                self.now = self.now.max(next);
            }
            writes
        }
    }

    const fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    #[test]
    fn message_that_comes_after_twice_the_cost_is_always_written() {
        for cost in [1, 3, 5, 10] {
            let mut sender = Sender::new();
            let interval = micros(2 * cost + 1);
            sender.send(100, 64, interval, micros(cost));
            assert_eq!(sender.send(1000, 64, interval, micros(cost)), 1000);
        }
    }

    #[test]
    fn so_many_peers_are_written_to_at_one_moment() {
        let (now, mut pace) = (SystemWorld::new().now(), Pace::default());
        let mut peers: [Rhythm; 8] = Default::default();
        let due = peers.iter_mut().filter_map(|peer| {
            peer.count(8, &mut pace);
            peer.is_due(now, false, &mut pace).then_some(())
        });
        assert_eq!(due.count(), PEERS as usize);
    }

    #[test]
    fn tight_loop_writes_a_few_and_then_none() {
        for (bytes, nanos) in [(64, 50), (1024, 200), (16 * 1024, 2000)] {
            let mut sender = Sender::new();
            let writes = sender.send(10_000, bytes, Duration::from_nanos(nanos), micros(5));
            assert!(
                (1..2 * PEERS as u32).contains(&writes),
                "{bytes} bytes: {writes}"
            );
        }
    }

    #[test]
    fn burst_is_forgotten_after_a_pause() {
        let mut sender = Sender::new();
        for burst in 0..10 {
            let writes = sender.send(10_000, 64, Duration::from_nanos(50), micros(5));
            assert!(
                burst == 0 || (PEERS as u32..2 * PEERS as u32).contains(&writes),
                "{writes}"
            );
            sender.now += Duration::from_nanos(MEMORY + 2 * PEERS * MOST);
        }
    }

    #[test]
    fn messages_in_between_share_writes_that_take_half_the_time_at_most() {
        for (interval, cost, each) in [(2, 5, 6), (2, 3, 4), (5, 5, 3), (1, 5, 13), (1, 10, 31)] {
            let mut sender = Sender::new();
            sender.send(1000, 8, micros(interval), micros(cost));
            let (start, messages) = (sender.now, 10_000);
            let writes = sender.send(messages, 8, micros(interval), micros(cost));
            let took = (sender.now - start) / writes;
            assert!(2 * micros(cost) <= took, "{interval} µs: {took:?}");
            assert!(messages / writes <= each, "{interval} µs: {writes} writes");
        }
    }

    #[test]
    fn who_has_more_to_do_writes_less_often() {
        let mut sender = Sender::new();
        sender.is_busy = true;
        assert_eq!(sender.send(1000, 64, micros(41), micros(5)), 1000);
        let writes = sender.send(1000, 64, micros(10), micros(5));
        assert!((220..=260).contains(&writes), "{writes}");
    }

    #[test]
    fn peers_share_the_time_of_a_socket() {
        let mut sender = Sender::new();
        let mut peers: [Rhythm; 4] = Default::default();
        let (mut writes, start) = (0, sender.now);
        for round in 0..10_000 {
            let peer = &mut peers[round % 4];
            peer.count(8, &mut sender.pace);
            if peer.is_due(sender.now, false, &mut sender.pace) {
                writes += 1;
                sender.now += micros(5);
                peer.rest(sender.now);
            }
            sender.now += micros(1);
        }
        assert!(
            2 * micros(5) * writes <= sender.now - start + micros(80),
            "{writes}"
        );
    }
}
