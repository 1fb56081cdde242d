//! Two connected ends of one simulated link.

use std::io;
use std::sync::Arc;

use ferromq_core::world::Stream;

use super::peer::MockPeer;
use super::wire::SimWire;
use crate::sim::{Conditions, LinkId, SimWorld};

/// Two raw streams that are connected with each other, in a world of their own.
#[derive(Debug)]
pub struct Pair {
    /// The world; its weather is the link's.
    pub world: SimWorld,
    /// The link, for `cut`, `hold` and faults.
    pub link: LinkId,
    /// The dialing end.
    pub a: Arc<dyn Stream>,
    /// The accepting end.
    pub b: Arc<dyn Stream>,
}

impl Pair {
    /// A pair under default conditions: with splits and latency by this seed.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Conditions::default())
    }

    /// A pair under these conditions.
    pub fn with(seed: u64, conditions: Conditions) -> Self {
        let world = SimWorld::with(seed, conditions);
        let listener = MockPeer::listen(&world, "tcp://127.0.0.1:*");
        let (link, a) = world.dial_raw(&listener.endpoint().to_string());
        world.run_idle();
        let b = listener
            .accept()
            .expect("the world has run until the link was connected");
        Self { world, link, a, b }
    }

    /// Two mock peers over the pair.
    pub fn peers(self) -> (MockPeer, MockPeer) {
        let Self { world, a, b, .. } = self;
        let a = MockPeer::over(SimWire::new(&world, a));
        (a, MockPeer::over(SimWire::new(&world, b)))
    }

    /// Sends bytes from one of the streams to the other and gives what arrives, until all has.
    ///
    /// # Panics
    /// If the streams are not connected, or fail.
    pub fn carry(&self, from: &dyn Stream, to: &dyn Stream, bytes: &[u8]) -> Vec<u8> {
        let (mut rest, mut got) = (bytes, Vec::with_capacity(bytes.len()));
        while got.len() < bytes.len() {
            if !rest.is_empty() {
                rest = &rest[moved(from.write(&[io::IoSlice::new(rest)]))..];
            }
            let missing = bytes.len() - got.len();
            if moved(to.read(&mut got, missing)) == 0 {
                let can_write = || !rest.is_empty() && self.world.is_writable(from);
                self.world
                    .run_until(|| self.world.is_readable(to) || can_write());
            }
        }
        got
    }
}

/// # Panics
/// On errors other than `WouldBlock`.
fn moved(result: io::Result<usize>) -> usize {
    match result {
        Ok(count) => count,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => panic!("the link failed: {error}"),
    }
}
