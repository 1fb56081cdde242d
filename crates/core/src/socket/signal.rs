//! The descriptor of a socket for foreign event loops: readable exactly while something can be
//! received.
//!
//! What it has to show is decided under the socket's lock, whenever something was done to the
//! socket; it is shown after unlocking, since that is a system call. Whoever has decided shows, and
//! shows what was decided last; so after the last of them it is right, in whatever order they come.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;

use super::Socket;
use super::state::State;
use crate::pattern::{Pattern, Receives};
use crate::port::Port;
use crate::sync::{AtomicBool, Mutex, Ordering};
use crate::world::Level;

impl<P: Receives> Socket<P> {
    /// A descriptor for an event loop that is not ours: readable exactly while `recv` would not
    /// wait.
    ///
    /// Level-triggered: with three messages and one of them received it stays readable; when the
    /// last one is received, it is not when that call returns. On a closed socket it is readable
    /// for good, since `recv` fails at once. It is to be polled only, never read. All handles of
    /// one socket are the same descriptor, which is closed with the last of them; they may outlive
    /// the socket. While there is one, the socket's connections are read by an I/O thread, and what
    /// becomes receivable or ceases to be costs a system call.
    ///
    /// *Errors*: `Unsupported` on systems other than Linux; or what the system says if there are no
    /// more descriptors.
    ///
    /// *Compatibility*: libzmq's is edge-triggered, readable for reasons of its own and not when
    /// messages wait unless `ZMQ_EVENTS` was asked for since.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_FD")]
    pub fn receive_fd(&self) -> io::Result<ReceiveFd> {
        let shared = self.shared();
        let made = Arc::new(Signal::new(shared.context.world().level()?));
        let signal = shared.with(|state| {
            let signal = state.body.signal.upgrade().unwrap_or(made);
            state.body.signal = Arc::downgrade(&signal);
            state.body.after.any = true;
            signal
        });
        shared.arm_left();
        Ok(ReceiveFd { signal })
    }
}

/// A descriptor that is readable while its socket has something to receive. Made by
/// [`Socket::receive_fd`].
#[derive(Clone, Debug)]
pub struct ReceiveFd {
    signal: Arc<Signal>,
}

impl AsFd for ReceiveFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.level.descriptor()
    }
}

impl AsRawFd for ReceiveFd {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// What a socket shows.
#[derive(Debug)]
pub(crate) struct Signal {
    level: Arc<dyn Level>,
    decided: AtomicBool,
    shown: Mutex<bool>,
}

impl Signal {
    fn new(level: Arc<dyn Level>) -> Self {
        Self {
            level,
            decided: AtomicBool::new(false),
            shown: Mutex::new(false),
        }
    }

    /// After unlocking: shows what was decided last.
    pub(super) fn show(&self) {
        let mut shown = self.shown.lock();
        let decided = self.decided.load(Ordering::Acquire);
        if *shown != decided {
            self.level.set(decided);
            *shown = decided;
        }
    }
}

impl<P: Pattern> State<P> {
    /// Decides what the signal has to show, if there is one.
    pub(super) fn update_signal(&mut self, port: &Arc<Port>) -> Option<Arc<Signal>> {
        let signal = self.body.signal.upgrade()?;
        let receivable = self.readiness(port).receive;
        signal.decided.store(receivable, Ordering::Release);
        Some(signal)
    }
}
