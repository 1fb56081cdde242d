//! Commands in traffic: heartbeats, and those that nobody knows.

use ferromq::{Message, SocketType};
use ferromq_testkit::frames;
use ferromq_testkit::mock::Frames;

use super::stage::Stage;
use crate::case::{Case, case, skip};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        ping_is_answered_with_its_context,
        "37/pong",
        "37/pong-context",
        "37/command",
        "37/command-name",
        "37/command-last",
        "37/short-command",
        "37/names-visible",
    ),
    case!(
        commands_may_have_a_long_size,
        "37/command",
        "37/frame-size",
        "23/command",
        "23/frame-size"
    ),
    case!(
        commands_stand_between_messages,
        "37/traffic",
        "37/command-flag",
        "23/traffic",
        "23/command-flag"
    ),
    case!(
        unknown_and_unasked_commands_are_ignored,
        "37/traffic",
        "37/command-name",
        "23/traffic",
        "23/command-name"
    ),
];

/// All contexts that are allowed; the time to live does not matter for the answer.
fn ping_is_answered_with_its_context(stage: &Stage) {
    if stage.is_memory() {
        skip("the engine answers, which is not there");
    }
    let subject = stage.any();
    let mut peer = subject.meet((3, 1));
    for length in 0..=16_u8 {
        let context: Vec<u8> = (0..length).map(|at| 0xF0 ^ at).collect();
        for ttl in [0, 3_000, u16::MAX] {
            peer.send(frames::ping(ttl, &context));
            peer.expect(frames::pong(&context));
        }
    }
}

/// A command with a long size, whatever its body's length.
fn long(command: &Frames) -> Vec<u8> {
    let body = &command.bytes()[2..];
    [&[0x06], &(body.len() as u64).to_be_bytes()[..], body].concat()
}

fn commands_may_have_a_long_size(stage: &Stage) {
    for version in [(3, 0), (3, 1)] {
        let subject = stage.any();
        let mut peer = subject.dial();
        peer.send(frames::greeting_with(version, "NULL", false));
        peer.send_raw(long(&frames::ready(subject.partner().as_str())));
        peer.next_greeting();
        peer.expect_ready(subject.socket_type.as_str());
        subject.expect_established();
        peer.send_raw(long(&frames::ping(0, "long")));
        if !stage.is_memory() {
            peer.expect(frames::pong("long"));
        }
        subject.expect_alive(&mut peer);
    }
}

fn commands_stand_between_messages(stage: &Stage) {
    for version in [(3, 0), (3, 1)] {
        let subject = stage.own_socket(SocketType::Dealer);
        let mut peer = subject.meet(version);
        for text in ["one", "two", "three"] {
            let ping = frames::ping(0, text);
            peer.send(ping.clone().then(frames::msg([text, "part"])).then(ping));
            if let Some(delivered) = subject.delivered() {
                assert_eq!(delivered.len(), 3, "{delivered:?}");
                continue;
            }
            subject.expect_message(&Message::from([text, "part"]));
            peer.expect(frames::pong(text).then(frames::pong(text)));
        }
    }
}

fn unknown_and_unasked_commands_are_ignored(stage: &Stage) {
    let longest = "N".repeat(255);
    let commands = [
        frames::command("X", b""),
        frames::command("HELLO", b"is for another mechanism"),
        frames::command(&longest, &[0xFF; 1_000]),
        frames::command("ping", b""),
        frames::pong("unasked"),
        frames::subscribe("a"),
        frames::cancel("a"),
        frames::command("JOIN", b"group"),
        frames::error("late"),
    ];
    for command in commands {
        let subject = stage.any();
        let mut peer = subject.meet((3, 1));
        peer.send(command.then(frames::msg(["", "after"])));
        if subject.delivered().is_none() {
            subject.expect_message(&Message::from(["", "after"]));
        }
        subject.expect_alive(&mut peer);
    }
}
