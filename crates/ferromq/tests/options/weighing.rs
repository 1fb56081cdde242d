//! High-water marks in bytes: what waits for a peer, and for the application.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

use ferromq::{
    Dealer, Dropped, Message, Pair, Pull, Push, Router, SendError, SendErrorKind, Sub, Xpub, Xsub,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ENDPOINTS: [&str; 3] = [ANY, "ipc:///sim/socket", "inproc://name"];

/// A message of two parts, of so many bytes in all (at least 4).
fn heavy(number: u32, size: usize) -> Message {
    Message::from([number.to_be_bytes().to_vec(), vec![7; size - 4]])
}

fn number(message: &Message) -> u32 {
    u32::from_be_bytes(message.part(0).unwrap().as_bytes().try_into().unwrap())
}

/// How many messages of 100 bytes are taken before one is refused, up to 50.
fn taken(mut send: impl FnMut(Message) -> Result<(), SendError>) -> u32 {
    for number in 0..50 {
        if let Err(error) = send(heavy(number, 100)) {
            assert_eq!(error.kind, SendErrorKind::Full);
            assert_eq!(error.message, heavy(number, 100));
            return number;
        }
    }
    50
}

/// Calls back without end what it is told.
#[derive(Default)]
struct Told(AtomicUsize);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn send_high_water_bytes_is_how_many_bytes_wait_for_a_peer() {
    for endpoint in [NOWHERE, "ipc:///sim/socket", "inproc://name"] {
        for (bytes, expected) in [
            (0, 50),
            (1, 1),
            (100, 1),
            (101, 2),
            (1_000, 10),
            (1_001, 11),
        ] {
            let (_, context) = world(1);
            let push = Push::builder().send_high_water_bytes(bytes);
            let push = push.build(&context).unwrap();
            push.connect(endpoint).unwrap();
            assert_eq!(taken(|message| push.try_send(message)), expected, "{bytes}");
            assert_eq!(push.stats().send_high_water, u64::from(expected < 50));
        }
    }
}

#[test]
fn send_high_water_bytes_is_beside_the_mark_in_messages() {
    for (messages, bytes, expected) in [(3, 1_000, 3), (30, 1_000, 10), (0, 0, 50)] {
        let (_, context) = world(1);
        let push = Push::builder()
            .send_high_water_mark(messages)
            .send_high_water_bytes(bytes);
        let push = push.build(&context).unwrap();
        push.connect(NOWHERE).unwrap();
        assert_eq!(taken(|message| push.try_send(message)), expected);
    }
}

#[test]
fn receive_high_water_bytes_is_how_many_bytes_wait_for_the_application() {
    for (bytes, expected) in [
        (0, 50),
        (1, 1),
        (100, 1),
        (101, 2),
        (1_000, 10),
        (1_001, 11),
    ] {
        let (world, context) = world(1);
        let pull = Pull::builder().receive_high_water_bytes(bytes);
        let (pull, push) = (pull.build(&context).unwrap(), Push::new(&context));
        push.connect(pull.bind(ANY).unwrap()).unwrap();
        (0..50).for_each(|number| push.send(heavy(number, 100)).unwrap());
        world.run_until(|| pull.stats().waiting >= expected);
        world.advance(SECOND);
        assert_eq!(pull.stats().waiting, expected, "{bytes}");
        assert_eq!(pull.stats().receive_high_water, u64::from(expected < 50));
        for sent in 0..50 {
            let message = pull.recv_timeout(WAIT).unwrap();
            assert_eq!(message, heavy(sent, 100));
            assert!(pull.stats().waiting <= expected.max(1), "{bytes}");
        }
    }
}

#[test]
fn marks_in_bytes_within_the_process_add_up() {
    for (send, receive, expected) in [(100, 0, 50), (0, 100, 50), (100, 200, 3), (100, 201, 4)] {
        for binds in [false, true] {
            let (_, context) = world(1);
            let push = Push::builder().send_high_water_bytes(send);
            let pull = Pull::builder().receive_high_water_bytes(receive);
            let (push, pull) = (push.build(&context).unwrap(), pull.build(&context).unwrap());
            if binds {
                push.bind("inproc://name").unwrap();
                pull.connect("inproc://name").unwrap();
            } else {
                pull.bind("inproc://name").unwrap();
                push.connect("inproc://name").unwrap();
            }
            assert_eq!(taken(|message| push.try_send(message)), expected);
            for sent in 0..expected {
                assert_eq!(number(&pull.try_recv().unwrap()), sent);
            }
            assert_eq!(taken(|message| push.try_send(message)), expected);
        }
    }
}

/// Sends messages of these sizes through marks in bytes; what is refused is sent again when one
/// was received.
fn pass(endpoint: &str, marks: (u32, u64), sizes: &[usize]) {
    let (world, context) = world(1);
    world.weather(|conditions| conditions.capacity = 5_000);
    let (messages, bytes) = marks;
    let make = || {
        Pair::builder()
            .send_high_water_mark(messages)
            .receive_high_water_mark(messages)
            .send_high_water_bytes(bytes)
            .receive_high_water_bytes(bytes)
            .build(&context)
            .unwrap()
    };
    let (sender, receiver) = (make(), make());
    sender.connect(receiver.bind(endpoint).unwrap()).unwrap();
    let all = || (0..).zip(sizes).map(|(at, &size)| heavy(at, size));
    let mut expected = all();
    let mut receive = || {
        let message = receiver.recv_timeout(WAIT);
        assert_eq!(message.ok(), expected.next(), "{endpoint} {marks:?}");
    };
    for mut message in all() {
        while let Err(refused) = sender.try_send(message) {
            assert_eq!(refused.kind, SendErrorKind::Full);
            receive();
            message = refused.message;
        }
    }
    let left = sizes.len() as u64 - receiver.stats().delivered;
    (0..left).for_each(|_| receive());
}

#[test]
fn messages_of_all_sizes_pass_marks_in_bytes_in_their_order() {
    // Below the marks, at them, and far above; of a size by reference, and of one that is read into
    // a buffer of its own.
    let sizes = [4, 99, 100, 101, 5_000, 4, 4, 70_000, 250, 50, 50, 4].repeat(2);
    for endpoint in ENDPOINTS {
        for marks in [
            (0, 100),
            (1, 100),
            (2, 1),
            (5, 300),
            (1_000, 300),
            (0, 100_000),
        ] {
            pass(endpoint, marks, &sizes);
        }
    }
}

#[test]
fn refused_sender_is_woken_when_there_is_room_for_bytes() {
    for endpoint in ENDPOINTS {
        let (world, context) = world(1);
        world.weather(|conditions| conditions.capacity = 300);
        let push = Push::builder().send_high_water_bytes(500);
        let pull = Pull::builder().receive_high_water_bytes(500);
        let (push, pull) = (push.build(&context).unwrap(), pull.build(&context).unwrap());
        push.connect(pull.bind(endpoint).unwrap()).unwrap();
        let mut sent = 0;
        // What is on its way makes room once or twice.
        for _ in 0..10 {
            sent += taken(|message| push.try_send(message));
            world.advance(SECOND);
        }
        let told = Arc::new(Told::default());
        let waker = Waker::from(Arc::clone(&told));
        let mut sending = Box::pin(push.send_async(heavy(0, 100)));
        let mut poll = || sending.as_mut().poll(&mut TaskContext::from_waker(&waker));
        assert!(poll().is_pending(), "{endpoint}");
        world.advance(SECOND);
        assert_eq!(told.0.load(Ordering::Relaxed), 0, "{endpoint}");
        let mut received = 0;
        while told.0.load(Ordering::Relaxed) == 0 {
            pull.recv_timeout(WAIT).unwrap();
            world.advance(SECOND);
            received += 1;
        }
        assert!(
            (2..sent).contains(&received),
            "{endpoint}: {received} of {sent}"
        );
        assert_eq!(poll(), Poll::Ready(Ok(())));
        assert!(pull.recv_timeout(WAIT).is_ok());
    }
}

#[test]
fn router_waits_for_a_peer_whose_bytes_are_at_the_mark() {
    for endpoint in ENDPOINTS {
        let (world, context) = world(1);
        world.weather(|conditions| conditions.capacity = 300);
        let router = Router::builder().send_high_water_bytes(500);
        let router = router.build(&context).unwrap();
        let bound = router.bind(endpoint).unwrap();
        let dealers = ["full", "other"].map(|name| {
            let dealer = Dealer::builder()
                .routing_id(name)
                .receive_high_water_bytes(500);
            let dealer = dealer.build(&context).unwrap();
            dealer.connect_wait(&bound, WAIT).unwrap();
            dealer
        });
        router.wait_peers(2, WAIT).unwrap();
        let to = |name: &str, mut message: Message| {
            message.push_front(name.to_owned());
            message
        };
        let mut sent = 0;
        for _ in 0..10 {
            while router.try_send(to("full", heavy(sent, 100))).is_ok() {
                sent += 1;
            }
            world.advance(SECOND);
        }
        assert!((10..20).contains(&sent), "{endpoint}: {sent}");
        let late = router.send_timeout(to("full", heavy(sent, 100)), SECOND);
        let late = late.unwrap_err();
        assert_eq!(late.kind, SendErrorKind::TimedOut);
        router.send(to("other", heavy(7, 1_000))).unwrap();
        assert_eq!(dealers[1].recv_timeout(WAIT).unwrap(), heavy(7, 1_000));
        for expected in 0..sent {
            assert_eq!(number(&dealers[0].recv_timeout(WAIT).unwrap()), expected);
        }
        router.send(late.message).unwrap();
        assert_eq!(number(&dealers[0].recv_timeout(WAIT).unwrap()), sent);
    }
}

#[test]
fn what_a_lost_peer_was_not_given_goes_on_within_the_bytes_of_the_next() {
    let (world, context) = world(1);
    world.weather(|conditions| conditions.capacity = 300);
    let push = Push::builder().send_high_water_bytes(1_000);
    let push = push.build(&context).unwrap();
    let endpoint = push.bind(ANY).unwrap();
    let pull = || {
        let pull = Pull::builder().receive_high_water_bytes(150);
        let pull = pull.build(&context).unwrap();
        pull.connect_wait(&endpoint, WAIT).unwrap();
        pull
    };
    let first = pull();
    push.wait_peers(1, WAIT).unwrap();
    world.hold(world.links_to(&endpoint.to_string())[0]);
    let sent = taken(|message| push.try_send(message));
    assert!(sent >= 10, "{sent}");
    drop(first);
    world.cut(world.links_to(&endpoint.to_string())[0]);
    world.run_until(|| push.peer_count() == 0);
    let left = push.stats().queued;
    assert!(left >= 10, "{left}");
    let second = pull();
    for expected in sent - u32::try_from(left).unwrap()..sent {
        assert_eq!(number(&second.recv_timeout(WAIT).unwrap()), expected);
        assert!(second.stats().waiting <= 2);
    }
    assert_eq!(push.stats().queued, 0);
}

#[test]
fn xpub_drops_messages_beyond_the_bytes_that_nobody_receives() {
    for endpoint in ENDPOINTS {
        for (bytes, expected) in [(0, 50), (100, 1), (101, 2), (1_000, 10)] {
            let (world, context) = world(1);
            let xpub = Xpub::builder().receive_high_water_bytes(bytes);
            let xpub = xpub.build(&context).unwrap();
            let xsub = Xsub::new(&context);
            xsub.connect_wait(xpub.bind(endpoint).unwrap(), WAIT)
                .unwrap();
            (0..50).for_each(|number| xsub.send(vec![number + 7; 100]).unwrap());
            world.advance(SECOND);
            let dropped = xpub.stats().dropped_receiving(Dropped::HighWaterMark);
            assert_eq!(dropped, 50 - expected, "{endpoint} {bytes}");
            for sent in 0..expected {
                let message = xpub.try_recv().unwrap();
                assert_eq!(u64::from(message.part(0).unwrap()[0]), sent + 7);
            }
        }
    }
}

#[test]
fn notices_beyond_the_bytes_come_in_their_order() {
    let (world, context) = world(1);
    let xpub = Xpub::builder().receive_high_water_bytes(10);
    let xpub = xpub.build(&context).unwrap();
    let sub = Sub::new(&context);
    sub.connect_wait(xpub.bind(ANY).unwrap(), WAIT).unwrap();
    let topics = [
        "a",
        "a long topic",
        "b",
        "c",
        "d",
        "another long topic",
        "e",
    ];
    for topic in topics {
        sub.subscribe(topic).unwrap();
    }
    sub.subscribe("void").unwrap();
    world.run_until(|| xpub.topics().unwrap() == topics.len() + 1);
    sub.unsubscribe("void").unwrap();
    world.run_until(|| xpub.topics().unwrap() == topics.len());
    for topic in topics {
        let notice = xpub.recv_timeout(WAIT).unwrap();
        assert_eq!(notice.part(0).unwrap().as_bytes()[1..], *topic.as_bytes());
    }
    assert!(xpub.try_recv().is_err(), "the two about nothing are gone");
}

#[test]
fn conflating_socket_has_no_mark_in_bytes() {
    for endpoint in [NOWHERE, "ipc:///sim/socket", "inproc://name"] {
        let (_, context) = world(1);
        let push = Push::builder().conflate(true).send_high_water_bytes(1);
        let push = push.build(&context).unwrap();
        push.connect(endpoint).unwrap();
        assert_eq!(taken(|message| push.try_send(message)), 50);
        let pull = Pull::builder().conflate(true).receive_high_water_bytes(1);
        let pull = pull.build(&context).unwrap();
        pull.bind(endpoint).unwrap();
        assert_eq!(number(&pull.recv_timeout(WAIT).unwrap()), 49);
    }
}
