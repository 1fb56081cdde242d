//! What a subscriber subscribed to: topics, each with a count.

use crate::arena::Walk;
use crate::trie::{Trie, Value};

/// How much is told at once, in bytes: what takes some ten microseconds.
const PIECE: usize = 16 * 1024;

/// What a topic costs besides its bytes.
const TOPIC: usize = 64;

/// What looking at a place without topic costs.
const PLACE: usize = 8;

/// A counted set of topics.
#[derive(Debug)]
pub(crate) struct Topics {
    tree: Trie<Count>,
    /// How many there are.
    len: usize,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self {
            tree: Trie::new(),
            len: 0,
        }
    }

    /// Counts a topic once more.
    pub(crate) fn add(&mut self, topic: &[u8]) {
        let node = self.tree.insert(topic);
        let count = self.tree.value_mut(node);
        count.0 += 1;
        self.len += usize::from(count.0 == 1);
    }

    /// Counts a topic once less; `None` if it is not there, else how often it is left.
    pub(crate) fn remove(&mut self, topic: &[u8]) -> Option<u64> {
        let node = self.tree.find(topic)?;
        let count = self.tree.value_mut(node);
        count.0 -= 1;
        let left = count.0;
        if left == 0 {
            self.len -= 1;
            self.tree.prune(node);
        }
        Some(left)
    }

    /// How many different topics there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True if the string begins with one of the topics. O(string).
    pub(crate) fn matches(&self, string: &[u8]) -> bool {
        self.tree.prefixes(string).next().is_some()
    }

    /// Tells the next few topics of a walk, in no particular order. False: these were the last.
    ///
    /// A walk tells every topic that is there all the time exactly once, and none that is not there
    /// when it is told; one that comes meanwhile is told or not.
    pub(crate) fn tell(&self, walk: &mut Walk, mut told: impl FnMut(Vec<u8>)) -> bool {
        let mut told_bytes = 0;
        while told_bytes < PIECE {
            let Some(found) = self.tree.look(walk) else {
                return false;
            };
            told_bytes += PLACE;
            if let Some(node) = found {
                let topic = self.tree.key(node);
                told_bytes += TOPIC + topic.len();
                told(topic);
            }
        }
        true
    }

    /// How many nodes there are, the root included.
    #[cfg(test)]
    pub(crate) fn nodes(&self) -> usize {
        self.tree.len()
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug, Default)]
struct Count(u64);

impl Value for Count {
    #[inline]
    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests;
