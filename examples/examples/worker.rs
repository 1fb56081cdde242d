//! PULL from the ventilator, PUSH to the sink, until killed.

use std::error::Error;

use ferromq::{Context, Pull, Push};
use ferromq_examples::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("worker NAME SOURCE SINK");
    let name: String = arguments.take();
    let (source, sink): (String, String) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let tasks = Pull::new(&context);
    let results = Push::new(&context);
    tasks.connect(&source)?;
    results.connect(&sink)?;
    loop {
        let task = tasks.recv()?;
        results.send(format!("{name} {}", task.part_str(0)?))?;
    }
}
