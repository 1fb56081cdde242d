//! Boxes around the frames of traffic: what a mechanism that hides messages leaves behind.
//!
//! A sealer belongs to one connection and one direction, and so does an opener: each box of a
//! direction has a number of its own, which only grows.

use std::fmt;
use std::ops::Range;

use crate::Violation;

/// Puts what we send into boxes.
pub trait Seal: fmt::Debug + Send {
    /// Appends a frame with a box in it: `body` is a message's part (`more` follow in the same
    /// message), or a command's body.
    ///
    /// # Errors
    ///
    /// [`Exhausted`]: the connection has had all the boxes that it can have.
    fn seal(&mut self, kind: Kind, body: &[u8], out: &mut Vec<u8>) -> Result<(), Exhausted>;
}

/// Takes what the peer sent out of its boxes.
pub trait Open: fmt::Debug + Send {
    /// How many bytes longer the body of a frame with a box is than what is in it.
    fn overhead(&self) -> u64;

    /// Opens the box in the body of a frame, in place.
    ///
    /// # Errors
    ///
    /// What is wrong with it; `body` is then of no use.
    fn open(&mut self, body: &mut [u8]) -> Result<Opened, Violation>;
}

/// What is in a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A part of a message.
    Part {
        /// Further parts of the same message follow.
        more: bool,
    },
    /// A command.
    Command,
}

/// What was in a box, and where in the frame's body it now lies in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it is.
    pub kind: Kind,
    /// Where its body is.
    pub body: Range<usize>,
}

/// Every number that a box of this connection could have was used (RFC 26: 2^64-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the connection can have no more boxes")]
pub struct Exhausted;
