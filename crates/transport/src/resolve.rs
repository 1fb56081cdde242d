//! From endpoints to addresses, for connecting.

use std::io;

use crate::Address;
use crate::endpoint::{Endpoint, Host};

/// Whether [`resolve`] has to ask the system's resolver, and so may take long.
pub fn needs_resolver(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Tcp(tcp) if matches!(tcp.host(), Host::Name(_)))
}

/// Resolves an endpoint to connect to: all its addresses, in the resolver's order.
///
/// IPv6 addresses are always among them; see [`ipv6`](crate::TransportOptions::ipv6). A source
/// address is paired with the destinations of its family.
///
/// # Blocking
/// Asks the system's resolver if [`needs_resolver`] says so; there is no way to cut that short.
///
/// # Errors
/// - `InvalidInput`: the endpoint cannot be connected ([`Endpoint::check_connect`]), or its
///   transport is not there ([`Endpoint::check_transport`]).
/// - `Unsupported`: inproc endpoints have no address.
/// - `AddrNotAvailable`: the source is no interface with an address of the destination's family.
/// - the resolver's errors.
pub fn resolve(endpoint: &Endpoint) -> io::Result<Vec<Address>> {
    endpoint
        .check_transport()
        .and_then(|()| endpoint.check_connect())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    match endpoint {
        #[cfg(feature = "tcp")]
        Endpoint::Tcp(tcp) => crate::tcp::resolve(tcp),
        #[cfg(all(unix, feature = "ipc"))]
        Endpoint::Ipc(ipc) => Ok(ipc
            .address()
            .cloned()
            .map(Address::Ipc)
            .into_iter()
            .collect()),
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
