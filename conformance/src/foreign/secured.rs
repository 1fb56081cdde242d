//! PLAIN and CURVE, with either side as the server: the same messages. Who is refused:
//! [`unwelcome`](super::unwelcome).

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
        null_messages_arrive_at_our_server_that_asks,
        "27/null-mechanism",
        "27/null-credentials",
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

fn null_messages_arrive_at_our_server_that_asks(stage: &Stage) {
    arrive(stage, Side::Ours, &null_server("open"), &[]);
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

/// Public and secret.
type Keys = (&'static str, &'static str);

pub(super) const CLIENT: Keys = (CLIENT_PUBLIC, CLIENT_SECRET);
pub(super) const SERVER: Keys = (SERVER_PUBLIC, SERVER_SECRET);

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

pub(super) fn socket(stage: &Stage, side: Side, options: &[String]) -> Remote {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    stage.socket_and(side, &options)
}

/// A server of NULL that asks for authentication in a domain.
pub(super) fn null_server(domain: &str) -> Vec<String> {
    vec![text("zap_domain", domain)]
}

pub(super) fn plain_server() -> Vec<String> {
    vec!["plain_server=1".to_owned()]
}

pub(super) fn plain_client(password: &str) -> Vec<String> {
    vec![
        text("plain_username", USER),
        text("plain_password", password),
    ]
}

pub(super) fn curve_server() -> Vec<String> {
    [vec!["curve_server=1".to_owned()], keys(SERVER)].concat()
}

pub(super) fn curve_client(own: Keys, server: &str) -> Vec<String> {
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
