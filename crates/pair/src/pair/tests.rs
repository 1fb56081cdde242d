//! PAIR without a network: one peer at a time, both ways.

use proptest::prelude::*;

use super::*;
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

#[test]
fn pair_without_peer_parks() {
    let mut pair = Driven::<PairPattern>::default();
    assert_eq!(pair.send("x"), Sent::Parked);
    assert_eq!(pair.pattern.next(), Ok(None));
    assert!(!pair.readiness().send);
}

#[test]
fn pair_with_peer_sends_and_receives_whole_messages() {
    let mut pair = Driven::<PairPattern>::with_peers(1);
    let message = parts(["a", "", "b"]);
    assert_eq!(
        pair.send(message.clone()),
        Sent::To(pipe(0), message.clone())
    );
    pair.pattern.readable(pipe(0));
    assert_eq!(pair.pattern.next(), Ok(Some(pipe(0))));
    assert_eq!(pair.receive(0, message.clone()), Got::Message(message));
    pair.pattern.drained(pipe(0));
    assert_eq!(pair.pattern.next(), Ok(None));
}

#[test]
fn pair_with_peer_refuses_a_second_and_keeps_the_first() {
    let mut pair = Driven::<PairPattern>::with_peers(1);
    assert_eq!(pair.accept(1, ""), Err(Refusal::Occupied));
    assert_eq!(pair.dial(2), Err(Refusal::Occupied));
    assert_eq!(pair.send("x"), Sent::To(pipe(0), "x".into()));
}

#[test]
fn pair_with_full_peer_parks() {
    let mut pair = Driven::<PairPattern>::with_peers(1);
    assert_eq!(pair.send_within("x", &|_| false), Sent::Parked);
    assert!(!pair.pattern.readiness(&|_: PipeId| false).send);
    assert_eq!(pair.send("x"), Sent::To(pipe(0), "x".into()));
}

#[test]
fn pair_after_its_peer_left_takes_another_with_nothing_to_read() {
    let mut pair = Driven::<PairPattern>::with_peers(1);
    pair.pattern.readable(pipe(0));
    pair.detach(0);
    assert_eq!(pair.send("x"), Sent::Parked);
    assert_eq!(pair.pattern.next(), Ok(None));
    pair.accept(1, "").unwrap();
    assert_eq!(pair.pattern.next(), Ok(None));
    assert_eq!(pair.send("x"), Sent::To(pipe(1), "x".into()));
}

#[test]
fn pair_with_lost_dialed_peer_keeps_it_and_its_queue() {
    let mut pair = Driven::<PairPattern>::default();
    pair.dial(0).unwrap();
    pair.hiccup(0, "").unwrap();
    pair.lose(0);
    assert_eq!(pair.accept(1, ""), Err(Refusal::Occupied));
    assert_eq!(pair.send("x"), Sent::To(pipe(0), "x".into()));
}

proptest! {
    /// Against an optional peer: the first wins, later ones are refused until it leaves.
    #[test]
    fn pair_after_any_steps_agrees_with_the_model(
        steps in prop::collection::vec((0..3_u32, 0..4_u8, any::<bool>()), 1..60),
    ) {
        let mut pair = Driven::<PairPattern>::default();
        let (mut peer, mut readable) = (None, false);
        for (n, step, room) in steps {
            match step {
                0 if peer == Some(n) => {}
                0 => {
                    prop_assert_eq!(pair.accept(n, "").is_ok(), peer.is_none());
                    readable &= peer.is_some();
                    peer = peer.or(Some(n));
                }
                1 => {
                    pair.detach(n);
                    peer = peer.filter(|peer| *peer != n);
                }
                2 => {
                    pair.pattern.readable(pipe(n));
                    readable |= peer == Some(n);
                }
                _ => {
                    pair.pattern.drained(pipe(n));
                    readable &= peer != Some(n);
                }
            }
            prop_assert_eq!(pair.pattern.next(), Ok(peer.filter(|_| readable).map(pipe)));
            let open = peer.filter(|_| room).map(pipe);
            let expected = open.map_or(Sent::Parked, |pipe| Sent::To(pipe, "x".into()));
            prop_assert_eq!(pair.send_within("x", &|_| room), expected);
        }
    }
}
