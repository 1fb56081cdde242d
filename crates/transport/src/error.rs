//! Why listening on an endpoint fails.

use std::io;

use crate::EndpointError;

/// ENFILE and EMFILE, which have these numbers on every unix; WSAEMFILE.
const OUT_OF_DESCRIPTORS: &[i32] = if cfg!(windows) { &[10_024] } else { &[23, 24] };

/// True if the process or the system has no descriptor left.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code.is_some_and(|code| OUT_OF_DESCRIPTORS.contains(&code))
}

/// Why an endpoint cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Another listener has this address.
    #[error("the address is in use")]
    AddressInUse,
    /// The address is none of this machine's, or its name does not resolve.
    #[error("the address is not available on this machine")]
    AddressNotAvailable,
    /// The endpoint cannot be bound.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The name is neither an interface with an address nor a name that resolves.
    #[error("there is no interface or host of this name")]
    InterfaceNotFound,
    /// The system reports something else.
    #[error("the system refuses to listen")]
    Io(#[source] io::Error),
    /// At the path of the ipc endpoint is a file that is no socket; it is left alone.
    #[error("the file at the path is not a socket")]
    NotASocket,
    /// The path of the ipc endpoint does not fit into a socket address.
    #[error("the path is too long for a socket address")]
    PathTooLong,
    /// The process may not listen here.
    #[error("permission denied")]
    PermissionDenied,
    /// The process or the system has no descriptor left.
    #[error("too many open descriptors")]
    TooManyDescriptors,
    /// Endpoints of this kind have no byte stream (inproc), or the system cannot do this.
    #[error("endpoints of this kind cannot be listened on here")]
    Unsupported,
}

impl From<io::Error> for ListenError {
    fn from(error: io::Error) -> Self {
        if is_out_of_descriptors(&error) {
            return Self::TooManyDescriptors;
        }
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse,
            io::ErrorKind::AddrNotAvailable => Self::AddressNotAvailable,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::Unsupported => Self::Unsupported,
            _ => Self::Io(error),
        }
    }
}
