//! Closing in the simulated world: what is flushed, what is reported, and what the events tell.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::ErrorKind;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use ferromq_core::{Context, Dropped, Endpoint, Event, Events, Reason, SendErrorKind, Socket};
use ferromq_pipeline::{PullPattern, PushPattern};
use ferromq_testkit::sim::{LinkId, Side, SimWorld, for_seeds};

type Push = Socket<PushPattern>;
type Pull = Socket<PullPattern>;

const ANY: &str = "tcp://127.0.0.1:*";
const WAIT: Duration = Duration::from_secs(30);

/// The default.
const LINGER: Duration = Duration::from_secs(5);

/// A context of its own, as another process has it.
fn context(world: &SimWorld) -> Context {
    Context::with_world(Arc::new(world.clone()), 1)
}

fn pull(world: &SimWorld) -> Pull {
    Socket::with_defaults(&context(world))
}

#[derive(Clone, Copy, PartialEq)]
enum Bound {
    Push,
    Pull,
}

/// A PUSH and a PULL that know each other.
struct Peers {
    push: Push,
    pull: Pull,
    endpoint: Endpoint,
    link: LinkId,
    /// So that dropping a socket does not wait.
    _contexts: [Context; 2],
}

impl Peers {
    fn new(world: &SimWorld, bound: Bound) -> Self {
        let contexts = [context(world), context(world)];
        let push: Push = Socket::with_defaults(&contexts[0]);
        let pull: Pull = Socket::with_defaults(&contexts[1]);
        let events = [push.events(), pull.events()];
        let endpoint = match bound {
            Bound::Push => push.bind(ANY).unwrap(),
            Bound::Pull => pull.bind(ANY).unwrap(),
        };
        match bound {
            Bound::Push => pull.connect(&endpoint).unwrap(),
            Bound::Pull => push.connect(&endpoint).unwrap(),
        }
        for events in events {
            let met = |event: &Event| matches!(event, Event::HandshakeSucceeded { .. });
            events.wait_for(WAIT, met).unwrap();
        }
        Self {
            link: world.links_to(&endpoint.to_string())[0],
            push,
            pull,
            endpoint,
            _contexts: contexts,
        }
    }

    /// Peers that are cut off from each other, and as many messages as the PUSH accepts: how many,
    /// and how many of them the kernel has not taken.
    fn filled(world: &SimWorld, bound: Bound) -> (Self, u64, u64) {
        let peers = Self::new(world, bound);
        world.hold(peers.link);
        let sent = fill(&peers.push);
        let queued = peers.push.stats().queued;
        assert_eq!(queued, 1000);
        (peers, sent, queued)
    }
}

/// Sends numbers until there is no room.
fn fill(push: &Push) -> u64 {
    let numbers = (0..).take_while(|n: &u64| push.try_send(n.to_string()).is_ok());
    numbers.count() as u64
}

/// The numbers that arrive, until there are no more.
fn drain(pull: &Pull) -> Vec<u64> {
    let messages = std::iter::from_fn(|| pull.recv_timeout(WAIT).ok());
    let number = |message: ferromq_core::Message| message.part_str(0).unwrap().parse().unwrap();
    messages.map(number).collect()
}

/// Begins to close a socket, and does not wait.
fn begin_to_close(socket: &Push) {
    let closing = pin!(socket.close_async());
    let _ = closing.poll(&mut task::Context::from_waker(Waker::noop()));
}

/// Runs the world until the next event; calls `then` where it is reported: in the midst of what an
/// I/O thread does.
fn at_next_event(world: &SimWorld, events: &Events, then: impl Fn() + Send + Sync + 'static) {
    struct Then<F>(F, AtomicBool);
    impl<F: Fn() + Send + Sync> Wake for Then<F> {
        fn wake(self: Arc<Self>) {
            if !self.1.swap(true, Ordering::Relaxed) {
                (self.0)();
            }
        }
    }
    let then = Arc::new(Then(then, AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&then));
    let mut next = pin!(events.next_async());
    let poll = next.as_mut().poll(&mut task::Context::from_waker(&waker));
    assert!(poll.is_pending());
    world.run_until(|| then.1.load(Ordering::Relaxed));
}

/// Fails unless everything accepted was handed over or reported.
#[track_caller]
fn assert_reported(push: &Push, unsent: u64) {
    let report = push.close();
    let stats = push.stats();
    assert_eq!(report.unsent, unsent, "{stats:?}");
    assert_eq!(report.complete, unsent == 0);
    assert_eq!(stats.accepted, stats.handed_over + unsent, "{stats:?}");
    assert_eq!(stats.dropped(Dropped::Closed), unsent);
    assert_eq!((stats.queued, stats.dropped_in_all()), (0, unsent));
}

#[test]
fn connection_lost_while_its_socket_closes_is_made_again_and_flushed() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let (peers, sent, queued) = Peers::filled(&world, Bound::Pull);
        let (events, push) = (peers.push.events(), Arc::new(peers.push));
        let closed = Arc::clone(&push);
        world.cut(peers.link);
        at_next_event(&world, &events, move || begin_to_close(&closed));
        let rest: Vec<u64> = (sent - queued..sent).collect();
        assert!(drain(&peers.pull).ends_with(&rest));
        assert_reported(&push, 0);
    });
}

#[test]
fn connection_lost_while_its_socket_is_dropped_is_made_again_and_flushed() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let (peers, sent, queued) = Peers::filled(&world, Bound::Pull);
        let (events, push) = (peers.push.events(), Mutex::new(Some(peers.push)));
        world.cut(peers.link);
        at_next_event(&world, &events, move || drop(push.lock().unwrap().take()));
        let rest: Vec<u64> = (sent - queued..sent).collect();
        assert!(drain(&peers.pull).ends_with(&rest));
    });
}

#[test]
fn dialed_connection_whose_write_fails_while_its_socket_closes_is_made_again_and_flushed() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let (peers, sent, queued) = Peers::filled(&world, Bound::Pull);
        begin_to_close(&peers.push);
        // The peer neither ends nor says anything.
        world.fail_write(peers.link, Side::Dialer, ErrorKind::BrokenPipe, 1);
        world.release(peers.link);
        let rest: Vec<u64> = (sent - queued..sent).collect();
        assert!(drain(&peers.pull).ends_with(&rest));
        assert_reported(&peers.push, 0);
    });
}

#[test]
fn accepted_connection_lost_while_its_socket_closes_leaves_its_messages_to_the_report() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let (peers, _, queued) = Peers::filled(&world, Bound::Push);
        let (events, push) = (peers.push.events(), Arc::new(peers.push));
        let closed = Arc::clone(&push);
        world.cut(peers.link);
        at_next_event(&world, &events, move || begin_to_close(&closed));
        assert_reported(&push, queued);
    });
}

#[test]
fn close_gives_what_was_taken_back_to_peers_without_room() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let Peers {
            push,
            pull,
            link,
            endpoint,
            ..
        } = Peers::new(&world, Bound::Push);
        let stays: Pull = Socket::with_defaults(&context(&world));
        stays.connect(&endpoint).unwrap();
        world.run_until(|| push.pipes() == 2);
        let other = world.links_to(&endpoint.to_string())[1];
        world.hold(link);
        world.hold(other);
        fill(&push);
        pull.disconnect(&endpoint).unwrap();
        world.cut(link);
        world.run_until(|| push.pipes() == 1);
        assert_eq!(push.stats().queued, 2000);
        begin_to_close(&push);
        world.release(other);
        assert!(drain(&stays).len() > 2000);
        assert_reported(&push, 0);
    });
}

#[test]
fn close_waits_for_what_was_disconnected_or_unbound_before_and_reports_it() {
    for bound in [Bound::Push, Bound::Pull] {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let (peers, _, queued) = Peers::filled(&world, bound);
            match bound {
                Bound::Push => peers.push.unbind(&peers.endpoint).unwrap(),
                Bound::Pull => peers.push.disconnect(&peers.endpoint).unwrap(),
            }
            let start = world.elapsed();
            assert_reported(&peers.push, queued);
            let took = world.elapsed() - start;
            assert!(took.abs_diff(LINGER) < LINGER / 10, "{took:?}");
        });
    }
}

#[test]
fn unbound_peer_gets_no_new_message_and_leaves_its_unsent_ones_to_the_others() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let (peers, sent, queued) = Peers::filled(&world, Bound::Push);
        let push = &peers.push;
        push.unbind(&peers.endpoint).unwrap();
        assert_eq!(push.try_send("x").unwrap_err().kind, SendErrorKind::Full);
        let stays = pull(&world);
        stays.connect(push.bind(ANY).unwrap()).unwrap();
        assert!(drain(&stays).into_iter().eq(sent - queued..sent));
        let stats = push.stats();
        assert_eq!((stats.queued, stats.dropped_in_all()), (0, 0), "{stats:?}");
        assert_eq!(stats.handed_over, sent);
    });
}

#[test]
fn message_for_a_peer_that_is_being_unbound_is_refused() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let Peers {
            push,
            link,
            endpoint,
            ..
        } = Peers::new(&world, Bound::Push);
        push.send("a").unwrap();
        world.hold(link);
        push.unbind(&endpoint).unwrap();
        assert_eq!(push.try_send("b").unwrap_err().kind, SendErrorKind::Full);
    });
}

#[test]
fn events_of_a_close_are_read_before_their_end() {
    let ends: [fn(Pull); 2] = [|pull| _ = pull.close(), drop];
    for (bound, end) in [
        (Bound::Pull, ends[0]),
        (Bound::Pull, ends[1]),
        (Bound::Push, ends[1]),
    ] {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let peers = Peers::new(&world, bound);
            let (events, start) = (peers.pull.events(), world.elapsed());
            end(peers.pull);
            let seen: Vec<Event> = std::iter::from_fn(|| events.next_timeout(WAIT)).collect();
            assert!(
                world.elapsed() < start + WAIT,
                "nobody told of the end: {seen:?}"
            );
            let (closed, unbound) = (Reason::Closed, usize::from(bound == Bound::Pull));
            let ended = |event: &&Event| match event {
                Event::Disconnected { reason, .. } => *reason == closed,
                _ => false,
            };
            assert_eq!(seen.iter().filter(ended).count(), 1, "{seen:?}");
            let freed = |event: &&Event| matches!(event, Event::Unbound { .. });
            assert_eq!(seen.iter().filter(freed).count(), unbound, "{seen:?}");
        });
    }
}

#[test]
fn inproc_message_is_handed_over_once_somebody_is_there_and_until_it_comes_back() {
    let world = SimWorld::new(1);
    let context = context(&world);
    let push: Push = Socket::with_defaults(&context);
    let pulls: [Pull; 2] = std::array::from_fn(|_| Socket::with_defaults(&context));
    let counts = || {
        let stats = push.stats();
        (stats.queued, stats.handed_over)
    };
    push.connect("inproc://a").unwrap();
    (0..10).for_each(|_| push.send("x").unwrap());
    assert_eq!(counts(), (10, 0));
    pulls[0].bind("inproc://a").unwrap();
    assert_eq!(counts(), (0, 10));
    pulls[0].try_recv().unwrap();
    pulls[0].close();
    assert_eq!(counts(), (9, 1));
    pulls[1].bind("inproc://b").unwrap();
    push.connect("inproc://b").unwrap();
    assert_eq!(counts(), (0, 10));
    assert_eq!(std::iter::from_fn(|| pulls[1].try_recv().ok()).count(), 9);
    push.connect("inproc://nobody").unwrap();
    pulls[1].close();
    (0..5).for_each(|_| push.send("y").unwrap());
    assert_reported(&push, 5);
}

#[test]
fn handshake_that_cannot_be_written_ends_at_once_and_is_made_again() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let (contexts, pull) = (context(&world), pull(&world));
        let push: Push = Socket::with_defaults(&contexts);
        let (events, endpoint) = (pull.events(), pull.bind(ANY).unwrap());
        push.connect(&endpoint).unwrap();
        push.send("1").unwrap();
        world.run_until(|| !world.links_to(&endpoint.to_string()).is_empty());
        let link = world.links_to(&endpoint.to_string())[0];
        world.fail_write(link, Side::Acceptor, ErrorKind::BrokenPipe, 1_000);
        let failed = |event: &Event| matches!(event, Event::HandshakeFailed { .. });
        let event = events.wait_for(Duration::from_secs(1), failed);
        let Some(Event::HandshakeFailed { reason, .. }) = event else {
            panic!("{event:?}");
        };
        assert_eq!(reason, Reason::Io(ErrorKind::BrokenPipe));
        assert_eq!(pull.recv_timeout(WAIT), Ok("1".into()));
    });
}

#[test]
fn last_handle_dropped_on_an_io_thread_does_not_wait_there() {
    for_seeds(0..10, |seed| {
        let world = SimWorld::new(seed);
        let pulls = [pull(&world), pull(&world)];
        let endpoints = pulls.each_ref().map(|pull| pull.bind(ANY).unwrap());
        let (theirs, owned) = (
            world.workers(),
            Context::with_world(Arc::new(world.clone()), 2),
        );
        // Each has an I/O thread of its own; the second one has no connection yet.
        world.partition(&endpoints[1].to_string());
        let pushes: [Push; 2] = std::array::from_fn(|_| Socket::with_defaults(&owned));
        for (push, endpoint) in pushes.iter().zip(&endpoints) {
            push.connect(endpoint).unwrap();
            push.send("1").unwrap();
            world.run_until(|| world.links_to(&endpoint.to_string()).len() == 1);
        }
        assert_eq!(pulls[0].recv_timeout(WAIT), Ok("1".into()));
        assert_eq!(world.workers(), theirs + 2);
        let (events, inside) = (pushes[0].events(), world.clone());
        let all = Mutex::new(Some((pushes, owned)));
        world.cut(world.links_to(&endpoints[0].to_string())[0]);
        at_next_event(&world, &events, move || {
            let before = inside.elapsed();
            drop(all.lock().unwrap().take());
            assert!(inside.elapsed() < before + Duration::from_millis(1));
        });
        world.heal(&endpoints[1].to_string());
        assert_eq!(pulls[1].recv_timeout(WAIT), Ok("1".into()));
        world.run_until(|| world.workers() == theirs);
    });
}
