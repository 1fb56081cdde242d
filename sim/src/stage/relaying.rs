//! Proxies, each on a thread of its own between two guilds: started, paused, stopped; and what they
//! take, they hand on, drop for nobody, or hold.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use ferromq::{ProxyHandle, SocketType, Stopped};
use ferromq_testkit::sim::SimThread;

use super::{Seat, Stage};
use crate::Outcome;
use crate::socket::{self, AnySocket};

/// So soon a proxy has to end that was told to, or lost a socket.
const MOMENT: Duration = Duration::from_millis(100);

/// A place for a proxy.
pub(super) struct Relay {
    seats: [Seat; 2],
    running: Option<Running>,
}

/// A proxy on its thread.
struct Running {
    thread: SimThread<Stopped>,
    handle: ProxyHandle,
    host: usize,
    kinds: [SocketType; 2],
    sockets: [Arc<dyn AnySocket>; 2],
    /// One of them dials its peers, and keeps what is for them.
    dials: bool,
    /// How many messages the sockets had delivered before.
    before: u64,
    /// How many it had passed on when last looked at.
    passed: u64,
    paused: bool,
}

impl Relay {
    /// Between this guild and the next one.
    pub(super) fn new(first: usize) -> Self {
        let seat = |guild, side| Seat {
            guild,
            side,
            slot: 0,
        };
        Self {
            seats: [seat(first, 1), seat(first + 1, 0)],
            running: None,
        }
    }

    pub(super) fn has(&self, seat: Seat) -> bool {
        self.seats.contains(&seat)
    }

    pub(super) fn runs_on(&self, host: usize) -> bool {
        self.running.as_ref().is_some_and(|it| it.host == host)
    }

    fn joins(&self, guild: usize) -> bool {
        self.seats.iter().any(|seat| seat.guild == guild)
    }

    /// Nothing can pass: it does not run, or a side has nobody to send to, or what is held may be
    /// for a dialed peer that is not there.
    fn is_held_up(&self) -> bool {
        self.running.as_ref().is_none_or(|running| {
            let targets = &running.sockets[usize::from(running.is_one_way())..];
            let deserted = |it: &Arc<dyn AnySocket>| !it.readiness().send && it.peers().is_empty();
            let holds = || running.held().is_ok_and(|held| held > 0);
            running.paused || targets.iter().any(deserted) || running.dials && holds()
        })
    }
}

impl Running {
    fn is_one_way(&self) -> bool {
        self.kinds[0] == SocketType::Pull
    }

    /// How many messages it has handed on, or dropped for nobody.
    fn passed(&self) -> u64 {
        let stats = self.handle.stats();
        stats.to_back.messages + stats.to_front.messages + stats.refused
    }

    /// How many of those that it took it holds: one for each way at most.
    fn held(&self) -> Outcome<usize> {
        let delivered = self.sockets.iter().map(|it| it.stats().delivered);
        let (taken, passed) = (delivered.sum::<u64>() - self.before, self.passed());
        let most = if self.is_one_way() { 1 } else { 2 };
        match taken.checked_sub(passed) {
            Some(held) if held <= most => Ok(held as usize),
            _ => Err(format!("a proxy took {taken} and passed {passed} on")),
        }
    }

    /// Whether there is a message that it could take and hand on. A socket that was full tells of
    /// room by steps, and at the latest when everything is read.
    fn has_work(&self, all_is_read: bool) -> bool {
        let [front, back] = self.sockets.each_ref();
        let passes = |from: &Arc<dyn AnySocket>, to: &Arc<dyn AnySocket>| {
            let tells = all_is_read || to.stats().send_high_water == 0;
            tells && from.readiness().receive && to.readiness().send
        };
        passes(front, back) || passes(back, front)
    }

    /// Whether there is a message for the back, where there is no room.
    fn waits_for_room(&self) -> bool {
        let [front, back] = self.sockets.each_ref();
        front.readiness().receive && !back.readiness().send
    }
}

impl Stage<'_> {
    /// Starts, pauses, resumes or stops a proxy.
    pub(super) fn steer(&mut self) -> Outcome {
        if self.relays.is_empty() {
            return Ok(());
        }
        let at = self.dice.below(self.relays.len());
        let choice = self.dice.below(4);
        self.log(|| format!("proxy {at} is steered: {choice}"));
        match &mut self.relays[at].running {
            None => return self.start_relay(at),
            Some(_) if choice == 0 => return self.stop_relay(at),
            Some(running) if choice == 1 => {
                running.paused = true;
                running.handle.pause();
                self.seen.note("proxy paused");
            }
            Some(running) => {
                running.paused = false;
                running.handle.resume();
            }
        }
        Ok(())
    }

    /// Every proxy runs whose sockets are there.
    pub(super) fn start_relays(&mut self) -> Outcome {
        for at in 0..self.relays.len() {
            self.start_relay(at)?;
            if let Some(running) = &mut self.relays[at].running {
                running.paused = false;
                running.handle.resume();
            }
        }
        Ok(())
    }

    fn start_relay(&mut self, at: usize) -> Outcome {
        if self.relays[at].running.is_some() {
            return Ok(());
        }
        let [front, back] = self.relays[at].seats.map(|seat| {
            let slot = self.slot(seat);
            Some((slot.kinds[0], Arc::clone(&slot.member.as_ref()?.socket)))
        });
        let (Some((front_kind, front)), Some((back_kind, back))) = (front, back) else {
            return Ok(());
        };
        let host = self.slot(self.relays[at].seats[0]).host;
        let (kinds, sockets) = ([front_kind, back_kind], [front, back]);
        let dials = |seat: Seat| self.guilds[seat.guild].binds != Some(seat.side);
        let dials = self.relays[at].seats.into_iter().any(dials);
        let delivered = sockets.iter().map(|it| it.stats().delivered);
        let before = delivered.sum();
        let (tell, told) = mpsc::channel();
        let own = sockets.clone();
        let thread = self.hosts[host].world.spawn("proxy", move || {
            socket::with_proxy(kinds, own.each_ref(), |proxy| {
                // Whoever has crashed meanwhile needs no handle.
                let _ = tell.send(proxy.handle());
                proxy.run()
            })
        });
        let mut handle = None;
        self.world.run_until(|| {
            handle = told.try_recv().ok();
            handle.is_some()
        });
        self.log(|| format!("proxy {at} runs"));
        self.relays[at].running = handle.map(|handle| Running {
            thread,
            handle,
            host,
            kinds,
            sockets,
            dials,
            before,
            passed: 0,
            paused: false,
        });
        Ok(())
    }

    fn stop_relay(&mut self, at: usize) -> Outcome {
        if let Some(running) = &self.relays[at].running {
            running.handle.terminate();
        }
        match self.end_relay(at)? {
            Some(stopped) if stopped.closed.is_some() => {
                Err(format!("proxy {at} was to stop: {stopped:?}"))
            }
            Some(_) => {
                self.seen.note("proxy stopped");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Stops these proxies.
    pub(super) fn stop_relays(&mut self, which: impl Fn(&Relay) -> bool) -> Outcome {
        for at in 0..self.relays.len() {
            if which(&self.relays[at]) {
                self.stop_relay(at)?;
            }
        }
        Ok(())
    }

    /// A socket of these proxies was closed: they have to end.
    pub(super) fn end_relays(&mut self, which: impl Fn(&Relay) -> bool) -> Outcome {
        for at in 0..self.relays.len() {
            if !which(&self.relays[at]) {
                continue;
            }
            match self.end_relay(at)? {
                Some(stopped) if stopped.closed.is_none() => {
                    return Err(format!("proxy {at} lost a socket: {stopped:?}"));
                }
                Some(_) => self.seen.note("proxy ended by a closed socket"),
                None => {}
            }
        }
        Ok(())
    }

    /// What a proxy leaves behind is what it held.
    fn end_relay(&mut self, at: usize) -> Outcome<Option<Stopped>> {
        let Some(running) = self.relays[at].running.take() else {
            return Ok(None);
        };
        let over = || running.thread.is_over();
        if !self.world.run_within(MOMENT, over) {
            return Err(format!("proxy {at} does not end: {:?}", running.handle));
        }
        let held = running.held()?;
        let stopped = running.thread.join();
        let stopped = stopped.ok_or("a proxy has no host, and ends")?;
        self.log(|| format!("proxy {at} ends: {stopped:?}"));
        let guild = self.relays[at].seats[0].guild;
        self.guilds[guild].breaks += stopped.undelivered.len() as u64;
        match stopped.undelivered.len() == held {
            true => Ok(Some(stopped)),
            false => Err(format!("proxy {at} held {held} messages: {stopped:?}")),
        }
    }

    /// The host has crashed.
    pub(super) fn forget_relays(&mut self, host: usize) {
        for relay in &mut self.relays {
            if relay.runs_on(host) {
                relay.running = None;
                self.seen.note("proxy lost with its host");
            }
        }
    }

    /// What was taken was passed on, or is held.
    pub(super) fn look_at_relays(&mut self) -> Outcome {
        for relay in &mut self.relays {
            let Some(running) = &mut relay.running else {
                continue;
            };
            running.held()?;
            let passed = running.passed();
            // It sleeps whenever somebody else does anything.
            self.seen
                .note_if(passed - running.passed, "proxy slept and was woken");
            running.passed = passed;
        }
        Ok(())
    }

    /// No proxy sleeps that has something to do. What it holds for one peer (of a ROUTER, or a
    /// subscriber whom an XPUB waits for) may wait while others have room.
    pub(super) fn check_relays(&mut self, all_is_read: bool) -> Outcome {
        for (at, relay) in self.relays.iter().enumerate() {
            let Some(running) = &relay.running else {
                continue;
            };
            let waits = running.held()? > 0 && !running.is_one_way();
            if !running.paused && !waits && running.has_work(all_is_read) {
                let [front, back] = &running.sockets;
                return Err(format!("proxy {at} sleeps: {front:?}, {back:?}"));
            }
            self.seen
                .note_if(u64::from(running.waits_for_room()), "proxy waited for room");
        }
        Ok(())
    }

    /// How often the order of messages may have been broken, or one been lost, on their whole way.
    pub(super) fn breaks(&self, guild: usize) -> u64 {
        let relay = self.relays.iter().find(|relay| relay.joins(guild));
        match relay.map(|relay| relay.seats) {
            Some(seats) => seats
                .map(|seat| self.guilds[seat.guild].breaks)
                .iter()
                .sum(),
            None => self.guilds[guild].breaks,
        }
    }

    pub(super) fn is_relayed(&self, guild: usize) -> bool {
        self.guilds[guild].relay.is_some()
    }

    /// Whether messages of this guild may lie where they are, since a proxy cannot pass them on.
    pub(super) fn is_held_up(&self, guild: usize) -> bool {
        let mut relays = self.relays.iter();
        relays.any(|relay| relay.joins(guild) && relay.is_held_up())
    }

    pub(super) fn is_anything_held_up(&self) -> bool {
        self.relays.iter().any(Relay::is_held_up)
    }
}
