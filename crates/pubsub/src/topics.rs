//! What a subscriber subscribed to: topics, each with a count.

use crate::trie::{Trie, Value};

/// A counted set of topics.
#[derive(Debug)]
pub(crate) struct Topics {
    tree: Trie<Count>,
}

impl Topics {
    pub(crate) fn new() -> Self {
        Self { tree: Trie::new() }
    }

    /// Counts a topic once more.
    pub(crate) fn add(&mut self, topic: &[u8]) {
        let node = self.tree.insert(topic);
        self.tree.value_mut(node).0 += 1;
    }

    /// Counts a topic once less; `None` if it is not there, else how often it is left.
    pub(crate) fn remove(&mut self, topic: &[u8]) -> Option<u64> {
        let node = self.tree.find(topic)?;
        let count = self.tree.value_mut(node);
        count.0 -= 1;
        let left = count.0;
        if left == 0 {
            self.tree.prune(node);
        }
        Some(left)
    }

    /// True if the string begins with one of the topics. O(string).
    pub(crate) fn matches(&self, string: &[u8]) -> bool {
        self.tree.prefixes(string).next().is_some()
    }

    /// Every topic once, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Vec<u8>> {
        self.tree.nodes().map(|node| self.tree.key(node))
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
