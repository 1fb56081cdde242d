//! What waits in a socket, how much of it and for how long.

use std::time::Duration;

use super::{Builder, SocketType};
use crate::options::{OnPeerLost, Overflow};
use crate::pattern::{Conflates, Receives, Requeues};

impl<S: SocketType> Builder<S>
where
    S::Pattern: Requeues,
{
    /// What becomes of messages that a lost peer was not given. Default: [`OnPeerLost::Requeue`].
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn on_peer_lost(mut self, then: OnPeerLost) -> Self {
        self.options.on_peer_lost = then;
        self
    }
}

impl<S: SocketType> Builder<S> {
    /// How many messages wait at most for one peer; 0: unlimited. Default: 1000.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_SNDHWM")]
    pub fn send_high_water_mark(mut self, messages: u32) -> Self {
        self.options.send_mark = messages;
        self
    }

    /// How many messages of one peer wait at most for the application; 0: unlimited. Default: 1000.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_RCVHWM")]
    pub fn receive_high_water_mark(mut self, messages: u32) -> Self {
        self.options.receive_mark = messages;
        self
    }

    /// How many bytes wait at most for one peer, beside the mark in messages: a message is accepted
    /// while fewer than `bytes` are queued, whatever its own size, so that one larger than that can
    /// be sent. 0: no such mark. Default: 0.
    ///
    /// What counts are the bytes of all parts of messages whose last byte the kernel has not taken:
    /// of what goes to the peer, with a delimiter or an id that the socket type puts in front, and
    /// without framing. It is as exact as the
    /// [mark in messages](Self::send_high_water_mark), and what is beyond it fares the same.
    ///
    /// Within the process the sender's and the receiver's mark add up; if one of the two has none,
    /// there is none.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn send_high_water_bytes(mut self, bytes: u64) -> Self {
        self.options.send_mark_bytes = bytes;
        self
    }

    /// How many bytes of one peer wait at most for the application, beside the mark in messages:
    /// while fewer than `bytes` of all parts are there, one more message is taken, whatever its own
    /// size ([`max_message_size`](Self::max_message_size) limits that). No more is read then until
    /// the application has received. 0: no such mark. Default: 0.
    ///
    /// Beyond the marks, an XPUB drops messages of subscribers and counts them, for it must know
    /// of their subscriptions in time: there the bytes of all peers count together.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn receive_high_water_bytes(mut self, bytes: u64) -> Self {
        self.options.receive_mark_bytes = bytes;
        self
    }

    /// Whether only the last message is kept of those that wait for a peer, and of those received
    /// from one: each has its own last one. Whole messages, of whatever number of parts (libzmq: of
    /// one part). Default: false.
    ///
    /// The high-water marks have no meaning then, and sending never waits for room. What is
    /// replaced is counted as [`Conflated`](crate::Dropped::Conflated); what the
    /// kernel has taken is not replaced any more. What waits for a peer that is lost goes to no
    /// other one, as with [`OnPeerLost::Keep`](crate::OnPeerLost::Keep).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_CONFLATE")]
    pub fn conflate(self, conflate: bool) -> Self
    where
        S::Pattern: Conflates,
    {
        self.overflow(Overflow::KeepLatest, conflate)
    }

    /// What becomes of messages without room, or no longer: how a pattern crate offers ways of its
    /// own. Of several, the one that keeps least is in force.
    #[doc(hidden)]
    pub fn overflow(mut self, overflow: Overflow, wanted: bool) -> Self {
        let present = self.options.overflow;
        self.options.overflow = match wanted {
            true => present.max(overflow),
            false if present == overflow => Overflow::Refuse,
            false => present,
        };
        self
    }

    /// Whether [`recv_arrival`](crate::Socket::recv_arrival) tells of peers that come and go, in
    /// the order of their messages. Default: false.
    pub fn tell_peers(mut self, tell: bool) -> Self
    where
        S::Pattern: Receives,
    {
        self.options.tell_peers = tell;
        self
    }

    /// How long `send` waits at most; zero: not at all. Default: without limit, which
    /// [`set_send_timeout`](crate::Socket::set_send_timeout) can restore.
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.options.send_timeout = Some(timeout);
        self
    }

    /// How long `recv` waits at most; zero: not at all. Default: without limit, which
    /// [`set_receive_timeout`](crate::Socket::set_receive_timeout) can restore.
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub fn receive_timeout(mut self, timeout: Duration) -> Self {
        self.options.receive_timeout = Some(timeout);
        self
    }

    /// How long what is queued may be flushed after the socket is closed; zero drops it. At most a
    /// day. Default: that of the [context](crate::ContextBuilder::linger), 5 s (libzmq: for ever);
    /// of SUB and XSUB, none when they are closed, as in libzmq.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_LINGER")]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.options.linger = Some(linger);
        self
    }

    /// The largest message accepted from a peer, in bytes over all parts; a larger one ends the
    /// connection. 0: only empty ones. Default: unlimited (memory follows what arrives, never what
    /// is announced).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_MAXMSGSIZE")]
    pub fn max_message_size(mut self, bytes: u64) -> Self {
        self.options.limits.max_message_size = Some(bytes);
        self
    }
}
