//! How pipes and sockets end: what was not sent goes to other peers, is flushed within linger, or
//! is counted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use ferromq_wire::Incoming;

use super::receipt::Came;
use super::state::{Body, Pipes, State};
use crate::error::ClosedError;
use crate::event::Event;
use crate::inbound;
use crate::io::IoCommand;
use crate::options::OnPeerLost;
use crate::pattern::{Dropped, Pattern, PipeId, Room};
use crate::pipe::{Link, Rest, StreamPipe};
use crate::port::Port;
use crate::unsent::Unsent;

impl<P: Pattern> State<P> {
    /// Ends the socket. False: it was closed before.
    pub(super) fn close(&mut self, why: ClosedError, until: Instant, port: &Arc<Port>) -> bool {
        if self.body.closed.is_some() {
            return false;
        }
        port.closing.begin();
        self.place_requeued(port);
        self.place_requeued_anywhere(port);
        self.body.closed = Some(why);
        let unplaced = std::mem::take(&mut self.body.requeued);
        self.lose(unplaced, port);
        self.body.endpoints.close(until, &mut self.body.after);
        let pipes: Vec<PipeId> = self.body.pipes.iter().map(|(pipe, _)| pipe).collect();
        for pipe in pipes {
            self.close_pipe(pipe, until, port);
        }
        let unread = self.body.ready.len() as u64;
        port.counters.drop_receiving(Dropped::Closed, unread);
        self.body.after.garbage.extend(self.body.ready.take());
        self.body.after.any = true;
        self.body.wake_everybody();
        true
    }

    /// Ends a pipe on behalf of the application: what is queued goes out within linger.
    pub(super) fn close_pipe(&mut self, pipe: PipeId, until: Instant, port: &Arc<Port>) {
        self.body.push_backlog(pipe, port);
        let Some(entry) = self.body.pipes.get_mut(pipe) else {
            return;
        };
        match entry.link.clone() {
            Link::Stream(stream) => {
                port.closing.part(&stream);
                let command = IoCommand::Close(stream.key, until);
                self.body.after.commands.push((stream.io.clone(), command));
            }
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) => {
                let unread = entry.batch.drain(&inproc.incoming);
                self.leave_inproc(&inproc, unread, port);
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
        self.body.retire(&entry);
        self.body.ending -= usize::from(entry.ending);
        self.body.roomy.remove(&pipe);
        match &entry.link {
            Link::Stream(stream) => stream.deafen(),
            #[cfg(feature = "inproc")]
            Link::Inproc(_) => {}
        }
        let unread = entry.batch.drain(entry.link.inbound());
        self.body.drop_backlog(entry.backlog.take(), port);
        port.counters
            .drop_receiving(reason, inbound::messages(&unread));
        self.body.after.unread.push(unread);
        self.body.after.any = true;
        self.pattern.detach(pipe, &mut self.actions);
        self.body.keep_senders(pipe, entry.senders);
        if let Some(peer) = entry.peer {
            self.body.note_left(pipe, &peer, entry.batch.consumed());
        }
        self.body.tell_observers();
        // Who was passed over for this one may be given messages now.
        self.body.wake_all_senders();
        port.free_pipe(pipe);
        self.carry_out(port);
    }

    /// A dialed pipe lost its connection. If the socket has let go of it, its session keeps what is
    /// unsent, for the next connection within linger.
    pub(super) fn handle_lost(&mut self, pipe: PipeId, port: &Arc<Port>) {
        let Some(link) = self.body.pipes.get(pipe).map(|entry| &entry.link) else {
            return;
        };
        let immediate = link.options().immediate;
        let unsent = match link {
            Link::Stream(stream) if immediate || takes_back::<P>(port) => stream.out.take_unsent(),
            _ => Unsent::default(),
        };
        if immediate {
            let entry = self.body.pipes.get_mut(pipe);
            let backlog = entry.and_then(|entry| entry.backlog.take());
            self.body.drop_backlog(backlog, port);
        }
        self.body.part(pipe);
        self.take_back(pipe, unsent, port);
        self.pattern.lost(pipe, &mut self.actions);
        self.carry_out(port);
        self.pattern.writable(pipe);
        self.body.wake_everybody();
    }

    /// A pipe is over. What the application had let go of before is lost: linger is over.
    pub(super) fn handle_gone(&mut self, pipe: PipeId, rest: Rest, port: &Arc<Port>) {
        let entry = self.body.pipes.get_mut(pipe);
        let known = entry.is_some();
        if let Some(entry) = entry {
            self.body.ending += usize::from(!entry.ending);
            entry.ending = true;
            // What it brought may be received for long; nothing more goes there.
            let backlog = entry.backlog.take();
            self.body.drop_backlog(backlog, port);
        }
        let unsent = match rest {
            Rest::Stream(stream) if known => stream.out.take_unsent(),
            Rest::Stream(stream) => {
                self.body.retire_stream(&stream);
                return self.lose(stream.out.take_unsent(), port);
            }
            #[cfg(feature = "inproc")]
            Rest::Inproc(unread) => {
                self.bid_farewell(pipe);
                self.untake(pipe, unread, port)
            }
        };
        self.take_back(pipe, unsent, port);
        if !known {
            return;
        }
        let dialed = &mut self.body.endpoints.dialed;
        dialed.retain(|it| it.pipe != pipe);
        let wanted = self.pattern.ending(pipe, &mut self.actions);
        self.carry_out(port);
        match self.body.pipes.get(pipe) {
            Some(entry) if !wanted || entry.is_drained() => {
                self.detach(pipe, Dropped::Stale, port);
            }
            Some(_) | None => {}
        }
        self.body.wake_everybody();
    }

    /// Lets a pipe go that is over, if the message taken last was the last that it brought: a PAIR
    /// is free for its next peer.
    #[cold]
    pub(super) fn detach_drained(&mut self, port: &Arc<Port>) {
        let Some(Came { pipe, .. }) = self.body.came else {
            return;
        };
        let entry = self.body.pipes.get(pipe);
        if entry.is_some_and(|entry| entry.ending && entry.is_drained()) {
            self.detach(pipe, Dropped::Stale, port);
        }
    }

    /// Messages of a lost peer: to the others, to the application, or counted.
    fn take_back(&mut self, pipe: PipeId, mut unsent: Unsent, port: &Arc<Port>) {
        let then = port.options().on_peer_lost();
        let open = P::KIND.requeues && self.body.closed.is_none();
        if open && P::EXAMINES {
            unsent = self.examine(pipe, unsent, port);
        }
        if unsent.is_empty() {
            return;
        }
        if open && then == OnPeerLost::Requeue {
            return self.body.requeued.append(unsent);
        }
        if open {
            self.pattern.withdrawn(pipe);
        }
        if open && then == OnPeerLost::Return {
            return self.body.give_back(unsent, port);
        }
        port.counters.drop_sending(Dropped::PeerGone, unsent.len());
        self.discard(unsent);
    }

    /// Those that the pattern wants to go to others.
    fn examine(&mut self, pipe: PipeId, mut unsent: Unsent, port: &Port) -> Unsent {
        let mut wanted = VecDeque::new();
        while let Some(message) = unsent.pop_front() {
            if self.pattern.returned(pipe, &message, &mut self.actions) {
                wanted.push_back(Incoming::Message(message));
            } else {
                port.counters.drop_sending(Dropped::PeerGone, 1);
                self.body.after.garbage.push(message);
                self.body.after.any = true;
            }
        }
        self.carry_out(port);
        Unsent::of_queue(wanted)
    }

    /// Messages that closing loses.
    pub(super) fn lose(&mut self, unsent: Unsent, port: &Port) {
        port.counters.drop_sending(Dropped::Closed, unsent.len());
        port.closing.lose(unsent.len());
        self.discard(unsent);
    }

    fn discard(&mut self, unsent: Unsent) {
        self.body.after.unsent.push(unsent);
        self.body.after.any = true;
    }

    /// Gives what was taken back to the next peers with room.
    pub(super) fn place_requeued(&mut self, port: &Port) {
        if !self.body.requeued.is_empty() && self.place(Pipes::has_room, port) {
            self.body.wake_all_senders();
        }
    }

    /// Gives what was taken back to whomever there is: nothing follows it.
    fn place_requeued_anywhere(&mut self, port: &Port) {
        if !self.body.requeued.is_empty() {
            let pipes = self.body.pipes.iter();
            pipes.for_each(|(pipe, _)| self.pattern.writable(pipe));
            let lives = |pipes: &Pipes, pipe| pipes.get(pipe).is_some_and(|entry| !entry.ending);
            self.place(lives, port);
        }
    }

    /// True if everything found its place.
    fn place(&mut self, has_room: impl Fn(&Pipes, PipeId) -> bool, port: &Port) -> bool {
        while !self.body.requeued.is_empty() {
            let room = |pipe| has_room(&self.body.pipes, pipe);
            let pipe = self.pattern.reroute(&room, &mut self.actions);
            self.body.carry_out(&mut self.actions, port);
            let Some(pipe) = pipe else {
                return false;
            };
            let Some(mut message) = self.body.requeued.pop_front() else {
                return true;
            };
            self.body.send_to(pipe, &[], &mut message, 0, port);
            self.body.after.garbage.push(message);
            self.body.after.any = true;
        }
        true
    }
}

impl Body {
    /// What a peer has sent that the socket does not take is dropped.
    pub(super) fn dismiss(&mut self, stream: Arc<StreamPipe>, port: &Port) {
        stream.deafen();
        let unread = stream.inbound.take_back();
        port.counters
            .drop_receiving(Dropped::PeerGone, inbound::messages(&unread));
        self.after.unread.push(unread);
        self.parting.insert(stream.id, stream);
    }

    /// Keeps messages of a lost peer for the application, and tells that there are some.
    fn give_back(&mut self, unsent: Unsent, port: &Arc<Port>) {
        let messages = unsent.len();
        port.counters.give_back(messages);
        self.returned.append(unsent);
        let event = Event::Returned { messages };
        self.after.events.push((Arc::clone(port), event));
        self.after.any = true;
    }
}

/// Whether what a dialed peer was not given is to be taken out of its queue when it is lost.
fn takes_back<P: Pattern>(port: &Port) -> bool {
    P::KIND.requeues && port.options().on_peer_lost() != OnPeerLost::Keep
}
