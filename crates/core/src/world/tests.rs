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
#[cfg(windows)]
use std::net::TcpStream as LocalStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream as LocalStream;
use std::time::Duration;

use super::kernel::Watched;
use super::{Source, Stream};

/// After this long a test has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(unix)]
fn local_pair() -> (LocalStream, LocalStream) {
    LocalStream::pair().unwrap()
}

#[cfg(windows)]
fn local_pair() -> (LocalStream, LocalStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dialled = LocalStream::connect(listener.local_addr().unwrap()).unwrap();
    (dialled, listener.accept().unwrap().0)
}

/// A stream of the standard library, for its `source`.
#[derive(Debug)]
struct Plain(Watched<LocalStream>);

fn plain_pair() -> (Plain, Plain) {
    let (a, b) = local_pair();
    (Plain(Watched::new(a)), Plain(Watched::new(b)))
}

impl Stream for Plain {
    fn read(&self, _: &mut Vec<u8>, _: usize) -> io::Result<usize> {
        unreachable!("it is only watched")
    }

    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        io::Write::write_vectored(&mut &*self.0, slices)
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
        Source::System(self.0.source())
    }
}
