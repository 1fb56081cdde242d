//! Where a case with a foreign peer runs: two types, who binds, a transport, an implementation.

use std::fmt;
use std::sync::Arc;

use ferromq::SocketType::{self, Router};

use super::peer::{Implementation, Pool, Remote};
use super::words;
use crate::vacancy::Vacancy;

/// The transports that reach another process.
const TRANSPORTS: [&str; 2] = ["ipc", "tcp"];

/// A socket of ours and one of theirs.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(super) pool: Arc<Pool>,
    pub(super) foreign: Implementation,
    pub(super) transport: &'static str,
    pub(super) we_bind: bool,
    pub(super) ours: SocketType,
    pub(super) theirs: SocketType,
}

impl Stage {
    /// Those that are wanted of any two types, over every transport, with either side binding.
    pub(super) fn all(
        pool: &Arc<Pool>,
        foreign: Implementation,
        wanted: impl Fn(&Self) -> bool,
    ) -> Vec<Self> {
        let mut stages = Vec::new();
        for (ours, theirs) in SocketType::ALL
            .into_iter()
            .flat_map(|ours| SocketType::ALL.map(|theirs| (ours, theirs)))
        {
            for transport in TRANSPORTS {
                for we_bind in [true, false] {
                    stages.push(Self {
                        pool: pool.clone(),
                        foreign,
                        transport,
                        we_bind,
                        ours,
                        theirs,
                    });
                }
            }
        }
        stages.retain(wanted);
        stages
    }

    /// True if the two types may be connected.
    pub(super) fn is_legal(&self) -> bool {
        self.ours.accepts(self.theirs)
    }

    pub(super) fn kind(&self, side: Side) -> SocketType {
        match side {
            Side::Ours => self.ours,
            Side::Theirs => self.theirs,
        }
    }

    /// A socket in a process of its own, with these options (`name=value`).
    pub(super) fn socket_with(&self, side: Side, options: &[&str]) -> Remote {
        let implementation = match side {
            Side::Ours => Implementation::Ferromq,
            Side::Theirs => self.foreign,
        };
        let peer = self.pool.peer(implementation);
        let common: &[&str] = match (side, self.foreign) {
            (Side::Ours, Implementation::Jeromq) => &["reconnect_ivl=10", "min_zmtp=1.0"],
            _ => &["reconnect_ivl=10"],
        };
        peer.socket(self.kind(side), &[common, options].concat())
    }

    /// A socket with a routing id, if its peer can make use of one.
    pub(super) fn socket(&self, side: Side) -> Remote {
        self.socket_and(side, &[])
    }

    /// Such a socket, with further options.
    pub(super) fn socket_and(&self, side: Side, options: &[&str]) -> Remote {
        let id = format!("routing_id={}", side.routing_id());
        let is_named = self.kind(side.other()) == Router;
        let id = is_named.then_some(&*id);
        self.socket_with(
            side,
            &id.into_iter()
                .chain(options.iter().copied())
                .collect::<Vec<_>>(),
        )
    }

    /// A place where nobody listens.
    pub(super) fn vacancy(&self) -> Vacancy {
        Vacancy::of(self.transport)
    }

    /// Binds there, or connects, whichever this side does.
    pub(super) fn enter(&self, side: Side, socket: &Remote, place: &Vacancy) {
        let endpoint = place.endpoint().to_string();
        match self.we_bind == (side == Side::Ours) {
            true => socket.bind(&endpoint),
            false => socket.connect(&endpoint),
        }
    }

    /// One binds, then the other connects.
    pub(super) fn meet(&self, ours: &Remote, theirs: &Remote) -> Vacancy {
        let place = self.vacancy();
        let mut sides = [(Side::Ours, ours), (Side::Theirs, theirs)];
        if !self.we_bind {
            sides.reverse();
        }
        for (side, socket) in sides {
            self.enter(side, socket, &place);
        }
        place
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.we_bind { "binds" } else { "dials" };
        let (ours, theirs) = (self.ours, self.theirs);
        let (transport, foreign) = (self.transport, self.foreign.name());
        write!(f, "{transport}, {ours} {verb}, {foreign} {theirs}")
    }
}

/// One of the two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    Theirs,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }

    /// A word.
    pub(super) fn routing_id(self) -> String {
        words::word(match self {
            Self::Ours => b"ours",
            Self::Theirs => b"theirs",
        })
    }
}
