//! `cargo xtask interop`: our programs and pyzmq's against each other, as processes.
//!
//! - [`programs`]: the founding programs in all combinations of Rust and Python;
//! - [`sockets`]: every socket type against its counterpart, contents checked;
//! - [`restart`]: peers that are killed, restarted, or live for one message only.
//!
//! Invariants: every process is ended by its id; every wait has a deadline; ports are chosen at run
//! time; nothing is written outside the target directory but ipc sockets, which need short paths.

mod lab;
mod process;
mod programs;
mod restart;
mod sockets;
mod table;

use std::path::Path;

use crate::Outcome;
use lab::Lab;

/// A language in which a program is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Python,
    Rust,
}

/// A transport over which two programs talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Ipc,
    Tcp,
}

impl Transport {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 2] = [Self::Tcp, Self::Ipc];

    /// As in an endpoint.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ipc => "ipc",
            Self::Tcp => "tcp",
        }
    }
}

/// The languages of two sides.
pub(crate) type Sides = (Language, Language);

/// All four, the control (Python on both sides) last.
pub(crate) const COMBINATIONS: [Sides; 4] = [
    (Language::Rust, Language::Rust),
    (Language::Rust, Language::Python),
    (Language::Python, Language::Rust),
    CONTROL,
];

/// What must hold for the reference itself.
pub(crate) const CONTROL: Sides = (Language::Python, Language::Python);

/// What is asked for on the command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    sockets: bool,
    restart: bool,
    release: bool,
    /// Only Python against Python: does the harness itself work?
    control: bool,
    /// Only rows whose name contains this.
    only: Option<String>,
}

/// Runs what the arguments ask for.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    let options = parse(arguments)?;
    let combinations: &[Sides] = if options.control {
        &[CONTROL]
    } else {
        &COMBINATIONS
    };
    let lab = Lab::prepare(root, options.release, !options.control)?;
    let only = options.only.as_deref().unwrap_or_default();
    let failed = if options.sockets {
        sockets::run(&lab, combinations, only)
    } else if options.restart {
        restart::run(&lab, combinations, only)
    } else {
        programs::run(&lab, combinations, only)
    };
    match failed {
        0 => Ok(()),
        count => Err(format!("{count} of the runs failed")),
    }
}

fn parse(arguments: &[&str]) -> Outcome<Options> {
    let mut options = Options::default();
    for argument in arguments {
        match *argument {
            "--sockets" => options.sockets = true,
            "--restart" => options.restart = true,
            "--release" => options.release = true,
            "--control" => options.control = true,
            name if !name.starts_with('-') && options.only.is_none() => {
                options.only = Some(name.to_owned());
            }
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = parse(&["--sockets", "push", "--release"]).unwrap();
        assert!(options.sockets && options.release && !options.restart);
        assert_eq!(options.only.as_deref(), Some("push"));
    }

    #[test]
    fn unknown_arguments_are_refused() {
        assert!(parse(&["--socket"]).is_err());
        assert!(parse(&["push", "pull"]).is_err());
    }
}
