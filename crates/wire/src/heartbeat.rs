//! Heartbeats of one connection (RFC 37, "Connection Heartbeating"): when to speak, and when the
//! peer's silence has lasted too long.
//!
//! ```text
//!   traffic, PING, PONG ──► Heartbeat ──► deadline
//!   a look at the deadline ──► nothing | a command to be sent | the peer is dead
//! ```
//!
//! No clock is needed for what arrives: traffic is counted, and a look at a deadline compares the
//! count with that of the moment when the waiting began. So whoever reads the connection adds one
//! to a number, and only the looks know the time.
//!
//! A PING goes out between two messages. Behind a large one it waits, and so does the answer: until
//! it is written, the peer lives as long as the kernel takes bytes.
//!
//! *Deaf* is who does not read because its own application does not: it hears no PONG, so silence
//! means nothing, and it sees no PING, so nothing is answered. It then waits for nobody, and goes
//! on to speak: its own PINGs, or unasked PONGs at twice the rhythm of the PINGs seen before. A
//! peer that never pinged is left in peace: if it has closed, what comes from us makes its kernel
//! reset the connection, with all that we have not read yet.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{Command, V3_0, V3_1, Version};

/// Who is deaf speaks at most this often unasked.
const LEAST_PAUSE: Duration = Duration::from_millis(50);

/// So many PINGs go to a peer from which nothing comes: who is slow is not to answer a storm.
const MOST_UNHEARD: u32 = 10;

/// When heartbeats are sent and awaited. The default is not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeartbeatConfig {
    /// The time between two PINGs; zero: none is sent.
    pub interval: Duration,
    /// How long after a PING the peer may be silent; zero: for ever; `None`: for one interval.
    pub timeout: Option<Duration>,
    /// How long the peer is to bear our silence, as our PINGs tell it; zero: for ever.
    pub ttl: Duration,
}

/// Which silence was too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Silence {
    /// The peer's last PING has set a time, and nothing has come for that long.
    #[error("nothing came within the time to live that the peer had set")]
    Expired,
    /// Nothing came in time after a PING.
    #[error("nothing came in time after a PING")]
    Unanswered,
}

/// What a look at the time came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Nothing is to be done before the [`deadline`](Heartbeat::deadline).
    Rest,
    /// This is to be sent now, unless commands wait to be written already.
    Send(Command),
    /// The peer is dead, unless there is something to read that nobody has read yet.
    Dead(Silence),
}

/// How far the writing of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// Bytes that the kernel took, as compared with another look.
    pub taken: u64,
    /// There are commands of which it may not have taken all.
    pub waits: bool,
}

/// The heartbeats of one connection.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    config: HeartbeatConfig,
    /// The peer is known to answer PINGs.
    answers: bool,
    /// Grows with each read that brought something.
    traffic: u64,
    next_ping: Option<Instant>,
    /// PINGs since the traffic was this.
    unheard: (u32, u64),
    unanswered: Option<Wait>,
    /// A PING since the waiting began may not be written: the bytes taken at that time.
    unsaid: Option<u64>,
    /// What the peer's last PING asked for; zero: nothing.
    ttl: Duration,
    expiry: Option<Wait>,
    /// Since when a PING of the peer would have been seen; `None` after a time of deafness.
    listening: Option<Instant>,
    /// The shortest time between PINGs of the peer that was seen.
    peer_interval: Option<Duration>,
    /// Nothing was read when last looked.
    deaf: bool,
    /// While deaf: when to speak unasked.
    unasked: Option<Instant>,
}

/// The end of a silence, unless the traffic is another one by then.
#[derive(Clone, Copy, Debug)]
struct Wait {
    until: Instant,
    traffic: u64,
}

impl Heartbeat {
    /// Of a connection made now, to a peer that speaks this version: no PING goes to one below 3.0.
    ///
    /// ZMTP 3.0 has no PING, but libzmq up to 4.3.2 speaks it with PING. So a peer of 3.0 is sent
    /// PINGs, which it ignores at worst, and its silence counts from its first PING or PONG on.
    pub fn new(config: HeartbeatConfig, peer: Version, now: Instant) -> Self {
        let pings = peer >= V3_0 && !config.interval.is_zero();
        Self {
            config,
            answers: peer >= V3_1,
            traffic: 0,
            next_ping: pings.then(|| now.checked_add(config.interval)).flatten(),
            unheard: (0, 0),
            unanswered: None,
            unsaid: None,
            ttl: Duration::ZERO,
            expiry: None,
            listening: Some(now),
            peer_interval: None,
            deaf: false,
            unasked: None,
        }
    }

    /// Something was read.
    #[inline]
    pub fn handle_traffic(&mut self) {
        self.traffic = self.traffic.wrapping_add(1);
    }

    /// The peer has sent a PING, which somebody else answers. True: the deadline is earlier now.
    pub fn handle_ping(&mut self, ttl: Duration, now: Instant) -> bool {
        let before = self.deadline();
        self.answers = true;
        self.ttl = ttl;
        self.await_traffic(now);
        if !self.deaf {
            self.learn_interval(now);
        }
        is_earlier(self.deadline(), before)
    }

    /// The peer has sent a PONG.
    pub fn handle_pong(&mut self) {
        self.answers = true;
    }

    /// Nothing more is read, until further notice. True: the deadline is earlier now.
    pub fn handle_deaf(&mut self, now: Instant) -> bool {
        if self.deaf {
            return false;
        }
        self.deaf = true;
        self.listening = None;
        let before = self.deadline();
        self.unasked = self.unasked.or_else(|| self.next_unasked(now));
        is_earlier(self.deadline(), before)
    }

    /// What the peer sends is read again.
    pub fn handle_hearing(&mut self) {
        self.deaf = false;
    }

    /// What was to be sent last is not written yet, or was dropped because commands wait.
    /// `taken`: the bytes that the kernel took before.
    pub fn handle_unsaid(&mut self, taken: u64) {
        self.unsaid.get_or_insert(taken);
    }

    /// Looks at the time. `deaf`: what the peer sends is not read now.
    ///
    /// A dead peer stays so: if there is something to read after all, it is read, and looked again.
    pub fn poll(&mut self, deaf: bool, writing: Writing, now: Instant) -> Beat {
        if deaf {
            self.handle_deaf(now);
        } else {
            self.handle_hearing();
        }
        let traffic = self.traffic;
        let waits = |wait: &Wait| !deaf && wait.traffic == traffic;
        self.unanswered = self.unanswered.filter(waits);
        if is_due(self.unanswered, now) && !self.excuse(writing, now) {
            return Beat::Dead(Silence::Unanswered);
        }
        match &self.expiry {
            Some(wait) if now < wait.until => {}
            Some(wait) if waits(wait) => return Beat::Dead(Silence::Expired),
            Some(_) => self.await_traffic(now),
            None => {}
        }
        match self.speak(now) {
            Some(command) => Beat::Send(command),
            None => Beat::Rest,
        }
    }

    /// When to look again; `None`: not before something else happens.
    pub fn deadline(&self) -> Option<Instant> {
        let [unanswered, expiry] = [self.unanswered, self.expiry].map(|wait| wait.map(|w| w.until));
        let deadlines = [unanswered, expiry, self.next_ping, self.unasked];
        deadlines.into_iter().flatten().min()
    }

    fn speak(&mut self, now: Instant) -> Option<Command> {
        if self.next_ping.is_some_and(|at| now >= at) {
            self.next_ping = now.checked_add(self.config.interval);
            if let Some(ping) = self.ping(now) {
                return Some(ping);
            }
        }
        if self.unasked.is_none_or(|at| now < at) {
            return None;
        }
        self.unasked = self.deaf.then(|| self.next_unasked(now)).flatten();
        let context = Bytes::new();
        self.deaf.then_some(Command::Pong { context })
    }

    fn ping(&mut self, now: Instant) -> Option<Command> {
        if self.unheard.1 != self.traffic || self.deaf {
            self.unheard = (0, self.traffic);
        }
        if self.unheard.0 >= MOST_UNHEARD {
            return None;
        }
        self.unheard.0 = self.unheard.0.saturating_add(1);
        let awaits = self.answers && !self.deaf && !self.timeout().is_zero();
        if awaits && self.unanswered.is_none() {
            self.unanswered = self.wait(self.timeout(), now);
            self.unsaid = None;
        }
        Some(Command::Ping {
            ttl: self.config.ttl,
            context: Bytes::new(),
        })
    }

    /// True if nothing came because the PING was late. It is awaited for one timeout more, or said
    /// again if it was dropped or nobody knows when it was written.
    fn excuse(&mut self, writing: Writing, now: Instant) -> bool {
        if self.unsaid.is_none_or(|before| before == writing.taken) {
            return false;
        }
        self.unheard = (0, self.traffic);
        if writing.waits {
            self.unanswered = self.wait(self.timeout(), now);
            self.unsaid = Some(writing.taken);
        } else {
            self.unanswered = None;
            self.next_ping = Some(now);
        }
        true
    }

    fn timeout(&self) -> Duration {
        self.config.timeout.unwrap_or(self.config.interval)
    }

    /// The peer's time to live begins anew.
    fn await_traffic(&mut self, now: Instant) {
        let limited = !self.ttl.is_zero();
        self.expiry = limited.then(|| self.wait(self.ttl, now)).flatten();
    }

    fn wait(&self, time: Duration, now: Instant) -> Option<Wait> {
        let until = now.checked_add(time)?;
        let traffic = self.traffic;
        Some(Wait { until, traffic })
    }

    fn learn_interval(&mut self, now: Instant) {
        if let Some(last) = self.listening.replace(now) {
            let interval = now.saturating_duration_since(last);
            let known = self.peer_interval.unwrap_or(interval);
            self.peer_interval = Some(known.min(interval));
        }
    }

    /// Twice per interval of the peer, unless our own PINGs are as frequent.
    fn next_unasked(&self, now: Instant) -> Option<Instant> {
        let pause = self.peer_interval?.checked_div(2)?.max(LEAST_PAUSE);
        let pinging = self.next_ping.is_some() && self.config.interval <= pause;
        if pinging {
            return None;
        }
        now.checked_add(pause)
    }
}

fn is_due(wait: Option<Wait>, now: Instant) -> bool {
    wait.is_some_and(|wait| now >= wait.until)
}

fn is_earlier(deadline: Option<Instant>, before: Option<Instant>) -> bool {
    deadline.is_some_and(|at| before.is_none_or(|before| at < before))
}

#[cfg(test)]
mod tests;
