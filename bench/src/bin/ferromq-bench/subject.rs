//! Who is measured: a name and the program that serves it.

mod ferromq;
mod raw;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use ferromq_bench::cell::Cell;
use ferromq_bench::{Outcome, serve};

/// The names of those that are in this program.
pub(crate) const OURS: &str = "ferromq";
pub(crate) const RAW: &str = "raw";
/// The rival that targets refer to.
pub(crate) const LIBZMQ: &str = "libzmq";

/// The best of all rivals, cell by cell and run by run, if there are several.
pub(crate) const BEST: &str = "the best other";

/// The rivals, each a program of its own: `rival-NAME`.
const RIVALS: [&str; 5] = [LIBZMQ, "omq", "monocoque", "rzmq", "zeromq"];

/// Who is measured.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    program: PathBuf,
    /// What measures CURVE, if that is another one.
    secured: Option<PathBuf>,
}

impl Subject {
    /// FerroMQ, and whom it is measured against: `none`, `raw`, `all`, or the name of a rival.
    /// Unless there are none, bare sockets are among them.
    pub(crate) fn against(name: &str, rivals: &Path) -> Outcome<Vec<Self>> {
        let own = env::current_exe()?;
        let ours = |name| Self {
            name,
            program: own.clone(),
            secured: None,
        };
        let rival = |&name: &&'static str| Self {
            name,
            program: rivals.join(format!("rival-{name}")),
            secured: Some(rivals.join(format!("../secured/release/rival-{name}")))
                .filter(|program| program.is_file()),
        };
        let chosen: Vec<&&str> = RIVALS
            .iter()
            .filter(|known| name == "all" || **known == name)
            .collect();
        if chosen.is_empty() && name != "none" && name != RAW {
            return Err(format!("there is no rival {name}").into());
        }
        let mut subjects = vec![ours(OURS)];
        subjects.extend(chosen.into_iter().map(rival));
        if name != "none" {
            subjects.push(ours(RAW));
        }
        Ok(subjects)
    }

    /// The program, ready for a task.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if !self.is_rival() {
            command.arg(self.name);
        }
        command
    }

    /// The program that has what this cell needs.
    pub(crate) fn command_for(&self, cell: &Cell) -> Command {
        match &self.secured {
            Some(program) if cell.work.is_secured() => Command::new(program),
            _ => self.command(),
        }
    }

    /// Whether its program exists: a rival that does not build here cannot be measured here.
    pub(crate) fn is_there(&self) -> bool {
        self.program.is_file()
    }

    /// Its name, its version, and how it was built.
    pub(crate) fn version(&self) -> Outcome<String> {
        let told = |mut command: Command| -> Outcome<String> {
            let output = command.arg("version").stderr(Stdio::inherit()).output()?;
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        let version = told(self.command())?;
        match &self.secured {
            Some(program) => Ok(format!(
                "{version}; CURVE: {}",
                told(Command::new(program))?
            )),
            None => Ok(version),
        }
    }

    fn is_rival(&self) -> bool {
        RIVALS.contains(&self.name)
    }
}

/// Serves a subject that is in this program.
pub(crate) fn own(name: &str) -> Option<fn(&[String]) -> ExitCode> {
    match name {
        OURS => Some(serve::<ferromq::Ferromq>),
        RAW => Some(serve::<raw::Raw>),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ferromq_bench::cell::{Placement, Work};
    use ferromq_bench::{Opponent, Task, run};
    use ferromq_testkit::watchdog;

    use super::*;
    use crate::plan;

    /// Every workload over every transport, once, as short as possible.
    fn each_works<O: Opponent>(name: &str) {
        let is_new = |cells: &[Cell], cell: &Cell| {
            let is_same =
                |other: &Cell| (cell.work, cell.transport) == (other.work, other.transport);
            !cells.iter().any(is_same)
        };
        let mut cells = Vec::new();
        for cell in plan::all() {
            if O::can(&cell) && is_new(&cells, &cell) {
                cells.push(cell);
            }
        }
        for mut cell in cells {
            cell.placement = Placement::Unpinned;
            cell.work = smaller(cell.work);
            let _guard = watchdog::guard(&format!("{name}: {cell}"), Duration::from_secs(60));
            let socket = format!("{name}-bench-{}", std::process::id());
            let task = Task::new(cell, Duration::from_millis(5), Duration::ZERO, &socket);
            let sample = run::<O>(&task).unwrap_or_else(|error| panic!("{cell}: {error}"));
            assert!(sample.count > 0, "{cell}");
            assert_eq!(sample.lost, 0, "{cell}");
        }
    }

    /// The same with numbers for which a test has the time.
    fn smaller(work: Work) -> Work {
        match work {
            Work::Connections(_) => Work::Connections(20),
            Work::Prefixes(_) => Work::Prefixes(1000),
            Work::Topics(_) => Work::Topics(20),
            work => work,
        }
    }

    #[test]
    fn every_workload_runs_with_ferromq() {
        each_works::<ferromq::Ferromq>("ferromq");
    }

    #[test]
    fn every_workload_runs_with_bare_sockets() {
        each_works::<raw::Raw>("raw");
    }

    #[test]
    fn raw_is_among_all_but_none() {
        let names = |against| {
            let subjects = Subject::against(against, Path::new("rivals")).unwrap();
            subjects
                .iter()
                .map(|subject| subject.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("none"), ["ferromq"]);
        assert_eq!(names("raw"), ["ferromq", "raw"]);
        assert_eq!(names("libzmq"), ["ferromq", "libzmq", "raw"]);
        assert!(Subject::against("nobody", Path::new("rivals")).is_err());
    }
}
