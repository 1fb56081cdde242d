//! Binding and connecting within a context: two sockets get the same two queues, crosswise.

use std::collections::VecDeque;
use std::sync::Arc;

use ferromq_transport::{Connected, Endpoint, InprocName, ParkedId};
use ferromq_wire::{Incoming, SocketType, Violation};

use super::after::After;
use super::state::{Entry, State};
use super::{Shared, Socket};
use crate::error::{BindError, ConnectError, ReleaseError};
use crate::event::{ConnectionId, Event, Reason};
use crate::inbound::Inbound;
use crate::options::{Options, Overflow};
use crate::pattern::{Origin, Pattern, Peer, PipeId, Refusal};
use crate::pipe::{InprocPipe, Link, Rest};
use crate::port::{Note, Port};
use crate::unsent::Unsent;

/// The names of one socket.
#[derive(Debug, Default)]
pub(crate) struct Names {
    bound: Vec<InprocName>,
    /// Connects that found their name not bound, even if it is meanwhile.
    parked: Vec<(PipeId, ParkedId)>,
}

/// A socket that is bound to a name.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) port: Arc<Port>,
    options: Arc<Options>,
}

/// An inproc connect that looks for its peer.
#[derive(Debug)]
pub(crate) struct Connecting {
    port: Arc<Port>,
    pipe: PipeId,
    queues: InprocPipe,
}

impl<P: Pattern> Socket<P> {
    pub(super) fn bind_inproc(&self, name: &InprocName) -> Result<Endpoint, BindError> {
        let shared = &self.shared;
        let port = &shared.port;
        let bound = Bound {
            port: Arc::clone(port),
            options: port.options(),
        };
        let waiting = shared.context.names().bind(name, bound.clone());
        let waiting = waiting.map_err(|_| BindError::NameInUse)?;
        let closed = shared.with(|state| {
            if state.body.closed.is_none() {
                state.body.endpoints.names.bound.push(name.clone());
            }
            state.body.closed
        });
        let endpoint = Endpoint::Inproc(name.clone());
        port.events.report(|| Event::Listening {
            endpoint: endpoint.clone(),
            asked: endpoint.clone(),
        });
        // Closed or not: those who have waited are told.
        for connect in waiting {
            join(&bound, connect, name);
        }
        match closed {
            None => Ok(endpoint),
            Some(closed) => {
                shared.free_name(name);
                Err(closed.into())
            }
        }
    }

    pub(super) fn unbind_inproc(&self, name: &InprocName) -> Result<(), ReleaseError> {
        let found = self.shared.with(|state| {
            let bound = &mut state.body.endpoints.names.bound;
            let at = bound.iter().position(|other| other == name)?;
            Some(bound.swap_remove(at))
        });
        found.ok_or(ReleaseError::NotFound)?;
        self.shared.free_name(name);
        Ok(())
    }

    pub(super) fn connect_inproc(
        &self,
        name: &InprocName,
        tell: impl FnOnce(&mut P),
    ) -> Result<PipeId, ConnectError> {
        let shared = &self.shared;
        let port = &shared.port;
        let id = port.new_pipe();
        let options = port.options();
        let outgoing = Inbound::new(u64::from(options.send_mark))
            .weighed(options.send_mark_bytes)
            .giving_way(options.overflow);
        let incoming =
            Inbound::new(u64::from(options.receive_mark)).weighed(options.receive_mark_bytes);
        let queues = InprocPipe {
            outgoing: Arc::new(outgoing),
            incoming: Arc::new(incoming),
            options,
            peer: None,
        };
        let link = Link::Inproc(queues.clone());
        self.add_dialed(id, link, &Endpoint::Inproc(name.clone()), tell, || ())?;
        let connect = Connecting {
            port: Arc::clone(port),
            pipe: id,
            queues,
        };
        match shared.context.names().connect(name, connect) {
            Connected::Parked(parked) => {
                let over = shared.with(|state| {
                    state.body.endpoints.names.parked.push((id, parked));
                    state.body.pipes.get(id).is_none()
                });
                if over {
                    shared.cancel_connects();
                }
                Ok(id)
            }
            Connected::Bound(peer, connect) => {
                if join(&peer, connect, name) {
                    return Ok(id);
                }
                let dialed = |state: &mut State<P>| {
                    state.body.endpoints.dialed.retain(|it| it.pipe != id);
                };
                shared.with(dialed);
                Err(ConnectError::IncompatiblePeer)
            }
        }
    }
}

impl<P: Pattern> Shared<P> {
    /// After closing: nothing is bound, and nothing waits for a name.
    pub(super) fn release_names(&self) {
        let bound = self.with(|state| std::mem::take(&mut state.body.endpoints.names.bound));
        for name in bound {
            self.free_name(&name);
        }
        self.cancel_connects();
    }

    fn free_name(&self, name: &InprocName) {
        drop(self.context.names().unbind(name));
        let endpoint = Endpoint::Inproc(name.clone());
        self.port.events.report(|| Event::Unbound { endpoint });
    }

    /// The connects of pipes that are over no longer wait.
    pub(super) fn cancel_connects(&self) {
        let over: Vec<_> = self.with(|state| {
            let pipes = &state.body.pipes;
            let is_over = |(pipe, _): &mut (PipeId, _)| pipes.get(*pipe).is_none();
            let parked = &mut state.body.endpoints.names.parked;
            parked.extract_if(.., is_over).collect()
        });
        for (_, id) in over {
            drop(self.context.names().cancel(&id));
        }
    }
}

impl<P: Pattern> State<P> {
    /// The name for which a pipe has waited is bound.
    pub(super) fn handle_bound(
        &mut self,
        pipe: PipeId,
        peer: (Arc<Port>, PipeId),
        info: &Arc<Peer>,
        port: &Arc<Port>,
    ) {
        let Some(Entry {
            link: Link::Inproc(inproc),
            ..
        }) = self.body.pipes.get_mut(pipe)
        else {
            let gone = Note::Gone(peer.1, Rest::nothing());
            return self.body.after.tell(Some((peer.0, gone)));
        };
        let waiting = inproc.clone();
        inproc.peer = Some(peer.clone());
        let inproc = inproc.clone();
        if inproc.outgoing.gives_way() {
            let replaced = waiting.replace(None);
            self.body
                .note_replaced(pipe, replaced, waiting.is_joined(), port);
        }
        port.counters.hand_over(inproc.outgoing.sent());
        if inproc.outgoing.has_items() {
            let readable = Note::Readable(peer.1);
            self.body.after.tell(Some((peer.0, readable)));
        }
        self.handle_hiccup(pipe, info, 0, port);
        self.handle_readable(pipe, port);
    }

    /// The pattern does not take the peer that a connect has found.
    pub(super) fn refuse_bound(
        &mut self,
        pipe: PipeId,
        peer: &Peer,
        refusal: Refusal,
        port: &Arc<Port>,
    ) {
        let Some(Entry {
            link: Link::Inproc(inproc),
            batch,
            ..
        }) = self.body.pipes.get_mut(pipe)
        else {
            return;
        };
        let unread = batch.drain(&inproc.incoming);
        let inproc = inproc.clone();
        self.body.after.refuse(&inproc, peer, refusal, port);
        self.leave_inproc(&inproc, unread, port);
        self.handle_gone(pipe, Rest::nothing(), port);
    }

    /// The application ends a pipe: what it has not read goes back to the peer; without a peer,
    /// what it has sent is lost.
    pub(super) fn leave_inproc(
        &mut self,
        inproc: &InprocPipe,
        unread: VecDeque<Incoming>,
        port: &Port,
    ) {
        match &inproc.peer {
            Some((peer, id)) => {
                let gone = Note::Gone(*id, Rest::Inproc(unread));
                self.body.after.tell(Some((Arc::clone(peer), gone)));
            }
            None => {
                let unsent = Unsent::of_queue(inproc.outgoing.take_back());
                // A peer that has come, and is not known yet, may have taken some.
                let taken = inproc.outgoing.sent() - unsent.len();
                port.counters.hand_over(taken);
                self.lose(unsent, port);
            }
        }
    }

    /// A peer has gone: what its end is announced by comes behind what it sent. It sends no more.
    pub(super) fn bid_farewell(&mut self, pipe: PipeId) {
        if let Some(entry) = self.body.pipes.get(pipe)
            && let Link::Inproc(inproc) = &entry.link
            && let Some(farewell) = &inproc.options.announcements.left
            && inproc.is_joined()
        {
            inproc.announce_end(farewell);
            self.pattern.readable(pipe);
        }
    }

    /// A pipe is over: what the peer gave back, and what it never took. That was not handed over
    /// after all.
    pub(super) fn untake(
        &mut self,
        pipe: PipeId,
        unread: VecDeque<Incoming>,
        port: &Port,
    ) -> Unsent {
        let mut unsent = Unsent::of_queue(unread);
        let mut joined = true;
        if let Some(entry) = self.body.pipes.get(pipe)
            && let Link::Inproc(inproc) = &entry.link
        {
            unsent.append(Unsent::of_queue(inproc.outgoing.take_back()));
            joined = inproc.is_joined();
        }
        if joined {
            port.counters.take_back(unsent.len());
        }
        unsent
    }

    /// The socket does not take a pipe: what was sent through it goes back to the peer.
    pub(super) fn dismiss_inproc(&mut self, inproc: &InprocPipe) {
        let unread = inproc.incoming.take_back();
        if let Some((peer, id)) = &inproc.peer {
            let gone = Note::Gone(*id, Rest::Inproc(unread));
            self.body.after.tell(Some((Arc::clone(peer), gone)));
        }
    }
}

impl After {
    /// Tells the readers of both sides' events of a refusal.
    pub(super) fn refuse(
        &mut self,
        inproc: &InprocPipe,
        peer: &Peer,
        refusal: Refusal,
        port: &Arc<Port>,
    ) {
        let Some((other, _)) = &inproc.peer else {
            return;
        };
        // The address of an inproc peer is the name that joins the two.
        if let Ok(name) = peer.address.parse() {
            port.counters.fail_handshake();
            other.counters.fail_handshake();
            let event = refused(&name, Reason::Refusal(refusal), port);
            self.events.push((Arc::clone(port), event.clone()));
            self.events.push((Arc::clone(other), event));
            self.any = true;
        }
    }
}

impl Port {
    /// What a peer in the same process is told about this socket; `pipe` is the peer's.
    fn as_peer(
        &self,
        options: &Options,
        name: &InprocName,
        pipe: PipeId,
        connection: ConnectionId,
    ) -> Arc<Peer> {
        let id = options.routing_id.clone();
        let id = id.filter(|_| self.kind.announces_routing_id);
        Arc::new(Peer {
            pipe,
            connection,
            version: None,
            socket_type: Some(self.kind.socket_type),
            routing_id: id.unwrap_or_default(),
            address: name.to_string(),
            metadata: options.metadata.clone(),
            user: None,
        })
    }

    /// May a socket of this type talk to ours?
    fn accepts(&self, other: SocketType) -> bool {
        self.kind.socket_type.accepts(other)
    }
}

/// Joins a socket that has connected to a name with the one bound to it: both get the two queues,
/// crosswise. False: they are of incompatible types.
///
/// The one that is bound is told first: if the other one is gone meanwhile, what follows from that
/// finds the pipe there. Until the other one is told, it does not look at what arrives.
fn join(to: &Bound, connect: Connecting, name: &InprocName) -> bool {
    let bound = &to.port;
    let Connecting { port, pipe, queues } = connect;
    if !bound.accepts(port.kind.socket_type) {
        let why = Reason::Violation(Violation::IncompatibleSocketType);
        bound.counters.fail_handshake();
        port.counters.fail_handshake();
        let event = refused(name, why, bound);
        bound.events.report(|| event.clone());
        port.events.report(|| event);
        port.post(Note::Gone(pipe, Rest::nothing()));
        return false;
    }
    let there = bound.new_pipe();
    let ours = &queues.options;
    add_marks(&queues.outgoing, ours, &to.options);
    add_marks(&queues.incoming, &to.options, ours);
    agree(&queues.outgoing, &port, bound);
    agree(&queues.incoming, bound, &port);
    let theirs = InprocPipe {
        outgoing: Arc::clone(&queues.incoming),
        incoming: Arc::clone(&queues.outgoing),
        options: Arc::clone(&to.options),
        peer: Some((Arc::clone(&port), pipe)),
    };
    let connection = ConnectionId(bound.world.random());
    let origin = Origin::Inproc(port.as_peer(ours, name, there, connection));
    bound.post(Note::Attached(there, Link::Inproc(theirs), origin));
    let peer = bound.as_peer(&to.options, name, pipe, connection);
    port.post(Note::Bound(pipe, Arc::clone(bound), there, peer));
    true
}

/// In a queue between two sockets messages give way as either of them wants it.
fn agree(queue: &Inbound, from: &Port, to: &Port) {
    queue.give_way(match to.kind.eager {
        true => Overflow::Refuse,
        false => from.overflow.max(to.overflow),
    });
}

/// The event of two sockets that do not come together.
fn refused(name: &InprocName, reason: Reason, port: &Port) -> Event {
    Event::HandshakeFailed {
        connection: ConnectionId(port.world.random()),
        endpoint: Endpoint::Inproc(name.clone()),
        reason,
        initiator: reason.initiator(),
    }
}

/// The high-water marks of a queue between two sockets are the sums of both sides' marks.
fn add_marks(queue: &Inbound, from: &Options, to: &Options) {
    queue.set_mark(sum(from.send_mark.into(), to.receive_mark.into()));
    queue.set_weight_mark(sum(from.send_mark_bytes, to.receive_mark_bytes));
}

/// One high-water mark of both sides'; 0 on either side is unlimited.
fn sum(sender: u64, receiver: u64) -> u64 {
    match sender == 0 || receiver == 0 {
        true => 0,
        false => sender.saturating_add(receiver),
    }
}
