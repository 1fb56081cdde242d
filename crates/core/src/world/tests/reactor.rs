//! One suite for both reactors.

use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::reactor_poll::{PollReactor, forget};
use super::super::{Interest, Reactor, Ready, Source};
use super::PATIENCE;

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

#[cfg(target_os = "linux")]
fn epoll() -> Arc<dyn Reactor> {
    Arc::new(super::super::reactor::EpollReactor::new().unwrap())
}

fn poll() -> Arc<dyn Reactor> {
    PollReactor::new().unwrap()
}

/// A pair of streams whose dropping is told to the reactors, as the world's streams do.
struct Watched<T: AsFd>(T);

impl<T: AsFd> Drop for Watched<T> {
    fn drop(&mut self) {
        forget(self.0.as_fd());
    }
}

impl<T: AsFd> Watched<T> {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn pair() -> (Watched<UnixStream>, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    (Watched(a), b)
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

fn added_source_is_silent_until_armed(reactor: &dyn Reactor) {
    let (a, mut b) = pair();
    b.write_all(b"x").unwrap();
    drop(b);
    reactor.add(Source::Fd(a.fd()), 7).unwrap();
    assert_eq!(ready_now(reactor), []);
    reactor.arm(Source::Fd(a.fd()), 7, READ).unwrap();
    let ready = wait_for_some(reactor);
    assert_eq!(
        (ready.len(), ready[0].token, ready[0].readable),
        (1, 7, true)
    );
}

fn armed_source_is_reported_once_per_arming(reactor: &dyn Reactor) {
    let (a, mut b) = pair();
    reactor.add(Source::Fd(a.fd()), 7).unwrap();
    reactor.arm(Source::Fd(a.fd()), 7, READ).unwrap();
    assert_eq!(ready_now(reactor), []);
    b.write_all(b"x").unwrap();
    assert_eq!(wait_for_some(reactor), [readable(7)]);
    assert_eq!(ready_now(reactor), []);
    // Level-triggered: still readable. The token is that of the last arming.
    reactor.arm(Source::Fd(a.fd()), 8, READ).unwrap();
    assert_eq!(wait_for_some(reactor), [readable(8)]);
    (&a.0).read_exact(&mut [0]).unwrap();
    reactor.arm(Source::Fd(a.fd()), 9, READ).unwrap();
    assert_eq!(ready_now(reactor), []);
}

fn interests_are_told_apart(reactor: &dyn Reactor) {
    let (a, mut b) = pair();
    reactor.add(Source::Fd(a.fd()), 1).unwrap();
    reactor.arm(Source::Fd(a.fd()), 1, WRITE).unwrap();
    let writable = Ready {
        token: 1,
        readable: false,
        writable: true,
    };
    assert_eq!(wait_for_some(reactor), [writable]);
    b.write_all(b"x").unwrap();
    reactor.arm(Source::Fd(a.fd()), 1, READ).unwrap();
    assert_eq!(wait_for_some(reactor), [readable(1)]);
    reactor.arm(Source::Fd(a.fd()), 1, BOTH).unwrap();
    assert_eq!(
        wait_for_some(reactor),
        [Ready {
            token: 1,
            readable: true,
            writable: true
        }]
    );
}

fn empty_interest_silences(reactor: &dyn Reactor) {
    let (a, mut b) = pair();
    reactor.add(Source::Fd(a.fd()), 1).unwrap();
    reactor.arm(Source::Fd(a.fd()), 1, READ).unwrap();
    reactor.arm(Source::Fd(a.fd()), 1, NONE).unwrap();
    b.write_all(b"x").unwrap();
    drop(b);
    assert_eq!(ready_now(reactor), []);
    assert_eq!(ready_now(reactor), []);
    reactor.arm(Source::Fd(a.fd()), 1, READ).unwrap();
    assert!(wait_for_some(reactor)[0].readable);
}

fn ended_stream_is_reported_for_any_interest(reactor: &dyn Reactor) {
    for interest in [READ, WRITE, BOTH] {
        let (a, b) = pair();
        reactor.add(Source::Fd(a.fd()), 1).unwrap();
        drop(b);
        reactor.arm(Source::Fd(a.fd()), 1, interest).unwrap();
        let both = Ready {
            token: 1,
            readable: true,
            writable: true,
        };
        assert_eq!(wait_for_some(reactor), [both], "{interest:?}");
        assert_eq!(ready_now(reactor), [], "{interest:?}");
    }
}

fn many_sources_are_all_reported(reactor: &dyn Reactor) {
    let pairs: Vec<_> = (0..300).map(|_| pair()).collect();
    for (token, (a, b)) in (0..).zip(&pairs) {
        reactor.add(Source::Fd(a.fd()), token).unwrap();
        reactor.arm(Source::Fd(a.fd()), token, READ).unwrap();
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

fn dropped_source_is_not_reported_and_its_number_is_free(reactor: &dyn Reactor) {
    for token in 0..10 {
        let (a, mut b) = pair();
        reactor.add(Source::Fd(a.fd()), token).unwrap();
        reactor.arm(Source::Fd(a.fd()), token, READ).unwrap();
        b.write_all(b"x").unwrap();
        drop(a);
        assert_eq!(ready_now(reactor), []);
        // And it is closed: its peer has seen the end.
        assert!(b.write_all(b"x").is_err());
    }
}

fn notify_ends_the_next_wait_once(reactor: &dyn Reactor) {
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

fn notified_wait_still_reports_what_is_ready(reactor: &dyn Reactor) {
    let (a, mut b) = pair();
    reactor.add(Source::Fd(a.fd()), 1).unwrap();
    reactor.arm(Source::Fd(a.fd()), 1, READ).unwrap();
    b.write_all(b"x").unwrap();
    reactor.notify();
    let mut ready = vec![readable(99)];
    reactor.wait(&mut ready, None).unwrap();
    assert_eq!(ready, [readable(99), readable(1)]);
}

fn notify_and_arm_from_other_threads_wake(reactor: &dyn Reactor) {
    const TURNS: usize = 2_000;
    let (a, mut b) = pair();
    reactor.add(Source::Fd(a.fd()), 1).unwrap();
    b.write_all(b"x").unwrap();
    let (sender, turns) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let (fd, sent) = (a.fd(), sender);
        scope.spawn(move || {
            for turn in 0..TURNS {
                if turn % 2 == 0 {
                    reactor.arm(Source::Fd(fd), 1, READ).unwrap();
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

fn short_timeouts_are_kept(reactor: &dyn Reactor) {
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

fn connecting_stream_becomes_writable(reactor: &dyn Reactor) {
    let listener = Watched(TcpListener::bind("127.0.0.1:0").unwrap());
    listener.0.set_nonblocking(true).unwrap();
    reactor.add(Source::Fd(listener.fd()), 1).unwrap();
    reactor.arm(Source::Fd(listener.fd()), 1, READ).unwrap();
    let stream = Watched(TcpStream::connect(listener.0.local_addr().unwrap()).unwrap());
    reactor.add(Source::Fd(stream.fd()), 2).unwrap();
    reactor.arm(Source::Fd(stream.fd()), 2, WRITE).unwrap();
    let mut tokens = Vec::new();
    while tokens.len() < 2 {
        tokens.extend(wait_for_some(reactor).iter().map(|ready| ready.token));
    }
    tokens.sort_unstable();
    assert_eq!(tokens, [1, 2]);
    listener.0.accept().unwrap();
}

fn simulated_source_is_refused(reactor: &dyn Reactor) {
    let error = reactor
        .add(Source::Simulated(1, PhantomData), 1)
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let error = reactor
        .arm(Source::Simulated(1, PhantomData), 1, READ)
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

fn address_is_free_when_its_armed_listener_is_dropped(reactor: &dyn Reactor) {
    let listener = Watched(TcpListener::bind("127.0.0.1:0").unwrap());
    let address = listener.0.local_addr().unwrap();
    reactor.add(Source::Fd(listener.fd()), 1).unwrap();
    reactor.arm(Source::Fd(listener.fd()), 1, READ).unwrap();
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

macro_rules! suite {
    (@ $reactor:ident [$($test:ident),* $(,)?]) => {
        mod $reactor {
            $(#[test]
            fn $test() {
                super::$test(&*super::$reactor());
            })*
        }
    };
    ($tests:tt) => {
        #[cfg(target_os = "linux")]
        suite!(@ epoll $tests);
        suite!(@ poll $tests);
    };
}

suite!([
    added_source_is_silent_until_armed,
    armed_source_is_reported_once_per_arming,
    interests_are_told_apart,
    empty_interest_silences,
    ended_stream_is_reported_for_any_interest,
    many_sources_are_all_reported,
    dropped_source_is_not_reported_and_its_number_is_free,
    notify_ends_the_next_wait_once,
    notified_wait_still_reports_what_is_ready,
    notify_and_arm_from_other_threads_wake,
    short_timeouts_are_kept,
    connecting_stream_becomes_writable,
    simulated_source_is_refused,
    address_is_free_when_its_armed_listener_is_dropped,
]);
