//! How connections are made and made again.

use std::time::Duration;

use ferromq_wire::ZmtpVersion;

use super::{Builder, SocketType};
use crate::options::{Credentials, ReconnectStop};

impl<S: SocketType> Builder<S> {
    /// Whether only peers that are connected are given messages. Default: false.
    ///
    /// Otherwise an endpoint that is dialed gets its share of messages from `connect` on, which
    /// wait there until somebody answers. With this, `send` waits for a peer that is there; and
    /// what a lost one had not been given is not kept for its return: it goes to other peers, or is
    /// counted as [`PeerGone`](crate::Dropped::PeerGone). Concerns tcp and ipc only.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_IMMEDIATE")]
    pub fn immediate(mut self, immediate: bool) -> Self {
        self.options.immediate = immediate;
        self
    }

    /// How long connecting to an endpoint may take in one attempt, over all its addresses; then it
    /// fails, and is tried again after the pause. More than zero, at most a day. Default: as the
    /// system has it, which is about two minutes per address.
    #[doc(alias = "ZMQ_CONNECT_TIMEOUT")]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = Some(timeout);
        self
    }

    /// How long a handshake may take in all, as one deadline, at most a day; zero: no limit.
    /// Default: 30 s.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_HANDSHAKE_IVL")]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.options.handshake_timeout = timeout;
        self
    }

    /// The time between two PINGs to each peer (RFC 37, "Connection Heartbeating"); zero: none is
    /// sent. At most a day. Default: zero.
    ///
    /// A peer from which nothing comes in time after a PING is given up: the connection ends with
    /// [`Silence::Unanswered`](crate::Silence::Unanswered), and is made again if this side had
    /// dialed. Whatever comes counts, not only the answer. While the application leaves what the
    /// peer sent until the receive high-water mark is reached, nothing more is read, and nobody is
    /// given up.
    ///
    /// PINGs of the peer are answered whatever is set here. A full socket that is not read does not
    /// see them; once it has seen some, it then sends PONGs at twice their rhythm.
    ///
    /// *Compatibility*: libzmq gives up a peer whose answer it does not read because it is full.
    /// Peers of ZMTP 3.0 are sent PINGs, and given up once they have shown that they know them.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_HEARTBEAT_IVL")]
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.options.heartbeat.interval = interval;
        self
    }

    /// How long after a PING of ours a peer may be silent; zero: for ever. At most a day. Default:
    /// the [interval](Self::heartbeat_interval) of heartbeats, without which it is of no effect.
    ///
    /// A PING goes out between two messages. While it waits behind a large one, the peer is given
    /// up only if nothing at all can be written for that long.
    #[doc(alias = "ZMQ_HEARTBEAT_TIMEOUT")]
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.options.heartbeat.timeout = Some(timeout);
        self
    }

    /// How long peers are to bear our silence, which our PINGs tell them; zero: for ever. In tenths
    /// of a second, rounded up (libzmq: down), and 6553.5 s at most. Default: zero.
    ///
    /// It is of no effect without [`heartbeat_interval`](Self::heartbeat_interval). A peer that
    /// sets us a time with its own PINGs is given up with
    /// [`Silence::Expired`](crate::Silence::Expired) when nothing has come for that long, and at
    /// the latest after twice the time.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_HEARTBEAT_TTL")]
    pub fn heartbeat_ttl(mut self, ttl: Duration) -> Self {
        self.options.heartbeat.ttl = ttl;
        self
    }

    /// The pause before the first attempt to reconnect, and the longest one: doubled each time,
    /// with a random half taken away, and the first again once a connection has lasted as long as
    /// the next pause would. The first is more than zero and no longer than the longest, which is
    /// at most a day; to stop at the first failure there is
    /// [`reconnect_stop`](Self::reconnect_stop). Defaults: 100 ms and 1 s (libzmq: 100 to 200 ms,
    /// not growing).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_RECONNECT_IVL")]
    #[doc(alias = "ZMQ_RECONNECT_IVL_MAX")]
    pub fn reconnect_interval(mut self, first: Duration, most: Duration) -> Self {
        self.options.reconnect.first = first;
        self.options.reconnect.most = most;
        self
    }

    /// When a dialed endpoint is given up rather than tried again. Default: never.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_RECONNECT_STOP")]
    pub fn reconnect_stop(mut self, stop: ReconnectStop) -> Self {
        self.options.reconnect.stop = stop;
        self
    }

    /// Reaches tcp endpoints that are dialed through a SOCKS5 proxy (RFC 1928), `host:port`, which
    /// looks their names up. A source address is not used then; events and peers have the proxy's
    /// address. What the proxy refuses is tried again, as a handshake that failed with
    /// [`Reason::Socks`](crate::Reason::Socks), whose time it takes. Default: none.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_SOCKS_PROXY")]
    pub fn socks_proxy(mut self, address: impl Into<String>) -> Self {
        self.options.socks_proxy = Some(address.into());
        self
    }

    /// Name and password for the [proxy](Self::socks_proxy), if it wants them (RFC 1929), of 1 to
    /// 255 bytes each. Default: none.
    #[doc(alias = "ZMQ_SOCKS_USERNAME")]
    #[doc(alias = "ZMQ_SOCKS_PASSWORD")]
    pub fn socks_credentials(
        mut self,
        name: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        self.options.socks_credentials = Some(Credentials {
            name: name.into(),
            password: password.into(),
        });
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
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn min_zmtp(mut self, version: ZmtpVersion) -> Self {
        self.options.min_zmtp = version;
        self
    }
}
