//! What every pattern promises of the messages of one sender.

use std::collections::{BTreeMap, BTreeSet};

/// The messages that one socket has accepted, numbered from 0, of which each is for one receiver.
///
/// - None is received that was not sent, and none twice.
/// - Each receiver gets them in order. Only a *break* (a connection was cut, a peer has left) may
///   change that, until everything is *calm* again (everybody has noticed and is connected): what
///   had not been given to the lost peer comes later, by another connection.
/// - Only a break loses any, and only of those that were *under way* at that moment: handed over
///   to the network, and not received. What the sender itself drops is counted.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// For each message, how many breaks there had been before the calm before it.
    sent: Vec<usize>,
    /// The numbers that each receiver got, in that order.
    received: BTreeMap<usize, Vec<usize>>,
    /// Those that were for somebody who has gone.
    given_up: BTreeSet<usize>,
    breaks: usize,
    breaks_before_calm: usize,
    under_way: usize,
}

impl Flow {
    /// The number of the next message.
    pub(super) fn next(&self) -> usize {
        self.sent.len()
    }

    /// The sender has accepted the next message.
    pub(super) fn accept(&mut self) {
        self.sent.push(self.breaks_before_calm);
    }

    /// A receiver has got this message.
    pub(super) fn receive(&mut self, receiver: usize, number: usize) {
        assert!(number < self.sent.len(), "{number} was not sent");
        assert!(!self.has_arrived(number), "{number} came twice");
        let before = self.received.entry(receiver).or_default();
        let is_last = before.iter().all(|earlier| *earlier < number);
        let was_broken = self.sent[number] < self.breaks;
        assert!(is_last || was_broken, "{number} came after {before:?}");
        before.push(number);
    }

    /// A connection is cut or a peer leaves, now that so many messages are handed over.
    pub(super) fn break_off(&mut self, handed_over: u64) {
        self.breaks += 1;
        self.under_way = handed_over as usize - self.arrived();
    }

    /// Everybody is connected who can be.
    pub(super) fn calm(&mut self) {
        self.breaks_before_calm = self.breaks;
    }

    /// Whoever this message was for has gone.
    pub(super) fn give_up(&mut self, number: usize) {
        self.given_up.insert(number);
    }

    /// Nothing more will arrive; the sender has dropped so many.
    pub(super) fn end(&self, dropped: u64) {
        let is_missing = |one: &usize| !self.has_arrived(*one) && !self.given_up.contains(one);
        let missing: Vec<usize> = (0..self.sent.len()).filter(is_missing).collect();
        assert!(
            missing.len() <= self.under_way + dropped as usize,
            "{missing:?} are lost, and only {} were under way, {dropped} dropped",
            self.under_way
        );
        let whole = missing.iter().find(|one| self.sent[**one] == self.breaks);
        assert!(
            whole.is_none() || dropped > 0,
            "{whole:?} is lost without a break"
        );
    }

    /// How many messages were received.
    pub(super) fn arrived(&self) -> usize {
        self.received.values().map(Vec::len).sum()
    }

    fn has_arrived(&self, number: usize) -> bool {
        self.received.values().flatten().any(|one| *one == number)
    }
}
