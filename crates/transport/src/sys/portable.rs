//! Reading and writing with socket2, for systems without rustix's unix half.

use std::io::{self, IoSlice, Read};

use socket2::Socket;

use super::{BOUNCE, SLICES_MAX};

/// Appends at most `most` bytes (and at most 16 KiB) to `into`, within its spare capacity.
pub(crate) fn read(socket: &Socket, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    let room = most.min(into.capacity() - into.len()).min(BOUNCE);
    if room == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "there is no room to read into",
        ));
    }
    let mut bounce = [0; BOUNCE];
    let count = retry(|| (&mut &*socket).read(&mut bounce[..room]))?;
    into.extend_from_slice(&bounce[..count]);
    Ok(count)
}

/// Writes what fits of the first 1024 slices, in order.
pub(crate) fn write(socket: &Socket, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    retry(|| socket.send_vectored(&slices[..slices.len().min(SLICES_MAX)]))
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            decided => return decided,
        }
    }
}
