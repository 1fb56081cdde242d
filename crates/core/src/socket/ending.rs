//! How pipes and sockets end: what was not sent goes to other peers, is flushed within linger, or
//! is counted.

use std::sync::Arc;
use std::time::Instant;

use ferromq_wire::Incoming;

use super::state::{Body, Entry, State};
use crate::close::Closing;
use crate::error::ClosedError;
use crate::io::IoCommand;
use crate::outbound::Unsent;
use crate::pattern::{Dropped, Pattern, PipeId};
use crate::pipe::Link;
use crate::port::Port;

impl<P: Pattern> State<P> {
    /// Ends the socket. False: it was closed before.
    pub(super) fn close(
        &mut self,
        why: ClosedError,
        until: Instant,
        closing: &Arc<Closing>,
        port: &Arc<Port>,
    ) -> bool {
        if self.body.closed.is_some() {
            return false;
        }
        self.place_requeued(port);
        self.body.closed = Some(why);
        self.body
            .endpoints
            .close(until, closing, &mut self.body.after);
        let pipes: Vec<PipeId> = self.body.pipes.iter().map(|(pipe, _)| pipe).collect();
        for pipe in pipes {
            self.close_pipe(pipe, until, closing, port);
        }
        self.body.after.garbage.extend(self.body.ready.drain(..));
        self.body.after.any = true;
        self.body.wake_everybody();
        true
    }

    /// Ends a pipe on behalf of the application: what is queued goes out within linger.
    pub(super) fn close_pipe(
        &mut self,
        pipe: PipeId,
        until: Instant,
        closing: &Arc<Closing>,
        port: &Arc<Port>,
    ) {
        let Some(entry) = self.body.pipes.get_mut(pipe) else {
            return;
        };
        match entry.link.clone() {
            Link::Stream(stream) => {
                closing.begin();
                let command = IoCommand::Close(stream.key, until, Arc::clone(closing));
                self.body.after.commands.push((stream.io.clone(), command));
            }
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) => {
                let unread = entry.batch.drain(&inproc.incoming);
                self.leave_inproc(&inproc, unread, closing, port);
            }
        }
        self.body.after.any = true;
        self.detach(pipe, Dropped::Closed, port);
    }

    /// Ends a pipe at once: what it brought and was not received is dropped.
    pub(super) fn detach(&mut self, pipe: PipeId, reason: Dropped, port: &Arc<Port>) {
        let Some(mut entry) = self.body.pipes.remove(pipe) else {
            return;
        };
        self.body.forget_claim();
        self.body.ending.retain(|other| *other != pipe);
        let unread = entry.batch.drain(entry.link.inbound());
        let lost = unread
            .iter()
            .filter(|item| matches!(item, Incoming::Message(_)))
            .count();
        port.counters.drop_messages(reason, lost as u64);
        self.body.after.unread.push(unread);
        self.body.after.any = true;
        self.pattern.detach(pipe, &mut self.actions);
        port.free_pipe(pipe);
        self.carry_out(port);
    }

    pub(super) fn handle_lost(&mut self, pipe: PipeId, unsent: Unsent, port: &Arc<Port>) {
        if self.body.pipes.get(pipe).is_none() {
            port.counters
                .drop_messages(Dropped::PeerGone, unsent.messages.len() as u64);
            return;
        }
        self.pattern.lost(pipe, &mut self.actions);
        self.carry_out(port);
        self.pattern.writable(pipe);
        self.take_back(unsent, port);
        self.body.wake_all_senders();
    }

    pub(super) fn handle_gone(&mut self, pipe: PipeId, unsent: Unsent, port: &Arc<Port>) {
        self.take_back(unsent, port);
        let Some(entry) = self.body.pipes.get_mut(pipe) else {
            return;
        };
        entry.ending = true;
        let wanted = self.pattern.ending(pipe, &mut self.actions);
        self.carry_out(port);
        match self.body.pipes.get(pipe) {
            Some(entry) if wanted && !entry.is_drained() => self.body.ending.push(pipe),
            Some(_) => self.detach(pipe, Dropped::Stale, port),
            None => {}
        }
        self.body.wake_everybody();
    }

    /// Lets the pipes go that are over and have nothing left: a PAIR is free for its next peer.
    #[cold]
    pub(super) fn detach_drained(&mut self, port: &Arc<Port>) {
        let (pipes, ending) = (&self.body.pipes, &self.body.ending);
        let drained = |pipe: &PipeId| pipes.get(*pipe).is_some_and(Entry::is_drained);
        let drained: Vec<PipeId> = ending.iter().copied().filter(drained).collect();
        for pipe in drained {
            self.detach(pipe, Dropped::Stale, port);
        }
    }

    /// Messages of a lost peer: to the others, or counted.
    pub(super) fn take_back(&mut self, unsent: Unsent, port: &Port) {
        if P::KIND.requeues && self.body.closed.is_none() {
            self.body.requeued.extend(unsent.messages);
            return;
        }
        let lost = unsent.messages.len() as u64;
        port.counters.drop_messages(Dropped::PeerGone, lost);
        self.body.after.any |= lost > 0;
        self.body.after.garbage.extend(unsent.messages);
    }

    /// Gives what was taken back to the next peers with room.
    pub(super) fn place_requeued(&mut self, port: &Port) {
        let had_some = !self.body.requeued.is_empty();
        while !self.body.requeued.is_empty() {
            let pipe = self.pattern.reroute(&self.body.pipes, &mut self.actions);
            self.body.carry_out(&mut self.actions, port);
            let Some(pipe) = pipe else {
                return;
            };
            let Some(mut message) = self.body.requeued.pop_front() else {
                return;
            };
            self.body.send_to(pipe, &[], &mut message, 0, port);
            self.body.after.garbage.push(message);
            self.body.after.any = true;
        }
        if had_some {
            self.body.wake_all_senders();
        }
    }
}

impl Body {
    /// After closing: drops what had no peer to go to.
    pub(super) fn drop_unrouted(&mut self) -> u64 {
        let lost = self.requeued.len() as u64;
        self.after.garbage.extend(self.requeued.drain(..));
        self.after.any |= lost > 0;
        lost
    }
}
