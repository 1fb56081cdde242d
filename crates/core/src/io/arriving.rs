//! A connection that comes to a socket: a listener took it, or the application hands it over.

use std::sync::Arc;

use ferromq_transport::Endpoint;

use super::entrance::{Guest, Seat};
use super::{IoCommand, IoHandle};
use crate::close::Life;
use crate::event::{ConnectionId, Crowd};
use crate::options::Options;
use crate::port::Port;
use crate::world::Stream;

/// Somebody who was let in, before the handshake.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub(super) key: u64,
    /// By which listener it came: with that, it ends. What the application handed over has come by
    /// one that is not there.
    pub(super) by: u64,
    pub(super) seat: Arc<Seat>,
    pub(super) port: Life,
    pub(super) endpoint: Endpoint,
    pub(super) options: Arc<Options>,
    pub(super) stream: Arc<dyn Stream>,
    pub(super) connection: ConnectionId,
}

impl Arriving {
    /// Lets somebody in, if there is room. Whose place it takes is told to go.
    pub(crate) fn enter(
        stream: &Arc<dyn Stream>,
        (by, endpoint, options): (u64, &Endpoint, &Arc<Options>),
        io: &IoHandle,
        port: &Arc<Port>,
    ) -> Result<Self, Crowd> {
        let key = io.new_key();
        let guest = Guest::new(&stream.peer_address(), port.world.now(), (io.clone(), key));
        let capacity = port.options().capacity;
        let (seat, displaced) = port.entrance.enter(&capacity, guest)?;
        if let Some((io, oldest)) = displaced {
            io.post(IoCommand::Displaced(oldest));
        }
        Ok(Self {
            key,
            by,
            seat,
            port: Life::of(port),
            endpoint: endpoint.clone(),
            options: Arc::clone(options),
            stream: Arc::clone(stream),
            connection: ConnectionId(port.world.random()),
        })
    }

    /// What events call it.
    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection
    }
}
