//! A case: a body that panics unless the requirements hold that it names.
//!
//! Bodies are functions over a stage: the place, transport and peer they run with. A suite lists
//! its cases in a table, before them:
//!
//! ```ignore
//! pub(crate) const CASES: &[Case<Stage>] = &[
//!     case!(padding_means_nothing, "37/padding-ignored", "23/padding-ignored"),
//! ];
//! ```

use std::fmt;
use std::panic::resume_unwind;

/// A body over a stage `S`, and what it shows.
pub(crate) struct Case<S: 'static> {
    pub(crate) name: &'static str,
    /// Ids of requirements.
    pub(crate) shows: &'static [&'static str],
    pub(crate) body: fn(&S),
}

/// The case with the name of its body, showing these ids.
macro_rules! case {
    ($body:ident, $($id:literal),+ $(,)?) => {
        $crate::case::Case {
            name: stringify!($body),
            shows: &[$($id),+],
            body: $body,
        }
    };
}
pub(crate) use case;

/// The kinds of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A scripted raw peer, byte by byte.
    Wire,
    /// Whole sockets among themselves.
    Patterns,
    /// Whole sockets with those of other implementations.
    Foreign,
    /// Whole sockets and libzmq's, doing the same.
    Differential,
    /// Whole sockets in a simulated network, against a model.
    Models,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Wire => "wire",
            Self::Patterns => "patterns",
            Self::Differential => "differential",
            Self::Models => "models",
            Self::Foreign => "foreign",
        })
    }
}

/// How a trial passes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It waits, for time or for its turn: all such trials run beside the others.
    Waits,
    /// It works.
    Works,
}

/// A case on one stage, ready to be run.
pub(crate) struct Trial {
    pub(crate) kind: Kind,
    /// The suite: of patterns, the pattern's name.
    pub(crate) suite: &'static str,
    pub(crate) case: &'static str,
    pub(crate) shows: &'static [&'static str],
    /// `tcp`, `ipc`, `inproc`, `sim` (a simulated network), or `memory` (no socket at all).
    pub(crate) transport: &'static str,
    /// The stage, where a transport has several: `tcp, dialed`.
    pub(crate) stage: String,
    /// Who is at the other side.
    pub(crate) peer: &'static str,
    pub(crate) pace: Pace,
    pub(crate) body: Box<dyn FnOnce() + Send>,
}

impl Trial {
    /// `greeting::padding_means_nothing (tcp, dialed)`.
    pub(crate) fn name(&self) -> String {
        format!("{}::{} ({})", self.suite, self.case, self.stage)
    }
}

/// Ends the case at hand: it says nothing here, for this reason.
pub(crate) fn skip(reason: &'static str) -> ! {
    resume_unwind(Box::new(Skipped(reason)))
}

/// What [`skip`] unwinds with.
pub(crate) struct Skipped(pub(crate) &'static str);
