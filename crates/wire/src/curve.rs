//! The CURVE mechanism: CurveZMQ (RFC 25, RFC 26).
//!
//! ```text
//!   client   HELLO ──►                                    C', and proof that it knows S
//!   server         ◄── WELCOME                            S', and a cookie with C' and s'
//!   client   INITIATE ──►                                 the cookie, C, a vouch for C', metadata
//!   server   (asks who may)  ◄── READY                    metadata
//!   both     MESSAGE ◄──►                                 each frame of traffic in a box
//! ```
//!
//! C and S are the permanent keys, C' and S' those of one connection; small letters are secret. Who
//! records the traffic cannot read it with permanent keys that he gets later.
//!
//! Both sides check everything: sizes, padding, versions, that each box opens, that short nonces
//! only grow, that the cookie is ours and the vouch is for this connection *and* this server.
//! Between WELCOME and INITIATE a server keeps of its client the cookie's key and one number.
//!
//! Primitives: X25519 (`x25519-dalek`), HSalsa20 (`salsa20`), Salsa20 (`keystream.rs`, against
//! `salsa20` in tests), Poly1305 (`cryptoxide`, and `poly1305` for long texts).

mod boxes;
mod client;
mod keys;
mod keystream;
mod message;
mod server;

pub use self::client::CurveClient;
pub use self::keys::{KeyError, KeyPair, PublicKey, SecretKey};
pub use self::server::CurveServer;

use self::boxes::BoxKey;
use crate::Violation;

/// The name in the greeting.
const NAME: &str = "CURVE";

const HELLO_NONCE: &[u8; 16] = b"CurveZMQHELLO---";
const WELCOME_NONCE: &[u8; 8] = b"WELCOME-";
const COOKIE_NONCE: &[u8; 8] = b"COOKIE--";
const INITIATE_NONCE: &[u8; 16] = b"CurveZMQINITIATE";
const VOUCH_NONCE: &[u8; 8] = b"VOUCH---";
const READY_NONCE: &[u8; 16] = b"CurveZMQREADY---";
const CLIENT_NONCE: &[u8; 16] = b"CurveZMQMESSAGEC";
const SERVER_NONCE: &[u8; 16] = b"CurveZMQMESSAGES";

/// What a box is longer than what is in it: its tag.
const TAG: usize = 16;

/// HELLO's version: 1.0.
const VERSION: [u8; 2] = [1, 0];
/// HELLO's padding, so that it is larger than WELCOME.
const PADDING: usize = 72;
/// What is in HELLO's box.
const SIGNATURE: usize = 64;
/// A cookie: its nonce, and a box with C' and s'.
const COOKIE: usize = 96;
/// A vouch: its nonce, and a box with C' and S.
const VOUCH: usize = 96;

/// The nonce of a command with a number.
fn short_nonce(prefix: &[u8; 16], number: u64) -> [u8; 24] {
    nonce(prefix, &number.to_be_bytes())
}

/// A nonce: one part is said by the protocol, the other one by the peer.
fn nonce(prefix: &[u8], rest: &[u8]) -> [u8; 24] {
    let mut bytes = prefix.iter().chain(rest);
    std::array::from_fn(|_| bytes.next().copied().unwrap_or(0))
}

/// Opens a box with its tag at the front: what was in it.
fn open(key: &BoxKey, nonce: &[u8; 24], boxed: &[u8]) -> Result<Vec<u8>, Violation> {
    let (tag, text) = boxed.split_first_chunk().ok_or(Violation::BoxNotOpened)?;
    let mut text = text.to_vec();
    key.open(nonce, tag, &mut text)?;
    Ok(text)
}

/// Appends a box with its tag at the front.
fn seal(key: &BoxKey, nonce: &[u8; 24], text: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; TAG]);
    out.extend_from_slice(text);
    if let Some((place, text)) = out
        .get_mut(at..)
        .and_then(|boxed| boxed.split_first_chunk_mut::<TAG>())
    {
        *place = key.seal(nonce, text);
    }
}

#[cfg(test)]
mod tests;
