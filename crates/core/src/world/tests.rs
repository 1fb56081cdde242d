//! The system's world: readiness, bells, threads, and all of it together over real sockets.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the world of the system is tested with the system"
)]

mod bell;
mod reactor;
mod system;

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Source, Stream};

/// After this long a test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stream of the standard library, for its `source`.
#[derive(Debug)]
struct Plain(UnixStream);

fn plain_pair() -> (Plain, Plain) {
    let (a, b) = UnixStream::pair().unwrap();
    (Plain(a), Plain(b))
}

impl Stream for Plain {
    fn read(&self, _: &mut Vec<u8>, _: usize) -> io::Result<usize> {
        unreachable!("it is only watched")
    }

    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        io::Write::write_vectored(&mut &self.0, slices)
    }

    fn finish_connect(&self) -> io::Result<()> {
        Ok(())
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.0.shutdown(std::net::Shutdown::Write)
    }

    fn shutdown(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }

    fn peer_address(&self) -> String {
        String::new()
    }

    fn source(&self) -> Source<'_> {
        Source::Fd(self.0.as_fd())
    }
}
