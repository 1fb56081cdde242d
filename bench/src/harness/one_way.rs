//! One-way: messages per second from the call of `send` to the return of `recv`.
//!
//! The receiver checks each message and measures, from the end of the first tenth to the last.

use std::sync::mpsc;

use ferromq::{Context, Pull, Push};

use super::Outcome;
use super::cell::{Cell, Subject, Transport};
use super::raw::{self, Batches};
use super::roles::{self, Payload, Sample, Stopwatch};

/// How many messages a std channel holds, like a socket by default.
const MARK: usize = 1000;

/// One run of `count` messages.
pub(crate) fn run(cell: &Cell, subject: Subject, count: usize) -> Outcome<Sample> {
    match (subject, cell.transport) {
        (Subject::Ferromq, _) => ferromq(cell, count),
        (Subject::Raw, Transport::Inproc) => channel(cell, count),
        (Subject::Raw, _) => stream(cell, count),
    }
}

fn ferromq(cell: &Cell, count: usize) -> Outcome<Sample> {
    let &Cell {
        size, transport, ..
    } = cell;
    let shared = (transport == Transport::Inproc).then(Context::new);
    let theirs = shared.clone();
    let server = move |tell: roles::Tell| {
        let pull = Pull::new(&shared.unwrap_or_default());
        tell.send(pull.bind(transport.endpoint())?.to_string())?;
        let mut counter = Counter::new(size, count);
        loop {
            let message = pull.recv()?;
            let part = message.part(0).ok_or("a message without parts")?;
            if counter.count(part.as_bytes())? {
                return Ok(counter.sample);
            }
        }
    };
    let client = move |endpoint: String| {
        let push = Push::new(&theirs.unwrap_or_default());
        push.connect(&endpoint)?;
        let mut payload = Payload::new(size);
        for sequence in 0..count {
            push.send(payload.number(sequence))?;
        }
        Ok(None)
    };
    roles::run(cell, Subject::Ferromq, server, client)
}

fn stream(cell: &Cell, count: usize) -> Outcome<Sample> {
    let &Cell {
        size, transport, ..
    } = cell;
    let server = move |tell: roles::Tell| {
        let stream = raw::accept(transport, &tell)?;
        let mut counter = Counter::new(size, count);
        raw::read_all(stream, size, |message| counter.count(message))?;
        Ok(counter.sample)
    };
    let client = move |told: String| {
        let mut batches = Batches::new(raw::connect(transport, &told)?, size);
        let mut payload = Payload::new(size);
        for sequence in 0..count {
            batches.push(payload.number(sequence))?;
        }
        batches.flush()?;
        Ok(None)
    };
    roles::run(cell, Subject::Raw, server, client)
}

/// What stands for the bare socket within a process: a bounded channel of vectors.
fn channel(cell: &Cell, count: usize) -> Outcome<Sample> {
    let size = cell.size;
    let (sender, receiver) = mpsc::sync_channel(MARK);
    let server = move |tell: roles::Tell| {
        tell.send(String::new())?;
        let mut counter = Counter::new(size, count);
        loop {
            let message: Vec<u8> = receiver.recv()?;
            if counter.count(&message)? {
                return Ok(counter.sample);
            }
        }
    };
    let client = move |_: String| {
        let mut payload = Payload::new(size);
        for sequence in 0..count {
            sender.send(payload.number(sequence).to_vec())?;
        }
        Ok(None)
    };
    roles::run(cell, Subject::Raw, server, client)
}

/// Checks and counts what arrives.
struct Counter {
    expected: Payload,
    next: usize,
    warm: usize,
    count: usize,
    watch: Stopwatch,
    sample: Option<Sample>,
}

impl Counter {
    fn new(size: usize, count: usize) -> Self {
        Self {
            expected: Payload::new(size),
            next: 0,
            warm: count / 10,
            count,
            watch: Stopwatch::start(),
            sample: None,
        }
    }

    /// True after the last message.
    #[inline]
    fn count(&mut self, bytes: &[u8]) -> Outcome<bool> {
        self.expected.check(bytes, self.next)?;
        self.next += 1;
        if self.next == self.warm {
            self.watch = Stopwatch::start();
        }
        if self.next < self.count {
            return Ok(false);
        }
        self.sample = Some(self.watch.stop(self.count - self.warm));
        self.expected.check_all(bytes, self.next - 1)?;
        Ok(true)
    }
}
