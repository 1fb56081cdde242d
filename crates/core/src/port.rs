//! The part of a socket that I/O threads and other sockets of the process know: its mailbox.
//!
//! Nobody but a holder of the socket's lock calls its pattern. Others *post* notes: they put the
//! note into the mailbox, then try the lock and drain; if the lock is taken, its holder drains. The
//! argument that no note is left lying:
//!
//! ```text
//!   poster:  push note;  pending = true;  fence;  try_lock fails        -> return
//!   holder:  unlock;                      fence;  pending is true       -> settle
//! ```
//!
//! With a full fence between the two on both sides, one of them sees the other: the holder reads
//! `true`, or the poster's `try_lock` comes after the unlocking and cannot fail because of this
//! holder. A later holder is the same case again. Only a holder clears `pending`, and before it
//! takes the notes: one that is put down between the two sets it again. The holder's fence is free
//! on x86-64, where unlocking is one already ([`fence_after_unlock`]); a third locked instruction
//! for each message took a tenth of its time.
//!
//! A receiver that *looks* for messages from its own process without sleeping takes them itself:
//! meanwhile whoever has some for it leaves the note and goes on. When it stops, it takes the lock
//! like any other holder; the same two fences tell that it finds the note, or the poster `looking`
//! unset.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use crate::close::Closing;
#[cfg(feature = "inproc")]
use crate::context::ContextInner;
use crate::event::EventHub;
use crate::io::Entrance;
use crate::options::{Options, Overflow};
use crate::pattern::{Kind, Origin, Peer, PipeId};
use crate::pipe::{Link, Rest};
use crate::stats::Counters;
use crate::sync::{AtomicBool, Mutex, Ordering, fence, fence_after_unlock};
use crate::world::{Process, World};

/// What others tell a socket.
#[derive(Debug)]
pub(crate) enum Note {
    /// A pipe came.
    Attached(PipeId, Link, Origin),
    /// A dialed pipe has a connection to this peer; so many messages were brought by those before.
    Hiccup(PipeId, Arc<Peer>, u64),
    /// A dialed pipe lost its connection; nobody writes there any more.
    Lost(PipeId),
    /// A pipe is over, and this is left of it. What it brought before can still be received.
    Gone(PipeId, Rest),
    /// An inproc pipe waiting for its name to be bound has a peer.
    #[cfg(feature = "inproc")]
    Bound(PipeId, Arc<Port>, PipeId, Arc<Peer>),
    /// Messages arrived where there were none.
    Readable(PipeId),
    /// Room came where there was none.
    Writable(PipeId),
    /// The commands sent on this pipe are taken: the pattern has more of them.
    Refill(PipeId),
    /// The peer has answered what it was asked under this number.
    Echoed(PipeId, u64),
}

/// Whoever can take the socket's lock.
pub(crate) trait Shell: Send + Sync {
    /// Drains the mailbox if the lock is free.
    fn settle(&self);

    /// Ends every operation of the socket: the context is shut down.
    fn shut_down(&self);

    /// The time that an I/O thread was asked to [wait for](crate::io::IoCommand::Alarm) has come:
    /// the next such time.
    fn alarm(&self, at: Instant) -> Option<Instant>;
}

/// A socket as others see it.
pub(crate) struct Port {
    pub(crate) kind: Kind,
    /// What becomes of messages without room: this stays.
    pub(crate) overflow: Overflow,
    options: Mutex<Arc<Options>>,
    pub(crate) world: Arc<dyn World>,
    pub(crate) process: Process,
    /// Where a ZAP handler may be.
    #[cfg(feature = "inproc")]
    pub(crate) context: Weak<ContextInner>,
    /// Who has come in by the listeners.
    pub(crate) entrance: Arc<Entrance>,
    pub(crate) events: EventHub,
    pub(crate) counters: Counters,
    pub(crate) closing: Closing,
    notes: Mutex<Vec<Note>>,
    pending: AtomicBool,
    looking: AtomicBool,
    slots: Mutex<Slots>,
    shell: OnceLock<Weak<dyn Shell>>,
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("type", &self.kind.socket_type)
            .finish_non_exhaustive()
    }
}

impl Port {
    pub(crate) fn new(kind: Kind, options: Options, world: Arc<dyn World>) -> Self {
        Self {
            kind,
            overflow: options.overflow,
            options: Mutex::new(Arc::new(options)),
            world,
            process: Process::this(),
            #[cfg(feature = "inproc")]
            context: Weak::new(),
            entrance: Arc::default(),
            events: EventHub::default(),
            counters: Counters::default(),
            closing: Closing::default(),
            notes: Mutex::new(Vec::new()),
            pending: AtomicBool::new(false),
            looking: AtomicBool::new(false),
            slots: Mutex::new(Slots::default()),
            shell: OnceLock::new(),
        }
    }

    /// The options as they are now: an endpoint keeps those that it is made with.
    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.lock())
    }

    /// Changes options that concern nobody else. (In a forked child, nobody at all.)
    pub(crate) fn change(&self, change: impl FnOnce(&mut Options)) {
        if self.process.is_this() {
            change(Arc::make_mut(&mut self.options.lock()));
        }
    }

    /// Puts other options in the place of those that were `before`, and returns these. `None`: it
    /// is others by now, and nothing is done; else `then` is, at once.
    pub(crate) fn exchange<E>(
        &self,
        before: &Arc<Options>,
        after: Arc<Options>,
        then: impl FnOnce() -> Result<(), E>,
    ) -> Result<Option<Arc<Options>>, E> {
        let mut present = self.options.lock();
        if !Arc::ptr_eq(&present, before) {
            return Ok(None);
        }
        then()?;
        Ok(Some(std::mem::replace(&mut *present, after)))
    }

    /// Names the socket behind this port, once.
    pub(crate) fn set_shell(&self, shell: Weak<dyn Shell>) {
        let first = self.shell.set(shell).is_ok();
        debug_assert!(first);
    }

    pub(crate) fn shell(&self) -> Option<Arc<dyn Shell>> {
        self.shell.get().and_then(Weak::upgrade)
    }

    /// Tells the socket something. Takes the socket's lock if it is free; holds none of its own
    /// then.
    pub(crate) fn post(&self, note: Note) {
        let for_receivers = matches!(note, Note::Readable(_));
        self.notes.lock().push(note);
        let Some(shell) = self.shell() else {
            return self.refuse_all();
        };
        self.announce();
        if !(for_receivers && self.is_looked_for()) {
            shell.settle();
        }
    }

    /// True if a receiver will drain what was posted before.
    fn is_looked_for(&self) -> bool {
        self.looking.load(Ordering::Acquire)
    }

    /// A receiver begins to look at [`has_notes`](Self::has_notes). False: another one does so.
    pub(crate) fn start_looking(&self) -> bool {
        !self.looking.swap(true, Ordering::AcqRel)
    }

    /// It stops. Next it takes the lock, and so drains the notes that were left to it.
    pub(crate) fn stop_looking(&self) {
        self.looking.store(false, Ordering::Release);
    }

    /// Under the socket's lock: leaves a note for when the lock has been free once.
    pub(crate) fn put(&self, note: Note) {
        self.notes.lock().push(note);
        self.announce();
    }

    /// Notes to be drained? Certain under the socket's lock.
    #[inline]
    pub(crate) fn has_notes(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// Under the socket's lock: takes the notes, after clearing what tells of them.
    pub(crate) fn take_notes(&self, into: &mut Vec<Note>) {
        self.pending.swap(false, Ordering::AcqRel);
        std::mem::swap(&mut *self.notes.lock(), into);
    }

    /// After unlocking: true if notes came meanwhile; then the caller settles.
    #[inline]
    pub(crate) fn look_again(&self) -> bool {
        fence_after_unlock();
        self.pending.load(Ordering::Acquire)
    }

    /// Before trying the lock: whoever holds it looks again after unlocking.
    pub(crate) fn announce(&self) {
        self.pending.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// A fresh name for a pipe, which no socket knows.
    pub(crate) fn new_pipe(&self) -> PipeId {
        let index = self.slots.lock().take();
        PipeId::new(index, self.world.serial())
    }

    /// A pipe's slot may be used again, under another name.
    pub(crate) fn free_pipe(&self, pipe: PipeId) {
        self.slots.lock().free.push(pipe.index() as u32);
    }

    /// The socket is gone: whoever posts a new pipe has to end it.
    fn refuse_all(&self) {
        let notes = std::mem::take(&mut *self.notes.lock());
        for note in notes {
            match note {
                Note::Attached(_, link, _) => link.abandon(),
                #[cfg(feature = "inproc")]
                Note::Bound(_, peer, pipe, _) => peer.post(Note::Gone(pipe, Rest::nothing())),
                _ => {}
            }
        }
    }
}

/// Slots of the pipe table: how many there are, and which nobody has.
#[derive(Debug, Default)]
struct Slots {
    free: Vec<u32>,
    count: u32,
}

impl Slots {
    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        })
    }
}
