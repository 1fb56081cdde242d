//! The I/O threads: listeners, handshakes, reconnects, connections that nobody reads, writers that
//! stopped.
//!
//! A [`Worker`] owns its listeners and sessions alone; others reach it by [`IoCommand`]s. It never
//! calls a pattern: it posts notes to the socket's mailbox.

mod arriving;
mod entrance;
mod listening;
mod looks;
mod racing;
mod session;
mod shaking;
mod socks;
mod timers;
mod worker;

use std::io;
use std::sync::atomic::{AtomicU64 as PlainU64, AtomicUsize, Ordering as Plain};
use std::sync::{Arc, Weak};
use std::time::Instant;

use ferromq_transport::{Address, Endpoint};

use crate::close::Life;
use crate::event::ConnectionId;
use crate::options::Options;
use crate::pattern::Refusal;
use crate::pipe::StreamPipe;
use crate::port::Shell;
use crate::sync::{AtomicBool, Mutex, Ordering};
use crate::wait::Waiter;
use crate::world::{Listener, Reactor};

pub(crate) use arriving::Arriving;
pub(crate) use entrance::{Entrance, Seat};
pub(crate) use worker::IoWorker;

/// What others ask of an I/O thread. Keys name sessions and listeners; an unknown key is ignored.
#[derive(Debug)]
pub(crate) enum IoCommand {
    /// The deadline of a connection's heartbeats is an earlier one.
    Beat(u64),
    /// Tell a socket when this time has come.
    Alarm(Instant, Weak<dyn Shell>),
    /// The kernel's buffer is full: write when it has room.
    Blocked(u64),
    /// End a session: flush within the deadline.
    Close(u64, Instant),
    /// Look for a session's endpoint and connect, again and again.
    Dial(Arc<StreamPipe>, Endpoint, Life),
    /// A decision that a handshake waits for may have been made.
    Decided(u64),
    /// A handshake has to give its place to another one.
    Displaced(u64),
    /// A burst was left unwritten.
    Dirty(Arc<StreamPipe>),
    /// End a session at once, without a word.
    Drop(u64),
    /// The peer has answered an [echo](crate::echo) of this number.
    Echoed(u64, u64),
    /// A receiver has left a connection that it had claimed: arm it unless it comes back soon.
    Left(u64),
    /// Listen.
    Listen(u64, Arc<dyn Listener>, Life, Arc<Options>),
    /// The last writer has left a queue without connection.
    Orphaned(u64),
    /// The pattern did not take the peer that came by this connection.
    Refused(u64, ConnectionId, Refusal),
    /// A name was resolved.
    Resolved(u64, io::Result<Vec<Address>>),
    /// The commands of a connection are written, and the pattern has more of them.
    Refill(u64),
    /// The high-water mark has room again: read on.
    Resume(u64),
    /// Stop when every session is over, at the latest at this time.
    Stop(Instant),
    /// Shake hands over a stream.
    Take(Arriving),
    /// Close a listener, and end what came by it within the deadline. Whoever waits until the
    /// listener is closed is told.
    Unlisten(u64, Instant, Option<Arc<Ack>>),
    /// Write what is queued.
    Write(u64),
    /// Write what is queued; the token is held for us.
    WriteHeld(u64),
    /// A write failed: read to the end, then end the connection.
    WriteFailed(u64),
}

/// An I/O thread as others see it.
#[derive(Clone, Debug)]
pub(crate) struct IoHandle {
    shared: Arc<IoShared>,
}

#[derive(Debug)]
struct IoShared {
    commands: Mutex<Vec<IoCommand>>,
    asleep: AtomicBool,
    reactor: Arc<dyn Reactor>,
    next_key: PlainU64,
    sessions: AtomicUsize,
}

impl IoHandle {
    pub(crate) fn new(reactor: Arc<dyn Reactor>) -> Self {
        let shared = IoShared {
            commands: Mutex::new(Vec::new()),
            asleep: AtomicBool::new(true),
            reactor,
            next_key: PlainU64::new(1),
            sessions: AtomicUsize::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Asks the I/O thread for something.
    pub(crate) fn post(&self, command: IoCommand) {
        self.put(command);
        self.rouse();
    }

    /// Like [`post`](Self::post) under a socket's lock, so that no later command overtakes this
    /// one. The caller [rouses](Self::rouse) the thread after unlocking.
    pub(crate) fn put(&self, command: IoCommand) {
        self.shared.commands.lock().push(command);
    }

    /// Wakes the I/O thread if it sleeps: it announces its sleep, then looks for commands once
    /// more; here the commands are there before the announcement is looked at.
    pub(crate) fn rouse(&self) {
        if self.shared.asleep.swap(false, Ordering::AcqRel) {
            self.shared.reactor.notify();
        }
    }

    /// True if both are the same thread.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A fresh key for a session or listener.
    pub(crate) fn new_key(&self) -> u64 {
        self.shared.next_key.fetch_add(1, Plain::Relaxed)
    }

    /// How many sessions and listeners the thread has: new ones go to the least loaded.
    pub(crate) fn load(&self) -> usize {
        self.shared.sessions.load(Plain::Relaxed)
    }

    fn add_load(&self, more: usize, less: usize) {
        self.shared.sessions.fetch_add(more, Plain::Relaxed);
        self.shared.sessions.fetch_sub(less, Plain::Relaxed);
    }

    pub(crate) fn take_commands(&self, into: &mut Vec<IoCommand>) {
        std::mem::swap(&mut *self.shared.commands.lock(), into);
    }

    /// Announces sleep, at the end of a turn. False: there are commands, do not sleep.
    fn fall_asleep(&self) -> bool {
        self.shared.asleep.swap(true, Ordering::AcqRel);
        self.shared.commands.lock().is_empty()
    }

    fn wake_up(&self) {
        self.shared.asleep.swap(false, Ordering::AcqRel);
    }
}

/// One answer to one waiting thread.
#[derive(Debug)]
pub(crate) struct Ack {
    done: AtomicBool,
    waiter: Waiter,
}

impl Ack {
    pub(crate) fn new(waiter: Waiter) -> Self {
        Self {
            done: AtomicBool::new(false),
            waiter,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    fn finish(&self) {
        self.done.store(true, Ordering::Release);
        self.waiter.wake();
    }
}
