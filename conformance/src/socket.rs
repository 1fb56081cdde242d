//! Sockets of any type behind one face.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ferromq::{
    Authenticator, Builder, CloseReport, ConnectError, Context, Dealer, Endpoint, Events, KeyPair,
    Message, Pair, Part, Pub, Pull, Push, RecvError, Rep, Req, Router, SecretKey, Security,
    SendError, SocketType, Stats, Sub, Xpub, Xsub, ZmtpVersion,
};
use ferromq_core::{BuildableSocket, Command};

/// Long enough for every single wait: who needs it has failed.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// Who is known to servers of PLAIN.
pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "secret";

/// The domain in which ZAP handlers deny everybody of NULL.
pub(crate) const CLOSED_DOMAIN: &str = "closed";

/// Servers of CURVE have the keys in libzmq's manual.
pub(crate) const SERVER_PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
pub(crate) const SERVER_SECRET: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

/// Who is known to servers of CURVE.
pub(crate) const CLIENT_PUBLIC: &str = "i60s^J<]wFUG44shN*zi078&Ne!=^jBz{7OBN*^X";
pub(crate) const CLIENT_SECRET: &str = "QVpNzc#:}?*59?T.x<h]&.a)o+$bmTky8eIP6w4]";

/// What is set when a socket is made; everything else has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) routing_id: Option<Part>,
    pub(crate) max_message_size: Option<u64>,
    pub(crate) max_parts: Option<usize>,
    pub(crate) send_mark: Option<u32>,
    pub(crate) receive_mark: Option<u32>,
    /// The kernel holds little, so that queues fill soon.
    pub(crate) small_buffers: bool,
    /// Without it what is unsent at the end is dropped.
    pub(crate) linger: Option<Duration>,
    /// The pause before reconnecting, always this long.
    pub(crate) reconnect: Option<Duration>,
    /// The oldest version served.
    pub(crate) min_zmtp: ZmtpVersion,
    /// What the application announces to peers.
    pub(crate) metadata: Vec<(&'static str, &'static [u8])>,
    /// Security options by libzmq's names, with their values as text. With a domain, the context's
    /// ZAP handler decides about peers, otherwise a list.
    pub(crate) security: Vec<(String, String)>,
    /// A ROUTER drops what it cannot route.
    pub(crate) drop_unroutable: bool,
    pub(crate) heartbeats: Heartbeats,
}

/// When PINGs are sent, and how long a peer may be silent after one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heartbeats {
    pub(crate) interval: Duration,
    /// `None`: the interval.
    pub(crate) timeout: Option<Duration>,
    pub(crate) ttl: Duration,
}

/// A socket of any type. What a type does not have (a PULL's `send`) panics.
pub(crate) trait AnySocket: fmt::Debug + Send + Sync {
    fn bind(&self, endpoint: &str) -> Endpoint;
    fn connect(&self, endpoint: &Endpoint);
    fn try_connect(&self, endpoint: &Endpoint) -> Result<(), ConnectError>;
    fn events(&self) -> Events;
    /// How many peers there are; a dialed endpoint counts at once.
    fn pipes(&self) -> usize;
    fn stats(&self) -> Stats;
    fn close(&self) -> CloseReport;
    /// Sends, waiting at most [`WAIT`].
    fn send(&self, message: Message);
    /// Sends if that is possible now; gives the message back if it is not.
    fn try_send(&self, message: Message) -> Result<(), SendError>;
    /// Sends, waiting at most so long.
    fn send_timeout(&self, message: Message, timeout: Duration) -> Result<(), SendError>;
    /// The next message; waits at most [`WAIT`].
    fn recv(&self) -> Message {
        self.recv_timeout(WAIT).unwrap()
    }
    /// The next message, waiting at most so long.
    fn recv_timeout(&self, timeout: Duration) -> Result<Message, RecvError>;
    /// A message that is there already.
    fn try_recv(&self) -> Result<Message, RecvError>;
    /// Subscribes, or takes a subscription back.
    fn request(&self, command: &Command) {
        self.try_request(command).unwrap();
    }
    fn try_request(&self, command: &Command) -> Result<(), String>;
    /// How many different topics the subscribers have.
    fn topics(&self) -> usize;
    fn disconnect(&self, endpoint: &Endpoint) {
        self.try_disconnect(endpoint).unwrap();
    }
    fn try_disconnect(&self, endpoint: &Endpoint) -> Result<(), String>;
    fn unbind(&self, endpoint: &Endpoint) {
        self.try_unbind(endpoint).unwrap();
    }
    fn try_unbind(&self, endpoint: &Endpoint) -> Result<(), String>;
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
        SocketType::Router => {
            let router = Router::made(context, settings);
            router
                .set_drop_unroutable(settings.drop_unroutable)
                .unwrap();
            Box::new(router)
        }
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
    (try_send sends, $socket:ident, $message:ident) => {
        (**$socket).try_send($message)
    };
    (send_timeout sends, $socket:ident, $message:ident, $timeout:ident) => {
        (**$socket).send_timeout($message, $timeout)
    };
    (recv_timeout receives, $socket:ident, $timeout:ident) => {
        (**$socket).recv_timeout($timeout)
    };
    (try_recv receives, $socket:ident) => {
        (**$socket).try_recv()
    };
    (request subscribes, $socket:ident, $command:ident) => {
        match $command {
            Command::Subscribe(topic) => $socket.subscribe(topic).map_err(|e| e.to_string()),
            Command::Cancel(topic) => $socket.unsubscribe(topic).map_err(|e| e.to_string()),
            other => panic!("{other:?} is no subscription"),
        }
    };
    (request requests, $socket:ident, $command:ident) => {
        match $command {
            Command::Subscribe(topic) => (**$socket).send([&[1], &topic[..]].concat()),
            Command::Cancel(topic) => (**$socket).send([&[0], &topic[..]].concat()),
            other => panic!("{other:?} is no subscription"),
        }
        .map_err(|error| error.to_string())
    };
    (topics publishes, $socket:ident) => {
        $socket.topics().unwrap()
    };
    ($call:ident $half:ident, $socket:ident $(, $what:ident)*) => {
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

            fn try_connect(&self, endpoint: &Endpoint) -> Result<(), ConnectError> {
                ferromq::Socket::connect(self, endpoint)
            }

            fn events(&self) -> Events {
                ferromq::Socket::events(self)
            }

            fn pipes(&self) -> usize {
                ferromq::Socket::pipes(self)
            }

            fn stats(&self) -> Stats {
                ferromq::Socket::stats(self)
            }

            fn close(&self) -> CloseReport {
                ferromq::Socket::close(self)
            }

            #[allow(unused_variables, reason = "there may be nothing to be done with it")]
            fn send(&self, message: Message) {
                half!(send $send, self, message)
            }

            #[allow(unused_variables, reason = "there may be nothing to be done with it")]
            fn try_send(&self, message: Message) -> Result<(), SendError> {
                half!(try_send $send, self, message)
            }

            #[allow(unused_variables, reason = "there may be nothing to be done with it")]
            fn send_timeout(&self, message: Message, timeout: Duration) -> Result<(), SendError> {
                half!(send_timeout $send, self, message, timeout)
            }

            #[allow(unused_variables, reason = "there may be nothing to be done with it")]
            fn recv_timeout(&self, timeout: Duration) -> Result<Message, RecvError> {
                half!(recv_timeout $receive, self, timeout)
            }

            fn try_recv(&self) -> Result<Message, RecvError> {
                half!(try_recv $receive, self)
            }

            #[allow(unused_variables, reason = "there may be nothing to be done with it")]
            fn try_request(&self, command: &Command) -> Result<(), String> {
                half!(request $request, self, command)
            }

            fn topics(&self) -> usize {
                half!(topics $request, self)
            }

            fn try_disconnect(&self, endpoint: &Endpoint) -> Result<(), String> {
                ferromq::Socket::disconnect(self, endpoint).map_err(|error| error.to_string())
            }

            fn try_unbind(&self, endpoint: &Endpoint) -> Result<(), String> {
                ferromq::Socket::unbind(self, endpoint).map_err(|error| error.to_string())
            }
        }
    )*};
}

sockets! {
    Dealer: sends receives none;
    Pair: sends receives none;
    Pub: sends none publishes;
    Pull: none receives none;
    Push: sends none none;
    Rep: sends receives none;
    Req: sends receives none;
    Router: sends receives none;
    Sub: none receives subscribes;
    Xpub: sends receives publishes;
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
        for (name, value) in &self.metadata {
            builder = builder.metadata(*name, *value);
        }
        if let Some(most) = self.max_message_size {
            builder = builder.max_message_size(most);
        }
        if let Some(most) = self.max_parts {
            builder = builder.max_parts(most);
        }
        if let Some(mark) = self.send_mark {
            builder = builder.send_high_water_mark(mark);
        }
        if let Some(mark) = self.receive_mark {
            builder = builder.receive_high_water_mark(mark);
        }
        if self.small_buffers {
            builder = builder.kernel_buffers(Some(4096), Some(4096));
        }
        if let Some(pause) = self.reconnect {
            builder = builder.reconnect_interval(pause, pause);
        }
        if let Some(timeout) = self.heartbeats.timeout {
            builder = builder.heartbeat_timeout(timeout);
        }
        let (security, authenticator) = self.secured();
        builder = builder.security(security);
        match (self.security("zap_domain"), authenticator) {
            (Some(domain), _) => builder = builder.zap_domain(domain),
            (None, Some(known)) => builder = builder.authenticator(known),
            (None, None) => {}
        }
        builder = builder
            .heartbeat_interval(self.heartbeats.interval)
            .heartbeat_ttl(self.heartbeats.ttl)
            .min_zmtp(self.min_zmtp);
        builder.linger(self.linger.unwrap_or_default())
    }

    /// The mechanism and role that the security options name; and of a server, who is known to it.
    fn secured(&self) -> (Security, Option<Authenticator>) {
        let value = |name| self.security(name);
        let own = || KeyPair::from(SecretKey::from_str(value("curve_secretkey").unwrap()).unwrap());
        if value("plain_server").is_some() {
            let users = Authenticator::users([(USER, PASSWORD)]);
            (Security::plain_server(), Some(users))
        } else if value("curve_server").is_some() {
            let known = Authenticator::keys([CLIENT_PUBLIC.parse().unwrap()]);
            (Security::curve_server(own()), Some(known))
        } else if let Some(server) = value("curve_serverkey") {
            (Security::curve_client(own(), server.parse().unwrap()), None)
        } else if let Some(username) = value("plain_username") {
            let password = value("plain_password").unwrap();
            (Security::plain_client(username, password), None)
        } else {
            (Security::null(), None)
        }
    }

    /// The value of a security option.
    fn security(&self, wanted: &str) -> Option<&str> {
        let mut named = self.security.iter();
        named.find_map(|(name, value)| (name == wanted).then_some(value.as_str()))
    }
}
