//! Heartbeats: the machine lies with the connection; the session looks at its deadlines.

use std::sync::Arc;
use std::time::Instant;

use ferromq_wire::Beat;

use super::{Context, Fate, Phase, Session};
use crate::event::Reason;

impl Session {
    /// The heartbeats of the connection are to be looked at, or have an earlier deadline.
    pub(in crate::io) fn handle_beat(&mut self, cx: &mut Context<'_>) -> Fate {
        let (Phase::Live(connection), Some(pipe)) = (&self.phase, &self.pipe) else {
            return Fate::Lives;
        };
        let over = match connection.beat(pipe, &self.port) {
            Ok((Beat::Dead(silence), _)) => Reason::Silence(silence),
            Err(reason) => reason,
            Ok((beat, deadline)) => {
                if let Beat::Send(command) = beat {
                    connection.say(&command, pipe);
                }
                self.set_beat(deadline, cx);
                return Fate::Lives;
            }
        };
        let connection = Arc::clone(connection);
        self.end(&connection, over, cx)
    }

    /// Looks at the heartbeats not later than this.
    pub(super) fn expect_beat(&mut self, at: Option<Instant>, cx: &mut Context<'_>) {
        if at.is_some_and(|at| self.beat.is_none_or(|known| at < known)) {
            self.set_beat(at, cx);
        }
    }

    /// Looks at the heartbeats then, and not before.
    pub(in crate::io) fn set_beat(&mut self, at: Option<Instant>, cx: &mut Context<'_>) {
        cx.timers.shift(self.beat, at, self.key);
        self.beat = at;
    }
}
