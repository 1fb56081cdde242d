//! Peers that flood one slow receiver get the same share, message by message, over each transport.
//!
//! The receiver is slow: whenever it has taken half of what its high-water marks allow, it waits
//! until everything is there again. So every peer's messages wait at any time, and after each
//! message that is received the counts differ by one at most.

#![cfg(all(
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use ferromq::{Context, Dealer, Message, Pull, Push, Router, Stats};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, under, until};

const ENDPOINTS: &[&str] = &[
    "tcp://127.0.0.1:*",
    #[cfg(unix)]
    "ipc://*",
    "inproc://flood",
];

/// The high-water mark of the receiver and of each sender.
const MARK: u64 = 100;

/// How many messages each peer gets through; several high-water marks.
const TURNS: u64 = 700;

/// Receives `TURNS` turns of `peers` peers, of each of which up to `mark` messages wait. Checks
/// that nobody is ahead by more than one message, and that each peer's messages come in order.
/// `meet`: returns when the I/O thread has told of everything that it has read.
fn assert_fair(
    peers: u64,
    mark: u64,
    stats: impl Fn() -> Stats,
    meet: impl Fn(),
    recv: impl Fn() -> Message,
) {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for turn in 0..TURNS {
        if turn % (mark / 2) == 0 {
            until(|| stats().waiting == peers * mark);
            meet();
        }
        for _ in 0..peers {
            let message = recv();
            let [name, number] = [0, 1].map(|at| message.part_str(at).unwrap());
            assert_eq!(number, turn.to_string(), "{name} is ahead: {counts:?}");
            let count = counts.entry(name.to_owned()).or_default();
            assert_eq!(*count, turn, "{name} came in order");
            *count += 1;
        }
    }
    assert_eq!(counts.len() as u64, peers);
}

/// Sends numbered messages until the socket is closed.
macro_rules! flood {
    ($socket:expr, $name:expr) => {
        for number in 0.. {
            let text = format!("{number}");
            if $socket.send([$name.as_str(), &text]).is_err() {
                break;
            }
        }
    };
}

/// Floods a receiver over each transport. Small buffers of the kernel keep the flood short.
macro_rules! check {
    ($peers:expr, $receiver:ident, $sender:ident, $recv:expr) => {
        under("fairness", || {
            for &endpoint in ENDPOINTS {
                let context = Context::new();
                let receiver = $receiver::builder()
                    .receive_high_water_mark(MARK as u32)
                    .kernel_buffers(None, Some(4096));
                let receiver = receiver.build(&context).unwrap();
                let endpoint = receiver.bind(endpoint).unwrap();
                let floods: Vec<_> = (0..$peers)
                    .map(|peer| {
                        let sender = $sender::builder()
                            .send_high_water_mark(MARK as u32)
                            .kernel_buffers(Some(4096), None)
                            .linger(Duration::ZERO);
                        let sender = sender.build(&context).unwrap();
                        sender.connect(&endpoint).unwrap();
                        thread::spawn(move || flood!(sender, format!("peer {peer}")))
                    })
                    .collect();
                let meet = || {
                    let other = receiver.bind("tcp://127.0.0.1:*").unwrap();
                    receiver.unbind(other).unwrap();
                };
                let recv: fn(&$receiver) -> Message = $recv;
                // In process, the sender's mark and the receiver's add up.
                let marks = if endpoint.scheme() == "inproc" { 2 } else { 1 };
                assert_fair(
                    $peers,
                    marks * MARK,
                    || receiver.stats(),
                    meet,
                    || recv(&receiver),
                );
                context.shutdown();
                floods.into_iter().for_each(|flood| flood.join().unwrap());
            }
        })
    };
}

fn pull(socket: &Pull) -> Message {
    socket.recv_timeout(WAIT).unwrap()
}

fn without_id(socket: &Router) -> Message {
    let mut message = socket.recv_timeout(WAIT).unwrap();
    message.pop_front();
    message
}

#[test]
fn pull_from_two_floods_is_fair() {
    check!(2, Pull, Push, pull);
}

#[test]
fn pull_from_five_floods_is_fair() {
    check!(5, Pull, Push, pull);
}

#[test]
fn pull_from_sixty_four_floods_is_fair() {
    check!(64, Pull, Push, pull);
}

#[test]
fn router_of_two_floods_is_fair() {
    check!(2, Router, Dealer, without_id);
}

#[test]
fn router_of_five_floods_is_fair() {
    check!(5, Router, Dealer, without_id);
}

#[test]
fn router_of_sixty_four_floods_is_fair() {
    check!(64, Router, Dealer, without_id);
}
