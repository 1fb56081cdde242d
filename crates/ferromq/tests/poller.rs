//! The poller over sockets, timers and descriptors, and the descriptor for foreign event loops.

#![cfg(all(
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Wake, Waker};
use std::thread;
use std::time::Duration;

use ferromq::{Context, PollError, PollEvent, Poller, Pull, Push, Readiness, Rep, Req};
use ferromq_testkit::sim::{SimWorld, for_seeds};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, under};

const SECOND: Duration = Duration::from_secs(1);
const ENDPOINTS: &[&str] = &[
    "tcp://127.0.0.1:*",
    #[cfg(unix)]
    "ipc://*",
    "inproc://name",
];

fn context(world: &SimWorld) -> Context {
    Context::with_world(Arc::new(world.clone()), 1)
}

fn push_and_pull(context: &Context, endpoint: &str) -> (Push, Pull) {
    let (push, pull) = (Push::new(context), Pull::new(context));
    push.connect(pull.bind(endpoint).unwrap()).unwrap();
    (push, pull)
}

/// The keys of what can be received.
fn receivable(events: &[PollEvent<char>]) -> String {
    let receivable = events.iter().filter(|event| event.is_receivable());
    receivable.map(PollEvent::key).collect()
}

/// The keys of the timers that went off.
fn due(events: &[PollEvent<char>]) -> String {
    let due = events.iter().filter(|event| event.is_due());
    due.map(PollEvent::key).collect()
}

#[test]
fn socket_is_told_at_every_wait_until_it_is_empty() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let (push, pull) = push_and_pull(&context(&world), "tcp://127.0.0.1:*");
        let mut poller = Poller::new(&context(&world));
        poller.add('p', &pull, Readiness::RECEIVE).unwrap();
        for text in ["1", "2", "3"] {
            push.send(text).unwrap();
        }
        for _ in 0..3 {
            for _ in 0..2 {
                assert_eq!(receivable(&poller.wait(Some(WAIT)).unwrap()), "p");
            }
            pull.try_recv().unwrap();
        }
        let before = world.elapsed();
        assert_eq!(poller.wait(Some(SECOND)).unwrap(), []);
        let took = world.elapsed() - before;
        assert!((SECOND..SECOND * 2).contains(&took), "{took:?}");
    });
}

#[test]
fn sockets_are_told_for_what_is_wanted_of_them() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let (push, pull) = push_and_pull(&context(&world), "tcp://127.0.0.1:*");
        let mut poller = Poller::new(&context(&world));
        poller.add('s', &push, Readiness::SEND).unwrap();
        poller.add('r', &pull, Readiness::RECEIVE).unwrap();
        let events = poller.wait(None).unwrap();
        assert!(matches!(&events[..], [event] if *event.key() == 's' && event.is_sendable()));
        push.send("x").unwrap();
        poller.modify(&'s', Readiness::NEITHER).unwrap();
        assert_eq!(receivable(&poller.wait(None).unwrap()), "r");
        poller.remove(&'r').unwrap();
        assert_eq!(poller.wait(None), Err(PollError::Nothing));
        assert_eq!(poller.wait(Some(SECOND)), Ok(Vec::new()));
        poller.modify(&'s', Readiness::EITHER).unwrap();
        push.close();
        let events = poller.wait(None).unwrap();
        assert!(events[0].is_sendable() && events[0].is_receivable());
    });
}

#[test]
fn timers_go_off_in_virtual_time_beside_sockets() {
    let world = SimWorld::new(7);
    let (push, pull) = push_and_pull(&context(&world), "tcp://127.0.0.1:*");
    let mut poller = Poller::new(&context(&world));
    poller.add('p', &pull, Readiness::RECEIVE).unwrap();
    poller.add_timer('a', SECOND * 2).unwrap();
    poller.add_timer('b', SECOND * 3).unwrap();
    let start = world.elapsed();
    let next = |poller: &mut Poller<'_, char>| {
        let told = due(&poller.wait(None).unwrap());
        (told, (world.elapsed() - start).as_secs())
    };
    assert_eq!(next(&mut poller), ("a".into(), 2));
    assert_eq!(next(&mut poller), ("b".into(), 3));
    assert_eq!(next(&mut poller), ("a".into(), 4));
    poller.set_interval(&'a', SECOND * 10).unwrap();
    assert_eq!(next(&mut poller), ("b".into(), 6));
    poller.restart(&'a').unwrap();
    poller.remove(&'b').unwrap();
    let left = poller.next_timer().unwrap();
    assert!(SECOND * 9 < left && left <= SECOND * 10, "{left:?}");
    assert_eq!(next(&mut poller), ("a".into(), 16));
    push.send("x").unwrap();
    assert_eq!(receivable(&poller.wait(None).unwrap()), "p");
    poller.set_interval(&'a', Duration::ZERO).unwrap();
    let events = poller.wait(None).unwrap();
    assert_eq!(
        (receivable(&events), due(&events)),
        ("p".into(), "a".into())
    );
}

#[test]
fn keys_name_one_thing_each() {
    let world = SimWorld::new(0);
    let context = context(&world);
    let pull = Pull::new(&context);
    let mut poller = Poller::new(&context);
    assert_eq!(poller.wait(None), Err(PollError::Nothing));
    poller.add('p', &pull, Readiness::RECEIVE).unwrap();
    poller.add_timer('t', SECOND).unwrap();
    for key in ['p', 't'] {
        let again = poller.add(key, &pull, Readiness::RECEIVE);
        assert_eq!(again, Err(PollError::DuplicateKey));
        assert_eq!(poller.add_timer(key, SECOND), Err(PollError::DuplicateKey));
    }
    assert_eq!(
        poller.modify(&'t', Readiness::SEND),
        Err(PollError::UnknownKey)
    );
    assert_eq!(
        poller.set_interval(&'p', SECOND),
        Err(PollError::UnknownKey)
    );
    assert_eq!(poller.restart(&'p'), Err(PollError::UnknownKey));
    poller.remove(&'p').unwrap();
    poller.remove(&'t').unwrap();
    assert_eq!(poller.remove(&'p'), Err(PollError::UnknownKey));
    assert_eq!(poller.next_timer(), None);
}

/// Sends a reply when it is woken.
struct Replying(Arc<Rep>);

impl Wake for Replying {
    fn wake(self: Arc<Self>) {
        self.0.send("a").unwrap();
    }
}

#[test]
fn poller_asleep_hears_that_the_turn_has_passed() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let context = context(&world);
        let (push, pull) = push_and_pull(&context, "tcp://127.0.0.1:*");
        let (rep, first, second) = (Rep::new(&context), Req::new(&context), Req::new(&context));
        let endpoint = rep.bind("inproc://turns").unwrap();
        first.connect(&endpoint).unwrap();
        second.connect(&endpoint).unwrap();
        first.send("1").unwrap();
        second.send("2").unwrap();
        rep.recv().unwrap();
        let rep = Arc::new(rep);
        let waker = Waker::from(Arc::new(Replying(Arc::clone(&rep))));
        let mut other = pull.recv_async();
        let polled = Pin::new(&mut other).poll(&mut TaskContext::from_waker(&waker));
        assert!(polled.is_pending());
        push.send("x").unwrap();
        let mut poller = Poller::new(&context);
        poller.add('r', &rep, Readiness::RECEIVE).unwrap();
        assert_eq!(receivable(&poller.wait(None).unwrap()), "r");
        assert_eq!(rep.recv().unwrap().part_str(0), Ok("2"));
    });
}

#[test]
fn poller_sleeping_is_woken_by_every_message_from_another_thread() {
    under("a sleeping poller", || {
        for &endpoint in ENDPOINTS {
            let context = Context::new();
            let (push, pull) = push_and_pull(&context, endpoint);
            let sending = thread::spawn(move || {
                (0..2000_u32).for_each(|n| push.send(n.to_string()).unwrap());
                push.close()
            });
            let mut poller = Poller::new(&context);
            poller.add('p', &pull, Readiness::RECEIVE).unwrap();
            for n in 0..2000_u32 {
                assert_eq!(receivable(&poller.wait(None).unwrap()), "p");
                assert_eq!(pull.try_recv().unwrap().part_str(0), Ok(&*n.to_string()));
            }
            assert_eq!(sending.join().unwrap().unsent, 0);
        }
    });
}

#[cfg(all(target_os = "linux", not(ferromq_polling)))]
mod descriptors {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn is_readable(descriptor: &impl AsFd) -> bool {
        let mut poller = Poller::new(&Context::new());
        let added = poller.add_descriptor('d', descriptor, Readiness::RECEIVE);
        added.unwrap();
        !poller.wait(Some(Duration::ZERO)).unwrap().is_empty()
    }

    fn wait_readable(descriptor: &impl AsFd) {
        let mut poller = Poller::new(&Context::new());
        let added = poller.add_descriptor('d', descriptor, Readiness::RECEIVE);
        added.unwrap();
        assert_eq!(receivable(&poller.wait(Some(WAIT)).unwrap()), "d");
    }

    #[test]
    fn descriptors_are_told_beside_sockets_and_timers() {
        under("descriptors", || {
            let context = Context::new();
            let (push, pull) = push_and_pull(&context, "tcp://127.0.0.1:*");
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            let watched = ours.try_clone().unwrap();
            let mut poller = Poller::new(&context);
            poller.add('p', &pull, Readiness::RECEIVE).unwrap();
            let added = poller.add_descriptor('d', &watched, Readiness::RECEIVE);
            added.unwrap();
            poller.add_timer('t', Duration::from_millis(5)).unwrap();
            assert_eq!(due(&poller.wait(None).unwrap()), "t");
            poller.remove(&'t').unwrap();
            assert_eq!(poller.wait(Some(Duration::from_millis(5))), Ok(Vec::new()));

            theirs.write_all(b"ab").unwrap();
            for _ in 0..2 {
                assert_eq!(receivable(&poller.wait(None).unwrap()), "d");
            }
            ours.read_exact(&mut [0; 2]).unwrap();
            let sending = thread::spawn(move || push.send("x").map(|()| push));
            assert_eq!(receivable(&poller.wait(None).unwrap()), "p");
            theirs.write_all(b"c").unwrap();
            assert_eq!(receivable(&poller.wait(None).unwrap()), "pd");
            pull.try_recv().unwrap();
            ours.read_exact(&mut [0; 1]).unwrap();

            poller.modify(&'d', Readiness::EITHER).unwrap();
            let events = poller.wait(None).unwrap();
            assert!(events[0].is_sendable() && !events[0].is_receivable());
            drop(theirs);
            let events = poller.wait(None).unwrap();
            assert!(events[0].is_sendable() && events[0].is_receivable());
            poller.modify(&'d', Readiness::NEITHER).unwrap();
            assert_eq!(poller.wait(Some(Duration::ZERO)), Ok(Vec::new()));
            drop(sending.join().unwrap().unwrap());
        });
    }

    #[test]
    fn simulated_world_has_no_descriptors_and_says_so() {
        let world = SimWorld::new(0);
        let (one, _other) = UnixStream::pair().unwrap();
        let mut poller = Poller::new(&context(&world));
        let added = poller.add_descriptor('d', &one, Readiness::RECEIVE);
        let unsupported = PollError::Descriptor(std::io::ErrorKind::Unsupported);
        assert_eq!(added, Err(unsupported));
        assert_eq!(poller.remove(&'d'), Err(PollError::UnknownKey));
        assert!(Pull::new(&context(&world)).receive_fd().is_err());
    }

    #[test]
    fn receive_fd_is_readable_exactly_while_something_can_be_received() {
        under("a socket's descriptor", || {
            for &endpoint in ENDPOINTS {
                let (push, pull) = push_and_pull(&Context::new(), endpoint);
                let fd = pull.receive_fd().unwrap();
                assert!(!is_readable(&fd));
                for text in ["1", "2", "3"] {
                    push.send(text).unwrap();
                }
                for _ in 0..3 {
                    wait_readable(&fd);
                    pull.try_recv().unwrap();
                }
                assert!(!is_readable(&fd));
                assert_eq!(pull.try_recv(), Err(ferromq::RecvError::Empty));
                push.send("4").unwrap();
                wait_readable(&pull.receive_fd().unwrap());
                assert!(is_readable(&fd), "it is one descriptor");
                assert!(pull.recv().is_ok() && !is_readable(&fd));
                pull.close();
                assert!(is_readable(&fd));
                drop(pull);
                assert!(is_readable(&fd));
            }
        });
    }

    #[test]
    fn receive_fd_made_late_shows_what_is_there() {
        under("a late descriptor", || {
            let (push, pull) = push_and_pull(&Context::new(), "inproc://name");
            push.send("x").unwrap();
            assert!(is_readable(&pull.receive_fd().unwrap()));
        });
    }

    #[test]
    fn receive_fd_follows_the_turns_of_a_rep() {
        under("turns of a descriptor", || {
            let context = Context::new();
            let (rep, one) = (Rep::new(&context), Req::new(&context));
            let other = Req::new(&context);
            let endpoint = rep.bind("inproc://turns").unwrap();
            one.connect(&endpoint).unwrap();
            other.connect(&endpoint).unwrap();
            let fd = rep.receive_fd().unwrap();
            one.send("1").unwrap();
            other.send("2").unwrap();
            assert!(is_readable(&fd));
            let question = rep.recv().unwrap();
            assert!(!is_readable(&fd), "a reply comes first");
            rep.send(question).unwrap();
            assert!(is_readable(&fd));
            rep.recv().unwrap();
            rep.send("2").unwrap();
            assert!(!is_readable(&fd));
        });
    }

    #[test]
    fn receive_fd_never_lies_to_the_only_receiver() {
        under("an honest descriptor", || {
            for &endpoint in ENDPOINTS {
                let (push, pull) = push_and_pull(&Context::new(), endpoint);
                let fd = pull.receive_fd().unwrap();
                let sending = thread::spawn(move || {
                    (0..5000_u32).for_each(|n| push.send(n.to_string()).unwrap());
                    push.close()
                });
                let mut poller = Poller::new(&Context::new());
                let added = poller.add_descriptor('d', &fd, Readiness::RECEIVE);
                added.unwrap();
                for n in 0..5000_u32 {
                    assert_eq!(receivable(&poller.wait(None).unwrap()), "d");
                    assert_eq!(pull.try_recv().unwrap().part_str(0), Ok(&*n.to_string()));
                }
                assert_eq!(sending.join().unwrap().unsent, 0);
                assert!(!is_readable(&fd));
            }
        });
    }
}
