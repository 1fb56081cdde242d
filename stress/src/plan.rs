//! What an episode is: drawn from its seed, so that a seed means the same episode again (but for
//! what the threads make of it).

use std::time::Duration;

use ferromq_testkit::sim::Random;

/// Which sockets take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// PUSH to PULL.
    Pipeline,
    /// PUB to SUB.
    Fan,
    /// DEALER and DEALER, both ways.
    Duplex,
    /// REQ and REP.
    Lockstep,
}

/// An episode.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) transport: &'static str,
    /// Connections are cut, endpoints let go, sockets closed and made anew. Else nothing may be
    /// lost, and nothing may stand still.
    pub(crate) rough: bool,
    /// How many sockets there are on either side; those on the left send.
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) left_binds: bool,
    /// How many threads send with a socket, and receive.
    pub(crate) threads: usize,
    /// Calls wait without limit only: a wake-up that was forgotten is not made up for.
    pub(crate) patient: bool,
    /// The senders make no pauses.
    pub(crate) hurried: bool,
    /// High-water mark of every socket.
    pub(crate) mark: u32,
    pub(crate) io_threads: usize,
    /// All sockets share a context.
    pub(crate) together: bool,
    pub(crate) linger: Duration,
    /// Who sends closes without waiting until all was received.
    pub(crate) closes_early: bool,
    /// How much a relay passes on at once.
    pub(crate) piece: usize,
    pub(crate) time: Duration,
}

/// Relays that pass on less at once are slow: then no message is large.
const SLOW: usize = 1000;

impl Plan {
    /// The largest part of a message.
    pub(crate) fn largest(&self) -> usize {
        if self.rough && self.piece < SLOW {
            300
        } else {
            usize::MAX
        }
    }

    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Random::new(seed);
        let mut of = |choices: &[usize]| choices[dice.below(choices.len())];
        let shapes = [Shape::Pipeline, Shape::Fan, Shape::Duplex, Shape::Lockstep];
        let shape = shapes[of(&[0, 0, 0, 1, 2, 2, 3])];
        let transport = ["tcp", "ipc", "inproc"][of(&[0, 0, 1, 1, 2])];
        let lockstep = shape == Shape::Lockstep;
        let rough = transport != "inproc" && !lockstep && of(&[0, 1]) == 1;
        let rough_linger = Duration::from_millis([0, 20, 500][of(&[0, 1, 2])]);
        Self {
            seed,
            shape,
            transport,
            rough,
            left: of(&[1, 1, 2, 3, 6]),
            right: of(&[1, 1, 1, 2, 3, 6]),
            left_binds: of(&[0, 1]) == 1,
            threads: if lockstep { 1 } else { of(&[1, 1, 2, 3]) },
            patient: of(&[0, 1]) == 1,
            hurried: of(&[0, 0, 1]) == 1,
            mark: [1, 2, 10, 1000][of(&[0, 1, 2, 3, 3, 3])],
            io_threads: of(&[1, 1, 2]),
            together: transport == "inproc" || of(&[0, 0, 1]) == 1,
            linger: if rough {
                rough_linger
            } else {
                Duration::from_secs(20)
            },
            closes_early: shape == Shape::Pipeline && of(&[0, 1]) == 1,
            piece: [7, 500, 65_536][of(&[0, 1, 2, 2])],
            time: Duration::from_millis(of(&[50, 200, 500]) as u64),
        }
    }
}
