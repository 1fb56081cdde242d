//! PAIR over inproc between two threads: COUNT round trips.

use std::error::Error;
use std::thread;

use ferromq::{Context, Pair};
use ferromq_examples::Arguments;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

fn main() -> Outcome {
    let mut arguments = Arguments::new("pair_threads COUNT");
    let count: u64 = arguments.take();
    arguments.end();

    let context = Context::new();
    let socket = Pair::new(&context);
    socket.bind("inproc://pair")?;
    let other = Pair::new(&context);
    let echo = thread::spawn(move || echo(&other, count));
    for number in 0..count {
        let number = number.to_string();
        socket.send(&number)?;
        assert_eq!(socket.recv()?.part_str(0)?, number);
    }
    echo.join().map_err(|_| "the other thread panicked")??;
    println!("{count} round trips");
    Ok(())
}

fn echo(socket: &Pair, count: u64) -> Outcome {
    socket.connect("inproc://pair")?;
    for _ in 0..count {
        socket.send(socket.recv()?)?;
    }
    Ok(())
}
