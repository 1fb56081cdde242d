//! The greeting: 64 bytes each way that settle version and mechanism (RFC 37, "Formal Grammar").
//!
//! ```text
//!   0     1        9     10     11     12         32         33      64
//!   | FF  | padding | 7F  | major | minor | mechanism | as-server | filler |
//! ```
//!
//! A greeting is read byte by byte and refused at the first byte that cannot be part of one, so
//! that another protocol is told apart without waiting for 64 bytes of it.

use crate::Violation;
use crate::handshake::{V3_1, Version};

/// The length of a greeting, in bytes.
pub(crate) const GREETING: usize = 64;

const MECHANISM: usize = 12;
const MECHANISM_LEN: usize = 20;
const AS_SERVER: usize = 32;

/// Our greeting: of ZMTP 3.1.
pub(crate) fn greeting(mechanism: &str, as_server: bool) -> [u8; GREETING] {
    let (major, minor) = V3_1;
    let mut name = mechanism.bytes().take(MECHANISM_LEN);
    std::array::from_fn(|at| match at {
        0 => 0xFF,
        9 => 0x7F,
        10 => major,
        11 => minor,
        AS_SERVER => u8::from(as_server),
        _ if at >= MECHANISM => name.next().unwrap_or(0),
        _ => 0,
    })
}

/// Reads the peer's greeting.
#[derive(Debug)]
pub(crate) struct GreetingReader {
    /// How many bytes have been read.
    at: usize,
    first: u8,
    version: Version,
    minimum: Version,
    mechanism: &'static str,
}

impl GreetingReader {
    pub(crate) const fn new(mechanism: &'static str, minimum: Version) -> Self {
        Self {
            at: 0,
            first: 0,
            version: (0, 0),
            minimum,
            mechanism,
        }
    }

    /// Takes bytes of the greeting from `input`. `Some`: it is whole; the peer's version.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Version>, Violation> {
        while self.at < GREETING {
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(None);
            };
            self.check(byte)?;
            *input = rest;
            self.at = self.at.saturating_add(1);
        }
        Ok(Some(self.version))
    }

    /// Looks at the next byte. A peer of ZMTP 1.0 begins with the frame of its routing id, whose
    /// second byte (or tenth, if it is long) are flags without MORE: zero, or even at least.
    fn check(&mut self, byte: u8) -> Result<(), Violation> {
        match self.at {
            0 if byte == 0 => return Err(Violation::BadSignature),
            0 => self.first = byte,
            1 if self.first != 0xFF && byte == 0 => return Err(Violation::UnsupportedVersion),
            1 if self.first != 0xFF => return Err(Violation::BadSignature),
            9 if byte & 1 == 0 => return Err(Violation::UnsupportedVersion),
            9 if byte != 0x7F => return Err(Violation::BadSignature),
            10 if byte < 3 => return Err(Violation::UnsupportedVersion),
            10 => self.version.0 = byte,
            11 => return self.check_minor(byte),
            MECHANISM..AS_SERVER => return self.check_mechanism(byte),
            _ => {}
        }
        Ok(())
    }

    fn check_minor(&mut self, minor: u8) -> Result<(), Violation> {
        self.version.1 = minor;
        if self.version < self.minimum {
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
