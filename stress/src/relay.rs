//! A relay on this machine, so that connections can be cut and pieces be small.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use ferromq::Endpoint;

/// Passes bytes on between whoever connects and one endpoint.
#[derive(Debug)]
pub(crate) struct Relay {
    endpoint: Endpoint,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    links: Mutex<Vec<[Stream; 2]>>,
    over: AtomicBool,
    /// The most bytes that are passed on at once.
    piece: usize,
}

impl Relay {
    /// A relay to a tcp or ipc endpoint that somebody listens on.
    pub(crate) fn to(target: &Endpoint, piece: usize) -> Self {
        let shared = Arc::new(Shared {
            links: Mutex::new(Vec::new()),
            over: AtomicBool::new(false),
            piece,
        });
        let (listener, endpoint) = Listener::open(target.scheme());
        let (working, target) = (Arc::clone(&shared), target.clone());
        let accepting = thread::spawn(move || {
            while let Some(taken) = listener.accept() {
                if working.over.load(Ordering::Acquire) {
                    return;
                }
                if let Some(made) = Stream::connect(&target) {
                    working.join(taken, made);
                }
            }
        });
        Self {
            endpoint,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where to connect to.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Cuts every connection that there is; new ones may come.
    pub(crate) fn cut(&self) {
        let links = std::mem::take(&mut *self.shared.links.lock().expect("no panic in here"));
        links.iter().flatten().for_each(Stream::shutdown);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        drop(Stream::connect(&self.endpoint));
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("the relay does not panic");
        }
        self.cut();
    }
}

impl Shared {
    /// Passes on both ways, by a thread each, until an end is over.
    fn join(&self, taken: Stream, made: Stream) {
        let (Some(taken_too), Some(made_too)) = (taken.clone(), made.clone()) else {
            return;
        };
        let pass = |from: &Stream, to: &Stream| {
            let (from, to, piece) = (from.clone(), to.clone(), self.piece);
            if let (Some(from), Some(to)) = (from, to) {
                thread::spawn(move || pass(from, to, piece));
            }
        };
        pass(&taken, &made);
        pass(&made, &taken);
        let mut links = self.links.lock().expect("no panic in here");
        links.push([taken_too, made_too]);
    }
}

/// Until the end, of which the other side is told.
fn pass(mut from: Stream, mut to: Stream, piece: usize) {
    let mut buffer = vec![0; piece];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            from.shutdown();
            return;
        }
    }
    to.shutdown_write();
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Ipc(UnixListener, PathBuf),
}

impl Listener {
    fn open(scheme: &str) -> (Self, Endpoint) {
        #[cfg(unix)]
        if scheme == "ipc" {
            static COUNT: AtomicU64 = AtomicU64::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("ferromq-relay-{}-{count}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let listener = UnixListener::bind(&path).expect("a new path");
            let endpoint = format!("ipc://{}", path.display());
            let endpoint = endpoint.parse().expect("a legal endpoint");
            return (Self::Ipc(listener, path), endpoint);
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        (Self::Tcp(listener), address.into())
    }

    fn accept(&self) -> Option<Stream> {
        match self {
            Self::Tcp(listener) => listener
                .accept()
                .ok()
                .map(|(stream, _)| Stream::Tcp(stream)),
            #[cfg(unix)]
            Self::Ipc(listener, _) => listener
                .accept()
                .ok()
                .map(|(stream, _)| Stream::Ipc(stream)),
        }
    }
}

#[cfg(unix)]
impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Ipc(_, path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Ipc(UnixStream),
}

impl Stream {
    fn connect(endpoint: &Endpoint) -> Option<Self> {
        let text = endpoint.to_string();
        match text.split_once("://")? {
            #[cfg(unix)]
            ("ipc", path) => UnixStream::connect(path).ok().map(Self::Ipc),
            (_, address) => {
                let stream = TcpStream::connect(address).ok()?;
                stream.set_nodelay(true).ok()?;
                Some(Self::Tcp(stream))
            }
        }
    }

    fn clone(&self) -> Option<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().ok().map(Self::Tcp),
            #[cfg(unix)]
            Self::Ipc(stream) => stream.try_clone().ok().map(Self::Ipc),
        }
    }

    fn shutdown(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Self::Ipc(stream) => stream.shutdown(Shutdown::Both),
        };
    }

    fn shutdown_write(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Self::Ipc(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Ipc(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            #[cfg(unix)]
            Self::Ipc(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
