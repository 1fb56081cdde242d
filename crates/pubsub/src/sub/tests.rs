//! SUB without a network: counting, telling the publishers, filtering.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::fixtures::{cancel, commands, subscribe};
use ferromq_core::{Action, Command};
use ferromq_testkit::driven::{Driven, Got, Sent, parts, pipe};

/// The socket's own operations.
trait Subscribes {
    fn subscribe(&mut self, topic: &str);
    fn unsubscribe(&mut self, topic: &str) -> Result<(), NotSubscribed>;
}

impl Subscribes for Driven<SubPattern> {
    fn subscribe(&mut self, topic: &str) {
        self.pattern.subscribe(topic.as_bytes(), &mut self.then);
    }

    fn unsubscribe(&mut self, topic: &str) -> Result<(), NotSubscribed> {
        self.pattern.unsubscribe(topic.as_bytes(), &mut self.then)
    }
}

/// What a publisher was told, replayed.
#[derive(Default)]
struct Publisher {
    topics: BTreeSet<Vec<u8>>,
}

impl Publisher {
    /// True if more is to come.
    fn hear(&mut self, sub: &mut Driven<SubPattern>) -> bool {
        let mut more = false;
        for action in sub.actions() {
            match action {
                Action::Command(_, Command::Subscribe(topic))
                | Action::Request(_, Command::Subscribe(topic)) => {
                    self.topics.insert(topic.to_vec());
                }
                Action::Request(_, Command::Cancel(topic)) => {
                    self.topics.remove(&topic[..]);
                }
                Action::Refill(_) => more = true,
                other => panic!("unexpected {other:?}"),
            }
        }
        more
    }
}

const UNWANTED: Got = Got::Skipped(Dropped::Unwanted);

#[test]
fn sub_without_subscriptions_receives_nothing() {
    let mut sub = Driven::<SubPattern>::with_peers(1);
    assert_eq!(sub.receive(0, "x"), UNWANTED);
    assert_eq!(sub.receive(0, ""), UNWANTED);
}

#[test]
fn sub_receives_whole_messages_whose_first_part_begins_with_a_topic() {
    let mut sub = Driven::<SubPattern>::with_peers(1);
    sub.subscribe("ab");
    let message = parts(["abc", "x"]);
    assert_eq!(sub.receive(0, message.clone()), Got::Message(message));
    assert_eq!(sub.receive(0, parts(["a", "ab"])), UNWANTED);
    sub.subscribe("");
    assert_eq!(sub.receive(0, ""), Got::Message("".into()));
}

#[test]
fn sub_tells_every_publisher_each_time_it_subscribes() {
    let mut sub = Driven::<SubPattern>::with_peers(2);
    sub.subscribe("a");
    sub.subscribe("a");
    let expected: Vec<_> = [0, 1, 0, 1].map(|n| (n, subscribe("a"))).into();
    assert_eq!(commands(&mut sub), expected);
}

#[test]
fn sub_subscribed_twice_cancels_with_the_second_unsubscribe() {
    let mut sub = Driven::<SubPattern>::with_peers(1);
    sub.subscribe("a");
    sub.subscribe("a");
    commands(&mut sub);
    assert_eq!(sub.unsubscribe("a"), Ok(()));
    assert_eq!(commands(&mut sub), []);
    assert_eq!(sub.receive(0, "a"), Got::Message("a".into()));
    assert_eq!(sub.unsubscribe("a"), Ok(()));
    assert_eq!(commands(&mut sub), [(0, cancel("a"))]);
    assert_eq!(sub.receive(0, "a"), UNWANTED);
}

#[test]
fn sub_unsubscribing_what_it_did_not_subscribe_to_is_an_error_without_effect() {
    let mut sub = Driven::<SubPattern>::with_peers(1);
    sub.subscribe("ab");
    commands(&mut sub);
    for topic in ["a", "abc", ""] {
        assert_eq!(sub.unsubscribe(topic), Err(NotSubscribed));
    }
    assert_eq!(commands(&mut sub), []);
    assert_eq!(sub.receive(0, "ab"), Got::Message("ab".into()));
}

#[test]
fn sub_subscribes_at_a_publisher_that_comes_later() {
    let mut sub = Driven::<SubPattern>::default();
    sub.subscribe("a");
    sub.accept(0, "").unwrap();
    assert_eq!(commands(&mut sub), [(0, subscribe("a"))]);
}

#[test]
fn sub_subscribes_at_a_dialed_publisher_at_every_connection_each_topic_once() {
    let mut sub = Driven::<SubPattern>::default();
    sub.subscribe("a");
    sub.subscribe("a");
    sub.dial(0).unwrap();
    assert_eq!(commands(&mut sub), []);
    for _ in 0..2 {
        sub.hiccup(0, "").unwrap();
        assert_eq!(commands(&mut sub), [(0, subscribe("a"))]);
        sub.lose(0);
    }
}

#[test]
fn sub_tells_a_long_list_in_pieces_as_the_publisher_takes_them() {
    let mut sub = Driven::<SubPattern>::default();
    (0..2000).for_each(|n| sub.subscribe(&n.to_string()));
    sub.dial(0).unwrap();
    sub.hiccup(0, "").unwrap();
    let mut told = Publisher::default();
    let mut pieces = 0;
    while told.hear(&mut sub) {
        pieces += 1;
        sub.refill(0);
    }
    assert!(pieces > 5, "{pieces}");
    assert_eq!(told.topics.len(), 2000);
    sub.refill(0);
    assert!(sub.actions().is_empty());
}

#[test]
fn sub_begins_anew_at_the_next_connection_and_ends_with_the_pipe() {
    let mut sub = Driven::<SubPattern>::default();
    (0..2000).for_each(|n| sub.subscribe(&n.to_string()));
    sub.dial(0).unwrap();
    for _ in 0..2 {
        sub.hiccup(0, "").unwrap();
        assert!(Publisher::default().hear(&mut sub));
        sub.lose(0);
        sub.refill(0);
        assert!(sub.actions().is_empty());
    }
    sub.hiccup(0, "").unwrap();
    sub.actions();
    sub.detach(0);
    sub.refill(0);
    assert!(sub.actions().is_empty());
}

#[test]
fn sub_does_not_tell_a_publisher_that_left() {
    let mut sub = Driven::<SubPattern>::with_peers(2);
    sub.detach(0);
    sub.subscribe("a");
    assert_eq!(commands(&mut sub), [(1, subscribe("a"))]);
}

#[test]
fn sub_with_flooding_publishers_takes_turns_over_unwanted_messages_too() {
    let mut sub = Driven::<SubPattern>::with_peers(2);
    sub.subscribe("a");
    (0..2).for_each(|n| sub.pattern.readable(pipe(n)));
    for (n, text, expected) in [(0, "b", UNWANTED), (1, "a", Got::Message("a".into()))] {
        assert_eq!(sub.pattern.next(), Ok(Some(pipe(n))));
        assert_eq!(sub.receive(n, text), expected);
    }
    assert_eq!(sub.pattern.next(), Ok(Some(pipe(0))));
}

#[test]
fn sub_sends_nothing() {
    let mut sub = Driven::<SubPattern>::with_peers(1);
    assert_eq!(sub.send("x"), Sent::Refused(Refused::WrongState));
    assert!(!sub.readiness().send && sub.readiness().receive);
}

proptest! {
    /// Against a counted set: what a publisher was told, replayed, is what is subscribed to, and
    /// exactly the messages that match it are received.
    #[test]
    fn sub_after_any_steps_agrees_with_the_model(
        steps in prop::collection::vec((0..4_u8, "[ab]{0,3}"), 1..80),
    ) {
        let mut sub = Driven::<SubPattern>::default();
        sub.dial(0).unwrap();
        let (mut model, mut told) = (BTreeMap::<String, usize>::new(), Publisher::default());
        for (step, topic) in steps {
            match step {
                0 => {
                    sub.subscribe(&topic);
                    *model.entry(topic.clone()).or_default() += 1;
                }
                1 => {
                    let left = model.get_mut(&topic).map(|count| *count -= 1);
                    prop_assert_eq!(sub.unsubscribe(&topic), left.ok_or(NotSubscribed));
                    model.retain(|_, count| *count > 0);
                }
                2 => {
                    told.topics.clear();
                    sub.hiccup(0, "").unwrap();
                }
                _ => {
                    let wanted = model.keys().any(|prefix| topic.starts_with(prefix));
                    let got = sub.receive(0, topic.as_str());
                    prop_assert_eq!(matches!(got, Got::Message(_)), wanted);
                }
            }
            prop_assert!(!told.hear(&mut sub));
            prop_assert!(told.topics.iter().eq(model.keys().map(String::as_bytes)));
        }
    }

    /// Topics of which two or three make a piece, so that they come, go and are told in any order:
    /// what a publisher has heard in the end is what is subscribed to.
    #[test]
    fn sub_telling_in_pieces_while_topics_change_agrees_with_the_model(
        steps in prop::collection::vec((0..8_u8, 0..12_u8), 1..200),
    ) {
        let mut sub = Driven::<SubPattern>::default();
        sub.dial(0).unwrap();
        let (mut model, mut told) = (BTreeMap::<String, usize>::new(), Publisher::default());
        let (mut connected, mut more) = (false, false);
        for (step, number) in steps {
            let topic = char::from(b'a' + number).to_string().repeat(7000);
            match step {
                0..=2 => {
                    sub.subscribe(&topic);
                    *model.entry(topic).or_default() += 1;
                }
                3..=4 => {
                    let left = model.get_mut(&topic).map(|count| *count -= 1);
                    prop_assert_eq!(sub.unsubscribe(&topic), left.ok_or(NotSubscribed));
                    model.retain(|_, count| *count > 0);
                }
                5 if connected => {
                    sub.lose(0);
                    (connected, more) = (false, false);
                }
                5 => {
                    told.topics.clear();
                    sub.hiccup(0, "").unwrap();
                    connected = true;
                }
                _ if more => sub.refill(0),
                // A hint of an earlier connection.
                _ => {
                    sub.refill(0);
                    prop_assert!(sub.actions().is_empty());
                }
            }
            if connected {
                more = told.hear(&mut sub) || more && !matches!(step, 6..);
            } else {
                sub.actions();
            }
        }
        while connected && more {
            sub.refill(0);
            more = told.hear(&mut sub);
        }
        prop_assert!(!connected || told.topics.iter().eq(model.keys().map(String::as_bytes)));
    }
}

/// The echoes asked for so far: who, under which number.
fn echoes(sub: &mut Driven<SubPattern>) -> Vec<(PipeId, u64)> {
    let asked = |action| match action {
        Action::Echo(pipe, number) => Some((pipe, number)),
        _ => None,
    };
    sub.actions().into_iter().filter_map(asked).collect()
}

#[test]
fn subscription_is_confirmed_by_the_echo_behind_it() {
    let mut sub = Driven::<SubPattern>::with_peers(2);
    assert_eq!(echoes(&mut sub), [], "nobody has asked");
    sub.subscribe("a");
    let number = sub.pattern.subscriber.ask(&mut sub.then);
    let asked = sub.actions();
    let subscribed = |action: &Action| matches!(action, Action::Request(..));
    assert!(asked[..2].iter().all(subscribed), "{asked:?}");
    assert_eq!(sub.pattern.look_for(number, 1), Err(0));
    sub.pattern.echoed(pipe(1), number);
    sub.pattern.echoed(pipe(1), number);
    assert_eq!(sub.pattern.look_for(number, 1), Ok(()));
    assert_eq!(sub.pattern.look_for(number, 2), Err(1));
    sub.pattern.echoed(pipe(0), number + 1);
    assert_eq!(
        sub.pattern.look_for(number, 2),
        Err(1),
        "a number of nobody"
    );
    sub.detach(1);
    assert_eq!(sub.pattern.look_for(number, 1), Err(0));
}

#[test]
fn later_connection_confirms_what_was_subscribed_to_before() {
    let mut sub = Driven::<SubPattern>::default();
    sub.dial(0).unwrap();
    sub.subscribe("a");
    let number = sub.pattern.subscriber.ask(&mut sub.then);
    let lost = echoes(&mut sub);
    assert_eq!(lost, [(pipe(0), number)]);
    sub.hiccup(0, "").unwrap();
    let [(_, first)] = echoes(&mut sub)[..] else {
        panic!("one echo behind the topics");
    };
    sub.lose(0);
    sub.pattern.echoed(pipe(0), first);
    assert_eq!(sub.pattern.look_for(number, 1), Err(0), "that was before");
    sub.hiccup(0, "").unwrap();
    let [(_, second)] = echoes(&mut sub)[..] else {
        panic!("one echo behind the topics");
    };
    sub.pattern.echoed(pipe(0), first);
    assert_eq!(sub.pattern.look_for(number, 1), Err(0), "late");
    sub.pattern.echoed(pipe(0), second);
    assert_eq!(sub.pattern.look_for(number, 1), Ok(()));
}
