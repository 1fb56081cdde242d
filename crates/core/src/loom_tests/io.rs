//! Commands for an I/O thread that falls asleep: `IoHandle::post` against `fall_asleep`, `wake_up`
//! and the order in which a turn of the real worker calls them.
//!
//! Each of two threads posts a command whose answer it waits for (`Ack`, as `unbind` does); the
//! worker sleeps between its turns until it is notified. A command that is left while the worker
//! sleeps is a deadlock.

use std::sync::Arc;

use loom::thread;

use super::explore;
use super::stub::{StubReactor, StubWorld};
use crate::io::{Ack, IoCommand, IoHandle, IoWorker};
use crate::wait::Waiter;
use crate::world::{Turn, Worker, World};

/// Asks the I/O thread to forget an unknown listener, and waits until it has.
fn ask(io: &IoHandle, world: &dyn World) {
    let bell = world.bell();
    let ack = Arc::new(Ack::new(Waiter::Thread(Arc::clone(&bell))));
    let asked = Some(Arc::clone(&ack));
    io.post(IoCommand::Unlisten(1, world.now(), asked));
    while !ack.is_done() {
        bell.wait(&[], None);
    }
}

fn commands_are_answered(askers: usize, preemptions: usize) {
    explore(preemptions, move || {
        let world: Arc<dyn World> = Arc::new(StubWorld);
        let reactor = Arc::new(StubReactor::default());
        let io = IoHandle::new(reactor.clone());
        let mut worker = IoWorker::new(io.clone(), Arc::clone(&world), reactor);
        let running = thread::spawn(move || while worker.turn() == Turn::Continue {});
        let others: Vec<_> = (1..askers)
            .map(|_| {
                let (io, world) = (io.clone(), Arc::clone(&world));
                thread::spawn(move || ask(&io, &*world))
            })
            .collect();
        ask(&io, &*world);
        for other in others {
            other.join().unwrap();
        }
        io.post(IoCommand::Stop(world.now()));
        running.join().unwrap();
    });
}

#[test]
fn loom_command_is_not_left_while_the_io_thread_sleeps() {
    commands_are_answered(1, 3);
}

#[test]
fn loom_commands_of_two_threads_are_not_left_while_the_io_thread_sleeps() {
    commands_are_answered(2, 2);
}
