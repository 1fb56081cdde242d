//! A toy worker that echoes over the simulated network, and what its trace shows.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use ferromq_core::world::{
    Interest, Listener, Reactor, Ready, Running, Stream, Turn, Worker, World,
};
use parking_lot::Mutex;

use super::{ENDPOINT, listen, ms};
use crate::sim::{Event, SimWorld, for_seeds};

const READ: Interest = Interest {
    read: true,
    write: false,
};
const WRITE: Interest = Interest {
    read: false,
    write: true,
};
const LISTENER: u64 = 0;

/// Accepts connections and sends back what it gets; stops once it has had some and has none left.
struct Echo {
    reactor: Arc<dyn Reactor>,
    listener: Box<dyn Listener>,
    streams: BTreeMap<u64, (Arc<dyn Stream>, Vec<u8>)>,
    accepted: u64,
}

impl Echo {
    fn start(world: &SimWorld) -> Box<dyn Running> {
        let reactor = world.reactor().unwrap();
        let listener = listen(world, ENDPOINT);
        reactor.add(listener.source(), LISTENER).unwrap();
        reactor.arm(listener.source(), LISTENER, READ).unwrap();
        let echo = Self {
            reactor,
            listener,
            streams: BTreeMap::new(),
            accepted: 0,
        };
        world.start("echo".into(), Box::new(echo)).unwrap()
    }

    fn accept(&mut self) {
        while let Ok(stream) = self.listener.accept() {
            self.accepted += 1;
            let token = self.accepted;
            self.reactor.add(stream.source(), token).unwrap();
            self.reactor.arm(stream.source(), token, READ).unwrap();
            self.streams
                .insert(token, (stream, Vec::with_capacity(4096)));
        }
        self.reactor
            .arm(self.listener.source(), LISTENER, READ)
            .unwrap();
    }

    fn serve(&mut self, token: u64) {
        let Some((stream, bytes)) = self.streams.get_mut(&token) else {
            return;
        };
        match echo(&**stream, bytes) {
            Ok(interest) => self.reactor.arm(stream.source(), token, interest).unwrap(),
            Err(_) => drop(self.streams.remove(&token)),
        }
    }
}

impl Worker for Echo {
    fn turn(&mut self) -> Turn {
        let mut ready: Vec<Ready> = Vec::new();
        self.reactor.wait(&mut ready, None).unwrap();
        for Ready { token, .. } in ready {
            match token {
                LISTENER => self.accept(),
                stream => self.serve(stream),
            }
        }
        match self.accepted > 0 && self.streams.is_empty() {
            true => Turn::Stop,
            false => Turn::Continue,
        }
    }
}

/// Writes what is there, then reads; tells what to wait for.
fn echo(stream: &dyn Stream, bytes: &mut Vec<u8>) -> io::Result<Interest> {
    loop {
        let moved = match bytes.is_empty() {
            false => stream
                .write(&[io::IoSlice::new(bytes)])
                .map(|count| drop(bytes.drain(..count))),
            true => match stream.read(bytes, 4096) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                other => other.map(drop),
            },
        };
        match moved {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Ok(if bytes.is_empty() { READ } else { WRITE });
            }
            other => other?,
        }
    }
}

/// Sends `count` bytes to the echo and takes them back, as an application would: sleeping on the
/// bell.
fn ask(world: &SimWorld, count: usize) {
    let endpoint = ENDPOINT.parse().unwrap();
    let address = Arc::new(Mutex::new(None));
    let reply = address.clone();
    world.resolve(
        &endpoint,
        Box::new(move |found| *reply.lock() = Some(found.unwrap())),
    );
    world.run_until(|| address.lock().is_some());
    let address = address.lock().take().unwrap().remove(0);

    let stream = world.dial(&address, &Default::default()).unwrap();
    world.run_until(|| world.is_writable(&*stream));
    stream.finish_connect().unwrap();
    let sent: Vec<u8> = (0..count).map(|i| i as u8).collect();
    let (mut rest, mut got) = (sent.as_slice(), Vec::with_capacity(count));
    while got.len() < count {
        match stream.write(&[io::IoSlice::new(rest)]) {
            Ok(written) => rest = &rest[written..],
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let deadline = (!rest.is_empty()).then(|| world.now() + ms(1));
        world.bell().wait(&[&*stream], deadline);
        let missing = count - got.len();
        match stream.read(&mut got, missing) {
            Ok(read) => assert_ne!(read, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert_eq!(got, sent);
}

fn run(seed: u64) -> (u64, Vec<(std::time::Duration, Event)>) {
    let world = SimWorld::new(seed);
    let echo = Echo::start(&world);
    ask(&world, 200_000);
    echo.join();
    assert_eq!(world.links(), []);
    assert_eq!(world.workers(), 0);
    (world.trace_hash(), world.trace())
}

#[test]
fn echo_same_seed_gives_same_trace() {
    for_seeds(0..5, |seed| {
        let ((first, events), (second, again)) = (run(seed), run(seed));
        assert_eq!(events, again);
        assert_eq!(first, second);
    });
}

#[test]
fn echo_different_seeds_give_different_traces() {
    let mut hashes: Vec<u64> = (0..8).map(|seed| run(seed).0).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 8);
}

#[test]
fn echo_worker_drops_connection_that_is_cut() {
    let world = SimWorld::new(3);
    let echo = Echo::start(&world);
    let (link, _stream) = world.dial_raw(ENDPOINT);
    world.run_idle();
    assert_eq!(world.workers(), 1);
    world.cut(link);
    echo.join();
    assert_eq!(world.workers(), 0);
}
