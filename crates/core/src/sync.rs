//! The locks and atomics of this crate, in one place so that loom can stand in for them.
//!
//! Everything that takes part in a wake-up protocol imports from here; under `--cfg loom` the same
//! source is explored by the model checker. The models are in `loom_tests`, and run with
//!
//! ```text
//!   RUSTFLAGS="--cfg loom" cargo test -p ferromq-core --lib --release loom_
//!   crates/core/loom-mutations/check.sh      (each patch there must make a model fail)
//! ```
//!
//! in a target directory of their own if nothing else is to be compiled again.

#[cfg(not(loom))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::thread_local;

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use model::{Local, Mutex, MutexGuard, thread_local, with_local};

/// What this thread has for itself, to be changed. `None`: the thread is ending, and has let go of
/// it; whoever is dropped with a thread may still use sockets.
#[cfg(not(loom))]
#[inline]
pub(crate) fn with_local<T, R>(
    local: &'static std::thread::LocalKey<std::cell::RefCell<T>>,
    call: impl FnOnce(&mut T) -> R,
) -> Option<R> {
    local.try_with(|cell| call(&mut cell.borrow_mut())).ok()
}

/// A full fence between unlocking a [`Mutex`] and what is read next. On x86-64 unlocking is such a
/// fence, and only the compiler has to be held back: `parking_lot` 0.12 frees the lock with a
/// locked instruction, or, if somebody waits, with a store before the one that frees its queue.
#[inline]
pub(crate) fn fence_after_unlock() {
    if cfg!(all(target_arch = "x86_64", not(loom), not(miri))) {
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

#[cfg(loom)]
mod model {
    //! loom's types with the interfaces of `parking_lot`'s and the standard library's.

    use std::cell::RefCell;
    use std::marker::PhantomData;
    use std::ops::{Deref, DerefMut};

    /// A mutex without poisoning.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    /// Unlocks the mutex when it is dropped.
    ///
    /// To loom, unlocking is no event, so it never tries a lock while it is held. Therefore the
    /// lock is tried here once more, in vain: that is an event, to either side of which loom puts
    /// the attempts of other threads.
    pub(crate) struct MutexGuard<'a, T> {
        mutex: &'a loom::sync::Mutex<T>,
        guard: loom::sync::MutexGuard<'a, T>,
    }

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            let guard = self.0.lock().expect("loom's mutex is not poisoned");
            MutexGuard {
                mutex: &self.0,
                guard,
            }
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            let guard = self.0.try_lock().ok()?;
            Some(MutexGuard {
                mutex: &self.0,
                guard,
            })
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.guard
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.guard
        }
    }

    impl<T> Drop for MutexGuard<'_, T> {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                drop(self.mutex.try_lock());
            }
        }
    }

    /// What each thread of a model has for itself; loom runs them all on one thread of the system.
    pub(crate) struct Local<T: 'static>(loom::thread::LocalKey<RefCell<T>>);

    impl<T: 'static> Local<T> {
        pub(crate) const fn new(init: fn() -> RefCell<T>) -> Self {
            Self(loom::thread::LocalKey {
                init,
                _p: PhantomData,
            })
        }
    }

    /// Models drop nothing with their threads.
    pub(crate) fn with_local<T, R>(
        local: &'static Local<T>,
        call: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        Some(local.0.with(|cell| call(&mut cell.borrow_mut())))
    }

    macro_rules! local {
        ($(static $name:ident: RefCell<$value:ty> = const { $init:expr };)*) => {
            $(static $name: $crate::sync::Local<$value> =
                $crate::sync::Local::new(|| $init);)*
        };
    }
    pub(crate) use local as thread_local;
}

/// Keeps two counters that different threads write out of each other's cache lines.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);
