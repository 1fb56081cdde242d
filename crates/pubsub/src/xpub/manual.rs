//! Manual subscriptions: what peers ask for is told to the application, which answers.
//!
//! What is delivered has a part in front that says which pipe it came by; it is taken off when the
//! application is given the message, and that pipe is the one that an answer is for.

use ferromq_core::{Actions, ClosedError, Message, Part, PipeId};

use crate::index::Index;
use crate::request::Request;

/// What the peers asked for, and who is answered.
#[derive(Debug, Default)]
pub(super) struct Manual {
    /// What the peers asked for, granted or not.
    asked: Index,
    /// By which pipe the message came that was received last.
    asker: Option<PipeId>,
}

impl Manual {
    /// A peer asks for a topic, or cancels. What changes nothing is told if there is room.
    pub(super) fn ask(&mut self, pipe: PipeId, request: Request<'_>, then: &mut Actions) {
        let before = self.asked.held_by(pipe);
        match request {
            Request::Subscribe(topic) => self.asked.subscribe(pipe, topic),
            Request::Cancel(topic) => self.asked.unsubscribe(pipe, topic),
        };
        match self.asked.held_by(pipe) == before {
            true => then.deliver(marked(pipe, request)),
            false => then.notify(marked(pipe, request)),
        }
    }

    /// What the peers asked for, granted or not.
    pub(super) fn asked(&self) -> &Index {
        &self.asked
    }

    /// The application is given a message.
    pub(super) fn taken(&mut self, message: &mut Message) {
        self.asker = message.pop_front().and_then(|mark| pipe_of(&mark));
    }

    /// A pipe asks for nothing any more: each of its topics is cancelled, whoever else asks for it.
    pub(super) fn forget(&mut self, pipe: PipeId, then: &mut Actions) {
        self.asked.topics_of(pipe, |topic| {
            then.notify(marked(pipe, Request::Cancel(&topic)));
        });
        self.asked.remove(pipe, drop);
    }

    /// Who sent what was received last; it may be gone.
    pub(super) fn asker(&self) -> Option<PipeId> {
        self.asker
    }
}

/// The application did not answer a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The socket was closed, or its context shut down.
    #[error("failed to answer: {0}")]
    Closed(#[from] ClosedError),
    /// Nothing was received yet, or the peer is gone whose message was received last.
    #[error("failed to answer: there is no peer to be answered")]
    NoPeer,
}

fn marked(pipe: PipeId, request: Request<'_>) -> Message {
    let mut message = request.to_message();
    message.push_front(mark(pipe));
    message
}

/// The part that says by which pipe a message came.
pub(super) fn mark(pipe: PipeId) -> Part {
    let both = (pipe.index() as u64) << 32 | u64::from(pipe.generation());
    Part::from(both.to_be_bytes())
}

fn pipe_of(mark: &Part) -> Option<PipeId> {
    let both = u64::from_be_bytes(mark.as_bytes().try_into().ok()?);
    Some(PipeId::new((both >> 32) as u32, both as u32))
}
