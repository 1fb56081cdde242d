//! Messages taken back from pipes that are lost or over. Taking them costs nothing: they are
//! decoded one by one, when the next peer gets them.

use std::collections::VecDeque;

use ferromq_wire::Incoming;
use ferromq_wire::Message;

use crate::rope::Rope;

/// Messages in the order in which they were sent, with their envelopes.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    sources: VecDeque<Source>,
    len: u64,
}

#[derive(Debug)]
enum Source {
    /// The queue of a stream pipe.
    Rope(Rope),
    /// Messages, as between two sockets of this process.
    Queue(VecDeque<Incoming>),
}

impl Unsent {
    /// The `len` messages of a rope.
    pub(crate) fn of_rope(rope: Rope, len: u64) -> Self {
        let sources = VecDeque::from([Source::Rope(rope)]);
        Self { sources, len }
    }

    /// The application's messages of a queue between two sockets of this process.
    pub(crate) fn of_queue(mut queue: VecDeque<Incoming>) -> Self {
        queue.retain(|item| matches!(item, Incoming::Message(_)));
        let len = queue.len() as u64;
        let sources = VecDeque::from([Source::Queue(queue)]);
        Self { sources, len }
    }

    /// How many messages there are.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts what was taken back later behind.
    pub(crate) fn append(&mut self, mut later: Self) {
        self.sources.append(&mut later.sources);
        self.len += later.len;
    }

    pub(crate) fn pop_front(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.sources.front_mut()?.pop_front() {
                self.len -= 1;
                return Some(message);
            }
            self.sources.pop_front();
        }
    }
}

impl Source {
    fn pop_front(&mut self) -> Option<Message> {
        match self {
            Self::Rope(rope) => rope.pop_message(),
            Self::Queue(queue) => loop {
                if let Incoming::Message(message) = queue.pop_front()? {
                    return Some(message);
                }
            },
        }
    }
}
