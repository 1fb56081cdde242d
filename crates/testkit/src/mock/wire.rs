//! The byte streams over which a mock peer talks: simulated ones and real ones.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use ferromq_core::world::Stream;

use crate::sim::SimWorld;

/// A byte stream that a scripted peer uses: every call waits, up to a limit.
pub trait Wire: fmt::Debug + Send {
    /// Writes all of it.
    ///
    /// Errors: those of the stream, `TimedOut` after `limit`.
    fn write_all(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()>;

    /// Appends at least one byte; `Ok(0)` at the end of the stream.
    ///
    /// Errors: those of the stream, `TimedOut` after `limit`.
    fn read(&mut self, into: &mut Vec<u8>, limit: Duration) -> io::Result<usize>;

    /// Tells the other side that no more is written.
    fn end(&mut self) -> io::Result<()>;

    /// What may explain a failure: the state around the stream.
    fn explain(&self) -> String {
        String::new()
    }
}

const CHUNK: usize = 16 * 1024;

/// A stream of a simulated world; waiting runs the world, limits are in virtual time.
#[derive(Debug)]
pub struct SimWire {
    world: SimWorld,
    stream: Arc<dyn Stream>,
}

impl SimWire {
    /// A wire over one end of a simulated link.
    pub fn new(world: &SimWorld, stream: Arc<dyn Stream>) -> Self {
        Self {
            world: world.clone(),
            stream,
        }
    }

    /// The stream.
    pub fn stream(&self) -> &Arc<dyn Stream> {
        &self.stream
    }
}

impl Wire for SimWire {
    fn write_all(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
        let Self { world, stream } = self;
        let mut rest = bytes;
        while !rest.is_empty() {
            match stream.write(&[io::IoSlice::new(rest)]) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    in_time(world.run_within(limit, || world.is_writable(&**stream)))?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, into: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
        let Self { world, stream } = self;
        in_time(world.run_within(limit, || world.is_readable(&**stream)))?;
        into.reserve(CHUNK);
        stream.read(into, CHUNK)
    }

    fn end(&mut self) -> io::Result<()> {
        self.stream.shutdown_write()
    }

    fn explain(&self) -> String {
        self.world.dump()
    }
}

fn in_time(done: bool) -> io::Result<()> {
    if done {
        Ok(())
    } else {
        Err(io::ErrorKind::TimedOut.into())
    }
}

macro_rules! wire_over_std {
    ($stream:ty) => {
        impl Wire for $stream {
            fn write_all(&mut self, bytes: &[u8], limit: Duration) -> io::Result<()> {
                self.set_write_timeout(Some(limit))?;
                Write::write_all(self, bytes).map_err(timed_out)
            }

            fn read(&mut self, into: &mut Vec<u8>, limit: Duration) -> io::Result<usize> {
                self.set_read_timeout(Some(limit))?;
                let mut chunk = vec![0; CHUNK];
                let count = Read::read(self, &mut chunk).map_err(timed_out)?;
                into.extend_from_slice(&chunk[..count]);
                Ok(count)
            }

            fn end(&mut self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

wire_over_std!(TcpStream);
#[cfg(unix)]
wire_over_std!(UnixStream);

/// Blocking sockets report an elapsed timeout as `WouldBlock` on Unix.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
