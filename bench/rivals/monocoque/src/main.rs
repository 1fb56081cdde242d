//! monocoque, on tokio, in its fastest manner: PUSH, DEALER and ROUTER write what they send when
//! that fills a buffer, or before they wait, or by `flush`.

mod open;

use std::process::ExitCode;

use bytes::Bytes;
use ferromq_bench::cell::{Cell, Transport, Work};
use ferromq_bench::{Kind, Opponent, Outcome, Setup, Socket, serve};
use monocoque::rt::{TcpListener, TcpStream, UnixListener, UnixStream};
use monocoque::zmq::{PubSocket, SocketOptions};
use rival_runtime::{meanwhile, pause, wait};

use open::Open;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    serve::<Monocoque>(&arguments)
}

struct Monocoque;

impl Opponent for Monocoque {
    type Context = ();
    type Socket = MonocoqueSocket;

    fn version() -> String {
        "monocoque-rs 0.4, a current-thread tokio runtime for each socket; PUSH with write \
         coalescing, DEALER and ROUTER with their buffered calls, PUB with a mark of 20 000 \
         messages; otherwise it has none"
            .to_owned()
    }

    fn can(cell: &Cell) -> bool {
        match cell.work {
            Work::OneWay | Work::Paced(_) | Work::Hot | Work::Cold | Work::Pipelined => {
                cell.transport != Transport::Inproc
            }
            Work::Publish(_) | Work::FanIn | Work::FanOut => cell.transport == Transport::Tcp,
            _ => false,
        }
    }

    fn context() -> Outcome<()> {
        Ok(())
    }

    fn socket((): &(), setup: Setup) -> Outcome<MonocoqueSocket> {
        Ok(MonocoqueSocket {
            setup,
            topics: Vec::new(),
            state: State::New,
        })
    }
}

struct MonocoqueSocket {
    setup: Setup,
    /// Subscriptions before there is a connection.
    topics: Vec<Vec<u8>>,
    state: State,
}

/// A socket of monocoque is a connection: the listener comes before it.
enum State {
    New,
    Tcp(TcpListener),
    Ipc(UnixListener),
    Pub(PubSocket),
    Open(Open),
}

impl Socket for MonocoqueSocket {
    fn bind(&mut self, endpoint: &str) -> Outcome<String> {
        if let Some(path) = endpoint.strip_prefix("ipc://") {
            self.state = State::Ipc(wait(UnixListener::bind(path))?);
            return Ok(endpoint.to_owned());
        }
        let address = if self.setup.kind == Kind::Pub {
            let options = SocketOptions::default().with_send_hwm(20_000);
            let socket = wait(PubSocket::bind_with_options("127.0.0.1:0", options))?;
            let address = socket.local_addr()?;
            self.state = State::Pub(socket);
            address
        } else {
            let listener = wait(TcpListener::bind("127.0.0.1:0"))?;
            let address = listener.local_addr()?;
            self.state = State::Tcp(listener);
            address
        };
        Ok(format!("tcp://{address}"))
    }

    fn connect(&mut self, endpoint: &str) -> Outcome {
        let kind = self.setup.kind;
        let mut open = if let Some(path) = endpoint.strip_prefix("ipc://") {
            let stream = wait(UnixStream::connect(path))?;
            Open::ipc(kind, stream)?
        } else {
            let address = endpoint.trim_start_matches("tcp://");
            let stream = wait(TcpStream::connect(address))?;
            Open::tcp(kind, stream)?
        };
        for topic in self.topics.drain(..) {
            open.subscribe(&topic)?;
        }
        self.state = State::Open(open);
        Ok(())
    }

    fn subscribe(&mut self, prefix: &[u8]) -> Outcome {
        self.topics.push(prefix.to_vec());
        Ok(())
    }

    fn send(&mut self, payload: &[u8]) -> Outcome {
        self.open()?.send(Bytes::copy_from_slice(payload))
    }

    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let parts = self.open()?.recv()?;
        Ok(look(last(&parts)))
    }

    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let open = self.open()?;
        let parts = open.recv()?;
        let seen = look(last(&parts));
        open.reply(parts)?;
        Ok(seen)
    }

    fn flush(&mut self) -> Outcome {
        self.open()?.flush()
    }

    fn meanwhile<T: Send + 'static>(&mut self, other: impl FnOnce() -> T + Send + 'static) -> T {
        // The last replies are still to be written.
        if let State::Open(open) = &mut self.state {
            let _ = open.flush();
        }
        meanwhile(other)
    }

    fn pause(&mut self) {
        pause();
    }
}

impl MonocoqueSocket {
    /// The connections; the side that binds accepts them when they are first needed.
    fn open(&mut self) -> Outcome<&mut Open> {
        if !matches!(self.state, State::Open(_)) {
            let open = match std::mem::replace(&mut self.state, State::New) {
                State::Tcp(listener) => Open::accept_tcp(self.setup, &listener)?,
                State::Ipc(listener) => {
                    let (stream, _) = wait(listener.accept())?;
                    Open::ipc(self.setup.kind, stream)?
                }
                State::Pub(socket) => Open::accept_subscribers(self.setup, socket)?,
                State::New | State::Open(_) => return Err("neither bound nor connected".into()),
            };
            self.state = State::Open(open);
        }
        match &mut self.state {
            State::Open(open) => Ok(open),
            _ => Err("not connected".into()),
        }
    }
}

fn last(parts: &[Bytes]) -> &[u8] {
    parts.last().map_or(&[], |part| part)
}
