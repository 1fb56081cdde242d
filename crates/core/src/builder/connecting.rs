//! How connections are made and made again.

use std::time::Duration;

use ferromq_wire::ZmtpVersion;

use super::{Builder, SocketType};

impl<S: SocketType> Builder<S> {
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
}
