//! Where a case of the wire suites runs: what is under test, and how a raw peer reaches it.
//!
//! | stage          | under test                                                    |
//! |----------------|---------------------------------------------------------------|
//! | memory         | the sans-I/O connection                                       |
//! | sim            | a whole socket over a simulated network that cuts everywhere  |
//! | tcp, ipc       | a whole socket over the system's network                      |
//! | `--against`    | somebody else's socket                                        |
//!
//! All but the first and the last have two sides: our socket is bound, or dials.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    Context, Denial, Endpoint, Event, Events, Message, Part, Reason, RecvError, SocketType, User,
    Violation,
};
use ferromq_testkit::{MockPeer, SimWorld, frames};
use ferromq_wire::{Command, HandshakeConfig, Incoming, Limits};
use parking_lot::Mutex;

use super::machine::{Machine, MachineWire};
use crate::case::skip;
use crate::options::Foreign;
use crate::socket::{self, AnySocket, Settings, WAIT};
use crate::vacancy::{self, Vacancy};

/// One stage.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(super) carrier: Carrier,
    pub(super) side: Side,
}

/// Over what a raw peer talks to what is under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    Memory,
    Sim,
    Tcp,
    Ipc,
    Foreign(Foreign),
}

/// What our socket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Bound,
    Dialed,
}

impl Stage {
    /// All that have our own side under test.
    pub(super) fn own() -> Vec<Self> {
        let sockets = [Carrier::Sim, Carrier::Tcp, Carrier::Ipc];
        let with_sides = sockets.into_iter().flat_map(|carrier| {
            [Side::Bound, Side::Dialed].map(|side| Self {
                carrier: carrier.clone(),
                side,
            })
        });
        let memory = Self {
            carrier: Carrier::Memory,
            side: Side::Bound,
        };
        [memory].into_iter().chain(with_sides).collect()
    }

    /// That of a foreign socket.
    pub(super) fn foreign(foreign: &Foreign) -> Self {
        Self {
            carrier: Carrier::Foreign(foreign.clone()),
            side: Side::Bound,
        }
    }

    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.carrier, Carrier::Foreign(_))
    }

    /// Time is simulated: that something does not come can be waited for.
    pub(super) fn is_simulated(&self) -> bool {
        self.carrier == Carrier::Sim
    }

    /// There is no socket, only the sans-I/O connection.
    pub(super) fn is_memory(&self) -> bool {
        self.carrier == Carrier::Memory
    }

    /// Both sides may wait at the same time.
    pub(super) fn has_threads(&self) -> bool {
        matches!(self.carrier, Carrier::Tcp | Carrier::Ipc)
    }

    /// A socket of ours dials.
    pub(super) fn is_dialed(&self) -> bool {
        self.side == Side::Dialed
    }

    pub(super) fn transport(&self) -> &'static str {
        match &self.carrier {
            Carrier::Memory => "memory",
            Carrier::Sim => "sim",
            Carrier::Tcp => "tcp",
            Carrier::Ipc => "ipc",
            Carrier::Foreign(foreign) if foreign.endpoint.starts_with("ipc") => "ipc",
            Carrier::Foreign(_) => "tcp",
        }
    }

    /// What is under test, of whatever type it is; ours is a DEALER.
    pub(super) fn any(&self) -> Subject {
        match &self.carrier {
            Carrier::Foreign(foreign) => self.socket(foreign.socket_type),
            _ => self.socket(SocketType::Dealer),
        }
    }

    /// What is under test, of this type.
    pub(super) fn socket(&self, socket_type: SocketType) -> Subject {
        self.socket_with(socket_type, Settings::default())
    }

    /// What is under test, of this type: ours, for a foreign one cannot be looked into.
    pub(super) fn own_socket(&self, socket_type: SocketType) -> Subject {
        match self.carrier {
            Carrier::Foreign(_) => skip("what a foreign socket delivers cannot be seen"),
            _ => self.socket(socket_type),
        }
    }

    /// What is under test, of this type and made like this.
    pub(super) fn socket_with(&self, socket_type: SocketType, settings: Settings) -> Subject {
        let inner = match &self.carrier {
            Carrier::Foreign(foreign) if foreign.socket_type != socket_type => {
                skip("it is about another socket type")
            }
            Carrier::Foreign(_) if !settings.is_default() => {
                skip("a foreign socket cannot be set up")
            }
            Carrier::Foreign(foreign) => Inner::Foreign(foreign.clone()),
            Carrier::Memory => Inner::Memory {
                config: config(socket_type, &settings),
                current: Mutex::default(),
            },
            _ => Inner::Live(Live::new(self, socket_type, &settings)),
        };
        Subject { socket_type, inner }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = self.transport();
        match (&self.carrier, self.side) {
            (Carrier::Memory, _) => f.write_str(transport),
            (Carrier::Foreign(foreign), _) => f.write_str(&foreign.endpoint),
            (_, Side::Bound) => write!(f, "{transport}, bound"),
            (_, Side::Dialed) => write!(f, "{transport}, dialed"),
        }
    }
}

fn config(socket_type: SocketType, settings: &Settings) -> HandshakeConfig {
    let announces = matches!(
        socket_type,
        SocketType::Req | SocketType::Dealer | SocketType::Router
    );
    let mut limits = Limits {
        max_message_size: settings.max_message_size,
        ..Limits::default()
    };
    limits.max_parts = settings.max_parts.unwrap_or(limits.max_parts);
    let announced = |(name, value): &(&str, &[u8])| (String::from(*name), Part::from(*value));
    HandshakeConfig {
        metadata: settings.metadata.iter().map(announced).collect(),
        routing_id: announces.then(|| settings.routing_id.clone().unwrap_or_default()),
        limits,
        minimum: settings.min_zmtp,
        ..HandshakeConfig::new(socket_type)
    }
}

/// What is under test, and what it shows of itself to who owns it.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) socket_type: SocketType,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Memory {
        config: HandshakeConfig,
        /// Of the last connection.
        current: Mutex<Option<Arc<Mutex<Machine>>>>,
    },
    Live(Live),
    Foreign(Foreign),
}

/// Connections of raw peers.
impl Subject {
    /// A raw peer with a new connection; nothing has been said.
    #[track_caller]
    pub(super) fn dial(&self) -> MockPeer {
        match &self.inner {
            Inner::Memory { config, current } => {
                let machine = Arc::new(Mutex::new(Machine::new(config.clone())));
                *current.lock() = Some(Arc::clone(&machine));
                MockPeer::over(MachineWire(machine))
            }
            Inner::Live(live) => live.dial(),
            Inner::Foreign(foreign) => vacancy::dial(&foreign.endpoint),
        }
    }

    /// A raw peer of a legal type and this version, after the handshake.
    #[track_caller]
    pub(super) fn meet(&self, version: (u8, u8)) -> MockPeer {
        let mut peer = self.dial();
        peer.send(frames::greeting_with(version, "NULL", false));
        peer.send(frames::ready(self.partner().as_str()));
        peer.next_greeting();
        peer.expect_ready(self.socket_type.as_str());
        self.expect_established();
        peer
    }

    /// A type that may be connected with this one.
    pub(super) fn partner(&self) -> SocketType {
        let ours = self.socket_type;
        let mut legal = SocketType::ALL
            .into_iter()
            .filter(|other| ours.accepts(*other));
        legal.next().expect("every type has a partner")
    }
}

/// What is seen from its owner's side; of a foreign socket nothing is.
impl Subject {
    /// The connection of the handshake that is going on is established.
    #[track_caller]
    pub(super) fn expect_established(&self) {
        match &self.inner {
            Inner::Memory { .. } => assert!(self.machine(|machine| machine.is_live())),
            Inner::Live(live) => live.expect_established(),
            Inner::Foreign(_) => {}
        }
    }

    /// The peer is refused in its handshake, for exactly this; gives what it was told.
    #[track_caller]
    pub(super) fn expect_refused(&self, peer: &mut MockPeer, violation: Violation) -> Vec<u8> {
        match &self.inner {
            Inner::Memory { .. } => {
                assert_eq!(self.machine(|machine| machine.ended()), Some(violation));
                assert!(
                    !self.machine(|machine| machine.is_live()),
                    "in the handshake"
                );
            }
            Inner::Live(live) => live.expect_refused(violation),
            Inner::Foreign(_) => {}
        }
        peer.drain_to_end()
    }

    /// The peer is refused in its handshake, for exactly this. Of a foreign socket, which may be
    /// more patient, no more is asked than that it serves others.
    #[track_caller]
    pub(super) fn expect_turned_away(&self, peer: &mut MockPeer, violation: Violation) {
        match self.inner {
            Inner::Foreign(_) => drop(self.meet((3, 1))),
            _ => drop(self.expect_refused(peer, violation)),
        }
    }

    /// The peer's connection is ended after its handshake, for exactly this. Of a foreign socket no
    /// more is asked than that it serves others.
    #[track_caller]
    pub(super) fn expect_ended(&self, peer: &mut MockPeer, violation: Violation) {
        match &self.inner {
            Inner::Memory { .. } => {
                assert_eq!(self.machine(|machine| machine.ended()), Some(violation));
                assert!(
                    self.machine(|machine| machine.is_live()),
                    "after the handshake"
                );
            }
            Inner::Live(live) => live.expect_ended(violation),
            Inner::Foreign(_) => return drop(self.meet((3, 1))),
        }
        peer.drain_to_end();
    }

    /// The same of a socket of ours, which tells the peer nothing.
    #[track_caller]
    pub(super) fn expect_ended_silently(&self, peer: &mut MockPeer, violation: Violation) {
        self.own().expect_ended(violation);
        assert_eq!(peer.drain_to_end(), b"");
    }

    /// The peer of the handshake that is going on is established; who that is, if anybody said so.
    #[track_caller]
    pub(super) fn expect_user(&self) -> Option<User> {
        match self.own().end_of_handshake() {
            Event::HandshakeSucceeded { peer, .. } => peer.user.clone(),
            other => panic!("expected to be established: {other:?}"),
        }
    }

    /// The peer of the handshake that is going on is denied.
    #[track_caller]
    pub(super) fn expect_denied(&self, denial: Denial) {
        match self.own().end_of_handshake() {
            Event::HandshakeFailed { reason, .. } => assert_eq!(reason, Reason::Denied(denial)),
            other => panic!("expected to be denied: {other:?}"),
        }
    }

    /// Another socket in the same context.
    pub(super) fn beside(&self, socket_type: SocketType) -> Box<dyn AnySocket> {
        socket::make(socket_type, &self.own().context, &Settings::default())
    }

    #[track_caller]
    fn own(&self) -> &Live {
        match &self.inner {
            Inner::Live(live) => live,
            _ => panic!("there is no socket of ours"),
        }
    }

    /// The connection goes on: a PING is answered. (A PONG comes from the engine, which is not
    /// there in memory.)
    #[track_caller]
    pub(super) fn expect_alive(&self, peer: &mut MockPeer) {
        match self.inner {
            Inner::Memory { .. } => assert_eq!(self.machine(|machine| machine.ended()), None),
            _ => {
                peer.send(frames::ping(0, "alive?"));
                peer.expect(frames::pong("alive?"));
            }
        }
    }

    /// Exactly this message is delivered next.
    #[track_caller]
    pub(super) fn expect_message(&self, expected: &Message) {
        let got = match &self.inner {
            Inner::Memory { .. } => {
                let delivered = self.machine(Machine::take_delivered);
                let [Incoming::Message(message)] = &delivered[..] else {
                    panic!("expected {expected:?}, got {delivered:?}");
                };
                message.clone()
            }
            Inner::Live(live) => live.socket.recv(),
            Inner::Foreign(_) => return,
        };
        assert_eq!(got, *expected);
    }

    /// Nothing has been delivered.
    #[track_caller]
    pub(super) fn expect_nothing(&self) {
        match &self.inner {
            Inner::Memory { .. } => assert_eq!(self.machine(Machine::take_delivered), []),
            Inner::Live(live) => assert_eq!(live.socket.try_recv(), Err(RecvError::Empty)),
            Inner::Foreign(_) => {}
        }
    }

    /// Sends a message to the peer.
    #[track_caller]
    pub(super) fn send(&self, message: impl Into<Message>) {
        match &self.inner {
            Inner::Memory { .. } => self.machine(|machine| machine.send(&message.into())),
            Inner::Live(live) => live.socket.send(message.into()),
            Inner::Foreign(_) => skip("a foreign socket cannot be made to send"),
        }
    }

    /// Subscribes, or takes a subscription back (SUB, XSUB).
    #[track_caller]
    pub(super) fn request(&self, command: Command) {
        match &self.inner {
            Inner::Memory { .. } => self.machine(|machine| machine.command(&command)),
            Inner::Live(live) => live.socket.request(&command),
            Inner::Foreign(_) => skip("a foreign socket cannot be made to subscribe"),
        }
    }

    /// What was delivered since this was last asked, commands too: in memory only.
    pub(super) fn delivered(&self) -> Option<Vec<Incoming>> {
        match self.inner {
            Inner::Memory { .. } => Some(self.machine(Machine::take_delivered)),
            _ => None,
        }
    }

    /// A place where nobody listens yet, for a socket that dials.
    pub(super) fn vacancy(&self) -> Vacancy {
        match &self.inner {
            Inner::Live(live) => live.vacancy(),
            _ => panic!("only a whole socket dials"),
        }
    }

    /// Connects to a place.
    pub(super) fn connect(&self, place: &Vacancy) {
        match &self.inner {
            Inner::Live(live) => live.socket.connect(&place.endpoint()),
            _ => panic!("only a whole socket dials"),
        }
    }

    /// How far virtual time has come.
    pub(super) fn elapsed(&self) -> Duration {
        match &self.inner {
            Inner::Live(Live {
                world: Some(world), ..
            }) => world.elapsed(),
            _ => panic!("time is not simulated"),
        }
    }

    /// The socket, where there is one of ours.
    pub(super) fn live(&self) -> Option<&dyn AnySocket> {
        match &self.inner {
            Inner::Live(live) => Some(&*live.socket),
            _ => None,
        }
    }

    #[track_caller]
    fn machine<T>(&self, call: impl FnOnce(&mut Machine) -> T) -> T {
        let Inner::Memory { current, .. } = &self.inner else {
            panic!("there is no machine");
        };
        let current = current.lock();
        let machine = current.as_ref().expect("a raw peer has connected");
        call(&mut machine.lock())
    }
}

/// A whole socket.
#[derive(Debug)]
struct Live {
    socket: Box<dyn AnySocket>,
    events: Events,
    /// Where it is bound; `None`: it dials.
    bound: Option<Endpoint>,
    world: Option<SimWorld>,
    carrier: Carrier,
    context: Context,
}

impl Live {
    fn new(stage: &Stage, socket_type: SocketType, settings: &Settings) -> Self {
        let world = (stage.carrier == Carrier::Sim).then(|| SimWorld::new(7));
        let context = match &world {
            Some(world) => Context::with_world(Arc::new(world.clone()), 1),
            None => Context::new(),
        };
        let socket = socket::make(socket_type, &context, settings);
        let events = socket.events();
        let bound = match (stage.side, &stage.carrier) {
            (Side::Dialed, _) => None,
            (Side::Bound, Carrier::Ipc) => Some(socket.bind("ipc://*")),
            (Side::Bound, _) => Some(socket.bind("tcp://127.0.0.1:*")),
        };
        Self {
            socket,
            events,
            bound,
            world,
            carrier: stage.carrier.clone(),
            context,
        }
    }

    #[track_caller]
    fn dial(&self) -> MockPeer {
        match (&self.bound, &self.world) {
            (Some(endpoint), Some(world)) => MockPeer::dial(world, &endpoint.to_string()),
            (Some(endpoint), None) => vacancy::dial(&endpoint.to_string()),
            (None, _) => {
                let place = self.vacancy();
                let listener = place.listen();
                self.socket.connect(&place.endpoint());
                listener.accept()
            }
        }
    }

    fn vacancy(&self) -> Vacancy {
        match (&self.world, &self.carrier) {
            (Some(world), _) => Vacancy::sim(world),
            (None, Carrier::Ipc) => Vacancy::ipc(),
            (None, _) => Vacancy::tcp(),
        }
    }

    #[track_caller]
    fn wait_for(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        match self.events.wait_for(WAIT, wanted) {
            Some(event) => event,
            None => panic!("there was no {what}"),
        }
    }

    #[track_caller]
    fn end_of_handshake(&self) -> Event {
        let decided = |event: &Event| {
            matches!(
                event,
                Event::HandshakeSucceeded { .. } | Event::HandshakeFailed { .. }
            )
        };
        self.wait_for("end of a handshake", decided)
    }

    #[track_caller]
    fn expect_established(&self) {
        match self.end_of_handshake() {
            Event::HandshakeSucceeded { .. } => {}
            other => panic!("expected to be established: {other:?}"),
        }
    }

    #[track_caller]
    fn expect_refused(&self, violation: Violation) {
        match self.end_of_handshake() {
            Event::HandshakeFailed { reason, .. } => {
                assert_eq!(reason, Reason::Violation(violation));
            }
            other => panic!("expected to be refused for {violation:?}: {other:?}"),
        }
    }

    #[track_caller]
    fn expect_ended(&self, violation: Violation) {
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        match self.wait_for("end of a connection", ended) {
            Event::Disconnected { reason, .. } => assert_eq!(reason, Reason::Violation(violation)),
            other => unreachable!("only that was waited for, not {other:?}"),
        }
    }
}
