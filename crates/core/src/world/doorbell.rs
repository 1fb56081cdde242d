//! How a sleeping thread is woken, and who must wake it.
//!
//! A [`Doorbell`] is one atomic. Its owner sleeps, anybody rings:
//!
//! ```text
//!            fall_asleep                  ring
//!   EMPTY ────────────────► PARKED or POLLING ────────► RUNG     the ringer wakes the owner
//!     │                          │                       │
//!     │ ring                     │ wake_up               │ wake_up, fall_asleep
//!     ▼                          ▼                       ▼
//!    RUNG                      EMPTY                   EMPTY
//! ```
//!
//! Ringing is one swap. Only the ringer that replaces PARKED or POLLING wakes the owner, by a
//! system call; while the owner is awake, or woken already, nobody makes one. No ring is lost,
//! because all changes are read-modify-writes of one atomic, so that they have one order:
//!
//! - ring before `fall_asleep`: it finds RUNG, consumes it and does not sleep;
//! - ring after `fall_asleep`, before the owner sleeps in the kernel: the ringer finds PARKED or
//!   POLLING and wakes; a descriptor stays readable until it is read, and a condition variable is
//!   notified under the lock under which the owner looked at the state;
//! - ring after the kernel has let the owner go (for another reason), before `wake_up`: `wake_up`
//!   consumes it, which is right, since the wait ends; the descriptor may be written to afterwards,
//!   and then ends a later poll early, which reads it;
//! - ring after `wake_up`: it is kept for the next `fall_asleep`.
//!
//! What was written before a ring is visible to the owner after the `fall_asleep` or `wake_up` that
//! consumes it: both sides are acquire and release, and a further ring continues the release
//! sequence of the one before.

use crate::sync::{AtomicU8, Ordering};

const EMPTY: u8 = 0;
const PARKED: u8 = 1;
const POLLING: u8 = 2;
const RUNG: u8 = 3;

/// Whether somebody has rung, and how the owner sleeps.
#[derive(Debug)]
pub(super) struct Doorbell(AtomicU8);

/// How an owner sleeps, and so how it has to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleep {
    /// On a condition variable.
    Parked,
    /// In a poll on descriptors.
    Polling,
}

impl Doorbell {
    pub(super) fn new() -> Self {
        Self(AtomicU8::new(EMPTY))
    }

    /// Ends the present or next sleep. If this returns something, the caller has to wake the owner.
    #[must_use]
    pub(super) fn ring(&self) -> Option<Sleep> {
        match self.0.swap(RUNG, Ordering::AcqRel) {
            PARKED => Some(Sleep::Parked),
            POLLING => Some(Sleep::Polling),
            _ => None,
        }
    }

    /// Before the owner sleeps. `false`: somebody has rung; the ring is consumed, do not sleep.
    #[must_use]
    pub(super) fn fall_asleep(&self, how: Sleep) -> bool {
        let how = match how {
            Sleep::Parked => PARKED,
            Sleep::Polling => POLLING,
        };
        let slept = self
            .0
            .compare_exchange(EMPTY, how, Ordering::AcqRel, Ordering::Acquire);
        if slept.is_err() {
            self.wake_up();
        }
        slept.is_ok()
    }

    /// After the owner has slept; consumes a ring.
    pub(super) fn wake_up(&self) {
        self.0.swap(EMPTY, Ordering::AcqRel);
    }

    /// Whether a ring has ended the sleep.
    pub(super) fn is_rung(&self) -> bool {
        self.0.load(Ordering::Acquire) == RUNG
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn ring_while_awake_is_kept_and_wakes_nobody() {
        let doorbell = Doorbell::new();
        assert_eq!(doorbell.ring(), None);
        assert_eq!(doorbell.ring(), None);
        assert!(doorbell.is_rung());
        assert!(!doorbell.fall_asleep(Sleep::Parked));
        assert!(doorbell.fall_asleep(Sleep::Parked));
    }

    #[test]
    fn ring_while_asleep_is_for_one_ringer_to_deliver() {
        for how in [Sleep::Parked, Sleep::Polling] {
            let doorbell = Doorbell::new();
            assert!(doorbell.fall_asleep(how));
            assert_eq!(doorbell.ring(), Some(how));
            assert_eq!(doorbell.ring(), None);
            doorbell.wake_up();
            assert!(!doorbell.is_rung());
            assert!(doorbell.fall_asleep(how));
        }
    }
}

/// The interleavings of the header, explored: one owner that sleeps until it finds both messages,
/// two ringers. The kernel is a level flag (a descriptor) or a notified condition variable.
#[cfg(test)]
#[cfg(loom)]
mod model {
    use loom::sync::atomic::AtomicBool;
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use super::*;

    struct Model {
        doorbell: Doorbell,
        messages: [AtomicBool; 2],
        lock: Mutex<()>,
        unparked: Condvar,
        descriptor: Mutex<bool>,
        polled: Condvar,
    }

    impl Model {
        fn ring(&self) {
            match self.doorbell.ring() {
                None => {}
                Some(Sleep::Parked) => {
                    drop(self.lock.lock());
                    self.unparked.notify_one();
                }
                Some(Sleep::Polling) => {
                    *self.descriptor.lock().unwrap() = true;
                    self.polled.notify_one();
                }
            }
        }

        fn wait(&self, how: Sleep) {
            if !self.doorbell.fall_asleep(how) {
                return;
            }
            match how {
                Sleep::Parked => {
                    let mut guard = self.lock.lock().unwrap();
                    while !self.doorbell.is_rung() {
                        guard = self.unparked.wait(guard).unwrap();
                    }
                }
                Sleep::Polling => {
                    let mut readable = self.descriptor.lock().unwrap();
                    while !*readable {
                        readable = self.polled.wait(readable).unwrap();
                    }
                    *readable = false;
                }
            }
            self.doorbell.wake_up();
        }
    }

    fn no_ring_is_lost(how: [Sleep; 2]) {
        let mut explorer = loom::model::Builder::new();
        explorer.preemption_bound = Some(3);
        explorer.check(move || {
            let model = Arc::new(Model {
                doorbell: Doorbell::new(),
                messages: [AtomicBool::new(false), AtomicBool::new(false)],
                lock: Mutex::new(()),
                unparked: Condvar::new(),
                descriptor: Mutex::new(false),
                polled: Condvar::new(),
            });
            for at in 0..2 {
                let model = Arc::clone(&model);
                thread::spawn(move || {
                    model.messages[at].store(true, Ordering::Relaxed);
                    model.ring();
                });
            }
            let mut turn = 0;
            while !model
                .messages
                .iter()
                .all(|message| message.load(Ordering::Relaxed))
            {
                model.wait(how[turn % 2]);
                turn += 1;
            }
        });
    }

    #[test]
    fn no_ring_is_lost_while_parked() {
        no_ring_is_lost([Sleep::Parked, Sleep::Parked]);
    }

    #[test]
    fn no_ring_is_lost_while_polling() {
        no_ring_is_lost([Sleep::Polling, Sleep::Polling]);
    }

    #[test]
    fn no_ring_is_lost_between_parking_and_polling() {
        no_ring_is_lost([Sleep::Parked, Sleep::Polling]);
        no_ring_is_lost([Sleep::Polling, Sleep::Parked]);
    }
}
