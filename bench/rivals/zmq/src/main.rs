//! libzmq: built once as the `zmq` crate vendors it, and once with the library of pyzmq's wheel for
//! what needs CURVE.

use std::fs;
use std::process::ExitCode;
use std::thread;

use ferromq_bench::cell::{Broker, Cell, Role};
use ferromq_bench::opponent::{CLIENT, SERVER};
use ferromq_bench::{Kind, Marks, Opponent, Outcome, Proxy, Setup, Socket, serve};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    serve::<Libzmq>(&arguments)
}

struct Libzmq;

impl Opponent for Libzmq {
    type Context = zmq::Context;
    type Socket = ZmqSocket;

    fn version() -> String {
        let (major, minor, patch) = zmq::version();
        let loaded = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let origin = match zmq::has("curve") {
            Some(true) if loaded.contains("libsodium") => {
                "of pyzmq's wheel, with libsodium".to_owned()
            }
            Some(true) => "without libsodium".to_owned(),
            _ => {
                let flags = option_env!("CXXFLAGS").unwrap_or("none");
                format!("vendored by zmq 0.10, without CURVE, flags: {flags}")
            }
        };
        format!("libzmq {major}.{minor}.{patch}, {origin}")
    }

    fn can(cell: &Cell) -> bool {
        !cell.work.is_secured() || zmq::has("curve") == Some(true)
    }

    fn context() -> Outcome<zmq::Context> {
        Ok(zmq::Context::new())
    }

    fn socket(context: &zmq::Context, setup: Setup) -> Outcome<ZmqSocket> {
        let socket = context.socket(match setup.kind {
            Kind::Push => zmq::PUSH,
            Kind::Pull => zmq::PULL,
            Kind::Req => zmq::REQ,
            Kind::Rep => zmq::REP,
            Kind::Dealer => zmq::DEALER,
            Kind::Router => zmq::ROUTER,
            Kind::Pub => zmq::PUB,
            Kind::Sub => zmq::SUB,
            Kind::Pair => zmq::PAIR,
        })?;
        if setup.marks == Marks::Unlimited {
            socket.set_sndhwm(0)?;
            socket.set_rcvhwm(0)?;
        }
        if let Some(role) = setup.curve {
            secure(&socket, role)?;
        }
        let message = zmq::Message::new();
        Ok(ZmqSocket { socket, message })
    }

    fn proxy(context: &zmq::Context, broker: Broker, endpoint: &str) -> Outcome<Proxy> {
        let (kinds, are_marked) = match broker {
            Broker::Requests => ([zmq::ROUTER, zmq::DEALER], true),
            Broker::Publications => ([zmq::XSUB, zmq::XPUB], false),
        };
        let open = |kind| -> Outcome<(zmq::Socket, String)> {
            let socket = context.socket(kind)?;
            if !are_marked {
                socket.set_sndhwm(0)?;
                socket.set_rcvhwm(0)?;
            }
            socket.bind(endpoint)?;
            let bound = socket.get_last_endpoint()?;
            Ok((socket, bound.map_err(|_| "an endpoint that is no text")?))
        };
        let [(mut front, front_end), (mut back, back_end)] = [open(kinds[0])?, open(kinds[1])?];
        let (mut control, steering) = (context.socket(zmq::PAIR)?, context.socket(zmq::PAIR)?);
        control.bind("inproc://control")?;
        steering.connect("inproc://control")?;
        let run = move || zmq::proxy_steerable(&mut front, &mut back, &mut control);
        let running = thread::spawn(run);
        let end = move || {
            steering.send("TERMINATE", 0)?;
            Ok(running.join().map_err(|_| "the proxy has panicked")??)
        };
        Ok(Proxy {
            front: front_end,
            back: back_end,
            end: Box::new(end),
        })
    }
}

/// CURVE; without a handler, servers welcome everybody.
fn secure(socket: &zmq::Socket, role: Role) -> Outcome {
    let key = |text| zmq::z85_decode(text).map_err(|error| error.to_string());
    let [public, secret] = match role {
        Role::Binds => SERVER,
        Role::Connects => CLIENT,
    };
    socket.set_curve_server(role == Role::Binds)?;
    if role == Role::Connects {
        socket.set_curve_serverkey(&key(SERVER[0])?)?;
    }
    socket.set_curve_publickey(&key(public)?)?;
    Ok(socket.set_curve_secretkey(&key(secret)?)?)
}

struct ZmqSocket {
    socket: zmq::Socket,
    /// What was received last.
    message: zmq::Message,
}

impl Socket for ZmqSocket {
    fn bind(&mut self, endpoint: &str) -> Outcome<String> {
        self.socket.bind(endpoint)?;
        let bound = self.socket.get_last_endpoint()?;
        bound.map_err(|_| "an endpoint that is no text".into())
    }

    fn connect(&mut self, endpoint: &str) -> Outcome {
        Ok(self.socket.connect(endpoint)?)
    }

    fn subscribe(&mut self, prefix: &[u8]) -> Outcome {
        Ok(self.socket.set_subscribe(prefix)?)
    }

    fn send(&mut self, payload: &[u8]) -> Outcome {
        Ok(self.socket.send(payload, 0)?)
    }

    fn try_send(&mut self, payload: &[u8]) -> Outcome<bool> {
        match self.socket.send(payload, zmq::DONTWAIT) {
            Err(zmq::Error::EAGAIN) => Ok(false),
            sent => Ok(sent.map(|()| true)?),
        }
    }

    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        self.socket.recv(&mut self.message, 0)?;
        Ok(look(&self.message))
    }

    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        loop {
            self.socket.recv(&mut self.message, 0)?;
            let is_last = !self.message.get_more();
            let flags = if is_last { 0 } else { zmq::SNDMORE };
            let message = std::mem::replace(&mut self.message, zmq::Message::new());
            if is_last {
                let seen = look(&message);
                self.socket.send(message, flags)?;
                return Ok(seen);
            }
            self.socket.send(message, flags)?;
        }
    }
}
