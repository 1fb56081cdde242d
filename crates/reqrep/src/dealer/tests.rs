//! DEALER without a network: both rotations at once, and nothing added or removed.

use proptest::prelude::*;

use super::*;
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

#[test]
fn dealer_without_peers_parks() {
    let mut dealer = Driven::<DealerPattern>::default();
    assert_eq!(dealer.send("x"), Sent::Parked);
    assert_eq!(dealer.pattern.next(), Ok(None));
}

#[test]
fn dealer_sends_and_receives_messages_unchanged() {
    let mut dealer = Driven::<DealerPattern>::with_peers(1);
    let message = parts(["", "a", ""]);
    assert_eq!(
        dealer.send(message.clone()),
        Sent::To(pipe(0), message.clone())
    );
    assert_eq!(dealer.receive(0, message.clone()), Got::Message(message));
}

#[test]
fn dealer_with_one_slow_peer_serves_the_others() {
    let mut dealer = Driven::<DealerPattern>::with_peers(3);
    let to: Vec<_> = (0..4)
        .map(|_| match dealer.send_within("x", &|p| p != pipe(1)) {
            Sent::To(pipe, _) => pipe.index(),
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(to, [0, 2, 0, 2]);
}

#[test]
fn dealer_with_lost_peer_prefers_the_others_until_it_is_back() {
    let mut dealer = Driven::<DealerPattern>::with_peers(1);
    dealer.dial(1).unwrap();
    dealer.lose(1);
    assert_eq!(dealer.send("x"), Sent::To(pipe(0), "x".into()));
    assert_eq!(dealer.send("x"), Sent::To(pipe(0), "x".into()));
    dealer.hiccup(1, "").unwrap();
    assert_eq!(dealer.send("x"), Sent::To(pipe(0), "x".into()));
    assert_eq!(dealer.send("x"), Sent::To(pipe(1), "x".into()));
}

#[test]
fn dealer_reroutes_what_came_back_to_a_peer_with_room() {
    let mut dealer = Driven::<DealerPattern>::with_peers(2);
    dealer.detach(0);
    let to = dealer.pattern.reroute(&|_| true, &mut dealer.then);
    assert_eq!(to, Some(pipe(1)));
}

proptest! {
    /// Receiving and sending do not disturb each other: each direction keeps its own rotation.
    #[test]
    fn dealer_after_any_steps_rotates_both_ways(
        steps in prop::collection::vec(any::<bool>(), 1..80),
    ) {
        let mut dealer = Driven::<DealerPattern>::with_peers(3);
        (0..3).for_each(|n| dealer.pattern.readable(pipe(n)));
        let (mut sent, mut received) = (0, 0);
        for send in steps {
            if send {
                prop_assert_eq!(dealer.send("x"), Sent::To(pipe(sent % 3), "x".into()));
                sent += 1;
            } else {
                prop_assert_eq!(dealer.pattern.next(), Ok(Some(pipe(received % 3))));
                prop_assert_eq!(dealer.receive(received % 3, "y"), Got::Message("y".into()));
                received += 1;
            }
        }
    }
}
