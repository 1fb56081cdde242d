//! zeromq (zmq.rs), on tokio.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use ferromq_bench::cell::{Cell, Transport};
use ferromq_bench::{Kind, Opponent, Outcome, Setup, Socket, serve};
use rival_runtime::{meanwhile, pause, wait, wait_if_pending};
use zeromq::{
    DealerSocket, PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, RouterSocket,
    Socket as _, SocketRecv, SocketSend, SubSocket, ZmqError, ZmqMessage,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    serve::<Zeromq>(&arguments)
}

struct Zeromq;

impl Opponent for Zeromq {
    type Context = ();
    type Socket = AnySocket;

    fn version() -> String {
        "zeromq 0.7, a current-thread tokio runtime for each socket; marks of 100 000 messages \
         that cannot be changed"
            .to_owned()
    }

    fn can(cell: &Cell) -> bool {
        let has_kind = !cell.work.is_scale()
            && cell.work.proxied().is_none()
            && !cell.work.needs_pair()
            && !cell.work.is_secured();
        has_kind && cell.transport != Transport::Inproc
    }

    fn context() -> Outcome<()> {
        Ok(())
    }

    fn socket((): &(), setup: Setup) -> Outcome<AnySocket> {
        // PUB starts a task.
        wait(async { Self::make(setup.kind) })
    }
}

impl Zeromq {
    fn make(kind: Kind) -> Outcome<AnySocket> {
        Ok(match kind {
            Kind::Push => AnySocket::Push(PushSocket::new()),
            Kind::Pull => AnySocket::Pull(PullSocket::new()),
            Kind::Req => AnySocket::Req(ReqSocket::new()),
            Kind::Rep => AnySocket::Rep(RepSocket::new()),
            Kind::Dealer => AnySocket::Dealer(DealerSocket::new()),
            Kind::Router => AnySocket::Router(RouterSocket::new()),
            Kind::Pub => AnySocket::Pub(PubSocket::new()),
            Kind::Sub => AnySocket::Sub(SubSocket::new()),
            Kind::Pair => return Err("zeromq has no PAIR".into()),
        })
    }
}

enum AnySocket {
    Push(PushSocket),
    Pull(PullSocket),
    Req(ReqSocket),
    Rep(RepSocket),
    Dealer(DealerSocket),
    Router(RouterSocket),
    Pub(PubSocket),
    Sub(SubSocket),
}

/// Does the same with the socket if its type is among these.
macro_rules! with {
    ($any:expr, $($kind:ident)+, $socket:ident => $body:expr) => {
        match $any {
            $(AnySocket::$kind($socket) => $body,)+
            #[allow(unreachable_patterns, reason = "all types may be among these")]
            _ => return Err("not with this type of socket".into()),
        }
    };
}

impl AnySocket {
    fn send_message(&mut self, message: ZmqMessage) -> Outcome {
        let sent = with!(self, Push Req Rep Dealer Router Pub, socket => {
            wait_if_pending(socket.send(message))
        });
        match sent {
            // It does not wait for a peer.
            Err(ZmqError::ReturnToSender { message, .. }) => {
                wait(tokio::time::sleep(Duration::from_millis(1)));
                self.send_message(message)
            }
            sent => Ok(sent?),
        }
    }

    fn recv_message(&mut self) -> Outcome<ZmqMessage> {
        let message = with!(self, Pull Req Rep Dealer Router Sub, socket => {
            wait_if_pending(socket.recv())
        });
        Ok(message?)
    }
}

impl Socket for AnySocket {
    fn bind(&mut self, endpoint: &str) -> Outcome<String> {
        // A free port is asked for in another way.
        let endpoint = endpoint.replace(":*", ":0");
        let bound = with!(self, Push Pull Req Rep Dealer Router Pub Sub, socket => {
            wait(socket.bind(&endpoint))
        });
        Ok(bound?.to_string())
    }

    fn connect(&mut self, endpoint: &str) -> Outcome {
        let connected = with!(self, Push Pull Req Rep Dealer Router Pub Sub, socket => {
            wait(socket.connect(endpoint))
        });
        Ok(connected?)
    }

    fn subscribe(&mut self, prefix: &[u8]) -> Outcome {
        let prefix = str::from_utf8(prefix)?;
        Ok(with!(self, Sub, socket => wait(socket.subscribe(prefix)))?)
    }

    fn send(&mut self, payload: &[u8]) -> Outcome {
        self.send_message(Bytes::copy_from_slice(payload).into())
    }

    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let message = self.recv_message()?;
        Ok(look(last(&message)))
    }

    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        let message = self.recv_message()?;
        let seen = look(last(&message));
        self.send_message(message)?;
        Ok(seen)
    }

    fn meanwhile<T: Send + 'static>(&mut self, other: impl FnOnce() -> T + Send + 'static) -> T {
        meanwhile(other)
    }

    fn pause(&mut self) {
        pause();
    }
}

fn last(message: &ZmqMessage) -> &[u8] {
    message.get(message.len() - 1).map_or(&[], |part| part)
}
