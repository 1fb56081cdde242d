//! Addresses that cannot be had, and peers that cannot be reached: each with its typed error or
//! event, and the socket goes on.

#![cfg(all(
    unix,
    feature = "pipeline",
    feature = "pubsub",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq::{
    BindError, ConnectError, Context, EndpointError, Event, Events, ListenError, Pub, Pull, Push,
};
use ferromq_testkit::SimWorld;

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, assert_serves, handshake_success, under, wait_for};

/// A fresh directory, removed with what is in it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ferromq-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn endpoint(&self, name: &str) -> String {
        format!("ipc://{}/{name}", self.0.display())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[track_caller]
fn assert_in_use(result: Result<ferromq::Endpoint, BindError>) {
    let in_use = BindError::Listen(ListenError::AddressInUse);
    assert_eq!(result.unwrap_err().to_string(), in_use.to_string());
}

/// Waits for a failed dial and the announcement of the next one.
#[track_caller]
fn connect_failure(events: &Events) -> io::ErrorKind {
    let failed = |event: &Event| matches!(event, Event::ConnectFailed { .. });
    let Event::ConnectFailed {
        error, endpoint, ..
    } = wait_for(events, failed)
    else {
        unreachable!("only that was waited for");
    };
    match events.next_timeout(WAIT) {
        Some(Event::Retry { endpoint: next, .. }) => assert_eq!(next, endpoint),
        other => panic!("a retry follows, not {other:?}"),
    }
    error
}

#[test]
fn tcp_bind_to_an_address_in_use_fails_and_leaves_the_owner_alone() {
    under("tcp in use", || {
        let context = Context::new();
        let (first, second) = (Pull::new(&context), Pull::new(&context));
        let endpoint = first.bind("tcp://127.0.0.1:*").unwrap();
        assert_in_use(second.bind(&endpoint));
        assert_in_use(first.bind(&endpoint));
        assert_serves(&first, &endpoint);
        let foreign = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_in_use(second.bind(foreign.local_addr().unwrap()));
        let other = second.bind("tcp://127.0.0.1:*").unwrap();
        assert_serves(&second, &other);
    });
}

#[test]
fn ipc_bind_to_a_live_path_fails_and_leaves_the_owner_alone() {
    under("ipc in use", || {
        let directory = Directory::new("live");
        let context = Context::new();
        let (first, second) = (Pull::new(&context), Pull::new(&context));
        let endpoint = first.bind(directory.endpoint("a")).unwrap();
        assert_in_use(second.bind(&endpoint));
        assert_in_use(Pull::new(&Context::new()).bind(&endpoint));
        assert_serves(&first, &endpoint);
    });
}

#[test]
fn inproc_bind_to_a_name_in_use_fails_within_the_context_only() {
    let context = Context::new();
    let (first, second) = (Pull::new(&context), Pull::new(&context));
    first.bind("inproc://name").unwrap();
    assert!(matches!(
        second.bind("inproc://name"),
        Err(BindError::NameInUse)
    ));
    assert!(matches!(
        first.bind("inproc://name"),
        Err(BindError::NameInUse)
    ));
    Pull::new(&Context::new()).bind("inproc://name").unwrap();
    first.close();
    second.bind("inproc://name").unwrap();
}

#[test]
fn ipc_path_too_long_is_refused_by_bind_and_connect() {
    let socket = Pull::new(&Context::new());
    let long = format!("ipc:///tmp/{}", "x".repeat(110));
    assert!(matches!(
        socket.bind(&long),
        Err(BindError::Endpoint(EndpointError::PathTooLong))
    ));
    assert!(matches!(
        socket.connect(&long),
        Err(ConnectError::Endpoint(EndpointError::PathTooLong))
    ));
}

#[test]
fn ipc_bind_where_no_socket_can_be_fails_and_touches_nothing() {
    under("ipc not a socket", || {
        let directory = Directory::new("occupied");
        let pull = Pull::new(&Context::new());
        fs::write(directory.0.join("file"), "precious").unwrap();
        assert!(matches!(
            pull.bind(directory.endpoint("file")),
            Err(BindError::Listen(ListenError::NotASocket))
        ));
        assert_eq!(
            fs::read_to_string(directory.0.join("file")).unwrap(),
            "precious"
        );
        let missing = pull.bind(directory.endpoint("no/such/directory"));
        let Err(BindError::Listen(ListenError::Io(error))) = missing else {
            panic!("{missing:?}");
        };
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    });
}

const CHILD: &str = "FERROMQ_BAD_ENDPOINTS_CHILD";

/// Runs one test of this file again, as another process with a value.
fn child(test: &str, value: &str, before: &str) -> Child {
    let run = format!("{before} exec \"$0\" --exact {test} --nocapture --test-threads 1");
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(run)
        .arg(std::env::current_exe().unwrap());
    command.env(CHILD, value).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// The rest of the child's next line that begins with `mark`.
fn line_of(output: &mut impl BufRead, mark: &str) -> String {
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some((_, rest)) = line.trim_end().split_once(mark) {
            return rest.to_owned();
        }
        line.clear();
    }
    panic!("the child ended before it said {mark:?}");
}

#[test]
fn ipc_file_of_a_dead_process_is_replaced() {
    if let Ok(endpoint) = std::env::var(CHILD) {
        let pull = Pull::new(&Context::new());
        pull.bind(&endpoint).unwrap();
        std::process::abort();
    }
    under("stale ipc file", || {
        let directory = Directory::new("stale");
        let endpoint = directory.endpoint("a");
        let mut dead = child("ipc_file_of_a_dead_process_is_replaced", &endpoint, "");
        assert!(!dead.wait().unwrap().success());
        let left = fs::symlink_metadata(directory.0.join("a")).unwrap();
        assert!(left.file_type().is_socket());
        let pull = Pull::new(&Context::new());
        let endpoint = pull.bind(&endpoint).unwrap();
        assert_serves(&pull, &endpoint);
        pull.close();
        assert!(!directory.0.join("a").exists());
    });
}

#[test]
fn connect_to_a_refused_tcp_port_retries_until_somebody_binds() {
    under("refused", || {
        let port = TcpListener::bind("127.77.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", port.local_addr().unwrap());
        drop(port);
        let context = Context::new();
        let push = Push::builder()
            .reconnect_interval(Duration::from_millis(10), Duration::from_millis(20))
            .build(&context)
            .unwrap();
        let events = push.events();
        push.connect(&endpoint).unwrap();
        push.send("kept").unwrap();
        for _ in 0..3 {
            assert_eq!(connect_failure(&events), io::ErrorKind::ConnectionRefused);
        }
        let pull = Pull::new(&context);
        pull.bind(&endpoint).unwrap();
        handshake_success(&events);
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("kept"));
    });
}

#[test]
fn connect_to_an_absent_ipc_path_retries_until_somebody_binds() {
    under("absent path", || {
        let directory = Directory::new("absent");
        let context = Context::new();
        let push = Push::builder()
            .reconnect_interval(Duration::from_millis(10), Duration::from_millis(20))
            .build(&context)
            .unwrap();
        let events = push.events();
        push.connect(directory.endpoint("a")).unwrap();
        assert_eq!(connect_failure(&events), io::ErrorKind::NotFound);
        push.send("kept").unwrap();
        let pull = Pull::new(&context);
        pull.bind(directory.endpoint("a")).unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("kept"));
    });
}

#[test]
fn connect_to_an_unreachable_host_or_name_retries_until_it_is_there() {
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let push = Push::new(&context);
    let events = push.events();
    world.fail_dial(io::ErrorKind::HostUnreachable, 2);
    world.fail_name("server", io::ErrorKind::NotFound);
    push.connect("tcp://server:5555").unwrap();
    assert_eq!(connect_failure(&events), io::ErrorKind::NotFound);
    world.add_name("server", &[[10, 0, 0, 1].into(), [10, 0, 0, 2].into()]);
    assert_eq!(connect_failure(&events), io::ErrorKind::HostUnreachable);
    assert_eq!(connect_failure(&events), io::ErrorKind::ConnectionRefused);
    let pull = Pull::new(&context);
    pull.bind("tcp://10.0.0.2:5555").unwrap();
    push.send("kept").unwrap();
    assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("kept"));
}

#[test]
fn connect_to_an_incompatible_inproc_peer_is_refused() {
    let context = Context::new();
    let (publisher, pull) = (Pub::new(&context), Pull::new(&context));
    publisher.bind("inproc://name").unwrap();
    assert!(matches!(
        pull.connect("inproc://name"),
        Err(ConnectError::IncompatiblePeer)
    ));
    assert_eq!((publisher.pipes(), pull.pipes()), (0, 0));
}

#[test]
fn accept_without_descriptors_pauses_and_goes_on() {
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let pull = Pull::new(&context);
    let events = pull.events();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    world.fail_accept(&endpoint.to_string(), 24, 3);
    let push = Push::new(&context);
    push.connect(&endpoint).unwrap();
    push.send("kept").unwrap();
    let before = world.elapsed();
    for _ in 0..3 {
        let failed = wait_for(&events, |event| matches!(event, Event::AcceptFailed { .. }));
        assert!(matches!(failed, Event::AcceptFailed { code: Some(24), .. }));
    }
    let paused = world.elapsed() - before;
    assert!(paused >= Duration::from_millis(200), "{paused:?}");
    assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("kept"));
}

#[test]
fn process_out_of_descriptors_serves_who_does_not_only_take_them() {
    if std::env::var(CHILD).is_ok() {
        return serve_with_few_descriptors();
    }
    under("out of descriptors", || {
        let test = "process_out_of_descriptors_serves_who_does_not_only_take_them";
        let mut child = child(test, "1", "ulimit -n 32;");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = line_of(&mut output, "bound to ");
        let crowd: Vec<_> = (0..64)
            .map(|_| std::net::TcpStream::connect(&address).unwrap())
            .collect();
        let failures: u32 = line_of(&mut output, "failures ").parse().unwrap();
        assert!((1..=6).contains(&failures), "it spins: {failures}");
        let push = Push::new(&Context::new());
        push.connect(format!("tcp://{address}")).unwrap();
        push.send("honest").unwrap();
        assert_eq!(line_of(&mut output, "received "), "honest");
        drop(crowd);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success(), "{rest}");
    });
}

#[allow(clippy::print_stdout, reason = "it talks to its parent process")]
fn serve_with_few_descriptors() {
    let pull = Pull::new(&Context::new());
    let events = pull.events();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    println!("\nbound to {}", common::address(&endpoint));
    let failed = |event: &Event| matches!(event, Event::AcceptFailed { code: Some(24), .. });
    wait_for(&events, failed);
    let end = Instant::now() + Duration::from_millis(300);
    let more = std::iter::from_fn(|| {
        let left = end.saturating_duration_since(Instant::now());
        events.wait_for(left, failed)
    });
    println!("failures {}", more.count());
    let message = pull.recv_timeout(WAIT).unwrap();
    println!("received {}", message.part_str(0).unwrap());
}
