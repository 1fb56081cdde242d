//! Either side is killed and started again, in each pattern: messages flow again by themselves.

use ferromq::SocketType::{Pair, Req, Router};

use super::joined::Joined;
use super::peer::Remote;
use super::stage::{Side, Stage};
use crate::case::{Case, case};
use crate::vacancy::{Vacancy, dial};

pub(super) const CASES: &[Case<Stage>] = &[case!(
    killed_side_is_found_again,
    "37/close-temporary",
    "37/close-reconnect",
    "37/reconnect",
)];

/// How often a message may be lost that libzmq gives to a dead peer.
const ATTEMPTS: u8 = 10;

fn killed_side_is_found_again(stage: &Stage) {
    let sockets = [Side::Ours, Side::Theirs].map(|side| start(stage, side));
    let mut joined = Joined::of(stage, sockets, &["-"]);
    joined.await_topic("-");
    joined.talk(1);
    for side in [Side::Theirs, Side::Ours] {
        restart(stage, &mut joined, side);
        joined.await_topic("-");
        // Ours loses nothing that is sent after the new connection is there.
        let is_exact = joined.leader() == Side::Ours && stage.ours != Pair;
        joined.talk(if is_exact { 1 } else { ATTEMPTS });
    }
}

fn restart(stage: &Stage, joined: &mut Joined, side: Side) {
    let successor = start(stage, side);
    let victim = std::mem::replace(&mut joined.end_mut(side).socket, successor);
    victim.kill();
    let (successor, survivor) = (&joined.end(side).socket, &joined.end(side.other()).socket);
    survivor.event("disconnected");
    if survivor.kind == Pair && side == Side::Ours && !stage.we_bind {
        let_go(survivor, &joined.place);
    }
    successor.subscribe_to(&["-"]);
    stage.enter(side, successor, &joined.place);
    survivor.event("handshake_succeeded");
    successor.event("handshake_succeeded");
}

/// Has a PAIR of libzmq that is bound let go of its dead peer, which takes several turns of its
/// application and its I/O thread. Meanwhile it would take another connection, and never read it.
fn let_go(survivor: &Remote, place: &Vacancy) {
    for _ in 0..5 {
        let _stranger = dial(&place.endpoint().to_string());
        survivor.event("accepted");
        assert_eq!(survivor.take(), None);
    }
}

/// A socket; theirs are asked for what makes them survive: a REQ that may ask again, a ROUTER that
/// takes a peer's successor of the same name.
fn start(stage: &Stage, side: Side) -> Remote {
    let option = match (side, stage.theirs) {
        (Side::Theirs, Req) => "req_relaxed=1",
        (Side::Theirs, Router) => "router_handover=1",
        _ => return stage.socket(side),
    };
    stage.socket_and(side, &[option])
}
