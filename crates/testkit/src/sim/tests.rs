//! The simulated world tested by itself: with raw streams, and with a toy worker that echoes.

mod echo;
mod hosts;
mod names;
mod network;
mod reactor;
mod running;
mod threads;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferromq_core::world::{Listener, Stream, World};

use super::{Conditions, LinkId, SimWorld};

const ENDPOINT: &str = "tcp://127.0.0.1:5555";

fn calm() -> SimWorld {
    SimWorld::with(1, Conditions::calm())
}

fn listen(world: &SimWorld, endpoint: &str) -> Box<dyn Listener> {
    world
        .listen(&endpoint.parse().unwrap(), &Default::default())
        .unwrap()
}

/// A connected pair: the dialing end and the accepting end.
fn connected(world: &SimWorld) -> (LinkId, Arc<dyn Stream>, Arc<dyn Stream>) {
    let listener = listen(world, "tcp://127.0.0.1:*");
    let (link, dialer) = world.dial_raw(&listener.endpoint().to_string());
    world.run_idle();
    (link, dialer, listener.accept().unwrap())
}

fn write(stream: &dyn Stream, bytes: &[u8]) -> io::Result<usize> {
    stream.write(&[io::IoSlice::new(bytes)])
}

/// One read: what came, or the kind of error.
fn read(stream: &dyn Stream) -> Result<Vec<u8>, io::ErrorKind> {
    let mut bytes = Vec::with_capacity(1024);
    stream
        .read(&mut bytes, 1024)
        .map_err(|error| error.kind())?;
    Ok(bytes)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}
