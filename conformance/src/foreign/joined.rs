//! Two sockets that are connected, one of ours and one of theirs, and how they talk.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use ferromq::SocketType::{self, Dealer, Pub, Pull, Push, Rep, Req, Router, Sub, Xpub, Xsub};

use super::peer::{Implementation, PACE, Remote};
use super::stage::{Side, Stage};
use crate::socket::WAIT;
use crate::vacancy::Vacancy;

/// How long a message is waited for that may be lost.
const MOMENT: Duration = Duration::from_millis(500);

/// Two sockets that are connected.
pub(super) struct Joined {
    ours: End,
    theirs: End,
    foreign: Implementation,
    pub(super) place: Vacancy,
    /// What an XPUB has told of subscriptions, until that was asked for.
    told: RefCell<Vec<String>>,
}

impl Joined {
    /// After the handshake; a subscriber has subscribed to everything, and the publisher knows.
    pub(super) fn new(stage: &Stage) -> Self {
        let joined = Self::with_topics(stage, &["-"]);
        joined.await_topic("-");
        joined
    }

    /// After the handshake; a subscriber has asked for these topics.
    pub(super) fn with_topics(stage: &Stage, topics: &[&str]) -> Self {
        let sockets = [Side::Ours, Side::Theirs].map(|side| stage.socket(side));
        Self::of(stage, sockets, topics)
    }

    /// Of these sockets, ours first.
    pub(super) fn of(stage: &Stage, [ours, theirs]: [Remote; 2], topics: &[&str]) -> Self {
        let ours = End::new(ours, stage.theirs, Side::Theirs);
        let theirs = End::new(theirs, stage.ours, Side::Ours);
        ours.socket.subscribe_to(topics);
        theirs.socket.subscribe_to(topics);
        let place = stage.meet(&ours.socket, &theirs.socket);
        ours.socket.event("handshake_succeeded");
        if stage.foreign.has_events() {
            theirs.socket.event("handshake_succeeded");
        }
        Self {
            ours,
            theirs,
            foreign: stage.foreign,
            place,
            told: RefCell::default(),
        }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        match side {
            Side::Ours => &self.ours,
            Side::Theirs => &self.theirs,
        }
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Ours => &mut self.ours,
            Side::Theirs => &mut self.theirs,
        }
    }

    /// The side that speaks first, or alone.
    pub(super) fn leader(&self) -> Side {
        match rank(self.ours.socket.kind) <= rank(self.theirs.socket.kind) {
            true => Side::Ours,
            false => Side::Theirs,
        }
    }

    /// It speaks first, or alone.
    pub(super) fn first(&self) -> &End {
        self.end(self.leader())
    }

    pub(super) fn second(&self) -> &End {
        self.end(self.leader().other())
    }

    /// True if the second can answer.
    pub(super) fn has_two_ways(&self) -> bool {
        !matches!(self.second().socket.kind, Pull | Sub | Xsub)
    }

    /// True if each message waits for the one before.
    pub(super) fn is_lockstep(&self) -> bool {
        [&self.ours, &self.theirs]
            .iter()
            .any(|end| matches!(end.socket.kind, Req | Rep))
    }

    /// False if the first drops messages that it has room for: pyomq's publishers drop some of a
    /// burst of large ones.
    pub(super) fn takes_bursts(&self) -> bool {
        let is_publisher = matches!(self.theirs.socket.kind, Pub | Xpub);
        !(self.foreign == Implementation::Pyomq && is_publisher)
    }

    /// Returns when the publisher, if there is one, knows of this subscription, and the subscriber
    /// has read everything. It is called meanwhile, for a socket of libzmq that is bound takes its
    /// peers only then.
    pub(super) fn await_topic(&self, topic: &str) {
        let (publisher, subscriber) = (&self.first().socket, &self.second().socket);
        if !matches!(publisher.kind, Pub | Xpub) {
            return;
        }
        let topic = topic.trim_start_matches('-');
        let (probe, end) = (format!("{topic}00"), format!("{topic}01"));
        let deadline = Instant::now() + WAIT;
        publisher.send(&probe);
        while subscriber.recv_within(PACE).is_none() {
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

    /// Sends until the second hears it, at most so often, then answers.
    ///
    /// What libzmq gives to a peer that is dead already is lost with it.
    #[track_caller]
    pub(super) fn talk(&self, attempts: u8) {
        let (first, second) = (self.first(), self.second());
        let within = if attempts == 1 { WAIT } else { MOMENT };
        let is_heard =
            (0..attempts).any(|attempt| first.reaches(second, &format!("61{attempt:02x}"), within));
        assert!(is_heard, "{:?} is not heard", first.socket);
        if self.has_two_ways() {
            second.send("62");
            first.expect("62");
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
    fn new(socket: Remote, peer: SocketType, peer_side: Side) -> Self {
        let peer_id = peer_side.routing_id();
        let envelope = match (socket.kind, peer) {
            (Router, Req) => format!("{peer_id} - "),
            (Router, _) => format!("{peer_id} "),
            (Dealer, Rep) => "- ".to_owned(),
            _ => String::new(),
        };
        Self { socket, envelope }
    }

    /// True if a message arrives within this time; others are dropped.
    fn reaches(&self, other: &Self, message: &str, within: Duration) -> bool {
        let _ = self.socket.try_send(&self.with_envelope(message));
        let expected = other.with_envelope(message);
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if other.socket.take().as_ref() == Some(&expected) {
                return true;
            }
        }
        false
    }

    fn with_envelope(&self, message: &str) -> String {
        format!("{}{message}", self.envelope)
    }

    pub(super) fn send(&self, message: &str) {
        let message = self.with_envelope(message);
        match self.socket.kind {
            Router => self.socket.send_when_known(&message),
            _ => self.socket.send(&message),
        }
    }

    /// Receives a message, which must be this one.
    #[track_caller]
    pub(super) fn expect(&self, message: &str) {
        let (socket, received) = (&self.socket, self.socket.recv());
        assert_eq!(
            received,
            self.with_envelope(message),
            "received by {socket:?}"
        );
    }
}

/// Who speaks first: the type of the lower rank.
fn rank(socket_type: SocketType) -> u8 {
    match socket_type {
        Req | Push | Pub | Xpub => 0,
        Dealer => 1,
        _ => 2,
    }
}
