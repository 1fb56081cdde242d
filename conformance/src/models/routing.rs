//! DEALER and ROUTER.

use std::collections::BTreeMap;

use ferromq::SocketType::{Dealer, Router};
use ferromq::{Dropped, Message, Part, Refused, SendErrorKind};
use proptest::prelude::*;

use super::flow::Flow;
use super::network::{Network, SLOTS, Setting, Weather, heard, numbered, told, weather};

/// What routing promises, of the messages both ways. (See [`Flow`].)
///
/// - The router gives each message the address of its sender. An address is that of one dealer, or
///   of a place to which the router has dialed, whoever is there.
/// - A message to an address is received there, or if the dealer has gone, nowhere.
/// - At a calm moment, when everything was read, the address of a dealer that has gone is unknown;
///   one that was heard then is known until a break.
#[derive(Debug, Default)]
struct Routing {
    /// Where each dealer is.
    places: BTreeMap<usize, Place>,
    /// Which address is where.
    addresses: BTreeMap<Part, Place>,
    /// Those that were heard at a calm moment since the last break.
    known: Vec<Part>,
    /// What each dealer has sent.
    questions: BTreeMap<usize, Flow>,
    /// What the router has sent, and to whom.
    answers: Flow,
    addressees: Vec<Place>,
}

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To this dealer alone.
    Dealer(usize),
    /// To whoever is in this slot.
    Slot(usize),
}

impl Routing {
    fn come(&mut self, dealer: usize, place: Place) {
        self.places.insert(dealer, place);
        self.questions.insert(dealer, Flow::default());
    }

    fn hear(&mut self, address: &Part, (dealer, number): (usize, usize)) {
        let place = self.places[&dealer];
        let known = *self.addresses.entry(address.clone()).or_insert(place);
        assert_eq!(known, place, "an address of two");
        self.questions.get_mut(&dealer).unwrap().receive(0, number);
    }

    fn answer(&mut self, address: &Part, result: Result<(), SendErrorKind>) {
        match result {
            Ok(()) => {
                self.answers.accept();
                self.addressees.push(self.addresses[address]);
            }
            Err(SendErrorKind::Full) => {}
            Err(SendErrorKind::Refused(Refused::NoRoute)) => {
                assert!(!self.known.contains(address), "{address:?} is not known");
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// At a calm moment, to an address of a dealer that has gone.
    fn answer_to_nobody(&self, result: Result<(), SendErrorKind>) {
        let unknown = Err(SendErrorKind::Refused(Refused::NoRoute));
        assert_eq!(result, unknown, "an address of nobody");
    }

    fn receive(&mut self, dealer: usize, number: usize) {
        assert_eq!(
            self.addressees[number], self.places[&dealer],
            "for somebody else"
        );
        self.answers.receive(dealer, number);
    }

    /// These dealers are there, and have read everything.
    fn end(&mut self, there: &[usize], dropped: u64) {
        for (number, place) in self.addressees.iter().enumerate() {
            if matches!(place, Place::Dealer(dealer) if !there.contains(dealer)) {
                self.answers.give_up(number);
            }
        }
        self.questions.values().for_each(|flow| flow.end(0));
        self.answers.end(dropped);
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Ask(usize),
    Hear,
    /// To one of the addresses that were heard.
    Answer(usize),
    Receive(usize),
    Come(usize),
    Leave(usize),
    /// Everybody reads, then every dealer is answered.
    Meet,
    Weather(Weather),
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SLOTS).prop_map(Step::Ask),
        6 => Just(Step::Hear),
        6 => (0..8_usize).prop_map(Step::Answer),
        4 => (0..SLOTS).prop_map(Step::Receive),
        3 => (0..SLOTS).prop_map(Step::Come),
        1 => (0..SLOTS).prop_map(Step::Leave),
        1 => Just(Step::Meet),
        8 => weather().prop_map(Step::Weather),
    ]
}

pub(super) fn run(setting: &Setting, steps: &[Step]) {
    let mut check = Check {
        model: Routing::default(),
        network: Network::new(setting, &[Router], Dealer),
        dealers: [0; SLOTS],
    };
    steps.iter().for_each(|step| check.step(step));
    (0..SLOTS).for_each(|slot| check.come(slot));
    check.read_all();
    let dropped = check.network.hosts[0].stats().dropped(Dropped::PeerGone);
    check.model.end(&check.dealers, dropped);
}

struct Check {
    model: Routing,
    network: Network,
    /// The number of the dealer in each slot.
    dealers: [usize; SLOTS],
}

impl Check {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask(slot) => self.ask(slot),
            Step::Hear => drop(self.hear()),
            Step::Answer(at) => {
                let addresses: Vec<&Part> = self.model.addresses.keys().collect();
                if let Some(address) = addresses.get(at % addresses.len().max(1)) {
                    self.answer(&(*address).clone());
                }
            }
            Step::Receive(slot) => drop(self.receive(slot)),
            Step::Come(slot) => self.come(slot),
            Step::Leave(slot) => self.leave(slot),
            Step::Meet => self.meet(),
            Step::Weather(ref weather) => {
                let (model, dealers) = (&mut self.model, self.dealers);
                let lose = |network: &Network| break_off(model, network, dealers);
                self.network.suffer(weather, lose);
            }
        }
    }

    fn come(&mut self, slot: usize) {
        if let Some(dealer) = self.network.come(slot) {
            let is_dialed = self.network.binds(slot);
            let place = if is_dialed {
                Place::Slot(slot)
            } else {
                Place::Dealer(dealer)
            };
            self.dealers[slot] = dealer;
            self.model.come(dealer, place);
        }
    }

    /// A dealer that leaves flushes what it has sent. All of that can be read, as long as the
    /// router tries nothing else with the connection that is over.
    fn leave(&mut self, slot: usize) {
        if let Some(report) = self.network.leave(slot) {
            if report.complete {
                while self.hear().is_some() {
                    self.network.idle();
                }
            } else {
                let flow = self.model.questions.get_mut(&self.dealers[slot]).unwrap();
                flow.break_off(flow.next() as u64);
            }
            break_off(&mut self.model, &self.network, self.dealers);
        }
    }

    fn ask(&mut self, slot: usize) {
        let Some(dealer) = self.network.guest(slot) else {
            return;
        };
        let flow = self.model.questions.get_mut(&self.dealers[slot]).unwrap();
        let sent = dealer.try_send(numbered(self.dealers[slot], flow.next()));
        match sent.map_err(|error| error.kind) {
            Ok(()) => flow.accept(),
            Err(SendErrorKind::Full) => {}
            Err(other) => panic!("{other}"),
        }
    }

    /// The address from which the router has heard now.
    fn hear(&mut self) -> Option<Part> {
        let mut message = heard(&*self.network.hosts[0]).next()?;
        let address = message.pop_front().unwrap();
        self.model.hear(&address, told(&message));
        Some(address)
    }

    fn answer(&mut self, address: &Part) {
        let mut message = numbered(0, self.model.answers.next());
        message.push_front(address.clone());
        let result = self.network.hosts[0].try_send(message);
        self.model
            .answer(address, result.map_err(|error| error.kind));
    }

    /// True if there was a message.
    fn receive(&mut self, slot: usize) -> bool {
        let message: Option<Message> = {
            let dealer = self.network.guest(slot);
            dealer.and_then(|dealer| heard(dealer).next())
        };
        if let Some(message) = &message {
            self.model.receive(self.dealers[slot], told(message).1);
        }
        message.is_some()
    }

    /// Everybody reads until nothing more comes.
    fn read_all(&mut self) {
        loop {
            self.network.settle();
            let mut messages = std::iter::from_fn(|| self.hear()).count();
            for slot in 0..SLOTS {
                messages += std::iter::from_fn(|| self.receive(slot).then_some(())).count();
            }
            if messages == 0 {
                self.model.answers.calm();
                self.model.questions.values_mut().for_each(Flow::calm);
                return;
            }
        }
    }

    fn meet(&mut self) {
        self.read_all();
        let slots: Vec<usize> = self.network.guests().map(|(slot, _)| slot).collect();
        let there: Vec<usize> = slots.iter().map(|slot| self.dealers[*slot]).collect();
        for (address, place) in &self.model.addresses {
            if matches!(place, Place::Dealer(dealer) if !there.contains(dealer)) {
                let message = Message::from([address.clone(), "anybody?".into()]);
                let result = self.network.hosts[0].try_send(message);
                let result = result.map_err(|error| error.kind);
                self.model.answer_to_nobody(result);
            }
        }
        slots.iter().for_each(|slot| self.ask(*slot));
        self.network.settle();
        for _ in &slots {
            let address = self.hear().expect("everybody has asked");
            self.model.known.push(address.clone());
            self.answer(&address);
        }
        self.network.settle();
        for slot in slots {
            assert!(
                self.receive(slot) && !self.receive(slot),
                "one answer for each"
            );
        }
    }
}

/// A connection is lost, or a dealer with all that it has not read.
fn break_off(model: &mut Routing, network: &Network, dealers: [usize; SLOTS]) {
    model.known.clear();
    model
        .answers
        .break_off(network.hosts[0].stats().handed_over);
    for (slot, dealer) in network.guests() {
        let flow = model.questions.get_mut(&dealers[slot]).unwrap();
        flow.break_off(dealer.stats().handed_over);
    }
}
