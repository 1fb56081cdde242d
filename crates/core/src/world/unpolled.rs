//! Bells of worlds in which no thread sleeps on streams: there is nothing that would wake it.
//!
//! Such a world says by its tuning that receivers claim nothing, so its bells are given no streams.
//! If one is all the same, it sleeps for a millisecond at a time (see `SystemBell`).

use std::io;
#[cfg(unix)]
use std::sync::Arc;
use std::time::Duration;

use crate::world::Stream;
#[cfg(unix)]
use crate::world::{Descriptor, Level};

/// What wakes a thread that polls streams: never there.
#[derive(Debug)]
pub(in crate::world) enum Waker {}

impl Waker {
    pub(in crate::world) fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::world) fn wake(&self) {
        match *self {}
    }
}

/// Refuses to sleep on streams.
pub(in crate::world) fn poll_streams(
    _streams: &[&dyn Stream],
    _waker: Option<&Waker>,
    _timeout: Option<Duration>,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Refuses to sleep on descriptors.
#[cfg(unix)]
pub(in crate::world) fn poll_descriptors(
    _descriptors: &mut [Descriptor<'_>],
    _waker: Option<&Waker>,
    _timeout: Option<Duration>,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// There are no descriptors for others to poll.
#[cfg(unix)]
pub(in crate::world) fn level() -> io::Result<Arc<dyn Level>> {
    Err(io::ErrorKind::Unsupported.into())
}
