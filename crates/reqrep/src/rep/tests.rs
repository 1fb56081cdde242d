//! REP without a network: alternation, envelopes, and replies that have nowhere to go.

use proptest::prelude::*;

use super::*;
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

const WRONG_STATE: Sent = Sent::Refused(Refused::WrongState);

fn question() -> Got {
    Got::Message("q".into())
}

#[test]
fn rep_before_a_request_refuses_to_send() {
    let mut rep = Driven::<RepPattern>::with_peers(1);
    assert_eq!(rep.send("a"), WRONG_STATE);
    assert!(!rep.readiness().send && rep.readiness().receive);
}

#[test]
fn rep_answers_the_asker_with_its_envelope() {
    let mut rep = Driven::<RepPattern>::with_peers(3);
    let got = rep.receive(1, parts(["id1", "id2", "", "q", "", "r"]));
    assert_eq!(got, Got::Message(parts(["q", "", "r"])));
    let sent = rep.send(parts(["a", "b"]));
    assert_eq!(sent, Sent::To(pipe(1), parts(["id1", "id2", "", "a", "b"])));
    assert_eq!(rep.receive(2, parts(["", "q"])), question());
    assert_eq!(rep.send("a"), Sent::To(pipe(2), parts(["", "a"])));
}

#[test]
fn rep_alternates_strictly() {
    let mut rep = Driven::<RepPattern>::with_peers(1);
    rep.pattern.readable(pipe(0));
    assert_eq!(rep.pattern.next(), Ok(Some(pipe(0))));
    rep.receive(0, parts(["", "q"]));
    assert_eq!(rep.pattern.next(), Err(Refused::WrongState));
    rep.send("a");
    assert_eq!(rep.send("a"), WRONG_STATE);
    assert_eq!(rep.pattern.next(), Ok(Some(pipe(0))));
}

#[test]
fn rep_may_send_once_the_request_is_taken_not_when_it_is_admitted() {
    let mut rep = Driven::<RepPattern>::with_peers(1);
    rep.pattern.readable(pipe(0));
    assert_eq!(rep.admit(0, parts(["", "q"])), question());
    assert_eq!(rep.send("a"), WRONG_STATE);
    assert_eq!(rep.pattern.next(), Ok(None));
    assert!(rep.readiness().receive && !rep.readiness().send);
    rep.pattern.taken(&mut Message::new());
    assert!(!rep.readiness().receive && rep.readiness().send);
    assert_eq!(rep.send("a"), Sent::To(pipe(0), parts(["", "a"])));
}

#[test]
fn rep_skips_requests_without_delimiter_or_body() {
    let mut rep = Driven::<RepPattern>::with_peers(1);
    for malformed in [parts(["q"]), parts([""]), parts(["id", ""]), Message::new()] {
        assert_eq!(rep.receive(0, malformed), Got::Skipped(Dropped::Malformed));
        assert_eq!(rep.send("a"), WRONG_STATE);
    }
    assert_eq!(rep.receive(0, parts(["", "q"])), question());
}

#[test]
fn rep_with_two_flooding_peers_takes_turns() {
    let mut rep = Driven::<RepPattern>::with_peers(2);
    (0..2).for_each(|n| rep.pattern.readable(pipe(n)));
    for n in [0, 1, 0, 1] {
        assert_eq!(rep.pattern.next(), Ok(Some(pipe(n))));
        assert_eq!(rep.receive(n, parts(["", "q"])), question());
        assert_eq!(rep.send("a"), Sent::To(pipe(n), parts(["", "a"])));
    }
}

#[test]
fn rep_whose_asker_left_drops_the_reply_and_goes_on() {
    let mut rep = Driven::<RepPattern>::with_peers(2);
    rep.receive(0, parts(["", "q"]));
    rep.detach(0);
    assert_eq!(rep.send("a"), Sent::Discarded(Dropped::PeerGone));
    assert_eq!(rep.receive(1, parts(["", "q"])), question());
}

#[test]
fn rep_whose_asker_left_before_the_request_was_taken_still_drops_the_reply() {
    let mut rep = Driven::<RepPattern>::with_peers(1);
    rep.admit(0, parts(["", "q"]));
    rep.detach(0);
    rep.pattern.taken(&mut Message::new());
    assert_eq!(rep.send("a"), Sent::Discarded(Dropped::PeerGone));
}

#[test]
fn rep_whose_dialed_asker_lost_its_connection_forgets_the_reply() {
    let mut rep = Driven::<RepPattern>::default();
    rep.dial(0).unwrap();
    rep.hiccup(0, "").unwrap();
    rep.receive(0, parts(["", "q"]));
    rep.lose(0);
    rep.hiccup(0, "").unwrap();
    assert_eq!(rep.send("a"), Sent::Discarded(Dropped::PeerGone));
    assert_eq!(rep.receive(0, parts(["", "q"])), question());
    assert_eq!(rep.send("a"), Sent::To(pipe(0), parts(["", "a"])));
}

#[test]
fn rep_whose_asker_has_no_room_drops_the_reply_and_goes_on() {
    let mut rep = Driven::<RepPattern>::with_peers(1);
    rep.receive(0, parts(["", "q"]));
    let sent = rep.send_within("a", &|_| false);
    assert_eq!(sent, Sent::Discarded(Dropped::HighWaterMark));
    assert_eq!(rep.receive(0, parts(["", "q"])), question());
}

#[derive(Clone, Debug)]
enum Step {
    Request(u32, Vec<u8>),
    Reply,
    Replace(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_u32, prop::collection::vec(1..9_u8, 0..4))
            .prop_map(|(n, envelope)| Step::Request(n, envelope)),
        3 => Just(Step::Reply),
        1 => (0..3_u32).prop_map(Step::Replace),
    ]
}

proptest! {
    /// Against "who asked, with which envelope".
    #[test]
    fn rep_after_any_steps_agrees_with_the_model(steps in prop::collection::vec(step(), 1..80)) {
        let mut rep = Driven::<RepPattern>::with_peers(3);
        let mut model: Option<(Option<u32>, Message)> = None;
        for step in steps {
            match step {
                Step::Request(n, ids) if model.is_none() => {
                    let ids = ids.into_iter().map(|id| Part::from([id]));
                    let mut message: Message = ids.collect();
                    message.push_back(Part::EMPTY);
                    let envelope = message.clone();
                    message.push_back("q");
                    prop_assert_eq!(rep.receive(n, message), question());
                    model = Some((Some(n), envelope));
                }
                Step::Request(..) => prop_assert!(rep.pattern.next().is_err()),
                Step::Reply => {
                    let expected = match model.take() {
                        None => WRONG_STATE,
                        Some((None, _)) => Sent::Discarded(Dropped::PeerGone),
                        Some((Some(n), mut reply)) => {
                            reply.push_back("a");
                            Sent::To(pipe(n), reply)
                        }
                    };
                    prop_assert_eq!(rep.send("a"), expected);
                }
                Step::Replace(n) => {
                    rep.detach(n);
                    rep.accept(n, "").unwrap();
                    if let Some((asker, _)) = &mut model {
                        asker.take_if(|asker| *asker == n);
                    }
                }
            }
        }
    }
}
