//! SUB to everything: prints COUNT messages.

use std::error::Error;

use ferromq::{Context, Sub};
use ferromq_examples::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("counter_subscriber ENDPOINT COUNT");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let socket = Sub::new(&context);
    socket.connect(&endpoint)?;
    socket.subscribe("")?;
    for _ in 0..count {
        println!("response {}", socket.recv()?.part_str(0)?);
    }
    Ok(())
}
