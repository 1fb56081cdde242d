//! What others' authentication got wrong, each by its name: none of it happens here. (Names are
//! those of libzmq's history; what concerns the bytes alone is in the tests of `crates/wire`.)

#![cfg(all(
    feature = "curve",
    feature = "plain",
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ferromq::{
    Builder, Context, Denial, Endpoint, KeyPair, Message, Pull, Reason, Router, Security,
};
use ferromq_testkit::{MockPeer, frames};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, address, bound, dialed, handshake_failure, under};

const HANDLER: &str = "inproc://zeromq.zap.01";

fn handler(context: &Context) -> Router {
    let handler = Router::new(context);
    handler.bind(HANDLER).unwrap();
    handler
}

/// The answer to a question that a ROUTER has received.
fn answer(question: &Message, status: &str) -> Message {
    let head = (0..4).map(|index| question.part(index).unwrap().to_vec());
    let rest = [status, "", "", ""].map(|part| part.as_bytes().to_vec());
    head.chain(rest).collect()
}

fn plain_server() -> Builder<Pull> {
    Pull::builder().security(Security::plain_server())
}

/// A raw client of PLAIN that has said who it is.
fn claiming(endpoint: &Endpoint) -> MockPeer {
    let mut peer = MockPeer::dial_tcp(&address(endpoint));
    peer.send(frames::greeting_with((3, 1), "PLAIN", false));
    peer.send(frames::command("HELLO", b"\x01u\x01p"));
    peer.next_greeting();
    peer
}

/// `ccfe5082`: a mechanism that went on after a denial.
#[test]
fn each_mechanism_takes_each_denial() {
    under("each_mechanism_takes_each_denial", || {
        let keys = [(); 2].map(|()| KeyPair::generate().unwrap());
        let [server, client] = keys;
        let public = server.public;
        let mechanisms = [
            (Security::null(), Security::null()),
            (Security::plain_server(), Security::plain_client("u", "p")),
            (
                Security::curve_server(server),
                Security::curve_client(client, public),
            ),
        ];
        for (ours, theirs) in mechanisms {
            for (status, denial) in [
                ("300", Denial::Temporary),
                ("400", Denial::Unauthorized),
                ("500", Denial::Internal),
            ] {
                let context = Context::new();
                let handler = handler(&context);
                let builder = Pull::builder().security(ours.clone()).zap_domain("test");
                let (pull, endpoint, events) = bound(&context, builder);
                let (push, _) = dialed(&Context::new(), theirs.clone(), &endpoint);
                push.send("unheard").unwrap();
                let question = handler.recv_timeout(WAIT).unwrap();
                handler.send(answer(&question, status)).unwrap();
                assert_eq!(handshake_failure(&events), Reason::Denied(denial));
                assert!(pull.try_recv().is_err());
            }
        }
    });
}

/// #939: many questions at a time.
#[test]
fn issue_939_many_questions_are_answered() {
    under("issue_939_many_questions_are_answered", || {
        let context = Context::new();
        let handler = handler(&context);
        let (_pull, endpoint, _) = bound(&context, plain_server());
        let mut peers: Vec<MockPeer> = (0..200).map(|_| claiming(&endpoint)).collect();
        for _ in &peers {
            let question = handler.recv_timeout(WAIT).unwrap();
            handler.send(answer(&question, "200")).unwrap();
        }
        for peer in &mut peers {
            peer.expect(frames::command("WELCOME", b""));
        }
    });
}

/// `350b4b34`: a connection that goes while the handler is asked; and a handler that answers twice,
/// or to nobody, which ended the process.
#[test]
fn handler_may_answer_late_twice_and_to_nobody() {
    under("handler_may_answer_late_twice_and_to_nobody", || {
        let context = Context::new();
        let handler = handler(&context);
        let (_pull, endpoint, events) = bound(&context, plain_server());
        let leaving = claiming(&endpoint);
        let late = handler.recv_timeout(WAIT).unwrap();
        drop(leaving);
        handler.send(answer(&late, "200")).unwrap();
        let reason = handshake_failure(&events);
        assert!(matches!(reason, Reason::Ended | Reason::Io(_)), "{reason}");
        let mut peer = claiming(&endpoint);
        let question = handler.recv_timeout(WAIT).unwrap();
        handler.send(answer(&question, "200")).unwrap();
        let _ = handler.try_send(answer(&question, "400"));
        peer.expect(frames::command("WELCOME", b""));
    });
}

/// libzmq aborts.
#[test]
fn plain_server_that_enforces_an_empty_domain_denies() {
    under("plain_server_that_enforces_an_empty_domain_denies", || {
        let builder = plain_server().enforce_zap_domain(true);
        let (_pull, endpoint, events) = bound(&Context::new(), builder);
        let (_push, client) = dialed(&Context::new(), Security::plain_client("u", "p"), &endpoint);
        let reason = Reason::Denied(Denial::Internal);
        assert_eq!(handshake_failure(&events), reason);
        let reason = Reason::DeniedByPeer(Denial::Internal);
        assert_eq!(handshake_failure(&client), reason);
    });
}
