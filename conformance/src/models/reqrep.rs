//! REQ and REP.

use std::collections::{BTreeMap, BTreeSet};

use ferromq::SocketType::{Rep, Req};
use ferromq::{Message, RecvError, Refused, SendErrorKind};
use proptest::prelude::*;

use super::network::{Network, SLOTS, Setting, Weather, numbered, told, weather};

/// What asking promises.
///
/// - A client asks, hears its answer, and asks again; nothing else is allowed. A server is asked,
///   answers, and is asked again.
/// - A request reaches one server, at most once. What a client hears is the answer to what it has
///   asked last.
/// - Without a break between, it hears it: at a calm moment, when all servers have answered.
#[derive(Debug, Default)]
struct Asking {
    /// The clients, by their numbers.
    clients: BTreeMap<usize, Client>,
    /// The request that a server has to answer now.
    servers: [Option<(usize, usize)>; SERVERS],
    /// The requests that reached a server.
    reached: BTreeSet<(usize, usize)>,
    /// Those that were answered.
    answered: BTreeSet<(usize, usize)>,
}

#[derive(Debug, Default)]
struct Client {
    /// How often it has asked.
    requests: usize,
    is_waiting: bool,
    /// A connection was lost since.
    is_broken: bool,
}

impl Asking {
    fn asked(&mut self, client: usize, result: Result<(), SendErrorKind>) {
        let client = self.clients.get_mut(&client).unwrap();
        match result {
            Ok(()) if !client.is_waiting => {
                client.requests += 1;
                (client.is_waiting, client.is_broken) = (true, false);
            }
            Err(SendErrorKind::Refused(Refused::WrongState)) if client.is_waiting => {}
            Err(SendErrorKind::Full) if !client.is_waiting => {}
            other => panic!("asking gave {other:?}: {client:?}"),
        }
    }

    fn heard(&mut self, client: usize, result: Result<(usize, usize), RecvError>) {
        let state = self.clients.get_mut(&client).unwrap();
        match result {
            Ok(reply) if state.is_waiting => {
                assert_eq!(
                    reply,
                    (client, state.requests - 1),
                    "an answer to something else"
                );
                assert!(self.answered.contains(&reply), "nobody has answered");
                state.is_waiting = false;
            }
            Err(RecvError::Empty) if state.is_waiting => {}
            Err(RecvError::Refused(Refused::WrongState)) if !state.is_waiting => {}
            other => panic!("listening gave {other:?}: {state:?}"),
        }
    }

    fn served(&mut self, server: usize, result: Result<(usize, usize), RecvError>) {
        match (result, self.servers[server]) {
            (Ok(request), None) => {
                let client = self.clients.get(&request.0);
                assert!(client.is_none_or(|client| request.1 < client.requests));
                assert!(self.reached.insert(request), "{request:?} came twice");
                self.servers[server] = Some(request);
            }
            (Err(RecvError::Empty), None) => {}
            (Err(RecvError::Refused(Refused::WrongState)), Some(_)) => {}
            (other, state) => panic!("serving gave {other:?}: {state:?}"),
        }
    }

    fn replied(&mut self, server: usize, result: Result<(), SendErrorKind>) {
        match (result, self.servers[server].take()) {
            (Ok(()), Some(request)) => drop(self.answered.insert(request)),
            (Err(SendErrorKind::Refused(Refused::WrongState)), None) => {}
            (other, state) => panic!("answering gave {other:?}: {state:?}"),
        }
    }

    /// A connection is lost.
    fn break_off(&mut self) {
        self.clients
            .values_mut()
            .for_each(|client| client.is_broken = true);
    }

    /// Everybody is connected, has answered and has listened.
    fn calm(&self) {
        let stuck = |(_, client): &(_, &Client)| client.is_waiting && !client.is_broken;
        let stuck = self.clients.iter().find(stuck);
        assert!(stuck.is_none(), "client {stuck:?} has no answer");
    }
}

/// How many servers there are.
const SERVERS: usize = 2;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Ask(usize),
    Hear(usize),
    Serve(usize),
    Reply(usize),
    Come(usize),
    Leave(usize),
    Calm,
    Weather(Weather),
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SLOTS).prop_map(Step::Ask),
        4 => (0..SLOTS).prop_map(Step::Hear),
        4 => (0..SERVERS).prop_map(Step::Serve),
        4 => (0..SERVERS).prop_map(Step::Reply),
        3 => (0..SLOTS).prop_map(Step::Come),
        1 => (0..SLOTS).prop_map(Step::Leave),
        1 => Just(Step::Calm),
        8 => weather().prop_map(Step::Weather),
    ]
}

pub(super) fn run(setting: &Setting, steps: &[Step]) {
    let mut check = Check {
        model: Asking::default(),
        network: Network::new(setting, &[Rep; SERVERS], Req),
        clients: [0; SLOTS],
    };
    steps.iter().for_each(|step| check.step(step));
    check.calm();
}

struct Check {
    model: Asking,
    network: Network,
    /// The number of the client in each slot.
    clients: [usize; SLOTS],
}

impl Check {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask(slot) => self.ask(slot),
            Step::Hear(slot) => drop(self.hear(slot)),
            Step::Serve(server) => drop(self.serve(server)),
            Step::Reply(server) => self.reply(server),
            Step::Come(slot) => {
                if let Some(client) = self.network.come(slot) {
                    self.clients[slot] = client;
                    self.model.clients.insert(client, Client::default());
                }
            }
            Step::Leave(slot) => {
                self.model.clients.remove(&self.clients[slot]);
                self.network.leave(slot);
            }
            Step::Calm => self.calm(),
            Step::Weather(ref weather) => {
                let model = &mut self.model;
                self.network.suffer(weather, |_| model.break_off());
            }
        }
    }

    fn ask(&mut self, slot: usize) {
        let Some(req) = self.network.guest(slot) else {
            return;
        };
        let client = self.clients[slot];
        let request = numbered(client, self.model.clients[&client].requests);
        let result = req.try_send(request).map_err(|error| error.kind);
        self.model.asked(client, result);
    }

    /// True if there was an answer.
    fn hear(&mut self, slot: usize) -> bool {
        let Some(req) = self.network.guest(slot) else {
            return false;
        };
        let result = req.try_recv().map(|answer| told(&answer));
        let is_answer = result.is_ok();
        self.model.heard(self.clients[slot], result);
        is_answer
    }

    /// True if there was a request.
    fn serve(&mut self, server: usize) -> bool {
        let result = self.network.hosts[server].try_recv();
        let result = result.map(|request| told(&request));
        let is_request = result.is_ok();
        self.model.served(server, result);
        is_request
    }

    /// The answer is the request itself.
    fn reply(&mut self, server: usize) {
        let answer = match self.model.servers[server] {
            Some((client, number)) => numbered(client, number),
            None => Message::from("an answer to nothing"),
        };
        let result = self.network.hosts[server].try_send(answer);
        self.model
            .replied(server, result.map_err(|error| error.kind));
    }

    fn calm(&mut self) {
        loop {
            self.network.settle();
            let answers = (0..SLOTS).filter(|slot| self.hear(*slot)).count();
            let mut requests = 0;
            for server in 0..SERVERS {
                requests += usize::from(self.serve(server));
                if self.model.servers[server].is_some() {
                    self.reply(server);
                    requests += 1;
                }
            }
            if answers + requests == 0 {
                return self.model.calm();
            }
        }
    }
}
