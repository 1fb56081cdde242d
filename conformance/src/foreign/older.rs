//! Sockets of JeroMQ 0.3, real peers of ZMTP 2.0: the same messages and subscriptions.

use std::sync::Arc;

use super::messages::{self, messages_arrive_unchanged};
use super::peer::{Implementation, Pool};
use super::stage::Stage;
use super::subscriptions::topics_are_prefixes_that_can_be_taken_back;
use crate::case::{Case, case};

/// By pattern.
pub(super) const CASES: [(&str, &[Case<Stage>]); 4] = [
    (
        "reqrep",
        &[case!(
            messages_arrive_unchanged,
            "15/socket-type",
            "15/identity",
            "15/no-handshake",
            "15/frame-size",
            "23/detect-2.0",
            "37/detect-2.0",
            "37/continue-2.0",
        )],
    ),
    (
        "pubsub",
        &[
            case!(
                messages_arrive_unchanged,
                "15/socket-type",
                "15/xpub-as-pub",
                "15/frame-size",
            ),
            case!(
                topics_are_prefixes_that_can_be_taken_back,
                "15/subscribe",
                "15/cancel",
            ),
        ],
    ),
    (
        "pipeline",
        &[case!(
            messages_arrive_unchanged,
            "15/socket-type",
            "15/no-handshake",
            "15/frame-size",
        )],
    ),
    (
        "pair",
        &[case!(
            messages_arrive_unchanged,
            "15/socket-type",
            "15/no-handshake",
            "15/frame-size",
        )],
    ),
];

/// Every legal pair of this pattern, over tcp: its ipc is one of its own.
pub(super) fn stages(pool: &Arc<Pool>, pattern: &str) -> Vec<Stage> {
    Stage::all(pool, Implementation::Jeromq, |stage| {
        stage.is_legal() && stage.transport == "tcp" && messages::pattern(stage.ours) == pattern
    })
}
