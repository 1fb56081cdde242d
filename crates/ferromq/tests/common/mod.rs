//! What the integration tests share: a watchdog's limit, worlds, waiting for events, and peers.

use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use ferromq::{Builder, Context, Endpoint, Event, Events, Pull, Push, Reason, Security, User};
use ferromq_testkit::watchdog::{self, patience};
use ferromq_testkit::{MockPeer, SimWorld};

/// Long enough for every single wait, unless a tool makes all of it slower: [`patience`]. Who needs
/// it has failed.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// The limit of one test.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test under the watchdog.
pub(crate) fn under<T>(name: &str, body: impl FnOnce() -> T) -> T {
    watchdog::under(name, LIMIT, body)
}

/// A simulated world, and a context in it.
pub(crate) fn world(seed: u64) -> (SimWorld, Context) {
    let world = SimWorld::new(seed);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    (world, context)
}

/// A PULL with these options, bound to a free port.
pub(crate) fn bound(context: &Context, pull: Builder<Pull>) -> (Pull, Endpoint, Events) {
    let pull = pull.build(context).unwrap();
    let events = pull.events();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    (pull, endpoint, events)
}

/// A PUSH that is secured so, has dialed, and leaves nothing behind.
pub(crate) fn dialed(context: &Context, security: Security, endpoint: &Endpoint) -> (Push, Events) {
    let push = Push::builder().security(security).linger(Duration::ZERO);
    let push = push.build(context).unwrap();
    let events = push.events();
    push.connect(endpoint).unwrap();
    (push, events)
}

/// The first event that is wanted; the others are dropped.
#[track_caller]
pub(crate) fn wait_for(events: &Events, wanted: impl Fn(&Event) -> bool) -> Event {
    match events.wait_for(WAIT * patience(), wanted) {
        Some(event) => event,
        None => panic!("the event did not come"),
    }
}

/// Why the next connection to fail in its handshake does so.
#[track_caller]
pub(crate) fn handshake_failure(events: &Events) -> Reason {
    let failed = |event: &Event| matches!(event, Event::HandshakeFailed { .. });
    match wait_for(events, failed) {
        Event::HandshakeFailed { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// Waits for the next peer: who it is.
#[track_caller]
pub(crate) fn handshake_success(events: &Events) -> Option<User> {
    let success = |event: &Event| matches!(event, Event::HandshakeSucceeded { .. });
    match wait_for(events, success) {
        Event::HandshakeSucceeded { peer, .. } => peer.user.clone(),
        other => panic!("{other:?}"),
    }
}

/// Waits for a state that no event tells of, without sleeping; the watchdog ends it.
pub(crate) fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

/// Host and port of a tcp endpoint, for the standard library.
pub(crate) fn address(endpoint: &Endpoint) -> String {
    let text = endpoint.to_string();
    let address = text.strip_prefix("tcp://").expect("a tcp endpoint");
    address.to_owned()
}

/// A scripted peer that has connected to a bound socket.
#[track_caller]
pub(crate) fn mock(endpoint: &Endpoint) -> MockPeer {
    MockPeer::dial_tcp(&address(endpoint))
}

/// An honest peer, with a context of its own, sends a message: it is received.
#[track_caller]
pub(crate) fn assert_serves(pull: &Pull, endpoint: &Endpoint) {
    let push = Push::new(&Context::new());
    push.connect(endpoint).unwrap();
    push.send("honest").unwrap();
    let message = pull.recv_timeout(WAIT).unwrap();
    assert_eq!(message.part_str(0), Ok("honest"));
}

/// A whole executor: runs one future on this thread, which sleeps while it waits.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut task::Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
