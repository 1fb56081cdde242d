//! Binding, connecting, and undoing both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq_transport::{BoundListener, Endpoint, EndpointError};

use super::Socket;
use super::after::After;
#[cfg(feature = "inproc")]
use super::inproc::Names;
use super::state::State;
use crate::close::Life;
use crate::error::{BindError, ConnectError, ReleaseError};
use crate::event::Event;
use crate::io::{Ack, IoCommand, IoHandle};
use crate::options::Options;
use crate::pattern::{Origin, Pattern, PipeId};
use crate::pipe::{Link, StreamPipe};
use crate::wait::Waiter;
use crate::world::Listener;

/// The endpoints of one socket.
#[derive(Default)]
pub(crate) struct Endpoints {
    /// Each with the I/O thread that listens, and its name there.
    bound: Vec<(Endpoint, IoHandle, u64)>,
    /// What stands for the listener of the streams that were handed over, one for each I/O thread:
    /// by its name, they are closed.
    taken: Vec<(IoHandle, u64)>,
    pub(super) dialed: Vec<Dialed>,
    #[cfg(feature = "inproc")]
    pub(super) names: Names,
}

/// What a socket was connected to.
#[derive(Debug)]
pub(super) struct Dialed {
    pub(super) endpoint: Endpoint,
    pub(super) pipe: PipeId,
    /// How many calls want it that have not failed: where a second one changes nothing, the first
    /// may fail later.
    wanted: usize,
}

impl Endpoints {
    /// A pipe to this endpoint, if there is one.
    fn to(&mut self, endpoint: &Endpoint) -> Option<&mut Dialed> {
        self.dialed.iter_mut().find(|it| it.endpoint == *endpoint)
    }

    /// A call that wanted this pipe has failed. True: nobody else does, and it is to be ended.
    fn give_up(&mut self, pipe: PipeId) -> bool {
        let mut is_over = false;
        self.dialed.retain_mut(|it| {
            let given_up = usize::from(it.pipe == pipe);
            it.wanted -= given_up;
            is_over |= it.wanted == 0;
            it.wanted > 0
        });
        is_over
    }

    /// The name by which the streams are closed that this I/O thread was handed.
    pub(super) fn taken_by(&mut self, io: &IoHandle) -> u64 {
        let known = self.taken.iter().find(|(other, _)| other.is(io));
        known.map(|(_, key)| *key).unwrap_or_else(|| {
            let key = io.new_key();
            self.taken.push((io.clone(), key));
            key
        })
    }

    /// Ends every listener, and what came by it.
    pub(super) fn close(&mut self, until: Instant, after: &mut After) {
        let bound = self.bound.drain(..).map(|(_, io, key)| (io, key));
        for (io, key) in bound.chain(self.taken.drain(..)) {
            let command = IoCommand::Unlisten(key, until, None);
            after.commands.push((io, command));
            after.any = true;
        }
        self.dialed.clear();
    }
}

impl<P: Pattern> Socket<P> {
    /// Binds the socket to an endpoint and listens. Returns the concrete endpoint, with wildcards
    /// and port 0 resolved: it can be given to `connect` and [`unbind`](Self::unbind).
    ///
    /// *Blocking*: while the name of a host or an interface is looked up, and for the lock of an
    /// ipc file.
    ///
    /// *Errors*: see [`BindError`]; among them a malformed endpoint, and an address in use (an ipc
    /// file left by a process that has died is replaced).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "zmq_bind")]
    #[doc(alias = "ZMQ_LAST_ENDPOINT")]
    pub fn bind<E>(&self, endpoint: E) -> Result<Endpoint, BindError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let endpoint: Endpoint = endpoint.try_into().map_err(Into::into)?;
        check_transport(&endpoint)?;
        endpoint.check_bind()?;
        self.check_open()?;
        #[cfg(feature = "inproc")]
        if let Endpoint::Inproc(name) = &endpoint {
            return self.bind_inproc(name);
        }
        self.bind_stream(&endpoint)
    }

    /// Listens by a socket that listens already: one that a supervisor has made, who may have taken
    /// a privilege for that, or that lives through restarts of the process. Who has connected
    /// before is served. Returns its endpoint, as [`bind`](Self::bind) does.
    ///
    /// A tcp listener is a [`std::net::TcpListener`], one of ipc a
    /// [`UnixListener`](std::os::unix::net::UnixListener); either can be made of an owned
    /// descriptor. Options that concern streams are applied to what is accepted; the backlog and
    /// the interface are what they are. The file of an ipc socket stays when the socket is closed.
    ///
    /// *Errors*: see [`BindError`]; [`ListenError::Unsupported`](crate::ListenError::Unsupported)
    /// for an ipc socket without a name.
    ///
    /// *Compatibility*: libzmq takes the number of a descriptor for the next `bind`.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_USE_FD")]
    pub fn bind_listener(&self, listener: impl Into<BoundListener>) -> Result<Endpoint, BindError> {
        self.check_open()?;
        let world = self.shared.context.world();
        let options = self.shared.port.options();
        let listener = world.adopt(listener.into(), &options.transport)?;
        self.serve(listener, None, options)
    }

    /// Connects the socket to an endpoint, now or as soon as somebody is there, and again whenever
    /// the connection is lost. Returns at once; that nobody is there yet is not an error.
    ///
    /// A host name is looked up for each attempt. If it has several addresses, they race as in RFC
    /// 8305: each starts 250 ms after the one before, or when that fails, IPv6 and IPv4 in turns;
    /// the first to connect is used.
    ///
    /// A DEALER, REQ, PUB or SUB that is connected to a tcp or ipc endpoint already stays as it is;
    /// the other types, and all of them in process, have one more connection then (as in libzmq).
    ///
    /// *Errors*: see [`ConnectError`]; among them a malformed endpoint.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "zmq_connect")]
    pub fn connect<E>(&self, endpoint: E) -> Result<(), ConnectError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        self.connect_told(endpoint, |_| ())
    }

    /// Connects, telling the pattern something about the pipe that comes next.
    #[doc(hidden)]
    pub fn connect_told<E>(
        &self,
        endpoint: E,
        tell: impl FnOnce(&mut P),
    ) -> Result<(), ConnectError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        self.connect_pipe(endpoint.try_into().map_err(Into::into)?, tell)?;
        Ok(())
    }

    /// Stops listening on an endpoint, as returned by [`bind`](Self::bind). The address is free
    /// when this returns; connections accepted through it end within linger.
    ///
    /// *Blocking*: until the I/O thread has closed the listener.
    ///
    /// *Errors*: [`ReleaseError::NotFound`] if the socket is not bound to exactly this endpoint;
    /// [`ReleaseError::Endpoint`] if it is none, and [`ReleaseError::Closed`].
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "zmq_unbind")]
    pub fn unbind<E>(&self, endpoint: E) -> Result<(), ReleaseError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let endpoint: Endpoint = endpoint.try_into().map_err(Into::into)?;
        self.check_open()?;
        #[cfg(feature = "inproc")]
        if let Endpoint::Inproc(name) = &endpoint {
            return self.unbind_inproc(name);
        }
        let listener = self.shared.with(|state| {
            let bound = &mut state.body.endpoints.bound;
            let at = bound.iter().position(|(other, ..)| *other == endpoint)?;
            Some(bound.swap_remove(at))
        });
        let (_, io, key) = listener.ok_or(ReleaseError::NotFound)?;
        self.unlisten(&io, key);
        Ok(())
    }

    /// Ends the connections to an endpoint given to [`connect`](Self::connect), once or several
    /// times. What is queued for them is written within linger; what they brought and was not
    /// received is dropped.
    ///
    /// *Errors*: [`ReleaseError::NotFound`] if the socket is not connected to exactly this
    /// endpoint; [`ReleaseError::Endpoint`] if it is none, and [`ReleaseError::Closed`].
    #[doc(alias = "zmq_disconnect")]
    pub fn disconnect<E>(&self, endpoint: E) -> Result<(), ReleaseError>
    where
        E: TryInto<Endpoint>,
        E::Error: Into<EndpointError>,
    {
        let endpoint: Endpoint = endpoint.try_into().map_err(Into::into)?;
        self.check_open()?;
        let pipe_to = |state: &mut State<P>| state.body.endpoints.to(&endpoint).map(|it| it.pipe);
        let mut found = false;
        while let Some(pipe) = self.shared.with(pipe_to) {
            found |= self.end_pipe(pipe);
        }
        match found {
            true => Ok(()),
            false => Err(ReleaseError::NotFound),
        }
    }

    /// Connects, and names the pipe.
    pub(super) fn connect_pipe(
        &self,
        endpoint: Endpoint,
        tell: impl FnOnce(&mut P),
    ) -> Result<PipeId, ConnectError> {
        check_transport(&endpoint)?;
        endpoint.check_connect()?;
        self.check_open()?;
        #[cfg(feature = "inproc")]
        if let Endpoint::Inproc(name) = &endpoint {
            return self.connect_inproc(name, tell);
        }
        self.connect_stream(endpoint, tell)
    }

    /// Ends a pipe for good: what is queued for it is written within linger. False: there is none.
    pub(super) fn end_pipe(&self, pipe: PipeId) -> bool {
        let until = self.linger_end();
        let found = self.shared.with(|state| {
            let dialed = &mut state.body.endpoints.dialed;
            let before = dialed.len();
            dialed.retain(|it| it.pipe != pipe);
            let found = dialed.len() < before || state.body.pipes.get(pipe).is_some();
            state.close_pipe(pipe, until, &self.shared.port);
            found
        });
        #[cfg(feature = "inproc")]
        self.shared.cancel_connects();
        found
    }

    /// A call that has connected to this has failed, which undoes that, unless others want it too.
    pub(super) fn give_up(&self, pipe: PipeId) {
        let give_up = |state: &mut State<P>| state.body.endpoints.give_up(pipe);
        if self.shared.with(give_up) {
            self.end_pipe(pipe);
        }
    }

    pub(crate) fn check_open(&self) -> Result<(), crate::error::ClosedError> {
        self.shared
            .with(|state| state.body.closed)
            .map_or(Ok(()), Err)
    }

    fn linger_end(&self) -> Instant {
        self.shared.context.world().now() + self.shared.port.options().linger()
    }

    fn bind_stream(&self, endpoint: &Endpoint) -> Result<Endpoint, BindError> {
        let world = self.shared.context.world();
        let options = self.shared.port.options();
        let listener = world.listen(endpoint, &options.transport)?;
        self.serve(listener, Some(endpoint), options)
    }

    /// Accepts what comes by a listener; `asked`: what was to be bound, if it was an endpoint.
    fn serve(
        &self,
        listener: Box<dyn Listener>,
        asked: Option<&Endpoint>,
        options: Arc<Options>,
    ) -> Result<Endpoint, BindError> {
        let shared = &self.shared;
        let io = shared.context.io(options.affinity);
        let io = io.map_err(BindError::NoThread)?;
        let concrete = listener.endpoint();
        let mut listener: Option<Arc<dyn Listener>> = Some(Arc::from(listener));
        let key = io.new_key();
        shared.port.events.report(|| Event::Listening {
            endpoint: concrete.clone(),
            asked: asked.unwrap_or(&concrete).clone(),
        });
        let closed = shared.with(|state| {
            if state.body.closed.is_none()
                && let Some(listener) = listener.take()
            {
                let bound = (concrete.clone(), io.clone(), key);
                state.body.endpoints.bound.push(bound);
                let life = Life::of(&shared.port);
                io.put(IoCommand::Listen(key, listener, life, options));
            }
            state.body.closed
        });
        if let Some(closed) = closed {
            drop(listener);
            let endpoint = concrete;
            shared.port.events.report(|| Event::Unbound { endpoint });
            return Err(closed.into());
        }
        io.rouse();
        Ok(concrete)
    }

    fn unlisten(&self, io: &IoHandle, key: u64) {
        let bell = self.shared.context.world().bell();
        let ack = Arc::new(Ack::new(Waiter::Thread(Arc::clone(&bell))));
        let asked = Some(Arc::clone(&ack));
        io.post(IoCommand::Unlisten(key, self.linger_end(), asked));
        while !ack.is_done() {
            bell.wait(
                &[],
                Some(self.shared.context.world().now() + Duration::from_secs(1)),
            );
        }
    }

    fn connect_stream(
        &self,
        endpoint: Endpoint,
        tell: impl FnOnce(&mut P),
    ) -> Result<PipeId, ConnectError> {
        let shared = &self.shared;
        let options = shared.port.options();
        let io = shared.context.io(options.affinity);
        let io = io.map_err(ConnectError::NoThread)?;
        let id = shared.port.new_pipe();
        let port = Arc::clone(&shared.port);
        let pipe = Arc::new(StreamPipe::new(
            id,
            io.new_key(),
            io.clone(),
            Arc::clone(&port),
            options,
        ));
        let link = Link::Stream(Arc::clone(&pipe));
        let added = self.add_dialed(id, link, &endpoint, tell, || {
            let life = Life::of(&port);
            io.put(IoCommand::Dial(pipe, endpoint.clone(), life));
        })?;
        io.rouse();
        Ok(added)
    }

    /// Adds a pipe for an endpoint, of which the pattern is told something first; `then` is called
    /// under the lock too, so that what it asks of an I/O thread is not overtaken by the end of the
    /// pipe. Returns the pipe, or the one that is there already.
    pub(super) fn add_dialed(
        &self,
        pipe: PipeId,
        link: Link,
        endpoint: &Endpoint,
        tell: impl FnOnce(&mut P),
        then: impl FnOnce(),
    ) -> Result<PipeId, ConnectError> {
        let port = &self.shared.port;
        let once = P::KIND.connects_once() && matches!(link, Link::Stream(_));
        let added = self.shared.with(|state: &mut State<P>| {
            if let Some(closed) = state.body.closed {
                return Err(ConnectError::Closed(closed));
            }
            if once && let Some(known) = state.body.endpoints.to(endpoint) {
                known.wanted += 1;
                return Ok(known.pipe);
            }
            tell(&mut state.pattern);
            state.attach(pipe, link, &Origin::Dialed, port)?;
            state.body.endpoints.dialed.push(Dialed {
                endpoint: endpoint.clone(),
                pipe,
                wanted: 1,
            });
            then();
            Ok(pipe)
        });
        if !matches!(added, Ok(added) if added == pipe) {
            port.free_pipe(pipe);
        }
        added
    }
}

/// Refuses the endpoints of transports that are not there. (Other users of the transports' package
/// may have asked it for more than this one was compiled with.)
fn check_transport(endpoint: &Endpoint) -> Result<(), EndpointError> {
    endpoint.check_transport()?;
    match endpoint {
        Endpoint::Tcp(_) if !cfg!(feature = "tcp") => Err(EndpointError::TcpDisabled),
        Endpoint::Ipc(_) if !cfg!(feature = "ipc") => Err(EndpointError::IpcDisabled),
        Endpoint::Inproc(_) if !cfg!(feature = "inproc") => Err(EndpointError::InprocDisabled),
        Endpoint::Tcp(_) | Endpoint::Ipc(_) | Endpoint::Inproc(_) => Ok(()),
    }
}
