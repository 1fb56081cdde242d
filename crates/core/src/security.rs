//! Which security mechanism a socket speaks, and in which role.

use std::io;

#[cfg(feature = "curve")]
use ferromq_wire::{CurveClient, CurveServer, KeyPair, PublicKey, Zeroizing};
use ferromq_wire::{Mechanism, Null};
#[cfg(feature = "plain")]
use ferromq_wire::{PlainClient, PlainServer};

use crate::world::World;

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
    #[cfg(feature = "curve")]
    CurveClient(KeyPair, PublicKey),
    #[cfg(feature = "curve")]
    CurveServer(KeyPair),
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
    /// is the socket's [`Authenticator`](crate::Authenticator), or a ZAP handler; without either,
    /// all are denied.
    #[cfg(feature = "plain")]
    #[doc(alias = "ZMQ_PLAIN_SERVER")]
    pub fn plain_server() -> Self {
        Self(Kind::PlainServer)
    }

    /// CURVE as the client, with keys of its own, of the server with this key (RFC 26). Traffic is
    /// hidden from others and cannot be changed or repeated by them; nobody else than the owner of
    /// the server's secret key can be the server.
    #[cfg(feature = "curve")]
    #[doc(alias = "ZMQ_CURVE_SERVERKEY")]
    #[doc(alias = "ZMQ_CURVE_PUBLICKEY")]
    #[doc(alias = "ZMQ_CURVE_SECRETKEY")]
    pub fn curve_client(keys: KeyPair, server: PublicKey) -> Self {
        Self(Kind::CurveClient(keys, server))
    }

    /// CURVE as the server (RFC 26). A client proves that it has the secret key to the public one
    /// that it shows; which ones are welcome, the socket's
    /// [`Authenticator`](crate::Authenticator) decides, or a ZAP handler. **Without either, every
    /// client is that knows the server's public key**, unless
    /// [`enforce_zap_domain`](crate::Builder::enforce_zap_domain) is set.
    #[cfg(feature = "curve")]
    #[doc(alias = "ZMQ_CURVE_SERVER")]
    pub fn curve_server(keys: KeyPair) -> Self {
        Self(Kind::CurveServer(keys))
    }

    /// What a peer can be told by our greeting.
    pub(crate) fn is_server(&self) -> bool {
        match self.0 {
            Kind::Null => false,
            #[cfg(feature = "plain")]
            Kind::PlainClient(_) => false,
            #[cfg(feature = "plain")]
            Kind::PlainServer => true,
            #[cfg(feature = "curve")]
            Kind::CurveClient(..) => false,
            #[cfg(feature = "curve")]
            Kind::CurveServer(_) => true,
        }
    }

    /// True if peers can be decided about. (A server of CURVE has proven who it is by itself.)
    pub(crate) fn asks(&self) -> bool {
        matches!(self.0, Kind::Null) || self.is_server()
    }

    /// False if what is to be shown does not fit on the wire.
    pub(crate) fn is_valid(&self) -> bool {
        match &self.0 {
            #[cfg(feature = "plain")]
            Kind::PlainClient(client) => client.fits(),
            _ => true,
        }
    }

    /// The mechanism for a new connection; `asks`: somebody decides about peers of NULL; `answers`:
    /// the peer speaks first (where it is a client, it does so by itself). Fails if the world has
    /// no random numbers for its keys.
    pub(crate) fn mechanism(
        &self,
        asks: bool,
        answers: bool,
        world: &dyn World,
    ) -> io::Result<Box<dyn Mechanism>> {
        let _ = world;
        Ok(match &self.0 {
            Kind::Null => {
                let null = if asks { Null::asking() } else { Null::new() };
                Box::new(if answers { null.answering() } else { null })
            }
            #[cfg(feature = "plain")]
            Kind::PlainClient(client) => Box::new(client.clone()),
            #[cfg(feature = "plain")]
            Kind::PlainServer => Box::new(PlainServer::new()),
            #[cfg(feature = "curve")]
            Kind::CurveClient(keys, server) => {
                Box::new(CurveClient::new(keys.clone(), *server, entropy(world)?))
            }
            #[cfg(feature = "curve")]
            Kind::CurveServer(keys) => Box::new(CurveServer::new(keys.clone(), entropy(world)?)),
        })
    }
}

#[cfg(feature = "curve")]
fn entropy<const N: usize>(world: &dyn World) -> io::Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    world.entropy(&mut *bytes)?;
    Ok(bytes)
}
