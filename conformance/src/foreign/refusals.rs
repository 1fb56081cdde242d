//! Socket types that may not be connected: each side refuses the other, and says so.

use super::peer::Implementation;
use super::stage::{Side, Stage};
use crate::case::{Case, case};

pub(super) const CASES: &[Case<Stage>] = &[case!(
    illegal_peer_is_refused_by_both,
    "37/socket-type",
    "37/metadata-type",
    "37/socket-type-legal",
)];

/// How a connection may end, or not.
const ENDS: &str = "handshake_succeeded handshake_failed disconnected";

fn illegal_peer_is_refused_by_both(stage: &Stage) {
    let (ours, theirs) = (stage.socket(Side::Ours), stage.socket(Side::Theirs));
    let _place = stage.meet(&ours, &theirs);
    let end = ours.event(ENDS);
    assert_eq!(end, "handshake_failed Violation(IncompatibleSocketType)");
    let end = theirs.event(ENDS);
    let expected = match stage.foreign {
        Implementation::Pyzmq => "disconnected",
        _ => "handshake_failed incompatible socket types",
    };
    assert!(end.starts_with(expected), "{theirs:?}: {end}");
}
