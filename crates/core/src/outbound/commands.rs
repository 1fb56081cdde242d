//! Commands: they go out at the next message boundary, ahead of messages and outside the mark.

use ferromq_wire::Command;

use super::{Outbound, Pushed, State, WRITE_AT};
use crate::pace::Pace;
use crate::world::{Habit, World};

/// Bytes of commands that a peer has not taken beyond which its PINGs are not answered.
const MOST_UNREAD: usize = 64 * 1024;

impl Outbound {
    /// Queues a command for the present connection; without one it is dropped, and so it is if the
    /// peer's version has none. A PONG is dropped behind much that the peer does not read: who only
    /// sends PINGs costs no more memory than that. True: the caller holds the token and has to
    /// write.
    pub(crate) fn control(&self, command: &Command) -> bool {
        let mut state = self.state.lock();
        state.queue_command(command) && self.take_token(&mut state)
    }

    /// Like [`control`](Self::control), but only if no other command waits: a heartbeat behind it
    /// would say nothing new.
    pub(crate) fn control_alone(&self, command: &Command) -> bool {
        let mut state = self.state.lock();
        state.control.is_empty() && state.queue_command(command) && self.take_token(&mut state)
    }

    /// Like [`control`](Self::control) for one of the application's requests, of which there may be
    /// many in a row: it is written when a message would be ([`push`](Self::push)).
    pub(crate) fn request(&self, command: &Command, world: &dyn World, pace: &mut Pace) -> Pushed {
        let mut state = self.state.lock();
        if !state.queue_command(command) {
            return Pushed::Queued;
        }
        let is_much = state.control.len() as u64 >= WRITE_AT;
        let pushed = match self.habit {
            Habit::Always => state.plan_always(),
            Habit::Never => state.plan_never(is_much),
            Habit::Adaptive => state.plan(0, is_much, false, false, world, pace),
        };
        if pushed == Pushed::Write {
            self.settle_gate(&state);
        }
        pushed
    }
}

impl State {
    /// False: there is nothing to be written.
    fn queue_command(&mut self, command: &Command) -> bool {
        let Some(link) = self.link.as_ref().filter(|link| !link.failed) else {
            return false;
        };
        let encoder = link.encoder;
        if matches!(command, Command::Pong { .. }) && self.control.len() >= MOST_UNREAD {
            return false;
        }
        encoder.encode_command(command, &mut self.control);
        !self.control.is_empty()
    }
}
