//! Keeping only the last message.

use ferromq::{Dealer, Dropped, Message, Pub, Pull, Push, RecvError, SendErrorKind, Sub};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ENDPOINTS: [&str; 3] = [ANY, "ipc:///sim/socket", "inproc://name"];

/// A message of two parts.
fn numbered(number: u32) -> Message {
    Message::from([number.to_be_bytes().to_vec(), b"whole".to_vec()])
}

/// Everything that is received within a second of virtual time each.
fn all(receive: impl Fn() -> Result<Message, RecvError>) -> Vec<Message> {
    std::iter::from_fn(|| receive().ok()).collect()
}

#[test]
fn conflate_keeps_the_last_message_for_a_peer_that_is_not_there() {
    for endpoint in [NOWHERE, "ipc:///sim/socket", "inproc://name"] {
        for conflate in [false, true] {
            let (_, context) = world(1);
            let push = Push::builder().conflate(conflate).build(&context).unwrap();
            push.connect(endpoint).unwrap();
            for number in 0..10 {
                push.send(numbered(number)).unwrap();
            }
            let dropped = push.stats().dropped(Dropped::Conflated);
            assert_eq!(dropped, if conflate { 9 } else { 0 });
            assert_eq!(push.stats().queued, 10 - dropped);
            let pull = Pull::new(&context);
            pull.bind(endpoint).unwrap();
            let expected = if conflate { 9..10 } else { 0..10 };
            let received = all(|| pull.recv_timeout(5 * SECOND));
            assert_eq!(
                received,
                expected.map(numbered).collect::<Vec<_>>(),
                "{endpoint}"
            );
            let stats = push.stats();
            assert_eq!(stats.accepted, stats.handed_over + stats.dropped_in_all());
        }
    }
}

#[test]
fn conflate_keeps_the_last_message_that_was_received_from_each_peer() {
    for endpoint in ENDPOINTS {
        let (world, context) = world(1);
        let pull = Pull::builder().receive_high_water_mark(2).conflate(true);
        let pull = pull.build(&context).unwrap();
        let endpoint = pull.bind(endpoint).unwrap();
        let pushes = [0, 100].map(|first| {
            let push = Push::new(&context);
            push.connect(&endpoint).unwrap();
            for number in first..first + 10 {
                push.send(numbered(number)).unwrap();
            }
            push
        });
        world.advance(SECOND);
        assert_eq!(pull.stats().waiting, 2);
        let received = all(|| pull.recv_timeout(SECOND));
        assert_eq!(received.len(), 2, "{endpoint}");
        assert!(received.contains(&numbered(9)) && received.contains(&numbered(109)));
        drop(pushes);
    }
}

#[test]
fn conflate_never_waits_for_a_peer_that_does_not_read() {
    let (world, context) = world(1);
    let push = Push::builder().send_high_water_mark(5).conflate(true);
    let (push, pull) = (push.build(&context).unwrap(), Pull::new(&context));
    let endpoint = pull.bind(ANY).unwrap();
    push.connect(&endpoint).unwrap();
    world.run_until(|| push.stats().handed_over == 0 && pull.pipes() == 1);
    world.hold(world.links_to(&endpoint.to_string())[0]);
    let large = |number: u32| Message::from([number.to_be_bytes().to_vec(), vec![7; 10_000]]);
    for number in 0..100 {
        push.try_send(large(number)).unwrap();
    }
    let stats = push.stats();
    assert!(stats.dropped(Dropped::Conflated) > 50, "{stats:?}");
    world.release(world.links_to(&endpoint.to_string())[0]);
    let received = all(|| pull.recv_timeout(SECOND));
    assert_eq!(received.last(), Some(&large(99)));
    let stats = push.stats();
    assert_eq!(stats.handed_over, received.len() as u64);
    assert_eq!(stats.accepted, stats.handed_over + stats.dropped_in_all());
}

/// Found by simulation: what waited for the peer was kept until closing, and then lost uncounted.
#[test]
fn conflate_drops_what_waits_for_a_peer_that_is_gone_though_that_has_sent_something() {
    let (world, context) = world(1);
    let dealer = Dealer::builder().conflate(true).build(&context).unwrap();
    let peer = Dealer::new(&context);
    let endpoint = dealer.bind(ANY).unwrap();
    peer.connect(&endpoint).unwrap();
    peer.send("not read yet").unwrap();
    world.run_until(|| dealer.stats().waiting == 1);
    let link = world.links_to(&endpoint.to_string())[0];
    world.hold(link);
    while dealer.stats().dropped(Dropped::Conflated) == 0 {
        dealer.try_send(vec![7; 10_000]).unwrap();
    }
    world.cut(link);
    world.run_until(|| dealer.stats().dropped(Dropped::PeerGone) > 0);
    world.run_idle();
    let stats = dealer.stats();
    assert_eq!(stats.queued, 0, "{stats:?}");
    assert_eq!(dealer.try_recv(), Ok(Message::from("not read yet")));
    dealer.close();
    let stats = dealer.stats();
    assert_eq!(stats.accepted, stats.handed_over + stats.dropped_in_all());
}

#[test]
fn conflate_flushes_the_last_message_when_it_is_closed() {
    let (_, context) = world(1);
    let push = Push::builder().conflate(true).build(&context).unwrap();
    push.connect(NOWHERE).unwrap();
    for number in 0..3 {
        push.send(numbered(number)).unwrap();
    }
    drop(push);
    let pull = Pull::new(&context);
    pull.bind(NOWHERE).unwrap();
    assert_eq!(all(|| pull.recv_timeout(SECOND)), [numbered(2)]);
}

#[test]
fn conflate_drops_what_a_lost_peer_was_not_given() {
    let (world, context) = world(1);
    let dealer = Dealer::builder().conflate(true).build(&context).unwrap();
    let (endpoint, peer) = (dealer.bind(ANY).unwrap(), Dealer::new(&context));
    peer.connect(&endpoint).unwrap();
    world.run_until(|| dealer.pipes() == 1);
    world.hold(world.links_to(&endpoint.to_string())[0]);
    for _ in 0..3 {
        dealer.send(vec![7; 100_000]).unwrap();
    }
    world.cut(world.links_to(&endpoint.to_string())[0]);
    world.run_until(|| dealer.stats().queued == 0);
    let stats = dealer.stats();
    assert_eq!(stats.dropped(Dropped::PeerGone), 2);
    assert_eq!(stats.dropped(Dropped::Conflated), 1);
}

#[test]
fn conflate_with_immediate_takes_nothing_without_a_peer() {
    let (_, context) = world(1);
    let push = Push::builder().conflate(true).immediate(true);
    let push = push.build(&context).unwrap();
    push.connect(NOWHERE).unwrap();
    assert_eq!(push.try_send("x").unwrap_err().kind, SendErrorKind::Full);
}

#[test]
fn conflate_is_for_publishers_and_subscribers_too() {
    for endpoint in ENDPOINTS {
        for publishes in [true, false] {
            let (world, context) = world(1);
            let publisher = Pub::builder().conflate(publishes);
            let publisher = publisher.build(&context).unwrap();
            let sub = Sub::builder().conflate(!publishes).build(&context).unwrap();
            sub.subscribe("").unwrap();
            sub.connect(publisher.bind(endpoint).unwrap()).unwrap();
            world.run_until(|| publisher.topics() == Ok(1));
            for number in 0..10 {
                publisher.send(numbered(number)).unwrap();
            }
            world.advance(SECOND);
            let received = all(|| sub.recv_timeout(SECOND));
            assert_eq!(received.last(), Some(&numbered(9)));
            assert!(publishes || received.len() == 1, "{received:?}");
        }
    }
}
