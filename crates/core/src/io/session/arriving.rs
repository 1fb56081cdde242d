//! Sessions for connections that come to the socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{Context, Fate, Phase, Role, Session};
use crate::event::Event;
use crate::io::arriving::Arriving;
use crate::io::listening::report_failed;
use crate::world::Stream;

/// For how long a peer is left to speak first.
const LISTENING: Duration = Duration::from_millis(100);

impl Session {
    /// A session for somebody who was let in; `None`, and reported, if the system refuses that.
    pub(in crate::io) fn accept(arriving: Arriving, cx: &mut Context<'_>) -> Option<Self> {
        let Arriving {
            key,
            by,
            seat,
            port,
            endpoint,
            options,
            stream,
            connection,
        } = arriving;
        let role = Role::Accepted { by, seat };
        let mut session = Self::new(key, port, endpoint, options, role);
        session.connection = connection;
        match session.begin(stream, cx) {
            Ok(()) => Some(session),
            Err(error) => {
                report_failed(&session.port, &session.endpoint, &error);
                None
            }
        }
    }

    fn begin(&mut self, stream: Arc<dyn Stream>, cx: &mut Context<'_>) -> io::Result<()> {
        cx.reactor.add(stream.source(), self.key)?;
        self.port.events.report(|| Event::Accepted {
            connection: self.connection,
            endpoint: self.endpoint.clone(),
            peer_address: stream.peer_address(),
        });
        self.shake(stream, cx)
    }

    /// The peer is to speak first. There may be peers that wait for us likewise.
    pub(super) fn listen_first(&mut self, cx: &mut Context<'_>) {
        let until = cx.now + LISTENING;
        self.silent = Some(until);
        cx.timers.set(until, self.key);
    }

    /// It was given time for that.
    pub(super) fn speak_up(&mut self, cx: &mut Context<'_>) -> Fate {
        self.silent = None;
        if let Phase::Shaking(shaking) = &mut self.phase {
            shaking.speak_up();
        }
        self.go_on_shaking(cx)
    }

    /// True for what came by the listener with this key.
    pub(in crate::io) fn came_by(&self, key: u64) -> bool {
        matches!(self.role, Role::Accepted { by, .. } if by == key)
    }
}
