//! Runs a task in this process: both sides, or one of them.

use std::env;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::cell::{Cell, Ends, Role, Transport, Work};
use crate::link::Phase;
use crate::machine::raise_descriptors;
use crate::opponent::Opponent;
use crate::sample::Sample;
use crate::side::Side;
use crate::work;

/// What a process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// What is measured.
    pub cell: Cell,
    /// For how long.
    pub measured: Duration,
    /// How long nothing is sent after that.
    pub idle: Duration,
    /// What to bind to.
    pub endpoint: String,
}

impl Task {
    /// A task with an endpoint that nobody else uses.
    pub fn new(cell: Cell, measured: Duration, idle: Duration, name: &str) -> Self {
        let endpoint = match cell.transport {
            Transport::Inproc => "inproc://bench".to_owned(),
            Transport::Ipc => format!("ipc://{}", env::temp_dir().join(name).display()),
            Transport::Tcp => "tcp://127.0.0.1:*".to_owned(),
        };
        Self {
            cell,
            measured,
            idle,
            endpoint,
        }
    }

    /// How long messages are sent in a phase.
    pub(crate) fn length(&self, phase: Phase) -> Duration {
        match phase {
            Phase::Warm => self.measured / 8,
            Phase::Measured | Phase::Extra => self.measured,
            Phase::Join | Phase::Idle | Phase::Leave | Phase::Over => Duration::ZERO,
        }
    }
}

/// The `main` of an opponent's program. Its arguments:
/// - `version`;
/// - `run TASK`: both sides;
/// - `binds TASK` or `connects TASK`: one side, whose link to the other one is standard input.
///
/// It prints what comes of it, a [`Report`].
#[expect(clippy::print_stdout, reason = "that is its purpose")]
pub fn serve<O: Opponent>(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = match words[..] {
        ["version"] => {
            println!("{}", O::version());
            return ExitCode::SUCCESS;
        }
        [what, task] => answer::<O>(what, task),
        _ => Err("usage: version | run TASK | binds TASK | connects TASK".into()),
    };
    let report: Report = report.map_err(|problem| problem.to_string());
    match serde_json::to_string(&report) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

/// What a program prints; nothing is measured if it does not have what the cell needs.
pub type Report = Result<Option<Sample>, String>;

fn answer<O: Opponent>(what: &str, task: &str) -> Outcome<Option<Sample>> {
    let task: Task = serde_json::from_str(task)?;
    if !O::can(&task.cell) {
        return Ok(None);
    }
    let role = match what {
        "run" => return Ok(Some(run::<O>(&task)?)),
        "binds" => Role::Binds,
        "connects" => Role::Connects,
        _ => return Err(format!("{what}?").into()),
    };
    let link = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    Ok(Some(side::<O>(&task, role, None, link)?))
}

/// Runs both sides as threads.
///
/// *Errors*: whatever fails, and a message that is not what was sent, or out of order.
pub fn run<O: Opponent>(task: &Task) -> Outcome<Sample> {
    let shared = match task.cell.transport {
        Transport::Inproc => Some(O::context()?),
        Transport::Ipc | Transport::Tcp => None,
    };
    let (here, there) = UnixStream::pair()?;
    let [one, other] = [(Role::Binds, here), (Role::Connects, there)].map(|(role, link)| {
        let (task, shared) = (task.clone(), shared.clone());
        thread::Builder::new()
            .name(format!("{role:?}"))
            .spawn(move || side::<O>(&task, role, shared, link))
    });
    let ends = [one?, other?].map(|side| match side.join() {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("a side has panicked".to_owned()),
    });
    match ends {
        [Ok(one), Ok(other)] => Ok(one.merge(other)),
        [Err(one), Err(other)] => Err(format!("{one}; {other}").into()),
        [Err(problem), Ok(_)] | [Ok(_), Err(problem)] => Err(problem.into()),
    }
}

/// Runs one side in this thread. Of two in one process only the one that counts tells what the
/// process has used.
fn side<O: Opponent>(
    task: &Task,
    role: Role,
    shared: Option<O::Context>,
    link: UnixStream,
) -> Outcome<Sample> {
    if let Some(core) = task.cell.core(role) {
        core.pin()?;
    }
    if let Work::Attack(_) = task.cell.work {
        raise_descriptors()?;
    }
    let context = shared.map_or_else(O::context, Ok)?;
    let mut sample = work::run::<O>(Side::new(task, role, context, link)?)?;
    if task.cell.ends == Ends::Threads && sample.total == 0 {
        (sample.cpu, sample.idle, sample.wake_ups) = (0.0, 0.0, 0.0);
    }
    if let (Role::Binds, Some(path)) = (role, task.endpoint.strip_prefix("ipc://")) {
        // Some have removed it themselves.
        let _ = fs::remove_file(path);
    }
    Ok(sample)
}
