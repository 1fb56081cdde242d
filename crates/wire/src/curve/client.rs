//! The side that knows the server's key.
//!
//! ```text
//!   SendHello ──HELLO──► Welcome ──◄WELCOME──► SendInitiate ──INITIATE──► Ready ──◄READY──► Done
//! ```

use std::fmt;

use zeroize::Zeroizing;

use super::boxes::BoxKey;
use super::keys::{KeyPair, PublicKey, SecretKey};
use super::message::{From, Opener, Sealer};
use super::{
    COOKIE, HELLO_NONCE, INITIATE_NONCE, NAME, PADDING, READY_NONCE, SIGNATURE, VERSION,
    VOUCH_NONCE, WELCOME_NONCE, nonce, open, seal, short_nonce,
};
use crate::Violation;
use crate::mechanism::{Mechanism, Session};
use crate::reader::Reader;

/// The number of HELLO.
const HELLO: u64 = 1;
/// The number of INITIATE.
const INITIATE: u64 = 2;

/// The client of one connection.
pub struct CurveClient {
    pub(super) keys: KeyPair,
    server: PublicKey,
    /// The server that the vouch names: the same one.
    pub(super) vouched: PublicKey,
    /// c', made for this connection.
    transient: SecretKey,
    vouch_nonce: [u8; 16],
    state: State,
    peer_metadata: Option<Vec<u8>>,
    /// The number of the server's READY.
    heard: u64,
}

enum State {
    SendHello,
    /// HELLO's key opens WELCOME as well.
    Welcome(BoxKey),
    SendInitiate {
        server: PublicKey,
        key: BoxKey,
        cookie: [u8; COOKIE],
    },
    Ready(BoxKey),
    Done(BoxKey),
    Over,
}

impl CurveClient {
    /// How many random bytes a connection takes.
    pub const ENTROPY: usize = 48;

    /// A client at its beginning. `entropy` is of a generator that is fit for secrets, and is used
    /// for nothing else.
    pub fn new(keys: KeyPair, server: PublicKey, entropy: Zeroizing<[u8; Self::ENTROPY]>) -> Self {
        let mut bytes = entropy.iter().copied();
        let mut next = || bytes.next().unwrap_or(0);
        let transient = Zeroizing::new(std::array::from_fn(|_| next()));
        Self {
            keys,
            server,
            vouched: server,
            transient: SecretKey::from_bytes(*transient),
            vouch_nonce: std::array::from_fn(|_| next()),
            state: State::SendHello,
            peer_metadata: None,
            heard: 0,
        }
    }

    /// With a server key that is none, nobody can open this: the server's answer will be missing.
    fn hello(&mut self) -> Vec<u8> {
        let mut data = VERSION.to_vec();
        data.extend_from_slice(&[0; PADDING]);
        data.extend_from_slice(self.transient.public_key().as_bytes());
        data.extend_from_slice(&HELLO.to_be_bytes());
        let key = BoxKey::between(&self.transient, &self.server);
        let key = key.unwrap_or_else(|| BoxKey::of(*self.transient.expose_bytes()));
        seal(
            &key,
            &short_nonce(HELLO_NONCE, HELLO),
            &[0; SIGNATURE],
            &mut data,
        );
        self.state = State::Welcome(key);
        data
    }

    /// Box [S' + cookie](S->C').
    fn handle_welcome(&mut self, key: &BoxKey, data: &[u8]) -> Result<(), Violation> {
        const SIZE: usize = 16 + super::TAG + 32 + COOKIE;
        if data.len() != SIZE {
            return Err(Violation::MalformedWelcome);
        }
        let (long, boxed) = data
            .split_first_chunk::<16>()
            .ok_or(Violation::MalformedWelcome)?;
        let text = open(key, &nonce(WELCOME_NONCE, long), boxed)?;
        let (server, cookie) = text
            .split_first_chunk()
            .ok_or(Violation::MalformedWelcome)?;
        let cookie = cookie.try_into().map_err(|_| Violation::MalformedWelcome)?;
        let server = PublicKey::from_bytes(*server);
        let key = BoxKey::between(&self.transient, &server).ok_or(Violation::BoxNotOpened)?;
        self.state = State::SendInitiate {
            server,
            key,
            cookie,
        };
        Ok(())
    }

    /// The cookie, and Box [C + vouch + metadata](C'->S').
    fn initiate(&self, server: &PublicKey, key: &BoxKey, cookie: &[u8], own: &[u8]) -> Vec<u8> {
        let mut text = self.keys.public.as_bytes().to_vec();
        text.extend_from_slice(&self.vouch_nonce);
        let mut vouched = self.transient.public_key().as_bytes().to_vec();
        vouched.extend_from_slice(self.vouched.as_bytes());
        // S' was found to be a key when it came.
        if let Some(key) = BoxKey::between(&self.keys.secret, server) {
            seal(
                &key,
                &nonce(VOUCH_NONCE, &self.vouch_nonce),
                &vouched,
                &mut text,
            );
        }
        text.extend_from_slice(own);
        let mut data = cookie.to_vec();
        data.extend_from_slice(&INITIATE.to_be_bytes());
        seal(
            key,
            &short_nonce(INITIATE_NONCE, INITIATE),
            &text,
            &mut data,
        );
        data
    }

    /// Box [metadata](S'->C').
    fn handle_ready(&mut self, key: BoxKey, data: &[u8]) -> Result<(), Violation> {
        let mut reader = Reader::new(data);
        let number = reader.u64().ok_or(Violation::MalformedReady)?;
        if reader.rest().len() < super::TAG {
            return Err(Violation::MalformedReady);
        }
        let metadata = open(&key, &short_nonce(READY_NONCE, number), reader.rest())?;
        self.heard = number;
        self.peer_metadata = Some(metadata);
        self.state = State::Done(key);
        Ok(())
    }
}

impl Mechanism for CurveClient {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handle_command(&mut self, name: &[u8], data: &[u8]) -> Result<(), Violation> {
        match (std::mem::replace(&mut self.state, State::Over), name) {
            (State::Welcome(key), b"WELCOME") => self.handle_welcome(&key, data),
            (State::Ready(key), b"READY") => self.handle_ready(key, data),
            _ => Err(Violation::UnexpectedCommand),
        }
    }

    fn next_command(&mut self, metadata: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::SendHello => Some(("HELLO", self.hello())),
            State::SendInitiate {
                server,
                key,
                cookie,
            } => {
                let data = self.initiate(&server, &key, &cookie, metadata);
                self.state = State::Ready(key);
                Some(("INITIATE", data))
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    fn peer_metadata(&self) -> Option<&[u8]> {
        self.peer_metadata.as_deref()
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    fn tells_errors(&self) -> bool {
        false
    }

    fn take_session(&mut self) -> Option<Session> {
        let State::Done(key) = std::mem::replace(&mut self.state, State::Over) else {
            return None;
        };
        Some(Session {
            sealer: Box::new(Sealer::new(&key, From::Client, INITIATE)),
            opener: Box::new(Opener::new(&key, From::Server, self.heard)),
        })
    }
}

impl fmt::Debug for CurveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurveClient")
            .field("public", &self.keys.public)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
