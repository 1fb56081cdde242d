//! What is connected: one peer over either kind of stream, or several.

use bytes::Bytes;
use compio_io::{AsyncRead, AsyncWrite};
use ferromq_bench::{Kind, Outcome, Setup};
use monocoque::rt::{TcpListener, TcpStream, UnixStream};
use monocoque::zmq::{
    DealerSocket, PubSocket, PullFanIn, PullSocket, PushFanOut, PushSocket, RepSocket, ReqSocket,
    RouterSocket, SocketOptions, SubSocket,
};
use rival_runtime::{wait, wait_if_pending};

type Parts = Vec<Bytes>;

/// Everything that can send or receive.
pub(crate) enum Open {
    Tcp(One<TcpStream>),
    Ipc(One<UnixStream>),
    Pub(PubSocket),
    FanOut(PushFanOut),
    FanIn(PullFanIn),
}

impl Open {
    pub(crate) fn tcp(kind: Kind, stream: TcpStream) -> Outcome<Self> {
        Ok(Self::Tcp(One::new(kind, stream)?))
    }

    pub(crate) fn ipc(kind: Kind, stream: UnixStream) -> Outcome<Self> {
        Ok(Self::Ipc(One::new(kind, stream)?))
    }

    /// Accepts as many connections as there will be.
    pub(crate) fn accept_tcp(setup: Setup, listener: &TcpListener) -> Outcome<Self> {
        let peers = setup.peers;
        Ok(match setup.kind {
            Kind::Push if peers > 1 => {
                let workers = PushFanOut::accept_workers(listener, peers, coalescing());
                Self::FanOut(wait(workers)?)
            }
            Kind::Pull if peers > 1 => {
                let workers = PullFanIn::accept_workers(listener, peers, options());
                Self::FanIn(wait(workers)?)
            }
            kind => Self::tcp(kind, wait(listener.accept())?.0)?,
        })
    }

    /// The same for a publisher, which has its listener.
    pub(crate) fn accept_subscribers(setup: Setup, mut socket: PubSocket) -> Outcome<Self> {
        for _ in 0..setup.peers {
            wait(socket.accept_subscriber())?;
        }
        Ok(Self::Pub(socket))
    }

    pub(crate) fn subscribe(&mut self, topic: &[u8]) -> Outcome {
        match self {
            Self::Tcp(One::Sub(socket)) => Ok(wait(socket.subscribe(topic))?),
            Self::Ipc(One::Sub(socket)) => Ok(wait(socket.subscribe(topic))?),
            _ => Err(WRONG.into()),
        }
    }

    pub(crate) fn send(&mut self, payload: Bytes) -> Outcome {
        match self {
            Self::Tcp(one) => one.send(payload),
            Self::Ipc(one) => one.send(payload),
            Self::Pub(socket) => Ok(wait_if_pending(socket.send_frames(&[payload]))?),
            Self::FanOut(socket) => Ok(wait_if_pending(socket.send_one(payload))?),
            Self::FanIn(_) => Err(WRONG.into()),
        }
    }

    pub(crate) fn recv(&mut self) -> Outcome<Parts> {
        match self {
            Self::Tcp(one) => one.recv(),
            Self::Ipc(one) => one.recv(),
            Self::FanIn(socket) => some(wait_if_pending(socket.recv())?),
            Self::Pub(_) | Self::FanOut(_) => Err(WRONG.into()),
        }
    }

    pub(crate) fn reply(&mut self, parts: Parts) -> Outcome {
        match self {
            Self::Tcp(one) => one.reply(parts),
            Self::Ipc(one) => one.reply(parts),
            Self::Pub(_) | Self::FanOut(_) | Self::FanIn(_) => Err(WRONG.into()),
        }
    }

    pub(crate) fn flush(&mut self) -> Outcome {
        match self {
            Self::Tcp(one) => one.flush(),
            Self::Ipc(one) => one.flush(),
            Self::FanOut(socket) => Ok(wait_if_pending(socket.flush())?),
            Self::Pub(_) | Self::FanIn(_) => Ok(()),
        }
    }
}

/// A socket over one stream.
pub(crate) enum One<S: AsyncRead + AsyncWrite + Unpin> {
    Push(PushSocket<S>),
    Pull(PullSocket<S>),
    Req(ReqSocket<S>),
    Rep(RepSocket<S>),
    Dealer(DealerSocket<S>),
    Router(RouterSocket<S>),
    Sub(SubSocket<S>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> One<S> {
    fn new(kind: Kind, stream: S) -> Outcome<Self> {
        Ok(match kind {
            Kind::Push => Self::Push(wait(PushSocket::with_options(stream, coalescing()))?),
            Kind::Pull => Self::Pull(wait(PullSocket::with_options(stream, options()))?),
            Kind::Req => Self::Req(wait(ReqSocket::<TcpStream>::with_options(
                stream,
                options(),
            ))?),
            Kind::Rep => Self::Rep(wait(RepSocket::<TcpStream>::with_options(
                stream,
                options(),
            ))?),
            Kind::Dealer => Self::Dealer(wait(DealerSocket::<TcpStream>::with_options(
                stream,
                options(),
            ))?),
            Kind::Router => Self::Router(wait(RouterSocket::<TcpStream>::with_options(
                stream,
                options(),
            ))?),
            Kind::Sub => Self::Sub(wait(SubSocket::<TcpStream>::with_options(
                stream,
                options(),
            ))?),
            Kind::Pub | Kind::Pair => return Err(WRONG.into()),
        })
    }

    fn send(&mut self, payload: Bytes) -> Outcome {
        match self {
            Self::Push(socket) => Ok(wait_if_pending(socket.send_one(payload))?),
            Self::Req(socket) => Ok(wait_if_pending(socket.send_one(payload))?),
            Self::Dealer(socket) => Ok(socket.send_buffered(vec![payload])?),
            _ => Err(WRONG.into()),
        }
    }

    /// What has been sent in a burst is written before waiting.
    fn recv(&mut self) -> Outcome<Parts> {
        let mut parts = Vec::new();
        match self {
            Self::Pull(socket) => return some(wait_if_pending(socket.recv())?),
            Self::Sub(socket) => return some(wait_if_pending(socket.recv())?),
            Self::Req(socket) => return some(wait_if_pending(socket.recv())?),
            Self::Rep(socket) => return some(wait_if_pending(socket.recv())?),
            Self::Dealer(socket) => {
                if !socket.try_recv_into(&mut parts)? {
                    wait_if_pending(socket.flush())?;
                    return some(wait_if_pending(socket.recv())?);
                }
            }
            Self::Router(socket) => {
                if !socket.try_recv_into(&mut parts)? {
                    wait_if_pending(socket.flush())?;
                    return some(wait_if_pending(socket.recv())?);
                }
            }
            Self::Push(_) => return Err(WRONG.into()),
        }
        Ok(parts)
    }

    fn reply(&mut self, parts: Parts) -> Outcome {
        match self {
            Self::Rep(socket) => Ok(wait_if_pending(socket.send(parts))?),
            Self::Router(socket) => Ok(socket.send_buffered(parts)?),
            _ => Err(WRONG.into()),
        }
    }

    fn flush(&mut self) -> Outcome {
        match self {
            Self::Push(socket) => Ok(wait_if_pending(socket.flush())?),
            Self::Dealer(socket) => Ok(wait_if_pending(socket.flush())?),
            Self::Router(socket) => Ok(wait_if_pending(socket.flush())?),
            _ => Ok(()),
        }
    }
}

const WRONG: &str = "not with this type of socket";

fn options() -> SocketOptions {
    SocketOptions::default()
}

/// For PUSH only: others have no way to write what is left.
fn coalescing() -> SocketOptions {
    options().with_write_coalescing(true)
}

/// A connection that has ended has no next message.
fn some(parts: Option<Parts>) -> Outcome<Parts> {
    parts.ok_or_else(|| "the connection has ended".into())
}
