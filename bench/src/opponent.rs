//! What is asked of an implementation so that it can be measured.

use std::hint::spin_loop;

use crate::Outcome;
use crate::cell::Cell;

/// An implementation of ZeroMQ, or what stands for one.
///
/// Options are as each implementation chooses them, unless [`Marks`] says otherwise.
pub trait Opponent: Sized + 'static {
    /// What the sockets of one side have in common. Both sides share one over inproc.
    type Context: Clone + Send + 'static;

    /// A socket, used by the thread that has made it.
    type Socket: Socket;

    /// Its name, its version, and how it was built.
    fn version() -> String;

    /// Whether it has what this cell needs.
    fn can(_cell: &Cell) -> bool {
        true
    }

    /// Makes a context.
    fn context() -> Outcome<Self::Context>;

    /// Makes a socket.
    fn socket(context: &Self::Context, kind: Kind, marks: Marks) -> Outcome<Self::Socket>;
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

    /// Writes what would otherwise wait for more.
    fn flush(&mut self) -> Outcome {
        Ok(())
    }

    /// Called over and over by a sender that looks at the clock until its next message is due.
    fn pause(&mut self) {
        spin_loop();
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
