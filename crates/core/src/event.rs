//! What happens to a socket's connections, as typed events.
//!
//! A socket keeps nothing while nobody listens. A reader that is too slow loses the newest events
//! and is told how many: reporting never waits.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use ferromq_transport::Endpoint;
use ferromq_wire::{Denial, Silence, Violation};

use crate::authentication::Applicant;
use crate::pattern::{Peer, Refusal};
use crate::sync::Mutex;
use crate::trace;
use crate::wait::{WaitList, Waiter};
use crate::world::{Process, World};

/// Names one connection of one context; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(crate) u64);

/// Something that happened to a socket's endpoints or connections.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The socket listens on this concrete endpoint.
    Listening {
        /// What `bind` returned.
        endpoint: Endpoint,
        /// What `bind` was given: it may have wildcards.
        asked: Endpoint,
    },
    /// A listener took a connection; the handshake follows.
    Accepted {
        /// The new connection.
        connection: ConnectionId,
        /// The listener's endpoint.
        endpoint: Endpoint,
        /// The other side's address as text.
        peer_address: String,
    },
    /// A listener could not take a connection; it goes on, unless that is the connection's fault
    /// after a pause.
    AcceptFailed {
        /// The listener's endpoint.
        endpoint: Endpoint,
        /// What the system said.
        error: std::io::ErrorKind,
        /// The system's error number, where there is one.
        code: Option<i32>,
    },
    /// A listener closed a connection at once, without a word: there are as many as there may be.
    TurnedAway {
        /// The listener's endpoint.
        endpoint: Endpoint,
        /// The other side's address as text.
        peer_address: String,
        /// What there are too many of.
        crowd: Crowd,
    },
    /// A dialed stream is there; the handshake follows.
    Connected {
        /// The new connection.
        connection: ConnectionId,
        /// What was dialed.
        endpoint: Endpoint,
        /// The other side's address as text.
        peer_address: String,
    },
    /// A dialed endpoint could not be reached; [`Event::Retry`] follows.
    ConnectFailed {
        /// What was dialed.
        endpoint: Endpoint,
        /// What the system said.
        error: std::io::ErrorKind,
        /// The system's error number, where there is one.
        code: Option<i32>,
    },
    /// The other side is a peer that this socket may talk to: messages flow from now on.
    HandshakeSucceeded {
        /// The connection.
        connection: ConnectionId,
        /// The listener's endpoint, or what was dialed.
        endpoint: Endpoint,
        /// Who it is.
        peer: Arc<Peer>,
    },
    /// A peer was refused by who decides about it; [`Event::HandshakeFailed`] follows.
    Denied {
        /// The connection.
        connection: ConnectionId,
        /// The listener's endpoint, or what was dialed.
        endpoint: Endpoint,
        /// What the decision was made on, but without the password, and of the metadata only the
        /// first properties, up to 1 KiB.
        applicant: Box<Applicant>,
        /// Why.
        denial: Denial,
        /// Why in words.
        text: String,
    },
    /// The connection ended before messages could flow.
    HandshakeFailed {
        /// The connection.
        connection: ConnectionId,
        /// The listener's endpoint, or what was dialed.
        endpoint: Endpoint,
        /// Why.
        reason: Reason,
        /// Who ended it.
        initiator: Initiator,
    },
    /// A connection ended on which messages had flowed.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
        /// The listener's endpoint, or what was dialed.
        endpoint: Endpoint,
        /// Why.
        reason: Reason,
        /// Who ended it.
        initiator: Initiator,
    },
    /// A dialed endpoint is tried again after a pause.
    Retry {
        /// What is dialed.
        endpoint: Endpoint,
        /// The pause.
        after: Duration,
    },
    /// Messages that a lost peer was not given came back:
    /// [`Socket::take_returned`](crate::Socket::take_returned) has them.
    Returned {
        /// How many.
        messages: u64,
    },
    /// The socket no longer listens there.
    Unbound {
        /// What had been bound.
        endpoint: Endpoint,
    },
    /// The reader was too slow: this many events are missing here.
    Missed(u64),
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The application closed, unbound or disconnected.
    #[error("closed by the application")]
    Closed,
    /// Who decides about our peers did not allow this one: see [`Event::Denied`].
    #[error("the peer was denied: {0}")]
    Denied(Denial),
    /// The peer does not allow us. (One that says [`Denial::Temporary`] may just close instead.)
    #[error("denied by the peer: {0}")]
    DeniedByPeer(Denial),
    /// There were too many handshakes, and this one was the oldest: see
    /// [`Builder::max_handshakes`](crate::Builder::max_handshakes).
    #[error("the handshake had to make room for others")]
    Displaced,
    /// The peer closed its side in an orderly way.
    #[error("the peer closed the connection")]
    Ended,
    /// The stream failed.
    #[error("the stream failed: {0}")]
    Io(std::io::ErrorKind),
    /// The SOCKS5 proxy did not give us a connection.
    #[error("{0}")]
    Socks(#[from] SocksError),
    /// The pattern did not take the peer.
    #[error("{0}")]
    Refusal(#[from] Refusal),
    /// The peer was silent for too long: see
    /// [`Builder::heartbeat_interval`](crate::Builder::heartbeat_interval).
    #[error("{0}")]
    Silence(#[from] Silence),
    /// The handshake was not over in time.
    #[error("the handshake took too long")]
    TimedOut,
    /// The peer broke the protocol, or speaks another one.
    #[error("{0}")]
    Violation(#[from] Violation),
}

/// Why a SOCKS5 proxy did not give us a connection (RFC 1928).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SocksError {
    /// It does not know the name, or not with this password.
    #[error("the proxy did not accept the credentials")]
    Credentials,
    /// It does not speak SOCKS5.
    #[error("what the proxy said is not SOCKS5")]
    Malformed,
    /// It wants us to authenticate otherwise than we can.
    #[error("the proxy wants another method of authentication")]
    Method,
    /// It did not connect: the number is that of its reply (section 6; 4 is "host unreachable", 5
    /// "connection refused").
    #[error("the proxy refused to connect: reply {0}")]
    Refused(u8),
}

/// What there are too many of for another connection to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Crowd {
    /// Connections: see [`Builder::max_connections`](crate::Builder::max_connections).
    #[error("too many connections")]
    Connections,
    /// Handshakes: see [`Builder::max_handshakes`](crate::Builder::max_handshakes).
    #[error("too many handshakes at a time")]
    Handshakes,
    /// Handshakes from the same address: see
    /// [`Builder::max_handshakes_per_address`](crate::Builder::max_handshakes_per_address).
    #[error("too many handshakes at a time from this address")]
    HandshakesOfAddress,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Initiator {
    /// This application.
    Application,
    /// This library, because of what the peer did.
    Library,
    /// The peer, or the network.
    Peer,
}

impl Reason {
    /// True if the peer may be about to read why it is refused.
    pub(crate) fn is_told(self) -> bool {
        matches!(
            self,
            Self::Violation(_) | Self::Denied(_) | Self::DeniedByPeer(_)
        )
    }

    /// Who ends a connection for this reason.
    pub fn initiator(self) -> Initiator {
        match self {
            Self::Closed | Self::Denied(_) => Initiator::Application,
            Self::DeniedByPeer(_) | Self::Ended | Self::Io(_) | Self::Socks(_) => Initiator::Peer,
            Self::Displaced
            | Self::Refusal(_)
            | Self::Silence(_)
            | Self::TimedOut
            | Self::Violation(_) => Initiator::Library,
        }
    }
}

/// A socket's events from the moment when [`Socket::events`](crate::Socket::events) was called.
#[derive(Debug)]
pub struct Events {
    channel: Arc<Channel>,
    world: Arc<dyn World>,
    process: Process,
}

impl Events {
    /// The next event, if one is there. After the socket is closed the remaining events can still
    /// be read.
    pub fn try_next(&self) -> Option<Event> {
        match self.process.is_this() {
            true => self.channel.state.lock().pop(),
            false => None,
        }
    }

    /// Waits for the next event, at most for `timeout`; `None`: none came, or the socket is gone.
    pub fn next_timeout(&self, timeout: Duration) -> Option<Event> {
        let deadline = self.world.now().checked_add(timeout);
        // Once: a thread that is ending gets another one each time.
        let bell = self.world.bell();
        let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
        loop {
            if let Poll::Ready(found) = self.poll(&waiter) {
                return found;
            }
            if deadline.is_some_and(|at| self.world.now() >= at) {
                self.channel.state.lock().waiters.leave(&waiter);
                return None;
            }
            bell.wait(&[], deadline);
        }
    }

    /// Waits for the first event for which `wanted` is true, dropping the others, at most for
    /// `timeout`; `None`: there was none, or the socket is gone.
    pub fn wait_for(&self, timeout: Duration, wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        let start = self.world.now();
        loop {
            let passed = self.world.now().saturating_duration_since(start);
            let event = self.next_timeout(timeout.saturating_sub(passed))?;
            if wanted(&event) {
                return Some(event);
            }
        }
    }

    /// The next event, as a future for any executor; `None`: the socket is gone and everything was
    /// read.
    ///
    /// *Cancel safety*: dropping the future loses no event.
    pub async fn next_async(&self) -> Option<Event> {
        let sleeper = Sleeper {
            events: self,
            waiter: Waiter::task(),
        };
        poll_fn(|context| {
            let old = sleeper.waiter.set_waker(context.waker());
            let found = self.poll(&sleeper.waiter);
            drop(old);
            found
        })
        .await
    }

    /// The next event; `None` if there are no more, as in a forked child. Until then the waiter is
    /// told of the next change.
    fn poll(&self, waiter: &Arc<Waiter>) -> Poll<Option<Event>> {
        match self.process.is_this() {
            true => self.channel.poll(waiter),
            false => Poll::Ready(None),
        }
    }
}

/// Waits for each next event, without time limit; ends when the socket is gone and everything was
/// read.
impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.next_timeout(Duration::MAX)
    }
}

/// The same, as a stream for any executor: it keeps the waker of its last poll.
#[cfg(feature = "futures")]
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventStream {
    events: Events,
    waiter: Arc<Waiter>,
}

#[cfg(feature = "futures")]
impl Events {
    /// The events as a [`Stream`](futures_core::Stream); it ends when the socket is gone and
    /// everything was read.
    ///
    /// *Cancel safety*: dropping the future of a stream's item loses no event.
    pub fn stream(self) -> EventStream {
        EventStream {
            events: self,
            waiter: Waiter::task(),
        }
    }
}

#[cfg(feature = "futures")]
impl futures_core::Stream for EventStream {
    type Item = Event;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<Option<Event>> {
        drop(self.waiter.set_waker(context.waker()));
        self.events.poll(&self.waiter)
    }
}

#[derive(Debug)]
struct Channel {
    /// How many events it keeps.
    room: usize,
    state: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    missed: u64,
    over: bool,
    waiters: WaitList,
}

/// Somebody who waits as a future: no longer in the list when dropped. (In a forked child the lock
/// may be held for good.)
struct Sleeper<'a> {
    events: &'a Events,
    waiter: Arc<Waiter>,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        if self.events.process.is_this() {
            let mut state = self.events.channel.state.lock();
            state.waiters.leave(&self.waiter);
        }
    }
}

impl Channel {
    /// The next event; `None` if there are no more. Until then the waiter is told of the next
    /// change.
    fn poll(&self, waiter: &Arc<Waiter>) -> Poll<Option<Event>> {
        let mut state = self.state.lock();
        let event = state.pop();
        if event.is_some() || state.over {
            state.waiters.leave(waiter);
            return Poll::Ready(event);
        }
        state.waiters.enter(waiter, false);
        Poll::Pending
    }

    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let mut woken = Vec::new();
        let mut state = self.state.lock();
        change(&mut state);
        state.waiters.take(usize::MAX, &mut woken);
        drop(state);
        woken.iter().for_each(|waiter| waiter.wake());
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Event> {
        if self.events.is_empty() && self.missed > 0 {
            return Some(Event::Missed(std::mem::take(&mut self.missed)));
        }
        self.events.pop_front()
    }

    fn push(&mut self, event: Event, room: usize) {
        if self.events.len() < room && self.missed == 0 {
            self.events.push_back(event);
        } else {
            self.missed += 1;
        }
    }
}

/// Where a socket's events are reported.
#[derive(Debug, Default)]
pub(crate) struct EventHub {
    readers: Mutex<Readers>,
}

#[derive(Debug, Default)]
struct Readers {
    channels: Vec<Weak<Channel>>,
    over: bool,
}

impl EventHub {
    /// A new reader with room for so many events, in the process that has made the socket.
    pub(crate) fn subscribe(&self, room: usize, world: Arc<dyn World>, process: Process) -> Events {
        let state = Mutex::default();
        let channel = Arc::new(Channel { room, state });
        if process.is_this() {
            self.add(&channel);
        }
        Events {
            channel,
            world,
            process,
        }
    }

    fn add(&self, channel: &Arc<Channel>) {
        let mut readers = self.readers.lock();
        if readers.over {
            channel.state.lock().over = true;
        } else {
            readers.channels.push(Arc::downgrade(channel));
        }
    }

    /// Reports an event; `make` is called only if somebody listens. No lock is held.
    pub(crate) fn report(&self, make: impl FnOnce() -> Event) {
        let readers = self.living();
        if readers.is_empty() && !trace::listens() {
            return;
        }
        let event = make();
        trace::tell(&event);
        for reader in readers {
            reader.change(|queue| queue.push(event.clone(), reader.room));
        }
    }

    /// No more events will come: what is reported from now on nobody hears.
    pub(crate) fn end(&self) {
        let mut readers = self.readers.lock();
        readers.over = true;
        let channels = std::mem::take(&mut readers.channels);
        drop(readers);
        for reader in channels.iter().filter_map(Weak::upgrade) {
            reader.change(|queue| queue.over = true);
        }
    }

    fn living(&self) -> Vec<Arc<Channel>> {
        let mut readers = self.readers.lock();
        if readers.channels.is_empty() {
            return Vec::new();
        }
        readers.channels.retain(|reader| reader.strong_count() > 0);
        readers.channels.iter().filter_map(Weak::upgrade).collect()
    }
}
