//! The bare sockets: blocking, TCP_NODELAY, messages with four bytes of length before them.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::atomic::{AtomicU32, Ordering};

use super::Outcome;
use super::cell::Transport;
use super::roles::Tell;

/// Bytes of length before each message.
pub(crate) const PREFIX: usize = 4;
/// How much is written, and read, at once.
const CHUNK: usize = 64 * 1024;

/// A connected stream of either kind.
pub(crate) type Stream = Box<dyn Duplex>;

/// What both kinds of streams can do.
pub(crate) trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// Listens, tells where, and accepts one connection.
pub(crate) fn accept(transport: Transport, tell: &Tell) -> Outcome<Stream> {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    if transport == Transport::Tcp {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        tell.send(listener.local_addr()?.to_string())?;
        let stream = listener.accept()?.0;
        stream.set_nodelay(true)?;
        return Ok(Box::new(stream));
    }
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let name = format!("ferromq-bench-{}-{run}", std::process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    tell.send(name)?;
    Ok(Box::new(listener.accept()?.0))
}

/// Connects to where the other end listens.
pub(crate) fn connect(transport: Transport, told: &str) -> io::Result<Stream> {
    if transport == Transport::Tcp {
        let stream = TcpStream::connect(told)?;
        stream.set_nodelay(true)?;
        return Ok(Box::new(stream));
    }
    let address = SocketAddr::from_abstract_name(told)?;
    Ok(Box::new(UnixStream::connect_addr(&address)?))
}

/// Puts a message and its length behind what is there.
#[inline]
pub(crate) fn frame(buffer: &mut Vec<u8>, message: &[u8]) {
    let length = message.len() as u32;
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(message);
}

/// Takes the first message off, if it is whole.
#[inline]
pub(crate) fn unframe(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    rest.split_at_checked(u32::from_le_bytes(*prefix) as usize)
}

/// Writes messages, 64 KiB or a message more at once.
pub(crate) struct Batches {
    stream: Stream,
    buffer: Vec<u8>,
}

impl Batches {
    pub(crate) fn new(stream: Stream, size: usize) -> Self {
        let buffer = Vec::with_capacity(CHUNK + PREFIX + size);
        Self { stream, buffer }
    }

    #[inline]
    pub(crate) fn push(&mut self, message: &[u8]) -> io::Result<()> {
        frame(&mut self.buffer, message);
        if self.buffer.len() < CHUNK {
            return Ok(());
        }
        self.flush()
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// Reads 64 KiB at once and hands each message out as a slice, until `each` says that it was the
/// last.
pub(crate) fn read_all(
    mut stream: Stream,
    size: usize,
    mut each: impl FnMut(&[u8]) -> Outcome<bool>,
) -> Outcome {
    let mut buffer = vec![0; CHUNK + PREFIX + size];
    let mut kept = 0;
    loop {
        let read = stream.read(&mut buffer[kept..kept + CHUNK])?;
        if read == 0 {
            return Err("the stream has ended early".into());
        }
        let filled = kept + read;
        let mut rest = &buffer[..filled];
        while let Some((message, behind)) = unframe(rest) {
            if each(message)? {
                return Ok(());
            }
            rest = behind;
        }
        kept = rest.len();
        buffer.copy_within(filled - kept..filled, 0);
    }
}
