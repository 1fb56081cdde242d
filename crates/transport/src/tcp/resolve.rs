//! From tcp endpoints to addresses, for connecting and for binding.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use super::interfaces;
use crate::endpoint::{Host, Source, TcpEndpoint};
use crate::{Address, ListenError, TransportOptions};

/// Resolves a tcp endpoint to connect to; see [`resolve`](crate::resolve).
pub(crate) fn resolve(endpoint: &TcpEndpoint) -> io::Result<Vec<Address>> {
    let port = endpoint.port();
    let destinations = match endpoint.host() {
        Host::Any => return Err(io::ErrorKind::InvalidInput.into()),
        Host::Name(name) => (&**name, port).to_socket_addrs()?.collect(),
        Host::V4(address) => vec![(*address, port).into()],
        Host::V6(address, zone) => vec![scoped(*address, zone.as_deref(), port)?],
    };
    let Some(source) = endpoint.source() else {
        return Ok(destinations
            .into_iter()
            .map(|to| Address::Tcp { to, from: None })
            .collect());
    };
    let sources = resolve_source(source)?;
    let pair = |to: SocketAddr| {
        let from = *sources.iter().find(|from| from.is_ipv4() == to.is_ipv4())?;
        Some(Address::Tcp {
            to,
            from: Some(from),
        })
    };
    let addresses: Vec<_> = destinations.into_iter().filter_map(pair).collect();
    if addresses.is_empty() {
        Err(io::ErrorKind::AddrNotAvailable.into())
    } else {
        Ok(addresses)
    }
}

/// Resolves a tcp endpoint to bind: the addresses to try, in order.
///
/// A name is that of an interface first, then one for the resolver; of both, IPv4 addresses come
/// first, so that peers without IPv6 find the socket.
pub(super) fn resolve_bind(
    endpoint: &TcpEndpoint,
    options: &TransportOptions,
) -> Result<Vec<SocketAddr>, ListenError> {
    let port = endpoint.port();
    let mut addresses = match endpoint.host() {
        Host::Any => vec![
            (Ipv6Addr::UNSPECIFIED, port).into(),
            (Ipv4Addr::UNSPECIFIED, port).into(),
        ],
        Host::Name(name) => bind_name(name, port)?,
        Host::V4(address) => vec![(*address, port).into()],
        Host::V6(address, zone) => {
            let scoped = scoped(*address, zone.as_deref(), port);
            vec![scoped.map_err(|_| ListenError::InterfaceNotFound)?]
        }
    };
    addresses.retain(|address| options.ipv6 || address.is_ipv4());
    if addresses.is_empty() {
        Err(ListenError::AddressNotAvailable)
    } else {
        Ok(addresses)
    }
}

fn resolve_source(source: &Source) -> io::Result<Vec<SocketAddr>> {
    match source.host() {
        Host::Any => Err(io::ErrorKind::InvalidInput.into()),
        Host::Name(interface) => interfaces::addresses_of(interface, source.port()),
        Host::V4(address) => Ok(vec![(*address, source.port()).into()]),
        Host::V6(address, zone) => Ok(vec![scoped(*address, zone.as_deref(), source.port())?]),
    }
}

fn bind_name(name: &str, port: u16) -> Result<Vec<SocketAddr>, ListenError> {
    either(interfaces::addresses_of(name, port), || {
        (name, port).to_socket_addrs()
    })
}

/// The addresses of an interface, else those that the resolver knows: interfaces cannot be asked
/// for everywhere (a service may be denied netlink).
fn either<I: Iterator<Item = SocketAddr>>(
    interface: io::Result<Vec<SocketAddr>>,
    resolver: impl FnOnce() -> io::Result<I>,
) -> Result<Vec<SocketAddr>, ListenError> {
    let mut addresses = match interface {
        Ok(known) if !known.is_empty() => known,
        unknown => match (resolver(), unknown) {
            (Ok(found), _) => found.collect(),
            (Err(_), Err(error)) => return Err(error.into()),
            (Err(_), Ok(_)) => return Err(ListenError::InterfaceNotFound),
        },
    };
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// An IPv6 address with its zone: a number is taken as it is, a name is an interface's.
fn scoped(address: Ipv6Addr, zone: Option<&str>, port: u16) -> io::Result<SocketAddr> {
    let scope = match zone.map(str::parse) {
        None => 0,
        Some(Ok(number)) => number,
        Some(Err(_)) => {
            // The resolver knows zones and answers literals without asking anybody.
            let literal = format!("{address}%{}", zone.unwrap_or_default());
            let found = (literal.as_str(), port).to_socket_addrs()?.next();
            return found.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into());
        }
    };
    Ok(SocketAddrV6::new(address, port, 0, scope).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_resolved_where_interfaces_cannot_be_asked_for() {
        let denied = || Err(io::ErrorKind::PermissionDenied.into());
        let of = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = || Ok([of("[::1]:5"), of("127.0.0.1:5")].into_iter());
        let addresses = either(denied(), found).unwrap();
        assert_eq!(addresses, [of("127.0.0.1:5"), of("[::1]:5")]);
        assert_eq!(either(Ok(Vec::new()), found).unwrap().len(), 2);
        assert_eq!(either(Ok(vec![of("10.0.0.1:5")]), found).unwrap().len(), 1);
        let nothing = || Err::<std::iter::Empty<_>, _>(io::ErrorKind::NotFound.into());
        let unknown = either(Ok(Vec::new()), nothing);
        assert!(matches!(unknown, Err(ListenError::InterfaceNotFound)));
        let denied = either(denied(), nothing).unwrap_err();
        assert!(
            !matches!(denied, ListenError::InterfaceNotFound),
            "{denied}"
        );
    }
}
