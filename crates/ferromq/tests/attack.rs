//! An open port under attack: ten thousand connections from other processes that announce as much
//! as can be announced, trickle, or never finish; each that is closed comes again. Memory stays
//! bounded, and honest peers, those from the same address and those that come anew, are served.

#![cfg(all(target_os = "linux", feature = "reqrep", feature = "tcp"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{Context, Rep, Req};
use ferromq_testkit::frames::{self, Frames};
use ferromq_testkit::watchdog;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many connections attack.
const ATTACKERS: usize = 10_000;

/// How much memory they may cost, in KiB.
const MEMORY: u64 = 200 * 1024;

/// How many honest clients come while they do, one after the other.
const CLIENTS: usize = 20;

/// How often a client that was there before asks.
const REQUESTS: usize = 1_000;

/// For whom a process attacks.
const TARGET: &str = "FERROMQ_ATTACK";

/// What such a process says when all its connections are there.
const READY: &str = "all are there";

const WAIT: Duration = Duration::from_secs(20);

/// Descriptors that a process needs beside its connections.
const SPARE: u64 = 200;

/// Lets this process have as many descriptors as it may: how many.
fn raise_descriptors() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(1 << 20).min(1 << 20);
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    most
}

/// A line of `/proc/self/status`, in KiB.
fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn ten_thousand_hostile_connections_take_little_memory_and_keep_nobody_out() {
    watchdog::under("attack", Duration::from_secs(120), || {
        let descriptors = raise_descriptors();
        let context = Context::new();
        // A backlog that overflows has the system make attackers wait for seconds.
        let server = Rep::builder().backlog(4096).build(&context).unwrap();
        let endpoint = server.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let echo = thread::spawn(move || {
            while let Ok(request) = server.recv() {
                server.send(request).unwrap();
            }
            server.stats()
        });
        let early = Req::new(&Context::new());
        early.connect(&endpoint).unwrap();
        early.request("before").timeout(WAIT).wait().unwrap();
        let calm = p99(&early);
        let before = status("VmRSS:");
        let start = Instant::now();
        let attack = Attack::begin(&endpoint, descriptors);
        let begun = start.elapsed();
        let under_attack = p99(&early);
        let mut admitted: Vec<Duration> = (0..CLIENTS).map(|_| come(&endpoint)).collect();
        admitted.sort();
        let grown = status("VmHWM:").saturating_sub(before);
        attack.end();
        context.shutdown();
        let stats = echo.join().unwrap();
        let (median, last) = (admitted[CLIENTS / 2], admitted[CLIENTS - 1]);
        println!("begun in {begun:?}; grown {grown} KiB; p99 {calm:?}, then {under_attack:?}");
        println!("new clients served after {median:?}, the last after {last:?}");
        println!(
            "turned away {}, failed {}",
            stats.turned_away, stats.handshake_failures
        );
        assert!(grown < MEMORY, "{grown} KiB");
        // The attack was one: not all of them came in, and those that did were thrown out.
        assert!(
            stats.turned_away + stats.handshake_failures > 1000,
            "{stats:?}"
        );
    });
}

/// The slowest but one percent of a client's requests.
fn p99(client: &Req) -> Duration {
    let mut took: Vec<Duration> = (0..REQUESTS)
        .map(|_| {
            let start = Instant::now();
            client.request("again").timeout(WAIT).wait().unwrap();
            start.elapsed()
        })
        .collect();
    took.sort();
    took[REQUESTS * 99 / 100]
}

/// An honest client that nobody knows yet: how long it takes to be served.
fn come(endpoint: &str) -> Duration {
    let start = Instant::now();
    let client = Req::new(&Context::new());
    client.connect(endpoint).unwrap();
    client.request("honest").timeout(WAIT).wait().unwrap();
    start.elapsed()
}

/// The processes that attack.
struct Attack(Vec<(Child, BufReader<ChildStdout>)>);

impl Attack {
    /// Returns when all have connected.
    fn begin(endpoint: &str, descriptors: u64) -> Self {
        let each = descriptors.saturating_sub(SPARE) as usize;
        let processes = ATTACKERS.div_ceil(each);
        let start = |number: usize| {
            let count = ATTACKERS
                .div_ceil(processes)
                .min(ATTACKERS - number * each.min(ATTACKERS));
            let mut child = Command::new(env::current_exe().unwrap())
                .args(["--exact", "hostile_connections", "--ignored", "--nocapture"])
                .env(TARGET, format!("{count} {endpoint}"))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut said = BufReader::new(child.stdout.take().unwrap());
            let ready = said.by_ref().lines().any(|line| line.unwrap() == READY);
            assert!(ready, "the attackers have failed");
            (child, said)
        };
        Self((0..processes).map(start).collect())
    }

    fn end(self) {
        for (mut child, mut said) in self.0 {
            drop(child.stdin.take());
            io::copy(&mut said, &mut io::sink()).unwrap();
            assert!(child.wait().unwrap().success(), "the attackers have failed");
        }
    }
}

#[test]
#[ignore = "the process of those who attack; run by the other test"]
fn hostile_connections() {
    let target = env::var(TARGET).expect("to be run by the attack");
    let (count, endpoint) = target.split_once(' ').unwrap();
    let address = endpoint.strip_prefix("tcp://").unwrap();
    raise_descriptors();
    let threads = 50;
    let (ready, all_ready) = mpsc::channel();
    let crowd = count.parse::<usize>().unwrap() / threads;
    let (ends, over): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::channel::<()>()).unzip();
    for over in over {
        let (ready, address) = (ready.clone(), address.to_owned());
        thread::spawn(move || attack(&address, crowd, &ready, &over));
    }
    for _ in 0..threads {
        all_ready.recv().unwrap();
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "\n{READY}").unwrap();
    stdout.flush().unwrap();
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop(ends);
}

/// Keeps so many connections busy until the other end of `over` is gone.
fn attack(address: &str, count: usize, ready: &mpsc::Sender<()>, over: &mpsc::Receiver<()>) {
    /// Closed connections that come again in one round.
    const AGAIN: usize = 4;
    const ROUND: Duration = Duration::from_millis(10);
    let mut hostile: Vec<Hostile> = (0..count)
        .map(|number| Hostile::connect(address, number))
        .collect();
    ready.send(()).unwrap();
    while over.recv_timeout(ROUND) == Err(mpsc::RecvTimeoutError::Timeout) {
        let mut closed = hostile
            .iter_mut()
            .filter_map(|it| (!it.go_on()).then_some(it));
        for it in closed.by_ref().take(AGAIN) {
            *it = Hostile::connect(address, it.number);
        }
        closed.for_each(drop);
    }
}

/// One connection of the attack.
struct Hostile {
    number: usize,
    stream: Option<TcpStream>,
    /// To be sent still, one byte at a time.
    trickle: std::vec::IntoIter<u8>,
}

impl Hostile {
    fn connect(address: &str, number: usize) -> Self {
        let stream = TcpStream::connect(address).ok();
        let mut hostile = Self {
            number,
            stream,
            trickle: Vec::new().into_iter(),
        };
        hostile.begin();
        hostile
    }

    /// Each does one of several things.
    fn begin(&mut self) {
        let announced = |length: u64| {
            let header = [&[2][..], &length.to_be_bytes(), &[0x5A; 100]].concat();
            frames::ready("REQ").then(frames::raw(header))
        };
        let Some(stream) = &mut self.stream else {
            return;
        };
        let opening: Frames = match self.number % 6 {
            0 | 1 => frames::greeting().then(announced((1 << 63) - 1)),
            2 => frames::greeting().then(announced(1 << 63)),
            3 => {
                let mut whole = frames::greeting().bytes().to_vec();
                whole.extend([6, 0, 0, 0, 0, 0, 0, 0xFF, 0]);
                whole.resize(60_000, b'x');
                self.trickle = whole.into_iter();
                frames::raw("")
            }
            4 => frames::greeting(),
            _ => frames::raw(""),
        };
        let sent = stream.write_all(opening.bytes());
        if sent.and_then(|()| stream.set_nonblocking(true)).is_err() {
            self.stream = None;
        }
    }

    /// False if the connection is closed.
    fn go_on(&mut self) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        if let Some(byte) = self.trickle.next()
            && stream.write_all(&[byte]).is_err()
        {
            self.stream = None;
            return false;
        }
        let is_over = match stream.read(&mut [0; 1024]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        if is_over {
            self.stream = None;
        }
        !is_over
    }
}
