//! The bare sockets: blocking, TCP_NODELAY, messages with four bytes of length before them. Within
//! a process a bounded channel of vectors stands for them.

use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use ferromq_bench::cell::{Cell, Transport, Work};
use ferromq_bench::{Kind, Opponent, Outcome, Setup, Socket};

/// Bytes of length before each message.
const PREFIX: usize = 4;
/// How much is written, or read, at once.
const CHUNK: usize = 64 * 1024;
/// How many messages a channel holds, like a socket by default.
const MARK: usize = 1000;

/// What a program without any library between would do.
pub(crate) struct Raw;

impl Opponent for Raw {
    type Context = Channel;
    type Socket = RawSocket;

    fn version() -> String {
        "raw: blocking sockets of the standard library, TCP_NODELAY; one-way in writes and reads \
         of 64 KiB, each request in a write of its own; inproc: its channel of 1000 vectors"
            .to_owned()
    }

    fn can(cell: &Cell) -> bool {
        match cell.work {
            Work::OneWay => true,
            Work::Paced(_) | Work::Hot | Work::Cold => cell.transport != Transport::Inproc,
            Work::Pipelined => cell.transport == Transport::Tcp,
            _ => false,
        }
    }

    fn context() -> Outcome<Channel> {
        let (sender, receiver) = sync_channel(MARK);
        Ok(Channel {
            sender,
            receiver: Arc::new(Mutex::new(Some(receiver))),
        })
    }

    fn socket(channel: &Channel, setup: Setup) -> Outcome<RawSocket> {
        Ok(RawSocket {
            kind: setup.kind,
            channel: channel.clone(),
            ends: Ends::None,
        })
    }
}

/// Both ends of a channel.
#[derive(Clone)]
pub(crate) struct Channel {
    sender: SyncSender<Vec<u8>>,
    receiver: Arc<Mutex<Option<Receiver<Vec<u8>>>>>,
}

pub(crate) struct RawSocket {
    kind: Kind,
    channel: Channel,
    ends: Ends,
}

/// What is open.
enum Ends {
    None,
    Tcp(TcpListener),
    Ipc(UnixListener),
    Stream(Framed),
    Sender(SyncSender<Vec<u8>>),
    Receiver(Receiver<Vec<u8>>),
}

impl Socket for RawSocket {
    fn bind(&mut self, endpoint: &str) -> Outcome<String> {
        if let Some(path) = endpoint.strip_prefix("ipc://") {
            self.ends = Ends::Ipc(UnixListener::bind(path)?);
        } else if endpoint.starts_with("tcp://") {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            self.ends = Ends::Tcp(listener);
            return Ok(format!("tcp://{address}"));
        } else {
            self.open_channel()?;
        }
        Ok(endpoint.to_owned())
    }

    fn connect(&mut self, endpoint: &str) -> Outcome {
        if let Some(path) = endpoint.strip_prefix("ipc://") {
            self.open(UnixStream::connect(path)?);
        } else if let Some(address) = endpoint.strip_prefix("tcp://") {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            self.open(stream);
        } else {
            self.open_channel()?;
        }
        Ok(())
    }

    fn subscribe(&mut self, _prefix: &[u8]) -> Outcome {
        Err("bare sockets have no subscriptions".into())
    }

    #[inline]
    fn send(&mut self, payload: &[u8]) -> Outcome {
        match &self.ends {
            Ends::Sender(sender) => Ok(sender.send(payload.to_vec())?),
            _ => {
                let is_request = self.kind != Kind::Push;
                let stream = self.stream()?;
                stream.send(payload)?;
                if is_request {
                    stream.flush()?;
                }
                Ok(())
            }
        }
    }

    fn try_send(&mut self, payload: &[u8]) -> Outcome<bool> {
        match &self.ends {
            Ends::Sender(sender) => match sender.try_send(payload.to_vec()) {
                Err(TrySendError::Full(_)) => Ok(false),
                sent => Ok(sent.map(|()| true)?),
            },
            _ => Err("streams have no room to look at".into()),
        }
    }

    #[inline]
    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        match &self.ends {
            Ends::Receiver(receiver) => Ok(look(&receiver.recv()?)),
            _ => {
                let stream = self.stream()?;
                let message = stream.recv()?;
                Ok(look(&stream.input[message][PREFIX..]))
            }
        }
    }

    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let stream = self.stream()?;
        let message = stream.recv()?;
        let bytes = &stream.input[message];
        let seen = look(&bytes[PREFIX..]);
        stream.output.extend_from_slice(bytes);
        // Requests that have come together are answered together.
        if stream.whole().is_none() {
            stream.flush()?;
        }
        Ok(seen)
    }

    fn flush(&mut self) -> Outcome {
        match &mut self.ends {
            Ends::Stream(stream) => Ok(stream.flush()?),
            _ => Ok(()),
        }
    }
}

impl RawSocket {
    fn open(&mut self, stream: impl Duplex + 'static) {
        self.ends = Ends::Stream(Framed::new(Box::new(stream)));
    }

    fn open_channel(&mut self) -> Outcome {
        self.ends = if self.kind == Kind::Push {
            Ends::Sender(self.channel.sender.clone())
        } else {
            let receiver = self.channel.receiver.lock();
            let receiver = receiver.unwrap_or_else(PoisonError::into_inner).take();
            Ends::Receiver(receiver.ok_or("a channel has one receiver")?)
        };
        Ok(())
    }

    /// The stream; the listening side accepts it when it is first needed.
    #[inline]
    fn stream(&mut self) -> Outcome<&mut Framed> {
        if !matches!(self.ends, Ends::Stream(_)) {
            self.accept()?;
        }
        match &mut self.ends {
            Ends::Stream(stream) => Ok(stream),
            _ => Err("not connected".into()),
        }
    }

    #[cold]
    fn accept(&mut self) -> Outcome {
        match &self.ends {
            Ends::Tcp(listener) => {
                let stream = listener.accept()?.0;
                stream.set_nodelay(true)?;
                self.open(stream);
            }
            Ends::Ipc(listener) => {
                let stream = listener.accept()?.0;
                self.open(stream);
            }
            _ => {}
        }
        Ok(())
    }
}

/// What both kinds of streams can do.
trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// A stream of messages with their lengths.
struct Framed {
    stream: Box<dyn Duplex>,
    output: Vec<u8>,
    input: Vec<u8>,
    /// What of the input has been read and not handed out.
    unread: Range<usize>,
}

impl Framed {
    fn new(stream: Box<dyn Duplex>) -> Self {
        Self {
            stream,
            output: Vec::with_capacity(2 * CHUNK),
            input: vec![0; 2 * CHUNK],
            unread: 0..0,
        }
    }

    /// Written when it fills a chunk, or is flushed; at once if it is a chunk by itself.
    #[inline]
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let length = message.len() as u32;
        self.output.extend_from_slice(&length.to_le_bytes());
        if message.len() >= CHUNK {
            return self.write_with(message);
        }
        self.output.extend_from_slice(message);
        if self.output.len() < CHUNK {
            return Ok(());
        }
        self.flush()
    }

    /// Writes what is there and then these bytes, without copying them.
    fn write_with(&mut self, bytes: &[u8]) -> io::Result<()> {
        let both = [IoSlice::new(&self.output), IoSlice::new(bytes)];
        let written = self.stream.write_vectored(&both)?;
        let rest = self.output.split_off(written.min(self.output.len()));
        self.stream.write_all(&rest)?;
        let of_these = written.saturating_sub(self.output.len());
        self.output.clear();
        self.stream.write_all(&bytes[of_these..])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        Ok(())
    }

    /// Waits for the next message; where it lies, with its length.
    #[inline]
    fn recv(&mut self) -> io::Result<Range<usize>> {
        loop {
            if let Some(length) = self.whole() {
                let start = self.unread.start;
                self.unread.start += length;
                return Ok(start..start + length);
            }
            self.read()?;
        }
    }

    /// The length of the next message, with the bytes that say it, if all of it is there.
    #[inline]
    fn whole(&self) -> Option<usize> {
        self.length().filter(|&length| length <= self.unread.len())
    }

    /// The same if only these bytes are there.
    #[inline]
    fn length(&self) -> Option<usize> {
        let prefix = self.input[self.unread.clone()].first_chunk()?;
        Some(PREFIX + u32::from_le_bytes(*prefix) as usize)
    }

    /// Reads a chunk, or what the next message lacks.
    fn read(&mut self) -> io::Result<()> {
        if self.unread.start > 0 {
            self.input.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        let chunk = self.unread.end + CHUNK;
        let end = self.length().map_or(chunk, |length| length.max(chunk));
        if self.input.len() < end {
            self.input.resize(end, 0);
        }
        let read = self.stream.read(&mut self.input[self.unread.end..end])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.end += read;
        Ok(())
    }
}
