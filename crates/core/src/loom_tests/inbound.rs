//! The incoming high-water mark: `Inbound::starve` and the steps of `Batch::consume`.
//!
//! Whoever fills sleeps only after `starve` found no room, and then has to be woken by whoever
//! empties. The marks are so small that both meet at every message. Asserted: the order of the
//! messages, that no more than the mark are outstanding, and that both ends (else loom reports a
//! deadlock).

use std::sync::Arc;

use ferromq_wire::Message;
use loom::sync::Notify;
use loom::thread;

use super::explore;
use crate::inbound::{Batch, Inbound, Taken};

/// A queue, and the two means of waking.
struct Model {
    queue: Inbound,
    room: Notify,
    readable: Notify,
}

impl Model {
    fn fill(&self, number: u8, mark: u64) {
        while self.queue.room() == 0 && !self.queue.starve() {
            self.room.wait();
        }
        if self.queue.push(&mut Message::from([number])) {
            self.readable.notify();
        }
        assert!(self.queue.outstanding() <= mark);
    }

    fn empty(&self, batch: &mut Batch) -> Message {
        let mut message = Message::new();
        loop {
            match batch.take(&self.queue, &mut message) {
                Taken::Message { wake } => {
                    if wake {
                        self.room.notify();
                    }
                    return message;
                }
                _ => self.readable.wait(),
            }
        }
    }
}

fn filler_is_woken(mark: u64, before: u8, after: u8) {
    filler_of_is_woken(move || Inbound::new(mark), mark, before, after);
}

/// The same for a queue that has room for `mark` messages of one byte.
fn filler_of_is_woken(
    queue: impl Fn() -> Inbound + Send + Sync + 'static,
    mark: u64,
    before: u8,
    after: u8,
) {
    explore(3, move || {
        let model = Arc::new(Model {
            queue: queue(),
            room: Notify::new(),
            readable: Notify::new(),
        });
        for number in 0..before {
            model.fill(number, mark);
        }
        let filler = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                for number in before..before + after {
                    model.fill(number, mark);
                }
            })
        };
        let mut batch = Batch::default();
        for number in 0..before + after {
            let item = model.empty(&mut batch);
            assert_eq!(item, Message::from([number]));
        }
        filler.join().unwrap();
        assert_eq!(model.queue.outstanding(), 0);
    });
}

#[test]
fn loom_filler_at_a_mark_of_one_is_woken() {
    filler_is_woken(1, 1, 2);
}

#[test]
fn loom_filler_at_a_mark_of_two_is_woken() {
    filler_is_woken(2, 2, 2);
}

#[test]
fn loom_filler_at_a_mark_of_one_byte_is_woken() {
    filler_of_is_woken(|| Inbound::new(0).weighed(1), 1, 1, 2);
}

#[test]
fn loom_filler_at_a_mark_of_two_bytes_is_woken() {
    filler_of_is_woken(|| Inbound::new(0).weighed(2), 2, 2, 2);
}

#[test]
fn loom_filler_at_both_marks_is_woken() {
    filler_of_is_woken(|| Inbound::new(2).weighed(2), 2, 2, 1);
}

#[test]
fn loom_filler_at_a_mark_of_three_is_woken() {
    filler_is_woken(3, 3, 1);
}
