//! Waits and events: subscribers come to a publisher and go, and every future that waits for one of
//! them, or for an event, is dropped, again and again. None misses what it waits for, and no event
//! is lost.

use std::pin::Pin;
use std::sync::Arc;

use ferromq::{Context, Endpoint, Event, Events, Pub, Sub};
use ferromq_executors::{Drops, Task, yield_now};

/// How many subscribers come and go.
const VISITS: u32 = 150;

/// After so many one may last: over a stream nobody is ever there who is given up at once.
const ATTEMPTS: u32 = 3;

/// A publisher that stays, subscribers that come one after the other, and who watches both.
pub(crate) fn scenario(endpoint: &'static str, drops: &Arc<Drops>) -> Vec<Task> {
    let context = Context::new();
    let publisher = Arc::new(Pub::new(&context));
    let other_handle = Arc::clone(&publisher);
    let endpoint = publisher.bind(endpoint).unwrap();
    let events = publisher.events();
    let is_stream = endpoint.scheme() != "inproc";
    let [publishing, subscribing, watching] = [drops, drops, drops].map(Arc::clone);
    let publish = async move {
        for visit in 0..VISITS {
            let topic = topic(visit);
            insist(&publishing, || publisher.wait_subscribed_async(&topic, 1))
                .await
                .unwrap();
            publisher.send(topic).unwrap();
        }
    };
    let subscribe = async move {
        for visit in 0..VISITS {
            come_and_go(&context, &endpoint, &topic(visit), &subscribing).await;
        }
        insist(&subscribing, || other_handle.close_async()).await;
    };
    let watch = async move {
        let [joined, left] = joined_and_left(&events, &watching).await;
        assert_eq!(joined, left);
        assert!(!is_stream || joined >= VISITS, "{joined}");
    };
    vec![Box::pin(publish), Box::pin(subscribe), Box::pin(watch)]
}

fn topic(visit: u32) -> String {
    format!("topic {visit:03}")
}

/// A subscriber that hears of its topic, once.
async fn come_and_go(context: &Context, endpoint: &Endpoint, topic: &str, drops: &Drops) {
    let sub = Sub::new(context);
    connect(&sub, endpoint, drops).await;
    insist(drops, || sub.wait_peers_async(1)).await.unwrap();
    insist(drops, || sub.subscribe_acked_async(topic, 1))
        .await
        .unwrap();
    let message = insist(drops, || sub.recv_async()).await.unwrap();
    assert_eq!(message.part_str(0), Ok(topic));
    insist(drops, || sub.close_async()).await;
}

/// An attempt that is given up takes the connection back; the next one begins anew.
async fn connect(sub: &Sub, endpoint: &Endpoint, drops: &Drops) {
    for _ in 0..ATTEMPTS {
        match drops.of(Box::pin(sub.connect_wait_async(endpoint))).await {
            Ok(connected) => return drop(connected.unwrap()),
            Err(_) => yield_now().await,
        }
        assert_eq!(sub.pipes(), 0);
    }
    sub.connect_wait_async(endpoint).await.unwrap();
}

/// Makes the future again and again until one of them ends.
async fn insist<F: Future>(drops: &Drops, make: impl Fn() -> F) -> F::Output {
    loop {
        let future: Pin<Box<F>> = Box::pin(make());
        match drops.of(future).await {
            Ok(output) => return output,
            Err((_, true)) => yield_now().await,
            Err((_, false)) => {}
        }
    }
}

/// How many handshakes have succeeded, and how many of the connections have ended, to the last
/// event.
async fn joined_and_left(events: &Events, drops: &Drops) -> [u32; 2] {
    let mut counts = [0; 2];
    while let Some(event) = insist(drops, || events.next_async()).await {
        match event {
            Event::HandshakeSucceeded { .. } => counts[0] += 1,
            Event::Disconnected { .. } => counts[1] += 1,
            _ => {}
        }
    }
    counts
}
