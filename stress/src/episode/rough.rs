//! What goes wrong in a rough episode.

use std::thread::{self, Scope};
use std::time::Duration;

use ferromq::Endpoint;
use ferromq_testkit::sim::Random;

use super::{REPLACED, Senders, Stage};
use crate::member::Member;
use crate::plan::Shape;
use crate::relay::Relay;

/// Who cuts and replaces.
pub(super) struct Rough<'a> {
    stage: &'a Stage<'a>,
    relays: Vec<Relay>,
    endpoints: Vec<Endpoint>,
    dice: Random,
    replaced: usize,
    /// How often a relay cut its connections.
    pub(super) cuts: u64,
}

impl<'a> Rough<'a> {
    pub(super) fn new(stage: &'a Stage<'a>, relays: Vec<Relay>, endpoints: Vec<Endpoint>) -> Self {
        Self {
            stage,
            relays,
            endpoints,
            dice: Random::new(!stage.plan.seed),
            replaced: 0,
            cuts: 0,
        }
    }

    /// Waits for a moment, `rest` at most, and does something to those that have dialed. Returns
    /// the threads of a new socket that send.
    pub(super) fn interfere<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        dialed: &mut [Member],
        rest: Duration,
    ) -> Senders<'scope>
    where
        'a: 'scope,
    {
        let most = rest.min(Duration::from_millis(40));
        thread::park_timeout(self.dice.duration(&(Duration::ZERO..=most)));
        let at = self.dice.below(self.endpoints.len());
        let member = self.dice.below(dialed.len());
        match self.dice.below(5) {
            0 | 1 => {
                self.relays[at].cut();
                self.cuts += 1;
            }
            // Of a socket that receives too, what was not received would be in the same count.
            2 if self.stage.plan.shape != Shape::Duplex => {
                let socket = &dialed[member].socket;
                if socket.disconnect(&self.endpoints[at]) {
                    socket.connect(&self.endpoints[at]);
                }
            }
            3 if self.replaced < REPLACED => return self.replace(scope, &mut dialed[member]),
            _ => {}
        }
        Senders::new()
    }

    fn replace<'scope>(
        &mut self,
        scope: &'scope Scope<'scope, '_>,
        member: &mut Member,
    ) -> Senders<'scope>
    where
        'a: 'scope,
    {
        self.replaced += 1;
        let new = self.stage.member(member.side);
        new.connect(&self.endpoints);
        let old = std::mem::replace(member, new);
        let stage = self.stage;
        scope.spawn(|| stage.close(old));
        self.stage.start(scope, member)
    }
}
