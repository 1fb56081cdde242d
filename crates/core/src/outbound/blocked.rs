//! A sender that waits for the kernel itself, rather than leaving what it has queued to the I/O
//! thread.

use std::sync::Arc;
use std::time::Duration;

use super::Outbound;
use crate::world::World;

/// How long a sender looks without sleeping: as long as the peer takes to read most of what the
/// kernel holds for it, some 200 KiB.
const LOOK: Duration = Duration::from_micros(60);

impl Outbound {
    /// After a write that was blocked, of which nobody else was told: sleeps until the kernel has
    /// room, for so long at most. Before that it looks, lest the peer have to wake it for each
    /// piece that it reads. True: there is room; whoever [unblocks](Self::unblock) may write.
    pub(crate) fn wait_for_kernel(&self, world: &dyn World, at_most: Duration) -> bool {
        let state = self.state.lock();
        let stream = state.link.as_ref().map(|link| Arc::clone(&link.stream));
        drop(state);
        let Some(stream) = stream else {
            return false;
        };
        let has_room = || stream.wait_writable(Duration::ZERO);
        self.looking.is_worth_it() && self.looking.look(world, LOOK, has_room)
            || stream.wait_writable(at_most)
    }
}
