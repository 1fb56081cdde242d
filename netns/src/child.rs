//! This program once more, in a namespace.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::Outcome;

/// A process in a namespace; it is killed at the end.
pub(crate) struct Child {
    name: String,
    process: Process,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Child {
    /// Starts it in a namespace; it is open when this returns.
    pub(crate) fn start(namespace: &str, way: &str, endpoint: &str) -> Outcome<Self> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program);
        command.args(["inside", way, endpoint]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("ip: {error}"))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("a child without input or output".to_owned());
        };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok())
        });
        let name = format!("{way} {endpoint}");
        let mut child = Self {
            name,
            process,
            input,
            lines,
        };
        child.wait_for("open", Duration::from_secs(10))?;
        Ok(child)
    }

    /// Has it send these numbers.
    pub(crate) fn send(&mut self, from: u32, to: u32) -> Outcome {
        let told = writeln!(self.input, "send {from} {to}").and_then(|()| self.input.flush());
        told.map_err(|error| format!("{}: {error}", self.name))
    }

    /// Waits until it prints a line that begins so; how long that took, and the rest of the line.
    pub(crate) fn wait_for(&mut self, start: &str, limit: Duration) -> Outcome<(Duration, String)> {
        let begin = Instant::now();
        loop {
            let rest = limit.saturating_sub(begin.elapsed());
            let line = self
                .lines
                .recv_timeout(rest)
                .map_err(|_| format!("{}: no line {start:?} within {limit:?}", self.name))?;
            if let Some(rest) = line.strip_prefix(start) {
                return Ok((begin.elapsed(), rest.trim().to_owned()));
            }
        }
    }

    /// Waits for exactly these numbers, in order.
    pub(crate) fn expect(&mut self, from: u32, to: u32, limit: Duration) -> Outcome {
        let end = Instant::now() + limit;
        for number in from..to {
            let rest = end.saturating_duration_since(Instant::now());
            let (_, got) = self.wait_for("got ", rest)?;
            if got != number.to_string() {
                return Err(format!("{}: {got} instead of {number}", self.name));
            }
        }
        Ok(())
    }

    /// Waits for a number, whatever comes before it.
    pub(crate) fn wait_for_number(&mut self, number: u32, limit: Duration) -> Outcome<Duration> {
        let end = Instant::now() + limit;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            let (_, got) = self.wait_for("got ", rest)?;
            if got == number.to_string() {
                return Ok(limit - end.saturating_duration_since(Instant::now()));
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
