//! Bytes in use, and the allocator that counts them.

#![expect(
    unsafe_code,
    reason = "a global allocator cannot be had without; it only counts and passes on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of all threads. A block may be given back by another than took it.
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that were asked for and not given back. Exact only while nobody allocates.
pub(crate) fn bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

/// The system's allocator, counting what it was asked for.
pub(crate) struct Counting;

/// Of a new block; `null`: there is none.
fn taken(block: *mut u8, size: usize) -> *mut u8 {
    if !block.is_null() {
        BYTES.fetch_add(size, Ordering::Relaxed);
    }
    block
}

// SAFETY: every call goes to the system's allocator as it came; counting is an addition to an
// integer, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the system allocator's conditions.
        taken(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        taken(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let moved = taken(unsafe { System.realloc(block, layout, size) }, size);
        // Where there is no other block, the old one is as it was.
        if !moved.is_null() {
            BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        moved
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than all other tests of this process take together.
    const LARGE: usize = 1 << 30;
    const NOISE: usize = LARGE / 4;

    #[test]
    fn a_block_is_in_use_until_it_is_given_back() {
        let before = bytes();
        let about = |more: usize| bytes().abs_diff(before + more) < NOISE;
        // Never touched: it takes up no memory.
        let mut block = Vec::<u8>::with_capacity(LARGE);
        assert!(about(LARGE));
        block.reserve_exact(2 * LARGE);
        assert!(about(2 * LARGE));
        block.shrink_to(LARGE);
        assert!(about(LARGE));
        drop(block);
        assert!(about(0));
    }
}
