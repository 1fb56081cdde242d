//! Reaching peers through a SOCKS5 proxy, scripted here.

use ferromq::{BuildError, Message, Push, Reason, SocksError};
use ferromq_testkit::{MockPeer, frames};

use super::*;

const PROXY: &str = "tcp://127.0.0.1:1080";

/// A PUSH that dials `endpoint` through the proxy, and the proxy's end of that.
fn through(credentials: Option<(&str, &str)>, endpoint: &str) -> (MockPeer, Push, Events) {
    let (world, context) = world(1);
    let listener = MockPeer::listen(&world, PROXY);
    let push = Push::builder().socks_proxy("127.0.0.1:1080");
    let push = match credentials {
        Some((name, password)) => push.socks_credentials(name, password),
        None => push,
    };
    let push = push.build(&context).unwrap();
    let events = push.events();
    push.connect(endpoint).unwrap();
    (MockPeer::accept(&world, &*listener), push, events)
}

/// What the proxy is asked for `pull.example:5555`.
const REQUEST: &[u8] = b"\x05\x01\x00\x03\x0cpull.example\x15\xb3";
const GRANTED: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

#[test]
fn socks_proxy_is_asked_for_the_connection_and_then_is_the_peer() {
    let (mut proxy, push, _events) = through(None, "tcp://pull.example:5555");
    proxy.expect_raw(&[5, 1, 0]);
    proxy.send_raw([5, 0]);
    proxy.expect_raw(REQUEST);
    // The first bytes of the peer may come with the answer.
    proxy.send_raw(GRANTED);
    proxy.handshake("PULL", "PUSH");
    push.send(Message::from("x")).unwrap();
    proxy.expect(frames::msg(["x"]));
}

#[test]
fn socks_credentials_are_given_to_a_proxy_that_wants_them() {
    let (mut proxy, push, _events) = through(Some(("me", "secret")), "tcp://pull.example:5555");
    proxy.expect_raw(&[5, 2, 0, 2]);
    proxy.send_raw([5, 2]);
    proxy.expect_raw(b"\x01\x02me\x06secret");
    proxy.send_raw([1, 0]);
    proxy.expect_raw(REQUEST);
    proxy.send_raw(GRANTED);
    proxy.handshake("PULL", "PUSH");
    push.send(Message::from("x")).unwrap();
    proxy.expect(frames::msg(["x"]));
}

#[test]
fn socks_refusal_is_told_and_tried_again() {
    for (answers, why) in [
        (&[&[5, 0xff][..]][..], SocksError::Method),
        (
            &[&[5, 0], &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]],
            SocksError::Refused(5),
        ),
        (&[b"HTTP/1.1 400 Bad Request"], SocksError::Malformed),
    ] {
        let (mut proxy, _push, events) = through(None, "tcp://pull.example:5555");
        proxy.expect_raw(&[5, 1, 0]);
        for answer in answers {
            proxy.send_raw(answer);
        }
        let failed = wait_for(&events, |event| {
            matches!(event, Event::HandshakeFailed { .. })
        });
        let Event::HandshakeFailed { reason, .. } = failed else {
            unreachable!("it was waited for");
        };
        assert_eq!(reason, Reason::Socks(why));
        wait_for(&events, |event| matches!(event, Event::Retry { .. }));
    }
}

#[test]
fn socks_proxy_that_cannot_be_is_refused() {
    let (_, context) = world(1);
    for address in ["", "localhost", "*:1080", "localhost:0", "a b:1"] {
        let built = Push::builder().socks_proxy(address).build(&context);
        let is_refused = matches!(
            built,
            Err(BuildError::OutOfRange {
                option: "socks_proxy"
            })
        );
        assert!(is_refused, "{address:?}");
    }
    let long = "a".repeat(256);
    for (name, password) in [("", "a"), ("a", ""), (long.as_str(), "a"), ("a", &long)] {
        let push = Push::builder().socks_proxy("localhost:1080");
        let built = push.socks_credentials(name, password).build(&context);
        assert!(built.is_err(), "{name:?}");
    }
}
