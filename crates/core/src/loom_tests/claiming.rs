//! Claiming: who reads a connection.
//!
//! Whole: `Socket` and its receivers, `IoWorker`, `Session` and `Connection`, over a [`Kernel`].
//! Bytes come at any moment; if nobody looks for them, a thread sleeps for ever, and loom reports
//! that. Where time stands still, no deadline may be needed for it: what waits besides a receiver
//! is woken at once. Where time passes, the last to look may be the I/O thread's deadline; that it
//! does is shown by a PING, which whoever reads answers.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use ferromq_testkit::frames::{self, Frames};
use ferromq_wire::{Decoder, Heartbeat, HeartbeatConfig, Limits, Message, V3_1};
use loom::thread;

use super::explore;
use super::kernel::{Kernel, KernelStream, Manner, Sleeper, Time};
use super::stub::{StubReactor, StubStream, StubWorld, Toy, UNWANTED};
use crate::connection::{Connection, Watch};
use crate::context::Context;
use crate::error::RecvError;
use crate::io::{IoCommand, IoHandle};
use crate::options::Options;
use crate::pattern::Pattern;
use crate::pipe::StreamPipe;
use crate::poll::{PollItem, poll};
use crate::port::Port;
use crate::socket::Socket;
use crate::world::{Turn, World};

/// A mark that is not reached.
const HIGH: u32 = 10;

/// A socket with one connection, and its I/O thread.
struct Model {
    kernel: Arc<Kernel>,
    peer: Arc<KernelStream>,
    socket: Arc<Socket<Toy>>,
    io: IoHandle,
    running: thread::JoinHandle<()>,
}

impl Model {
    /// The connection is armed; nothing has come.
    fn new(manner: Manner, receive_mark: u32) -> Self {
        Self::after(manner, receive_mark, |_, _| {})
    }

    /// The peer has sent this, and nobody has looked.
    fn sent(manner: Manner, receive_mark: u32, frames: &Frames) -> Self {
        Self::after(manner, receive_mark, |_, peer| peer.feed(frames))
    }

    /// What has happened before the I/O thread goes on is not explored.
    fn after(
        manner: Manner,
        receive_mark: u32,
        before: impl FnOnce(&Socket<Toy>, &KernelStream),
    ) -> Self {
        let kernel = Kernel::new(manner);
        let context = Context::with_world(kernel.clone(), 1);
        let options = Options {
            receive_mark,
            handshake_timeout: Duration::ZERO,
            ..Options::default()
        };
        loom::stop_exploring();
        let socket = Arc::new(Socket::build(&context, Toy::default(), options));
        socket.connect("tcp://127.0.0.1:1").unwrap();
        let io = context.inner().io(0).unwrap();
        let peer = kernel.stream(0);
        let mut worker = kernel.take_worker();
        while !peer.is_armed() {
            let _ = worker.turn();
        }
        before(&socket, &peer);
        loom::explore();
        let running = thread::spawn(move || while worker.turn() == Turn::Continue {});
        Self {
            kernel,
            peer,
            socket,
            io,
            running,
        }
    }

    /// A thread that does something with the socket, and perhaps lets the peer do something.
    fn spawn(
        &self,
        run: impl FnOnce(&Socket<Toy>, &KernelStream) + 'static,
    ) -> thread::JoinHandle<()> {
        let (socket, peer) = (Arc::clone(&self.socket), Arc::clone(&self.peer));
        thread::spawn(move || run(&socket, &peer))
    }

    /// Everybody else has ended: so does the I/O thread.
    fn end(self) {
        loom::stop_exploring();
        self.io.post(IoCommand::Stop(self.kernel.now()));
        self.running.join().unwrap();
    }
}

fn message(text: &str) -> Frames {
    frames::msg([text])
}

fn text_of(message: &Message) -> &str {
    message.part_str(0).unwrap()
}

fn receive(socket: &Socket<Toy>, expected: &[&str]) {
    for text in expected {
        assert_eq!(text_of(&socket.recv().unwrap()), *text);
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let sleeper = Arc::new(Sleeper::default());
    let waker = Waker::from(Arc::clone(&sleeper));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return output;
        }
        sleeper.sleep();
    }
}

// From the first read to the last one.

#[test]
fn loom_bytes_that_come_while_a_receiver_claims_looks_and_sleeps_are_received() {
    explore(2, || {
        let model = Model::new(Manner::default(), HIGH);
        let receiver = model.spawn(|socket, _| receive(socket, &["one", "two"]));
        model.peer.feed(&message("one"));
        model.peer.feed(&message("two"));
        receiver.join().unwrap();
        model.end();
    });
}

#[test]
fn loom_bytes_that_come_after_a_receiver_has_left_are_read_by_the_deadline() {
    explore(2, || {
        let passes = Manner {
            time: Time::Passes,
            ..Manner::default()
        };
        let model = Model::sent(passes, HIGH, &message("one"));
        let peer = model.spawn(|_, peer| {
            peer.feed(&message("two"));
            peer.feed(&frames::ping(0, "there?"));
            peer.expect(&frames::pong("there?"));
        });
        receive(&model.socket, &["one", "two"]);
        peer.join().unwrap();
        model.end();
    });
}

/// A receiver sleeps for long; what comes after its message is read by an event alone.
fn slept_long(before_it_returns: impl Fn(&KernelStream) + Copy + Send + Sync + 'static) {
    explore(2, move || {
        let long = Manner {
            nap: Duration::from_millis(1),
            ..Manner::default()
        };
        let model = Model::new(long, HIGH);
        let peer = model.spawn(move |_, peer| {
            peer.expect_sleeper();
            before_it_returns(peer);
            peer.feed(&message("one"));
            peer.feed(&frames::ping(0, "there?"));
            peer.expect(&frames::pong("there?"));
        });
        receive(&model.socket, &["one"]);
        peer.join().unwrap();
        model.end();
    });
}

#[test]
fn loom_receiver_that_slept_long_arms_before_it_returns() {
    slept_long(|_| {});
}

#[test]
fn loom_arming_that_failed_is_tried_again() {
    slept_long(KernelStream::refuse_once);
}

#[test]
fn loom_event_of_a_claimed_connection_is_ignored() {
    explore(2, || {
        let model = Model::sent(Manner::default(), HIGH, &message("one"));
        let peer = model.spawn(|_, peer| {
            peer.expect_sleeper();
            peer.feed(&message("two"));
        });
        receive(&model.socket, &["one", "two"]);
        assert!(!model.peer.was_watched_twice(), "two threads are woken");
        peer.join().unwrap();
        model.end();
    });
}

#[test]
fn loom_claiming_keeps_the_interest_in_writing() {
    explore(2, || {
        let model = Model::after(Manner::default(), HIGH, |socket, peer| {
            peer.set_full(true);
            socket.send("a question").unwrap();
        });
        let peer = model.spawn(|_, peer| {
            peer.set_full(false);
            peer.expect(&message("a question"));
            peer.feed(&message("an answer"));
        });
        receive(&model.socket, &["an answer"]);
        peer.join().unwrap();
        model.end();
    });
}

#[test]
fn loom_left_connection_is_armed_or_has_a_deadline() {
    explore(4, || {
        let world: Arc<dyn World> = Arc::new(StubWorld);
        let port = Arc::new(Port::new(Toy::KIND, Options::default(), world));
        let reactor = Arc::new(StubReactor::default());
        let io = IoHandle::new(reactor.clone());
        let id = port.new_pipe();
        let pipe = Arc::new(StreamPipe::new(
            id,
            1,
            io.clone(),
            Arc::clone(&port),
            port.options(),
        ));
        let (stream, decoder) = (
            Arc::new(StubStream::new(&[])),
            Decoder::new(Limits::default()),
        );
        let connection = Arc::new(Connection::new(
            stream,
            decoder,
            Heartbeat::new(HeartbeatConfig::default(), V3_1, port.world.now()),
            Vec::new(),
            None,
            reactor,
            1,
        ));
        let has_deadline = || {
            let mut commands = Vec::new();
            io.take_commands(&mut commands);
            !commands.is_empty()
        };
        connection.read_claimed(&pipe, &port);
        connection.leave(&pipe);
        assert!(has_deadline());
        let receiver = {
            let (connection, pipe) = (Arc::clone(&connection), Arc::clone(&pipe));
            thread::spawn(move || {
                connection.read_claimed(&pipe, &port);
                assert!(connection.claim(&pipe));
                connection.read_claimed(&pipe, &port);
                connection.leave(&pipe);
            })
        };
        let looks_again = (0..3).all(|_| connection.take_over().is_none());
        receiver.join().unwrap();
        let is_armed = connection.reading().watch == Watch::Armed;
        assert!(is_armed || looks_again || has_deadline());
    });
}

// Who waits beside the one receiver that claims. It may find a message for itself, and lets
// another one come then.

fn other_waiter_is_woken(wait: impl Fn(&Socket<Toy>) + Copy + Send + Sync + 'static) {
    explore(2, move || {
        let model = Model::sent(Manner::default(), HIGH, &message("one"));
        let other = model.spawn(move |socket, _| wait(socket));
        if model.socket.recv_timeout(Duration::ZERO).is_ok() {
            model.peer.feed(&message("for the other one"));
        }
        other.join().unwrap();
        model.end();
    });
}

#[test]
fn loom_next_receiver_leads_when_the_leader_leaves() {
    other_waiter_is_woken(|socket| drop(socket.recv().unwrap()));
}

#[test]
fn loom_future_beside_a_receiver_is_woken() {
    other_waiter_is_woken(|socket| drop(block_on(socket.recv_async()).unwrap()));
}

#[test]
fn loom_poll_beside_a_receiver_is_woken() {
    other_waiter_is_woken(
        |socket| {
            while poll(&mut [PollItem::receive(socket)], None) == 0 {}
        },
    );
}

#[test]
fn loom_future_is_woken_although_another_thread_looks_without_waiting() {
    explore(2, || {
        let model = Model::after(Manner::default(), HIGH, |socket, peer| {
            peer.feed(&message("one"));
            receive(socket, &["one"]);
        });
        let other = model.spawn(|socket, _| drop(block_on(socket.recv_async()).unwrap()));
        assert_eq!(model.socket.try_recv(), Err(RecvError::Empty));
        model.peer.feed(&message("two"));
        other.join().unwrap();
        model.end();
    });
}

// The high-water mark.

#[test]
fn loom_receiver_goes_on_behind_messages_that_it_passes_over() {
    explore(2, || {
        let unwanted = message(UNWANTED);
        let all = unwanted.clone().then(message("one"));
        let all = all.then(unwanted).then(message("two"));
        let model = Model::sent(Manner::default(), 1, &all);
        receive(&model.socket, &["one", "two"]);
        model.end();
    });
}

#[test]
fn loom_future_gets_what_a_receiver_left_at_the_mark() {
    explore(2, || {
        let both = message("one").then(message("two"));
        let model = Model::sent(Manner::default(), 1, &both);
        receive(&model.socket, &["one"]);
        let two = block_on(model.socket.recv_async()).unwrap();
        assert_eq!(text_of(&two), "two");
        model.end();
    });
}

// The end of a connection.

#[test]
fn loom_receiver_of_a_lost_connection_receives_from_the_next_one() {
    explore(2, || {
        let passes = Manner {
            time: Time::Passes,
            streams: 2,
            ..Manner::default()
        };
        let model = Model::sent(passes, HIGH, &message("one"));
        model.kernel.stream(1).feed(&message("two"));
        let peer = model.spawn(|_, peer| peer.end());
        receive(&model.socket, &["one", "two"]);
        peer.join().unwrap();
        model.end();
    });
}

#[test]
fn loom_close_is_not_held_up_by_a_receiver() {
    explore(2, || {
        let model = Model::after(Manner::default(), HIGH, |socket, _| {
            socket.send("a question").unwrap();
        });
        let closing = model.spawn(|socket, _| assert!(socket.close().complete));
        let received = model.socket.recv();
        assert!(matches!(received, Err(RecvError::Closed(_))));
        closing.join().unwrap();
        model.end();
    });
}
