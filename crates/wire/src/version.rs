//! Versions of the protocol: those that peers announce, and those that a socket can ask for.

/// A version as a peer announces it: major, minor. Any pair from 3.0 on is valid.
pub type Version = (u8, u8);

/// ZMTP 1.0 (RFC 13), which announces nothing: it is told by what is missing.
pub const V1_0: Version = (1, 0);
/// ZMTP 2.0 (RFC 15), which calls itself revision 1.
pub const V2_0: Version = (2, 0);
/// ZMTP 3.0 (RFC 23).
pub const V3_0: Version = (3, 0);
/// ZMTP 3.1 (RFC 37): the version spoken.
pub const V3_1: Version = (3, 1);

/// A version that is served: the oldest that a socket accepts is one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ZmtpVersion {
    /// ZMTP 1.0 (RFC 13): libzmq 2.x.
    V1_0,
    /// ZMTP 2.0 (RFC 15): libzmq 3.x, jeromq up to 0.3.
    V2_0,
    /// ZMTP 3.0 (RFC 23): libzmq 4.0 and 4.1. The default.
    #[default]
    V3_0,
    /// ZMTP 3.1 (RFC 37): libzmq 4.2 and later.
    V3_1,
}

impl ZmtpVersion {
    /// The version as peers announce it.
    pub const fn as_version(self) -> Version {
        match self {
            Self::V1_0 => V1_0,
            Self::V2_0 => V2_0,
            Self::V3_0 => V3_0,
            Self::V3_1 => V3_1,
        }
    }
}
