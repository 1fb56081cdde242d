//! A process with sockets of one implementation, and a socket in it.
//!
//! Processes are used again: starting one takes longer than most trials. The protocol is
//! described in [`serve`](mod@super::serve). A peer that breaks it fails the trial with what it
//! has complained about; it is ended by its id, as is every peer of a trial that fails.

use std::cell::Cell;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ferromq::SocketType;
use parking_lot::Mutex;

use crate::case::skip;
use crate::socket::WAIT;

/// Longer than what a peer itself waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a place may be taken after its owner was killed.
const UNTIL_FREE: Duration = Duration::from_secs(10);

/// Between what a publisher sends until it arrives: it has room for all of it if nothing moves for
/// five seconds. One that is full drops what follows.
pub(super) const PACE: Duration = Duration::from_millis(5);

/// Drives the sockets of others.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/peer.py");
/// Drives those of JeroMQ.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Peer.java");

/// Whose sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Implementation {
    Ferromq,
    /// JeroMQ 0.3, in Java: a peer of ZMTP 2.0.
    Jeromq,
    /// omq, in Rust, through its Python package.
    Pyomq,
    /// libzmq, through its Python package.
    Pyzmq,
}

impl Implementation {
    /// Those of ZMTP 3.
    pub(super) const FOREIGN: [Self; 2] = [Self::Pyzmq, Self::Pyomq];

    /// True if its sockets tell what happens to their connections.
    pub(super) fn has_events(self) -> bool {
        self != Self::Jeromq
    }

    /// As in `--peer`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ferromq => "ferromq",
            Self::Jeromq => "jeromq",
            Self::Pyomq => "pyomq",
            Self::Pyzmq => "pyzmq",
        }
    }
}

/// Processes that wait for their next trial.
#[derive(Debug)]
pub(crate) struct Pool {
    /// A Python with the packages of the others, if there is one.
    python: Option<PathBuf>,
    /// JeroMQ's archive, if there is one, and a Java with its compiler.
    jeromq: Option<PathBuf>,
    idle: Mutex<Vec<Process>>,
}

impl Pool {
    pub(crate) fn new(python: Option<PathBuf>, jeromq: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            python,
            jeromq,
            idle: Mutex::default(),
        })
    }

    /// A process for one trial.
    pub(super) fn peer(self: &Arc<Self>, implementation: Implementation) -> Arc<Peer> {
        let used = {
            let mut idle = self.idle.lock();
            let found = idle
                .iter()
                .position(|one| one.implementation == implementation);
            found.map(|at| idle.swap_remove(at))
        };
        let process = used.unwrap_or_else(|| self.start(implementation));
        Arc::new(Peer {
            process: Mutex::new(Some(process)),
            pool: self.clone(),
        })
    }

    fn start(&self, implementation: Implementation) -> Process {
        let mut command = match implementation {
            Implementation::Ferromq => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.arg("--serve");
                command
            }
            Implementation::Jeromq => {
                let Some(archive) = &self.jeromq else {
                    skip("there is no JeroMQ: --jeromq");
                };
                let mut command = Command::new("java");
                command.arg("-cp").arg(archive).arg(PROGRAM);
                command
            }
            Implementation::Pyomq | Implementation::Pyzmq => {
                let Some(python) = &self.python else {
                    skip("there is no Python: --python");
                };
                let mut command = Command::new(python);
                command.args([SCRIPT, implementation.name()]);
                command
            }
        };
        Process::start(implementation, &mut command)
    }
}

/// A process in a trial. With its last socket it goes back to the pool, unless the trial failed.
pub(super) struct Peer {
    process: Mutex<Option<Process>>,
    pool: Arc<Pool>,
}

impl Peer {
    /// Makes a socket; options are `name=value`.
    pub(super) fn socket(self: &Arc<Self>, kind: SocketType, options: &[&str]) -> Remote {
        let name = self.with(Process::next_name);
        let remote = Remote {
            peer: self.clone(),
            name,
            kind,
        };
        remote.must(&format!("socket {{}} {kind} {}", options.join(" ")));
        remote
    }

    fn with<T>(&self, work: impl FnOnce(&mut Process) -> T) -> T {
        work(self.process.lock().as_mut().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(process) = self.process.get_mut().take()
            && !thread::panicking()
        {
            self.pool.idle.lock().push(process);
        }
    }
}

/// A socket in another process.
pub(super) struct Remote {
    peer: Arc<Peer>,
    name: String,
    pub(super) kind: SocketType,
}

impl Remote {
    /// Binds. A place of which a killed process was the owner may be free a little later: the
    /// system tells nobody when, so it is asked again.
    pub(super) fn bind(&self, endpoint: &str) {
        let command = format!("bind {{}} {endpoint}");
        let deadline = Instant::now() + UNTIL_FREE;
        while let Err(why) = self.ask(&command) {
            let is_taken = why.contains("already in use") && Instant::now() < deadline;
            assert!(is_taken, "{self:?}: {command}: {why}");
        }
    }

    pub(super) fn connect(&self, endpoint: &str) {
        self.must(&format!("connect {{}} {endpoint}"));
    }

    /// Subscribes, if it is a subscriber.
    pub(super) fn subscribe_to(&self, topics: &[&str]) {
        if matches!(self.kind, SocketType::Sub | SocketType::Xsub) {
            topics.iter().for_each(|topic| self.subscribe(topic));
        }
    }

    pub(super) fn subscribe(&self, topic: &str) {
        self.must(&format!("subscribe {{}} {topic}"));
    }

    pub(super) fn unsubscribe(&self, topic: &str) {
        self.must(&format!("unsubscribe {{}} {topic}"));
    }

    pub(super) fn send(&self, message: &str) {
        self.must(&format!("send {{}} {message}"));
    }

    /// Sends; a peer that cannot be found yet is waited for.
    pub(super) fn send_when_known(&self, message: &str) {
        let deadline = Instant::now() + WAIT;
        while let Err(why) = self.try_send(message) {
            assert!(Instant::now() < deadline, "{self:?}: {why}");
        }
    }

    pub(super) fn try_send(&self, message: &str) -> Result<(), String> {
        self.ask(&format!("send {{}} {message}")).map(drop)
    }

    /// Sends if that is possible now.
    pub(super) fn try_send_now(&self, message: &str) -> Result<(), String> {
        self.ask(&format!("attempt {{}} {message}")).map(drop)
    }

    /// Subscribes or takes a subscription back, which may be refused.
    pub(super) fn request(&self, topic: &str, on: bool) -> Result<(), String> {
        let command = if on { "subscribe" } else { "unsubscribe" };
        self.ask(&format!("{command} {{}} {topic}")).map(drop)
    }

    /// Unbinds or disconnects, which may be refused.
    pub(super) fn release(&self, endpoint: &str, is_bound: bool) -> Result<(), String> {
        let command = if is_bound { "unbind" } else { "disconnect" };
        self.ask(&format!("{command} {{}} {endpoint}")).map(drop)
    }

    /// The next message.
    pub(super) fn recv(&self) -> String {
        self.must("recv {}")
    }

    /// The next message, if it comes within ten seconds.
    pub(super) fn try_recv(&self) -> Result<String, String> {
        self.ask("recv {}")
    }

    /// A message that is there already.
    pub(super) fn take(&self) -> Option<String> {
        self.try_take().ok()
    }

    /// A message that is there already, or why there is none.
    pub(super) fn try_take(&self) -> Result<String, String> {
        self.ask("take {}")
    }

    /// A message that comes within this time.
    pub(super) fn recv_within(&self, time: Duration) -> Option<String> {
        self.ask(&format!("wait {{}} {}", time.as_millis())).ok()
    }

    /// Waits until a message is there.
    pub(super) fn await_message(&self) {
        self.must("expect {}");
    }

    /// What was told of connections has reached the socket.
    pub(super) fn settle(&self) {
        self.must("settle {}");
    }

    /// The next event whose name begins with one of these words.
    pub(super) fn event(&self, kinds: &str) -> String {
        self.must(&format!("event {{}} {kinds}"))
    }

    /// Waits for such an event, which must not come.
    #[track_caller]
    pub(super) fn no_event(&self, kinds: &str) {
        let found = self.ask(&format!("event {{}} {kinds}"));
        assert!(found.is_err(), "{self:?}: {found:?}");
    }

    /// Ends the process at once, as `kill -9` does.
    pub(super) fn kill(self) {
        drop(self.peer.process.lock().take());
    }

    /// Asks for something that cannot be refused; `{}` is the socket's name.
    fn must(&self, command: &str) -> String {
        match self.ask(command) {
            Ok(answer) => answer,
            Err(why) => panic!("{self:?}: {command}: {why}"),
        }
    }

    fn ask(&self, command: &str) -> Result<String, String> {
        let line = command.replacen("{}", &self.name, 1);
        self.peer.with(|process| process.ask(line.trim_end()))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if !thread::panicking() && self.peer.process.lock().is_some() {
            self.must("close {}");
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let process = self.peer.process.lock();
        let implementation = process.as_ref().map_or("killed", |process| process.name());
        write!(f, "{implementation} {}", self.kind)
    }
}

/// A running process; ended before this is gone.
#[derive(Debug)]
struct Process {
    implementation: Implementation,
    child: Child,
    answers: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
    /// How many sockets it has had.
    sockets: Cell<u32>,
}

impl Process {
    fn start(implementation: Implementation, command: &mut Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{command:?}: {error}"),
        };
        let (output, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            let _ = lines.map(|line| sender.send(line)).find(Result::is_err);
        });
        let complaints = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self {
            implementation,
            child,
            answers,
            complaints: Some(complaints),
            sockets: Cell::default(),
        }
    }

    fn name(&self) -> &'static str {
        self.implementation.name()
    }

    fn next_name(&mut self) -> String {
        let number = self.sockets.get();
        self.sockets.set(number + 1);
        number.to_string()
    }

    /// Gives a command and waits for its answer.
    fn ask(&mut self, line: &str) -> Result<String, String> {
        let mut input = self.child.stdin.as_ref().unwrap();
        let told = writeln!(input, "{line}");
        let answer = match (told, self.answers.recv_timeout(PATIENCE)) {
            (Ok(()), Ok(answer)) => answer,
            (Ok(()), Err(RecvTimeoutError::Timeout)) => self.give_up(line, "does not answer"),
            _ => self.give_up(line, "has ended"),
        };
        match answer.split_once(' ').unwrap_or((&answer, "")) {
            ("ok", text) => Ok(text.to_owned()),
            ("no", why) => Err(why.to_owned()),
            _ => self.give_up(line, &format!("answers {answer}")),
        }
    }

    fn give_up(&mut self, line: &str, what: &str) -> ! {
        self.end();
        let complaints = self.complaints.take().map(JoinHandle::join);
        let complaints = complaints.and_then(Result::ok).unwrap_or_default();
        panic!("{} {what} when told: {line}\n{complaints}", self.name());
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
