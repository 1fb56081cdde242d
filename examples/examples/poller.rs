//! One thread that waits for two sockets and a timer: questions, work and ticks.
//!
//! Ends when COUNT of each have come.

use std::collections::BTreeMap;
use std::error::Error;
use std::thread;
use std::time::Duration;

use ferromq::{Context, Poller, Pull, Push, Readiness, Rep, Req};
use ferromq_examples::Arguments;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Questions,
    Ticks,
    Work,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("poller COUNT");
    let count: u64 = arguments.take();
    arguments.end();

    let context = Context::new();
    let (rep, pull) = (Rep::new(&context), Pull::new(&context));
    let (questions, work) = (rep.bind("inproc://questions")?, pull.bind("inproc://work")?);
    let (req, push) = (Req::new(&context), Push::new(&context));
    req.connect(questions)?;
    push.connect(work)?;
    let others = thread::spawn(move || {
        for _ in 0..count {
            push.send("something to do")?;
            req.request("what time is it?").wait()?;
        }
        Ok::<(), Box<dyn Error + Send + Sync>>(())
    });

    let mut poller = Poller::new(&context);
    poller.add(Source::Questions, &rep, Readiness::RECEIVE)?;
    poller.add(Source::Work, &pull, Readiness::RECEIVE)?;
    poller.add_timer(Source::Ticks, Duration::from_millis(1))?;
    let mut seen =
        BTreeMap::from([Source::Questions, Source::Ticks, Source::Work].map(|of| (of, 0)));
    while seen.values().any(|times| *times < count) {
        for event in poller.wait(None)? {
            match event.key() {
                Source::Questions => rep.send(rep.recv()?)?,
                Source::Work => drop(pull.recv()?),
                Source::Ticks if seen[&Source::Ticks] == count => continue,
                Source::Ticks => {}
            }
            *seen.entry(*event.key()).or_default() += 1;
        }
    }
    others
        .join()
        .map_err(|_| "the other thread panicked")?
        .map_err(|error| error.to_string())?;
    for (source, times) in seen {
        println!("{source:?} {times}");
    }
    Ok(())
}
