//! The greeting: 64 bytes each way that settle version and mechanism (RFC 37, "Formal Grammar").
//!
//! ```text
//!   0     1        9     10     11     12         32         33      64
//!   | FF  | padding | 7F  | major | minor | mechanism | as-server | filler |
//! ```
//!
//! A greeting is read byte by byte and refused at the first byte that cannot be part of one, so
//! that another protocol is told apart without waiting for 64 bytes of it.
//!
//! Ours goes out whole if no peer below ZMTP 3.0 is served. Else it waits for what the peer is:
//!
//! ```text
//!   minimum   at once            peer's signature read   its major read: 3   1, 2    none: 1.0
//!   2.0       signature, major   -                       the rest            Older   refused
//!   1.0       signature          major                   the rest            Older   Older
//! ```
//!
//! A peer of 1.0 takes the signature for the header of a frame, that of our routing id, whose
//! length is therefore in the padding. Nobody waits for who waits for him; a peer of 3.x costs half
//! a round trip more than if older ones were not served, a whole one at most if it serves them as
//! well (RFC 37, "Backwards Interoperability").

mod older;

pub(crate) use self::older::Older;
use crate::version::{V1_0, V2_0, V3_1, Version, ZmtpVersion};
use crate::{HandshakeConfig, Mechanism, Null, Violation};

/// The length of a greeting, in bytes.
const GREETING: usize = 64;

/// The length of a signature: a peer of ZMTP 1.0 has a long frame's header there.
const SIGNATURE: usize = 10;

const MECHANISM: usize = 12;
const MECHANISM_LEN: usize = 20;
const AS_SERVER: usize = 32;

/// Both sides' greetings: tells ours and reads the peer's.
#[derive(Debug)]
pub(crate) struct Greeting {
    ours: [u8; GREETING],
    /// How many bytes of ours have been told.
    told: usize,
    /// How many bytes of the peer's have been read.
    at: usize,
    signature: [u8; SIGNATURE],
    version: Version,
    minimum: ZmtpVersion,
    mechanism: &'static str,
}

/// What a peer's greeting has told.
#[derive(Debug)]
pub(crate) enum Heard {
    /// All: the peer is of this version, 3.0 at least.
    Whole(Version),
    /// The peer is of ZMTP 2.0 or 1.0; the rest of its greeting is another one.
    Older(Older),
}

impl Greeting {
    /// Greetings of which nothing has been told or read.
    ///
    /// Peers of ZMTP 1.0 and 2.0 know no mechanism: with another than NULL, or if somebody decides
    /// about them, they are refused, whatever the minimum (RFC 37, "Detecting ZMTP 1.0 and 2.0
    /// Peers").
    pub(crate) fn new(config: &HandshakeConfig, mechanism: &dyn Mechanism) -> Self {
        let name = mechanism.name();
        let is_null = name == Null::NAME;
        let minimum = if is_null && mechanism.claim().is_none() {
            config.minimum
        } else {
            config.minimum.max(ZmtpVersion::V3_0)
        };
        let id = config.routing_id.as_ref().map_or(0, |id| id.len());
        let padding = match minimum {
            ZmtpVersion::V1_0 => (id as u64).saturating_add(1),
            _ => 0,
        };
        Self {
            ours: greeting(padding, name, config.as_server && !is_null),
            told: 0,
            at: 0,
            signature: [0; SIGNATURE],
            version: (0, 0),
            minimum,
            mechanism: name,
        }
    }

    /// Appends what the peer may be told by now and has not been.
    pub(crate) fn tell(&mut self, out: &mut Vec<u8>) {
        let due = self.due();
        out.extend_from_slice(self.ours.get(self.told..due).unwrap_or_default());
        self.told = due;
    }

    /// Takes bytes of the peer's greeting from `input`, and appends to `out` what it may be told
    /// then. `None`: more is to come.
    pub(crate) fn read(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Heard>, Violation> {
        while self.at < GREETING {
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            let older = self.check(byte)?;
            *input = rest;
            self.at = self.at.saturating_add(1);
            if let Some(older) = older {
                return Ok(Some(Heard::Older(older)));
            }
            self.tell(out);
        }
        Ok(Some(Heard::Whole(self.version)))
    }

    /// How many bytes of ours the peer may know. Whoever is of an older version has left by the
    /// byte that tells.
    fn due(&self) -> usize {
        if self.minimum >= ZmtpVersion::V3_0 || self.at > SIGNATURE {
            GREETING
        } else if self.minimum >= ZmtpVersion::V2_0 || self.at == SIGNATURE {
            SIGNATURE.saturating_add(1)
        } else {
            SIGNATURE
        }
    }

    /// Looks at the next byte. `Some`: it tells that the peer is of an older version.
    fn check(&mut self, byte: u8) -> Result<Option<Older>, Violation> {
        match self.at {
            0..SIGNATURE => return self.check_signature(byte),
            10 => return self.check_major(byte),
            11 => self.check_minor(byte)?,
            MECHANISM..AS_SERVER => self.check_mechanism(byte)?,
            _ => {}
        }
        Ok(None)
    }

    /// A peer of ZMTP 1.0 begins with the frame of its routing id, whose second byte (or tenth, if
    /// it is long) are flags without MORE: zero, or even at least.
    fn check_signature(&mut self, byte: u8) -> Result<Option<Older>, Violation> {
        if let Some(place) = self.signature.get_mut(self.at) {
            *place = byte;
        }
        let serves_1_0 = self.minimum == ZmtpVersion::V1_0;
        let is_long = self.signature.first() == Some(&0xFF);
        match self.at {
            0 if byte == 0 => Err(Violation::BadSignature),
            0 if !is_long && serves_1_0 => Ok(Some(Older::new(V1_0, &[byte]))),
            1 if !is_long && byte == 0 => Err(Violation::UnsupportedVersion),
            1 if !is_long => Err(Violation::BadSignature),
            9 if byte & 1 == 0 && serves_1_0 => Ok(Some(Older::new(V1_0, &self.signature))),
            9 if byte & 1 == 0 => Err(Violation::UnsupportedVersion),
            9 if byte != 0x7F => Err(Violation::BadSignature),
            _ => Ok(None),
        }
    }

    /// Revision 0 was never released.
    fn check_major(&mut self, major: u8) -> Result<Option<Older>, Violation> {
        self.version.0 = major;
        match major {
            3.. => Ok(None),
            1 | 2 if self.minimum <= ZmtpVersion::V2_0 => Ok(Some(Older::new(V2_0, &[]))),
            _ => Err(Violation::UnsupportedVersion),
        }
    }

    fn check_minor(&mut self, minor: u8) -> Result<(), Violation> {
        self.version.1 = minor;
        if self.version < self.minimum.as_version() {
            Err(Violation::UnsupportedVersion)
        } else {
            Ok(())
        }
    }

    fn check_mechanism(&self, byte: u8) -> Result<(), Violation> {
        let at = self.at.saturating_sub(MECHANISM);
        let expected = self.mechanism.as_bytes().get(at).copied().unwrap_or(0);
        if byte == expected {
            Ok(())
        } else {
            Err(Violation::MechanismMismatch)
        }
    }
}

/// Our greeting: of ZMTP 3.1.
fn greeting(padding: u64, mechanism: &str, as_server: bool) -> [u8; GREETING] {
    let (major, minor) = V3_1;
    let mut padding = padding.to_be_bytes().into_iter();
    let mut name = mechanism.bytes().take(MECHANISM_LEN);
    std::array::from_fn(|at| match at {
        0 => 0xFF,
        1..9 => padding.next().unwrap_or(0),
        9 => 0x7F,
        10 => major,
        11 => minor,
        AS_SERVER => u8::from(as_server),
        _ if at >= MECHANISM => name.next().unwrap_or(0),
        _ => 0,
    })
}
