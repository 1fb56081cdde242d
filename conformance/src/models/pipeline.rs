//! PUSH and PULL.

use ferromq::SocketType::{Pull, Push};
use ferromq::{Message, SendErrorKind};
use proptest::prelude::*;

use super::flow::Flow;
use super::network::{Network, SLOTS, Setting, Weather, heard, numbered, told, weather};

/// What a pipeline promises: each message goes to one worker. (See [`Flow`] for what that means.)
/// While every worker has room, a PUSH gives each of them one in turn.
#[derive(Debug, Default)]
struct Pipeline {
    /// What each PUSH has sent.
    flows: [Flow; PUSHES],
}

impl Pipeline {
    fn receive(&mut self, worker: usize, message: &Message) {
        let (push, number) = told(message);
        self.flows[push].receive(worker, number);
    }

    /// A connection is lost, or a worker with all that it has not read.
    fn break_off(&mut self, handed_over: [u64; PUSHES]) {
        let flows = self.flows.iter_mut().zip(handed_over);
        flows.for_each(|(flow, handed_over)| flow.break_off(handed_over));
    }

    /// A PUSH has sent a message for each of the workers, who had read everything before; so many
    /// were received by each.
    fn share(&self, received: &[usize]) {
        assert!(
            received.iter().all(|one| *one == 1),
            "shared out {received:?}"
        );
    }

    /// Everything was read.
    fn end(&self) {
        self.flows.iter().for_each(|flow| flow.end(0));
    }
}

/// How many PUSH sockets there are.
const PUSHES: usize = 2;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(usize),
    Receive(usize),
    Come(usize),
    Leave(usize),
    /// Everybody reads, then a PUSH sends a message for each.
    Share(usize),
    Weather(Weather),
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..PUSHES).prop_map(Step::Send),
        4 => (0..SLOTS).prop_map(Step::Receive),
        2 => (0..SLOTS).prop_map(Step::Come),
        1 => (0..SLOTS).prop_map(Step::Leave),
        1 => (0..PUSHES).prop_map(Step::Share),
        8 => weather().prop_map(Step::Weather),
    ]
}

pub(super) fn run(setting: &Setting, steps: &[Step]) {
    let mut check = Check {
        model: Pipeline::default(),
        network: Network::new(setting, &[Push; PUSHES], Pull),
        workers: [0; SLOTS],
    };
    steps.iter().for_each(|step| check.step(step));
    (0..SLOTS).for_each(|slot| check.come(slot));
    check.read_all();
    check.model.end();
}

struct Check {
    model: Pipeline,
    network: Network,
    /// The number of the worker in each slot.
    workers: [usize; SLOTS],
}

impl Check {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Send(push) => drop(self.send(push)),
            Step::Receive(slot) => drop(self.receive(slot)),
            Step::Come(slot) => self.come(slot),
            Step::Leave(slot) => {
                if self.network.leave(slot).is_some() {
                    self.model.break_off(handed_over(&self.network));
                }
            }
            Step::Share(push) => self.share(push),
            Step::Weather(ref weather) => {
                let model = &mut self.model;
                let lose = |network: &Network| model.break_off(handed_over(network));
                self.network.suffer(weather, lose);
            }
        }
    }

    fn come(&mut self, slot: usize) {
        if let Some(worker) = self.network.come(slot) {
            self.workers[slot] = worker;
        }
    }

    /// True if the message was accepted.
    fn send(&mut self, push: usize) -> bool {
        let flow = &mut self.model.flows[push];
        let sent = self.network.hosts[push].try_send(numbered(push, flow.next()));
        match sent.as_ref().map_err(|error| error.kind) {
            Ok(()) => flow.accept(),
            Err(SendErrorKind::Full) => {}
            Err(other) => panic!("{other}"),
        }
        sent.is_ok()
    }

    /// True if there was a message.
    fn receive(&mut self, slot: usize) -> bool {
        let message = self.network.guest(slot).and_then(|pull| heard(pull).next());
        if let Some(message) = &message {
            self.model.receive(self.workers[slot], message);
        }
        message.is_some()
    }

    /// How many messages there were.
    fn read(&mut self, slot: usize) -> usize {
        (0..).take_while(|_| self.receive(slot)).count()
    }

    /// Everybody reads until nothing more comes.
    fn read_all(&mut self) {
        self.network.settle();
        while (0..SLOTS).map(|slot| self.read(slot)).sum::<usize>() > 0 {
            self.network.settle();
        }
        self.model.flows.iter_mut().for_each(Flow::calm);
    }

    /// An endpoint that was dialed has its share even before somebody is there.
    fn share(&mut self, push: usize) {
        let dialed = (0..SLOTS).filter(|slot| self.network.binds(*slot));
        dialed
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|slot| self.come(slot));
        self.read_all();
        let workers: Vec<usize> = self.network.guests().map(|(slot, _)| slot).collect();
        for _ in &workers {
            assert!(self.send(push), "everybody has room");
        }
        self.network.settle();
        let received: Vec<usize> = workers.iter().map(|slot| self.read(*slot)).collect();
        self.model.share(&received);
    }
}

/// What each PUSH has handed over to the network.
fn handed_over(network: &Network) -> [u64; PUSHES] {
    std::array::from_fn(|push| network.hosts[push].stats().handed_over)
}
