//! How much peers can make a socket hold: `docs/limits.md` has all limits, and why each default.

use super::{Builder, SocketType};
use crate::error::BuildError;

/// The smallest room for a handshake, and for a command, in bytes: what every peer needs.
const SMALLEST: usize = 1024;

impl<S: SocketType> Builder<S> {
    /// How many connections the socket's listeners hold at a time, handshakes under way included,
    /// and those that are over and have left something that was not received. Who comes then is
    /// closed at once, with [`Event::TurnedAway`](crate::Event::TurnedAway). At least one.
    /// Default: 65 536 (libzmq: no limit).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.options.capacity.connections = connections;
        self
    }

    /// How many connections to the socket's listeners may be in their handshakes at a time. Who
    /// comes then takes the place of the oldest handshake, if that has lasted 250 ms, or of the
    /// oldest in the youngest quarter, if that has lasted 10 ms: it ends with
    /// [`Reason::Displaced`](crate::Reason::Displaced). Else who comes is closed at once, with
    /// [`Event::TurnedAway`](crate::Event::TurnedAway). At least one. Default: 1024 (libzmq: no
    /// limit).
    ///
    /// Who is let into that quarter is sent READY only after its own, or after 100 ms: before, it
    /// cannot send messages, which would be lost with its place.
    ///
    /// So connections that never finish their handshake neither exhaust memory nor keep honest
    /// peers out, which come again after a pause.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn max_handshakes(mut self, handshakes: usize) -> Self {
        self.options.capacity.handshakes = handshakes;
        self
    }

    /// The same as [`max_handshakes`](Self::max_handshakes) for those from one IP address (of IPv6:
    /// from one network of 64 bits); ipc is not limited by it. At least one. Default: 256 (libzmq:
    /// no limit).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn max_handshakes_per_address(mut self, handshakes: usize) -> Self {
        self.options.capacity.handshakes_per_address = handshakes;
        self
    }

    /// How many bytes a peer may send before its handshake is over, greeting included; more end the
    /// connection with [`HandshakeTooLarge`](crate::Violation::HandshakeTooLarge). At least 1 KiB.
    /// Default: 64 KiB (libzmq: no limit).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn max_handshake_size(mut self, bytes: usize) -> Self {
        self.options.limits.max_handshake = bytes;
        self
    }

    /// The longest command accepted from a peer, in bytes: a subscription with its topic, or what
    /// its handshake consists of. A longer one ends the connection with
    /// [`CommandTooLarge`](crate::Violation::CommandTooLarge). At least 1 KiB. Default: 64 KiB
    /// (libzmq: no limit).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn max_command_size(mut self, bytes: usize) -> Self {
        self.options.limits.max_command = bytes;
        self
    }

    /// The most properties in a peer's metadata, its socket type and routing id included; more end
    /// the connection with [`MetadataTooLarge`](crate::Violation::MetadataTooLarge). At least 2.
    /// Default: 128 (libzmq: no limit).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn max_properties(mut self, properties: usize) -> Self {
        self.options.limits.max_properties = properties;
        self
    }

    /// The most parts of a message accepted from a peer; more end the connection with
    /// [`TooManyParts`](crate::Violation::TooManyParts). At least one. Default: 65 536 (libzmq: no
    /// limit).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn max_parts(mut self, parts: usize) -> Self {
        self.options.limits.max_parts = parts;
        self
    }

    /// How many [events](crate::Socket::events) are kept for a reader that does not read; further
    /// ones are counted, and told of as [`Event::Missed`](crate::Event::Missed). At least one.
    /// Default: 4096.
    pub fn event_backlog(mut self, events: usize) -> Self {
        self.options.event_backlog = events;
        self
    }

    /// Makes sure that each limit lets a peer in at all.
    pub(super) fn check_limits(&self) -> Result<(), BuildError> {
        let (limits, capacity) = (&self.options.limits, &self.options.capacity);
        let smallest = [
            ("max_connections", capacity.connections, 1),
            ("max_handshakes", capacity.handshakes, 1),
            (
                "max_handshakes_per_address",
                capacity.handshakes_per_address,
                1,
            ),
            ("max_handshake_size", limits.max_handshake, SMALLEST),
            ("max_command_size", limits.max_command, SMALLEST),
            ("max_properties", limits.max_properties, 2),
            ("max_parts", limits.max_parts, 1),
            ("event_backlog", self.options.event_backlog, 1),
        ];
        match smallest.iter().find(|(_, set, least)| set < least) {
            Some((option, ..)) => BuildError::out_of_range(option),
            None => Ok(()),
        }
    }
}
