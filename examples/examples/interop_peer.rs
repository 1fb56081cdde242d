//! The test peer of `cargo xtask interop`; `xtask/py/interop_peer.py` is its twin on pyzmq and says
//! what each mode does.

use std::collections::HashSet;
use std::error::Error;
use std::io::{BufRead, stdin};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{
    Context, Dealer, Message, Pair, Part, Pub, Pull, Push, RecvError, Refused, Rep, Req, Router,
    SendError, SendErrorKind, Stats, Sub, Xpub, Xsub,
};
use ferromq_examples::Arguments;

const USAGE: &str = "interop_peer TYPE bind|connect MODE COUNT SEED ENDPOINT…";
const PROBE: &[u8] = b"probe";
const TOPICS: usize = 10_000;
const WINDOW: usize = 20;
const SIZES: [usize; 4] = [0, 1, 255, 256];
const LARGE: usize = 1 << 20;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let mut arguments = Arguments::new(USAGE);
    let (kind, side): (String, String) = (arguments.take(), arguments.take());
    let mode: String = arguments.take();
    let (count, seed): (usize, u64) = (arguments.take(), arguments.take());
    let endpoints = arguments.take_rest();

    let context = Context::new();
    let peer = open(&context, &kind, seed)?;
    if kind == "sub" {
        let topics = if mode == "live" {
            (0..TOPICS).map(topic).collect()
        } else {
            vec![vec![]]
        };
        topics
            .iter()
            .try_for_each(|topic| (peer.subscribe)(topic))?;
    }
    for endpoint in &endpoints {
        (peer.open)(side == "bind", endpoint)?;
    }
    if kind == "xsub" {
        peer.send([1_u8])?;
    }
    peer.run(&mode, count, seed)
}

/// A socket of any type.
struct Peer {
    open: Open,
    send: Send,
    recv: Recv,
    stats: Box<dyn Fn() -> Stats>,
    subscribe: Subscribe,
}

/// Binds (true) or connects.
type Open = Box<dyn Fn(bool, &str) -> Outcome>;
type Send = Box<dyn Fn(Message) -> Result<(), SendError>>;
type Recv = Box<dyn Fn() -> Result<Message, RecvError>>;
type Subscribe = Box<dyn Fn(&[u8]) -> Outcome>;

/// The operations of a socket as a [`Peer`]; those that its type does not have are not asked for.
macro_rules! peer {
    ($socket:expr, $($has:ident),*) => {{
        let socket = Arc::new($socket);
        let (opened, counted) = (Arc::clone(&socket), Arc::clone(&socket));
        let mut peer = Peer {
            open: Box::new(move |binds, endpoint| {
                if binds {
                    opened.bind(endpoint)?;
                } else {
                    opened.connect(endpoint)?;
                }
                Ok(())
            }),
            send: Box::new(|_| unreachable!("this type does not send")),
            recv: Box::new(|| unreachable!("this type does not receive")),
            stats: Box::new(move || counted.stats()),
            subscribe: Box::new(|_| unreachable!("this type does not subscribe")),
        };
        $(peer!(@$has peer, socket);)*
        peer
    }};
    (@send $peer:ident, $socket:ident) => {
        let socket = Arc::clone(&$socket);
        $peer.send = Box::new(move |message| socket.send(message));
    };
    (@recv $peer:ident, $socket:ident) => {
        let socket = Arc::clone(&$socket);
        $peer.recv = Box::new(move || socket.recv());
    };
    (@subscribe $peer:ident, $socket:ident) => {
        let socket = Arc::clone(&$socket);
        $peer.subscribe = Box::new(move |topic| Ok(socket.subscribe(topic)?));
    };
}

fn open(context: &Context, kind: &str, seed: u64) -> Outcome<Peer> {
    Ok(match kind {
        "req" => peer!(Req::new(context), send, recv),
        "rep" => peer!(Rep::new(context), send, recv),
        "dealer" => peer!(Dealer::new(context), send, recv),
        "router" => {
            let builder = Router::builder().routing_id(format!("router{seed}"));
            peer!(builder.build(context)?, send, recv)
        }
        "pub" => peer!(Pub::new(context), send),
        "sub" => peer!(Sub::new(context), recv, subscribe),
        "xpub" => peer!(Xpub::new(context), send, recv),
        "xsub" => peer!(Xsub::new(context), send, recv),
        "push" => peer!(Push::new(context), send),
        "pull" => peer!(Pull::new(context), recv),
        "pair" => peer!(Pair::new(context), send, recv),
        _ => return Err(format!("no socket type is named {kind}").into()),
    })
}

impl Peer {
    fn run(&self, mode: &str, count: usize, seed: u64) -> Outcome {
        let (mode, envelope) = mode.split_once(':').unwrap_or((mode, "0"));
        match mode {
            "send" => self.send_content(count, seed),
            "ask" => self.ask(count, seed),
            "exchange" => self.exchange(count, seed, false),
            "exchange+" => self.exchange(count, seed, true),
            "route" => self.route(count, seed),
            "tick" => self.tick(false),
            "tick+" => self.tick(true),
            "flow" => self.flow(),
            "topics" => self.topics(),
            "burst" => self.burst(count, seed),
            "once" => self.send(seed.to_string()),
            "leave" => self.leave(seed),
            "recv" => self.receive(|parts| format!("r {}", digest(parts))),
            "echo" => self.echo(envelope.parse()?),
            "watch" => self.receive(|parts| first_word(&parts[0])),
            "live" => self.live(),
            "answers" => self.answers(),
            _ => Err(format!("no mode is named {mode}").into()),
        }
    }

    fn send(&self, message: impl Into<Message>) -> Outcome {
        Ok((self.send)(message.into())?)
    }

    fn recv(&self) -> Outcome<Vec<Part>> {
        Ok((self.recv)()?.into_parts())
    }

    fn probe_until_told(&self, seed: u64) -> Outcome {
        let lines = input_lines();
        while let Err(TryRecvError::Empty) = lines.try_recv() {
            self.send([PROBE, seed.to_string().as_bytes()])?;
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn send_content(&self, count: usize, seed: u64) -> Outcome {
        let mut content = Content::new(seed);
        self.probe_until_told(seed)?;
        for _ in 0..count {
            let parts = content.message();
            let digest = digest(&parts);
            self.send(parts)?;
            println!("s {digest}");
        }
        Ok(())
    }

    fn ask(&self, count: usize, seed: u64) -> Outcome {
        let mut content = Content::new(seed);
        for _ in 0..count {
            let parts = content.message();
            println!("s {}", digest(&parts));
            self.send(parts)?;
            println!("r {}", digest(&self.recv()?));
        }
        Ok(())
    }

    fn exchange(&self, count: usize, seed: u64, has_delimiter: bool) -> Outcome {
        let mut content = Content::new(seed);
        let envelope = usize::from(has_delimiter);
        for number in 0..count + WINDOW {
            if number < count {
                let mut parts = content.message();
                println!("s {}", digest(&parts));
                if has_delimiter {
                    parts.insert(0, Part::from(""));
                }
                self.send(parts)?;
            }
            if number >= WINDOW {
                let reply = self.recv()?;
                assert!(!has_delimiter || reply[0].is_empty(), "no delimiter");
                println!("r {}", digest(&reply[envelope..]));
            }
        }
        Ok(())
    }

    fn route(&self, count: usize, seed: u64) -> Outcome {
        let mut content = Content::new(seed);
        for number in 0..count + WINDOW {
            if number < count {
                let mut parts = content.message();
                println!("s {}", digest(&parts));
                parts.insert(0, Part::from(format!("router{}", number % 3 + 1)));
                self.send_when_known(parts.into())?;
            }
            if number >= WINDOW {
                println!("r {}", digest(&self.recv()?[1..]));
            }
        }
        Ok(())
    }

    /// A ROUTER refuses messages to peers that are not there yet.
    fn send_when_known(&self, mut message: Message) -> Outcome {
        while let Err(error) = (self.send)(message) {
            if error.kind != SendErrorKind::Refused(Refused::NoRoute) {
                return Err(error.into());
            }
            message = error.message;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn tick(&self, has_delimiter: bool) -> Outcome {
        for line in input_lines() {
            let delimiter = has_delimiter.then(|| Part::from(""));
            self.send(
                delimiter
                    .into_iter()
                    .chain([line.into()])
                    .collect::<Message>(),
            )?;
            let reply = self.recv()?;
            println!("{}", first_word(&reply[reply.len() - 1]));
        }
        Ok(())
    }

    fn flow(&self) -> Outcome {
        let process = process::id();
        for number in 0_u64.. {
            self.send(format!("{process}.{number}"))?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn topics(&self) -> Outcome {
        let process = process::id();
        for round in 0_u64.. {
            for number in 0..TOPICS {
                self.send([topic(number), format!("{process}.{round}").into_bytes()])?;
                if number % 250 == 0 {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn live(&self) -> Outcome {
        let mut round = Part::default();
        let mut seen = HashSet::new();
        loop {
            let [topic, number] = self.recv()?.try_into().map_err(|_| "not two parts")?;
            if number != round {
                round = number;
                seen.clear();
            }
            seen.insert(topic);
            if seen.len() == TOPICS {
                println!("all {}", first_word(&round));
            }
        }
    }

    fn burst(&self, count: usize, seed: u64) -> Outcome {
        self.probe_until_told(seed)?;
        for number in 0..count {
            let mut text = format!("{number} ").into_bytes();
            text.resize(text.len() + 1000, 0);
            self.send(text)?;
        }
        let end = Instant::now() + Duration::from_secs(20);
        while (self.stats)().queued > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        let stats = (self.stats)();
        let dropped = stats.dropped_in_all();
        println!(
            "stats {} {} {} {dropped}",
            stats.accepted, stats.handed_over, stats.queued
        );
        Ok(())
    }

    fn leave(&self, seed: u64) -> Outcome {
        self.send("hello")?;
        self.recv()?;
        let large = Content::new(seed).bytes[..LARGE].to_vec();
        self.send([seed.to_string().into_bytes(), large])
    }

    fn answers(&self) -> Outcome {
        loop {
            let parts = self.recv()?;
            if let [who, _hello] = &parts[..] {
                for _ in 0..20 {
                    self.send([who.clone(), Part::from(vec![0; 1000])])?;
                }
            } else {
                println!("{} {}", first_word(&parts[1]), digest(&parts[2..]));
            }
        }
    }

    /// Prints every message but probes, and the first probe of each sender.
    fn receive(&self, print: fn(&[Part]) -> String) -> Outcome {
        let mut known = HashSet::new();
        loop {
            let parts = self.recv()?;
            if parts[0] != *PROBE {
                println!("{}", print(&parts));
            } else if known.insert(parts[1].clone()) {
                println!("ready {}", first_word(&parts[1]));
            }
        }
    }

    fn echo(&self, envelope: usize) -> Outcome {
        loop {
            let parts = self.recv()?;
            println!("r {}", digest(&parts[envelope..]));
            self.send(parts)?;
        }
    }
}

/// The lines of our input, as they come.
fn input_lines() -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut lines = stdin().lock().lines().map_while(Result::ok);
        // An error: nobody wants the lines any more.
        let _ = lines.try_for_each(|line| sender.send(line));
    });
    lines
}

fn topic(number: usize) -> Vec<u8> {
    format!("t{number:05}").into_bytes()
}

fn first_word(part: &[u8]) -> String {
    let word = part.split(|&byte| byte == b' ').next().unwrap_or_default();
    String::from_utf8_lossy(word).into_owned()
}

/// `length:crc32` of each part.
fn digest(parts: &[Part]) -> String {
    let digests: Vec<String> = parts
        .iter()
        .map(|part| format!("{}:{:08x}", part.len(), crc32(part)))
        .collect();
    digests.join(",")
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        sum >> 8 ^ CRC_TABLE[((sum ^ u32::from(byte)) & 0xff) as usize]
    })
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 {
                sum >> 1 ^ 0xedb8_8320
            } else {
                sum >> 1
            };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

/// Random numbers by xorshift, the same in both twins.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1) | 1)
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Messages of one to three parts of 0, 1, 255, 256, 64 Ki and 1 Mi bytes.
struct Content {
    bytes: Vec<u8>,
    dice: Dice,
}

impl Content {
    fn new(seed: u64) -> Self {
        let mut fill = Dice::new(1);
        let bytes = (0..(LARGE + 4096) / 8)
            .flat_map(|_| fill.roll().to_le_bytes())
            .collect();
        Self {
            bytes,
            dice: Dice::new(seed),
        }
    }

    fn message(&mut self) -> Vec<Part> {
        (0..=self.dice.roll() % 3).map(|_| self.part()).collect()
    }

    fn part(&mut self) -> Part {
        let pick = self.dice.roll() % 64;
        let size = match pick {
            0 => LARGE,
            1..5 => 1 << 16,
            _ => SIZES[(pick % 4) as usize],
        };
        let start = (self.dice.roll() % 4096) as usize;
        Part::from(&self.bytes[start..start + size])
    }
}
