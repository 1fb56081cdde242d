//! The sockets of a run: the subject, and peers that come and go.

use std::sync::Arc;
use std::time::Instant;

use ferromq::SocketType::{self, Dealer, Pair, Pub, Router, Sub, Xpub, Xsub};
use proptest::prelude::*;

use crate::foreign::peer::{Implementation, PACE, Peer, Pool, Remote};
use crate::foreign::words;
use crate::socket::WAIT;
use crate::vacancy::Vacancy;

/// The most peers.
pub(super) const SLOTS: usize = 3;
/// What markers begin with: everybody wants them.
const MARKER: &str = "~";
/// What the topics of barriers begin with: each is wanted by those who wait for it.
const BARRIER: &str = "=";

/// What is decided before the first step.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) subject: SocketType,
    pub(super) peer: SocketType,
    pub(super) transport: &'static str,
    /// The subject binds and its peers dial; else the other way round.
    pub(super) subject_binds: bool,
    /// How many peers there can be.
    pub(super) slots: usize,
}

impl Setting {
    /// Else both sides are in one process, and of one implementation.
    pub(super) fn is_stream(&self) -> bool {
        self.transport != "inproc"
    }
}

pub(super) fn settings(
    (subject, peer): (SocketType, SocketType),
    transport: &'static str,
) -> impl Strategy<Value = Setting> {
    (any::<bool>(), 1..=SLOTS).prop_map(move |(subject_binds, slots)| Setting {
        subject,
        peer,
        transport,
        subject_binds,
        slots: if subject == Pair { 1 } else { slots },
    })
}

/// The sockets, and what is known of what is under way.
pub(super) struct Scene {
    pub(super) setting: Setting,
    pub(super) subject: Remote,
    pub(super) peers: [Option<Remote>; SLOTS],
    process: Arc<Peer>,
    places: [Vacancy; SLOTS],
    /// The subject dials this place.
    dialed: [bool; SLOTS],
    /// Messages that were accepted for a peer who is not there.
    pub(super) queued: [Vec<String>; SLOTS],
    /// How many messages, markers and barriers there have been.
    count: usize,
    /// REQ and REP: where a request waits to be served, or its answer to be given.
    pub(super) asked: Asked,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    No,
    /// It was accepted, and nobody is there for it.
    Queued,
    /// It has arrived, at this peer or from it, if that is still there.
    Arrived(Option<usize>),
    /// The subject has received it from this peer, if that is still there.
    Served(Option<usize>),
}

impl Scene {
    pub(super) fn new(pool: &Arc<Pool>, subject: Implementation, setting: &Setting) -> Self {
        let own = pool.peer(subject);
        let process = match setting.is_stream() {
            true => pool.peer(Implementation::Pyzmq),
            false => own.clone(),
        };
        let places = std::array::from_fn(|_| Vacancy::of(setting.transport));
        let subject = socket(&own, setting.subject, "s");
        if setting.subject_binds {
            subject.bind(&places[0].endpoint().to_string());
        }
        if is_subscriber(setting.subject) {
            subject.subscribe(&word(MARKER));
        }
        Self {
            setting: setting.clone(),
            subject,
            peers: [None, None, None],
            process,
            places,
            dialed: [false; SLOTS],
            queued: Default::default(),
            count: 0,
            asked: Asked::No,
        }
    }

    /// A new peer, if there is none in the slot.
    pub(super) fn come(&mut self, slot: usize) -> String {
        if self.peers[slot].is_some() {
            return "is there".to_owned();
        }
        let kind = self.setting.peer;
        let peer = socket(&self.process, kind, &slot.to_string());
        if is_subscriber(kind) {
            peer.subscribe(&word(MARKER));
        }
        if self.setting.subject_binds {
            peer.connect(&self.places[0].endpoint().to_string());
        } else {
            let place = self.places[slot].endpoint().to_string();
            peer.bind(&place);
            let is_dialed = std::mem::replace(&mut self.dialed[slot], true);
            // In process nobody connects again by himself.
            if !(is_dialed && self.setting.is_stream()) {
                self.subject.connect(&place);
            }
        }
        for side in [&self.subject, &peer] {
            if self.setting.is_stream() {
                side.event("handshake_succeeded");
            }
            side.settle();
        }
        self.peers[slot] = Some(peer);
        if is_publisher(self.setting.subject) {
            self.barrier(slot, &word(MARKER));
        } else if is_subscriber(self.setting.subject) {
            self.subscriptions_hold();
        }
        let queued = std::mem::take(&mut self.queued[slot]);
        let arrived = queued.iter().all(|sent| self.peer(slot).recv() == *sent);
        format!("came, {} were queued: {arrived}", queued.len())
    }

    /// The peer closes, if there is one.
    pub(super) fn leave(&mut self, slot: usize) -> String {
        if self.peers[slot].take().is_none() {
            return "is not there".to_owned();
        }
        if self.setting.is_stream() {
            self.subject.event("disconnected");
        }
        self.subject.settle();
        "left".to_owned()
    }

    /// The subject lets go of an endpoint: of its own, or of the peer's in the slot. Whoever is
    /// connected through it leaves. Where, and what came of it.
    pub(super) fn release(&mut self, slot: usize) -> (Vec<usize>, Result<(), String>) {
        let binds = self.setting.subject_binds;
        let at = if binds { 0 } else { slot };
        let endpoint = self.places[at].endpoint().to_string();
        // What is unread holds libzmq's connections up.
        if is_subscriber(self.setting.subject) {
            while self.subject.take().is_some() {}
        }
        let released = self.subject.release(&endpoint, binds);
        // A socket of libzmq takes its leave of a peer only in its application's calls.
        self.subject.settle();
        let mut gone = if binds { self.there() } else { vec![slot] };
        // In process, an endpoint is but the name by which peers have found each other.
        if binds && !self.setting.is_stream() {
            gone.clear();
        }
        gone.retain(|slot| self.let_go(*slot));
        self.subject.settle();
        self.places[at] = Vacancy::of(self.setting.transport);
        if binds {
            self.subject.bind(&self.places[0].endpoint().to_string());
        }
        (gone, released)
    }

    /// False: nobody is there.
    fn let_go(&mut self, slot: usize) -> bool {
        self.dialed[slot] = false;
        self.queued[slot].clear();
        let Some(peer) = self.peers[slot].take() else {
            return false;
        };
        if self.setting.is_stream() {
            peer.event("disconnected");
        }
        true
    }

    pub(super) fn peer(&self, slot: usize) -> &Remote {
        self.peers[slot].as_ref().unwrap()
    }

    /// The slots whose peers are there.
    pub(super) fn there(&self) -> Vec<usize> {
        (0..SLOTS)
            .filter(|slot| self.peers[*slot].is_some())
            .collect()
    }

    /// The next message: a number, after a topic for those who want one.
    pub(super) fn next_message(&mut self, topic: &str) -> String {
        self.count += 1;
        let number = word(&self.count.to_string());
        match self.setting.subject {
            Pub | Sub | Xpub | Xsub => format!("{} {number}", word(topic)),
            _ if self.count.is_multiple_of(3) => format!("{number} - {number}"),
            _ => number,
        }
    }

    /// Publishes a topic until it arrives: what the subscriber has asked for before is in force.
    /// Returns with the last of these messages, so that none is on its way.
    fn barrier(&self, slot: usize, topic: &str) {
        let peer = self.peer(slot);
        let (from, to) = match is_publisher(self.setting.subject) {
            true => (&self.subject, peer),
            false => (peer, &self.subject),
        };
        let own = format!("{topic} {}", word(&format!("to {slot}, ")));
        let deadline = Instant::now() + WAIT;
        let mut has_effect = false;
        for number in 0_u32.. {
            assert!(Instant::now() < deadline, "a subscription has no effect");
            let marker = format!("{own}{}", word(&number.to_string()));
            from.send(&marker);
            while let Some(message) = if has_effect {
                Some(to.recv())
            } else {
                to.recv_within(PACE)
            } {
                if message == marker {
                    return;
                }
                assert!(is_mark(&message), "{message} came late");
                has_effect |= message.starts_with(&own);
            }
        }
    }

    /// What the peer in the slot, a subscriber, has asked for is in force.
    pub(super) fn subscription_holds(&mut self, slot: usize) {
        let topic = self.new_topic();
        self.peer(slot).subscribe(&topic);
        self.barrier(slot, &topic);
    }

    /// What the subject, a subscriber, has asked for is in force at all peers.
    pub(super) fn subscriptions_hold(&mut self) {
        let topic = self.new_topic();
        self.subject.subscribe(&topic);
        self.there()
            .into_iter()
            .for_each(|slot| self.barrier(slot, &topic));
    }

    /// A topic that is no prefix of another one.
    fn new_topic(&mut self) -> String {
        self.count += 1;
        word(&format!("{BARRIER}{}.", self.count))
    }

    /// Everything from one publisher to one subscriber that was sent until now, but marks.
    pub(super) fn until_marker(&mut self, slot: usize) -> Vec<String> {
        self.count += 1;
        let marker = word(&format!("{MARKER}{}", self.count));
        let peer = self.peer(slot);
        let (from, to) = match is_publisher(self.setting.subject) {
            true => (&self.subject, peer),
            false => (peer, &self.subject),
        };
        from.send(&marker);
        let received = std::iter::from_fn(|| Some(to.recv()));
        let received = received.take_while(|message| *message != marker);
        received.filter(|message| !is_mark(message)).collect()
    }

    /// What an XPUB subject tells of subscriptions that are of steps; in no order.
    pub(super) fn reports(&self) -> Vec<String> {
        if self.setting.subject != Xpub {
            return Vec::new();
        }
        let reports = std::iter::from_fn(|| self.subject.take());
        let of_steps = |report: &String| !is_mark(&report[2..]);
        let mut reports: Vec<String> = reports.filter(of_steps).collect();
        reports.sort();
        reports
    }
}

fn is_publisher(kind: SocketType) -> bool {
    matches!(kind, Pub | Xpub)
}

pub(super) fn is_subscriber(kind: SocketType) -> bool {
    matches!(kind, Sub | Xsub)
}

pub(super) fn is_mark(message: &str) -> bool {
    [MARKER, BARRIER]
        .iter()
        .any(|mark| message.starts_with(&word(mark)))
}

/// A text as a word of a line.
pub(super) fn word(text: &str) -> String {
    words::word(text.as_bytes())
}

/// A socket; where it has a routing id, that is its name.
fn socket(process: &Arc<Peer>, kind: SocketType, name: &str) -> Remote {
    let routing_id = format!("routing_id={}", word(name));
    let options = ["reconnect_ivl=10", &routing_id];
    let count = if matches!(kind, Dealer | Router) {
        2
    } else {
        1
    };
    process.socket(kind, &options[..count])
}
