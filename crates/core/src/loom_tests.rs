//! Models of the wake-up protocols, explored by loom: the shipped code, with its locks and atomics
//! replaced by `sync`.
//!
//! A model fails if an assertion does, or if every thread sleeps (loom reports a deadlock): a lost
//! wake-up is that. The world here is a [`stub`]: its clock stands still, a bell is loom's `Notify`
//! (which also wakes without reason), a stream does what its script says; or a whole [`kernel`].
//!
//! | model | protocol |
//! |---|---|
//! | [`mailbox`] | notes: whoever holds a socket's lock handles what others post |
//! | [`waiting`] | waiters: a wake-up is neither lost nor kept by who does not use it |
//! | [`inbound`] | incoming high-water mark: whoever fills sleeps only if whoever empties wakes |
//! | [`outbound`] | the right to write, and senders that found a pipe full |
//! | [`events`] | the last event of a socket, and its end |
//! | [`io`] | commands for an I/O thread that is about to sleep |
//! | [`endpoints`] | what `bind` asks of an I/O thread, and what closing asks |
//! | [`claiming`] | who reads a connection: the I/O thread, a receiver, or a deadline |

mod claiming;
mod endpoints;
mod events;
mod inbound;
mod io;
mod kernel;
mod mailbox;
mod outbound;
mod stub;
mod waiting;

use std::sync::Arc;

use crate::context::Context;
use crate::options::Options;
use crate::socket::Socket;

use stub::{StubWorld, Toy};

/// Explores every interleaving with at most `preemptions` preemptions (unless the environment
/// says otherwise: `LOOM_MAX_PREEMPTIONS`).
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 10_000;
    builder.check(model);
}

/// A context in the stub world.
fn context() -> Context {
    Context::with_world(Arc::new(StubWorld), 1)
}

/// A socket with these high-water marks.
fn socket(context: &Context, toy: Toy, send_mark: u32, receive_mark: u32) -> Arc<Socket<Toy>> {
    let options = Options {
        send_mark,
        receive_mark,
        ..Options::default()
    };
    Arc::new(Socket::build(context, toy, options))
}
