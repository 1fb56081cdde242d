//! Streams that somebody else has connected.

use ferromq_transport::ConnectedStream;

use super::Socket;
use crate::error::TakeError;
use crate::event::ConnectionId;
use crate::io::{Arriving, IoCommand};
use crate::pattern::Pattern;

impl<P: Pattern> Socket<P> {
    /// Takes over a stream that is connected already, and looks for a peer at its other end: one
    /// that a supervisor hands down (inetd), the end of a tunnel, or one of a pair
    /// ([`UnixStream::pair`](std::os::unix::net::UnixStream::pair)), as between a parent and its
    /// child. Either side may take its end; neither has to bind or connect. Returns at once, with
    /// the name that [`events`](Self::events) and [`peers`](Self::peers) give the connection; the
    /// handshake follows.
    ///
    /// The connection is like one that a listener accepted: it counts as such against
    /// [`max_connections`](crate::Builder::max_connections) and the limits of handshakes, those who
    /// are [allowed](crate::Builder::allow_user) to use ipc are looked at, and it is not made again
    /// when it is lost. Which side is the server of PLAIN or CURVE is what
    /// [`security`](crate::Builder::security) says, as always. Events begin with
    /// [`Accepted`](crate::Event::Accepted); they call it by its own address, or for ipc by its
    /// name or that of its peer, and `ipc://*` if neither has one.
    /// [`wait_peers`](Self::wait_peers) waits for the peer, and
    /// [`disconnect_peer`](Self::disconnect_peer) ends it.
    ///
    /// A tcp stream is a [`std::net::TcpStream`], one of ipc a
    /// [`UnixStream`](std::os::unix::net::UnixStream); either can be made of an owned descriptor.
    /// Options that concern streams are applied, but for the interface. The stream becomes
    /// non-blocking, for other descriptors of it as well, and close-on-exec.
    ///
    /// *Errors* close the stream:
    /// - [`TakeError::Closed`]: the socket is closed, by whichever thread;
    /// - [`TakeError::Crowded`]: there are as many connections or handshakes as may be;
    /// - [`TakeError::NoThread`]: no I/O thread could be started;
    /// - [`TakeError::Stream`]: [`StreamError`](crate::StreamError) says why.
    ///
    /// *Compatibility*: libzmq's `ZMQ_USE_FD` is for sockets that listen, as
    /// [`bind_listener`](Self::bind_listener) is.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_USE_FD")]
    pub fn take_stream(
        &self,
        stream: impl Into<ConnectedStream>,
    ) -> Result<ConnectionId, TakeError> {
        self.check_open()?;
        let shared = self.shared();
        let port = shared.port();
        let options = port.options();
        let (stream, endpoint) = port.world.adopt_stream(stream.into(), &options.transport)?;
        let io = shared.context.io(options.affinity);
        let io = io.map_err(TakeError::NoThread)?;
        let by = shared.with(|state| state.body.endpoints.taken_by(&io));
        let arriving = Arriving::enter(&stream, (by, &endpoint, &options), &io, port)?;
        let connection = arriving.connection();
        let mut arriving = Some(arriving);
        let closed = shared.with(|state| {
            if state.body.closed.is_none()
                && let Some(arriving) = arriving.take()
            {
                io.put(IoCommand::Take(arriving));
            }
            state.body.closed
        });
        if let Some(closed) = closed {
            return Err(closed.into());
        }
        io.rouse();
        Ok(connection)
    }
}
