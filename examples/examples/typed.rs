//! Typed payloads: `typed serve ENDPOINT` answers each of four requests in kind,
//! `typed ask ENDPOINT` asks. Text, JSON, pickle, and several parts.

use std::error::Error;

use ferromq::json::{RecvJson, SendJson};
use ferromq::pickle::{RecvPickle, SendPickle};
use ferromq::{Context, Message, Rep, Req};
use ferromq_examples::{Arguments, Bytes, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("typed serve|ask ENDPOINT");
    let (role, endpoint): (String, String) = (arguments.take(), arguments.take());
    let context = Context::new();
    match role.as_str() {
        "serve" => serve(&context, &endpoint),
        "ask" => ask(&context, &endpoint),
        _ => arguments.wrong(),
    }
}

fn serve(context: &Context, endpoint: &str) -> Result<(), Box<dyn Error>> {
    let socket = Rep::new(context);
    socket.bind(endpoint)?;

    let text = socket.recv()?;
    socket.send(format!("{} ✓", text.part_str(0)?))?;
    let value: Value = socket.recv_json()?;
    socket.send_json(&Value::Dict(vec![("echo".into(), value)]))?;
    let object: Value = socket.recv_pickle()?;
    socket.send_pickle(&object)?;
    let parts = socket.recv()?.into_parts();
    socket.send(parts.into_iter().rev().collect::<Message>())?;
    Ok(())
}

fn ask(context: &Context, endpoint: &str) -> Result<(), Box<dyn Error>> {
    let socket = Req::new(context);
    socket.connect(endpoint)?;
    let sample = sample();

    socket.send("größe")?;
    println!("{}", socket.recv()?.part_str(0)?);
    socket.send_json(&sample)?;
    println!("{}", socket.recv_json::<Value>()?);
    socket.send_pickle(&sample)?;
    println!("{}", socket.recv_pickle::<Value>()?);
    socket.send(["message1", "", "message3"])?;
    println!("{}", parts_as_python_prints_them(&socket.recv()?));
    Ok(())
}

fn sample() -> Value {
    let sizes = [1, 2, 3].map(Value::Int).to_vec();
    Value::Dict(vec![
        ("name".into(), "pipeline".into()),
        ("sizes".into(), Value::List(sizes)),
        ("ratio".into(), Value::Float(0.5)),
        ("ok".into(), Value::Bool(true)),
        ("none".into(), Value::None),
    ])
}

fn parts_as_python_prints_them(message: &Message) -> String {
    let parts: Vec<String> = message.iter().map(|part| Bytes(part).to_string()).collect();
    format!("[{}]", parts.join(", "))
}
