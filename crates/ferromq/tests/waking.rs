//! Closing a socket, or shutting its context down, wakes whoever waits for it, however he does.

#![cfg(all(
    feature = "pipeline",
    feature = "reqrep",
    feature = "pubsub",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::{self, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{self, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{
    BindError, BuildError, ClosedError, ConnectError, Context, Dealer, Event, PollItem, Pub, Pull,
    Push, RecvError, ReleaseError, Rep, Req, Router, SendErrorKind, Sub, poll,
};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, block_on, handshake_success, under};

/// Runs `wait` on a thread, ends what it waits for after it has had time to fall asleep (or, in
/// every second round, has not), and gives what it ended with.
fn ended<T: Send>(wait: impl FnOnce() -> T + Send, end: impl FnOnce(), round: u32) -> T {
    thread::scope(|scope| {
        let (started, starts) = mpsc::channel();
        let waiting = scope.spawn(move || {
            started.send(()).unwrap();
            wait()
        });
        starts.recv().unwrap();
        let time = Duration::from_millis(u64::from(round % 2) * 3);
        let start = Instant::now();
        common::until(|| start.elapsed() >= time);
        end();
        waiting.join().unwrap()
    })
}

/// Ends a socket, given its context and how to close it.
type End = fn(&Context, &dyn Fn());

/// How a waiting thread may be woken.
const ENDS: [(End, ClosedError); 2] = [
    (|_, close| close(), ClosedError::Closed),
    (|context, _| context.shutdown(), ClosedError::Shutdown),
];

/// Runs a scenario in a few rounds for both ways to end it.
fn for_ends(name: &str, scenario: impl Fn(&Context, End, ClosedError, u32)) {
    under(name, || {
        for (end, why) in ENDS {
            (0..20).for_each(|round| scenario(&Context::new(), end, why, round));
        }
    });
}

#[test]
fn recv_without_peers_is_woken() {
    for_ends("recv alone", |context, end, why, round| {
        let pull = Pull::new(context);
        let close = || _ = pull.close();
        let result = ended(|| pull.recv(), || end(context, &close), round);
        assert_eq!(result.unwrap_err(), RecvError::Closed(why));
        assert_eq!(pull.try_recv().unwrap_err(), RecvError::Closed(why));
    });
}

#[test]
fn recv_from_idle_peers_is_woken() {
    for_ends("recv from peers", |context, end, why, round| {
        for (endpoint, peers) in [
            ("tcp://127.0.0.1:*", 1),
            #[cfg(unix)]
            ("ipc://*", 6),
            ("inproc://a", 2),
        ] {
            let pull = Pull::new(context);
            let endpoint = match pull.bind(endpoint) {
                Ok(endpoint) => endpoint,
                Err(error) => return assert!(matches!(error, BindError::Closed(_)), "{error}"),
            };
            let other = Context::new();
            let home = if endpoint.scheme() == "inproc" {
                context
            } else {
                &other
            };
            let pushes: Vec<Push> = (0..peers).map(|_| Push::new(home)).collect();
            for push in &pushes {
                push.connect(&endpoint).unwrap();
                push.send("first").unwrap();
            }
            for _ in &pushes {
                pull.recv_timeout(WAIT).unwrap();
            }
            let close = || _ = pull.close();
            let result = ended(|| pull.recv(), || end(context, &close), round);
            assert_eq!(result.unwrap_err(), RecvError::Closed(why));
        }
    });
}

#[test]
fn several_receivers_are_all_woken() {
    for_ends("several receivers", |context, end, why, round| {
        let pull = Pull::new(context);
        let close = || _ = pull.close();
        let wait = || {
            thread::scope(|scope| {
                let others = [(); 3].map(|()| scope.spawn(|| pull.recv().unwrap_err()));
                let own = pull.recv_timeout(WAIT).unwrap_err();
                (own, others.map(|other| other.join().unwrap()))
            })
        };
        let (own, others) = ended(wait, || end(context, &close), round);
        let closed = RecvError::Closed(why);
        assert_eq!((own, others), (closed, [closed; 3]));
    });
}

#[test]
fn send_without_room_is_woken_and_hands_the_message_back() {
    for_ends("send", |context, end, why, round| {
        let push = Push::builder().send_high_water_mark(1);
        let push = push.linger(Duration::ZERO).build(context).unwrap();
        if round % 4 > 1 {
            push.connect("inproc://nobody").unwrap();
            push.send("fills it").unwrap();
        }
        let close = || _ = push.close();
        let result = ended(|| push.send("kept"), || end(context, &close), round);
        let error = result.unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Closed(why));
        assert_eq!(error.message.part_str(0), Ok("kept"));
    });
}

#[test]
fn poll_of_two_sockets_is_woken_by_either() {
    for_ends("poll", |context, end, why, round| {
        let (sub, dealer) = (Sub::new(context), Dealer::new(context));
        let wait = || {
            let mut items = [PollItem::receive(&sub), PollItem::either(&dealer)];
            let ready = poll(&mut items, Some(WAIT));
            let found = items.map(|item| (item.is_receivable(), item.is_sendable()));
            (ready, found)
        };
        let close = || _ = dealer.close();
        let (ready, [first, second]) = ended(wait, || end(context, &close), round);
        match why {
            ClosedError::Closed => assert_eq!((ready, second), (1, (true, true))),
            _ => assert!(ready > 0 && (first == (true, false) || second == (true, true))),
        }
        assert_eq!(dealer.recv().unwrap_err(), RecvError::Closed(why));
    });
}

#[test]
fn futures_are_woken() {
    for_ends("futures", |context, end, why, round| {
        let dealer = Dealer::new(context);
        let close = || _ = dealer.close();
        let wait = || {
            thread::scope(|scope| {
                let receiving = scope.spawn(|| block_on(dealer.recv_async()).unwrap_err());
                let kind = block_on(dealer.send_async("a")).unwrap_err().kind;
                (receiving.join().unwrap(), kind)
            })
        };
        let (received, sent) = ended(wait, || end(context, &close), round);
        assert_eq!(received, RecvError::Closed(why));
        assert_eq!(sent, SendErrorKind::Closed(why));
    });
}

#[test]
fn request_without_reply_is_woken() {
    for_ends("request", |context, end, why, round| {
        let other = Context::new();
        let (req, rep) = (Req::new(context), Rep::new(&other));
        req.connect(rep.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
        req.send("?").unwrap();
        rep.recv_timeout(WAIT).unwrap();
        let close = || _ = req.close();
        let result = ended(|| req.recv(), || end(context, &close), round);
        assert_eq!(result.unwrap_err(), RecvError::Closed(why));
    });
}

#[test]
fn reader_of_events_is_woken_after_the_last_event() {
    for_ends("events", |context, end, _, round| {
        let publisher = Pub::new(context);
        let events = publisher.events();
        publisher.bind("tcp://127.0.0.1:*").unwrap();
        let close = || _ = publisher.close();
        let wait = || std::iter::from_fn(|| events.next_timeout(WAIT)).collect::<Vec<Event>>();
        let start = Instant::now();
        let seen = ended(wait, || end(context, &close), round);
        assert!(start.elapsed() < WAIT, "it waited for its timeout");
        assert!(matches!(seen[0], Event::Listening { .. }), "{seen:?}");
    });
}

#[test]
fn closed_socket_refuses_every_operation() {
    for_ends("closed", |context, end, why, _| {
        let router = Router::new(context);
        end(context, &|| _ = router.close());
        let (name, tcp) = ("inproc://a", "tcp://127.0.0.1:*");
        let is = |found: ClosedError| assert_eq!(found, why);
        for endpoint in [name, tcp] {
            match router.bind(endpoint) {
                Err(BindError::Closed(found)) => is(found),
                other => panic!("{other:?}"),
            }
            match router.unbind(endpoint) {
                Err(ReleaseError::Closed(found)) => is(found),
                other => panic!("{other:?}"),
            }
        }
        for endpoint in [name, "tcp://127.0.0.1:7"] {
            match router.connect(endpoint) {
                Err(ConnectError::Closed(found)) => is(found),
                other => panic!("{other:?}"),
            }
            match router.disconnect(endpoint) {
                Err(ReleaseError::Closed(found)) => is(found),
                other => panic!("{other:?}"),
            }
        }
        let error = router.try_send(["a", "b"]).unwrap_err();
        assert_eq!(error.kind, SendErrorKind::Closed(why));
        assert_eq!(router.recv().unwrap_err(), RecvError::Closed(why));
        assert!(router.close().complete);
    });
}

#[test]
fn event_may_be_waited_for_without_end() {
    under("waiting for an event", || {
        let pull = Pull::new(&Context::new());
        let events = pull.events();
        for _ in 0..2 {
            pull.bind("tcp://127.0.0.1:*").unwrap();
        }
        assert!(events.next_timeout(Duration::MAX).is_some());
        assert!(events.wait_for(Duration::MAX, |_| true).is_some());
    });
}

#[test]
fn context_after_shutdown_makes_no_working_socket() {
    let context = Context::new();
    context.shutdown();
    let error = Pull::builder().build(&context).unwrap_err();
    assert_eq!(error, BuildError::Closed(ClosedError::Shutdown));
    let pull = Pull::new(&context);
    let shut = RecvError::Closed(ClosedError::Shutdown);
    assert_eq!(pull.recv().unwrap_err(), shut);
    assert!(pull.events().next_timeout(WAIT).is_none());
    context.shutdown();
}

#[test]
fn shutdown_still_delivers_what_was_sent() {
    under("shutdown flushes", || {
        let context = Context::new();
        let (push, pull) = (Push::new(&context), Pull::new(&Context::new()));
        let events = pull.events();
        push.connect(pull.bind("tcp://127.0.0.1:*").unwrap())
            .unwrap();
        handshake_success(&events);
        for _ in 0..1500 {
            push.send(vec![0; 1000]).unwrap();
        }
        context.shutdown();
        for _ in 0..1500 {
            assert_eq!(pull.recv_timeout(WAIT).unwrap().size(), 1000);
        }
    });
}

#[test]
fn message_that_comes_while_the_socket_is_printed_wakes_its_receiver() {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    /// Sends while what a socket holds is being written.
    struct Sending<'a>(&'a Push);
    impl Write for Sending<'_> {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            if piece.contains("pipes") {
                self.0.try_send("in between").unwrap();
            }
            Ok(())
        }
    }
    let context = Context::new();
    let (push, pull) = (Push::new(&context), Pull::new(&context));
    push.connect(pull.bind("inproc://printed").unwrap())
        .unwrap();
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut receipt = pin!(pull.recv_async());
    let poll = receipt
        .as_mut()
        .poll(&mut task::Context::from_waker(&waker));
    assert!(poll.is_pending());
    write!(Sending(&push), "{pull:?}").unwrap();
    assert!(woken.0.load(Ordering::Relaxed));
}
