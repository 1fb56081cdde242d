//! What one peer may send: before its handshake is over, and later.

use ferromq::{Message, Pub, Violation};
use ferromq_testkit::frames::{self, Frames};

use super::*;

/// A READY of a PUSH that is so long in all, frame header included, with a property to fill it.
fn ready_of(length: usize) -> Frames {
    let empty = ready_filled(0).bytes().len();
    let ready = ready_filled(length - empty);
    assert_eq!(ready.bytes().len(), length);
    ready
}

/// Long enough for the length of 8 bytes whatever is added.
fn ready_filled(more: usize) -> Frames {
    frames::ready_with("PUSH", &[("X-Fill", &vec![b'x'; 300 + more])])
}

#[test]
fn handshake_up_to_its_size_succeeds_and_one_byte_more_is_refused() {
    const SIZE: usize = 2000;
    let greeting = frames::greeting().bytes().len();
    for (size, succeeds) in [(SIZE, true), (SIZE + 1, false)] {
        let (world, pull, endpoint, events) = bound(Pull::builder().max_handshake_size(SIZE));
        let mut peer = dial(&world, &endpoint);
        peer.send(frames::greeting().then(ready_of(size - greeting)));
        if succeeds {
            world.run_until(|| pull.pipes() == 1);
            // What follows is traffic, which the limit is not about.
            peer.send(frames::msg([vec![b'm'; SIZE]]));
            assert_eq!(pull.recv_timeout(WAIT).unwrap().size(), SIZE);
            assert_all_are_kept(&events);
        } else {
            let too_large = Reason::Violation(Violation::HandshakeTooLarge);
            assert_eq!(ending(&events), too_large);
        }
    }
}

#[test]
fn handshake_of_64_kib_is_the_default_and_fits_all_metadata_that_may_be_announced() {
    let greeting = frames::greeting().bytes().len();
    for (size, succeeds) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let (world, pull, endpoint, events) = bound(Pull::builder());
        let mut peer = dial(&world, &endpoint);
        peer.send(frames::greeting().then(ready_of(size - greeting)));
        match succeeds {
            true => world.run_until(|| pull.pipes() == 1),
            false => assert!(matches!(ending(&events), Reason::Violation(_))),
        }
    }
}

#[test]
fn properties_up_to_the_maximum_are_taken_and_one_more_is_refused() {
    for (more, succeeds) in [(3, true), (4, false)] {
        let (world, pull, endpoint, events) = bound(Pull::builder().max_properties(4));
        let names: Vec<String> = (0..more).map(|number| format!("X-{number}")).collect();
        let properties: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), &b"v"[..]))
            .collect();
        let mut peer = dial(&world, &endpoint);
        peer.send(frames::greeting().then(frames::ready_with("PUSH", &properties)));
        match succeeds {
            true => world.run_until(|| pull.pipes() == 1),
            false => {
                let too_large = Reason::Violation(Violation::MetadataTooLarge);
                assert_eq!(ending(&events), too_large);
            }
        }
    }
}

#[test]
fn command_up_to_its_size_is_taken_and_one_byte_more_ends_the_connection() {
    const SIZE: usize = 2000;
    let name = "\x09SUBSCRIBE".len();
    for (topic, is_taken) in [(SIZE - name, true), (SIZE - name + 1, false)] {
        let (world, context) = world(1);
        let publisher = Pub::builder()
            .max_command_size(SIZE)
            .build(&context)
            .unwrap();
        let (events, endpoint) = (publisher.events(), publisher.bind(ANY).unwrap());
        let mut peer = dial(&world, &endpoint);
        peer.handshake("SUB", "PUB");
        peer.send(frames::subscribe(vec![b't'; topic]));
        match is_taken {
            true => world.run_until(|| publisher.topics() == Ok(1)),
            false => {
                let too_large = Reason::Violation(Violation::CommandTooLarge);
                assert_eq!(ending(&events), too_large);
                assert_eq!(publisher.topics(), Ok(0));
            }
        }
    }
}

/// What becomes of a message of a peer.
#[track_caller]
fn outcome(pull: Builder<Pull>, message: Frames) -> Result<Message, Reason> {
    let (world, pull, endpoint, events) = bound(pull);
    let mut peer = dial(&world, &endpoint);
    peer.handshake("PUSH", "PULL");
    peer.send(message);
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    match pull.recv_timeout(SECOND) {
        Ok(message) => Ok(message),
        Err(_) => match wait_for(&events, ended) {
            Event::Disconnected { reason, .. } => Err(reason),
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn parts_up_to_the_maximum_are_received_and_one_more_ends_the_connection() {
    let send = |parts| outcome(Pull::builder().max_parts(3), frames::msg(vec!["p"; parts]));
    assert_eq!(send(3).unwrap().len(), 3);
    assert_eq!(send(4), Err(Reason::Violation(Violation::TooManyParts)));
    let by_default = |parts| outcome(Pull::builder(), frames::msg(vec![""; parts]));
    assert_eq!(by_default(65_536).unwrap().len(), 65_536);
    let too_many = Err(Reason::Violation(Violation::TooManyParts));
    assert_eq!(by_default(65_537), too_many);
}

#[test]
fn message_up_to_its_size_is_received_and_one_byte_more_ends_the_connection() {
    let send = |parts: &[usize]| {
        let parts = parts.iter().map(|length| vec![b'm'; *length]);
        outcome(Pull::builder().max_message_size(1000), frames::msg(parts))
    };
    assert_eq!(send(&[1000]).unwrap().size(), 1000);
    assert_eq!(send(&[400, 600]).unwrap().size(), 1000);
    let alone = Reason::Violation(Violation::FrameTooLarge);
    assert_eq!(send(&[1001]), Err(alone));
    let together = Reason::Violation(Violation::MessageTooLarge);
    assert_eq!(send(&[400, 601]), Err(together));
}
