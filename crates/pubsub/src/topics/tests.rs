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
        let mut listed: Vec<_> = topics.iter().collect();
        listed.sort();
        prop_assert!(listed.iter().eq(model.keys()));
        for (topic, count) in model {
            (0..count).for_each(|_| assert!(topics.remove(&topic).is_some()));
        }
        prop_assert_eq!(topics.nodes(), 1);
    }
}
