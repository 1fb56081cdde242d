//! The paths and names of unix domain sockets.

use std::fmt;
use std::str::FromStr;

use super::EndpointError;
use crate::IpcAddress;

/// The longest path or abstract name that fits into a socket address, in bytes: `sun_path` less
/// its terminating or leading NUL.
const PATH_MAX: usize = if cfg!(any(target_os = "linux", target_os = "android")) {
    107
} else {
    103
};

/// A unix domain socket: a path, an abstract name (Linux), or a fresh path that the system chooses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IpcEndpoint(Option<IpcAddress>);

impl IpcEndpoint {
    #[cfg(all(unix, feature = "ipc"))]
    pub(crate) fn unnamed() -> Self {
        Self(None)
    }

    /// The path or abstract name; `None` for `ipc://*`.
    pub fn address(&self) -> Option<&IpcAddress> {
        self.0.as_ref()
    }

    pub(super) fn check_connect(&self) -> Result<(), EndpointError> {
        match self.0 {
            Some(_) => Ok(()),
            None => Err(EndpointError::PathWildcard),
        }
    }
}

impl FromStr for IpcEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text == "*" {
            return Ok(Self(None));
        }
        let (name, kind, empty): (_, fn(Box<str>) -> IpcAddress, _) = match text.strip_prefix('@') {
            Some(name) => (name, IpcAddress::Abstract, EndpointError::AbstractNameEmpty),
            None => (text, IpcAddress::Path, EndpointError::PathEmpty),
        };
        if name.is_empty() {
            return Err(empty);
        }
        if name.len() > PATH_MAX {
            return Err(EndpointError::PathTooLong);
        }
        if name.contains('\0') {
            return Err(EndpointError::NulByte);
        }
        Ok(Self(Some(kind(name.into()))))
    }
}

impl fmt::Display for IpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(address) => write!(f, "{address}"),
            None => f.write_str("*"),
        }
    }
}
