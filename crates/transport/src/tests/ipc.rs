//! What is particular to ipc: files, directories, credentials.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use super::waiting::{accept, connect, endpoint, listen, read_up_to};
use crate::{Allowed, Endpoint, IpcAddress, ListenError, Listener, TransportOptions};

/// A private directory: that of a wildcard listener.
struct Directory(Listener);

impl Directory {
    fn new() -> Self {
        Self(listen(&endpoint("ipc://*")))
    }

    fn path(&self) -> PathBuf {
        path_of(&self.0.endpoint()).parent().unwrap().to_owned()
    }

    fn endpoint(&self, name: &str) -> Endpoint {
        endpoint(&format!("ipc://{}/{name}", self.path().display()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // All but the socket of the wildcard, which removes itself and the directory.
        for entry in fs::read_dir(self.path()).unwrap() {
            let path = entry.unwrap().path();
            if path != path_of(&self.0.endpoint()) {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

fn path_of(endpoint: &Endpoint) -> PathBuf {
    let Endpoint::Ipc(ipc) = endpoint else {
        panic!("{endpoint} is not ipc")
    };
    match ipc.address() {
        Some(IpcAddress::Path(path)) => Path::new(&**path).to_owned(),
        other => panic!("{other:?} is no path"),
    }
}

fn bind(on: &Endpoint) -> Result<Listener, ListenError> {
    Listener::bind(on, &TransportOptions::default())
}

#[test]
fn file_is_removed_with_its_listener() {
    let directory = Directory::new();
    let on = directory.endpoint("a");
    let listener = listen(&on);
    assert!(path_of(&on).exists());
    drop(listener);
    assert!(!path_of(&on).exists());
}

#[test]
fn file_of_somebody_else_is_not_removed() {
    let directory = Directory::new();
    let on = directory.endpoint("a");
    let listener = listen(&on);
    fs::remove_file(path_of(&on)).unwrap();
    let usurper = UnixListener::bind(path_of(&on)).unwrap();
    let inode = fs::metadata(path_of(&on)).unwrap().ino();
    drop(listener);
    assert_eq!(fs::metadata(path_of(&on)).unwrap().ino(), inode);
    drop(usurper);
}

#[test]
fn stale_file_is_replaced() {
    let directory = Directory::new();
    let on = directory.endpoint("a");
    // The standard library leaves the file behind, as a process that is killed does.
    drop(UnixListener::bind(path_of(&on)).unwrap());
    assert!(path_of(&on).exists());
    let listener = listen(&on);
    let _dialled = connect(&on).unwrap();
    accept(&listener);
    drop(listener);
    assert!(!path_of(&on).exists());
}

#[test]
fn live_file_is_in_use() {
    let directory = Directory::new();
    let on = directory.endpoint("a");
    let live = UnixListener::bind(path_of(&on)).unwrap();
    let refused = bind(&on);
    assert!(
        matches!(refused, Err(ListenError::AddressInUse)),
        "{refused:?}"
    );
    assert!(path_of(&on).exists());
    drop(live);
    listen(&on);
}

#[test]
fn datagram_socket_is_in_use() {
    let directory = Directory::new();
    let on = directory.endpoint("a");
    let _live = UnixDatagram::bind(path_of(&on)).unwrap();
    let refused = bind(&on);
    assert!(
        matches!(refused, Err(ListenError::AddressInUse)),
        "{refused:?}"
    );
    assert!(path_of(&on).exists());
}

#[test]
fn file_that_is_no_socket_is_left_alone() {
    let directory = Directory::new();
    let file = directory.endpoint("file");
    fs::write(path_of(&file), "precious").unwrap();
    let link = directory.endpoint("link");
    symlink("nowhere", path_of(&link)).unwrap();
    for on in [&file, &link] {
        let refused = bind(on);
        assert!(
            matches!(refused, Err(ListenError::NotASocket)),
            "{refused:?}"
        );
    }
    assert_eq!(fs::read_to_string(path_of(&file)).unwrap(), "precious");
    assert!(fs::symlink_metadata(path_of(&link)).unwrap().is_symlink());
}

#[test]
fn directory_that_does_not_exist_is_an_error() {
    let directory = Directory::new();
    let refused = bind(&directory.endpoint("no/such"));
    let Err(ListenError::Io(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn wildcard_has_a_private_directory_that_goes_with_it() {
    let (a, b) = (listen(&endpoint("ipc://*")), listen(&endpoint("ipc://*")));
    assert_ne!(a.endpoint(), b.endpoint());
    let path = path_of(&a.endpoint());
    assert_eq!(path.file_name().unwrap(), "socket");
    let directory = path.parent().unwrap();
    assert_eq!(directory.parent().unwrap(), std::env::temp_dir());
    assert_eq!(
        fs::metadata(directory).unwrap().permissions().mode() & 0o777,
        0o700
    );
    connect(&a.endpoint()).unwrap();
    drop(a);
    assert!(!directory.exists());
    connect(&b.endpoint()).unwrap();
}

#[test]
fn path_of_a_wildcard_that_has_gone_can_be_bound_again_as_private_as_it_was() {
    let on = listen(&endpoint("ipc://*")).endpoint();
    let directory = path_of(&on).parent().unwrap().to_owned();
    assert!(!directory.exists());
    let again = listen(&on);
    let mode = fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    connect(&on).unwrap();
    drop(again);
    assert!(!directory.exists());
}

#[test]
fn relative_path_is_bound_and_removed() {
    let name = format!("ferromq-test-{}", std::process::id());
    let on = endpoint(&format!("ipc://{name}"));
    let listener = listen(&on);
    assert_eq!(listener.endpoint(), on);
    assert!(Path::new(&name).exists());
    connect(&on).unwrap();
    drop(listener);
    assert!(!Path::new(&name).exists());
}

#[test]
fn competing_for_a_stale_file_has_one_winner_who_keeps_it() {
    const RIVALS: usize = 4;
    let directory = Directory::new();
    for round in 0..50 {
        let on = directory.endpoint(&round.to_string());
        drop(UnixListener::bind(path_of(&on)).unwrap());
        let (start, end) = (Barrier::new(RIVALS), Barrier::new(RIVALS));
        let rival = || {
            start.wait();
            let bound = bind(&on);
            end.wait();
            match bound {
                Ok(listener) => Some(listener),
                Err(ListenError::AddressInUse) => None,
                Err(other) => panic!("{other}"),
            }
        };
        let winners: Vec<_> = thread::scope(|scope| {
            let rivals: Vec<_> = (0..RIVALS).map(|_| scope.spawn(rival)).collect();
            rivals
                .into_iter()
                .filter_map(|rival| rival.join().unwrap())
                .collect()
        });
        assert_eq!(winners.len(), 1, "round {round}");
        connect(&on).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn credentials_are_those_of_the_peer() {
    let listener = listen(&endpoint("ipc://*"));
    let dialled = connect(&listener.endpoint()).unwrap();
    let accepted = accept(&listener);
    let own = crate::Credentials {
        pid: std::process::id(),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
    };
    assert_eq!(accepted.peer_credentials(), Some(own));
    assert_eq!(dialled.peer_credentials(), Some(own));
    assert_eq!(
        accepted.peer_address(),
        format!(":{}:{}:{}", own.uid, own.gid, own.pid)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn listener_with_a_filter_takes_only_who_is_allowed() {
    let (pid, uid, gid) = (
        std::process::id(),
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let ours = [
        Allowed::User(uid),
        Allowed::Group(gid),
        Allowed::Process(pid),
    ];
    let others = [
        Allowed::User(uid + 1),
        Allowed::Group(gid + 1),
        Allowed::Process(pid + 1),
    ];
    let takes = |allowed: Vec<Allowed>| {
        let options = TransportOptions {
            allowed,
            ..TransportOptions::default()
        };
        let listener = Listener::bind(&endpoint("ipc://*"), &options).unwrap();
        let dialled = connect(&listener.endpoint()).unwrap();
        let taken = match listener.accept() {
            Ok(_stream) => return true,
            Err(error) => error.kind(),
        };
        assert_eq!(taken, std::io::ErrorKind::PermissionDenied);
        assert_eq!(read_up_to(&dialled, 1), [], "who is not allowed is closed");
        false
    };
    assert!(takes(Vec::new()));
    for (own, other) in ours.into_iter().zip(others) {
        assert!(takes(vec![own]), "{own:?}");
        assert!(!takes(vec![other]), "{other:?}");
        assert!(takes(vec![other, own]), "{own:?} besides {other:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn full_backlog_is_busy_rather_than_refused() {
    let options = TransportOptions {
        backlog: 1,
        ..TransportOptions::default()
    };
    let listener = Listener::bind(&endpoint("ipc://*"), &options).unwrap();
    let mut streams = Vec::new();
    let error = loop {
        match connect(&listener.endpoint()) {
            Ok(stream) => streams.push(stream),
            Err(error) => break error,
        }
        assert!(streams.len() < 100, "the backlog has no limit");
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
    // And a full listener is a live one.
    let refused = bind(&listener.endpoint());
    assert!(
        matches!(refused, Err(ListenError::AddressInUse)),
        "{refused:?}"
    );
}

#[test]
fn one_call_tells_of_one_who_is_not_allowed() {
    let options = TransportOptions {
        allowed: vec![Allowed::User(rustix::process::geteuid().as_raw() + 1)],
        ..TransportOptions::default()
    };
    let listener = Listener::bind(&endpoint("ipc://*"), &options).unwrap();
    let peers = [(); 3].map(|()| connect(&listener.endpoint()).unwrap());
    for told in 1..=peers.len() {
        let error = listener.accept().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        let mut space = Vec::with_capacity(1);
        let ended = peers.iter().filter(|peer| peer.read(&mut space, 1).is_ok());
        assert_eq!(ended.count(), told);
    }
    let error = listener.accept().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
}
