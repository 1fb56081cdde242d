//! Authenticators that are lists: of addresses, of keys, of users.

use std::hint::black_box;
use std::net::IpAddr;
use std::str::FromStr;

use ferromq_wire::Claim;
#[cfg(feature = "curve")]
use ferromq_wire::PublicKey;

use super::{Applicant, Authenticator, Verdict};

/// What was given as an address range is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address or address range: {text}")]
pub struct AddressRangeError {
    /// What was given.
    pub text: String,
}

impl Authenticator {
    /// Peers from these addresses (`192.0.2.7`, `2001:db8::1`) or ranges (`10.0.0.0/8`), over tcp.
    /// Addresses can be forged by whoever controls the network: with NULL this keeps out accidents.
    ///
    /// *Errors*: a text that is no address, or has no prefix length that fits behind its slash.
    pub fn addresses<'a>(
        ranges: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, AddressRangeError> {
        let parse = |text: &str| {
            let text = text.to_owned();
            text.parse().map_err(|()| AddressRangeError { text })
        };
        let ranges: Result<Vec<Range>, _> = ranges.into_iter().map(parse).collect();
        let ranges = ranges?;
        Ok(Self::immediate(move |applicant| {
            let address = applicant.address.parse().ok().map(plain);
            match address {
                Some(address) if ranges.iter().any(|range| range.contains(address)) => {
                    Verdict::allow("")
                }
                _ => Verdict::deny("address is not on the list"),
            }
        }))
    }

    /// Clients of CURVE with these public keys; the user id is the key as Z85. (That a client has
    /// the secret key is proven before this is asked.)
    #[cfg(feature = "curve")]
    pub fn keys(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let keys: Vec<PublicKey> = keys.into_iter().collect();
        Self::immediate(move |applicant| {
            let Claim::Curve(shown) = &applicant.claim else {
                return Verdict::deny("no key was shown");
            };
            let same = |found, key: &PublicKey| found | key.is_same(shown);
            match keys.iter().fold(false, same) {
                true => Verdict::allow(shown.to_string()),
                false => Verdict::deny("key is not on the list"),
            }
        })
    }

    /// Users of PLAIN with these names and passwords; the user id is the name. Passwords are
    /// compared in a time that does not depend on where they differ.
    pub fn users<N, P>(users: impl IntoIterator<Item = (N, P)>) -> Self
    where
        N: Into<String>,
        P: Into<Vec<u8>>,
    {
        let users = users.into_iter();
        let users: Vec<(String, Vec<u8>)> = users
            .map(|(name, password)| (name.into(), password.into()))
            .collect();
        Self::immediate(move |applicant| find_user(&users, applicant))
    }
}

fn find_user(users: &[(String, Vec<u8>)], applicant: &Applicant) -> Verdict {
    let Claim::Plain { username, password } = &applicant.claim else {
        return Verdict::deny("no user name was shown");
    };
    let mut found = None;
    for (name, expected) in users {
        let same = is_same(name.as_bytes(), username) & is_same(expected, password);
        found = if same { Some(name) } else { found };
    }
    match found {
        Some(name) => Verdict::allow(name),
        None => Verdict::deny("user name or password is wrong"),
    }
}

/// True if the two are equal; tells by its time at most whether their lengths are.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let bytes = one.iter().zip(other);
    let differing = bytes.fold(0, |differing, (a, b)| black_box(differing | (a ^ b)));
    (one.len() == other.len()) & (differing == 0)
}

/// Addresses with a common beginning.
#[derive(Clone, Copy, Debug)]
struct Range {
    address: IpAddr,
    prefix: u8,
}

impl Range {
    fn contains(self, address: IpAddr) -> bool {
        let both = (bits(self.address), bits(address));
        let ((ours, width), (theirs, their_width)) = both;
        let differing = (ours ^ theirs).checked_shr(u32::from(width - self.prefix));
        width == their_width && differing.unwrap_or(0) == 0
    }
}

impl FromStr for Range {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = plain(address.parse().map_err(drop)?);
        let (_, width) = bits(address);
        let prefix = prefix.map_or(Ok(width), str::parse).map_err(drop)?;
        if prefix > width {
            return Err(());
        }
        Ok(Self { address, prefix })
    }
}

/// An address of IPv4 may be written as one of IPv6.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The address as a number, and its width in bits.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(range: &str, address: &str) -> bool {
        let range: Range = range.parse().unwrap();
        range.contains(plain(address.parse().unwrap()))
    }

    #[test]
    fn ranges_contain_what_begins_like_them() {
        for (range, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
        ] {
            assert_eq!(contains(range, address), expected, "{range} {address}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
        ] {
            let error = Authenticator::addresses([text]).unwrap_err();
            assert_eq!(error.text, text);
        }
    }

    #[test]
    fn comparison_sees_every_byte_and_the_length() {
        assert!(is_same(b"", b"") && is_same(b"secret", b"secret"));
        for other in [&b"secreT"[..], b"Secret", b"secre", b"secret1", b""] {
            assert!(!is_same(b"secret", other) && !is_same(other, b"secret"));
        }
    }
}
