//! A socket's options: set on the builder, and changed for what comes later. An endpoint, and what
//! comes by it, keeps those that it was made with.

use std::fmt;
use std::time::Duration;

use ferromq_transport::{Endpoint, TcpEndpoint, TransportOptions};
use ferromq_wire::metadata::Properties;
use ferromq_wire::{HeartbeatConfig, Limits, Message, Part, ZmtpVersion};

use crate::authentication::Authenticator;
use crate::security::Security;

/// How long closing may flush, unless a socket or its context is told otherwise.
pub(crate) const LINGER: Duration = Duration::from_secs(5);

/// The longest that an option can have anything wait for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The options common to all socket types, with their defaults.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) send_mark: u32,
    pub(crate) receive_mark: u32,
    /// The marks in bytes; 0: none.
    pub(crate) send_mark_bytes: u64,
    pub(crate) receive_mark_bytes: u64,
    pub(crate) on_peer_lost: OnPeerLost,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) receive_timeout: Option<Duration>,
    /// `None`: as the context has it; but none at close, for types that drop what is unsent.
    pub(crate) linger: Option<Duration>,
    /// The context's.
    pub(crate) usual_linger: Duration,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) heartbeat: HeartbeatConfig,
    pub(crate) reconnect: Reconnect,
    pub(crate) overflow: Overflow,
    /// Whoever receives may be told of peers that come and go.
    pub(crate) tell_peers: bool,
    /// Only peers that are connected are given messages.
    pub(crate) immediate: bool,
    pub(crate) routing_id: Option<Part>,
    pub(crate) metadata: Properties,
    pub(crate) announcements: Announcements,
    pub(crate) limits: Limits,
    pub(crate) capacity: Capacity,
    /// Events kept for a reader that does not read.
    pub(crate) event_backlog: usize,
    pub(crate) min_zmtp: ZmtpVersion,
    pub(crate) security: Security,
    pub(crate) authenticator: Option<Authenticator>,
    pub(crate) zap_domain: String,
    pub(crate) enforce_zap_domain: bool,
    /// Which I/O threads may serve the socket, a bit each; 0: all.
    pub(crate) affinity: u64,
    /// `None`: as the context has it.
    pub(crate) ipv6: Option<bool>,
    /// By whom tcp endpoints are reached that are dialed: host and port.
    pub(crate) socks_proxy: Option<String>,
    pub(crate) socks_credentials: Option<Credentials>,
    pub(crate) transport: TransportOptions,
}

/// A SOCKS5 proxy.
#[derive(Clone, Debug)]
pub(crate) struct SocksProxy {
    pub(crate) address: TcpEndpoint,
    pub(crate) credentials: Option<Credentials>,
}

/// Name and password for a proxy.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) name: String,
    pub(crate) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A high-water mark, of which 0 is none.
pub(crate) fn unlimited_if_zero(mark: u64) -> u64 {
    if mark == 0 { u64::MAX } else { mark }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            send_mark: 1000,
            receive_mark: 1000,
            send_mark_bytes: 0,
            receive_mark_bytes: 0,
            on_peer_lost: OnPeerLost::default(),
            send_timeout: None,
            receive_timeout: None,
            linger: None,
            usual_linger: LINGER,
            connect_timeout: None,
            handshake_timeout: Duration::from_secs(30),
            heartbeat: HeartbeatConfig::default(),
            reconnect: Reconnect::default(),
            overflow: Overflow::default(),
            tell_peers: false,
            immediate: false,
            routing_id: None,
            metadata: Properties::new(),
            announcements: Announcements::default(),
            limits: Limits::default(),
            capacity: Capacity::default(),
            event_backlog: 4096,
            min_zmtp: ZmtpVersion::default(),
            security: Security::default(),
            authenticator: None,
            zap_domain: String::new(),
            enforce_zap_domain: false,
            affinity: 0,
            ipv6: None,
            socks_proxy: None,
            socks_credentials: None,
            transport: TransportOptions::default(),
        }
    }
}

/// Messages that come about with connections themselves, beside what is sent: for socket types that
/// have a use for them.
#[derive(Clone, Debug, Default)]
pub struct Announcements {
    /// To each peer, on each connection, before anything else.
    pub hello: Option<Message>,
    /// Whether an empty message follows that.
    pub probe: bool,
    /// Whether an empty message is received as if from the peer, before what it sends on a
    /// connection.
    pub come: bool,
    /// The same behind what it sent, when the connection is lost, instead of `left` and `lost`.
    pub gone: bool,
    /// As if from an accepted peer, or one in process, behind what it sent, when it is gone.
    pub left: Option<Message>,
    /// As if from a dialed peer, behind what it sent, when its connection is lost.
    pub lost: Option<Message>,
}

impl Announcements {
    /// What each peer is sent first.
    pub(crate) fn greetings(&self) -> impl Iterator<Item = Message> {
        self.hello.clone().into_iter().chain(empty(self.probe))
    }

    /// What a new connection is announced by.
    pub(crate) fn arrival(&self) -> Option<Message> {
        empty(self.come)
    }

    /// What the end of a connection is announced by.
    pub(crate) fn farewell(&self, is_dialed: bool) -> Option<Message> {
        let message = if is_dialed { &self.lost } else { &self.left };
        empty(self.gone).or_else(|| message.clone())
    }
}

/// A message of an empty part, if that is wanted.
fn empty(wanted: bool) -> Option<Message> {
    wanted.then(|| Part::EMPTY.into())
}

/// True if an application may choose this routing id: 1 to 255 bytes, not beginning with a zero
/// byte (RFC 37 keeps those for ids that are made).
#[doc(hidden)]
pub fn is_routing_id(id: &[u8]) -> bool {
    (1..=255).contains(&id.len()) && id.first() != Some(&0)
}

impl Options {
    /// How many messages a stream pipe takes without room in the kernel: where they may give way,
    /// the rest waits elsewhere. And from how many on a burst is written at once.
    pub(crate) fn pipe_marks(&self) -> (u32, u32) {
        match self.overflow {
            Overflow::Refuse => (self.send_mark, self.send_mark),
            Overflow::DropOldest | Overflow::KeepTopics => (1, self.send_mark),
            Overflow::KeepLatest => (1, 1),
        }
    }

    /// How many bytes it takes so (0: no mark).
    pub(crate) fn pipe_mark_bytes(&self) -> u64 {
        match self.overflow {
            Overflow::KeepLatest => 0,
            _ => self.send_mark_bytes,
        }
    }

    /// What becomes of what a lost peer was not given. Where a later message may take its place, it
    /// is for nobody else.
    pub(crate) fn on_peer_lost(&self) -> OnPeerLost {
        match self.overflow {
            Overflow::Refuse => self.on_peer_lost,
            _ => OnPeerLost::Keep,
        }
    }

    /// The proxy through which an endpoint is reached; none if its address is none.
    pub(crate) fn proxy_for(&self, endpoint: &Endpoint) -> Option<SocksProxy> {
        if !matches!(endpoint, Endpoint::Tcp(_)) {
            return None;
        }
        let address = self.socks_proxy.as_ref()?.parse().ok()?;
        let credentials = self.socks_credentials.clone();
        Some(SocksProxy {
            address,
            credentials,
        })
    }

    /// True if the proxy can be connected to, and told the credentials.
    pub(crate) fn has_possible_proxy(&self) -> bool {
        let texts = self.socks_credentials.iter();
        let mut texts = texts.flat_map(|given| [&given.name, &given.password]);
        let is_possible = |address: &String| {
            let endpoint = address.parse().map(Endpoint::Tcp);
            endpoint.is_ok_and(|endpoint| endpoint.check_connect().is_ok())
        };
        self.socks_proxy.as_ref().is_none_or(is_possible)
            && texts.all(|text| (1..=255).contains(&text.len()))
    }

    pub(crate) fn linger(&self) -> Duration {
        self.linger.unwrap_or(self.usual_linger)
    }

    /// An option that is another one in `other`, of those that no change reaches: what waits in a
    /// socket lies as they say.
    pub(crate) fn fixed(&self, other: &Self) -> Option<&'static str> {
        if self.tell_peers != other.tell_peers {
            return Some("tell_peers");
        }
        let kept = self.overflow.max(other.overflow);
        match kept {
            _ if self.overflow == other.overflow => None,
            Overflow::KeepLatest => Some("conflate"),
            Overflow::KeepTopics => Some("conflate_topics"),
            Overflow::DropOldest | Overflow::Refuse => Some("slow_subscriber"),
        }
    }
}

/// What becomes of messages that a lost peer was not given: those whose last byte the kernel had
/// not taken, in their order. (A message that was begun has not arrived.) For PUSH, DEALER and REQ.
///
/// Each accepted message is in one place only, and [`Stats`](crate::Stats) counts it there:
///
/// ```text
///   accepted ─► queued ─► handed_over        whole with the kernel; it may be lost with the peer
///                 │ ▲
///      peer lost  ▼ │  Requeue: queued for the next peer     Keep: queued for the same one
///                 ├──► returned               Return
///                 └──► dropped(PeerGone)      Drop; Keep where the peer cannot come again
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnPeerLost {
    /// They go to the next peers with room, before anything new: while one of them waits, a send
    /// waits too.
    #[default]
    Requeue,
    /// They stay in the queue of the lost peer, until it is connected to again. So they do if this
    /// side had dialed; nothing is kept of a peer that had, of one in the same process, and with
    /// [`immediate`](crate::Builder::immediate) (as libzmq does it).
    Keep,
    /// The application gets them back: see
    /// [`Socket::take_returned`](crate::Socket::take_returned).
    Return,
    /// They are dropped, as [`Dropped::PeerGone`](crate::Dropped::PeerGone).
    Drop,
}

/// How many connections a socket's listeners take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) connections: usize,
    /// How many of them may be in their handshakes.
    pub(crate) handshakes: usize,
    /// How many of those may come from one address.
    pub(crate) handshakes_per_address: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            connections: 65_536,
            handshakes: 1024,
            handshakes_per_address: 256,
        }
    }
}

/// What becomes of messages where there is no room. A later one goes before an earlier one here.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overflow {
    /// The new message waits or is dropped: the pattern knows.
    #[default]
    Refuse,
    /// The oldest message that waits gives way.
    DropOldest,
    /// The message that waits of the same topic (the first part) gives way, with or without room;
    /// if there is none, and no room, the oldest does.
    KeepTopics,
    /// The message that waits gives way, with or without room.
    KeepLatest,
}

/// When a lost or refused connection is tried again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reconnect {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
    pub(crate) stop: ReconnectStop,
}

/// When a dialed endpoint is given up rather than tried again. Default: never.
///
/// What was queued for it goes to other peers, or is counted as dropped, as for any peer that is
/// gone. To use the endpoint again, connect again.
///
/// ```
/// let mut stop = ferromq_core::ReconnectStop::default();
/// stop.refused = true;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconnectStop {
    /// After any failed attempt or lost connection (libzmq: an interval of -1).
    pub always: bool,
    /// After the peer's system has refused the connection (`ZMQ_RECONNECT_STOP_CONN_REFUSED`).
    pub refused: bool,
    /// After a connection that ended before its handshake was over
    /// (`ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED`).
    pub handshake_failed: bool,
    /// After the application has disconnected, even if something is still to be flushed
    /// (`ZMQ_RECONNECT_STOP_AFTER_DISCONNECT`).
    pub disconnected: bool,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            most: Duration::from_secs(1),
            stop: ReconnectStop::default(),
        }
    }
}

impl Reconnect {
    /// True if the pauses are within their range.
    pub(crate) fn is_valid(&self) -> bool {
        let pauses = self.first..=self.most;
        !pauses.start().is_zero() && !pauses.is_empty() && *pauses.end() <= LONGEST_WAIT
    }

    /// The pause before attempt number `attempt` (0: the first retry): doubled each time up to the
    /// maximum, of which a random half is taken away.
    pub(crate) fn pause(&self, attempt: u32, random: u64) -> Duration {
        let whole = self.longest_pause(attempt);
        let half = whole / 2;
        let jitter = (random >> 32) as f64 / f64::from(u32::MAX);
        whole - half.mul_f64(jitter)
    }

    /// The same before anything is taken away.
    pub(crate) fn longest_pause(&self, attempt: u32) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1u32.checked_shl(attempt.min(16)).unwrap_or(1));
        doubled.min(self.most.max(self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_grows_to_the_maximum_and_never_beyond() {
        let policy = Reconnect::default();
        assert_eq!(policy.pause(0, 0), Duration::from_millis(100));
        assert_eq!(policy.pause(2, 0), Duration::from_millis(400));
        for attempt in 0..100 {
            for random in [0, 1 << 40, u64::MAX] {
                let pause = policy.pause(attempt, random);
                assert!(pause >= Duration::from_millis(50), "{pause:?}");
                assert!(pause <= Duration::from_secs(1), "{pause:?}");
            }
        }
    }
}
