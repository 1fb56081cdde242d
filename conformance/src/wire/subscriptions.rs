//! Subscribing and cancelling: commands since 3.1, messages before.

use ferromq::{Bytes, SocketType};
use ferromq_testkit::mock::Frames;
use ferromq_testkit::{MockPeer, frames};
use ferromq_wire::Command;

use super::stage::{Stage, Subject};
use crate::case::{Case, case, skip};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        subscriber_sends_commands_to_3_1_and_messages_to_3_0,
        "37/subscribe",
        "37/cancel",
        "37/filter-at-publisher",
        "23/subscribe",
        "23/cancel",
        "23/filter-at-publisher",
    ),
    case!(
        command_of_more_than_255_octets_is_long,
        "37/short-command",
        "37/long-command",
        "23/long-frame"
    ),
    case!(
        subscriber_counts_and_cancels_once,
        "37/counted",
        "23/counted"
    ),
    case!(
        publisher_sends_what_begins_with_a_topic,
        "37/prefix",
        "37/empty-topic",
        "37/filter-at-publisher",
        "37/subscribe",
        "23/prefix",
        "23/empty-topic",
        "23/filter-at-publisher",
        "23/subscribe",
    ),
    case!(topics_of_a_peer_add_up, "37/additive", "23/additive"),
    case!(
        publisher_stops_at_a_cancel,
        "37/cancel",
        "37/counted",
        "23/cancel",
        "23/counted"
    ),
];

fn subscribe(topic: &[u8]) -> Command {
    Command::Subscribe(Bytes::copy_from_slice(topic))
}

fn cancel(topic: &[u8]) -> Command {
    Command::Cancel(Bytes::copy_from_slice(topic))
}

fn subscriber_sends_commands_to_3_1_and_messages_to_3_0(stage: &Stage) {
    for socket_type in [SocketType::Sub, SocketType::Xsub] {
        for topic in [&b""[..], b"a", b"\0\x01", &[0xFF; 200]] {
            let subject = stage.own_socket(socket_type);
            let mut peer = subject.meet((3, 1));
            subject.request(subscribe(topic));
            subject.request(cancel(topic));
            peer.expect(frames::subscribe(topic).then(frames::cancel(topic)));

            let subject = stage.own_socket(socket_type);
            let mut peer = subject.meet((3, 0));
            subject.request(subscribe(topic));
            subject.request(cancel(topic));
            peer.expect(frames::subscribe_message(topic).then(frames::cancel_message(topic)));
        }
    }
}

/// A body of 255 octets and one of 256; and the same as messages, where the octet before the topic
/// counts.
fn command_of_more_than_255_octets_is_long(stage: &Stage) {
    for length in [245, 246, 254, 255, 1_000, 60_000] {
        let topic = vec![b't'; length];
        let subject = stage.own_socket(SocketType::Sub);
        let mut peer = subject.meet((3, 1));
        subject.request(subscribe(&topic));
        peer.expect(frames::subscribe(&topic));
        let subject = stage.own_socket(SocketType::Sub);
        let mut peer = subject.meet((3, 0));
        subject.request(subscribe(&topic));
        peer.expect(frames::subscribe_message(&topic));
    }
}

fn subscriber_counts_and_cancels_once(stage: &Stage) {
    if stage.is_memory() {
        skip("the pattern counts, which is not there");
    }
    for socket_type in [SocketType::Sub, SocketType::Xsub] {
        let subject = stage.own_socket(socket_type);
        let mut peer = subject.meet((3, 1));
        let requests = [
            subscribe(b"a"),
            subscribe(b"a"),
            cancel(b"a"),
            subscribe(b"b"),
        ];
        requests
            .into_iter()
            .for_each(|request| subject.request(request));
        subject.request(cancel(b"a"));
        let expected = [
            frames::subscribe("a"),
            frames::subscribe("a"),
            frames::subscribe("b"),
            frames::cancel("a"),
        ];
        peer.expect(expected.into_iter().reduce(Frames::then).unwrap());
    }
}

/// Both forms of a request, by peers of both versions: each publisher takes each of them.
fn publishers(stage: &Stage, check: impl Fn(&Subject, &mut MockPeer, Form)) {
    if stage.is_memory() {
        skip("the pattern filters, which is not there");
    }
    for socket_type in [SocketType::Pub, SocketType::Xpub] {
        for (version, form) in [
            ((3, 1), Form::Command),
            ((3, 1), Form::Message),
            ((3, 0), Form::Command),
            ((3, 0), Form::Message),
        ] {
            let subject = stage.own_socket(socket_type);
            let mut peer = subject.meet(version);
            check(&subject, &mut peer, form);
        }
    }
}

#[derive(Clone, Copy)]
enum Form {
    Command,
    Message,
}

impl Form {
    fn subscribe(self, topic: &str) -> Frames {
        match self {
            Self::Command => frames::subscribe(topic),
            Self::Message => frames::subscribe_message(topic),
        }
    }

    fn cancel(self, topic: &str) -> Frames {
        match self {
            Self::Command => frames::cancel(topic),
            Self::Message => frames::cancel_message(topic),
        }
    }
}

/// Sends requests; they are in force when this returns, for the PING behind them is answered.
#[track_caller]
fn request(peer: &mut MockPeer, requests: Frames) {
    peer.send(requests.then(frames::ping(0, "in force?")));
    peer.expect(frames::pong("in force?"));
}

fn publisher_sends_what_begins_with_a_topic(stage: &Stage) {
    publishers(stage, |subject, peer, form| {
        subject.send("news before");
        request(peer, form.subscribe("news").then(form.subscribe("x\0")));
        for text in ["new", "old news", "News", "news", "newsletter", "x", "x\0y"] {
            subject.send(text);
        }
        subject.send(["weather", "news"]);
        subject.send(["news", "", "parts"]);
        let expected = [
            ["news"].as_slice(),
            &["newsletter"],
            &["x\0y"],
            &["news", "", "parts"],
        ];
        expected
            .into_iter()
            .for_each(|parts| peer.expect(frames::msg(parts)));
        request(peer, form.subscribe(""));
        subject.send("");
        subject.send("anything");
        peer.expect(frames::msg([""]).then(frames::msg(["anything"])));
    });
}

fn topics_of_a_peer_add_up(stage: &Stage) {
    publishers(stage, |subject, peer, form| {
        let topics = ["", "a", "ab", "abc"].map(|topic| form.subscribe(topic));
        request(peer, topics.into_iter().reduce(Frames::then).unwrap());
        subject.send("abcd");
        subject.send("end");
        peer.expect(frames::msg(["abcd"]).then(frames::msg(["end"])));
    });
}

/// Whether the topic was subscribed to once or twice; what another topic matches still comes.
fn publisher_stops_at_a_cancel(stage: &Stage) {
    publishers(stage, |subject, peer, form| {
        request(
            peer,
            form.subscribe("a")
                .then(form.subscribe("a"))
                .then(form.subscribe("ab")),
        );
        request(peer, form.cancel("a").then(form.cancel("unknown")));
        ["a", "ac", "ab"]
            .into_iter()
            .for_each(|text| subject.send(text));
        peer.expect(frames::msg(["ab"]));
        request(peer, form.cancel("ab").then(form.subscribe("end")));
        ["ab", "end"]
            .into_iter()
            .for_each(|text| subject.send(text));
        peer.expect(frames::msg(["end"]));
    });
}
