//! Waiting until peers and subscriptions are there, over real connections: what is sent then is not
//! missed.

#![cfg(all(
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::thread;

use ferromq::{Context, Dealer, Endpoint, Pub, Router, Sub};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, block_on, under};

/// How many fresh pairs each test makes.
const PAIRS: usize = 200;

/// Makes pairs whose sockets are in contexts and threads of their own.
fn for_pairs(
    name: &str,
    publish: impl Fn(&Pub) + Sync,
    subscribe: impl Fn(&Sub, &Endpoint) + Sync,
) {
    under(name, || {
        for round in 0..PAIRS {
            let endpoint = ["tcp://127.0.0.1:*", "ipc://*"][round % 2];
            let (publisher, sub) = (Pub::new(&Context::new()), Sub::new(&Context::new()));
            let endpoint = publisher.bind(endpoint).unwrap();
            thread::scope(|scope| {
                let subscribing = scope.spawn(|| subscribe(&sub, &endpoint));
                publish(&publisher);
                subscribing.join().unwrap();
            });
        }
    });
}

#[test]
fn first_message_arrives_when_the_publisher_has_waited() {
    let publish = |publisher: &Pub| {
        publisher.wait_subscribed("abc", 1, WAIT).unwrap();
        publisher.send("abc").unwrap();
    };
    for_pairs("publisher waits", publish, |sub, endpoint| {
        sub.connect(endpoint).unwrap();
        sub.subscribe("a").unwrap();
        assert_eq!(sub.recv_timeout(WAIT).unwrap().part_str(0), Ok("abc"));
    });
}

#[test]
fn first_message_arrives_when_a_future_has_waited() {
    let publish = |publisher: &Pub| {
        block_on(publisher.wait_subscribed_async("abc", 1)).unwrap();
        publisher.send("abc").unwrap();
    };
    for_pairs("publisher's future waits", publish, |sub, endpoint| {
        block_on(sub.connect_wait_async(endpoint)).unwrap();
        block_on(sub.subscribe_acked_async("a", 1)).unwrap();
        assert_eq!(sub.recv_timeout(WAIT).unwrap().part_str(0), Ok("abc"));
    });
}

#[test]
fn first_message_arrives_when_the_subscriber_has_waited() {
    under("subscriber waits", || {
        for round in 0..PAIRS {
            let endpoint = ["tcp://127.0.0.1:*", "ipc://*"][round % 2];
            let (publisher, sub) = (Pub::new(&Context::new()), Sub::new(&Context::new()));
            sub.connect(publisher.bind(endpoint).unwrap()).unwrap();
            sub.subscribe_acked("a", 1, WAIT).unwrap();
            publisher.send("abc").unwrap();
            assert_eq!(sub.recv_timeout(WAIT).unwrap().part_str(0), Ok("abc"));
        }
    });
}

#[test]
fn router_knows_the_peers_that_it_has_waited_for() {
    under("router waits", || {
        for round in 0..PAIRS {
            let (router, context) = (Router::new(&Context::new()), Context::new());
            let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
            let names = ["a", "b", "c"].map(|name| format!("{name}{round}"));
            let dealers = names.clone().map(|name| {
                let dealer = Dealer::builder().routing_id(name).build(&context).unwrap();
                dealer.connect(&endpoint).unwrap();
                dealer
            });
            router.wait_peers(3, WAIT).unwrap();
            for (name, dealer) in names.iter().zip(&dealers) {
                router.try_send([name.as_str(), "hello"]).unwrap();
                assert_eq!(dealer.recv_timeout(WAIT).unwrap().part_str(0), Ok("hello"));
            }
        }
    });
}
