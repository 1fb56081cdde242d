//! A two-way queue of messages between a socket and one peer, behind a stream or in the same
//! process.

#[cfg(feature = "inproc")]
mod inproc;

#[cfg(feature = "inproc")]
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "inproc")]
use ferromq_wire::Incoming;

#[cfg(feature = "inproc")]
pub(crate) use self::inproc::InprocPipe;
use crate::connection::Connection;
use crate::inbound::Inbound;
use crate::io::{IoCommand, IoHandle, Seat};
use crate::options::{Options, Overflow};
use crate::outbound::{Outbound, Wrote};
use crate::pattern::PipeId;
use crate::port::{Note, Port};
use crate::stats::PeerStats;
use crate::sync::Mutex;

/// How long a sender sleeps at most for the kernel to have room, and how often in one call.
const LITTLE: Duration = Duration::from_micros(100);
const WAITS: u32 = 16;

/// How a pipe reaches its peer.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// By a connection that an I/O thread looks after.
    Stream(Arc<StreamPipe>),
    /// By two queues in this process.
    #[cfg(feature = "inproc")]
    Inproc(InprocPipe),
}

impl Link {
    /// What arrives.
    #[inline]
    pub(crate) fn inbound(&self) -> &Inbound {
        match self {
            Self::Stream(pipe) => &pipe.inbound,
            #[cfg(feature = "inproc")]
            Self::Inproc(pipe) => &pipe.incoming,
        }
    }

    /// True if the peer is in the same process.
    pub(crate) fn is_inproc(&self) -> bool {
        match self {
            Self::Stream(_) => false,
            #[cfg(feature = "inproc")]
            Self::Inproc(_) => true,
        }
    }

    /// Would a message be accepted now? If not, [`Note::Writable`] follows when it would.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        match self {
            Self::Stream(pipe) => pipe.out.has_room_or_thirst(),
            #[cfg(feature = "inproc")]
            Self::Inproc(pipe) => pipe.has_room(),
        }
    }

    /// True if a message is accepted without room: one that waits gives way.
    pub(crate) fn gives_way(&self) -> bool {
        match self {
            Self::Stream(pipe) => {
                let options = &pipe.options;
                options.overflow != Overflow::Refuse
                    && !(options.immediate && pipe.connection().is_none())
            }
            #[cfg(feature = "inproc")]
            Self::Inproc(pipe) => pipe.options.overflow != Overflow::Refuse,
        }
    }

    /// The options of the endpoint that it belongs to.
    pub(crate) fn options(&self) -> &Arc<Options> {
        match self {
            Self::Stream(pipe) => &pipe.options,
            #[cfg(feature = "inproc")]
            Self::Inproc(pipe) => &pipe.options,
        }
    }

    /// What it has carried until now.
    pub(crate) fn carried(&self) -> PeerStats {
        match self {
            Self::Stream(pipe) => pipe.carried(),
            #[cfg(feature = "inproc")]
            Self::Inproc(pipe) => pipe.carried(),
        }
    }

    /// False for an inproc connect that has no peer yet.
    pub(crate) fn is_joined(&self) -> bool {
        match self {
            Self::Stream(_) => true,
            #[cfg(feature = "inproc")]
            Self::Inproc(pipe) => pipe.is_joined(),
        }
    }

    /// The socket that was to get this pipe is gone.
    pub(crate) fn abandon(&self) {
        match self {
            Self::Stream(pipe) => pipe.io.post(IoCommand::Drop(pipe.key)),
            #[cfg(feature = "inproc")]
            Self::Inproc(pipe) => pipe.leave(),
        }
    }
}

/// What is left of a pipe that is over, on its way back to the socket that sent it.
#[derive(Debug)]
pub(crate) enum Rest {
    /// What lies in the queue of this pipe. Whoever takes it out accounts for it.
    Stream(Arc<StreamPipe>),
    /// What the peer in the same process had taken out and not received.
    #[cfg(feature = "inproc")]
    Inproc(VecDeque<Incoming>),
}

/// A pipe whose peer is behind a stream.
#[derive(Debug)]
pub(crate) struct StreamPipe {
    pub(crate) id: PipeId,
    pub(crate) key: u64,
    pub(crate) out: Outbound,
    pub(crate) inbound: Inbound,
    pub(crate) io: IoHandle,
    pub(crate) options: Arc<Options>,
    port: Arc<Port>,
    connection: Mutex<Option<Arc<Connection>>>,
    /// The place of who came by a listener, as long as something of it can be received.
    seat: Mutex<Option<Arc<Seat>>>,
}

impl StreamPipe {
    pub(crate) fn new(
        id: PipeId,
        key: u64,
        io: IoHandle,
        port: Arc<Port>,
        options: Arc<Options>,
    ) -> Self {
        let (mark, written_as) = options.pipe_marks();
        let overflow = match port.kind.eager {
            true => Overflow::Refuse,
            false => options.overflow,
        };
        Self {
            id,
            key,
            out: Outbound::new(mark, port.world.tuning().write)
                .written_as(written_as)
                .weighed(options.pipe_mark_bytes())
                .immediate(options.immediate),
            inbound: Inbound::new(u64::from(options.receive_mark))
                .weighed(options.receive_mark_bytes)
                .giving_way(overflow),
            io,
            options,
            port,
            connection: Mutex::new(None),
            seat: Mutex::new(None),
        }
    }

    /// Takes up a place among the socket's connections, beside the session.
    pub(crate) fn sit(&self, seat: &Arc<Seat>) {
        *self.seat.lock() = Some(Arc::clone(seat));
    }

    /// Nothing is received from it any more: what comes is for nobody, and its place is free.
    pub(crate) fn deafen(&self) {
        self.inbound.abandon();
        *self.seat.lock() = None;
    }

    /// What it has carried until now, over all connections.
    pub(crate) fn carried(&self) -> PeerStats {
        let (handed_over, bytes_sent) = self.out.carried();
        PeerStats {
            handed_over,
            bytes_sent,
            queued: u64::from(self.out.queued()),
            send_high_water: self.out.times_full(),
            received: self.inbound.produced() + self.inbound.replaced(),
            bytes_received: self.inbound.bytes(),
            receive_high_water: self.inbound.times_full(),
            ..PeerStats::default()
        }
    }

    /// The present connection.
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        self.connection.lock().clone()
    }

    /// Changes the connection; the old one is dropped outside the lock.
    pub(crate) fn set_connection(&self, connection: Option<Arc<Connection>>) {
        let old = std::mem::replace(&mut *self.connection.lock(), connection);
        drop(old);
    }

    /// This connection's reading side is over: receivers no longer look at it.
    pub(crate) fn forget_connection(&self, over: &Arc<Connection>) {
        let mut connection = self.connection.lock();
        let same = connection
            .as_ref()
            .is_some_and(|present| Arc::ptr_eq(present, over));
        let old = if same { connection.take() } else { None };
        drop(connection);
        drop(old);
    }

    /// Writes, holding the token, and tells everybody whom the outcome concerns. No lock is held.
    pub(crate) fn write(&self) {
        let wrote = self.write_on();
        self.tell(&wrote);
    }

    /// The same; where the kernel is full, the caller waits for it, a little each time. A peer that
    /// reads is so written to from here, by and by as it reads; left to the I/O thread, all that is
    /// sent meanwhile would be queued, and read from memory again when it is no longer near.
    pub(crate) fn write_waiting(&self) {
        let mut wrote = self.write_on();
        for _ in 0..WAITS {
            let waits = || self.out.wait_for_kernel(&*self.port.world, LITTLE);
            if !matches!(wrote, Wrote::Blocked) || !waits() {
                break;
            }
            wrote = match self.out.unblock() {
                true => self.write_on(),
                false => Wrote::All,
            };
        }
        self.tell(&wrote);
    }

    fn write_on(&self) -> Wrote {
        let wrote = self.out.write(&*self.port.world, &self.port.counters);
        if self.out.after_write() {
            self.io.post(IoCommand::Refill(self.key));
        }
        wrote
    }

    fn tell(&self, wrote: &Wrote) {
        match wrote {
            Wrote::All => {}
            Wrote::Blocked => self.io.post(IoCommand::Blocked(self.key)),
            Wrote::More => self.io.post(IoCommand::Write(self.key)),
            Wrote::Failed => self.io.post(IoCommand::WriteFailed(self.key)),
            Wrote::Orphaned => self.io.post(IoCommand::Orphaned(self.key)),
        }
        if self.out.take_thirst() {
            self.port.post(Note::Writable(self.id));
        }
    }

    /// True if what a sender has left is still to be written, by this process.
    pub(crate) fn is_left(&self) -> bool {
        self.port.process.is_this() && self.out.is_left()
    }

    /// Writes if there is something to write and nobody else does it. What was left before a fork
    /// the parent writes.
    pub(crate) fn flush(&self) {
        if self.port.process.is_this() && self.out.claim_write() {
            self.write();
        }
    }
}
