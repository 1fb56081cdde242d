//! What is admitted for the application and not taken yet, in order.
//!
//! Of messages there are as many as the high-water mark allows. Notices of a pattern (an XPUB's
//! subscriptions and cancellations) must not be lost, and must not pile up either, if nobody reads
//! them: beyond the mark a notice takes back the one before it about the same subject, which was
//! its opposite. So there is one for each subject that is not as the application was told last, and
//! never more of them than the peers' subscriptions, now or when it was told.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use ferromq_wire::Message;

use super::receipt::Came;
use crate::pattern::PipeId;

/// Messages and notices for the application.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    messages: VecDeque<(Message, Option<Came>)>,
    /// Notices beyond the mark, by when they came; none unless `messages` are full.
    beyond: BTreeMap<u64, Message>,
    /// Which of them is about what.
    subjects: HashMap<Box<[u8]>, u64>,
    next: u64,
}

impl Ready {
    /// A message for the application.
    pub(super) fn push_back(&mut self, message: Message, came: Option<Came>) {
        self.messages.push_back((message, came));
    }

    /// A notice for the application. Beyond `mark` it takes back the one before it about the same
    /// subject: then both are returned.
    pub(crate) fn notify(&mut self, notice: Message, mark: usize) -> Option<[Message; 2]> {
        if !self.is_full(mark) {
            self.messages.push_back((notice, None));
            return None;
        }
        let subject = subject(&notice);
        if let Some(at) = self.subjects.remove(subject) {
            return self.beyond.remove(&at).map(|before| [before, notice]);
        }
        self.subjects.insert(subject.into(), self.next);
        self.beyond.insert(self.next, notice);
        self.next += 1;
        None
    }

    /// The next one.
    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<(Message, Option<Came>)> {
        let first = self.messages.pop_front()?;
        if !self.beyond.is_empty() {
            self.move_up();
        }
        Some(first)
    }

    #[cold]
    fn move_up(&mut self) {
        if let Some((_, notice)) = self.beyond.pop_first() {
            self.subjects.remove(subject(&notice));
            self.messages.push_back((notice, None));
        }
    }

    /// Takes everything.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Message> {
        let Self {
            messages, beyond, ..
        } = std::mem::take(self);
        let messages = messages.into_iter().map(|(message, _)| message);
        messages.chain(beyond.into_values())
    }

    /// The pipes that brought them.
    pub(super) fn pipes(&self) -> HashSet<PipeId> {
        let came = self.messages.iter().filter_map(|(_, came)| *came);
        came.map(|came| came.pipe).collect()
    }

    /// Where the next one came from, if there is one.
    pub(super) fn first_came(&self) -> Option<Option<Came>> {
        self.messages.front().map(|(_, came)| *came)
    }

    /// True if a message does not fit any more.
    pub(crate) fn is_full(&self, mark: usize) -> bool {
        self.messages.len() >= mark
    }

    /// True if there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.messages.len() + self.beyond.len()
    }
}

/// What a notice is about: everything behind its first byte.
fn subject(notice: &Message) -> &[u8] {
    let part = notice.part(0).map_or(&[][..], |part| part.as_bytes());
    part.get(1..).unwrap_or_default()
}
