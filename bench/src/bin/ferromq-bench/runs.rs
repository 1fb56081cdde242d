//! One run of one subject: its processes, and what they print.

use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ferromq_bench::cell::{Cell, Ends, Work};
use ferromq_bench::sample::Sample;
use ferromq_bench::{Outcome, Report, Task};

use crate::subject::Subject;

/// A run that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a run takes in which system calls are counted.
const COUNTED: Duration = Duration::from_millis(100);
/// What counts them, for all threads and from outside, without slowing the calls down much.
const COUNTER: [&str; 6] = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o"];

/// Measures for so long, and then rests. `None`: the subject lacks what the cell needs.
pub(crate) fn measure(
    subject: &Subject,
    cell: &Cell,
    measured: Duration,
    idle: Duration,
) -> Outcome<Option<Sample>> {
    let task = task(cell, measured, idle)?;
    let program = |what| {
        let mut command = subject.command_for(cell);
        command.args([what, task.as_str()]).stdin(Stdio::null());
        command
    };
    let processes = match cell.ends {
        Ends::Threads => vec![Process::start(program("run"))?],
        Ends::Processes => {
            let (here, there) = UnixStream::pair()?;
            let [mut binds, mut connects] = ["binds", "connects"].map(program);
            binds.stdin(OwnedFd::from(here));
            connects.stdin(OwnedFd::from(there));
            vec![Process::start(binds)?, Process::start(connects)?]
        }
    };
    let reports: Vec<Report> = processes.into_iter().map(Process::report).collect();
    let failures = reports.iter().filter_map(|report| report.as_ref().err());
    let failures: Vec<&str> = failures.map(String::as_str).collect();
    if !failures.is_empty() {
        return Err(failures.join("; ").into());
    }
    Ok(reports
        .into_iter()
        .flatten()
        .flatten()
        .reduce(Sample::merge))
}

/// Whether system calls can be counted here.
pub(crate) fn can_count_calls(file: &Path) -> bool {
    let mut counter = Command::new(COUNTER[0]);
    counter.args(&COUNTER[1..]).arg(file).arg("true");
    let status = counter.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success()) && calls_in(file).is_some()
}

/// Counts the system calls of both sides for each message or round trip, in a short run. `None`:
/// there are too few of them for those of starting and stopping not to matter.
pub(crate) fn count_calls(subject: &Subject, cell: &Cell, file: &Path) -> Outcome<Option<f64>> {
    if cell.work == Work::Cold || cell.work.is_scale() || cell.ends == Ends::Processes {
        return Ok(None);
    }
    let command = subject.command_for(cell);
    let mut counter = Command::new(COUNTER[0]);
    counter.args(&COUNTER[1..]).arg(file);
    counter.arg(command.get_program()).args(command.get_args());
    counter.arg("run").arg(task(cell, COUNTED, Duration::ZERO)?);
    let Some(sample) = Process::start(counter)?.report()? else {
        return Ok(None);
    };
    Ok(calls_in(file).map(|calls| calls / sample.total as f64))
}

/// What the counter has written.
fn calls_in(file: &Path) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines()
        .find(|line| line.contains(COUNTER[4]))
        .and_then(|line| line.split(',').next()?.parse().ok())
}

fn task(cell: &Cell, measured: Duration, idle: Duration) -> Outcome<String> {
    let name = format!("ferromq-bench-{}", std::process::id());
    Ok(serde_json::to_string(&Task::new(
        *cell, measured, idle, &name,
    ))?)
}

/// A running program; killed if it is not finished.
struct Process {
    child: Child,
    output: mpsc::Receiver<String>,
}

impl Process {
    fn start(mut command: Command) -> Outcome<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut stdout = child.stdout.take().ok_or("no output")?;
        let (done, output) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            // An unreadable text is no sample either.
            let _ = stdout.read_to_string(&mut text);
            let _ = done.send(text);
        });
        Ok(Self { child, output })
    }

    /// What it reports until its end.
    fn report(mut self) -> Report {
        let text = self.output.recv_timeout(PATIENCE);
        let text = text.map_err(|_| "no end in sight")?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|_| status.to_string())?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended before, unless something has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
