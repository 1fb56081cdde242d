//! Handles to the ends of simulated links and to simulated listeners.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use ferromq_core::world::{Listener, Source, Stream};
use ferromq_transport::Endpoint;

use super::link::{LinkId, Side};
use super::network::{listener_source, stream_source};
use super::scheduler::Shared;

/// One end of a link.
pub(super) struct SimStream {
    shared: Arc<Shared>,
    link: LinkId,
    side: Side,
}

impl SimStream {
    pub(super) fn new(shared: Arc<Shared>, link: LinkId, side: Side) -> Self {
        Self { shared, link, side }
    }
}

impl Stream for SimStream {
    fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        self.shared.lock().read((self.link, self.side), into, most)
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.shared.lock().write((self.link, self.side), slices)
    }

    fn finish_connect(&self) -> io::Result<()> {
        self.shared.lock().finish_connect(self.link)
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.shared.lock().shutdown_write(self.link, self.side)
    }

    fn shutdown(&self) {
        self.shared.lock().shutdown(self.link, self.side);
    }

    fn peer_address(&self) -> String {
        let state = self.shared.lock();
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
        self.shared.lock().drop_end(self.link, self.side, false);
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
    id: u64,
    endpoint: Endpoint,
}

impl SimListener {
    pub(super) fn new(shared: Arc<Shared>, id: u64, endpoint: Endpoint) -> Self {
        Self {
            shared,
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
