//! Peers of other versions.

use ferromq::{Message, SocketType, Violation};
use ferromq_testkit::frames;
use ferromq_wire::{Bytes, Command};

use super::stage::Stage;
use crate::case::{Case, case};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        higher_versions_are_accepted_and_spoken_to_in_ours,
        "37/higher-version",
        "37/own-protocol",
        "23/higher-version",
        "23/own-protocol",
    ),
    case!(
        version_3_0_is_accepted_and_spoken_to_in_its_own,
        "23/higher-version",
        "23/own-protocol",
        "23/message",
    ),
    case!(
        older_versions_are_refused,
        "37/close-older",
        "37/downgrade",
        "23/close-older",
        "23/downgrade",
    ),
];

fn higher_versions_are_accepted_and_spoken_to_in_ours(stage: &Stage) {
    for version in [(3, 1), (3, 2), (3, 255), (4, 0), (255, 255)] {
        let subject = stage.any();
        subject.expect_alive(&mut subject.meet(version));
        if !stage.is_foreign() {
            let subscriber = stage.socket(SocketType::Sub);
            let mut peer = subscriber.meet(version);
            subscriber.request(Command::Subscribe(Bytes::from_static(b"a")));
            peer.expect(frames::subscribe("a"));
        }
    }
}

fn version_3_0_is_accepted_and_spoken_to_in_its_own(stage: &Stage) {
    let subject = stage.own_socket(SocketType::Dealer);
    let mut peer = subject.meet((3, 0));
    peer.send(frames::msg(["to", "you"]));
    subject.expect_message(&Message::from(["to", "you"]));
    subject.send(["to", "me"]);
    peer.expect(frames::msg(["to", "me"]));

    let subscriber = stage.own_socket(SocketType::Sub);
    let mut peer = subscriber.meet((3, 0));
    subscriber.request(Command::Subscribe(Bytes::from_static(b"a")));
    peer.expect(frames::subscribe_message("a"));
}

/// At the octet that tells, and in silence. (A foreign socket may accept them.)
fn older_versions_are_refused(stage: &Stage) {
    let versioned = |major| [&frames::greeting().bytes()[..10], &[major]].concat();
    let unversioned_long = [&[0xFF; 1][..], &[0, 0, 0, 0, 0, 0, 1, 1], &[0]].concat();
    let beginnings = [
        versioned(0),
        versioned(1),
        versioned(2),
        vec![1, 0],
        vec![9, 0],
        unversioned_long,
    ];
    for beginning in beginnings {
        let subject = stage.own_socket(SocketType::Dealer);
        let mut peer = subject.dial();
        peer.next_greeting();
        peer.send_raw(&beginning);
        let told = subject.expect_refused(&mut peer, Violation::UnsupportedVersion);
        assert!(told.is_empty(), "{beginning:?}: {told:?}");
    }
}
