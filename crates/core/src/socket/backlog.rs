//! What waits for a connection where a later message may take the place of an earlier one.

use std::collections::{BTreeMap, HashMap};

use ferromq_wire::Message;

use crate::inbound::topic;

/// Messages in their order, of which those in the way of later ones are taken out.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    messages: BTreeMap<u64, Message>,
    /// Their bytes, over all parts.
    weight: u64,
    /// How many were ever put in.
    put: u64,
    /// Where the last message of each topic is, if that is asked for.
    topics: HashMap<Vec<u8>, u64>,
}

impl Backlog {
    /// Puts a message behind the others. What was in its place: nothing.
    pub(super) fn push(&mut self, message: Message) -> Option<Message> {
        self.put += 1;
        self.weight += message.size() as u64;
        self.messages.insert(self.put, message)
    }

    /// Puts a message behind the others, in place of the one of the same topic: which that was.
    pub(super) fn replace(&mut self, message: Message) -> Option<Message> {
        let before = self.topics.insert(topic(&message).to_vec(), self.put + 1);
        self.push(message);
        let replaced = self.messages.remove(&before?)?;
        self.weight -= replaced.size() as u64;
        Some(replaced)
    }

    pub(super) fn pop_front(&mut self) -> Option<Message> {
        let (at, message) = self.messages.pop_first()?;
        self.weight -= message.size() as u64;
        if self.topics.get(topic(&message)) == Some(&at) {
            self.topics.remove(topic(&message));
        }
        Some(message)
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// What those before the newest one have in bytes.
    pub(super) fn weight_before_newest(&self) -> u64 {
        let newest = self.messages.last_key_value();
        self.weight - newest.map_or(0, |(_, message)| message.size() as u64)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn message(topic: &str, number: u8) -> Message {
        Message::from([topic.as_bytes().to_vec(), vec![number]])
    }

    fn drained(mut backlog: Backlog) -> Vec<Message> {
        let all = std::iter::from_fn(|| backlog.pop_front()).collect();
        assert!(backlog.topics.is_empty() && backlog.len() == 0 && backlog.weight == 0);
        all
    }

    #[test]
    fn later_message_takes_the_place_of_the_one_with_its_topic() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.replace(message("a", 1)), None);
        assert_eq!(backlog.replace(message("b", 2)), None);
        assert_eq!(backlog.replace(message("a", 3)), Some(message("a", 1)));
        assert_eq!((backlog.len(), backlog.weight), (2, 4));
        assert_eq!(backlog.weight_before_newest(), 2);
        assert_eq!(drained(backlog), [message("b", 2), message("a", 3)]);
    }

    #[test]
    fn topic_that_went_out_is_not_replaced() {
        let mut backlog = Backlog::default();
        backlog.replace(message("a", 1));
        assert_eq!(backlog.pop_front(), Some(message("a", 1)));
        assert_eq!(backlog.replace(message("a", 2)), None);
        assert_eq!(drained(backlog), [message("a", 2)]);
    }

    #[test]
    fn messages_go_out_in_their_order() {
        let mut backlog = Backlog::default();
        for number in 0..3 {
            assert_eq!(backlog.push(message("a", number)), None);
        }
        let expected: Vec<_> = (0..3).map(|number| message("a", number)).collect();
        assert_eq!(drained(backlog), expected);
    }
}
