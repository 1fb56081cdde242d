//! What this build does not have: transports that are left out, and streams of inproc.

use crate::{Endpoint, EndpointError};

/// An endpoint of each transport, whether this build has it, and what it says if not.
const TRANSPORTS: [(&str, bool, EndpointError); 3] = [
    (
        "tcp://127.0.0.1:5555",
        cfg!(feature = "tcp"),
        EndpointError::TcpDisabled,
    ),
    (
        "ipc:///tmp/socket",
        cfg!(all(unix, feature = "ipc")),
        if cfg!(unix) {
            EndpointError::IpcDisabled
        } else {
            EndpointError::IpcUnsupported
        },
    ),
    (
        "inproc://name",
        cfg!(feature = "inproc"),
        EndpointError::InprocDisabled,
    ),
];

#[test]
fn endpoint_of_a_transport_left_out_parses_and_is_refused() {
    for (text, is_here, missing) in TRANSPORTS {
        let endpoint: Endpoint = text.parse().unwrap();
        let expected = if is_here { Ok(()) } else { Err(missing) };
        assert_eq!(endpoint.check_transport(), expected, "{text}");
    }
}

#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod streams {
    use super::*;
    use crate::{ListenError, Listener, TransportOptions, resolve};

    #[test]
    fn stream_of_a_transport_left_out_is_refused() {
        for (text, _, missing) in TRANSPORTS.into_iter().filter(|(_, is_here, _)| !is_here) {
            let endpoint: Endpoint = text.parse().unwrap();
            let bound = Listener::bind(&endpoint, &TransportOptions::default());
            assert!(
                matches!(bound, Err(ListenError::Endpoint(found)) if found == missing),
                "{bound:?}"
            );
            let error = resolve(&endpoint).unwrap_err();
            let source = error.get_ref().and_then(|source| source.downcast_ref());
            assert_eq!(source, Some(&missing), "{text}");
        }
    }

    #[test]
    #[cfg(feature = "inproc")]
    fn inproc_has_no_streams() {
        let endpoint: Endpoint = "inproc://name".parse().unwrap();
        let bound = Listener::bind(&endpoint, &TransportOptions::default());
        assert!(matches!(bound, Err(ListenError::Unsupported)), "{bound:?}");
        let error = resolve(&endpoint).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    }
}
