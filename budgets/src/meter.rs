//! Counters of one thread, and the allocator that feeds them.
//!
//! Nothing is counted but within [`measure`], and there only on the engine's side of the seam. The
//! three functions that change sides are never inlined: callgrind switches collecting on and off by
//! their names.

#![expect(
    unsafe_code,
    reason = "a global allocator cannot be had without; it only counts and passes on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::ops::Range;

/// From this many bytes on, a block counts as large.
const LARGE: usize = 16 * 1024;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// New blocks of memory.
    pub allocations: u64,
    /// Of these, such as may hold a large message.
    pub large: u64,
    /// Blocks that were made larger or smaller.
    pub reallocations: u64,
    /// Bytes that these held before: as many may have been moved.
    pub moved: u64,
    /// New blocks that were to be filled with zeroes.
    pub zeroed: u64,
    /// Calls of the system, as the seam sees them.
    pub calls: Calls,
}

/// Calls across the seam that are system calls in the world of the operating system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Reads of a stream.
    pub reads: u64,
    /// Writes of a stream.
    pub writes: u64,
    /// Changes of what a reactor watches.
    pub arms: u64,
    /// Waits of a reactor or by a bell.
    pub waits: u64,
    /// Wake-ups of another thread; the system is called only if that sleeps.
    pub wakes: u64,
}

impl Calls {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.reads + self.writes + self.arms + self.waits + self.wakes
    }
}

/// Where in memory the bytes were that crossed the seam.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Of each read, what it has filled.
    pub read: Vec<Range<usize>>,
    /// Of each write, what of its slices was taken.
    pub written: Vec<Range<usize>>,
}

impl Places {
    /// How many of these bytes are within `part`.
    pub fn within(ranges: &[Range<usize>], part: &[u8]) -> usize {
        let own = part.as_ptr_range();
        let (start, end) = (own.start as usize, own.end as usize);
        let common = |range: &Range<usize>| {
            let (from, to) = (range.start.max(start), range.end.min(end));
            to.saturating_sub(from)
        };
        ranges.iter().map(common).sum()
    }
}

thread_local! {
    static MEASURING: Cell<bool> = const { Cell::new(false) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LARGE_ONES: Cell<u64> = const { Cell::new(0) };
    static REALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static MOVED: Cell<u64> = const { Cell::new(0) };
    static ZEROED: Cell<u64> = const { Cell::new(0) };
    static CALLS: Cell<Calls> = const { Cell::new(Calls {
        reads: 0,
        writes: 0,
        arms: 0,
        waits: 0,
        wakes: 0,
    }) };
    static PLACES: RefCell<Places> = RefCell::default();
}

/// Calls `work` and counts what it does on this thread, inside the engine.
pub fn measure(mut work: impl FnMut()) -> Counts {
    for counter in [&ALLOCATIONS, &LARGE_ONES, &REALLOCATIONS, &MOVED, &ZEROED] {
        counter.set(0);
    }
    CALLS.take();
    PLACES.take();
    MEASURING.set(true);
    measured(&mut work);
    MEASURING.set(false);
    Counts {
        allocations: ALLOCATIONS.get(),
        large: LARGE_ONES.get(),
        reallocations: REALLOCATIONS.get(),
        moved: MOVED.get(),
        zeroed: ZEROED.get(),
        calls: CALLS.get(),
    }
}

/// Where the bytes were that crossed the seam during the last [`measure`].
pub fn places() -> Places {
    PLACES.take()
}

/// Leaves the engine: what `call` does is not counted.
pub(crate) fn leave<R>(call: impl FnOnce() -> R) -> R {
    change_sides(call, measured_outside)
}

/// Comes back into the engine from outside: an I/O worker has its turn.
pub(crate) fn enter<R>(call: impl FnOnce() -> R) -> R {
    change_sides(call, measured_inside)
}

/// Notes calls of the system.
pub(crate) fn note(count: impl FnOnce(&mut Calls)) {
    if MEASURING.get() {
        let mut calls = CALLS.get();
        count(&mut calls);
        CALLS.set(calls);
    }
}

/// Notes where bytes are. Only outside: the notes take memory.
pub(crate) fn note_places(note: impl FnOnce(&mut Places)) {
    if MEASURING.get() {
        PLACES.with_borrow_mut(note);
    }
}

fn change_sides<R>(call: impl FnOnce() -> R, side: fn(&mut dyn FnMut())) -> R {
    if !MEASURING.get() {
        return call();
    }
    let mut call = Some(call);
    let mut result = None;
    side(&mut || result = call.take().map(|call| call()));
    result.expect("the side has called it")
}

#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    INSIDE.set(true);
    work();
    INSIDE.set(false);
}

#[inline(never)]
fn measured_outside(work: &mut dyn FnMut()) {
    INSIDE.set(false);
    work();
    INSIDE.set(true);
}

#[inline(never)]
fn measured_inside(work: &mut dyn FnMut()) {
    INSIDE.set(true);
    work();
    INSIDE.set(false);
}

/// The system's allocator, counting.
#[derive(Debug)]
pub struct Counting;

fn count_new(size: usize) {
    count(&ALLOCATIONS, 1);
    count(&LARGE_ONES, u64::from(size >= LARGE));
}

fn count(counter: &'static std::thread::LocalKey<Cell<u64>>, more: u64) {
    if INSIDE.get() {
        counter.set(counter.get() + more);
    }
}

// SAFETY: every call goes to the system's allocator as it came; the counters are cells of this
// thread without destructors, which allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_new(layout.size());
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_new(layout.size());
        count(&ZEROED, 1);
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(&REALLOCATIONS, 1);
        count(&MOVED, layout.size() as u64);
        // SAFETY: as in `alloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}
