//! The strategies against naive models: order, fairness, and names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::{Part, PipeId, Refusal, Route};

fn pipe(index: u32) -> PipeId {
    PipeId::new(index, 0)
}

fn picks(round_robin: &mut RoundRobin, count: usize) -> Vec<usize> {
    let picked = (0..count).filter_map(|_| round_robin.pick(&|_| true));
    picked.map(PipeId::index).collect()
}

fn round_robin(pipes: u32) -> RoundRobin {
    let mut round_robin = RoundRobin::new();
    (0..pipes).for_each(|n| round_robin.attach(pipe(n)));
    round_robin
}

#[test]
fn pipe_map_with_another_generation_finds_nothing() {
    let mut map = PipeMap::new();
    map.insert(PipeId::new(2, 1), 'a');
    assert_eq!(map.get(PipeId::new(2, 0)), None);
    assert_eq!(map.remove(PipeId::new(2, 0)), None);
    assert_eq!(*map.entry(PipeId::new(2, 1)), 'a');
    assert_eq!(*map.entry(PipeId::new(2, 2)), '\0');
    assert_eq!(map.get(PipeId::new(2, 1)), None);
}

#[test]
fn round_robin_with_room_takes_turns() {
    assert_eq!(picks(&mut round_robin(3), 7), [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn round_robin_without_pipes_picks_none() {
    let mut round_robin = RoundRobin::new();
    assert_eq!(round_robin.pick(&|_| true), None);
    assert!(!round_robin.has_room(&|_| true));
}

#[test]
fn round_robin_full_pipe_is_asked_once_until_writable() {
    let mut round_robin = round_robin(2);
    let asked = std::cell::Cell::new(0);
    let room = |p: PipeId| {
        asked.set(asked.get() + usize::from(p == pipe(0)));
        p != pipe(0)
    };
    for _ in 0..5 {
        assert_eq!(round_robin.pick(&room), Some(pipe(1)));
    }
    assert_eq!(asked.get(), 1);
    round_robin.writable(pipe(0));
    assert_eq!(picks(&mut round_robin, 4), [1, 0, 1, 0]);
}

#[test]
fn round_robin_saturated_serves_pipes_in_the_order_they_drain() {
    let mut round_robin = round_robin(3);
    assert_eq!(round_robin.pick(&|_| false), None);
    for n in [2, 0, 1] {
        round_robin.writable(pipe(n));
    }
    assert_eq!(picks(&mut round_robin, 3), [2, 0, 1]);
}

#[test]
fn round_robin_lost_pipe_is_used_only_when_all_are_lost() {
    let mut round_robin = round_robin(2);
    round_robin.lost(pipe(0));
    assert_eq!(picks(&mut round_robin, 2), [1, 1]);
    assert_eq!(round_robin.pick(&|p| p == pipe(0)), None);
    assert!(!round_robin.has_room(&|p| p == pipe(0)));
    round_robin.lost(pipe(1));
    round_robin.writable(pipe(1));
    assert_eq!(picks(&mut round_robin, 3), [0, 1, 0]);
    round_robin.restored(pipe(1));
    assert_eq!(picks(&mut round_robin, 2), [1, 1]);
    round_robin.detach(pipe(1));
    assert_eq!(picks(&mut round_robin, 2), [0, 0]);
}

#[test]
fn round_robin_hints_about_strangers_change_nothing() {
    let mut round_robin = round_robin(1);
    round_robin.writable(pipe(7));
    round_robin.lost(pipe(7));
    round_robin.restored(pipe(7));
    round_robin.detach(pipe(7));
    assert_eq!(picks(&mut round_robin, 2), [0, 0]);
}

#[test]
fn fair_queue_served_pipe_goes_to_the_back() {
    let mut queue = FairQueue::new();
    (0..3).for_each(|n| queue.readable(pipe(n)));
    queue.readable(pipe(0));
    let mut order = Vec::new();
    for _ in 0..4 {
        let next = queue.next().unwrap();
        order.push(next.index());
        queue.served(next);
    }
    assert_eq!(order, [0, 1, 2, 0]);
    queue.drained(pipe(1));
    queue.detach(pipe(2));
    assert_eq!(queue.next(), Some(pipe(0)));
    queue.drained(pipe(0));
    assert_eq!(queue.next(), None);
}

fn offered(fan_out: &mut FanOut, room: &dyn crate::Room) -> (BTreeSet<usize>, usize) {
    fan_out.begin();
    fan_out.offer_all(room);
    match fan_out.route() {
        Route::Each { pipes, skipped } => (pipes.iter().map(|p| p.index()).collect(), skipped),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn fan_out_full_pipe_is_skipped_and_counted_until_writable() {
    let mut fan_out = FanOut::new();
    (0..3).for_each(|n| fan_out.attach(pipe(n)));
    assert_eq!(offered(&mut fan_out, &|p| p != pipe(1)), ([0, 2].into(), 1));
    assert_eq!(offered(&mut fan_out, &|_| true), ([0, 2].into(), 1));
    fan_out.writable(pipe(1));
    assert_eq!(offered(&mut fan_out, &|_| true), ([0, 1, 2].into(), 0));
    fan_out.detach(pipe(0));
    assert_eq!(offered(&mut fan_out, &|_| true), ([1, 2].into(), 0));
    fan_out.detach(pipe(2));
    fan_out.detach(pipe(2));
    assert_eq!(offered(&mut fan_out, &|_| true), ([1].into(), 0));
}

#[test]
fn routing_id_in_use_is_refused_and_changes_nothing() {
    let mut peers = ByRoutingId::new(0);
    peers.assign(pipe(0), Part::from("a")).unwrap();
    peers.assign(pipe(1), Part::from("b")).unwrap();
    let refused = peers.assign(pipe(1), Part::from("a"));
    assert_eq!(refused, Err(Refusal::DuplicateRoutingId));
    assert_eq!(peers.pipe(b"b"), Some(pipe(1)));
    assert_eq!(peers.assign(pipe(0), Part::from("a")), Ok(()));
    peers.assign(pipe(0), Part::from("c")).unwrap();
    assert_eq!(peers.pipe(b"a"), None);
    assert_eq!(peers.remove(pipe(0)), Some(Part::from("c")));
    assert_eq!(peers.pipe(b"c"), None);
}

#[test]
fn made_routing_id_is_zero_and_a_counter_that_skips_names_in_use() {
    let mut peers = ByRoutingId::new(u32::MAX);
    peers.assign(pipe(0), Part::from([0, 0, 0, 0, 0])).unwrap();
    assert_eq!(peers.assign_made(pipe(1)), [0, 255, 255, 255, 255]);
    assert_eq!(peers.assign_made(pipe(2)), [0, 0, 0, 0, 1]);
    assert_eq!(peers.pipe(&[0, 0, 0, 0, 1]), Some(pipe(2)));
    assert_eq!(peers.name(pipe(0)), Some(&Part::from([0, 0, 0, 0, 0])));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push(u32),
    Remove(u32),
    Rotate,
}

fn ring_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u32).prop_map(Step::Push),
        (0..6_u32).prop_map(Step::Remove),
        Just(Step::Rotate),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Attach(u32),
    Detach(u32),
    Lost(u32),
    Restored(u32),
    Full(u32),
    Room(u32),
    Pick,
}

const PIPES: u32 = 6;

fn event() -> impl Strategy<Value = Event> {
    let pipe = 0..PIPES;
    prop_oneof![
        2 => pipe.clone().prop_map(Event::Attach),
        1 => pipe.clone().prop_map(Event::Detach),
        1 => pipe.clone().prop_map(Event::Lost),
        1 => pipe.clone().prop_map(Event::Restored),
        2 => pipe.clone().prop_map(Event::Full),
        2 => pipe.prop_map(Event::Room),
        6 => Just(Event::Pick),
    ]
}

/// What is known of an attached pipe, and how many picks it has waited for its turn.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    lost: bool,
    full: bool,
    waited: usize,
}

#[derive(Default)]
struct Model(BTreeMap<u32, Known>);

impl Model {
    fn eligible(&self) -> Vec<u32> {
        let all_lost = self.0.values().all(|known| known.lost);
        let pipes = self
            .0
            .iter()
            .filter(|(_, known)| !known.full && known.lost == all_lost);
        pipes.map(|(pipe, _)| *pipe).collect()
    }

    /// Changes what is known of a pipe, which may thereby lose its turn.
    fn change(&mut self, pipe: u32, change: impl Fn(&mut Known)) {
        if let Some(known) = self.0.get_mut(&pipe) {
            known.waited = 0;
            change(known);
        }
    }

    /// Checks a pick: possible exactly if somebody is eligible, and nobody waits longer than for
    /// each of the others once.
    fn check(&mut self, picked: Option<u32>) {
        let eligible = self.eligible();
        assert_eq!(picked.is_some(), !eligible.is_empty());
        let Some(picked) = picked else { return };
        assert!(eligible.contains(&picked));
        for (pipe, known) in &mut self.0 {
            known.waited += 1;
            if *pipe == picked || !eligible.contains(pipe) {
                known.waited = 0;
            }
            assert!(known.waited < PIPES as usize, "pipe {pipe} was passed over");
        }
    }
}

proptest! {
    #[test]
    fn ring_after_any_steps_agrees_with_a_deque(
        steps in prop::collection::vec(ring_step(), 1..60),
    ) {
        let (mut ring, mut model) = (Ring::new(), VecDeque::new());
        for step in steps {
            match step {
                Step::Push(n) => {
                    let new = !model.contains(&pipe(n));
                    prop_assert_eq!(ring.push_back(pipe(n)), new);
                    model.extend(new.then_some(pipe(n)));
                }
                Step::Remove(n) => {
                    prop_assert_eq!(ring.remove(pipe(n)), model.contains(&pipe(n)));
                    model.retain(|member| *member != pipe(n));
                }
                Step::Rotate => {
                    ring.rotate();
                    model.rotate_left(model.len().min(1));
                }
            }
            prop_assert_eq!(ring.front(), model.front().copied());
            prop_assert!(ring.iter().eq(model.iter().copied()));
            prop_assert_eq!(ring.is_empty(), model.is_empty());
        }
    }

    #[test]
    fn round_robin_after_any_events_is_fair(events in prop::collection::vec(event(), 1..200)) {
        let (mut round_robin, mut model) = (RoundRobin::new(), Model::default());
        for event in events {
            match event {
                Event::Attach(n) if !model.0.contains_key(&n) => {
                    round_robin.attach(pipe(n));
                    model.0.insert(n, Known::default());
                }
                Event::Attach(_) => {}
                Event::Detach(n) => {
                    round_robin.detach(pipe(n));
                    model.0.remove(&n);
                }
                Event::Lost(n) => {
                    round_robin.lost(pipe(n));
                    model.change(n, |known| known.lost = true);
                }
                Event::Restored(n) => {
                    round_robin.restored(pipe(n));
                    model.change(n, |known| known.lost = false);
                }
                Event::Full(n) => {
                    model.change(n, |known| known.full = true);
                }
                Event::Room(n) => {
                    model.0.entry(n).and_modify(|known| known.full = false);
                    round_robin.writable(pipe(n));
                }
                Event::Pick => {
                    let full = |p: PipeId| model.0[&(p.index() as u32)].full;
                    prop_assert_eq!(
                        round_robin.has_room(&|p| !full(p)), !model.eligible().is_empty()
                    );
                    let picked = round_robin.pick(&|p| !full(p));
                    model.check(picked.map(|p| p.index() as u32));
                }
            }
        }
    }
}
