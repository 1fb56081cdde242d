//! Python objects: one part per message, as pyzmq's `send_pyobj` and `recv_pyobj` exchange them.
//!
//! Only data travels: numbers, text, bytes, lists, tuples, sets, dictionaries and `None`. No code
//! is ever run, and classes are not instantiated.
//!
//! Invariants:
//! - bytes of a peer are checked for nesting and expansion ([`Unfit`]) before they are read;
//! - a message that is not what was expected is handed back in the error, never lost.

mod check;

pub use check::Unfit;

use ferromq_core::{Message, Receives, RecvError, SendError, Sends, Socket};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_pickle::{DeOptions, SerOptions};

/// Sends values as Python objects; every socket that can send has it.
pub trait SendPickle {
    /// Sends `value` as one part, pickled with protocol 3, which every Python 3 reads.
    ///
    /// Structures become dictionaries, enums tuples. Waits exactly as `send` does.
    ///
    /// # Errors
    /// - [`SendPickleError::Pickle`]: the value has no such form; nothing was sent.
    /// - [`SendPickleError::Send`]: the socket did not take the message.
    fn send_pickle<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendPickleError>;
}

/// Receives values that arrive as Python objects; every socket that can receive has it.
pub trait RecvPickle {
    /// Receives a message of one part and reads it as a pickled object, protocols 0 to 5.
    ///
    /// Waits exactly as `recv` does.
    ///
    /// # Errors
    /// - [`RecvPickleError::Recv`]: nothing was received.
    /// - [`RecvPickleError::Parts`]: the message has several parts; it is handed back.
    /// - [`RecvPickleError::Unfit`]: reading the object could exhaust stack or memory, or it is cut
    ///   short; the message is handed back.
    /// - [`RecvPickleError::Pickle`]: the object is not data, or not of type `T`; the message is
    ///   handed back.
    fn recv_pickle<T: DeserializeOwned>(&self) -> Result<T, RecvPickleError>;
}

impl<P: Sends> SendPickle for Socket<P> {
    fn send_pickle<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendPickleError> {
        let bytes = serde_pickle::to_vec(&value, SerOptions::new())?;
        Ok(self.send(bytes)?)
    }
}

impl<P: Receives> RecvPickle for Socket<P> {
    fn recv_pickle<T: DeserializeOwned>(&self) -> Result<T, RecvPickleError> {
        parse(self.recv()?)
    }
}

/// Why a value was not sent as a Python object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendPickleError {
    /// The value has no pickled form; nothing was sent.
    #[error("value has no pickled form")]
    Pickle(#[from] serde_pickle::Error),
    /// The socket did not take the message.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Why no value was received as a Python object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvPickleError {
    /// The message does not have exactly one part.
    #[error("message has {} parts instead of one", .0.len())]
    Parts(Message),
    /// The message is not the pickled form of the expected type.
    #[error("message is not the expected object")]
    Pickle {
        /// The message.
        message: Message,
        /// What is wrong with it, and where.
        source: Box<serde_pickle::Error>,
    },
    /// Nothing was received.
    #[error(transparent)]
    Recv(#[from] RecvError),
    /// The object was not read, because reading it could exhaust stack or memory, or fail.
    #[error("message cannot be read safely as an object")]
    Unfit {
        /// The message.
        message: Message,
        /// What is wrong with it.
        source: Unfit,
    },
}

fn parse<T: DeserializeOwned>(message: Message) -> Result<T, RecvPickleError> {
    if message.len() != 1 {
        return Err(RecvPickleError::Parts(message));
    }
    let bytes = message.part(0).map_or(&[][..], |part| part);
    if let Err(source) = check::check(bytes) {
        return Err(RecvPickleError::Unfit { message, source });
    }
    serde_pickle::from_slice(bytes, DeOptions::new()).map_err(|source| RecvPickleError::Pickle {
        message,
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_of_python_is_read() {
        // pickle.dumps({"a": [1, None, True]}, 4)
        let bytes = b"\x80\x04\x95\x11\0\0\0\0\0\0\0}\x94\x8c\x01a\x94]\x94(K\x01N\x88es.";
        let value: std::collections::BTreeMap<String, (u8, Option<u8>, bool)> =
            parse(Message::from(&bytes[..])).unwrap();
        assert_eq!(value["a"], (1, None, true));
    }

    #[test]
    fn message_of_several_parts_is_handed_back() {
        let Err(RecvPickleError::Parts(message)) = parse::<u8>(Message::from(["K", "."])) else {
            panic!("expected Parts");
        };
        assert_eq!(message.len(), 2);
    }

    #[test]
    fn object_of_another_type_is_handed_back() {
        let Err(RecvPickleError::Pickle { message, .. }) = parse::<String>(Message::from("K\x01."))
        else {
            panic!("expected Pickle");
        };
        assert_eq!(message, Message::from("K\x01."));
    }

    #[test]
    fn deep_nesting_is_an_error_not_an_overflow() {
        let mut bytes = vec![b')'];
        bytes.extend(std::iter::repeat_n(0x85, 1_000_000));
        bytes.push(b'.');
        let outcome = parse::<serde::de::IgnoredAny>(Message::from(bytes));
        assert!(matches!(
            outcome,
            Err(RecvPickleError::Unfit {
                source: Unfit::Depth,
                ..
            })
        ));
    }

    #[test]
    fn class_of_python_is_refused_not_run() {
        let bytes = "cos\nsystem\n(S'true'\ntR.";
        let outcome = parse::<serde::de::IgnoredAny>(Message::from(bytes));
        assert!(matches!(outcome, Err(RecvPickleError::Pickle { .. })));
    }
}
