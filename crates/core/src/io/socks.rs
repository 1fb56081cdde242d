//! Asking a SOCKS5 proxy for a connection (RFC 1928), by name and password if it wants to
//! (RFC 1929).
//!
//! ```text
//!   Method ──no credentials wanted──────────────► Request ──granted──► Over
//!      └──credentials──► Credentials ──right──────────┘
//! ```
//!
//! The driving law: what the proxy said goes into [`Socks::handle_input`], what is to be said is
//! taken from [`Socks::take_output`], until [`Socks::is_over`]; bytes behind the last answer are
//! those of the peer, and are left alone.

use std::fmt;

use ferromq_transport::{Host, TcpEndpoint};

use crate::event::SocksError;
use crate::options::SocksProxy;

const VERSION: u8 = 5;
/// Of the negotiation of RFC 1929.
const CREDENTIALS_VERSION: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const CREDENTIALS: u8 = 2;
const CONNECT: u8 = 1;
const V4: u8 = 1;
const NAME: u8 = 3;
const V6: u8 = 4;

/// The conversation with a proxy.
pub(super) struct Socks {
    state: State,
    proxy: SocksProxy,
    request: Vec<u8>,
    output: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Method,
    Credentials,
    Request,
    Over,
}

impl Socks {
    /// A conversation at its beginning, about a connection to `target`. The proxy looks its name
    /// up.
    pub(super) fn new(proxy: SocksProxy, target: &TcpEndpoint) -> Self {
        let methods = match proxy.credentials {
            None => vec![VERSION, 1, NO_AUTHENTICATION],
            Some(_) => vec![VERSION, 2, NO_AUTHENTICATION, CREDENTIALS],
        };
        Self {
            state: State::Method,
            request: request(target),
            proxy,
            output: methods,
        }
    }

    /// Takes whole answers of the proxy from the front of `input`.
    pub(super) fn handle_input(&mut self, input: &mut &[u8]) -> Result<(), SocksError> {
        while let Some(len) = self.answer_len(input)
            && let Some((answer, rest)) = input.split_at_checked(len)
        {
            *input = rest;
            self.handle(answer)?;
        }
        Ok(())
    }

    /// What is to be said to the proxy.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// True if the connection is there.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// How long the answer is that is waited for; `None`: its beginning does not tell yet, or none
    /// is.
    fn answer_len(&self, input: &[u8]) -> Option<usize> {
        match self.state {
            State::Method | State::Credentials => Some(2),
            State::Over => None,
            State::Request => match *input.get(3)? {
                V4 => Some(4 + 4 + 2),
                V6 => Some(4 + 16 + 2),
                NAME => Some(4 + 1 + usize::from(*input.get(4)?) + 2),
                // Refused when it is looked at.
                _ => Some(4),
            },
        }
    }

    fn handle(&mut self, answer: &[u8]) -> Result<(), SocksError> {
        match (self.state, answer) {
            (State::Method, &[VERSION, NO_AUTHENTICATION]) => self.ask(),
            (State::Method, &[VERSION, CREDENTIALS]) => {
                let credentials = self.proxy.credentials.as_ref();
                let given = credentials.ok_or(SocksError::Method)?;
                self.output.push(CREDENTIALS_VERSION);
                put_short(&mut self.output, given.name.as_bytes());
                put_short(&mut self.output, given.password.as_bytes());
                self.state = State::Credentials;
            }
            (State::Method, &[VERSION, _]) => return Err(SocksError::Method),
            (State::Credentials, &[CREDENTIALS_VERSION, 0]) => self.ask(),
            (State::Credentials, &[CREDENTIALS_VERSION, _]) => {
                return Err(SocksError::Credentials);
            }
            (State::Request, &[VERSION, 0, 0, V4 | V6 | NAME, ..]) => self.state = State::Over,
            (State::Request, &[VERSION, reply, ..]) if reply > 0 => {
                return Err(SocksError::Refused(reply));
            }
            _ => return Err(SocksError::Malformed),
        }
        Ok(())
    }

    fn ask(&mut self) {
        self.output.append(&mut self.request);
        self.state = State::Request;
    }
}

/// What is to be said may be a password.
impl fmt::Debug for Socks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socks")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

fn request(target: &TcpEndpoint) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    match target.host() {
        Host::V4(address) => {
            request.push(V4);
            request.extend_from_slice(&address.octets());
        }
        Host::V6(address, _) => {
            request.push(V6);
            request.extend_from_slice(&address.octets());
        }
        Host::Name(name) => {
            request.push(NAME);
            put_short(&mut request, name.as_bytes());
        }
        Host::Any => request.extend_from_slice(&[V4, 0, 0, 0, 0]),
    }
    request.extend_from_slice(&target.port().to_be_bytes());
    request
}

/// Names, passwords and hosts have been looked at: each has at most 255 bytes.
fn put_short(out: &mut Vec<u8>, text: &[u8]) {
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    out.push(len);
    out.extend(text.iter().take(usize::from(len)));
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::options::Credentials;

    fn socks(credentials: Option<(&str, &str)>, target: &str) -> Socks {
        let proxy = SocksProxy {
            address: "localhost:1080".parse().unwrap(),
            credentials: credentials.map(|(name, password)| Credentials {
                name: name.into(),
                password: password.into(),
            }),
        };
        Socks::new(proxy, &target.parse().unwrap())
    }

    /// Answers byte by byte, and what is said in between.
    fn answer(socks: &mut Socks, bytes: &[u8]) -> Result<Vec<u8>, SocksError> {
        let mut pending = Vec::new();
        for byte in bytes {
            pending.push(*byte);
            let mut input = pending.as_slice();
            socks.handle_input(&mut input)?;
            pending = input.to_vec();
        }
        Ok(socks.take_output())
    }

    #[test]
    fn hosts_are_asked_for_as_they_were_given() {
        for (target, request) in [
            ("1.2.3.4:80", &[5, 1, 0, 1, 1, 2, 3, 4, 0, 80][..]),
            ("ab:513", &[5, 1, 0, 3, 2, b'a', b'b', 2, 1]),
            (
                "[::2]:80",
                &[
                    5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 80,
                ],
            ),
        ] {
            let mut socks = socks(None, target);
            assert_eq!(socks.take_output(), [5, 1, 0]);
            assert_eq!(answer(&mut socks, &[5, 0]).unwrap(), request);
        }
    }

    #[test]
    fn grant_ends_with_the_address_whatever_its_kind() {
        for rest in [
            &[1, 0, 0, 0, 0, 0, 0][..],
            &[3, 2, b'a', b'b', 0, 0],
            &[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let mut socks = socks(None, "a:1");
            answer(&mut socks, &[5, 0]).unwrap();
            let granted = [&[5, 0, 0], rest].concat();
            let (before, last) = granted.split_at(granted.len() - 1);
            let mut input = before;
            socks.handle_input(&mut input).unwrap();
            assert!(!socks.is_over());
            let all = [input, last, &[0xff]].concat();
            let mut input = all.as_slice();
            socks.handle_input(&mut input).unwrap();
            assert!(socks.is_over());
            assert_eq!(input, [0xff], "the peer's bytes are left alone");
        }
    }

    #[test]
    fn credentials_are_given_where_they_are_wanted() {
        let mut socks = socks(Some(("me", "pass")), "1.2.3.4:80");
        assert_eq!(socks.take_output(), [5, 2, 0, 2]);
        let given = answer(&mut socks, &[5, 2]).unwrap();
        assert_eq!(given, *b"\x01\x02me\x04pass");
        assert_eq!(answer(&mut socks, &[1, 0]).unwrap()[..3], [5, 1, 0]);
    }

    #[test]
    fn password_is_not_shown() {
        let mut socks = socks(Some(("me", "pass")), "a:1");
        answer(&mut socks, &[5]).unwrap();
        let mut input = &[5, 2][..];
        socks.handle_input(&mut input).unwrap();
        let shown = format!("{socks:?} {:?}", socks.proxy);
        assert!(
            shown.contains("\"me\"") && !shown.contains("pass\""),
            "{shown}"
        );
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let refused = |credentials, bytes: &[u8]| {
            let mut socks = socks(credentials, "a:1");
            answer(&mut socks, bytes).unwrap_err()
        };
        let known = Some(("me", "pass"));
        assert_eq!(refused(None, &[5, 0xff]), SocksError::Method);
        assert_eq!(refused(None, &[5, 2]), SocksError::Method);
        assert_eq!(refused(known, &[5, 2, 1, 1]), SocksError::Credentials);
        assert_eq!(refused(None, &[4, 0]), SocksError::Malformed);
        assert_eq!(refused(known, &[5, 2, 5, 0]), SocksError::Malformed);
        let no_host = [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(refused(None, &no_host), SocksError::Refused(4));
        assert_eq!(refused(None, &[5, 0, 5, 1, 0, 9]), SocksError::Refused(1));
        assert_eq!(refused(None, &[5, 0, 5, 0, 0, 9]), SocksError::Malformed);
        assert_eq!(refused(None, &[5, 0, 9, 0, 0, 9]), SocksError::Malformed);
    }
}
