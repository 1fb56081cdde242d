//! Errors to be injected into operations of the simulated network.

use std::collections::VecDeque;
use std::io;

/// An error to inject: by kind, or by the operating system's number (as EMFILE is, which has no
/// kind).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error of this kind.
    Kind(io::ErrorKind),
    /// The operating system's error of this number.
    Os(i32),
}

impl Fault {
    /// The error itself.
    pub fn to_error(self) -> io::Error {
        match self {
            Self::Kind(kind) => kind.into(),
            Self::Os(number) => io::Error::from_raw_os_error(number),
        }
    }
}

impl From<io::ErrorKind> for Fault {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<i32> for Fault {
    fn from(number: i32) -> Self {
        Self::Os(number)
    }
}

/// A call of the seam that can be made to fail wherever it is made next. (Accepting, dialing,
/// reading, writing and names have methods of their own, which say where.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `Reactor::arm`: epoll_ctl.
    Arm,
    /// `Stream::finish_connect`: how connecting ended.
    FinishConnect,
    /// `World::listen`: socket, bind or listen.
    Listen,
    /// `World::reactor`: epoll_create.
    Reactor,
    /// `World::start`: making a thread.
    Start,
    /// `Reactor::add`: epoll_ctl.
    Watch,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Arm,
        Self::FinishConnect,
        Self::Listen,
        Self::Reactor,
        Self::Start,
        Self::Watch,
    ];
}

/// Faults waiting for the operations that they hit, first come first served.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: VecDeque<Fault>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault, times: usize) {
        self.waiting.extend(std::iter::repeat_n(fault, times));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Fails if a fault is waiting, using it up.
    pub(super) fn hit(&mut self) -> io::Result<()> {
        self.waiting
            .pop_front()
            .map_or(Ok(()), |fault| Err(fault.to_error()))
    }
}
