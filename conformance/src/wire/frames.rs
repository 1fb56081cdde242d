//! Frames of every shape, in both directions, at their limits.

use std::thread;

use ferromq::{Event, Message, Reason, SocketType};
use ferromq_testkit::frames;
use ferromq_testkit::mock::Frames;
use ferromq_wire::Violation;

use super::stage::Stage;
use crate::case::{Case, case, skip};
use crate::socket::{Settings, WAIT};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        frames_of_every_shape_are_received,
        "37/frame-size",
        "37/short-frame",
        "37/long-frame",
        "37/command-flag",
        "37/message",
        "37/clear-messages",
        "37/clear-framing",
        "23/frame-size",
        "23/short-frame",
        "23/long-frame",
        "23/command-flag",
        "23/message",
        "23/clear-messages",
        "23/clear-framing",
    ),
    case!(
        frames_are_sent_in_their_shortest_form,
        "37/frame-size",
        "37/short-frame",
        "37/long-frame",
        "37/reserved-flags",
        "37/message",
        "37/clear-messages",
        "23/frame-size",
        "23/short-frame",
        "23/long-frame",
        "23/reserved-flags",
        "23/message",
        "23/clear-messages",
    ),
    case!(
        messages_of_many_parts_are_whole_both_ways,
        "37/message",
        "37/message-atomic",
        "37/atomic",
        "23/message",
        "23/message-atomic",
        "23/atomic",
    ),
    case!(
        longest_frame_is_waited_for,
        "37/long-frame",
        "37/message-atomic",
        "23/long-frame",
        "23/message-atomic",
    ),
    case!(limits_are_exact, "37/long-frame", "37/message-atomic"),
    case!(
        message_without_its_end_is_not_delivered,
        "37/message-atomic",
        "37/atomic",
        "23/message-atomic",
        "23/atomic",
    ),
    case!(
        nothing_comes_between_the_frames_of_a_message,
        "37/traffic",
        "23/traffic"
    ),
    case!(
        messages_keep_their_order_and_come_once,
        "37/ordered",
        "37/once",
        "23/ordered",
        "23/once"
    ),
];

/// Lengths around the limits of short frames, of what is kept in place, and of large bodies.
const LENGTHS: [usize; 15] = [
    0,
    1,
    2,
    69,
    70,
    71,
    254,
    255,
    256,
    257,
    4_096,
    65_535,
    65_536,
    65_537,
    1 << 20,
];

/// A frame with a long size, whatever its body's length.
fn long(flags: u8, body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u64).to_be_bytes();
    [&[flags | 0x02], &size[..], body].concat()
}

fn octets(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn frames_of_every_shape_are_received(stage: &Stage) {
    for version in [(3, 0), (3, 1)] {
        let subject = stage.any();
        let mut peer = subject.meet(version);
        for length in LENGTHS {
            let body = octets(length);
            peer.send_raw(frames::msg([&[][..], &body]).bytes());
            subject.expect_message(&Message::from([&[][..], &body]));
            peer.send_raw([long(0x01, b""), long(0x00, &body)].concat());
            subject.expect_message(&Message::from([&[][..], &body]));
        }
        if version == (3, 1) {
            subject.expect_alive(&mut peer);
        }
    }
}

fn frames_are_sent_in_their_shortest_form(stage: &Stage) {
    for version in [(3, 0), (3, 1)] {
        let subject = stage.own_socket(SocketType::Dealer);
        let mut peer = subject.meet(version);
        for length in LENGTHS {
            let body = octets(length);
            send_while_read(
                stage,
                || subject.send(body.clone()),
                || {
                    peer.expect(frames::msg([&body]));
                },
            );
            send_while_read(
                stage,
                || subject.send([&body[..], b"end"]),
                || {
                    peer.expect(frames::msg([&body[..], b"end"]));
                },
            );
        }
    }
}

/// A message larger than the kernel's buffers is sent while the peer reads: on another thread, but
/// where there are no threads.
fn send_while_read(stage: &Stage, send: impl FnOnce() + Send, read: impl FnOnce() + Send) {
    if stage.has_threads() {
        thread::scope(|scope| {
            let reading = scope.spawn(read);
            send();
            reading.join().unwrap();
        });
    } else {
        send();
        read();
    }
}

fn messages_of_many_parts_are_whole_both_ways(stage: &Stage) {
    let subject = stage.own_socket(SocketType::Dealer);
    let mut peer = subject.meet((3, 1));
    for count in [1, 2, 3, 100, 5_000] {
        let parts: Vec<Vec<u8>> = (0..count).map(|at| octets(at % 3)).collect();
        peer.send(frames::msg(&parts));
        let message: Message = parts.iter().cloned().collect();
        subject.expect_message(&message);
        send_while_read(
            stage,
            || subject.send(message),
            || peer.expect(frames::msg(&parts)),
        );
    }
}

/// A frame may announce 2^63-1 octets: it is waited for, and nothing of it is delivered.
fn longest_frame_is_waited_for(stage: &Stage) {
    for flags in [0x02, 0x03] {
        let subject = stage.own_socket(SocketType::Dealer);
        let events = subject.live().map(|socket| socket.events());
        let mut peer = subject.meet((3, 1));
        peer.send_raw([&[flags][..], &i64::MAX.to_be_bytes(), &[7; 100_000]].concat());
        match events {
            None => subject.expect_alive(&mut peer),
            Some(events) => {
                peer.end();
                let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
                let Some(Event::Disconnected { reason, .. }) = events.wait_for(WAIT, ended) else {
                    panic!("the connection has not ended");
                };
                assert_eq!(reason, Reason::Ended, "not for the frame");
            }
        }
        subject.expect_nothing();
    }
}

fn limits_are_exact(stage: &Stage) {
    let settings = Settings {
        max_message_size: Some(1_000),
        max_parts: Some(3),
        ..Settings::default()
    };
    let subject = || stage.socket_with(SocketType::Dealer, settings.clone());
    let within: [&[usize]; 4] = [&[1_000], &[500, 500], &[999, 1, 0], &[0, 0, 0]];
    for lengths in within {
        let subject = subject();
        let parts: Vec<Vec<u8>> = lengths.iter().map(|length| octets(*length)).collect();
        subject.meet((3, 1)).send(frames::msg(&parts));
        subject.expect_message(&parts.into_iter().collect());
    }
    let beyond: [(&[usize], Violation); 5] = [
        (&[1_001], Violation::FrameTooLarge),
        (&[1, 1_001], Violation::FrameTooLarge),
        (&[1, 1_000], Violation::MessageTooLarge),
        (&[999, 1, 1], Violation::MessageTooLarge),
        (&[0, 0, 0, 0], Violation::TooManyParts),
    ];
    for (lengths, violation) in beyond {
        let subject = subject();
        let mut peer = subject.meet((3, 1));
        peer.send(frames::msg(lengths.iter().map(|length| octets(*length))));
        subject.expect_ended(&mut peer, violation);
        subject.expect_nothing();
    }
}

fn message_without_its_end_is_not_delivered(stage: &Stage) {
    let torn: [Frames; 3] = [
        frames::raw_frame(0x01, b"first of two"),
        frames::raw_frame(0x01, b"first").then(frames::raw_frame(0x01, b"second")),
        frames::raw_frame(0x01, b"first").then(frames::raw([0x00, 1])),
    ];
    for torn in torn {
        let subject = stage.own_socket(SocketType::Dealer);
        let events = subject.live().map(|socket| socket.events());
        let mut peer = subject.meet((3, 1));
        peer.send(frames::msg(["whole"]).then(torn));
        peer.end();
        if let Some(events) = events {
            let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
            assert!(events.wait_for(WAIT, ended).is_some());
        }
        subject.expect_message(&Message::from("whole"));
        subject.expect_nothing();
    }
}

/// PONGs are due while messages of many large parts are sent.
fn nothing_comes_between_the_frames_of_a_message(stage: &Stage) {
    if !stage.has_threads() {
        skip("there have to be two threads");
    }
    let subject = stage.own_socket(SocketType::Dealer);
    let mut peer = subject.meet((3, 1));
    let (parts, rounds) = (64, 20);
    let message: Message = (0..parts).map(|_| octets(20_000)).collect();
    thread::scope(|scope| {
        let sending = scope.spawn(|| (0..rounds).for_each(|_| subject.send(message.clone())));
        let (mut pongs, mut messages, mut inside) = (0, 0, 0);
        while messages < rounds || pongs < rounds {
            if inside == 0 && messages < rounds {
                peer.send(frames::ping(0, "between"));
            }
            let frame = peer.next_frame();
            if frame.as_command().is_some() {
                assert_eq!(inside, 0, "a command within a message");
                pongs += 1;
            } else {
                inside += 1;
                assert_eq!(frame.has_more(), inside < parts);
                if inside == parts {
                    (inside, messages) = (0, messages + 1);
                }
            }
        }
        sending.join().unwrap();
    });
}

fn messages_keep_their_order_and_come_once(stage: &Stage) {
    let subject = stage.own_socket(SocketType::Dealer);
    let mut peer = subject.meet((3, 1));
    for round in 0..10_u32 {
        let numbers = || (0..100).map(move |at| (round * 100 + at).to_string());
        let sent = numbers().map(|number| frames::msg([number]));
        peer.send(sent.reduce(Frames::then).unwrap());
        for number in numbers() {
            match subject.delivered() {
                None => subject.expect_message(&Message::from(number)),
                Some(delivered) => {
                    assert_eq!(delivered.len(), 100);
                    break;
                }
            }
        }
        numbers().for_each(|number| subject.send(number));
        numbers().for_each(|number| peer.expect(frames::msg([number])));
    }
    subject.expect_nothing();
}
