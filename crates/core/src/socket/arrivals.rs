//! What arrives at a socket: messages, and in their order the peers that come and go.
//!
//! A change lies in a list, with the number of messages that its pipe brought before. It is due
//! when the application has taken these; what the pipe brings behind it is not taken before, for
//! every attempt to receive looks at the changes first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ferromq_wire::Message;

use super::Socket;
use super::receipt::Receipt;
use super::receiving::RecvFuture;
use super::state::Body;
use crate::error::RecvError;
use crate::pattern::{Peer, PipeId, Receives};

/// What a socket receives that [tells of peers](crate::Builder::tell_peers).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Arrival {
    /// A peer is there. All that it sends on this connection follows.
    Joined(Arc<Peer>),
    /// A message, and who has sent it, as [`recv_from`](Socket::recv_from) has it.
    Message(Message, Option<Arc<Peer>>),
    /// A peer is gone, with this connection. Nothing that it sent on it follows.
    Left(Arc<Peer>),
}

impl<P: Receives> Socket<P> {
    /// Receives a message with its sender, or is told of a peer that has come or gone, in the order
    /// in which that happened to each peer: first that it is there, then what it sends, then that
    /// it is gone. A connection that is lost and made again is told of as both.
    ///
    /// Of peers it tells if the socket was [built so](crate::Builder::tell_peers); a peer that came
    /// and went without a message, before anybody asked, is not told of. Whoever receives in
    /// another way takes messages past what is told. [`readiness`](Self::readiness), pollers and
    /// descriptors look at messages alone.
    ///
    /// *Errors*: those of [`recv`](Self::recv).
    ///
    /// ```
    /// use ferromq_core::Arrival;
    ///
    /// fn log(arrival: Arrival) -> String {
    ///     match arrival {
    ///         Arrival::Joined(peer) => format!("{} is there", peer.address),
    ///         Arrival::Left(peer) => format!("{} is gone", peer.address),
    ///         Arrival::Message(message, _) => format!("{} parts", message.len()),
    ///         other => format!("{other:?}"),
    ///     }
    /// }
    /// ```
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn recv_arrival(&self) -> Result<Arrival, RecvError> {
        self.shared().recv(None).map(Arrived::into)
    }

    /// Like [`recv_arrival`](Self::recv_arrival) without waiting; [`RecvError::Empty`]: nothing has
    /// arrived.
    pub fn try_recv_arrival(&self) -> Result<Arrival, RecvError> {
        let mut arrived = Arrived::default();
        match self.shared().try_recv(&mut arrived)? {
            true => Ok(arrived.into()),
            false => Err(RecvError::Empty),
        }
    }

    /// Like [`recv_arrival`](Self::recv_arrival), waiting at most for `timeout`.
    pub fn recv_arrival_timeout(&self, timeout: Duration) -> Result<Arrival, RecvError> {
        self.shared().recv(Some(timeout)).map(Arrived::into)
    }

    /// Like [`recv_arrival`](Self::recv_arrival) without time limit, as a future for any executor.
    ///
    /// *Cancel safety*: what arrives is taken in the poll that returns it; dropping the future
    /// before loses nothing.
    pub async fn recv_arrival_async(&self) -> Result<Arrival, RecvError> {
        RecvFuture::<P, Arrived>::new(self.shared())
            .await
            .map(Arrived::into)
    }
}

/// An arrival in the making.
#[derive(Debug, Default)]
struct Arrived {
    message: Message,
    sender: Option<Arc<Peer>>,
    change: Option<Change>,
}

impl Receipt for Arrived {
    const TELLS: bool = true;

    fn message(&mut self) -> &mut Message {
        &mut self.message
    }

    fn note(&mut self, find: impl FnOnce() -> Option<Arc<Peer>>) {
        self.sender = find();
    }

    fn tell(&mut self, change: Change) {
        self.change = Some(change);
    }
}

impl From<Arrived> for Arrival {
    fn from(arrived: Arrived) -> Self {
        match arrived.change {
            Some(change) if change.joined => Self::Joined(change.peer),
            Some(change) => Self::Left(change.peer),
            None => Self::Message(arrived.message, arrived.sender),
        }
    }
}

/// A peer has come or gone.
#[derive(Debug)]
pub struct Change {
    pipe: PipeId,
    peer: Arc<Peer>,
    joined: bool,
    /// How many messages the pipe brought before.
    behind: u64,
}

/// The changes that nobody has been told of; none are kept unless that is wanted.
#[derive(Debug, Default)]
pub(super) struct Changes {
    wanted: bool,
    list: VecDeque<Change>,
}

impl Changes {
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            list: VecDeque::new(),
        }
    }
}

impl Body {
    /// A pipe has a peer, from the message behind `behind` on.
    pub(super) fn note_joined(&mut self, pipe: PipeId, peer: &Arc<Peer>, behind: u64) {
        self.note_change(pipe, peer, true, behind);
    }

    /// A peer is gone; the pipe has brought as many messages as `behind` of it and those before. Of
    /// who came and went meanwhile, and left no message that waits, nobody is told.
    pub(super) fn note_left(&mut self, pipe: PipeId, peer: &Arc<Peer>, behind: u64) {
        if !self.changes.wanted {
            return;
        }
        let consumed = self.pipes.get(pipe).map(|entry| entry.batch.consumed());
        let waits = consumed.is_some_and(|consumed| consumed < behind)
            || self.ready.pipes().contains(&pipe);
        let list = &mut self.changes.list;
        let joined = list
            .iter()
            .position(|change| change.joined && change.peer.connection == peer.connection);
        match joined {
            Some(at) if !waits => _ = list.remove(at),
            _ => self.note_change(pipe, peer, false, behind),
        }
    }

    fn note_change(&mut self, pipe: PipeId, peer: &Arc<Peer>, joined: bool, behind: u64) {
        if self.changes.wanted {
            self.changes.list.push_back(Change {
                pipe,
                peer: Arc::clone(peer),
                joined,
                behind,
            });
            // Not each of them is told: one that is not would keep the turn.
            self.wake_receivers(usize::MAX);
        }
    }

    /// The first change of which the application can be told now.
    pub(super) fn due_change(&mut self) -> Option<Change> {
        let (pipes, ready) = (&self.pipes, &self.ready);
        let is_due = |change: &Change| match ready.first_came() {
            Some(Some(first)) if first.pipe == change.pipe => first.number > change.behind,
            // There may be messages of its pipe behind the first.
            Some(_) if ready.len() > 1 => false,
            Some(_) | None => pipes
                .get(change.pipe)
                .is_none_or(|entry| entry.batch.consumed() >= change.behind || entry.is_drained()),
        };
        let at = self.changes.list.iter().position(is_due)?;
        self.changes.list.remove(at)
    }
}
