//! Subscriptions: what is asked for, and no longer, between every publisher and subscriber.

use ferromq::SocketType::{Pub, Sub, Xpub, Xsub};

use super::joined::Joined;
use super::stage::Stage;
use crate::case::{Case, case};

pub(super) const CASES: &[Case<Stage>] = &[case!(
    topics_are_prefixes_that_can_be_taken_back,
    "29/pub-prefix",
    "29/pub-subscriptions",
    "29/xpub-prefix",
    "29/xpub-subscriptions",
    "29/xpub-tells",
    "29/xsub-commands",
    "29/xsub-subscriptions",
    "37/filter-at-publisher",
    "37/subscribe",
    "37/cancel",
    "37/prefix",
    "37/additive",
)];

/// Topics that mark the end of something.
const FENCES: [&str; 3] = ["f0", "f1", "f2"];

/// `b`, `a`, `ab`, `abc`, nothing, and `ab` in the second part alone.
const MESSAGES: [&str; 6] = ["62", "61", "6162 62", "616263", "-", "62 6162"];

/// Publisher and subscriber.
pub(super) fn is_stage(stage: &Stage) -> bool {
    stage.is_legal() && matches!(stage.ours, Pub | Xpub | Sub | Xsub)
}

pub(super) fn topics_are_prefixes_that_can_be_taken_back(stage: &Stage) {
    let joined = Joined::with_topics(stage, &["61", "6162", FENCES[0]]);
    let subscriber = &joined.second().socket;
    arrive(&joined, FENCES[0], &["61", "6162 62", "616263"]);
    subscriber.unsubscribe("61");
    subscriber.subscribe(FENCES[1]);
    arrive(&joined, FENCES[1], &["6162 62", "616263"]);
    subscriber.unsubscribe("6162");
    subscriber.subscribe(FENCES[2]);
    arrive(&joined, FENCES[2], &[]);
    if joined.first().socket.kind == Xpub {
        let all = ["0161", "016162", "01f0", "0061", "01f1", "006162", "01f2"];
        let mut told = joined.told();
        // What was wanted before there was a connection comes in an order of the subscriber's.
        if let Some(first) = told.get_mut(..3) {
            first.sort();
        }
        assert_eq!(told, all);
    }
}

/// Exactly these of all messages arrive. A fence is the topic that was subscribed to last.
#[track_caller]
fn arrive(joined: &Joined, fence: &str, expected: &[&str]) {
    joined.await_topic(fence);
    let (publisher, subscriber) = (&joined.first().socket, &joined.second().socket);
    for message in MESSAGES.iter().chain([&fence]) {
        publisher.send(message);
    }
    let received: Vec<String> = std::iter::from_fn(|| Some(subscriber.recv()))
        .take_while(|message| message != fence)
        .collect();
    assert_eq!(received, expected);
}
