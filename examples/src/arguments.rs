//! Positional arguments of the example programs.
//!
//! Wrong arguments print the usage line and end the program with exit code 2.

use std::process;
use std::str::FromStr;
use std::time::Duration;

/// The positional arguments that have not been taken yet.
#[derive(Debug)]
pub struct Arguments {
    usage: &'static str,
    left: std::vec::IntoIter<String>,
}

impl Arguments {
    /// The arguments of this process; `usage` is what a wrong call prints.
    pub fn new(usage: &'static str) -> Self {
        let all: Vec<String> = std::env::args().skip(1).collect();
        Self {
            usage,
            left: all.into_iter(),
        }
    }

    /// The next argument; ends the program if it is missing or malformed.
    pub fn take<T: FromStr>(&mut self) -> T {
        self.take_optional().unwrap_or_else(|| self.wrong())
    }

    /// The next argument if there is one; ends the program if it is malformed.
    pub fn take_optional<T: FromStr>(&mut self) -> Option<T> {
        let text = self.left.next()?;
        Some(text.parse().unwrap_or_else(|_| self.wrong()))
    }

    /// All arguments left; ends the program if there are none.
    pub fn take_rest(&mut self) -> Vec<String> {
        let rest: Vec<String> = self.left.by_ref().collect();
        if rest.is_empty() {
            self.wrong();
        }
        rest
    }

    /// Ends the program if there are arguments that nobody took.
    pub fn end(self) {
        if self.left.len() > 0 {
            self.wrong();
        }
    }

    /// Prints the usage and ends the program with exit code 2.
    pub fn wrong(&self) -> ! {
        eprintln!("usage: {}", self.usage);
        process::exit(2);
    }
}

/// A time span given in seconds, fractions allowed: `0.25`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let seconds: f64 = text.parse().map_err(|_| ())?;
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| ())
    }
}
