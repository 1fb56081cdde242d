//! Turns, time, bells, and what goes wrong with them.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use ferromq_core::world::{Reactor, Ready, Turn, Worker, World};
use parking_lot::Mutex;

use super::{calm, connected, ms, write};
use crate::sim::{Conditions, SimWorld, for_seeds};

/// A worker whose turn is a closure.
struct Each<F>(F);

impl<F: FnMut() -> Turn + Send> Worker for Each<F> {
    fn turn(&mut self) -> Turn {
        (self.0)()
    }
}

fn wait(reactor: &dyn Reactor, timeout: Option<Duration>) -> Vec<Ready> {
    let mut ready = Vec::new();
    reactor.wait(&mut ready, timeout).unwrap();
    ready
}

/// Starts a worker that wakes every `period` and notes when.
fn start_clock(world: &SimWorld, period: Duration) -> Arc<Mutex<Vec<Duration>>> {
    let (reactor, times) = (world.reactor().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let (handle, notes) = (world.clone(), times.clone());
    let start = world.now();
    let mut next = start + period;
    let turn = move || {
        let timeout = next.saturating_duration_since(handle.now());
        wait(&*reactor, Some(timeout));
        if handle.now() >= next {
            notes.lock().push(handle.now() - start);
            next += period;
        }
        Turn::Continue
    };
    world.start("clock".into(), Box::new(Each(turn))).unwrap();
    times
}

#[test]
fn worker_timeout_moves_virtual_time_exactly() {
    let world = calm();
    let times = start_clock(&world, ms(100));
    world.advance(ms(350));
    assert_eq!(*times.lock(), [ms(100), ms(200), ms(300)]);
    assert_eq!(world.elapsed(), ms(350));
    world.advance(ms(50));
    assert_eq!(times.lock().len(), 4);
}

#[test]
fn run_idle_leaves_later_timeouts() {
    let world = SimWorld::new(1);
    let times = start_clock(&world, Duration::from_secs(1));
    world.run_idle();
    assert!(times.lock().is_empty());
    assert!(world.elapsed() < ms(1));
}

#[test]
fn run_within_tells_whether_it_is_done() {
    let world = calm();
    let times = start_clock(&world, ms(100));
    assert!(!world.run_within(ms(199), || times.lock().len() == 2));
    assert!(world.run_within(ms(1), || times.lock().len() == 2));
    assert_eq!(world.elapsed(), ms(200));
}

#[test]
fn bell_deadline_passes_in_no_real_time() {
    let (world, start) = (SimWorld::new(1), Instant::now());
    let deadline = world.now() + Duration::from_secs(86_400);
    world.bell().wait(&[], Some(deadline));
    assert!(world.now() >= deadline);
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn bell_ring_is_consumed_by_one_wait() {
    let world = calm();
    let bell = world.bell();
    assert!(Arc::ptr_eq(&bell, &world.bell()));
    bell.ring();
    bell.wait(&[], None);
    let deadline = world.now() + ms(1);
    bell.wait(&[], Some(deadline));
    assert_eq!(world.elapsed(), ms(1));
}

#[test]
fn bell_wakes_for_readable_stream() {
    let world = SimWorld::new(2);
    let (_, a, b) = connected(&world);
    write(&*a, b"x").unwrap();
    assert!(!world.is_readable(&*b));
    world.bell().wait(&[&*a, &*b], None);
    assert!(world.is_readable(&*b));
}

#[test]
#[should_panic(expected = "deadlock in the simulated world")]
fn bell_that_nobody_can_ring_is_a_deadlock() {
    SimWorld::new(1).bell().wait(&[], None);
}

#[test]
#[should_panic(expected = "deadlock in the simulated world")]
fn parked_worker_and_held_link_are_a_deadlock() {
    let world = SimWorld::new(1);
    let (link, a, b) = connected(&world);
    let reactor = world.reactor().unwrap();
    let turn = move || {
        wait(&*reactor, None);
        Turn::Continue
    };
    world.start("idle".into(), Box::new(Each(turn))).unwrap();
    write(&*a, b"never arrives").unwrap();
    world.hold(link);
    world.bell().wait(&[&*b], None);
}

#[test]
fn step_without_anything_to_do_is_false() {
    let world = calm();
    assert!(!world.step());
    let (_, a, _b) = connected(&world);
    write(&*a, b"x").unwrap();
    assert!(world.step());
    assert!(!world.step());
}

#[test]
#[should_panic(expected = "livelock in the simulated world")]
fn worker_that_never_rests_is_a_livelock() {
    let world = calm();
    world.weather(|w| w.patience = 1000);
    world
        .start("restless".into(), Box::new(Each(|| Turn::Continue)))
        .unwrap();
    world.bell().wait(&[], None);
}

#[test]
#[should_panic(expected = "made to wait from within Worker(0)")]
fn worker_that_waits_on_a_bell_panics() {
    let world = calm();
    let bell = world.bell();
    let turn = move || {
        bell.wait(&[], None);
        Turn::Stop
    };
    world.start("wrong".into(), Box::new(Each(turn))).unwrap();
    world.run_idle();
}

#[test]
fn notified_worker_has_a_turn_and_one_more() {
    let world = calm();
    let (reactor, turns) = (world.reactor().unwrap(), Arc::new(AtomicU64::new(0)));
    let (own, counter) = (reactor.clone(), turns.clone());
    let turn = move || {
        wait(&*own, None);
        counter.fetch_add(1, Ordering::Relaxed);
        Turn::Continue
    };
    world.start("counter".into(), Box::new(Each(turn))).unwrap();
    world.run_idle();
    assert_eq!(turns.swap(0, Ordering::Relaxed), 1);
    reactor.notify();
    world.run_idle();
    assert_eq!(turns.load(Ordering::Relaxed), 2);
}

#[test]
fn join_runs_worker_until_it_stops() {
    let world = SimWorld::new(1);
    let (reactor, mut left) = (world.reactor().unwrap(), 3);
    let turn = move || {
        wait(&*reactor, Some(ms(10)));
        left -= 1;
        if left == 0 {
            Turn::Stop
        } else {
            Turn::Continue
        }
    };
    let running = world.start("brief".into(), Box::new(Each(turn))).unwrap();
    assert_eq!(world.workers(), 1);
    running.join();
    assert_eq!(world.workers(), 0);
    assert!((ms(20)..ms(21)).contains(&world.elapsed()));
}

#[test]
fn thread_is_a_worker_in_its_turns_only() {
    let world = calm();
    let (seen, inside) = (Arc::new(AtomicBool::new(false)), world.clone());
    let note = seen.clone();
    let turn = move || {
        note.store(inside.is_worker(), Ordering::Relaxed);
        Turn::Stop
    };
    let running = world.start("self".into(), Box::new(Each(turn))).unwrap();
    world.run_idle();
    assert!(seen.load(Ordering::Relaxed));
    assert!(!world.is_worker());
    running.join();
}

#[test]
fn block_on_runs_the_world_between_polls() {
    let world = SimWorld::new(1);
    let (reactor, mut late) = (world.reactor().unwrap(), false);
    let waker: Arc<Mutex<Option<std::task::Waker>>> = Arc::default();
    let kept = waker.clone();
    let turn = move || {
        wait(&*reactor, Some(ms(50)));
        if late && let Some(waker) = kept.lock().take() {
            waker.wake();
        }
        late = true;
        Turn::Continue
    };
    world.start("waker".into(), Box::new(Each(turn))).unwrap();
    let mut polls = 0;
    let output = world.block_on(poll_fn(|context| {
        polls += 1;
        *waker.lock() = Some(context.waker().clone());
        if polls == 3 {
            Poll::Ready("done")
        } else {
            Poll::Pending
        }
    }));
    assert_eq!(output, "done");
    assert!(world.elapsed() >= ms(100));
}

#[test]
fn looking_at_the_clock_lets_spinning_end() {
    let world = SimWorld::new(1);
    let until = world.now() + Duration::from_micros(20);
    let looks = std::iter::from_fn(|| (world.now() < until).then_some(())).count();
    assert!((900..=1000).contains(&looks), "{looks}");
}

#[test]
fn random_of_the_application_does_not_change_the_network() {
    for_seeds(0..5, |seed| {
        let hash = |draws: usize| {
            let world = SimWorld::with(seed, Conditions::default());
            for _ in 0..draws {
                let _ = world.random();
            }
            let (_, a, b) = connected(&world);
            write(&*a, b"some bytes").unwrap();
            world.bell().wait(&[&*b], None);
            world.trace_hash()
        };
        assert_eq!(hash(0), hash(9));
    });
}

#[test]
fn random_follows_from_the_seed() {
    let draw = |seed| SimWorld::new(seed).random();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}
