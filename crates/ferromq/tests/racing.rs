//! A name with several addresses: they are tried side by side (RFC 8305), in virtual time.

#![cfg(all(feature = "pipeline", feature = "tcp"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{Context, Event, Events, Pull, Push};
use ferromq_testkit::SimWorld;
use ferromq_testkit::sim::{Conditions, Event as Trace};

const WAIT: Duration = Duration::from_secs(10);

/// A calm world in which `server` has these addresses, and a PUSH in it that is connected to
/// port 5 of `server`.
struct Scene {
    world: SimWorld,
    context: Context,
    push: Push,
    events: Events,
}

impl Scene {
    fn new(addresses: &[&str], prepare: impl FnOnce(&SimWorld)) -> Self {
        let world = SimWorld::with(1, Conditions::calm());
        name_server(&world, addresses);
        prepare(&world);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let push = Push::new(&context);
        let events = push.events();
        push.connect("tcp://server:5").unwrap();
        Self {
            world,
            context,
            push,
            events,
        }
    }

    fn bind(&self, addresses: &[&str]) -> Pull {
        let pull = Pull::new(&self.context);
        for address in addresses {
            pull.bind(format!("tcp://{address}:5")).unwrap();
        }
        pull
    }

    /// What was dialed, each with the milliseconds since the first one.
    fn dialed(&self) -> Vec<(u128, String)> {
        let all: Vec<_> = self.world.trace();
        let mut first = None;
        let dials = all.into_iter().filter_map(|(at, event)| match event {
            Trace::Dialed(_, place) => {
                let since = at - *first.get_or_insert(at);
                Some((
                    since.as_millis(),
                    place.replace("tcp://", "").replace(":5", ""),
                ))
            }
            _ => None,
        });
        dials.collect()
    }

    #[track_caller]
    fn assert_dialed(&self, expected: &[(u128, &str)]) {
        let dialed = self.dialed();
        let dialed: Vec<_> = dialed.iter().map(|(at, to)| (*at, to.as_str())).collect();
        assert_eq!(dialed, expected);
    }

    /// How many links there are to these addresses, open or not decided.
    fn links(&self, addresses: &[&str]) -> usize {
        let of = |address: &&str| self.world.links_to(&format!("tcp://{address}:5")).len();
        addresses.iter().map(of).sum()
    }
}

fn name_server(world: &SimWorld, addresses: &[&str]) {
    let parse = |address: &&str| address.trim_matches(['[', ']']).parse::<IpAddr>().unwrap();
    let addresses: Vec<_> = addresses.iter().map(parse).collect();
    world.add_name("server", &addresses);
}

fn cut_off(world: &SimWorld, addresses: &[&str]) {
    for address in addresses {
        world.partition(&format!("tcp://{address}:5"));
    }
}

#[track_caller]
fn assert_delivers(push: &Push, pull: &Pull) {
    push.send("a").unwrap();
    assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("a"));
}

#[test]
fn silent_addresses_delay_the_next_by_250_ms_each() {
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let scene = Scene::new(&addresses, |world| cut_off(world, &addresses[..2]));
    let pull = scene.bind(&["10.0.0.3"]);
    assert_delivers(&scene.push, &pull);
    scene.assert_dialed(&[(0, "10.0.0.1"), (250, "10.0.0.2"), (500, "10.0.0.3")]);
    assert_eq!(scene.links(&addresses[..2]), 0, "the others are dropped");
}

#[test]
fn refused_address_makes_the_next_one_start_at_once() {
    let scene = Scene::new(&["10.0.0.1", "10.0.0.2", "10.0.0.3"], |_| {});
    let pull = scene.bind(&["10.0.0.3"]);
    assert_delivers(&scene.push, &pull);
    scene.assert_dialed(&[(0, "10.0.0.1"), (0, "10.0.0.2"), (0, "10.0.0.3")]);
}

#[test]
fn refusal_beside_a_silent_address_starts_the_next_one_at_once() {
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let scene = Scene::new(&addresses, |world| cut_off(world, &addresses[..1]));
    let pull = scene.bind(&["10.0.0.3"]);
    assert_delivers(&scene.push, &pull);
    scene.assert_dialed(&[(0, "10.0.0.1"), (250, "10.0.0.2"), (250, "10.0.0.3")]);
}

#[test]
fn families_take_turns_beginning_with_the_first() {
    let addresses = ["[fd00::1]", "[fd00::2]", "10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let scene = Scene::new(&addresses, |world| cut_off(world, &addresses));
    scene.world.advance(Duration::from_secs(5));
    scene.assert_dialed(&[
        (0, "[fd00::1]"),
        (250, "10.0.0.1"),
        (500, "[fd00::2]"),
        (750, "10.0.0.2"),
        (1000, "10.0.0.3"),
    ]);
    assert_eq!(scene.links(&addresses), 5, "all are still tried");
}

#[test]
fn address_that_answers_in_time_is_the_only_one_dialed() {
    let addresses = ["10.0.0.1", "10.0.0.2"];
    let scene = Scene::new(&addresses, |world| connect_within(world, 200));
    let pull = scene.bind(&addresses);
    assert_delivers(&scene.push, &pull);
    scene.world.advance(Duration::from_secs(5));
    scene.assert_dialed(&[(0, "10.0.0.1")]);
}

#[test]
fn first_to_connect_wins_and_the_others_are_dropped() {
    // When each is connected, and who wins.
    for (first, second, winner) in [(300, 100, "10.0.0.1"), (600, 100, "10.0.0.2")] {
        let addresses = ["10.0.0.1", "10.0.0.2"];
        let scene = Scene::new(&addresses, |world| connect_within(world, first));
        let pull = scene.bind(&addresses);
        scene.world.run_until(|| !scene.dialed().is_empty());
        connect_within(&scene.world, second);
        let connected = scene.events.wait_for(WAIT, |event| {
            matches!(event, Event::Connected { peer_address, .. }
                if *peer_address == format!("{winner}:5"))
        });
        assert!(connected.is_some(), "{winner} did not win");
        assert_delivers(&scene.push, &pull);
        scene.world.advance(Duration::from_secs(5));
        scene.assert_dialed(&[(0, "10.0.0.1"), (250, "10.0.0.2")]);
        assert_eq!((pull.pipes(), scene.links(&addresses)), (1, 1));
    }
}

#[test]
fn race_that_is_lost_is_reported_once_and_the_name_looked_up_again() {
    let scene = Scene::new(&["10.0.0.1", "10.0.0.2"], |_| {});
    let failed = |event: &Event| matches!(event, Event::ConnectFailed { .. });
    match scene.events.wait_for(WAIT, failed) {
        Some(Event::ConnectFailed { error, .. }) => {
            assert_eq!(error, io::ErrorKind::ConnectionRefused);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        scene.events.next_timeout(WAIT),
        Some(Event::Retry { .. })
    ));
    scene.assert_dialed(&[(0, "10.0.0.1"), (0, "10.0.0.2")]);
    name_server(&scene.world, &["10.0.0.3"]);
    let pull = scene.bind(&["10.0.0.3"]);
    assert_delivers(&scene.push, &pull);
}

#[test]
fn disconnect_ends_every_attempt() {
    let addresses = ["10.0.0.1", "[fd00::1]"];
    let scene = Scene::new(&addresses, |world| cut_off(world, &addresses));
    scene.world.advance(Duration::from_millis(300));
    assert_eq!(scene.links(&addresses), 2);
    scene.push.disconnect("tcp://server:5").unwrap();
    scene.world.advance(Duration::from_secs(1));
    assert_eq!(scene.links(&addresses), 0);
    scene.assert_dialed(&[(0, "10.0.0.1"), (250, "[fd00::1]")]);
}

fn connect_within(world: &SimWorld, millis: u64) {
    let latency = Duration::from_millis(millis);
    world.weather(|conditions| conditions.connect_latency = latency..=latency);
}
