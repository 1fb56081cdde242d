//! After a fork: the child gets errors and can begin anew, and nothing that it does to what was its
//! parent's is noticed there.

#![cfg(all(
    target_os = "linux",
    feature = "pipeline",
    feature = "reqrep",
    feature = "pubsub",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{
    BindError, ClosedError, Context, Dealer, Message, PollItem, Pull, Push, RecvError, Rep, Req,
    SendErrorKind, Sub, UpdateError, poll,
};
use rustix::process::{Pid, Signal, WaitOptions, set_parent_process_death_signal, waitpid};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, block_on, handshake_success, under, until};

const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc://*", "inproc://name"];

const FORKED: ClosedError = ClosedError::Forked;

/// One test at a time: a child has copies of what the others hold.
static ALONE: Mutex<()> = Mutex::new(());

fn alone(name: &str, body: impl FnOnce()) {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    under(name, body);
}

/// Runs `body` in a forked child, to which nobody else belongs; fails if it panics there.
#[track_caller]
fn in_child(body: impl FnOnce()) {
    let child = fork();
    let Some(child) = Pid::from_raw(child) else {
        // Whoever waits for us may be ended by the watchdog.
        set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
        let passed = catch_unwind(AssertUnwindSafe(body)).is_ok();
        leave(i32::from(!passed));
    };
    let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(0), "the child has failed");
}

#[expect(unsafe_code, reason = "there is no safe way to fork")]
fn fork() -> i32 {
    // SAFETY: the child keeps to what a copy of one thread may do; to show that is the purpose.
    unsafe { libc::fork() }
}

/// Ends a child, in which nothing of what its parent does at its end is to be done.
#[expect(unsafe_code, reason = "there is no safe way to leave without that")]
fn leave(status: i32) -> ! {
    // SAFETY: it does not return, and touches no memory.
    unsafe { libc::_exit(status) }
}

/// A socket that can do everything, and its peer; they know each other.
fn pair(context: &Context, endpoint: &str) -> [Dealer; 2] {
    let sockets = [Dealer::new(context), Dealer::new(context)];
    let endpoint = sockets[0].bind(endpoint).unwrap();
    sockets[1].connect(&endpoint).unwrap();
    exchange(&sockets, 1);
    sockets
}

/// So many messages go either way, and arrive in order.
#[track_caller]
fn exchange(sockets: &[Dealer; 2], count: u32) {
    for n in 0..count {
        for (from, to) in [(0, 1), (1, 0)] {
            sockets[from].send(n.to_string()).unwrap();
            let message = sockets[to].recv_timeout(WAIT).unwrap();
            assert_eq!(message, Message::from(n.to_string()));
        }
    }
}

/// Fails unless every operation fails in its way, at once.
fn assert_is_refused(socket: &Dealer) {
    let refused = socket.send("x").unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Closed(FORKED));
    assert_eq!(refused.message, Message::from("x"));
    assert_eq!(socket.try_send("x").unwrap_err().kind, FORKED.into());
    assert_eq!(
        socket.send_timeout("x", WAIT).unwrap_err().kind,
        FORKED.into()
    );
    assert_eq!(
        block_on(socket.send_async("x")).unwrap_err().kind,
        FORKED.into()
    );
    assert_eq!(socket.recv(), Err(RecvError::Closed(FORKED)));
    assert_eq!(socket.try_recv(), Err(RecvError::Closed(FORKED)));
    assert_eq!(socket.recv_timeout(WAIT), Err(RecvError::Closed(FORKED)));
    assert_eq!(
        block_on(socket.recv_async()),
        Err(RecvError::Closed(FORKED))
    );
    let unbound = socket.bind("tcp://127.0.0.1:*").unwrap_err();
    assert!(matches!(unbound, BindError::Closed(FORKED)), "{unbound}");
    assert!(socket.connect("tcp://127.0.0.1:1").is_err());
    assert!(socket.disconnect("tcp://127.0.0.1:1").is_err());
    assert!(socket.unbind("tcp://127.0.0.1:1").is_err());
    assert_eq!(socket.pipes(), 0);
    socket.set_send_timeout(None);
    socket.set_linger(WAIT).unwrap();
    socket.set_reconnect_interval(WAIT, WAIT).unwrap();
    let unchanged = socket.update_options(|options| options.linger(WAIT));
    assert!(
        matches!(unchanged, Err(UpdateError::Closed(FORKED))),
        "{unchanged:?}"
    );
    assert_eq!(poll(&mut [PollItem::receive(socket)], None), 1);
    assert_eq!(socket.events().next_timeout(WAIT), None);
    #[cfg(feature = "futures")]
    {
        use futures_core::Stream;
        use std::{future::poll_fn, pin::Pin};

        let mut stream = socket.events().stream();
        let next = poll_fn(|context| Pin::new(&mut stream).poll_next(context));
        assert_eq!(block_on(next), None);
    }
    assert!(format!("{socket:?}").contains("Socket"));
    assert!(!socket.close().complete);
}

#[test]
fn child_gets_errors_and_its_drops_are_not_noticed() {
    alone("forked", || {
        for endpoint in ENDPOINTS {
            let context = Context::new();
            let mut sockets = Some(pair(&context, endpoint));
            let events = sockets.as_ref().unwrap()[1].events();
            let sub = Sub::new(&context);
            for _ in 0..3 {
                // Unread in the child and in the parent.
                sockets.as_ref().unwrap()[0].send("waits").unwrap();
                in_child(|| {
                    let start = Instant::now();
                    sockets.as_ref().unwrap().iter().for_each(assert_is_refused);
                    assert!(sub.subscribe("a").is_err());
                    assert_eq!(events.try_next(), None);
                    context.shutdown();
                    assert!(Dealer::builder().build(&context).is_err());
                    assert_eq!(Dealer::new(&context).recv(), Err(RecvError::Closed(FORKED)));
                    drop((sockets.take(), context.clone()));
                    assert!(start.elapsed() < WAIT / 2);
                });
                let sockets = sockets.as_ref().unwrap();
                let message = sockets[1].recv_timeout(WAIT).unwrap();
                assert_eq!(message, Message::from("waits"));
                exchange(sockets, 100);
                assert_eq!(sockets[0].pipes(), 1);
            }
        }
    });
}

#[test]
fn child_begins_anew_and_talks_with_its_parent() {
    alone("anew", || {
        let context = Context::new();
        for endpoint in &ENDPOINTS[..2] {
            let rep = Rep::new(&context);
            let endpoint = rep.bind(*endpoint).unwrap();
            // The thread that forks has slept in this context, on streams and without.
            let req = Req::new(&context);
            req.connect(&endpoint).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..220 {
                        let question = rep.recv_timeout(WAIT).unwrap();
                        rep.send(question).unwrap();
                    }
                });
                ask(&req, 10);
                in_child(|| {
                    let own = Req::new(&Context::new());
                    own.connect(&endpoint).unwrap();
                    ask(&own, 200);
                    drop(own);
                });
                ask(&req, 10);
            });
        }
    });
}

fn ask(req: &Req, count: u32) {
    for n in 0..count {
        req.send(n.to_string()).unwrap();
        let answer = req.recv_timeout(WAIT).unwrap();
        assert_eq!(answer, Message::from(n.to_string()));
    }
}

#[test]
fn child_of_a_busy_parent_is_not_held_up_by_its_locks() {
    alone("busy", || {
        for endpoint in ENDPOINTS {
            let context = Context::new();
            let sockets = pair(&context, endpoint);
            let over = AtomicBool::new(false);
            thread::scope(|scope| {
                for [from, to] in [[0, 1], [1, 0]] {
                    scope.spawn({
                        let (sockets, over) = (&sockets, &over);
                        move || {
                            while !over.load(Ordering::Relaxed) {
                                let _ = sockets[from].try_send("busy");
                                let _ = sockets[to].try_recv();
                            }
                        }
                    });
                }
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        sockets.iter().for_each(|it| it.set_send_timeout(None));
                    }
                });
                for _ in 0..30 {
                    in_child(|| sockets.iter().for_each(assert_is_refused));
                }
                over.store(true, Ordering::Relaxed);
            });
        }
    });
}

/// What was sent, and left for later, is the parent's to write.
#[test]
fn message_left_by_its_sender_is_written_once() {
    alone("left", || {
        for endpoint in &ENDPOINTS[..2] {
            let push = Push::new(&Context::new());
            let pull = Pull::new(&Context::new());
            let events = push.events();
            push.connect(pull.bind(*endpoint).unwrap()).unwrap();
            handshake_success(&events);
            for round in 0..20_u32 {
                (0..50_u32).for_each(|n| push.send((round * 50 + n).to_string()).unwrap());
                // It waits, and so writes what its thread has left.
                in_child(|| {
                    let nothing = Pull::new(&Context::new());
                    nothing.bind("inproc://a").unwrap();
                    assert!(nothing.recv_timeout(Duration::from_millis(1)).is_err());
                });
            }
            for n in 0..1000_u32 {
                let message = pull.recv_timeout(WAIT).unwrap();
                assert_eq!(message, Message::from(n.to_string()));
            }
        }
    });
}

/// The numbers of the descriptors that are open now.
fn descriptors() -> Vec<u32> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    let numbers = names.map(|name| name.to_str().unwrap().parse().unwrap());
    numbers.collect()
}

/// What is open there, as the system names it: of sockets, each has a name of its own.
fn identity(fd: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}

/// The flags with which it was opened, in octal, of which this closes it on exec.
const CLOSE_ON_EXEC: u32 = 0o2_000_000;

#[test]
fn every_descriptor_closes_itself_on_exec() {
    alone("exec", || {
        // What the tests before have left may be closed only now, and its numbers be used again.
        let identified = || descriptors().into_iter().map(|fd| (fd, identity(fd)));
        let before: Vec<_> = identified().collect();
        let context = Context::new();
        let sockets = ENDPOINTS.map(|endpoint| pair(&context, endpoint));
        let name = Req::new(&context);
        name.connect("tcp://localhost:1").unwrap();
        let added: Vec<_> = identified().filter(|one| !before.contains(one)).collect();
        // Two listeners, two connections of two ends; others are hardly told apart.
        assert!(added.len() >= 6, "{added:?}");
        for (fd, _) in added {
            // What was closed meanwhile, as the list of this directory itself, has none.
            let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")) else {
                continue;
            };
            let flags = info
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .unwrap();
            let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
            assert_ne!(flags & CLOSE_ON_EXEC, 0, "{fd}: {info}");
        }
        drop(sockets);
    });
}

#[test]
fn thousand_contexts_are_harmless() {
    alone("contexts", || {
        let before = descriptors().len();
        let contexts: Vec<Context> = (0..1000).map(|_| Context::new()).collect();
        // One that has no stream has no thread and no descriptor.
        assert!(descriptors().len() <= before);
        let pairs: Vec<_> = contexts
            .iter()
            .map(|context| pair(context, "inproc://a"))
            .collect();
        assert!(descriptors().len() <= before);
        pairs.iter().for_each(|sockets| exchange(sockets, 2));
        drop((pairs, contexts));
        for _ in 0..1000 {
            let context = Context::new();
            drop((pair(&context, "tcp://127.0.0.1:*"), context));
        }
        until(|| descriptors().len() <= before + 2);
    });
}
