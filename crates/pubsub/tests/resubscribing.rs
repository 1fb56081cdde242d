//! Many topics over tcp: they are in force again after the publisher was restarted.

#![cfg(feature = "tcp")]

use std::thread;
use std::time::Duration;

use ferromq_core::{Context, Message};
use ferromq_pubsub::{Pub, Sub};
use ferromq_testkit::watchdog;

const TOPICS: usize = 100_000;
const WAIT: Duration = Duration::from_secs(30);

fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

#[test]
fn hundred_thousand_topics_are_in_force_at_every_new_publisher() {
    watchdog::under("many topics", Duration::from_secs(60), || {
        let topic = |n: usize| format!("topic {n:06}");
        let sub = Sub::new(&Context::new());
        (0..TOPICS).for_each(|n| sub.subscribe(topic(n)).unwrap());
        let mut endpoint = "tcp://127.0.0.1:*".parse().unwrap();
        for start in 0..3 {
            let publisher = Pub::new(&Context::new());
            endpoint = publisher.bind(&endpoint).unwrap();
            if start == 0 {
                sub.connect(&endpoint).unwrap();
            }
            until(|| publisher.topics().unwrap() > TOPICS / 2);
            sub.subscribe(format!("start {start}")).unwrap();
            until(|| publisher.topics() == Ok(TOPICS + 1 + start));
            for text in [topic(0), topic(TOPICS - 1), format!("start {start}")] {
                publisher.send(text.clone()).unwrap();
                assert_eq!(sub.recv_timeout(WAIT), Ok(Message::from(text)));
            }
            publisher.close();
        }
    });
}
