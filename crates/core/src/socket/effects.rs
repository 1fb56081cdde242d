//! Effects that a pattern asks for, beyond commands and notices: messages for the application, and
//! the end of a connection.

#[cfg(feature = "inproc")]
use std::sync::Arc;

use ferromq_wire::Message;

use super::state::Body;
use crate::io::IoCommand;
use crate::pattern::{Dropped, PipeId, Refusal};
use crate::pipe::Link;
#[cfg(feature = "inproc")]
use crate::pipe::Rest;
#[cfg(feature = "inproc")]
use crate::port::Note;
use crate::port::Port;

impl Body {
    /// In process, whoever joins two sockets sends the first messages for a new peer; by streams,
    /// whoever makes the connection.
    #[cfg(feature = "inproc")]
    pub(super) fn greet(&mut self, pipe: PipeId) {
        let Some(Link::Inproc(inproc)) = self.pipes.get(pipe).map(|entry| &entry.link) else {
            return;
        };
        for greeting in inproc.options.announcements.greetings() {
            self.after.tell(inproc.announce(&greeting));
        }
    }

    /// A message for the application, if it fits.
    pub(super) fn deliver(&mut self, message: Message, port: &Port) {
        if self.ready.is_full() {
            port.counters.drop_receiving(Dropped::HighWaterMark, 1);
            self.after.garbage.push(message);
            self.after.any = true;
        } else {
            self.ready.push_back(message, None);
            self.wake_receivers(1);
        }
    }

    /// A notice for the application, or some that have become void.
    pub(super) fn notify(&mut self, notice: Message, port: &Port) {
        let void = self.ready.notify(notice);
        if void.is_empty() {
            return self.wake_receivers(1);
        }
        port.counters
            .drop_receiving(Dropped::HighWaterMark, void.len() as u64);
        self.after.garbage.extend(void);
        self.after.any = true;
    }

    /// Ends a pipe's connection: an accepted pipe is over, a dialed one tries again.
    #[cfg_attr(
        not(feature = "inproc"),
        expect(unused_variables, reason = "only a pipe in the process needs the port")
    )]
    pub(super) fn end_connection(&mut self, pipe: PipeId, why: Refusal, port: &Port) {
        self.after.any = true;
        let Some(entry) = self.pipes.get(pipe) else {
            return;
        };
        match &entry.link {
            Link::Stream(stream) => {
                // Without a peer there is no connection to end.
                if let Some(peer) = &entry.peer {
                    let command = IoCommand::Refused(stream.key, peer.connection, why);
                    self.after.commands.push((stream.io.clone(), command));
                }
            }
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) => {
                if let Some((peer, id)) = &inproc.peer {
                    let gone = Note::Gone(*id, Rest::nothing());
                    self.after.tell(Some((Arc::clone(peer), gone)));
                }
                port.put(Note::Gone(pipe, Rest::nothing()));
            }
        }
    }

    /// What was delivered and not taken is dropped.
    pub(super) fn retract(&mut self, port: &Port) {
        port.counters
            .drop_receiving(Dropped::Stale, self.ready.len() as u64);
        self.after.garbage.extend(self.ready.take());
        self.after.any = true;
    }
}
