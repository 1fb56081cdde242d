//! A pipe whose peer is a socket of the same context: our outgoing queue is its incoming one.

use std::collections::VecDeque;
use std::sync::Arc;

use ferromq_wire::{Command, Incoming, Message};

use crate::echo;
use crate::inbound::{Inbound, Replaced};
use crate::options::Options;
use crate::pattern::PipeId;
use crate::pipe::Rest;
use crate::port::{Note, Port};
use crate::stats::PeerStats;

/// The two queues, and the socket at their other ends.
#[derive(Clone, Debug)]
pub(crate) struct InprocPipe {
    pub(crate) outgoing: Arc<Inbound>,
    pub(crate) incoming: Arc<Inbound>,
    /// Those of our endpoint: a name that was bound or connected to.
    pub(crate) options: Arc<Options>,
    /// The other socket and its name for the pipe; none while the name is not bound.
    pub(crate) peer: Option<(Arc<Port>, PipeId)>,
}

impl InprocPipe {
    /// Would a message be accepted now? If not, the peer tells when it would.
    pub(super) fn has_room(&self) -> bool {
        self.outgoing.has_room() || self.outgoing.starve()
    }

    /// What it has carried until now; nothing is counted in bytes.
    pub(super) fn carried(&self) -> PeerStats {
        let handed_over = match self.peer {
            Some(_) => self.outgoing.sent(),
            None => 0,
        };
        PeerStats {
            handed_over,
            queued: self.queued(),
            send_high_water: self.outgoing.times_starved(),
            received: self.incoming.produced(),
            receive_high_water: self.incoming.times_starved(),
            ..PeerStats::default()
        }
    }

    /// Messages that no peer has taken: they wait for the name to be bound.
    pub(super) fn queued(&self) -> u64 {
        match self.peer {
            None => self.outgoing.sent(),
            Some(_) => 0,
        }
    }

    /// Tells the peer that this side is over.
    pub(super) fn leave(&self) {
        if let Some((port, pipe)) = &self.peer {
            port.post(Note::Gone(*pipe, Rest::nothing()));
        }
    }

    /// Hands a message over, for which others may give way that the peer has not taken: the note,
    /// if the peer has to be told, and those. Without a message, only these.
    pub(crate) fn replace(
        &self,
        message: Option<Message>,
    ) -> (Option<(Arc<Port>, Note)>, Replaced) {
        let mut items: VecDeque<_> = message.into_iter().map(Incoming::Message).collect();
        let messages = items.len();
        let (tell, replaced) = self.outgoing.replace(&mut items, messages);
        let peer = self.peer.as_ref().filter(|_| tell);
        let note = peer.map(|(port, pipe)| (Arc::clone(port), Note::Readable(*pipe)));
        (note, replaced)
    }

    /// Hands a message over, which is moved out. The note, if the peer has to be told.
    #[inline]
    pub(crate) fn send(&self, message: &mut Message) -> Option<(Arc<Port>, Note)> {
        self.readable(self.outgoing.push(message))
    }

    /// Tells the peer something that is a message to it, but none of our application's. The note,
    /// if the peer has to be told.
    pub(crate) fn announce(&self, message: &Message) -> Option<(Arc<Port>, Note)> {
        self.readable(self.outgoing.announce(message))
    }

    /// The same in the peer's place, when it is gone.
    pub(crate) fn announce_end(&self, message: &Message) {
        self.incoming.announce(message);
    }

    /// Sends a command outside the high-water mark. The note, if the peer has to be told; an answer
    /// is a note of its own, for it must not wait behind messages that nobody receives.
    pub(crate) fn control(&self, command: Command) -> Option<(Arc<Port>, Note)> {
        if let Command::Pong { context } = &command {
            let (port, pipe) = self.peer.as_ref()?;
            let number = echo::number(context)?;
            return Some((Arc::clone(port), Note::Echoed(*pipe, number)));
        }
        self.readable(self.outgoing.push_command(command))
    }

    /// Another note for the peer: that its outgoing queue has room.
    pub(crate) fn room(&self) -> Option<(Arc<Port>, Note)> {
        let (port, pipe) = self.peer.as_ref()?;
        Some((Arc::clone(port), Note::Writable(*pipe)))
    }

    /// True if messages go to the peer at once.
    pub(crate) fn is_joined(&self) -> bool {
        self.peer.is_some()
    }

    /// The note that there is something to receive, if the peer has to be told so.
    #[inline]
    fn readable(&self, tell: bool) -> Option<(Arc<Port>, Note)> {
        let (port, pipe) = self.peer.as_ref().filter(|_| tell)?;
        Some((Arc::clone(port), Note::Readable(*pipe)))
    }
}

impl Rest {
    /// Of an inproc pipe from which nothing was taken out.
    pub(crate) fn nothing() -> Self {
        Self::Inproc(VecDeque::new())
    }
}
