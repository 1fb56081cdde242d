//! A whole request and reply in one process: `cargo run --example hello`.

use std::error::Error;

use ferromq::{Context, Rep, Req};

fn main() -> Result<(), Box<dyn Error>> {
    let context = Context::new();
    let server = Rep::new(&context);
    let endpoint = server.bind("tcp://127.0.0.1:*")?;
    let client = Req::new(&context);
    client.connect(&endpoint)?;

    client.send("Are you OK?")?;
    println!("request: {}", server.recv()?.part_str(0)?);
    server.send("I am OK!")?;
    println!("reply: {}", client.recv()?.part_str(0)?);
    Ok(())
}
