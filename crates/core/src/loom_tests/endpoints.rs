//! Binding while another thread ends a socket: what `bind` asks of the I/O thread is asked under
//! the socket's lock, so that what closing asks comes later.
//!
//! Asserted: when the I/O thread has done what it was asked, no listener is open; and a socket that
//! was joined with one that goes meanwhile keeps no pipe to it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering as Plain};
use std::sync::{Arc, Mutex as PlainMutex};
use std::time::Instant;

use ferromq_transport::{Address, Endpoint, ListenError, TransportOptions};
use loom::thread;

use super::stub::{StubReactor, StubWorld, Toy};
use super::{explore, socket};
use crate::context::Context;
use crate::port::Shell;
use crate::world::{
    Bell, Listener, Reactor, Resolved, Running, Source, Stream, Turn, Worker, World,
};

/// The stub world, with listeners, and a worker that runs when it is joined.
#[derive(Debug, Default)]
struct Listening {
    open: Arc<AtomicUsize>,
}

impl World for Listening {
    fn now(&self) -> Instant {
        StubWorld.now()
    }

    fn random(&self) -> u64 {
        0
    }

    fn start(&self, _: String, worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>> {
        let open = Arc::clone(&self.open);
        let worker = PlainMutex::new(worker);
        Ok(Box::new(Later { worker, open }))
    }

    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        Ok(Arc::new(StubReactor::default()))
    }

    fn bell(&self) -> Arc<dyn Bell> {
        StubWorld.bell()
    }

    fn listen(
        &self,
        endpoint: &Endpoint,
        _: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ListenError> {
        self.open.fetch_add(1, Plain::Relaxed);
        let (endpoint, open) = (endpoint.clone(), Arc::clone(&self.open));
        Ok(Box::new(StubListener { endpoint, open }))
    }

    fn dial(&self, address: &Address, options: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
        StubWorld.dial(address, options)
    }

    fn resolve(&self, endpoint: &Endpoint, reply: Resolved) {
        StubWorld.resolve(endpoint, reply);
    }
}

#[derive(Debug)]
struct StubListener {
    endpoint: Endpoint,
    open: Arc<AtomicUsize>,
}

impl Listener for StubListener {
    fn accept(&self) -> io::Result<Arc<dyn Stream>> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    fn source(&self) -> Source<'_> {
        Source::Simulated(1, std::marker::PhantomData)
    }
}

impl Drop for StubListener {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Plain::Relaxed);
    }
}

/// A worker that does everything it was asked when its context ends.
struct Later {
    worker: PlainMutex<Box<dyn Worker>>,
    open: Arc<AtomicUsize>,
}

impl Running for Later {
    fn join(self: Box<Self>) {
        let mut worker = self.worker.lock().unwrap();
        while worker.turn() == Turn::Continue {}
        assert_eq!(self.open.load(Plain::Relaxed), 0, "a listener was left");
    }
}

#[test]
fn loom_listener_of_a_socket_that_is_closed_meanwhile_is_closed() {
    explore(3, || {
        let context = Context::with_world(Arc::new(Listening::default()), 1);
        let socket = socket(&context, Toy::default(), 1, 1);
        let closing = {
            let socket = Arc::clone(&socket);
            thread::spawn(move || socket.shared().shut_down())
        };
        let _ = socket.bind("tcp://127.0.0.1:1");
        closing.join().unwrap();
        drop(socket);
        drop(context);
    });
}

#[test]
fn loom_inproc_peer_that_goes_while_its_name_is_bound_leaves_no_pipe() {
    explore(3, || {
        let context = super::context();
        let sockets = [1, 2].map(|_| socket(&context, Toy::default(), 1, 1));
        sockets[0].connect("inproc://name").unwrap();
        let closing = {
            let socket = Arc::clone(&sockets[0]);
            thread::spawn(move || socket.shared().shut_down())
        };
        sockets[1].bind("inproc://name").unwrap();
        closing.join().unwrap();
        assert_eq!(sockets[1].pipes(), 0, "a pipe to nobody was left");
    });
}
