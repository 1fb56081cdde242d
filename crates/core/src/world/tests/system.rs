//! The system's world as the engine uses it.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use ferromq_transport::{Endpoint, TransportOptions};

use super::super::{Interest, Listener, Reactor, Stream, SystemWorld, Turn, Worker, World};
use super::PATIENCE;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

/// Calls back at each turn.
struct Calls<F>(F);

impl<F: FnMut() -> Turn + Send> Worker for Calls<F> {
    fn turn(&mut self) -> Turn {
        (self.0)()
    }
}

#[test]
fn worker_turns_until_it_stops_on_a_thread_of_its_own() {
    let (sender, turns) = mpsc::channel();
    let mut left = 3;
    let worker = Calls(move || {
        let thread = thread::current();
        sender
            .send((thread.name().map(str::to_owned), thread.id()))
            .unwrap();
        left -= 1;
        if left == 0 {
            Turn::Stop
        } else {
            Turn::Continue
        }
    });
    let world = SystemWorld::new();
    let running = world
        .start("ferromq-io-0".to_owned(), Box::new(worker))
        .unwrap();
    running.join();
    let turns: Vec<_> = turns.iter().collect();
    assert_eq!(turns.len(), 3);
    for (name, id) in turns {
        assert_eq!(name.as_deref(), Some("ferromq-io-0"));
        assert_ne!(id, thread::current().id());
    }
}

#[test]
fn worker_is_known_by_its_thread_in_every_world() {
    let (answer, answers) = mpsc::channel();
    let worker = Calls(move || {
        answer.send(SystemWorld::new().is_worker()).unwrap();
        Turn::Stop
    });
    let world = SystemWorld::new();
    let running = world.start("ferromq-io-1".to_owned(), Box::new(worker));
    assert!(answers.recv_timeout(PATIENCE).unwrap());
    assert!(!world.is_worker());
    running.unwrap().join();
}

#[test]
fn worker_that_panics_can_be_joined() {
    // Without the message of a panic.
    let worker = Calls(|| std::panic::resume_unwind(Box::new(())));
    SystemWorld::new()
        .start("ferromq-io-2".to_owned(), Box::new(worker))
        .unwrap()
        .join();
}

#[test]
fn random_numbers_differ() {
    let world = SystemWorld::new();
    let mut numbers: Vec<_> = (0..1000).map(|_| world.random()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 1000);
    // Every bit is sometimes set and sometimes not.
    assert_eq!(numbers.iter().fold(0, |all, number| all | number), u64::MAX);
    assert_eq!(numbers.iter().fold(u64::MAX, |all, number| all & number), 0);
}

#[test]
fn time_does_not_go_back() {
    let world = SystemWorld::new();
    let before = world.now();
    assert!(world.now() >= before);
}

#[test]
#[cfg(feature = "tcp")]
fn addresses_are_answered_at_once_and_names_from_another_thread() {
    let world = SystemWorld::new();
    let answer_from = |text: &str| {
        let (sender, answers) = mpsc::channel();
        let reply = move |answer| sender.send((answer, thread::current().id())).unwrap();
        world.resolve(&endpoint(text), Box::new(reply));
        answers.recv_timeout(PATIENCE).unwrap()
    };
    let to: Vec<_> = vec![ferromq_transport::Address::Tcp {
        to: "127.0.0.1:9".parse().unwrap(),
        from: None,
    }];
    let (answer, thread) = answer_from("tcp://127.0.0.1:9");
    assert_eq!(
        (answer.unwrap(), thread),
        (to.clone(), thread::current().id())
    );
    let (answer, thread) = answer_from("tcp://localhost:9");
    assert!(answer.unwrap().contains(&to[0]));
    assert_ne!(thread, thread::current().id());
    let (answer, _) = answer_from("tcp://name.invalid:9");
    assert!(answer.is_err());
}

#[test]
fn stream_goes_from_dial_to_end_by_reactor_and_bell() {
    #[cfg(feature = "tcp")]
    exchange(&endpoint("tcp://127.0.0.1:*"));
    #[cfg(all(unix, feature = "ipc"))]
    exchange(&endpoint("ipc://*"));
}

fn exchange(place: &Endpoint) {
    let world = SystemWorld::new();
    let options = TransportOptions::default();
    let reactor = world.reactor().unwrap();
    let listener: Box<dyn Listener> = world.listen(place, &options).unwrap();
    reactor.add(listener.source(), 1).unwrap();
    let address = ferromq_transport::resolve(&listener.endpoint())
        .unwrap()
        .swap_remove(0);
    let dialled: Arc<dyn Stream> = world.dial(&address, &options).unwrap();
    reactor.add(dialled.source(), 2).unwrap();

    reactor
        .arm(
            dialled.source(),
            2,
            Interest {
                read: false,
                write: true,
            },
        )
        .unwrap();
    assert_eq!(next(&*reactor), 2);
    dialled.finish_connect().unwrap();
    reactor
        .arm(
            listener.source(),
            1,
            Interest {
                read: true,
                write: false,
            },
        )
        .unwrap();
    assert_eq!(next(&*reactor), 1);
    let accepted = listener.accept().unwrap();
    assert!(!accepted.peer_address().is_empty());

    assert_eq!(dialled.write(&[IoSlice::new(b"hello")]).unwrap(), 5);
    let bell = world.bell();
    bell.wait(&[&*accepted], None);
    let mut into = Vec::with_capacity(16);
    assert_eq!(accepted.read(&mut into, 16).unwrap(), 5);
    assert_eq!(into, b"hello");
    dialled.shutdown_write().unwrap();
    bell.wait(&[&*accepted], None);
    assert_eq!(accepted.read(&mut into, 16).unwrap(), 0);
    accepted.shutdown();
    reactor
        .arm(
            dialled.source(),
            3,
            Interest {
                read: true,
                write: false,
            },
        )
        .unwrap();
    assert_eq!(next(&*reactor), 3);
}

/// The token of the one source that becomes ready.
fn next(reactor: &dyn Reactor) -> u64 {
    let mut ready = Vec::new();
    while ready.is_empty() {
        reactor.wait(&mut ready, Some(PATIENCE)).unwrap();
    }
    assert_eq!(ready.len(), 1);
    ready[0].token
}
