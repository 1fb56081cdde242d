//! Each thread's few spare buffers, so that an idle connection holds none and a busy one allocates
//! none.

use std::cell::RefCell;

use crate::sync::{thread_local, with_local};

/// What a read asks for and a burst of small messages fills before it is written.
pub(crate) const CHUNK: usize = 64 * 1024;

/// Buffers kept per thread.
const SPARE: usize = 4;

/// Buffers smaller than this are not worth keeping; larger than [`LARGEST`], too dear.
const SMALLEST: usize = 4 * 1024;

/// The largest buffer kept.
const LARGEST: usize = 512 * 1024;

thread_local! {
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer: a spare one of this thread, or a new one without capacity.
pub(crate) fn take() -> Vec<u8> {
    let spare = with_local(&SPARES, |spares| spares.pop());
    spare.flatten().unwrap_or_default()
}

/// Gives a buffer back to this thread.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if !(SMALLEST..=LARGEST).contains(&buffer.capacity()) {
        return;
    }
    buffer.clear();
    with_local(&SPARES, |spares| {
        if spares.len() < SPARE {
            spares.push(buffer);
        }
    });
}
