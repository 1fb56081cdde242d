//! Queues in which a later message takes the place of an earlier one ([`Overflow`]).
//!
//! A stream pipe whose queue is to be changed is given little at a time: what does not go to the
//! kernel at once waits here, in the backlog, until the connection is there and the pipe reports
//! room. Within a process, the queue itself is changed.

use std::collections::VecDeque;
#[cfg(feature = "inproc")]
use std::sync::Arc;

use ferromq_wire::{Incoming, Message};

use super::backlog::Backlog;
use super::state::{Body, Entry};
#[cfg(feature = "inproc")]
use crate::inbound::Replaced;
use crate::options::Overflow;
use crate::pattern::{Dropped, PipeId};
use crate::pipe::Link;
#[cfg(feature = "inproc")]
use crate::port::Note;
use crate::port::Port;

impl Entry {
    /// True if a message can go to the connection now.
    fn is_open(&self) -> bool {
        match &self.link {
            Link::Stream(stream) => {
                stream.connection().is_some() && stream.out.has_room_or_thirst()
            }
            #[cfg(feature = "inproc")]
            Link::Inproc(_) => true,
        }
    }

    /// How many messages wait for the pipe.
    pub(super) fn behind(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.len())
    }

    /// The oldest message that waits for it, if there was no room for the newest one.
    fn take_displaced(&mut self, port: &Port) -> Option<Message> {
        let (queued, weight) = match &self.link {
            Link::Stream(stream) => (stream.out.queued(), stream.out.weight()),
            #[cfg(feature = "inproc")]
            Link::Inproc(_) => (0, 0),
        };
        let options = self.link.options();
        let (send_mark, mark_bytes) = (options.send_mark, options.pipe_mark_bytes());
        let backlog = self.backlog.as_mut()?;
        let most = match (port.overflow, send_mark) {
            (Overflow::KeepLatest, _) => 1,
            (_, 0) => usize::MAX,
            (_, mark) => mark.saturating_sub(queued).max(1) as usize,
        };
        let is_heavy = match mark_bytes {
            0 => false,
            mark => weight + backlog.weight_before_newest() >= mark,
        };
        match backlog.len() > most || is_heavy && backlog.len() > 1 {
            true => backlog.pop_front(),
            false => None,
        }
    }
}

impl Body {
    /// Sends a message behind those that wait, one of which may give way.
    #[cold]
    pub(super) fn send_behind(&mut self, pipe: PipeId, message: &mut Message, port: &Port) {
        let Some(entry) = self.pipes.get_mut(pipe) else {
            return;
        };
        if entry.behind() == 0 && entry.is_open() {
            return self.push_to(pipe, &[], message, 0, port);
        }
        let backlog = entry.backlog.get_or_insert_default();
        let replaced = match port.overflow {
            Overflow::KeepTopics => backlog.replace(message.clone()),
            _ => backlog.push(message.clone()),
        };
        let replaced = replaced.into_iter().map(Incoming::Message).collect();
        let oldest = std::iter::from_fn(|| entry.take_displaced(port))
            .map(Incoming::Message)
            .collect();
        let (conflated, displaced) = match port.overflow {
            Overflow::KeepLatest => (oldest, VecDeque::new()),
            _ => (replaced, oldest),
        };
        self.give_way(pipe, conflated, displaced, port);
        self.flush_backlog(pipe, port);
    }

    /// Accounts for a message that was put into a queue within the process, where others give way.
    #[cfg(feature = "inproc")]
    #[cold]
    pub(super) fn note_replaced(
        &mut self,
        pipe: PipeId,
        (note, replaced): (Option<(Arc<Port>, Note)>, Replaced),
        is_joined: bool,
        port: &Port,
    ) {
        let Replaced {
            conflated,
            displaced,
        } = replaced;
        if is_joined {
            let count = conflated.len() + displaced.len();
            port.counters.take_back(count as u64);
        }
        self.give_way(pipe, conflated, displaced, port);
        self.after.tell(note);
    }

    /// Counts, and drops, what has given way.
    fn give_way(
        &mut self,
        pipe: PipeId,
        conflated: VecDeque<Incoming>,
        displaced: VecDeque<Incoming>,
        port: &Port,
    ) {
        let counts = [conflated.len() as u64, displaced.len() as u64];
        if counts == [0, 0] {
            return;
        }
        port.counters.drop_sending(Dropped::Conflated, counts[0]);
        port.counters.drop_sending(Dropped::Displaced, counts[1]);
        if let Some(entry) = self.pipes.get_mut(pipe) {
            entry.conflated += counts[0];
            entry.displaced += counts[1];
        }
        self.after.unread.extend([conflated, displaced]);
        self.after.any = true;
    }

    /// What waited for a peer that is gone.
    pub(super) fn drop_backlog(&mut self, backlog: Option<Box<Backlog>>, port: &Port) {
        if let Some(mut backlog) = backlog {
            let messages = backlog.len() as u64;
            port.counters.drop_sending(Dropped::PeerGone, messages);
            let all = std::iter::from_fn(|| backlog.pop_front());
            self.after.garbage.extend(all);
            self.after.any = true;
        }
    }

    /// Gives a pipe what waits for it, while it is open.
    #[inline]
    pub(super) fn flush_backlog(&mut self, pipe: PipeId, port: &Port) {
        if port.overflow != Overflow::Refuse {
            while self.pipes.get(pipe).is_some_and(Entry::is_open)
                && self.push_next(pipe, port).is_some()
            {}
        }
    }

    /// Gives a pipe what waits for it, come what may: the pipe is to be closed.
    pub(super) fn push_backlog(&mut self, pipe: PipeId, port: &Port) {
        while self.push_next(pipe, port).is_some() {}
    }

    fn push_next(&mut self, pipe: PipeId, port: &Port) -> Option<()> {
        let backlog = self.pipes.get_mut(pipe)?.backlog.as_mut()?;
        let mut message = backlog.pop_front()?;
        self.push_to(pipe, &[], &mut message, 0, port);
        self.after.garbage.push(message);
        self.after.any = true;
        Some(())
    }
}
