//! PUB: random weather, "zip temperature humidity", for SECONDS.

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{Context, Pub};
use ferromq_examples::{Arguments, Seconds};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::new("weather_publisher ENDPOINT SECONDS");
    let (endpoint, Seconds(span)): (String, Seconds) = (arguments.take(), arguments.take());
    arguments.end();

    let context = Context::new();
    let socket = Pub::new(&context);
    socket.bind(&endpoint)?;
    let start = Instant::now();
    let mut dice = Dice(RandomState::new().hash_one(0) | 1);
    while start.elapsed() < span {
        let zip_code = dice.within(10_000, 10_010);
        let (temperature, humidity) = (dice.within(-80, 135), dice.within(10, 60));
        socket.send(format!("{zip_code} {temperature} {humidity}"))?;
        thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

/// Random numbers by xorshift; the state is never zero.
struct Dice(u64);

impl Dice {
    /// A number from `low` up to, without, `high`.
    fn within(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + ((self.0 >> 33) as i64) % (high - low)
    }
}
