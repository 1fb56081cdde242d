//! Who is refused by PLAIN, CURVE, and NULL with ZAP: each side says why, by an exact event.
//!
//! What the two sides tell of the same refusal differs. libzmq has our whole greeting before it has
//! sent all of its own, and ends the connection at another mechanism at once: that is all we hear.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use ferromq::SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub};
use parking_lot::Mutex;

use super::peer::{Implementation, Remote};
use super::secured::{
    CLIENT, SERVER, curve_client, curve_server, null_server, plain_client, plain_server, socket,
};
use super::stage::{Side, Stage};
use crate::case::{Case, case, skip};
use crate::socket::{CLIENT_PUBLIC, CLOSED_DOMAIN, PASSWORD, SERVER_PUBLIC};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        stranger_is_refused_by_our_server,
        "24/refused",
        "26/error",
        "26/error-unauthenticated",
        "26/error-size",
        "26/unauthenticated",
        "27/status",
    ),
    case!(
        stranger_is_refused_by_their_server,
        "24/refused",
        "26/error",
        "26/error-final",
        "26/error-unauthenticated",
    ),
    case!(
        wrong_server_key_is_refused,
        "26/server-key",
        "26/hello-checked"
    ),
    case!(other_mechanism_is_refused, "23/downgrade", "37/downgrade"),
    case!(two_clients_refuse_each_other, "24/roles", "25/roles"),
    case!(
        recorded_handshake_is_of_no_use,
        "26/hello-checked",
        "26/initiate-checked",
        "26/cookie-new",
        "26/server-transient",
    ),
];

/// A pair of types of each pattern, over one transport.
pub(super) fn is_stage(stage: &Stage) -> bool {
    let pairs = [
        (Rep, Req),
        (Dealer, Router),
        (Pull, Push),
        (Sub, Pub),
        (Pair, Pair),
    ];
    stage.transport == "tcp" && pairs.contains(&(stage.ours, stage.theirs))
}

/// How the beginning of a connection ends.
const ENDS: &str = "handshake_succeeded handshake_failed";

/// Servers, and clients whom they do not know.
fn strangers() -> [(&'static str, Vec<String>, Vec<String>); 3] {
    let stranger = curve_client(SERVER, SERVER_PUBLIC);
    [
        ("PLAIN", plain_server(), plain_client("wrong")),
        ("CURVE", curve_server(), stranger),
        ("NULL", null_server(CLOSED_DOMAIN), Vec::new()),
    ]
}

fn stranger_is_refused_by_our_server(stage: &Stage) {
    for (mechanism, server, client) in strangers() {
        let (server, client) = meet(stage, Side::Ours, &server, &client);
        expect_end(&server, "handshake_failed Denied(Unauthorized)");
        match (stage.foreign, mechanism) {
            // Its PLAIN has another command in the place of ERROR, and so does not know ours:
            // ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND.
            (Implementation::Pyzmq, "PLAIN") => {
                expect_end(&client, "handshake_failed_protocol 0x10000001");
            }
            (Implementation::Pyzmq, _) => expect_end(&client, "handshake_failed_auth 0x190"),
            _ => expect_end(
                &client,
                &format!("handshake_failed {mechanism} peer sent ERROR: 400"),
            ),
        }
    }
}

fn stranger_is_refused_by_their_server(stage: &Stage) {
    for (mechanism, server, client) in strangers() {
        if (stage.foreign, mechanism) == (Implementation::Pyomq, "NULL") {
            continue; // It has no ZAP.
        }
        let (_server, client) = meet(stage, Side::Theirs, &server, &client);
        expect_end(&client, "handshake_failed DeniedByPeer(Unauthorized)");
        if !stage.we_bind {
            // It may be told otherwise after a pause: it asks again.
            expect_end(&client, "handshake_failed DeniedByPeer(Unauthorized)");
        }
    }
}

fn wrong_server_key_is_refused(stage: &Stage) {
    let client = curve_client(CLIENT, CLIENT_PUBLIC);
    let (server, _client) = meet(stage, Side::Ours, &curve_server(), &client);
    expect_end(&server, "handshake_failed Violation(BoxNotOpened)");
    // A server says nothing about it: the client sees the connection end.
    let (_server, client) = meet(stage, Side::Theirs, &curve_server(), &client);
    expect_end(&client, "handshake_failed Ended");
}

fn other_mechanism_is_refused(stage: &Stage) {
    let curve = curve_client(CLIENT, SERVER_PUBLIC);
    for (ours, theirs) in [
        (plain_server(), Vec::new()),
        (curve_server(), Vec::new()),
        (curve_server(), plain_client(PASSWORD)),
        (plain_server(), curve.clone()),
        (plain_client(PASSWORD), Vec::new()),
        (Vec::new(), plain_server()),
        (Vec::new(), curve_server()),
        (curve, plain_server()),
    ] {
        let (ours, theirs) = meet(stage, Side::Ours, &ours, &theirs);
        match stage.foreign {
            Implementation::Pyzmq => {
                expect_end(&ours, "handshake_failed Ended");
                // ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH
                expect_end(&theirs, "handshake_failed_protocol 0x11000002");
            }
            _ => {
                expect_end(&ours, "handshake_failed Violation(MechanismMismatch)");
                expect_end(&theirs, "handshake_failed mechanism mismatch");
            }
        }
    }
}

fn two_clients_refuse_each_other(stage: &Stage) {
    for client in [plain_client(PASSWORD), curve_client(CLIENT, SERVER_PUBLIC)] {
        let (ours, theirs) = meet(stage, Side::Ours, &client, &client);
        expect_end(&ours, "handshake_failed Violation(UnexpectedCommand)");
        let expected = match stage.foreign {
            // ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND
            Implementation::Pyzmq => "handshake_failed_protocol 0x10000001",
            _ => "handshake_failed",
        };
        expect_end(&theirs, expected);
    }
}

/// What a foreign client has sent in its handshake is sent again to the same server, as a whole and
/// up to every byte of it.
fn recorded_handshake_is_of_no_use(stage: &Stage) {
    if !stage.we_bind || stage.ours != Dealer {
        skip("once is enough");
    }
    let server = socket(stage, Side::Ours, &curve_server());
    let client = curve_client(CLIENT, SERVER_PUBLIC);
    let client = socket(stage, Side::Theirs, &client);
    let place = stage.vacancy();
    let endpoint = place.endpoint().to_string();
    server.bind(&endpoint);
    let address = endpoint.trim_start_matches("tcp://");
    let recorder = Recorder::before(address);
    client.connect(&recorder.endpoint);
    expect_end(&server, "handshake_succeeded");
    let bytes = recorder.bytes.lock().clone();
    drop(client);

    let sent = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        server.event(ENDS)
    };
    for cut in 1..bytes.len() {
        assert_eq!(sent(&bytes[..cut]), "handshake_failed Ended", "{cut} bytes");
    }
    let end = sent(&bytes);
    assert_eq!(end, "handshake_failed Violation(BoxNotOpened)");
}

/// Two sockets on their way to each other: who serves, and the other one.
fn meet(stage: &Stage, serving: Side, server: &[String], client: &[String]) -> (Remote, Remote) {
    let one = socket(stage, serving, server);
    let other = socket(stage, serving.other(), client);
    match serving {
        Side::Ours => stage.meet(&one, &other),
        Side::Theirs => stage.meet(&other, &one),
    };
    (one, other)
}

#[track_caller]
fn expect_end(socket: &Remote, expected: &str) {
    let end = socket.event(ENDS);
    assert!(end.starts_with(expected), "{socket:?}: {end}");
}

/// Stands between a client and its server, and keeps what the client sends.
struct Recorder {
    endpoint: String,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    /// Before the server at this address, for one connection.
    fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (kept, server) = (Arc::clone(&bytes), server.to_owned());
        thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(server).unwrap();
            let back = [server.try_clone().unwrap(), client.try_clone().unwrap()];
            thread::spawn(move || carry(back, |_| {}));
            carry([client, server], |bytes| kept.lock().extend(bytes));
        });
        Self { endpoint, bytes }
    }
}

/// Until one of them ends. What is carried is shown before it arrives.
fn carry([mut from, mut to]: [TcpStream; 2], show: impl Fn(&[u8])) {
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = io::Read::read(&mut from, &mut chunk) {
        show(&chunk[..count]);
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
