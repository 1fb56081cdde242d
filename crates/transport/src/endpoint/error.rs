//! What can be wrong with the text of an endpoint.

use std::convert::Infallible;

/// Why a text is not an endpoint, or not one for this use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// `ipc://@` without a name after the `@`.
    #[error("the abstract name is empty")]
    AbstractNameEmpty,
    /// A `[` without its `]`, a `]` without its `[`, or text between `]` and the port.
    #[error("the brackets around an IPv6 address are unbalanced")]
    BracketsUnbalanced,
    /// No host before the port.
    #[error("the host is empty")]
    HostEmpty,
    /// A character that no host or interface name has.
    #[error("the host has a character that is not allowed")]
    HostMalformed,
    /// A host name of more than 253 bytes.
    #[error("the host name is longer than 253 bytes")]
    HostTooLong,
    /// Connecting to the host `*`.
    #[error("the wildcard host `*` can only be bound")]
    HostWildcard,
    /// An inproc endpoint in a program that was compiled without inproc.
    #[error("inproc is left out: the crate's feature `inproc` is not enabled")]
    InprocDisabled,
    /// An ipc endpoint in a program that was compiled without ipc.
    #[error("ipc is left out: the crate's feature `ipc` is not enabled")]
    IpcDisabled,
    /// An ipc endpoint where there are no unix domain sockets.
    #[error("ipc is not supported on this platform")]
    IpcUnsupported,
    /// Ends in digits after a dot, and is neither an IPv4 address nor the name of an interface.
    #[error("the IPv4 address is malformed")]
    Ipv4Malformed,
    /// What is between the brackets is no IPv6 address.
    #[error("the IPv6 address is malformed")]
    Ipv6Malformed,
    /// `inproc://` without a name.
    #[error("the inproc name is empty")]
    NameEmpty,
    /// An inproc name of more than 256 bytes.
    #[error("the inproc name is longer than 256 bytes")]
    NameTooLong,
    /// A NUL byte anywhere after the scheme.
    #[error("the endpoint has a NUL byte")]
    NulByte,
    /// `ipc://` without a path.
    #[error("the path is empty")]
    PathEmpty,
    /// A path or abstract name that does not fit into a socket address (Linux: 107 bytes).
    #[error("the path is too long for a socket address")]
    PathTooLong,
    /// Connecting to `ipc://*`.
    #[error("the wildcard path `*` can only be bound")]
    PathWildcard,
    /// A port that is neither digits nor `*`.
    #[error("the port is neither a number nor `*`")]
    PortMalformed,
    /// No `:port` after the host.
    #[error("the port is missing")]
    PortMissing,
    /// A port above 65535.
    #[error("the port is above 65535")]
    PortOutOfRange,
    /// Connecting to port `0` or `*`.
    #[error("the wildcard port (`*` or 0) can only be bound")]
    PortWildcard,
    /// No `://`.
    #[error("the `://` after the scheme is missing")]
    SchemeMissing,
    /// A scheme other than `tcp`, `ipc` and `inproc`.
    #[error("the scheme is none of tcp, ipc and inproc")]
    SchemeUnknown,
    /// A `;` with nothing before it.
    #[error("the source address is empty")]
    SourceEmpty,
    /// A source that is neither a literal address nor an interface name, with an optional port.
    #[error("the source address is malformed")]
    SourceMalformed,
    /// Binding with a source address.
    #[error("a source address can only be used to connect")]
    SourceWhenBinding,
    /// The source `*`: leave the source out instead.
    #[error("the source address cannot be a wildcard")]
    SourceWildcard,
    /// A tcp endpoint in a program that was compiled without tcp.
    #[error("tcp is left out: the crate's feature `tcp` is not enabled")]
    TcpDisabled,
    /// White space in a tcp endpoint.
    #[error("the endpoint has white space")]
    Whitespace,
    /// An empty or malformed interface after the `%` of an IPv6 address.
    #[error("the zone of the IPv6 address is malformed")]
    ZoneMalformed,
}

impl From<Infallible> for EndpointError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
