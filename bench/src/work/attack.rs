//! Hostile connections: some announce as much as can be announced, some trickle, some never finish
//! or never begin; each that is closed comes again.
//!
//! They are threads of the side that asks, in a process of its own; on a machine of few processors
//! they take time from both sides, whoever is measured.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Outcome;
use crate::cell::Work;
use crate::machine::raise_descriptors;
use crate::side::Door;

/// Descriptors for everything else.
const SPARE: u64 = 200;
/// Who attacks.
const THREADS: usize = 20;
/// Between two rounds of a thread over its connections.
const ROUND: Duration = Duration::from_millis(10);
/// Closed connections of a thread that come again in one round.
const AGAIN: usize = 10;
/// A connection that takes longer is tried again later.
const PATIENCE: Duration = Duration::from_millis(100);

/// An attack that is under way.
pub(super) struct Attack {
    threads: Vec<JoinHandle<()>>,
    /// Closed when it is to end.
    orders: Vec<mpsc::Sender<()>>,
    reached: usize,
}

impl Attack {
    /// Begins, if this work is one under attack, and returns when every connection was tried.
    pub(super) fn of(work: Work, door: &Door) -> Outcome<Option<Self>> {
        let (Work::Attack(count), Door::Connect(endpoint)) = (work, door) else {
            return Ok(None);
        };
        let address = endpoint
            .strip_prefix("tcp://")
            .ok_or("an attack is by tcp")?;
        let address: SocketAddr = address.parse()?;
        let allowed = raise_descriptors()?.saturating_sub(SPARE) as usize;
        let each = allowed.min(count as usize) / THREADS;
        let (come, reached) = mpsc::channel();
        let (orders, over): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
        let start = |over| {
            let come = come.clone();
            thread::spawn(move || attack(address, each, &come, &over))
        };
        let threads = over.into_iter().map(start).collect();
        Ok(Some(Self {
            threads,
            orders,
            reached: reached.into_iter().take(THREADS).sum(),
        }))
    }

    /// Ends it; how many connections were there at once when all had been tried.
    pub(super) fn end(self) -> usize {
        drop(self.orders);
        for thread in self.threads {
            // What it did is told by what it has reached.
            let _ = thread.join();
        }
        self.reached
    }
}

/// Keeps so many connections busy until the other end of `over` is gone.
fn attack(
    address: SocketAddr,
    count: usize,
    come: &mpsc::Sender<usize>,
    over: &mpsc::Receiver<()>,
) {
    let connect = |number| Hostile::connect(address, number);
    let mut hostile: Vec<Hostile> = (0..count).map(connect).collect();
    let reached = hostile.iter().filter(|it| it.stream.is_some()).count();
    // Nobody listens if the run has failed.
    let _ = come.send(reached);
    while over.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
        let mut again = AGAIN;
        for it in &mut hostile {
            if !it.go_on() && again > 0 {
                again -= 1;
                *it = Hostile::connect(address, it.number);
            }
        }
    }
}

/// One connection of the attack.
struct Hostile {
    number: usize,
    stream: Option<TcpStream>,
    /// To be sent still, one byte at a time.
    trickle: std::vec::IntoIter<u8>,
}

impl Hostile {
    /// Each does one of several things.
    fn connect(address: SocketAddr, number: usize) -> Self {
        let (opening, trickle) = match number % 6 {
            0 | 1 => (announcing(i64::MAX as u64), Vec::new()),
            2 => (announcing(1 << 63), Vec::new()),
            3 => (Vec::new(), endless_handshake()),
            4 => (greeting(), Vec::new()),
            _ => (Vec::new(), Vec::new()),
        };
        let open = || -> io::Result<TcpStream> {
            let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.write_all(&opening)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        Self {
            number,
            stream: open().ok(),
            trickle: trickle.into_iter(),
        }
    }

    /// False if the connection is closed.
    fn go_on(&mut self) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let sent = self
            .trickle
            .next()
            .map_or(Ok(()), |byte| stream.write_all(&[byte]));
        let is_open = sent.is_ok()
            && match stream.read(&mut [0; 1024]) {
                Ok(read) => read > 0,
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            };
        if !is_open {
            self.stream = None;
        }
        is_open
    }
}

/// ZMTP 3.1's, for the mechanism NULL.
fn greeting() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = 0xFF;
    bytes[9..12].copy_from_slice(&[0x7F, 3, 1]);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

/// A REQ whose first frame is said to be so long, of which little comes.
fn announcing(length: u64) -> Vec<u8> {
    let ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03REQ";
    let header = [&[2][..], &length.to_be_bytes()].concat();
    [&greeting()[..], ready, &header, &[0x5A; 100]].concat()
}

/// A command of the handshake that is longer than anybody will wait for.
fn endless_handshake() -> Vec<u8> {
    let mut bytes = greeting();
    bytes.extend([6, 0, 0, 0, 0, 0, 0, 0xFF, 0]);
    bytes.resize(60_000, b'x');
    bytes
}
