//! Reading and writing with rustix.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;

use rustix::buffer::spare_capacity;
use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::Socket;

use super::{BOUNCE, SLICES_MAX};

/// Never a signal: by a flag, or on Apple's systems by a socket option that socket2 sets.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// Appends at most `most` bytes to `into`, within its spare capacity.
///
/// A vector can only be extended over uninitialised space as a whole without unsafe code. So if the
/// spare capacity exceeds `most`, the bytes (then at most 16 KiB) take a detour over the stack.
pub(crate) fn read(socket: &Socket, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let spare = into.capacity().saturating_sub(into.len());
    if spare == 0 || most == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "there is no room to read into",
        ));
    }
    let flags = RecvFlags::empty();
    if spare <= most {
        let (count, _) = retry_on_intr(|| rustix::net::recv(socket, spare_capacity(into), flags))?;
        return Ok(count);
    }
    let mut bounce = [const { MaybeUninit::<u8>::uninit() }; BOUNCE];
    let bounce = bounce.get_mut(..most.min(BOUNCE)).unwrap_or_default();
    loop {
        match rustix::net::recv(socket, &mut *bounce, flags) {
            Ok(((bytes, _), _)) => {
                into.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Writes what fits of the first 1024 slices, in order.
pub(crate) fn write(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let slices = slices.get(..SLICES_MAX).unwrap_or(slices);
    let count = retry_on_intr(|| match slices {
        [only] => rustix::net::send(socket, only, NO_SIGNAL),
        _ => {
            let mut nothing = SendAncillaryBuffer::default();
            rustix::net::sendmsg(socket, slices, &mut nothing, NO_SIGNAL)
        }
    })?;
    Ok(count)
}
