//! A sender that waits for the kernel itself, rather than leaving what it has queued to the I/O
//! thread.

use std::sync::Arc;
use std::time::Duration;

use super::Outbound;

impl Outbound {
    /// After a write that was blocked, of which nobody else was told: sleeps until the kernel has
    /// room, for so long at most. True: it has; whoever [unblocks](Self::unblock) may write.
    pub(crate) fn wait_for_kernel(&self, at_most: Duration) -> bool {
        let state = self.state.lock();
        let stream = state.link.as_ref().map(|link| Arc::clone(&link.stream));
        drop(state);
        stream.is_some_and(|stream| stream.wait_writable(at_most))
    }
}
