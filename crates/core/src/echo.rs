//! Asking a peer whether it has taken what was sent: a PING whose context is a number of ours.
//!
//! A peer of ZMTP 3.1 answers a PING with its context (RFC 37, "Connection Heartbeating"), and
//! commands arrive in order. A publisher of ours answers when the subscriptions before are in
//! force. An answer that is none of these PINGs' is left alone: other PINGs have other contexts.

use std::time::Duration;

use bytes::Bytes;
use ferromq_wire::Command;

/// What the context of such a PING begins with.
const MARK: [u8; 4] = *b"echo";

/// The command that asks under this number.
pub(crate) fn ping(number: u64) -> Command {
    let mut context = [0; 12];
    context[..4].copy_from_slice(&MARK);
    context[4..].copy_from_slice(&number.to_be_bytes());
    Command::Ping {
        ttl: Duration::ZERO,
        context: Bytes::copy_from_slice(&context),
    }
}

/// The number that this is the answer to; `None`: it is the answer to something else.
pub(crate) fn number(context: &[u8]) -> Option<u64> {
    let number = context.strip_prefix(&MARK)?.try_into().ok()?;
    Some(u64::from_be_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_the_context_of_a_ping_is_what_was_asked_under() {
        for asked in [0, 1, u64::MAX] {
            let Command::Ping { ttl, context } = ping(asked) else {
                panic!("not a PING");
            };
            assert!(ttl.is_zero() && context.len() <= Command::MAX_CONTEXT);
            assert_eq!(number(&context), Some(asked));
        }
    }

    #[test]
    fn number_of_another_context_is_none() {
        for context in [
            &b""[..],
            b"echo",
            b"echo1234567",
            b"echo123456789",
            b"ECHO12345678",
        ] {
            assert_eq!(number(context), None, "{context:?}");
        }
    }
}
