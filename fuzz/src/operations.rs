//! Sequences of operations: of heartbeats, of a message against a model, of sockets of all types
//! over a network that cuts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq::{
    Builder, Context, Dealer, Message, OnPeerLost, Pair, Part, Pull, Push, Rep, Req, Router, Sub,
    Xpub,
};
use ferromq_testkit::SimWorld;
use ferromq_wire::{Beat, Heartbeat, HeartbeatConfig, V2_0, V3_0, V3_1, Writing};

use crate::Input;
use crate::connection::assert_balanced;

/// Whatever happens on a connection, its heartbeats say what is due and when to look again.
pub(crate) fn heartbeat(data: &[u8]) {
    let mut input = Input::new(data);
    let time = |input: &mut Input<'_>| Duration::from_millis(input.number() as u64);
    let setting = |input: &mut Input<'_>| match time(input) {
        // The longest one is for ever.
        most if most.as_millis() == 0xFFFF => Duration::MAX,
        other => other,
    };
    let config = HeartbeatConfig {
        interval: setting(&mut input),
        timeout: (input.byte() % 2 == 1).then(|| setting(&mut input)),
        ttl: setting(&mut input).saturating_mul(100),
    };
    let mut now = Instant::now();
    let mut heartbeat = Heartbeat::new(config, input.one_of(&[V3_1, V3_0, V2_0]), now);
    let mut taken = 0;
    while !input.is_empty() {
        match input.byte() % 8 {
            0 => now += time(&mut input),
            1 => heartbeat.handle_traffic(),
            2 => {
                let ttl = setting(&mut input).saturating_mul(100);
                heartbeat.handle_ping(ttl, now);
            }
            3 => heartbeat.handle_pong(),
            4 => drop(heartbeat.handle_deaf(now)),
            5 => heartbeat.handle_hearing(),
            6 => heartbeat.handle_unsaid(taken),
            _ => {
                taken += u64::from(input.byte());
                let flags = input.byte();
                let writing = Writing {
                    taken,
                    waits: flags & 1 != 0,
                };
                let beat = heartbeat.poll(flags & 2 != 0, writing, now);
                if beat == Beat::Rest
                    && let Some(deadline) = heartbeat.deadline()
                {
                    assert!(deadline > now, "it is to be looked again at once");
                }
            }
        }
    }
}

/// A message is what its parts are, whatever is done to it.
pub(crate) fn message(data: &[u8]) {
    let mut input = Input::new(data);
    let (mut message, mut model) = (Message::new(), VecDeque::<Vec<u8>>::new());
    while !input.is_empty() {
        let action = input.byte();
        let length = usize::from(input.byte());
        match action % 12 {
            0 => {
                let bytes = input.bytes(length);
                message.push_back(bytes);
                model.push_back(bytes.to_vec());
            }
            1 => {
                let bytes = input.bytes(length);
                message.push_front(Part::from(bytes.to_vec()));
                model.push_front(bytes.to_vec());
            }
            2 => assert_eq!(
                message.pop_front().map(|part| part.to_vec()),
                model.pop_front()
            ),
            3 => assert_eq!(
                message.pop_back().map(|part| part.to_vec()),
                model.pop_back()
            ),
            4 => {
                message.push_delimiter();
                model.push_front(Vec::new());
            }
            5 => {
                let at = model.iter().position(Vec::is_empty);
                let envelope = message.split_envelope();
                assert_eq!(envelope.as_ref().map(Vec::len), at.map(|at| at + 1));
                if let Some(at) = at {
                    model.drain(..=at);
                }
            }
            6 => message = message.clone(),
            7 => message = message.into_parts().into_iter().collect(),
            9 => message = message.into_iter().map(Part::into_bytes).collect(),
            10 => {
                message = message.into_iter().rev().collect();
                model = model.into_iter().rev().collect();
            }
            11 => {
                let text = String::from_utf8_lossy(input.bytes(length)).into_owned();
                model.push_back(text.clone().into_bytes());
                message.push_back(text);
            }
            _ => {
                let part = message.part(length).map(Part::as_bytes);
                assert_eq!(part, model.get(length).map(Vec::as_slice));
                let text = message.part_str(length).ok();
                let same = model.get(length).and_then(|part| str::from_utf8(part).ok());
                assert_eq!(text, same);
            }
        }
        assert_eq!(message.len(), model.len());
        assert_eq!(message.size(), model.iter().map(Vec::len).sum::<usize>());
        assert!(
            (&message)
                .into_iter()
                .map(Part::as_bytes)
                .eq(model.iter().map(Vec::as_slice))
        );
        // A log line of it is short, however long it is: 32 bytes of each part, and its length.
        let shown = format!("{message:?}");
        assert!(shown.len() <= 2 + 200 * model.len(), "{shown}");
    }
}

/// Endpoints that sockets share.
const ENDPOINTS: [&str; 4] = [
    "tcp://127.0.0.1:5555",
    "tcp://127.0.0.1:5556",
    "ipc:///tmp/fuzz",
    "inproc://fuzz",
];

/// Sockets that are made, bound, connected, used, cut and closed in any order: none of it panics or
/// hangs, and every message is accounted for.
pub(crate) fn sockets(data: &[u8]) {
    let mut input = Input::new(data);
    let world = SimWorld::new(u64::from(input.byte()));
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let mut all: Vec<Any> = Vec::new();
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        let (action, which) = (input.byte(), usize::from(input.byte()));
        let endpoint = ENDPOINTS[which % ENDPOINTS.len()];
        match action % 12 {
            0 if all.len() < 6 => all.push(Any::new(&context, which)),
            1 if !all.is_empty() => {
                let closed = all.swap_remove(which % all.len());
                closed.close();
            }
            2 => {
                let links = world.links();
                if let Some(link) = links.get(which) {
                    world.cut(*link);
                }
            }
            3 => world.advance(Duration::from_millis(which as u64)),
            _ => {}
        }
        let count = all.len().max(1);
        let Some(socket) = all.get(usize::from(input.byte()) % count) else {
            continue;
        };
        match action % 12 {
            4 => socket.bind(endpoint),
            5 => socket.connect(endpoint),
            6 => socket.unbind(endpoint),
            7 => socket.disconnect(endpoint),
            8 | 9 => socket.send(which),
            10 => socket.receive(),
            _ => socket.poke(which),
        }
    }
    for socket in &all {
        socket.assert_balanced();
    }
    drop((all, context));
    // The answer to who looks up a name holds the world: it has to come before both can go.
    world.advance(Duration::from_secs(1));
}

/// A socket of any of these types.
enum Any {
    Push(Push),
    Pull(Pull),
    Req(Req),
    Rep(Rep),
    Dealer(Dealer),
    Router(Router),
    Xpub(Xpub),
    Sub(Sub),
    Pair(Pair),
}

/// Does the same with a socket of whatever type.
macro_rules! each {
    ($any:expr, $socket:ident => $do:expr) => {
        match $any {
            Any::Push($socket) => $do,
            Any::Pull($socket) => $do,
            Any::Req($socket) => $do,
            Any::Rep($socket) => $do,
            Any::Dealer($socket) => $do,
            Any::Router($socket) => $do,
            Any::Xpub($socket) => $do,
            Any::Sub($socket) => $do,
            Any::Pair($socket) => $do,
        }
    };
}

impl Any {
    fn new(context: &Context, number: usize) -> Self {
        let then = [
            OnPeerLost::Requeue,
            OnPeerLost::Keep,
            OnPeerLost::Return,
            OnPeerLost::Drop,
        ][number / 16 % 4];
        let dealer = || Builder::<Dealer>::default().on_peer_lost(then);
        let push = || Builder::<Push>::default().on_peer_lost(then);
        match number % 9 {
            0 => Self::Push(made(push(), context)),
            1 => Self::Pull(made(Builder::default(), context)),
            2 => Self::Req(made(Builder::default(), context)),
            3 => Self::Rep(made(Builder::default(), context)),
            4 => Self::Dealer(made(dealer(), context)),
            5 => Self::Router(made(Builder::default(), context)),
            6 => Self::Xpub(made(Builder::default(), context)),
            7 => Self::Sub(made(Builder::default(), context)),
            _ => Self::Pair(made(Builder::default(), context)),
        }
    }

    // What is refused is an error, which any sequence may have.

    fn bind(&self, endpoint: &str) {
        each!(self, socket => drop(socket.bind(endpoint)));
    }

    fn connect(&self, endpoint: &str) {
        each!(self, socket => drop(socket.connect(endpoint)));
    }

    fn unbind(&self, endpoint: &str) {
        each!(self, socket => drop(socket.unbind(endpoint)));
    }

    fn disconnect(&self, endpoint: &str) {
        each!(self, socket => drop(socket.disconnect(endpoint)));
    }

    fn close(&self) {
        each!(self, socket => drop(socket.close()));
        self.assert_balanced();
    }

    fn assert_balanced(&self) {
        each!(self, socket => assert_balanced(socket));
    }

    fn send(&self, size: usize) {
        let message = Message::from(vec![7; size * size]);
        match self {
            Self::Push(socket) => drop(socket.try_send(message)),
            Self::Req(socket) => drop(socket.try_send(message)),
            Self::Rep(socket) => drop(socket.try_send(message)),
            Self::Dealer(socket) => drop(socket.try_send(message)),
            Self::Router(socket) => drop(socket.try_send(message)),
            Self::Xpub(socket) => drop(socket.try_send(message)),
            Self::Pair(socket) => drop(socket.try_send(message)),
            Self::Pull(_) | Self::Sub(_) => {}
        }
    }

    fn receive(&self) {
        match self {
            Self::Pull(socket) => drop(socket.try_recv()),
            Self::Req(socket) => drop(socket.try_recv()),
            Self::Rep(socket) => drop(socket.try_recv()),
            Self::Dealer(socket) => drop(socket.try_recv()),
            Self::Router(socket) => {
                if let Ok(message) = socket.try_recv() {
                    drop(socket.try_send(message));
                }
            }
            Self::Xpub(socket) => drop(socket.try_recv()),
            Self::Sub(socket) => drop(socket.try_recv()),
            Self::Pair(socket) => drop(socket.try_recv()),
            Self::Push(_) => {}
        }
    }

    /// What this type alone can do.
    fn poke(&self, number: usize) {
        let topic = [(number % 3) as u8];
        match self {
            Self::Sub(socket) if number < 128 => drop(socket.subscribe(topic)),
            Self::Sub(socket) => drop(socket.unsubscribe(topic)),
            Self::Push(socket) => drop(socket.take_returned()),
            Self::Dealer(socket) => drop(socket.take_returned()),
            _ => each!(self, socket => drop(socket.peers())),
        }
    }
}

fn made<S: ferromq_core::BuildableSocket>(builder: Builder<S>, context: &Context) -> S {
    let builder = builder.send_high_water_mark(2).receive_high_water_mark(2);
    match builder.linger(Duration::from_millis(100)).build(context) {
        Ok(socket) => socket,
        Err(error) => panic!("{error}"),
    }
}
