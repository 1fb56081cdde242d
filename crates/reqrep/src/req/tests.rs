//! REQ without a network: alternation, the envelope, and which replies count.

mod settings;
mod side_by_side;

use ferromq_core::Action;
use proptest::prelude::*;

use super::*;
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

const STALE: Got = Got::Skipped(Dropped::Stale);
const MALFORMED: Got = Got::Skipped(Dropped::Malformed);
const WRONG_STATE: Sent = Sent::Refused(Refused::WrongState);

fn asked(n: u32) -> Sent {
    Sent::To(pipe(n), parts(["", "q"]))
}

fn answer() -> Got {
    Got::Message("a".into())
}

#[test]
fn req_without_peers_parks_and_stays_idle() {
    let mut req = Driven::<ReqPattern>::default();
    assert_eq!(req.send("q"), Sent::Parked);
    assert_eq!(req.pattern.next(), Err(Refused::WrongState));
    req.accept(0, "").unwrap();
    assert_eq!(req.send("q"), asked(0));
}

#[test]
fn req_puts_a_delimiter_before_the_request_and_removes_it_from_the_reply() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    let sent = req.send(parts(["q1", "", "q2"]));
    assert_eq!(sent, Sent::To(pipe(0), parts(["", "q1", "", "q2"])));
    let got = req.receive(0, parts(["", "a1", "", "a2"]));
    assert_eq!(got, Got::Message(parts(["a1", "", "a2"])));
}

#[test]
fn req_alternates_strictly() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    assert_eq!(req.pattern.next(), Err(Refused::WrongState));
    assert_eq!(req.send("q"), asked(0));
    assert_eq!(req.send("q"), WRONG_STATE);
    assert_eq!(req.pattern.next(), Ok(None));
    assert_eq!(req.receive(0, parts(["", "a"])), answer());
    assert_eq!(req.pattern.next(), Err(Refused::WrongState));
    assert_eq!(req.send("q"), asked(0));
}

#[test]
fn req_may_send_once_the_reply_is_taken_not_when_it_is_admitted() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    req.send("q");
    assert_eq!(req.admit(0, parts(["", "a"])), answer());
    assert!(req.readiness().receive && !req.readiness().send);
    assert_eq!(req.send("q"), WRONG_STATE);
    assert_eq!(req.pattern.next(), Ok(None));
    req.pattern.taken(&mut Message::new());
    assert!(!req.readiness().receive && req.readiness().send);
    assert_eq!(req.send("q"), asked(0));
}

#[test]
fn req_asks_its_peers_in_turn() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    for n in [0, 1, 0] {
        assert_eq!(req.send("q"), asked(n));
        assert_eq!(req.receive(n, parts(["", "a"])), answer());
    }
}

#[test]
fn req_drops_replies_of_peers_that_were_not_asked() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    req.send("q");
    assert_eq!(req.receive(1, parts(["", "a"])), STALE);
    assert_eq!(req.receive(0, parts(["", "a"])), answer());
}

#[test]
fn req_drops_malformed_replies_and_goes_on_waiting() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    req.send("q");
    for malformed in [parts(["a"]), parts(["a", ""]), parts([""]), Message::new()] {
        assert_eq!(req.receive(0, malformed), MALFORMED);
    }
    assert_eq!(req.receive(0, parts(["", "a"])), answer());
}

#[test]
fn req_asking_discards_what_that_peer_had_sent_before() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    req.send("q");
    assert!(matches!(req.actions()[..], [Action::DiscardIncoming(p)] if p == pipe(0)));
    req.receive(0, parts(["", "a"]));
    assert!(req.actions().is_empty());
    req.send("q");
    assert!(matches!(req.actions()[..], [Action::DiscardIncoming(p)] if p == pipe(1)));
}

#[test]
fn req_refused_or_parked_discards_nothing() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    req.send_within("q", &|_| false);
    assert!(req.actions().is_empty());
    req.pattern.writable(pipe(0));
    req.send("q");
    req.actions();
    req.send("q");
    assert!(req.actions().is_empty());
}

#[test]
fn req_whose_peer_is_gone_accepts_any_reply() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    req.send("q");
    req.detach(0);
    assert_eq!(req.send("q"), WRONG_STATE);
    assert_eq!(req.receive(1, parts(["", "a"])), answer());
}

#[test]
fn req_whose_dialed_peer_reconnects_waits_for_it() {
    let mut req = Driven::<ReqPattern>::default();
    req.dial(0).unwrap();
    req.hiccup(0, "").unwrap();
    req.accept(1, "").unwrap();
    req.send("q");
    req.lose(0);
    req.hiccup(0, "").unwrap();
    assert_eq!(req.receive(1, parts(["", "a"])), STALE);
    assert_eq!(req.receive(0, parts(["", "a"])), answer());
}

#[test]
fn req_rerouted_waits_for_the_new_peer() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    req.send("q");
    req.detach(0);
    req.actions();
    let to = req.pattern.reroute(&|_| true, &mut req.then);
    assert_eq!(to, Some(pipe(1)));
    assert!(matches!(req.actions()[..], [Action::DiscardIncoming(p)] if p == pipe(1)));
    req.accept(2, "").unwrap();
    assert_eq!(req.receive(2, parts(["", "a"])), STALE);
    assert_eq!(req.receive(1, parts(["", "a"])), answer());
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    Reply(u32),
    Taken,
    Leave(u32),
    Join(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Send),
        4 => (0..3_u32).prop_map(Step::Reply),
        3 => Just(Step::Taken),
        1 => (0..3_u32).prop_map(Step::Leave),
        2 => (0..3_u32).prop_map(Step::Join),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Model {
    Idle,
    Asked(Option<u32>),
    Answered,
}

proptest! {
    #[test]
    fn req_after_any_steps_agrees_with_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let mut req = Driven::<ReqPattern>::default();
        let (mut model, mut peers) = (Model::Idle, Vec::<u32>::new());
        for step in steps {
            match step {
                Step::Send => match (req.send("q"), model) {
                    (Sent::To(pipe, _), Model::Idle) => {
                        let n = pipe.index() as u32;
                        prop_assert!(peers.contains(&n));
                        model = Model::Asked(Some(n));
                    }
                    (Sent::Parked, Model::Idle) => prop_assert!(peers.is_empty()),
                    (sent, _) => prop_assert_eq!(sent, WRONG_STATE),
                },
                Step::Reply(n) if peers.contains(&n) => {
                    let counts = model == Model::Asked(Some(n)) || model == Model::Asked(None);
                    let expected = if counts { answer() } else { STALE };
                    prop_assert_eq!(req.admit(n, parts(["", "a"])), expected);
                    if counts {
                        model = Model::Answered;
                    }
                }
                Step::Taken => {
                    req.pattern.taken(&mut Message::new());
                    if model == Model::Answered {
                        model = Model::Idle;
                    }
                }
                Step::Leave(n) if peers.contains(&n) => {
                    req.detach(n);
                    peers.retain(|peer| *peer != n);
                    if model == Model::Asked(Some(n)) {
                        model = Model::Asked(None);
                    }
                }
                Step::Join(n) if !peers.contains(&n) => {
                    req.accept(n, "").unwrap();
                    peers.push(n);
                }
                _ => {}
            }
            let idle = model == Model::Idle;
            prop_assert_eq!(req.readiness().send, idle && !peers.is_empty());
            prop_assert_eq!(req.readiness().receive, !idle);
            prop_assert_eq!(req.pattern.next().is_err(), idle);
        }
    }
}

#[test]
fn req_asking_discards_what_anybody_had_sent_before() {
    let mut req = Driven::<ReqPattern>::with_peers(3);
    for n in [1, 2] {
        req.pattern.readable(pipe(n));
    }
    req.send("q");
    let discarded = req.actions().into_iter().map(|action| match action {
        Action::DiscardIncoming(pipe) => pipe,
        other => panic!("unexpected {other:?}"),
    });
    assert_eq!(discarded.collect::<Vec<_>>(), [0, 1, 2].map(pipe));
}
