//! The hot paths: sockets connected and warmed up, then so many messages.

use std::fmt;
use std::sync::Arc;

use ferromq::{Context, Message, Pub, Pull, Push, Rep, Req, Sub};

use crate::seam::Seam;

/// How many peers get each message of a fan-out: more than a publisher writes itself.
const SUBSCRIBERS: usize = 8;

/// Bursts after which every queue and buffer has its size.
const WARM_UP: usize = 5;

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// PUSH to PULL over a stream, in bursts.
    Stream,
    /// PUSH to PULL within the process, in bursts.
    Inproc,
    /// REQ and REP over a stream, one after the other.
    RoundTrip,
    /// PUB to eight SUB over streams, in bursts; a message counts once.
    FanOut,
}

/// One hot path with messages of one size.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What budgets call it.
    pub name: &'static str,
    /// Who sends to whom.
    pub shape: Shape,
    /// Bytes in a message of one part.
    pub size: usize,
    /// Messages sent before the first of them is received.
    pub burst: usize,
    /// Messages after which counting ends: a multiple of the burst; few where they are large.
    pub messages: usize,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::new("stream-16", Shape::Stream, 16, 100),
        Self::new("stream-64", Shape::Stream, 64, 100),
        Self::new("stream-1k", Shape::Stream, 1 << 10, 100),
        Self::new("stream-16k", Shape::Stream, 16 << 10, 20),
        Self::new("stream-256k", Shape::Stream, 256 << 10, 1),
        Self::new("stream-1m", Shape::Stream, 1 << 20, 1),
        Self::new("inproc-64", Shape::Inproc, 64, 100),
        Self::new("inproc-1k", Shape::Inproc, 1 << 10, 100),
        Self::new("inproc-256k", Shape::Inproc, 256 << 10, 10),
        Self::new("round-trip-64", Shape::RoundTrip, 64, 1),
        Self::new("fan-out-64", Shape::FanOut, 64, 100),
        Self::new("fan-out-1k", Shape::FanOut, 1 << 10, 100),
    ];

    const fn new(name: &'static str, shape: Shape, size: usize, burst: usize) -> Self {
        Self {
            name,
            shape,
            size,
            burst,
            messages: if size > 16 << 10 { 20 } else { 1000 },
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name == name)
    }

    /// Connects its sockets in a world of their own, and has them send enough for every queue and
    /// buffer to have its size.
    pub fn start(self) -> Course {
        let seam = Seam::new();
        let world = seam.simulation();
        let context = Context::with_world(Arc::new(seam), 1);
        let sockets = match self.shape {
            Shape::Stream => Sockets::one_way(&context, "tcp://127.0.0.1:*"),
            Shape::Inproc => Sockets::one_way(&context, "inproc://budget"),
            Shape::RoundTrip => Sockets::round_trip(&context),
            Shape::FanOut => Sockets::fan_out(&context),
        };
        world.run_idle();
        let course = Course {
            sockets,
            payload: vec![7; self.size],
            burst: self.burst,
            messages: self.messages,
        };
        course.pass_bursts(WARM_UP);
        course
    }
}

/// A scenario under way.
pub struct Course {
    sockets: Sockets,
    payload: Vec<u8>,
    burst: usize,
    messages: usize,
}

enum Sockets {
    OneWay(Push, Pull),
    RoundTrip(Req, Rep),
    FanOut(Pub, Vec<Sub>),
}

impl Sockets {
    fn one_way(context: &Context, endpoint: &str) -> Self {
        let (push, pull) = (Push::new(context), Pull::new(context));
        let endpoint = pull.bind(endpoint).expect("the endpoint is free");
        push.connect(&endpoint).expect("the endpoint is bound");
        Self::OneWay(push, pull)
    }

    fn round_trip(context: &Context) -> Self {
        let (req, rep) = (Req::new(context), Rep::new(context));
        let endpoint = rep.bind("tcp://127.0.0.1:*").expect("a port is free");
        req.connect(&endpoint).expect("the endpoint is bound");
        Self::RoundTrip(req, rep)
    }

    fn fan_out(context: &Context) -> Self {
        let publisher = Pub::new(context);
        let endpoint = publisher.bind("tcp://127.0.0.1:*").expect("a port is free");
        let subscribers = (0..SUBSCRIBERS).map(|_| {
            let subscriber = Sub::new(context);
            subscriber.subscribe("").expect("the socket is open");
            subscriber
                .connect(&endpoint)
                .expect("the endpoint is bound");
            subscriber
        });
        Self::FanOut(publisher, subscribers.collect())
    }
}

impl Course {
    /// Sends as many messages as the scenario says, and receives them.
    pub fn run(&self) {
        self.pass_bursts(self.messages / self.burst);
    }

    fn pass_bursts(&self, bursts: usize) {
        for _ in 0..bursts {
            self.pass_burst();
        }
    }

    /// Sends one message of the application's buffer and receives it.
    pub fn pass(&self, message: Message) -> Message {
        match &self.sockets {
            Sockets::OneWay(push, pull) => {
                push.send(message).expect("a peer is there");
                pull.recv().expect("a message was sent")
            }
            _ => panic!("only one way"),
        }
    }

    fn pass_burst(&self) {
        let payload = &self.payload[..];
        match &self.sockets {
            Sockets::OneWay(push, pull) => {
                for _ in 0..self.burst {
                    push.send(payload).expect("a peer is there");
                }
                for _ in 0..self.burst {
                    check(pull.recv(), payload);
                }
            }
            Sockets::RoundTrip(req, rep) => {
                req.send(payload).expect("a peer is there");
                check(rep.recv(), payload);
                rep.send(payload).expect("a request was received");
                check(req.recv(), payload);
            }
            Sockets::FanOut(publisher, subscribers) => {
                for _ in 0..self.burst {
                    publisher.send(payload).expect("the socket is open");
                }
                for subscriber in subscribers {
                    for _ in 0..self.burst {
                        check(subscriber.recv(), payload);
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Course")
            .field("burst", &self.burst)
            .finish_non_exhaustive()
    }
}

/// What arrives is what was sent, as far as that can be seen without reading all of it.
fn check(received: Result<Message, ferromq::RecvError>, payload: &[u8]) {
    let message = received.expect("a message was sent");
    let length = message.part(0).map(|part| part.len());
    assert_eq!((message.len(), length), (1, Some(payload.len())));
}
