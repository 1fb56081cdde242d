//! PULL work, bind a PUSH for results, until killed.

use std::error::Error;

use ferromq::json::{RecvJson, SendJson};
use ferromq::{Context, Pull, Push};
use ferromq_examples::Arguments;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("json_consumer ID SOURCE RESULTS_ENDPOINT");
    let consumer: String = arguments.take();
    let (source, results): (String, String) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let work = Pull::new(&context);
    let out = Push::new(&context);
    work.connect(&source)?;
    out.bind(&results)?;
    loop {
        let item: Value = work.recv_json()?;
        out.send_json(&json!({ "consumer_id": consumer, "num": item["num"] }))?;
    }
}
