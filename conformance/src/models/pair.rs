//! PAIR.

use std::collections::BTreeMap;

use ferromq::SocketType::Pair;
use ferromq::{Dropped, SendErrorKind};
use proptest::prelude::*;

use super::flow::Flow;
use super::network::{Network, SLOTS, Setting, Weather, heard, numbered, told, weather};
use crate::socket::AnySocket;

/// What a PAIR, the host, promises of the messages both ways. (See [`Flow`].)
///
/// - It has one peer at a time, until that leaves or is cut off, and everything from it is read.
///   Other guests are refused, and may lose what they hand over meanwhile.
/// - What one says to another is always in order: nothing of the next connection is received before
///   everything of the last.
#[derive(Debug, Default)]
struct Pairing {
    /// What the host has sent.
    from_host: Flow,
    /// What each guest has sent.
    from_guests: BTreeMap<usize, Flow>,
    /// The guest that was its peer at the last calm moment, if there was no break since.
    peer: Option<usize>,
    /// The last number received, from the host or from a guest, by guest.
    last: BTreeMap<(Way, usize), usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    FromHost,
    FromGuest,
}

impl Pairing {
    fn receive(&mut self, way: Way, guest: usize, number: usize) {
        let last = self.last.insert((way, guest), number);
        assert!(last < Some(number), "{number} after {last:?}");
        match way {
            Way::FromHost => self.from_host.receive(guest, number),
            Way::FromGuest => self.of_guest(guest).receive(0, number),
        }
    }

    /// Everything was read, then every guest and the host have sent one message. Who was heard by
    /// the host, and who has heard it.
    fn meet(&mut self, heard: &[usize], hearing: &[usize]) {
        assert!(heard.len() <= 1, "{heard:?} are peers at the same time");
        assert_eq!(heard, hearing);
        let peer = heard.first().copied();
        assert!(
            self.peer.is_none_or(|before| Some(before) == peer),
            "another peer"
        );
        self.peer = peer;
    }

    fn of_guest(&mut self, guest: usize) -> &mut Flow {
        self.from_guests.entry(guest).or_default()
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Tell(usize),
    Answer,
    HostReceives,
    Receive(usize),
    Come(usize),
    Leave(usize),
    /// Everybody reads, then everybody sends.
    Meet,
    Weather(Weather),
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SLOTS).prop_map(Step::Tell),
        4 => Just(Step::Answer),
        4 => Just(Step::HostReceives),
        4 => (0..SLOTS).prop_map(Step::Receive),
        3 => (0..SLOTS).prop_map(Step::Come),
        2 => (0..SLOTS).prop_map(Step::Leave),
        3 => Just(Step::Meet),
        8 => weather().prop_map(Step::Weather),
    ]
}

pub(super) fn run(setting: &Setting, steps: &[Step]) {
    let mut check = Check {
        model: Pairing::default(),
        // A PAIR that dials has its peer for good.
        network: Network::new(&setting.only_first_binds(), &[Pair], Pair),
        guests: [0; SLOTS],
        is_contended: false,
    };
    steps.iter().for_each(|step| check.step(step));
    check.read_all();
    check.end();
}

struct Check {
    model: Pairing,
    network: Network,
    /// The number of the guest in each slot.
    guests: [usize; SLOTS],
    /// A guest may have been refused since everything was read.
    is_contended: bool,
}

impl Check {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Tell(slot) => self.tell(slot),
            Step::Answer => self.answer(),
            Step::HostReceives => drop(self.host_receives()),
            Step::Receive(slot) => drop(self.receive(slot)),
            Step::Come(slot) => {
                if let Some(guest) = self.network.come(slot) {
                    self.guests[slot] = guest;
                }
            }
            Step::Leave(slot) => self.leave(slot),
            Step::Meet => self.meet(),
            Step::Weather(ref weather) => {
                let (model, guests) = (&mut self.model, self.guests);
                let lose = |network: &Network| {
                    self.is_contended = true;
                    model.peer = None;
                    break_off(model, network, guests);
                };
                self.network.suffer(weather, lose);
            }
        }
        self.contend();
    }

    fn contend(&mut self) {
        let others = usize::from(self.network.binds(0) && self.network.guest(0).is_none());
        self.is_contended |= self.network.guests().count() + others > 1;
        if self.is_contended {
            break_off(&mut self.model, &self.network, self.guests);
        }
    }

    fn leave(&mut self, slot: usize) {
        if self.network.leave(slot).is_some() {
            let flow = self.model.of_guest(self.guests[slot]);
            flow.break_off(flow.next() as u64);
            self.is_contended = true;
            self.model.peer = None;
            break_off(&mut self.model, &self.network, self.guests);
        }
    }

    fn tell(&mut self, slot: usize) {
        if let Some(pair) = self.network.guest(slot) {
            let guest = self.guests[slot];
            let flow = self.model.of_guest(guest);
            let sent = pair.try_send(numbered(guest, flow.next()));
            accept(flow, sent.map_err(|error| error.kind));
        }
    }

    fn answer(&mut self) {
        let flow = &mut self.model.from_host;
        let sent = self.network.hosts[0].try_send(numbered(0, flow.next()));
        accept(flow, sent.map_err(|error| error.kind));
    }

    /// From whom.
    fn host_receives(&mut self) -> Option<usize> {
        let message = heard(&*self.network.hosts[0]).next()?;
        let (guest, number) = told(&message);
        self.model.receive(Way::FromGuest, guest, number);
        Some(guest)
    }

    /// Who, if there was a message.
    fn receive(&mut self, slot: usize) -> Option<usize> {
        let message = heard(self.network.guest(slot)?).next()?;
        let guest = self.guests[slot];
        self.model.receive(Way::FromHost, guest, told(&message).1);
        Some(guest)
    }

    /// Everybody reads until nothing more comes: who was heard, and who has heard.
    fn read_all(&mut self) -> (Vec<usize>, Vec<usize>) {
        let (mut heard, mut hearing) = (Vec::new(), Vec::new());
        loop {
            self.network.settle();
            self.contend();
            let before = heard.len() + hearing.len();
            heard.extend(std::iter::from_fn(|| self.host_receives()));
            for slot in 0..SLOTS {
                hearing.extend(std::iter::from_fn(|| self.receive(slot)));
            }
            if heard.len() + hearing.len() == before {
                self.is_contended = false;
                self.model.from_host.calm();
                self.model.from_guests.values_mut().for_each(Flow::calm);
                return (heard, hearing);
            }
        }
    }

    /// With everything read: what was not received was lost, dropped, or has no receiver.
    fn end(&self) {
        let kept = |socket: &dyn AnySocket| {
            let stats = socket.stats();
            stats.dropped(Dropped::PeerGone) + stats.queued
        };
        self.model.from_host.end(kept(&*self.network.hosts[0]));
        for (guest, flow) in &self.model.from_guests {
            let slot = self.guests.iter().position(|there| there == guest);
            let guest = slot.and_then(|slot| self.network.guest(slot));
            flow.end(guest.map_or(0, kept));
        }
    }

    fn meet(&mut self) {
        self.read_all();
        (0..SLOTS).for_each(|slot| self.tell(slot));
        self.answer();
        let (heard, hearing) = self.read_all();
        self.model.meet(&heard, &hearing);
    }
}

fn accept(flow: &mut Flow, result: Result<(), SendErrorKind>) {
    match result {
        Ok(()) => flow.accept(),
        Err(SendErrorKind::Full) => {}
        Err(other) => panic!("{other}"),
    }
}

/// A connection is lost, or a guest with all that it has not read.
fn break_off(model: &mut Pairing, network: &Network, guests: [usize; SLOTS]) {
    model
        .from_host
        .break_off(network.hosts[0].stats().handed_over);
    for (slot, guest) in network.guests() {
        let flow = model.of_guest(guests[slot]);
        flow.break_off(guest.stats().handed_over);
    }
}
