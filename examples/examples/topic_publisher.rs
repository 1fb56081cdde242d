//! PUB: [topic, data] in turn for each TOPIC, COUNT rounds.

use std::error::Error;
use std::thread;

use ferromq::{Context, Pub};
use ferromq_examples::{Arguments, Seconds};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("topic_publisher ENDPOINT COUNT INTERVAL_S TOPIC…");
    let (endpoint, count): (String, u64) = (arguments.take(), arguments.take());
    let Seconds(interval) = arguments.take();
    let topics = arguments.take_rest();

    let context = Context::new();
    let socket = Pub::new(&context);
    socket.bind(&endpoint)?;
    for _ in 0..count {
        for topic in &topics {
            socket.send([topic.clone(), format!("message for {topic}")])?;
        }
        thread::sleep(interval);
    }
    Ok(())
}
