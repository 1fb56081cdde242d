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

/// The most slices that one write takes (`IOV_MAX` on the systems we know).
const SLICES_MAX: usize = 1024;

/// The most bytes that go through a buffer on the stack, where that cannot be avoided.
const BOUNCE: usize = 16 * 1024;
