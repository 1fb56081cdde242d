//! Transports that were left out when the program was compiled: their endpoints parse, and are
//! refused by name; the others work.

#![cfg(feature = "pair")]

use std::time::Duration;

use ferromq::{BindError, ConnectError, Context, Endpoint, EndpointError, Pair, ReleaseError};
use ferromq_testkit::watchdog;

/// Endpoints to bind and to connect, and why not, if this build lacks the transport.
fn transports() -> [(&'static str, &'static str, Option<EndpointError>); 3] {
    let lacks = |here: bool, error| (!here).then_some(error);
    let no_ipc = if cfg!(unix) {
        EndpointError::IpcDisabled
    } else {
        EndpointError::IpcUnsupported
    };
    [
        (
            "tcp://127.0.0.1:*",
            "tcp://127.0.0.1:9",
            lacks(cfg!(feature = "tcp"), EndpointError::TcpDisabled),
        ),
        (
            "ipc://*",
            "ipc://no-such-socket",
            lacks(cfg!(all(unix, feature = "ipc")), no_ipc),
        ),
        (
            "inproc://left-out",
            "inproc://nobody",
            lacks(cfg!(feature = "inproc"), EndpointError::InprocDisabled),
        ),
    ]
}

#[test]
fn transport_that_was_left_out_is_named_by_bind_and_connect() {
    let _guard = watchdog::guard("left_out", Duration::from_secs(60));
    let context = Context::new();
    for (place, _, missing) in transports() {
        let bound = Pair::new(&context).bind(place);
        match (missing, bound) {
            (None, Ok(concrete)) => assert!(!concrete.to_string().ends_with('*')),
            (Some(missing), Err(BindError::Endpoint(error))) => assert_eq!(error, missing),
            (_, other) => panic!("{place}: {other:?}"),
        }
    }
    for (_, peer, missing) in transports() {
        let connected = Pair::new(&context).connect(peer);
        match (missing, connected) {
            (None, Ok(())) => {}
            (Some(missing), Err(ConnectError::Endpoint(error))) => assert_eq!(error, missing),
            (_, other) => panic!("{peer}: {other:?}"),
        }
    }
}

#[test]
fn endpoint_of_any_transport_parses_and_is_not_found_by_unbind() {
    let pair = Pair::new(&Context::new());
    for (_, peer, _) in transports() {
        let endpoint: Endpoint = peer.parse().unwrap();
        assert_eq!(endpoint.to_string(), peer);
        assert_eq!(pair.unbind(&endpoint), Err(ReleaseError::NotFound));
        assert_eq!(pair.disconnect(peer), Err(ReleaseError::NotFound));
    }
}
