//! What is sent and what arrives: messages that show by themselves whether they are whole, and the
//! accounts of an episode.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ferromq::{CloseReport, Dropped, Message, Part, Stats};
use ferromq_testkit::sim::Random;

use crate::Outcome;

/// The sizes of a message's second part, most of them small.
const SIZES: [usize; 12] = [0, 0, 1, 8, 8, 20, 63, 64, 65, 300, 5_000, 70_000];

/// Counts what one sending thread has had accepted: its messages are numbered.
#[derive(Debug, Default)]
pub(crate) struct Account {
    accepted: AtomicU64,
}

/// The accounts of an episode.
#[derive(Debug)]
pub(crate) struct Ledger {
    seed: u64,
    /// The largest part of a message.
    largest: usize,
    accounts: Vec<Account>,
    /// All that was received, as sender and number.
    received: Mutex<Vec<Vec<u64>>>,
    count: AtomicU64,
}

impl Ledger {
    /// Accounts for so many sending threads.
    pub(crate) fn new(seed: u64, largest: usize, senders: usize) -> Self {
        Self {
            seed,
            largest,
            accounts: (0..senders).map(|_| Account::default()).collect(),
            received: Mutex::new(vec![Vec::new(); senders]),
            count: AtomicU64::new(0),
        }
    }

    /// The next message of a sender. The same one, until it is accepted.
    pub(crate) fn next(&self, sender: usize) -> Message {
        self.message(
            sender,
            self.accounts[sender].accepted.load(Ordering::Relaxed),
        )
    }

    /// The message at hand was accepted.
    pub(crate) fn accept(&self, sender: usize) {
        self.accounts[sender]
            .accepted
            .fetch_add(1, Ordering::Relaxed);
    }

    /// How many messages this sender has had accepted.
    pub(crate) fn accepted_of(&self, sender: usize) -> u64 {
        self.accounts[sender].accepted.load(Ordering::Relaxed)
    }

    /// How many messages all senders have had accepted.
    pub(crate) fn accepted(&self) -> u64 {
        (0..self.accounts.len())
            .map(|sender| self.accepted_of(sender))
            .sum()
    }

    /// How many messages were received.
    pub(crate) fn received(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Reads what arrived; an error if it is not exactly what was sent.
    pub(crate) fn read(&self, message: &Message) -> Outcome<(usize, u64)> {
        let head = message.part(0).map_or(&[][..], Part::as_bytes);
        let number = |at: usize| {
            let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(u64::MAX, u64::from_be_bytes)
        };
        let (sender, number) = (number(0), number(8));
        let known = usize::try_from(sender)
            .ok()
            .filter(|&at| at < self.accounts.len());
        let sender = known.ok_or_else(|| format!("nobody sent {message:?}"))?;
        match *message == self.message(sender, number) {
            true => Ok((sender, number)),
            false => Err(format!("not what {sender} sent as {number}: {message:?}")),
        }
    }

    /// Notes what one receiver got, one after the other. From each sender it must have come in
    /// order, if that was promised.
    pub(crate) fn note(&self, got: &mut Seen, message: &Message) -> Outcome {
        let (sender, number) = self.read(message)?;
        if got.ordered && got.last[sender].is_some_and(|last| last >= number) {
            let last = got.last[sender];
            return Err(format!("{number} of {sender} came after {last:?}"));
        }
        got.last[sender] = Some(number);
        got.all.push((sender, number));
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// A receiver of this episode.
    pub(crate) fn seen(&self, ordered: bool) -> Seen {
        Seen {
            ordered,
            last: vec![None; self.accounts.len()],
            all: Vec::new(),
        }
    }

    /// A receiver has ended.
    pub(crate) fn enter(&self, seen: Seen) {
        let mut received = self.received.lock().expect("nobody panics in here");
        for (sender, number) in seen.all {
            received[sender].push(number);
        }
    }

    /// At the end: nothing came more often than to `copies` receivers, and nothing that was not
    /// accepted.
    pub(crate) fn check_received(&self, copies: usize) -> Outcome {
        let mut received = self.received.lock().expect("nobody panics in here");
        for (sender, numbers) in received.iter_mut().enumerate() {
            numbers.sort_unstable();
            let accepted = self.accepted_of(sender);
            if let Some(&last) = numbers.last().filter(|&&last| last >= accepted) {
                return Err(format!(
                    "{last} of {sender} came; only {accepted} were accepted"
                ));
            }
            let often = numbers
                .windows(copies + 1)
                .find(|run| run[0] == run[copies]);
            if let Some(run) = often {
                return Err(format!(
                    "{} of {sender} came more than {copies} times",
                    run[0]
                ));
            }
        }
        Ok(())
    }

    /// What a message of this sender with this number is.
    fn message(&self, sender: usize, number: u64) -> Message {
        let head = [(sender as u64).to_be_bytes(), number.to_be_bytes()].concat();
        let mut dice = Random::new(self.seed ^ (number << 8) ^ sender as u64);
        let size = SIZES[dice.below(SIZES.len())].min(self.largest);
        let mut message = Message::from(head);
        if size > 0 || dice.chance(1, 2) {
            message.push_back(vec![number as u8; size]);
        }
        if dice.chance(1, 8) {
            message.push_back(Part::from("tail"));
        }
        message
    }
}

/// What one receiver got.
#[derive(Debug)]
pub(crate) struct Seen {
    ordered: bool,
    last: Vec<Option<u64>>,
    all: Vec<(usize, u64)>,
}

/// What a closed socket says of what it had accepted: each message was handed over, or is counted.
/// How many were handed over.
///
/// What closing dropped is known exactly if the socket only sends; else unread messages are in the
/// same count, and what was unsent when it was closed is taken from the report.
pub(crate) fn balance(report: &CloseReport, stats: &Stats, only_sends: bool) -> Outcome<u64> {
    let reasons = [Dropped::HighWaterMark, Dropped::PeerGone, Dropped::Unwanted];
    let dropped: u64 = reasons.map(|reason| stats.dropped(reason)).iter().sum();
    let closed = stats.dropped(Dropped::Closed);
    let unsent = if only_sends { closed } else { report.unsent };
    let sum = stats.handed_over + unsent + dropped;
    if stats.queued > 0 || stats.accepted != sum || closed < report.unsent {
        return Err(format!("not balanced: {report:?}, {stats:?}"));
    }
    Ok(stats.handed_over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let ledger = Ledger::new(1, usize::MAX, 2);
        for _ in 0..50 {
            ledger.accept(1);
        }
        ledger
    }

    /// Notes these numbers of the second sender.
    fn noted(ledger: &Ledger, ordered: bool, numbers: &[u64]) -> Outcome {
        let mut seen = ledger.seen(ordered);
        for &number in numbers {
            ledger.note(&mut seen, &ledger.message(1, number))?;
        }
        ledger.enter(seen);
        Ok(())
    }

    #[test]
    fn message_is_read_back_only_if_it_is_whole() {
        let ledger = ledger();
        for number in 0..50 {
            let mut message = ledger.message(1, number);
            assert_eq!(ledger.read(&message), Ok((1, number)));
            message.push_back("more");
            assert!(ledger.read(&message).is_err());
        }
        assert!(ledger.read(&Message::from("of somebody else")).is_err());
    }

    #[test]
    fn message_out_of_order_is_noticed_where_that_counts() {
        let ledger = ledger();
        assert_eq!(noted(&ledger, true, &[0, 1, 5]), Ok(()));
        assert_eq!(noted(&ledger, false, &[7, 6]), Ok(()));
        assert!(noted(&ledger, true, &[7, 6]).is_err());
        assert!(noted(&ledger, true, &[7, 7]).is_err());
    }

    #[test]
    fn message_that_came_too_often_or_was_never_accepted_is_noticed() {
        let ledger = ledger();
        noted(&ledger, true, &[3, 49]).unwrap();
        assert_eq!(ledger.check_received(1), Ok(()));
        noted(&ledger, true, &[3]).unwrap();
        assert!(ledger.check_received(1).is_err());
        assert_eq!(ledger.check_received(2), Ok(()));
        noted(&ledger, true, &[50]).unwrap();
        assert!(ledger.check_received(2).is_err());
    }
}
