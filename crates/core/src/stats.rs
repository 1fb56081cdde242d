//! Counters of a socket, each counted where it happens.

use crate::pattern::Dropped;
use crate::sync::{AtomicU64, Ordering};

/// A socket's counters at one moment, in messages. Fan-out counts one per peer.
///
/// At a quiet moment `accepted` is `queued`, `handed_over`, `returned` and what was dropped of the
/// outgoing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Taken over from the application, once per peer that they are for.
    pub accepted: u64,
    /// Whole in the kernel's hands, or in the receiving socket's queue (inproc).
    pub handed_over: u64,
    /// Waiting in a pipe or to be given to the next peer.
    pub queued: u64,
    /// Taken back from lost peers, for the application to take or taken by it
    /// ([`OnPeerLost::Return`](crate::OnPeerLost::Return)).
    pub returned: u64,
    /// Given to the application.
    pub delivered: u64,
    /// Incoming messages that arrived and wait for the application.
    pub waiting: u64,
    dropped: [u64; Dropped::ALL.len()],
}

impl Stats {
    /// Messages dropped for this reason, outgoing and incoming.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.dropped[index(reason)]
    }

    /// Messages dropped for any reason.
    pub fn dropped_in_all(&self) -> u64 {
        self.dropped.iter().sum()
    }
}

/// The counters that several threads add to.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    handed_over: AtomicU64,
    returned: AtomicU64,
    delivered: AtomicU64,
    dropped: [AtomicU64; Dropped::ALL.len()],
}

impl Counters {
    /// Under the socket's lock: counts without a locked instruction.
    #[inline]
    pub(crate) fn accept(&self) {
        add(&self.accepted, 1);
    }

    /// Under the socket's lock.
    #[inline]
    pub(crate) fn accept_messages(&self, messages: u64) {
        add(&self.accepted, messages);
    }

    /// Under the socket's lock.
    #[inline]
    pub(crate) fn deliver(&self) {
        add(&self.delivered, 1);
    }

    /// Under the socket's lock.
    pub(crate) fn give_back(&self, messages: u64) {
        add(&self.returned, messages);
    }

    pub(crate) fn hand_over(&self, messages: u64) {
        self.handed_over.fetch_add(messages, Ordering::Relaxed);
    }

    /// What was handed over within the process, and came back.
    #[cfg(feature = "inproc")]
    pub(crate) fn take_back(&self, messages: u64) {
        self.handed_over.fetch_sub(messages, Ordering::Relaxed);
    }

    pub(crate) fn drop_message(&self, reason: Dropped) {
        self.drop_messages(reason, 1);
    }

    pub(crate) fn drop_messages(&self, reason: Dropped, messages: u64) {
        if messages > 0 {
            self.dropped[index(reason)].fetch_add(messages, Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self, queued: u64, waiting: u64) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            accepted: read(&self.accepted),
            handed_over: read(&self.handed_over),
            queued,
            returned: read(&self.returned),
            delivered: read(&self.delivered),
            waiting,
            dropped: std::array::from_fn(|at| read(&self.dropped[at])),
        }
    }
}

#[inline]
fn add(counter: &AtomicU64, messages: u64) {
    let sum = counter.load(Ordering::Relaxed) + messages;
    counter.store(sum, Ordering::Relaxed);
}

fn index(reason: Dropped) -> usize {
    Dropped::ALL
        .iter()
        .position(|&other| other == reason)
        .unwrap_or_default()
}
