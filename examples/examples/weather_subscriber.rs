//! SUB: mean temperature of one zip code over COUNT updates.

use std::error::Error;

use ferromq::{Context, Sub};
use ferromq_examples::Arguments;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("weather_subscriber ENDPOINT ZIP COUNT");
    let (endpoint, zip_code): (String, String) = (arguments.take(), arguments.take());
    let count: u32 = arguments.take();
    arguments.end();

    let context = Context::new();
    let socket = Sub::new(&context);
    socket.connect(&endpoint)?;
    socket.subscribe(&zip_code)?;
    let mut total = 0;
    for _ in 0..count {
        let update = socket.recv()?;
        let update = update.part_str(0)?;
        let [code, temperature, _humidity] = update.split_whitespace().collect::<Vec<_>>()[..]
        else {
            return Err(format!("malformed update: {update}").into());
        };
        assert!(code.starts_with(&zip_code), "{code}");
        total += temperature.parse::<i32>()?;
    }
    let average = f64::from(total) / f64::from(count);
    println!("average temperature for {zip_code} was {average:.1}F");
    Ok(())
}
