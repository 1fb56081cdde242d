//! A thousand clients and a server that is restarted: they do not come all at once. Whole sockets
//! in the simulated world.

#![cfg(all(feature = "pipeline", feature = "tcp"))]

use std::sync::Arc;
use std::time::Duration;

use ferromq::{Context, Event, Events, Pull, Push};
use ferromq_testkit::sim::{Conditions, SimWorld};

const ENDPOINT: &str = "tcp://127.0.0.1:7000";
const CLIENTS: usize = 1_000;
const WINDOW: Duration = Duration::from_millis(100);

/// The pause before an attempt is from 50 to 100 ms at first, and from 0.5 to 1 s in the end: 0.75
/// s on average, so that 133 clients of a thousand are to be expected in a tenth of a second, and
/// half as many more are far beyond chance.
const MOST: usize = 200;

/// The clients' attempts in one window, and how many have succeeded.
fn attempts(world: &SimWorld, clients: &[(Push, Events)], window: Duration) -> (usize, usize) {
    world.advance(window);
    let (mut failed, mut succeeded) = (0, 0);
    for (_, events) in clients {
        for event in std::iter::from_fn(|| events.try_next()) {
            match event {
                Event::ConnectFailed { .. } => failed += 1,
                Event::Connected { .. } => succeeded += 1,
                _ => {}
            }
        }
    }
    (failed + succeeded, succeeded)
}

#[test]
fn clients_of_a_restarted_server_come_back_one_after_the_other() {
    let conditions = Conditions {
        splits: false,
        ..Conditions::default()
    };
    let world = SimWorld::with(1, conditions);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let host = world.another_host();
    let elsewhere = Context::with_world(Arc::new(host.clone()), 1);
    let server = Pull::new(&elsewhere);
    server.bind(ENDPOINT).unwrap();
    let clients: Vec<(Push, Events)> = (0..CLIENTS)
        .map(|_| {
            let push = Push::new(&context);
            let events = push.events();
            push.connect(ENDPOINT).unwrap();
            (push, events)
        })
        .collect();
    world.run_until(|| server.pipes() == CLIENTS);
    attempts(&world, &clients, Duration::ZERO);

    // They all learn of it at once. Nobody tries again before half the first pause is over.
    host.crash(false);
    drop((server, elsewhere));
    let soon = attempts(&world, &clients, Duration::from_millis(40));
    assert_eq!(soon, (0, 0));
    // Five seconds later they are spread over the longest pause.
    world.advance(Duration::from_secs(5));
    attempts(&world, &clients, Duration::ZERO);
    for _ in 0..5 {
        let (tried, came) = attempts(&world, &clients, WINDOW);
        assert!(
            (1..MOST).contains(&tried) && came == 0,
            "{tried} tried, {came} came"
        );
    }

    // The server is there again: within the longest pause they all are, and never many at once.
    let server = Pull::new(&Context::with_world(Arc::new(world.another_host()), 1));
    server.bind(ENDPOINT).unwrap();
    let mut back = 0;
    for _ in 0..11 {
        let (tried, came) = attempts(&world, &clients, WINDOW);
        assert!(tried < MOST, "{tried} at once");
        back += came;
    }
    assert_eq!((back, server.pipes()), (CLIENTS, CLIENTS));
}
