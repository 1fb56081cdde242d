//! The socket types of RFC 28 to 31, their names on the wire, and who may talk to whom.

use std::fmt;

/// A socket type, as announced in READY (RFC 37, "The Socket-Type Property").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SocketType {
    /// Sends a request, then receives its reply (RFC 28).
    Req,
    /// Receives a request, then sends its reply (RFC 28).
    Rep,
    /// Sends round robin, receives fairly (RFC 28).
    Dealer,
    /// Receives with the peer's routing id, sends by it (RFC 28).
    Router,
    /// Publishes to subscribers (RFC 29).
    Pub,
    /// Receives what it subscribed to (RFC 29).
    Sub,
    /// Publishes, and receives the subscriptions (RFC 29).
    Xpub,
    /// Receives what it subscribed to, subscribing by messages (RFC 29).
    Xsub,
    /// Sends round robin, one way (RFC 30).
    Push,
    /// Receives fairly, one way (RFC 30).
    Pull,
    /// Talks to exactly one peer (RFC 31).
    Pair,
}

impl SocketType {
    /// Every socket type, in declaration order.
    pub const ALL: [Self; 11] = [
        Self::Req,
        Self::Rep,
        Self::Dealer,
        Self::Router,
        Self::Pub,
        Self::Sub,
        Self::Xpub,
        Self::Xsub,
        Self::Push,
        Self::Pull,
        Self::Pair,
    ];

    /// The type with this name on the wire; `None` for others. Case is significant.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|socket_type| socket_type.as_str().as_bytes() == name)
    }

    /// The name on the wire: `"DEALER"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Req => "REQ",
            Self::Rep => "REP",
            Self::Dealer => "DEALER",
            Self::Router => "ROUTER",
            Self::Pub => "PUB",
            Self::Sub => "SUB",
            Self::Xpub => "XPUB",
            Self::Xsub => "XSUB",
            Self::Push => "PUSH",
            Self::Pull => "PULL",
            Self::Pair => "PAIR",
        }
    }

    /// The octet of a greeting of ZMTP 2.0, where XPUB and XSUB appear as PUB and SUB (RFC 15,
    /// "Formal Grammar").
    pub const fn octet(self) -> u8 {
        match self {
            Self::Pair => 0,
            Self::Pub | Self::Xpub => 1,
            Self::Sub | Self::Xsub => 2,
            Self::Req => 3,
            Self::Rep => 4,
            Self::Dealer => 5,
            Self::Router => 6,
            Self::Pull => 7,
            Self::Push => 8,
        }
    }

    /// The type with this octet; `None` for others. 9 and 10, which RFC 15 does not have, are what
    /// XPUB and XSUB sockets of libzmq and its ports announce.
    pub const fn from_octet(octet: u8) -> Option<Self> {
        Some(match octet {
            0 => Self::Pair,
            1 => Self::Pub,
            2 => Self::Sub,
            3 => Self::Req,
            4 => Self::Rep,
            5 => Self::Dealer,
            6 => Self::Router,
            7 => Self::Pull,
            8 => Self::Push,
            9 => Self::Xpub,
            10 => Self::Xsub,
            _ => return None,
        })
    }

    /// True if the two types may be connected (RFC 37, table of legal combinations). Symmetric.
    pub const fn accepts(self, peer: Self) -> bool {
        match self {
            Self::Req => matches!(peer, Self::Rep | Self::Router),
            Self::Rep => matches!(peer, Self::Req | Self::Dealer),
            Self::Dealer => matches!(peer, Self::Rep | Self::Dealer | Self::Router),
            Self::Router => matches!(peer, Self::Req | Self::Dealer | Self::Router),
            Self::Pub | Self::Xpub => matches!(peer, Self::Sub | Self::Xsub),
            Self::Sub | Self::Xsub => matches!(peer, Self::Pub | Self::Xpub),
            Self::Push => matches!(peer, Self::Pull),
            Self::Pull => matches!(peer, Self::Push),
            Self::Pair => matches!(peer, Self::Pair),
        }
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::SocketType::{self, *};

    #[test]
    fn names_are_found_again_and_others_are_not() {
        for socket_type in SocketType::ALL {
            assert_eq!(
                SocketType::from_name(socket_type.as_str().as_bytes()),
                Some(socket_type)
            );
            assert_eq!(socket_type.to_string(), socket_type.as_str());
        }
        for name in ["", "req", "REQ ", "STREAM", "CLIENT"] {
            assert_eq!(SocketType::from_name(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn octets_are_found_again_and_others_are_not() {
        for socket_type in SocketType::ALL {
            let seen = match socket_type {
                Xpub => Pub,
                Xsub => Sub,
                other => other,
            };
            assert_eq!(SocketType::from_octet(socket_type.octet()), Some(seen));
        }
        assert_eq!(SocketType::from_octet(9), Some(Xpub));
        assert_eq!(SocketType::from_octet(10), Some(Xsub));
        assert_eq!(SocketType::from_octet(11), None);
        assert_eq!(SocketType::from_octet(u8::MAX), None);
    }

    #[test]
    fn accepts_exactly_the_legal_pairs() {
        let legal = [
            (Req, Rep),
            (Req, Router),
            (Rep, Dealer),
            (Dealer, Dealer),
            (Dealer, Router),
            (Router, Router),
            (Pub, Sub),
            (Pub, Xsub),
            (Xpub, Sub),
            (Xpub, Xsub),
            (Push, Pull),
            (Pair, Pair),
        ];
        for ours in SocketType::ALL {
            for peer in SocketType::ALL {
                let expected = legal.contains(&(ours, peer)) || legal.contains(&(peer, ours));
                assert_eq!(ours.accepts(peer), expected, "{ours} and {peer}");
            }
        }
    }
}
