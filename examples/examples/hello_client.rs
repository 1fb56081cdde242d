//! REQ client: asks COUNT times.

use std::error::Error;

use ferromq::{Context, Req};
use ferromq_examples::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("hello_client ENDPOINT COUNT");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let socket = Req::new(&context);
    socket.connect(&endpoint)?;
    for _ in 0..count {
        socket.send("Are you OK?")?;
        println!("response {}", socket.recv()?.part_str(0)?);
    }
    Ok(())
}
