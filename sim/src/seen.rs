//! What has happened in all episodes together: a run that is to show much has to have seen each of
//! these at least once.

use std::collections::BTreeMap;
use std::fmt;

use ferromq::{Crowd, Dropped, Event, Reason, Refusal, Stats};

/// Everything that three hundred seeds have to bring about.
const BEHAVIOURS: &[&str] = &[
    "bind fails",
    "close cut short by linger",
    "close flushes",
    "close is orderly",
    "connection accepted",
    "connection accepted: failed",
    "connection cut",
    "connection dialed",
    "connection dialed: failed",
    "connection ended: closed",
    "connection ended: by the peer",
    "connection ended: refused by the pattern",
    "connection ended: silence",
    "connection ended: stream failed",
    "connection ended: too many subscriptions",
    "connection held up",
    "context dropped",
    "context shut down",
    "dropped: closed",
    "dropped: conflated",
    "dropped: displaced",
    "dropped: high-water mark",
    "dropped: peer gone",
    "dropped: stale",
    "dropped: unwanted",
    "events missed",
    "everything arrived on the way",
    "handshake failed: by the peer",
    "handshake failed: closed",
    "handshake failed: refused by the pattern",
    "handshake failed: stream failed",
    "handshake failed: too slow",
    "handshake succeeded",
    "host crashed",
    "host crashed silently",
    "listening",
    "listening over",
    "messages given back",
    "partition",
    "peer disconnected by name",
    "peer found again",
    "peer joined",
    "peer left",
    "peer turned away",
    "peer turned away: too many connections",
    "proxy ended by a closed socket",
    "proxy lost with its host",
    "proxy paused",
    "proxy slept and was woken",
    "proxy stopped",
    "proxy waited for room",
    "receive cancelled",
    "receive future slept and was woken",
    "receive high-water mark reached",
    "receive slept and was woken",
    "receive timed out",
    "reconnect pause",
    "request answered",
    "request cancelled",
    "request without a peer",
    "request without a reply",
    "request: peer lost",
    "requeued behind newer messages",
    "secured by keys",
    "secured by password",
    "send cancelled",
    "send future slept and was woken",
    "send high-water mark reached",
    "send refused: full",
    "send refused: no route",
    "send refused: wrong state",
    "send slept and was woken",
    "send timed out",
    "thread refused",
    "within the process",
];

/// How often each behaviour was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    counts: BTreeMap<&'static str, u64>,
}

impl Seen {
    /// # Panics
    /// If the behaviour is not listed.
    pub(crate) fn note(&mut self, behaviour: &'static str) {
        self.note_if(1, behaviour);
    }

    /// Notes a behaviour that has a counter.
    pub(crate) fn note_if(&mut self, count: u64, behaviour: &'static str) {
        let listed = BEHAVIOURS.contains(&behaviour);
        assert!(listed, "{behaviour} is not in the list");
        if count > 0 {
            *self.counts.entry(behaviour).or_default() += count;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (behaviour, count) in &other.counts {
            *self.counts.entry(behaviour).or_default() += count;
        }
    }

    /// What was never seen.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let all = BEHAVIOURS.iter().copied();
        all.filter(|behaviour| !self.counts.contains_key(behaviour))
            .collect()
    }

    /// Notes what a socket reports.
    pub(crate) fn note_event(&mut self, event: &Event) {
        let behaviour = match event {
            Event::Listening { .. } => "listening",
            Event::Accepted { .. } => "connection accepted",
            Event::AcceptFailed { .. } => "connection accepted: failed",
            Event::Connected { .. } => "connection dialed",
            Event::ConnectFailed { .. } => "connection dialed: failed",
            Event::HandshakeSucceeded { .. } => "handshake succeeded",
            Event::HandshakeFailed { reason, .. } => match reason {
                Reason::Closed => "handshake failed: closed",
                Reason::Displaced => "peer turned away",
                Reason::Ended => "handshake failed: by the peer",
                Reason::Io(_) => "handshake failed: stream failed",
                Reason::Refusal(_) => "handshake failed: refused by the pattern",
                Reason::TimedOut => "handshake failed: too slow",
                other => panic!("a handshake failed: {other}"),
            },
            Event::Disconnected { reason, .. } => match reason {
                Reason::Closed => "connection ended: closed",
                Reason::Ended => "connection ended: by the peer",
                Reason::Io(_) => "connection ended: stream failed",
                Reason::Refusal(Refusal::TooManySubscriptions) => {
                    "connection ended: too many subscriptions"
                }
                Reason::Refusal(_) => "connection ended: refused by the pattern",
                Reason::Silence(_) => "connection ended: silence",
                other => panic!("a connection ended: {other}"),
            },
            Event::Retry { .. } => "reconnect pause",
            Event::Returned { .. } => "messages given back",
            Event::TurnedAway {
                crowd: Crowd::Connections,
                ..
            } => "peer turned away: too many connections",
            Event::TurnedAway { .. } => "peer turned away",
            Event::Missed(_) => "events missed",
            Event::Unbound { .. } => "listening over",
            other => panic!("nobody expects {other:?}"),
        };
        self.note(behaviour);
    }

    /// Notes what a socket has counted in its life.
    pub(crate) fn note_stats(&mut self, stats: &Stats) {
        let dropped = [
            (Dropped::Closed, "dropped: closed"),
            (Dropped::Conflated, "dropped: conflated"),
            (Dropped::Displaced, "dropped: displaced"),
            (Dropped::HighWaterMark, "dropped: high-water mark"),
            (Dropped::PeerGone, "dropped: peer gone"),
            (Dropped::Stale, "dropped: stale"),
            (Dropped::Unwanted, "dropped: unwanted"),
        ];
        for (reason, behaviour) in dropped {
            self.note_if(stats.dropped(reason), behaviour);
        }
        self.note_if(stats.reconnects, "peer found again");
        self.note_if(stats.send_high_water, "send high-water mark reached");
        self.note_if(stats.receive_high_water, "receive high-water mark reached");
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for behaviour in BEHAVIOURS {
            let count = self.counts.get(behaviour).copied().unwrap_or_default();
            writeln!(f, "{count:>9}  {behaviour}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaviour_is_missing_until_it_is_seen() {
        let (mut seen, mut other) = (Seen::default(), Seen::default());
        assert_eq!(seen.missing(), BEHAVIOURS);
        other.note("connection cut");
        seen.add(&other);
        assert_eq!(seen.missing().len(), BEHAVIOURS.len() - 1);
        assert!(!seen.missing().contains(&"connection cut"));
    }

    #[test]
    #[should_panic(expected = "not in the list")]
    fn behaviour_that_is_not_listed_panics() {
        Seen::default().note("moonrise");
    }
}
