//! Further threads of the application: their turns, waits and ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferromq_core::world::World;
use parking_lot::Mutex;

use super::{calm, connected, ms, read, write};
use crate::sim::SimWorld;

#[test]
fn thread_runs_while_others_wait_and_gives_its_result() {
    let world = calm();
    let inside = world.clone();
    let thread = world.spawn("other", move || {
        let deadline = inside.now() + ms(5);
        inside.bell().wait(&[], Some(deadline));
        assert!(!inside.is_worker());
        inside.elapsed()
    });
    assert!(!thread.is_over() && world.workers() == 1);
    world.advance(ms(4));
    assert!(!thread.is_over());
    assert_eq!(thread.join(), Some(ms(5)));
    assert_eq!((world.workers(), world.elapsed()), (0, ms(5)));
}

#[test]
fn thread_sleeps_until_its_own_bell_is_rung() {
    let world = calm();
    let bells = Arc::new(Mutex::new(Vec::new()));
    let (inside, own) = (world.clone(), bells.clone());
    let thread = world.spawn("sleeper", move || {
        let bell = inside.bell();
        own.lock().push(bell.clone());
        bell.wait(&[], None);
    });
    world.bell().ring();
    world.advance(ms(10));
    assert!(!thread.is_over());
    let bell = bells.lock()[0].clone();
    assert!(!Arc::ptr_eq(&bell, &world.bell()));
    bell.ring();
    world.run_idle();
    assert!(thread.is_over());
}

#[test]
fn thread_is_woken_by_a_stream_that_can_be_read() {
    let world = calm();
    let (_, a, b) = connected(&world);
    let inside = world.clone();
    let thread = world.spawn("reader", move || {
        inside.bell().wait(&[&*b], None);
        read(&*b)
    });
    world.run_idle();
    assert!(!thread.is_over());
    write(&*a, b"x").unwrap();
    assert_eq!(thread.join(), Some(Ok(b"x".to_vec())));
}

#[test]
fn threads_take_turns_as_the_seed_says() {
    let play = |seed| {
        let (world, order) = (SimWorld::new(seed), Arc::new(Mutex::new(String::new())));
        let threads = ["a", "b", "c"].map(|name| {
            let (inside, order) = (world.clone(), order.clone());
            world.spawn(name, move || {
                for _ in 0..5 {
                    order.lock().push_str(name);
                    let deadline = inside.now() + Duration::from_micros(1);
                    inside.bell().wait(&[], Some(deadline));
                }
            })
        });
        for thread in threads {
            assert_eq!(thread.join(), Some(()));
        }
        let order = order.lock().clone();
        (order, world.trace_hash())
    };
    let mut orders = BTreeSet::new();
    for seed in 0..10 {
        let (order, hash) = play(seed);
        assert_eq!(order.len(), 15);
        assert_eq!((order.clone(), hash), play(seed));
        orders.insert(order);
    }
    assert!(orders.len() > 1, "{orders:?}");
}

#[test]
#[should_panic(expected = "of the thread")]
fn panic_of_a_thread_is_one_of_who_waits_for_it() {
    let world = calm();
    world.spawn("wrong", || panic!("of the thread")).join();
}

#[test]
#[should_panic(expected = "made to wait from within Worker(0)")]
fn thread_that_runs_the_world_panics() {
    let world = calm();
    let inside = world.clone();
    world.spawn("wrong", move || inside.advance(ms(1))).join();
}

#[test]
fn thread_of_a_crashed_host_drops_what_it_had_and_ends() {
    let world = calm();
    let host = world.another_host();
    let kept = Arc::new(());
    let (inside, held) = (host.clone(), kept.clone());
    let thread = host.spawn("victim", move || {
        let held = held;
        inside.bell().wait(&[], None);
        drop(held);
    });
    world.run_idle();
    assert_eq!(Arc::strong_count(&kept), 2);
    host.crash(true);
    assert!(thread.is_over() && world.workers() == 0);
    assert_eq!(Arc::strong_count(&kept), 1);
    assert_eq!(thread.join(), None);
}
