//! The index against a naive model, its costs, and hostile topics.

#![expect(clippy::disallowed_methods, reason = "what a match costs is measured")]

use std::collections::{BTreeMap, BTreeSet};

use ferromq_core::PipeId;
use proptest::prelude::*;

use super::*;
use crate::arena::Slot;
use crate::trie::{LABEL, Node};

fn pipe(index: u32) -> PipeId {
    PipeId::new(index, 0)
}

fn matches(index: &mut Index, topic: &[u8]) -> Vec<PipeId> {
    let mut found = Vec::new();
    index.for_each_match(topic, |pipe| found.push(pipe));
    found.sort();
    found
}

fn orphans(index: &mut Index, pipe: PipeId) -> BTreeSet<Vec<u8>> {
    let mut topics = BTreeSet::new();
    index.remove(pipe, |topic| assert!(topics.insert(topic)));
    topics
}

/// The same by looking at every subscription.
#[derive(Default)]
struct Model(BTreeMap<Vec<u8>, BTreeSet<PipeId>>);

impl Model {
    fn subscribe(&mut self, pipe: PipeId, topic: &[u8]) -> bool {
        let first = !self.0.contains_key(topic);
        self.0.entry(topic.to_vec()).or_default().insert(pipe);
        first
    }

    fn unsubscribe(&mut self, pipe: PipeId, topic: &[u8]) -> bool {
        let Some(pipes) = self.0.get_mut(topic) else {
            return false;
        };
        pipes.remove(&pipe);
        let last = pipes.is_empty();
        self.0.retain(|_, pipes| !pipes.is_empty());
        last
    }

    fn remove(&mut self, pipe: PipeId) -> BTreeSet<Vec<u8>> {
        let topics: Vec<_> = self.0.keys().cloned().collect();
        let orphans = topics
            .into_iter()
            .filter(|topic| self.unsubscribe(pipe, topic));
        orphans.collect()
    }

    fn matches(&self, topic: &[u8]) -> Vec<PipeId> {
        let matching = self
            .0
            .iter()
            .filter(|(prefix, _)| topic.starts_with(prefix));
        let pipes: BTreeSet<_> = matching
            .flat_map(|(_, pipes)| pipes.iter().copied())
            .collect();
        pipes.into_iter().collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(u32, Vec<u8>),
    Unsubscribe(u32, Vec<u8>),
    Remove(u32),
    Match(Vec<u8>),
}

/// Topics that share beginnings: runs of two letters, some longer than a node's label.
fn topic() -> impl Strategy<Value = Vec<u8>> {
    let run = (
        prop::sample::select(vec![b'a', b'b']),
        prop::sample::select(vec![0_usize, 1, 2, 34, 35, 80]),
    );
    prop::collection::vec(run, 0..4).prop_map(|runs| {
        runs.into_iter()
            .flat_map(|(byte, length)| vec![byte; length])
            .collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..24_u32, topic()).prop_map(|(pipe, topic)| Step::Subscribe(pipe, topic)),
        4 => (0..24_u32, topic()).prop_map(|(pipe, topic)| Step::Unsubscribe(pipe, topic)),
        1 => (0..24_u32).prop_map(Step::Remove),
        3 => topic().prop_map(Step::Match),
    ]
}

proptest! {
    #[test]
    fn index_after_any_steps_agrees_with_the_model(steps in prop::collection::vec(step(), 1..120)) {
        let (mut index, mut model) = (Index::new(), Model::default());
        for step in steps {
            match step {
                Step::Subscribe(n, topic) => prop_assert_eq!(
                    index.subscribe(pipe(n), &topic), model.subscribe(pipe(n), &topic)
                ),
                Step::Unsubscribe(n, topic) => prop_assert_eq!(
                    index.unsubscribe(pipe(n), &topic), model.unsubscribe(pipe(n), &topic)
                ),
                Step::Remove(n) => prop_assert_eq!(
                    orphans(&mut index, pipe(n)), model.remove(pipe(n))
                ),
                Step::Match(topic) => prop_assert_eq!(
                    matches(&mut index, &topic), model.matches(&topic)
                ),
            }
            prop_assert_eq!(index.topics(), model.0.len());
        }
        for n in 0..24 {
            prop_assert_eq!(orphans(&mut index, pipe(n)), model.remove(pipe(n)));
        }
        prop_assert_eq!(index.tree.len(), 1);
    }
}

#[test]
fn index_node_fits_a_cache_line() {
    assert!(size_of::<Slot<Node<Holders>>>() <= 64);
}

#[test]
fn match_of_several_prefixes_names_the_pipe_once() {
    let mut index = Index::new();
    for topic in ["", "a", "ab", "abc"] {
        index.subscribe(pipe(3), topic.as_bytes());
    }
    assert_eq!(matches(&mut index, b"abcd"), [pipe(3)]);
    assert_eq!(matches(&mut index, b""), [pipe(3)]);
}

#[test]
fn subscribe_twice_needs_one_unsubscribe() {
    let mut index = Index::new();
    assert!(index.subscribe(pipe(0), b"a"));
    assert!(!index.subscribe(pipe(0), b"a"));
    assert!(index.unsubscribe(pipe(0), b"a"));
    assert_eq!(matches(&mut index, b"a"), []);
    assert!(!index.unsubscribe(pipe(0), b"a"));
}

#[test]
fn remove_with_slot_reused_leaves_the_new_generation_alone() {
    let mut index = Index::new();
    index.subscribe(PipeId::new(0, 1), b"a");
    index.remove(PipeId::new(0, 0), drop);
    assert_eq!(matches(&mut index, b"a"), [PipeId::new(0, 1)]);
}

#[test]
fn subscribe_to_a_megabyte_is_found_and_freed() {
    let mut index = Index::new();
    let long = vec![b'x'; 1 << 20];
    let mut longer = long.clone();
    longer.push(b'y');
    index.subscribe(pipe(0), &long);
    index.subscribe(pipe(1), &longer);
    assert_eq!(matches(&mut index, &long), [pipe(0)]);
    assert_eq!(matches(&mut index, &longer), [pipe(0), pipe(1)]);
    assert!(index.capacity() < (2 << 20) / LABEL);
    assert!(index.unsubscribe(pipe(0), &long));
    assert_eq!(orphans(&mut index, pipe(1)), BTreeSet::from([longer]));
    assert_eq!(index.tree.len(), 1);
}

#[test]
fn unsubscribe_of_everything_frees_the_storage() {
    let mut index = Index::new();
    let topics: Vec<_> = (0..50_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    for topic in &topics {
        index.subscribe(pipe(0), topic);
    }
    for topic in &topics {
        assert!(index.unsubscribe(pipe(0), topic));
    }
    assert_eq!(index.tree.len(), 1);
    assert!(index.capacity() <= 2048);
}

#[test]
fn churn_of_topics_keeps_the_storage() {
    let mut index = Index::new();
    let topic = |n: u32| format!("{:x}/{n}", n.wrapping_mul(2_654_435_761));
    for n in 0..1000 {
        index.subscribe(pipe(0), topic(n).as_bytes());
    }
    let before = index.capacity();
    for n in 1000..20_000 {
        index.unsubscribe(pipe(0), topic(n - 1000).as_bytes());
        index.subscribe(pipe(0), topic(n).as_bytes());
    }
    assert_eq!(index.topics(), 1000);
    assert!(index.capacity() <= before + 2048);
}

#[test]
fn crowd_at_one_topic_comes_and_goes_in_any_order() {
    let mut index = Index::new();
    for n in 0..1000 {
        assert_eq!(index.subscribe(pipe(n), b"t"), n == 0);
    }
    for n in (0..1000).step_by(2) {
        assert!(!index.unsubscribe(pipe(n), b"t"));
    }
    let odd: Vec<_> = (0..1000).filter(|n| n % 2 == 1).map(pipe).collect();
    assert_eq!(matches(&mut index, b"topic"), odd);
    for n in (1..1000).step_by(2) {
        assert_eq!(orphans(&mut index, pipe(n)).len(), usize::from(n == 999));
    }
    assert_eq!(index.tree.len(), 1);
}

/// `cargo test --release -p ferromq-pubsub -- --ignored --nocapture million`
#[test]
#[ignore = "prints measurements, for a release build"]
fn index_of_a_million_random_topics_is_measured() {
    for (name, alphabet) in [("bytes", 256_u64), ("letters", 26), ("hex", 16)] {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 33) % alphabet) as u8 + if alphabet == 256 { 0 } else { b'a' }
        };
        let topics: Vec<[u8; 30]> = (0..1_000_000)
            .map(|_| [(); 30].map(|()| random()))
            .collect();
        let resident = resident();
        let start = std::time::Instant::now();
        let mut index = Index::new();
        for topic in &topics {
            index.subscribe(pipe(0), topic);
        }
        let adds = topics.len() as f64 / start.elapsed().as_secs_f64();
        let grown = self::resident() - resident;
        let mut times: Vec<_> = topics
            .iter()
            .step_by(7)
            .map(|topic| {
                let start = std::time::Instant::now();
                index.for_each_match(topic, |pipe| {
                    std::hint::black_box(pipe);
                });
                start.elapsed()
            })
            .collect();
        times.sort();
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        let start = std::time::Instant::now();
        index.remove(pipe(0), |topic| {
            std::hint::black_box(topic);
        });
        let removal = start.elapsed();
        println!(
            "{name}: {adds:.0} adds/s, {grown} KiB, \
             match p50 {p50:?} p99 {p99:?}, removal {removal:?}"
        );
    }
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}
