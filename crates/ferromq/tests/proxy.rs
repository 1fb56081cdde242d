//! Proxies: whole messages between two sockets, with back-pressure, and without loss when stopped.

#![cfg(all(
    feature = "tcp",
    feature = "inproc",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ferromq::{
    ClosedError, Context, Dealer, Endpoint, Message, Proxy, ProxyHandle, ProxyStats, Pull, Push,
    Rep, Req, Router, Sub, Xpub, Xsub,
};
use ferromq_core::world::World;
use ferromq_testkit::SimWorld;

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, under, until, world};

/// PUSH, a PULL and a PUSH to be joined by a proxy, and PULL, all over inproc.
struct Streamer {
    first: Push,
    front: Pull,
    back: Push,
    last: Pull,
}

impl Streamer {
    /// With marks of 5 messages on every socket.
    fn new(context: &Context) -> Self {
        let push = || Push::builder().send_high_water_mark(5).build(context);
        let pull = || Pull::builder().receive_high_water_mark(5).build(context);
        let (first, front) = (push().unwrap(), pull().unwrap());
        let (back, last) = (push().unwrap(), pull().unwrap());
        first
            .connect(front.bind("inproc://front").unwrap())
            .unwrap();
        last.connect(back.bind("inproc://back").unwrap()).unwrap();
        Self {
            first,
            front,
            back,
            last,
        }
    }

    fn proxy(&self) -> Proxy<'_> {
        Proxy::one_way(&self.front, &self.back)
    }

    /// Sends as long as there is room; how many messages.
    fn fill(&self, from: u32) -> u32 {
        let sent = (from..).take_while(|number| self.first.try_send(number.to_string()).is_ok());
        sent.count() as u32
    }

    fn number(&self) -> u32 {
        number(&self.last.recv_timeout(WAIT).unwrap())
    }
}

fn number(message: &Message) -> u32 {
    message.part_str(0).unwrap().parse().unwrap()
}

/// What was forwarded to the back.
fn messages(stats: ProxyStats) -> u64 {
    stats.to_back.messages
}

/// Does something at once while the simulated world is being waited for.
fn meanwhile(world: &SimWorld, act: impl FnOnce() + Send + 'static) {
    let endpoint: Endpoint = "tcp://localhost:1".parse().unwrap();
    world.resolve(&endpoint, Box::new(move |_| act()));
}

/// Terminates the proxy when nothing else happens for a virtual second.
fn terminate_later(world: &SimWorld, handle: &ProxyHandle, turns: u32) {
    let (again, handle) = (world.clone(), handle.clone());
    meanwhile(world, move || match turns {
        0 => handle.terminate(),
        _ => terminate_later(&again, &handle, turns - 1),
    });
}

#[test]
fn proxy_between_router_and_dealer_serves_clients_by_workers() {
    under("broker", || {
        let context = Context::new();
        let (front, back) = (Router::new(&context), Dealer::new(&context));
        let clients_at = front.bind("tcp://127.0.0.1:*").unwrap();
        let workers_at = back.bind("tcp://127.0.0.1:*").unwrap();
        let proxy = Proxy::new(&front, &back);
        let handle = proxy.handle();
        thread::scope(|scope| {
            let running = scope.spawn(|| proxy.run());
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    let worker = Rep::new(&context);
                    worker.connect(&workers_at).unwrap();
                    scope.spawn(move || {
                        for _ in 0..100 {
                            let request = worker.recv_timeout(WAIT).unwrap();
                            worker.send(request).unwrap();
                        }
                        worker
                    })
                })
                .collect();
            until(|| back.pipes() == 2);
            let clients = [Req::new(&context), Req::new(&context)];
            for client in &clients {
                client.connect(&clients_at).unwrap();
            }
            for count in 0..100 {
                for client in &clients {
                    client.send([count.to_string().as_str(), "?"]).unwrap();
                }
                for client in &clients {
                    let reply = client.recv_timeout(WAIT).unwrap();
                    assert_eq!((number(&reply), reply.part_str(1)), (count, Ok("?")));
                }
            }
            workers.into_iter().for_each(|worker| drop(worker.join()));
            handle.terminate();
            let stopped = running.join().unwrap();
            assert_eq!((stopped.closed, stopped.undelivered.len()), (None, 0));
        });
        let stats = handle.stats();
        assert_eq!((messages(stats), stats.to_front.messages), (200, 200));
        assert!(stats.to_back.bytes > 400 && stats.refused == 0, "{stats:?}");
    });
}

#[test]
fn proxy_between_xsub_and_xpub_passes_subscriptions_up_and_publications_down() {
    under("publications", || {
        let context = Context::new();
        let (front, back) = (Xsub::new(&context), Xpub::new(&context));
        let publisher = Xpub::new(&context);
        front
            .connect(publisher.bind("tcp://127.0.0.1:*").unwrap())
            .unwrap();
        let subscriber = Sub::new(&context);
        subscriber.subscribe("a").unwrap();
        subscriber
            .connect(back.bind("tcp://127.0.0.1:*").unwrap())
            .unwrap();
        let proxy = Proxy::new(&front, &back);
        let handle = proxy.handle();
        thread::scope(|scope| {
            let running = scope.spawn(|| proxy.run());
            let subscription = publisher.recv_timeout(WAIT).unwrap();
            assert_eq!(subscription.part(0).unwrap(), b"\x01a");
            publisher.send("b, unwanted").unwrap();
            publisher.send(["a", "wanted"]).unwrap();
            let message = subscriber.recv_timeout(WAIT).unwrap();
            assert_eq!(message.part_str(1), Ok("wanted"));
            handle.terminate();
            assert!(running.join().unwrap().undelivered.is_empty());
        });
        let stats = handle.stats();
        assert_eq!((messages(stats), stats.to_front.messages), (1, 1));
    });
}

/// The simulated world would go on for ever, and the watchdog with it, if the proxy did not sleep.
#[test]
fn blocked_proxy_sleeps_and_takes_nothing_that_it_cannot_hand_on() {
    under("blocked", || {
        let world = SimWorld::new(1);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let streamer = Streamer::new(&context);
        // Both marks of the back, then both of the front.
        assert_eq!(streamer.fill(0), 10);
        let proxy = streamer.proxy();
        let handle = proxy.handle();
        terminate_later(&world, &handle, 3);
        let stopped = proxy.run();
        assert_eq!((stopped.closed, stopped.undelivered.len()), (None, 0));
        assert_eq!(streamer.fill(10), 10);
        let proxy = streamer.proxy();
        terminate_later(&world, &proxy.handle(), 3);
        let handle = proxy.handle();
        assert!(proxy.run().undelivered.is_empty());
        assert_eq!(messages(handle.stats()), 0);
        assert_eq!(streamer.front.stats().delivered, 10);
        assert_eq!(streamer.back.stats().accepted, 10);
    });
}

/// What could be read does not end its wait, again and again, while nobody takes it.
#[test]
fn proxy_that_is_blocked_sleeps_beside_connections_that_could_be_read() {
    under("sleeps", || {
        const MESSAGES: u32 = 300;
        let (world, context) = world(1);
        let (first, front) = (Push::new(&context), Pull::new(&context));
        let back = Push::builder().send_high_water_mark(1).build(&context);
        let last = Pull::builder().receive_high_water_mark(1).build(&context);
        let (back, last) = (back.unwrap(), last.unwrap());
        for (push, pull) in [(&first, &front), (&back, &last)] {
            let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
            push.connect(endpoint).unwrap();
        }
        for number in 0..MESSAGES {
            let body = vec![0; 10_000];
            first.send([number.to_string().into_bytes(), body]).unwrap();
        }
        let mut forwarded = 0;
        for expected in 0..MESSAGES {
            if expected as u64 == forwarded {
                let proxy = Proxy::one_way(&front, &back);
                let handle = proxy.handle();
                terminate_later(&world, &handle, 3);
                assert!(proxy.run().undelivered.is_empty());
                forwarded += messages(handle.stats());
                let blocked = forwarded < u64::from(MESSAGES);
                assert!(blocked || expected > 0, "the peer took everything");
            }
            assert_eq!(number(&last.recv_timeout(WAIT).unwrap()), expected);
        }
    });
}

/// It reads a few connections itself, and leaves more to the I/O threads.
#[test]
fn proxy_serves_clients_that_come_one_after_another_and_go() {
    under("one after another", || {
        let context = Context::new();
        let (front, back) = (Router::new(&context), Dealer::new(&context));
        let clients_at = front.bind("tcp://127.0.0.1:*").unwrap();
        let workers_at = back.bind("tcp://127.0.0.1:*").unwrap();
        let proxy = Proxy::new(&front, &back);
        let handle = proxy.handle();
        thread::scope(|scope| {
            let running = scope.spawn(|| proxy.run());
            let worker = Rep::new(&context);
            worker.connect(&workers_at).unwrap();
            let serving = scope.spawn(move || {
                while let Ok(request) = worker.recv_timeout(WAIT)
                    && request != Message::from("enough")
                {
                    worker.send(request).unwrap();
                }
            });
            let ask = |clients: &[Req]| {
                for (number, client) in clients.iter().enumerate() {
                    client.send(number.to_string()).unwrap();
                }
                for (expected, client) in clients.iter().enumerate() {
                    assert_eq!(number(&client.recv_timeout(WAIT).unwrap()), expected as u32);
                }
            };
            let mut clients = Vec::new();
            for _ in 0..7 {
                let client = Req::new(&context);
                client.connect(&clients_at).unwrap();
                clients.push(client);
                ask(&clients);
                ask(&clients);
            }
            while clients.len() > 1 {
                clients.pop();
                until(|| front.pipes() == clients.len());
                ask(&clients);
                ask(&clients);
            }
            clients[0].send("enough").unwrap();
            serving.join().unwrap();
            handle.terminate();
            assert!(running.join().unwrap().undelivered.is_empty());
        });
    });
}

#[test]
fn stopping_and_starting_again_loses_nothing_and_keeps_the_order() {
    under("stopping", || {
        const MESSAGES: u32 = 20_000;
        let streamer = Streamer::new(&Context::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..MESSAGES).for_each(|number| streamer.first.send(number.to_string()).unwrap());
            });
            let proxies = scope.spawn(|| {
                let mut forwarded = 0;
                while forwarded < u64::from(MESSAGES) {
                    let proxy = streamer.proxy();
                    let handle = proxy.handle();
                    let step = MESSAGES / 50;
                    let next = u64::from(MESSAGES).min(forwarded + u64::from(step));
                    thread::scope(|scope| {
                        let running = scope.spawn(|| proxy.run());
                        until(|| forwarded + messages(handle.stats()) >= next);
                        handle.terminate();
                        assert!(running.join().unwrap().undelivered.is_empty());
                    });
                    forwarded += messages(handle.stats());
                }
                forwarded
            });
            for number in 0..MESSAGES {
                assert_eq!(streamer.number(), number);
            }
            assert_eq!(proxies.join().unwrap(), u64::from(MESSAGES));
        });
    });
}

#[test]
fn paused_proxy_forwards_nothing_until_it_is_resumed() {
    under("pausing", || {
        let world = SimWorld::new(2);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let streamer = Streamer::new(&context);
        let proxy = streamer.proxy();
        let handle = proxy.handle();
        handle.pause();
        assert_eq!(streamer.fill(0), 10);
        let (again, paused) = (world.clone(), handle.clone());
        meanwhile(&world, move || {
            assert_eq!(messages(paused.stats()), 0);
            paused.resume();
            terminate_later(&again, &paused, 3);
        });
        assert_eq!(proxy.run().closed, None);
        assert_eq!(messages(handle.stats()), 10);
        (0..10).for_each(|number| assert_eq!(streamer.number(), number));
    });
}

#[test]
fn capture_gets_each_message_and_holds_the_proxy_up_while_it_has_no_room() {
    under("capturing", || {
        let world = SimWorld::new(3);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let streamer = Streamer::new(&context);
        let push = Push::builder().send_high_water_mark(2).build(&context);
        let pull = Pull::builder().receive_high_water_mark(2).build(&context);
        let (capture, captured) = (push.unwrap(), pull.unwrap());
        captured
            .connect(capture.bind("inproc://capture").unwrap())
            .unwrap();
        assert_eq!(streamer.fill(0), 10);
        for (expected, first) in [(4, 0), (4, 4), (2, 8)] {
            let proxy = streamer.proxy().capture(&capture);
            let handle = proxy.handle();
            terminate_later(&world, &handle, 3);
            assert!(proxy.run().undelivered.is_empty());
            assert_eq!(messages(handle.stats()), expected);
            for count in first..first + expected as u32 {
                assert_eq!(number(&captured.try_recv().unwrap()), count);
                assert_eq!(streamer.number(), count);
            }
        }
    });
}

#[test]
fn reply_for_nobody_is_dropped_and_counted() {
    under("refused", || {
        let world = SimWorld::new(4);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let (front, back) = (Router::new(&context), Dealer::new(&context));
        let (client, worker) = (Dealer::new(&context), Dealer::new(&context));
        client
            .connect(front.bind("inproc://clients").unwrap())
            .unwrap();
        worker
            .connect(back.bind("inproc://workers").unwrap())
            .unwrap();
        worker.send(["nobody", "reply"]).unwrap();
        worker.send("without a name").unwrap();
        let proxy = Proxy::new(&front, &back);
        let handle = proxy.handle();
        terminate_later(&world, &handle, 3);
        assert!(proxy.run().undelivered.is_empty());
        let stats = handle.stats();
        assert_eq!((stats.refused, stats.to_front.messages), (2, 0));
    });
}

/// A client that does not read is at its mark: its next reply waits, and is handed back.
#[test]
fn message_for_a_full_peer_waits_and_is_handed_back_when_the_proxy_stops() {
    under("held", || {
        let world = SimWorld::new(5);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let front = Router::builder()
            .send_high_water_mark(1)
            .build(&context)
            .unwrap();
        let dealer = || Dealer::builder().receive_high_water_mark(1).build(&context);
        let (back, worker) = (Dealer::new(&context), Dealer::new(&context));
        let (client, other) = (dealer().unwrap(), dealer().unwrap());
        let clients_at = front.bind("inproc://clients").unwrap();
        client.connect(&clients_at).unwrap();
        other.connect(&clients_at).unwrap();
        worker
            .connect(back.bind("inproc://workers").unwrap())
            .unwrap();
        client.send("hello").unwrap();
        let name = front.try_recv().unwrap().part(0).unwrap().clone();
        for reply in ["1", "2", "3", "4"] {
            worker.send([&name[..], reply.as_bytes()]).unwrap();
        }
        let proxy = Proxy::new(&front, &back);
        terminate_later(&world, &proxy.handle(), 3);
        let stopped = proxy.run();
        assert_eq!(stopped.undelivered, [Message::from([&name[..], b"3"])]);
        assert_eq!(client.try_recv().unwrap().part_str(0), Ok("1"));
    });
}

#[test]
fn closing_a_socket_or_the_context_ends_a_proxy() {
    under("closing", || {
        let context = Context::new();
        let streamer = Streamer::new(&context);
        let proxy = streamer.proxy();
        let handle = proxy.handle();
        handle.pause();
        thread::scope(|scope| {
            let running = scope.spawn(|| proxy.run());
            context.shutdown();
            let stopped = running.join().unwrap();
            assert_eq!(stopped.closed, Some(ClosedError::Shutdown));
        });
        let streamer = Streamer::new(&Context::new());
        let proxy = streamer.proxy();
        thread::scope(|scope| {
            let running = scope.spawn(|| proxy.run());
            streamer.first.send("0").unwrap();
            assert_eq!(streamer.number(), 0);
            streamer.back.close();
            let stopped = running.join().unwrap();
            assert_eq!(stopped.closed, Some(ClosedError::Closed));
        });
    });
}

#[test]
fn terminated_proxy_returns_at_once() {
    under("terminated", || {
        let streamer = Streamer::new(&Context::new());
        let proxy = streamer.proxy();
        let handle = proxy.handle();
        handle.terminate();
        handle.resume();
        assert_eq!(proxy.run().closed, None);
        drop(streamer.first.send_timeout("0", Duration::ZERO));
        assert_eq!(messages(handle.stats()), 0);
    });
}
