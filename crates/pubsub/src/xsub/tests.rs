//! XSUB without a network: subscribing by messages, and messages to all publishers.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{cancel, commands, receivers, subscribe};
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

#[test]
fn xsub_subscribes_by_message_at_every_publisher() {
    let mut xsub = Driven::<XsubPattern>::with_peers(2);
    assert_eq!(xsub.send("\u{1}a"), Sent::Done);
    assert_eq!(
        commands(&mut xsub),
        [(0, subscribe("a")), (1, subscribe("a"))]
    );
    assert_eq!(xsub.send("\u{0}a"), Sent::Done);
    assert_eq!(commands(&mut xsub), [(0, cancel("a")), (1, cancel("a"))]);
}

#[test]
fn xsub_counts_its_subscriptions_and_ignores_surplus_cancellations() {
    let mut xsub = Driven::<XsubPattern>::with_peers(1);
    xsub.send("\u{1}a");
    xsub.send("\u{1}a");
    commands(&mut xsub);
    assert_eq!(xsub.send("\u{0}b"), Sent::Done);
    assert_eq!(xsub.send("\u{0}a"), Sent::Done);
    assert_eq!(commands(&mut xsub), []);
    xsub.send("\u{0}a");
    xsub.send("\u{0}a");
    assert_eq!(commands(&mut xsub), [(0, cancel("a"))]);
}

#[test]
fn xsub_subscribes_without_publishers_for_those_that_come() {
    let mut xsub = Driven::<XsubPattern>::default();
    assert_eq!(xsub.send(parts(["\u{1}a", "\u{1}b", "\u{0}b"])), Sent::Done);
    xsub.accept(0, "").unwrap();
    assert_eq!(commands(&mut xsub), [(0, subscribe("a"))]);
    xsub.dial(1).unwrap();
    assert_eq!(commands(&mut xsub), []);
    xsub.hiccup(1, "").unwrap();
    assert_eq!(commands(&mut xsub), [(1, subscribe("a"))]);
}

#[test]
fn xsub_sends_other_messages_to_all_publishers_with_room() {
    let mut xsub = Driven::<XsubPattern>::with_peers(3);
    assert_eq!(receivers(xsub.send(parts(["x", "\u{1}a"]))), [0, 1, 2]);
    assert!(xsub.then.is_empty());
    let sent = xsub.send_within("", &|p| p == pipe(2));
    assert_eq!(sent, Sent::Each(vec![pipe(2)], 2));
    xsub.pattern.writable(pipe(0));
    assert_eq!(receivers(xsub.send("")), [0, 2]);
}

#[test]
fn xsub_without_publishers_drops_other_messages() {
    let mut xsub = Driven::<XsubPattern>::default();
    assert_eq!(xsub.send("x"), Sent::Each(vec![], 0));
    assert!(xsub.readiness().send);
}

#[test]
fn xsub_receives_without_filter_and_in_turn() {
    let mut xsub = Driven::<XsubPattern>::with_peers(2);
    (0..2).for_each(|n| xsub.pattern.readable(pipe(n)));
    for n in [0, 1, 0] {
        assert_eq!(xsub.pattern.next(), Ok(Some(pipe(n))));
        assert_eq!(xsub.receive(n, "x"), Got::Message("x".into()));
    }
    xsub.pattern.drained(pipe(1));
    xsub.detach(0);
    assert_eq!(xsub.pattern.next(), Ok(None));
}

proptest! {
    /// A publisher that comes now is told the topics with more subscriptions than cancellations,
    /// where surplus cancellations count as none.
    #[test]
    fn xsub_after_any_requests_tells_a_new_publisher_what_is_in_force(
        steps in prop::collection::vec((any::<bool>(), "[ab]{0,2}"), 1..60),
    ) {
        let mut xsub = Driven::<XsubPattern>::default();
        let mut model = std::collections::BTreeMap::<String, usize>::new();
        for (add, topic) in steps {
            let count = model.entry(topic.clone()).or_default();
            *count = if add { *count + 1 } else { count.saturating_sub(1) };
            let first = if add { '\u{1}' } else { '\u{0}' };
            prop_assert_eq!(xsub.send(format!("{first}{topic}")), Sent::Done);
        }
        xsub.accept(0, "").unwrap();
        let mut told: Vec<_> = commands(&mut xsub).into_iter().map(|(_, told)| told).collect();
        told.sort_by_key(|command| format!("{command:?}"));
        let in_force = model.iter().filter(|(_, count)| **count > 0);
        let mut expected: Vec<_> = in_force.map(|(topic, _)| subscribe(topic)).collect();
        expected.sort_by_key(|command| format!("{command:?}"));
        prop_assert_eq!(told, expected);
    }
}
