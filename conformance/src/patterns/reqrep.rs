//! RFC 28: REQ and REP.

use ferromq::SocketType::{Dealer, Rep, Req, Router};
use ferromq::{Dropped, Message, Part, RecvError, Refused, SendErrorKind};

use super::place::{Place, accounted, contents, number, receive, until};
use super::queues;
use crate::case::{Case, case};
use crate::socket::{AnySocket, Settings};

pub(super) const CASES: &[Case<Place>] = &[
    case!(
        req_and_rep_take_turns,
        "28/req-lockstep",
        "28/rep-lockstep",
        "28/rep-waits"
    ),
    case!(request_has_a_delimiter, "28/req-format", "28/req-delimiter"),
    case!(req_without_peer_waits, "28/req-no-peer", "28/req-keeps"),
    case!(requests_go_round, "28/req-peers", "28/req-round-robin"),
    case!(
        only_the_asked_peer_is_heard,
        "28/req-asked-peer",
        "28/req-others"
    ),
    case!(reply_without_delimiter_is_no_reply, "28/req-format"),
    case!(
        rep_keeps_the_envelope_and_puts_it_back,
        "28/rep-format",
        "28/rep-envelope-kept",
        "28/rep-data",
        "28/rep-envelope-back",
    ),
    case!(request_without_data_is_no_request, "28/rep-format"),
    case!(
        requests_and_replies_arrive_unchanged,
        "28/rep-unchanged",
        "28/rep-data",
        "37/atomic"
    ),
    case!(rep_answers_who_asked, "28/rep-peers", "28/rep-to-asker"),
    case!(rep_hears_peers_in_turn, "28/rep-fair"),
    case!(
        reply_to_a_lost_peer_is_dropped,
        "28/rep-asker-gone",
        "28/rep-never-blocks"
    ),
    case!(reply_to_a_full_peer_does_not_wait, "28/rep-never-blocks"),
];

/// The parts of an envelope and its message.
fn parts<P: Into<Part>>(parts: impl IntoIterator<Item = P>) -> Message {
    parts.into_iter().collect()
}

fn req_and_rep_take_turns(place: &Place) {
    let (req, rep) = (place.socket(Req), place.socket(Rep));
    place.join(&*rep, &*req);
    let refused = |socket: &dyn AnySocket| {
        let error = socket.try_send(Message::from("early")).unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Refused(Refused::WrongState));
        assert_eq!(error.message, Message::from("early"));
    };
    for round in 0..100 {
        assert_eq!(req.try_recv(), Err(RecvError::Refused(Refused::WrongState)));
        refused(&*rep);
        req.send(number(round));
        refused(&*req);
        assert_eq!(rep.recv(), number(round));
        assert_eq!(rep.try_recv(), Err(RecvError::Refused(Refused::WrongState)));
        assert_eq!(req.try_recv(), Err(RecvError::Empty));
        rep.send(Message::from("yes"));
        assert_eq!(req.recv(), Message::from("yes"));
    }
}

/// A REQ that is known to its ROUTERs as "q".
fn asking(place: &Place) -> Box<dyn AnySocket> {
    let settings = Settings {
        routing_id: Some("q".into()),
        ..Settings::default()
    };
    place.socket_with(Req, &settings)
}

fn request_has_a_delimiter(place: &Place) {
    let (req, router) = (asking(place), place.socket(Router));
    place.join(&*router, &*req);
    for body in [&["one"][..], &["", "two", ""], &[""]] {
        req.send(parts(body.iter().copied()));
        let envelope = ["q", ""].iter().chain(body).copied();
        assert_eq!(router.recv(), parts(envelope.clone()));
        router.send(parts(envelope));
        assert_eq!(req.recv(), parts(body.iter().copied()));
    }
}

fn req_without_peer_waits(place: &Place) {
    queues::sender_waits_for_a_peer(place, Req, Rep);
}

fn requests_go_round(place: &Place) {
    for (peers, binds) in [(1, true), (3, false), (8, true)] {
        let (req, reps) = (place.socket(Req), place.sockets(Rep, peers));
        place.star(&*req, &reps, binds);
        for round in 0..20 {
            for (at, rep) in reps.iter().enumerate() {
                req.send(number(round * peers + at));
                assert_eq!(rep.recv(), number(round * peers + at));
                rep.send(Message::from("done"));
                assert_eq!(req.recv(), Message::from("done"));
            }
        }
    }
}

/// Neither what another peer sends counts, nor what the asked one sends beyond its reply. All of it
/// is there before the reply is received: what comes later cannot be told from a later reply.
fn only_the_asked_peer_is_heard(place: &Place) {
    let (req, routers) = (asking(place), place.sockets(Router, 2));
    place.star(&*req, &routers, false);
    let arrived = |count: usize| {
        until("it is there", || {
            let stats = req.stats();
            stats.waiting + stats.delivered + stats.dropped_in_all() == count as u64
        });
    };
    let mut sent = 0;
    for round in 0..20 {
        let (asked, other) = (&routers[round % 2], &routers[(round + 1) % 2]);
        req.send(number(round));
        assert_eq!(asked.recv().part(2), number(round).part(0));
        if round > 0 {
            other.send(parts(["q", "", "from another"]));
            sent += 1;
            arrived(sent);
        }
        asked.send(parts(["q", "", "the reply"]));
        asked.send(parts(["q", "", "one too many"]));
        sent += 2;
        arrived(sent);
        assert_eq!(req.recv(), Message::from("the reply"));
    }
    assert!(
        req.stats().dropped(Dropped::Stale) >= 30,
        "{:?}",
        req.stats()
    );
}

fn reply_without_delimiter_is_no_reply(place: &Place) {
    let (req, router) = (asking(place), place.socket(Router));
    place.join(&*router, &*req);
    req.send(Message::from("question"));
    router.recv();
    for malformed in [
        &["q", "no delimiter"][..],
        &["q", ""],
        &["q", "x", "", "late"],
    ] {
        router.send(parts(malformed.iter().copied()));
    }
    router.send(parts(["q", "", "well-formed"]));
    assert_eq!(req.recv(), Message::from("well-formed"));
    assert_eq!(req.stats().dropped(Dropped::Malformed), 3);
}

fn rep_keeps_the_envelope_and_puts_it_back(place: &Place) {
    let (rep, dealer) = (place.socket(Rep), place.socket(Dealer));
    place.join(&*rep, &*dealer);
    for hops in [0, 1, 2, 50] {
        let envelope = || {
            (0..hops)
                .map(|hop| format!("hop {hop}"))
                .chain([String::new()])
        };
        let with =
            |body: &[&str]| parts(envelope().chain(body.iter().map(|part| part.to_string())));
        dealer.send(with(&["question", "", "of three parts"]));
        assert_eq!(
            rep.recv(),
            Message::from(["question", "", "of three parts"])
        );
        rep.send(Message::from(["", "answer"]));
        assert_eq!(dealer.recv(), with(&["", "answer"]));
    }
}

fn request_without_data_is_no_request(place: &Place) {
    let (rep, dealer) = (place.socket(Rep), place.socket(Dealer));
    place.join(&*rep, &*dealer);
    for malformed in [&["no delimiter"][..], &[""], &["hop", ""], &["a", "b", "c"]] {
        dealer.send(parts(malformed.iter().copied()));
    }
    dealer.send(Message::from(["", "well-formed"]));
    assert_eq!(rep.recv(), Message::from("well-formed"));
    assert_eq!(rep.stats().dropped(Dropped::Malformed), 4);
}

fn requests_and_replies_arrive_unchanged(place: &Place) {
    let (rep, req) = (place.socket(Rep), place.socket(Req));
    place.join(&*rep, &*req);
    for message in contents() {
        req.send(message.clone());
        assert_eq!(rep.recv(), message);
        rep.send(message.clone());
        assert_eq!(req.recv(), message);
    }
}

/// REQ and DEALER peers, whichever side has dialed.
fn rep_answers_who_asked(place: &Place) {
    for binds in [true, false] {
        let (rep, reqs, dealers) = (
            place.socket(Rep),
            place.sockets(Req, 3),
            place.sockets(Dealer, 3),
        );
        place.star(&*rep, &reqs, binds);
        place.star(&*rep, &dealers, binds);
        for round in 0..10 {
            let name = |at: usize| Message::from(format!("{round} {at}"));
            reqs.iter()
                .enumerate()
                .for_each(|(at, req)| req.send(name(at)));
            for (at, dealer) in dealers.iter().enumerate() {
                dealer.send(Message::from(
                    [String::new(), format!("{round} {}", at + 3)].map(String::into_bytes),
                ));
            }
            for _ in 0..6 {
                let question = rep.recv();
                rep.send(question);
            }
            for (at, req) in reqs.iter().enumerate() {
                assert_eq!(req.recv(), name(at));
            }
            for (at, dealer) in dealers.iter().enumerate() {
                assert_eq!(dealer.recv().part(1), name(at + 3).part(0));
            }
        }
    }
}

fn rep_hears_peers_in_turn(place: &Place) {
    for peers in [2, 8] {
        let (rep, dealers) = (place.socket(Rep), place.sockets(Dealer, peers));
        place.star(&*rep, &dealers, true);
        for (peer, dealer) in dealers.iter().enumerate() {
            for round in 0..10 {
                dealer.send(parts(["", &peer.to_string(), &round.to_string()]));
            }
        }
        until("everything is there", || {
            rep.stats().waiting == peers as u64 * 10
        });
        place.meet_io_thread(&*rep);
        for round in 0..10 {
            let mut served = Vec::new();
            for _ in 0..peers {
                let question = rep.recv();
                assert_eq!(question.part(1), number(round).part(0));
                served.push(question.part(0).unwrap().clone());
                rep.send(Message::from("done"));
            }
            served.sort();
            served.dedup();
            assert_eq!(served.len(), peers, "round {round}");
        }
    }
}

fn reply_to_a_lost_peer_is_dropped(place: &Place) {
    let (rep, lost, next) = (place.socket(Rep), place.socket(Dealer), place.socket(Req));
    place.join(&*rep, &*lost);
    lost.send(Message::from(["", "question"]));
    assert_eq!(rep.recv(), Message::from("question"));
    lost.close();
    until("the peer is gone", || rep.pipes() == 0);
    rep.send(Message::from("answer"));
    assert_eq!(rep.stats().dropped(Dropped::PeerGone), 1);
    place.join(&*rep, &*next);
    next.send(Message::from("another"));
    assert_eq!(rep.recv(), Message::from("another"));
}

/// The peer asks and never reads: `send` returns at once all the same, and what had no room is
/// counted.
fn reply_to_a_full_peer_does_not_wait(place: &Place) {
    let settings = Settings {
        send_mark: Some(5),
        receive_mark: Some(5),
        small_buffers: true,
        ..Settings::default()
    };
    let (rep, dealer) = (
        place.socket_with(Rep, &settings),
        place.socket_with(Dealer, &settings),
    );
    place.join(&*rep, &*dealer);
    let answer = Message::from(vec![7; 10_000]);
    until("a reply is dropped", || {
        dealer.send(Message::from(["", "question"]));
        rep.recv();
        rep.try_send(answer.clone()).unwrap();
        rep.stats().dropped(Dropped::HighWaterMark) >= 3
    });
    let stats = accounted(&*rep);
    let sent = usize::try_from(stats.accepted - stats.dropped_in_all()).unwrap();
    let expected: Message = [Part::EMPTY]
        .into_iter()
        .chain(answer.iter().cloned())
        .collect();
    assert!(
        receive(&*dealer, sent)
            .iter()
            .all(|message| *message == expected)
    );
}
