//! Every socket type finds its peer again after that was restarted, or the connection was cut:
//! whole sockets in the simulated world, whichever side binds, with each security mechanism that is
//! compiled and either side as its server.

#![cfg(all(
    feature = "pair",
    feature = "pipeline",
    feature = "pubsub",
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::ready;
use std::sync::Arc;

use ferromq::{
    Authenticator, Context, Dealer, Endpoint, Events, Message, Pair, Pub, Pull, Push, Rep, Req,
    Router, Security, Sub, Verdict, Xpub, Xsub,
};
use ferromq_testkit::sim::{SimWorld, for_seeds};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, handshake_success};

/// The mechanism, and whether somebody decides about peers.
type Speaks = (Security, bool);

/// What is done with sockets of every type.
trait Peer: Send + Sync + 'static {
    fn make(context: &Context, speaks: Speaks) -> Self;
    fn listen(&self, endpoint: &Endpoint);
    fn dial(&self, endpoint: &Endpoint);
    fn watch(&self) -> Events;
    fn end(&self);
}

macro_rules! peers {
    ($($name:ident: $prepare:expr;)*) => {$(
        impl Peer for $name {
            fn make(context: &Context, (security, asks): Speaks) -> Self {
                let mut builder = Self::builder().security(security);
                if asks {
                    let anybody = Authenticator::asynchronous(|_| ready(Verdict::allow("")));
                    builder = builder.authenticator(anybody);
                }
                let socket = builder.build(context).unwrap();
                let prepare: fn(&Self) = $prepare;
                prepare(&socket);
                socket
            }

            fn listen(&self, endpoint: &Endpoint) {
                self.bind(endpoint).unwrap();
            }

            fn dial(&self, endpoint: &Endpoint) {
                self.connect(endpoint).unwrap();
            }

            fn watch(&self) -> Events {
                self.events()
            }

            fn end(&self) {
                let report = self.close();
                assert!(report.complete, "{report:?}");
            }
        }
    )*};
}

peers! {
    Dealer: |_| ();
    Pair: |_| ();
    Pub: |_| ();
    Pull: |_| ();
    Push: |_| ();
    Rep: |_| ();
    Req: |_| ();
    Router: |_| ();
    Sub: |sub| sub.subscribe("news").unwrap();
    Xpub: |_| ();
    Xsub: |xsub| xsub.send("\u{1}news").unwrap();
}

/// Sends messages of this round and checks that they arrive.
type Exchange<A, B> = fn(&SimWorld, &A, &B, &str);

/// Where the peers meet: in the simulated world.
const ENDPOINTS: &[&str] = &[
    "tcp://127.0.0.1:5555",
    #[cfg(unix)]
    "ipc:///sim/pipe",
];

/// Restarts the side that binds, and cuts the connection, again and again; then the same with the
/// other side bound.
fn restart<A: Peer, B: Peer>(exchange: Exchange<A, B>) {
    for_seeds(0..8, |seed| {
        // The others cost a debug build a hundred times as much.
        let count = if seed < 2 { usize::MAX } else { 1 };
        for securities in mechanisms().into_iter().take(count) {
            for &endpoint in ENDPOINTS {
                restart_bound::<A, B>(seed, endpoint, &securities, exchange);
                restart_bound::<B, A>(seed, endpoint, &securities, |world, b, a, round| {
                    exchange(world, a, b, round);
                });
            }
        }
    });
}

/// What who binds and who dials speak.
fn mechanisms() -> Vec<[Speaks; 2]> {
    #[allow(unused_mut, reason = "mechanisms are features")]
    let mut mechanisms = vec![[(Security::null(), true), (Security::null(), true)]];
    #[cfg(feature = "plain")]
    {
        let client = Security::plain_client("user", "");
        mechanisms.push([(Security::plain_server(), true), (client, false)]);
    }
    #[cfg(feature = "curve")]
    {
        let keys = || ferromq::KeyPair::generate().unwrap();
        let server = keys();
        let client = Security::curve_client(keys(), server.public);
        let mut pair = [(Security::curve_server(server), true), (client, false)];
        mechanisms.push(pair.clone());
        pair.reverse();
        mechanisms.push(pair);
    }
    mechanisms
}

fn restart_bound<A: Peer, B: Peer>(
    seed: u64,
    endpoint: &str,
    [bound_speaks, dialer_speaks]: &[Speaks; 2],
    exchange: impl Fn(&SimWorld, &A, &B, &str),
) {
    let world = SimWorld::new(seed);
    let place: Endpoint = endpoint.parse().unwrap();
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let dialer = B::make(&context, dialer_speaks.clone());
    dialer.dial(&place);
    for start in 0..4 {
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let bound = A::make(&context, bound_speaks.clone());
        let events = bound.watch();
        bound.listen(&place);
        for link in 0..3 {
            handshake_success(&events);
            exchange(&world, &bound, &dialer, &format!("{start}.{link}"));
            for link in world.links_to(endpoint) {
                world.cut(link);
            }
        }
        handshake_success(&events);
        bound.end();
    }
    dialer.end();
}

/// The next message, which is this one.
macro_rules! assert_receives {
    ($socket:expr, $message:expr) => {
        assert_eq!($socket.recv_timeout(WAIT), Ok(Message::from($message)))
    };
}

#[test]
fn push_and_pull_find_each_other_again() {
    restart::<Push, Pull>(|_, push, pull, round| {
        push.send(round).unwrap();
        assert_receives!(pull, round);
    });
}

#[test]
fn req_and_rep_find_each_other_again() {
    restart::<Req, Rep>(|_, req, rep, round| {
        req.send(["ask", round]).unwrap();
        assert_receives!(rep, ["ask", round]);
        rep.send(["answer", round]).unwrap();
        assert_receives!(req, ["answer", round]);
    });
}

#[test]
fn dealer_and_rep_find_each_other_again() {
    restart::<Dealer, Rep>(|_, dealer, rep, round| {
        dealer.send(["", round]).unwrap();
        assert_receives!(rep, round);
        rep.send(round).unwrap();
        assert_receives!(dealer, ["", round]);
    });
}

#[test]
fn req_and_router_find_each_other_again() {
    restart::<Req, Router>(|_, req, router, round| {
        req.send(round).unwrap();
        let request = router.recv_timeout(WAIT).unwrap();
        assert_eq!(request.part_str(2), Ok(round));
        router.send(request).unwrap();
        assert_receives!(req, round);
    });
}

#[test]
fn dealer_and_router_find_each_other_again() {
    restart::<Dealer, Router>(|_, dealer, router, round| {
        dealer.send(round).unwrap();
        let request = router.recv_timeout(WAIT).unwrap();
        assert_eq!(request.part_str(1), Ok(round));
        router.send(request).unwrap();
        assert_receives!(dealer, round);
    });
}

#[test]
fn pub_and_sub_find_each_other_again_with_their_subscriptions() {
    restart::<Pub, Sub>(|world, publisher, sub, round| {
        world.run_until(|| publisher.topics() == Ok(1));
        publisher.send(["other", round]).unwrap();
        publisher.send(["news", round]).unwrap();
        assert_receives!(sub, ["news", round]);
    });
}

#[test]
fn xpub_and_xsub_find_each_other_again_with_their_subscriptions() {
    restart::<Xpub, Xsub>(|world, xpub, xsub, round| {
        world.run_until(|| xpub.topics() == Ok(1));
        let requests = std::iter::from_fn(|| xpub.try_recv().ok());
        assert_eq!(requests.last(), Some(Message::from("\u{1}news")));
        xpub.send(["other", round]).unwrap();
        xpub.send(["news", round]).unwrap();
        assert_receives!(xsub, ["news", round]);
    });
}

#[test]
fn pair_and_pair_find_each_other_again() {
    restart::<Pair, Pair>(|_, bound, dialed, round| {
        dialed.send(["there", round]).unwrap();
        assert_receives!(bound, ["there", round]);
        bound.send(["back", round]).unwrap();
        assert_receives!(dialed, ["back", round]);
    });
}

#[test]
fn pair_takes_the_next_peer_once_the_last_message_of_a_gone_one_is_received() {
    for_seeds(0..8, |seed| {
        let world = SimWorld::new(seed);
        let context = Context::with_world(Arc::new(world.clone()), 1);
        let bound = Pair::new(&context);
        let events = bound.events();
        let endpoint = bound.bind("tcp://127.0.0.1:*").unwrap();
        let first = Pair::new(&context);
        first.connect(&endpoint).unwrap();
        first.send("last words").unwrap();
        first.close();
        world.run_idle();
        assert_receives!(bound, "last words");
        assert_eq!(bound.pipes(), 0);
        let second = Pair::new(&context);
        second.connect(&endpoint).unwrap();
        handshake_success(&events);
        bound.send_timeout("welcome", WAIT).unwrap();
        assert_receives!(second, "welcome");
    });
}
