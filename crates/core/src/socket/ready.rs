//! What is admitted for the application and not taken yet, in order.
//!
//! Of messages there are as many as the high-water marks allow. Notices of a pattern (an XPUB's
//! subscriptions and cancellations) must not be lost, and must not pile up either, if nobody reads
//! them: beyond the marks a notice takes back the one before it about the same subject, if that
//! was its opposite, and is void if it was the same. So there is one for each subject that is not
//! as the application was told last, and never more of them than the peers' subscriptions, now or
//! when it was told.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use ferromq_wire::{Message, Part};
use smallvec::SmallVec;

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

    /// A notice for the application. Beyond the marks it takes back its opposite, if that is there;
    /// what has become void is returned.
    pub(crate) fn notify(&mut self, notice: Message) -> SmallVec<[Message; 2]> {
        let mut void = SmallVec::new();
        if !self.is_full() {
            self.push_back(notice, None);
            return void;
        }
        let subject = subject(&notice);
        let at = self.subjects.get(&subject).copied();
        let before = at.and_then(|at| self.beyond.get(&at));
        match before.map(|before| kind(before) == kind(&notice)) {
            Some(true) => void.push(notice),
            Some(false) => {
                void.extend(at.and_then(|at| self.beyond.remove(&at)));
                void.push(notice);
                self.subjects.remove(&subject);
            }
            None => {
                self.subjects.insert(subject, self.next);
                self.beyond.insert(self.next, notice);
                self.next += 1;
            }
        }
        void
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
            self.subjects.remove(&*subject(&notice));
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

/// Which of two things a notice says: the first byte of its last part.
fn kind(notice: &Message) -> Option<u8> {
    last(notice).first().copied()
}

/// What a notice is about: everything else.
fn subject(notice: &Message) -> Box<[u8]> {
    let before = notice.len().saturating_sub(1);
    let parts = notice.iter().take(before).map(Part::as_bytes);
    let behind = last(notice).get(1..).unwrap_or_default();
    let pieces: SmallVec<[&[u8]; 2]> = parts.chain([behind]).collect();
    pieces.concat().into()
}

fn last(notice: &Message) -> &[u8] {
    let part = notice.part(notice.len().wrapping_sub(1));
    part.map_or(&[][..], |part| part.as_bytes())
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// No message has room.
    fn full() -> Ready {
        let options = Options {
            receive_mark: 1,
            ..Options::default()
        };
        let mut ready = Ready::new(&options);
        ready.push_back("first".into(), None);
        ready
    }

    fn texts(ready: &mut Ready) -> Vec<Vec<String>> {
        let text = |part: &Part| format!("{:?}", part.as_bytes());
        let message = |message: Message| message.iter().map(text).collect();
        ready.take().map(message).skip(1).collect()
    }

    #[test]
    fn notice_beyond_the_marks_takes_back_its_opposite_and_the_same_is_void() {
        let mut ready = full();
        assert!(ready.notify(b"\x01a".into()).is_empty());
        assert!(ready.notify(b"\x01b".into()).is_empty());
        assert_eq!(ready.notify(b"\x01a".into()).len(), 1);
        assert_eq!(ready.notify(b"\x00a".into()).len(), 2);
        assert_eq!(texts(&mut ready), [["[1, 98]"]]);
    }

    #[test]
    fn parts_before_the_last_are_of_the_subject() {
        let mut ready = full();
        for peer in ["p", "q"] {
            assert!(ready.notify([peer.as_bytes(), b"\x01a"].into()).is_empty());
        }
        let cancelled = ready.notify([&b"p"[..], b"\x00a"].into());
        assert_eq!(cancelled.len(), 2);
        assert_eq!(texts(&mut ready), [["[113]", "[1, 97]"]]);
    }
}
