//! Whether this process is the one in which something was made, or a copy of it: a forked child has
//! the memory of its parent, and none of its other threads. Locks that these held stay locked, and
//! what they were to do nobody does. (parking_lot's table of sleeping threads is such a place, and
//! a new context needs it. It is locked for moments, while a thread falls asleep or is woken.)
//!
//! The answer comes before any lock, so for every message, and costs a load. What was considered:
//! - the process id: a system call, 140 ns;
//! - a page that the kernel wipes in children (`MADV_WIPEONFORK`): Linux only, and unsafe thrice,
//!   to map it, to advise, and to read it;
//! - a handler that the C library calls in children (`pthread_atfork`): on every Unix, and unsafe
//!   once, to name it. The handler adds to an atomic, which is allowed there.
//!
//! So it is the last. A child made by a bare `clone(2)`, around the C library, is not noticed; nor
//! could it use threads.

#![cfg_attr(
    all(unix, not(miri)),
    expect(unsafe_code, reason = "the C library asks for a function to call")
)]

use std::sync::atomic::{AtomicU32, Ordering};

/// How often this process and its ancestors were forked, on the way to this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The process in which this was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    /// This one.
    pub(crate) fn this() -> Self {
        watch();
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// False in a child that was forked since.
    #[inline]
    pub(crate) fn is_this(self) -> bool {
        self.0 == FORKS.load(Ordering::Relaxed)
    }
}

/// Counts forks from now on. (That memory is lacking for it is the one way to fail; then they are
/// not noticed.)
#[cfg(all(unix, not(miri)))]
fn watch() {
    use std::sync::Once;

    extern "C" fn forked() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: the handler is a function of this program, and does what is allowed in a child
        // of a process with threads: it takes no lock and allocates nothing.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
}

/// There is nothing to count. (The interpreter does not fork.)
#[cfg(any(not(unix), miri))]
fn watch() {}
