//! Tests of the marks, above all of the one in bytes.

use ferromq_wire::{Bundle, put_message};
use proptest::prelude::*;

use super::newest::tests::{about, number};
use super::*;

fn message(size: usize) -> Message {
    Message::from(vec![7; size])
}

/// A message as whoever reads a connection hands it over.
fn hand_over(queue: &Inbound, size: usize) {
    let mut items = VecDeque::from([Incoming::Message(message(size))]);
    queue.append(&mut items, 1);
}

/// Messages as whoever reads a connection hands them over if they came together.
fn hand_over_together(queue: &Inbound, sizes: &[usize]) {
    let mut bytes = b"before".to_vec();
    let start = bytes.len();
    sizes
        .iter()
        .for_each(|size| put_message(&mut bytes, &message(*size)));
    let bundle = Bundle::new(bytes, start, sizes.len());
    queue.append(&mut VecDeque::from([Incoming::Bundle(bundle)]), sizes.len());
}

/// What there is: its size, and whether to wake the filler.
fn taken(batch: &mut Batch, queue: &Inbound) -> Option<(usize, bool)> {
    let mut into = Message::new();
    match batch.take(queue, &mut into) {
        Taken::Message { wake } => Some((into.size(), wake)),
        Taken::Command(_) | Taken::Nothing => None,
    }
}

#[test]
fn queue_has_room_up_to_the_last_byte_below_the_mark() {
    let queue = Inbound::new(0).weighed(10);
    for size in [4, 0, 5] {
        assert!(queue.has_room());
        hand_over(&queue, size);
    }
    assert!(queue.weight_left() == 1 && queue.room() > 0);
    hand_over(&queue, 1);
    assert!(!queue.has_room() && !queue.starve());
    assert_eq!(queue.room(), 0);
}

#[test]
fn message_above_the_mark_is_taken_and_no_other_one_behind_it() {
    let (queue, mut batch) = (Inbound::new(0).weighed(10), Batch::default());
    hand_over(&queue, 9);
    assert!(queue.has_room());
    hand_over(&queue, 1_000);
    assert!(!queue.starve());
    assert_eq!(taken(&mut batch, &queue), Some((9, true)));
    assert!(!queue.starve(), "much more than the mark is still there");
    assert_eq!(taken(&mut batch, &queue), Some((1_000, true)));
    assert!(queue.has_room());
}

#[test]
fn filler_is_woken_at_half_the_bytes_of_the_mark() {
    let (queue, mut batch) = (Inbound::new(1_000).weighed(10), Batch::default());
    (0..10).for_each(|_| hand_over(&queue, 1));
    assert!(!queue.starve());
    let woken = (0..10).map(|_| taken(&mut batch, &queue).is_some_and(|(_, wake)| wake));
    assert_eq!(woken.collect::<Vec<_>>().iter().position(|it| *it), Some(4));
}

#[test]
fn what_is_discarded_makes_room() {
    let (queue, mut batch) = (Inbound::new(0).weighed(10), Batch::default());
    (0..3).for_each(|_| hand_over(&queue, 4));
    assert_eq!(taken(&mut batch, &queue), Some((4, false)));
    hand_over(&queue, 4);
    assert!(!queue.starve());
    let (items, wake) = batch.discard(&queue);
    assert_eq!((items.len(), wake), (3, true));
    assert_eq!(queue.weight_left(), 10);
}

#[test]
fn abandoned_queue_has_room_without_end() {
    let queue = Inbound::new(1).weighed(1);
    hand_over(&queue, 1);
    assert!(!queue.has_room());
    queue.abandon();
    hand_over(&queue, 1);
    assert!(queue.has_room());
}

#[test]
fn queue_of_which_the_latest_is_kept_has_no_mark() {
    let queue = Inbound::new(1).weighed(1).giving_way(Overflow::KeepLatest);
    hand_over(&queue, 1);
    assert!(queue.has_room());
}

#[test]
fn oldest_messages_give_way_until_the_newest_fits() {
    let queue = Inbound::new(0).weighed(10).giving_way(Overflow::DropOldest);
    let displaced = [4, 4, 3, 100, 2].map(|size| {
        let mut items = VecDeque::from([Incoming::Message(message(size))]);
        let (_, replaced) = queue.replace(&mut items, 1);
        replaced.displaced.iter().map(weight).collect::<Vec<_>>()
    });
    assert_eq!(
        displaced,
        [vec![], vec![], vec![], vec![4], vec![4, 3, 100]]
    );
    assert_eq!(queue.outstanding_weight(), 2);
}

#[test]
fn conflated_messages_weigh_nothing_any_more() {
    let queue = Inbound::new(0).weighed(10).giving_way(Overflow::KeepTopics);
    for _ in 0..20 {
        let mut items = VecDeque::from([Incoming::Message(Message::from(["topic", "body"]))]);
        queue.replace(&mut items, 1);
        assert_eq!(queue.outstanding_weight(), 9);
    }
}

#[test]
fn queue_that_keeps_less_from_now_on_forgets_what_it_knew_of_topics() {
    let queue = Inbound::new(0).giving_way(Overflow::KeepTopics);
    for (topic, number) in [(0, 1), (1, 2), (2, 3), (1, 4)] {
        queue.replace(&mut VecDeque::from([about(topic, number)]), 1);
    }
    queue.give_way(Overflow::KeepLatest);
    assert_eq!(queue.waiting(), 3);
    let (_, replaced) = queue.replace(&mut VecDeque::from([about(3, 5)]), 1);
    let conflated: Vec<_> = replaced.conflated.iter().map(number).collect();
    assert_eq!(conflated, [1, 3, 4].map(Some));
    assert_eq!(
        queue.take_back().iter().map(number).collect::<Vec<_>>(),
        [Some(5)]
    );
}

#[cfg(feature = "inproc")]
#[test]
fn mark_in_bytes_is_changed_if_there_is_one() {
    for (mark, changed, expected) in [(0, 5, true), (5, 0, true), (5, 7, true), (5, 6, false)] {
        let queue = Inbound::new(0).weighed(mark);
        queue.push(&mut message(6));
        queue.set_weight_mark(changed);
        assert_eq!(queue.has_room(), expected, "{mark} to {changed}");
    }
}

/// What may happen to a queue.
#[derive(Clone, Debug)]
enum Step {
    /// As many of these messages as there is room for.
    Fill(Vec<usize>),
    /// The same, if they need not be weighed, at once.
    FillTogether(Vec<usize>),
    Take(usize),
    Discard,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![4 => 0..8_usize, 1 => 8..40_usize];
    let sizes = prop::collection::vec(size, 1..12);
    let step = prop_oneof![
        4 => sizes.clone().prop_map(Step::Fill),
        2 => sizes.prop_map(Step::FillTogether),
        4 => (1..12_usize).prop_map(Step::Take),
        1 => Just(Step::Discard),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    /// Room is what the two marks say, message by message; and a filler that was starved has been
    /// woken, at the latest, when nothing is left.
    #[test]
    fn room_is_exact_and_a_starved_filler_is_woken(
        mark in prop_oneof![Just(0_u64), 1..6_u64],
        bytes in prop_oneof![Just(0_u64), 1..30_u64],
        steps in steps(),
    ) {
        let (queue, mut batch) = (Inbound::new(mark).weighed(bytes), Batch::default());
        let mut model: VecDeque<usize> = VecDeque::new();
        let mut starved = false;
        let has_room = |model: &VecDeque<usize>| {
            let weight: usize = model.iter().sum();
            (mark == 0 || (model.len() as u64) < mark) && (bytes == 0 || (weight as u64) < bytes)
        };
        for step in steps {
            match step {
                Step::Fill(sizes) => for size in sizes {
                    prop_assert_eq!(queue.has_room(), has_room(&model));
                    prop_assert_eq!(queue.room() > 0, has_room(&model));
                    if queue.has_room() {
                        hand_over(&queue, size);
                        model.push_back(size);
                    } else {
                        prop_assert!(!queue.starve());
                        starved = true;
                    }
                },
                Step::FillTogether(sizes) => {
                    let room = usize::try_from(queue.room()).unwrap_or(usize::MAX);
                    let fit = &sizes[..sizes.len().min(room)];
                    if !queue.is_weighed() && !fit.is_empty() {
                        hand_over_together(&queue, fit);
                        model.extend(fit);
                    }
                },
                Step::Take(count) => for _ in 0..count {
                    let got = taken(&mut batch, &queue);
                    prop_assert_eq!(got.map(|(size, _)| size), model.pop_front());
                    starved &= !got.is_some_and(|(_, wake)| wake);
                },
                Step::Discard => {
                    let (items, wake) = batch.discard(&queue);
                    prop_assert_eq!(messages(&items), model.len() as u64);
                    model.clear();
                    starved &= !wake;
                }
            }
            let there = queue.waiting() + batch.waiting();
            prop_assert_eq!(there, model.len() as u64);
            prop_assert!(!starved || !model.is_empty(), "nobody wakes the filler");
        }
    }
}
