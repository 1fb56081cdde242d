//! What the runs need: examples that are built, a Python with pyzmq, endpoints that are free.

use std::cell::Cell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::process::Program;
use super::{Language, Transport};
use crate::step::{cargo, run as run_command};
use crate::{Outcome, python, target};

/// The place where programs are run.
#[derive(Debug)]
pub(crate) struct Lab {
    examples: PathBuf,
    python: PathBuf,
    founding: PathBuf,
    peer: PathBuf,
    /// For ipc sockets, whose paths must be short.
    sockets: PathBuf,
    endpoints: Cell<u32>,
}

impl Lab {
    /// Builds the examples if they are needed, and the Python environment if it is not there yet.
    pub(crate) fn prepare(root: &Path, is_release: bool, needs_rust: bool) -> Outcome<Self> {
        let target = target(root);
        if needs_rust {
            let build: &[&str] = &["build", "--workspace", "--examples", "--locked"];
            let release: &[&str] = if is_release { &["--release"] } else { &[] };
            run_command(&mut cargo(root, &[build, release].concat()))?;
        }
        let sockets = std::env::temp_dir().join(format!("ferromq-{}", std::process::id()));
        fs::create_dir_all(&sockets).map_err(|error| format!("{sockets:?}: {error}"))?;
        let profile = if is_release { "release" } else { "debug" };
        Ok(Self {
            examples: target.join(profile).join("examples"),
            python: python::environment(root)?,
            founding: root.join("examples/python"),
            peer: root.join("xtask/py/interop_peer.py"),
            sockets,
            endpoints: Cell::new(0),
        })
    }

    /// Starts a founding program.
    pub(crate) fn program(
        &self,
        language: Language,
        name: &str,
        arguments: &[&str],
        limit: Duration,
    ) -> Outcome<Program> {
        let mut command = match language {
            Language::Rust => Command::new(self.examples.join(name)),
            Language::Python => {
                let mut command = Command::new(&self.python);
                command.arg(self.founding.join(format!("{name}.py")));
                command
            }
        };
        let label = format!("{name} ({language:?})");
        Program::start(&label, command.args(arguments), Instant::now() + limit)
    }

    /// Starts the test peer.
    pub(crate) fn peer(
        &self,
        language: Language,
        arguments: &[&str],
        limit: Duration,
    ) -> Outcome<Program> {
        let mut command = match language {
            Language::Rust => Command::new(self.examples.join("interop_peer")),
            Language::Python => {
                let mut command = Command::new(&self.python);
                command.arg(&self.peer);
                command
            }
        };
        let label = format!("peer {} ({language:?})", arguments.join(" "));
        Program::start(&label, command.args(arguments), Instant::now() + limit)
    }

    /// An endpoint that nobody listens at.
    pub(crate) fn endpoint(&self, transport: Transport) -> Outcome<String> {
        match transport {
            Transport::Tcp => {
                let free = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr());
                let address = free.map_err(|error| format!("no free port: {error}"))?;
                Ok(format!("tcp://{address}"))
            }
            Transport::Ipc => {
                let number = self.endpoints.get();
                self.endpoints.set(number + 1);
                Ok(format!(
                    "ipc://{}",
                    self.sockets.join(number.to_string()).display()
                ))
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.sockets);
    }
}
