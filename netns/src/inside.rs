//! A DEALER in a namespace, told what to do on its input: `send FROM TO` sends numbers, each with
//! a kilobyte; what it receives and what happens to its connections it prints.

use std::io::BufRead;
use std::thread;
use std::time::Duration;

use ferromq::{Context, Dealer, Event, Message};

use crate::{Outcome, say};

/// How often a silent peer is asked, and how long it has to answer.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);

/// How long an attempt may take, and the longest pause between two of them.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Of each message, beside its number.
const PADDING: [u8; 1000] = [b'.'; 1000];

/// Binds or connects, and obeys until its input ends.
pub(crate) fn run(way: &str, endpoint: &str) -> Outcome {
    let dealer = Dealer::builder()
        .heartbeat_interval(INTERVAL)
        .heartbeat_timeout(TIMEOUT)
        .connect_timeout(CONNECT)
        .reconnect_interval(Duration::from_millis(100), PAUSE)
        .linger(Duration::ZERO)
        .build(&Context::new())
        .map_err(|error| error.to_string())?;
    let events = dealer.events();
    match way {
        "bind" => dealer.bind(endpoint).map(drop).map_err(|e| e.to_string())?,
        _ => dealer.connect(endpoint).map_err(|e| e.to_string())?,
    }
    thread::scope(|scope| {
        scope.spawn(|| events.for_each(tell));
        scope.spawn(|| {
            while let Ok(message) = dealer.recv() {
                say(&format!(
                    "got {}",
                    message.part_str(0).unwrap_or("no number")
                ));
            }
        });
        say("open");
        let obeyed = std::io::stdin().lock().lines().try_for_each(|line| {
            let line = line.map_err(|error| error.to_string())?;
            obey(&dealer, &line)
        });
        dealer.close();
        obeyed
    })
}

fn tell(event: Event) {
    match event {
        Event::HandshakeSucceeded { .. } => say("joined"),
        Event::Disconnected {
            reason, initiator, ..
        } => say(&format!("lost {reason:?} {initiator:?}")),
        _ => {}
    }
}

fn obey(dealer: &Dealer, line: &str) -> Outcome {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
    let ["send", from, to] = words[..] else {
        return Err(format!("not understood: {line}"));
    };
    for number in number(from)?..number(to)? {
        let parts = [number.to_string().into_bytes(), PADDING.to_vec()];
        dealer
            .send(Message::from_iter(parts))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
