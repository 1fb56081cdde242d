//! Round trips: from the call of `send` to the return of `recv`, measured by the client.

use std::thread;
use std::time::{Duration, Instant};

use ferromq::{Context, Rep, Req};

use super::Outcome;
use super::cell::{Cell, Subject, Work};
use super::raw::{self, PREFIX};
use super::roles::{self, Payload, Sample, Stopwatch};

/// Between two requests when cold.
const PAUSE: Duration = Duration::from_millis(100);

/// One run of `count` round trips, after a tenth (at least one) to warm up.
pub(crate) fn run(cell: &Cell, subject: Subject, count: usize) -> Outcome<Sample> {
    let warm = (count / 10).max(1);
    match subject {
        Subject::Ferromq => ferromq(cell, warm, count),
        Subject::Raw => stream(cell, warm, count),
    }
}

fn ferromq(cell: &Cell, warm: usize, count: usize) -> Outcome<Sample> {
    let &Cell {
        size,
        transport,
        work,
        ..
    } = cell;
    let server = move |tell: roles::Tell| {
        let rep = Rep::new(&Context::new());
        tell.send(rep.bind(transport.endpoint())?.to_string())?;
        for _ in 0..warm + count {
            rep.send(rep.recv()?)?;
        }
        Ok(None)
    };
    let client = move |endpoint: String| {
        let req = Req::new(&Context::new());
        req.connect(&endpoint)?;
        let mut payload = Payload::new(size);
        let sample = measure(work, warm, count, |sequence| {
            req.send(payload.number(sequence))?;
            let reply = req.recv()?;
            let part = reply.part(0).ok_or("a reply without parts")?;
            payload.check_all(part.as_bytes(), sequence)
        })?;
        Ok(Some(sample))
    };
    roles::run(cell, Subject::Ferromq, server, client)
}

fn stream(cell: &Cell, warm: usize, count: usize) -> Outcome<Sample> {
    let &Cell {
        size,
        transport,
        work,
        ..
    } = cell;
    let server = move |tell: roles::Tell| {
        let mut stream = raw::accept(transport, &tell)?;
        let mut buffer = vec![0; PREFIX + size];
        for _ in 0..warm + count {
            stream.read_exact(&mut buffer)?;
            stream.write_all(&buffer)?;
        }
        Ok(None)
    };
    let client = move |told: String| {
        let mut stream = raw::connect(transport, &told)?;
        let mut payload = Payload::new(size);
        let mut request = Vec::with_capacity(PREFIX + size);
        let mut reply = vec![0; PREFIX + size];
        let sample = measure(work, warm, count, |sequence| {
            request.clear();
            raw::frame(&mut request, payload.number(sequence));
            stream.write_all(&request)?;
            stream.read_exact(&mut reply)?;
            let (message, _) = raw::unframe(&reply).ok_or("a reply of another length")?;
            payload.check_all(message, sequence)
        })?;
        Ok(Some(sample))
    };
    roles::run(cell, Subject::Raw, server, client)
}

/// Times each call of `turn`.
fn measure(
    work: Work,
    warm: usize,
    count: usize,
    mut turn: impl FnMut(usize) -> Outcome,
) -> Outcome<Sample> {
    for sequence in 0..warm {
        turn(sequence)?;
    }
    // Written once, so that no page is new while the clock runs.
    let mut times = vec![Duration::MAX; count];
    let watch = Stopwatch::start();
    for (sequence, time) in (warm..).zip(&mut times) {
        if work == Work::Cold {
            thread::sleep(PAUSE);
        }
        let start = Instant::now();
        turn(sequence)?;
        *time = start.elapsed();
    }
    let sample = watch.stop(count);
    times.sort_unstable();
    let microseconds = |rank: usize| times[rank].as_secs_f64() * 1e6;
    Ok(Sample {
        p50: microseconds(count / 2),
        p99: microseconds((count * 99).div_ceil(100).saturating_sub(1)),
        ..sample
    })
}
