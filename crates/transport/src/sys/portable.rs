//! Reading and writing with socket2, for systems without rustix's unix half.

use std::io::{self, IoSlice, Read};

use socket2::Socket;

use super::{BOUNCE, SLICES_MAX};

/// Appends at most `most` bytes (and at most 16 KiB) to `into`, within its spare capacity.
pub(crate) fn read(socket: &Socket, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let room = most
        .min(into.capacity().saturating_sub(into.len()))
        .min(BOUNCE);
    if room == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "there is no room to read into",
        ));
    }
    let mut bounce = [0; BOUNCE];
    let bounce = bounce.get_mut(..room).unwrap_or_default();
    let count = retry(|| (&mut &*socket).read(bounce))?;
    into.extend_from_slice(bounce.get(..count).unwrap_or_default());
    Ok(count)
}

/// Writes what fits of the first 1024 slices, in order.
pub(crate) fn write(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let slices = slices.get(..SLICES_MAX).unwrap_or(slices);
    retry(|| socket.send_vectored(slices))
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            decided => return decided,
        }
    }
}
