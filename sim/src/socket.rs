//! Sockets of any type behind one face.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    Arrival, Authenticator, BindError, BuildError, Builder, CloseReport, ConnectError, Context,
    Dealer, Endpoint, Events, KeyPair, Message, OnPeerLost, Pair, PeerInfo, PipeId, Proxy, Pub,
    PubOptions as _, Pull, Push, Readiness, RecvError, ReleaseError, Rep, Req, RequestError,
    Router, SecretKey, Security, SendError, SlowSubscriber, Socket, SocketType, Stats, Sub, Xpub,
    Xsub,
};
use ferromq_core::BuildableSocket;

use crate::plan::{Lock, Overflow};

/// What a receive call gives.
pub(crate) type Received = Result<Arrival, RecvError>;

/// What a request gives.
pub(crate) type Answered = Result<Message, RequestError>;

/// A call that is under way.
pub(crate) type Pending<T> = Pin<Box<dyn Future<Output = T>>>;

/// A socket of any type. What a type does not have (a PULL's `send`) panics.
pub(crate) trait AnySocket: fmt::Debug + Send + Sync {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn bind(&self, endpoint: &Endpoint) -> Result<Endpoint, BindError>;
    fn unbind(&self, endpoint: &Endpoint) -> Result<(), ReleaseError>;
    fn connect(&self, endpoint: &Endpoint) -> Result<(), ConnectError>;
    fn disconnect(&self, endpoint: &Endpoint) -> Result<(), ReleaseError>;
    fn disconnect_peer(&self, pipe: PipeId) -> Result<(), ReleaseError>;
    fn peers(&self) -> Vec<PeerInfo>;
    fn events(&self) -> Events;
    fn stats(&self) -> Stats;
    fn readiness(&self) -> Readiness;
    fn close(&self) -> CloseReport;
    fn close_async(self: Arc<Self>) -> Pending<CloseReport>;
    fn try_send(&self, message: Message) -> Result<(), SendError>;
    fn send_timeout(&self, message: Message, timeout: Duration) -> Result<(), SendError>;
    fn send_async(self: Arc<Self>, message: Message) -> Pending<Result<(), SendError>>;
    fn try_recv(&self) -> Received;
    fn recv_timeout(&self, timeout: Duration) -> Received;
    fn recv_async(self: Arc<Self>) -> Pending<Received>;
    fn take_returned(&self) -> Vec<Message>;
    fn request(self: Arc<Self>, message: Message, timeout: Duration) -> Pending<Answered>;
    fn subscribe(&self, topic: &[u8]);
    /// True: it was subscribed to.
    fn unsubscribe(&self, topic: &[u8]) -> bool;
}

/// What is set when a socket is made.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) send_mark: u32,
    pub(crate) receive_mark: u32,
    /// The marks in bytes; 0: none.
    pub(crate) send_bytes: u64,
    pub(crate) receive_bytes: u64,
    pub(crate) linger: Duration,
    pub(crate) on_peer_lost: OnPeerLost,
    pub(crate) immediate: bool,
    pub(crate) heartbeat: Duration,
    pub(crate) handshake: Duration,
    pub(crate) routing_id: Option<String>,
    pub(crate) max_handshakes: usize,
    pub(crate) max_connections: usize,
    pub(crate) event_backlog: usize,
    /// How many topics a subscriber may have.
    pub(crate) most_topics: usize,
    /// Receiving tells of peers that come and go.
    pub(crate) tells: bool,
    /// How it knows its peers, and whether it is the one to be convinced.
    pub(crate) lock: (Lock, bool),
    pub(crate) overflow: Overflow,
}

/// A socket of this type.
pub(crate) fn make(
    socket_type: SocketType,
    context: &Context,
    settings: &Settings,
) -> Result<Arc<dyn AnySocket>, BuildError> {
    macro_rules! made {
        ($name:ident $($has:ident)*) => {{
            let builder = prepared::<$name>(settings);
            $(let builder = having!(builder $has);)*
            Arc::new(builder.build(context)?)
        }};
    }
    macro_rules! having {
        ($builder:ident requeues) => {
            $builder.on_peer_lost(settings.on_peer_lost)
        };
        ($builder:ident receives) => {
            $builder.tell_peers(settings.tells)
        };
        ($builder:ident conflates) => {
            $builder.conflate(settings.overflow == Overflow::Conflate)
        };
        ($builder:ident publishes) => {
            $builder
                .max_subscriptions(settings.most_topics, usize::MAX)
                .slow_subscriber(match settings.overflow {
                    Overflow::Slow(policy) => policy,
                    _ => SlowSubscriber::default(),
                })
        };
    }
    Ok(match socket_type {
        SocketType::Req => made!(Req requeues receives),
        SocketType::Rep => made!(Rep receives),
        SocketType::Dealer => made!(Dealer requeues receives conflates),
        SocketType::Router => made!(Router receives),
        SocketType::Pub => made!(Pub publishes conflates),
        SocketType::Sub => made!(Sub receives conflates),
        SocketType::Xpub => made!(Xpub receives publishes),
        SocketType::Xsub => made!(Xsub receives),
        SocketType::Push => made!(Push requeues conflates),
        SocketType::Pull => made!(Pull receives conflates),
        SocketType::Pair => made!(Pair receives),
        other => panic!("{other} is not known here"),
    })
}

/// A proxy between two sockets, if there is one between their types: given to who is to run it.
pub(crate) fn with_proxy<R>(
    kinds: [SocketType; 2],
    sockets: [&Arc<dyn AnySocket>; 2],
    run: impl FnOnce(Proxy<'_>) -> R,
) -> R {
    fn typed<S: Any + Send + Sync>(socket: &Arc<dyn AnySocket>) -> Arc<S> {
        let socket = Arc::clone(socket).into_any().downcast();
        socket.expect("it is of the type that it was made of")
    }
    let [front, back] = sockets;
    match kinds {
        [SocketType::Router, SocketType::Dealer] => run(Proxy::new(
            &*typed::<Router>(front),
            &*typed::<Dealer>(back),
        )),
        [SocketType::Xsub, SocketType::Xpub] => {
            run(Proxy::new(&*typed::<Xsub>(front), &*typed::<Xpub>(back)))
        }
        [SocketType::Pull, SocketType::Push] => run(Proxy::one_way(
            &*typed::<Pull>(front),
            &*typed::<Push>(back),
        )),
        other => panic!("no proxy is between {other:?}"),
    }
}

/// What all types have.
fn prepared<S: BuildableSocket>(settings: &Settings) -> Builder<S> {
    let mut builder: Builder<S> = Builder::default();
    if settings.lock == (Lock::Password, true) {
        builder = builder.authenticator(Authenticator::users([("user", "password")]));
    }
    if let Some(id) = &settings.routing_id {
        builder = builder.routing_id(id.clone());
    }
    builder
        .send_high_water_mark(settings.send_mark)
        .receive_high_water_mark(settings.receive_mark)
        .send_high_water_bytes(settings.send_bytes)
        .receive_high_water_bytes(settings.receive_bytes)
        .linger(settings.linger)
        .immediate(settings.immediate)
        .heartbeat_interval(settings.heartbeat)
        .handshake_timeout(settings.handshake)
        .max_handshakes(settings.max_handshakes)
        .max_connections(settings.max_connections)
        .event_backlog(settings.event_backlog)
        .security(security(settings.lock))
}

fn security(lock: (Lock, bool)) -> Security {
    let keys = |seed| KeyPair::from(SecretKey::from_bytes([seed; 32]));
    match lock {
        (Lock::Open, _) => Security::null(),
        (Lock::Password, false) => Security::plain_client("user", "password"),
        (Lock::Password, true) => Security::plain_server(),
        (Lock::Keys, false) => Security::curve_client(keys(2), keys(1).public),
        (Lock::Keys, true) => Security::curve_server(keys(1)),
    }
}

/// One operation of a socket, if its type has it.
macro_rules! half {
    (sends: $call:expr) => {
        $call
    };
    (receives: $call:expr) => {
        $call
    };
    (requeues: $call:expr) => {
        $call
    };
    (asks: $call:expr) => {
        $call
    };
    (none: $call:expr) => {
        panic!("this type has no such operation")
    };
}

macro_rules! sockets {
    ($($name:ident: $send:ident $receive:ident $requeue:ident $ask:ident;)*) => {$(
        impl AnySocket for $name {
            fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
                self
            }

            fn bind(&self, endpoint: &Endpoint) -> Result<Endpoint, BindError> {
                Socket::bind(self, endpoint)
            }

            fn unbind(&self, endpoint: &Endpoint) -> Result<(), ReleaseError> {
                Socket::unbind(self, endpoint)
            }

            fn connect(&self, endpoint: &Endpoint) -> Result<(), ConnectError> {
                Socket::connect(self, endpoint)
            }

            fn disconnect(&self, endpoint: &Endpoint) -> Result<(), ReleaseError> {
                Socket::disconnect(self, endpoint)
            }

            fn disconnect_peer(&self, pipe: PipeId) -> Result<(), ReleaseError> {
                Socket::disconnect_peer(self, pipe)
            }

            fn peers(&self) -> Vec<PeerInfo> {
                Socket::peers(self).unwrap_or_default()
            }

            fn events(&self) -> Events {
                Socket::events(self)
            }

            fn stats(&self) -> Stats {
                Socket::stats(self)
            }

            fn readiness(&self) -> Readiness {
                Socket::readiness(self)
            }

            fn close(&self) -> CloseReport {
                Socket::close(self)
            }

            fn close_async(self: Arc<Self>) -> Pending<CloseReport> {
                Box::pin(async move { Socket::close_async(&self).await })
            }

            #[allow(unused_variables, reason = "not every type sends")]
            fn try_send(&self, message: Message) -> Result<(), SendError> {
                half!($send: Socket::try_send(self, message))
            }

            #[allow(unused_variables, reason = "not every type sends")]
            fn send_timeout(&self, message: Message, timeout: Duration) -> Result<(), SendError> {
                half!($send: Socket::send_timeout(self, message, timeout))
            }

            #[allow(unused_variables, reason = "not every type sends")]
            fn send_async(self: Arc<Self>, message: Message) -> Pending<Result<(), SendError>> {
                half!($send: Box::pin(async move { Socket::send_async(&self, message).await }))
            }

            fn try_recv(&self) -> Received {
                half!($receive: Socket::try_recv_arrival(self))
            }

            #[allow(unused_variables, reason = "not every type receives")]
            fn recv_timeout(&self, timeout: Duration) -> Received {
                half!($receive: Socket::recv_arrival_timeout(self, timeout))
            }

            fn recv_async(self: Arc<Self>) -> Pending<Received> {
                half!($receive: Box::pin(async move { Socket::recv_arrival_async(&self).await }))
            }

            fn take_returned(&self) -> Vec<Message> {
                half!($requeue: Socket::take_returned(self))
            }

            #[allow(unused_variables, reason = "not every type asks")]
            fn request(self: Arc<Self>, message: Message, timeout: Duration) -> Pending<Answered> {
                half!($ask: Box::pin(async move {
                    Socket::request(&self, message).timeout(timeout).await
                }))
            }

            #[allow(unused_variables, reason = "not every type subscribes")]
            fn subscribe(&self, topic: &[u8]) {
                subscription!($name self.subscribe(topic), true)
            }

            #[allow(unused_variables, reason = "not every type subscribes")]
            fn unsubscribe(&self, topic: &[u8]) -> bool {
                subscription!($name self.unsubscribe(topic), false)
            }
        }
    )*};
}

/// SUB subscribes by methods, XSUB by messages.
macro_rules! subscription {
    (Sub $self:ident.subscribe($topic:ident), $on:literal) => {
        $self.subscribe($topic).expect("the socket is open")
    };
    (Sub $self:ident.unsubscribe($topic:ident), $on:literal) => {
        $self.unsubscribe($topic).is_ok()
    };
    (Xsub $self:ident.$call:ident($topic:ident), $on:literal) => {{
        let message = [&[u8::from($on)], $topic].concat();
        let sent = Socket::try_send($self, message);
        assert!(sent.is_ok(), "a subscription always has room");
        subscription!(result $call)
    }};
    (result subscribe) => { () };
    (result unsubscribe) => { true };
    ($name:ident $self:ident.$call:ident($topic:ident), $on:literal) => {
        panic!("this type has no such operation")
    };
}

sockets! {
    Dealer: sends receives requeues none;
    Pair: sends receives none none;
    Pub: sends none none none;
    Pull: none receives none none;
    Push: sends none requeues none;
    Rep: sends receives none none;
    Req: sends receives requeues asks;
    Router: sends receives none none;
    Sub: none receives none none;
    Xpub: sends receives none none;
    Xsub: sends receives none none;
}
