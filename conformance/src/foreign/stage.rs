//! Where a case with a foreign peer runs: two types, who binds, a transport, an implementation.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use ferromq::SocketType::{self, Dealer, Pub, Pull, Push, Rep, Req, Router, Sub, Xpub, Xsub};

use super::peer::{Implementation, Pool, Remote};
use crate::socket::WAIT;
use crate::vacancy::Vacancy;

/// The transports that reach another process.
const TRANSPORTS: [&str; 2] = ["ipc", "tcp"];

/// Routing ids, as words.
const OURS: &str = "6f757273";
const THEIRS: &str = "746865697273";

/// A socket of ours and one of theirs.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(super) pool: Arc<Pool>,
    pub(super) foreign: Implementation,
    pub(super) transport: &'static str,
    pub(super) we_bind: bool,
    pub(super) ours: SocketType,
    pub(super) theirs: SocketType,
}

impl Stage {
    /// All stages with two types that are wanted, over every transport and either side binding.
    pub(super) fn all(
        pool: &Arc<Pool>,
        foreign: Implementation,
        wanted: impl Fn(SocketType, SocketType) -> bool,
    ) -> Vec<Self> {
        let mut stages = Vec::new();
        for (ours, theirs) in SocketType::ALL
            .into_iter()
            .flat_map(|ours| SocketType::ALL.map(|theirs| (ours, theirs)))
            .filter(|(ours, theirs)| wanted(*ours, *theirs))
        {
            for transport in TRANSPORTS {
                for we_bind in [true, false] {
                    stages.push(Self {
                        pool: pool.clone(),
                        foreign,
                        transport,
                        we_bind,
                        ours,
                        theirs,
                    });
                }
            }
        }
        stages
    }

    /// A socket of ours, in a process of its own.
    pub(super) fn ours(&self) -> Remote {
        let peer = self.pool.peer(Implementation::Ferromq);
        peer.socket(self.ours, &options(self.ours, OURS))
    }

    /// A socket of theirs.
    pub(super) fn theirs(&self) -> Remote {
        let peer = self.pool.peer(self.foreign);
        peer.socket(self.theirs, &options(self.theirs, THEIRS))
    }

    /// A place where nobody listens.
    pub(super) fn vacancy(&self) -> Vacancy {
        match self.transport {
            "ipc" => Vacancy::ipc(),
            _ => Vacancy::tcp(),
        }
    }

    /// One binds, the other connects.
    pub(super) fn meet(&self, ours: &Remote, theirs: &Remote) -> Vacancy {
        let vacancy = self.vacancy();
        let endpoint = vacancy.endpoint().to_string();
        let (binding, dialing) = match self.we_bind {
            true => (ours, theirs),
            false => (theirs, ours),
        };
        binding.bind(&endpoint);
        dialing.connect(&endpoint);
        vacancy
    }

    /// The two sockets after their handshake; a subscriber has subscribed to everything.
    pub(super) fn joined(&self) -> Joined {
        let joined = self.joined_with(&["-"]);
        joined.await_topic("-");
        joined
    }

    /// The two sockets after their handshake; a subscriber has asked for these topics.
    pub(super) fn joined_with(&self, topics: &[&str]) -> Joined {
        let ours = End::new(self.ours(), self.theirs, THEIRS);
        let theirs = End::new(self.theirs(), self.ours, OURS);
        for end in [&ours, &theirs] {
            if matches!(end.socket.kind, Sub | Xsub) {
                topics.iter().for_each(|topic| end.socket.subscribe(topic));
            }
        }
        let place = self.meet(&ours.socket, &theirs.socket);
        for end in [&ours, &theirs] {
            end.socket.event("handshake_succeeded");
        }
        let (first, second) = match rank(self.ours) <= rank(self.theirs) {
            true => (ours, theirs),
            false => (theirs, ours),
        };
        Joined {
            first,
            second,
            told: RefCell::default(),
            _place: place,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.we_bind { "binds" } else { "dials" };
        let (ours, theirs) = (self.ours, self.theirs);
        let (transport, foreign) = (self.transport, self.foreign.name());
        write!(f, "{transport}, {ours} {verb}, {foreign} {theirs}")
    }
}

fn options(socket_type: SocketType, routing_id: &str) -> Vec<String> {
    let mut options = vec!["reconnect_ivl=10".to_owned()];
    if matches!(socket_type, Req | Dealer | Router) {
        options.push(format!("routing_id={routing_id}"));
    }
    options
}

/// Who speaks first: the type of the lower rank.
fn rank(socket_type: SocketType) -> u8 {
    match socket_type {
        Req | Push | Pub | Xpub => 0,
        Dealer => 1,
        _ => 2,
    }
}

/// Two sockets that are connected.
pub(super) struct Joined {
    /// It speaks first, or alone.
    pub(super) first: End,
    pub(super) second: End,
    /// What an XPUB has told of subscriptions, until they were asked for.
    told: RefCell<Vec<String>>,
    _place: Vacancy,
}

impl Joined {
    /// True if the second can answer.
    pub(super) fn has_two_ways(&self) -> bool {
        !matches!(self.second.socket.kind, Pull | Sub | Xsub)
    }

    /// True if each message waits for the one before.
    pub(super) fn is_lockstep(&self) -> bool {
        [&self.first, &self.second]
            .iter()
            .any(|end| matches!(end.socket.kind, Req | Rep))
    }

    /// False if the first drops messages that it has room for: pyomq's publishers drop some of a
    /// burst of large ones.
    pub(super) fn takes_bursts(&self, stage: &Stage) -> bool {
        let is_first = matches!(stage.theirs, Pub | Xpub);
        !(stage.foreign == Implementation::Pyomq && is_first)
    }

    /// Returns when the publisher, if there is one, knows of this subscription, and the subscriber
    /// has read everything. It is called meanwhile, for a socket of libzmq that is bound takes its
    /// peers only then.
    pub(super) fn await_topic(&self, topic: &str) {
        let (publisher, subscriber) = (&self.first.socket, &self.second.socket);
        if !matches!(publisher.kind, Pub | Xpub) {
            return;
        }
        let topic = topic.trim_start_matches('-');
        let (probe, end) = (format!("{topic}00"), format!("{topic}01"));
        let deadline = Instant::now() + WAIT;
        while subscriber.take().is_none() {
            assert!(Instant::now() < deadline, "{publisher:?} is not told");
            publisher.send(&probe);
        }
        publisher.send(&end);
        while subscriber.recv() != end {}
        if publisher.kind == Xpub {
            self.told
                .borrow_mut()
                .extend(std::iter::from_fn(|| publisher.take()));
        }
    }

    /// What an XPUB has told of subscriptions since this was last asked.
    pub(super) fn told(&self) -> Vec<String> {
        self.told.take()
    }
}

/// A socket and what it puts before each message to its peer.
pub(super) struct End {
    pub(super) socket: Remote,
    envelope: String,
}

impl End {
    fn new(socket: Remote, peer: SocketType, peer_id: &str) -> Self {
        let envelope = match (socket.kind, peer) {
            (Router, Req) => format!("{peer_id} - "),
            (Router, _) => format!("{peer_id} "),
            (Dealer, Rep) => "- ".to_owned(),
            _ => String::new(),
        };
        Self { socket, envelope }
    }

    pub(super) fn send(&self, message: &str) {
        let message = format!("{}{message}", self.envelope);
        match self.socket.kind {
            Router => self.socket.send_when_known(&message),
            _ => self.socket.send(&message),
        }
    }

    /// Receives a message, which must be this one.
    #[track_caller]
    pub(super) fn expect(&self, message: &str) {
        let (socket, received) = (&self.socket, self.socket.recv());
        let expected = format!("{}{message}", self.envelope);
        assert_eq!(received, expected, "received by {socket:?}");
    }
}
