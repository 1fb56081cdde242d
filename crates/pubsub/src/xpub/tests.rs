//! XPUB without a network: what is reported upward, on top of what PUB does.

use std::collections::{BTreeMap, BTreeSet};

use ferromq_core::Action;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{cancel, receivers, subscribe};
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

/// The messages delivered to the application since the last call, as text.
fn reports(xpub: &mut Driven<XpubPattern>) -> Vec<String> {
    let actions = xpub.actions().into_iter();
    let texts = actions.map(|action| match action {
        Action::Notify(message) => message.part_str(0).unwrap().to_owned(),
        other => panic!("unexpected {other:?}"),
    });
    texts.collect()
}

fn command(xpub: &mut Driven<XpubPattern>, n: u32, command: Command) -> Vec<String> {
    xpub.pattern.command(pipe(n), command, &mut xpub.then);
    reports(xpub)
}

#[test]
fn xpub_reports_the_first_subscription_and_the_last_cancellation_of_a_topic() {
    let mut xpub = Driven::<XpubPattern>::with_peers(2);
    assert_eq!(command(&mut xpub, 0, subscribe("a")), ["\u{1}a"]);
    assert!(command(&mut xpub, 1, subscribe("a")).is_empty());
    assert!(command(&mut xpub, 0, subscribe("a")).is_empty());
    assert!(command(&mut xpub, 0, cancel("a")).is_empty());
    assert_eq!(command(&mut xpub, 1, cancel("a")), ["\u{0}a"]);
    assert_eq!(command(&mut xpub, 1, subscribe("")), ["\u{1}"]);
}

#[test]
fn xpub_does_not_report_a_cancellation_of_what_nobody_subscribed_to() {
    let mut xpub = Driven::<XpubPattern>::with_peers(2);
    command(&mut xpub, 0, subscribe("a"));
    assert!(command(&mut xpub, 1, cancel("a")).is_empty());
    assert!(command(&mut xpub, 0, cancel("ab")).is_empty());
}

#[test]
fn xpub_sends_as_pub_does() {
    let mut xpub = Driven::<XpubPattern>::with_peers(3);
    command(&mut xpub, 0, subscribe("a"));
    command(&mut xpub, 2, subscribe(""));
    assert_eq!(receivers(xpub.send("abc")), [0, 2]);
    assert_eq!(xpub.send_within("abc", &|_| false), Sent::Each(vec![], 2));
}

#[test]
fn xpub_reports_subscriptions_sent_as_messages_each_once() {
    let mut xpub = Driven::<XpubPattern>::with_peers(2);
    assert_eq!(xpub.admit(0, "\u{1}a"), Got::Done);
    assert_eq!(xpub.admit(1, "\u{1}a"), Got::Done);
    assert_eq!(xpub.admit(0, parts(["\u{1}b", "\u{0}b"])), Got::Done);
    assert_eq!(reports(&mut xpub), ["\u{1}a", "\u{1}b", "\u{0}b"]);
}

#[test]
fn xpub_delivers_other_messages_unchanged() {
    let mut xpub = Driven::<XpubPattern>::with_peers(1);
    for message in [parts(["hello", "\u{1}a"]), parts([""]), parts(["\u{2}"])] {
        assert_eq!(xpub.admit(0, message.clone()), Got::Message(message));
    }
    assert!(xpub.then.is_empty());
}

#[test]
fn xpub_whose_subscriber_left_reports_the_topics_that_only_it_had() {
    let mut xpub = Driven::<XpubPattern>::with_peers(2);
    for (n, topic) in [(0, "a"), (0, "b"), (0, "bc"), (1, "b")] {
        command(&mut xpub, n, subscribe(topic));
    }
    xpub.detach(0);
    let mut reported = reports(&mut xpub);
    reported.sort();
    assert_eq!(reported, ["\u{0}a", "\u{0}bc"]);
    assert_eq!(xpub.pattern.topics(), 1);
}

#[test]
fn xpub_whose_dialed_subscriber_lost_its_connection_reports_at_once() {
    let mut xpub = Driven::<XpubPattern>::default();
    xpub.dial(0).unwrap();
    xpub.hiccup(0, "").unwrap();
    command(&mut xpub, 0, subscribe("a"));
    xpub.lose(0);
    assert_eq!(reports(&mut xpub), ["\u{0}a"]);
    xpub.hiccup(0, "").unwrap();
    assert!(reports(&mut xpub).is_empty());
    assert_eq!(command(&mut xpub, 0, subscribe("a")), ["\u{1}a"]);
}

proptest! {
    /// Whatever peers do, replaying the reports gives the set of topics with subscribers.
    #[test]
    fn xpub_reports_replayed_give_the_topics_in_force(
        steps in prop::collection::vec((0..3_u8, 0..3_u32, "[ab]{0,2}"), 1..80),
    ) {
        let mut xpub = Driven::<XpubPattern>::with_peers(3);
        let mut model = BTreeMap::<String, BTreeSet<u32>>::new();
        let mut replayed = BTreeSet::new();
        for (step, n, topic) in steps {
            match step {
                0 => {
                    xpub.pattern.command(pipe(n), subscribe(&topic), &mut xpub.then);
                    model.entry(topic).or_default().insert(n);
                }
                1 => {
                    xpub.pattern.command(pipe(n), cancel(&topic), &mut xpub.then);
                    model.entry(topic).or_default().remove(&n);
                }
                _ => {
                    xpub.detach(n);
                    xpub.accept(n, "").unwrap();
                    model.values_mut().for_each(|pipes| { pipes.remove(&n); });
                }
            }
            model.retain(|_, pipes| !pipes.is_empty());
            for report in reports(&mut xpub) {
                let topic = report[1..].to_owned();
                match report.as_bytes()[0] {
                    1 => prop_assert!(replayed.insert(topic)),
                    _ => prop_assert!(replayed.remove(&topic)),
                }
            }
            prop_assert!(replayed.iter().eq(model.keys()));
        }
    }
}

#[test]
fn xpub_that_looks_at_the_first_part_only_ignores_the_others() {
    for (first_only, topics) in [(false, 2), (true, 1)] {
        let settings = XpubSettings {
            first_only,
            ..XpubSettings::default()
        };
        let mut xpub = Driven {
            pattern: XpubPattern::from(settings),
            then: Actions::default(),
        };
        xpub.accept(0, "").unwrap();
        let got = xpub.admit(0, Message::from(["\u{1}a", "\u{1}b"]));
        assert_eq!(got, Got::Done);
        assert_eq!(xpub.pattern.topics(), topics);
    }
}
