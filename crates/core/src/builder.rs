//! Making a socket with options: the options themselves are set in files by topic.

mod connecting;
mod identity;
mod limits;
mod queueing;
mod security;
mod transport;

use std::fmt;
use std::time::Duration;

use ferromq_wire::{Part, metadata};

use crate::context::{Context, ContextInner, LONGEST_LINGER};
use crate::error::BuildError;
use crate::options::{Announcements, LONGEST_WAIT, Options, is_routing_id};
use crate::pattern::Pattern;
use crate::socket::Socket;

/// The most properties announced, and bytes of their names and values: what [`Limits`] allow a peer
/// by default, less what the handshake itself needs.
///
/// [`Limits`]: ferromq_wire::Limits
const MOST_PROPERTIES: usize = 100;
const MOST_METADATA: usize = 60 * 1024;

/// The longest time to live that a PING can carry.
const LONGEST_TTL: Duration = Duration::from_millis(6_553_500);

/// A socket type that can be built: implemented by [`socket_type!`](crate::socket_type).
pub trait SocketType: From<Socket<Self::Pattern>> {
    /// Its behaviour.
    type Pattern: Pattern + Default;

    /// The options that this type alone has; `()` if there are none.
    type Settings: Clone + fmt::Debug + Default + PartialEq;

    /// The behaviour with these options.
    fn pattern(settings: Self::Settings) -> Self::Pattern;

    /// The options with which it behaves so.
    fn settings(pattern: &Self::Pattern) -> Self::Settings;

    /// Has it behave otherwise from now on. An error is an option that stays as it is; then they
    /// all do.
    fn adjust(pattern: &mut Self::Pattern, settings: Self::Settings) -> Result<(), &'static str>;
}

/// A pattern with options of its own, which may be changed while it is used.
#[doc(hidden)]
pub trait Adjusts<Settings> {
    /// The options as they are now.
    fn settings(&self) -> Settings;

    /// Changes them, but for those that stay: the name of one of these is the error, and nothing is
    /// changed then.
    fn adjust(&mut self, settings: Settings) -> Result<(), &'static str>;
}

impl<P: Pattern> Adjusts<()> for P {
    fn settings(&self) {}

    fn adjust(&mut self, (): ()) -> Result<(), &'static str> {
        Ok(())
    }
}

/// Options of a socket to be made, or of one whose options are to be changed (`update_options` of
/// each socket type); of the former each has the default stated.
///
/// Options of one socket type alone are methods of a trait beside it (`RouterOptions` for
/// `Router`).
#[derive(Debug)]
pub struct Builder<S: SocketType> {
    options: Options,
    settings: S::Settings,
}

impl<S: SocketType> Clone for Builder<S> {
    fn clone(&self) -> Self {
        Self {
            options: self.options.clone(),
            settings: self.settings.clone(),
        }
    }
}

impl<S: SocketType> Default for Builder<S> {
    fn default() -> Self {
        Self {
            options: Options::default(),
            settings: S::Settings::default(),
        }
    }
}

impl<S: SocketType> Builder<S> {
    /// Makes the socket.
    ///
    /// *Errors*: an option out of range or in conflict with another, or a context that was shut
    /// down.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn build(self, context: &Context) -> Result<S, BuildError> {
        context.inner().check_open()?;
        let (options, settings) = self.checked(context.inner())?;
        let socket = Socket::build(context, S::pattern(settings), options);
        socket.check_open()?;
        Ok(socket.into())
    }

    /// Changes the options of this type alone: how a pattern crate adds methods of its own.
    #[doc(hidden)]
    pub fn set(mut self, change: impl FnOnce(&mut S::Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Changes the messages that come about with connections: how a pattern crate offers those that
    /// its types have a use for.
    #[doc(hidden)]
    pub fn announce(mut self, change: impl FnOnce(&mut Announcements)) -> Self {
        change(&mut self.options.announcements);
        self
    }

    /// The options of a socket that is there already, to be changed.
    pub(crate) fn of(options: Options, settings: S::Settings) -> Self {
        Self { options, settings }
    }

    /// The options, if they are possible in this context.
    pub(crate) fn checked(
        self,
        context: &ContextInner,
    ) -> Result<(Options, S::Settings), BuildError> {
        self.check()?;
        match context.has_thread(self.options.affinity) {
            true => Ok((self.options, self.settings)),
            false => BuildError::out_of_range("affinity"),
        }
    }

    /// Makes sure that each option is within its range.
    fn check(&self) -> Result<(), BuildError> {
        let options = &self.options;
        if options.linger.is_some_and(|linger| linger > LONGEST_LINGER) {
            return BuildError::out_of_range("linger");
        }
        if options.handshake_timeout > LONGEST_WAIT {
            return BuildError::out_of_range("handshake_timeout");
        }
        let heartbeat = options.heartbeat;
        if heartbeat.interval > LONGEST_WAIT {
            return BuildError::out_of_range("heartbeat_interval");
        }
        if heartbeat
            .timeout
            .is_some_and(|timeout| timeout > LONGEST_WAIT)
        {
            return BuildError::out_of_range("heartbeat_timeout");
        }
        if heartbeat.ttl > LONGEST_TTL {
            return BuildError::out_of_range("heartbeat_ttl");
        }
        let connecting = options.connect_timeout;
        if connecting.is_some_and(|timeout| timeout.is_zero() || timeout > LONGEST_WAIT) {
            return BuildError::out_of_range("connect_timeout");
        }
        if !options.reconnect.is_valid() {
            return BuildError::out_of_range("reconnect_interval");
        }
        self.check_limits()?;
        self.check_security()?;
        self.check_transport()?;
        if !options.has_possible_proxy() {
            return BuildError::out_of_range("socks_proxy");
        }
        if !self.has_good_metadata() {
            return Err(BuildError::Metadata);
        }
        match &options.routing_id {
            Some(id) if !is_routing_id(id) => Err(BuildError::RoutingId),
            _ => Ok(()),
        }
    }

    /// True if peers with the limits that are ours by default take the properties: more of them, or
    /// larger ones, would have every handshake fail.
    fn has_good_metadata(&self) -> bool {
        let metadata = &self.options.metadata;
        let is_good = |(name, value): &(String, Part)| {
            name.starts_with("X-") && metadata::check(name, value).is_ok()
        };
        let bytes = |(name, value): &(String, Part)| name.len().saturating_add(value.len());
        let size = metadata.iter().map(bytes).fold(0, usize::saturating_add);
        let mut names: Vec<_> = metadata
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.len() == metadata.len()
            && metadata.len() <= MOST_PROPERTIES
            && size <= MOST_METADATA
            && metadata.iter().all(is_good)
    }
}

/// Declares a socket type: a newtype around [`Socket`] with its documentation, `new` and `builder`.
///
/// A type with options of its own names their type (`with RouterSettings`), from which its pattern
/// can be made; the builder's methods for them are those of an extension trait.
#[macro_export]
macro_rules! socket_type {
    ($(#[$docs:meta])* pub struct $name:ident($pattern:ty);) => {
        $crate::socket_type! { @declare [$(#[$docs])*] $name $pattern, () }
    };
    ($(#[$docs:meta])* pub struct $name:ident($pattern:ty) with $settings:ident;) => {
        $crate::socket_type! { @declare [$(#[$docs])*] $name $pattern, $settings }
    };
    (@pattern $pattern:ty, (), $given:ident) => {{
        let () = $given;
        <$pattern as ::std::default::Default>::default()
    }};
    (@pattern $pattern:ty, $settings:ident, $given:ident) => {
        <$pattern as ::std::convert::From<$settings>>::from($given)
    };
    (@declare [$(#[$docs:meta])*] $name:ident $pattern:ty, $settings:tt) => {
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

            /// Changes options: `change` is given those of now, and returns what they are to be. It
            /// may be called again, if another thread has changed some meanwhile.
            ///
            /// What concerns endpoints and their connections (security, heartbeats, high-water
            /// marks, messages to new peers, …) is in force for those that are bound, connected or
            /// taken over later; the others keep theirs, also when they connect again or accept.
            /// What concerns the socket as a whole is in force at once: timeouts of calls, linger,
            /// pauses before reconnecting, what becomes of a lost peer's messages, limits on the
            /// numbers of connections and handshakes, and the options of this socket type alone.
            ///
            /// # Errors
            ///
            /// Nothing changes:
            /// - [`UpdateError::Closed`]($crate::UpdateError::Closed): the socket is closed;
            /// - [`UpdateError::Fixed`]($crate::UpdateError::Fixed): an option was changed that
            ///   stays as the socket was made with (which those are: `docs/options.md`);
            /// - [`UpdateError::Invalid`]($crate::UpdateError::Invalid): as `build` would say.
            #[doc(alias = "zmq_setsockopt")]
            pub fn update_options(
                &self,
                change: impl FnMut($crate::Builder<Self>) -> $crate::Builder<Self>,
            ) -> Result<(), $crate::UpdateError> {
                self.0.update(change)
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
            type Settings = $settings;

            fn pattern(settings: $settings) -> $pattern {
                $crate::socket_type! { @pattern $pattern, $settings, settings }
            }

            fn settings(pattern: &$pattern) -> $settings {
                $crate::Adjusts::settings(pattern)
            }

            fn adjust(pattern: &mut $pattern, settings: $settings) -> Result<(), &'static str> {
                $crate::Adjusts::adjust(pattern, settings)
            }
        }
    };
}
