//! What follows from a call under a socket's lock, carried out when the lock is released.

use std::cell::RefCell;
use std::sync::Arc;

use ferromq_wire::{Incoming, Message};

use crate::event::Event;
use crate::io::{IoCommand, IoHandle};
use crate::pipe::StreamPipe;
use crate::port::{Note, Port};
use crate::sync::{thread_local, with_local};
use crate::unsent::Unsent;
use crate::wait::Waiter;

/// Deferred effects, in the order of their kinds below.
#[derive(Debug, Default)]
pub(crate) struct After {
    /// Pipes to be written; the token is held.
    pub(crate) writes: Vec<Arc<StreamPipe>>,
    /// Whether the caller waits for the kernel there.
    pub(super) waits: bool,
    /// Pipes left unwritten; true: their I/O thread is to be told.
    pub(crate) left: Vec<(Arc<StreamPipe>, bool)>,
    /// For I/O threads.
    pub(crate) commands: Vec<(IoHandle, IoCommand)>,
    /// For other sockets of the process.
    pub(crate) notes: Vec<(Arc<Port>, Note)>,
    /// Readers of events are told.
    pub(crate) events: Vec<(Arc<Port>, Event)>,
    /// Sleepers to be woken.
    pub(crate) woken: Vec<Arc<Waiter>>,
    /// Messages to be dropped: their payloads may run user code.
    pub(crate) garbage: Vec<Message>,
    /// The same for what was never taken out of a queue.
    pub(crate) unread: Vec<std::collections::VecDeque<Incoming>>,
    /// The same for what was never sent.
    pub(crate) unsent: Vec<Unsent>,
    /// Set with anything above.
    pub(crate) any: bool,
}

thread_local! {
    static SPARE: RefCell<Option<After>> = const { RefCell::new(None) };
    static LEFT: RefCell<Left> = const { RefCell::new(Left::new()) };
}

/// Pipes that a thread has left unwritten, and writes before it next waits. A thread that never
/// waits has them written by I/O threads: so now and then those are forgotten that are written.
#[derive(Debug)]
struct Left {
    pipes: Vec<Arc<StreamPipe>>,
    /// With how many there is a look which of them are left still.
    most: usize,
}

/// So many are kept without a look.
const FEW: usize = 64;

/// An empty list, with the capacity of one used before on this thread.
pub(crate) fn spare() -> After {
    with_local(&SPARE, Option::take)
        .flatten()
        .unwrap_or_default()
}

/// Keeps an emptied list for the next time.
pub(crate) fn give(after: After) {
    with_local(&SPARE, |spare| *spare = Some(after));
}

/// Writes what this thread has left behind on any socket: it is about to wait.
pub(crate) fn flush_left() {
    let left = with_local(&LEFT, |left| std::mem::take(&mut left.pipes));
    let Some(mut left) = left else {
        return;
    };
    for pipe in left.drain(..) {
        pipe.flush();
    }
    with_local(&LEFT, |newer| {
        if newer.pipes.capacity() == 0 {
            newer.pipes = left;
            newer.most = FEW;
        }
    });
}

/// This thread has left a pipe unwritten. One that is ending writes it instead.
fn leave(pipe: Arc<StreamPipe>) {
    let mut pipe = Some(pipe);
    let are_many = with_local(&LEFT, |left| {
        left.pipes.extend(pipe.take());
        left.pipes.len() >= left.most
    });
    match (are_many, pipe) {
        (Some(true), _) => forget_written(),
        (None, Some(pipe)) => pipe.flush(),
        _ => {}
    }
}

/// Keeps each pipe once, and of these what is not written yet. (No list is borrowed while pipes are
/// dropped: messages in them may run user code.)
#[cold]
fn forget_written() {
    let left = with_local(&LEFT, |left| std::mem::take(&mut left.pipes));
    let mut left = left.unwrap_or_default();
    left.sort_unstable_by_key(Arc::as_ptr);
    left.dedup_by(|pipe, before| Arc::ptr_eq(pipe, before));
    left.retain(|pipe| pipe.is_left());
    with_local(&LEFT, |newer| {
        left.append(&mut newer.pipes);
        newer.most = FEW.max(2 * left.len());
        newer.pipes = left;
    });
}

/// Empties a list. Most are empty already: that costs a comparison.
#[inline]
fn each<T>(list: &mut Vec<T>, mut act: impl FnMut(T)) {
    if !list.is_empty() {
        list.drain(..).for_each(&mut act);
    }
}

impl Left {
    const fn new() -> Self {
        Self {
            pipes: Vec::new(),
            most: FEW,
        }
    }
}

impl After {
    /// Tells another socket of the process something, if there is something to tell.
    #[cfg(feature = "inproc")]
    #[inline]
    pub(super) fn tell(&mut self, note: Option<(Arc<Port>, Note)>) {
        if let Some(note) = note {
            self.any = true;
            self.notes.push(note);
        }
    }

    /// True if nothing follows.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.any
    }

    /// Carries everything out. No lock is held.
    pub(crate) fn run(&mut self) {
        let waits = std::mem::take(&mut self.waits);
        each(&mut self.writes, |pipe| match waits {
            true => pipe.write_waiting(),
            false => pipe.write(),
        });
        each(&mut self.left, |(pipe, dirty)| {
            if dirty {
                pipe.io.post(IoCommand::Dirty(Arc::clone(&pipe)));
            }
            leave(pipe);
        });
        each(&mut self.commands, |(io, command)| io.post(command));
        each(&mut self.notes, |(port, note)| port.post(note));
        each(&mut self.events, |(port, event)| {
            port.events.report(|| event)
        });
        each(&mut self.woken, |waiter| waiter.wake());
        self.garbage.clear();
        self.unread.clear();
        self.unsent.clear();
        self.any = false;
    }
}
