//! CURVE: sizes and layout of its commands, what each side checks, and what replays come to (RFC
//! 26).

use zeroize::Zeroizing;

use super::mechanisms::{Side, both_establish, talk, truncated_handshakes_wait};
use super::{Violation, command, config, greeting};
use crate::{
    Claim, CurveClient, CurveServer, Denial, Incoming, KeyPair, Kind, Message, PublicKey,
    SecretKey, SocketType,
};

const PART: Kind = Kind::Part { more: false };

/// Where the first command begins.
const GREETING: usize = 64;
/// HELLO is 200 octets, WELCOME 168, and their headers two.
const HELLO: usize = 202;
const WELCOME: usize = 170;

fn keys(seed: u8) -> KeyPair {
    KeyPair::from(SecretKey::from_bytes([seed; 32]))
}

fn server_key() -> PublicKey {
    keys(1).public
}

/// A client whose random numbers are these.
fn mechanism(seed: u8) -> CurveClient {
    CurveClient::new(keys(2), server_key(), Zeroizing::new([seed; 48]))
}

fn client_with(mechanism: CurveClient) -> Side {
    Side::new(config(SocketType::Dealer), Box::new(mechanism))
}

fn server_with(seed: u8) -> Side {
    let mut config = config(SocketType::Router);
    config.as_server = true;
    let mut entropy = Zeroizing::new([seed; CurveServer::ENTROPY]);
    entropy[32..64].fill(seed.wrapping_add(1));
    Side::new(config, Box::new(CurveServer::new(keys(1), entropy)))
}

fn pair() -> (Side, Side) {
    (client_with(mechanism(10)), server_with(20))
}

#[test]
fn commands_have_the_sizes_and_names_of_the_specification() {
    let (client, server) = both_establish(&pair);
    assert_eq!(client.sent[12..17], *b"CURVE");
    assert_eq!((client.sent[32], server.sent[32]), (0, 1));
    let (hello, initiate) = client.sent[GREETING..].split_at(HELLO);
    assert_eq!(hello[..10], *b"\x04\xC8\x05HELLO\x01\0");
    assert_eq!(hello[10..82], [0; 72]);
    assert_eq!(hello[114..122], 1u64.to_be_bytes());
    let (welcome, ready) = server.sent[GREETING..].split_at(WELCOME);
    assert_eq!(welcome[..10], *b"\x04\xA8\x07WELCOME");
    assert_eq!(initiate[..9], [6, 0, 0, 0, 0, 0, 0, 1, 23]);
    assert_eq!(initiate[9..18], *b"\x08INITIATE");
    assert_eq!(initiate[114..122], 2u64.to_be_bytes());
    assert_eq!(ready[..8], *b"\x04\x34\x05READY");
    assert_eq!(ready[8..16], 1u64.to_be_bytes());
    assert_eq!(server.claims, [Claim::Curve(keys(2).public)]);
    assert_eq!(client.claims, []);
    assert!(
        !client
            .sent
            .windows(32)
            .any(|bytes| bytes == keys(2).public.as_bytes())
    );
}

#[test]
fn traffic_flows_in_boxes_both_ways() {
    let (client, server) = both_establish(&pair);
    let (mut client, mut server) = (client.established.unwrap(), server.established.unwrap());
    for number in [3u64, 2] {
        let (mut bytes, mut incoming) = (Vec::new(), Vec::new());
        let sealer = client.sealer.as_mut().unwrap();
        sealer.seal(PART, b"secret", &mut bytes).unwrap();
        assert_eq!(bytes[10..18], number.to_be_bytes());
        let decoder = &mut server.decoder;
        decoder.decode(&mut &bytes[..], 10, &mut incoming).unwrap();
        assert_eq!(incoming, [Incoming::Message(Message::from("secret"))]);
        std::mem::swap(&mut client, &mut server);
    }
}

#[test]
fn cut_at_any_byte_waits() {
    truncated_handshakes_wait(&pair);
}

#[test]
fn any_changed_byte_keeps_the_two_apart() {
    let (client, server) = both_establish(&pair);
    for (to_server, len) in [(true, client.sent.len()), (false, server.sent.len())] {
        for at in GREETING..len {
            let (mut client, mut server) = pair();
            let mut passed = 0;
            talk(&mut client, &mut server, |there, bytes| {
                if there == to_server {
                    if let Some(byte) = at.checked_sub(passed).and_then(|at| bytes.get_mut(at)) {
                        *byte ^= 1;
                    }
                    passed += bytes.len();
                }
            });
            let victim = if to_server { &server } else { &client };
            assert!(
                victim.established.is_none(),
                "byte {at} to server: {to_server}"
            );
            let told = victim.sent.windows(6).any(|bytes| bytes == b"\x05ERROR");
            assert!(!told, "nobody is told what was wrong");
        }
    }
}

/// A side that hears what another one of its kind once heard, and says why it does not believe it.
fn replayed(mut victim: Side, recorded: &[u8]) -> Option<Violation> {
    victim.hear(&[]);
    victim.hear(recorded);
    assert!(victim.established.is_none());
    victim.failed
}

#[test]
fn recorded_handshakes_are_of_no_use() {
    let (client, server) = both_establish(&pair);
    let failed = replayed(server_with(30), &client.sent);
    assert_eq!(
        failed,
        Some(Violation::BoxNotOpened),
        "the cookie is of another connection"
    );
    let failed = replayed(client_with(mechanism(11)), &server.sent);
    assert_eq!(failed, Some(Violation::BoxNotOpened));
}

#[test]
fn cookie_of_another_connection_does_not_open() {
    let (mut first, mut second) = pair();
    let mut other = server_with(40);
    talk(&mut first, &mut second, |_, _| ());
    other.hear(&first.sent[..GREETING + HELLO]);
    other.hear(&first.sent[GREETING + HELLO..]);
    assert_eq!(other.failed, Some(Violation::BoxNotOpened));
}

#[test]
fn client_with_a_wrong_server_key_gets_no_answer() {
    let wrong = CurveClient::new(keys(2), keys(3).public, Zeroizing::new([5; 48]));
    let (mut client, mut server) = (client_with(wrong), server_with(20));
    talk(&mut client, &mut server, |_, _| ());
    assert_eq!(server.failed, Some(Violation::BoxNotOpened));
    assert_eq!(server.sent.len(), GREETING);
    assert!(client.is_open());
    let zeros = PublicKey::from_bytes([0; 32]);
    let without = CurveClient::new(keys(2), zeros, Zeroizing::new([5; 48]));
    let (mut client, mut server) = (client_with(without), server_with(20));
    talk(&mut client, &mut server, |_, _| ());
    assert_eq!(server.failed, Some(Violation::BoxNotOpened));
}

#[test]
fn liars_are_found_out() {
    let elsewhere = mechanism(10).vouching_for(keys(4).public);
    let (mut client, mut server) = (client_with(elsewhere), server_with(20));
    talk(&mut client, &mut server, |_, _| ());
    assert_eq!(server.failed, Some(Violation::BadVouch));
    let impostor = mechanism(10).claiming(keys(5).public);
    let (mut client, mut server) = (client_with(impostor), server_with(20));
    talk(&mut client, &mut server, |_, _| ());
    assert_eq!(server.failed, Some(Violation::BoxNotOpened));
    assert_eq!(server.claims, []);
}

#[test]
fn denied_client_hears_the_code() {
    for (denial, told) in [
        (Denial::Unauthorized, &b"\x04\x0A\x05ERROR\x03400"[..]),
        (Denial::Temporary, b""),
    ] {
        let (mut client, mut server) = pair();
        server.denial = Some(denial);
        talk(&mut client, &mut server, |_, _| ());
        assert_eq!(server.sent[GREETING + WELCOME..], *told);
        assert!(server.established.is_none() && client.established.is_none());
        let heard = (!told.is_empty()).then_some(denial);
        assert_eq!(client.handshake.peer_denial(), heard);
    }
}

#[test]
fn commands_out_of_turn_and_of_wrong_size_are_refused() {
    for (name, size, violation) in [
        ("HELLO", 193, Violation::MalformedHello),
        ("HELLO", 195, Violation::MalformedHello),
        ("HELLO", 194, Violation::MalformedHello),
        ("INITIATE", 300, Violation::UnexpectedCommand),
        ("READY", 30, Violation::UnexpectedCommand),
        ("MESSAGE", 40, Violation::UnexpectedCommand),
    ] {
        let mut server = server_with(20);
        server.hear(&[&greeting(3, 1, "CURVE")[..], &command(name, &vec![0; size])].concat());
        assert_eq!(server.failed, Some(violation), "{name} {size}");
        assert_eq!(server.sent.len(), GREETING);
    }
    for (name, size, violation) in [
        ("WELCOME", 159, Violation::MalformedWelcome),
        ("WELCOME", 161, Violation::MalformedWelcome),
        ("WELCOME", 160, Violation::BoxNotOpened),
        ("READY", 30, Violation::UnexpectedCommand),
    ] {
        let mut client = client_with(mechanism(10));
        client.hear(&[&greeting(3, 1, "CURVE")[..], &command(name, &vec![0; size])].concat());
        assert_eq!(client.failed, Some(violation), "{name} {size}");
    }
    let (client, mut server) = (both_establish(&pair).0, server_with(20));
    server.hear(&client.sent[..GREETING + HELLO]);
    server.hear(&command("INITIATE", &[0; 247]));
    assert_eq!(server.failed, Some(Violation::MalformedInitiate));
}

#[test]
fn long_metadata_arrives() {
    let (_, mut server) = pair();
    let mut config = config(SocketType::Dealer);
    config.routing_id = Some(vec![b'r'; 255].into());
    let value = vec![b'v'; 20_000];
    config.metadata = vec![("X-Long".to_owned(), value.clone().into())];
    let mut client = Side::new(config, Box::new(mechanism(10)));
    talk(&mut client, &mut server, |_, _| ());
    let peer = server.established.unwrap().peer;
    assert_eq!(peer.routing_id.as_bytes(), [b'r'; 255]);
    assert_eq!(peer.metadata, [("X-Long".to_owned(), value.into())]);
}
