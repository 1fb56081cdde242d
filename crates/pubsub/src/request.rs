//! Subscribing and cancelling as messages: a byte, 1 or 0, and the topic (RFC 23, "subscription").
//!
//! This is how subscriptions travel before ZMTP 3.1, how an XSUB's application makes them, and how
//! an XPUB's application is told of them. A message is a request if its first part begins with 0 or
//! 1; each further part that does is one more request, and other parts of it are ignored.

use ferromq_core::{Command, Message, Part};

/// One subscription or cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    Subscribe(&'a [u8]),
    Cancel(&'a [u8]),
}

impl<'a> Request<'a> {
    /// Reads a part; `None` if it is not a request.
    pub(crate) fn of_part(part: &'a Part) -> Option<Self> {
        match part.as_bytes() {
            [1, topic @ ..] => Some(Self::Subscribe(topic)),
            [0, topic @ ..] => Some(Self::Cancel(topic)),
            _ => None,
        }
    }

    /// Reads a command; `None` if it is another.
    pub(crate) fn of_command(command: &'a Command) -> Option<Self> {
        match command {
            Command::Subscribe(topic) => Some(Self::Subscribe(topic)),
            Command::Cancel(topic) => Some(Self::Cancel(topic)),
            _ => None,
        }
    }

    /// The requests of a message, in its first part only if `first_only`; `None` if it is not one.
    pub(crate) fn of_message(
        message: &'a Message,
        first_only: bool,
    ) -> Option<impl Iterator<Item = Self>> {
        message.part(0).and_then(Self::of_part)?;
        let most = if first_only { 1 } else { message.len() };
        Some(message.iter().take(most).filter_map(Self::of_part))
    }

    /// This request as a message of one part.
    pub(crate) fn to_message(self) -> Message {
        let (first, topic) = match self {
            Self::Subscribe(topic) => (1, topic),
            Self::Cancel(topic) => (0, topic),
        };
        let mut part = Vec::with_capacity(1 + topic.len());
        part.push(first);
        part.extend_from_slice(topic);
        Message::from(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_of_message_beginning_otherwise_is_none() {
        assert!(Request::of_message(&Message::from("\u{2}a"), false).is_none());
        assert!(Request::of_message(&Message::from(""), false).is_none());
        assert!(Request::of_message(&Message::new(), false).is_none());
        assert!(Request::of_message(&Message::from(["a", "\u{1}b"]), false).is_none());
    }

    #[test]
    fn request_of_multipart_message_reads_each_part_that_is_one() {
        let message = Message::from(["\u{1}a", "x", "\u{0}b", "\u{1}"]);
        let requests: Vec<_> = Request::of_message(&message, false).unwrap().collect();
        let expected = [
            Request::Subscribe(b"a"),
            Request::Cancel(b"b"),
            Request::Subscribe(b""),
        ];
        assert_eq!(requests, expected);
    }

    #[test]
    fn request_as_message_reads_back() {
        for request in [Request::Subscribe(b"topic"), Request::Cancel(b"")] {
            let message = request.to_message();
            let back: Vec<_> = Request::of_message(&message, false).unwrap().collect();
            assert_eq!(back, [request]);
        }
    }
}
