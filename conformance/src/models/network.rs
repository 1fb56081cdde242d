//! The simulated network of a model's check: some sockets stay, others come and go, and everyone of
//! the one kind talks to everyone of the other, over connections that suffer.

use std::sync::Arc;
use std::time::Duration;

use ferromq::{CloseReport, Context, Dropped, Endpoint, Message, RecvError, SocketType};
use ferromq_core::world::{Habit, Tuning};
use ferromq_testkit::sim::{Conditions, LinkId, SimWorld};
use proptest::prelude::*;

use crate::socket::{self, AnySocket, Settings};

/// How many sockets come and go.
pub(super) const SLOTS: usize = 3;
/// After this time without disturbance everybody is connected who can be: reconnecting pauses for
/// a second at most. Virtual time.
const CALM: Duration = Duration::from_secs(3);
/// How long a socket that leaves may flush.
const LINGER: Duration = Duration::from_secs(5);

/// What is decided before the first step.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    seed: u64,
    /// What one direction of a connection holds, in bytes.
    capacity: usize,
    habit: Habit,
    send_mark: u32,
    receive_mark: u32,
    /// Whether the socket of each slot binds; else it dials.
    binds: [bool; SLOTS],
}

impl Setting {
    /// The same, but that all others dial.
    pub(super) fn only_first_binds(&self) -> Self {
        let mut setting = self.clone();
        setting.binds[1..].fill(false);
        setting
    }
}

pub(super) fn settings() -> impl Strategy<Value = Setting> {
    let capacity = prop_oneof![Just(300), Just(3_000), Just(65_536)];
    let habit = prop_oneof![
        Just(Habit::Adaptive),
        Just(Habit::Always),
        Just(Habit::Never)
    ];
    let mark = || prop_oneof![2 => Just(1_000), 1 => 1..8_u32];
    let all = (
        any::<u64>(),
        capacity,
        habit,
        mark(),
        mark(),
        any::<[bool; SLOTS]>(),
    );
    all.prop_map(
        |(seed, capacity, habit, send_mark, receive_mark, binds)| Setting {
            seed,
            capacity,
            habit,
            send_mark,
            receive_mark,
            binds,
        },
    )
}

/// What the network does.
#[derive(Clone, Debug)]
pub(super) enum Weather {
    /// So many microseconds pass.
    Pass(u64),
    /// One of the connections, by its place in the list of all, is lost.
    Cut(usize),
    /// Nothing comes through one of the connections any more.
    Hold(usize),
    /// Everything that is held comes through.
    Release,
}

pub(super) fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        6 => (1..3_000_u64).prop_map(Weather::Pass),
        2 => (0..6_usize).prop_map(Weather::Cut),
        1 => (0..6_usize).prop_map(Weather::Hold),
        1 => Just(Weather::Release),
    ]
}

/// The world with the sockets in it.
pub(super) struct Network {
    world: SimWorld,
    context: Context,
    setting: Setting,
    guest: SocketType,
    pub(super) hosts: Vec<Box<dyn AnySocket>>,
    guests: [Option<Box<dyn AnySocket>>; SLOTS],
    /// How many guests there have been.
    visits: usize,
    held: Vec<LinkId>,
}

impl Network {
    /// A network in which these sockets stay, and sockets of type `guest` come and go.
    pub(super) fn new(setting: &Setting, hosts: &[SocketType], guest: SocketType) -> Self {
        let world = SimWorld::with(
            setting.seed,
            Conditions {
                capacity: setting.capacity,
                tuning: Tuning::all(setting.habit),
                ..Conditions::default()
            },
        );
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let mut network = Self {
            world,
            context,
            setting: setting.clone(),
            guest,
            hosts: Vec::new(),
            guests: [None, None, None],
            visits: 0,
            held: Vec::new(),
        };
        for (at, host) in hosts.iter().enumerate() {
            let host = network.socket(*host);
            host.bind(&host_endpoint(at));
            for slot in (0..SLOTS).filter(|slot| setting.binds[*slot]) {
                host.connect(&guest_endpoint(slot));
            }
            network.hosts.push(host);
        }
        network
    }

    fn socket(&self, socket_type: SocketType) -> Box<dyn AnySocket> {
        let settings = Settings {
            send_mark: Some(self.setting.send_mark),
            receive_mark: Some(self.setting.receive_mark),
            linger: Some(LINGER),
            ..Settings::default()
        };
        socket::make(socket_type, &self.context, &settings)
    }

    /// A new guest for this slot, if it is free: its number among all guests.
    pub(super) fn come(&mut self, slot: usize) -> Option<usize> {
        if self.guests[slot].is_some() {
            return None;
        }
        let guest = self.socket(self.guest);
        if self.setting.binds[slot] {
            guest.bind(&guest_endpoint(slot).to_string());
        } else {
            (0..self.hosts.len()).for_each(|at| guest.connect(&endpoint(&host_endpoint(at))));
        }
        self.guests[slot] = Some(guest);
        self.visits += 1;
        Some(self.visits)
    }

    /// The guest of this slot leaves, if there is one, and everybody has noticed.
    pub(super) fn leave(&mut self, slot: usize) -> Option<CloseReport> {
        self.release();
        let report = self.guests[slot].take()?.close();
        self.idle();
        Some(report)
    }

    /// What is on its way arrives.
    pub(super) fn idle(&self) {
        self.world.run_idle();
    }

    /// Whether the guests of this slot are dialed, all at the same endpoint.
    pub(super) fn binds(&self, slot: usize) -> bool {
        self.setting.binds[slot]
    }

    /// The guest of this slot.
    pub(super) fn guest(&self, slot: usize) -> Option<&dyn AnySocket> {
        self.guests[slot].as_deref()
    }

    /// The guests that are there, with their slots.
    pub(super) fn guests(&self) -> impl Iterator<Item = (usize, &dyn AnySocket)> {
        let slots = self.guests.iter().enumerate();
        slots.filter_map(|(slot, guest)| Some((slot, guest.as_deref()?)))
    }

    /// The weather changes. A cut is announced before it happens.
    pub(super) fn suffer(&mut self, weather: &Weather, mut before_cut: impl FnMut(&Self)) {
        let links = self.world.links();
        let chosen = |at: usize| links.get(at % links.len().max(1)).copied();
        match *weather {
            Weather::Pass(time) => self.world.advance(Duration::from_micros(time)),
            Weather::Cut(at) => {
                if let Some(link) = chosen(at) {
                    before_cut(self);
                    self.world.cut(link);
                }
            }
            Weather::Hold(at) => {
                if let Some(link) = chosen(at) {
                    self.world.hold(link);
                    self.held.push(link);
                }
            }
            Weather::Release => self.release(),
        }
    }

    /// Nothing disturbs any more, and everything happens that can happen.
    pub(super) fn settle(&mut self) {
        self.release();
        self.world.advance(CALM);
        self.hosts.iter().for_each(|host| assert_balanced(&**host));
        self.guests().for_each(|(_, guest)| assert_balanced(guest));
    }

    fn release(&mut self) {
        self.held
            .drain(..)
            .for_each(|link| self.world.release(link));
    }
}

/// Whatever was accepted is on the wire, queued, given back, or dropped for a reason.
fn assert_balanced(socket: &dyn AnySocket) {
    let stats = socket.stats();
    let reasons = Dropped::ALL.iter();
    let dropped: u64 = reasons.map(|reason| stats.dropped_sending(*reason)).sum();
    let accounted = stats.handed_over + stats.queued + stats.returned + dropped;
    assert_eq!(stats.accepted, accounted, "{stats:?}");
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn host_endpoint(at: usize) -> String {
    format!("tcp://127.0.0.1:{}", 1_001 + at)
}

fn guest_endpoint(slot: usize) -> Endpoint {
    endpoint(&format!("tcp://127.0.0.1:{}", 2_001 + slot))
}

/// Message `number` of a sender: of one to three parts, small and large ones.
pub(super) fn numbered(sender: usize, number: usize) -> Message {
    let size = [0, 40, 300, 70, 5_000][number % 5];
    let all = [sender.to_string(), number.to_string(), "x".repeat(size)];
    Message::from(all)
}

/// Whose message this is, and which one; it must be whole.
pub(super) fn told(message: &Message) -> (usize, usize) {
    let number = |at| message.part_str(at).unwrap().parse().unwrap();
    let (sender, number) = (number(0), number(1));
    assert_eq!(*message, numbered(sender, number), "it was changed");
    (sender, number)
}

/// What is there to be received, one after the other.
pub(super) fn heard(socket: &dyn AnySocket) -> impl Iterator<Item = Message> {
    std::iter::from_fn(|| match socket.try_recv() {
        Ok(message) => Some(message),
        Err(RecvError::Empty) => None,
        Err(error) => panic!("{error}"),
    })
}
