//! Requests side by side: who was asked which, and whose reply counts.
//!
//! ```text
//!              ask                    settle
//!   Unasked ─────────► Asked ──────────────────► (no longer here)
//!      ▲                │ │ ▲
//!      │ came back      │ │ │ ask
//!      ├────────────────┘ ▼ │
//!      └──────────────── Lost
//!        ask: nobody is there with room
//! ```
//!
//! Only peers with a connection are asked, so that a request is with the kernel or about to be, and
//! nothing is left lying for a peer that may come after its asker has given up. A reply counts if
//! it comes from a peer that was asked, at any attempt; once one of these is gone for good, from
//! any peer, for it may have come back as another. What was forgotten or answered is not here, and
//! further replies to it are stale.

use std::collections::BTreeMap;

use ferromq_core::strategy::RoundRobin;
use ferromq_core::{Actions, Admit, Dropped, Message, PipeId, Progress, Room};

/// The requests that wait for replies.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// The peers that have a connection.
    peers: RoundRobin,
    open: BTreeMap<u32, Request>,
    begun: bool,
}

/// One of them.
#[derive(Debug)]
struct Request {
    progress: Progress,
    /// Who was asked last.
    asked: Option<PipeId>,
    /// Who was asked before.
    before: Vec<PipeId>,
    /// Somebody who was asked is gone for good.
    of_anyone: bool,
}

impl Requests {
    pub(super) fn connected(&mut self, pipe: PipeId) {
        self.peers.attach(pipe);
    }

    pub(super) fn writable(&mut self, pipe: PipeId) {
        self.peers.writable(pipe);
    }

    /// The pipe has no connection now: what it was asked is lost, but may still be answered when it
    /// has one again.
    pub(super) fn lost(&mut self, pipe: PipeId, then: &mut Actions) {
        self.peers.detach(pipe);
        for (&id, request) in &mut self.open {
            if request.asked == Some(pipe) && request.progress == Progress::Asked {
                request.progress = Progress::Lost;
                then.tell(id);
            }
        }
    }

    /// The pipe is gone for good.
    pub(super) fn detach(&mut self, pipe: PipeId, then: &mut Actions) {
        self.lost(pipe, then);
        for request in self.open.values_mut() {
            request.of_anyone |= request.was_asked_of(pipe);
        }
    }

    pub(super) fn open(&mut self, id: u32) {
        self.begun = true;
        let request = Request {
            progress: Progress::Unasked,
            asked: None,
            before: Vec::new(),
            of_anyone: false,
        };
        self.open.insert(id, request);
    }

    /// Chooses whom to ask (again). Without anybody the request is unasked from now on: what became
    /// of it before is known, and was one failure, not one more at each look.
    pub(super) fn ask(&mut self, id: u32, room: &dyn Room) -> Option<PipeId> {
        let request = self.open.get_mut(&id)?;
        let Some(pipe) = self.peers.pick(room) else {
            request.progress = Progress::Unasked;
            return None;
        };
        request.progress = Progress::Asked;
        if let Some(before) = request.asked.replace(pipe)
            && before != pipe
            && !request.before.contains(&before)
        {
            request.before.push(before);
        }
        Some(pipe)
    }

    /// A request came back from a pipe, unsent: it is to be asked again, unless it was already.
    /// False: always, for nobody else sends it.
    pub(super) fn unsent(&mut self, id: u32, pipe: PipeId, then: &mut Actions) -> bool {
        if let Some(request) = self.open.get_mut(&id)
            && request.asked == Some(pipe)
        {
            request.progress = Progress::Unasked;
            then.tell(id);
        }
        false
    }

    /// A message with an id came from a pipe: what becomes of it, if one of these requests has that
    /// id.
    pub(super) fn settle(
        &mut self,
        id: u32,
        pipe: PipeId,
        message: &mut Message,
        then: &mut Actions,
    ) -> Option<Admit> {
        let request = self.open.get(&id)?;
        if !request.of_anyone && !request.was_asked_of(pipe) {
            return Some(Admit::Skip(Dropped::Stale));
        }
        if message.len() < 3 {
            return Some(Admit::Skip(Dropped::Malformed));
        }
        self.open.remove(&id);
        message.pop_front();
        message.pop_front();
        then.answer(id, std::mem::take(message));
        Some(Admit::Done)
    }

    pub(super) fn forget(&mut self, id: u32) {
        self.open.remove(&id);
    }

    pub(super) fn progress(&self, id: u32) -> Progress {
        let request = self.open.get(&id);
        request.map_or(Progress::Unasked, |request| request.progress)
    }

    pub(super) fn is_open(&self, id: u32) -> bool {
        self.open.contains_key(&id)
    }

    /// True from the first request on.
    pub(super) fn have_begun(&self) -> bool {
        self.begun
    }
}

impl Request {
    fn was_asked_of(&self, pipe: PipeId) -> bool {
        self.asked == Some(pipe) || self.before.contains(&pipe)
    }
}
