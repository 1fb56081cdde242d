//! What is the same for every type that queues messages for peers: marks, waiting, lost peers.

use std::thread;

use ferromq::{Dropped, Message, RecvError, SendErrorKind, SocketType, Stats};

use super::place::{MOMENT, Place, accounted, contents, number, receive, until};
use crate::socket::{AnySocket, Settings, WAIT};

/// The marks that are tried.
const MARKS: [u32; 4] = [1, 2, 7, 100];

/// Large enough for the kernel's buffers to be full after a few.
pub(super) fn large(at: usize) -> Message {
    let mut body = at.to_string().into_bytes();
    body.resize(10_000, b' ');
    Message::from(body)
}

/// With these marks, and kernel buffers that hold little beside them.
pub(super) fn marked(send: u32, receive: u32) -> Settings {
    Settings {
        send_mark: Some(send),
        receive_mark: Some(receive),
        small_buffers: true,
        ..Settings::default()
    }
}

/// Every octet of every part arrives, and so do the boundaries; in order, and once.
pub(super) fn messages_arrive_unchanged(place: &Place, sender: &dyn AnySocket, to: &dyn AnySocket) {
    for round in 0..3 {
        let messages = contents().into_iter().chain([number(round)]);
        thread::scope(|scope| {
            scope.spawn(|| messages.clone().for_each(|message| sender.send(message)));
            for expected in messages.clone() {
                assert_eq!(to.recv(), expected, "{place:?}");
            }
        });
    }
    assert_eq!(to.try_recv(), Err(RecvError::Empty));
}

/// Without a peer nothing is accepted, the message is handed back, and who waits goes on when a
/// peer comes.
pub(super) fn sender_waits_for_a_peer(place: &Place, from: SocketType, to: SocketType) {
    let sender = place.socket(from);
    let refused = sender
        .try_send(Message::from(["refused", "whole"]))
        .unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Full);
    assert_eq!(refused.message, Message::from(["refused", "whole"]));
    let late = sender
        .send_timeout(Message::from("late"), MOMENT)
        .unwrap_err();
    assert_eq!(
        (late.kind, late.message),
        (SendErrorKind::TimedOut, Message::from("late"))
    );
    assert_eq!(sender.stats().accepted, 0);
    let receiver = place.socket(to);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| sender.send_timeout(Message::from("waits"), WAIT));
        place.join(&*sender, &*receiver);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(receiver.recv(), Message::from("waits"));
    assert_eq!(receiver.stats().waiting, 0);
}

/// Before there is a connection exactly the sender's mark is accepted, and arrives when there is.
pub(super) fn mark_is_exact_before_the_peer_comes(place: &Place, from: SocketType, to: SocketType) {
    for mark in MARKS {
        let sender = place.socket_with(from, &marked(mark, 1_000));
        let vacancy = place.vacancy();
        sender.connect(&vacancy.endpoint());
        let mark = mark as usize;
        for at in 0..mark {
            sender.try_send(number(at)).unwrap();
        }
        let refused = sender.try_send(number(mark)).unwrap_err();
        assert_eq!(
            (refused.kind, refused.message),
            (SendErrorKind::Full, number(mark))
        );
        let Stats {
            accepted,
            queued,
            handed_over,
            ..
        } = sender.stats();
        assert_eq!(
            (accepted, queued, handed_over),
            (mark as u64, mark as u64, 0)
        );
        let receiver = place.socket(to);
        receiver.bind(&vacancy.endpoint().to_string());
        (0..mark).for_each(|at| assert_eq!(receiver.recv(), number(at)));
        sender.send(number(mark));
        assert_eq!(
            receiver.recv(),
            number(mark),
            "what was refused is not there twice"
        );
    }
    let unlimited = place.socket_with(from, &marked(0, 1_000));
    unlimited.connect(&place.vacancy().endpoint());
    (0..10_000).for_each(|at| unlimited.try_send(number(at)).unwrap());
    assert_eq!(unlimited.stats().queued, 10_000);
}

/// With a peer that does not read: in process the two marks add up; elsewhere each side holds what
/// its own mark says, and what is between is the kernel's.
pub(super) fn mark_is_exact_with_a_peer_that_does_not_read(
    place: &Place,
    from: SocketType,
    to: SocketType,
) {
    for (send, receive) in [(1, 1), (2, 3), (10, 1), (1, 10), (50, 70)] {
        let sender = place.socket_with(from, &marked(send, receive));
        let receiver = place.socket_with(to, &marked(receive, receive));
        place.join(&*sender, &*receiver);
        let sent = fill(place, &*sender, &*receiver, (send, receive));
        if place.is_inproc() {
            assert_eq!(sent, (send + receive) as usize);
        }
        (0..sent).for_each(|at| assert_eq!(receiver.recv(), large(at)));
        assert_eq!(receiver.try_recv(), Err(RecvError::Empty));
        sender.send(large(sent));
        assert_eq!(receiver.recv(), large(sent), "there is room again");
    }
}

/// Sends until a message is refused while both queues are exactly full; how many were accepted.
/// (The kernel may take one more at any later time.) Checks the counters.
pub(super) fn fill(
    place: &Place,
    sender: &dyn AnySocket,
    receiver: &dyn AnySocket,
    marks: (u32, u32),
) -> usize {
    let (send, receive) = (u64::from(marks.0), u64::from(marks.1));
    let (queued, waiting) = match place.is_inproc() {
        true => (0, send + receive),
        false => (send, receive),
    };
    let mut sent = 0;
    until("both queues are full", || {
        while sender.try_send(large(sent)).is_ok() {
            sent += 1;
        }
        let arrived = receiver.stats().waiting;
        assert!(arrived <= waiting, "{arrived} wait");
        (sender.stats().queued, arrived) == (queued, waiting)
    });
    let stats = accounted(sender);
    assert_eq!((stats.accepted, stats.dropped_in_all()), (sent as u64, 0));
    sent
}

/// Who is full is passed over, and has lost nothing when it reads again.
pub(super) fn full_peer_is_passed_over(place: &Place, from: SocketType, to: SocketType) {
    let sender = place.socket_with(from, &marked(5, 5));
    let (full, reading) = (place.socket_with(to, &marked(5, 5)), place.socket(to));
    place.join(&*sender, &*full);
    let first = fill(place, &*sender, &*full, (5, 5));
    place.join(&*sender, &*reading);
    for at in 0..100 {
        sender.send(number(at));
        assert_eq!(reading.recv(), number(at));
    }
    (0..first).for_each(|at| assert_eq!(full.recv(), large(at)));
    assert_eq!(full.try_recv(), Err(RecvError::Empty));
}

/// Messages that one direction cannot take do not hinder the other.
pub(super) fn directions_are_independent(place: &Place, one: SocketType, other: SocketType) {
    let (left, right) = (
        place.socket_with(one, &marked(5, 5)),
        place.socket_with(other, &marked(5, 5)),
    );
    place.join(&*left, &*right);
    let there = fill(place, &*left, &*right, (5, 5));
    for at in 0..100 {
        right.send(number(at));
        assert_eq!(left.recv(), number(at));
    }
    assert_eq!(receive(&*right, there).last(), Some(&large(there - 1)));
}

/// A dialed peer has its queue before the first connection, and from one to the next.
pub(super) fn dialed_peer_keeps_its_queue(place: &Place, from: SocketType, to: SocketType) {
    let sender = place.socket(from);
    let vacancy = place.vacancy();
    sender.connect(&vacancy.endpoint());
    assert_eq!(sender.pipes(), 1);
    sender.try_send(Message::from("early")).unwrap();
    for round in 0..3 {
        let receiver = place.socket(to);
        receiver.bind(&vacancy.endpoint().to_string());
        if round == 0 {
            assert_eq!(receiver.recv(), Message::from("early"));
        } else {
            assert_eq!(
                receiver.recv(),
                number(round),
                "sent while nobody was there"
            );
        }
        if place.is_inproc() {
            return; // In process a connection that is over is not made again.
        }
        let events = sender.events();
        receiver.close();
        let lost = |event: &ferromq::Event| matches!(event, ferromq::Event::Retry { .. });
        assert!(events.wait_for(WAIT, lost).is_some());
        assert_eq!(sender.pipes(), 1);
        sender.try_send(number(round + 1)).unwrap();
    }
}

/// A receiver that dials has its queue before there is a sender, too.
pub(super) fn receiver_may_dial_first(place: &Place, from: SocketType, to: SocketType) {
    let receiver = place.socket(to);
    let vacancy = place.vacancy();
    receiver.connect(&vacancy.endpoint());
    assert_eq!(
        (receiver.pipes(), receiver.try_recv()),
        (1, Err(RecvError::Empty))
    );
    for round in 0..2 {
        let sender = place.socket_with(
            from,
            &Settings {
                linger: Some(WAIT),
                ..Settings::default()
            },
        );
        sender.bind(&vacancy.endpoint().to_string());
        sender.send(number(round));
        assert_eq!(receiver.recv(), number(round));
        if place.is_inproc() {
            return; // In process a connection that is over is not made again.
        }
        sender.close();
        assert_eq!(receiver.pipes(), 1);
    }
}

/// A socket whose only peer has gone with both queues full, and how many messages it has sent.
fn sender_of_a_lost_peer(
    place: &Place,
    from: SocketType,
    to: SocketType,
) -> (Box<dyn AnySocket>, usize) {
    let sender = place.socket_with(from, &marked(10, 5));
    let lost = place.socket_with(to, &marked(5, 5));
    place.join(&*sender, &*lost);
    let sent = fill(place, &*sender, &*lost, (10, 5));
    lost.close();
    until("the peer is gone", || sender.pipes() == 0);
    (sender, sent)
}

/// What a lost peer was not given goes to the next one, before new messages: nothing is lost, and
/// nothing comes twice.
pub(super) fn unsent_messages_go_to_the_next_peer(place: &Place, from: SocketType, to: SocketType) {
    let (sender, sent) = sender_of_a_lost_peer(place, from, to);
    let next = place.socket(to);
    place.join(&*sender, &*next);
    sender.send(Message::from("new"));
    let first = next.recv();
    let kept = sent
        - (0..sent)
            .find(|at| large(*at) == first)
            .expect("one that was sent");
    let most = if place.is_inproc() { sent } else { 10 };
    assert!(
        kept <= most && (kept == sent || !place.is_inproc()),
        "{kept} of {sent}"
    );
    for at in sent - kept + 1..sent {
        assert_eq!(next.recv(), large(at), "of {sent}");
    }
    assert_eq!(next.recv(), Message::from("new"));
    assert_eq!(next.try_recv(), Err(RecvError::Empty));
    let all = sent as u64 + 1;
    until("everything is handed over, to one or the other", || {
        let stats = sender.stats();
        assert_eq!((stats.accepted, stats.dropped_in_all()), (all, 0));
        (stats.queued, stats.handed_over) == (0, all)
    });
}

/// A lost peer's queue goes with it: what it was not given is dropped, and counted.
pub(super) fn unsent_messages_go_with_the_peer(place: &Place, from: SocketType, to: SocketType) {
    let (sender, sent) = sender_of_a_lost_peer(place, from, to);
    let stats = accounted(&*sender);
    assert_eq!((stats.accepted, stats.queued), (sent as u64, 0));
    assert!(stats.dropped(Dropped::PeerGone) > 0, "{stats:?}");
    let next = place.socket(to);
    place.join(&*sender, &*next);
    sender.send(Message::from("new"));
    assert_eq!(next.recv(), Message::from("new"));
}

/// What had arrived from a peer that is gone is still received, and then the peer is gone.
pub(super) fn delivered_messages_outlive_their_sender(
    place: &Place,
    from: SocketType,
    to: SocketType,
) {
    let receiver = place.socket(to);
    let settings = Settings {
        linger: Some(WAIT),
        ..Settings::default()
    };
    let sender = place.socket_with(from, &settings);
    place.join(&*receiver, &*sender);
    (0..20).for_each(|at| sender.send(number(at)));
    until("everything is there", || receiver.stats().waiting == 20);
    assert!(sender.close().complete);
    (0..20).for_each(|at| assert_eq!(receiver.recv(), number(at)));
    until("the peer is gone", || {
        assert_eq!(receiver.try_recv(), Err(RecvError::Empty));
        receiver.pipes() == 0
    });
}

/// Messages go to the peers in turn, whichever side has dialed, and each peer's in order.
pub(super) fn peers_are_given_messages_in_turn(place: &Place, from: SocketType, to: SocketType) {
    for (peers, binds) in [(1, true), (2, false), (3, true), (8, false), (8, true)] {
        let (sender, others) = (place.socket(from), place.sockets(to, peers));
        place.star(&*sender, &others, binds);
        let rounds = 30;
        (0..peers * rounds).for_each(|at| sender.send(number(at)));
        for round in 0..rounds {
            for (place, other) in others.iter().enumerate() {
                assert_eq!(other.recv(), number(round * peers + place), "{binds}");
            }
        }
        assert!(others.iter().all(|other| other.try_recv().is_err()));
    }
}

/// While messages of all peers wait, each has its turn once per round, and its messages come in
/// order. `named`: what the receiver puts before them.
pub(super) fn peers_are_heard_in_turn(
    place: &Place,
    from: SocketType,
    to: SocketType,
    sent: impl Fn(usize, usize) -> Message,
    heard: impl Fn(Message) -> (usize, usize),
) {
    for (peers, binds) in [(2, true), (3, false), (8, true), (8, false)] {
        let (receiver, others) = (place.socket(to), place.sockets(from, peers));
        place.star(&*receiver, &others, binds);
        let rounds = 20;
        for (peer, other) in others.iter().enumerate() {
            (0..rounds).for_each(|round| other.send(sent(peer, round)));
        }
        until("everything is there", || {
            receiver.stats().waiting == (peers * rounds) as u64
        });
        place.meet_io_thread(&*receiver);
        for round in 0..rounds {
            let mut served: Vec<usize> = (0..peers)
                .map(|_| {
                    let (peer, number) = heard(receiver.recv());
                    assert_eq!(number, round, "peer {peer} of {peers}, {binds}");
                    peer
                })
                .collect();
            served.sort_unstable();
            assert_eq!(
                served,
                (0..peers).collect::<Vec<_>>(),
                "round {round}, {binds}"
            );
        }
    }
}
