//! A receiver that finds nothing reads the socket's few connections itself.
//!
//! One receiver at a time, the *leader*, claims them: it takes them from the I/O thread, reads
//! them, looks for a short while without sleeping where that has lately paid off, then sleeps on
//! the streams and its bell at once. The others wait in the list; a leader that leaves wakes the
//! next. Going through the I/O thread would cost a second wake-up for each message.
//!
//! Claiming is all or none: with more than [`MOST`] connections the I/O threads serve the socket in
//! batches, so that no connection is favoured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::Shared;
use super::receipt::Receipt;
use super::state::Pipes;
use crate::connection::{Connection, OwnRead};
use crate::error::RecvError;
use crate::looking::{LOOKS, Looking};
use crate::pattern::Pattern;
use crate::pipe::{Link, StreamPipe};
use crate::port::{Note, Port};
use crate::wait::Waiter;
use crate::world::{Bell, Habit, Stream};

/// The most connections that a receiver reads itself.
const MOST: usize = 4;

/// How long a receiver looks at its connections without sleeping.
const LOOK: Duration = Duration::from_micros(40);

/// How long it looks where there is no connection to read: who takes each message as it comes keeps
/// the sender from the queue (64 B one way, at 40 µs: a tenth less).
const INSIDE: Duration = Duration::from_micros(20);

/// While so many bytes of a large message come in that time, it goes on: the writer would have to
/// wake it for each piece, which takes longer than the piece (1 MiB over tcp 320 µs, not 140).
const PIECE: u64 = 32 * 1024;

/// After such a sleep, or so long after the last one, the connections go back to the I/O threads.
pub(super) const LONG: Duration = Duration::from_millis(1);

/// The connections of one socket that its receivers read themselves.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    pub(super) parts: Vec<(Arc<StreamPipe>, Arc<Connection>)>,
}

impl Claim {
    /// All connections of these pipes; none if there are more than `most`.
    pub(super) fn of(pipes: &Pipes, most: usize) -> Self {
        let mut parts = Vec::new();
        for (_, entry) in pipes.iter() {
            if let Link::Stream(pipe) = &entry.link
                && let Some(connection) = pipe.connection()
            {
                if parts.len() == most {
                    return Self::default();
                }
                parts.push((Arc::clone(pipe), connection));
            }
        }
        Self { parts }
    }

    /// Bytes ever read from them.
    fn bytes(&self) -> u64 {
        let pipes = self.parts.iter().map(|(pipe, _)| pipe);
        pipes.map(|pipe| pipe.inbound.bytes()).sum()
    }

    /// Gives every connection to the I/O threads: the caller is about to wait for something else.
    pub(super) fn arm(&self) {
        for (pipe, connection) in &self.parts {
            connection.arm(pipe, true);
        }
    }

    /// Of rare messages each is armed for at once: a system call of our own, where the deadline
    /// would wake the I/O thread before the application has its message. Of messages that come
    /// quickly, arming for each would cost more than a deadline that never comes due.
    fn leave(&self, rare: bool) {
        for (pipe, connection) in &self.parts {
            if !rare || !connection.arm(pipe, false) {
                connection.leave(pipe);
            }
        }
    }
}

/// Sleeps until there is something to read, or the bell is rung.
pub(crate) fn sleep<'a>(
    claims: impl IntoIterator<Item = &'a Claim>,
    bell: &dyn Bell,
    deadline: Option<Instant>,
) {
    let parts = claims.into_iter().flat_map(|claim| &claim.parts);
    let claimed = parts.filter(|(pipe, connection)| connection.claim(pipe));
    let streams: SmallVec<[&dyn Stream; MOST]> =
        claimed.map(|(_, connection)| &*connection.stream).collect();
    bell.wait(&streams, deadline);
}

/// How leading ended.
pub(super) enum Led {
    /// A message is there.
    Received,
    /// The socket's connections are no longer what they were.
    Stale,
}

impl<P: Pattern> Shared<P> {
    /// Reads the socket's connections until a message for the application is there. `waiter` is in
    /// no list afterwards: who has returned must not be woken in place of another.
    pub(super) fn lead<R: Receipt>(
        &self,
        claim: &Arc<Claim>,
        waiter: &Arc<Waiter>,
        bell: &Arc<dyn Bell>,
        deadline: Option<Instant>,
        into: &mut R,
    ) -> Result<Led, RecvError> {
        let (mut woken, mut rare) = (None, false);
        let led = loop {
            let before = claim.bytes();
            match self.read_and_take(claim, waiter, into) {
                Ok(false) => {}
                taken => break taken.map(|_| Led::Received),
            }
            let looking = match woken {
                None => Some(&self.looking),
                Some(_) if claim.bytes() - before >= PIECE => Some(&self.following),
                Some(_) => None,
            };
            match looking.map(|looking| self.look(looking, claim, waiter, deadline, into)) {
                None | Some(Ok(false)) => {}
                Some(taken) => break taken.map(|_| Led::Received),
            }
            if deadline.is_some_and(|at| self.context.world().now() >= at) {
                break Err(RecvError::TimedOut);
            }
            let (taken, current) = self.with(|state| {
                let taken = state.take_or_enter(waiter, woken.is_some(), &self.port, into);
                (taken, state.body.is_current(claim))
            });
            match taken {
                Ok(false) if current => {}
                Ok(false) => break Ok(Led::Stale),
                taken => break taken.map(|_| Led::Received),
            }
            let before = self.context.world().now();
            sleep([&**claim], &**bell, deadline);
            let now = self.context.world().now();
            woken = Some(now);
            rare |= now >= before + LONG;
        };
        // Who polls has armed the connections, and they were claimed again; who comes later arms.
        let is_watched = self.with(|state| {
            state.body.receivers.leave(waiter);
            rare |= woken.is_some_and(|at| state.body.is_rare(at));
            state.body.is_watched()
        });
        if is_watched || matches!(led, Ok(Led::Stale)) {
            claim.arm();
        } else {
            claim.leave(rare);
        }
        self.with(|state| state.body.resign());
        led
    }

    /// Reads once what no longer belongs to the I/O threads, so that a `try_recv` sees it.
    pub(super) fn read_left(&self) {
        self.read_each(&self.claimable(), Connection::read_left);
    }

    /// Reads each of these connections once, and tells the socket.
    fn read_each(&self, claim: &Claim, read: impl Fn(&Connection, &StreamPipe, &Port) -> OwnRead) {
        for (pipe, connection) in &claim.parts {
            match read(connection, pipe, &self.port) {
                OwnRead::Nothing => {}
                OwnRead::Arrived => self.port.post(Note::Readable(pipe.id)),
                OwnRead::Over => self.forget(pipe, connection),
            }
        }
    }

    /// Makes the caller the socket's leader, who [reads](Self::read_leading) its connections
    /// while they [are](Self::is_leading) what they were, and waits in [`sleep`] only. `None`: it
    /// cannot be; the I/O threads look after the connections.
    pub(crate) fn begin_leading(&self) -> Option<Arc<Claim>> {
        let most = self.most();
        let claim = self.with(|state| state.body.lead(most));
        if claim.is_none() {
            self.arm_left();
        }
        claim
    }

    /// Whether the connections are still those of the claim.
    pub(crate) fn is_leading(&self, claim: &Arc<Claim>) -> bool {
        self.with(|state| state.body.is_current(claim))
    }

    /// The leader reads each connection once, and tells the socket.
    pub(crate) fn read_leading(&self, claim: &Claim) {
        self.read_each(claim, Connection::read_claimed);
    }

    /// The leader goes, and the I/O threads look after the connections.
    pub(crate) fn end_leading(&self, claim: &Claim) {
        claim.arm();
        self.with(|state| state.body.resign());
    }

    /// Before waiting for anything but receipt: the I/O threads look after the connections.
    pub(crate) fn arm_left(&self) {
        self.claimable().arm();
    }

    fn claimable(&self) -> Arc<Claim> {
        let most = self.most();
        self.with(|state| state.body.claim(most))
    }

    /// How many connections a receiver reads itself.
    pub(super) fn most(&self) -> usize {
        match self.context.world().tuning().claim {
            Habit::Adaptive => MOST,
            Habit::Always => usize::MAX,
            Habit::Never => 0,
        }
    }

    /// Reads every connection once, then makes one attempt. What came is told in the step that
    /// takes it: a note would wake the reader itself, who stands in the list if it has slept.
    fn read_and_take<R: Receipt>(
        &self,
        claim: &Claim,
        waiter: &Arc<Waiter>,
        into: &mut R,
    ) -> Result<bool, RecvError> {
        let mut arrived = None;
        for (pipe, connection) in &claim.parts {
            match connection.read_claimed(pipe, &self.port) {
                OwnRead::Nothing => {}
                OwnRead::Over => self.forget(pipe, connection),
                OwnRead::Arrived => {
                    if let Some(before) = arrived.replace(pipe.id) {
                        self.with(|state| state.tell_readable(before, &self.port));
                    }
                }
            }
        }
        self.with(|state| {
            if let Some(pipe) = arrived {
                state.body.receivers.leave(waiter);
                state.tell_readable(pipe, &self.port);
            }
            state.receive(&self.port, into)
        })
    }

    /// A connection is over: the I/O thread ends it, and the claim is stale. A stream that has
    /// ended is always readable, and would never let the receiver sleep.
    fn forget(&self, pipe: &StreamPipe, connection: &Arc<Connection>) {
        pipe.forget_connection(connection);
        self.with(|state| state.body.forget_claim());
    }

    /// Without a connection to read: looks without sleeping whether a socket of the same process
    /// has messages, as long as that has lately paid off.
    pub(super) fn look_inside<R: Receipt>(&self, into: &mut R) -> Result<bool, RecvError> {
        let inproc = self.with(|state| state.body.has_inproc());
        if !inproc || !self.looking.is_worth_it() || !self.port.start_looking() {
            return Ok(false);
        }
        let world = self.context.world();
        let look = || self.port.has_notes();
        self.looking.look(&**world, INSIDE, look);
        self.port.stop_looking();
        self.take(into)
    }

    /// Looks without sleeping, as long as that has lately paid off, and goes on while pieces of a
    /// large message come.
    fn look<R: Receipt>(
        &self,
        looking: &Looking,
        claim: &Claim,
        waiter: &Arc<Waiter>,
        deadline: Option<Instant>,
        into: &mut R,
    ) -> Result<bool, RecvError> {
        let world = self.context.world();
        if !looking.is_worth_it() {
            return Ok(false);
        }
        let (mut seen, mut end) = (claim.bytes(), world.now() + LOOK);
        let (mut looks, mut pays) = (0, false);
        let taken = loop {
            let taken = self.read_and_take(claim, waiter, into);
            let now = world.now();
            looks += 1;
            if taken != Ok(false) || deadline.is_some_and(|at| now >= at) {
                break taken;
            }
            if now >= end || looks >= LOOKS {
                let bytes = claim.bytes();
                if bytes - seen < PIECE {
                    break taken;
                }
                (seen, end) = (bytes, now + LOOK);
                (looks, pays) = (0, true);
            }
        };
        looking.learn(pays || taken == Ok(true));
        taken
    }
}
