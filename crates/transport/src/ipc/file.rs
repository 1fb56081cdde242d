//! The files of listening unix sockets: made, taken over from the dead, removed.
//!
//! bind(2) makes the file and fails if there is one already. Then the file is *stale* if it is a
//! socket to which nobody listens (connecting is refused), and is removed. Two processes that do
//! this at the same time must not remove each other's fresh file. So probing, removing, binding and
//! listening are done under an advisory lock (flock(2)) on the directory:
//!
//! - without the lock, A probes (stale), B probes (stale), A removes and binds, B removes A's file;
//! - without listening under the lock, A has bound but does not listen yet, B's probe is refused.
//!
//! If the lock cannot be had (a directory that may not be read, a file system without locks, or
//! somebody who keeps it), binding goes on without it. On dropping, the file is removed before the
//! socket is closed, and only if it still is the one that bind made. No lock is needed for that:
//! while the socket is open, its inode cannot be used again, and nobody finds the file stale.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation;
use socket2::Socket;

use super::{listen, new_socket, socket_address};
use crate::{EndpointError, IpcAddress, IpcEndpoint, ListenError, TransportOptions};

/// What the private directory of a wildcard is called, before a random number.
const PRIVATE_PREFIX: &str = "ferromq-";

/// What the socket in it is called.
const PRIVATE_NAME: &str = "socket";

/// How often a path is tried that others make and remove at the same time.
const BIND_TRIES: usize = 4;

/// How often, a millisecond apart, a lock is tried that others hold.
const LOCK_TRIES: usize = 100;

/// The file of a listening socket; dropping it removes it.
#[derive(Debug)]
pub(super) struct SocketFile {
    /// Absolute, as the working directory may change.
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// The private directory of a wildcard, removed as well.
    _directory: Option<PrivateDirectory>,
}

impl SocketFile {
    /// Binds a path and listens.
    pub(super) fn bind(
        path: &str,
        options: &TransportOptions,
    ) -> Result<(Self, Socket), ListenError> {
        let absolute = std::path::absolute(path)?;
        let directory = PrivateDirectory::restore(&absolute);
        let address = IpcAddress::Path(path.into());
        let _lock = absolute.parent().and_then(lock_directory);
        let socket = new_socket(options)?;
        for _ in 0..BIND_TRIES {
            match socket.bind(&socket_address(&address)?) {
                Ok(()) => {
                    let found = fs::symlink_metadata(&absolute)?;
                    let identity = (found.dev(), found.ino());
                    let file = Self {
                        path: absolute,
                        identity,
                        _directory: directory,
                    };
                    listen(&socket, options)?;
                    return Ok((file, socket));
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    make_way(&absolute, &address)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(ListenError::AddressInUse)
    }

    /// Binds the file `socket` in a fresh private directory, and listens.
    pub(super) fn bind_private(
        options: &TransportOptions,
    ) -> Result<(Self, Socket, IpcEndpoint), ListenError> {
        let directory = PrivateDirectory::make()?;
        let path = directory.0.join(PRIVATE_NAME);
        let text = path.to_str().ok_or(ListenError::Unsupported)?;
        let endpoint: IpcEndpoint = text.parse().map_err(|error| match error {
            EndpointError::PathTooLong => ListenError::PathTooLong,
            other => ListenError::Endpoint(other),
        })?;
        let (mut file, socket) = Self::bind(text, options)?;
        file._directory = Some(directory);
        Ok((file, socket, endpoint))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Ok(found) = fs::symlink_metadata(&self.path)
            && (found.dev(), found.ino()) == self.identity
        {
            // If it cannot be removed, the next one to bind finds it stale.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A directory of our own below the temporary directory; dropping it removes it.
#[derive(Debug)]
struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    fn make() -> io::Result<Self> {
        loop {
            let random = RandomState::new().build_hasher().finish();
            let name = format!("{PRIVATE_PREFIX}{random:016x}");
            match Self::create(std::env::temp_dir().join(name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
    }

    /// The directory for a socket's path that a wildcard had given out, if it went with its
    /// listener: so the endpoint can be bound again.
    fn restore(socket: &Path) -> Option<Self> {
        let directory = socket.parent()?;
        let number = directory.file_name()?.to_str()?;
        let number = number.strip_prefix(PRIVATE_PREFIX)?;
        let was_ours = socket.ends_with(PRIVATE_NAME)
            && directory.parent()? == std::env::temp_dir()
            && number.len() == 16
            && u64::from_str_radix(number, 16).is_ok();
        if !was_ours {
            return None;
        }
        Self::create(directory.to_owned()).ok()
    }

    fn create(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // It stays if somebody has put something else into it.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Removes a stale socket file. Fine as well: it is gone already.
fn make_way(path: &Path, address: &IpcAddress) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => return Err(ListenError::NotASocket),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    match new_socket(&TransportOptions::default())?.connect(&socket_address(address)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // Connected, or too busy, not allowed or of another kind: somebody is there.
        Ok(()) | Err(_) => return Err(ListenError::AddressInUse),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Takes the lock of a directory; it is released by dropping the file. `None`: go on without.
fn lock_directory(directory: &Path) -> Option<File> {
    let file = File::open(directory).ok()?;
    for _ in 0..LOCK_TRIES {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(file),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}
