//! Keeping only the last message for each peer.
//!
//! A stream pipe is given one message at a time. Another one waits here, where the next takes its
//! place, until the connection is there and the kernel has taken the one before: then the pipe
//! reports room. Within a process, the queue itself keeps the last one.

use ferromq_wire::Message;

use super::state::{Body, Entry};
use crate::pattern::{Dropped, PipeId};
#[cfg(feature = "inproc")]
use crate::pipe::InprocPipe;
use crate::pipe::Link;
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
}

impl Body {
    /// Sends a message in place of the one that waits.
    #[cold]
    pub(super) fn send_latest(&mut self, pipe: PipeId, message: &Message, port: &Port) {
        let Some(entry) = self.pipes.get_mut(pipe) else {
            return;
        };
        if entry.link.is_inproc() {
            return self.push_to(pipe, &[], &mut message.clone(), 0, port);
        }
        if let Some(replaced) = entry.latest.replace(message.clone()) {
            port.counters.drop_sending(Dropped::Conflated, 1);
            self.after.garbage.push(replaced);
            self.after.any = true;
        }
        self.flush_latest(pipe, port);
    }

    /// Puts a message into a queue within the process in place of those that are there; without a
    /// message, leaves the last one of them only.
    #[cfg(feature = "inproc")]
    #[cold]
    pub(super) fn replace(&mut self, inproc: &InprocPipe, message: Option<Message>, port: &Port) {
        let (note, replaced) = inproc.replace(message);
        let count = replaced.len() as u64;
        if inproc.is_joined() {
            port.counters.take_back(count);
        }
        port.counters.drop_sending(Dropped::Conflated, count);
        self.after.unread.push(replaced);
        self.after.any = true;
        self.after.tell(note);
    }

    /// What waited for a peer that is gone.
    pub(super) fn drop_latest(&mut self, latest: Option<Message>, port: &Port) {
        if let Some(latest) = latest {
            port.counters.drop_sending(Dropped::PeerGone, 1);
            self.after.garbage.push(latest);
            self.after.any = true;
        }
    }

    /// Gives a pipe what waits for it, if it is open.
    pub(super) fn flush_latest(&mut self, pipe: PipeId, port: &Port) {
        let entry = self.pipes.get(pipe);
        if entry.is_some_and(|entry| entry.latest.is_some() && entry.is_open()) {
            self.push_latest(pipe, port);
        }
    }

    /// Gives a pipe what waits for it, come what may: the pipe is to be closed.
    pub(super) fn push_latest(&mut self, pipe: PipeId, port: &Port) {
        let latest = self
            .pipes
            .get_mut(pipe)
            .and_then(|entry| entry.latest.take());
        if let Some(mut message) = latest {
            self.push_to(pipe, &[], &mut message, 0, port);
            self.after.garbage.push(message);
            self.after.any = true;
        }
    }
}
