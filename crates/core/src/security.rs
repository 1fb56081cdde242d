//! Which security mechanism a socket speaks, and in which role.

use ferromq_wire::{Mechanism, Null};
#[cfg(feature = "plain")]
use ferromq_wire::{PlainClient, PlainServer};

/// How a socket's connections are secured: the mechanism and our role in it, for all its endpoints
/// over tcp and ipc, whether bound or connected. Inproc knows no mechanism.
///
/// A peer of another mechanism is refused with
/// [`MechanismMismatch`](crate::Violation::MechanismMismatch), so that nobody talks us into less.
#[derive(Clone, Debug, Default)]
pub struct Security(Kind);

#[derive(Clone, Debug, Default)]
enum Kind {
    #[default]
    Null,
    #[cfg(feature = "plain")]
    PlainClient(PlainClient),
    #[cfg(feature = "plain")]
    PlainServer,
}

impl Security {
    /// NULL: nothing is shown, checked or hidden (RFC 37). The default. With an
    /// [`Authenticator`](crate::Authenticator), peers can be chosen by their address.
    pub fn null() -> Self {
        Self(Kind::Null)
    }

    /// PLAIN as the client: shows the server a user name and a password of at most 255 bytes each,
    /// in the clear, and learns nothing about the server (RFC 24). Only for networks in which
    /// everybody is trusted.
    #[cfg(feature = "plain")]
    #[doc(alias = "ZMQ_PLAIN_USERNAME")]
    #[doc(alias = "ZMQ_PLAIN_PASSWORD")]
    pub fn plain_client(username: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Self {
        Self(Kind::PlainClient(PlainClient::new(username, password)))
    }

    /// PLAIN as the server: asks each client for its user name and password (RFC 24). Who decides
    /// is the socket's [`Authenticator`](crate::Authenticator); without one, all are denied.
    #[cfg(feature = "plain")]
    #[doc(alias = "ZMQ_PLAIN_SERVER")]
    pub fn plain_server() -> Self {
        Self(Kind::PlainServer)
    }

    /// What a peer can be told by our greeting.
    pub(crate) fn is_server(&self) -> bool {
        match self.0 {
            Kind::Null => false,
            #[cfg(feature = "plain")]
            Kind::PlainClient(_) => false,
            #[cfg(feature = "plain")]
            Kind::PlainServer => true,
        }
    }

    /// False if what is to be shown does not fit on the wire.
    pub(crate) fn is_valid(&self) -> bool {
        match &self.0 {
            Kind::Null => true,
            #[cfg(feature = "plain")]
            Kind::PlainClient(client) => client.fits(),
            #[cfg(feature = "plain")]
            Kind::PlainServer => true,
        }
    }

    /// The mechanism for a new connection; `asks`: somebody decides about peers of NULL.
    pub(crate) fn mechanism(&self, asks: bool) -> Box<dyn Mechanism> {
        match &self.0 {
            Kind::Null if asks => Box::new(Null::asking()),
            Kind::Null => Box::new(Null::new()),
            #[cfg(feature = "plain")]
            Kind::PlainClient(client) => Box::new(client.clone()),
            #[cfg(feature = "plain")]
            Kind::PlainServer => Box::new(PlainServer::new()),
        }
    }
}
