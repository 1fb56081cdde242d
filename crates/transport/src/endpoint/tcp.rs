//! TCP hosts, ports and source addresses.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::EndpointError;

/// The longest host name, in bytes (RFC 1035, section 2.3.4, less the root and the length byte).
const HOST_MAX: usize = 253;

/// The longest interface name, in bytes.
const INTERFACE_MAX: usize = 15;

/// A TCP host and port, and optionally the own address to connect from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TcpEndpoint {
    source: Option<Source>,
    host: Host,
    port: u16,
}

/// The host of a [`TcpEndpoint`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// `*`: every address of this machine; only for binding.
    Any,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, with the interface (name or number) that a link-local one needs.
    V6(Ipv6Addr, Option<Box<str>>),
    /// A name: of an interface, or one that the system's resolver knows.
    Name(Box<str>),
}

/// The own address to connect from: never [`Host::Any`]; a name is that of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    host: Host,
    port: u16,
}

impl TcpEndpoint {
    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port; 0 for `*`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The own address to connect from, if one is given.
    pub fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    pub(super) fn check_bind(&self) -> Result<(), EndpointError> {
        if self.source.is_some() {
            Err(EndpointError::SourceWhenBinding)
        } else {
            Ok(())
        }
    }

    pub(super) fn check_connect(&self) -> Result<(), EndpointError> {
        if self.host == Host::Any {
            return Err(EndpointError::HostWildcard);
        }
        if self.port == 0 {
            return Err(EndpointError::PortWildcard);
        }
        Ok(())
    }
}

impl Source {
    /// The literal address or the name of the interface.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port; 0 for any.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl From<SocketAddr> for TcpEndpoint {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(v4) => Host::V4(*v4.ip()),
            SocketAddr::V6(v6) if v6.scope_id() == 0 => Host::V6(*v6.ip(), None),
            SocketAddr::V6(v6) => Host::V6(*v6.ip(), Some(v6.scope_id().to_string().into())),
        };
        Self {
            source: None,
            host,
            port: address.port(),
        }
    }
}

impl FromStr for TcpEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.contains(char::is_whitespace) {
            return Err(EndpointError::Whitespace);
        }
        if text.contains('\0') {
            return Err(EndpointError::NulByte);
        }
        let (source, rest) = match text.split_once(';') {
            Some((source, rest)) => (Some(source.parse()?), rest),
            None => (None, text),
        };
        let (host, port) = split_port(rest)?;
        let port = port.ok_or(EndpointError::PortMissing)?;
        Ok(Self {
            source,
            host: host.parse()?,
            port: parse_port(port)?,
        })
    }
}

impl FromStr for Source {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.is_empty() {
            return Err(EndpointError::SourceEmpty);
        }
        let malformed = |_| EndpointError::SourceMalformed;
        let (host, port) = split_port(text).map_err(malformed)?;
        let port = port.map_or(Ok(0), parse_port).map_err(malformed)?;
        match host.parse().map_err(malformed)? {
            Host::Any => Err(EndpointError::SourceWildcard),
            host => Ok(Self { host, port }),
        }
    }
}

impl FromStr for Host {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        match text {
            "" => return Err(EndpointError::HostEmpty),
            "*" => return Ok(Self::Any),
            _ => {}
        }
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner
                .strip_suffix(']')
                .ok_or(EndpointError::BracketsUnbalanced)?;
            return parse_v6(inner);
        }
        if text.contains([':', '%']) {
            return parse_v6(text);
        }
        parse_v4_or_name(text)
    }
}

impl fmt::Display for TcpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Source { host, port }) = &self.source {
            write!(f, "{host}:{port};")?;
        }
        match self.port {
            0 => write!(f, "{}:*", self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address, None) => write!(f, "[{address}]"),
            Self::V6(address, Some(zone)) => write!(f, "[{address}%{zone}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Splits at the colon before the port: the one after `]`, or the last one.
fn split_port(text: &str) -> Result<(&str, Option<&str>), EndpointError> {
    let after_brackets = match (text.starts_with('['), text.rfind(']')) {
        (true, Some(close)) => close.saturating_add(1),
        (false, None) => 0,
        (true, None) | (false, Some(_)) => return Err(EndpointError::BracketsUnbalanced),
    };
    let behind = text.get(after_brackets..).unwrap_or_default();
    if behind.contains('[') {
        return Err(EndpointError::BracketsUnbalanced);
    }
    // The last colon of what is behind the brackets is that of the whole text.
    match (behind.rfind(':'), text.rsplit_once(':')) {
        (None, _) if after_brackets == 0 || behind.is_empty() => Ok((text, None)),
        (Some(at), Some((host, port))) if after_brackets == 0 || at == 0 => Ok((host, Some(port))),
        _ => Err(EndpointError::BracketsUnbalanced),
    }
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    match text {
        "" => Err(EndpointError::PortMissing),
        "*" => Ok(0),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // Nothing but overflow can go wrong with digits.
            digits.parse().map_err(|_| EndpointError::PortOutOfRange)
        }
        _ => Err(EndpointError::PortMalformed),
    }
}

fn parse_v6(text: &str) -> Result<Host, EndpointError> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let address = address.parse().map_err(|_| EndpointError::Ipv6Malformed)?;
    if zone.is_some_and(|zone| zone.is_empty() || zone.len() > INTERFACE_MAX || !is_name(zone)) {
        return Err(EndpointError::ZoneMalformed);
    }
    Ok(Host::V6(address, zone.map(Into::into)))
}

/// A text whose last label is all digits can only be meant as an IPv4 address; unless it begins
/// with a letter, and is no longer than the name of an interface may be: `eth0.100` is one.
fn parse_v4_or_name(text: &str) -> Result<Host, EndpointError> {
    if let Ok(address) = text.parse() {
        return Ok(Host::V4(address));
    }
    if !is_name(text) {
        return Err(EndpointError::HostMalformed);
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    let last = labels.rsplit('.').next().unwrap_or_default();
    let is_interface =
        text.len() <= INTERFACE_MAX && text.starts_with(|it: char| it.is_alphabetic());
    if last.bytes().all(|byte| byte.is_ascii_digit()) && !is_interface {
        return Err(EndpointError::Ipv4Malformed);
    }
    if text.len() > HOST_MAX {
        return Err(EndpointError::HostTooLong);
    }
    Ok(Host::Name(text.into()))
}

fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
