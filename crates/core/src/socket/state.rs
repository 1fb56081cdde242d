//! What lies under a socket's lock: the pattern, its pipes, and what waits for either.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
#[cfg(unix)]
use std::sync::Weak;
use std::time::Instant;

use ferromq_wire::{Command, Message};

use super::after::After;
use super::alarms::Alarms;
use super::arrivals::Changes;
use super::backlog::Backlog;
use super::endpoints::Endpoints;
use super::leading::{Claim, LONG};
use super::ready::Ready;
use super::receipt::{Came, Departed, Receipt, Senders};
use super::requesting::Replies;
#[cfg(unix)]
use super::signal::Signal;
use crate::echo;
use crate::error::ClosedError;
use crate::inbound::{self, Batch, Taken};
use crate::io::IoCommand;
use crate::pace::Pace;
use crate::pattern::{
    Action, Actions, Admit, Dropped, Origin, Pattern, Peer, PipeId, Readiness, Refused, Room,
};
use crate::pipe::{Link, StreamPipe};
use crate::port::{Note, Port};
use crate::stats::PeerStats;
use crate::strategy::PipeMap;
use crate::unsent::Unsent;
use crate::wait::{WaitList, Waiter};

/// The state of one socket, under its lock.
pub(crate) struct State<P> {
    pub(super) pattern: P,
    pub(crate) body: Body,
    pub(super) actions: Actions,
    notes: Vec<Note>,
}

/// Everything under the lock but the pattern.
#[derive(Default)]
pub(crate) struct Body {
    pub(super) pipes: Pipes,
    /// Taken back from lost peers: goes out before anything new.
    pub(super) requeued: Unsent,
    /// Taken back from lost peers, for the application.
    pub(super) returned: Unsent,
    /// Admitted and not yet taken by the application.
    pub(super) ready: Ready,
    /// Where the message admitted last came from.
    pub(super) came: Option<Came>,
    pub(super) departed: Departed,
    pub(super) changes: Changes,
    /// What the pipes have carried that are over.
    pub(super) retired: PeerStats,
    /// Pipes that the application has let go of, and that are still written.
    pub(super) parting: HashMap<PipeId, Arc<StreamPipe>>,
    pub(super) senders: WaitList,
    pub(super) receivers: WaitList,
    pub(crate) watchers: WaitList,
    /// Who waits for peers, or for what they have asked for.
    pub(super) observers: WaitList,
    /// Who waits for which reply.
    pub(super) replies: Replies,
    pub(super) alarms: Alarms,
    /// The descriptor that shows whether something can be received, if it was handed out.
    #[cfg(unix)]
    pub(super) signal: Weak<Signal>,
    pub(super) after: After,
    pub(super) pace: Pace,
    pub(super) endpoints: Endpoints,
    pub(crate) closed: Option<ClosedError>,
    /// The connections that a receiver may read itself; none while not known.
    claim: Option<Arc<Claim>>,
    /// A receiver does so now.
    led: bool,
    /// When a leader that had slept last went.
    woken: Option<Instant>,
    /// What is sent now is one of a batch, behind which the sender writes.
    pub(super) batching: bool,
    /// How many pipes are over, and have something left.
    pub(super) ending: usize,
    /// Pipes whose batch has grown and is used up: it gives memory back before a receiver waits.
    pub(super) roomy: HashSet<PipeId>,
}

/// One pipe of the table.
pub(crate) struct Entry {
    pub(super) link: Link,
    pub(super) batch: Batch,
    /// What waits for the connection, where messages give way to later ones.
    pub(super) backlog: Option<Box<Backlog>>,
    /// How many messages gave way to one that tells of the same, and for lack of room.
    pub(super) conflated: u64,
    pub(super) displaced: u64,
    /// Who is there; none before the first connection, and between two.
    pub(super) peer: Option<Arc<Peer>>,
    /// How often it was there again.
    pub(super) reconnects: u64,
    /// Who was there when what it brought was sent.
    pub(super) senders: Senders,
    /// Over: what it brought can still be received.
    pub(super) ending: bool,
}

impl Entry {
    /// True if nothing that it brought is left.
    pub(super) fn is_drained(&self) -> bool {
        self.batch.is_empty(self.link.inbound())
    }

    /// The same, and if so, what comes next is told of.
    pub(super) fn is_used_up(&self) -> bool {
        self.batch.is_used_up(self.link.inbound())
    }
}

/// What came of an item that a pipe brought.
enum Admitted {
    /// A message for the application.
    Message,
    /// Nothing for the application.
    Other,
    /// There was none.
    Nothing,
}

/// The pipe table.
#[derive(Default)]
pub(crate) struct Pipes {
    entries: PipeMap<Entry>,
    count: usize,
}

impl Pipes {
    #[inline]
    pub(super) fn get(&self, pipe: PipeId) -> Option<&Entry> {
        self.entries.get(pipe)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, pipe: PipeId) -> Option<&mut Entry> {
        self.entries.get_mut(pipe)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PipeId, &Entry)> {
        self.entries.iter()
    }

    fn insert(&mut self, pipe: PipeId, entry: Entry) {
        self.entries.insert(pipe, entry);
        self.count += 1;
    }

    pub(super) fn remove(&mut self, pipe: PipeId) -> Option<Entry> {
        let entry = self.entries.remove(pipe)?;
        self.count -= 1;
        Some(entry)
    }
}

impl Room for Pipes {
    #[inline]
    fn has_room(&self, pipe: PipeId) -> bool {
        self.get(pipe)
            .is_some_and(|entry| !entry.ending && (entry.link.has_room() || entry.link.gives_way()))
    }
}

impl<P: Pattern> State<P> {
    pub(super) fn new(pattern: P) -> Self {
        Self {
            pattern,
            body: Body::default(),
            actions: Actions::default(),
            notes: Vec::new(),
        }
    }

    /// Handles what others have told the socket.
    #[cold]
    pub(super) fn drain(&mut self, port: &Arc<Port>) {
        let mut notes = std::mem::take(&mut self.notes);
        port.take_notes(&mut notes);
        for note in notes.drain(..) {
            self.handle(note, port);
        }
        self.notes = notes;
        self.place_requeued(port);
    }

    /// What could be done now without waiting. Admits ahead until a message for the application is
    /// there.
    pub(crate) fn readiness(&mut self, port: &Arc<Port>) -> Readiness {
        if self.body.closed.is_some() {
            return Readiness {
                send: true,
                receive: true,
            };
        }
        let receive = !self.body.ready.is_empty() || self.admit_next(port).unwrap_or(false);
        Readiness {
            send: self.can_send(),
            receive,
        }
    }

    /// Would a send be accepted, or fail, at once?
    pub(super) fn can_send(&self) -> bool {
        let has_room = || self.pattern.readiness(&self.body.pipes).send;
        self.body.closed.is_some() || self.body.requeued.is_empty() && has_room()
    }

    /// Calls the pattern on behalf of the application.
    pub(super) fn with_pattern<R>(
        &mut self,
        port: &Arc<Port>,
        call: impl FnOnce(&mut P, &mut Actions) -> R,
    ) -> Result<R, ClosedError> {
        if let Some(closed) = self.body.closed {
            return Err(closed);
        }
        let result = call(&mut self.pattern, &mut self.actions);
        self.carry_out(port);
        Ok(result)
    }

    /// The next message for the application, into `into`. False: there is none.
    #[inline]
    pub(super) fn take<R: Receipt>(
        &mut self,
        port: &Arc<Port>,
        into: &mut R,
    ) -> Result<bool, Refused> {
        let message = into.message();
        let admitted = self.body.ready.is_empty() && self.next_admitted(port, message)?;
        if !admitted {
            let Some((first, came)) = self.body.ready.pop_front() else {
                return Ok(false);
            };
            *message = first;
            self.body.came = came;
        }
        into.note(|| self.body.sender());
        self.pattern.taken(into.message());
        port.counters.deliver();
        self.tell_turn();
        self.share_rest(port);
        if self.body.ending > 0 && self.body.ready.is_empty() {
            self.detach_drained(port);
        }
        Ok(true)
    }

    /// Where sending and receiving take turns, what was done has made the other possible: who polls
    /// looks again.
    #[inline]
    pub(super) fn tell_turn(&mut self) {
        if P::KIND.alternates() && !self.body.watchers.is_empty() {
            self.body.tell_watchers();
        }
    }

    /// Adds a pipe that the application has asked for. False: the pattern does not take it.
    pub(super) fn attach(
        &mut self,
        pipe: PipeId,
        link: Link,
        origin: &Origin,
        port: &Arc<Port>,
    ) -> Result<(), crate::pattern::Refusal> {
        self.pattern.attach(pipe, origin, &mut self.actions)?;
        let in_process = !matches!(link, Link::Stream(_));
        self.body.claim = None;
        self.body.pipes.insert(
            pipe,
            Entry {
                link,
                batch: Batch::default(),
                backlog: None,
                conflated: 0,
                displaced: 0,
                peer: None,
                reconnects: 0,
                senders: Senders::default(),
                ending: false,
            },
        );
        if let Some(peer) = origin.peer() {
            self.body.meet(pipe, peer, 0);
        }
        self.carry_out(port);
        self.pattern.writable(pipe);
        if in_process {
            #[cfg(feature = "inproc")]
            self.body.greet(pipe);
            self.handle(Note::Readable(pipe), port);
        }
        self.body.wake_all_senders();
        Ok(())
    }

    fn handle(&mut self, note: Note, port: &Arc<Port>) {
        if !matches!(
            note,
            Note::Readable(_) | Note::Writable(_) | Note::Refill(_) | Note::Echoed(..)
        ) {
            self.body.claim = None;
        }
        match note {
            Note::Attached(pipe, link, origin) => self.handle_attached(pipe, link, &origin, port),
            Note::Hiccup(pipe, peer, before) => self.handle_hiccup(pipe, &peer, before, port),
            Note::Lost(pipe) => self.handle_lost(pipe, port),
            Note::Gone(pipe, rest) => self.handle_gone(pipe, rest, port),
            #[cfg(feature = "inproc")]
            Note::Bound(pipe, peer_port, peer_pipe, peer) => {
                self.handle_bound(pipe, (peer_port, peer_pipe), &peer, port);
            }
            Note::Readable(pipe) => self.handle_readable(pipe, port),
            Note::Writable(pipe) | Note::Refill(pipe) | Note::Echoed(pipe, _)
                if self.body.pipes.get(pipe).is_none() => {}
            Note::Writable(pipe) => {
                self.body.flush_backlog(pipe, port);
                self.pattern.writable(pipe);
                self.body.wake_all_senders();
            }
            Note::Refill(pipe) => {
                self.pattern.refill(pipe, &mut self.actions);
                self.carry_out(port);
            }
            Note::Echoed(pipe, number) => {
                self.pattern.echoed(pipe, number);
                self.body.tell_observers();
            }
        }
    }

    fn handle_attached(&mut self, pipe: PipeId, link: Link, origin: &Origin, port: &Arc<Port>) {
        let refusal = match self.body.closed {
            Some(_) => None,
            None => match self.attach(pipe, link.clone(), origin, port) {
                Ok(()) => return,
                Err(refusal) => Some(refusal),
            },
        };
        self.body.after.any = true;
        match link {
            Link::Stream(stream) => {
                let refused = refusal.zip(origin.peer());
                let command = refused.map_or(IoCommand::Drop(stream.key), |(refusal, peer)| {
                    IoCommand::Refused(stream.key, peer.connection, refusal)
                });
                self.body.after.commands.push((stream.io.clone(), command));
                self.body.dismiss(stream, port);
            }
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) => {
                if let Some((refusal, peer)) = refusal.zip(origin.peer()) {
                    self.body.after.refuse(&inproc, peer, refusal, port);
                }
                self.dismiss_inproc(&inproc);
            }
        }
        port.free_pipe(pipe);
    }

    /// `before`: how many messages the pipe had brought before this connection.
    pub(super) fn handle_hiccup(
        &mut self,
        pipe: PipeId,
        peer: &Arc<Peer>,
        before: u64,
        port: &Arc<Port>,
    ) {
        let Some(entry) = self.body.pipes.get(pipe) else {
            return;
        };
        let unread = before.saturating_sub(entry.batch.consumed());
        if unread > 0 {
            self.pattern.unread(pipe, unread);
        }
        if let Err(refusal) = self.pattern.hiccup(pipe, peer, &mut self.actions) {
            match &entry.link {
                Link::Stream(stream) => {
                    let command = IoCommand::Refused(stream.key, peer.connection, refusal);
                    self.body.after.commands.push((stream.io.clone(), command));
                    self.body.after.any = true;
                }
                #[cfg(feature = "inproc")]
                Link::Inproc(_) => self.refuse_bound(pipe, peer, refusal, port),
            }
            return;
        }
        self.body.meet(pipe, peer, before);
        self.carry_out(port);
        self.body.flush_backlog(pipe, port);
        self.pattern.writable(pipe);
        self.body.wake_all_senders();
    }

    /// Messages arrived on a pipe. Wakes nobody: the caller takes the first one itself, and a rest
    /// is shared then ([`Self::share_rest`]). False: nobody can receive from it.
    pub(super) fn tell_readable(&mut self, pipe: PipeId, port: &Arc<Port>) -> bool {
        let link = self.body.pipes.get(pipe).map(|entry| &entry.link);
        if self.body.closed.is_some() || link.is_none_or(|link| !link.is_joined()) {
            return false;
        }
        self.pattern.readable(pipe);
        if self.is_eager() {
            self.admit_all(pipe, port);
        }
        true
    }

    pub(super) fn handle_readable(&mut self, pipe: PipeId, port: &Arc<Port>) {
        if !self.tell_readable(pipe, port) {
            return;
        }
        let eager = self.is_eager();
        let waiting = self.body.pipes.get(pipe).map_or(0, |entry| {
            if eager {
                0
            } else {
                entry.link.inbound().waiting() as usize
            }
        });
        self.body
            .wake_receivers(waiting.max(1) + self.body.ready.len());
    }

    /// Admits everything that a pipe of an eager type brought: a subscription must not wait for the
    /// application to read. Messages beyond the high-water mark are dropped.
    fn admit_all(&mut self, pipe: PipeId, port: &Arc<Port>) {
        let mut message = Message::new();
        loop {
            match self.admit(pipe, &mut message, port) {
                Admitted::Message if self.body.ready.is_full() => {
                    port.counters.drop_receiving(Dropped::HighWaterMark, 1);
                    self.body.after.garbage.push(std::mem::take(&mut message));
                    self.body.after.any = true;
                }
                Admitted::Message => {
                    let message = std::mem::take(&mut message);
                    self.body.ready.push_back(message, self.body.came);
                }
                Admitted::Other => {}
                Admitted::Nothing => return self.handle_drained(pipe, port),
            }
        }
    }

    /// Admits what every pipe has brought until now.
    pub(super) fn admit_early(&mut self, port: &Arc<Port>) {
        let pipes: Vec<PipeId> = self.body.pipes.iter().map(|(pipe, _)| pipe).collect();
        pipes
            .into_iter()
            .for_each(|pipe| self.admit_all(pipe, port));
    }

    #[inline]
    fn is_eager(&self) -> bool {
        P::KIND.eager || self.pattern.admits_early()
    }

    /// Admits until a message for the application is in `ready`. False: there is none.
    fn admit_next(&mut self, port: &Arc<Port>) -> Result<bool, Refused> {
        let mut message = Message::new();
        if self.next_admitted(port, &mut message)? {
            self.body.ready.push_back(message, self.body.came);
        }
        Ok(!self.body.ready.is_empty())
    }

    /// Admits until a message for the application is in `into` (true) or in `ready`, or none is
    /// left.
    #[inline]
    fn next_admitted(&mut self, port: &Arc<Port>, into: &mut Message) -> Result<bool, Refused> {
        while let Some(pipe) = self.pattern.next()? {
            match self.admit(pipe, into, port) {
                Admitted::Message => return Ok(true),
                Admitted::Other if self.body.ready.is_empty() => {}
                Admitted::Other => return Ok(false),
                Admitted::Nothing => self.handle_drained(pipe, port),
            }
        }
        Ok(false)
    }

    #[cold]
    pub(super) fn handle_drained(&mut self, pipe: PipeId, port: &Arc<Port>) {
        self.pattern.drained(pipe);
        self.body.note_roomy(pipe);
        if self.body.pipes.get(pipe).is_some_and(|entry| entry.ending) {
            self.detach(pipe, Dropped::Stale, port);
        }
    }

    /// The next item of a pipe, through the pattern.
    #[inline]
    fn admit(&mut self, pipe: PipeId, into: &mut Message, port: &Arc<Port>) -> Admitted {
        let Some(entry) = self.body.pipes.get_mut(pipe) else {
            return Admitted::Nothing;
        };
        match entry.batch.take(entry.link.inbound(), into) {
            Taken::Message { wake } => {
                let number = entry.batch.consumed();
                self.body.came = Some(Came { pipe, number });
                if wake {
                    self.body.tell_room(pipe);
                }
            }
            Taken::Command(command) => {
                self.handle_command(pipe, command, port);
                return Admitted::Other;
            }
            Taken::Nothing => return Admitted::Nothing,
        }
        let admitted = self.pattern.admit(pipe, into, &mut self.actions);
        self.carry_out(port);
        match admitted {
            Admit::Deliver => return Admitted::Message,
            Admit::Skip(reason) => port.counters.drop_receiving(reason, 1),
            Admit::Done => self.body.tell_observers(),
        }
        self.body.after.garbage.push(std::mem::take(into));
        self.body.after.any = true;
        Admitted::Other
    }

    /// A command in its place among what the peer sent: an answer tells of all that was before.
    fn handle_command(&mut self, pipe: PipeId, command: Command, port: &Arc<Port>) {
        if let Command::Ping { context, .. } = command {
            return self.body.send_command(pipe, Command::Pong { context });
        }
        self.pattern.command(pipe, command, &mut self.actions);
        self.carry_out(port);
        self.body.tell_observers();
    }

    /// Carries out what the pattern asked for.
    #[inline]
    pub(super) fn carry_out(&mut self, port: &Port) {
        self.body.carry_out(&mut self.actions, port);
    }
}

impl Body {
    /// Makes the caller the one receiver that reads the socket's connections itself. `None`:
    /// another one does, or there are too many of them, or none.
    pub(super) fn lead(&mut self, most: usize) -> Option<Arc<Claim>> {
        if self.led {
            return None;
        }
        let claim = self.claim(most);
        self.led = !claim.parts.is_empty();
        self.led.then_some(claim)
    }

    /// A leader that has slept goes, woken at this time: whether that happens rarely.
    pub(super) fn is_rare(&mut self, woken: Instant) -> bool {
        let last = self.woken.replace(woken);
        last.is_some_and(|last| woken.saturating_duration_since(last) >= LONG)
    }

    /// The leader goes: the next receiver takes its place.
    pub(super) fn resign(&mut self) {
        self.led = false;
        if !self.receivers.is_empty() {
            self.wake_receivers(1);
        }
    }

    /// The connections that a receiver may read itself.
    pub(super) fn claim(&mut self, most: usize) -> Arc<Claim> {
        let pipes = &self.pipes;
        Arc::clone(
            self.claim
                .get_or_insert_with(|| Arc::new(Claim::of(pipes, most))),
        )
    }

    /// The connections are no longer what they were.
    pub(super) fn forget_claim(&mut self) {
        self.claim = None;
    }

    /// True if `claim` is what it was: no pipe came or went.
    pub(super) fn is_current(&self, claim: &Arc<Claim>) -> bool {
        self.claim
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, claim))
    }

    /// Carries out what the pattern asked for; of routing, before the message goes out.
    #[inline]
    pub(super) fn carry_out(&mut self, actions: &mut Actions, port: &Port) {
        if actions.is_empty() {
            return;
        }
        self.carry_out_all(actions, port);
    }

    #[cold]
    fn carry_out_all(&mut self, actions: &mut Actions, port: &Port) {
        for action in actions.drain() {
            match action {
                Action::Command(pipe, command) => self.send_command(pipe, command),
                Action::Request(pipe, command) => self.send_request(pipe, command, port),
                Action::DiscardIncoming(pipe) => self.discard_incoming(pipe, port),
                Action::Refill(pipe) => self.ask_refill(pipe, port),
                Action::Echo(pipe, number) => self.send_command(pipe, echo::ping(number)),
                Action::Notify(notice) => self.notify(notice, port),
                Action::Retract => self.retract(port),
                Action::Answer(request, reply) => self.answer(request, reply),
                Action::Tell(request) => self.tell(request),
                Action::Deliver(message) => self.deliver(message, port),
                Action::End(pipe, why) => self.end_connection(pipe, why, port),
            }
        }
    }

    /// Drops what a pipe brought and nobody waits for.
    pub(super) fn discard_incoming(&mut self, pipe: PipeId, port: &Port) {
        let Some(entry) = self.pipes.get_mut(pipe) else {
            return;
        };
        let (items, wake) = entry.batch.discard(entry.link.inbound());
        if wake {
            self.tell_room(pipe);
        }
        if !items.is_empty() {
            let stale = inbound::messages(&items);
            port.counters.drop_receiving(Dropped::Stale, stale);
            self.after.unread.push(items);
            self.after.any = true;
        }
    }

    /// Tells whoever fills a pipe's incoming queue that there is room.
    #[cold]
    fn tell_room(&mut self, pipe: PipeId) {
        let Some(entry) = self.pipes.get(pipe) else {
            return;
        };
        self.after.any = true;
        match &entry.link {
            Link::Stream(stream) => {
                let command = IoCommand::Resume(stream.key);
                self.after.commands.push((stream.io.clone(), command));
            }
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) => self.after.tell(inproc.room()),
        }
    }

    /// True if the socket's peers are in the same process.
    pub(super) fn has_inproc(&self) -> bool {
        let first = self.pipes.iter().next();
        first.is_some_and(|(_, entry)| entry.link.is_inproc())
    }

    pub(super) fn pipe_count(&self) -> usize {
        self.pipes.count
    }

    pub(super) fn wake_receivers(&mut self, count: usize) {
        self.receivers.take(count, &mut self.after.woken);
        self.tell_watchers();
    }

    pub(super) fn wake_senders(&mut self, count: usize) {
        self.senders.take(count, &mut self.after.woken);
        self.tell_watchers();
    }

    fn tell_watchers(&mut self) {
        self.watchers.take(usize::MAX, &mut self.after.woken);
        self.after.any |= !self.after.woken.is_empty();
    }

    /// True if somebody looks at the socket, or waits for a reply, who does not read its
    /// connections.
    pub(super) fn is_watched(&self) -> bool {
        #[cfg(unix)]
        if self.signal.strong_count() > 0 {
            return true;
        }
        !self.watchers.is_empty() || !self.replies.is_empty()
    }

    pub(super) fn wake_all_senders(&mut self) {
        self.wake_senders(usize::MAX);
    }

    pub(super) fn wake_everybody(&mut self) {
        self.wake_senders(usize::MAX);
        self.wake_receivers(usize::MAX);
        self.tell_observers();
        self.replies.wake_all(&mut self.after.woken);
        self.after.any = true;
    }

    /// A peer came or went, or asked for something, or answered.
    pub(super) fn tell_observers(&mut self) {
        self.observers.take(usize::MAX, &mut self.after.woken);
        self.after.any |= !self.after.woken.is_empty();
    }

    pub(super) fn send_command(&mut self, pipe: PipeId, command: Command) {
        let Some(entry) = self.pipes.get(pipe) else {
            return;
        };
        match &entry.link {
            Link::Stream(stream) => {
                if stream.out.control(&command) {
                    self.after.writes.push(Arc::clone(stream));
                    self.after.any = true;
                }
            }
            // While the name is not bound, as while there is no connection, there is nobody to
            // tell; who comes is told everything anew.
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) if !inproc.is_joined() => {}
            #[cfg(feature = "inproc")]
            Link::Inproc(inproc) => self.after.tell(inproc.control(command)),
        }
    }

    /// The same for a request of the application, written like a message.
    fn send_request(&mut self, pipe: PipeId, command: Command, port: &Port) {
        match self.pipes.get(pipe).map(|entry| &entry.link) {
            Some(Link::Stream(stream)) => {
                let (world, pace) = (&*port.world, &mut self.pace);
                let pushed = stream.out.request(&command, world, pace);
                self.after.follow(pushed, stream);
            }
            _ => self.send_command(pipe, command),
        }
    }

    /// The pattern has more commands for a pipe, once this has taken those that it was given.
    fn ask_refill(&mut self, pipe: PipeId, port: &Port) {
        let taken = match self.pipes.get(pipe).map(|entry| &entry.link) {
            None => false,
            Some(Link::Stream(stream)) => stream.out.ask_refill(),
            #[cfg(feature = "inproc")]
            Some(Link::Inproc(_)) => true,
        };
        if taken {
            port.put(Note::Refill(pipe));
        }
    }

    /// A sleeper leaves without having used its turn: the next one gets it.
    pub(super) fn pass_on_send(&mut self, waiter: &Arc<Waiter>) {
        if !self.senders.leave(waiter) {
            self.wake_senders(1);
        }
    }

    /// The same for receiving.
    pub(super) fn pass_on_receive(&mut self, waiter: &Arc<Waiter>) {
        if !self.receivers.leave(waiter) {
            self.wake_receivers(1);
        }
    }
}
