//! Bells: parked and polling, rung and not.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::bell::SystemBell;
use super::super::{Bell, Stream, SystemWorld, World};
use super::{PATIENCE, Plain, plain_pair};

/// Calls `test` with a bell and what it waits on: nothing (parked), a silent stream (polling), and
/// a silent stream without a descriptor to be woken by.
fn in_every_mode(test: impl Fn(Arc<SystemBell>, &[&dyn Stream])) {
    let (silent, _peer) = plain_pair();
    test(Arc::new(SystemBell::new()), &[]);
    test(Arc::new(SystemBell::new()), &[&silent]);
    let no_descriptor = || Err(io::ErrorKind::Other.into());
    test(Arc::new(SystemBell::with(no_descriptor)), &[&silent]);
}

/// Waits again and again until `condition` holds.
#[track_caller]
fn wait_until(bell: &dyn Bell, streams: &[&dyn Stream], condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it has not come true");
        bell.wait(streams, Some(deadline));
    }
}

#[test]
fn ring_before_wait_ends_it_and_is_consumed() {
    in_every_mode(|bell, streams| {
        bell.ring();
        bell.ring();
        bell.wait(streams, None);
        let deadline = Instant::now() + Duration::from_millis(5);
        while Instant::now() < deadline {
            bell.wait(streams, Some(deadline));
        }
    });
}

#[test]
fn ring_from_another_thread_ends_the_wait() {
    in_every_mode(|bell, streams| {
        let rung = Arc::new(AtomicU32::new(0));
        let ringer = {
            let (bell, rung) = (Arc::clone(&bell), Arc::clone(&rung));
            thread::spawn(move || {
                rung.store(1, Ordering::Relaxed);
                bell.ring();
            })
        };
        wait_until(&*bell, streams, || rung.load(Ordering::Relaxed) == 1);
        ringer.join().unwrap();
    });
}

#[test]
fn wait_without_ring_lasts_until_its_deadline() {
    let (silent, _peer) = plain_pair();
    let bell = SystemBell::new();
    for streams in [&[][..], &[&silent as &dyn Stream][..]] {
        for micros in [0, 50, 300, 2_000] {
            let start = Instant::now();
            let deadline = start + Duration::from_micros(micros);
            let mut waits = 0;
            while Instant::now() < deadline {
                bell.wait(streams, Some(deadline));
                waits += 1;
            }
            assert!(waits <= 3, "it spins");
            assert!(start.elapsed() < PATIENCE);
        }
    }
}

#[test]
fn deadline_in_the_past_does_not_wait() {
    in_every_mode(|bell, streams| bell.wait(streams, Some(Instant::now())));
}

#[test]
fn readable_or_ended_stream_ends_the_wait() {
    let ends: [fn(&Plain); 3] = [
        |peer| assert_eq!(peer.write(&[io::IoSlice::new(b"x")]).unwrap(), 1),
        |peer| peer.shutdown_write().unwrap(),
        |peer| peer.shutdown(),
    ];
    for end in ends {
        let (silent, _silent_peer) = plain_pair();
        let (stream, peer) = plain_pair();
        let bell = SystemBell::new();
        end(&peer);
        // Without a deadline: nothing else can end this.
        bell.wait(&[&silent, &stream], None);
    }
}

#[test]
fn bell_belongs_to_its_thread() {
    let world = Arc::new(SystemWorld::new());
    let own = world.bell();
    assert!(Arc::ptr_eq(&own, &world.bell()));
    assert!(Arc::ptr_eq(&own, &SystemWorld::new().bell()));
    let other = {
        let world = Arc::clone(&world);
        thread::spawn(move || world.bell()).join().unwrap()
    };
    assert!(!Arc::ptr_eq(&own, &other));
    // Its thread is gone; ringing does no harm.
    other.ring();
}

#[test]
fn park_of_the_standard_library_is_left_alone() {
    let bell = Arc::new(SystemBell::new());
    thread::current().unpark();
    bell.ring();
    bell.wait(&[], None);
    bell.wait(&[], Some(Instant::now() + Duration::from_micros(100)));
    // The token is still there.
    thread::park();
}

/// Two threads take turns; every turn hangs on one ring.
#[test]
fn no_ring_is_lost_between_two_threads() {
    const TURNS: u32 = 2_000;
    in_every_mode(|mine, streams| {
        let theirs = Arc::new(SystemBell::new());
        let turn = Arc::new(AtomicU32::new(0));
        let other = {
            let (mine, theirs) = (Arc::clone(&mine), Arc::clone(&theirs));
            let turn = Arc::clone(&turn);
            thread::spawn(move || {
                let (silent, _peer) = plain_pair();
                for at in (1..TURNS).step_by(2) {
                    let streams: &[&dyn Stream] = if at % 3 == 0 { &[] } else { &[&silent] };
                    wait_until(&*theirs, streams, || turn.load(Ordering::Relaxed) == at);
                    turn.store(at + 1, Ordering::Relaxed);
                    mine.ring();
                }
            })
        };
        for at in (0..TURNS).step_by(2) {
            wait_until(&*mine, streams, || turn.load(Ordering::Relaxed) == at);
            turn.store(at + 1, Ordering::Relaxed);
            theirs.ring();
        }
        wait_until(&*mine, streams, || turn.load(Ordering::Relaxed) == TURNS);
        other.join().unwrap();
    });
}
