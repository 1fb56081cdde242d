//! The side whose key is known.
//!
//! ```text
//!   Hello ──◄HELLO──► SendWelcome ──WELCOME──► Initiate ──◄INITIATE──► Asking
//!                                           Asking ──allowed──► SendReady ──READY──► Done
//! ```

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::boxes::BoxKey;
use super::keys::{KeyPair, PublicKey, SecretKey};
use super::message::{From, Opener, Sealer};
use super::{
    COOKIE, COOKIE_NONCE, HELLO_NONCE, INITIATE_NONCE, NAME, PADDING, READY_NONCE, SIGNATURE, TAG,
    VERSION, VOUCH, VOUCH_NONCE, WELCOME_NONCE, nonce, open, seal, short_nonce,
};
use crate::Violation;
use crate::mechanism::{Claim, Mechanism, Session};
use crate::reader::Reader;

/// The number of READY.
const READY: u64 = 1;

/// The server of one connection.
pub struct CurveServer {
    keys: KeyPair,
    state: State,
    /// The number of the client's last command.
    heard: u64,
    peer_metadata: Option<Vec<u8>>,
}

enum State {
    Hello(Zeroizing<[u8; CurveServer::ENTROPY]>),
    SendWelcome(Vec<u8>, BoxKey),
    /// All that is kept of the client: what its cookie opens with.
    Initiate(BoxKey),
    Asking(PublicKey, BoxKey),
    SendReady(BoxKey),
    Done(BoxKey),
    Over,
}

impl CurveServer {
    /// How many random bytes a connection takes.
    pub const ENTROPY: usize = 96;

    /// A server at its beginning. `entropy` is of a generator that is fit for secrets, and is used
    /// for nothing else.
    pub fn new(keys: KeyPair, entropy: Zeroizing<[u8; Self::ENTROPY]>) -> Self {
        Self {
            keys,
            state: State::Hello(entropy),
            heard: 0,
            peer_metadata: None,
        }
    }

    /// Version, padding, C', a number, and Box [64 zeros](C'->S).
    fn handle_hello(&mut self, entropy: &[u8], data: &[u8]) -> Result<(), Violation> {
        const SIZE: usize = 2 + PADDING + 32 + 8 + TAG + SIGNATURE;
        if data.len() != SIZE {
            return Err(Violation::MalformedHello);
        }
        let mut reader = Reader::new(data);
        let version = reader.take(VERSION.len());
        let padding = reader.take(PADDING);
        if version != Some(&VERSION) || padding != Some(&[0; PADDING]) {
            return Err(Violation::MalformedHello);
        }
        let client = read_key(&mut reader).ok_or(Violation::MalformedHello)?;
        self.heard = reader.u64().ok_or(Violation::MalformedHello)?;
        let key = BoxKey::between(&self.keys.secret, &client).ok_or(Violation::BoxNotOpened)?;
        let signature = open(&key, &short_nonce(HELLO_NONCE, self.heard), reader.rest())?;
        if signature != [0; SIGNATURE] {
            return Err(Violation::MalformedHello);
        }
        self.welcome(&key, &client, entropy);
        Ok(())
    }

    /// Makes s', and puts it into a cookie, which the client brings back. What remains here is the
    /// cookie's key; Box [S' + cookie](S->C') goes out.
    fn welcome(&mut self, key: &BoxKey, client: &PublicKey, entropy: &[u8]) {
        let mut bytes = entropy.iter().copied();
        let mut next = || bytes.next().unwrap_or(0);
        let secret = Zeroizing::new(std::array::from_fn(|_| next()));
        let cookie_key = Zeroizing::new(std::array::from_fn(|_| next()));
        let [long, of_cookie]: [[u8; 16]; 2] =
            std::array::from_fn(|_| std::array::from_fn(|_| next()));
        let transient = SecretKey::from_bytes(*secret);
        let cookie_key = BoxKey::of(*cookie_key);
        let mut cookie = of_cookie.to_vec();
        let mut both = Zeroizing::new(client.as_bytes().to_vec());
        both.extend_from_slice(&*secret);
        seal(
            &cookie_key,
            &nonce(COOKIE_NONCE, &of_cookie),
            &both,
            &mut cookie,
        );
        let mut text = transient.public_key().as_bytes().to_vec();
        text.extend_from_slice(&cookie);
        let mut data = long.to_vec();
        seal(key, &nonce(WELCOME_NONCE, &long), &text, &mut data);
        self.state = State::SendWelcome(data, cookie_key);
    }

    /// The cookie, a number, and Box [C + vouch + metadata](C'->S').
    fn handle_initiate(&mut self, cookie_key: &BoxKey, data: &[u8]) -> Result<(), Violation> {
        const LEAST: usize = COOKIE + 8 + TAG + 32 + VOUCH;
        if data.len() < LEAST {
            return Err(Violation::MalformedInitiate);
        }
        let mut reader = Reader::new(data);
        let cookie = reader.take(COOKIE).ok_or(Violation::MalformedInitiate)?;
        let (client, transient) = open_cookie(cookie_key, cookie)?;
        let number = reader.u64().ok_or(Violation::MalformedInitiate)?;
        if number <= self.heard {
            return Err(Violation::BadNonce);
        }
        let key = BoxKey::between(&transient, &client).ok_or(Violation::BoxNotOpened)?;
        let text = open(&key, &short_nonce(INITIATE_NONCE, number), reader.rest())?;
        let mut reader = Reader::new(&text);
        let permanent = read_key(&mut reader).ok_or(Violation::MalformedInitiate)?;
        let vouch = reader.take(VOUCH).ok_or(Violation::MalformedInitiate)?;
        self.check_vouch(vouch, &permanent, &transient, &client)?;
        self.heard = number;
        self.peer_metadata = Some(reader.rest().to_vec());
        self.state = State::Asking(permanent, key);
        Ok(())
    }

    /// Box [C', S](C->S'): who has c vouches for this C', and at this server.
    fn check_vouch(
        &self,
        vouch: &[u8],
        permanent: &PublicKey,
        transient: &SecretKey,
        client: &PublicKey,
    ) -> Result<(), Violation> {
        let key = BoxKey::between(transient, permanent).ok_or(Violation::BoxNotOpened)?;
        let (long, boxed) = vouch
            .split_first_chunk::<16>()
            .ok_or(Violation::MalformedInitiate)?;
        let vouched = open(&key, &nonce(VOUCH_NONCE, long), boxed)?;
        let mut expected = client.as_bytes().to_vec();
        expected.extend_from_slice(self.keys.public.as_bytes());
        if bool::from(vouched.ct_eq(&expected)) {
            Ok(())
        } else {
            Err(Violation::BadVouch)
        }
    }
}

/// C' and s'.
fn open_cookie(key: &BoxKey, cookie: &[u8]) -> Result<(PublicKey, SecretKey), Violation> {
    let (long, boxed) = cookie
        .split_first_chunk::<16>()
        .ok_or(Violation::MalformedInitiate)?;
    let text = Zeroizing::new(open(key, &nonce(COOKIE_NONCE, long), boxed)?);
    let mut reader = Reader::new(&text);
    let client = read_key(&mut reader).ok_or(Violation::MalformedInitiate)?;
    let secret = read_key(&mut reader).ok_or(Violation::MalformedInitiate)?;
    Ok((client, SecretKey::from_bytes(*secret.as_bytes())))
}

fn read_key(reader: &mut Reader<'_>) -> Option<PublicKey> {
    let bytes = reader.take(32)?.try_into().ok()?;
    Some(PublicKey::from_bytes(bytes))
}

impl Mechanism for CurveServer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handle_command(&mut self, name: &[u8], data: &[u8]) -> Result<(), Violation> {
        match (std::mem::replace(&mut self.state, State::Over), name) {
            (State::Hello(entropy), b"HELLO") => self.handle_hello(&*entropy, data),
            (State::Initiate(key), b"INITIATE") => self.handle_initiate(&key, data),
            _ => Err(Violation::UnexpectedCommand),
        }
    }

    fn next_command(&mut self, metadata: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::SendWelcome(data, cookie_key) => {
                self.state = State::Initiate(cookie_key);
                Some(("WELCOME", data))
            }
            State::SendReady(key) => {
                let mut data = READY.to_be_bytes().to_vec();
                seal(&key, &short_nonce(READY_NONCE, READY), metadata, &mut data);
                self.state = State::Done(key);
                Some(("READY", data))
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

    fn claim(&self) -> Option<Claim> {
        match &self.state {
            State::Asking(client, _) => Some(Claim::Curve(*client)),
            _ => None,
        }
    }

    fn allow(&mut self) {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Asking(_, key) => self.state = State::SendReady(key),
            other => self.state = other,
        }
    }

    fn tells_errors(&self) -> bool {
        false
    }

    fn take_session(&mut self) -> Option<Session> {
        let State::Done(key) = std::mem::replace(&mut self.state, State::Over) else {
            return None;
        };
        Some(Session {
            sealer: Box::new(Sealer::new(&key, From::Server, READY)),
            opener: Box::new(Opener::new(&key, From::Client, self.heard)),
        })
    }
}

impl fmt::Debug for CurveServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CurveServer")
            .field("public", &self.keys.public)
            .finish_non_exhaustive()
    }
}
