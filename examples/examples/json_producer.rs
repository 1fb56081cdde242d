//! PUSH: {"num": n} as JSON.

use std::error::Error;

use ferromq::json::SendJson;
use ferromq::{Context, Push};
use ferromq_examples::Arguments;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("json_producer ENDPOINT COUNT");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let socket = Push::new(&context);
    socket.bind(&endpoint)?;
    for number in 0..count {
        socket.send_json(&json!({ "num": number }))?;
    }
    Ok(())
}
