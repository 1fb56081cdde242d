//! PULL connected to every consumer: counts COUNT results per consumer.

use std::collections::BTreeMap;
use std::error::Error;

use ferromq::json::RecvJson;
use ferromq::{Context, Pull};
use ferromq_examples::Arguments;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("json_collector COUNT ENDPOINT…");
    let count: u64 = arguments.take();
    let endpoints = arguments.take_rest();

    let context = Context::new();
    let socket = Pull::new(&context);
    for endpoint in &endpoints {
        socket.connect(endpoint)?;
    }
    let mut seen = BTreeMap::<String, u64>::new();
    for _ in 0..count {
        let result: Value = socket.recv_json()?;
        let consumer = result["consumer_id"]
            .as_str()
            .ok_or("result without consumer_id")?;
        *seen.entry(consumer.to_owned()).or_default() += 1;
    }
    for (consumer, number) in seen {
        println!("{consumer} {number}");
    }
    Ok(())
}
