//! The system's world without byte streams, as neither tcp nor ipc was compiled in.
//!
//! Sockets refuse such endpoints by name before anything here is asked.

#[path = "unpolled.rs"]
mod unpolled;

use std::convert::Infallible;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use ferromq_transport::{
    Address, BoundListener, ConnectedStream, Endpoint, ListenError, StreamError, TransportOptions,
};

pub(super) use self::unpolled::{Waker, poll_streams};
#[cfg(unix)]
pub(super) use self::unpolled::{level, poll_descriptors};
use super::{Listener, Reactor, Stream, Tuning};

/// What a reactor watches: there is nothing.
#[derive(Clone, Copy, Debug)]
pub struct SystemSource<'a>(Infallible, PhantomData<&'a ()>);

/// There is nothing to read or write.
pub(super) fn allowed(wanted: Tuning) -> Tuning {
    wanted
}

pub(super) fn reactor() -> io::Result<Arc<dyn Reactor>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn listen(
    _endpoint: &Endpoint,
    _options: &TransportOptions,
) -> Result<Box<dyn Listener>, ListenError> {
    Err(ListenError::Unsupported)
}

pub(super) fn adopt(
    _bound: BoundListener,
    _options: &TransportOptions,
) -> Result<Box<dyn Listener>, ListenError> {
    Err(ListenError::Unsupported)
}

pub(super) fn adopt_stream(
    _connected: ConnectedStream,
    _options: &TransportOptions,
) -> Result<(Arc<dyn Stream>, Endpoint), StreamError> {
    Err(StreamError::Unsupported)
}

pub(super) fn dial(_address: &Address, _options: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn resolve(_endpoint: &Endpoint) -> io::Result<Vec<Address>> {
    Err(io::ErrorKind::Unsupported.into())
}
