//! omq-tokio, blocking: its own I/O thread serves the connections.

use std::process::ExitCode;

use ferromq_bench::cell::Cell;
use ferromq_bench::{Kind, Marks, Opponent, Outcome, Setup, Socket, serve};
use omq_tokio::blocking::Socket as Blocking;
use omq_tokio::{Context, Message, Options, SocketType, TrySendError};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    serve::<Omq>(&arguments)
}

struct Omq;

impl Opponent for Omq {
    type Context = Context;
    type Socket = OmqSocket;

    fn version() -> String {
        "omq-tokio 0.33, blocking sockets; instead of no high-water marks: 20 000 messages"
            .to_owned()
    }

    fn can(cell: &Cell) -> bool {
        !cell.work.is_scale() && cell.work.proxied().is_none() && !cell.work.is_secured()
    }

    fn context() -> Outcome<Context> {
        Ok(Context::new())
    }

    fn socket(context: &Context, setup: Setup) -> Outcome<OmqSocket> {
        let kind = match setup.kind {
            Kind::Push => SocketType::Push,
            Kind::Pull => SocketType::Pull,
            Kind::Req => SocketType::Req,
            Kind::Rep => SocketType::Rep,
            Kind::Dealer => SocketType::Dealer,
            Kind::Router => SocketType::Router,
            Kind::Pub => SocketType::Pub,
            Kind::Sub => SocketType::Sub,
            Kind::Pair => SocketType::Pair,
        };
        let options = match setup.marks {
            Marks::Default => Options::default(),
            Marks::Unlimited => Options::default().send_hwm(20_000).recv_hwm(20_000),
        };
        Ok(OmqSocket(context.blocking_socket(kind, options)))
    }
}

struct OmqSocket(Blocking);

impl Socket for OmqSocket {
    fn bind(&mut self, endpoint: &str) -> Outcome<String> {
        // A free port is asked for in another way.
        let endpoint = endpoint.replace(":*", ":0");
        Ok(self.0.bind(endpoint.as_str())?.to_string())
    }

    fn connect(&mut self, endpoint: &str) -> Outcome {
        Ok(self.0.connect(endpoint)?)
    }

    fn subscribe(&mut self, prefix: &[u8]) -> Outcome {
        Ok(self.0.subscribe(prefix.to_vec())?)
    }

    fn send(&mut self, payload: &[u8]) -> Outcome {
        Ok(self.0.send(Message::from_slice(payload))?)
    }

    fn try_send(&mut self, payload: &[u8]) -> Outcome<bool> {
        match self.0.try_send(Message::from_slice(payload)) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(_) => Err("not sent".into()),
        }
    }

    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let message = self.0.recv()?;
        Ok(look(last(&message)))
    }

    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let message = self.0.recv()?;
        let seen = look(last(&message));
        self.0.send(message)?;
        Ok(seen)
    }
}

fn last(message: &Message) -> &[u8] {
    message.part_slice(message.len() - 1).unwrap_or_default()
}
