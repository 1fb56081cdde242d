//! PLAIN and CURVE, with either side as the server: the same messages, and who is refused.

use super::joined::Joined;
use super::messages::{self, sizes};
use super::peer::Remote;
use super::stage::{Side, Stage};
use super::words::word;
use crate::case::{Case, case};
use crate::socket::{CLIENT_PUBLIC, CLIENT_SECRET, PASSWORD, SERVER_PUBLIC, SERVER_SECRET, USER};

pub(super) const CASES: &[Case<Stage>] = &[
    case!(
        plain_messages_arrive_at_our_server,
        "24/hello",
        "24/welcome",
        "24/initiate",
        "24/ready",
        "24/client-traffic",
        "24/server-traffic",
    ),
    case!(
        plain_messages_arrive_at_their_server,
        "24/roles",
        "24/hello",
        "24/welcome",
        "24/initiate",
        "24/ready",
        "24/client-traffic",
        "24/server-traffic",
    ),
    case!(
        curve_messages_arrive_at_our_server,
        "25/hello-first",
        "25/until-both",
        "25/bodies",
        "26/hello-checked",
        "26/server-transient",
        "26/welcome",
        "26/welcome-size",
        "26/welcome-nonce",
        "26/cookie-nonce",
        "26/initiate-checked",
        "26/authenticated",
        "26/ready",
        "26/ready-nonce",
        "26/ready-box",
        "26/message-nonce",
        "26/message-box",
        "23/encrypted-commands",
        "37/encrypted-commands",
    ),
    case!(
        curve_messages_arrive_at_their_server,
        "25/roles",
        "25/hello-first",
        "25/until-both",
        "25/bodies",
        "26/hello",
        "26/hello-size",
        "26/hello-version",
        "26/hello-padding",
        "26/hello-nonce",
        "26/hello-signature",
        "26/welcome-checked",
        "26/initiate",
        "26/initiate-size",
        "26/initiate-nonce",
        "26/vouch-nonce",
        "26/ready-checked",
        "26/ready-messages",
        "26/message-size",
        "26/message-flags",
        "26/message-nonce",
        "26/message-box",
        "23/encrypted-commands",
        "37/encrypted-commands",
    ),
    case!(wrong_password_is_refused_by_our_server, "24/refused"),
    case!(
        unknown_key_is_refused_by_our_server,
        "26/error",
        "26/error-unauthenticated",
        "26/error-size",
        "26/unauthenticated",
    ),
    case!(
        wrong_server_key_is_refused,
        "26/server-key",
        "26/hello-checked"
    ),
    case!(other_mechanism_is_refused, "23/downgrade", "37/downgrade"),
];

/// Over one transport: what is below does not know.
pub(super) fn is_stage(stage: &Stage) -> bool {
    stage.is_legal() && stage.transport == "tcp"
}

fn plain_messages_arrive_at_our_server(stage: &Stage) {
    arrive(stage, Side::Ours, &plain_server(), &plain_client(PASSWORD));
}

fn plain_messages_arrive_at_their_server(stage: &Stage) {
    arrive(
        stage,
        Side::Theirs,
        &plain_server(),
        &plain_client(PASSWORD),
    );
}

fn curve_messages_arrive_at_our_server(stage: &Stage) {
    arrive(
        stage,
        Side::Ours,
        &curve_server(),
        &curve_client(CLIENT, SERVER_PUBLIC),
    );
}

fn curve_messages_arrive_at_their_server(stage: &Stage) {
    arrive(
        stage,
        Side::Theirs,
        &curve_server(),
        &curve_client(CLIENT, SERVER_PUBLIC),
    );
}

fn wrong_password_is_refused_by_our_server(stage: &Stage) {
    let (server, client) = meet(stage, Side::Ours, &plain_server(), &plain_client("wrong"));
    let end = server.event(ENDS);
    assert_eq!(end, "handshake_failed Denied(Unauthorized)");
    client.event(REFUSED);
}

fn unknown_key_is_refused_by_our_server(stage: &Stage) {
    // Somebody, but not who is known.
    let stranger = (SERVER_PUBLIC, SERVER_SECRET);
    let client = curve_client(stranger, SERVER_PUBLIC);
    let (server, client) = meet(stage, Side::Ours, &curve_server(), &client);
    let end = server.event(ENDS);
    assert_eq!(end, "handshake_failed Denied(Unauthorized)");
    client.event(REFUSED);
}

fn wrong_server_key_is_refused(stage: &Stage) {
    let client = curve_client(CLIENT, CLIENT_PUBLIC);
    for side in [Side::Ours, Side::Theirs] {
        let (server, client) = meet(stage, side, &curve_server(), &client);
        match side {
            Side::Ours => {
                let end = server.event(ENDS);
                assert_eq!(end, "handshake_failed Violation(BoxNotOpened)");
            }
            // A server says nothing about it: the client sees the connection end.
            Side::Theirs => {
                let end = client.event(ENDS);
                assert!(end.starts_with("handshake_failed"), "{end}");
            }
        }
    }
}

fn other_mechanism_is_refused(stage: &Stage) {
    for ours in [plain_server(), curve_server(), plain_client(PASSWORD)] {
        let (ours, theirs) = meet(stage, Side::Ours, &ours, &[]);
        // Who sees the other's greeting first ends it.
        let end = ours.event(ENDS);
        assert!(end.starts_with("handshake_failed"), "{end}");
        theirs.event(REFUSED);
    }
}

const ENDS: &str = "handshake_succeeded handshake_failed";
/// How the foreign side tells that it was refused.
const REFUSED: &str = "handshake_failed disconnected";

/// Public and secret.
type Keys = (&'static str, &'static str);

const CLIENT: Keys = (CLIENT_PUBLIC, CLIENT_SECRET);

/// The same messages as without security.
fn arrive(stage: &Stage, serving: Side, server: &[String], client: &[String]) {
    let sockets = [Side::Ours, Side::Theirs].map(|side| {
        let options = if side == serving { server } else { client };
        socket(stage, side, options)
    });
    let joined = Joined::of(stage, sockets, &["-"]);
    joined.await_topic("-");
    messages::arrive(&joined, &sizes());
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

fn socket(stage: &Stage, side: Side, options: &[String]) -> Remote {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    stage.socket_and(side, &options)
}

fn plain_server() -> Vec<String> {
    vec!["plain_server=1".to_owned()]
}

fn plain_client(password: &str) -> Vec<String> {
    vec![
        text("plain_username", USER),
        text("plain_password", password),
    ]
}

fn curve_server() -> Vec<String> {
    let keys = keys((SERVER_PUBLIC, SERVER_SECRET));
    [vec!["curve_server=1".to_owned()], keys].concat()
}

fn curve_client(own: Keys, server: &str) -> Vec<String> {
    [vec![text("curve_serverkey", server)], keys(own)].concat()
}

fn keys((public, secret): Keys) -> Vec<String> {
    vec![
        text("curve_publickey", public),
        text("curve_secretkey", secret),
    ]
}

/// An option whose value is text.
fn text(name: &str, value: &str) -> String {
    format!("{name}={}", word(value.as_bytes()))
}
