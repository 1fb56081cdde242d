//! ROUTER without a network: names, addressing, and peers that are not there or have no room.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

const NO_ROUTE: Sent = Sent::Refused(Refused::NoRoute);

fn router(names: &[&str]) -> Driven<RouterPattern> {
    let mut router = Driven::<RouterPattern>::default();
    for (n, name) in (0..).zip(names) {
        router.accept(n, name).unwrap();
    }
    router
}

/// The name under which messages of this pipe are received.
fn name_of(router: &mut Driven<RouterPattern>, n: u32) -> Part {
    match router.receive(n, "x") {
        Got::Message(mut message) => message.pop_front().unwrap(),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn router_puts_the_name_before_what_it_receives() {
    let mut router = router(&["a", "b"]);
    let got = router.receive(1, parts(["", "q"]));
    assert_eq!(got, Got::Message(parts(["b", "", "q"])));
}

#[test]
fn router_sends_by_name_without_the_name() {
    let mut router = router(&["a", "b"]);
    assert_eq!(
        router.send(parts(["b", "", "x"])),
        Sent::To(pipe(1), parts(["", "x"]))
    );
    assert_eq!(
        router.send(parts(["a", "y"])),
        Sent::To(pipe(0), parts(["y"]))
    );
}

#[test]
fn router_gives_a_nameless_peer_five_bytes_that_work_as_address() {
    let mut router = router(&["", ""]);
    let (first, second) = (name_of(&mut router, 0), name_of(&mut router, 1));
    assert_eq!((first.len(), first[0]), (5, 0));
    assert_ne!(first, second);
    let message = Message::from([second, Part::from("x")]);
    assert_eq!(router.send(message), Sent::To(pipe(1), "x".into()));
}

#[test]
fn names_that_a_router_makes_follow_from_the_random_number_that_it_is_given() {
    let mut router = Driven::<RouterPattern>::default();
    router.pattern.seed(&|| u64::MAX);
    router.accept(0, "").unwrap();
    router.accept(1, "").unwrap();
    let names = [name_of(&mut router, 0), name_of(&mut router, 1)];
    assert_eq!(
        names,
        [[0, 255, 255, 255, 255], [0, 0, 0, 0, 0]].map(Part::from)
    );
}

#[test]
fn router_to_an_unknown_name_refuses_unless_asked_to_drop() {
    let mut router = router(&["a"]);
    assert_eq!(router.send(parts(["b", "x"])), NO_ROUTE);
    router.pattern.set_drop_unroutable(true);
    assert_eq!(
        router.send(parts(["b", "x"])),
        Sent::Discarded(Dropped::PeerGone)
    );
    assert_eq!(
        router.send(parts(["a", "x"])),
        Sent::To(pipe(0), "x".into())
    );
}

#[test]
fn router_with_only_a_name_to_send_refuses() {
    let mut router = router(&["a"]);
    assert_eq!(router.send("a"), Sent::Refused(Refused::MissingPart));
    assert_eq!(
        router.send(Message::new()),
        Sent::Refused(Refused::MissingPart)
    );
}

#[test]
fn router_to_a_full_peer_parks_and_others_are_unaffected() {
    let mut router = router(&["a", "b"]);
    let room = |p: PipeId| p != pipe(0);
    assert_eq!(router.send_within(parts(["a", "x"]), &room), Sent::Parked);
    assert_eq!(
        router.send_within(parts(["b", "x"]), &room),
        Sent::To(pipe(1), "x".into())
    );
    assert!(router.pattern.readiness(&room).send);
    assert!(!router.pattern.readiness(&|_: PipeId| false).send);
}

#[test]
fn router_refuses_a_duplicate_name_until_it_is_free() {
    let mut router = router(&["a"]);
    assert_eq!(router.accept(1, "a"), Err(Refusal::DuplicateRoutingId));
    assert_eq!(
        router.send(parts(["a", "x"])),
        Sent::To(pipe(0), "x".into())
    );
    router.detach(0);
    assert_eq!(router.send(parts(["a", "x"])), NO_ROUTE);
    assert_eq!(router.accept(3, "a"), Ok(()));
    assert_eq!(
        router.send(parts(["a", "x"])),
        Sent::To(pipe(3), "x".into())
    );
}

#[test]
fn router_dialed_peer_is_addressable_once_known() {
    let mut router = router(&[]);
    router.dial(0).unwrap();
    assert!(!router.readiness().send);
    assert_eq!(router.send(parts(["a", "x"])), NO_ROUTE);
    router.hiccup(0, "a").unwrap();
    assert_eq!(
        router.send(parts(["a", "x"])),
        Sent::To(pipe(0), "x".into())
    );
}

#[test]
fn router_reconnected_peer_is_renamed_as_it_announces() {
    let mut router = router(&[]);
    router.dial(0).unwrap();
    router.hiccup(0, "a").unwrap();
    router.lose(0);
    assert_eq!(
        router.send(parts(["a", "x"])),
        Sent::To(pipe(0), "x".into())
    );
    router.hiccup(0, "b").unwrap();
    assert_eq!(router.send(parts(["a", "x"])), NO_ROUTE);
    assert_eq!(
        router.send(parts(["b", "x"])),
        Sent::To(pipe(0), "x".into())
    );
}

#[test]
fn router_reconnected_nameless_peer_keeps_its_made_name() {
    let mut router = router(&[]);
    router.dial(0).unwrap();
    router.hiccup(0, "").unwrap();
    let made = name_of(&mut router, 0);
    router.lose(0);
    router.hiccup(0, "").unwrap();
    assert_eq!(name_of(&mut router, 0), made);
    assert_eq!(router.pattern.routing_id(pipe(0)), Some(&made));
}

#[test]
fn router_reconnected_peer_announcing_a_name_in_use_is_refused_and_keeps_its_own() {
    let mut router = router(&["a"]);
    router.dial(1).unwrap();
    router.hiccup(1, "b").unwrap();
    router.pattern.unread(pipe(1), 1);
    assert_eq!(router.hiccup(1, "a"), Err(Refusal::DuplicateRoutingId));
    assert_eq!(router.receive(1, "x"), Got::Message(parts(["b", "x"])));
    (0..2).for_each(|_| assert_eq!(router.receive(1, "x"), Got::Skipped(Dropped::PeerGone)));
    assert_eq!(
        router.send(parts(["a", "x"])),
        Sent::To(pipe(0), "x".into())
    );
    assert_eq!(
        router.send(parts(["b", "x"])),
        Sent::To(pipe(1), "x".into())
    );
}

#[test]
fn router_hears_nothing_from_a_dialed_peer_that_was_refused() {
    let mut router = router(&["a"]);
    router.dial(1).unwrap();
    assert_eq!(router.hiccup(1, "a"), Err(Refusal::DuplicateRoutingId));
    assert_eq!(router.receive(1, "x"), Got::Skipped(Dropped::PeerGone));
    router.hiccup(1, "b").unwrap();
    assert_eq!(name_of(&mut router, 1), "b");
}

#[test]
fn router_with_flooding_peers_takes_turns() {
    let mut router = router(&["a", "b"]);
    (0..2).for_each(|n| router.pattern.readable(pipe(n)));
    for n in [0, 1, 0] {
        assert_eq!(router.pattern.next(), Ok(Some(pipe(n))));
        router.receive(n, "x");
    }
}

proptest! {
    /// Against a map from names to pipes: accepting, leaving, renaming at a new connection.
    #[test]
    fn router_after_any_steps_agrees_with_the_model(
        steps in prop::collection::vec((0..3_u8, 0..5_u32, "[abc]"), 1..80),
    ) {
        let mut router = router(&[]);
        let mut model = BTreeMap::<String, u32>::new();
        let mut attached = Vec::new();
        // Whose present connection was refused.
        let mut refused = Vec::new();
        for (step, n, name) in steps {
            let free = model.get(&name).is_none_or(|owner| *owner == n);
            match (step, attached.contains(&n)) {
                (0, false) => {
                    prop_assert_eq!(router.accept(n, &name).is_ok(), free);
                    if free {
                        attached.push(n);
                        model.insert(name.clone(), n);
                    }
                }
                (1, true) => {
                    router.detach(n);
                    attached.retain(|other| *other != n);
                    refused.retain(|other| *other != n);
                    model.retain(|_, owner| *owner != n);
                }
                (2, true) => {
                    prop_assert_eq!(router.hiccup(n, &name).is_ok(), free);
                    refused.retain(|other| *other != n);
                    if !free {
                        refused.push(n);
                    } else {
                        model.retain(|_, owner| *owner != n);
                        model.insert(name.clone(), n);
                    }
                }
                _ => {}
            }
            for name in ["a", "b", "c"] {
                let expected = model.get(name).map_or(NO_ROUTE, |n| Sent::To(pipe(*n), "x".into()));
                prop_assert_eq!(router.send(parts([name, "x"])), expected);
            }
            for (name, n) in &model {
                let expected = match refused.contains(n) {
                    true => Got::Skipped(Dropped::PeerGone),
                    false => Got::Message(parts([name.as_str(), "y"])),
                };
                prop_assert_eq!(router.receive(*n, "y"), expected);
            }
        }
    }
}

#[test]
fn router_frees_the_name_of_a_peer_that_is_gone_and_still_receives_what_it_sent_under_it() {
    let mut router = router(&["a", "b"]);
    assert!(router.pattern.ending(pipe(0), &mut router.then));
    assert_eq!(router.send(parts(["a", "x"])), NO_ROUTE);
    let got = router.receive(0, "y");
    assert_eq!(got, Got::Message(parts(["a", "y"])));
    router.accept(2, "a").unwrap();
    router.detach(0);
    assert_eq!(
        router.send(parts(["a", "x"])),
        Sent::To(pipe(2), "x".into())
    );
}
