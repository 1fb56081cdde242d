//! Counters of a socket, each counted where it happens. No wake-up depends on them, so they are the
//! plain atomics for loom too.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::pattern::Dropped;

/// A socket's counters at one moment, in messages where nothing else is said. Fan-out counts one
/// per peer.
///
/// While no call is under way, `accepted` is `handed_over`, `queued`, `returned` and all that was
/// [dropped in sending](Self::dropped_sending). Each of them is counted where it happens, and none
/// made of the others.
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
    /// Arrived from peers, whatever became of them.
    pub received: u64,
    /// Bytes that the kernel took for peers after their handshakes, commands and framing included.
    /// Nothing is counted in bytes within the process.
    pub bytes_sent: u64,
    /// Bytes read from peers behind their handshakes, commands and framing included.
    pub bytes_received: u64,
    /// How often the queue for a peer was found full, having had room.
    pub send_high_water: u64,
    /// How often reading from a peer was stopped by the receive high-water mark.
    pub receive_high_water: u64,
    /// How often a dialed peer was there again.
    pub reconnects: u64,
    /// How many connections ended before messages could flow.
    pub handshake_failures: u64,
    /// How many connections were [turned away](crate::Event::TurnedAway) at once.
    pub turned_away: u64,
    dropped_sending: [u64; Dropped::ALL.len()],
    dropped_receiving: [u64; Dropped::ALL.len()],
}

impl Stats {
    /// Messages dropped for this reason, outgoing and incoming.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.dropped_sending(reason) + self.dropped_receiving(reason)
    }

    /// Messages accepted from the application and dropped for this reason.
    pub fn dropped_sending(&self, reason: Dropped) -> u64 {
        of(&self.dropped_sending, reason).sum()
    }

    /// Messages of peers, and notices, dropped for this reason.
    pub fn dropped_receiving(&self, reason: Dropped) -> u64 {
        of(&self.dropped_receiving, reason).sum()
    }

    /// Messages dropped for any reason.
    pub fn dropped_in_all(&self) -> u64 {
        let both = [self.dropped_sending, self.dropped_receiving];
        both.iter().flatten().sum()
    }
}

/// What one pipe has carried, over all its connections: see [`Stats`] for what each is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStats {
    /// Whole in the kernel's hands, or in the receiving socket's queue (inproc).
    pub handed_over: u64,
    /// Waiting in the pipe.
    pub queued: u64,
    /// Not given to it for lack of room: dropped for this peer alone (PUB, XPUB, XSUB).
    pub missed: u64,
    /// Dropped for newer ones at the high-water mark ([`Dropped::Displaced`]).
    pub displaced: u64,
    /// Dropped for later ones that took their place ([`Dropped::Conflated`]).
    pub conflated: u64,
    /// Arrived from it, whatever became of them.
    pub received: u64,
    /// Arrived from it, and waiting for the application.
    pub waiting: u64,
    /// Bytes that the kernel took for it.
    pub bytes_sent: u64,
    /// Bytes read from it.
    pub bytes_received: u64,
    /// How often the queue for it was found full, having had room.
    pub send_high_water: u64,
    /// How often reading from it was stopped by the receive high-water mark.
    pub receive_high_water: u64,
    /// How often it was there again.
    pub reconnects: u64,
}

impl PeerStats {
    /// What stays of a pipe that is over.
    pub(crate) fn over(self) -> Self {
        Self {
            queued: 0,
            waiting: 0,
            ..self
        }
    }

    /// Adds what another pipe has carried.
    pub(crate) fn add(&mut self, other: Self) {
        self.handed_over += other.handed_over;
        self.queued += other.queued;
        self.missed += other.missed;
        self.displaced += other.displaced;
        self.conflated += other.conflated;
        self.received += other.received;
        self.waiting += other.waiting;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.send_high_water += other.send_high_water;
        self.receive_high_water += other.receive_high_water;
        self.reconnects += other.reconnects;
    }
}

/// The counters that several threads add to.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    handed_over: AtomicU64,
    /// The same within the process.
    handed_inside: AtomicU64,
    returned: AtomicU64,
    delivered: AtomicU64,
    handshake_failures: AtomicU64,
    turned_away: AtomicU64,
    dropped_sending: [AtomicU64; Dropped::ALL.len()],
    dropped_receiving: [AtomicU64; Dropped::ALL.len()],
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

    /// Under the socket's lock: one more for a peer within the process.
    #[cfg(feature = "inproc")]
    #[inline]
    pub(crate) fn hand_inside(&self) {
        add(&self.handed_inside, 1);
    }

    /// What was handed over within the process, and came back.
    #[cfg(feature = "inproc")]
    pub(crate) fn take_back(&self, messages: u64) {
        self.handed_over.fetch_sub(messages, Ordering::Relaxed);
    }

    pub(crate) fn fail_handshake(&self) {
        self.handshake_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// What was accepted is dropped.
    pub(crate) fn drop_sending(&self, reason: Dropped, messages: u64) {
        drop_messages(&self.dropped_sending, reason, messages);
    }

    /// What came from a peer, or a notice, is dropped.
    pub(crate) fn drop_receiving(&self, reason: Dropped, messages: u64) {
        drop_messages(&self.dropped_receiving, reason, messages);
    }

    /// `pipes`: what all of them together have carried.
    pub(crate) fn snapshot(&self, pipes: &PeerStats) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            accepted: read(&self.accepted),
            handed_over: read(&self.handed_over).wrapping_add(read(&self.handed_inside)),
            queued: pipes.queued,
            returned: read(&self.returned),
            delivered: read(&self.delivered),
            waiting: pipes.waiting,
            received: pipes.received,
            bytes_sent: pipes.bytes_sent,
            bytes_received: pipes.bytes_received,
            send_high_water: pipes.send_high_water,
            receive_high_water: pipes.receive_high_water,
            reconnects: pipes.reconnects,
            handshake_failures: read(&self.handshake_failures),
            turned_away: read(&self.turned_away),
            dropped_sending: self.dropped_sending.each_ref().map(read),
            dropped_receiving: self.dropped_receiving.each_ref().map(read),
        }
    }
}

fn drop_messages(counters: &[AtomicU64], reason: Dropped, messages: u64) {
    if messages > 0 {
        for counter in of(counters, reason) {
            counter.fetch_add(messages, Ordering::Relaxed);
        }
    }
}

/// Adds without a locked instruction: nobody else adds meanwhile.
#[inline]
pub(crate) fn add(counter: &AtomicU64, more: u64) {
    let sum = counter.load(Ordering::Relaxed) + more;
    counter.store(sum, Ordering::Relaxed);
}

/// The one counter for this reason.
fn of<T>(counters: &[T], reason: Dropped) -> impl Iterator<Item = &T> {
    let named = Dropped::ALL.iter().zip(counters);
    named
        .filter(move |(other, _)| **other == reason)
        .map(|(_, counter)| counter)
}
