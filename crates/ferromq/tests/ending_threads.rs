//! Sockets that a thread keeps for itself: they are dropped with it, after what the library keeps
//! for threads. In a process of their own, for a panic there would end it.

#![cfg(all(feature = "pipeline", feature = "tcp"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test file uses its part")]
mod common;

use std::cell::OnceCell;
use std::env;
use std::process::Command;
use std::thread;

use ferromq::{Context, Pull, Push};

use common::{WAIT, under};

const CHILD: &str = "FERROMQ_ENDING_THREADS_CHILD";

/// Sends once more when its thread ends.
struct Parting(Push);

impl Drop for Parting {
    fn drop(&mut self) {
        self.0.send("from the end").unwrap();
        self.0.try_send("and again").unwrap();
    }
}

thread_local! {
    static OWN: OnceCell<Parting> = const { OnceCell::new() };
}

#[test]
fn socket_of_an_ending_thread_sends_and_is_closed() {
    if let Ok(endpoint) = env::var(CHILD) {
        let context = Context::new();
        let threads = (0..4).map(|_| {
            let (context, endpoint) = (context.clone(), endpoint.clone());
            thread::spawn(move || {
                OWN.with(|own| {
                    let push = Push::new(&context);
                    push.connect_wait(endpoint.as_str(), WAIT).unwrap();
                    push.send("from its life").unwrap();
                    assert!(own.set(Parting(push)).is_ok());
                });
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        return;
    }
    under("ending threads", || {
        let pull = Pull::new(&Context::new());
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "socket_of_an_ending_thread_sends_and_is_closed"]);
        let child = command.env(CHILD, endpoint.to_string()).status().unwrap();
        assert!(child.success(), "{child}");
        for _ in 0..3 * 4 {
            pull.recv_timeout(WAIT).unwrap();
        }
    });
}
