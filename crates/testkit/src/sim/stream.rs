//! Handles to the ends of simulated links and to simulated listeners.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use ferromq_core::world::{Listener, Source, Stream};
use ferromq_transport::Endpoint;
use parking_lot::MutexGuard;

use super::link::{LinkId, Side};
use super::network::{listener_source, stream_source};
use super::scheduler::Shared;
use super::state::State;

/// One end of a link. When its host is down, every call fails, and dropping it does nothing.
pub(super) struct SimStream {
    shared: Arc<Shared>,
    host: usize,
    link: LinkId,
    side: Side,
}

impl SimStream {
    pub(super) fn new(shared: Arc<Shared>, host: usize, link: LinkId, side: Side) -> Self {
        Self {
            shared,
            host,
            link,
            side,
        }
    }

    /// The state, while the host is up.
    fn up(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.shared.lock();
        match state.down.contains(&self.host) {
            true => Err(io::ErrorKind::NotConnected.into()),
            false => Ok(state),
        }
    }
}

impl Stream for SimStream {
    fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        self.up()?.read((self.link, self.side), into, most)
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.up()?.write((self.link, self.side), slices)
    }

    fn finish_connect(&self) -> io::Result<()> {
        self.up()?.finish_connect(self.link)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.up()?.shutdown_write(self.link, self.side)
    }

    fn shutdown(&self) {
        if let Ok(mut state) = self.up() {
            state.shutdown(self.link, self.side);
        }
    }

    fn peer_address(&self) -> String {
        let Ok(state) = self.up() else {
            return String::new();
        };
        let link = state.link(self.link);
        match self.side {
            Side::Dialer => link.target.address(),
            Side::Acceptor => link.origin.address(),
        }
    }

    fn source(&self) -> Source<'_> {
        Source::Simulated(stream_source(self.link, self.side), PhantomData)
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if let Ok(mut state) = self.up() {
            state.drop_end(self.link, self.side, false);
        }
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {:?}", self.side, self.link)
    }
}

/// A listener.
pub(super) struct SimListener {
    shared: Arc<Shared>,
    host: usize,
    id: u64,
    endpoint: Endpoint,
}

impl SimListener {
    pub(super) fn new(shared: Arc<Shared>, host: usize, id: u64, endpoint: Endpoint) -> Self {
        Self {
            shared,
            host,
            id,
            endpoint,
        }
    }
}

impl Listener for SimListener {
    fn accept(&self) -> io::Result<Arc<dyn Stream>> {
        let link = self.shared.lock().accept(self.id)?;
        Ok(Arc::new(SimStream::new(
            self.shared.clone(),
            self.host,
            link,
            Side::Acceptor,
        )))
    }

    fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    fn source(&self) -> Source<'_> {
        Source::Simulated(listener_source(self.id), PhantomData)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.shared.lock().close_listener(self.id);
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "simulated listener {} on {:?}", self.id, self.endpoint)
    }
}
