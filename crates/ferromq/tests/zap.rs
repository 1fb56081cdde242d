//! ZAP: handlers as applications have them decide about the peers of each mechanism (RFC 27).

#![cfg(all(
    feature = "plain",
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ferromq::{
    Builder, Context, Dealer, Denial, Message, Part, Pull, Reason, Rep, Router, Security, User,
};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, bound, dialed, handshake_failure, handshake_success, under};

const HANDLER: &str = "inproc://zeromq.zap.01";

fn handler(context: &Context) -> Rep {
    let handler = Rep::new(context);
    handler.bind(HANDLER).unwrap();
    handler
}

fn plain_server() -> Builder<Pull> {
    Pull::builder().security(Security::plain_server())
}

/// Answers the next question, which is this one.
#[track_caller]
fn answer(handler: &Rep, question: &[&[u8]], status: &str, user: &str, metadata: &[u8]) {
    let asked = handler.recv_timeout(WAIT).unwrap();
    let expected: Message = question.iter().map(|part| Part::from(*part)).collect();
    assert_eq!(asked, expected);
    let mut reply = Message::from(["1.0", "1", status, "because", user]);
    reply.push_back(metadata);
    handler.send(reply).unwrap();
}

#[test]
fn handler_allows_and_names_the_user() {
    under("handler_allows_and_names_the_user", || {
        let context = Context::new();
        let handler = handler(&context);
        let (pull, endpoint, events) = bound(&context, plain_server().zap_domain("test"));
        let (push, _) = dialed(
            &Context::new(),
            Security::plain_client("admin", "secret"),
            &endpoint,
        );
        push.send("hello").unwrap();
        let question: &[&[u8]] = &[
            b"1.0",
            b"1",
            b"test",
            b"127.0.0.1",
            b"",
            b"PLAIN",
            b"admin",
            b"secret",
        ];
        answer(
            &handler,
            question,
            "200",
            "joe",
            b"\x05Group\0\0\0\x05staff",
        );
        assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("hello")));
        let user = User::new("joe").with_property("Group", "staff");
        assert_eq!(handshake_success(&events), Some(user));
    });
}

#[test]
fn handler_denies_with_each_status() {
    under("handler_denies_with_each_status", || {
        for (status, denial) in [
            ("300", Denial::Temporary),
            ("400", Denial::Unauthorized),
            ("500", Denial::Internal),
            ("200 ", Denial::Internal),
        ] {
            let context = Context::new();
            let handler = handler(&context);
            let (_pull, endpoint, events) = bound(&context, plain_server());
            let (_push, client) =
                dialed(&Context::new(), Security::plain_client("u", "p"), &endpoint);
            let question: &[&[u8]] = &[b"1.0", b"1", b"", b"127.0.0.1", b"", b"PLAIN", b"u", b"p"];
            answer(&handler, question, status, "", b"");
            assert_eq!(handshake_failure(&events), Reason::Denied(denial));
            let told = match denial {
                Denial::Temporary => Reason::Ended,
                told => Reason::DeniedByPeer(told),
            };
            assert_eq!(handshake_failure(&client), told);
        }
    });
}

#[test]
fn null_is_asked_about_in_a_domain_only() {
    under("null_is_asked_about_in_a_domain_only", || {
        let context = Context::new();
        let handler = handler(&context);
        let (pull, endpoint, events) = bound(&context, Pull::builder());
        let (push, _) = dialed(&Context::new(), Security::null(), &endpoint);
        push.send("nobody is asked").unwrap();
        pull.recv_timeout(WAIT).unwrap();
        assert_eq!(handshake_success(&events), None);

        let (_pull, endpoint, events) = bound(&context, Pull::builder().zap_domain("global"));
        let (_push, _) = dialed(&Context::new(), Security::null(), &endpoint);
        let question: &[&[u8]] = &[b"1.0", b"1", b"global", b"127.0.0.1", b"", b"NULL"];
        answer(&handler, question, "400", "", b"");
        let reason = Reason::Denied(Denial::Unauthorized);
        assert_eq!(handshake_failure(&events), reason);
    });
}

#[test]
fn without_a_handler_the_domain_can_be_enforced() {
    under("without_a_handler_the_domain_can_be_enforced", || {
        let context = Context::new();
        let lenient = || Pull::builder().zap_domain("global");
        let (pull, endpoint, _) = bound(&context, lenient());
        let (push, _) = dialed(&Context::new(), Security::null(), &endpoint);
        push.send("welcome").unwrap();
        pull.recv_timeout(WAIT).unwrap();

        let strict = lenient().enforce_zap_domain(true);
        let (_pull, endpoint, events) = bound(&context, strict);
        let (_push, client) = dialed(&Context::new(), Security::null(), &endpoint);
        let reason = Reason::Denied(Denial::Internal);
        assert_eq!(handshake_failure(&events), reason);
        let reason = Reason::DeniedByPeer(Denial::Internal);
        assert_eq!(handshake_failure(&client), reason);
    });
}

#[test]
fn handler_may_be_a_router_that_forwards() {
    under("handler_may_be_a_router_that_forwards", || {
        let context = Context::new();
        let (front, back) = (Router::new(&context), Dealer::new(&context));
        front.bind(HANDLER).unwrap();
        let elsewhere = back.bind("tcp://127.0.0.1:*").unwrap();
        let handler = Rep::new(&Context::new());
        handler.connect(&elsewhere).unwrap();
        let (pull, endpoint, _) = bound(&context, plain_server());
        let (push, _) = dialed(&Context::new(), Security::plain_client("u", "p"), &endpoint);
        push.send("hello").unwrap();
        back.send(front.recv_timeout(WAIT).unwrap()).unwrap();
        let question: &[&[u8]] = &[b"1.0", b"1", b"", b"127.0.0.1", b"", b"PLAIN", b"u", b"p"];
        answer(&handler, question, "200", "u", b"");
        front.send(back.recv_timeout(WAIT).unwrap()).unwrap();
        assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("hello")));
    });
}

#[test]
fn handler_that_cannot_answer_denies_and_one_that_does_not_is_waited_for() {
    under("handler_that_cannot_answer_denies", || {
        let deny = |context: &Context| {
            let (_pull, endpoint, events) = bound(context, plain_server());
            let (_push, _) = dialed(&Context::new(), Security::plain_client("u", "p"), &endpoint);
            let reason = Reason::Denied(Denial::Internal);
            assert_eq!(handshake_failure(&events), reason);
        };
        let context = Context::new();
        let wrong = Pull::new(&context);
        wrong.bind(HANDLER).unwrap();
        deny(&context);
        // It would answer whom it likes.
        let context = Context::new();
        let wrong = Dealer::new(&context);
        wrong.bind(HANDLER).unwrap();
        deny(&context);
        assert!(wrong.try_recv().is_err());

        let context = Context::new();
        let _silent = handler(&context);
        let limit = std::time::Duration::from_millis(50);
        let (_pull, endpoint, events) = bound(&context, plain_server().handshake_timeout(limit));
        let (_push, _) = dialed(&Context::new(), Security::plain_client("u", "p"), &endpoint);
        assert_eq!(handshake_failure(&events), Reason::TimedOut);
    });
}

#[cfg(feature = "curve")]
#[test]
fn handler_is_shown_the_key_of_a_curve_client() {
    under("handler_is_shown_the_key_of_a_curve_client", || {
        let keys = || ferromq::KeyPair::generate().unwrap();
        let (server, client) = (keys(), keys());
        let context = Context::new();
        let handler = handler(&context);
        let security = Security::curve_server(server.clone());
        let (pull, endpoint, _) = bound(&context, Pull::builder().security(security));
        let shown = client.public;
        let (push, _) = dialed(
            &Context::new(),
            Security::curve_client(client, server.public),
            &endpoint,
        );
        push.send("hello").unwrap();
        let question: &[&[u8]] = &[
            b"1.0",
            b"1",
            b"",
            b"127.0.0.1",
            b"",
            b"CURVE",
            shown.as_bytes(),
        ];
        answer(&handler, question, "200", "", b"");
        assert_eq!(pull.recv_timeout(WAIT), Ok(Message::from("hello")));
    });
}
