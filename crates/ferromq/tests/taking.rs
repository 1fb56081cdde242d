//! Streams that somebody else has connected: with real sockets.

#![cfg(all(
    target_os = "linux",
    feature = "pair",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    ClosedError, ConnectedStream, Context, Crowd, Dealer, Event, Initiator, Message, Pair, Pub,
    Pull, Push, Reason, Rep, Req, Router, Silence, StreamError, Sub, TakeError, Violation, Xpub,
    Xsub,
};
use ferromq_testkit::{MockPeer, SimWorld, frames};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, handshake_failure, handshake_success, under, until, wait_for};

/// Both ends of a tcp connection.
fn tcp_pair() -> (ConnectedStream, ConnectedStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dialed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (dialed.into(), listener.accept().unwrap().0.into())
}

fn ipc_pair() -> (ConnectedStream, ConnectedStream) {
    let (first, second) = UnixStream::pair().unwrap();
    (first.into(), second.into())
}

/// Runs a scenario with both ends of a stream, of each kind that there is.
fn for_streams(name: &str, scenario: impl Fn(&Context, ConnectedStream, ConnectedStream)) {
    for pair in [tcp_pair, ipc_pair] {
        under(name, || {
            let (first, second) = pair();
            scenario(&Context::new(), first, second);
        });
    }
}

#[track_caller]
fn wait_end(events: &ferromq::Events) -> (Reason, Initiator) {
    let ended = |event: &Event| matches!(event, Event::Disconnected { .. });
    match wait_for(events, ended) {
        Event::Disconnected {
            reason, initiator, ..
        } => (reason, initiator),
        other => panic!("{other:?}"),
    }
}

/// What the system calls a socket, whoever has a descriptor of it.
fn identity(fd: &impl AsRawFd) -> PathBuf {
    fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap()
}

/// True if a descriptor of this process is that of a socket.
fn is_open(identity: &PathBuf) -> bool {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths.any(|path| fs::read_link(path).is_ok_and(|found| found == *identity))
}

/// Sends from one socket to another over a stream that both take.
macro_rules! one_way {
    ($name:ident, $sender:ty, $receiver:ty) => {
        #[test]
        fn $name() {
            for_streams(stringify!($name), |context, first, second| {
                let sender = <$sender>::new(context);
                let receiver = <$receiver>::new(context);
                sender.take_stream(first).unwrap();
                receiver.take_stream(second).unwrap();
                for n in 0..100 {
                    sender.send([n.to_string(), "rest".to_owned()]).unwrap();
                    let received = receiver.recv_timeout(WAIT).unwrap();
                    assert_eq!(received, [n.to_string(), "rest".to_owned()].into());
                }
            });
        }
    };
}

one_way!(push_and_pull_take_a_stream, Push, Pull);
one_way!(pairs_take_a_stream, Pair, Pair);
one_way!(dealers_take_a_stream, Dealer, Dealer);

/// Asks and answers over a stream that both take.
macro_rules! both_ways {
    ($name:ident, $asks:ty, $answers:ty, $question:expr) => {
        #[test]
        fn $name() {
            for_streams(stringify!($name), |context, first, second| {
                let (asks, answers) = (<$asks>::new(context), <$answers>::new(context));
                asks.take_stream(first).unwrap();
                answers.take_stream(second).unwrap();
                for _ in 0..100 {
                    asks.send($question).unwrap();
                    let asked = answers.recv_timeout(WAIT).unwrap();
                    answers.send(asked).unwrap();
                    let answer = asks.recv_timeout(WAIT).unwrap();
                    assert_eq!(answer, $question.into());
                }
            });
        }
    };
}

both_ways!(req_and_rep_take_a_stream, Req, Rep, "question");
both_ways!(req_and_router_take_a_stream, Req, Router, "question");
both_ways!(dealer_and_rep_take_a_stream, Dealer, Rep, ["", "question"]);
both_ways!(dealer_and_router_take_a_stream, Dealer, Router, "question");

/// Subscribes and publishes over a stream that both take.
macro_rules! published {
    ($name:ident, $publisher:ty, $subscriber:ty, $subscribe:expr) => {
        #[test]
        fn $name() {
            for_streams(stringify!($name), |context, first, second| {
                let publisher = <$publisher>::new(context);
                let subscriber = <$subscriber>::new(context);
                $subscribe(&subscriber);
                publisher.take_stream(first).unwrap();
                subscriber.take_stream(second).unwrap();
                publisher.wait_subscribed("a", 1, WAIT).unwrap();
                for topic in ["b", "a1", "c", "a2"] {
                    publisher.send(topic).unwrap();
                }
                for topic in ["a1", "a2"] {
                    assert_eq!(subscriber.recv_timeout(WAIT).unwrap(), topic.into());
                }
            });
        }
    };
}

fn by_call(sub: &Sub) {
    sub.subscribe("a").unwrap();
}

fn by_message(xsub: &Xsub) {
    xsub.send("\u{1}a").unwrap();
}

published!(pub_and_sub_take_a_stream, Pub, Sub, by_call);
published!(pub_and_xsub_take_a_stream, Pub, Xsub, by_message);
published!(xpub_and_sub_take_a_stream, Xpub, Sub, by_call);
published!(xpub_and_xsub_take_a_stream, Xpub, Xsub, by_message);

#[test]
fn taken_stream_is_told_of_as_an_accepted_one_by_its_own_name() {
    for_streams("taken stream is told of", |context, first, second| {
        let own = match &first {
            ConnectedStream::Tcp(tcp) => format!("tcp://{}", tcp.local_addr().unwrap()),
            _ => "ipc://*".to_owned(),
        };
        let (push, pull) = (Push::new(context), Pull::new(context));
        let events = push.events();
        let taken = push.take_stream(first).unwrap();
        let accepted = |event: &Event| matches!(event, Event::Accepted { .. });
        match wait_for(&events, accepted) {
            Event::Accepted {
                connection,
                endpoint,
                ..
            } => assert_eq!((connection, endpoint.to_string()), (taken, own)),
            other => panic!("{other:?}"),
        }
        pull.take_stream(second).unwrap();
        push.wait_peers(1, WAIT).unwrap();
        pull.wait_peers(1, WAIT).unwrap();
        let peers = push.peers().unwrap();
        assert_eq!((peers[0].peer.connection, &peers[0].dialed), (taken, &None));
        push.disconnect_peer(peers[0].peer.pipe).unwrap();
        let ended = (Reason::Closed, Initiator::Application);
        assert_eq!(wait_end(&events), ended);
        assert_eq!(push.peer_count(), 0);
    });
}

#[test]
fn taken_stream_that_is_lost_is_not_made_again() {
    for_streams("taken stream is lost", |context, first, second| {
        let (push, pull) = (Push::new(context), Pull::new(context));
        push.take_stream(first).unwrap();
        pull.take_stream(second).unwrap();
        push.wait_peers(1, WAIT).unwrap();
        pull.wait_peers(1, WAIT).unwrap();
        let events = push.events();
        pull.close();
        assert_eq!(wait_end(&events), (Reason::Ended, Initiator::Peer));
        until(|| push.pipes() == 0);
        // Nothing is tried again: nothing is left to close.
        push.close();
        assert_eq!(events.last(), None);
    });
}

#[test]
fn taken_stream_that_is_shut_fails_in_the_handshake_or_before() {
    for_streams("taken stream is shut", |context, first, second| {
        let pull = Pull::new(context);
        let events = pull.events();
        drop(second);
        match pull.take_stream(first) {
            Ok(_) => assert_eq!(handshake_failure(&events), Reason::Ended),
            Err(error) => assert!(matches!(
                error,
                TakeError::Stream(StreamError::NotConnected)
            )),
        }
    });
}

#[test]
fn taken_stream_of_a_raw_peer_carries_messages_and_garbage_ends_it() {
    under("taken stream of a raw peer", || {
        let pull = Pull::new(&Context::new());
        let events = pull.events();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut peer = MockPeer::over(theirs);
        // What was sent before it is taken counts.
        peer.send_greeting();
        pull.take_stream(ours).unwrap();
        peer.expect_greeting();
        peer.send(frames::ready("PUSH").then(frames::msg(["hello"])));
        assert_eq!(pull.recv_timeout(WAIT).unwrap(), Message::from("hello"));
        peer.send_raw([0xff; 9]);
        let reason = Reason::Violation(Violation::ReservedFlags);
        assert_eq!(wait_end(&events), (reason, Initiator::Library));

        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut stranger = MockPeer::over(theirs);
        pull.take_stream(ours).unwrap();
        stranger.send_raw("GET / HTTP/1.1\r\n");
        let reason = Reason::Violation(Violation::BadSignature);
        assert_eq!(handshake_failure(&events), reason);
    });
}

#[test]
fn closing_flushes_what_a_taken_stream_was_given() {
    for_streams(
        "closing flushes a taken stream",
        |context, first, second| {
            let (push, pull) = (Push::new(context), Pull::new(context));
            push.take_stream(first).unwrap();
            pull.take_stream(second).unwrap();
            let large = vec![7; 10_000];
            (0..1000).for_each(|_| push.send(large.clone()).unwrap());
            let report = std::thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let received = pull.recv_timeout(WAIT).unwrap();
                        assert_eq!(received.part(0).unwrap().len(), large.len());
                    }
                });
                push.close()
            });
            assert_eq!((report.unsent, report.complete), (0, true));
        },
    );
}

#[test]
fn no_descriptor_of_a_taken_stream_is_left() {
    under("no descriptor is left", || {
        let context = Context::new();
        let pull = Pull::builder().allow_user(u32::MAX).build(&context);
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let refused = identity(&ours);
        pull.unwrap().take_stream(ours).unwrap_err();
        assert!(!is_open(&refused));

        let pull = Pull::new(&context);
        let events = pull.events();
        let (live, theirs) = UnixStream::pair().unwrap();
        let (silent, _silence) = UnixStream::pair().unwrap();
        let (lost, gone) = UnixStream::pair().unwrap();
        let taken = [identity(&live), identity(&silent), identity(&lost)];
        for stream in [live, silent, lost] {
            pull.take_stream(stream).unwrap();
        }
        let mut peer = MockPeer::over(theirs);
        peer.handshake("PUSH", "PULL");
        handshake_success(&events);
        drop(gone);
        handshake_failure(&events);
        until(|| !is_open(&taken[2]));
        assert!(is_open(&taken[0]) && is_open(&taken[1]));
        // A handshake that goes on is no reason to wait.
        let report = pull.close();
        assert!(report.complete, "{report:?}");
        until(|| !taken.iter().any(is_open));
    });
}

#[test]
fn taken_streams_count_as_connections() {
    for_streams("taken streams are counted", |context, first, second| {
        let pull = Pull::builder().max_connections(1).build(context).unwrap();
        let push = Push::new(context);
        pull.take_stream(first).unwrap();
        push.take_stream(second).unwrap();
        pull.wait_peers(1, WAIT).unwrap();
        let (third, _other) = UnixStream::pair().unwrap();
        let refused = pull.take_stream(third).unwrap_err();
        assert!(matches!(refused, TakeError::Crowded(Crowd::Connections)));
        push.close();
        until(|| pull.pipes() == 0);
        let (fourth, _other) = UnixStream::pair().unwrap();
        until(|| pull.take_stream(fourth.try_clone().unwrap()).is_ok());
    });
}

#[test]
fn taken_stream_is_of_a_process_that_is_allowed() {
    under("taken stream of who is allowed", || {
        let context = Context::new();
        let own = std::process::id();
        for (allowed, is_taken) in [(own, true), (own + 1, false)] {
            let builder = Pull::builder().allow_process(allowed);
            let pull = builder.build(&context).unwrap();
            let (ours, _theirs) = UnixStream::pair().unwrap();
            match pull.take_stream(ours) {
                Ok(_) => assert!(is_taken),
                Err(TakeError::Stream(StreamError::NotAllowed)) => assert!(!is_taken),
                Err(other) => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn silent_peer_of_a_taken_stream_is_given_up() {
    under("silent peer of a taken stream", || {
        let context = Context::new();
        let builder = Pull::builder().heartbeat_interval(Duration::from_millis(50));
        let pull = builder.build(&context).unwrap();
        let events = pull.events();
        let (ours, theirs) = UnixStream::pair().unwrap();
        pull.take_stream(ours).unwrap();
        let mut peer = MockPeer::over(theirs);
        peer.handshake("PUSH", "PULL");
        let reason = Reason::Silence(Silence::Unanswered);
        assert_eq!(wait_end(&events), (reason, Initiator::Library));
    });
}

#[cfg(feature = "plain")]
#[test]
fn taken_streams_have_the_roles_that_security_gives_them() {
    use ferromq::{Authenticator, Security};

    for_streams("taken streams with PLAIN", |context, first, second| {
        let users = Authenticator::users([("admin", "secret")]);
        let server = Pull::builder().security(Security::plain_server());
        let pull = server.authenticator(users).build(context).unwrap();
        let client = Push::builder().security(Security::plain_client("admin", "secret"));
        let push = client.build(context).unwrap();
        // Who came first, or dialed, does not matter.
        push.take_stream(second).unwrap();
        pull.take_stream(first).unwrap();
        push.send("secret enough").unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap(), "secret enough".into());
        let user = pull.peers().unwrap()[0].peer.user.clone();
        assert_eq!(user.unwrap().id, "admin");
    });
}

#[test]
fn closed_sockets_and_simulated_worlds_take_no_streams() {
    let pull = Pull::new(&Context::new());
    pull.close();
    let refused = pull.take_stream(ipc_pair().0).unwrap_err();
    let closed = TakeError::Closed(ClosedError::Closed);
    assert_eq!(refused.to_string(), closed.to_string());

    let context = Context::with_world(Arc::new(SimWorld::new(1)), 1);
    let refused = Pull::new(&context).take_stream(ipc_pair().0).unwrap_err();
    let unsupported = TakeError::Stream(StreamError::Unsupported);
    assert_eq!(refused.to_string(), unsupported.to_string());
}
