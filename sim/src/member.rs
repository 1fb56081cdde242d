//! A socket that takes part in an episode, with what it has under way.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ferromq::{ConnectionId, Endpoint, Events, Message, Part, PipeId, SendError, SocketType};

use crate::ledger::{Ledger, Name, Way};
use crate::socket::{Answered, AnySocket, Pending, Received};

use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, Xpub, Xsub};

/// A socket of an episode.
pub(crate) struct Member {
    pub(crate) name: Name,
    pub(crate) kind: SocketType,
    /// The type of those it talks to, through a proxy or not.
    pub(crate) others: SocketType,
    pub(crate) socket: Arc<dyn AnySocket>,
    pub(crate) events: Events,
    pub(crate) linger: Duration,
    /// How many connections its listener holds, and how many events are kept.
    pub(crate) max_connections: usize,
    pub(crate) event_backlog: usize,
    pub(crate) bound: Vec<Endpoint>,
    pub(crate) dialed: Vec<Endpoint>,
    pub(crate) topics: Vec<Vec<u8>>,
    /// What it has been asked and not answered.
    pub(crate) answers: VecDeque<Message>,
    pub(crate) receiving: Option<Task<Received>>,
    pub(crate) sending: Option<Task<Result<(), SendError>>>,
    pub(crate) asking: Option<Asking>,
    /// The peers that it was told of, and not that they have left; `None`: it is told nothing.
    pub(crate) present: Option<BTreeSet<Connection>>,
    /// Of many messages, the last ones arrive.
    pub(crate) conflates: bool,
    /// It is a proxy's, and nobody else sends or receives by it.
    pub(crate) relays: bool,
}

/// A connection, as its socket names it.
pub(crate) type Connection = (PipeId, ConnectionId);

/// A request that is under way.
pub(crate) struct Asking {
    pub(crate) task: Task<Answered>,
    pub(crate) message: Message,
    /// When it has to be over.
    pub(crate) latest: Duration,
}

impl Member {
    /// Whether the application sends by it.
    pub(crate) fn sends(&self) -> bool {
        !self.relays && !matches!(self.kind, Pull | Sub | Xsub)
    }

    pub(crate) fn receives(&self) -> bool {
        !self.relays && !matches!(self.kind, Push | Pub)
    }

    pub(crate) fn subscribes(&self) -> bool {
        !self.relays && matches!(self.kind, Sub | Xsub)
    }

    /// Whether what a lost peer was not given goes elsewhere.
    pub(crate) fn requeues(&self) -> bool {
        !self.relays && matches!(self.kind, Push | Dealer | Req)
    }

    /// Whether it sends what it has been sent.
    pub(crate) fn answers(&self) -> bool {
        !self.relays && matches!(self.kind, Rep | Router)
    }

    /// What it would send next.
    pub(crate) fn outgoing(&self, ledger: &Ledger) -> Option<Message> {
        if self.answers() {
            return self.answers.front().cloned();
        }
        let mut message = ledger.next(self.name);
        if (self.kind, self.others) == (Dealer, Rep) {
            message.push_delimiter();
        }
        Some(message)
    }

    /// Which way a message that it receives has gone.
    pub(crate) fn way(&self) -> Way {
        match (self.kind, self.others) {
            (Req, _) | (Dealer, Rep | Router) => Way::Back,
            _ => Way::Forth,
        }
    }

    /// What it receives goes to others, too.
    pub(crate) fn shares(&self) -> bool {
        matches!(self.others, Pub | Xpub)
    }

    /// What was sent, within what was received; `None`: a notice of the library's.
    pub(crate) fn content(&self, mut message: Message) -> Option<Message> {
        match self.kind {
            Xpub => return None,
            Router => {
                message.pop_routing_id();
                message = without_envelope(message);
            }
            Dealer => message = without_delimiter(message),
            _ => {}
        }
        Some(message)
    }

    /// True if this message was asked for: of a SUB, which has to leave out all others.
    pub(crate) fn wants(&self, topic: u8) -> bool {
        self.kind != Sub || self.topics.iter().any(|known| [topic].starts_with(known))
    }

    /// A pair that a message can be missing from only if a connection was lost.
    pub(crate) fn is_exact(&self) -> bool {
        let is_exact = matches!(self.kind, Push | Dealer | Pair);
        is_exact && !matches!(self.others, Rep | Router) && !self.conflates
    }

    /// A call of it was woken.
    pub(crate) fn is_woken(&self) -> bool {
        let receiving = self.receiving.as_ref().is_some_and(Task::is_woken);
        let asking = self.asking.as_ref().is_some_and(|it| it.task.is_woken());
        receiving || asking || self.sending.as_ref().is_some_and(Task::is_woken)
    }
}

/// A request has an id before the delimiter, if others may be under way.
fn without_envelope(mut message: Message) -> Message {
    let length = |at| message.part(at).map(Part::len);
    if (length(0), length(1)) == (Some(4), Some(0)) {
        message.pop_front();
    }
    without_delimiter(message)
}

fn without_delimiter(message: Message) -> Message {
    let delimited = message.part(0).is_some_and(|part| part.is_empty());
    message.into_iter().skip(usize::from(delimited)).collect()
}

/// A call that is under way.
pub(crate) struct Task<T> {
    call: Pending<T>,
    woken: Arc<Woken>,
    /// It was polled, and had to wait.
    pub(crate) slept: bool,
}

impl<T> Task<T> {
    pub(crate) fn new(call: Pending<T>) -> Self {
        Self {
            call,
            woken: Arc::new(Woken(AtomicBool::new(true))),
            slept: false,
        }
    }

    /// Whether its waker was called since it was last polled.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }

    pub(crate) fn poll(&mut self) -> Option<T> {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.woken));
        match self.call.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => {
                self.slept = true;
                None
            }
        }
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
