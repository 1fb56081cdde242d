//! An allocator that weighs: how many bytes a thread holds. Not the one that counts costs: there
//! each instruction of its own would be counted too.

#![expect(
    unsafe_code,
    reason = "a global allocator cannot be had without; it only counts and passes on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The bytes that this thread has allocated and not given back. What one thread gives another is
/// held by nobody.
pub fn held() -> isize {
    HELD.get()
}

/// The system's allocator, weighing.
#[derive(Debug)]
pub struct Weighing;

fn weigh(bytes: isize) {
    HELD.set(HELD.get() + bytes);
}

// SAFETY: every call goes to the system's allocator as it came (what has a default here is made of
// these two); the counter is a cell of this thread without destructor, which allocates nothing.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        weigh(layout.size() as isize);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        weigh(-(layout.size() as isize));
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}
