//! CURVE, byte by byte: what our side says is opened and looked at field by field, and what it is
//! told is wrong in one place at a time. (RFC 26)

mod raw;

use ferromq::{SecretKey, SocketType, Violation};
use ferromq_testkit::{MockPeer, frames};

use self::raw::{Client, MORE, Server, Traffic, Welcomed};
use super::stage::{Stage, Subject};
use crate::case::{Case, case, skip};
use crate::socket::{CLIENT_PUBLIC, CLIENT_SECRET, SERVER_PUBLIC, SERVER_SECRET, Settings};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        our_server_says_what_it_should,
        "25/roles",
        "25/bodies",
        "26/welcome",
        "26/welcome-size",
        "26/welcome-nonce",
        "26/ready",
        "26/ready-size",
        "26/ready-nonce",
        "26/ready-box",
        "26/server-nonce",
        "26/message-size",
        "26/message-nonce",
        "26/message-box",
        "26/message-flags",
        "23/encrypted-commands",
        "37/encrypted-commands",
    ),
    case!(
        our_client_says_what_it_should,
        "25/roles",
        "25/hello-first",
        "25/bodies",
        "26/hello",
        "26/hello-size",
        "26/hello-version",
        "26/hello-padding",
        "26/hello-nonce",
        "26/hello-signature",
        "26/initiate",
        "26/initiate-size",
        "26/initiate-nonce",
        "26/vouch-nonce",
        "26/client-nonce",
        "26/message-size",
        "26/message-nonce",
        "26/message-box",
        "26/message-flags",
    ),
    case!(
        each_connection_of_our_server_has_keys_of_its_own,
        "26/server-transient",
        "26/welcome-nonce-unique",
        "26/cookie-new",
    ),
    case!(
        each_connection_of_our_client_has_keys_of_its_own,
        "26/client-transient",
        "26/vouch-nonce-unique",
    ),
    case!(
        malformed_commands_end_at_our_server_without_an_answer,
        "26/hello-checked",
        "26/initiate-checked",
        "26/client-nonce-checked",
    ),
    case!(
        malformed_commands_end_at_our_client_without_an_answer,
        "26/welcome-checked",
        "26/ready-checked",
        "26/client-error",
    ),
    case!(
        malformed_messages_end_at_our_server_without_an_answer,
        "26/message-checked",
        "26/message-no-error",
        "26/client-nonce-checked",
        "26/message-flags",
    ),
    case!(
        malformed_messages_end_at_our_client_without_an_answer,
        "26/message-checked",
        "26/server-nonce-checked",
        "26/client-error",
        "26/message-flags",
    ),
    case!(
        metadata_is_read_as_specified,
        "26/property-name",
        "26/property-case",
        "26/property-value",
        "26/property-size",
    ),
    case!(client_that_is_just_left_comes_again, "26/soft-error"),
];

/// A DEALER's metadata.
pub(super) const DEALER: &[u8] = b"\x0BSocket-Type\0\0\0\x06DEALER";

fn our_server_says_what_it_should(stage: &Stage) {
    let (subject, mut peer) = serving(stage);
    let greeting = peer.next_greeting();
    assert_eq!((&greeting[12..18], greeting[32]), (&b"CURVE\0"[..], 1));
    let mut client = welcomed(&mut peer);
    peer.send(client.initiate(DEALER));
    let (metadata, mut traffic) = client.ready(&peer.next_frame());
    assert!(metadata.starts_with(DEALER), "{}", metadata.escape_ascii());
    talk(&subject, &mut peer, &mut traffic);
}

fn our_client_says_what_it_should(stage: &Stage) {
    let (subject, mut peer) = asking(stage);
    let greeting = peer.next_greeting();
    assert_eq!((&greeting[12..18], greeting[32]), (&b"CURVE\0"[..], 0));
    let (_, mut traffic) = established(&mut peer);
    talk(&subject, &mut peer, &mut traffic);
}

/// Messages both ways, of several parts.
fn talk(subject: &Subject, peer: &mut MockPeer, traffic: &mut Traffic) {
    subject.expect_established();
    for _ in 0..2 {
        peer.send(traffic.message(MORE, b"to"));
        peer.send(traffic.message(0, b"you"));
        subject.expect_message(&["to", "you"].into());
        subject.send(["and", ""]);
        assert_eq!(traffic.open(&peer.next_frame()), (MORE, b"and".to_vec()));
        assert_eq!(traffic.open(&peer.next_frame()), (0, Vec::new()));
    }
}

fn each_connection_of_our_server_has_keys_of_its_own(stage: &Stage) {
    let subject = server(stage);
    let [one, other] = [(), ()].map(|()| {
        let mut peer = greeted(&subject, false);
        peer.next_greeting();
        welcomed(&mut peer)
    });
    assert_ne!(one.server_transient, other.server_transient);
    assert_ne!(one.nonce, other.nonce);
    assert_ne!(one.cookie[..16], other.cookie[..16]);
    assert_ne!(one.cookie[16..], other.cookie[16..]);
}

fn each_connection_of_our_client_has_keys_of_its_own(stage: &Stage) {
    let subject = client(stage);
    let [one, other] = [(), ()].map(|()| {
        let mut peer = greeted(&subject, true);
        peer.next_greeting();
        let mut server = Server::greeted(server_secret(), &peer.next_frame());
        peer.send(server.welcome());
        let (vouch_nonce, _) = server.initiated(&peer.next_frame());
        (server.client_transient, vouch_nonce)
    });
    assert_ne!(one.0, other.0);
    assert_ne!(one.1, other.1);
}

fn malformed_commands_end_at_our_server_without_an_answer(stage: &Stage) {
    let subject = server(stage);
    // From its version to its end.
    for at in (8..202).step_by(3) {
        let mut bytes = client_of_server().hello().bytes().to_vec();
        bytes[at] ^= 0x10;
        let mut peer = greeted(&subject, false);
        peer.next_greeting();
        peer.send_raw(&bytes);
        // Version and padding are in the clear, the key and all else are in the box.
        let is_clear = at < 8 + 2 + 72;
        let violation = match is_clear {
            true => Violation::MalformedHello,
            false => Violation::BoxNotOpened,
        };
        assert_eq!(subject.expect_refused(&mut peer, violation), b"");
    }
    let refused = |initiate: fn(&mut Welcomed) -> Vec<u8>, violation| {
        let mut peer = greeted(&subject, false);
        peer.next_greeting();
        let mut client = welcomed(&mut peer);
        peer.send_raw(initiate(&mut client));
        assert_eq!(subject.expect_refused(&mut peer, violation), b"");
    };
    refused(
        |client| client.initiate_again(DEALER).bytes().to_vec(),
        Violation::BadNonce,
    );
    refused(
        |client| changed(client.initiate(DEALER).bytes(), 9 + 9 + 20),
        Violation::BoxNotOpened,
    );
    refused(
        |client| changed(client.initiate(DEALER).bytes(), 9 + 9 + 150),
        Violation::BoxNotOpened,
    );
    refused(
        |_| frames::command("INITIATE", &[0; 247]).bytes().to_vec(),
        Violation::MalformedInitiate,
    );
}

fn malformed_commands_end_at_our_client_without_an_answer(stage: &Stage) {
    let subject = client(stage);
    let greeted = || {
        let mut peer = greeted(&subject, true);
        peer.next_greeting();
        let server = Server::greeted(server_secret(), &peer.next_frame());
        (peer, server)
    };
    // From its nonce to its end.
    for at in (10..170).step_by(13) {
        let (mut peer, server) = greeted();
        peer.send_raw(changed(server.welcome().bytes(), at));
        let said = subject.expect_refused(&mut peer, Violation::BoxNotOpened);
        assert_eq!(said, b"");
    }
    let (mut peer, _) = greeted();
    peer.send(frames::command("WELCOME", &[0; 159]));
    assert_eq!(
        subject.expect_refused(&mut peer, Violation::MalformedWelcome),
        b""
    );
    for (ready, violation) in [
        (Ready::Changed, Violation::BoxNotOpened),
        (Ready::Short, Violation::MalformedReady),
    ] {
        let (mut peer, mut server) = greeted();
        peer.send(server.welcome());
        server.initiated(&peer.next_frame());
        let frame = server.ready(DEALER).0;
        match ready {
            Ready::Changed => peer.send_raw(changed(frame.bytes(), frame.bytes().len() - 1)),
            Ready::Short => peer.send(frames::command("READY", &[0; 23])),
        }
        assert_eq!(subject.expect_refused(&mut peer, violation), b"");
    }
}

/// What is wrong with a READY.
enum Ready {
    Changed,
    Short,
}

fn malformed_messages_end_at_our_server_without_an_answer(stage: &Stage) {
    let subject = server(stage);
    check_messages(&subject, || {
        let mut peer = greeted(&subject, false);
        peer.next_greeting();
        let mut client = welcomed(&mut peer);
        peer.send(client.initiate(DEALER));
        let (_, traffic) = client.ready(&peer.next_frame());
        (peer, traffic)
    });
}

fn malformed_messages_end_at_our_client_without_an_answer(stage: &Stage) {
    let subject = client(stage);
    check_messages(&subject, || {
        let mut peer = greeted(&subject, true);
        peer.next_greeting();
        let (_, traffic) = established(&mut peer);
        (peer, traffic)
    });
}

/// A MESSAGE's body, made with the next number.
type Body = fn(&mut Traffic) -> Vec<u8>;

/// Each after a message that is delivered.
fn check_messages(subject: &Subject, connection: impl Fn() -> (MockPeer, Traffic)) {
    let bodies: [(Body, Violation); 7] = [
        (
            |traffic| changed(&traffic.body(0, b"x"), 16),
            Violation::BoxNotOpened,
        ),
        (
            |traffic| changed(&traffic.body(0, b"x"), 33),
            Violation::BoxNotOpened,
        ),
        (
            |traffic| traffic.body(0, b"")[..32].to_vec(),
            Violation::MalformedMessage,
        ),
        (
            |traffic| traffic.body(0, b"")[..12].to_vec(),
            Violation::MalformedMessage,
        ),
        (|traffic| traffic.body(4, b"x"), Violation::ReservedFlags),
        (
            |traffic| {
                traffic.number -= 1;
                traffic.body(0, b"again")
            },
            Violation::BadNonce,
        ),
        (|_| b"\x05hello".to_vec(), Violation::UnexpectedCommand),
    ];
    for (body, violation) in bodies {
        let (mut peer, mut traffic) = connection();
        subject.expect_established();
        peer.send(traffic.message(0, b"whole"));
        subject.expect_message(&"whole".into());
        peer.send(frames::raw_frame(0, &body(&mut traffic)));
        subject.expect_ended_silently(&mut peer, violation);
        subject.expect_nothing();
    }
}

fn metadata_is_read_as_specified(stage: &Stage) {
    let subject = server(stage);
    let longest = [&[255][..], &[b'x'; 255], &[0, 0, 0, 0]].concat();
    let upper = DEALER.to_ascii_uppercase();
    for (metadata, violation) in [
        ([DEALER, &longest].concat(), None),
        (upper, None),
        (
            [DEALER, b"\0\0\0\0\0"].concat(),
            Some(Violation::MetadataName),
        ),
        (
            [DEALER, b"\x01x\0\0\0"].concat(),
            Some(Violation::MalformedReady),
        ),
        (
            [DEALER, b"\x01x\x80\0\0\0"].concat(),
            Some(Violation::MetadataValueTooLong),
        ),
    ] {
        let mut peer = greeted(&subject, false);
        peer.next_greeting();
        let mut client = welcomed(&mut peer);
        peer.send(client.initiate(&metadata));
        match violation {
            None => subject.expect_established(),
            Some(violation) => drop(subject.expect_refused(&mut peer, violation)),
        }
    }
}

fn client_that_is_just_left_comes_again(stage: &Stage) {
    if !stage.is_dialed() {
        skip("who is bound does not come again");
    }
    let subject = client(stage);
    let place = subject.vacancy();
    let listener = place.listen();
    subject.connect(&place);
    let mut peer = listener.accept();
    peer.send(frames::greeting_with((3, 1), "CURVE", true));
    peer.next_greeting();
    Server::greeted(server_secret(), &peer.next_frame());
    drop(peer);
    let mut peer = listener.accept();
    peer.send(frames::greeting_with((3, 1), "CURVE", true));
    peer.next_greeting();
    established(&mut peer);
}

/// One bit of it.
fn changed(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

fn server_secret() -> [u8; 32] {
    secret(SERVER_SECRET)
}

fn secret(text: &str) -> [u8; 32] {
    *text.parse::<SecretKey>().unwrap().expose_bytes()
}

fn client_of_server() -> Client {
    let server: ferromq::PublicKey = SERVER_PUBLIC.parse().unwrap();
    Client::new(secret(CLIENT_SECRET), *server.as_bytes())
}

/// Says HELLO, once both greetings are said.
#[track_caller]
pub(super) fn welcomed(peer: &mut MockPeer) -> Welcomed {
    let client = client_of_server();
    peer.send(client.hello());
    client.welcomed(&peer.next_frame())
}

/// The rest of a handshake with our client.
#[track_caller]
fn established(peer: &mut MockPeer) -> (Server, Traffic) {
    let mut server = Server::greeted(server_secret(), &peer.next_frame());
    peer.send(server.welcome());
    let (_, metadata) = server.initiated(&peer.next_frame());
    assert!(metadata.starts_with(DEALER), "{}", metadata.escape_ascii());
    let (ready, traffic) = server.ready(DEALER);
    peer.send(ready);
    (server, traffic)
}

/// Our server, and a raw peer who has said its greeting.
fn serving(stage: &Stage) -> (Subject, MockPeer) {
    let subject = server(stage);
    let peer = greeted(&subject, false);
    (subject, peer)
}

/// Our client, and a raw peer who has said its greeting.
fn asking(stage: &Stage) -> (Subject, MockPeer) {
    let subject = client(stage);
    let peer = greeted(&subject, true);
    (subject, peer)
}

fn greeted(subject: &Subject, as_server: bool) -> MockPeer {
    let mut peer = subject.dial();
    peer.send(frames::greeting_with((3, 1), "CURVE", as_server));
    peer
}

fn server(stage: &Stage) -> Subject {
    let keys = [SERVER_PUBLIC, SERVER_SECRET];
    subject(stage, &[("curve_server", "1")], keys)
}

fn client(stage: &Stage) -> Subject {
    let keys = [CLIENT_PUBLIC, CLIENT_SECRET];
    subject(stage, &[("curve_serverkey", SERVER_PUBLIC)], keys)
}

fn subject(stage: &Stage, role: &[(&str, &str)], [public, secret]: [&str; 2]) -> Subject {
    if stage.is_memory() {
        skip("the engine chooses the mechanism");
    }
    let keys = [("curve_publickey", public), ("curve_secretkey", secret)];
    let options = role.iter().chain(&keys);
    let security = options.map(|&(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings {
        security: security.collect(),
        ..Settings::default()
    };
    stage.socket_with(SocketType::Dealer, settings)
}
