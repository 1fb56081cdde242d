//! The watch over an episode: nobody sleeps beside a queue that is not empty, and nothing stands
//! still. What the machine has kept from running is not blamed for it.
//!
//! It looks from outside. A socket's own `stats` would settle what the socket was told, and so make
//! up for a wake-up that was forgotten; its `Debug` text does not.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::ends::AnySocket;
use crate::ledger::Ledger;
use crate::machine::Machine;
use crate::plan::Plan;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);

/// After how many looks a sleeper beside a queue, or a standstill, is one: a second in which every
/// thread could run.
const PATIENCE: u32 = 10;

/// The same for a standstill while connections are being made again.
const ROUGH_PATIENCE: u32 = 150;

/// A receiving socket and how often its receivers have come back from waiting.
#[derive(Debug)]
pub(crate) struct Watched {
    socket: Arc<dyn AnySocket>,
    returns: AtomicU64,
}

impl Watched {
    pub(crate) fn new(socket: Arc<dyn AnySocket>) -> Arc<Self> {
        let returns = AtomicU64::new(0);
        Arc::new(Self { socket, returns })
    }

    /// A receiver has come back, with a message or without.
    pub(crate) fn note_return(&self) {
        self.returns.fetch_add(1, Ordering::Relaxed);
    }

    /// What waits for the receivers; `None`: somebody has the socket in hand, or should have.
    fn waiting(&self) -> Option<u64> {
        let text = format!("{:?}", self.socket);
        let (_, after) = text.split_once("waiting: ")?;
        let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    }
}

/// The watch.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    watched: Mutex<Vec<(Arc<Watched>, Count)>>,
    others: Mutex<Vec<Arc<dyn AnySocket>>>,
    over: AtomicBool,
}

/// How long something has not changed.
#[derive(Debug, Default)]
struct Count {
    value: u64,
    looks: u32,
}

impl Count {
    /// For how many looks the value has been the same, and `bad`; this one is one of them if it
    /// `counts`.
    fn look(&mut self, value: u64, bad: bool, counts: bool) -> u32 {
        self.looks = if bad && value == self.value {
            self.looks + u32::from(counts)
        } else {
            0
        };
        self.value = value;
        self.looks
    }
}

impl Watch {
    /// Watches over these receivers too.
    pub(crate) fn add(&self, watched: &Arc<Watched>) {
        let mut list = self.watched.lock().expect("no panic in here");
        list.push((Arc::clone(watched), Count::default()));
    }

    /// Names this socket too if something is wrong.
    pub(crate) fn name(&self, socket: &Arc<dyn AnySocket>) {
        self.others
            .lock()
            .expect("no panic in here")
            .push(Arc::clone(socket));
    }

    /// The episode is over.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Looks until the episode is over; ends the process if something is wrong.
    pub(crate) fn run(&self, plan: &Plan, ledger: &Ledger) {
        let patience = if plan.rough { ROUGH_PATIENCE } else { PATIENCE };
        let mut progress = Count::default();
        let mut machine = Machine::default();
        while !self.over.load(Ordering::Acquire) {
            thread::park_timeout(LOOK);
            let counts = machine.look();
            let asleep = self.is_receiver_asleep(counts);
            let moved = ledger.accepted() + ledger.received();
            let stands_still = progress.look(moved, true, counts) >= patience;
            if asleep {
                let what = "a receiver sleeps beside a queue that is not empty";
                self.fail(ledger, &machine, what);
            } else if stands_still {
                self.fail(ledger, &machine, "nothing has moved");
            }
        }
    }

    /// Whether one sleeps beside a queue that is not empty.
    fn is_receiver_asleep(&self, counts: bool) -> bool {
        let mut list = self.watched.lock().expect("no panic in here");
        list.iter_mut().any(|(watched, count)| {
            let full = watched.waiting() != Some(0);
            count.look(watched.returns.load(Ordering::Relaxed), full, counts) >= PATIENCE
        })
    }

    fn fail(&self, ledger: &Ledger, machine: &Machine, what: &str) -> ! {
        let mut text = what.to_owned();
        let (accepted, received) = (ledger.accepted(), ledger.received());
        let _ = write!(text, "\naccepted {accepted}, received {received}");
        for socket in self.others.lock().expect("no panic in here").iter() {
            let _ = write!(text, "\n{socket:?}");
        }
        text.push_str(&machine.describe());
        crate::fail(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_grows_while_a_bad_value_stays_the_same() {
        let mut count = Count::default();
        assert_eq!(count.look(5, true, true), 0);
        let looks = [true, false, true].map(|counts| count.look(5, true, counts));
        assert_eq!(looks, [1, 1, 2]);
        assert_eq!(count.look(5, false, true), 0);
        assert_eq!(count.look(5, true, true), 1);
        assert_eq!(count.look(6, true, false), 0);
    }

    #[test]
    fn waiting_messages_are_read_from_the_text_of_a_socket() {
        let context = ferromq::Context::new();
        let (push, pull) = (ferromq::Push::new(&context), ferromq::Pull::new(&context));
        push.connect(&pull.bind("inproc://watched"));
        let watched = Watched::new(Arc::new(pull));
        assert_eq!(watched.waiting(), Some(0));
        (0..12).for_each(|_| push.send("a").unwrap());
        assert_eq!(watched.waiting(), Some(12));
    }
}
