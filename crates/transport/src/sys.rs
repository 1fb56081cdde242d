//! Reading and writing a socket: what the standard library has not.
//!
//! On unix, reading goes straight into a vector's spare capacity and writing never raises SIGPIPE.
//! Elsewhere a portable version does with socket2 what it can; it is tested on unix, too.

#[cfg(any(test, not(unix)))]
pub(crate) mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use portable::{read, write};
#[cfg(unix)]
pub(crate) use unix::{read, write};

use std::io;

use socket2::{Socket, Type};

/// Makes somebody else's socket one of ours: it does not block, is closed in programs that are
/// executed, and raises no signal. `Unsupported`: it is not of byte streams.
pub(crate) fn take_over(socket: &Socket) -> io::Result<()> {
    if socket.r#type()? != Type::STREAM {
        return Err(io::ErrorKind::Unsupported.into());
    }
    socket.set_nonblocking(true)?;
    #[cfg(unix)]
    socket.set_cloexec(true)?;
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    Ok(())
}

/// The most slices that one write takes (`IOV_MAX` on the systems we know).
const SLICES_MAX: usize = 1024;

/// The most bytes that go through a buffer on the stack, where that cannot be avoided.
const BOUNCE: usize = 16 * 1024;
