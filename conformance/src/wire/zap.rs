//! ZAP: what a server of each mechanism asks its handler, and what it makes of the answer. (RFC 27)

use std::net::IpAddr;

use ferromq::{Denial, Message, SocketType, User};
use ferromq_testkit::{MockPeer, frames};

use super::curve::{DEALER, welcomed};
use super::stage::{Stage, Subject};
use crate::case::{Case, case, skip};
use crate::socket::{
    AnySocket, CLIENT_PUBLIC, PASSWORD, SERVER_PUBLIC, SERVER_SECRET, Settings, USER,
};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        plain_server_asks_and_is_answered,
        "27/server-socket",
        "27/endpoint",
        "27/server-connects",
        "27/dialog",
        "27/request",
        "27/request-delimiter",
        "27/request-version",
        "27/request-mechanism",
        "27/request-credentials",
        "27/reply",
        "27/reply-user",
        "27/address",
        "27/mechanism",
        "27/metadata",
        "27/plain-mechanism",
        "27/plain-credentials",
        "27/example-req",
    ),
    case!(
        null_server_asks_without_credentials,
        "27/null-mechanism",
        "27/null-credentials",
        "27/request",
    ),
    case!(
        curve_server_asks_with_the_key,
        "27/curve-mechanism",
        "27/curve-credentials",
        "27/identity",
    ),
    case!(denials_are_told_by_their_status, "27/status"),
    case!(
        malformed_answers_deny,
        "27/reply",
        "27/reply-delimiter",
        "27/reply-version",
        "27/reply-status",
        "27/request-id",
        "27/metadata",
    ),
];

/// A good answer behind version and request id.
const WELCOME: [&[u8]; 4] = [b"200", b"OK", b"joe", b"\x05Group\0\0\0\x05staff"];

fn plain_server_asks_and_is_answered(stage: &Stage) {
    let (subject, handler) = server(stage, &[("plain_server", "1")]);
    let mut peer = claiming(&subject);
    let question = handler.recv();
    check_question(stage, &question, "PLAIN", "");
    let shown = [question.part_str(8), question.part_str(9)];
    assert_eq!((question.len(), shown), (10, [Ok(USER), Ok(PASSWORD)]));
    handler.send(answer(&question, "1.0", &WELCOME));
    peer.expect(frames::command("WELCOME", b""));
    peer.send(frames::command("INITIATE", DEALER));
    peer.expect_ready("DEALER");
    let joe = User::new("joe").with_property("Group", "staff");
    assert_eq!(subject.expect_user(), Some(joe));
}

fn null_server_asks_without_credentials(stage: &Stage) {
    let (subject, handler) = server(stage, &[]);
    let mut peer = subject.dial();
    peer.send(frames::greeting());
    peer.send(frames::ready("DEALER"));
    let question = handler.recv();
    check_question(stage, &question, "NULL", "");
    assert_eq!(question.len(), 8);
    handler.send(answer(&question, "1.0", &[b"200", b"", b"", b""]));
    peer.next_greeting();
    peer.expect_ready("DEALER");
    // Nobody has said who it is.
    assert_eq!(subject.expect_user(), None);
}

fn curve_server_asks_with_the_key(stage: &Stage) {
    let keys = [
        ("curve_server", "1"),
        ("curve_publickey", SERVER_PUBLIC),
        ("curve_secretkey", SERVER_SECRET),
    ];
    let (subject, handler) = server(stage, &keys);
    let mut peer = subject.dial();
    peer.send(frames::greeting_with((3, 1), "CURVE", false));
    peer.next_greeting();
    let mut client = welcomed(&mut peer);
    let identity = [b"\x08Identity\0\0\0\xFF", &[b'i'; 255][..]].concat();
    peer.send(client.initiate(&[DEALER, &identity].concat()));
    let question = handler.recv();
    check_question(stage, &question, "CURVE", &"i".repeat(255));
    let key: ferromq::PublicKey = CLIENT_PUBLIC.parse().unwrap();
    assert_eq!(question.len(), 9);
    assert_eq!(&**question.part(8).unwrap(), key.as_bytes());
    handler.send(answer(&question, "1.0", &WELCOME));
    client.ready(&peer.next_frame());
    assert_eq!(subject.expect_user().unwrap().id, "joe");
}

fn denials_are_told_by_their_status(stage: &Stage) {
    let (subject, handler) = server(stage, &[("plain_server", "1")]);
    for (status, denial, told) in [
        ("300", Denial::Temporary, None),
        ("400", Denial::Unauthorized, Some("400")),
        ("500", Denial::Internal, Some("500")),
    ] {
        let mut peer = claiming(&subject);
        let question = handler.recv();
        let denied = [status.as_bytes(), b"no", b"", b""];
        handler.send(answer(&question, "1.0", &denied));
        check_denied(&subject, &mut peer, denial, told);
    }
}

fn malformed_answers_deny(stage: &Stage) {
    let (subject, handler) = server(stage, &[("plain_server", "1")]);
    let answers: [fn(&Message) -> Message; 6] = [
        |question| answer(question, "2.0", &WELCOME),
        |question| answer(question, "1.0", &WELCOME[..3]),
        |question| answer(question, "1.0", &[b"201", b"", b"", b""]),
        |question| answer(question, "1.0", &[b"200", b"", b"", b"\x05Group"]),
        |question| replaced(answer(question, "1.0", &WELCOME), 1, "no delimiter"),
        |question| replaced(answer(question, "1.0", &WELCOME), 3, "another id"),
    ];
    for malformed in answers {
        let mut peer = claiming(&subject);
        let question = handler.recv();
        handler.send(malformed(&question));
        check_denied(&subject, &mut peer, Denial::Internal, Some("500"));
    }
}

/// What a ROUTER receives: routing id, delimiter, version, request id, domain, address, identity,
/// mechanism, credentials.
fn check_question(stage: &Stage, question: &Message, mechanism: &str, identity: &str) {
    let at = |index| question.part_str(index).unwrap();
    assert_eq!([at(1), at(2)], ["", "1.0"]);
    assert_eq!([at(4), at(6), at(7)], ["test", identity, mechanism]);
    if stage.transport() == "tcp" {
        assert!(at(5).parse::<IpAddr>().is_ok(), "{question:?}");
    }
}

/// An answer to this question.
fn answer(question: &Message, version: &str, rest: &[&[u8]]) -> Message {
    let part = |index| question.part(index).unwrap().to_vec();
    let head = [part(0), part(1), version.into(), part(3)];
    head.into_iter()
        .chain(rest.iter().map(|part| part.to_vec()))
        .collect()
}

fn replaced(message: Message, at: usize, other: &str) -> Message {
    let parts = message.iter().enumerate();
    let part = |(index, part): (usize, &ferromq::Part)| match index == at {
        true => other.as_bytes().to_vec(),
        false => part.to_vec(),
    };
    parts.map(part).collect()
}

#[track_caller]
fn check_denied(subject: &Subject, peer: &mut MockPeer, denial: Denial, told: Option<&str>) {
    subject.expect_denied(denial);
    let expected = told.map(|code| frames::error(code).bytes().to_vec());
    assert_eq!(peer.drain_to_end(), expected.unwrap_or_default());
}

/// A raw peer of PLAIN who has said who it is.
fn claiming(subject: &Subject) -> MockPeer {
    let mut peer = subject.dial();
    peer.send(frames::greeting_with((3, 1), "PLAIN", false));
    peer.next_greeting();
    let hello = [&[4][..], USER.as_bytes(), &[6], PASSWORD.as_bytes()].concat();
    peer.send(frames::command("HELLO", &hello));
    peer
}

/// A server in a domain, and its handler, a ROUTER.
fn server(stage: &Stage, options: &[(&str, &str)]) -> (Subject, Box<dyn AnySocket>) {
    if stage.is_memory() {
        skip("the engine asks");
    }
    let options = options.iter().chain(&[("zap_domain", "test")]);
    let security = options.map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings {
        security: security.collect(),
        ..Settings::default()
    };
    let subject = stage.socket_with(SocketType::Dealer, settings);
    let handler = subject.beside(SocketType::Router);
    handler.bind("inproc://zeromq.zap.01");
    (subject, handler)
}
