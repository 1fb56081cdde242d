//! The simulated resolver.

use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;

use ferromq_core::world::World;
use ferromq_transport::Address;
use parking_lot::Mutex;

use super::{calm, ms};
use crate::sim::SimWorld;

type Answer = Arc<Mutex<Option<io::Result<Vec<Address>>>>>;

fn ask(world: &SimWorld, endpoint: &str) -> Answer {
    let answer = Answer::default();
    let kept = answer.clone();
    world.resolve(
        &endpoint.parse().unwrap(),
        Box::new(move |found| *kept.lock() = Some(found)),
    );
    answer
}

fn resolve(world: &SimWorld, endpoint: &str) -> Result<Vec<String>, ErrorKind> {
    let answer = ask(world, endpoint);
    world.run_until(|| answer.lock().is_some());
    let addresses = answer
        .lock()
        .take()
        .unwrap()
        .map_err(|error| error.kind())?;
    Ok(addresses.iter().map(Address::to_string).collect())
}

#[test]
fn resolve_answers_from_table_in_order() {
    let world = calm();
    let addresses = ["::1", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
    world.add_name("both.example", &addresses);
    assert_eq!(
        resolve(&world, "tcp://both.example:80").unwrap(),
        ["[::1]:80", "10.0.0.1:80"]
    );
}

#[test]
fn resolve_takes_numbers_paths_and_localhost_as_they_are() {
    let world = calm();
    assert_eq!(resolve(&world, "tcp://10.1.2.3:4").unwrap(), ["10.1.2.3:4"]);
    assert_eq!(
        resolve(&world, "tcp://localhost:4").unwrap(),
        ["127.0.0.1:4"]
    );
    assert_eq!(resolve(&world, "ipc:///tmp/x").unwrap(), ["/tmp/x"]);
}

#[test]
fn resolve_unknown_or_failing_name_reports_error() {
    let world = calm();
    assert_eq!(resolve(&world, "tcp://nobody:4"), Err(ErrorKind::NotFound));
    world.fail_name("slow", ErrorKind::TimedOut);
    assert_eq!(resolve(&world, "tcp://slow:4"), Err(ErrorKind::TimedOut));
}

#[test]
fn resolve_replies_after_latency_only() {
    let world = calm();
    world.weather(|w| w.resolve_latency = ms(300)..=ms(300));
    let answer = ask(&world, "tcp://localhost:1");
    world.advance(ms(299));
    assert!(answer.lock().is_none());
    world.advance(ms(1));
    assert!(answer.lock().is_some());
}

#[test]
fn resolve_source_address_becomes_the_peers_view() {
    let world = calm();
    let listener = super::listen(&world, "tcp://*:6000");
    let (_, _stream) = world.dial_raw("tcp://10.0.0.9:77;10.0.0.1:6000");
    world.run_idle();
    assert_eq!(listener.accept().unwrap().peer_address(), "10.0.0.9:77");
}
