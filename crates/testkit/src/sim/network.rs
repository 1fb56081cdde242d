//! What the simulated kernel does: dialing, accepting, reading, writing, ending.

use std::io;

use ferromq_core::world::Worker;

use super::fault::{Call, Fault, Faults};
use super::lane::{Arrival, Item, pieces};
use super::link::{Link, LinkId, Phase, Side};
use super::place::Place;
use super::state::{Due, Listening, Running, State};
use super::trace::{Event, Fnv};

const LISTENER: u64 = 1 << 63;

/// The number under which reactors know one end of a link.
pub(super) fn stream_source(link: LinkId, side: Side) -> u64 {
    link.0 * 2 + side.index() as u64
}

/// The number under which reactors know a listener.
pub(super) fn listener_source(id: u64) -> u64 {
    LISTENER | id
}

/// What a source is ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Readiness {
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// Failed: reported to whoever watches, whatever for.
    pub(super) failed: bool,
}

/// Listening and connecting.
impl State {
    /// Opens a listener; a port 0 is replaced by a free one.
    pub(super) fn listen(&mut self, host: usize, place: &Place) -> io::Result<(u64, Place)> {
        self.hit(Call::Listen)?;
        let place = self.concrete(place);
        if self
            .listeners
            .values()
            .any(|other| other.place.collides(&place))
        {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = self.listeners_made;
        self.listeners_made += 1;
        self.record(Event::Listening(place.to_string()));
        let listening = Listening {
            host,
            place: place.clone(),
            backlog: Default::default(),
        };
        self.listeners.insert(id, listening);
        Ok((id, place))
    }

    pub(super) fn close_listener(&mut self, id: u64) {
        let Some(listening) = self.listeners.remove(&id) else {
            return;
        };
        self.record(Event::Closed(listening.place.to_string()));
        self.forget_source(listener_source(id));
        for link in listening.backlog {
            self.drop_end(link, Side::Acceptor, true);
        }
    }

    pub(super) fn accept(&mut self, id: u64) -> io::Result<LinkId> {
        let Some(listening) = self.listeners.get_mut(&id) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let Some(link) = listening.backlog.front().copied() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        if let Some(faults) = self.accept_faults.get_mut(&listening.place) {
            faults.hit()?;
        }
        listening.backlog.pop_front();
        let host = listening.host;
        self.link_mut(link).end_mut(Side::Acceptor).host = Some(host);
        self.record(Event::Accepted(link));
        self.moved();
        Ok(link)
    }

    pub(super) fn dial(
        &mut self,
        host: usize,
        target: Place,
        origin: &Place,
    ) -> io::Result<LinkId> {
        self.dial_faults.hit()?;
        let origin = self.concrete(origin);
        let id = LinkId(self.links_made);
        self.links_made += 1;
        self.record(Event::Dialed(id, target.to_string()));
        self.links.insert(id, Link::new(host, origin, target));
        let latency = self.dice.duration(&self.conditions.connect_latency);
        self.schedule(self.clock + latency, Due::Decide(id));
        Ok(id)
    }

    /// Connects a dialed link to its listener, refuses it, or leaves it undecided while cut off.
    pub(super) fn decide(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let unreachable = self.cut_off.iter().any(|place| place.answers(&link.target));
        if link.phase != Phase::Connecting || unreachable {
            return;
        }
        let given_up = link.end(Side::Dialer).shut;
        let listener = self
            .listeners
            .values_mut()
            .find(|l| l.place.answers(&link.target));
        match listener {
            Some(listening) if !given_up => {
                link.phase = Phase::Open;
                listening.backlog.push_back(id);
                self.record(Event::Connected(id));
            }
            _ => {
                link.phase = Phase::Refused;
                self.record(Event::Refused(id));
            }
        }
        self.moved();
    }

    pub(super) fn finish_connect(&mut self, id: LinkId) -> io::Result<()> {
        let phase = self.link(id).phase;
        if phase != Phase::Connecting {
            self.hit(Call::FinishConnect)?;
        }
        match phase {
            Phase::Connecting => Err(io::ErrorKind::WouldBlock.into()),
            Phase::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
            Phase::Open => Ok(()),
        }
    }

    /// Puts a free port in the place of port 0.
    fn concrete(&mut self, place: &Place) -> Place {
        loop {
            let candidate = place.with_number(self.next_port);
            if candidate == *place {
                return candidate;
            }
            self.next_port = self.next_port.checked_add(1).unwrap_or(40_000);
            if !self
                .listeners
                .values()
                .any(|other| other.place.collides(&candidate))
            {
                return candidate;
            }
        }
    }
}

/// Bytes.
impl State {
    pub(super) fn read(
        &mut self,
        (id, side): (LinkId, Side),
        into: &mut Vec<u8>,
        most: usize,
    ) -> io::Result<usize> {
        self.clock += self.conditions.call_cost;
        let spare = into.capacity() - into.len();
        assert!(
            most.min(spare) > 0,
            "read without room: Ok(0) would mean the end of the stream"
        );
        while self.link(id).end(side).inbox.is_late(self.clock) && !self.link(id).held {
            self.arrive(id, side);
        }
        let phase = self.link(id).phase;
        let end = self.link_mut(id).end_mut(side);
        end.read_faults.hit()?;
        let most = most.min(spare).min(end.inbox.available());
        if most == 0 {
            end.check_reset()?;
            return match (phase, end.inbox.is_ended()) {
                (_, true) | (Phase::Refused, _) => Ok(0),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let most = self.cut_short(most);
        let bytes = self.link_mut(id).end_mut(side).inbox.read(into, most);
        self.record(Event::Read {
            link: id,
            side,
            bytes,
        });
        self.moved();
        Ok(bytes)
    }

    pub(super) fn write(
        &mut self,
        (id, side): (LinkId, Side),
        slices: &[io::IoSlice<'_>],
    ) -> io::Result<usize> {
        self.clock += self.conditions.call_cost;
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let room = self.room(id, side)?;
        if offered == 0 {
            return Ok(0);
        }
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = self.cut_short(offered.min(room));
        let bytes: Vec<u8> = slices
            .iter()
            .flat_map(|s| s.iter().copied())
            .take(most)
            .collect();
        let hash = Fnv::of(&bytes);
        self.record(Event::Wrote {
            link: id,
            side,
            bytes: most,
            hash,
        });
        for piece in pieces(bytes, &mut self.dice, self.conditions.splits) {
            self.send(id, side.other(), Item::Bytes(piece));
        }
        self.moved();
        Ok(most)
    }

    /// How many bytes this side may write now; an error if it never may again.
    fn room(&mut self, id: LinkId, side: Side) -> io::Result<usize> {
        let capacity = self.conditions.capacity;
        let link = self.link_mut(id);
        let phase = link.phase;
        let end = link.end_mut(side);
        end.write_faults.hit()?;
        end.check_reset()?;
        if end.shut || phase == Phase::Refused {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        match phase {
            Phase::Connecting => Ok(0),
            _ => Ok(link.end(side.other()).inbox.room(capacity)),
        }
    }

    fn cut_short(&mut self, whole: usize) -> usize {
        if self.conditions.splits {
            self.dice.prefix(whole)
        } else {
            whole
        }
    }

    /// Sends an item off towards a side.
    fn send(&mut self, id: LinkId, to: Side, item: Item) {
        let latency = self.dice.duration(&self.conditions.latency);
        let at = self.clock + latency;
        let at = self.link_mut(id).end_mut(to).inbox.send(item, at);
        self.schedule(at, Due::Arrive(id, to));
    }

    /// Takes in what arrives at a side.
    pub(super) fn arrive(&mut self, link: LinkId, side: Side) {
        let now = self.clock;
        let Some(known) = self.links.get_mut(&link).filter(|known| !known.held) else {
            return;
        };
        let end = known.end_mut(side);
        let dropped = end.dropped;
        let Some(arrival) = end.inbox.arrive(now) else {
            return;
        };
        self.moved();
        match arrival {
            Arrival::Bytes(_) if dropped => {
                self.link_mut(link).end_mut(side).inbox.discard();
                self.send(link, side.other(), Item::Reset);
            }
            Arrival::Bytes(bytes) => self.record(Event::Arrived { link, side, bytes }),
            Arrival::End => self.record(Event::Ended(link, side)),
            Arrival::Reset => self.reset(link, side),
        }
    }
}

/// Endings.
impl State {
    pub(super) fn shutdown_write(&mut self, id: LinkId, side: Side) -> io::Result<()> {
        let link = self.link_mut(id);
        if link.phase != Phase::Open {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if !std::mem::replace(&mut link.end_mut(side).shut, true) {
            self.record(Event::Shut(id, side));
            self.send(id, side.other(), Item::End);
        }
        Ok(())
    }

    pub(super) fn shutdown(&mut self, id: LinkId, side: Side) {
        if self.shutdown_write(id, side).is_err() {
            self.link_mut(id).end_mut(side).shut = true;
        }
        self.link_mut(id).end_mut(side).inbox.end();
    }

    /// A stream was dropped; `abortive` if its end was never handed out.
    pub(super) fn drop_end(&mut self, id: LinkId, side: Side, abortive: bool) {
        self.forget_source(stream_source(id, side));
        self.record(Event::Dropped(id, side));
        let link = self.link_mut(id);
        let end = link.end_mut(side);
        let unread = end.inbox.available() > 0;
        let told = end.failed || end.shut;
        end.dropped = true;
        end.shut = true;
        end.inbox.discard();
        if link.is_gone() {
            self.links.remove(&id);
        } else if abortive || unread {
            self.link_mut(id).end_mut(side.other()).inbox.lose_flight();
            self.send(id, side.other(), Item::Reset);
        } else if !told {
            self.send(id, side.other(), Item::End);
        }
    }

    /// Resets one side, once.
    pub(super) fn reset(&mut self, id: LinkId, side: Side) {
        let link = self.link_mut(id);
        if link.end(side).failed {
            return;
        }
        link.reset(side);
        self.record(Event::Reset(id, side));
        self.moved();
    }
}

/// Looking.
impl State {
    pub(super) fn link(&self, id: LinkId) -> &Link {
        self.links
            .get(&id)
            .unwrap_or_else(|| panic!("{id:?} is gone"))
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> &mut Link {
        self.links
            .get_mut(&id)
            .unwrap_or_else(|| panic!("{id:?} is gone"))
    }

    pub(super) fn readiness(&self, source: u64) -> Readiness {
        if source & LISTENER != 0 {
            let listening = self.listeners.get(&(source & !LISTENER));
            return Readiness {
                readable: listening.is_some_and(|known| !known.backlog.is_empty()),
                ..Readiness::default()
            };
        }
        let side = if source.is_multiple_of(2) {
            Side::Dialer
        } else {
            Side::Acceptor
        };
        let Some(link) = self.links.get(&LinkId(source / 2)) else {
            return Readiness::default();
        };
        Readiness {
            readable: link.is_readable(side),
            writable: link.is_writable(side, self.conditions.capacity),
            failed: link.is_hung_up(side),
        }
    }

    fn forget_source(&mut self, source: u64) {
        for reactor in &mut self.reactors {
            reactor.sources.remove(&source);
        }
    }
}

/// Interference.
impl State {
    pub(super) fn cut(&mut self, id: LinkId) {
        self.record(Event::Weather("cut"));
        match self.link(id).phase {
            Phase::Connecting => self.link_mut(id).phase = Phase::Refused,
            Phase::Open => {
                self.reset(id, Side::Dialer);
                self.reset(id, Side::Acceptor);
            }
            Phase::Refused => {}
        }
    }

    pub(super) fn hold(&mut self, id: LinkId) {
        self.record(Event::Weather("hold"));
        self.link_mut(id).held = true;
    }

    pub(super) fn release(&mut self, id: LinkId) {
        self.record(Event::Weather("release"));
        let now = self.clock;
        self.link_mut(id).held = false;
        for side in [Side::Dialer, Side::Acceptor] {
            for at in self.link_mut(id).end_mut(side).inbox.resume(now) {
                self.schedule(at, Due::Arrive(id, side));
            }
        }
    }

    pub(super) fn partition(&mut self, place: Place) {
        self.record(Event::Weather("partition"));
        for id in self.links_to(&place) {
            self.hold(id);
        }
        self.cut_off.insert(place);
    }

    pub(super) fn heal(&mut self, place: &Place) {
        self.record(Event::Weather("heal"));
        self.cut_off.remove(place);
        for id in self.links_to(place) {
            self.release(id);
            if self.link(id).phase == Phase::Connecting {
                self.schedule(self.clock, Due::Decide(id));
            }
        }
    }

    pub(super) fn links_to(&self, place: &Place) -> Vec<LinkId> {
        let aimed = |(id, link): (&LinkId, &Link)| place.answers(&link.target).then_some(*id);
        self.links.iter().filter_map(aimed).collect()
    }

    /// Fails if a fault waits for this call.
    pub(super) fn hit(&mut self, call: Call) -> io::Result<()> {
        self.call_faults.get_mut(&call).map_or(Ok(()), Faults::hit)
    }

    /// A host is down: nothing of it runs or listens any more, and its connections end, or their
    /// other ends hear nothing until they send.
    /// Its workers are to be dropped without the world's lock.
    pub(super) fn crash(&mut self, host: usize, silently: bool) -> Vec<Box<dyn Worker>> {
        assert_eq!(self.running, Running::Application, "a crash in a turn");
        self.record(Event::Weather("crash"));
        self.down.insert(host);
        let listeners = self.listeners.iter();
        let listeners = listeners.filter(|(_, listening)| listening.host == host);
        for id in listeners.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.close_listener(id);
        }
        let all = self.links.keys().copied();
        let ends = all.flat_map(|id| [(id, Side::Dialer), (id, Side::Acceptor)]);
        for (id, side) in ends.collect::<Vec<_>>() {
            let owner = self.links.get(&id).and_then(|link| link.end(side).host);
            if owner == Some(host) && !self.link(id).end(side).dropped {
                match silently {
                    true => self.vanish(id, side),
                    false => self.drop_end(id, side, false),
                }
            }
        }
        let own = self.workers.iter_mut().filter(|slot| slot.host == host);
        own.filter_map(|slot| {
            slot.stopped = true;
            slot.worker.take()
        })
        .collect()
    }

    /// An end is gone, and nobody is told.
    fn vanish(&mut self, id: LinkId, side: Side) {
        self.forget_source(stream_source(id, side));
        self.record(Event::Dropped(id, side));
        let link = self.link_mut(id);
        let end = link.end_mut(side);
        end.dropped = true;
        end.shut = true;
        end.inbox.discard();
        if link.is_gone() {
            self.links.remove(&id);
        }
    }

    /// Bytes under way, or arrived and not read, between ends that are there.
    pub(super) fn unread(&self) -> usize {
        let sides = [Side::Dialer, Side::Acceptor];
        let ends = self
            .links
            .values()
            .flat_map(|link| sides.map(|side| link.end(side)));
        let read = ends.filter(|end| !end.dropped);
        read.map(|end| end.inbox.available() + end.inbox.in_flight())
            .sum()
    }

    pub(super) fn fail_accept(&mut self, place: Place, fault: Fault, times: usize) {
        self.accept_faults
            .entry(place)
            .or_default()
            .add(fault, times);
    }
}
