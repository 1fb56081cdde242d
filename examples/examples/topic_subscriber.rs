//! SUB to one TOPIC prefix: prints COUNT messages.

use std::error::Error;

use ferromq::{Context, Sub};
use ferromq_examples::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("topic_subscriber ENDPOINT TOPIC COUNT");
    let (endpoint, topic): (String, String) = (arguments.take(), arguments.take());
    let count: u64 = arguments.take();
    arguments.end();

    let context = Context::new();
    let socket = Sub::new(&context);
    socket.subscribe(&topic)?;
    socket.connect(&endpoint)?;
    for _ in 0..count {
        let message = socket.recv()?;
        let (name, data) = (message.part_str(0)?, message.part_str(1)?);
        assert!(name.starts_with(&topic), "{name}");
        println!("[{name}] {data}");
    }
    Ok(())
}
