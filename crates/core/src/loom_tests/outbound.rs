//! The outgoing queue: the right to write, and senders that found a pipe full.
//!
//! The model's main thread is the I/O thread: it does what `IoCommand`s ask, as a session would.
//! The streams take bytes in part, or would block. Asserted: one writer at a time; every byte is
//! written once and in order; when all have ended, nothing is queued and nothing is left with
//! nobody responsible; a sender that was refused is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq_wire::{Command, Encoder, Message, V3_1, put_message};
use loom::sync::Notify;
use loom::thread;

use super::stub::{Step, StubReactor, StubStream, StubWorld, Toy};
use super::{context, explore, socket};
use crate::io::{IoCommand, IoHandle};
use crate::options::Options;
use crate::outbound::{Look, Manner, Pushed, Wrote};
use crate::pace::Pace;
use crate::pattern::{Origin, Pattern, Peer, PipeId};
use crate::pipe::{Link, StreamPipe};
use crate::port::{Note, Port};
use crate::socket::{Socket, flush_left};
use crate::stats::{Counters, PeerStats};

/// A pipe with a connection, and the I/O thread's part.
struct Model {
    pipe: Arc<StreamPipe>,
    stream: Arc<StubStream>,
    io: IoHandle,
    dirty: Vec<Arc<StreamPipe>>,
    orphaned: bool,
    /// How often more commands were asked for.
    refills: u32,
    later: Instant,
}

impl Model {
    /// A pipe of the socket behind `port`, connected to a stream with this script.
    fn new(port: &Arc<Port>, script: &[Step]) -> Self {
        let io = IoHandle::new(Arc::new(StubReactor::default()));
        let pipe = Arc::new(StreamPipe::new(
            port.new_pipe(),
            1,
            io.clone(),
            Arc::clone(port),
            port.options(),
        ));
        let stream = Arc::new(StubStream::new(script));
        pipe.out
            .connect(stream.clone(), Encoder::new(V3_1), None, &[]);
        let later = port.world.now() + Duration::from_secs(1);
        Self {
            pipe,
            stream,
            io,
            dirty: Vec::new(),
            orphaned: false,
            refills: 0,
            later,
        }
    }

    /// One turn of the I/O thread. False: there was nothing to do.
    fn turn(&mut self) -> bool {
        let mut commands = Vec::new();
        self.io.take_commands(&mut commands);
        let busy = !commands.is_empty() || !self.dirty.is_empty();
        for command in commands {
            self.run(command);
        }
        let later = self.later;
        self.dirty.retain(|pipe| match pipe.out.look(later) {
            Look::Clean => false,
            Look::Again => true,
            Look::Write => {
                pipe.write();
                true
            }
        });
        busy
    }

    fn run(&mut self, command: IoCommand) {
        match command {
            IoCommand::Blocked(_) => {
                if self.pipe.out.unblock() {
                    self.pipe.write();
                }
            }
            IoCommand::Dirty(pipe) => self.dirty.push(pipe),
            IoCommand::Orphaned(_) => self.orphaned = true,
            IoCommand::Refill(_) => self.refills += 1,
            IoCommand::Write(_) => self.pipe.flush(),
            IoCommand::WriteHeld(_) => self.pipe.write(),
            other => panic!("{other:?}"),
        }
    }

    /// Everybody else has ended: the I/O thread does what is left to it.
    fn finish(&mut self) {
        while self.turn() {}
        assert_eq!(
            self.pipe.out.queued(),
            0,
            "a message was left with nobody responsible"
        );
        assert!(
            self.pipe.out.is_empty(),
            "something was left with nobody responsible"
        );
        assert!(self.pipe.out.has_room());
    }

    /// Fails unless exactly this was written: each thread's messages and commands in its order.
    fn check_written(&self, threads: &[&[Vec<u8>]]) {
        let taken = self.stream.taken();
        assert!(is_interleaved(&taken, threads), "{taken:?}");
    }
}

/// Do `bytes` consist of these sequences, each in its order, and of nothing else?
fn is_interleaved(bytes: &[u8], sequences: &[&[Vec<u8>]]) -> bool {
    let mut rest = sequences.to_vec();
    let goes_on_with = |at: usize| {
        let [first, behind @ ..] = sequences[at] else {
            return false;
        };
        rest[at] = behind;
        let found = bytes
            .strip_prefix(&first[..])
            .is_some_and(|bytes| is_interleaved(bytes, &rest));
        rest[at] = sequences[at];
        found
    };
    let over = bytes.is_empty() && sequences.iter().all(|sequence| sequence.is_empty());
    over || (0..sequences.len()).any(goes_on_with)
}

fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    put_message(&mut frame, &Message::from(text));
    frame
}

fn pong(text: &'static str) -> Command {
    Command::Pong {
        context: text.as_bytes().into(),
    }
}

fn command(command: &Command) -> Vec<u8> {
    let mut frame = Vec::new();
    Encoder::new(V3_1).encode_command(command, &mut frame);
    frame
}

/// A port without a socket behind it.
fn port(send_mark: u32) -> Arc<Port> {
    weighing_port(send_mark, 0)
}

/// The same with a mark in bytes.
fn weighing_port(send_mark: u32, send_mark_bytes: u64) -> Arc<Port> {
    let options = Options {
        send_mark,
        send_mark_bytes,
        ..Options::default()
    };
    Arc::new(Port::new(Toy::KIND, options, Arc::new(StubWorld)))
}

/// What a sender does: queues a message and, if it has to, writes; then it waits for something
/// else.
fn send(pipe: &Arc<StreamPipe>, text: &str) {
    let message = Message::from(text);
    match pipe.out.push(
        &[],
        &message,
        0,
        Manner::Quiet,
        &StubWorld,
        &mut Pace::default(),
    ) {
        Pushed::Queued => {}
        Pushed::Handed => pipe.io.post(IoCommand::Dirty(Arc::clone(pipe))),
        Pushed::Write => pipe.write(),
        Pushed::Left { dirty } => {
            if dirty {
                pipe.io.post(IoCommand::Dirty(Arc::clone(pipe)));
            }
            pipe.flush();
        }
    }
}

fn every_byte_is_written(script: &'static [Step]) {
    explore(4, move || {
        let mut model = Model::new(&port(10), script);
        let senders = ["one", "two"].map(|text| {
            let pipe = Arc::clone(&model.pipe);
            thread::spawn(move || send(&pipe, text))
        });
        model.turn();
        for sender in senders {
            sender.join().unwrap();
        }
        model.finish();
        model.check_written(&[&[frame("one")], &[frame("two")]]);
    });
}

#[test]
fn loom_message_pushed_while_another_thread_writes_is_written() {
    every_byte_is_written(&[]);
}

#[test]
fn loom_messages_over_a_stream_that_blocks_are_written() {
    every_byte_is_written(&[Step::Take(3), Step::Full]);
}

#[test]
fn loom_messages_over_a_stream_that_takes_little_are_written() {
    every_byte_is_written(&[Step::Take(2), Step::Take(2), Step::Take(2)]);
}

fn commands_are_written_at_boundaries(script: &'static [Step]) {
    explore(3, || {
        let mut model = Model::new(&port(10), script);
        let sender = {
            let pipe = Arc::clone(&model.pipe);
            thread::spawn(move || send(&pipe, "one"))
        };
        let other = {
            let pipe = Arc::clone(&model.pipe);
            thread::spawn(move || {
                if pipe.out.control(&pong("b")) {
                    pipe.write();
                }
            })
        };
        if model.pipe.out.control(&pong("a")) {
            model.pipe.write();
        }
        sender.join().unwrap();
        other.join().unwrap();
        model.finish();
        model.check_written(&[
            &[frame("one")],
            &[command(&pong("a"))],
            &[command(&pong("b"))],
        ]);
    });
}

#[test]
fn loom_command_that_comes_during_a_write_is_not_taken_for_written() {
    commands_are_written_at_boundaries(&[Step::Take(2)]);
}

#[test]
fn loom_command_that_comes_behind_another_one_does_not_go_into_a_message() {
    commands_are_written_at_boundaries(&[Step::Take(10)]);
}

fn more_commands_are_asked_for(script: &'static [Step]) {
    explore(4, || {
        let mut model = Model::new(&port(10), script);
        let sender = {
            let pipe = Arc::clone(&model.pipe);
            thread::spawn(move || send(&pipe, "one"))
        };
        // As under the socket's lock; then as after it.
        let write = model.pipe.out.control(&pong("a"));
        if model.pipe.out.ask_refill() {
            model.refills += 1;
        }
        if write {
            model.pipe.write();
        }
        sender.join().unwrap();
        model.finish();
        model.check_written(&[&[frame("one")], &[command(&pong("a"))]]);
        assert_eq!(model.refills, 1);
    });
}

#[test]
fn loom_more_commands_are_asked_for_once_those_before_are_written() {
    more_commands_are_asked_for(&[Step::Take(2)]);
}

#[test]
fn loom_more_commands_over_a_stream_that_blocks_are_asked_for_once() {
    more_commands_are_asked_for(&[Step::Take(2), Step::Full]);
}

#[test]
fn loom_connection_taken_from_a_writer_is_given_up_by_it() {
    explore(4, || {
        let mut model = Model::new(&port(10), &[Step::Take(2), Step::Take(1)]);
        let sender = {
            let pipe = Arc::clone(&model.pipe);
            thread::spawn(move || {
                send(&pipe, "one");
                send(&pipe, "two");
            })
        };
        let mut free = model.pipe.out.disconnect();
        sender.join().unwrap();
        while model.turn() {}
        free |= model.orphaned;
        assert!(free, "the last writer has left without a word");
        let unsent = model.pipe.out.take_unsent().len() as usize;
        let all = ["one", "two"].map(frame);
        let whole = &all[..2 - unsent];
        let taken = model.stream.taken();
        assert!(
            taken.starts_with(&whole.concat()),
            "a message is neither here nor there"
        );
    });
}

/// So that the accounts of a socket that is over are complete, whoever wrote last.
#[test]
fn loom_messages_that_have_left_the_queue_are_counted() {
    explore(3, || {
        let port = port(10);
        let mut model = Model::new(&port, &[Step::Take(2)]);
        let sender = {
            let pipe = Arc::clone(&model.pipe);
            thread::spawn(move || {
                pipe.out.note_heard();
                send(&pipe, "one");
            })
        };
        let (carried, _) = model.pipe.out.carried();
        let counted = port.counters.snapshot(&PeerStats::default()).handed_over;
        assert!(counted >= carried, "{counted} of {carried}");
        sender.join().unwrap();
        while model.turn() {}
    });
}

#[test]
fn loom_sender_that_was_refused_is_told() {
    sender_that_was_refused_is_told(|| port(1));
}

#[test]
fn loom_sender_that_was_refused_for_its_bytes_is_told() {
    sender_that_was_refused_is_told(|| weighing_port(0, 3));
}

fn sender_that_was_refused_is_told(port: impl Fn() -> Arc<Port> + Send + Sync + 'static) {
    explore(4, move || {
        let model = Model::new(&port(), &[Step::Full]);
        send(&model.pipe, "one");
        let told = Arc::new(Notify::new());
        let sender = {
            let (pipe, told) = (Arc::clone(&model.pipe), Arc::clone(&told));
            thread::spawn(move || {
                while !pipe.out.has_room_or_thirst() {
                    told.wait();
                }
            })
        };
        assert!(model.pipe.out.unblock());
        let wrote = model.pipe.out.write(&StubWorld, &Counters::default());
        assert!(matches!(wrote, Wrote::All));
        if model.pipe.out.take_thirst() {
            told.notify();
        }
        sender.join().unwrap();
    });
}

/// A socket that has one peer, behind the model's stream.
fn connected(model_of: &'static [Step], mark: u32) -> (Arc<Socket<Toy>>, Model) {
    let socket = socket(&context(), Toy::default(), mark, mark);
    let port = socket.shared().port();
    let model = Model::new(port, model_of);
    let link = Link::Stream(Arc::clone(&model.pipe));
    let id: PipeId = model.pipe.id;
    let peer = Arc::new(Peer::silent(id));
    port.post(Note::Attached(id, link, Origin::Accepted(peer)));
    (socket, model)
}

#[test]
fn loom_sender_that_found_the_pipe_full_is_woken_by_the_io_thread() {
    explore(2, || {
        let (socket, mut model) = connected(&[Step::Full], 1);
        socket.send("one").unwrap();
        let sender = thread::spawn(move || {
            socket.send("two").unwrap();
            flush_left();
            socket
        });
        model.turn();
        let socket = sender.join().unwrap();
        model.finish();
        model.check_written(&[&[frame("one"), frame("two")]]);
        drop(socket);
    });
}

#[test]
fn loom_sender_that_found_the_pipe_full_is_woken_by_the_writer() {
    explore(2, || {
        let (socket, mut model) = connected(&[], 1);
        let senders = ["one", "two"].map(|text| {
            let socket = Arc::clone(&socket);
            thread::spawn(move || {
                socket.send(text).unwrap();
                flush_left();
            })
        });
        for sender in senders {
            sender.join().unwrap();
        }
        model.finish();
        model.check_written(&[&[frame("one")], &[frame("two")]]);
        drop(socket);
    });
}
