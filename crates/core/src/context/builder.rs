//! Making a context with options.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Context, LONGEST_LINGER, MOST_THREADS, Settings};
use crate::error::BuildError;
use crate::world::World;

/// Options of a context to be made; each has the default stated. They are fixed then.
#[derive(Clone)]
pub struct ContextBuilder {
    world: Arc<dyn World>,
    settings: Settings,
}

impl ContextBuilder {
    pub(super) fn new(world: Arc<dyn World>) -> Self {
        Self {
            world,
            settings: Settings::default(),
        }
    }

    /// Makes the context. Nothing is started yet.
    ///
    /// *Errors*: [`BuildError::OutOfRange`].
    pub fn build(self) -> Result<Context, BuildError> {
        if !(1..=MOST_THREADS).contains(&self.settings.threads) {
            return BuildError::out_of_range("io_threads");
        }
        if self.settings.linger > LONGEST_LINGER {
            return BuildError::out_of_range("linger");
        }
        Ok(Context::with_settings(self.world, self.settings))
    }

    /// How many I/O threads there may be, 1 to 1024: connections are spread over them. A thread
    /// is started when an endpoint needs it, so that a program that uses inproc alone has none.
    /// Default: 1.
    #[doc(alias = "ZMQ_IO_THREADS")]
    pub fn io_threads(mut self, threads: usize) -> Self {
        self.settings.threads = threads;
        self
    }

    /// How many sockets there may be at a time; of one more, every operation fails with
    /// [`ClosedError::TooManySockets`](crate::ClosedError::TooManySockets). Default: any number
    /// (libzmq: 1023).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_MAX_SOCKETS")]
    pub fn max_sockets(mut self, sockets: usize) -> Self {
        self.settings.max_sockets = sockets;
        self
    }

    /// What the names of I/O threads begin with; their number follows. Linux shows the first 15
    /// bytes. Default: `ferromq-io-`.
    #[doc(alias = "ZMQ_THREAD_NAME_PREFIX")]
    pub fn thread_name_prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.settings.name_prefix = prefix.into();
        self
    }

    /// Is called on each I/O thread as it starts, with its number: the place to give it a priority,
    /// a scheduling policy or the processors that it may run on, by whatever means the system has.
    /// It must not panic, nor use this context. Default: nothing.
    #[doc(alias = "ZMQ_THREAD_AFFINITY_CPU_ADD")]
    #[doc(alias = "ZMQ_THREAD_AFFINITY_CPU_REMOVE")]
    #[doc(alias = "ZMQ_THREAD_PRIORITY")]
    #[doc(alias = "ZMQ_THREAD_SCHED_POLICY")]
    pub fn on_thread_start(mut self, call: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.settings.on_start = Some(Arc::new(call));
        self
    }

    /// The [linger](crate::Builder::linger) of sockets that are not given one. At most a day.
    /// Default: 5 s.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_BLOCKY")]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// Whether sockets that are [not told](crate::Builder::ipv6) use IPv6. Default: true (libzmq:
    /// false).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_IPV6")]
    pub fn ipv6(mut self, ipv6: bool) -> Self {
        self.settings.ipv6 = ipv6;
        self
    }
}

impl fmt::Debug for ContextBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextBuilder")
            .field("io_threads", &self.settings.threads)
            .field("max_sockets", &self.settings.max_sockets)
            .finish_non_exhaustive()
    }
}
