//! Binding, connecting, and undoing both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq_transport::{Endpoint, EndpointError, InprocName, ParkedId};

use super::Socket;
use super::after::After;
use super::state::State;
use crate::close::Closing;
use crate::context::Bound;
use crate::error::{BindError, ConnectError, ReleaseError};
use crate::event::Event;
use crate::inbound::Inbound;
use crate::io::{Ack, IoCommand, IoHandle};
use crate::pattern::{Dropped, Origin, Pattern, PipeId};
use crate::pipe::{InprocPipe, Link, StreamPipe};
use crate::port::{Note, Port};
use crate::wait::Waiter;

/// The endpoints of one socket.
#[derive(Default)]
pub(crate) struct Endpoints {
    bound: Vec<(Endpoint, Binding)>,
    dialed: Vec<(Endpoint, PipeId)>,
    parked: Vec<(PipeId, ParkedId)>,
}

/// What a closed socket no longer occupies.
#[derive(Debug)]
pub(crate) struct Released {
    pub(super) names: Vec<InprocName>,
    pub(super) parked: Vec<ParkedId>,
}

enum Binding {
    Listener(IoHandle, u64),
    Name(InprocName),
}

impl Endpoints {
    /// Ends every listener; returns the inproc names and the connects that wait for one.
    pub(super) fn close(
        &mut self,
        until: Instant,
        closing: &Arc<Closing>,
        after: &mut After,
    ) -> Released {
        let mut released = Released {
            names: Vec::new(),
            parked: self.parked.drain(..).map(|(_, id)| id).collect(),
        };
        for (_, binding) in self.bound.drain(..) {
            match binding {
                Binding::Name(name) => released.names.push(name),
                Binding::Listener(io, key) => {
                    closing.begin();
                    let ack = Arc::new(Ack::new(Waiter::Task(Default::default())));
                    let command = IoCommand::Unlisten(key, until, Arc::clone(closing), ack);
                    after.commands.push((io, command));
                    after.any = true;
                }
            }
        }
        self.dialed.clear();
        released
    }
}

impl<P: Pattern> Socket<P> {
    /// Binds the socket to an endpoint and listens. Returns the concrete endpoint, with wildcards
    /// and port 0 resolved: it can be given to `connect` and [`unbind`](Self::unbind).
    ///
    /// *Errors*: see [`BindError`]; among them a malformed endpoint, and an address in use (an ipc
    /// file left by a process that has died is replaced).
    #[doc(alias = "zmq_bind")]
    pub fn bind<E>(&self, endpoint: E) -> Result<Endpoint, BindError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let endpoint: Endpoint = endpoint.try_into().map_err(Into::into)?;
        endpoint.check_bind()?;
        self.check_open()?;
        match &endpoint {
            Endpoint::Inproc(name) => self.bind_inproc(&name.clone(), endpoint),
            Endpoint::Tcp(_) | Endpoint::Ipc(_) => self.bind_stream(&endpoint),
        }
    }

    /// Connects the socket to an endpoint, now or as soon as somebody is there, and again whenever
    /// the connection is lost. Returns at once; that nobody is there yet is not an error.
    ///
    /// *Errors*: see [`ConnectError`]; among them a malformed endpoint.
    #[doc(alias = "zmq_connect")]
    pub fn connect<E>(&self, endpoint: E) -> Result<(), ConnectError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let endpoint: Endpoint = endpoint.try_into().map_err(Into::into)?;
        endpoint.check_connect()?;
        self.check_open()?;
        match &endpoint {
            Endpoint::Inproc(name) => self.connect_inproc(&name.clone(), endpoint),
            Endpoint::Tcp(_) | Endpoint::Ipc(_) => self.connect_stream(endpoint),
        }
    }

    /// Stops listening on an endpoint, as returned by [`bind`](Self::bind). The address is free
    /// when this returns; connections accepted through it end within linger.
    ///
    /// *Errors*: [`ReleaseError::NotFound`] if the socket is not bound to exactly this endpoint.
    #[doc(alias = "zmq_unbind")]
    pub fn unbind<E>(&self, endpoint: E) -> Result<(), ReleaseError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let endpoint: Endpoint = endpoint.try_into().map_err(Into::into)?;
        self.check_open()?;
        let binding = self.shared.with(|state| {
            let bound = &mut state.body.endpoints.bound;
            let at = bound.iter().position(|(other, _)| *other == endpoint)?;
            Some(bound.swap_remove(at).1)
        });
        match binding.ok_or(ReleaseError::NotFound)? {
            Binding::Name(name) => self.shared.context.release_name(&name),
            Binding::Listener(io, key) => self.unlisten(&io, key),
        }
        Ok(())
    }

    /// Ends the connection to an endpoint given to [`connect`](Self::connect). What is queued for
    /// it is written within linger; what it sent and was not received is dropped.
    ///
    /// *Errors*: [`ReleaseError::NotFound`] if the socket is not connected to exactly this
    /// endpoint.
    #[doc(alias = "zmq_disconnect")]
    pub fn disconnect<E>(&self, endpoint: E) -> Result<(), ReleaseError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let endpoint: Endpoint = endpoint.try_into().map_err(Into::into)?;
        self.check_open()?;
        let until = self.linger_end();
        let closing = Arc::new(Closing::default());
        let found = self.shared.with(|state| {
            let dialed = &mut state.body.endpoints.dialed;
            let at = dialed.iter().position(|(other, _)| *other == endpoint)?;
            let (_, pipe) = dialed.swap_remove(at);
            state.close_pipe(pipe, until, &closing, &self.shared.port);
            let parked = &mut state.body.endpoints.parked;
            let at = parked.iter().position(|(waiting, _)| *waiting == pipe);
            Some(at.map(|at| parked.swap_remove(at).1))
        });
        if let Some(parked) = found.ok_or(ReleaseError::NotFound)? {
            self.shared.context.cancel_connect(&parked);
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), crate::error::ClosedError> {
        self.shared
            .with(|state| state.body.closed)
            .map_or(Ok(()), Err)
    }

    fn linger_end(&self) -> Instant {
        self.shared.context.world().now() + self.shared.port.options.linger
    }

    fn bind_stream(&self, endpoint: &Endpoint) -> Result<Endpoint, BindError> {
        let shared = &self.shared;
        let io = shared.context.io().map_err(BindError::NoThread)?;
        let world = shared.context.world();
        let listener = world.listen(endpoint, &shared.port.options.transport)?;
        let concrete = listener.endpoint();
        let key = io.new_key();
        let closed = shared.with(|state| {
            if state.body.closed.is_none() {
                let binding = Binding::Listener(io.clone(), key);
                state.body.endpoints.bound.push((concrete.clone(), binding));
            }
            state.body.closed
        });
        if let Some(closed) = closed {
            return Err(closed.into());
        }
        io.post(IoCommand::Listen(
            key,
            Arc::from(listener),
            Arc::clone(&shared.port),
        ));
        shared.port.events.report(|| Event::Listening {
            endpoint: concrete.clone(),
        });
        Ok(concrete)
    }

    fn unlisten(&self, io: &IoHandle, key: u64) {
        let bell = self.shared.context.world().bell();
        let ack = Arc::new(Ack::new(Waiter::Thread(Arc::clone(&bell))));
        let closing = Arc::new(Closing::default());
        io.post(IoCommand::Unlisten(
            key,
            self.linger_end(),
            closing,
            Arc::clone(&ack),
        ));
        while !ack.is_done() {
            bell.wait(
                &[],
                Some(self.shared.context.world().now() + Duration::from_secs(1)),
            );
        }
    }

    fn connect_stream(&self, endpoint: Endpoint) -> Result<(), ConnectError> {
        let shared = &self.shared;
        let io = shared.context.io().map_err(ConnectError::NoThread)?;
        let id = shared.port.new_pipe();
        let port = Arc::clone(&shared.port);
        let pipe = Arc::new(StreamPipe::new(
            id,
            io.new_key(),
            io.clone(),
            Arc::clone(&port),
        ));
        let link = Link::Stream(Arc::clone(&pipe));
        self.add_dialed(id, link, &endpoint)?;
        io.post(IoCommand::Dial(pipe, endpoint, port));
        Ok(())
    }

    fn add_dialed(
        &self,
        pipe: PipeId,
        link: Link,
        endpoint: &Endpoint,
    ) -> Result<(), ConnectError> {
        let port = &self.shared.port;
        let added = self.shared.with(|state: &mut State<P>| {
            if let Some(closed) = state.body.closed {
                return Err(ConnectError::Closed(closed));
            }
            state.attach(pipe, link, &Origin::Dialed, port)?;
            state.body.endpoints.dialed.push((endpoint.clone(), pipe));
            Ok(())
        });
        if added.is_err() {
            port.free_pipe(pipe);
        }
        added
    }

    fn bind_inproc(&self, name: &InprocName, endpoint: Endpoint) -> Result<Endpoint, BindError> {
        let shared = &self.shared;
        let port = &shared.port;
        let waiting = shared
            .context
            .bind_name(name, port)
            .ok_or(BindError::NameInUse)?;
        let closed = shared.with(|state| {
            if state.body.closed.is_none() {
                let binding = Binding::Name(name.clone());
                state.body.endpoints.bound.push((endpoint.clone(), binding));
            }
            state.body.closed
        });
        if let Some(closed) = closed {
            shared.context.release_name(name);
            return Err(closed.into());
        }
        for connect in waiting {
            join(port, connect, name.as_str());
        }
        port.events.report(|| Event::Listening {
            endpoint: endpoint.clone(),
        });
        Ok(endpoint)
    }

    fn connect_inproc(&self, name: &InprocName, endpoint: Endpoint) -> Result<(), ConnectError> {
        let shared = &self.shared;
        let port = &shared.port;
        let id = port.new_pipe();
        let outgoing = Arc::new(Inbound::new(u64::from(port.options.send_mark)));
        let incoming = Arc::new(Inbound::new(u64::from(port.options.receive_mark)));
        let pipe = InprocPipe {
            outgoing,
            incoming,
            peer: None,
        };
        self.add_dialed(id, Link::Inproc(pipe.clone()), &endpoint)?;
        let connect = Connecting {
            port: Arc::clone(port),
            pipe: id,
            queues: pipe,
        };
        match shared.context.connect_name(name, connect) {
            Bound::Waits(parked) => {
                let closed = shared.with(|state| {
                    state.body.endpoints.parked.push((id, parked.clone()));
                    state.body.closed
                });
                if closed.is_some() {
                    shared.context.cancel_connect(&parked);
                }
                Ok(())
            }
            Bound::To(peer, _) if !peer.accepts(port.kind.socket_type) => {
                shared.with(|state| {
                    state.body.endpoints.dialed.retain(|(_, pipe)| *pipe != id);
                    state.detach(id, Dropped::PeerGone, port);
                });
                Err(ConnectError::IncompatiblePeer)
            }
            Bound::To(peer, connect) => {
                join(&peer, connect, name.as_str());
                Ok(())
            }
        }
    }
}

/// An inproc connect that looks for its peer.
#[derive(Debug)]
pub(crate) struct Connecting {
    port: Arc<Port>,
    pipe: PipeId,
    queues: InprocPipe,
}

/// Joins a socket that has connected to a name with the one bound to it: both get the two queues,
/// crosswise.
fn join(bound: &Arc<Port>, connect: Connecting, name: &str) {
    let Connecting { port, pipe, queues } = connect;
    if !bound.accepts(port.kind.socket_type) {
        port.post(Note::Gone(pipe, crate::outbound::Unsent::default()));
        return;
    }
    let there = bound.new_pipe();
    queues
        .outgoing
        .set_mark(sum(port.options.send_mark, bound.options.receive_mark));
    queues
        .incoming
        .set_mark(sum(bound.options.send_mark, port.options.receive_mark));
    let theirs = InprocPipe {
        outgoing: Arc::clone(&queues.incoming),
        incoming: Arc::clone(&queues.outgoing),
        peer: Some((Arc::clone(&port), pipe)),
    };
    let origin = Origin::Inproc(port.as_peer(name));
    port.post(Note::Bound(
        pipe,
        Arc::clone(bound),
        there,
        bound.as_peer(name),
    ));
    bound.post(Note::Attached(there, Link::Inproc(theirs), origin));
}

/// The high-water mark of an inproc queue: both sides' marks; 0 on either side is unlimited.
fn sum(sender: u32, receiver: u32) -> u64 {
    if sender == 0 || receiver == 0 {
        0
    } else {
        u64::from(sender) + u64::from(receiver)
    }
}
