//! Routing ids, chosen and given: ROUTER names its peers by them.

use std::time::Duration;

use ferromq::SocketType::{Dealer, Req, Router};

use super::peer::Remote;
use super::stage::{Side, Stage};
use super::words::word;
use crate::case::{Case, case};
use crate::vacancy::Vacancy;

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        peer_is_named_as_it_chose,
        "28/router-chosen",
        "28/router-prefix",
        "28/router-address",
        "28/router-routes",
        "37/identity",
    ),
    case!(
        peers_that_chose_nothing_have_names_of_their_own,
        "28/router-identity",
        "28/router-routes",
        "37/identity-zero",
    ),
    case!(
        second_peer_of_the_same_name_does_not_take_its_place,
        "28/router-identity"
    ),
];

/// Until a ROUTER of others, which tells nobody, has taken in a peer if it ever does.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// ROUTER at one side, and at the other who asks it.
pub(super) fn is_stage(stage: &Stage) -> bool {
    matches!(
        (stage.ours, stage.theirs),
        (Router, Dealer | Req) | (Dealer | Req, Router)
    )
}

/// A ROUTER and its side.
struct Asked<'a> {
    stage: &'a Stage,
    side: Side,
    router: Remote,
}

impl<'a> Asked<'a> {
    fn new(stage: &'a Stage) -> Self {
        let side = match stage.ours {
            Router => Side::Ours,
            _ => Side::Theirs,
        };
        let router = stage.socket_with(side, &[]);
        Self {
            stage,
            side,
            router,
        }
    }

    /// Another peer of the ROUTER, on a connection that is made.
    fn peer(&self, options: &[&str]) -> Asking<'_> {
        let peer = self.unmet(options);
        peer.socket.event("handshake_succeeded");
        self.router.event("handshake_succeeded");
        peer
    }

    /// Another peer of the ROUTER, somewhere on its way.
    fn unmet(&self, options: &[&str]) -> Asking<'_> {
        let socket = self.stage.socket_with(self.side.other(), options);
        let place = match self.side {
            Side::Ours => self.stage.meet(&self.router, &socket),
            Side::Theirs => self.stage.meet(&socket, &self.router),
        };
        Asking {
            router: &self.router,
            socket,
            _place: place,
        }
    }
}

/// A peer of a ROUTER.
struct Asking<'a> {
    router: &'a Remote,
    socket: Remote,
    _place: Vacancy,
}

impl Asking<'_> {
    /// Asks and is answered; the name that the ROUTER knows it by.
    #[track_caller]
    fn talk(&self, question: &str) -> String {
        self.socket.send(question);
        let heard = self.router.recv();
        let (name, rest) = heard.split_once(' ').unwrap();
        let delimiter = if self.socket.kind == Req { "- " } else { "" };
        assert_eq!(rest, format!("{delimiter}{question}"));
        self.router
            .send(&format!("{name} {delimiter}{question} 62"));
        assert_eq!(self.socket.recv(), format!("{question} 62"));
        name.to_owned()
    }
}

fn peer_is_named_as_it_chose(stage: &Stage) {
    let asked = Asked::new(stage);
    for name in [&b"a"[..], b"\xFF", b"a\0b", &[0xA5; 255]].map(word) {
        let peer = asked.peer(&[&format!("routing_id={name}")]);
        assert_eq!(peer.talk("61"), name);
        assert_eq!(peer.talk("62"), name);
    }
}

fn peers_that_chose_nothing_have_names_of_their_own(stage: &Stage) {
    let asked = Asked::new(stage);
    let (one, other) = (asked.peer(&[]), asked.peer(&[]));
    let names = [one.talk("61"), other.talk("62")];
    assert!(names.iter().all(|name| name.starts_with("00")), "{names:?}");
    assert_ne!(names[0], names[1]);
    assert_eq!([one.talk("63"), other.talk("64")], names);
}

fn second_peer_of_the_same_name_does_not_take_its_place(stage: &Stage) {
    let asked = Asked::new(stage);
    let named = [format!("routing_id={}", word(b"same"))];
    let named = named.each_ref().map(String::as_str);
    let one = asked.peer(&named);
    assert_eq!(one.talk("61"), word(b"same"));
    let other = asked.unmet(&named);
    if asked.side == Side::Ours {
        let end = asked.router.event("disconnected");
        assert_eq!(end, "disconnected Refusal(DuplicateRoutingId)");
        other.socket.event("disconnected");
    } else {
        other.socket.event("handshake_succeeded");
        asked.router.event("handshake_succeeded");
    }
    let _ = other.socket.try_send("6f74686572");
    if asked.side == Side::Theirs {
        assert_eq!(asked.router.recv_within(LONG_ENOUGH), None);
    }
    assert_eq!(one.talk("62"), word(b"same"));
    assert_eq!(asked.router.take(), None);
}
