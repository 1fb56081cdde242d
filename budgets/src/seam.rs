//! A world around the simulated one: counts what crosses the seam, and nothing beyond it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq_core::world::{
    Bell, Interest, Listener, Reactor, Ready, Resolved, Running, Source, Stream, Tuning, Turn,
    Worker, World,
};
use ferromq_core::{Endpoint, ListenError, TransportOptions};
use ferromq_testkit::sim::{Conditions, SimWorld};

use crate::meter::{enter, leave, note, note_places};

/// How much the simulated kernel takes for one connection: as much as a loopback connection.
const CAPACITY: usize = 4 * 1024 * 1024;

/// How long looking at the clock takes.
const CLOCK: Duration = Duration::from_nanos(20);

/// How long a read or a write takes: a receiver that looks for 40 µs reads as often.
const CALL: Duration = Duration::from_micros(1);

/// A simulated network without delays and cuts, whose every call is counted.
#[derive(Debug)]
pub struct Seam {
    world: SimWorld,
}

impl Seam {
    /// A world of its own, the same each time.
    pub fn new() -> Self {
        let conditions = Conditions {
            capacity: CAPACITY,
            clock_cost: CLOCK,
            call_cost: CALL,
            tuning: Tuning::default(),
            ..Conditions::calm()
        };
        Self {
            world: SimWorld::with(1, conditions),
        }
    }

    /// The simulated world itself.
    pub fn simulation(&self) -> SimWorld {
        self.world.clone()
    }
}

impl Default for Seam {
    fn default() -> Self {
        Self::new()
    }
}

impl World for Seam {
    fn now(&self) -> Instant {
        leave(|| self.world.now())
    }

    fn random(&self) -> u64 {
        leave(|| self.world.random())
    }

    fn start(&self, name: String, worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>> {
        leave(|| self.world.start(name, Box::new(Counted(worker))))
    }

    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        leave(|| Ok(Arc::new(Counted(self.world.reactor()?)) as Arc<dyn Reactor>))
    }

    fn bell(&self) -> Arc<dyn Bell> {
        leave(|| Arc::new(Counted(self.world.bell())))
    }

    fn listen(
        &self,
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ListenError> {
        leave(|| {
            let listener = self.world.listen(endpoint, options)?;
            Ok(Box::new(Counted(listener)) as Box<dyn Listener>)
        })
    }

    fn dial(
        &self,
        address: &ferromq_transport::Address,
        options: &TransportOptions,
    ) -> io::Result<Arc<dyn Stream>> {
        leave(|| Ok(Arc::new(Counted(self.world.dial(address, options)?)) as Arc<dyn Stream>))
    }

    fn tuning(&self) -> Tuning {
        self.world.tuning()
    }

    fn resolve(&self, endpoint: &Endpoint, reply: Resolved) {
        leave(|| self.world.resolve(endpoint, reply));
    }
}

/// Something of the simulated world, as the engine gets it.
#[derive(Debug)]
struct Counted<T>(T);

impl Worker for Counted<Box<dyn Worker>> {
    fn turn(&mut self) -> Turn {
        enter(|| self.0.turn())
    }
}

impl Reactor for Counted<Arc<dyn Reactor>> {
    fn add(&self, source: Source<'_>, token: u64) -> io::Result<()> {
        note(|calls| calls.arms += 1);
        leave(|| self.0.add(source, token))
    }

    fn arm(&self, source: Source<'_>, token: u64, interest: Interest) -> io::Result<()> {
        note(|calls| calls.arms += 1);
        leave(|| self.0.arm(source, token, interest))
    }

    fn wait(&self, ready: &mut Vec<Ready>, timeout: Option<Duration>) -> io::Result<()> {
        note(|calls| calls.waits += 1);
        leave(|| self.0.wait(ready, timeout))
    }

    fn notify(&self) {
        note(|calls| calls.wakes += 1);
        leave(|| self.0.notify());
    }
}

impl Bell for Counted<Arc<dyn Bell>> {
    fn ring(&self) {
        note(|calls| calls.wakes += 1);
        leave(|| self.0.ring());
    }

    fn wait(&self, streams: &[&dyn Stream], deadline: Option<Instant>) {
        note(|calls| calls.waits += 1);
        leave(|| self.0.wait(streams, deadline));
    }
}

impl Stream for Counted<Arc<dyn Stream>> {
    fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        note(|calls| calls.reads += 1);
        leave(|| {
            let before = into.len();
            let read = self.0.read(into, most)?;
            let start = into.as_ptr() as usize + before;
            note_places(|places| places.read.push(start..start + read));
            Ok(read)
        })
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        note(|calls| calls.writes += 1);
        leave(|| {
            let written = self.0.write(slices)?;
            note_places(|places| {
                let mut left = written;
                for slice in slices {
                    let start = slice.as_ptr() as usize;
                    let taken = slice.len().min(left);
                    places.written.push(start..start + taken);
                    left -= taken;
                }
            });
            Ok(written)
        })
    }

    fn finish_connect(&self) -> io::Result<()> {
        leave(|| self.0.finish_connect())
    }

    fn shutdown_write(&self) -> io::Result<()> {
        leave(|| self.0.shutdown_write())
    }

    fn shutdown(&self) {
        leave(|| self.0.shutdown());
    }

    fn peer_address(&self) -> String {
        leave(|| self.0.peer_address())
    }

    fn source(&self) -> Source<'_> {
        self.0.source()
    }
}

impl Listener for Counted<Box<dyn Listener>> {
    fn accept(&self) -> io::Result<Arc<dyn Stream>> {
        leave(|| Ok(Arc::new(Counted(self.0.accept()?)) as Arc<dyn Stream>))
    }

    fn endpoint(&self) -> Endpoint {
        leave(|| self.0.endpoint())
    }

    fn source(&self) -> Source<'_> {
        self.0.source()
    }
}
