//! Sockets of one context: who is refused hears of it, and so does who refuses; a name that is free
//! again is reported.

#![cfg(all(
    feature = "inproc",
    feature = "pair",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ferromq::{
    ConnectError, Context, Dealer, Dropped, Endpoint, Event, Events, Initiator, Pair, Pub, Pull,
    Reason, RecvError, Refusal, Router, Violation,
};

const NAME: &str = "inproc://name";

/// Why the peer was refused that is reported next.
#[track_caller]
fn refused(events: &Events) -> Reason {
    match events.try_next() {
        Some(Event::HandshakeFailed {
            endpoint, reason, ..
        }) => {
            assert_eq!(endpoint, NAME.parse::<Endpoint>().unwrap());
            reason
        }
        other => panic!("{other:?}"),
    }
}

fn listening() -> Event {
    Event::Listening {
        endpoint: NAME.parse().unwrap(),
        asked: NAME.parse().unwrap(),
    }
}

fn unbound() -> Event {
    Event::Unbound {
        endpoint: NAME.parse().unwrap(),
    }
}

#[test]
fn connect_before_an_incompatible_bind_is_refused_on_both_sides() {
    let context = Context::new();
    let (pull, publisher) = (Pull::new(&context), Pub::new(&context));
    let events = [pull.events(), publisher.events()];
    pull.connect(NAME).unwrap();
    publisher.bind(NAME).unwrap();
    let why = Reason::Violation(Violation::IncompatibleSocketType);
    assert_eq!(events[1].try_next(), Some(listening()));
    assert_eq!(events.each_ref().map(refused), [why, why]);
    assert_eq!((pull.pipes(), publisher.pipes()), (0, 0));
}

#[test]
fn connect_after_an_incompatible_bind_is_an_error_and_refused_on_both_sides() {
    let context = Context::new();
    let (pull, publisher) = (Pull::new(&context), Pub::new(&context));
    publisher.bind(NAME).unwrap();
    let events = [pull.events(), publisher.events()];
    let error = pull.connect(NAME).unwrap_err();
    assert!(matches!(error, ConnectError::IncompatiblePeer), "{error:?}");
    let why = Reason::Violation(Violation::IncompatibleSocketType);
    assert_eq!(events.each_ref().map(refused), [why, why]);
    assert_eq!((pull.pipes(), publisher.pipes()), (0, 0));
}

#[test]
fn second_peer_of_a_pair_is_refused_on_both_sides_and_its_messages_are_counted() {
    for connects_first in [false, true] {
        let context = Context::new();
        let pairs: [Pair; 3] = std::array::from_fn(|_| Pair::new(&context));
        let events = [pairs[0].events(), pairs[2].events()];
        let connect = || {
            pairs[1].connect(NAME).unwrap();
            pairs[2].connect(NAME).unwrap();
        };
        if connects_first {
            connect();
            pairs[2].send("in vain").unwrap();
        }
        pairs[0].bind(NAME).unwrap();
        if !connects_first {
            connect();
        }
        assert_eq!(events[0].try_next(), Some(listening()));
        let why = Reason::Refusal(Refusal::Occupied);
        assert_eq!(events.each_ref().map(refused), [why, why]);
        assert_eq!(why.initiator(), Initiator::Library);
        assert_eq!(pairs.each_ref().map(|pair| pair.pipes()), [1, 1, 0]);
        let stats = pairs[2].stats();
        let lost = u64::from(connects_first);
        assert_eq!((stats.accepted, stats.handed_over), (lost, 0));
        assert_eq!(stats.dropped(Dropped::PeerGone), lost);
        assert_eq!(pairs[0].try_recv(), Err(RecvError::Empty));
    }
}

#[test]
fn peer_whose_routing_id_is_in_use_is_refused_whichever_side_has_it_twice() {
    let context = Context::new();
    let dealers: [Dealer; 2] = std::array::from_fn(|_| {
        let dealer = Dealer::builder().routing_id("twin");
        dealer.build(&context).unwrap()
    });
    let router = Router::new(&context);
    router.bind("inproc://router").unwrap();
    dealers[0].connect("inproc://router").unwrap();
    dealers[1].bind(NAME).unwrap();
    let events = [dealers[1].events(), router.events()];
    router.connect(NAME).unwrap();
    let why = Reason::Refusal(Refusal::DuplicateRoutingId);
    assert_eq!(events.each_ref().map(refused), [why, why]);
    assert_eq!((dealers[1].pipes(), router.pipes()), (0, 1));
    router.send(["twin", "still here"]).unwrap();
    assert_eq!(dealers[0].try_recv().unwrap().part_str(0), Ok("still here"));
}

#[test]
fn unbound_name_is_reported_by_unbind_and_by_close() {
    let context = Context::new();
    let pull = Pull::new(&context);
    let events = pull.events();
    pull.bind(NAME).unwrap();
    pull.unbind(NAME).unwrap();
    pull.bind(NAME).unwrap();
    pull.close();
    let seen: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
    assert_eq!(seen, [listening(), unbound(), listening(), unbound()]);
    assert_eq!(pollster(&events), None);
}

/// The next event, or that there are no more; one poll has to do.
#[track_caller]
fn pollster(events: &Events) -> Option<Event> {
    let next = std::pin::pin!(events.next_async());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match next.poll(&mut context) {
        std::task::Poll::Ready(event) => event,
        std::task::Poll::Pending => panic!("there may be more events"),
    }
}
