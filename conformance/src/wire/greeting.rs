//! The 64 octets at the beginning of each side.

use ferromq::{SocketType, Violation};
use ferromq_testkit::mock::Frames;
use ferromq_testkit::{MockPeer, frames};

use super::stage::Stage;
use crate::case::{Case, case};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        greeting_is_that_of_the_grammar,
        "37/signature",
        "37/version",
        "37/mechanism",
        "37/as-server",
        "37/filler",
        "37/padding-zero",
        "37/as-server-unused",
        "37/null-as-server",
        "37/mechanism-name",
        "23/signature",
        "23/version",
        "23/mechanism",
        "23/as-server",
        "23/filler",
        "23/padding-zero",
        "23/as-server-unused",
        "23/null-as-server",
        "23/mechanism-name",
    ),
    case!(
        greeting_comes_before_anything_is_heard,
        "37/whole-greeting",
        "37/greeting-at-once",
        "23/whole-greeting",
        "23/greeting-at-once",
    ),
    case!(
        greeting_is_whole_even_if_the_peers_is_refused,
        "37/greeting-both",
        "23/greeting-both",
    ),
    case!(
        padding_means_nothing,
        "37/padding-ignored",
        "23/padding-ignored"
    ),
    case!(
        as_server_field_means_nothing_with_null,
        "37/as-server-ignored",
        "23/as-server-ignored",
    ),
    case!(
        another_mechanism_is_refused,
        "37/mechanism-equal",
        "37/errors-close",
        "37/downgrade",
        "23/mechanism-equal",
        "23/errors-close",
        "23/downgrade",
    ),
    case!(
        another_protocol_is_refused_at_its_first_wrong_octet,
        "37/signature",
        "37/errors-close",
        "23/signature",
        "23/errors-close",
    ),
    case!(
        greeting_may_come_in_any_pieces,
        "37/whole-greeting",
        "23/whole-greeting"
    ),
];

fn greeting_is_that_of_the_grammar(stage: &Stage) {
    let subject = stage.any();
    let mut peer = subject.dial();
    peer.send_greeting();
    let greeting = peer.next_greeting();
    assert_eq!((greeting[0], greeting[9]), (0xFF, 0x7F), "signature");
    assert_eq!(greeting[10], 3, "version");
    // A foreign socket may be of 3.0, and its padding the beginning of an older greeting.
    if !stage.is_foreign() {
        assert_eq!(greeting[11], 1, "version");
        assert_eq!(greeting[1..9], [0; 8], "padding");
    }
    assert_eq!(greeting[12..16], *b"NULL", "mechanism");
    assert_eq!(greeting[16..32], [0; 16], "end of the mechanism");
    assert_eq!(greeting[32], 0, "as-server");
    assert_eq!(greeting[33..], [0; 31], "filler");
}

/// (A foreign socket may work with older versions: then it has to wait.)
fn greeting_comes_before_anything_is_heard(stage: &Stage) {
    let subject = stage.own_socket(SocketType::Dealer);
    assert_eq!(subject.dial().next_greeting().len(), 64);
}

/// Nobody waits for the other to go on: the whole greeting comes before the refusal.
fn greeting_is_whole_even_if_the_peers_is_refused(stage: &Stage) {
    let subject = stage.any();
    let mut peer = subject.dial();
    peer.send(frames::greeting_with((3, 1), "PLAIN", true));
    assert_eq!(peer.next_greeting()[12..16], *b"NULL");
}

fn padding_means_nothing(stage: &Stage) {
    let paddings: [[u8; 8]; 4] = [[0xFF; 8], *b"anything", [0, 0, 0, 0, 0, 0, 0, 1], [0x7F; 8]];
    for padding in paddings {
        let subject = stage.any();
        let mut greeting = frames::greeting().bytes().to_vec();
        greeting[1..9].copy_from_slice(&padding);
        let mut peer = subject.dial();
        peer.send_raw(greeting);
        peer.send(frames::ready(subject.partner().as_str()));
        peer.next_greeting();
        peer.expect_ready(subject.socket_type.as_str());
        subject.expect_established();
        subject.expect_alive(&mut peer);
    }
}

fn as_server_field_means_nothing_with_null(stage: &Stage) {
    let subject = stage.any();
    let mut peer = subject.dial();
    peer.send(frames::greeting_with((3, 1), "NULL", true));
    peer.send(frames::ready(subject.partner().as_str()));
    peer.next_greeting();
    peer.expect_ready(subject.socket_type.as_str());
    subject.expect_established();
}

fn another_mechanism_is_refused(stage: &Stage) {
    let mut names: Vec<[u8; 20]> = Vec::new();
    for name in [
        "PLAIN",
        "CURVE",
        "null",
        "NUL",
        "NULLX",
        "",
        "TWENTY-CHARACTERS-OK",
    ] {
        let mut octets = [0; 20];
        octets[..name.len()].copy_from_slice(name.as_bytes());
        names.push(octets);
    }
    names.push(*b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0X");
    for name in names {
        let subject = stage.any();
        let mut greeting = frames::greeting().bytes().to_vec();
        greeting[12..32].copy_from_slice(&name);
        let mut peer = subject.dial();
        peer.send_raw(greeting);
        subject.expect_refused(&mut peer, Violation::MechanismMismatch);
    }
}

/// (A foreign socket may take it for a peer of an older version.)
fn another_protocol_is_refused_at_its_first_wrong_octet(stage: &Stage) {
    let signature = |last| [&[0xFF; 9][..], &[last]].concat();
    let beginnings = [
        vec![0x00],
        b"GE".to_vec(),
        vec![0x16, 0x03],
        signature(0x7D),
        signature(0xFF),
    ];
    for beginning in beginnings {
        let subject = stage.own_socket(SocketType::Dealer);
        let mut peer = subject.dial();
        peer.next_greeting();
        let (last, before) = beginning.split_last().expect("there is one");
        peer.send_raw(before);
        peer.send_raw([*last]);
        subject.expect_refused(&mut peer, Violation::BadSignature);
    }
}

fn greeting_may_come_in_any_pieces(stage: &Stage) {
    for sizes in [&[1][..], &[10, 1, 53], &[11, 53], &[12, 20, 32], &[63, 1]] {
        let subject = stage.any();
        let mut peer = subject.dial();
        send_in_pieces(&mut peer, &frames::greeting(), sizes);
        peer.next_greeting();
        peer.send(frames::ready(subject.partner().as_str()));
        peer.expect_ready(subject.socket_type.as_str());
        subject.expect_established();
    }
}

/// Sends pieces of these sizes, the last size again and again.
fn send_in_pieces(peer: &mut MockPeer, frames: &Frames, sizes: &[usize]) {
    let mut rest = frames.bytes();
    let last = sizes.last().expect("a size");
    for size in sizes.iter().chain(std::iter::repeat(last)) {
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        peer.send_raw(piece);
        rest = behind;
        if rest.is_empty() {
            return;
        }
    }
}
