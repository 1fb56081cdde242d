//! PUB: "message0" … every INTERVAL seconds.

use std::error::Error;
use std::thread;

use ferromq::{Context, Pub};
use ferromq_examples::{Arguments, Seconds};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("counter_publisher ENDPOINT COUNT INTERVAL_S");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    let Seconds(interval) = arguments.take();
    arguments.end();

    let context = Context::new();
    let socket = Pub::new(&context);
    socket.bind(&endpoint)?;
    for number in 0..count {
        socket.send(format!("message{number}"))?;
        thread::sleep(interval);
    }
    Ok(())
}
