//! rzmq, on tokio.

use std::process::ExitCode;

use ferromq_bench::cell::Cell;
use ferromq_bench::{Kind, Marks, Opponent, Outcome, Setup, Socket, serve};
use rival_runtime::{meanwhile, pause, wait, wait_if_pending};
use rzmq::socket::options::{LAST_ENDPOINT, RCVHWM, SNDHWM, SUBSCRIBE};
use rzmq::{Context, Msg, SocketType};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    serve::<Rzmq>(&arguments)
}

struct Rzmq;

impl Opponent for Rzmq {
    type Context = Context;
    type Socket = RzmqSocket;

    fn version() -> String {
        "rzmq 0.5, a current-thread tokio runtime for each socket; instead of no high-water marks: \
         20 000 messages"
            .to_owned()
    }

    fn can(cell: &Cell) -> bool {
        !cell.work.is_scale()
            && cell.work.proxied().is_none()
            && !cell.work.needs_pair()
            && !cell.work.is_secured()
    }

    fn context() -> Outcome<Context> {
        Ok(wait(async { Context::new() })?)
    }

    fn socket(context: &Context, setup: Setup) -> Outcome<RzmqSocket> {
        let kind = match setup.kind {
            Kind::Push => SocketType::Push,
            Kind::Pull => SocketType::Pull,
            Kind::Req => SocketType::Req,
            Kind::Rep => SocketType::Rep,
            Kind::Dealer => SocketType::Dealer,
            Kind::Router => SocketType::Router,
            Kind::Pub => SocketType::Pub,
            Kind::Sub => SocketType::Sub,
            Kind::Pair => return Err("rzmq has no PAIR".into()),
        };
        let socket = wait(async { context.socket(kind) })?;
        if setup.marks == Marks::Unlimited {
            wait(socket.set_option(SNDHWM, 20_000))?;
            wait(socket.set_option(RCVHWM, 20_000))?;
        }
        let is_multipart = setup.kind == Kind::Router;
        Ok(RzmqSocket {
            socket,
            is_multipart,
        })
    }
}

struct RzmqSocket {
    socket: rzmq::Socket,
    /// Whether messages have an address.
    is_multipart: bool,
}

impl Socket for RzmqSocket {
    fn bind(&mut self, endpoint: &str) -> Outcome<String> {
        // A free port is asked for in another way.
        wait(self.socket.bind(&endpoint.replace(":*", ":0")))?;
        let bound = wait(self.socket.get_option(LAST_ENDPOINT))?;
        Ok(String::from_utf8(bound)?)
    }

    fn connect(&mut self, endpoint: &str) -> Outcome {
        Ok(wait(self.socket.connect(endpoint))?)
    }

    fn subscribe(&mut self, prefix: &[u8]) -> Outcome {
        Ok(wait(self.socket.set_option_raw(SUBSCRIBE, prefix))?)
    }

    fn send(&mut self, payload: &[u8]) -> Outcome {
        let message = Msg::from_vec(payload.to_vec());
        Ok(wait_if_pending(self.socket.send(message))?)
    }

    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let message = wait_if_pending(self.socket.recv())?;
        Ok(look(message.data().unwrap_or_default()))
    }

    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        if !self.is_multipart {
            let message = wait_if_pending(self.socket.recv())?;
            let seen = look(message.data().unwrap_or_default());
            wait_if_pending(self.socket.send(message))?;
            return Ok(seen);
        }
        let parts = wait_if_pending(self.socket.recv_multipart())?;
        let last = parts.last().and_then(Msg::data);
        let seen = look(last.unwrap_or_default());
        wait_if_pending(self.socket.send_multipart(parts))?;
        Ok(seen)
    }

    fn meanwhile<T: Send + 'static>(&mut self, other: impl FnOnce() -> T + Send + 'static) -> T {
        meanwhile(other)
    }

    fn pause(&mut self) {
        pause();
    }
}
