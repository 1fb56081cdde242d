//! Closing: what is flushed, what is reported, and how long it takes.

#![cfg(all(
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{
    Context, Dealer, Dropped, Event, Initiator, Message, Pull, Push, Reason, RecvError,
    ReleaseError, Router,
};
use ferromq_testkit::watchdog::patience;

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, handshake_success, under, until, wait_for};

const ENDPOINTS: &[&str] = &[
    "tcp://127.0.0.1:*",
    #[cfg(unix)]
    "ipc://*",
];

/// The default, or more where everything is slower.
fn long_linger() -> Duration {
    Duration::from_secs(5) * patience()
}

/// Far less than a long linger: what returns within it has not waited.
fn quick() -> Duration {
    Duration::from_secs(2) * patience()
}

fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = call();
    (result, start.elapsed())
}

/// A PUSH that is connected to a PULL, each with a context of its own; the handshake is over.
fn pair(endpoint: &str, linger: Duration) -> (Push, Pull) {
    let push = Push::builder().linger(linger);
    let push = push.build(&Context::new()).unwrap();
    let pull = Pull::new(&Context::new());
    let (events, others) = (push.events(), pull.events());
    push.connect(pull.bind(endpoint).unwrap()).unwrap();
    handshake_success(&events);
    handshake_success(&others);
    (push, pull)
}

#[test]
fn close_with_nothing_unsent_returns_at_once() {
    under("quick close", || {
        for &endpoint in ENDPOINTS {
            for sent in [0, 10] {
                let (push, pull) = pair(endpoint, long_linger());
                (0..sent).for_each(|_| push.send("a").unwrap());
                until(|| push.stats().queued == 0);
                (0..sent / 2).for_each(|_| drop(pull.recv_timeout(WAIT).unwrap()));
                let (report, took) = timed(|| pull.close());
                assert!(report.complete && report.unsent == 0, "{report:?}");
                assert!(took < quick(), "bound, {sent} received: {took:?}");
                let (report, took) = timed(|| push.close());
                assert!(report.complete && report.unsent == 0, "{report:?}");
                assert!(took < quick(), "dialed, {sent} sent: {took:?}");
            }
        }
    });
}

#[test]
fn close_of_a_bound_sender_returns_when_the_live_peer_has_everything() {
    under("bound sender", || {
        for &endpoint in ENDPOINTS {
            let (push, pull) = (Push::new(&Context::new()), Pull::new(&Context::new()));
            pull.connect(push.bind(endpoint).unwrap()).unwrap();
            (0..500_u32).for_each(|n| push.send(n.to_string()).unwrap());
            let (report, took) = timed(|| push.close());
            assert!(report.complete && report.unsent == 0, "{report:?}");
            assert!(took < quick(), "{took:?}");
            for n in 0..500_u32 {
                let message = pull.recv_timeout(WAIT).unwrap();
                assert_eq!(message.part_str(0).unwrap(), n.to_string());
            }
        }
    });
}

#[test]
fn close_of_a_receiver_does_not_wait_for_a_flooding_peer() {
    under("flooded receiver", || {
        for &endpoint in ENDPOINTS {
            let (push, pull) = pair(endpoint, Duration::ZERO);
            while push.try_send(vec![0; 10_000]).is_ok() {}
            let (report, took) = timed(|| pull.close());
            assert!(report.complete && report.unsent == 0, "{report:?}");
            assert!(took < quick(), "{took:?}");
        }
    });
}

#[test]
fn close_while_the_connection_is_lost_reports_what_is_unsent() {
    under("closing and lost", || {
        for _ in 0..20 {
            let (push, pull) = pair("tcp://127.0.0.1:*", Duration::from_millis(100));
            while push.try_send(vec![0; 10_000]).is_ok() {}
            pull.close();
            let report = push.close();
            let stats = push.stats();
            assert_eq!(
                stats.accepted,
                stats.handed_over + report.unsent,
                "{stats:?}"
            );
            assert_eq!(report.complete, report.unsent == 0, "{report:?}");
            assert_eq!(stats.dropped(Dropped::Closed), report.unsent);
        }
    });
}

#[test]
fn close_during_writes_reports_exactly_what_is_unsent() {
    under("closing during writes", || {
        for endpoint in ENDPOINTS {
            for round in 1..20 {
                let (push, pull) = pair(endpoint, Duration::ZERO);
                let report = thread::scope(|scope| {
                    scope.spawn(|| while pull.recv().is_ok() {});
                    scope.spawn(|| while push.send(vec![0; 60_000]).is_ok() {});
                    until(|| push.stats().handed_over >= round);
                    let report = push.close();
                    pull.close();
                    report
                });
                let stats = push.stats();
                assert_eq!(stats.accepted, stats.handed_over + report.unsent);
                assert_eq!(stats.dropped(Dropped::Closed), report.unsent);
            }
        }
    });
}

#[test]
fn close_of_a_long_queue_counts_it_at_once() {
    under("long queue", || {
        let messages = 1_000_000;
        let push = Push::builder().linger(Duration::ZERO);
        let push = push.send_high_water_mark(0).build(&Context::new()).unwrap();
        push.connect("tcp://127.77.0.4:1").unwrap();
        (0..messages).for_each(|_| push.send("unsent").unwrap());
        let (report, took) = timed(|| push.close());
        assert_eq!(report.unsent, messages);
        assert_eq!(push.stats().dropped(Dropped::Closed), messages);
        assert!(took < quick(), "{took:?}");
    });
}

#[test]
fn close_without_peer_waits_for_linger_and_reports_what_is_lost() {
    under("absent peer", || {
        let port = TcpListener::bind("127.77.0.2:0").unwrap();
        let endpoint = format!("tcp://{}", port.local_addr().unwrap());
        drop(port);
        for linger in [0, 300].map(Duration::from_millis) {
            let push = Push::builder().linger(linger);
            let push = push.build(&Context::new()).unwrap();
            push.connect(&endpoint).unwrap();
            (0..7).for_each(|_| push.send("lost").unwrap());
            let (report, took) = timed(|| push.close());
            assert_eq!((report.unsent, report.complete), (7, false));
            assert!(
                took >= linger && took < linger + Duration::from_secs(1) * patience(),
                "{took:?}"
            );
            assert_eq!(push.stats().dropped(Dropped::Closed), 7);
            let (again, took) = timed(|| push.close());
            assert_eq!(again, report);
            assert!(took < quick(), "{took:?}");
        }
    });
}

#[test]
fn close_without_peer_flushes_to_one_that_comes_within_linger() {
    under("late peer", || {
        let port = TcpListener::bind("127.77.0.3:0").unwrap();
        let endpoint = format!("tcp://{}", port.local_addr().unwrap());
        drop(port);
        let push = Push::new(&Context::new());
        let events = push.events();
        push.connect(&endpoint).unwrap();
        (0..100).for_each(|_| push.send("late").unwrap());
        wait_for(&events, |event| matches!(event, Event::Retry { .. }));
        let closing = thread::spawn(move || push.close());
        let pull = Pull::new(&Context::new());
        pull.bind(&endpoint).unwrap();
        (0..100).for_each(|_| drop(pull.recv_timeout(WAIT).unwrap()));
        let report = closing.join().unwrap();
        assert_eq!((report.unsent, report.complete), (0, true));
    });
}

#[test]
fn close_with_a_peer_that_does_not_read_ends_with_linger() {
    under("peer does not read", || {
        let linger = Duration::from_millis(300);
        let push = Push::builder()
            .linger(linger)
            .build(&Context::new())
            .unwrap();
        let pull = Pull::builder().receive_high_water_mark(10);
        let pull = pull.build(&Context::new()).unwrap();
        push.connect(pull.bind("tcp://127.0.0.1:*").unwrap())
            .unwrap();
        let events = push.events();
        until(|| push.try_send(vec![0; 10_000]).is_err());
        handshake_success(&events);
        while push.try_send(vec![0; 10_000]).is_ok() {}
        let queued = push.stats().queued;
        let (report, took) = timed(|| push.close());
        assert!(
            took >= linger && took < linger + Duration::from_secs(1) * patience(),
            "{took:?}"
        );
        assert!(!report.complete && report.unsent > 0, "{report:?}");
        assert!(report.unsent <= queued + 1, "{report:?}, {queued}");
        let stats = push.stats();
        assert_eq!(stats.accepted, stats.handed_over + report.unsent);
    });
}

#[test]
fn dropped_socket_and_context_flush_everything() {
    under("drop flushes", || {
        for &endpoint in ENDPOINTS {
            let pull = Pull::new(&Context::new());
            let endpoint = pull.bind(endpoint).unwrap();
            let sending = thread::spawn(move || {
                let context = Context::new();
                let push = Push::new(&context);
                push.connect(&endpoint).unwrap();
                (0..5000_u32).for_each(|n| push.send(n.to_string()).unwrap());
                drop(push);
                drop(context);
            });
            for n in 0..5000_u32 {
                let message = pull.recv_timeout(WAIT).unwrap();
                assert_eq!(message.part_str(0).unwrap(), n.to_string());
            }
            sending.join().unwrap();
        }
    });
}

#[test]
fn message_just_sent_arrives_whole_though_replies_are_unread() {
    under("unread replies", || {
        for &endpoint in ENDPOINTS {
            let router = Router::new(&Context::new());
            let endpoint = router.bind(endpoint).unwrap();
            for round in 0..20 {
                let dealer = Dealer::new(&Context::new());
                dealer.connect(&endpoint).unwrap();
                dealer.send("ask").unwrap();
                let id = router.recv_timeout(WAIT).unwrap().pop_front().unwrap();
                for _ in 0..200 {
                    router.send([id.clone(), vec![1; 1000].into()]).unwrap();
                }
                dealer.send(vec![round; 1024 * 1024]).unwrap();
                if round % 2 == 0 {
                    assert_eq!(dealer.close().unsent, 0);
                }
                drop(dealer);
                let message = router.recv_timeout(WAIT).unwrap();
                let whole = vec![round; 1024 * 1024];
                assert!(message.part(1).unwrap()[..] == whole[..], "{round}");
            }
        }
    });
}

#[test]
fn peer_learns_of_a_close_and_who_did_it() {
    under("disconnected", || {
        let (push, pull) = pair("tcp://127.0.0.1:*", long_linger());
        let (events, others) = (push.events(), pull.events());
        pull.close();
        let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
        let Event::Disconnected {
            reason, initiator, ..
        } = wait_for(&others, ended)
        else {
            unreachable!("only that was waited for");
        };
        assert_eq!(
            (reason, initiator),
            (Reason::Closed, Initiator::Application)
        );
        let unbound = wait_for(&others, |event| matches!(event, Event::Unbound { .. }));
        assert!(matches!(unbound, Event::Unbound { .. }));
        let Event::Disconnected {
            reason, initiator, ..
        } = wait_for(&events, ended)
        else {
            unreachable!("only that was waited for");
        };
        assert_eq!((reason, initiator), (Reason::Ended, Initiator::Peer));
    });
}

/// A path of this process alone.
#[cfg(unix)]
fn ipc_path() -> String {
    let name = format!("ferromq-unbind-{}", std::process::id());
    std::env::temp_dir().join(name).display().to_string()
}

#[test]
fn unbind_and_close_free_the_address_at_once_and_end_its_connections() {
    under("unbind", || {
        for endpoint in [
            "tcp://127.0.0.1:*".to_owned(),
            #[cfg(unix)]
            "ipc://*".to_owned(),
            #[cfg(unix)]
            format!("ipc://{}", ipc_path()),
            #[cfg(target_os = "linux")]
            format!("ipc://@{}", ipc_path()),
        ] {
            let pull = Pull::new(&Context::new());
            let events = pull.events();
            let endpoint = pull.bind(&endpoint).unwrap();
            let push = Push::new(&Context::new());
            push.connect(&endpoint).unwrap();
            for _ in 0..5 {
                handshake_success(&events);
                push.send("a").unwrap();
                pull.recv_timeout(WAIT).unwrap();
                pull.unbind(&endpoint).unwrap();
                assert_eq!(pull.unbind(&endpoint), Err(ReleaseError::NotFound));
                let other = Pull::new(&Context::new());
                other.bind(&endpoint).unwrap();
                other.unbind(&endpoint).unwrap();
                pull.bind(&endpoint).unwrap();
            }
            handshake_success(&events);
            push.send("last").unwrap();
            assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("last")));
            pull.close();
            Pull::new(&Context::new()).bind(&endpoint).unwrap();
        }
    });
}

#[test]
fn unbind_frees_the_address_before_it_returns() {
    under("unbind, again and again", || {
        for endpoint in [
            "tcp://127.0.0.1:*",
            #[cfg(unix)]
            "ipc://*",
            "inproc://again",
        ] {
            let context = Context::new();
            let pulls = [Pull::new(&context), Pull::new(&context)];
            let endpoint = pulls[0].bind(endpoint).unwrap();
            for round in 0..100 {
                pulls[round % 2].unbind(&endpoint).unwrap();
                pulls[(round + 1) % 2].bind(&endpoint).unwrap();
            }
        }
    });
}

#[test]
fn inproc_unbind_frees_the_name_and_keeps_its_peers() {
    let context = Context::new();
    let (push, pull, next) = (
        Push::new(&context),
        Pull::new(&context),
        Pull::new(&context),
    );
    pull.bind("inproc://a").unwrap();
    push.connect("inproc://a").unwrap();
    pull.unbind("inproc://a").unwrap();
    assert_eq!(pull.unbind("inproc://a"), Err(ReleaseError::NotFound));
    next.bind("inproc://a").unwrap();
    push.send("to the first").unwrap();
    assert_eq!(pull.try_recv().unwrap().part_str(0), Ok("to the first"));
    assert_eq!(next.try_recv(), Err(RecvError::Empty));
}

#[test]
fn disconnect_flushes_and_forgets_the_peer() {
    under("disconnect", || {
        for endpoint in [
            "tcp://127.0.0.1:*",
            #[cfg(unix)]
            "ipc://*",
            "inproc://a",
        ] {
            let context = Context::new();
            let (push, pull) = (Push::new(&context), Pull::new(&context));
            let endpoint = pull.bind(endpoint).unwrap();
            push.connect(&endpoint).unwrap();
            (0..500).for_each(|_| push.send("a").unwrap());
            push.disconnect(&endpoint).unwrap();
            assert_eq!(push.disconnect(&endpoint), Err(ReleaseError::NotFound));
            assert_eq!(push.pipes(), 0);
            assert!(push.try_send("b").is_err());
            (0..500).for_each(|_| drop(pull.recv_timeout(WAIT).unwrap()));
            until(|| pull.try_recv() == Err(RecvError::Empty) && pull.pipes() == 0);
            push.connect(&endpoint).unwrap();
            push.send("again").unwrap();
            assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("again")));
        }
    });
}
