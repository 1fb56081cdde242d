//! REQ client that no server can leave stuck: asks COUNT times, again where it has to.
//!
//! The "lazy pirate" of the guide, whose loop of polling, closing and connecting again is one call
//! here. Start and kill `hello_server` as you like meanwhile.

use std::error::Error;
use std::time::Duration;

use ferromq::{Context, Req};
use ferromq_examples::Arguments;

/// How long the server may take for a reply.
const TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("reliable_client ENDPOINT COUNT");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let socket = Req::new(&context);
    socket.connect(&endpoint)?;
    for _ in 0..count {
        let request = socket.request("Are you OK?").timeout(TIMEOUT).retries(20);
        println!("response {}", request.wait()?.part_str(0)?);
    }
    Ok(())
}
