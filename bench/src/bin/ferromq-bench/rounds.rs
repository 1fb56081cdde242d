//! The measurement: every cell once a round, all subjects one right after the other.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ferromq_bench::cell::{Cell, Ends, Work};
use ferromq_bench::machine::{self, Others};
use ferromq_bench::sample::Sample;
use ferromq_bench::{Outcome, Report, Task};

use crate::options::{Action, Options, USAGE};
use crate::plan;
use crate::report::{Results, Row, Spread};
use crate::subject::Subject;

/// A run that takes so much longer than it should has hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does what the arguments ask for.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let options = Options::parse(arguments)?;
    let cells = options.cells();
    match options.action {
        Action::Help => println!("{USAGE}"),
        Action::List => cells.iter().for_each(|cell| println!("{cell}")),
        Action::Report => print!("{}", Results::read(&options.file())?.tables()),
        Action::Measure => measure(&options, cells)?,
    }
    Ok(())
}

fn measure(options: &Options, cells: Vec<Cell>) -> Outcome {
    if cfg!(debug_assertions) {
        return Err("figures of a debug build mean nothing: cargo xtask bench".into());
    }
    if cells.is_empty() {
        return Err("no cell has such a name: --list".into());
    }
    let mut subjects = Subject::against(&options.against, &options.rivals)?;
    subjects.retain(|subject| {
        let is_there = subject.is_there();
        if !is_there {
            println!("{} is missing: it was not built", subject.name);
        }
        is_there
    });
    let mut results = Results::new(machine::describe(), &subjects)?;
    println!("{}", results.heading());
    results.rows = cells.into_iter().map(Row::new).collect();
    let start = Instant::now();
    for round in 0..options.rounds {
        play(&mut results, &subjects, options, round)?;
    }
    if options.add {
        results = Results::read(&options.file())?.replaced_by(results);
    }
    results.write(&options.file())?;
    print!("{}", results.tables());
    println!(
        "\n{:.0} s; {}",
        start.elapsed().as_secs_f64(),
        options.file().display()
    );
    Ok(())
}

/// One round over all cells.
fn play(results: &mut Results, subjects: &[Subject], options: &Options, round: usize) -> Outcome {
    let (others, start) = (Others::watch(), Instant::now());
    let mut probes = Vec::new();
    for row in &mut results.rows {
        for run in 0..plan::runs(&row.cell) {
            probes.push(machine::core_to_core()?);
            let mut samples = BTreeMap::new();
            for place in 0..subjects.len() {
                let subject = &subjects[(place + round + run) % subjects.len()];
                match measure_one(subject, &row.cell, options) {
                    Ok(Some(sample)) => _ = samples.insert(subject.name.to_owned(), sample),
                    Ok(None) => {}
                    Err(problem) => row.fail(subject.name, &problem.to_string()),
                }
            }
            row.runs.push(samples);
        }
    }
    println!(
        "round {}: {:.0} s; core to core and back {} ns; others used {:.2} cores",
        round + 1,
        start.elapsed().as_secs_f64(),
        Spread::of(probes.iter().copied()),
        others.cores()
    );
    results.probes.push(probes);
    Ok(())
}

/// One run. `None`: the subject does not have what the cell needs.
fn measure_one(subject: &Subject, cell: &Cell, options: &Options) -> Outcome<Option<Sample>> {
    let measured = match cell.work {
        // Ten round trips.
        Work::Cold => Duration::from_secs(1),
        _ => options.measured(),
    };
    let name = format!("ferromq-bench-{}", std::process::id());
    let task = Task::new(*cell, measured, options.idle(), &name);
    let task = serde_json::to_string(&task)?;
    let program = |what| {
        let mut command = subject.command();
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
    let mut whole: Option<Sample> = None;
    for process in processes {
        let report: Report = serde_json::from_str(&process.finish()?)?;
        let Some(part) = report? else { return Ok(None) };
        whole = Some(match whole {
            Some(other) => other.merge(part),
            None => part,
        });
    }
    Ok(whole)
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

    /// What it prints until its end.
    fn finish(mut self) -> Outcome<String> {
        let text = self.output.recv_timeout(PATIENCE);
        let text = text.map_err(|_| "no end in sight")?;
        let status = self.child.wait()?;
        if status.success() {
            Ok(text)
        } else {
            Err(status.to_string().into())
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended before, unless something has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
