//! PULL: gathers COUNT results and prints how many came from each worker.

use std::collections::BTreeMap;
use std::error::Error;

use ferromq::{Context, Pull};
use ferromq_examples::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("sink ENDPOINT COUNT");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let socket = Pull::new(&context);
    socket.bind(&endpoint)?;
    let mut seen = BTreeMap::<String, u64>::new();
    for _ in 0..count {
        let result = socket.recv()?;
        let worker = result
            .part_str(0)?
            .split_whitespace()
            .next()
            .ok_or("empty result")?;
        *seen.entry(worker.to_owned()).or_default() += 1;
    }
    for (worker, number) in seen {
        println!("{worker} {number}");
    }
    Ok(())
}
