//! What is asked of an implementation so that it can be measured.

use std::fmt;
use std::hint::spin_loop;

use crate::Outcome;
use crate::cell::{Broker, Cell, Role, Work};

/// An implementation of ZeroMQ, or what stands for one.
///
/// Options are as each implementation chooses them, unless a [`Setup`] says otherwise.
pub trait Opponent: Sized + 'static {
    /// What the sockets of one side have in common. Both sides share one over inproc.
    type Context: Clone + Send + 'static;

    /// A socket, used by the thread that has made it.
    type Socket: Socket;

    /// Its name, its version, and how it was built.
    fn version() -> String;

    /// Whether it has what this cell needs.
    fn can(cell: &Cell) -> bool {
        !cell.work.is_secured()
    }

    /// Makes a context.
    fn context() -> Outcome<Self::Context>;

    /// Makes a socket.
    fn socket(context: &Self::Context, setup: Setup) -> Outcome<Self::Socket>;

    /// Starts a proxy in a thread of its own; its sockets are bound to such endpoints, those of
    /// publications without high-water marks.
    fn proxy(_context: &Self::Context, _broker: Broker, _endpoint: &str) -> Outcome<Proxy> {
        Err("has no proxy".into())
    }
}

/// A proxy that runs.
pub struct Proxy {
    /// Where clients, or publishers, connect to.
    pub front: String,
    /// Where workers, or subscribers, do.
    pub back: String,
    /// Ends it, and waits for that.
    pub end: Box<dyn FnOnce() -> Outcome + Send>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("front", &self.front)
            .field("back", &self.back)
            .finish_non_exhaustive()
    }
}

/// One socket of an [`Opponent`].
pub trait Socket: 'static {
    /// Binds, and returns what the others connect to.
    fn bind(&mut self, endpoint: &str) -> Outcome<String>;

    /// Connects; the connection may come later.
    fn connect(&mut self, endpoint: &str) -> Outcome;

    /// Asks for messages that begin with this. Only for [`Kind::Sub`].
    fn subscribe(&mut self, prefix: &[u8]) -> Outcome;

    /// Sends a copy of these bytes as a message of one part; waits while there is no room.
    fn send(&mut self, payload: &[u8]) -> Outcome;

    /// Like [`send`](Self::send), but `false` if there is no room.
    fn try_send(&mut self, _payload: &[u8]) -> Outcome<bool> {
        Err("cannot send without waiting".into())
    }

    /// Waits for a message and shows its last part.
    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T>;

    /// Waits for a message, shows its last part, and sends it back to where it came from.
    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T>;

    /// Writes what would otherwise wait for more, or for the next receive.
    fn flush(&mut self) -> Outcome {
        Ok(())
    }

    /// Waits for the harness. If this thread is the one in which background work is done, such as
    /// that of an async runtime, then it is done meanwhile.
    fn meanwhile<T: Send + 'static>(&mut self, wait: impl FnOnce() -> T + Send + 'static) -> T {
        wait()
    }

    /// Called over and over by a sender that looks at the clock until its next message is due.
    fn pause(&mut self) {
        spin_loop();
    }
}

/// What a socket is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Its type.
    pub kind: Kind,
    /// Its high-water marks.
    pub marks: Marks,
    /// How many connections it will have, for those that must know.
    pub peers: usize,
    /// With CURVE; the server is who binds. Keys: [`SERVER`], [`CLIENT`].
    pub curve: Option<Role>,
}

/// The server's public and secret keys: those of libzmq's manual.
pub const SERVER: [&str; 2] = [
    "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
    "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
];

/// The client's.
pub const CLIENT: [&str; 2] = [
    "i60s^J<]wFUG44shN*zi078&Ne!=^jBz{7OBN*^X",
    "QVpNzc#:}?*59?T.x<h]&.a)o+$bmTky8eIP6w4]",
];

impl Setup {
    /// One peer, and everything else as the implementation chooses.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            marks: Marks::Default,
            peers: 1,
            curve: None,
        }
    }

    /// The same as this side of this work has it.
    #[must_use]
    pub fn secured(self, work: Work, role: Role) -> Self {
        Self {
            curve: work.is_secured().then_some(role),
            ..self
        }
    }

    /// Without high-water marks.
    pub fn unlimited(kind: Kind) -> Self {
        Self {
            marks: Marks::Unlimited,
            ..Self::of(kind)
        }
    }
}

/// The type of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One to one of many.
    Push,
    /// The other end of [`Push`](Self::Push).
    Pull,
    /// Asks and waits.
    Req,
    /// Answers.
    Rep,
    /// Asks, many at a time.
    Dealer,
    /// Answers in any order.
    Router,
    /// One to all.
    Pub,
    /// The other end of [`Pub`](Self::Pub).
    Sub,
    /// One to one.
    Pair,
}

/// High-water marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// The implementation's own.
    #[default]
    Default,
    /// None, in either direction.
    Unlimited,
}
