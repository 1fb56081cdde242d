//! PLAIN, byte by byte, and what a peer may do wrong in it (RFC 24).

use super::mechanisms::{Side, both_establish, talk, truncated_handshakes_wait};
use super::{Output, Violation, command, config, greeting};
use crate::{Claim, Denial, Null, PlainClient, PlainServer, SocketType, ZmtpVersion};

fn client() -> Side {
    let mechanism = Box::new(PlainClient::new("admin", "secret"));
    Side::new(config(SocketType::Dealer), mechanism)
}

fn server() -> Side {
    let mut config = config(SocketType::Router);
    config.as_server = true;
    Side::new(config, Box::new(PlainServer::new()))
}

fn pair() -> (Side, Side) {
    (client(), server())
}

/// What a server says to a client that begins so.
fn server_after(commands: &[u8]) -> Side {
    let mut server = server();
    server.hear(&[&greeting(3, 1, "PLAIN"), commands].concat());
    server
}

#[test]
fn handshake_has_the_bytes_of_the_specification() {
    let (client, server) = both_establish(&pair);
    assert_eq!(client.sent[..64], server_greeting(0));
    assert_eq!(server.sent[..64], server_greeting(1));
    assert_eq!(
        client.sent[64..85],
        *b"\x04\x13\x05HELLO\x05admin\x06secret"
    );
    assert_eq!(server.sent[64..74], *b"\x04\x08\x07WELCOME");
    assert_eq!(client.sent[85..96], *b"\x04\x1F\x08INITIATE");
    assert_eq!(server.sent[74..82], *b"\x04\x1C\x05READY");
    let claim = Claim::Plain {
        username: b"admin".to_vec(),
        password: b"secret".to_vec(),
    };
    assert_eq!(server.claims, [claim]);
    assert_eq!(client.claims, []);
}

fn server_greeting(as_server: u8) -> [u8; 64] {
    let mut expected = [0; 64];
    expected[..17].copy_from_slice(b"\xFF\0\0\0\0\0\0\0\0\x7F\x03\x01PLAIN");
    expected[32] = as_server;
    expected
}

#[test]
fn cut_at_any_byte_waits() {
    truncated_handshakes_wait(&pair);
}

#[test]
fn denied_client_hears_the_code_once() {
    for (denial, told) in [
        (Denial::Unauthorized, &b"\x04\x0A\x05ERROR\x03400"[..]),
        (Denial::Internal, b"\x04\x0A\x05ERROR\x03500"),
        (Denial::Temporary, b""),
    ] {
        let (mut client, mut server) = pair();
        server.denial = Some(denial);
        talk(&mut client, &mut server, |_, _| ());
        assert_eq!(server.sent[64..], *told);
        assert!(server.established.is_none() && client.established.is_none());
        let heard = (!told.is_empty()).then_some(Violation::PeerReportedError);
        assert_eq!(client.failed, heard);
        assert_eq!(client.handshake.peer_denial(), heard.map(|_| denial));
        server.handshake.allow();
        server.handshake.deny(Denial::Unauthorized);
        server.hear(b"more");
        assert_eq!(server.sent[64..], *told, "decided once");
    }
}

#[test]
fn reason_that_is_no_code_is_no_denial() {
    let mut client = client();
    client.hear(&[&greeting(3, 1, "PLAIN")[..], &command("ERROR", b"\x044000")].concat());
    assert_eq!(client.failed, Some(Violation::PeerReportedError));
    assert_eq!(client.handshake.peer_denial(), None);
}

#[test]
fn denial_of_libzmq_is_understood() {
    let mut client = client();
    client.hear(&[&greeting(3, 1, "PLAIN")[..], b"\x04\x09^RROR\x03400"].concat());
    assert_eq!(client.failed, Some(Violation::PeerReportedError));
    assert_eq!(client.handshake.peer_denial(), Some(Denial::Unauthorized));
}

#[test]
fn malformed_hello_is_refused_and_told() {
    for data in [
        &b""[..],
        b"\x05admi",
        b"\x05admin",
        b"\x05admin\x06secre",
        b"\0\0\0",
    ] {
        let server = server_after(&command("HELLO", data));
        assert_eq!(server.failed, Some(Violation::MalformedHello), "{data:?}");
        assert_eq!(server.sent[64..], command("ERROR", b"\x0EMalformedHello"));
        assert_eq!(server.claims, []);
    }
}

#[test]
fn empty_and_longest_credentials_arrive() {
    for len in [0, 255] {
        let hello = PlainClient::new(vec![b'u'; len], vec![b'p'; len]);
        let mut client = Side::new(config(SocketType::Dealer), Box::new(hello));
        let mut server = server();
        talk(&mut client, &mut server, |_, _| ());
        let claim = Claim::Plain {
            username: vec![b'u'; len],
            password: vec![b'p'; len],
        };
        assert_eq!(server.claims, [claim]);
        assert!(client.established.is_some() && server.established.is_some());
    }
}

#[test]
fn commands_out_of_turn_are_refused() {
    let hello = command("HELLO", b"\x01u\x01p");
    for commands in [
        command("READY", b""),
        command("INITIATE", b""),
        command("WELCOME", b""),
        [&hello[..], &hello].concat(),
    ] {
        let server = server_after(&commands);
        assert_eq!(server.failed, Some(Violation::UnexpectedCommand));
        assert!(server.established.is_none());
    }
    for (name, data, violation) in [
        ("HELLO", &b"\x01u\x01p"[..], Violation::UnexpectedCommand),
        ("READY", b"", Violation::UnexpectedCommand),
        ("WELCOME", b"x", Violation::MalformedWelcome),
    ] {
        let mut client = client();
        client.hear(&[&greeting(3, 1, "PLAIN")[..], &command(name, data)].concat());
        assert_eq!(client.failed, Some(violation), "{name}");
        assert!(!client.sent.windows(5).any(|window| window == b"ERROR"));
    }
}

#[test]
fn two_of_a_role_do_not_come_together() {
    let (mut one, mut two) = (client(), client());
    talk(&mut one, &mut two, |_, _| ());
    assert_eq!(one.failed, Some(Violation::UnexpectedCommand));
    assert_eq!(two.failed, Some(Violation::UnexpectedCommand));
    let (mut one, mut two) = (server(), server());
    talk(&mut one, &mut two, |_, _| ());
    assert!(one.is_open() && two.is_open(), "both wait");
}

#[test]
fn nothing_is_read_before_the_decision() {
    let mut server = server().handshake;
    let sent = [
        &greeting(3, 1, "PLAIN")[..],
        &command("HELLO", b"\x01u\x01p"),
        &command("INITIATE", b""),
    ]
    .concat();
    let mut input = &sent[..];
    server.handle_input(&mut input).unwrap();
    let initiate = command("INITIATE", b"").len();
    assert_eq!(input.len(), initiate);
    server.handle_input(&mut input).unwrap();
    assert_eq!(input.len(), initiate);
}

#[test]
fn asking_null_waits_and_refuses_older_peers() {
    let asking = || {
        let mut config = config(SocketType::Dealer);
        config.minimum = ZmtpVersion::V1_0;
        Side::new(config, Box::new(Null::asking()))
    };
    let (mut one, mut two) = (asking(), asking());
    talk(&mut one, &mut two, |_, _| ());
    assert!(one.established.is_some() && two.established.is_some());
    assert_eq!(
        (one.claims, two.claims),
        (vec![Claim::Null], vec![Claim::Null])
    );

    let mut denying = asking();
    denying.denial = Some(Denial::Unauthorized);
    let mut other = asking();
    talk(&mut denying, &mut other, |_, _| ());
    assert_eq!(other.handshake.peer_denial(), Some(Denial::Unauthorized));
    assert!(denying.established.is_none());

    let mut strict = asking();
    strict.hear(b"\xFF\0\0\0\0\0\0\0\0\x7F\x01");
    assert_eq!(strict.failed, Some(Violation::UnsupportedVersion));
}

#[test]
fn passwords_are_not_shown() {
    let (client, server) = both_establish(&pair);
    for text in [
        format!("{:?}", client.handshake),
        format!("{:?}", server.claims),
    ] {
        assert!(text.contains("admin") && !text.contains("secret"), "{text}");
    }
}

#[test]
fn passwords_on_their_way_are_not_shown() {
    let bytes = format!("{:?}", b"secret");
    let bytes = bytes.trim_matches(['[', ']']);
    let shown = |text: String| text.contains("secret") || text.contains(bytes);
    let mut client = client().handshake;
    assert!(matches!(client.poll_output(), Output::Send(_)));
    client
        .handle_input(&mut &greeting(3, 1, "PLAIN")[..])
        .unwrap();
    assert!(!shown(format!("{client:?}")), "to be sent");
    let output = client.poll_output();
    assert!(matches!(&output, Output::Send(hello) if hello.ends_with(b"secret")));
    assert!(!shown(format!("{output:?}")), "sent");

    let hello = command("HELLO", b"\x05admin\x07secrets");
    let server = server_after(&hello[..hello.len() - 1]);
    assert!(server.is_open());
    assert!(!shown(format!("{:?}", server.handshake)), "half received");
}

#[test]
fn answering_null_speaks_when_the_peer_has_or_when_told() {
    let config = || config(SocketType::Dealer);
    let answering = || Side::new(config(), Box::new(Null::new().answering()));
    let (mut one, mut two) = (answering(), Side::new(config(), Box::new(Null::new())));
    talk(&mut one, &mut two, |_, _| ());
    assert!(one.established.is_some() && two.established.is_some());

    let (mut one, mut two) = (answering(), answering());
    talk(&mut one, &mut two, |_, _| ());
    assert!(one.established.is_none() && two.established.is_none());
    one.handshake.speak_up();
    talk(&mut one, &mut two, |_, _| ());
    assert!(one.established.is_some() && two.established.is_some());
}
