//! The reactor of this system, whichever it is.

use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::super::kernel::{self, Watched};
use super::super::{Interest, Reactor, Ready, Source};
use super::{LocalStream, PATIENCE, local_pair};

const READ: Interest = Interest {
    read: true,
    write: false,
};
const WRITE: Interest = Interest {
    read: false,
    write: true,
};
const BOTH: Interest = Interest {
    read: true,
    write: true,
};
const NONE: Interest = Interest {
    read: false,
    write: false,
};

/// A silent source, and its peer.
fn pair() -> (Watched<LocalStream>, LocalStream) {
    let (a, b) = local_pair();
    a.set_nonblocking(true).unwrap();
    (Watched::new(a), b)
}

/// What is ready now.
fn ready_now(reactor: &dyn Reactor) -> Vec<Ready> {
    let mut ready = Vec::new();
    reactor.wait(&mut ready, Some(Duration::ZERO)).unwrap();
    ready
}

/// Waits until something is ready.
#[track_caller]
fn wait_for_some(reactor: &dyn Reactor) -> Vec<Ready> {
    let start = Instant::now();
    let mut ready = Vec::new();
    while ready.is_empty() {
        assert!(start.elapsed() < PATIENCE, "nothing is ready");
        reactor.wait(&mut ready, Some(PATIENCE)).unwrap();
    }
    ready
}

fn readable(token: u64) -> Ready {
    Ready {
        token,
        readable: true,
        writable: false,
    }
}

#[test]
fn added_source_is_silent_until_armed() {
    let reactor = &*kernel::reactor().unwrap();
    let (a, mut b) = pair();
    b.write_all(b"x").unwrap();
    drop(b);
    reactor.add(Source::System(a.source()), 7).unwrap();
    assert_eq!(ready_now(reactor), []);
    reactor.arm(Source::System(a.source()), 7, READ).unwrap();
    let ready = wait_for_some(reactor);
    assert_eq!(
        (ready.len(), ready[0].token, ready[0].readable),
        (1, 7, true)
    );
}

#[test]
fn armed_source_is_reported_once_per_arming() {
    let reactor = &*kernel::reactor().unwrap();
    let (a, mut b) = pair();
    reactor.add(Source::System(a.source()), 7).unwrap();
    reactor.arm(Source::System(a.source()), 7, READ).unwrap();
    assert_eq!(ready_now(reactor), []);
    b.write_all(b"x").unwrap();
    assert_eq!(wait_for_some(reactor), [readable(7)]);
    assert_eq!(ready_now(reactor), []);
    // Level-triggered: still readable. The token is that of the last arming.
    reactor.arm(Source::System(a.source()), 8, READ).unwrap();
    assert_eq!(wait_for_some(reactor), [readable(8)]);
    (&*a).read_exact(&mut [0]).unwrap();
    reactor.arm(Source::System(a.source()), 9, READ).unwrap();
    assert_eq!(ready_now(reactor), []);
}

#[test]
fn interests_are_told_apart() {
    let reactor = &*kernel::reactor().unwrap();
    let (a, mut b) = pair();
    reactor.add(Source::System(a.source()), 1).unwrap();
    reactor.arm(Source::System(a.source()), 1, WRITE).unwrap();
    let writable = Ready {
        token: 1,
        readable: false,
        writable: true,
    };
    assert_eq!(wait_for_some(reactor), [writable]);
    b.write_all(b"x").unwrap();
    reactor.arm(Source::System(a.source()), 1, READ).unwrap();
    assert_eq!(wait_for_some(reactor), [readable(1)]);
    reactor.arm(Source::System(a.source()), 1, BOTH).unwrap();
    // Some systems tell of one direction at a time.
    let ready = wait_for_some(reactor);
    assert!(ready.iter().all(|ready| ready.token == 1), "{ready:?}");
    assert!(ready.iter().any(|ready| ready.readable), "{ready:?}");
    assert!(ready.iter().any(|ready| ready.writable), "{ready:?}");
}

#[test]
fn empty_interest_silences() {
    let reactor = &*kernel::reactor().unwrap();
    let (a, mut b) = pair();
    reactor.add(Source::System(a.source()), 1).unwrap();
    reactor.arm(Source::System(a.source()), 1, READ).unwrap();
    reactor.arm(Source::System(a.source()), 1, NONE).unwrap();
    b.write_all(b"x").unwrap();
    drop(b);
    assert_eq!(ready_now(reactor), []);
    assert_eq!(ready_now(reactor), []);
    reactor.arm(Source::System(a.source()), 1, READ).unwrap();
    assert!(wait_for_some(reactor)[0].readable);
}

#[test]
fn ended_stream_is_reported_for_any_interest() {
    let reactor = &*kernel::reactor().unwrap();
    for interest in [READ, WRITE, BOTH] {
        let (a, b) = pair();
        reactor.add(Source::System(a.source()), 1).unwrap();
        drop(b);
        reactor
            .arm(Source::System(a.source()), 1, interest)
            .unwrap();
        let ready = wait_for_some(reactor);
        let told =
            |ready: &Ready| interest.read && ready.readable || interest.write && ready.writable;
        assert!(ready.iter().all(|ready| ready.token == 1), "{ready:?}");
        assert!(ready.iter().any(told), "{interest:?}: {ready:?}");
        assert_eq!(ready_now(reactor), [], "{interest:?}");
    }
}

#[test]
fn many_sources_are_all_reported() {
    let reactor = &*kernel::reactor().unwrap();
    let pairs: Vec<_> = (0..300).map(|_| pair()).collect();
    for (token, (a, b)) in (0..).zip(&pairs) {
        reactor.add(Source::System(a.source()), token).unwrap();
        reactor
            .arm(Source::System(a.source()), token, READ)
            .unwrap();
        (&mut &*b).write_all(b"x").unwrap();
    }
    let mut tokens = Vec::new();
    while tokens.len() < pairs.len() {
        tokens.extend(wait_for_some(reactor).iter().map(|ready| ready.token));
    }
    tokens.sort_unstable();
    assert!(tokens.into_iter().eq(0..300));
    assert_eq!(ready_now(reactor), []);
}

#[test]
fn dropped_source_is_not_reported_and_its_number_is_free() {
    let reactor = &*kernel::reactor().unwrap();
    for token in 0..10 {
        let (a, mut b) = pair();
        reactor.add(Source::System(a.source()), token).unwrap();
        reactor
            .arm(Source::System(a.source()), token, READ)
            .unwrap();
        b.write_all(b"x").unwrap();
        drop(a);
        assert_eq!(ready_now(reactor), []);
        // And it is closed: its peer has seen the end.
        assert!(b.write_all(b"x").is_err());
    }
}

#[test]
fn notify_ends_the_next_wait_once() {
    let reactor = &*kernel::reactor().unwrap();
    for _ in 0..3 {
        reactor.notify();
        reactor.notify();
        // Without limit: nothing else ends it.
        reactor.wait(&mut Vec::new(), None).unwrap();
        let start = Instant::now();
        let pause = Duration::from_millis(3);
        let mut waits = 0;
        while start.elapsed() < pause {
            reactor
                .wait(&mut Vec::new(), Some(pause - start.elapsed()))
                .unwrap();
            waits += 1;
        }
        assert!(waits < 5, "it does not sleep any more");
    }
}

#[test]
fn notified_wait_still_reports_what_is_ready() {
    let reactor = &*kernel::reactor().unwrap();
    let (a, mut b) = pair();
    reactor.add(Source::System(a.source()), 1).unwrap();
    reactor.arm(Source::System(a.source()), 1, READ).unwrap();
    b.write_all(b"x").unwrap();
    reactor.notify();
    let mut ready = vec![readable(99)];
    reactor.wait(&mut ready, None).unwrap();
    assert_eq!(ready, [readable(99), readable(1)]);
}

#[test]
fn notify_and_arm_from_other_threads_wake() {
    let reactor = &*kernel::reactor().unwrap();
    const TURNS: usize = 2_000;
    let (a, mut b) = pair();
    reactor.add(Source::System(a.source()), 1).unwrap();
    b.write_all(b"x").unwrap();
    let (sender, turns) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let (source, sent) = (a.source(), sender);
        scope.spawn(move || {
            for turn in 0..TURNS {
                if turn % 2 == 0 {
                    reactor.arm(Source::System(source), 1, READ).unwrap();
                } else {
                    sent.send(()).unwrap();
                    reactor.notify();
                }
            }
        });
        // Arming twice before a wait reports once, notifying likewise: count what must come.
        let (mut notified, mut reported) = (0, 0);
        while notified < TURNS / 2 || reported == 0 {
            let mut ready = Vec::new();
            reactor.wait(&mut ready, None).unwrap();
            reported += ready.len();
            notified += turns.try_iter().count();
        }
        assert!(reported <= TURNS / 2);
    });
}

#[test]
fn short_timeouts_are_kept() {
    let reactor = &*kernel::reactor().unwrap();
    for micros in [100, 700, 1_500, 25_000] {
        let timeout = Duration::from_micros(micros);
        let start = Instant::now();
        let mut waits = 0;
        while start.elapsed() < timeout {
            reactor
                .wait(&mut Vec::new(), Some(timeout - start.elapsed()))
                .unwrap();
            waits += 1;
        }
        assert!(waits <= 3, "{waits} waits for {timeout:?}");
        assert!(start.elapsed() < PATIENCE);
    }
}

#[test]
fn connecting_stream_becomes_writable() {
    let reactor = &*kernel::reactor().unwrap();
    let listener = Watched::new(TcpListener::bind("127.0.0.1:0").unwrap());
    listener.set_nonblocking(true).unwrap();
    reactor.add(Source::System(listener.source()), 1).unwrap();
    reactor
        .arm(Source::System(listener.source()), 1, READ)
        .unwrap();
    let stream = Watched::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
    reactor.add(Source::System(stream.source()), 2).unwrap();
    reactor
        .arm(Source::System(stream.source()), 2, WRITE)
        .unwrap();
    let mut tokens = Vec::new();
    while tokens.len() < 2 {
        tokens.extend(wait_for_some(reactor).iter().map(|ready| ready.token));
    }
    tokens.sort_unstable();
    assert_eq!(tokens, [1, 2]);
    listener.accept().unwrap();
}

#[test]
fn simulated_source_is_refused() {
    let reactor = &*kernel::reactor().unwrap();
    let error = reactor
        .add(Source::Simulated(1, PhantomData), 1)
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let error = reactor
        .arm(Source::Simulated(1, PhantomData), 1, READ)
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn address_is_free_when_its_armed_listener_is_dropped() {
    let reactor = &*kernel::reactor().unwrap();
    let listener = Watched::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.local_addr().unwrap();
    reactor.add(Source::System(listener.source()), 1).unwrap();
    reactor
        .arm(Source::System(listener.source()), 1, READ)
        .unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        // A poll is under way all the time.
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                reactor.wait(&mut Vec::new(), Some(PATIENCE)).unwrap();
            }
        });
        drop(listener);
        let refused = TcpStream::connect(address).map(drop).unwrap_err();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        reactor.notify();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    });
}

/// Where a thread can sleep so: elsewhere there is no room at once.
#[test]
#[cfg(all(target_os = "linux", not(ferromq_polling)))]
fn stream_is_writable_when_its_peer_has_read_or_gone() {
    use kernel::wait_writable;

    let (mut writer, mut reader) = local_pair();
    writer.set_nonblocking(true).unwrap();
    let mut written = 0;
    while let Ok(more) = writer.write(&[0; 4096]) {
        written += more;
    }
    let watched = Watched::new(writer);
    assert!(!wait_writable(watched.source(), Duration::ZERO));
    assert!(!wait_writable(watched.source(), Duration::from_micros(100)));
    reader.read_exact(&mut vec![0; written]).unwrap();
    assert!(wait_writable(watched.source(), PATIENCE));
    drop(reader);
    assert!(wait_writable(watched.source(), Duration::ZERO));
}
