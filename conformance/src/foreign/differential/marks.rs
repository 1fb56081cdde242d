//! High-water marks, where it is defined how many messages a pipe takes: in process the sum of both
//! sides' marks, and to who has not come yet the sender's own. How many are accepted before one is
//! refused must be the same.

use std::sync::Arc;

use ferromq::SocketType::{self, Dealer, Pair, Pull, Push, Router};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::scene::word;
use super::{config, differences};
use crate::foreign::peer::{Implementation, Pool, Remote};
use crate::vacancy::Vacancy;

/// More than any sum of two marks: who takes so many takes any number.
const MOST: usize = 40;
/// 0: no mark.
const MARKS: std::ops::Range<u32> = 0..9;

/// Senders that refuse, and who receives.
pub(super) const PAIRINGS: &[(SocketType, SocketType)] = &[
    (Push, Pull),
    (Dealer, Dealer),
    (Dealer, Router),
    (Pair, Pair),
];

/// A sender and, in process, its receiver.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    kinds: (SocketType, SocketType),
    transport: &'static str,
    send_mark: u32,
    receive_mark: u32,
    /// The sender has connected before the receiver binds.
    sender_is_first: bool,
    /// How many are tried to be sent before the receiver comes to be.
    early: usize,
}

impl Setting {
    /// What both sides take together; `None`: any number.
    pub(super) fn sum(&self) -> Option<usize> {
        let marks = [self.send_mark, self.receive_mark].map(|mark| mark as usize);
        (!marks.contains(&0)).then(|| marks.iter().sum())
    }

    /// One was refused before the receiver came to be.
    pub(super) fn was_full(&self) -> bool {
        let mark = self.send_mark as usize;
        self.sender_is_first && mark > 0 && self.early > mark
    }
}

/// Compares the counts of settings drawn from the seed.
pub(super) fn check(
    pool: &Arc<Pool>,
    ours: Implementation,
    kinds: (SocketType, SocketType),
    (seed, transport): (u64, &'static str),
) {
    // Ends the trial here if there is no Python.
    drop(pool.peer(Implementation::Pyzmq));
    let settings = (MARKS, MARKS, any::<bool>(), 0..12_usize).prop_map(
        move |(send_mark, receive_mark, sender_is_first, early)| Setting {
            kinds,
            transport,
            send_mark,
            receive_mark,
            sender_is_first,
            early,
        },
    );
    let result = TestRunner::new(config(seed)).run(&settings, |setting| {
        let [ours, theirs] = [ours, Implementation::Pyzmq].map(|one| counts(pool, one, &setting));
        let excuse = differences::excuse_counts(&setting, &ours, &theirs);
        assert!(
            ours == theirs || excuse.is_some(),
            "{setting:?}: {ours:?}, libzmq {theirs:?}"
        );
        Ok(())
    });
    if let Err(problem) = result {
        panic!("{problem}");
    }
}

/// How many messages are accepted: at first, when both are there, and when all were received.
fn counts(pool: &Arc<Pool>, implementation: Implementation, setting: &Setting) -> Vec<usize> {
    let process = pool.peer(implementation);
    let (sender, receiver) = setting.kinds;
    let mark = format!("sndhwm={}", setting.send_mark);
    let sender = process.socket(sender, &["reconnect_ivl=10", &mark]);
    if setting.transport != "inproc" {
        let place = Vacancy::of(setting.transport);
        sender.connect(&place.endpoint().to_string());
        return vec![fill(&sender, MOST)];
    }
    let mark = format!("rcvhwm={}", setting.receive_mark);
    let receiver = process.socket(receiver, &[&mark]);
    let place = Vacancy::inproc().endpoint().to_string();
    let mut counts = Vec::new();
    if setting.sender_is_first {
        sender.connect(&place);
        counts.push(fill(&sender, setting.early));
        receiver.bind(&place);
    } else {
        receiver.bind(&place);
        sender.connect(&place);
    }
    // Not the receiver: a ROUTER of libzmq takes a message when it looks what there is.
    sender.settle();
    counts.push(fill(&sender, MOST));
    let waiting = counts.iter().sum();
    (0..waiting).for_each(|_| drop(receiver.recv()));
    assert_eq!(receiver.take(), None, "{setting:?}");
    sender.settle();
    counts.push(fill(&sender, MOST));
    counts
}

/// Sends until one is refused, at most so many.
fn fill(sender: &Remote, most: usize) -> usize {
    let message = word("m");
    let sent = (0..most).take_while(|_| sender.try_send_now(&message).is_ok());
    sent.count()
}
