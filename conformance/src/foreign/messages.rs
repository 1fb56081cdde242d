//! Messages of every shape, between every legal pair of socket types.

use ferromq::SocketType;

use super::joined::Joined;
use super::stage::Stage;
use super::words::{filled, word};
use crate::case::{Case, case};

/// By pattern: what its sockets promise about messages.
pub(super) const CASES: [(&str, &[Case<Stage>]); 4] = [
    (
        "reqrep",
        &[
            case!(
                messages_arrive_unchanged,
                "28/req-peers",
                "28/req-format",
                "28/req-delimiter",
                "28/rep-peers",
                "28/rep-unchanged",
                "28/rep-format",
                "28/rep-envelope-kept",
                "28/rep-data",
                "28/rep-envelope-back",
                "28/rep-to-asker",
                "28/dealer-peers",
                "28/dealer-unchanged",
                "28/dealer-delivers",
                "28/router-peers",
                "28/router-chosen",
                "28/router-prefix",
                "28/router-delivers",
                "28/router-address",
                "28/router-routes",
                "37/both-ways",
                "37/message",
                "37/short-frame",
                "37/long-frame",
                "37/atomic",
                "37/ordered",
                "37/once",
            ),
            case!(
                empty_parts_arrive,
                "28/req-format",
                "28/rep-format",
                "28/rep-unchanged",
                "28/dealer-unchanged",
                "28/router-delivers",
                "37/short-frame"
            ),
        ],
    ),
    (
        "pubsub",
        &[
            case!(
                messages_arrive_unchanged,
                "29/pub-peers",
                "29/pub-unchanged",
                "29/pub-subscriptions",
                "29/xpub-peers",
                "29/xpub-unchanged",
                "29/xpub-subscriptions",
                "29/xpub-tells",
                "29/sub-peers",
                "29/sub-unchanged",
                "29/sub-delivers",
                "29/xsub-peers",
                "29/xsub-unchanged-in",
                "29/xsub-delivers",
                "29/xsub-subscriptions",
                "37/empty-topic",
                "37/both-ways",
                "37/atomic",
                "37/ordered",
                "37/once",
            ),
            case!(
                empty_parts_arrive,
                "29/pub-unchanged",
                "29/xpub-unchanged",
                "29/sub-unchanged",
                "29/xsub-unchanged-in"
            ),
        ],
    ),
    (
        "pipeline",
        &[
            case!(
                messages_arrive_unchanged,
                "30/push-peers",
                "30/push-unchanged",
                "30/pull-peers",
                "30/pull-unchanged",
                "30/pull-delivers",
                "37/both-ways",
                "37/atomic",
                "37/ordered",
                "37/once",
            ),
            case!(empty_parts_arrive, "30/push-unchanged", "30/pull-unchanged"),
        ],
    ),
    (
        "pair",
        &[
            case!(
                messages_arrive_unchanged,
                "31/unchanged",
                "31/receives",
                "31/delivers",
                "37/both-ways",
                "37/atomic",
                "37/ordered",
                "37/once",
            ),
            case!(empty_parts_arrive, "31/unchanged"),
        ],
    ),
];

/// The pattern of a socket type.
pub(super) fn pattern(socket_type: SocketType) -> &'static str {
    use SocketType::{Dealer, Pair, Pull, Push, Rep, Req, Router};
    match socket_type {
        Req | Rep | Dealer | Router => "reqrep",
        Push | Pull => "pipeline",
        Pair => "pair",
        _ => "pubsub",
    }
}

/// One byte, the longest short frame, the shortest long one, large; alone and together.
pub(super) fn sizes() -> Vec<String> {
    let (short, long, large) = (filled(255, 1), filled(256, 2), filled(1 << 20, 3));
    let many: Vec<String> = (0..1_000_u16).map(|at| word(&at.to_be_bytes())).collect();
    vec![
        word(b"\0"),
        format!("01 {short} {long} {large} 00"),
        format!("{large} {large}"),
        short,
        long,
        large,
        many.join(" "),
    ]
}

/// Empty parts, which some take for an envelope's end.
fn empty_parts() -> Vec<String> {
    ["-", "- -", "61 - 62 - -", "- 61 -", "- - 61"]
        .map(str::to_owned)
        .to_vec()
}

pub(super) fn messages_arrive_unchanged(stage: &Stage) {
    arrive_unchanged(stage, &sizes());
}

fn empty_parts_arrive(stage: &Stage) {
    arrive_unchanged(stage, &empty_parts());
}

/// One after the other, each sent back, and then all together.
fn arrive_unchanged(stage: &Stage, messages: &[String]) {
    arrive(&Joined::new(stage), messages);
}

/// The same between two sockets that are connected.
pub(super) fn arrive(joined: &Joined, messages: &[String]) {
    let (first, second) = (joined.first(), joined.second());
    for message in messages {
        first.send(message);
        second.expect(message);
        if joined.has_two_ways() {
            second.send(message);
            first.expect(message);
        }
    }
    if joined.is_lockstep() || !joined.takes_bursts() {
        return;
    }
    messages.iter().for_each(|message| first.send(message));
    if joined.has_two_ways() {
        messages.iter().for_each(|message| second.send(message));
        messages.iter().for_each(|message| first.expect(message));
    }
    messages.iter().for_each(|message| second.expect(message));
}
