//! Of the messages of a queue only the newest of each key: a lookup for each that comes, however
//! many wait.

use std::collections::{HashMap, VecDeque};

use ferromq_wire::{Incoming, Message};

/// What a table may have room for, however few of it are used.
const ROOMY: usize = 64;

/// Where the newest message of each key is.
///
/// One that has given way leaves a gap, a message without parts, so that the others keep their
/// places; gaps are never more than what is between them, and there is none where the queue begins,
/// nor where it ends.
#[derive(Debug)]
pub(super) struct Newest {
    key: fn(&Message) -> &[u8],
    /// By key, a place: how many the queue had before it, since it was taken over last.
    places: HashMap<Box<[u8]>, u64>,
    /// The first place of those that the queue has.
    first: u64,
    gaps: usize,
}

impl Newest {
    /// Of an empty queue.
    pub(super) fn new(key: fn(&Message) -> &[u8]) -> Self {
        Self {
            key,
            places: HashMap::new(),
            first: 0,
            gaps: 0,
        }
    }

    /// The last items, so many, are new: what gives way to them.
    pub(super) fn admit(
        &mut self,
        items: &mut VecDeque<Incoming>,
        new: usize,
    ) -> VecDeque<Incoming> {
        let mut earlier = VecDeque::new();
        for at in items.len() - new..items.len() {
            let Some(Incoming::Message(message)) = items.get(at) else {
                continue;
            };
            let (key, place) = ((self.key)(message), self.first + at as u64);
            match self.places.get_mut(key) {
                None => {
                    self.places.insert(key.into(), place);
                }
                Some(newest) => {
                    let before = std::mem::replace(newest, place) - self.first;
                    earlier.extend(self.leave_gap(items, before as usize));
                }
            }
        }
        self.tighten(items);
        earlier
    }

    /// Takes a message out that gives way to others for lack of room.
    pub(super) fn remove(&mut self, items: &mut VecDeque<Incoming>, at: usize) -> Option<Incoming> {
        let removed = self.leave_gap(items, at)?;
        if let Incoming::Message(message) = &removed {
            self.places.remove((self.key)(message));
        }
        self.tighten(items);
        Some(removed)
    }

    /// The items as they are to be taken over: without gaps. After this the queue is another one.
    pub(super) fn finish(&mut self, items: &mut VecDeque<Incoming>) {
        let (used, room) = (self.places.len(), self.places.capacity());
        self.places.clear();
        if room > ROOMY.max(8 * used) {
            // Else a table that was large once would be wiped whenever a message is taken.
            self.places.shrink_to(2 * used);
        }
        self.first = 0;
        self.close_gaps(items);
    }

    pub(super) fn gaps(&self) -> usize {
        self.gaps
    }

    fn leave_gap(&mut self, items: &mut VecDeque<Incoming>, at: usize) -> Option<Incoming> {
        let item = items.get_mut(at)?;
        self.gaps += 1;
        Some(std::mem::replace(item, Incoming::Message(Message::new())))
    }

    fn tighten(&mut self, items: &mut VecDeque<Incoming>) {
        while items.front().is_some_and(is_gap) {
            items.pop_front();
            self.first += 1;
            self.gaps -= 1;
        }
        if self.gaps * 2 > items.len() {
            self.close_gaps(items);
            for (place, item) in (self.first..).zip(&*items) {
                if let Incoming::Message(message) = item
                    && let Some(newest) = self.places.get_mut((self.key)(message))
                {
                    *newest = place;
                }
            }
        }
    }

    fn close_gaps(&mut self, items: &mut VecDeque<Incoming>) {
        if self.gaps > 0 {
            items.retain(|item| !is_gap(item));
            self.gaps = 0;
        }
    }
}

/// True where a message was.
pub(super) fn is_gap(item: &Incoming) -> bool {
    matches!(item, Incoming::Message(message) if message.is_empty())
}

#[cfg(test)]
#[cfg(not(loom))]
pub(super) mod tests {
    use ferromq_wire::Command;
    use proptest::prelude::*;

    use super::*;
    use crate::inbound::topic;

    /// A message about a topic.
    pub(in crate::inbound) fn about(topic: u8, number: u64) -> Incoming {
        Incoming::Message([vec![topic], number.to_le_bytes().to_vec()].into())
    }

    /// Its number; a command has none.
    pub(in crate::inbound) fn number(item: &Incoming) -> Option<u64> {
        match item {
            Incoming::Message(message) => {
                let number = message.part(1).unwrap().as_bytes();
                Some(u64::from_le_bytes(number.try_into().unwrap()))
            }
            _ => None,
        }
    }

    /// What may happen to a queue.
    #[derive(Clone, Debug)]
    enum Step {
        /// Messages about these topics come together.
        Admit(Vec<u8>),
        Command,
        RemoveOldest,
        Finish,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => prop::collection::vec(0..12_u8, 0..6).prop_map(Step::Admit),
            2 => Just(Step::Command),
            2 => Just(Step::RemoveOldest),
            1 => Just(Step::Finish),
        ];
        prop::collection::vec(step, 1..80)
    }

    #[test]
    fn table_that_was_large_is_given_back() {
        let mut newest = Newest::new(topic);
        let mut finish_after = |topics: u64| {
            let message = |topic: u64| Incoming::Message(topic.to_le_bytes().into());
            let mut items: VecDeque<_> = (0..topics).map(message).collect();
            newest.admit(&mut items, topics as usize);
            newest.finish(&mut items);
            newest.places.capacity()
        };
        assert!(finish_after(10_000) >= 10_000);
        assert!(finish_after(5) <= ROOMY);
    }

    proptest! {
        #[test]
        fn each_message_takes_the_earlier_one_of_its_topic_out(steps in steps()) {
            let (mut items, mut newest) = (VecDeque::new(), Newest::new(topic));
            // Topic and number; a command has none.
            let mut model: Vec<Option<(u8, u64)>> = Vec::new();
            let mut sent = 0;
            for step in steps {
                match step {
                    Step::Admit(topics) => {
                        let mut expected = Vec::new();
                        for &topic in &topics {
                            let is_same = |it: &mut Option<(u8, u64)>| {
                                it.is_some_and(|(of, _)| of == topic)
                            };
                            expected.extend(model.extract_if(.., is_same).flatten());
                            model.push(Some((topic, sent)));
                            items.push_back(about(topic, sent));
                            sent += 1;
                        }
                        let earlier = newest.admit(&mut items, topics.len());
                        let expected: Vec<_> = expected.iter().map(|it| Some(it.1)).collect();
                        prop_assert_eq!(earlier.iter().map(number).collect::<Vec<_>>(), expected);
                    }
                    Step::Command => {
                        items.push_back(Incoming::Command(Command::Cancel("".into())));
                        model.push(None);
                    }
                    Step::RemoveOldest => {
                        let is_message =
                            |it: &Incoming| matches!(it, Incoming::Message(_)) && !is_gap(it);
                        let at = items.iter().position(is_message);
                        let oldest = at.and_then(|at| newest.remove(&mut items, at));
                        let at = model.iter().position(Option::is_some);
                        let expected = at.and_then(|at| model.remove(at)).map(|it| it.1);
                        prop_assert_eq!(oldest.as_ref().and_then(number), expected);
                    }
                    Step::Finish => {
                        newest.finish(&mut items);
                        let numbers: Vec<_> = items.drain(..).map(|it| number(&it)).collect();
                        let expected: Vec<_> =
                            model.drain(..).map(|it| it.map(|(_, number)| number)).collect();
                        prop_assert_eq!(numbers, expected);
                    }
                }
                prop_assert_eq!(items.len() - newest.gaps(), model.len());
                prop_assert!(items.len() <= 2 * model.len());
                prop_assert_eq!(items.is_empty(), model.is_empty());
            }
        }
    }
}
