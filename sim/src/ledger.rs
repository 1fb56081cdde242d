//! What is sent and what arrives: messages that show by themselves whether they are whole, and who
//! has had which.
//!
//! A message's first part is a topic (one byte, never 0 or 1), who sent it, and as which of its
//! messages; the rest follows from these. A number is used again until a message of it is accepted,
//! so one that was taken without being accepted is noticed when the next one arrives.

use std::collections::{BTreeMap, BTreeSet};

use ferromq::{Message, Part};
use ferromq_testkit::sim::Random;

use crate::Outcome;
use crate::member::Connection;

/// The sizes of a message's second part, most of them small.
const SIZES: [usize; 12] = [0, 0, 1, 8, 8, 20, 63, 64, 65, 300, 5_000, 70_000];

/// The topics of messages.
pub(crate) const TOPICS: [u8; 4] = *b"abcd";

/// Names a socket among all of an episode.
pub(crate) type Name = u64;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// To who receives it.
    Forth,
    /// Back to who sent it.
    Back,
}

/// Where a message came in: a socket, and by which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entrance {
    pub(crate) by: Name,
    pub(crate) connection: Option<Connection>,
}

/// A message as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) sender: Name,
    pub(crate) number: u64,
    pub(crate) topic: u8,
}

/// The accounts of an episode.
#[derive(Debug)]
pub(crate) struct Ledger {
    seed: u64,
    largest: usize,
    /// How many messages each sender has had accepted.
    accepted: BTreeMap<Name, u64>,
    /// What was received; of what goes to many, by whom.
    seen: BTreeSet<(Entry, Way, Option<Name>)>,
    /// The last number from each sender by each connection, and how often a lower one came behind a
    /// higher one.
    order: BTreeMap<(Entrance, Name, Way), (u64, u64)>,
}

impl Ledger {
    pub(crate) fn new(seed: u64, largest: usize) -> Self {
        Self {
            seed,
            largest,
            accepted: BTreeMap::new(),
            seen: BTreeSet::new(),
            order: BTreeMap::new(),
        }
    }

    /// The next message of a sender: the same one, until it is accepted.
    pub(crate) fn next(&self, sender: Name) -> Message {
        self.message(sender, self.accepted_of(sender))
    }

    /// The message at hand was accepted.
    pub(crate) fn accept(&mut self, sender: Name) {
        *self.accepted.entry(sender).or_default() += 1;
    }

    pub(crate) fn accepted_of(&self, sender: Name) -> u64 {
        self.accepted.get(&sender).copied().unwrap_or_default()
    }

    /// How many messages went this way, counted once per receiver.
    pub(crate) fn received(&self, way: Way) -> usize {
        self.seen.iter().filter(|(_, it, _)| *it == way).count()
    }

    /// Reads what arrived; an error if it is not exactly what was sent and accepted.
    pub(crate) fn read(&self, message: &Message) -> Outcome<Entry> {
        let head = message.part(0).map_or(&[][..], Part::as_bytes);
        let number = |at: usize| {
            let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map(u64::from_be_bytes)
        };
        let (Some(sender), Some(number)) = (number(1), number(9)) else {
            return Err(format!("nobody sent {message:?}"));
        };
        if number >= self.accepted_of(sender) {
            return Err(format!(
                "{number} of {sender} was not accepted: {message:?}"
            ));
        }
        if *message != self.message(sender, number) {
            return Err(format!("not what {sender} sent as {number}: {message:?}"));
        }
        Ok(Entry {
            sender,
            number,
            topic: head[0],
        })
    }

    /// Notes a message that came in. `many`: others get it too. `breaks`: how often the order may
    /// have been broken by now, because what a lost peer was not given goes to the next ones.
    pub(crate) fn note(
        &mut self,
        entry: Entry,
        way: Way,
        at: Entrance,
        many: bool,
        breaks: u64,
    ) -> Outcome<bool> {
        let whose = many.then_some(at.by);
        if !self.seen.insert((entry, way, whose)) {
            return Err(format!("{entry:?} came twice, now at {at:?}"));
        }
        let place = (at, entry.sender, way);
        let (last, descents) = self.order.entry(place).or_insert((entry.number, 0));
        let descends = *last > entry.number;
        *descents += u64::from(descends);
        *last = entry.number;
        match *descents > breaks {
            true => Err(format!("{entry:?} came too late at {at:?}")),
            false => Ok(descends),
        }
    }

    /// Notes a message that its sender got back: nobody has had it, or will.
    pub(crate) fn note_returned(&mut self, entry: Entry) -> Outcome {
        match self.seen.insert((entry, Way::Forth, None)) {
            true => Ok(()),
            false => Err(format!("{entry:?} was returned, and received before")),
        }
    }

    /// What a message of this sender with this number is.
    fn message(&self, sender: Name, number: u64) -> Message {
        let mut dice = Random::new(self.seed ^ (number << 20) ^ sender);
        let topic = [TOPICS[dice.below(TOPICS.len())]];
        let numbers = [sender.to_be_bytes(), number.to_be_bytes()].concat();
        let mut message = Message::from([&topic[..], &numbers].concat());
        let size = SIZES[dice.below(SIZES.len())].min(self.largest);
        if size > 0 || dice.chance(1, 2) {
            message.push_back(vec![number as u8; size]);
        }
        if dice.chance(1, 8) {
            message.push_back(Part::from("tail"));
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Entrance = Entrance {
        by: 2,
        connection: None,
    };

    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(1, 1_000);
        (0..50).for_each(|_| ledger.accept(1));
        ledger
    }

    fn entry(number: u64) -> Entry {
        let ledger = ledger();
        ledger.read(&ledger.message(1, number)).unwrap()
    }

    #[test]
    fn message_is_read_only_if_it_is_whole_and_was_accepted() {
        let ledger = ledger();
        for number in 0..50 {
            let mut message = ledger.message(1, number);
            assert_eq!(ledger.read(&message).map(|entry| entry.number), Ok(number));
            message.push_back("more");
            assert!(ledger.read(&message).is_err());
        }
        assert!(ledger.read(&ledger.message(1, 50)).is_err());
        assert!(ledger.read(&Message::from("of somebody else")).is_err());
    }

    #[test]
    fn message_that_comes_twice_is_noticed() {
        let mut ledger = ledger();
        let elsewhere = Entrance { by: 3, ..AT };
        assert_eq!(ledger.note(entry(1), Way::Forth, AT, true, 0), Ok(false));
        assert_eq!(
            ledger.note(entry(1), Way::Forth, elsewhere, true, 0),
            Ok(false)
        );
        assert!(ledger.note(entry(1), Way::Forth, AT, true, 0).is_err());
        assert_eq!(ledger.note(entry(2), Way::Forth, AT, false, 0), Ok(false));
        assert!(
            ledger
                .note(entry(2), Way::Forth, elsewhere, false, 0)
                .is_err()
        );
        assert_eq!(ledger.note_returned(entry(3)), Ok(()));
        assert!(ledger.note(entry(3), Way::Forth, AT, false, 0).is_err());
    }

    #[test]
    fn message_out_of_order_is_noticed_unless_the_order_was_broken() {
        let mut ledger = ledger();
        for (number, descends) in [(5, false), (7, false), (6, true), (8, false)] {
            let noted = ledger.note(entry(number), Way::Forth, AT, false, 1);
            assert_eq!(noted, Ok(descends));
        }
        assert!(ledger.note(entry(4), Way::Forth, AT, false, 1).is_err());
    }
}
