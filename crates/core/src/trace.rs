//! Events for `tracing` (feature `tracing`): each is told to the application's subscriber, under
//! the target `ferromq`. Without the feature nothing is told, and the library prints in no case.

#[cfg(feature = "tracing")]
pub(crate) use told::{listens, tell};

#[cfg(feature = "tracing")]
mod told {
    use tracing::{Level, enabled};

    use crate::event::Event;

    const TARGET: &str = "ferromq";

    /// True if a subscriber may want events.
    pub(crate) fn listens() -> bool {
        enabled!(target: TARGET, Level::WARN) || enabled!(target: TARGET, Level::DEBUG)
    }

    /// Warns of what somebody should look at; the rest is for debugging.
    pub(crate) fn tell(event: &Event) {
        match event {
            Event::AcceptFailed { .. }
            | Event::HandshakeFailed { .. }
            | Event::TurnedAway { .. } => {
                tracing::warn!(target: TARGET, ?event);
            }
            _ => tracing::debug!(target: TARGET, ?event),
        }
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn listens() -> bool {
    false
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn tell(_: &crate::event::Event) {}
