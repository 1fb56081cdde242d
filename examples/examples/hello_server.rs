//! REP server: answers COUNT questions.

use std::error::Error;
use std::thread;

use ferromq::{Context, Rep};
use ferromq_examples::{Arguments, Seconds};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("hello_server ENDPOINT COUNT [DELAY_S]");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    let Seconds(delay) = arguments.take_optional().unwrap_or_default();
    arguments.end();

    let context = Context::new();
    let socket = Rep::new(&context);
    socket.bind(&endpoint)?;
    for _ in 0..count {
        println!("received {}", socket.recv()?.part_str(0)?);
        thread::sleep(delay);
        socket.send("I am OK!")?;
    }
    Ok(())
}
