//! One write of what is queued, outside the lock.

use std::io;
use std::sync::Arc;

use crate::rope::{Rope, Window};
use crate::sealed::Sealed;
use crate::world::Stream;

/// What the holder of the token writes in one system call.
pub(super) struct Job {
    pub(super) stream: Arc<dyn Stream>,
    pub(super) control: Vec<u8>,
    pub(super) control_written: usize,
    pub(super) rope: Rope,
    pub(super) limit: u64,
    pub(super) sealed: Option<Box<Sealed>>,
}

impl Job {
    #[inline]
    pub(super) fn write(&mut self) -> io::Result<usize> {
        if self.sealed.is_some() {
            return self.write_sealed();
        }
        let mut window = Window::default();
        window.push(self.control.get(self.control_written..).unwrap_or_default());
        self.rope.fill(&mut window, self.limit);
        self.stream.write(window.slices())
    }

    /// Out of line: who writes in the clear pays one comparison for it.
    #[inline(never)]
    fn write_sealed(&mut self) -> io::Result<usize> {
        let Some(sealed) = &mut self.sealed else {
            return Ok(0);
        };
        let filled = sealed.fill(&self.control, &self.rope, self.limit);
        filled.map_err(io::Error::other)?;
        self.stream.write(&[io::IoSlice::new(sealed.unwritten())])
    }
}
