//! A compressed prefix tree from byte strings to values.
//!
//! ```text
//!   root ── "weather." ─┬─ "berlin"  (value)       an edge's bytes are the label of the lower node
//!                       └─ "paris"   (value) ── ".cloudy" (value)
//! ```
//!
//! A node takes one cache line: the label is inside, at most [`LABEL`] bytes, and a longer edge is
//! a chain of nodes. Nothing recurses, so a topic may be as long as memory allows.
//!
//! Invariants: the children of a node begin with different bytes; a node without value that is not
//! the root has children; a node's id is the same as long as it has a value.

use crate::arena::{Arena, Id, Walk};

/// How many bytes of an edge one node holds.
pub(crate) const LABEL: usize = 35;

/// What a tree holds per string.
pub(crate) trait Value: Default {
    /// True if the string is not in the tree as far as the user is concerned.
    fn is_empty(&self) -> bool;
}

/// A map from byte strings to values that finds all prefixes of a string at once.
#[derive(Debug)]
pub(crate) struct Trie<V> {
    nodes: Arena<Node<V>>,
    /// The children of those nodes that have several.
    edges: Arena<Edges>,
    root: Id,
}

impl<V: Value> Trie<V> {
    pub(crate) fn new() -> Self {
        let mut nodes = Arena::new();
        let root = nodes.insert(Node::new(&[], None));
        let edges = Arena::new();
        Self { nodes, edges, root }
    }

    /// The node of this key, made if it is missing. The caller gives it a value, or calls
    /// [`prune`](Self::prune).
    pub(crate) fn insert(&mut self, key: &[u8]) -> Id {
        let (mut node, mut rest) = (self.root, key);
        while let Some(first) = rest.first() {
            let Some(child) = self.child(node, *first) else {
                return self.grow(node, rest);
            };
            let label = self.nodes[child].label();
            let (common, behind) = common_prefix(label, rest);
            node = match label.len() {
                length if length == common.len() => child,
                _ => self.split(node, child, common),
            };
            rest = behind;
        }
        node
    }

    /// Removes a node whose value has become empty, and what only led to it.
    pub(crate) fn prune(&mut self, mut node: Id) {
        while self.nodes[node].value.is_empty() {
            let Some(parent) = self.nodes[node].parent else {
                return;
            };
            match self.nodes[node].children {
                Children::None => {
                    self.unlink(parent, node);
                    self.nodes.remove(node);
                    node = parent;
                }
                Children::One(child) => return self.merge(parent, node, child),
                Children::Many(_) => return,
            }
        }
    }

    /// The value at a node, to be changed.
    #[inline]
    pub(crate) fn value_mut(&mut self, node: Id) -> &mut V {
        &mut self.nodes[node].value
    }

    /// The value of this key; `None` if it is missing or empty.
    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        let node = self.find(key)?;
        Some(&self.nodes[node].value)
    }

    /// The node of this key; `None` if it is missing or its value is empty.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Id> {
        let (mut node, mut rest) = (self.root, key);
        while let Some(first) = rest.first() {
            node = self.child(node, *first)?;
            rest = rest.strip_prefix(self.nodes[node].label())?;
        }
        Some(node).filter(|node| !self.nodes[*node].value.is_empty())
    }

    /// The values of all keys that are prefixes of this string, shortest first.
    #[inline]
    pub(crate) fn prefixes<'a>(&'a self, string: &'a [u8]) -> impl Iterator<Item = &'a V> {
        let mut at = Some((self.root, string));
        std::iter::from_fn(move || {
            let (node, rest) = at?;
            at = self.step(node, rest);
            Some(&self.nodes[node].value)
        })
        .filter(|value| !value.is_empty())
    }

    /// Looks at one more place of the storage: the node there, if it has a value. `None`: the walk
    /// is over. A node that has a value all the time is found once; the others may be missed.
    pub(crate) fn look(&self, walk: &mut Walk) -> Option<Option<Id>> {
        let found = self.nodes.look(walk)?;
        let found = found.filter(|(_, node)| !node.value.is_empty());
        Some(found.map(|(id, _)| id))
    }

    /// The key of a node.
    pub(crate) fn key(&self, node: Id) -> Vec<u8> {
        let mut key = Vec::new();
        let mut at = Some(node);
        while let Some(id) = at {
            let node = &self.nodes[id];
            key.extend(node.label().iter().rev());
            at = node.parent;
        }
        key.reverse();
        key
    }

    /// The storage that is held, in nodes.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.nodes.capacity()
    }

    /// How many nodes there are, the root included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.nodes.iter().count()
    }

    /// One node down along a string.
    #[inline]
    fn step<'a>(&self, node: Id, rest: &'a [u8]) -> Option<(Id, &'a [u8])> {
        let child = self.child(node, *rest.first()?)?;
        let rest = rest.strip_prefix(self.nodes[child].label())?;
        Some((child, rest))
    }

    #[inline]
    fn child(&self, node: Id, first: u8) -> Option<Id> {
        match self.nodes[node].children {
            Children::None => None,
            Children::One(child) => (self.nodes[child].first() == first).then_some(child),
            Children::Many(edges) => self.edges[edges].get(first),
        }
    }

    /// Adds a chain of nodes for the rest of a key and returns the last.
    fn grow(&mut self, mut node: Id, rest: &[u8]) -> Id {
        for label in rest.chunks(LABEL) {
            let child = self.nodes.insert(Node::new(label, Some(node)));
            self.link(node, child);
            node = child;
        }
        node
    }

    /// Cuts the beginning of a child's label off and returns the new, upper node that has it.
    fn split(&mut self, parent: Id, lower: Id, beginning: &[u8]) -> Id {
        let mut upper = Node::new(beginning, Some(parent));
        upper.children = Children::One(lower);
        let upper = self.nodes.insert(upper);
        self.relink(parent, lower, upper);
        let node = &mut self.nodes[lower];
        node.parent = Some(upper);
        node.cut_front(beginning.len());
        upper
    }

    /// Puts a node without value and its only child together, if their labels fit into one.
    fn merge(&mut self, parent: Id, upper: Id, lower: Id) {
        if self.nodes[upper].label().len() + self.nodes[lower].label().len() > LABEL {
            return;
        }
        self.relink(parent, upper, lower);
        let upper = self.nodes.remove(upper);
        let node = &mut self.nodes[lower];
        node.parent = Some(parent);
        node.extend_front(upper.label());
    }

    fn link(&mut self, parent: Id, child: Id) {
        let edge = Edge::new(self.nodes[child].first(), child);
        self.nodes[parent].children = match self.nodes[parent].children {
            Children::None => Children::One(child),
            Children::One(other) => {
                let mut edges = Edges::default();
                edges.insert(Edge::new(self.nodes[other].first(), other));
                edges.insert(edge);
                Children::Many(self.edges.insert(edges))
            }
            Children::Many(edges) => {
                self.edges[edges].insert(edge);
                Children::Many(edges)
            }
        };
    }

    /// Replaces a child by another that begins with the same byte.
    fn relink(&mut self, parent: Id, from: Id, to: Id) {
        let edge = Edge::new(self.nodes[from].first(), to);
        match self.nodes[parent].children {
            Children::Many(edges) => self.edges[edges].replace(edge),
            Children::None | Children::One(_) => self.nodes[parent].children = Children::One(to),
        }
    }

    fn unlink(&mut self, parent: Id, child: Id) {
        let first = self.nodes[child].first();
        let Children::Many(edges) = self.nodes[parent].children else {
            self.nodes[parent].children = Children::None;
            return;
        };
        if let Some(only) = self.edges[edges].remove(first) {
            self.edges.remove(edges);
            self.nodes[parent].children = Children::One(only);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Node<V> {
    value: V,
    children: Children,
    parent: Option<Id>,
    length: u8,
    label: [u8; LABEL],
}

impl<V: Value> Node<V> {
    /// A node without value and children. The label has at most [`LABEL`] bytes.
    fn new(label: &[u8], parent: Option<Id>) -> Self {
        let mut node = Self {
            value: V::default(),
            children: Children::None,
            parent,
            length: 0,
            label: [0; LABEL],
        };
        node.extend_front(label);
        node
    }

    #[inline]
    #[expect(
        clippy::indexing_slicing,
        reason = "the length counts bytes that were copied in"
    )]
    fn label(&self) -> &[u8] {
        &self.label[..usize::from(self.length)]
    }

    /// The first byte of the label; the root, which has none, is nobody's child.
    #[inline]
    fn first(&self) -> u8 {
        self.label[0]
    }

    fn cut_front(&mut self, count: usize) {
        self.label.copy_within(count.., 0);
        self.length -= count as u8;
    }

    fn extend_front(&mut self, bytes: &[u8]) {
        let old = usize::from(self.length);
        self.label.copy_within(..old, bytes.len());
        for (place, byte) in self.label.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.length += bytes.len() as u8;
    }
}

#[derive(Clone, Copy, Debug)]
enum Children {
    None,
    One(Id),
    /// The id of the [`Edges`].
    Many(Id),
}

/// Two children or more, sorted by their first byte.
#[derive(Debug, Default)]
struct Edges {
    list: Vec<Edge>,
}

/// The first byte of a child's label and its id, in five bytes.
#[derive(Clone, Copy, Debug)]
struct Edge {
    first: u8,
    id: [u8; 4],
}

impl Edge {
    fn new(first: u8, child: Id) -> Self {
        let id = child.to_bytes();
        Self { first, id }
    }

    #[inline]
    fn child(self) -> Option<Id> {
        Id::from_bytes(self.id)
    }
}

impl Edges {
    fn insert(&mut self, edge: Edge) {
        if let Err(place) = self.place(edge.first) {
            self.list.insert(place, edge);
        }
    }

    fn replace(&mut self, edge: Edge) {
        let place = self.place(edge.first).ok();
        if let Some(old) = place.and_then(|place| self.list.get_mut(place)) {
            *old = edge;
        }
    }

    /// Removes a child; if only one is left, returns that.
    fn remove(&mut self, first: u8) -> Option<Id> {
        if let Ok(place) = self.place(first) {
            self.list.remove(place);
        }
        if self.list.len() * 4 <= self.list.capacity() {
            self.list.shrink_to(self.list.len() * 2);
        }
        match self.list[..] {
            [edge] => edge.child(),
            _ => None,
        }
    }

    #[inline]
    fn get(&self, first: u8) -> Option<Id> {
        let place = self.place(first).ok()?;
        self.list.get(place)?.child()
    }

    #[inline]
    fn place(&self, first: u8) -> Result<usize, usize> {
        self.list.binary_search_by_key(&first, |edge| edge.first)
    }
}

/// The longest beginning that both have, and what follows it in `b`.
fn common_prefix<'b>(a: &[u8], b: &'b [u8]) -> (&'b [u8], &'b [u8]) {
    let count = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    b.split_at(count)
}
