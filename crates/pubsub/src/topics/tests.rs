//! Counted topics against a naive model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn topics_added_twice_match_until_removed_twice() {
    let mut topics = Topics::new();
    topics.add(b"a");
    topics.add(b"a");
    assert_eq!(topics.remove(b"a"), Some(1));
    assert!(topics.matches(b"abc"));
    assert_eq!(topics.remove(b"a"), Some(0));
    assert!(!topics.matches(b"abc"));
    assert_eq!(topics.remove(b"a"), None);
}

#[test]
fn topics_removed_by_a_mere_prefix_or_extension_are_none() {
    let mut topics = Topics::new();
    topics.add(b"abc");
    topics.add(b"abd");
    assert_eq!(topics.remove(b"ab"), None);
    assert_eq!(topics.remove(b"abcd"), None);
    assert_eq!(topics.remove(b""), None);
}

#[test]
fn topics_with_the_empty_one_match_everything() {
    let mut topics = Topics::new();
    assert!(!topics.matches(b""));
    topics.add(b"");
    assert!(topics.matches(b""));
    assert!(topics.matches(b"x"));
}

/// A walk, a piece at a time.
fn pieces(topics: &Topics) -> Vec<Vec<Vec<u8>>> {
    let (mut pieces, mut walk) = (Vec::new(), Walk::default());
    loop {
        let mut piece = Vec::new();
        let more = topics.tell(&mut walk, |topic| piece.push(topic));
        pieces.push(piece);
        if !more {
            return pieces;
        }
    }
}

#[test]
fn topics_are_told_in_pieces_each_once() {
    let mut topics = Topics::new();
    let names: Vec<Vec<u8>> = (10_000..20_000)
        .map(|n: u32| n.to_string().into())
        .collect();
    names.iter().for_each(|name| topics.add(name));
    let pieces = pieces(&topics);
    let size = |piece: &Vec<Vec<u8>>| piece.iter().map(|topic| topic.len() + TOPIC).sum::<usize>();
    assert!(
        pieces
            .iter()
            .all(|piece| size(piece) < PIECE + TOPIC + PLACE)
    );
    assert!(pieces.len() > names.len() * TOPIC / PIECE);
    let mut told: Vec<_> = pieces.concat();
    told.sort();
    assert_eq!(told, names);
}

#[test]
fn topics_that_left_holes_are_walked_over_in_pieces_too() {
    let mut topics = Topics::new();
    (0..50_000_u32).for_each(|n| topics.add(&n.to_be_bytes()));
    (0..50_000_u32)
        .filter(|n| n % 1000 > 0)
        .for_each(|n| _ = topics.remove(&n.to_be_bytes()));
    let pieces = pieces(&topics);
    assert!(pieces.len() > 1 && pieces.concat().len() == 50);
}

#[test]
fn long_topic_is_a_piece_of_its_own() {
    let mut topics = Topics::new();
    (0..3).for_each(|n| topics.add(&[n; 2 * PIECE]));
    assert!(pieces(&topics).iter().all(|piece| piece.len() <= 1));
}

proptest! {
    #[test]
    fn topics_after_any_steps_agree_with_the_model(
        steps in prop::collection::vec(
            (any::<bool>(), "[ab]{0,5}c{0,60}", "[ab]{0,6}c{0,61}"),
            1..200,
        ),
    ) {
        let mut topics = Topics::new();
        let mut model = BTreeMap::<Vec<u8>, u64>::new();
        for (add, topic, string) in steps {
            let topic = topic.into_bytes();
            if add {
                topics.add(&topic);
                *model.entry(topic).or_default() += 1;
            } else {
                let left = model.get_mut(&topic).map(|count| { *count -= 1; *count });
                prop_assert_eq!(topics.remove(&topic), left);
                model.retain(|_, count| *count > 0);
            }
            let expected = model.keys().any(|topic| string.as_bytes().starts_with(topic));
            prop_assert_eq!(topics.matches(string.as_bytes()), expected);
        }
        let mut listed = pieces(&topics).concat();
        listed.sort();
        prop_assert!(listed.iter().eq(model.keys()));
        for (topic, count) in model {
            (0..count).for_each(|_| assert!(topics.remove(&topic).is_some()));
        }
        prop_assert_eq!(topics.nodes(), 1);
    }
}
