//! CurveZMQ as RFC 26 has it, said by hand: each side's commands, and what they are checked for.
//!
//! Put together from the primitives apart from `ferromq-wire` on purpose: what one gets wrong, the
//! other finds.

use std::sync::atomic::{AtomicU64, Ordering};

use ferromq_testkit::frames;
use ferromq_testkit::mock::{Frame, Frames};
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::cipher::consts::U10;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use salsa20::{XSalsa20, hsalsa};
use x25519_dalek::{PublicKey, StaticSecret};

/// The flags in a box.
pub(in crate::wire) const MORE: u8 = 1;

/// Opens and makes the boxes of two key pairs.
#[derive(Clone)]
struct BoxKey([u8; 32]);

impl BoxKey {
    fn between(secret: &StaticSecret, public: &PublicKey) -> Self {
        let shared = secret.diffie_hellman(public).to_bytes();
        Self(hsalsa::<U10>(&shared.into(), &[0; 16].into()).into())
    }

    /// The tag, and what hides the text; the stream's first 32 octets are the key of the tag.
    fn seal(&self, nonce: &[u8], text: &[u8]) -> Vec<u8> {
        let hidden = self.stream(nonce, text);
        let (proof, hidden) = hidden.split_at(32);
        [&tag(proof, hidden)[..], hidden].concat()
    }

    #[track_caller]
    fn open(&self, nonce: &[u8], boxed: &[u8]) -> Vec<u8> {
        let (shown, hidden) = boxed.split_at(16);
        let text = self.stream(nonce, hidden);
        assert_eq!(tag(&text[..32], hidden), shown, "the box opens");
        text[32..].to_vec()
    }

    /// 32 octets of the stream, and then the text with the next ones.
    fn stream(&self, nonce: &[u8], text: &[u8]) -> Vec<u8> {
        let nonce: [u8; 24] = nonce.try_into().unwrap();
        let mut all = [&[0; 32], text].concat();
        XSalsa20::new(&self.0.into(), &nonce.into()).apply_keystream(&mut all);
        all
    }
}

fn tag(key: &[u8], hidden: &[u8]) -> [u8; 16] {
    let key: [u8; 32] = key.try_into().unwrap();
    Poly1305::new(&key.into()).compute_unpadded(hidden).into()
}

/// A key pair that was not there before.
fn transient() -> StaticSecret {
    static KEYS: AtomicU64 = AtomicU64::new(1);
    let number = KEYS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    StaticSecret::from(std::array::from_fn(|at| number[at % 8]))
}

fn short(prefix: &[u8; 16], number: u64) -> Vec<u8> {
    [&prefix[..], &number.to_be_bytes()].concat()
}

fn key(bytes: &[u8]) -> PublicKey {
    PublicKey::from(<[u8; 32]>::try_from(bytes).unwrap())
}

/// The data of the command of this name.
#[track_caller]
fn data(frame: &Frame, name: &str) -> Vec<u8> {
    match frame.as_command() {
        Some((found, data)) if found == name => data.to_vec(),
        _ => panic!("expected {name}, got {frame:?}"),
    }
}

#[track_caller]
fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

/// A client that says what it is told to.
pub(in crate::wire) struct Client {
    own: StaticSecret,
    server: PublicKey,
    transient: StaticSecret,
    pub(in crate::wire) number: u64,
}

/// A client that has WELCOME.
pub(in crate::wire) struct Welcomed {
    client: Client,
    pub(in crate::wire) nonce: Vec<u8>,
    pub(in crate::wire) server_transient: PublicKey,
    pub(in crate::wire) cookie: Vec<u8>,
}

impl Client {
    pub(in crate::wire) fn new(own: [u8; 32], server: [u8; 32]) -> Self {
        Self {
            own: own.into(),
            server: server.into(),
            transient: transient(),
            number: 1,
        }
    }

    pub(in crate::wire) fn hello(&self) -> Frames {
        let key = BoxKey::between(&self.transient, &self.server);
        let signature = key.seal(&short(b"CurveZMQHELLO---", self.number), &[0; 64]);
        let own = PublicKey::from(&self.transient);
        let number = self.number.to_be_bytes();
        let data = [&[1, 0][..], &[0; 72], own.as_bytes(), &number, &signature].concat();
        frames::command("HELLO", &data)
    }

    /// Checks every field of WELCOME.
    #[track_caller]
    pub(in crate::wire) fn welcomed(self, frame: &Frame) -> Welcomed {
        assert_eq!(frame.body.len(), 168, "WELCOME");
        let data = data(frame, "WELCOME");
        let (nonce, boxed) = data.split_at(16);
        let key = BoxKey::between(&self.transient, &self.server);
        let text = key.open(&[&b"WELCOME-"[..], nonce].concat(), boxed);
        let (server, cookie) = text.split_at(32);
        assert_eq!(cookie.len(), 96, "a cookie");
        Welcomed {
            nonce: nonce.to_vec(),
            server_transient: self::key(server),
            cookie: cookie.to_vec(),
            client: self,
        }
    }
}

impl Welcomed {
    /// INITIATE with the next number.
    pub(in crate::wire) fn initiate(&mut self, metadata: &[u8]) -> Frames {
        self.client.number += 1;
        self.initiate_again(metadata)
    }

    /// INITIATE with a number that was used.
    pub(in crate::wire) fn initiate_again(&mut self, metadata: &[u8]) -> Frames {
        let client = &self.client;
        let own = PublicKey::from(&client.own);
        let transient = PublicKey::from(&client.transient);
        let vouched = [&transient.as_bytes()[..], client.server.as_bytes()].concat();
        let key = BoxKey::between(&client.own, &self.server_transient);
        let vouch = key.seal(&[&b"VOUCH---"[..], &[7; 16]].concat(), &vouched);
        let text = [&own.as_bytes()[..], &[7; 16], &vouch, metadata].concat();
        let number = client.number;
        let boxed = self.key().seal(&short(b"CurveZMQINITIATE", number), &text);
        let data = [&self.cookie[..], &number.to_be_bytes(), &boxed].concat();
        frames::command("INITIATE", &data)
    }

    /// The server's metadata, and the boxes of traffic.
    #[track_caller]
    pub(in crate::wire) fn ready(self, frame: &Frame) -> (Vec<u8>, Traffic) {
        assert!(frame.body.len() >= 30, "READY: {frame:?}");
        let data = data(frame, "READY");
        let (nonce, boxed) = data.split_at(8);
        let heard = number(nonce);
        let key = self.key();
        let metadata = key.open(&short(b"CurveZMQREADY---", heard), boxed);
        let traffic = Traffic {
            key,
            prefixes: [b"CurveZMQMESSAGEC", b"CurveZMQMESSAGES"],
            number: self.client.number,
            heard,
        };
        (metadata, traffic)
    }

    fn key(&self) -> BoxKey {
        BoxKey::between(&self.client.transient, &self.server_transient)
    }
}

/// A server that says what it is told to.
pub(in crate::wire) struct Server {
    own: StaticSecret,
    transient: StaticSecret,
    cookie: [u8; 96],
    pub(in crate::wire) client_transient: PublicKey,
    /// The number of the client's last command.
    heard: u64,
}

impl Server {
    /// Checks every field of HELLO.
    #[track_caller]
    pub(in crate::wire) fn greeted(own: [u8; 32], frame: &Frame) -> Self {
        assert_eq!(frame.body.len(), 200, "HELLO");
        let data = data(frame, "HELLO");
        assert_eq!(data[..2], [1, 0], "the version");
        assert_eq!(data[2..74], [0; 72], "the padding");
        let server = Self {
            own: own.into(),
            transient: transient(),
            cookie: [9; 96],
            client_transient: key(&data[74..106]),
            heard: number(&data[106..114]),
        };
        let nonce = short(b"CurveZMQHELLO---", server.heard);
        let key = BoxKey::between(&server.own, &server.client_transient);
        assert_eq!(key.open(&nonce, &data[114..]), [0; 64], "the signature");
        server
    }

    pub(in crate::wire) fn welcome(&self) -> Frames {
        let own = PublicKey::from(&self.transient);
        let text = [&own.as_bytes()[..], &self.cookie].concat();
        let key = BoxKey::between(&self.own, &self.client_transient);
        let boxed = key.seal(&[&b"WELCOME-"[..], &[3; 16]].concat(), &text);
        frames::command("WELCOME", &[&[3; 16], &boxed[..]].concat())
    }

    /// Checks every field of INITIATE; gives the nonce of the vouch and the metadata.
    #[track_caller]
    pub(in crate::wire) fn initiated(&mut self, frame: &Frame) -> (Vec<u8>, Vec<u8>) {
        assert!(frame.body.len() >= 257, "INITIATE: {frame:?}");
        let data = data(frame, "INITIATE");
        assert_eq!(data[..96], self.cookie, "the cookie");
        let heard = number(&data[96..104]);
        assert_eq!(heard, self.heard + 1, "one more than before");
        self.heard = heard;
        let text = self
            .key()
            .open(&short(b"CurveZMQINITIATE", heard), &data[104..]);
        let (client, nonce, vouch) = (key(&text[..32]), &text[32..48], &text[48..128]);
        let of_vouch = BoxKey::between(&self.transient, &client);
        let vouched = of_vouch.open(&[&b"VOUCH---"[..], nonce].concat(), vouch);
        let server = PublicKey::from(&self.own);
        let expected = [&self.client_transient.as_bytes()[..], server.as_bytes()].concat();
        assert_eq!(vouched, expected, "the vouch");
        (nonce.to_vec(), text[128..].to_vec())
    }

    /// READY, and the boxes of traffic.
    pub(in crate::wire) fn ready(&self, metadata: &[u8]) -> (Frames, Traffic) {
        let boxed = self.key().seal(&short(b"CurveZMQREADY---", 1), metadata);
        let data = [&1_u64.to_be_bytes()[..], &boxed].concat();
        let traffic = Traffic {
            key: self.key(),
            prefixes: [b"CurveZMQMESSAGES", b"CurveZMQMESSAGEC"],
            number: 1,
            heard: self.heard,
        };
        (frames::command("READY", &data), traffic)
    }

    fn key(&self) -> BoxKey {
        BoxKey::between(&self.transient, &self.client_transient)
    }
}

/// The boxes of traffic: ours, and the other side's.
pub(in crate::wire) struct Traffic {
    key: BoxKey,
    prefixes: [&'static [u8; 16]; 2],
    pub(in crate::wire) number: u64,
    heard: u64,
}

impl Traffic {
    /// The body of the next MESSAGE, with these flags in its box.
    pub(in crate::wire) fn body(&mut self, flags: u8, text: &[u8]) -> Vec<u8> {
        self.number += 1;
        let nonce = short(self.prefixes[0], self.number);
        let boxed = self.key.seal(&nonce, &[&[flags], text].concat());
        [&b"\x07MESSAGE"[..], &self.number.to_be_bytes()[..], &boxed].concat()
    }

    /// The next MESSAGE.
    pub(in crate::wire) fn message(&mut self, flags: u8, text: &[u8]) -> Frames {
        frames::raw_frame(0, &self.body(flags, text))
    }

    /// What is in the other side's next MESSAGE: flags and text. Its number is the next one.
    #[track_caller]
    pub(in crate::wire) fn open(&mut self, frame: &Frame) -> (u8, Vec<u8>) {
        assert!(frame.body.len() >= 33, "MESSAGE: {frame:?}");
        let rest = frame.body.strip_prefix(b"\x07MESSAGE").unwrap();
        let (nonce, boxed) = rest.split_at(8);
        assert_eq!(number(nonce), self.heard + 1, "one more than before");
        self.heard += 1;
        let nonce = short(self.prefixes[1], self.heard);
        let mut text = self.key.open(&nonce, boxed);
        (text.remove(0), text)
    }
}
