//! A program under test: its lines as they come, its end, its death.
//!
//! Invariant: the process is gone, by its id, before its [`Program`] is.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::Outcome;

/// How often the end of a process is looked for.
const LOOK: Duration = Duration::from_millis(2);
/// How much of a program's complaints is shown.
const COMPLAINT: usize = 2000;

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    name: String,
    child: Child,
    lines: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
    deadline: Instant,
}

impl Program {
    /// Starts a program that may live until `deadline`.
    pub(crate) fn start(name: &str, command: &mut Command, deadline: Instant) -> Outcome<Self> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        let (sender, lines) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                let _ = lines.map(|line| sender.send(line)).find(Result::is_err);
            });
        }
        let complaints = child.stderr.take().map(|mut output| {
            thread::spawn(move || {
                let mut text = Vec::new();
                let _ = output.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        Ok(Self {
            name: name.to_owned(),
            child,
            lines,
            complaints,
            deadline,
        })
    }

    /// The next line that it prints; an error if it ends or the deadline passes.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(self.problem("prints nothing more")),
            Err(RecvTimeoutError::Disconnected) => Err(self.problem("has ended")),
        }
    }

    /// The lines printed so far and not taken yet.
    pub(crate) fn lines_so_far(&mut self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Waits for a line that begins like this; drops those before it.
    pub(crate) fn line_with(&mut self, start: &str) -> Outcome<String> {
        loop {
            let line = self.line()?;
            if line.starts_with(start) {
                return Ok(line);
            }
        }
    }

    /// Writes a line to its input.
    pub(crate) fn tell(&mut self, line: &str) -> Outcome {
        let told = match &mut self.child.stdin {
            Some(input) => writeln!(input, "{line}").and_then(|()| input.flush()),
            None => Ok(()),
        };
        told.map_err(|error| self.problem(&format!("takes no input ({error})")))
    }

    /// Waits until it ends by itself, with success; the lines not taken yet.
    pub(crate) fn finish(mut self) -> Outcome<Vec<String>> {
        let status = self.wait()?;
        if !status.success() {
            return Err(self.problem(&format!("failed ({status})")));
        }
        Ok(self.lines.iter().collect())
    }

    fn wait(&mut self) -> Outcome<ExitStatus> {
        loop {
            let looked = self.child.try_wait().map_err(|error| error.to_string())?;
            if let Some(status) = looked {
                return Ok(status);
            }
            if Instant::now() > self.deadline {
                return Err(self.problem("does not end"));
            }
            thread::sleep(LOOK);
        }
    }

    /// Ends it at once, as `kill -9` does; the lines not taken yet.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.end();
        self.lines.iter().collect()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What is wrong with it, with what it printed; ends it.
    fn problem(&mut self, what: &str) -> String {
        self.end();
        let mut text = format!("{} {what}", self.name);
        let complaints = self.complaints.take().and_then(|reader| reader.join().ok());
        let complaints = complaints.unwrap_or_default();
        let last: String = {
            let skipped = complaints.chars().count().saturating_sub(COMPLAINT);
            complaints.chars().skip(skipped).collect()
        };
        if !last.is_empty() {
            let _ = write!(text, "\n{}", last.trim_end());
        }
        text
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Program::start("script", &mut command, Instant::now() + limit).unwrap()
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn lines_are_given_as_they_come() {
        let mut program = shell("echo a; read x; echo $x", LONG);
        assert_eq!(program.line(), Ok("a".to_owned()));
        program.tell("b").unwrap();
        assert_eq!(program.finish(), Ok(vec!["b".to_owned()]));
    }

    #[test]
    fn failure_shows_what_was_complained_about() {
        let problem = shell("echo broken >&2; exit 3", LONG).finish().unwrap_err();
        assert!(
            problem.contains("broken") && problem.contains("3"),
            "{problem}"
        );
    }

    #[test]
    fn program_that_does_not_end_is_a_failure_and_is_ended() {
        let problem = shell("exec sleep 1000", Duration::ZERO)
            .finish()
            .unwrap_err();
        assert_eq!(problem, "script does not end");
    }
}
