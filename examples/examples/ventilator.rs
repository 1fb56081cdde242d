//! PUSH: "task0" … to the workers in turn.

use std::error::Error;
use std::thread;

use ferromq::{Context, Push};
use ferromq_examples::{Arguments, Seconds};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("ventilator ENDPOINT COUNT [INTERVAL_S]");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    let Seconds(interval) = arguments.take_optional().unwrap_or_default();
    arguments.end();

    let context = Context::new();
    let socket = Push::new(&context);
    socket.bind(&endpoint)?;
    for number in 0..count {
        socket.send(format!("task{number}"))?;
        println!("sent {number}");
        thread::sleep(interval);
    }
    Ok(())
}
