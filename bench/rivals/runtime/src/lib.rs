//! A tokio runtime for each thread, for those opponents that need one.
//!
//! It is a current-thread runtime, the faster kind for all of them: connections are served by the
//! thread that uses the socket, while it waits. The harness calls sockets as if they were blocking.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_blocking, yield_now};

thread_local! {
    /// Never dropped: what opponents do when their runtime ends is not measured.
    static LOCAL: &'static Local = Box::leak(Box::new(Local::start()));
}

struct Local {
    runtime: Runtime,
    tasks: LocalSet,
}

impl Local {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a process may have some more descriptors");
        // So that futures find the runtime without `block_on`. The thread never leaves it.
        mem::forget(runtime.enter());
        Self {
            runtime,
            tasks: LocalSet::new(),
        }
    }
}

/// Waits for a future, and serves connections meanwhile.
pub fn wait<F: Future>(future: F) -> F::Output {
    LOCAL.with(|local| local.tasks.block_on(&local.runtime, future))
}

/// The same for futures that are often ready: then entering the runtime would cost more than they
/// do.
pub fn wait_if_pending<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // There must be a runtime to be found.
    LOCAL.with(|_| {});
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => wait(future),
    }
}

/// Serves connections while something else is waited for.
pub fn meanwhile<T: Send + 'static>(other: impl FnOnce() -> T + Send + 'static) -> T {
    wait(async {
        let other = spawn_blocking(other).await;
        other.expect("waiting does not panic")
    })
}

/// Serves connections once.
pub fn pause() {
    wait(yield_now());
}
