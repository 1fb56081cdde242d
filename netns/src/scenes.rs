//! What happens to a network, and what sockets make of it.

use std::thread;
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::inside::{CONNECT, INTERVAL, PAUSE, TIMEOUT};
use crate::lab::{Lab, Side};
use crate::{Outcome, say};

/// A scene: its name, and what it does; it returns what is to be printed.
type Scene = (&'static str, fn(&Lab) -> Outcome<String>);

const SCENES: &[Scene] = &[
    ("loss", loss),
    ("delay", delay),
    ("cable", cable),
    ("flapping", flapping),
    ("half-open", half_open),
    ("server-moves", server_moves),
    ("client-moves", client_moves),
];

/// How long a cable is out.
const OUT: Duration = Duration::from_secs(60);

/// What takes no time by itself, on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

/// Nothing is heard of a peer for an interval, then it is asked, then given up.
const GIVEN_UP: Duration = INTERVAL.saturating_add(TIMEOUT).saturating_add(SLACK);

/// An attempt that began too early, the pause after it, and an attempt that succeeds. A lost packet
/// of that is sent again after a second.
const JOINED: Duration = CONNECT
    .saturating_add(PAUSE)
    .saturating_add(CONNECT)
    .saturating_add(SLACK);

/// Runs the named ones, or all.
pub(crate) fn run(names: &[&str]) -> Outcome {
    let known = |name: &&&str| SCENES.iter().any(|(known, _)| known == *name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(format!("no scene is named {unknown}"));
    }
    for (name, play) in SCENES {
        if names.is_empty() || names.contains(name) {
            let start = Instant::now();
            let told = play(&Lab::new()?).map_err(|problem| format!("{name}: {problem}"))?;
            say(&format!(
                "{name}: {told} ({:.1} s)",
                start.elapsed().as_secs_f64()
            ));
        }
    }
    Ok(())
}

/// A server at B and a client at A, which know each other.
fn pair(lab: &Lab, server: &str) -> Outcome<(Child, Child)> {
    let mut bound = Child::start(&lab.of(Side::B), "bind", "tcp://*:7000")?;
    let endpoint = format!("tcp://{server}:7000");
    let mut dialed = Child::start(&lab.of(Side::A), "connect", &endpoint)?;
    bound.wait_for("joined", JOINED)?;
    dialed.wait_for("joined", JOINED)?;
    Ok((dialed, bound))
}

/// A queue of few packets at a low rate: what comes too fast is lost, and TCP sends it again.
fn loss(lab: &Lab) -> Outcome<String> {
    let (mut a, mut b) = pair(lab, Side::B.address())?;
    let narrow = ["tbf", "rate", "8mbit", "burst", "4kb", "limit", "6kb"];
    for side in [Side::A, Side::B] {
        lab.shape(side, &narrow)?;
    }
    a.send(0, 3000)?;
    b.send(0, 3000)?;
    b.expect(0, 3000, Duration::from_secs(120))?;
    a.expect(0, 3000, Duration::from_secs(120))?;
    let dropped = lab.dropped(Side::A)? + lab.dropped(Side::B)?;
    match dropped {
        0 => Err("no packet was lost".to_owned()),
        _ => Ok(format!(
            "6000 messages arrived in order, {dropped} packets lost"
        )),
    }
}

/// Latency of 200 ms with jitter and loss of 2 %; where the kernel has no netem, a long queue at a
/// low rate, in which packets wait for up to 400 ms.
fn delay(lab: &Lab) -> Outcome<String> {
    let (mut a, mut b) = pair(lab, Side::B.address())?;
    let netem = ["netem", "delay", "200ms", "50ms", "loss", "2%"];
    let queue = ["tbf", "rate", "2mbit", "burst", "4kb", "latency", "400ms"];
    let by = match lab.shape(Side::B, &netem) {
        Ok(()) => "netem",
        Err(_) => {
            lab.shape(Side::B, &queue)?;
            "a long queue (this kernel has no netem)"
        }
    };
    a.send(0, 2000)?;
    b.expect(0, 2000, Duration::from_secs(120))?;
    Ok(format!("2000 messages arrived in order, delayed by {by}"))
}

/// The cable of B is out for a minute: both sides notice, and go on when it is in again.
fn cable(lab: &Lab) -> Outcome<String> {
    let (mut a, mut b) = pair(lab, Side::B.address())?;
    a.send(0, 100)?;
    b.expect(0, 100, JOINED)?;
    lab.pull(Side::B)?;
    let pulled = Instant::now();
    let times = given_up(&mut a, &mut b)?;
    a.send(100, 200)?;
    thread::sleep(OUT.saturating_sub(pulled.elapsed()));
    lab.plug(Side::B)?;
    // Nothing was under way when it was pulled: nothing is lost.
    b.expect(100, 200, JOINED)?;
    b.send(0, 100)?;
    a.expect(0, 100, JOINED)?;
    Ok(format!(
        "{times}; 200 messages after a minute without a cable"
    ))
}

/// The cable goes out and in too fast for heartbeats: TCP goes on.
fn flapping(lab: &Lab) -> Outcome<String> {
    let (mut a, mut b) = pair(lab, Side::B.address())?;
    for round in 0..10 {
        a.send(round * 100, round * 100 + 100)?;
        lab.pull(Side::B)?;
        thread::sleep(Duration::from_millis(150));
        lab.plug(Side::B)?;
    }
    b.expect(0, 1000, Duration::from_secs(60))?;
    Ok("1000 messages arrived in order, 10 times cut".to_owned())
}

/// The server dies while its cable is out, so that the client is told nothing; another one comes.
fn half_open(lab: &Lab) -> Outcome<String> {
    let (mut a, mut b) = pair(lab, Side::B.address())?;
    a.send(0, 10)?;
    b.expect(0, 10, JOINED)?;
    lab.pull(Side::B)?;
    drop(b);
    let (took, why) = a.wait_for("lost", GIVEN_UP)?;
    a.send(10, 20)?;
    let mut b = Child::start(&lab.of(Side::B), "bind", "tcp://*:7000")?;
    lab.plug(Side::B)?;
    b.expect(10, 20, JOINED)?;
    Ok(format!(
        "given up after {took:.1?} ({why}); the next server was found"
    ))
}

/// The server's address changes, and its name with it.
fn server_moves(lab: &Lab) -> Outcome<String> {
    lab.name_server(Side::A, Side::B.address())?;
    let (mut a, mut b) = pair(lab, "server")?;
    a.send(0, 10)?;
    b.expect(0, 10, JOINED)?;
    lab.move_to(Side::B, "10.77.0.22")?;
    lab.name_server(Side::A, "10.77.0.22")?;
    let times = given_up(&mut a, &mut b)?;
    a.send(10, 20)?;
    let took = b.wait_for_number(19, JOINED)?;
    Ok(format!(
        "{times}; found at its new address {took:.1?} later"
    ))
}

/// The client's address changes under it.
fn client_moves(lab: &Lab) -> Outcome<String> {
    let (mut a, mut b) = pair(lab, Side::B.address())?;
    a.send(0, 10)?;
    b.expect(0, 10, JOINED)?;
    lab.move_to(Side::A, "10.77.0.11")?;
    let times = given_up(&mut a, &mut b)?;
    a.send(10, 20)?;
    let took = b.wait_for_number(19, JOINED)?;
    Ok(format!(
        "{times}; back from its new address {took:.1?} later"
    ))
}

/// Both sides give each other up in time.
fn given_up(a: &mut Child, b: &mut Child) -> Outcome<String> {
    let (first, why) = a.wait_for("lost", GIVEN_UP)?;
    let (second, _) = b.wait_for("lost", GIVEN_UP.saturating_sub(first))?;
    let second = first + second;
    Ok(format!(
        "given up after {first:.1?} and {second:.1?} ({why})"
    ))
}
