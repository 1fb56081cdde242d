//! The streams and listeners of the operating system.

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub(super) use ferromq_transport::resolve;
use ferromq_transport::{
    Address, BoundListener, ConnectedStream, Endpoint, ListenError, StreamError, TransportOptions,
};

use super::kernel::{self, Watched};
use super::{Listener, Source, Stream};

pub(super) fn listen(
    endpoint: &Endpoint,
    options: &TransportOptions,
) -> Result<Box<dyn Listener>, ListenError> {
    let listener = ferromq_transport::Listener::bind(endpoint, options)?;
    Ok(Box::new(SystemListener(Watched::new(listener))))
}

pub(super) fn adopt(
    bound: BoundListener,
    options: &TransportOptions,
) -> Result<Box<dyn Listener>, ListenError> {
    let listener = ferromq_transport::Listener::adopt(bound, options)?;
    Ok(Box::new(SystemListener(Watched::new(listener))))
}

pub(super) fn adopt_stream(
    connected: ConnectedStream,
    options: &TransportOptions,
) -> Result<(Arc<dyn Stream>, Endpoint), StreamError> {
    let stream = ferromq_transport::Stream::adopt(connected, options)?;
    let endpoint = stream.endpoint()?;
    Ok((Arc::new(SystemStream(Watched::new(stream))), endpoint))
}

pub(super) fn dial(address: &Address, options: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
    let stream = ferromq_transport::Stream::dial(address, options)?;
    Ok(Arc::new(SystemStream(Watched::new(stream))))
}

/// A stream of the system.
#[derive(Debug)]
struct SystemStream(Watched<ferromq_transport::Stream>);

impl Stream for SystemStream {
    fn read(&self, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        self.0.read(into, most)
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(slices)
    }

    fn wait_writable(&self, at_most: Duration) -> bool {
        kernel::wait_writable(self.0.source(), at_most)
    }

    fn finish_connect(&self) -> io::Result<()> {
        self.0.finish_connect()
    }

    fn shutdown_write(&self) -> io::Result<()> {
        self.0.shutdown_write()
    }

    fn shutdown(&self) {
        self.0.shutdown();
    }

    fn peer_address(&self) -> String {
        self.0.peer_address()
    }

    fn source(&self) -> Source<'_> {
        Source::System(self.0.source())
    }
}

/// A listener of the system.
#[derive(Debug)]
struct SystemListener(Watched<ferromq_transport::Listener>);

impl Listener for SystemListener {
    fn accept(&self) -> io::Result<Arc<dyn Stream>> {
        let stream = self.0.accept()?;
        Ok(Arc::new(SystemStream(Watched::new(stream))))
    }

    fn endpoint(&self) -> Endpoint {
        self.0.endpoint()
    }

    fn source(&self) -> Source<'_> {
        Source::System(self.0.source())
    }
}
