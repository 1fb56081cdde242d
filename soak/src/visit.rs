//! A visit: a socket comes to one that stays, or is come to; they talk; it ends in some way.

use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{Context, Dropped, Endpoint, ReleaseError, Socket, Stats};
use ferromq_core::Pattern;
use ferromq_testkit::sim::Random;

use crate::{CALM, Outcome};

/// The longest wait for a peer or a message.
pub(crate) const WAIT: Duration = Duration::from_secs(20);

/// Something that goes on beside others.
pub(crate) trait Scene: Send + Sync {
    /// Somebody comes, and goes.
    fn visit(&self, dice: &mut Random) -> Outcome;

    /// What is left over though nobody is there.
    fn orphan(&self) -> Option<String>;
}

/// What a visitor and a resident say to each other, to the last message.
pub(crate) type Talk<R, V> = fn(&R, &V, &mut Random) -> Outcome;

/// A socket that stays, and who visits it.
pub(crate) struct Pairing<R, V> {
    pub(crate) name: String,
    pub(crate) context: Context,
    pub(crate) resident: R,
    pub(crate) endpoint: Endpoint,
    /// What a visitor binds to that is come to.
    pub(crate) host: String,
    pub(crate) make: fn(&Context) -> V,
    pub(crate) talk: Talk<R, V>,
}

impl<R, V, A, B> Scene for Pairing<R, V>
where
    R: Deref<Target = Socket<A>> + Send + Sync,
    V: Deref<Target = Socket<B>> + Send + Sync,
    A: Pattern,
    B: Pattern,
{
    fn visit(&self, dice: &mut Random) -> Outcome {
        self.come_and_go(dice)
            .map_err(|problem| format!("{}: {problem}", self.name))
    }

    fn orphan(&self) -> Option<String> {
        let (pipes, stats) = (self.resident.pipes(), self.resident.stats());
        let wrong = pipes > 0 || stats.queued > 0 || stats.waiting > 0 || !adds_up(&stats);
        wrong.then(|| format!("{}: {pipes} pipes, {stats:?}", self.name))
    }
}

impl<R, V, A, B> Pairing<R, V>
where
    R: Deref<Target = Socket<A>>,
    V: Deref<Target = Socket<B>>,
    A: Pattern,
    B: Pattern,
{
    fn come_and_go(&self, dice: &mut Random) -> Outcome {
        // Now and then a whole context comes and goes.
        let own = self.endpoint.scheme() != "inproc" && dice.chance(1, 8);
        let context = if own {
            Context::new()
        } else {
            self.context.clone()
        };
        let visitor = (self.make)(&context);
        let host = match dice.chance(1, 3) {
            true => Some(visitor.bind(self.host.as_str()).map_err(text)?),
            false => None,
        };
        match &host {
            Some(endpoint) => self.resident.connect(endpoint).map_err(text)?,
            None => visitor.connect(&self.endpoint).map_err(text)?,
        }
        visitor.wait_peers(1, WAIT).map_err(text)?;
        self.resident.wait_peers(1, WAIT).map_err(text)?;
        (self.talk)(&self.resident, &visitor, dice)?;
        self.end(visitor, host.as_ref(), dice)?;
        drop(context);
        self.leave(host.as_ref())
    }

    /// The visitor goes, or is shown the door first.
    fn end(&self, visitor: V, host: Option<&Endpoint>, dice: &mut Random) -> Outcome {
        match (dice.below(4), host) {
            (0, _) => _ = visitor.close(),
            (1, Some(endpoint)) => visitor.unbind(endpoint).map_err(text)?,
            (1, None) => visitor.disconnect(&self.endpoint).map_err(text)?,
            (2, None) => {
                for peer in self.resident.peers().map_err(text)? {
                    // It comes again before it goes, perhaps.
                    let _ = self.resident.disconnect_peer(peer.peer.pipe);
                }
            }
            _ => {}
        }
        drop(visitor);
        Ok(())
    }

    /// Nobody is there any more, and no file of an endpoint.
    fn leave(&self, host: Option<&Endpoint>) -> Outcome {
        if let Some(endpoint) = host {
            match self.resident.disconnect(endpoint) {
                // In the same process whoever has gone is not dialed again.
                Err(ReleaseError::NotFound) if endpoint.scheme() == "inproc" => {}
                ended => ended.map_err(text)?,
            }
        }
        let file = host.map(ToString::to_string);
        let file = file.as_deref().and_then(|text| text.strip_prefix("ipc://"));
        let deadline = Instant::now() + CALM;
        while self.resident.pipes() > 0 || file.is_some_and(|file| Path::new(file).exists()) {
            if Instant::now() > deadline {
                let file = file.unwrap_or("no file");
                return Err(format!("{} pipes, {file}", self.resident.pipes()));
            }
            thread::park_timeout(Duration::from_micros(200));
        }
        Ok(())
    }
}

/// What was accepted is handed over, queued, given back, or dropped for a reason.
fn adds_up(stats: &Stats) -> bool {
    let dropped = Dropped::ALL
        .iter()
        .map(|reason| stats.dropped_sending(*reason));
    let gone = stats.handed_over + stats.queued + stats.returned;
    stats.accepted == gone + dropped.sum::<u64>()
}

/// An error, as what a visit fails with.
pub(crate) fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
