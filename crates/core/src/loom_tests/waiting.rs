//! Waiting: `WaitList` under the socket's lock, `take_or_enter`, turns that are passed on.
//!
//! Two sockets joined in process; the receiving one's threads sleep when they find nothing. A
//! wake-up that is lost, or kept by a receiver that gave up, leaves a thread asleep for ever: loom
//! reports that. Asserted besides: who receives at all receives a message.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use loom::thread;

use super::stub::{StubBell, Toy};
use super::{context, explore, socket};
use crate::context::Context;
use crate::error::RecvError;
use crate::socket::Socket;
use crate::world::Bell;

/// A sending and a receiving socket, joined; room for `mark` messages in between.
fn pair(context: &Context, mark: u32) -> (Arc<Socket<Toy>>, Arc<Socket<Toy>>) {
    let (send_mark, receive_mark) = (mark - mark / 2, mark / 2);
    let sending = socket(context, Toy::default(), send_mark, receive_mark);
    let receiving = socket(context, Toy::default(), send_mark, receive_mark);
    receiving.bind("inproc://models").unwrap();
    sending.connect("inproc://models").unwrap();
    (sending, receiving)
}

fn receiver(socket: &Arc<Socket<Toy>>) -> thread::JoinHandle<()> {
    let socket = Arc::clone(socket);
    thread::spawn(move || drop(socket.recv().unwrap()))
}

/// Rings the bell of the thread that polls.
struct Ringer(StubBell);

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let ringer = Arc::new(Ringer(StubBell::default()));
    let waker = Waker::from(Arc::clone(&ringer));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            return output;
        }
        ringer.0.wait(&[], None);
    }
}

#[test]
fn loom_receiver_that_goes_to_sleep_is_woken_by_a_message() {
    explore(3, || {
        let context = context();
        let (sending, receiving) = pair(&context, 4);
        let receiver = receiver(&receiving);
        sending.send("one").unwrap();
        receiver.join().unwrap();
    });
}

#[test]
fn loom_receivers_are_all_woken_when_there_are_messages_for_all() {
    explore(2, || {
        let context = context();
        let (sending, receiving) = pair(&context, 4);
        let receivers = [(); 2].map(|()| receiver(&receiving));
        sending.send("one").unwrap();
        sending.send("two").unwrap();
        for receiver in receivers {
            receiver.join().unwrap();
        }
    });
}

#[test]
fn loom_receiver_that_gives_up_passes_its_turn_on() {
    explore(2, || {
        let context = context();
        let (sending, receiving) = pair(&context, 4);
        let other = receiver(&receiving);
        let impatient = {
            let (sending, receiving) = (Arc::clone(&sending), Arc::clone(&receiving));
            thread::spawn(move || match receiving.recv_timeout(Duration::ZERO) {
                Ok(_) => sending.send("for the other one").unwrap(),
                Err(error) => assert_eq!(error, RecvError::TimedOut),
            })
        };
        sending.send("one").unwrap();
        impatient.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn loom_receive_future_that_is_dropped_passes_its_turn_on() {
    explore(2, || {
        let context = context();
        let (sending, receiving) = pair(&context, 4);
        let other = receiver(&receiving);
        let impatient = {
            let (sending, receiving) = (Arc::clone(&sending), Arc::clone(&receiving));
            thread::spawn(move || {
                let poll = {
                    let future = pin!(receiving.recv_async());
                    future.poll(&mut TaskContext::from_waker(Waker::noop()))
                };
                if poll.is_ready() {
                    sending.send("for the other one").unwrap();
                }
            })
        };
        sending.send("one").unwrap();
        impatient.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn loom_receive_future_is_woken_by_a_message() {
    explore(3, || {
        let context = context();
        let (sending, receiving) = pair(&context, 4);
        let receiver = thread::spawn(move || {
            drop(block_on(receiving.recv_async()).unwrap());
        });
        sending.send("one").unwrap();
        receiver.join().unwrap();
    });
}

#[test]
fn loom_sender_that_found_no_room_is_woken_by_the_receiver() {
    explore(2, || {
        let context = context();
        let (sending, receiving) = pair(&context, 2);
        sending.send("one").unwrap();
        sending.send("two").unwrap();
        let receiver = {
            let receiving = Arc::clone(&receiving);
            thread::spawn(move || (receiving.recv().unwrap(), receiving.recv().unwrap()))
        };
        sending.send("three").unwrap();
        sending.send("four").unwrap();
        let (one, two) = receiver.join().unwrap();
        assert_eq!((one.part_str(0), two.part_str(0)), (Ok("one"), Ok("two")));
    });
}

#[test]
fn loom_receiver_that_goes_to_sleep_is_woken_by_close() {
    explore(2, || {
        let context = context();
        let (_sending, receiving) = pair(&context, 4);
        let receiver = {
            let receiving = Arc::clone(&receiving);
            thread::spawn(move || receiving.recv().map(drop))
        };
        let report = receiving.close();
        assert!(report.complete);
        let received = receiver.join().unwrap();
        assert!(matches!(received, Err(RecvError::Closed(_))));
    });
}
