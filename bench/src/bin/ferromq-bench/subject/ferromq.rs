//! FerroMQ itself, blocking.

use std::ops::Deref;
use std::sync::mpsc::sync_channel;
use std::thread;

use ferromq::{
    Context, Dealer, KeyError, KeyPair, Message, Pair, Proxy, ProxyHandle, Pub, Pull, Push,
    Receives, Rep, Req, Router, SecretKey, Security, SendErrorKind, Sends, Sub, Xpub, Xsub,
};
use ferromq_bench::cell::{Broker, Cell, Role};
use ferromq_bench::opponent::{CLIENT, SERVER};
use ferromq_bench::{Kind, Marks, Opponent, Outcome, Setup, Socket};

/// This workspace's implementation.
pub(crate) struct Ferromq;

impl Opponent for Ferromq {
    type Context = Context;
    type Socket = AnySocket;

    fn version() -> String {
        format!("ferromq {}, blocking calls", env!("CARGO_PKG_VERSION"))
    }

    fn can(_: &Cell) -> bool {
        true
    }

    fn context() -> Outcome<Context> {
        Ok(Context::new())
    }

    fn socket(context: &Context, setup: Setup) -> Outcome<AnySocket> {
        macro_rules! build {
            ($socket:ident) => {{
                let mut builder = $socket::builder();
                if setup.marks == Marks::Unlimited {
                    builder = builder.send_high_water_mark(0).receive_high_water_mark(0);
                }
                if let Some(role) = setup.curve {
                    builder = builder.security(curve(role)?);
                }
                AnySocket::$socket(builder.build(context)?)
            }};
        }
        Ok(match setup.kind {
            Kind::Push => build!(Push),
            Kind::Pull => build!(Pull),
            Kind::Req => build!(Req),
            Kind::Rep => build!(Rep),
            Kind::Dealer => build!(Dealer),
            Kind::Router => build!(Router),
            Kind::Pub => build!(Pub),
            Kind::Sub => build!(Sub),
            Kind::Pair => build!(Pair),
        })
    }

    fn proxy(context: &Context, broker: Broker, endpoint: &str) -> Outcome<ferromq_bench::Proxy> {
        match broker {
            Broker::Requests => forward(Router::new(context), Dealer::new(context), endpoint),
            Broker::Publications => {
                let front = Xsub::builder()
                    .send_high_water_mark(0)
                    .receive_high_water_mark(0);
                let back = Xpub::builder()
                    .send_high_water_mark(0)
                    .receive_high_water_mark(0);
                forward(front.build(context)?, back.build(context)?, endpoint)
            }
        }
    }
}

/// CURVE; servers welcome everybody, as libzmq's do without a handler.
fn curve(role: Role) -> Outcome<Security> {
    let pair =
        |[_, secret]: [&str; 2]| Ok::<_, KeyError>(KeyPair::from(secret.parse::<SecretKey>()?));
    Ok(match role {
        Role::Binds => Security::curve_server(pair(SERVER)?),
        Role::Connects => Security::curve_client(pair(CLIENT)?, SERVER[0].parse()?),
    })
}

/// Runs a proxy between these sockets in a thread of its own.
fn forward<F: Sends + Receives, B: Sends + Receives>(
    front: impl Deref<Target = ferromq::Socket<F>> + Send + 'static,
    back: impl Deref<Target = ferromq::Socket<B>> + Send + 'static,
    endpoint: &str,
) -> Outcome<ferromq_bench::Proxy> {
    let ends = [front.bind(endpoint)?, back.bind(endpoint)?];
    let [front_end, back_end] = ends.map(|end| end.to_string());
    let (sender, handle) = sync_channel::<ProxyHandle>(1);
    let running = thread::spawn(move || {
        let proxy = Proxy::new(&front, &back);
        let _ = sender.send(proxy.handle());
        proxy.run().undelivered.len()
    });
    let handle = handle.recv()?;
    let end = move || {
        handle.terminate();
        match running.join() {
            Ok(0) => Ok(()),
            Ok(held) => Err(format!("{held} messages were not delivered").into()),
            Err(_) => Err("the proxy has panicked".into()),
        }
    };
    Ok(ferromq_bench::Proxy {
        front: front_end,
        back: back_end,
        end: Box::new(end),
    })
}

/// A socket whose type is not known when compiling, unlike in applications.
pub(crate) enum AnySocket {
    Push(Push),
    Pull(Pull),
    Req(Req),
    Rep(Rep),
    Dealer(Dealer),
    Router(Router),
    Pub(Pub),
    Sub(Sub),
    Pair(Pair),
}

/// Does the same with the socket, whatever its type; only with those that are named, if any are.
macro_rules! with {
    ($any:expr, $socket:ident => $body:expr) => {
        with!($any, Push Pull Req Rep Dealer Router Pub Sub Pair, $socket => $body;)
    };
    ($any:expr, $($kind:ident)+, $socket:ident => $body:expr; $($rest:tt)*) => {
        match $any {
            $(AnySocket::$kind($socket) => $body,)+
            $($rest)*
        }
    };
}

impl Socket for AnySocket {
    fn bind(&mut self, endpoint: &str) -> Outcome<String> {
        with!(self, socket => Ok(socket.bind(endpoint)?.to_string()))
    }

    fn connect(&mut self, endpoint: &str) -> Outcome {
        with!(self, socket => Ok(socket.connect(endpoint)?))
    }

    fn subscribe(&mut self, prefix: &[u8]) -> Outcome {
        with!(self, Sub, socket => Ok(socket.subscribe(prefix)?); _ => Err(WRONG.into()))
    }

    #[inline]
    fn send(&mut self, payload: &[u8]) -> Outcome {
        with!(self, Push Req Rep Dealer Router Pub Pair, socket => Ok(socket.send(payload)?);
            _ => Err(WRONG.into()))
    }

    fn try_send(&mut self, payload: &[u8]) -> Outcome<bool> {
        with!(self, Push Req Rep Dealer Router Pub Pair, socket => match socket.try_send(payload) {
            Err(error) if error.kind == SendErrorKind::Full => Ok(false),
            sent => Ok(sent.map(|()| true)?),
        }; _ => Err(WRONG.into()))
    }

    #[inline]
    fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        with!(self, Pull Req Rep Dealer Router Sub Pair, socket => {
            let message = socket.recv()?;
            Ok(look(last(&message)))
        }; _ => Err(WRONG.into()))
    }

    #[inline]
    fn echo<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Outcome<T> {
        with!(self, Rep Router Pair, socket => {
            let message = socket.recv()?;
            let seen = look(last(&message));
            socket.send(message)?;
            Ok(seen)
        }; _ => Err(WRONG.into()))
    }
}

const WRONG: &str = "not with this type of socket";

#[inline]
fn last(message: &Message) -> &[u8] {
    let index = message.len() - 1;
    message.part(index).map_or(&[], |part| part.as_bytes())
}
