//! A whole conversation, cut at every octet: in two pieces, in single octets, and short of its
//! rest.

use ferromq::{Event, Message, Reason, SocketType};
use ferromq_testkit::frames;
use ferromq_testkit::mock::Frames;
use ferromq_wire::Incoming;

use super::stage::{Stage, Subject};
use crate::case::{Case, case};
use crate::socket::WAIT;

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        conversation_in_two_pieces_is_understood_wherever_it_is_cut,
        "37/frame-size",
        "37/message-atomic",
        "23/frame-size",
        "23/message-atomic",
    ),
    case!(
        conversation_in_single_octets_is_understood,
        "37/frame-size",
        "37/message-atomic",
        "23/frame-size",
        "23/message-atomic",
    ),
    case!(
        conversation_that_ends_anywhere_delivers_its_whole_messages,
        "37/message-atomic",
        "37/atomic",
        "23/message-atomic",
        "23/atomic",
    ),
];

/// What a DEALER says, by its frames: greeting, READY, messages of every shape, and commands.
fn conversation() -> Vec<Frames> {
    let long = [&[0x02][..], &3_u64.to_be_bytes(), b"abc"].concat();
    vec![
        frames::greeting(),
        frames::ready_with("DEALER", &[("Identity", b"me"), ("X-a", b"")]),
        frames::msg(["one"]),
        frames::msg(["", "two", "parts"]),
        // It may be silent for a minute.
        frames::ping(600, "context"),
        frames::msg([[7_u8; 256]]),
        frames::raw(long),
        frames::command("UNKNOWN", b"data"),
        frames::msg([""]),
    ]
}

/// The messages in it.
fn messages() -> Vec<Message> {
    vec![
        Message::from("one"),
        Message::from(["", "two", "parts"]),
        Message::from(vec![7; 256]),
        Message::from("abc"),
        Message::from(""),
    ]
}

fn whole() -> Vec<u8> {
    conversation()
        .iter()
        .flat_map(|frames| frames.bytes().to_vec())
        .collect()
}

/// Exactly these messages are delivered, and no more.
#[track_caller]
fn expect_messages(subject: &Subject, expected: &[Message]) {
    if let Some(delivered) = subject.delivered() {
        let messages: Vec<Message> = {
            let messages = delivered.into_iter().filter_map(|incoming| match incoming {
                Incoming::Message(message) => Some(message),
                Incoming::Command(_) | Incoming::Bundle(_) => None,
            });
            messages.collect()
        };
        assert_eq!(messages, expected);
        return;
    }
    expected
        .iter()
        .for_each(|message| subject.expect_message(message));
    subject.expect_nothing();
}

fn conversation_in_two_pieces_is_understood_wherever_it_is_cut(stage: &Stage) {
    let bytes = whole();
    for at in 1..bytes.len() {
        let subject = stage.own_socket(SocketType::Dealer);
        let mut peer = subject.dial();
        peer.send_raw(&bytes[..at]);
        peer.next_greeting();
        peer.send_raw(&bytes[at..]);
        expect_messages(&subject, &messages());
    }
}

fn conversation_in_single_octets_is_understood(stage: &Stage) {
    let subject = stage.own_socket(SocketType::Dealer);
    let mut peer = subject.dial();
    whole().iter().for_each(|octet| peer.send_raw([*octet]));
    expect_messages(&subject, &messages());
}

/// However short: what was whole is delivered, the rest is not, and it was the peer who ended.
fn conversation_that_ends_anywhere_delivers_its_whole_messages(stage: &Stage) {
    let bytes = whole();
    for end in 0..bytes.len() {
        let subject = stage.own_socket(SocketType::Dealer);
        let events = subject.live().map(|socket| socket.events());
        let mut peer = subject.dial();
        peer.next_greeting();
        peer.send_raw(&bytes[..end]);
        peer.end();
        if let Some(events) = events {
            let ended = |event: &Event| {
                matches!(
                    event,
                    Event::HandshakeFailed { .. } | Event::Disconnected { .. }
                )
            };
            let reason = match events.wait_for(WAIT, ended) {
                Some(Event::HandshakeFailed { reason, .. }) => reason,
                Some(Event::Disconnected { reason, .. }) => reason,
                other => panic!("{other:?}"),
            };
            assert_eq!(reason, Reason::Ended, "cut at {end}");
        }
        expect_messages(&subject, &messages()[..whole_messages(end)]);
    }
}

/// How many messages are whole in so many octets.
fn whole_messages(end: usize) -> usize {
    let mut at = 0;
    let mut count = 0;
    for frames in conversation() {
        at += frames.bytes().len();
        let is_message = matches!(frames.bytes()[0], 0x00..=0x03);
        count += usize::from(is_message && at <= end);
    }
    count
}
