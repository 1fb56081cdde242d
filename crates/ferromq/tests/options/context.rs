//! What a context's options change, for itself and for its sockets.

use std::sync::mpsc;
use std::thread;

use ferromq::{
    BindError, BuildError, ClosedError, ContextBuilder, EndpointError, ListenError, Pull, Push,
    RecvError,
};
use ferromq_testkit::watchdog;

use super::*;

/// A simulated world, and the options of a context in it.
fn builder() -> (SimWorld, ContextBuilder) {
    let world = SimWorld::new(1);
    let builder = Context::builder_with_world(Arc::new(world.clone()));
    (world, builder)
}

#[test]
fn io_threads_are_started_as_endpoints_need_them() {
    for threads in [1, 2, 3] {
        let (world, context) = builder();
        let context = context.io_threads(threads).build().unwrap();
        let pull = Pull::new(&context);
        assert_eq!(world.workers(), 0);
        for bound in 1..=4 {
            pull.bind(ANY).unwrap();
            world.run_idle();
            assert_eq!(world.workers(), bound.min(threads));
        }
    }
}

#[test]
fn affinity_keeps_a_socket_to_some_io_threads() {
    for (affinity, started) in [(0, 3), (0b010, 1), (0b101, 2)] {
        let (world, context) = builder();
        let context = context.io_threads(3).build().unwrap();
        let pull = Pull::builder().affinity(affinity).build(&context).unwrap();
        for _ in 0..4 {
            pull.bind(ANY).unwrap();
            world.run_idle();
        }
        assert_eq!(world.workers(), started, "{affinity:#b}");
        let built = Pull::builder().affinity(0b1000).build(&context);
        assert!(matches!(
            built,
            Err(BuildError::OutOfRange { option: "affinity" })
        ));
    }
}

#[test]
fn max_sockets_is_how_many_there_may_be_at_a_time() {
    let (_, context) = builder();
    let context = context.max_sockets(2).build().unwrap();
    let (first, _second) = (Pull::new(&context), Push::new(&context));
    let why = ClosedError::TooManySockets;
    let built = Pull::builder().build(&context);
    assert!(matches!(built, Err(BuildError::Closed(closed)) if closed == why));
    assert_eq!(Pull::new(&context).try_recv(), Err(RecvError::Closed(why)));
    drop(first);
    assert_eq!(Pull::new(&context).try_recv(), Err(RecvError::Empty));
}

#[test]
fn io_thread_has_its_name_and_calls_what_is_to_be_called() {
    watchdog::under("names of threads", WAIT, || {
        let (sender, started) = mpsc::channel();
        let tell = move |number| {
            let name = thread::current().name().map(str::to_owned);
            sender.send((number, name)).unwrap();
        };
        let context = Context::builder().thread_name_prefix("mine-").io_threads(2);
        let context = context.on_thread_start(tell).build().unwrap();
        for number in 0..2 {
            let pull = Pull::builder().affinity(1 << number);
            pull.build(&context).unwrap().bind(ANY).unwrap();
            let name = Some(format!("mine-{number}"));
            assert_eq!(started.recv().unwrap(), (number, name));
        }
    });
}

#[test]
fn context_says_how_long_its_sockets_linger() {
    let second = Duration::from_secs(1);
    for (own, expected) in [(None, Duration::ZERO), (Some(2 * second), 2 * second)] {
        let (world, context) = builder();
        let context = context.linger(Duration::ZERO).build().unwrap();
        let push = Push::builder();
        let push = own.map_or(push.clone(), |linger| push.linger(linger));
        let push = push.build(&context).unwrap();
        push.connect(NOWHERE).unwrap();
        push.send("x").unwrap();
        let start = world.elapsed();
        push.close();
        let took = world.elapsed() - start;
        assert!((expected..expected + second).contains(&took), "{took:?}");
    }
}

#[test]
fn context_says_whether_its_sockets_use_ipv6() {
    watchdog::under("no IPv6", WAIT, || {
        let context = Context::builder().ipv6(false).build().unwrap();
        let endpoint = Pull::new(&context).bind("tcp://*:*").unwrap().to_string();
        assert!(endpoint.starts_with("tcp://0.0.0.0:"), "{endpoint}");
        let told = Pull::builder().ipv6(true).build(&context).unwrap();
        let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
        assert_eq!(told.bind("tcp://[::1]:*").is_ok(), has_ipv6);
        let refused = Pull::new(&context).bind("tcp://[::1]:*").unwrap_err();
        assert!(
            matches!(
                refused,
                BindError::Listen(ListenError::Unsupported | ListenError::AddressNotAvailable)
                    | BindError::Endpoint(EndpointError::TcpDisabled)
            ),
            "{refused:?}"
        );
    });
}

#[test]
fn context_option_out_of_range_is_refused() {
    let refused = |builder: ContextBuilder| match builder.build() {
        Err(BuildError::OutOfRange { option }) => option,
        other => panic!("{other:?}"),
    };
    for threads in [0, 1025, usize::MAX] {
        let option = refused(Context::builder().io_threads(threads));
        assert_eq!(option, "io_threads");
    }
    let days = Duration::from_secs(2 * 24 * 3600);
    assert_eq!(refused(Context::builder().linger(days)), "linger");
}
