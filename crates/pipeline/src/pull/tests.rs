//! PULL without a network: fairness and order.

use std::collections::VecDeque;

use ferromq_core::Message;
use proptest::prelude::*;

use super::*;
use ferromq_testkit::driven::{Driven, Got, Sent, pipe};

#[test]
fn pull_without_messages_has_none_next() {
    let mut pull = Driven::<PullPattern>::with_peers(2);
    assert_eq!(pull.pattern.next(), Ok(None));
    assert!(pull.readiness().receive);
}

#[test]
fn pull_with_two_flooding_peers_takes_turns() {
    let mut pull = Driven::<PullPattern>::with_peers(2);
    pull.pattern.readable(pipe(1));
    pull.pattern.readable(pipe(0));
    for expected in [1, 0, 1, 0] {
        assert_eq!(pull.pattern.next(), Ok(Some(pipe(expected))));
        let message = Message::from(["a", "b"]);
        assert_eq!(
            pull.receive(expected, message.clone()),
            Got::Message(message)
        );
    }
}

#[test]
fn pull_after_detach_forgets_the_peer() {
    let mut pull = Driven::<PullPattern>::with_peers(1);
    pull.pattern.readable(pipe(0));
    pull.detach(0);
    assert_eq!(pull.pattern.next(), Ok(None));
}

#[test]
fn pull_sends_nothing() {
    let mut pull = Driven::<PullPattern>::with_peers(1);
    assert_eq!(pull.send("x"), Sent::Refused(Refused::WrongState));
    assert!(!pull.readiness().send);
}

proptest! {
    /// Against queues: everything arrives, in order per peer, and no peer that has messages is
    /// served twice before another that had messages all the time.
    #[test]
    fn pull_after_any_arrivals_is_complete_ordered_and_fair(
        steps in prop::collection::vec(prop::option::of(0..4_u32), 1..120),
    ) {
        let mut pull = Driven::<PullPattern>::with_peers(4);
        let mut queues = [const { VecDeque::<u64>::new() }; 4];
        let mut waited = [0; 4];
        for (number, step) in steps.into_iter().enumerate() {
            if let Some(n) = step {
                queues[n as usize].push_back(number as u64);
                pull.pattern.readable(pipe(n));
                continue;
            }
            let Some(next) = pull.pattern.next().unwrap() else {
                prop_assert!(queues.iter().all(VecDeque::is_empty));
                continue;
            };
            let n = next.index();
            let number = queues[n].pop_front().expect("only readable peers are named");
            let message = Message::from(number.to_string());
            prop_assert_eq!(pull.receive(n as u32, message.clone()), Got::Message(message));
            if queues[n].is_empty() {
                pull.pattern.drained(next);
            }
            for (other, queue) in queues.iter().enumerate() {
                waited[other] = if other == n || queue.is_empty() { 0 } else { waited[other] + 1 };
                prop_assert!(waited[other] < 4);
            }
        }
    }
}
