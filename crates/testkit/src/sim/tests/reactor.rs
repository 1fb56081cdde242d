//! Simulated reactors, used without a worker.

use std::io::ErrorKind;

use ferromq_core::world::{Interest, Reactor, Ready, World};

use super::{calm, connected, listen, write};
use crate::sim::Side;

const BOTH: Interest = Interest {
    read: true,
    write: true,
};
const READ: Interest = Interest {
    read: true,
    write: false,
};

fn news(reactor: &dyn Reactor) -> Vec<Ready> {
    let mut ready = Vec::new();
    reactor.wait(&mut ready, None).unwrap();
    ready
}

#[test]
fn reactor_reports_a_source_once_per_arming() {
    let world = calm();
    let (_, a, b) = connected(&world);
    let reactor = world.reactor().unwrap();
    reactor.add(b.source(), 7).unwrap();
    write(&*a, b"x").unwrap();
    world.run_idle();
    assert_eq!(news(&*reactor), []);
    for _ in 0..2 {
        reactor.arm(b.source(), 8, READ).unwrap();
        let expected = Ready {
            token: 8,
            readable: true,
            writable: false,
        };
        assert_eq!(news(&*reactor), [expected]);
        assert_eq!(news(&*reactor), []);
    }
}

#[test]
fn reactor_empty_interest_silences_source() {
    let world = calm();
    let (_, a, _b) = connected(&world);
    let reactor = world.reactor().unwrap();
    reactor.add(a.source(), 1).unwrap();
    reactor.arm(a.source(), 1, BOTH).unwrap();
    reactor.arm(a.source(), 1, Interest::default()).unwrap();
    assert_eq!(news(&*reactor), []);
}

#[test]
fn reactor_reports_failure_whatever_was_asked_for() {
    let world = calm();
    let (link, a, _b) = connected(&world);
    let reactor = world.reactor().unwrap();
    reactor.add(a.source(), 1).unwrap();
    reactor.arm(a.source(), 1, READ).unwrap();
    world.cut(link);
    assert_eq!(
        news(&*reactor),
        [Ready {
            token: 1,
            readable: true,
            writable: true
        }]
    );
}

#[test]
fn reactor_faults_make_source_ready() {
    let world = calm();
    let (link, a, _b) = connected(&world);
    let reactor = world.reactor().unwrap();
    reactor.add(a.source(), 1).unwrap();
    reactor.arm(a.source(), 1, READ).unwrap();
    world.fail_read(link, Side::Dialer, ErrorKind::TimedOut, 1);
    assert_eq!(
        news(&*reactor),
        [Ready {
            token: 1,
            readable: true,
            writable: false
        }]
    );
}

#[test]
fn reactor_misuse_is_an_error() {
    let world = calm();
    let listener = listen(&world, "ipc://*");
    let reactor = world.reactor().unwrap();
    let arm = || reactor.arm(listener.source(), 1, READ);
    assert_eq!(arm().unwrap_err().kind(), ErrorKind::NotFound);
    reactor.add(listener.source(), 1).unwrap();
    let twice = reactor.add(listener.source(), 1);
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::AlreadyExists);
    arm().unwrap();
}

#[test]
fn reactor_forgets_dropped_source() {
    let world = calm();
    let (link, a, _b) = connected(&world);
    let reactor = world.reactor().unwrap();
    reactor.add(a.source(), 1).unwrap();
    reactor.arm(a.source(), 1, BOTH).unwrap();
    world.cut(link);
    drop(a);
    assert_eq!(news(&*reactor), []);
}
