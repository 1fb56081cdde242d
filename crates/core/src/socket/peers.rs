//! The peers of a socket: who they are, and ending one.

use std::sync::Arc;

use ferromq_transport::Endpoint;

use super::Socket;
use super::state::{Body, Entry, State};
use crate::error::{ClosedError, ReleaseError};
use crate::pattern::{Pattern, Peer, PipeId};
use crate::pipe::{Link, StreamPipe};
use crate::stats::PeerStats;

/// A peer of a socket, as it was when asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PeerInfo {
    /// Who it is, and the name of the pipe to it.
    pub peer: Arc<Peer>,
    /// What was given to `connect`; `None` if it came by a listener.
    pub dialed: Option<Endpoint>,
    /// What the pipe to it has carried.
    pub stats: PeerStats,
}

impl<P: Pattern> Socket<P> {
    /// The peers that are there now: connected, past the handshake, and taken by the pattern.
    ///
    /// *Errors*: [`ClosedError`]: the socket is closed, by whichever thread.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn peers(&self) -> Result<Vec<PeerInfo>, ClosedError> {
        self.shared.with(|state| match state.body.closed {
            Some(closed) => Err(closed),
            None => Ok(state.peers()),
        })
    }

    /// Ends the pipe to one peer, as [`peers`](Self::peers) and
    /// [`recv_from`](Self::recv_from) name it: what is queued for it is written within linger; what
    /// it sent and was not received is dropped. A peer that came by a listener may come again. One
    /// that was dialed is not dialed again, as after [`disconnect`](Self::disconnect).
    ///
    /// *Errors*:
    /// - [`ReleaseError::Closed`]: the socket is closed, by whichever thread;
    /// - [`ReleaseError::NotFound`]: the pipe is over, or another socket's.
    #[doc(alias = "zmq_disconnect_peer")]
    pub fn disconnect_peer(&self, pipe: PipeId) -> Result<(), ReleaseError> {
        self.check_open()?;
        match self.end_pipe(pipe) {
            true => Ok(()),
            false => Err(ReleaseError::NotFound),
        }
    }
}

impl<P: Pattern> State<P> {
    fn peers(&self) -> Vec<PeerInfo> {
        let info = |(pipe, entry): (PipeId, &Entry)| {
            let mut dialed = self.body.endpoints.dialed.iter();
            let dialed = dialed.find(|it| it.pipe == pipe);
            Some(PeerInfo {
                peer: Arc::clone(entry.there()?),
                dialed: dialed.map(|it| it.endpoint.clone()),
                stats: PeerStats {
                    missed: self.pattern.missed(pipe),
                    ..entry.carried()
                },
            })
        };
        self.body.pipes.iter().filter_map(info).collect()
    }
}

impl Body {
    /// How many peers are there.
    pub(super) fn peer_count(&self) -> usize {
        let there = |(_, entry): &(PipeId, &Entry)| entry.there().is_some();
        self.pipes.iter().filter(there).count()
    }

    /// A pipe has a peer, from the message behind `before` on.
    pub(super) fn meet(&mut self, pipe: PipeId, peer: &Arc<Peer>, before: u64) {
        if let Some(entry) = self.pipes.get_mut(pipe) {
            entry.peer = Some(Arc::clone(peer));
            entry.reconnects += u64::from(!entry.senders.is_empty());
            entry.senders.add(peer, before, entry.batch.consumed());
            self.note_joined(pipe, peer, before);
        }
        self.tell_observers();
    }

    /// A pipe has none any more.
    pub(super) fn part(&mut self, pipe: PipeId) {
        if let Some(entry) = self.pipes.get_mut(pipe)
            && let Some(peer) = entry.peer.take()
        {
            let brought = entry.link.inbound().produced();
            self.note_left(pipe, &peer, brought);
        }
        self.tell_observers();
    }
}

/// What was carried.
impl Body {
    /// What all pipes together have carried until now.
    pub(super) fn carried(&self) -> PeerStats {
        let mut sum = self.retired;
        let pipes = self.pipes.iter().map(|(_, entry)| entry.carried());
        let parting = self.parting.values().map(|stream| stream.carried());
        pipes.chain(parting).for_each(|pipe| sum.add(pipe));
        sum.queued += self.requeued.len();
        sum.waiting += (self.ready.len() + self.replies.len()) as u64;
        sum
    }

    /// A pipe leaves the table. If it is not over, it is still written within linger.
    pub(super) fn retire(&mut self, entry: &Entry) {
        match &entry.link {
            Link::Stream(stream) if !entry.ending => {
                self.parting.insert(stream.id, Arc::clone(stream));
            }
            link => self.retired.add(link.carried().over()),
        }
        self.retired.reconnects += entry.reconnects;
    }

    /// A pipe that is not in the table is over.
    pub(super) fn retire_stream(&mut self, over: &Arc<StreamPipe>) {
        self.parting.remove(&over.id);
        self.retired.add(over.carried().over());
    }
}

impl Entry {
    fn carried(&self) -> PeerStats {
        let carried = self.link.carried();
        PeerStats {
            queued: carried.queued + self.behind() as u64,
            displaced: self.displaced,
            conflated: self.conflated,
            waiting: self.batch.waiting() + self.link.inbound().waiting(),
            reconnects: self.reconnects,
            ..carried
        }
    }

    /// The peer, while it is there.
    fn there(&self) -> Option<&Arc<Peer>> {
        self.peer.as_ref().filter(|_| !self.ending)
    }
}
