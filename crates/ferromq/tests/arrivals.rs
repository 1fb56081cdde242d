//! Peers that come and go, in the order of their messages: in the simulated world.

#![cfg(all(
    feature = "pipeline",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{Arrival, Context, Pull, Push, RecvError};
use ferromq_testkit::sim::{SimWorld, for_seeds};

const WAIT: Duration = Duration::from_secs(30);
const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:5555", "ipc:///sim/pipe", "inproc://name"];

fn context(world: &SimWorld) -> Context {
    Context::with_world(Arc::new(world.clone()), 1)
}

fn telling(context: &Context) -> Pull {
    let pull = Pull::builder().tell_peers(true).receive_high_water_mark(2);
    pull.build(context).unwrap()
}

/// What arrived, in short.
fn arrivals(pull: &Pull) -> Vec<String> {
    let all = std::iter::from_fn(|| pull.recv_arrival_timeout(WAIT).ok());
    let shown = all.map(|arrival| match arrival {
        Arrival::Joined(_) => "joined".to_owned(),
        Arrival::Message(message, _) => message.part_str(0).unwrap().to_owned(),
        Arrival::Left(_) => "left".to_owned(),
        other => panic!("{other:?}"),
    });
    shown.collect()
}

#[test]
fn peer_is_told_of_before_and_behind_its_messages() {
    for endpoint in ENDPOINTS {
        let world = SimWorld::new(1);
        let context = context(&world);
        let pull = telling(&context);
        let push = Push::new(&context);
        push.connect(pull.bind(endpoint).unwrap()).unwrap();
        (0..5).for_each(|number| push.send(number.to_string()).unwrap());
        drop(push);
        let expected = ["joined", "0", "1", "2", "3", "4", "left"];
        assert_eq!(arrivals(&pull), expected, "{endpoint}");
    }
}

#[test]
fn lost_connection_is_told_of_behind_what_it_brought() {
    let world = SimWorld::new(1);
    let context = context(&world);
    let (push, pull) = (Push::new(&context), telling(&context));
    let endpoint = push.bind(ENDPOINTS[0]).unwrap();
    pull.connect_wait(&endpoint, WAIT).unwrap();
    push.send("1").unwrap();
    world.run_until(|| pull.stats().waiting == 1);
    world.cut(world.links()[0]);
    world.run_until(|| pull.stats().reconnects == 1);
    push.send("2").unwrap();
    assert_eq!(arrivals(&pull), ["joined", "1", "left", "joined", "2"]);
}

#[test]
fn waiting_receiver_is_told_of_a_peer_without_messages() {
    for endpoint in ENDPOINTS {
        let world = SimWorld::new(1);
        let context = context(&world);
        let pull = telling(&context);
        let bound = pull.bind(endpoint).unwrap();
        let push = Push::new(&context);
        push.connect(&bound).unwrap();
        let joined = pull.recv_arrival_timeout(WAIT).unwrap();
        let Arrival::Joined(peer) = joined else {
            panic!("{joined:?}");
        };
        assert_eq!(pull.peers().unwrap()[0].peer, peer);
        drop(push);
        let left = world.block_on(pull.recv_arrival_async()).unwrap();
        assert_eq!(left, Arrival::Left(peer), "{endpoint}");
        assert_eq!(pull.try_recv_arrival(), Err(RecvError::Empty));
    }
}

#[test]
fn peers_that_came_and_went_unseen_are_not_kept() {
    let world = SimWorld::new(1);
    let context = context(&world);
    let pull = telling(&context);
    let bound = pull.bind(ENDPOINTS[0]).unwrap();
    for _ in 0..10 {
        let push = Push::new(&context);
        push.connect_wait(&bound, WAIT).unwrap();
        world.run_until(|| pull.peer_count() == 1);
        push.send("x").unwrap();
        pull.recv_timeout(WAIT).unwrap();
        drop(push);
        world.run_until(|| pull.peer_count() == 0);
    }
    assert_eq!(pull.try_recv_arrival(), Err(RecvError::Empty));
}

#[test]
fn only_who_asks_is_told_of_peers() {
    let world = SimWorld::new(1);
    let context = context(&world);
    let (push, pull) = (Push::new(&context), Pull::new(&context));
    push.connect(pull.bind(ENDPOINTS[0]).unwrap()).unwrap();
    push.send("1").unwrap();
    drop(push);
    assert_eq!(arrivals(&pull), ["1"]);
}

/// Whatever happens to connections: each is told of once, then its messages come, then its end.
#[test]
fn messages_lie_between_the_coming_and_the_going_of_their_peer() {
    let mut told = 0;
    for_seeds(0..40, |seed| {
        let world = SimWorld::new(seed);
        let context = context(&world);
        let pull = telling(&context);
        let bound = ENDPOINTS.map(|endpoint| pull.bind(endpoint).unwrap());
        let mut pushes: Vec<Push> = Vec::new();
        let mut there = BTreeSet::new();
        for step in 0..100_usize {
            match (step * 7 + seed as usize) % 10 {
                0 | 1 if pushes.len() < 4 => {
                    let push = Push::new(&context);
                    push.connect(&bound[step % 3]).unwrap();
                    pushes.push(push);
                }
                2 if pushes.len() > 2 => drop(pushes.swap_remove(step % pushes.len())),
                3 => {
                    let links = world.links();
                    links
                        .get(step % 4)
                        .into_iter()
                        .for_each(|link| world.cut(*link));
                }
                _ => pushes.iter().for_each(|push| drop(push.try_send("x"))),
            }
            world.advance(Duration::from_millis(step as u64 % 50));
            for _ in 0..step % 7 {
                let Ok(arrival) = pull.try_recv_arrival() else {
                    break;
                };
                told += 1;
                match arrival {
                    Arrival::Joined(peer) => {
                        assert!(there.insert(peer.connection), "seed {seed}");
                    }
                    Arrival::Message(_, peer) => {
                        let connection = peer.unwrap().connection;
                        assert!(there.contains(&connection), "seed {seed}");
                    }
                    Arrival::Left(peer) => {
                        assert!(there.remove(&peer.connection), "seed {seed}");
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    });
    assert!(told > 1000, "{told}");
}

#[test]
fn receiver_that_is_not_told_of_peers_does_not_keep_the_turn_of_one_that_is() {
    let world = SimWorld::new(1);
    let context = context(&world);
    let pull = telling(&context);
    let bound = pull.bind(ENDPOINTS[0]).unwrap();
    let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let (mut untold, told) = (std::pin::pin!(pull.recv_async()), pull.recv_arrival_async());
    assert!(untold.as_mut().poll(cx).is_pending());
    let push = Push::new(&context);
    push.connect(&bound).unwrap();
    let joined = world.block_on(told).unwrap();
    assert!(matches!(joined, Arrival::Joined(_)), "{joined:?}");
    assert!(untold.as_mut().poll(cx).is_pending());
}

#[test]
fn readiness_does_not_hold_back_what_is_told_of_other_peers() {
    let world = SimWorld::new(1);
    let context = context(&world);
    let pull = Pull::builder().tell_peers(true).build(&context).unwrap();
    let bound = pull.bind(ENDPOINTS[0]).unwrap();
    let busy = Push::new(&context);
    busy.connect_wait(&bound, WAIT).unwrap();
    (0..10).for_each(|number| busy.send(number.to_string()).unwrap());
    world.run_until(|| pull.stats().waiting == 10);
    let silent = Push::new(&context);
    silent.connect_wait(&bound, WAIT).unwrap();
    world.run_until(|| pull.peer_count() == 2);
    let mut order = Vec::new();
    while pull.readiness().receive {
        order.push(match pull.try_recv_arrival().unwrap() {
            Arrival::Joined(_) => "joined",
            Arrival::Message(..) => "message",
            other => panic!("{other:?}"),
        });
        if order.len() == 12 {
            break;
        }
    }
    assert_eq!(order.iter().filter(|it| **it == "joined").count(), 2);
    assert_ne!(order.last(), Some(&"joined"), "{order:?}");
}
