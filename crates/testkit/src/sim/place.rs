//! Where something listens in the simulated network.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ferromq_transport::{Address, Endpoint, Host, IpcAddress, IpcEndpoint, TcpEndpoint};

use super::fault::Fault;

/// The names that the simulated resolver knows.
pub(super) type Names = BTreeMap<String, Result<Vec<IpAddr>, Fault>>;

/// A place to listen at or to dial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Tcp(SocketAddr),
    /// A path, `@name`, or `*` for any path.
    Ipc(String),
}

impl Place {
    /// The place to listen at that an endpoint means: the first, where its name means several.
    pub(super) fn of_endpoint(endpoint: &Endpoint, names: &Names, ipv6: bool) -> io::Result<Self> {
        match endpoint {
            Endpoint::Tcp(tcp) => {
                let addresses = look_up(tcp.host(), names, ipv6)?;
                Ok(Self::Tcp((addresses[0], tcp.port()).into()))
            }
            Endpoint::Ipc(ipc) => Ok(Self::Ipc(ipc_text(ipc))),
            Endpoint::Inproc(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The place that an endpoint's text means.
    pub(super) fn parse(text: &str, names: &Names) -> io::Result<Self> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let endpoint = text.parse().map_err(invalid)?;
        Self::of_endpoint(&endpoint, names, true)
    }

    /// Where an address leads.
    pub(super) fn of_address(address: &Address) -> Self {
        match address {
            Address::Tcp { to, .. } => Self::Tcp(*to),
            Address::Ipc(ipc) => Self::Ipc(ipc.to_string()),
        }
    }

    /// Where a connection to an address comes from; port 0 and `*` are still to be replaced.
    pub(super) fn origin_of(address: &Address) -> Self {
        match address {
            Address::Tcp {
                from: Some(own), ..
            } => Self::Tcp(*own),
            Address::Tcp { to, .. } => Self::Tcp((to.ip(), 0).into()),
            Address::Ipc(ipc) => Self::Ipc(ipc.to_string()),
        }
    }

    /// True if a listener here takes connections to `target`.
    pub(super) fn answers(&self, target: &Self) -> bool {
        match (self, target) {
            (Self::Tcp(here), Self::Tcp(there)) => {
                here.port() == there.port() && covers(here.ip(), there.ip())
            }
            (Self::Ipc(here), Self::Ipc(there)) => here == there,
            _ => false,
        }
    }

    /// True if two listeners cannot be at both places.
    pub(super) fn collides(&self, other: &Self) -> bool {
        self.answers(other) || other.answers(self)
    }

    /// The same place with a number for a wildcard port or path, if it has one.
    pub(super) fn with_number(&self, number: u16) -> Self {
        match self {
            Self::Tcp(address) if address.port() == 0 => Self::Tcp((address.ip(), number).into()),
            Self::Ipc(path) if path == "*" => Self::Ipc(format!("/simulated/{number}")),
            _ => self.clone(),
        }
    }

    /// The place as a peer's address: without the transport's name.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Ipc(path) => path.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Ipc(path) => write!(f, "ipc://{path}"),
        }
    }
}

/// What the simulated resolver answers: at least one address.
pub(super) fn resolve(endpoint: &Endpoint, names: &Names) -> io::Result<Vec<Address>> {
    match endpoint {
        Endpoint::Tcp(tcp) => resolve_tcp(tcp, names),
        Endpoint::Ipc(ipc) => match ipc.address() {
            Some(address) => Ok(vec![Address::Ipc(address.clone())]),
            None => Err(io::ErrorKind::InvalidInput.into()),
        },
        Endpoint::Inproc(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn resolve_tcp(tcp: &TcpEndpoint, names: &Names) -> io::Result<Vec<Address>> {
    let from = match tcp.source() {
        Some(own) => Some((look_up(own.host(), names, true)?[0], own.port()).into()),
        None => None,
    };
    let addresses = look_up(tcp.host(), names, true)?;
    let address = |ip| Address::Tcp {
        to: (ip, tcp.port()).into(),
        from,
    };
    Ok(addresses.into_iter().map(address).collect())
}

/// The addresses of a host, at least one.
fn look_up(host: &Host, names: &Names, ipv6: bool) -> io::Result<Vec<IpAddr>> {
    match host {
        Host::Any if ipv6 => Ok(vec![Ipv6Addr::UNSPECIFIED.into()]),
        Host::Any => Ok(vec![Ipv4Addr::UNSPECIFIED.into()]),
        Host::V4(address) => Ok(vec![(*address).into()]),
        Host::V6(address, _) => Ok(vec![(*address).into()]),
        Host::Name(name) => match names.get(&**name) {
            Some(Ok(addresses)) => Ok(addresses.clone()),
            Some(Err(fault)) => Err(fault.to_error()),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no such name: {name}"),
            )),
        },
    }
}

fn ipc_text(ipc: &IpcEndpoint) -> String {
    ipc.address()
        .map_or_else(|| "*".to_owned(), IpcAddress::to_string)
}

/// True if listening at `here` takes what is for `there`; `[::]` takes both families.
fn covers(here: IpAddr, there: IpAddr) -> bool {
    here == there || here.is_unspecified() && (here.is_ipv6() || there.is_ipv4())
}
