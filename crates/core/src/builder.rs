//! Making a socket with options: the options themselves are set in files by topic.

mod connecting;
mod identity;
mod queueing;
mod security;
mod transport;

use std::marker::PhantomData;
use std::time::Duration;

use crate::context::{Context, LONGEST_LINGER};
use crate::error::BuildError;
use crate::options::Options;
use crate::pattern::Pattern;
use crate::socket::Socket;

/// The longest that an option can have anything wait for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The longest time to live that a PING can carry.
const LONGEST_TTL: Duration = Duration::from_millis(6_553_500);

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

    fn check(&self) -> Result<(), BuildError> {
        let out_of_range = |option| Err(BuildError::OutOfRange { option });
        let options = &self.options;
        if options.linger > LONGEST_LINGER {
            return out_of_range("linger");
        }
        if options.handshake_timeout > LONGEST_WAIT {
            return out_of_range("handshake_timeout");
        }
        let heartbeat = options.heartbeat;
        if heartbeat.interval > LONGEST_WAIT {
            return out_of_range("heartbeat_interval");
        }
        if heartbeat
            .timeout
            .is_some_and(|timeout| timeout > LONGEST_WAIT)
        {
            return out_of_range("heartbeat_timeout");
        }
        if heartbeat.ttl > LONGEST_TTL {
            return out_of_range("heartbeat_ttl");
        }
        if options.reconnect.first.is_zero() || options.reconnect.most < options.reconnect.first {
            return out_of_range("reconnect_interval");
        }
        if options.limits.max_parts == 0 {
            return out_of_range("max_parts");
        }
        if !options.security.is_valid() {
            return out_of_range("security");
        }
        if options.zap_domain.len() > 255 {
            return out_of_range("zap_domain");
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
