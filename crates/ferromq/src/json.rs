//! JSON payloads: one part per message, as pyzmq's `send_json` and `recv_json` exchange them.
//!
//! Invariant: a message that is not what was expected is handed back in the error, never lost.

use ferromq_core::{Message, Receives, RecvError, SendError, Sends, Socket};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Sends values as JSON; every socket that can send has it.
pub trait SendJson {
    /// Sends `value` as one part of JSON text (UTF-8, without added white space).
    ///
    /// Waits exactly as `send` does.
    ///
    /// # Errors
    /// - [`SendJsonError::Json`]: the value has no JSON form (a map with keys that are not text,
    ///   an error of its own `Serialize`); nothing was sent.
    /// - [`SendJsonError::Send`]: the socket did not take the message.
    fn send_json<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendJsonError>;
}

/// Receives values that arrive as JSON; every socket that can receive has it.
pub trait RecvJson {
    /// Receives a message of one part and reads it as JSON.
    ///
    /// Waits exactly as `recv` does. Nesting beyond 128 levels is refused.
    ///
    /// # Errors
    /// - [`RecvJsonError::Recv`]: nothing was received.
    /// - [`RecvJsonError::Parts`]: the message has several parts; it is handed back.
    /// - [`RecvJsonError::Json`]: the part is not JSON, or not of type `T`; the message is handed
    ///   back.
    fn recv_json<T: DeserializeOwned>(&self) -> Result<T, RecvJsonError>;
}

impl<P: Sends> SendJson for Socket<P> {
    fn send_json<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendJsonError> {
        let text = serde_json::to_vec(value)?;
        Ok(self.send(text)?)
    }
}

impl<P: Receives> RecvJson for Socket<P> {
    fn recv_json<T: DeserializeOwned>(&self) -> Result<T, RecvJsonError> {
        parse(self.recv()?)
    }
}

/// Why a value was not sent as JSON.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendJsonError {
    /// The value has no JSON form; nothing was sent.
    #[error("value has no JSON form")]
    Json(#[from] serde_json::Error),
    /// The socket did not take the message.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Why no value was received as JSON.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvJsonError {
    /// The message is not the JSON form of the expected type.
    #[error("message is not the expected JSON")]
    Json {
        /// The message.
        message: Message,
        /// What is wrong with it, and where.
        source: serde_json::Error,
    },
    /// The message does not have exactly one part.
    #[error("message has {} parts instead of one", .0.len())]
    Parts(Message),
    /// Nothing was received.
    #[error(transparent)]
    Recv(#[from] RecvError),
}

fn parse<T: DeserializeOwned>(message: Message) -> Result<T, RecvJsonError> {
    if message.len() != 1 {
        return Err(RecvJsonError::Parts(message));
    }
    let text = message.part(0).map_or(&[][..], |part| part);
    serde_json::from_slice(text).map_err(|source| RecvJsonError::Json { message, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_of_one_part_is_parsed() {
        let numbers: Vec<u32> = parse(Message::from("[1, 2]")).unwrap();
        assert_eq!(numbers, [1, 2]);
    }

    #[test]
    fn message_of_several_parts_is_handed_back() {
        let Err(RecvJsonError::Parts(message)) = parse::<u32>(Message::from(["1", "2"])) else {
            panic!("expected Parts");
        };
        assert_eq!(message, Message::from(["1", "2"]));
    }

    #[test]
    fn malformed_json_is_handed_back() {
        let Err(RecvJsonError::Json { message, source }) = parse::<u32>(Message::from("1x")) else {
            panic!("expected Json");
        };
        assert_eq!(message, Message::from("1x"));
        assert!(source.is_syntax());
    }

    #[test]
    fn deep_nesting_is_an_error_not_an_overflow() {
        let deep = "[".repeat(100_000);
        let outcome = parse::<serde::de::IgnoredAny>(Message::from(deep));
        assert!(matches!(outcome, Err(RecvJsonError::Json { .. })));
    }
}
