//! PUB without a network: who is given what, and what full subscribers miss.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fixtures::{cancel, receivers, subscribe};
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

fn command(publisher: &mut Driven<PubPattern>, n: u32, command: Command) {
    publisher
        .pattern
        .command(pipe(n), command, &mut publisher.then);
}

fn publisher(topics: &[&str]) -> Driven<PubPattern> {
    let mut publisher = Driven::with_peers(topics.len() as u32);
    for (n, topic) in (0..).zip(topics) {
        command(&mut publisher, n, subscribe(topic));
    }
    publisher
}

#[test]
fn pub_without_subscribers_drops_as_unwanted() {
    let mut publisher = Driven::<PubPattern>::with_peers(2);
    assert_eq!(publisher.send("x"), Sent::Each(vec![], 0));
    assert!(publisher.readiness().send && !publisher.readiness().receive);
}

#[test]
fn pub_sends_to_those_whose_topic_begins_the_first_part() {
    let mut publisher = publisher(&["a", "ab", "b", ""]);
    assert_eq!(receivers(publisher.send(parts(["abc", "b"]))), [0, 1, 3]);
    assert_eq!(receivers(publisher.send("b")), [2, 3]);
    assert_eq!(receivers(publisher.send("")), [3]);
}

#[test]
fn pub_with_two_matching_topics_of_a_peer_sends_once() {
    let mut publisher = publisher(&["a"]);
    command(&mut publisher, 0, subscribe("ab"));
    assert_eq!(receivers(publisher.send("abc")), [0]);
    assert_eq!(publisher.pattern.topics(), 2);
}

#[test]
fn pub_after_cancel_sends_no_more_however_often_it_was_subscribed() {
    let mut publisher = publisher(&["a", "a"]);
    command(&mut publisher, 0, subscribe("a"));
    command(&mut publisher, 0, cancel("a"));
    assert_eq!(receivers(publisher.send("a")), [1]);
}

#[test]
fn pub_with_a_cancel_that_comes_first_ignores_it() {
    let mut publisher = publisher(&["a"]);
    command(&mut publisher, 0, cancel(""));
    command(&mut publisher, 0, cancel("b"));
    assert_eq!(receivers(publisher.send("a")), [0]);
}

#[test]
fn pub_with_a_full_subscriber_counts_its_loss_and_serves_the_others() {
    let mut publisher = publisher(&["", "", ""]);
    let sent = publisher.send_within("x", &|p| p != pipe(1));
    assert!(matches!(sent, Sent::Each(_, 1)));
    assert_eq!(receivers(sent), [0, 2]);
    let Sent::Each(_, skipped) = publisher.send("x") else {
        panic!("a publisher never waits");
    };
    assert_eq!(skipped, 1);
    publisher.pattern.writable(pipe(1));
    assert_eq!(receivers(publisher.send("x")), [0, 1, 2]);
}

#[test]
fn pub_with_all_subscribers_full_never_waits() {
    let mut publisher = publisher(&["", ""]);
    assert_eq!(
        publisher.send_within("x", &|_| false),
        Sent::Each(vec![], 2)
    );
    assert!(publisher.pattern.readiness(&|_: PipeId| false).send);
}

#[test]
fn pub_understands_subscriptions_sent_as_messages() {
    let mut publisher = Driven::<PubPattern>::with_peers(1);
    assert_eq!(publisher.admit(0, "\u{1}a"), Got::Done);
    assert_eq!(receivers(publisher.send("abc")), [0]);
    assert_eq!(publisher.admit(0, "\u{0}a"), Got::Done);
    assert_eq!(receivers(publisher.send("abc")), [] as [usize; 0]);
}

#[test]
fn pub_drops_what_subscribers_send_otherwise() {
    let mut publisher = Driven::<PubPattern>::with_peers(1);
    for junk in [parts(["junk"]), parts([""]), parts(["a", "\u{1}b"])] {
        assert_eq!(publisher.admit(0, junk), Got::Skipped(Dropped::Unwanted));
    }
    command(
        &mut publisher,
        0,
        Command::Ping {
            ttl: Default::default(),
            context: Default::default(),
        },
    );
    assert_eq!(publisher.pattern.topics(), 0);
    assert!(publisher.then.is_empty());
}

#[test]
fn pub_whose_subscriber_left_forgets_it() {
    let mut publisher = publisher(&["a", "a"]);
    publisher.detach(0);
    assert_eq!(receivers(publisher.send("a")), [1]);
    publisher.detach(1);
    assert_eq!(publisher.pattern.topics(), 0);
}

#[test]
fn pub_whose_dialed_subscriber_lost_its_connection_waits_for_it_to_subscribe_again() {
    let mut publisher = Driven::<PubPattern>::default();
    publisher.dial(0).unwrap();
    publisher.hiccup(0, "").unwrap();
    command(&mut publisher, 0, subscribe("a"));
    assert_eq!(receivers(publisher.send("a")), [0]);
    publisher.lose(0);
    assert_eq!(publisher.send("a"), Sent::Each(vec![], 0));
    publisher.hiccup(0, "").unwrap();
    assert_eq!(publisher.send("a"), Sent::Each(vec![], 0));
    command(&mut publisher, 0, subscribe("a"));
    assert_eq!(receivers(publisher.send("a")), [0]);
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(u32, String),
    Cancel(u32, String),
    Replace(u32),
    Fill(u32),
    Drain(u32),
    Send(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u32, "[ab]{0,3}").prop_map(|(n, topic)| Step::Subscribe(n, topic)),
        2 => (0..4_u32, "[ab]{0,3}").prop_map(|(n, topic)| Step::Cancel(n, topic)),
        1 => (0..4_u32).prop_map(Step::Replace),
        1 => (0..4_u32).prop_map(Step::Fill),
        1 => (0..4_u32).prop_map(Step::Drain),
        4 => "[ab]{0,4}".prop_map(Step::Send),
    ]
}

proptest! {
    /// Against a set of (subscriber, topic) and a set of full subscribers.
    #[test]
    fn pub_after_any_steps_agrees_with_the_model(steps in prop::collection::vec(step(), 1..100)) {
        let mut publisher = Driven::<PubPattern>::with_peers(4);
        let (mut model, mut full) = (BTreeSet::<(usize, String)>::new(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Subscribe(n, topic) => {
                    command(&mut publisher, n, subscribe(&topic));
                    model.insert((n as usize, topic));
                }
                Step::Cancel(n, topic) => {
                    command(&mut publisher, n, cancel(&topic));
                    model.remove(&(n as usize, topic));
                }
                Step::Replace(n) => {
                    publisher.detach(n);
                    publisher.accept(n, "").unwrap();
                    model.retain(|(other, _)| *other != n as usize);
                    full.remove(&(n as usize));
                }
                Step::Fill(n) => {
                    full.insert(n as usize);
                }
                Step::Drain(n) => {
                    full.remove(&(n as usize));
                    publisher.pattern.writable(pipe(n));
                }
                Step::Send(text) => {
                    let matching = model.iter().filter(|(_, topic)| text.starts_with(topic));
                    let wanted: BTreeSet<_> = matching.map(|(n, _)| *n).collect();
                    let given: Vec<_> = wanted.difference(&full).copied().collect();
                    let room = |p: PipeId| !full.contains(&p.index());
                    let sent = publisher.send_within(text.as_str(), &room);
                    let missed = wanted.len() - given.len();
                    prop_assert!(matches!(sent, Sent::Each(_, skipped) if skipped == missed));
                    prop_assert_eq!(receivers(sent), given);
                }
            }
        }
    }
}
