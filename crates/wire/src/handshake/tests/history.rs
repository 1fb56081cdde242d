//! What others' mechanisms got wrong, each by its name: none of it happens here. (Names are those
//! of libzmq's history; what concerns whole sockets is in
//! `crates/ferromq/tests/security_history.rs`.)

use zeroize::Zeroizing;

use super::mechanisms::{Side, both_establish, talk};
use super::{Violation, config, greeting, ready};
use crate::{
    CurveClient, CurveServer, Decoder, HandshakeConfig, KeyError, KeyPair, Kind, Mechanism, Null,
    PlainClient, PlainServer, PublicKey, SecretKey, SocketType, ZmtpVersion,
};

/// A side of a mechanism, new each time.
type Made = fn() -> Box<dyn Mechanism>;

fn keys(seed: u8) -> KeyPair {
    KeyPair::from(SecretKey::from_bytes([seed; 32]))
}

fn curve_client() -> Box<dyn Mechanism> {
    let entropy = Zeroizing::new([10; CurveClient::ENTROPY]);
    Box::new(CurveClient::new(keys(2), keys(1).public, entropy))
}

fn curve_server() -> Box<dyn Mechanism> {
    let entropy = Zeroizing::new([20; CurveServer::ENTROPY]);
    Box::new(CurveServer::new(keys(1), entropy))
}

fn pair() -> (Side, Side) {
    with_metadata(&[], &[])
}

/// Client and server, each with a property of so many bytes.
fn with_metadata(client: &[u8], server: &[u8]) -> (Side, Side) {
    let side = |socket_type, value: &[u8], mechanism| {
        let metadata = vec![("X-Long".to_owned(), value.to_vec().into())];
        let routing_id = Some(vec![b'i'; 255].into());
        let config = HandshakeConfig {
            routing_id,
            metadata,
            ..config(socket_type)
        };
        Side::new(config, mechanism)
    };
    let client = side(SocketType::Dealer, client, curve_client());
    (client, side(SocketType::Router, server, curve_server()))
}

#[test]
fn cve_2014_7202_nobody_chooses_a_weaker_mechanism() {
    let mechanisms: [(Made, &[&str]); 4] = [
        (curve_server, &["NULL", "PLAIN"]),
        (curve_client, &["NULL", "PLAIN"]),
        (|| Box::new(PlainServer::new()), &["NULL", "CURVE"]),
        (|| Box::new(PlainClient::new("u", "p")), &["NULL", "CURVE"]),
    ];
    for (mechanism, others) in mechanisms {
        for other in others {
            let mut side = Side::new(config(SocketType::Dealer), mechanism());
            let ready = ready(&[("Socket-Type", b"DEALER")]);
            side.hear(&[&greeting(3, 1, other)[..], &ready].concat());
            assert_eq!(side.failed, Some(Violation::MechanismMismatch), "{other}");
            assert!(side.established.is_none() && side.claims.is_empty());
        }
    }
}

#[test]
fn cve_2014_7203_numbers_only_grow() {
    let (client, server) = both_establish(&pair);
    let ends = [client, server].map(|side| side.established.unwrap());
    let [client, server] = ends.map(|end| (end.sealer.unwrap(), end.decoder));
    check_numbers(client.0, server.1);
    check_numbers(server.0, client.1);
}

fn check_numbers(mut sealer: Box<dyn crate::Seal>, mut decoder: Decoder) {
    let mut boxed = |text: &[u8]| {
        let mut bytes = Vec::new();
        let kind = Kind::Part { more: false };
        sealer.seal(kind, text, &mut bytes).unwrap();
        bytes
    };
    let (earlier, later) = (boxed(b"earlier"), boxed(b"later"));
    let mut hear = |bytes: &[u8]| decoder.decode(&mut &bytes[..], 10, &mut Vec::new());
    assert_eq!(hear(&earlier), Ok(1));
    assert_eq!(hear(&later), Ok(1));
    assert_eq!(hear(&earlier), Err(Violation::BadNonce));
    assert_eq!(hear(&later), Err(Violation::BadNonce));
}

#[test]
fn cve_2014_9721_older_versions_pass_no_mechanism() {
    let peers: [&[u8]; 2] = [
        b"\x01\0\x06\0hello",
        b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05\0\0\0\x05hello",
    ];
    let mechanisms: [Made; 5] = [
        curve_server,
        curve_client,
        || Box::new(PlainServer::new()),
        || Box::new(PlainClient::new("u", "p")),
        || Box::new(Null::asking()),
    ];
    for mechanism in mechanisms {
        for bytes in peers {
            let mut config = config(SocketType::Dealer);
            config.minimum = ZmtpVersion::V1_0;
            let mut side = Side::new(config, mechanism());
            side.hear(bytes);
            assert_eq!(side.failed, Some(Violation::UnsupportedVersion));
            assert!(side.established.is_none() && side.claims.is_empty());
        }
    }
}

/// And #2681: a routing id of 255 bytes, and further properties beyond any buffer of a fixed size.
#[test]
fn cve_2019_13132_long_metadata_overflows_nothing() {
    let long = vec![b'v'; 60_000];
    for (of_client, of_server) in [(&long[..], &b""[..]), (b"", &long)] {
        let (mut client, mut server) = with_metadata(of_client, of_server);
        talk(&mut client, &mut server, |_, _| ());
        let [client, server] = [client, server].map(|side| side.established.unwrap().peer);
        assert_eq!(&*client.metadata[0].1, of_server);
        assert_eq!(&*server.metadata[0].1, of_client);
        assert_eq!(*server.routing_id, [b'i'; 255]);
    }
    let too_long = vec![b'v'; 1 << 18];
    let (mut client, mut server) = with_metadata(&too_long, b"");
    talk(&mut client, &mut server, |_, _| ());
    assert_eq!(server.failed, Some(Violation::CommandTooLarge));
    let (mut client, mut server) = with_metadata(b"", &too_long);
    talk(&mut client, &mut server, |_, _| ());
    assert_eq!(client.failed, Some(Violation::CommandTooLarge));
}

/// `97f82741` (keys were read beyond the length that was given), and #2321.
#[test]
fn issue_2321_text_that_is_no_key_is_none() {
    for len in (0..64).filter(|&len| len != 40) {
        let text = "0".repeat(len);
        assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Length));
        assert_eq!(text.parse::<SecretKey>().err(), Some(KeyError::Length));
    }
    for five in ["#####", "%nSc1", "0000~", "0000 ", "000\"0"] {
        let text = format!("{five}{}", "0".repeat(35));
        assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Text), "{five}");
    }
}
