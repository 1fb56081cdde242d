//! What is admitted for the application and not taken yet, in order.
//!
//! Of messages there are as many as the high-water marks allow. Notices of a pattern (an XPUB's
//! subscriptions and cancellations) must not be lost, and must not pile up either, if nobody reads
//! them: beyond the marks a notice takes back the one before it about the same subject, which was
//! its opposite. So there is one for each subject that is not as the application was told last, and
//! never more of them than the peers' subscriptions, now or when it was told.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use ferromq_wire::Message;

use super::receipt::Came;
use crate::options::{Options, unlimited_if_zero};
use crate::pattern::PipeId;

/// Messages and notices for the application.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    messages: VecDeque<(Message, Option<Came>)>,
    /// Their bytes, over all parts.
    weight: u64,
    /// How many there may be, and of how many bytes they may be before one more.
    marks: Option<(usize, u64)>,
    /// Notices beyond the marks, by when they came; none unless `messages` are full.
    beyond: BTreeMap<u64, Message>,
    /// Which of them is about what.
    subjects: HashMap<Box<[u8]>, u64>,
    next: u64,
}

impl Ready {
    /// Nothing yet, and never more than the options allow.
    pub(super) fn new(options: &Options) -> Self {
        let mut ready = Self::default();
        ready.set_marks(options);
        ready
    }

    /// The options are others. What does not fit any more stays.
    pub(super) fn set_marks(&mut self, options: &Options) {
        let messages = match options.receive_mark {
            0 => usize::MAX,
            mark => mark as usize,
        };
        let weight = unlimited_if_zero(options.receive_mark_bytes);
        self.marks = Some((messages, weight));
        self.move_up();
    }

    /// A message for the application.
    pub(super) fn push_back(&mut self, message: Message, came: Option<Came>) {
        self.weight += message.size() as u64;
        self.messages.push_back((message, came));
    }

    /// A notice for the application. Beyond the marks it takes back the one before it about the
    /// same subject: then both are returned.
    pub(crate) fn notify(&mut self, notice: Message) -> Option<[Message; 2]> {
        if !self.is_full() {
            self.push_back(notice, None);
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
        self.weight -= first.0.size() as u64;
        if !self.beyond.is_empty() {
            self.move_up();
        }
        Some(first)
    }

    #[cold]
    fn move_up(&mut self) {
        while self.has_room()
            && let Some((_, notice)) = self.beyond.pop_first()
        {
            self.subjects.remove(subject(&notice));
            self.push_back(notice, None);
        }
    }

    /// Takes everything.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Message> {
        let marks = self.marks;
        let taken = std::mem::replace(
            self,
            Self {
                marks,
                ..Self::default()
            },
        );
        let Self {
            messages, beyond, ..
        } = taken;
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
    pub(crate) fn is_full(&self) -> bool {
        !self.has_room()
    }

    fn has_room(&self) -> bool {
        self.marks
            .is_none_or(|(messages, weight)| self.messages.len() < messages && self.weight < weight)
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
