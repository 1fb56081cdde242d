//! What the two sides of a run tell each other besides the messages that are measured: a stream of
//! lines, the same between threads and between processes.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// One side's end.
pub(crate) struct Link {
    reader: BufReader<UnixStream>,
    writer: Writer,
}

impl Link {
    pub(crate) fn new(stream: UnixStream) -> Outcome<Self> {
        let writer = Writer {
            stream: Arc::new(Mutex::new(stream.try_clone()?)),
            failure: Arc::default(),
        };
        let reader = BufReader::new(stream);
        Ok(Self { reader, writer })
    }

    /// Waits for what the other side says. An error when a thread of this side, or the other side,
    /// has failed.
    pub(crate) fn next(&mut self) -> Outcome<Note> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? > 0 {
            return Ok(serde_json::from_str(&line)?);
        }
        let failure = lock(&self.writer.failure).take();
        Err(failure.map_or("the other side has ended".into(), Into::into))
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }
}

impl Drop for Link {
    /// The other side must not wait for a side that is no more.
    fn drop(&mut self) {
        self.writer.hang_up();
    }
}

/// Tells the other side; for any thread.
#[derive(Clone)]
pub(crate) struct Writer {
    stream: Arc<Mutex<UnixStream>>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Writer {
    pub(crate) fn tell(&self, note: &Note) -> Outcome {
        let mut line = serde_json::to_vec(note)?;
        line.push(b'\n');
        Ok(lock(&self.stream).write_all(&line)?)
    }

    /// For a receiver that is the only one.
    pub(crate) fn acknowledge(&self, phase: Phase, received: u64) -> Outcome {
        self.tell(&Note::Ack {
            receiver: 0,
            mark: Mark { lane: 0, phase },
            received,
        })
    }

    /// Ends the run on both sides, with this as its result.
    pub(crate) fn fail(&self, problem: String) {
        lock(&self.failure).get_or_insert(problem);
        self.hang_up();
    }

    /// What a thread has failed with.
    pub(crate) fn failure(&self) -> Outcome {
        match lock(&self.failure).take() {
            Some(problem) => Err(problem.into()),
            None => Ok(()),
        }
    }

    fn hang_up(&self) {
        // It may have been shut down before.
        let _ = lock(&self.stream).shutdown(Shutdown::Both);
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Note {
    /// From the side that binds: where to connect to.
    Endpoint(String),
    /// From the side that conducts: this begins now.
    Phase(Phase),
    /// From a receiver: it has all that was sent before the mark, and so many messages since the
    /// mark before.
    Ack {
        receiver: usize,
        mark: Mark,
        received: u64,
    },
    /// From a receiver: the number of the message that is next.
    Progress { receiver: usize, next: u64 },
}

/// The parts of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Until everybody is connected.
    Join,
    /// Not measured yet.
    Warm,
    Measured,
    /// What some workloads measure besides.
    Extra,
    /// Everything stays open and nothing is sent.
    Idle,
    /// The last messages, which say so.
    Leave,
    /// The sockets are closed.
    Over,
}

impl Phase {
    /// Those before everything is over.
    pub(crate) const ALL: [Self; 6] = [
        Self::Join,
        Self::Warm,
        Self::Measured,
        Self::Extra,
        Self::Idle,
        Self::Leave,
    ];
    /// Those of most workloads.
    pub(crate) const RUN: [Self; 5] = [
        Self::Join,
        Self::Warm,
        Self::Measured,
        Self::Idle,
        Self::Leave,
    ];
}

/// What a sender puts behind its messages of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) lane: usize,
    pub(crate) phase: Phase,
}

/// Locks, also after a panic of another thread: the run has failed then anyhow.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
