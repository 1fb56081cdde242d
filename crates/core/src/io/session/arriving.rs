//! Sessions for connections that come to the socket.

use std::io;
use std::sync::Arc;

use super::{Context, Role, Session};
use crate::event::Event;
use crate::io::arriving::Arriving;
use crate::io::listening::report_failed;
use crate::world::Stream;

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

    /// True for what came by the listener with this key.
    pub(in crate::io) fn came_by(&self, key: u64) -> bool {
        matches!(self.role, Role::Accepted { by, .. } if by == key)
    }
}
