//! Endpoints: what parses, what does not and why, and the canonical text.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::EndpointError::*;
use super::*;
use crate::IpcAddress;

fn parse(text: &str) -> Result<Endpoint, EndpointError> {
    text.parse()
}

fn tcp(text: &str) -> TcpEndpoint {
    match parse(text) {
        Ok(Endpoint::Tcp(tcp)) => tcp,
        other => panic!("{text:?} is no tcp endpoint: {other:?}"),
    }
}

const MALFORMED: &[(&str, EndpointError)] = &[
    ("", SchemeMissing),
    ("tcp", SchemeMissing),
    ("tcp:", SchemeMissing),
    ("tcp:/127.0.0.1:5555", SchemeMissing),
    ("127.0.0.1:5555", SchemeMissing),
    ("/tmp/socket", SchemeMissing),
    ("://127.0.0.1:5555", SchemeUnknown),
    ("TCP://127.0.0.1:5555", SchemeUnknown),
    (" tcp://127.0.0.1:5555", SchemeUnknown),
    ("udp://127.0.0.1:5555", SchemeUnknown),
    ("tcp4://127.0.0.1:5555", SchemeUnknown),
    ("ws://127.0.0.1:5555", SchemeUnknown),
    ("tcp://127.0.0.1", PortMissing),
    ("tcp://127.0.0.1:", PortMissing),
    ("tcp://*", PortMissing),
    ("tcp://[::1]", PortMissing),
    ("tcp://[::1]:", PortMissing),
    ("tcp://localhost", PortMissing),
    ("tcp://", PortMissing),
    ("tcp://lo;127.0.0.1", PortMissing),
    ("tcp://127.0.0.1:65536", PortOutOfRange),
    ("tcp://127.0.0.1:99999999999999999999", PortOutOfRange),
    ("tcp://127.0.0.1:port", PortMalformed),
    ("tcp://127.0.0.1:55a", PortMalformed),
    ("tcp://127.0.0.1:-1", PortMalformed),
    ("tcp://127.0.0.1:+1", PortMalformed),
    ("tcp://127.0.0.1:0x10", PortMalformed),
    ("tcp://127.0.0.1:**", PortMalformed),
    ("tcp://127.0.0.1:5555/path", PortMalformed),
    ("tcp://:5555", HostEmpty),
    ("tcp://:*", HostEmpty),
    ("tcp://lo;:5555", HostEmpty),
    ("tcp://host/:5555", HostMalformed),
    ("tcp://user@host:5555", HostMalformed),
    ("tcp://**:5555", HostMalformed),
    ("tcp://h\u{f6}st:5555", HostMalformed),
    ("tcp://ho\u{7}st:5555", HostMalformed),
    ("tcp://1.2.3:5555", Ipv4Malformed),
    ("tcp://1.2.3.4.5:5555", Ipv4Malformed),
    ("tcp://1.2.3.256:5555", Ipv4Malformed),
    ("tcp://sixteen-letter.1:5555", Ipv4Malformed),
    ("tcp://0x7f.1:5555", Ipv4Malformed),
    ("tcp://1234:5555", Ipv4Malformed),
    ("tcp://.:5555", Ipv4Malformed),
    ("tcp://[::1:5555", BracketsUnbalanced),
    ("tcp://::1]:5555", BracketsUnbalanced),
    ("tcp://[::1]5555", BracketsUnbalanced),
    ("tcp://[::1]x:5555", BracketsUnbalanced),
    ("tcp://[[::1]]:5555", Ipv6Malformed),
    ("tcp://[::1]:[5555", BracketsUnbalanced),
    ("tcp://host[:5555", BracketsUnbalanced),
    ("tcp://[]:5555", Ipv6Malformed),
    ("tcp://[127.0.0.1]:5555", Ipv6Malformed),
    ("tcp://[*]:5555", Ipv6Malformed),
    ("tcp://[:::1]:5555", Ipv6Malformed),
    ("tcp://[12345::]:5555", Ipv6Malformed),
    ("tcp://host:80:90", Ipv6Malformed),
    ("tcp://1:2:3:4:5:6:7:8", Ipv6Malformed),
    ("tcp://host%eth0:5555", Ipv6Malformed),
    ("tcp://[fe80::1%]:5555", ZoneMalformed),
    ("tcp://[fe80::1%a%b]:5555", ZoneMalformed),
    ("tcp://[fe80::1%sixteen-letters-]:5555", ZoneMalformed),
    ("tcp://127.0.0.1 :5555", Whitespace),
    ("tcp://127.0.0.1:5555 ", Whitespace),
    ("tcp:// 127.0.0.1:5555", Whitespace),
    ("tcp://127.0.0.1:5555\n", Whitespace),
    ("tcp://a\u{2003}b:5555", Whitespace),
    ("tcp://;127.0.0.1:5555", SourceEmpty),
    ("tcp://*;127.0.0.1:5555", SourceWildcard),
    ("tcp://*:0;127.0.0.1:5555", SourceWildcard),
    ("tcp://:0;127.0.0.1:5555", SourceMalformed),
    ("tcp://lo:;127.0.0.1:5555", SourceMalformed),
    ("tcp://lo:70000;127.0.0.1:5555", SourceMalformed),
    ("tcp://1.2.3:0;127.0.0.1:5555", SourceMalformed),
    ("tcp://[::1;127.0.0.1:5555", SourceMalformed),
    ("tcp://lo;lo;127.0.0.1:5555", HostMalformed),
    ("tcp://127.0.0.1\0:5555", NulByte),
    ("ipc://", PathEmpty),
    ("ipc://@", AbstractNameEmpty),
    ("ipc:///tmp/a\0b", NulByte),
    ("ipc://@a\0b", NulByte),
    ("inproc://", NameEmpty),
    ("inproc://a\0b", NulByte),
];

#[test]
fn malformed_endpoints_have_their_exact_error() {
    for (text, error) in MALFORMED {
        assert_eq!(parse(text), Err(*error), "{text:?}");
    }
}

#[test]
fn lengths_are_limited_exactly() {
    let label = "a".repeat(63);
    let host = [&*label, &label, &label, &label[..61]].join(".");
    assert_eq!(host.len(), 253);
    assert!(parse(&format!("tcp://{host}:1")).is_ok());
    assert_eq!(parse(&format!("tcp://{host}a:1")), Err(HostTooLong));

    assert!(parse(&format!("inproc://{}", "n".repeat(256))).is_ok());
    assert_eq!(
        parse(&format!("inproc://{}", "n".repeat(257))),
        Err(NameTooLong)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn ipc_paths_fill_a_socket_address_and_no_more() {
    assert!(parse(&format!("ipc://{}", "p".repeat(107))).is_ok());
    assert_eq!(
        parse(&format!("ipc://{}", "p".repeat(108))),
        Err(PathTooLong)
    );
    assert!(parse(&format!("ipc://@{}", "p".repeat(107))).is_ok());
    assert_eq!(
        parse(&format!("ipc://@{}", "p".repeat(108))),
        Err(PathTooLong)
    );
}

#[test]
fn tcp_hosts_and_ports_are_told_apart() {
    let table = [
        ("tcp://127.0.0.1:5555", Host::V4(Ipv4Addr::LOCALHOST), 5555),
        ("tcp://0.0.0.0:00080", Host::V4(Ipv4Addr::UNSPECIFIED), 80),
        ("tcp://*:5555", Host::Any, 5555),
        ("tcp://*:*", Host::Any, 0),
        ("tcp://lo:0", Host::Name("lo".into()), 0),
        (
            "tcp://my-host_1.example.org.:65535",
            Host::Name("my-host_1.example.org.".into()),
            65535,
        ),
        ("tcp://1a.b2:1", Host::Name("1a.b2".into()), 1),
        ("tcp://eth0.100:1", Host::Name("eth0.100".into()), 1),
        (
            "tcp://fifteen-lette.1:1",
            Host::Name("fifteen-lette.1".into()),
            1,
        ),
        (
            "tcp://[::1]:5555",
            Host::V6(Ipv6Addr::LOCALHOST, None),
            5555,
        ),
        ("tcp://::1:5555", Host::V6(Ipv6Addr::LOCALHOST, None), 5555),
        ("tcp://[::]:*", Host::V6(Ipv6Addr::UNSPECIFIED, None), 0),
        (
            "tcp://[fe80::1%eth0]:1",
            Host::V6(
                Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
                Some("eth0".into()),
            ),
            1,
        ),
    ];
    for (text, host, port) in table {
        let endpoint = tcp(text);
        assert_eq!((endpoint.host(), endpoint.port()), (&host, port), "{text}");
        assert_eq!(endpoint.source(), None, "{text}");
    }
}

#[test]
fn tcp_source_is_a_literal_or_interface_with_an_optional_port() {
    let table = [
        ("tcp://127.0.0.1:0;host:1", Host::V4(Ipv4Addr::LOCALHOST), 0),
        ("tcp://127.0.0.1;host:1", Host::V4(Ipv4Addr::LOCALHOST), 0),
        ("tcp://lo:5555;host:1", Host::Name("lo".into()), 5555),
        ("tcp://lo:*;host:1", Host::Name("lo".into()), 0),
        ("tcp://[::1];host:1", Host::V6(Ipv6Addr::LOCALHOST, None), 0),
        (
            "tcp://[::1]:7;host:1",
            Host::V6(Ipv6Addr::LOCALHOST, None),
            7,
        ),
    ];
    for (text, host, port) in table {
        let endpoint = tcp(text);
        let source = endpoint.source().unwrap();
        assert_eq!((source.host(), source.port()), (&host, port), "{text}");
        assert_eq!(
            (endpoint.host(), endpoint.port()),
            (&Host::Name("host".into()), 1),
            "{text}"
        );
    }
}

#[test]
fn ipc_path_abstract_name_and_wildcard_are_told_apart() {
    let table = [
        ("ipc:///tmp/a b", Some(IpcAddress::Path("/tmp/a b".into()))),
        ("ipc://relative", Some(IpcAddress::Path("relative".into()))),
        ("ipc://a*", Some(IpcAddress::Path("a*".into()))),
        ("ipc://@name", Some(IpcAddress::Abstract("name".into()))),
        ("ipc://*", None),
    ];
    for (text, address) in table {
        let Ok(Endpoint::Ipc(ipc)) = parse(text) else {
            panic!("{text} is no ipc endpoint")
        };
        assert_eq!(ipc.address(), address.as_ref(), "{text}");
    }
}

#[test]
fn display_is_canonical() {
    let table = [
        ("tcp://*:0", "tcp://*:*"),
        ("tcp://::1:0080", "tcp://[::1]:80"),
        ("tcp://[0:0::0:1]:80", "tcp://[::1]:80"),
        ("tcp://[fe80::1%eth0]:1", "tcp://[fe80::1%eth0]:1"),
        ("tcp://lo;host:1", "tcp://lo:0;host:1"),
        ("tcp://[::1];host:1", "tcp://[::1]:0;host:1"),
        ("ipc:///tmp/a b", "ipc:///tmp/a b"),
        ("ipc://@name", "ipc://@name"),
        ("ipc://*", "ipc://*"),
        ("inproc://any thing://@*", "inproc://any thing://@*"),
    ];
    for (text, canonical) in table {
        assert_eq!(parse(text).unwrap().to_string(), canonical);
    }
}

#[test]
fn socket_address_becomes_its_literal_endpoint() {
    for text in [
        "tcp://127.0.0.1:80",
        "tcp://[::1]:80",
        "tcp://[fe80::1%3]:80",
    ] {
        let address: SocketAddr = text.strip_prefix("tcp://").unwrap().parse().unwrap();
        assert_eq!(Endpoint::from(address).to_string(), text);
        assert_eq!(Endpoint::from(address), parse(text).unwrap());
    }
}

#[test]
fn check_connect_refuses_wildcards() {
    let table = [
        ("tcp://*:5555", Err(HostWildcard)),
        ("tcp://*:*", Err(HostWildcard)),
        ("tcp://127.0.0.1:0", Err(PortWildcard)),
        ("tcp://127.0.0.1:*", Err(PortWildcard)),
        ("tcp://127.0.0.1:1", Ok(())),
        ("tcp://lo:0;127.0.0.1:1", Ok(())),
        ("ipc://*", Err(PathWildcard)),
        ("ipc://@name", Ok(())),
        ("inproc://*", Ok(())),
    ];
    for (text, outcome) in table {
        assert_eq!(parse(text).unwrap().check_connect(), outcome, "{text}");
    }
}

#[test]
fn check_bind_refuses_a_source() {
    let table = [
        ("tcp://lo;127.0.0.1:1", Err(SourceWhenBinding)),
        ("tcp://*:*", Ok(())),
        ("ipc://*", Ok(())),
        ("inproc://name", Ok(())),
    ];
    for (text, outcome) in table {
        assert_eq!(parse(text).unwrap().check_bind(), outcome, "{text}");
    }
}

#[test]
fn endpoint_is_taken_in_every_form() {
    fn take<E: Into<EndpointError>>(
        endpoint: impl TryInto<Endpoint, Error = E>,
    ) -> Result<Endpoint, EndpointError> {
        endpoint.try_into().map_err(Into::into)
    }
    let text = "tcp://127.0.0.1:5555";
    let owned = text.to_owned();
    let endpoint = parse(text).unwrap();
    assert_eq!(take(text).as_ref(), Ok(&endpoint));
    assert_eq!(take(&owned).as_ref(), Ok(&endpoint));
    assert_eq!(take(owned).as_ref(), Ok(&endpoint));
    assert_eq!(take(&endpoint).as_ref(), Ok(&endpoint));
    assert_eq!(take(endpoint.clone()).as_ref(), Ok(&endpoint));
    assert_eq!(take("nonsense"), Err(SchemeMissing));
}

/// Texts that come near to being endpoints.
fn near_endpoints() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "tcp://",
        "ipc://",
        "inproc://",
        "*",
        "@",
        ":",
        ";",
        "[",
        "]",
        "%",
        ".",
        "::1",
        "127.0.0.1",
        "fe80::1",
        "lo",
        "host",
        "0",
        "5555",
        "65536",
        " ",
        "\0",
        "/",
        "\u{f6}",
        "-",
    ]);
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parsing_anything_never_panics(text in any::<String>()) {
        for scheme in ["", "tcp://", "ipc://", "inproc://"] {
            let _ = parse(&format!("{scheme}{text}"));
        }
    }

    #[test]
    fn display_parses_to_an_equal_endpoint(text in near_endpoints()) {
        for scheme in ["", "tcp://", "ipc://", "inproc://"] {
            if let Ok(endpoint) = parse(&format!("{scheme}{text}")) {
                let canonical = endpoint.to_string();
                let again = parse(&canonical);
                prop_assert_eq!(again.as_ref(), Ok(&endpoint));
                prop_assert_eq!(again.map(|it| it.to_string()), Ok(canonical));
            }
        }
    }
}
