//! Whole sockets of each type and mechanism, bound or dialing, whose peer sends anything: they go
//! on, and serve who comes next.

use std::io::{ErrorKind, IoSlice};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ferromq::{
    Authenticator, Builder, Context, Dealer, KeyPair, Pair, Pub, Pull, Push, Rep, Req, Router,
    SecretKey, Security, Socket, Sub, Verdict, Xpub, Xsub, ZmtpVersion,
};
use ferromq_core::BuildableSocket;
use ferromq_testkit::{MockPeer, SimWorld};

use crate::Input;

const SECOND: Duration = Duration::from_secs(1);

const BOUND: &str = "tcp://127.0.0.1:5555";

/// Where the socket dials, and its peer listens.
const DIALED: &str = "tcp://127.0.0.1:6666";

/// The socket type is the first byte's, everything else follows.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 11 {
        0 => suffer::<Pull>(&mut input, |pull| drop(pull.try_recv())),
        1 => suffer::<Push>(&mut input, |push| drop(push.try_send("x"))),
        2 => suffer::<Rep>(&mut input, |rep| {
            if let Ok(request) = rep.try_recv() {
                drop(rep.try_send(request));
            }
        }),
        3 => suffer::<Req>(&mut input, |req| {
            drop(req.try_send("x"));
            drop(req.try_recv());
        }),
        4 => suffer::<Router>(&mut input, |router| {
            if let Ok(message) = router.try_recv() {
                drop(router.try_send(message));
            }
        }),
        5 => suffer::<Dealer>(&mut input, |dealer| {
            drop(dealer.try_send("x"));
            drop(dealer.try_recv());
        }),
        6 => suffer::<Pub>(&mut input, |publisher| drop(publisher.try_send("topic"))),
        7 => suffer::<Xpub>(&mut input, |xpub| {
            drop(xpub.try_send("topic"));
            drop(xpub.try_recv());
        }),
        8 => suffer::<Sub>(&mut input, |sub| {
            let _ = sub.subscribe("t");
            drop(sub.try_recv());
        }),
        9 => suffer::<Xsub>(&mut input, |xsub| {
            drop(xsub.try_send("\u{1}t"));
            drop(xsub.try_recv());
        }),
        _ => suffer::<Pair>(&mut input, |pair| {
            drop(pair.try_send("x"));
            drop(pair.try_recv());
        }),
    }
}

fn keys(seed: u8) -> KeyPair {
    KeyPair::from(SecretKey::from_bytes([seed; 32]))
}

/// Options that the input says.
fn builder<S: BuildableSocket>(input: &mut Input<'_>) -> Builder<S> {
    let anybody = || Authenticator::asynchronous(async |_| Verdict::allow("somebody"));
    let builder = Builder::<S>::default()
        .send_high_water_mark(2)
        .receive_high_water_mark(2)
        .linger(SECOND);
    let builder = match input.byte() % 5 {
        0 => builder,
        1 => builder.security(Security::plain_client("user", "password")),
        2 => builder
            .security(Security::plain_server())
            .authenticator(anybody()),
        3 => builder.security(Security::curve_client(keys(2), keys(1).public)),
        _ => builder.security(Security::curve_server(keys(1))),
    };
    let options = input.byte();
    let builder = match options & 3 {
        1 => builder.min_zmtp(ZmtpVersion::V2_0),
        2 => builder.min_zmtp(ZmtpVersion::V1_0),
        _ => builder,
    };
    match options & 4 {
        0 => builder,
        _ => builder.heartbeat_interval(SECOND / 10),
    }
}

/// Has a socket talk with the input, and looks whether it can still be closed.
fn suffer<S>(input: &mut Input<'_>, act: impl Fn(&S))
where
    S: BuildableSocket + Deref<Target = Socket<<S as BuildableSocket>::Pattern>>,
{
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let Ok(socket) = builder::<S>(input).build(&context) else {
        return;
    };
    let bound = socket.bind(BOUND);
    assert!(bound.is_ok(), "{bound:?}");
    let dials = input.byte() % 2 == 1;
    let piece = usize::from(input.byte()) + 1;
    let bytes = input.rest();
    let stream = if dials {
        let listener = MockPeer::listen(&world, DIALED);
        let connected = socket.connect(DIALED);
        assert!(connected.is_ok(), "{connected:?}");
        let mut taken = None;
        world.run_within(SECOND, || {
            taken = taken.take().or_else(|| listener.accept().ok());
            taken.is_some()
        });
        taken
    } else {
        Some(world.dial_raw(BOUND).1)
    };
    let Some(stream) = stream else {
        panic!("the socket does not dial");
    };
    world.run_within(SECOND, || world.is_writable(&*stream));
    let mut heard = Vec::with_capacity(1 << 16);
    for piece in bytes.chunks(piece) {
        let mut rest = piece;
        while !rest.is_empty() {
            match stream.write(&[IoSlice::new(rest)]) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    act(&socket);
                    if !world.run_within(SECOND / 10, || world.is_writable(&*stream)) {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        world.run_within(SECOND / 100, || false);
        act(&socket);
        heard.clear();
        let _ = stream.read(&mut heard, 1 << 16);
    }
    world.advance(SECOND);
    act(&socket);
    stream.shutdown();
    world.advance(SECOND);
    act(&socket);
    assert_balanced(&socket);
    // Whoever was there, the next peer is heard.
    let next = world.dial_raw(BOUND).1;
    assert!(world.run_within(SECOND, || world.is_readable(&*next)));
    socket.close();
}

/// Every message that was accepted is somewhere.
pub(crate) fn assert_balanced<S>(socket: &S)
where
    S: BuildableSocket + Deref<Target = Socket<<S as BuildableSocket>::Pattern>>,
{
    let stats = socket.stats();
    let dropped: u64 = ferromq::Dropped::ALL
        .iter()
        .map(|reason| stats.dropped_sending(*reason))
        .sum();
    let there = stats.handed_over + stats.queued + stats.returned + dropped;
    assert_eq!(stats.accepted, there, "{stats:?}");
}
