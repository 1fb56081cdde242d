//! The two ends of a run: a thread each, pinned before anything else happens in it.
//!
//! Each makes its own context, whose I/O thread inherits the core: as two processes would. The
//! thread that waits for both is the watchdog.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::Outcome;
use super::cell::{Cell, Subject};
use super::machine::cpu_time;

/// A run that takes longer has hung.
const MOST: Duration = Duration::from_secs(60);

/// What one run has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Messages, or round trips, per second.
    pub(crate) rate: f64,
    /// The median round trip, in microseconds.
    pub(crate) p50: f64,
    /// Of 100 round trips, 99 are at most so long, in microseconds.
    pub(crate) p99: f64,
    /// Processor time of both ends for each message or round trip, in microseconds.
    pub(crate) cpu: f64,
}

/// Where the server leaves its endpoint for the client.
pub(crate) type Tell = mpsc::Sender<String>;

/// Runs both ends. One of them measures.
pub(crate) fn run(
    cell: &Cell,
    subject: Subject,
    server: impl FnOnce(Tell) -> Outcome<Option<Sample>> + Send + 'static,
    client: impl FnOnce(String) -> Outcome<Option<Sample>> + Send + 'static,
) -> Outcome<Sample> {
    let (done, results) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let (here, there) = (cell.placement.server(), cell.placement.client());
    let report = done.clone();
    thread::Builder::new()
        .name(format!("{}-server", subject.name()))
        .spawn(move || report.send(here.pin().and_then(|()| server(tell))))?;
    thread::Builder::new()
        .name(format!("{}-client", subject.name()))
        .spawn(move || {
            let endpoint = || there.pin().and_then(|()| Ok(told.recv()?));
            done.send(endpoint().and_then(client))
        })?;
    let mut measured = None;
    for _ in 0..2 {
        let result = results.recv_timeout(MOST);
        let sample = result.map_err(|_| format!("{cell}, {}: no end in sight", subject.name()))?;
        let sample = sample.map_err(|error| format!("{cell}, {}: {error}", subject.name()))?;
        measured = measured.or(sample);
    }
    measured.ok_or_else(|| "neither end has measured".into())
}

/// Time and processor time since a moment.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    cpu: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            cpu: cpu_time(),
            start: Instant::now(),
        }
    }

    /// The rate and the processor time of what was done since.
    pub(crate) fn stop(&self, messages: usize) -> Sample {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = cpu_time().saturating_sub(self.cpu).as_secs_f64();
        Sample {
            rate: messages as f64 / seconds,
            cpu: cpu * 1e6 / messages as f64,
            ..Sample::default()
        }
    }
}

/// Payloads as an application would make them: its own buffer, changed for each message.
#[derive(Debug)]
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    pub(crate) fn new(size: usize) -> Self {
        Self((0..size).map(|index| index as u8).collect())
    }

    /// The bytes of message number `sequence`.
    #[inline]
    pub(crate) fn number(&mut self, sequence: usize) -> &[u8] {
        self.0[..8].copy_from_slice(&(sequence as u64).to_le_bytes());
        &self.0
    }

    /// Fails unless these bytes have the length and the number of message `sequence`.
    #[inline]
    pub(crate) fn check(&self, bytes: &[u8], sequence: usize) -> Outcome {
        let number = (sequence as u64).to_le_bytes();
        if bytes.len() == self.0.len() && bytes[..8] == number {
            return Ok(());
        }
        wrong(bytes, sequence)
    }

    /// Fails unless these bytes are all of message `sequence`.
    pub(crate) fn check_all(&self, bytes: &[u8], sequence: usize) -> Outcome {
        self.check(bytes, sequence)?;
        if bytes[8..] == self.0[8..] {
            return Ok(());
        }
        wrong(bytes, sequence)
    }
}

#[cold]
fn wrong(bytes: &[u8], sequence: usize) -> Outcome {
    let start = &bytes[..bytes.len().min(16)];
    let length = bytes.len();
    Err(format!("instead of message {sequence} came {length} bytes: {start:?}").into())
}
