//! What PUB, SUB, XPUB and XSUB alone have.

use ferromq::{
    AnswerError, Builder, Dropped, Endpoint, Message, Pub, PubOptions, RecvError, SendErrorKind,
    Sub, SubOptions, Xpub, XpubOptions, Xsub, XsubOptions,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Everything that is received within a second of virtual time each.
fn texts(receive: impl Fn() -> Result<Message, RecvError>) -> Vec<String> {
    let text = |message: Message| message.part_str(0).unwrap().to_owned();
    std::iter::from_fn(|| receive().ok()).map(text).collect()
}

/// A SUB that is subscribed to these.
fn sub(context: &Context, endpoint: &Endpoint, topics: &[&str]) -> Sub {
    let sub = Sub::new(context);
    sub.connect(endpoint).unwrap();
    for topic in topics {
        sub.subscribe(topic).unwrap();
    }
    sub
}

#[test]
fn no_drop_waits_for_a_subscriber_without_room() {
    for no_drop in [false, true] {
        let (world, context) = world(1);
        let publisher = Pub::builder().send_high_water_mark(3).no_drop(no_drop);
        let publisher = publisher.build(&context).unwrap();
        let endpoint = publisher.bind(ANY).unwrap();
        let slow = sub(&context, &endpoint, &["a"]);
        world.run_until(|| publisher.topics() == Ok(1));
        world.hold(world.links_to(&endpoint.to_string())[0]);
        let quick = sub(&context, &endpoint, &["a", "b"]);
        world.run_until(|| publisher.topics() == Ok(2));
        let message = || Message::from(["a".into(), vec![7; 50_000]]);
        let sent = (0..20).take_while(|_| publisher.try_send(message()).is_ok());
        let sent = sent.count();
        assert_eq!(sent < 20, no_drop);
        let dropped = publisher.stats().dropped(Dropped::HighWaterMark);
        assert_eq!(dropped == 0, no_drop);
        if no_drop {
            let refused = publisher.try_send(message()).unwrap_err();
            assert_eq!(refused.kind, SendErrorKind::Full);
            publisher.send("b").unwrap();
            world.release(world.links_to(&endpoint.to_string())[0]);
            publisher.send_timeout("a", WAIT).unwrap();
            assert_eq!(texts(|| slow.recv_timeout(SECOND)).len(), sent + 1);
            assert_eq!(texts(|| quick.recv_timeout(SECOND)).len(), sent + 2);
        }
    }
}

#[test]
fn no_drop_is_for_xpub_too() {
    for no_drop in [false, true] {
        let (world, context) = world(1);
        let publisher = Xpub::builder().send_high_water_mark(3).no_drop(no_drop);
        let publisher = publisher.build(&context).unwrap();
        let endpoint = publisher.bind(ANY).unwrap();
        let _slow = sub(&context, &endpoint, &["a"]);
        world.run_until(|| publisher.topics() == Ok(1));
        world.hold(world.links_to(&endpoint.to_string())[0]);
        let message = || Message::from(["a".into(), vec![7; 50_000]]);
        let sent = (0..20).take_while(|_| publisher.try_send(message()).is_ok());
        assert_eq!(sent.count() < 20, no_drop);
    }
}

#[test]
fn invert_matching_gives_what_was_not_subscribed_to() {
    for (publisher, subscriber, expected) in [
        (false, false, &["a1"][..]),
        (true, false, &[]),
        (false, true, &[]),
        (true, true, &["b1", "c1"]),
    ] {
        let (world, context) = world(1);
        let publisher = Pub::builder().invert_matching(publisher);
        let publisher = publisher.build(&context).unwrap();
        let sub = Sub::builder().invert_matching(subscriber);
        let sub = sub.build(&context).unwrap();
        sub.connect(publisher.bind(ANY).unwrap()).unwrap();
        sub.subscribe("a").unwrap();
        world.run_until(|| publisher.topics() == Ok(1));
        for text in ["a1", "b1", "c1"] {
            publisher.send(text).unwrap();
        }
        assert_eq!(texts(|| sub.recv_timeout(SECOND)), expected);
    }
}

#[test]
fn invert_matching_is_for_xpub_too() {
    let (world, context) = world(1);
    let xpub = Xpub::builder()
        .invert_matching(true)
        .build(&context)
        .unwrap();
    let xsub = Xsub::new(&context);
    xsub.connect(xpub.bind(ANY).unwrap()).unwrap();
    xsub.send("\u{1}a").unwrap();
    world.run_until(|| xpub.topics() == Ok(1));
    xpub.send("a1").unwrap();
    xpub.send("b1").unwrap();
    assert_eq!(texts(|| xsub.recv_timeout(SECOND)), ["b1"]);
}

/// What an XPUB is told of two subscribers to the same topics: one cancels a topic and goes, then
/// the other.
fn told(xpub: Builder<Xpub>) -> Vec<String> {
    let (world, context) = world(1);
    let xpub = xpub.build(&context).unwrap();
    let endpoint = xpub.bind(ANY).unwrap();
    let first = sub(&context, &endpoint, &["a", "b"]);
    world.run_until(|| xpub.subscriber_count("a") == Ok(1) && xpub.topics() == Ok(2));
    let second = sub(&context, &endpoint, &["a", "b"]);
    let both = |topic: &str| xpub.subscriber_count(topic) == Ok(2);
    world.run_until(|| both("a") && both("b"));
    second.unsubscribe("a").unwrap();
    world.run_until(|| !both("a"));
    second.close();
    world.run_until(|| !both("b"));
    first.close();
    texts(|| xpub.recv_timeout(SECOND))
}

#[test]
fn verbose_tells_of_every_subscription_and_verboser_of_every_cancellation() {
    let sorted = |xpub| {
        let mut told = told(xpub);
        told.sort();
        told
    };
    let turns = ["\0a", "\0b", "\u{1}a", "\u{1}b"];
    assert_eq!(sorted(Xpub::builder()), turns);
    let verbose = sorted(Xpub::builder().verbose(true));
    let expected = ["\0a", "\0b", "\u{1}a", "\u{1}a", "\u{1}b", "\u{1}b"];
    assert_eq!(verbose, expected);
    let verboser = sorted(Xpub::builder().verboser(true));
    let expected = [
        "\0a", "\0a", "\0b", "\0b", "\u{1}a", "\u{1}a", "\u{1}b", "\u{1}b",
    ];
    assert_eq!(verboser, expected);
    assert_eq!(
        sorted(Xpub::builder().verboser(true).verboser(false)),
        turns
    );
}

#[test]
fn manual_gives_a_peer_what_the_application_says() {
    for endpoint in [ANY, "ipc:///sim/socket", "inproc://name"] {
        let (_, context) = world(1);
        let xpub = Xpub::builder().manual(true).build(&context).unwrap();
        assert_eq!(xpub.subscribe("x"), Err(AnswerError::NoPeer));
        let endpoint = xpub.bind(endpoint).unwrap();
        let [first, second] = [0, 1].map(|_| {
            let xsub = Xsub::new(&context);
            xsub.connect(&endpoint).unwrap();
            xsub
        });
        first.send("\u{1}a").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{1}a"));
        second.send("\u{1}a").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{1}a"));
        assert_eq!(xpub.topics(), Ok(0));
        xpub.subscribe("b").unwrap();
        for text in ["a1", "b1"] {
            xpub.send(text).unwrap();
        }
        assert_eq!(second.recv_timeout(WAIT).unwrap(), Message::from("b1"));
        first.send("\u{1}c").unwrap();
        assert_eq!(xpub.recv_timeout(WAIT).unwrap(), Message::from("\u{1}c"));
        xpub.unsubscribe("b").unwrap();
        xpub.subscribe("").unwrap();
        xpub.send("b2").unwrap();
        assert_eq!(first.recv_timeout(WAIT).unwrap(), Message::from("b2"));
        assert_eq!(second.recv_timeout(WAIT).unwrap(), Message::from("b2"));
        assert_eq!(texts(|| first.recv_timeout(SECOND)), Vec::<String>::new());
        // What it had asked for is cancelled when it goes, whoever else did; then there is nobody
        // to answer.
        first.close();
        let mut cancelled = [(); 2].map(|()| xpub.recv_timeout(WAIT).unwrap());
        cancelled.sort_unstable_by_key(|notice| notice.part_str(0).unwrap().to_owned());
        assert_eq!(cancelled, ["\0a", "\0c"].map(Message::from));
        assert_eq!(xpub.subscribe("x"), Err(AnswerError::NoPeer));
        xpub.close();
        assert!(matches!(xpub.subscribe("x"), Err(AnswerError::Closed(_))));
    }
}

#[test]
fn manual_receives_what_peers_send_as_it_is() {
    let (world, context) = world(1);
    let xpub = Xpub::builder().manual(true).build(&context).unwrap();
    let xsub = Xsub::new(&context);
    xsub.connect(xpub.bind(ANY).unwrap()).unwrap();
    world.run_until(|| xpub.pipes() == 1);
    xsub.send(["hello", "x"]).unwrap();
    let received = xpub.recv_timeout(WAIT).unwrap();
    assert_eq!(received, Message::from(["hello", "x"]));
    xpub.subscribe("y").unwrap();
    assert_eq!(xpub.topics(), Ok(1));
}

#[test]
fn manual_last_value_sends_the_next_message_to_the_last_subscriber_alone() {
    for last_value in [false, true] {
        let (_, context) = world(1);
        let xpub = Xpub::builder().manual(true);
        let xpub = match last_value {
            true => xpub.manual_last_value(true),
            false => xpub,
        };
        let xpub = xpub.build(&context).unwrap();
        let endpoint = xpub.bind(ANY).unwrap();
        let subs = [0, 1].map(|number| {
            let sub = sub(&context, &endpoint, &["a"]);
            xpub.recv_timeout(WAIT).unwrap();
            xpub.subscribe("a").unwrap();
            xpub.send(format!("a{number}")).unwrap();
            sub
        });
        xpub.send("a2").unwrap();
        let expected = match last_value {
            true => [&["a0", "a2"][..], &["a1", "a2"]],
            false => [&["a0", "a1", "a2"][..], &["a1", "a2"]],
        };
        for (sub, expected) in subs.iter().zip(expected) {
            assert_eq!(texts(|| sub.recv_timeout(SECOND)), expected);
        }
    }
}

#[test]
fn welcome_message_is_the_first_that_a_subscriber_gets() {
    for endpoint in [ANY, "ipc:///sim/socket", "inproc://name"] {
        let (world, context) = world(1);
        let xpub = Xpub::builder().welcome_message(["Welcome", "!"]);
        let xpub = xpub.build(&context).unwrap();
        let sub = Sub::new(&context);
        sub.subscribe("W").unwrap();
        sub.connect(xpub.bind(endpoint).unwrap()).unwrap();
        world.run_until(|| xpub.topics() == Ok(1));
        xpub.send("W1").unwrap();
        let first = sub.recv_timeout(WAIT).unwrap();
        assert_eq!(first, Message::from(["Welcome", "!"]), "{endpoint}");
        assert_eq!(texts(|| sub.recv_timeout(SECOND)), ["W1"]);
    }
}

#[test]
fn verbose_unsubscribe_tells_publishers_of_every_cancellation() {
    for verbose in [false, true] {
        let (world, context) = world(1);
        let xsub = Xsub::builder().verbose_unsubscribe(verbose);
        let (xsub, xpub) = (xsub.build(&context).unwrap(), Xpub::new(&context));
        xsub.connect(xpub.bind(ANY).unwrap()).unwrap();
        for text in ["\u{1}a", "\u{1}a"] {
            xsub.send(text).unwrap();
        }
        world.run_until(|| xpub.topics() == Ok(1));
        xsub.send("\0a").unwrap();
        world.advance(SECOND);
        assert_eq!(xpub.topics(), Ok(usize::from(!verbose)));
        assert_eq!(xsub.topics(), Ok(1));
    }
}

#[test]
fn only_first_subscribe_looks_at_the_first_part_of_what_is_sent() {
    for (first_only, topics) in [(false, 2), (true, 1)] {
        let (_, context) = world(1);
        let xsub = Xsub::builder().only_first_subscribe(first_only);
        let xsub = xsub.build(&context).unwrap();
        xsub.send(["\u{1}a", "\u{1}b"]).unwrap();
        assert_eq!(xsub.topics(), Ok(topics));
    }
}

#[test]
fn subscriber_counts_its_topics_once_each() {
    let (_, context) = world(1);
    let (sub, xsub) = (Sub::new(&context), Xsub::new(&context));
    for topic in ["a", "ab", "a"] {
        sub.subscribe(topic).unwrap();
        xsub.send(format!("\u{1}{topic}")).unwrap();
    }
    assert_eq!((sub.topics(), xsub.topics()), (Ok(2), Ok(2)));
    sub.unsubscribe("a").unwrap();
    sub.unsubscribe("ab").unwrap();
    xsub.send("\0ab").unwrap();
    assert_eq!((sub.topics(), xsub.topics()), (Ok(1), Ok(1)));
}
