//! What is checked on the way, and in the end: when all is quiet, nobody sleeps beside what it
//! waits for, and nothing lies about.

use std::time::Duration;

use super::{Seat, Stage};
use ferromq::{SendErrorKind, SocketType};

use crate::Outcome;
use crate::ledger::Way;
use crate::plan::Transport;

/// After so long without disturbance everybody is connected who can be, and whoever is not there
/// any more has been given up: a handshake has 30 s.
const CALM: Duration = Duration::from_secs(35);

/// The longest that what is under way may take in fair weather, if everybody reads: a pause before
/// dialing again is in it, no handshake that has to be given up.
const PROMPT: Duration = Duration::from_secs(5);

/// Turns that workers may have within a second in which nothing moves: the shortest of their timers
/// is 100 µs. And those in a moment: a timer that was set anew is noticed at its old time, too.
const TURNS_PER_SECOND: f64 = 15_000.0;
const TURNS_AT_ONCE: f64 = 1_000.0;

impl Stage<'_> {
    /// Now and then, so that most of the time nobody looks: looking at a socket tells it what it
    /// has not noticed.
    pub(super) fn check_often(&mut self) -> Outcome {
        self.look_at_events()?;
        match self.choose(|_| true) {
            Some(seat) if self.dice.chance(1, 10) => {
                self.check_balance_at(seat)?;
                self.check_crowd(seat)?;
            }
            _ => {}
        }
        self.look_at_relays()
    }

    /// A listener holds as many connections as it may, and no more.
    fn check_crowd(&mut self, seat: Seat) -> Outcome {
        if self.slot(seat).transport == Transport::Inproc {
            return Ok(());
        }
        let member = self.member(seat);
        let peers = member.socket.peers();
        let accepted = peers.iter().filter(|info| info.dialed.is_none()).count();
        match accepted > member.max_connections {
            true => Err(format!("{seat:?} has {accepted} connections: {peers:?}")),
            false => Ok(()),
        }
    }

    /// Workers without an end to their work have too many turns.
    pub(super) fn check_turns(&mut self, turns: u64, time: Duration) -> Outcome {
        let most = TURNS_AT_ONCE + TURNS_PER_SECOND * time.as_secs_f64();
        match turns as f64 > most {
            true => Err(format!("{turns} turns in {time:?}")),
            false => Ok(()),
        }
    }

    /// Everything happens that can, but for what waits for a time; then nobody sleeps who has
    /// something to receive. Or everybody reads, too, and everything arrives.
    pub(super) fn settle(&mut self) -> Outcome {
        self.log(|| "it settles".to_owned());
        if !self.plan.rough && self.dice.chance(1, 2) {
            self.flow()?;
        }
        self.calm_down()?;
        for seat in self.seats() {
            self.check_receiver(seat)?;
        }
        self.check_relays(false)
    }

    /// In fair weather everything that was sent arrives, without another call by who sent it.
    fn flow(&mut self) -> Outcome {
        self.fair_weather();
        self.start_relays()?;
        let start = self.world.elapsed();
        loop {
            self.drain()?;
            match self.stuck() {
                None => break,
                Some(stuck) if self.world.elapsed() > start + PROMPT => return Err(stuck),
                Some(_) => self.world.advance(Duration::from_millis(10)),
            }
        }
        self.seen.note("everything arrived on the way");
        Ok(())
    }

    fn calm_down(&mut self) -> Outcome {
        loop {
            self.world.run_idle();
            self.poll_woken()?;
            let seats = self.seats();
            if !seats.into_iter().any(|seat| self.member(seat).is_woken()) {
                return Ok(());
            }
        }
    }

    fn check_receiver(&mut self, seat: Seat) -> Outcome {
        let member = self.member(seat);
        let sleeps = member
            .receiving
            .as_ref()
            .is_some_and(|task| !task.is_woken());
        match sleeps && member.socket.readiness().receive {
            true => Err(format!(
                "{seat:?} sleeps beside a message: {:?}",
                member.socket
            )),
            false => Ok(()),
        }
    }

    /// Who could send is not asleep; a ROUTER waits for one peer, and others may have room.
    fn check_sender(&mut self, seat: Seat) -> Outcome {
        let member = self.member(seat);
        let sleeps = member.sending.as_ref().is_some_and(|task| !task.is_woken());
        match sleeps && !member.answers() && member.socket.readiness().send {
            true => Err(format!("{seat:?} sleeps beside room: {:?}", member.socket)),
            false => Ok(()),
        }
    }

    /// Nothing disturbs any more, everybody reads, and then it is over.
    pub(super) fn end(&mut self) -> Outcome {
        self.log(|| "the end begins".to_owned());
        self.fair_weather();
        self.start_relays()?;
        let before = self.world.idle_turns();
        let start = self.world.elapsed();
        while self.world.elapsed() < start + CALM {
            self.drain()?;
            self.world.advance(Duration::from_millis(250));
            self.poll_woken()?;
        }
        self.drain()?;
        let lasted = self.world.elapsed() - start;
        self.check_turns(self.world.idle_turns() - before, lasted)?;
        self.settle()?;
        self.check_quiet()?;
        self.check_complete()?;
        self.leave()
    }

    /// Everybody receives what there is, and answers.
    fn drain(&mut self) -> Outcome {
        for _ in 0..1_000 {
            let before = self.hash;
            self.calm_down()?;
            for seat in self.seats() {
                if self.member(seat).receives() {
                    self.receive_all(seat)?;
                }
                while self.member(seat).answers() && self.answer(seat)? {}
            }
            self.look_at_events()?;
            if before == self.hash {
                return Ok(());
            }
        }
        Err("there is no end to what is received".to_owned())
    }

    /// Sends an answer that is owed. False: there is none, or no room.
    fn answer(&mut self, seat: Seat) -> Outcome<bool> {
        let member = self.member(seat);
        if member.sending.is_some() {
            return Ok(false);
        }
        let Some(answer) = member.answers.front().cloned() else {
            return Ok(false);
        };
        let sent = member.socket.try_send(answer);
        match sent {
            Err(error) if error.kind == SendErrorKind::Full => Ok(false),
            sent => self.sent(seat, sent).map(|_| true),
        }
    }

    /// Nobody sleeps beside what it waits for, and nothing lies on its way.
    fn check_quiet(&mut self) -> Outcome {
        for seat in self.seats() {
            self.check_sender(seat)?;
            self.check_balance_at(seat)?;
            self.check_asker(seat)?;
        }
        self.check_relays(true)?;
        self.stuck().map_or(Ok(()), Err)?;
        match self.world.unread() {
            _ if self.is_anything_held_up() => Ok(()),
            0 => Ok(()),
            bytes => Err(format!("{bytes} bytes were never read")),
        }
    }

    /// Somebody who has messages for a peer, or of one, that lie where they are.
    fn stuck(&mut self) -> Option<String> {
        self.seats().into_iter().find_map(|seat| {
            if self.is_held_up(seat.guild) {
                return None;
            }
            let member = self.member(seat);
            // A reply to a predecessor of the same name waits until its REQ asks something.
            let reads = u64::from(member.kind != SocketType::Req);
            let peers = member.socket.peers();
            let mut peers = peers.iter();
            let stuck = peers.find(|info| info.stats.queued + reads * info.stats.waiting > 0)?;
            Some(format!("{seat:?} and a peer are stuck: {stuck:?}"))
        })
    }

    /// Where no connection was lost, what was handed over has arrived, to the last message.
    fn check_complete(&mut self) -> Outcome {
        for at in 0..self.guilds.len() {
            if self.guilds[at].breaks > 0 || self.is_held_up(at) {
                continue;
            }
            let (mut handed_over, mut received) = (0, 0);
            for seat in self.seats().into_iter().filter(|seat| seat.guild == at) {
                let stats = self.member(seat).socket.stats();
                handed_over += stats.handed_over;
                received += stats.received;
            }
            if handed_over != received {
                let problem = "were handed over, but received";
                let all = self.seats().into_iter().filter(|seat| seat.guild == at);
                let all: Vec<_> = all.map(|seat| self.member(seat).socket.stats()).collect();
                return Err(format!(
                    "{handed_over} {problem} {received} in guild {at}: {all:?}"
                ));
            }
        }
        let exact = self.guilds.iter().all(|guild| guild.breaks == 0);
        let exact = exact && !self.is_anything_held_up();
        self.check_each(exact)
    }

    /// The same by name, where no answers come back and nothing is filtered.
    fn check_each(&mut self, unbroken: bool) -> Outcome {
        if !unbroken {
            return Ok(());
        }
        let seats = self.seats();
        let mut sent = 0;
        for &seat in &seats {
            let member = self.member(seat);
            if member.relays {
                continue;
            }
            if !member.is_exact() && member.sends() {
                return Ok(());
            }
            let (name, queued) = (member.name, member.socket.stats().queued);
            sent += self.ledger.accepted_of(name) - queued;
        }
        let received = self.ledger.received(Way::Forth) as u64;
        match sent == received {
            true => Ok(()),
            false => Err(format!("{sent} were sent, and {received} came")),
        }
    }

    /// Everybody goes, in any order, and leaves nothing behind.
    fn leave(&mut self) -> Outcome {
        self.leaving = true;
        if self.dice.chance(1, 2) {
            self.stop_relays(|_| true)?;
        }
        let mut seats = self.seats();
        self.dice.shuffle(&mut seats);
        for seat in seats {
            self.close(seat)?;
        }
        let mut hosts = std::mem::take(&mut self.hosts);
        self.dice.shuffle(&mut hosts);
        while let Some((mut task, latest)) = self.closing.pop() {
            while task.poll().is_none() {
                self.world
                    .run_within(Duration::from_millis(100), || task.is_woken());
                if self.world.elapsed() > latest {
                    return Err(format!("closing was to be over at {latest:?}"));
                }
            }
        }
        for host in hosts {
            self.drop_context(host)?;
        }
        self.world.run_idle();
        match (self.world.workers(), self.world.links()) {
            (0, links) if links.is_empty() => Ok(()),
            (workers, links) => Err(format!("{workers} workers and {links:?} are left")),
        }
    }
}
