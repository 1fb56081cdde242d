//! Our own sockets, driven line by line, in a process that can be killed: `--serve`. Its twin
//! `peers/peer.py` drives those of others.
//!
//! A line of input is a command, answered by a line: `ok …`, or `no REASON`.
//!
//! ```text
//! socket NAME TYPE [OPTION=VALUE]…     makes a socket
//! bind | connect | unbind | disconnect NAME ENDPOINT
//! subscribe | unsubscribe NAME TOPIC
//! send NAME PART…                      waits until it is accepted
//! attempt NAME PART…                   sends if that is possible now
//! recv NAME                            waits for a message: ok PART…
//! take NAME                            a message that is there: ok PART…
//! wait NAME MILLISECONDS               one that comes within this time: ok PART…
//! expect NAME                          waits until a message is there
//! settle NAME                          what was told of connections has reached the socket
//! event NAME KIND…                     waits for the first event whose name begins like this
//! close NAME                           drops what is unsent
//! ```
//!
//! Parts and topics are [`words`]. Whoever asks for what cannot be ends the process.

use std::collections::HashMap;
use std::io::{BufRead, stdin};
use std::thread;
use std::time::Duration;

use ferromq::{
    Context, Event, Events, Message, Part, Reason, RecvError, Rep, SocketType, ZmtpVersion,
};
use ferromq_core::Command;

use super::words;
use crate::socket::{self, AnySocket, CLOSED_DOMAIN, Settings, WAIT};

/// Serves until the input ends.
pub(crate) fn serve() {
    let context = Context::new();
    let handler = Rep::new(&context);
    ferromq::Socket::bind(&handler, "inproc://zeromq.zap.01").unwrap();
    thread::spawn(move || authenticate(&handler));
    let mut served = HashMap::new();
    for line in stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words[..] {
            ["socket", name, socket_type, ref options @ ..] => {
                let socket = Served::new(&context, socket_type, options);
                served.insert(name.to_owned(), socket);
                Ok(String::new())
            }
            ["close", name] => {
                served.remove(name).unwrap().socket.close();
                Ok(String::new())
            }
            [command, name, ref words @ ..] => served[name].run(command, words),
            _ => panic!("{line} is no command"),
        };
        let answer = match answer {
            Ok(text) => format!("ok {text}"),
            Err(reason) => format!("no {reason}"),
        };
        crate::say(answer.trim_end());
    }
}

struct Served {
    socket: Box<dyn AnySocket>,
    events: Events,
}

impl Served {
    fn new(context: &Context, socket_type: &str, options: &[&str]) -> Self {
        let socket_type = SocketType::from_name(socket_type.as_bytes()).unwrap();
        let mut settings = Settings::default();
        for option in options {
            match option.split_once('=').unwrap() {
                ("heartbeat_ivl", text) => settings.heartbeats.interval = millis(text),
                ("heartbeat_timeout", text) => settings.heartbeats.timeout = Some(millis(text)),
                ("heartbeat_ttl", text) => settings.heartbeats.ttl = millis(text),
                ("rcvhwm", mark) => settings.receive_mark = Some(mark.parse().unwrap()),
                ("routing_id", id) => settings.routing_id = Some(Part::from(words::part(id))),
                ("reconnect_ivl", pause) => settings.reconnect = Some(millis(pause)),
                ("sndhwm", mark) => settings.send_mark = Some(mark.parse().unwrap()),
                (name, value) if ["plain", "curve", "zap"].contains(&prefix(name)) => {
                    let value = String::from_utf8(words::part(value)).unwrap();
                    settings.security.push((name.to_owned(), value));
                }
                ("min_zmtp", "1.0") => settings.min_zmtp = ZmtpVersion::V1_0,
                _ => panic!("{option} is no option"),
            }
        }
        let socket = socket::make(socket_type, context, &settings);
        let events = socket.events();
        Self { socket, events }
    }

    fn run(&self, command: &str, words: &[&str]) -> Result<String, String> {
        let socket = &*self.socket;
        match (command, words) {
            ("bind", [endpoint]) => drop(socket.bind(endpoint)),
            ("connect", [endpoint]) => socket.connect(&endpoint.parse().unwrap()),
            ("unbind", [endpoint]) => socket.try_unbind(&endpoint.parse().unwrap())?,
            ("disconnect", [endpoint]) => socket.try_disconnect(&endpoint.parse().unwrap())?,
            ("subscribe", [topic]) => {
                socket.try_request(&Command::Subscribe(words::part(topic).into()))?;
            }
            ("unsubscribe", [topic]) => {
                socket.try_request(&Command::Cancel(words::part(topic).into()))?;
            }
            ("send", parts) => {
                let sent = socket.send_timeout(message(parts), WAIT);
                sent.map_err(|refused| refused.kind.to_string())?;
            }
            ("attempt", parts) => {
                let sent = socket.try_send(message(parts));
                sent.map_err(|refused| refused.kind.to_string())?;
            }
            ("recv", []) => return text(socket.recv_timeout(WAIT)),
            ("take", []) => return text(socket.try_recv()),
            ("wait", [within]) => return text(socket.recv_timeout(millis(within))),
            ("expect", []) => while socket.stats().waiting == 0 {},
            ("settle", []) => {
                let endpoint = socket.bind("tcp://127.0.0.1:*");
                socket.unbind(&endpoint);
            }
            ("event", kinds) => return self.event(kinds),
            _ => panic!("{command} {words:?} is no command"),
        }
        Ok(String::new())
    }

    fn event(&self, kinds: &[&str]) -> Result<String, String> {
        let is_wanted = |event: &Event| {
            let name = describe(event);
            kinds.iter().any(|kind| name.starts_with(kind))
        };
        let event = self.events.wait_for(WAIT, is_wanted);
        event.map_or_else(
            || Err("no such event".to_owned()),
            |event| Ok(describe(&event)),
        )
    }
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

/// What an option is about.
fn prefix(name: &str) -> &str {
    name.split_once('_').map_or(name, |(prefix, _)| prefix)
}

/// A handler of ZAP: in one domain, nobody is welcome. Ends with the context.
fn authenticate(handler: &Rep) {
    while let Ok(question) = ferromq::Socket::recv(handler) {
        let is_closed = question.part_str(2) == Ok(CLOSED_DOMAIN);
        let status = if is_closed { "400" } else { "200" };
        let id = question.part_str(1).unwrap();
        let _ = ferromq::Socket::send(handler, ["1.0", id, status, "", "", ""]);
    }
}

/// The event's name, as libzmq's monitor has it, and a reason.
fn describe(event: &Event) -> String {
    match event {
        Event::HandshakeFailed { reason, .. } => format!("handshake_failed {reason:?}"),
        Event::HandshakeSucceeded { .. } => "handshake_succeeded".to_owned(),
        Event::Disconnected {
            reason: Reason::Closed,
            ..
        } => "closed".to_owned(),
        Event::Disconnected { reason, .. } => format!("disconnected {reason:?}"),
        other => format!("{other:?}"),
    }
}

fn message(parts: &[&str]) -> Message {
    parts.iter().map(|part| words::part(part)).collect()
}

fn text(received: Result<Message, RecvError>) -> Result<String, String> {
    let message = received.map_err(|none| none.to_string())?;
    let words: Vec<String> = message.iter().map(|part| words::word(part)).collect();
    Ok(words.join(" "))
}
