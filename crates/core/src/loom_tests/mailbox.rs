//! Notes to a socket: `Port::post`, `Shared::with`, `release` and `Shell::settle`.
//!
//! Two threads post while a third one, or another of the two, holds the socket's lock. Asserted:
//! when all have ended, every note was handled, although nobody looks at the socket any more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ferromq_wire::{Incoming, Message};
use loom::thread;

use super::stub::Toy;
use super::{context, explore, socket};
use crate::inbound::Inbound;
use crate::pattern::{Dropped, Origin, PipeId};
use crate::pipe::{InprocPipe, Link, Rest};
use crate::port::{Note, Port};
use crate::socket::Socket;
use crate::stats::PeerStats;

/// A socket with one pipe, and how often the pattern is told that the pipe is writable.
struct Model {
    socket: Arc<Socket<Toy>>,
    pipe: PipeId,
    told: Arc<AtomicU32>,
    before: u32,
}

impl Model {
    fn new() -> Self {
        let toy = Toy::default();
        let told = Arc::clone(&toy.told);
        let socket = socket(&context(), toy, 1, 1);
        let port = socket.shared().port();
        let pipe = port.new_pipe();
        let queue = || Arc::new(Inbound::new(1));
        let link = InprocPipe {
            outgoing: queue(),
            incoming: queue(),
            options: Arc::default(),
            peer: None,
        };
        port.post(Note::Attached(pipe, Link::Inproc(link), Origin::Dialed));
        let before = told.load(Ordering::Relaxed);
        Self {
            socket,
            pipe,
            told,
            before,
        }
    }

    fn port(&self) -> Arc<Port> {
        Arc::clone(self.socket.shared().port())
    }

    fn check_told(&self, times: u32) {
        let told = self.told.load(Ordering::Relaxed) - self.before;
        assert_eq!(told, times, "a note was left lying");
    }
}

/// A note that leaves something to be done after unlocking: a message to be dropped.
fn gone() -> Note {
    let unread = VecDeque::from([Incoming::Message(Message::from("unread"))]);
    Note::Gone(PipeId::new(7, 0), Rest::Inproc(unread))
}

#[test]
fn loom_note_while_the_lock_is_held_is_handled_by_its_holder() {
    explore(3, || {
        let model = Model::new();
        let posters = [(); 2].map(|()| {
            let (port, pipe) = (model.port(), model.pipe);
            thread::spawn(move || port.post(Note::Writable(pipe)))
        });
        assert_eq!(model.socket.pipes(), 1);
        for poster in posters {
            poster.join().unwrap();
        }
        model.check_told(2);
    });
}

#[test]
fn loom_note_while_another_one_is_settled_is_handled() {
    explore(4, || {
        let model = Model::new();
        let (port, pipe) = (model.port(), model.pipe);
        let other = thread::spawn(move || {
            port.post(gone());
            port.post(Note::Writable(pipe));
        });
        let port = model.port();
        port.post(gone());
        port.post(Note::Writable(pipe));
        other.join().unwrap();
        model.check_told(2);
        let dropped = port
            .counters
            .snapshot(&PeerStats::default())
            .dropped(Dropped::PeerGone);
        assert_eq!(dropped, 2, "a note was left lying");
    });
}
