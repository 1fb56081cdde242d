//! Sockets of any type behind one face.

use std::fmt;
use std::time::Duration;

use ferromq::{
    Builder, Context, Dealer, Endpoint, Events, Message, Pair, Part, Pub, Pull, Push, Rep, Req,
    Router, SocketType, Sub, Xpub, Xsub,
};
use ferromq_core::{BuildableSocket, Command};

/// Long enough for every single wait: who needs it has failed.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// What is set when a socket is made; everything else has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) routing_id: Option<Part>,
    pub(crate) max_message_size: Option<u64>,
    pub(crate) max_parts: Option<usize>,
    /// Both high-water marks.
    pub(crate) mark: Option<u32>,
}

/// A socket of any type. What a type does not have (a PULL's `send`) panics.
pub(crate) trait AnySocket: fmt::Debug + Send + Sync {
    fn bind(&self, endpoint: &str) -> Endpoint;
    fn connect(&self, endpoint: &Endpoint);
    fn events(&self) -> Events;
    /// Sends, waiting at most [`WAIT`].
    fn send(&self, message: Message);
    /// The next message; waits at most [`WAIT`].
    fn recv(&self) -> Message;
    /// A message that is there already.
    fn try_recv(&self) -> Option<Message>;
    /// Subscribes, or takes a subscription back.
    fn request(&self, command: &Command);
}

/// A socket of this type.
pub(crate) fn make(
    socket_type: SocketType,
    context: &Context,
    settings: &Settings,
) -> Box<dyn AnySocket> {
    macro_rules! of {
        ($socket:ident) => {
            Box::new($socket::made(context, settings))
        };
    }
    match socket_type {
        SocketType::Req => of!(Req),
        SocketType::Rep => of!(Rep),
        SocketType::Dealer => of!(Dealer),
        SocketType::Router => of!(Router),
        SocketType::Pub => of!(Pub),
        SocketType::Sub => of!(Sub),
        SocketType::Xpub => of!(Xpub),
        SocketType::Xsub => of!(Xsub),
        SocketType::Push => of!(Push),
        SocketType::Pull => of!(Pull),
        SocketType::Pair => of!(Pair),
        other => panic!("{other} is not known here"),
    }
}

/// Making a socket with settings.
trait Made {
    fn made(context: &Context, settings: &Settings) -> Self;
}

macro_rules! half {
    (send sends, $socket:ident, $message:ident) => {
        (**$socket).send_timeout($message, WAIT).unwrap()
    };
    (recv receives, $socket:ident) => {
        (**$socket).recv_timeout(WAIT).unwrap()
    };
    (try_recv receives, $socket:ident) => {
        (**$socket).try_recv().ok()
    };
    (request subscribes, $socket:ident, $command:ident) => {
        match $command {
            Command::Subscribe(topic) => $socket.subscribe(topic).unwrap(),
            Command::Cancel(topic) => $socket.unsubscribe(topic).unwrap(),
            other => panic!("{other:?} is no subscription"),
        }
    };
    (request requests, $socket:ident, $command:ident) => {
        match $command {
            Command::Subscribe(topic) => (**$socket).send([&[1], &topic[..]].concat()).unwrap(),
            Command::Cancel(topic) => (**$socket).send([&[0], &topic[..]].concat()).unwrap(),
            other => panic!("{other:?} is no subscription"),
        }
    };
    ($call:ident none, $socket:ident $(, $what:ident)?) => {
        panic!("{:?} has no {}", $socket, stringify!($call))
    };
}

macro_rules! sockets {
    ($($name:ident: $send:ident $receive:ident $request:ident;)*) => {$(
        impl Made for $name {
            fn made(context: &Context, settings: &Settings) -> Self {
                settings.apply(Self::builder()).build(context).unwrap()
            }
        }

        impl AnySocket for $name {
            fn bind(&self, endpoint: &str) -> Endpoint {
                ferromq::Socket::bind(self, endpoint).unwrap()
            }

            fn connect(&self, endpoint: &Endpoint) {
                ferromq::Socket::connect(self, endpoint).unwrap();
            }

            fn events(&self) -> Events {
                ferromq::Socket::events(self)
            }

            #[allow(unused_variables, reason = "there may be nothing to be done with it")]
            fn send(&self, message: Message) {
                half!(send $send, self, message)
            }

            fn recv(&self) -> Message {
                half!(recv $receive, self)
            }

            fn try_recv(&self) -> Option<Message> {
                half!(try_recv $receive, self)
            }

            #[allow(unused_variables, reason = "there may be nothing to be done with it")]
            fn request(&self, command: &Command) {
                half!(request $request, self, command)
            }
        }
    )*};
}

sockets! {
    Dealer: sends receives none;
    Pair: sends receives none;
    Pub: sends none none;
    Pull: none receives none;
    Push: sends none none;
    Rep: sends receives none;
    Req: sends receives none;
    Router: sends receives none;
    Sub: none receives subscribes;
    Xpub: sends receives none;
    Xsub: sends receives requests;
}

impl Settings {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn apply<S: BuildableSocket>(&self, mut builder: Builder<S>) -> Builder<S> {
        if let Some(routing_id) = &self.routing_id {
            builder = builder.routing_id(routing_id.clone());
        }
        if let Some(most) = self.max_message_size {
            builder = builder.max_message_size(most);
        }
        if let Some(most) = self.max_parts {
            builder = builder.max_parts(most);
        }
        if let Some(mark) = self.mark {
            builder = builder
                .send_high_water_mark(mark)
                .receive_high_water_mark(mark);
        }
        builder
    }
}
