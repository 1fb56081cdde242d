//! Sending, receiving and subscribing, in every form.

use std::collections::BTreeSet;
use std::time::Duration;

use ferromq::{Arrival, Message, Peer, RecvError, Refused, SendError, SendErrorKind, SocketType};

use super::{Seat, Stage};
use crate::Outcome;
use crate::ledger::{Entrance, TOPICS, Way};
use crate::member::Task;
use crate::plan::pick;
use crate::socket::Received;

use std::sync::Arc;

/// The longest that a call may wait while nobody else does anything.
const BRIEF: [u64; 4] = [0, 50, 2_000, 300_000];

impl Stage<'_> {
    /// One socket sends, once or in a burst; or gives up to.
    pub(super) fn send(&mut self) -> Outcome {
        let Some(seat) = self.choose(|member| member.sends()) else {
            return Ok(());
        };
        if self.member(seat).kind == SocketType::Req && self.dice.chance(1, 2) {
            return self.ask(seat);
        }
        if self.member(seat).sending.is_some() {
            if self.dice.chance(1, 10) {
                self.member(seat).sending = None;
                self.log(|| format!("{seat:?} gives a send up"));
                self.seen.note("send cancelled");
            }
            return Ok(());
        }
        let manner = self.dice.below(8);
        for _ in 0..pick(&mut self.dice, &[1, 1, 3, 20]) {
            let stage = &mut *self;
            let member = stage.guilds[seat.guild].slots[seat.side][seat.slot]
                .member
                .as_mut();
            let member = member.expect("a seat is that of a member");
            let Some(message) = member.outgoing(&stage.ledger) else {
                return Ok(());
            };
            let sent = match manner {
                0..4 => member.socket.try_send(message),
                4..6 => {
                    let limit = Duration::from_micros(pick(&mut stage.dice, &BRIEF));
                    let before = stage.world.elapsed();
                    let sent = member.socket.send_timeout(message, limit);
                    let slept = stage.world.elapsed() > before + Duration::from_micros(20);
                    stage
                        .seen
                        .note_if(u64::from(slept && sent.is_ok()), "send slept and was woken");
                    sent
                }
                _ => {
                    let call = Arc::clone(&member.socket).send_async(message);
                    member.sending = Some(Task::new(call));
                    return self.poll_sending(seat);
                }
            };
            if !self.sent(seat, sent)? {
                break;
            }
        }
        Ok(())
    }

    /// Sends so many messages, or as many as there is room for: somebody is about to go.
    pub(super) fn send_last(&mut self, seat: Seat, messages: usize) -> Outcome {
        for _ in 0..messages {
            let stage = &mut *self;
            let Some(member) = &stage.guilds[seat.guild].slots[seat.side][seat.slot].member else {
                return Ok(());
            };
            if !member.sends() || member.answers() || member.sending.is_some() {
                return Ok(());
            }
            let Some(message) = member.outgoing(&stage.ledger) else {
                return Ok(());
            };
            let sent = member.socket.try_send(message);
            if !self.sent(seat, sent)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// True: it was accepted.
    pub(super) fn sent(&mut self, seat: Seat, sent: Result<(), SendError>) -> Outcome<bool> {
        let name = self.member(seat).name;
        self.log(|| {
            format!(
                "{seat:?} sends: {:?}",
                sent.as_ref().err().map(|error| error.kind)
            )
        });
        let answers = self.member(seat).answers();
        let kind = match sent {
            Ok(()) if answers => {
                self.member(seat).answers.pop_front();
                return Ok(true);
            }
            Ok(()) => {
                self.ledger.accept(name);
                return Ok(true);
            }
            Err(error) => error.kind,
        };
        let behaviour = match kind {
            SendErrorKind::Full => "send refused: full",
            SendErrorKind::TimedOut => "send timed out",
            SendErrorKind::Refused(Refused::NoRoute) => {
                self.member(seat).answers.pop_front();
                "send refused: no route"
            }
            SendErrorKind::Refused(Refused::WrongState) => {
                // A REP whose asker is gone.
                if answers {
                    self.member(seat).answers.pop_front();
                }
                "send refused: wrong state"
            }
            other => return Err(format!("{seat:?} could not send: {other:?}")),
        };
        self.seen.note(behaviour);
        Ok(false)
    }

    /// One socket receives, once or what is there; or gives up to.
    pub(super) fn receive(&mut self) -> Outcome {
        let Some(seat) = self.choose(|member| member.receives()) else {
            return Ok(());
        };
        if self.member(seat).receiving.is_some() && self.dice.chance(1, 10) {
            self.member(seat).receiving = None;
            self.log(|| format!("{seat:?} gives a receive up"));
            self.seen.note("receive cancelled");
        }
        match self.dice.below(4) {
            0 => self.receive_all(seat),
            1 => self.receive_waiting(seat),
            _ if self.member(seat).receiving.is_some() => Ok(()),
            _ => {
                let member = self.member(seat);
                let call = Arc::clone(&member.socket).recv_async();
                member.receiving = Some(Task::new(call));
                self.poll_receiving(seat)
            }
        }
    }

    /// Receives what is there.
    pub(super) fn receive_all(&mut self, seat: Seat) -> Outcome {
        loop {
            let received = self.member(seat).socket.try_recv();
            if !self.received(seat, received)? {
                return Ok(());
            }
        }
    }

    fn receive_waiting(&mut self, seat: Seat) -> Outcome {
        let limit = Duration::from_micros(pick(&mut self.dice, &BRIEF));
        let before = self.world.elapsed();
        let received = self.member(seat).socket.recv_timeout(limit);
        let slept = self.world.elapsed() > before + Duration::from_micros(20);
        if self.received(seat, received)? {
            self.seen
                .note_if(u64::from(slept), "receive slept and was woken");
        }
        Ok(())
    }

    /// True: a message came.
    fn received(&mut self, seat: Seat, received: Received) -> Outcome<bool> {
        let (message, peer) = match received {
            Ok(Arrival::Message(message, peer)) => (message, peer),
            Ok(Arrival::Joined(peer)) => return self.note_peer(seat, &peer, true),
            Ok(Arrival::Left(peer)) => return self.note_peer(seat, &peer, false),
            Ok(other) => return Err(format!("{seat:?} receives {other:?}")),
            Err(RecvError::Empty) => return Ok(false),
            Err(RecvError::TimedOut) => {
                self.seen.note("receive timed out");
                return Ok(false);
            }
            Err(RecvError::Refused(Refused::WrongState)) => return Ok(false),
            Err(error) => return Err(format!("{seat:?} could not receive: {error}")),
        };
        self.log(|| format!("{seat:?} receives a message of {} bytes", message.size()));
        self.look_at_events()?;
        self.note_message(seat, message, peer)?;
        Ok(true)
    }

    /// Whoever is told of peers is told of each connection once that it is there, then that it is
    /// over.
    fn note_peer(&mut self, seat: Seat, peer: &Peer, joins: bool) -> Outcome<bool> {
        self.log(|| format!("{seat:?} is told of {:?}: {joins}", peer.connection));
        let behaviour = ["peer left", "peer joined"][usize::from(joins)];
        self.seen.note(behaviour);
        let connection = (peer.pipe, peer.connection);
        let present = self.member(seat).present.as_mut();
        let is_new = present.map(|present| match joins {
            true => present.insert(connection),
            false => present.remove(&connection),
        });
        match is_new {
            Some(true) => Ok(true),
            wrong => Err(format!("{seat:?}: {behaviour}, but {wrong:?}: {peer:?}")),
        }
    }

    fn note_message(&mut self, seat: Seat, message: Message, peer: Option<Arc<Peer>>) -> Outcome {
        let member = self.member(seat);
        if member.answers() {
            member.answers.push_back(message.clone());
        }
        let (way, many) = (member.way(), member.shares());
        let at = Entrance {
            by: member.name,
            connection: peer.map(|peer| (peer.pipe, peer.connection)),
        };
        if let (Some(present), Some(from)) = (&member.present, &at.connection)
            && !present.contains(from)
        {
            return Err(format!(
                "{seat:?} receives from {from:?}, which is not there"
            ));
        }
        let Some(content) = member.content(message) else {
            return Ok(());
        };
        let entry = self.ledger.read(&content)?;
        if !self.member(seat).wants(entry.topic) {
            return Err(format!("{seat:?} was sent {entry:?} unasked"));
        }
        // A request that waits for a peer is overtaken by what is sent meanwhile.
        let asks = self.member(seat).others == SocketType::Req;
        // And replies of several come over the one connection to a proxy.
        let mixed = way == Way::Back && self.is_relayed(seat.guild);
        let breaks = match asks || mixed {
            true => u64::MAX,
            false => self.breaks(seat.guild),
        };
        let descends = self.ledger.note(entry, way, at, many, breaks)? && !asks && !mixed;
        self.seen
            .note_if(u64::from(descends), "requeued behind newer messages");
        Ok(())
    }

    /// One socket subscribes to something, or takes that back.
    pub(super) fn subscribe(&mut self) -> Outcome {
        let Some(seat) = self.choose(|member| member.subscribes()) else {
            return Ok(());
        };
        let topic = match self.dice.below(TOPICS.len() + 1) {
            0 => Vec::new(),
            at => vec![TOPICS[at - 1]],
        };
        let adds = self.dice.chance(2, 3);
        let member = self.member(seat);
        let known = member.topics.iter().position(|known| *known == topic);
        if adds {
            member.socket.subscribe(&topic);
            member.topics.push(topic);
            let topics = member.topics.iter().collect::<BTreeSet<_>>().len();
            let guild = &mut self.guilds[seat.guild];
            guild.topics = guild.topics.max(topics);
        } else if let Some(at) = known {
            member.topics.swap_remove(at);
            if !member.socket.unsubscribe(&topic) {
                return Err(format!("{seat:?} had never subscribed to {topic:?}"));
            }
        }
        self.log(|| format!("{seat:?} subscribes, or no longer"));
        Ok(())
    }

    /// Polls what was woken, in any order, until nothing is.
    pub(super) fn poll_woken(&mut self) -> Outcome {
        loop {
            let mut woken = self.seats();
            woken.retain(|&seat| self.member(seat).is_woken());
            self.poll_closing()?;
            if woken.is_empty() {
                return Ok(());
            }
            self.dice.shuffle(&mut woken);
            for seat in woken {
                self.poll_receiving(seat)?;
                self.poll_sending(seat)?;
                self.poll_asking(seat)?;
            }
        }
    }

    fn poll_receiving(&mut self, seat: Seat) -> Outcome {
        let member = self.member(seat);
        let Some(task) = member.receiving.as_mut().filter(|task| task.is_woken()) else {
            return Ok(());
        };
        let slept = task.slept;
        if let Some(received) = task.poll() {
            member.receiving = None;
            if self.received(seat, received)? {
                self.seen
                    .note_if(u64::from(slept), "receive future slept and was woken");
            }
        }
        Ok(())
    }

    fn poll_sending(&mut self, seat: Seat) -> Outcome {
        let member = self.member(seat);
        let Some(task) = member.sending.as_mut().filter(|task| task.is_woken()) else {
            return Ok(());
        };
        let slept = task.slept;
        if let Some(sent) = task.poll() {
            member.sending = None;
            if self.sent(seat, sent)? {
                self.seen
                    .note_if(u64::from(slept), "send future slept and was woken");
            }
        }
        Ok(())
    }
}
