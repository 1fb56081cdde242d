//! PUSH without a network: rotation, saturation, and lost peers.

use ferromq_core::{Dropped, Message};
use proptest::prelude::*;

use super::*;
use ferromq_testkit::driven::{Driven, Got, Sent, pipe};

fn sent_to(push: &mut Driven<PushPattern>, count: usize) -> Vec<usize> {
    let pipes = (0..count).map(|_| match push.send("work") {
        Sent::To(pipe, message) => {
            assert_eq!(message, Message::from("work"));
            pipe.index()
        }
        other => panic!("unexpected {other:?}"),
    });
    pipes.collect()
}

#[test]
fn push_without_peers_parks() {
    let mut push = Driven::<PushPattern>::default();
    assert_eq!(push.send("work"), Sent::Parked);
    assert!(!push.readiness().send);
}

#[test]
fn push_with_peers_sends_whole_messages_in_turn() {
    let mut push = Driven::<PushPattern>::with_peers(3);
    assert_eq!(sent_to(&mut push, 6), [0, 1, 2, 0, 1, 2]);
    let message = Message::from(["a", "", "b"]);
    assert_eq!(push.send(message.clone()), Sent::To(pipe(0), message));
}

#[test]
fn push_with_one_slow_peer_serves_the_others() {
    let mut push = Driven::<PushPattern>::with_peers(2);
    for _ in 0..3 {
        let sent = push.send_within("work", &|p| p != pipe(0));
        assert_eq!(sent, Sent::To(pipe(1), "work".into()));
    }
}

#[test]
fn push_with_all_peers_full_parks_until_one_is_writable() {
    let mut push = Driven::<PushPattern>::with_peers(2);
    assert_eq!(push.send_within("work", &|_| false), Sent::Parked);
    push.pattern.writable(pipe(1));
    assert_eq!(sent_to(&mut push, 2), [1, 1]);
}

#[test]
fn push_to_dialed_peer_queues_before_the_connection_is_there() {
    let mut push = Driven::<PushPattern>::default();
    push.dial(0).unwrap();
    assert_eq!(sent_to(&mut push, 1), [0]);
}

#[test]
fn push_with_lost_peer_prefers_the_others_until_it_is_back() {
    let mut push = Driven::<PushPattern>::with_peers(1);
    push.dial(1).unwrap();
    push.lose(1);
    assert_eq!(sent_to(&mut push, 2), [0, 0]);
    push.detach(0);
    assert_eq!(sent_to(&mut push, 1), [1]);
    push.hiccup(1, "").unwrap();
    push.accept(2, "").unwrap();
    assert_eq!(sent_to(&mut push, 4), [1, 2, 1, 2]);
}

#[test]
fn push_reroutes_what_came_back_to_the_next_peer_with_room() {
    let mut push = Driven::<PushPattern>::with_peers(2);
    push.detach(0);
    let mut reroute = |room: &dyn Room| push.pattern.reroute(room, &mut push.then);
    assert_eq!(reroute(&|_| true), Some(pipe(1)));
    assert_eq!(reroute(&|_| false), None);
}

#[test]
fn push_receives_nothing() {
    let mut push = Driven::<PushPattern>::with_peers(1);
    assert_eq!(push.pattern.next(), Ok(None));
    assert_eq!(push.admit(0, "junk"), Got::Skipped(Dropped::Unwanted));
    assert!(!push.readiness().receive);
}

proptest! {
    /// Peers come, go, fill up and drain: every message is accepted exactly if somebody has room,
    /// and over whole rounds the peers with room get equally many.
    #[test]
    fn push_after_any_changes_shares_work_equally(
        changes in prop::collection::vec((0..5_u32, 0..4_u8), 0..40),
    ) {
        let mut push = Driven::<PushPattern>::default();
        let (mut attached, mut full) = (Vec::new(), Vec::new());
        for (n, change) in changes {
            match (change, attached.contains(&n)) {
                (0, false) => { push.accept(n, "").unwrap(); attached.push(n); }
                (1, true) => {
                    push.detach(n);
                    attached.retain(|m| *m != n);
                    full.retain(|m| *m != n);
                }
                (2, true) => { full.push(n); }
                (3, true) => { full.retain(|m| *m != n); push.pattern.writable(pipe(n)); }
                _ => {}
            }
            let room = |p: PipeId| !full.contains(&(p.index() as u32));
            let open: Vec<_> = attached.iter().filter(|n| !full.contains(n)).collect();
            prop_assert_eq!(push.pattern.readiness(&room).send, !open.is_empty());
            let mut counts = [0; 5];
            for _ in 0..open.len() * 2 {
                match push.send_within("work", &room) {
                    Sent::To(pipe, _) => counts[pipe.index()] += 1,
                    other => prop_assert!(false, "unexpected {:?}", other),
                }
            }
            prop_assert!(open.iter().all(|n| counts[**n as usize] == 2));
            if open.is_empty() {
                prop_assert_eq!(push.send_within("work", &room), Sent::Parked);
            }
        }
    }
}
