//! Every way to end × every state of the peer × every transport: what is delivered, what is
//! reported, and when the caller is back. Exact in the simulated world; then over real sockets,
//! where a machine that is busy may take longer, and a tool that checks every access much longer
//! (`patience`); then with the process ending right after it.

#![cfg(all(
    unix,
    feature = "pipeline",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{CloseReport, Context, Endpoint, Event, Events, Pull, Push, RecvError};
use ferromq_testkit::sim::{SimWorld, for_seeds};
use ferromq_testkit::watchdog::patience;

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, handshake_success, under, until, wait_for};

/// How the owner of a socket is done with it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// `close`, which reports.
    Close,
    /// The socket goes; its context stays.
    Drop,
    /// The socket goes, then the last handle of its context.
    ContextDrop,
    /// A function that owns both returns early, with an error.
    EarlyReturn,
    /// A panic goes through a function that owns both.
    Unwind,
}

const ENDS: [End; 5] = [
    End::Close,
    End::Drop,
    End::ContextDrop,
    End::EarlyReturn,
    End::Unwind,
];

/// What the peer is like when its messages are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Peer {
    /// It takes what comes.
    Alive,
    /// It takes all within linger, but not soon.
    Slow,
    /// It is connected, and takes nothing more.
    Deaf,
    /// It was connected, and is gone for good.
    Dead,
    /// It never comes.
    Never,
}

const PEERS: [Peer; 5] = [Peer::Alive, Peer::Slow, Peer::Deaf, Peer::Dead, Peer::Never];

impl Peer {
    fn takes_all(self) -> bool {
        matches!(self, Self::Alive | Self::Slow)
    }
}

/// Fewer than the high-water mark.
const MESSAGES: usize = 500;
/// More of them than a kernel, and a simulated one, takes from whom nobody reads.
const SIZE: usize = 1000;

/// Of those who would wait in vain.
const SHORT: Duration = Duration::from_millis(300);
/// Of the others: the default.
const LINGER: Duration = Duration::from_secs(5);

fn linger(peer: Peer) -> Duration {
    match peer.takes_all() {
        true => LINGER * patience(),
        false => SHORT,
    }
}

fn push(context: &Context, peer: Peer) -> Push {
    let push = Push::builder().linger(linger(peer));
    let push = push.kernel_buffers(Some(4096), Some(4096));
    push.build(context).unwrap()
}

fn send_all(push: &Push) {
    (0..MESSAGES).for_each(|n| push.try_send(body(n)).unwrap());
}

fn body(number: usize) -> Vec<u8> {
    format!("{number:0SIZE$}").into_bytes()
}

/// The receiving side, and what it is told.
struct Far {
    pull: Pull,
    events: Events,
    is_stream: bool,
}

impl Far {
    fn bind(pull: Pull, endpoint: &str) -> (Self, Endpoint) {
        let events = pull.events();
        let endpoint = pull.bind(endpoint).unwrap();
        let is_stream = is_stream(&endpoint.to_string());
        let far = Self {
            pull,
            events,
            is_stream,
        };
        (far, endpoint)
    }

    /// Fails unless all messages arrive, in order, whole and once. `pause` comes before each.
    #[track_caller]
    fn assert_all_arrive(&self, pause: impl Fn()) {
        for number in 0..MESSAGES {
            pause();
            let message = self.pull.recv_timeout(WAIT * patience()).unwrap();
            assert!(message.part(0).unwrap()[..] == body(number), "{number}");
        }
        if self.is_stream {
            wait_for(&self.events, |event| {
                matches!(event, Event::Disconnected { .. })
            });
        }
        assert_eq!(self.pull.try_recv(), Err(RecvError::Empty));
    }
}

fn is_stream(endpoint: &str) -> bool {
    !endpoint.starts_with("inproc")
}

/// Every case but one: in one process, what was sent is with the peer, deaf or not.
fn for_each_case(endpoints: &[&'static str], check: impl Fn(End, Peer, &'static str)) {
    for end in ENDS {
        for peer in PEERS {
            for endpoint in endpoints {
                if peer != Peer::Deaf || is_stream(endpoint) {
                    check(end, peer, endpoint);
                }
            }
        }
    }
}

/// What closing has told, and how many messages the kernel had taken then.
type Told = Option<(CloseReport, u64)>;

/// Ends what it owns.
fn finish(end: End, push: Push, context: Context) -> Told {
    match end {
        End::Close => {
            let report = push.close();
            return Some((report, push.stats().handed_over));
        }
        End::Drop => drop(push),
        End::ContextDrop => {
            drop(push);
            drop(context);
        }
        End::EarlyReturn => assert_eq!(fail(push, context), Err("as planned")),
        End::Unwind => {
            let unwinding = catch_unwind(AssertUnwindSafe(|| {
                let _owned = (push, context);
                resume_unwind(Box::new("as planned"));
            }));
            assert!(unwinding.is_err());
        }
    }
    None
}

fn fail(push: Push, _context: Context) -> Result<(), &'static str> {
    Err("as planned")?;
    push.send("never").map_err(|_| "not as planned")
}

/// Fails unless the report says what has become of every message.
#[track_caller]
fn check_report(told: Told, peer: Peer) {
    if let Some((report, handed_over)) = told {
        assert_eq!(report.unsent, MESSAGES as u64 - handed_over, "{report:?}");
        assert_eq!(report.unsent == 0, peer.takes_all(), "{report:?}");
        assert_eq!(report.complete, peer.takes_all(), "{report:?}");
    }
}

mod simulated {
    use super::*;

    const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:7", "ipc:///sim/pipe", "inproc://name"];

    /// How much longer than linger anything may take.
    const MORE: Duration = Duration::from_millis(100);

    /// A PUSH whose peer is as it is wanted, and who has sent.
    struct Scene {
        world: SimWorld,
        context: Context,
        push: Push,
        events: Events,
        far: Option<Far>,
    }

    impl Scene {
        fn new(seed: u64, peer: Peer, endpoint: &str) -> Self {
            let world = SimWorld::new(seed);
            let context = Context::with_world(Arc::new(world.clone()), 1);
            let theirs = match is_stream(endpoint) {
                true => Context::with_world(Arc::new(world.clone()), 1),
                false => context.clone(),
            };
            let push = push(&context, peer);
            let mut scene = Self {
                events: push.events(),
                far: (peer != Peer::Never).then(|| Far::bind(Pull::new(&theirs), endpoint).0),
                world,
                context,
                push,
            };
            scene.push.connect(endpoint).unwrap();
            scene.send(peer, endpoint);
            scene
        }

        /// Sends, and makes of the peer what it is to be.
        fn send(&mut self, peer: Peer, endpoint: &str) {
            if is_stream(endpoint) && matches!(peer, Peer::Deaf | Peer::Dead) {
                handshake_success(&self.events);
                self.world.partition(endpoint);
            }
            if peer == Peer::Slow {
                self.world.weather(|weather| {
                    weather.latency = Duration::from_millis(100)..=Duration::from_millis(100);
                    weather.capacity = 16 * 1024;
                });
            }
            send_all(&self.push);
            match peer {
                Peer::Dead if is_stream(endpoint) => {
                    self.world.cut(self.world.links_to(endpoint)[0]);
                }
                Peer::Dead => _ = self.far.take().unwrap().pull.close(),
                _ => {}
            }
        }
    }

    /// Fails unless the caller was back, and the socket over, when they had to be.
    #[track_caller]
    fn check_times((end, peer): (End, Peer), is_stream: bool, back: Duration, over: Duration) {
        let nothing = Duration::from_millis(1);
        let (earliest, latest) = match peer {
            _ if !is_stream => (Duration::ZERO, nothing),
            Peer::Alive => (Duration::ZERO, Duration::from_secs(1)),
            Peer::Slow => (Duration::from_secs(1), LINGER),
            Peer::Deaf | Peer::Dead | Peer::Never => (SHORT, SHORT + MORE),
        };
        assert!(earliest <= over && over <= latest, "over after {over:?}");
        match end {
            End::Drop => assert!(back <= nothing, "back after {back:?}"),
            _ => assert!(earliest <= back && back <= latest, "back after {back:?}"),
        }
    }

    fn check(seed: u64, end: End, peer: Peer, endpoint: &str) {
        let Scene {
            world,
            context,
            push,
            events,
            far,
        } = Scene::new(seed, peer, endpoint);
        let other_handle = matches!(end, End::Close | End::Drop).then(|| context.clone());
        let start = world.elapsed();
        let told = finish(end, push, context);
        let back = world.elapsed() - start;
        while events.next_timeout(WAIT).is_some() {}
        let over = world.elapsed() - start;
        drop(other_handle);
        check_times((end, peer), is_stream(endpoint), back, over);
        check_report(told, peer);
        if peer.takes_all() {
            far.unwrap().assert_all_arrive(|| ());
        }
    }

    #[test]
    fn every_end_is_exactly_on_time_and_delivers_or_reports() {
        for_each_case(&ENDPOINTS, |end, peer, endpoint| {
            // Where a test is failing the simulated world waits for nothing.
            if end == End::Unwind {
                return;
            }
            let passed = catch_unwind(|| for_seeds(0..2, |seed| check(seed, end, peer, endpoint)));
            assert!(passed.is_ok(), "{end:?}, {peer:?}, {endpoint}");
        });
    }
}

mod real {
    use super::*;

    const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc://*", "inproc://name"];

    /// How much longer than linger anything may take: others use this machine, too.
    const MORE: Duration = Duration::from_secs(2);

    /// A port at which nobody listens, and that nobody else is given while this process lives: one
    /// that was let go of might be another case's, which would get these messages, too.
    #[cfg(target_os = "linux")]
    fn held_port() -> Endpoint {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
        use std::net::{Ipv4Addr, SocketAddrV4};

        let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = SocketAddrV4::try_from(getsockname(&held).unwrap()).unwrap();
        std::mem::forget(held);
        format!("tcp://{own}").parse().unwrap()
    }

    /// A PULL that is as it is wanted; the endpoint of one that never was.
    pub(super) fn far(peer: Peer, context: &Context, endpoint: &str) -> (Option<Far>, Endpoint) {
        let pull = Pull::builder().receive_high_water_mark(10);
        let pull = pull.kernel_buffers(Some(4096), Some(4096));
        #[cfg(target_os = "linux")]
        if peer == Peer::Never && endpoint.starts_with("tcp:") {
            return (None, held_port());
        }
        let (far, endpoint) = Far::bind(pull.build(context).unwrap(), endpoint);
        if peer == Peer::Never {
            far.pull.close();
            return (None, endpoint);
        }
        (Some(far), endpoint)
    }

    /// Takes messages, at the peer's speed.
    pub(super) fn take_all(far: &Far, peer: Peer) {
        let idle = Pull::new(&Context::new());
        far.assert_all_arrive(|| {
            if peer == Peer::Slow {
                // It has something else to do.
                assert!(idle.recv_timeout(Duration::from_millis(1)).is_err());
            }
        });
    }

    fn check(end: End, peer: Peer, endpoint: &str) {
        let context = Context::new();
        let theirs = match is_stream(endpoint) {
            true => Context::new(),
            false => context.clone(),
        };
        let (far, endpoint) = far(peer, &theirs, endpoint);
        let push = push(&context, peer);
        let events = push.events();
        push.connect(&endpoint).unwrap();
        thread::scope(|scope| {
            if let Some(far) = far.as_ref().filter(|_| peer.takes_all()) {
                scope.spawn(|| take_all(far, peer));
            }
            if far.is_some() && is_stream(&endpoint.to_string()) {
                handshake_success(&events);
            }
            send_all(&push);
            if peer == Peer::Dead {
                far.as_ref().unwrap().pull.close();
            }
            let start = Instant::now();
            check_report(finish(end, push, context), peer);
            let took = start.elapsed();
            assert!(took < linger(peer) + MORE * patience(), "{took:?}");
        });
    }

    #[test]
    fn every_end_is_on_time_and_delivers_or_reports() {
        under("ends", || {
            thread::scope(|scope| {
                for_each_case(&ENDPOINTS, |end, peer, endpoint| {
                    let name = format!("{end:?}, {peer:?}, {endpoint}");
                    let case = thread::Builder::new().name(name);
                    case.spawn_scoped(scope, move || check(end, peer, endpoint))
                        .unwrap();
                });
            });
        });
    }
}

/// The process ends with its sockets: in another one, which is this program once more. (In process
/// the peer would end with it.)
mod process {
    use super::real::{far, take_all};
    use super::*;

    const ENDPOINTS: [&str; 2] = ["tcp://127.0.0.1:*", "ipc://*"];
    const MORE: Duration = Duration::from_secs(2);

    /// What the child is asked for: how to end, the peer, and where it is.
    const VARIABLE: &str = "FERROMQ_CLOSING_CHILD";
    /// What it says before it ends.
    const ENDING: &str = "ending after ";

    /// How a process ends.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Exit {
        /// `main` returns.
        Return,
        /// A panic leaves `main`.
        Panic,
        /// `process::exit`, which runs no destructor: only what the kernel has taken is delivered.
        AtOnce,
    }

    const EXITS: [Exit; 3] = [Exit::Return, Exit::Panic, Exit::AtOnce];

    #[test]
    #[ignore = "the other process: started by process_exit_is_on_time_and_delivers"]
    fn child() {
        let wanted = std::env::var(VARIABLE).unwrap();
        let [exit, peer, endpoint] = wanted.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{wanted}");
        };
        let is = |name: &str, kind: &dyn std::fmt::Debug| format!("{kind:?}") == name;
        let exit = EXITS.into_iter().find(|one| is(exit, one)).unwrap();
        let peer = PEERS.into_iter().find(|one| is(peer, one)).unwrap();
        let context = Context::new();
        let push = push(&context, peer);
        let events = push.events();
        push.connect(endpoint).unwrap();
        if peer != Peer::Never {
            handshake_success(&events);
        }
        send_all(&push);
        let mut line = String::new();
        say("sent");
        std::io::stdin().read_line(&mut line).unwrap();
        say(&format!("{ENDING}{}", push.stats().handed_over));
        match exit {
            Exit::Return => drop((push, context)),
            Exit::Panic => _ = finish(End::Unwind, push, context),
            Exit::AtOnce => {}
        }
        std::process::exit(0);
    }

    fn say(line: &str) {
        let mut output = std::io::stdout().lock();
        writeln!(output, "\n{line}").unwrap();
    }

    fn start(exit: Exit, peer: Peer, endpoint: &Endpoint) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "process::child", "--ignored", "--nocapture"]);
        command.env(VARIABLE, format!("{exit:?} {peer:?} {endpoint}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    fn check(exit: Exit, peer: Peer, endpoint: &str) {
        let (far, endpoint) = far(peer, &Context::new(), endpoint);
        let mut child = start(exit, peer, &endpoint);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines
            .find(|line| line.as_ref().unwrap() == "sent")
            .unwrap()
            .unwrap();
        if let (Peer::Dead, Some(far)) = (peer, &far) {
            far.pull.close();
        }
        drop(child.stdin.take());
        let said = lines.find_map(|line| Some(line.unwrap().strip_prefix(ENDING)?.to_owned()));
        let handed_over: usize = said.unwrap().parse().unwrap();
        let start = Instant::now();
        match far.as_ref().filter(|_| peer.takes_all()) {
            Some(far) if exit == Exit::AtOnce => assert!(take_some(far) >= handed_over),
            Some(far) => take_all(far, peer),
            None => {}
        }
        assert!(child.wait().unwrap().success());
        let took = start.elapsed();
        assert!(took < linger(peer) + MORE * patience(), "{took:?}");
    }

    /// How many messages come before the connection ends; fails unless they are the first ones.
    fn take_some(far: &Far) -> usize {
        let mut taken = 0;
        let mut take = || {
            while let Ok(message) = far.pull.try_recv() {
                assert!(message.part(0).unwrap()[..] == body(taken), "{taken}");
                taken += 1;
            }
        };
        until(|| {
            take();
            matches!(far.events.try_next(), Some(Event::Disconnected { .. }))
        });
        // The pipe is gone when all that it brought is taken.
        until(|| {
            take();
            far.pull.pipes() == 0
        });
        taken
    }

    #[test]
    fn process_exit_is_on_time_and_delivers() {
        under("process exit", || {
            thread::scope(|scope| {
                for exit in EXITS {
                    for (peer, endpoint) in PEERS.map(|peer| ENDPOINTS.map(|e| (peer, e))).concat()
                    {
                        let case =
                            thread::Builder::new().name(format!("{exit:?}, {peer:?}, {endpoint}"));
                        case.spawn_scoped(scope, move || check(exit, peer, endpoint))
                            .unwrap();
                    }
                }
            });
        });
    }
}
