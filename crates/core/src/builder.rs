//! Making a socket with options.

use std::marker::PhantomData;
use std::time::Duration;

use ferromq_transport::Keepalive;
use ferromq_wire::{Part, ZmtpVersion};

use crate::context::{Context, LONGEST_LINGER};
use crate::error::BuildError;
use crate::options::Options;
use crate::pattern::Pattern;
use crate::socket::Socket;

/// A socket type that can be built: implemented by [`socket_type!`](crate::socket_type).
pub trait SocketType: From<Socket<Self::Pattern>> {
    /// Its behaviour.
    type Pattern: Pattern + Default;
}

/// Options of a socket to be made; each has the default stated.
#[derive(Clone, Debug)]
pub struct Builder<S> {
    options: Options,
    socket: PhantomData<fn() -> S>,
}

impl<S: SocketType> Default for Builder<S> {
    fn default() -> Self {
        Self {
            options: Options::default(),
            socket: PhantomData,
        }
    }
}

impl<S: SocketType> Builder<S> {
    /// Makes the socket.
    ///
    /// *Errors*: an option out of range, or a context that was shut down.
    pub fn build(self, context: &Context) -> Result<S, BuildError> {
        context.inner().check_open()?;
        self.check()?;
        Ok(Socket::build(context, S::Pattern::default(), self.options).into())
    }

    /// How many messages wait at most for one peer; 0: unlimited. Default: 1000.
    #[doc(alias = "ZMQ_SNDHWM")]
    pub fn send_high_water_mark(mut self, messages: u32) -> Self {
        self.options.send_mark = messages;
        self
    }

    /// How many messages of one peer wait at most for the application; 0: unlimited. Default: 1000.
    #[doc(alias = "ZMQ_RCVHWM")]
    pub fn receive_high_water_mark(mut self, messages: u32) -> Self {
        self.options.receive_mark = messages;
        self
    }

    /// How long `send` waits at most. Default: without limit.
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.options.send_timeout = Some(timeout);
        self
    }

    /// How long `recv` waits at most. Default: without limit.
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub fn receive_timeout(mut self, timeout: Duration) -> Self {
        self.options.receive_timeout = Some(timeout);
        self
    }

    /// How long what is queued may be flushed after the socket is closed; zero drops it. At most a
    /// day. Default: 5 s (libzmq: for ever).
    #[doc(alias = "ZMQ_LINGER")]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.options.linger = linger;
        self
    }

    /// How long a handshake may take in all, as one deadline; zero: no limit. Default: 30 s.
    #[doc(alias = "ZMQ_HANDSHAKE_IVL")]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.options.handshake_timeout = timeout;
        self
    }

    /// The pause before the first attempt to reconnect, and the longest one: doubled each time,
    /// with a random half taken away. Defaults: 100 ms and 1 s (libzmq: 100 to 200 ms, not
    /// growing).
    #[doc(alias = "ZMQ_RECONNECT_IVL")]
    #[doc(alias = "ZMQ_RECONNECT_IVL_MAX")]
    pub fn reconnect_interval(mut self, first: Duration, most: Duration) -> Self {
        self.options.reconnect.first = first;
        self.options.reconnect.most = most;
        self
    }

    /// The routing id announced to peers: a ROUTER knows this socket by it. 1 to 255 bytes, not
    /// beginning with a zero byte. Default: none. Announced by REQ, DEALER and ROUTER sockets.
    #[doc(alias = "ZMQ_ROUTING_ID")]
    pub fn routing_id(mut self, id: impl Into<Part>) -> Self {
        self.options.routing_id = Some(id.into());
        self
    }

    /// The largest message accepted from a peer, in bytes over all parts; a larger one ends the
    /// connection. Default: unlimited (memory follows what arrives, never what is announced).
    #[doc(alias = "ZMQ_MAXMSGSIZE")]
    pub fn max_message_size(mut self, bytes: u64) -> Self {
        self.options.limits.max_message_size = Some(bytes);
        self
    }

    /// The most parts of a message accepted from a peer; more end the connection. Default: 65 536.
    pub fn max_parts(mut self, parts: usize) -> Self {
        self.options.limits.max_parts = parts;
        self
    }

    /// The oldest version of ZMTP that a peer may speak; others are refused with
    /// [`UnsupportedVersion`](crate::Violation::UnsupportedVersion). Default: 3.0 (libzmq: 1.0).
    ///
    /// Below 3.0, our greeting goes out in stages, which costs every handshake half a round trip,
    /// that with newer peers too, and a whole one at most where the peer does the same (RFC 37,
    /// "Backwards Interoperability"). Older peers know no
    /// metadata, and those of 1.0 neither socket types nor subscriptions: to a PUB or XPUB one of
    /// these is a subscriber to everything. Nothing tells ZMTP 1.0 from other protocols: where it
    /// is served, garbage may come to be a peer.
    pub fn min_zmtp(mut self, version: ZmtpVersion) -> Self {
        self.options.min_zmtp = version;
        self
    }

    /// How many connections wait to be accepted. Default: 100.
    #[doc(alias = "ZMQ_BACKLOG")]
    pub fn backlog(mut self, connections: u32) -> Self {
        self.options.transport.backlog = connections;
        self
    }

    /// Sizes of the kernel's buffers in bytes, sending and receiving. Default: the system's.
    #[doc(alias = "ZMQ_SNDBUF")]
    #[doc(alias = "ZMQ_RCVBUF")]
    pub fn kernel_buffers(mut self, send: Option<usize>, receive: Option<usize>) -> Self {
        self.options.transport.send_buffer = send;
        self.options.transport.receive_buffer = receive;
        self
    }

    /// TCP keepalive. Default: the system's.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    pub fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.options.transport.keepalive = Some(keepalive);
        self
    }

    /// Whether IPv6 addresses are used. Default: true (libzmq: false).
    #[doc(alias = "ZMQ_IPV6")]
    pub fn ipv6(mut self, ipv6: bool) -> Self {
        self.options.transport.ipv6 = ipv6;
        self
    }

    fn check(&self) -> Result<(), BuildError> {
        let out_of_range = |option| Err(BuildError::OutOfRange { option });
        let options = &self.options;
        if options.linger > LONGEST_LINGER {
            return out_of_range("linger");
        }
        if options.handshake_timeout > Duration::from_secs(24 * 3600) {
            return out_of_range("handshake_timeout");
        }
        if options.reconnect.first.is_zero() || options.reconnect.most < options.reconnect.first {
            return out_of_range("reconnect_interval");
        }
        if options.limits.max_parts == 0 {
            return out_of_range("max_parts");
        }
        if options.transport.backlog == 0 {
            return out_of_range("backlog");
        }
        match &options.routing_id {
            Some(id) if id.is_empty() || id.len() > 255 || id.first() == Some(&0) => {
                Err(BuildError::RoutingId)
            }
            _ => Ok(()),
        }
    }
}

/// Declares a socket type: a newtype around [`Socket`] with its documentation, `new` and `builder`.
#[macro_export]
macro_rules! socket_type {
    ($(#[$docs:meta])* pub struct $name:ident($pattern:ty);) => {
        $(#[$docs])*
        #[derive(Debug)]
        pub struct $name($crate::Socket<$pattern>);

        impl $name {
            /// A socket with default options, without endpoints. (After a shutdown of the context,
            /// every operation fails.) Linger is 5 s: see
            /// [`Builder::linger`]($crate::Builder::linger).
            pub fn new(context: &$crate::Context) -> Self {
                Self($crate::Socket::with_defaults(context))
            }

            /// Options of a socket to be made.
            pub fn builder() -> $crate::Builder<Self> {
                $crate::Builder::default()
            }
        }

        impl ::std::convert::From<$crate::Socket<$pattern>> for $name {
            fn from(socket: $crate::Socket<$pattern>) -> Self {
                Self(socket)
            }
        }

        impl ::std::ops::Deref for $name {
            type Target = $crate::Socket<$pattern>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl $crate::BuildableSocket for $name {
            type Pattern = $pattern;
        }
    };
}
