//! PLAIN at whole sockets, and who decides about peers: lists, callbacks, futures, and nobody.

#![cfg(all(
    feature = "plain",
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::mpsc;

use ferromq::{
    Authenticator, BuildError, Builder, Claim, Context, Dealer, Denial, Event, Pull, Push, Reason,
    Router, Security, User, Verdict, Violation,
};
use parking_lot::Mutex;

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, bound, dialed, handshake_failure, handshake_success, under, wait_for};

const ANY: &str = "tcp://127.0.0.1:*";

fn users() -> Authenticator {
    Authenticator::users([("admin", "secret")])
}

fn server() -> Builder<Pull> {
    Pull::builder().security(Security::plain_server())
}

fn admin() -> Security {
    Security::plain_client("admin", "secret")
}

fn user(id: &str) -> User {
    User::new(id)
}

#[test]
fn known_user_sends_and_is_named() {
    under("known_user_sends_and_is_named", || {
        let (pull, endpoint, events) = bound(&Context::new(), server().authenticator(users()));
        let (push, client) = dialed(&Context::new(), admin(), &endpoint);
        push.send("hello").unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("hello"));
        assert_eq!(handshake_success(&events), Some(user("admin")));
        assert_eq!(handshake_success(&client), None);
    });
}

#[test]
fn client_may_be_who_binds() {
    under("client_may_be_who_binds", || {
        let context = Context::new();
        let builder = Dealer::builder().security(admin());
        let dealer = builder.build(&context).unwrap();
        let endpoint = dealer.bind(ANY).unwrap();
        let builder = Router::builder().security(Security::plain_server());
        let router = builder.authenticator(users()).build(&context).unwrap();
        router.connect(&endpoint).unwrap();
        dealer.send("hello").unwrap();
        let mut message = router.recv_timeout(WAIT).unwrap();
        assert_eq!(message.part_str(1), Ok("hello"));
        message.pop_back();
        message.push_back("welcome");
        router.send(message).unwrap();
        assert_eq!(
            dealer.recv_timeout(WAIT).unwrap().part_str(0),
            Ok("welcome")
        );
    });
}

#[test]
fn client_takes_no_authenticator() {
    let here = || Authenticator::addresses(["127.0.0.1"]).unwrap();
    let built = |builder: Builder<Pull>| builder.authenticator(here()).build(&Context::new());
    let refused = built(Pull::builder().security(admin()));
    assert_eq!(refused.unwrap_err(), BuildError::AuthenticatorOfClient);
    let client = Pull::builder().security(admin()).zap_domain("test");
    let refused = client.enforce_zap_domain(true).build(&Context::new());
    assert_eq!(refused.unwrap_err(), BuildError::AuthenticatorOfClient);
    assert!(built(server()).is_ok() && built(Pull::builder()).is_ok());
}

#[test]
fn denial_is_told_on_both_sides_and_backs_off() {
    under("denial_is_told_on_both_sides_and_backs_off", || {
        let (_pull, endpoint, events) = bound(&Context::new(), server().authenticator(users()));
        let (_push, client) = dialed(
            &Context::new(),
            Security::plain_client("admin", "wrong"),
            &endpoint,
        );
        let denied = wait_for(&events, |event| matches!(event, Event::Denied { .. }));
        let Event::Denied {
            applicant,
            denial,
            text,
            ..
        } = denied
        else {
            panic!("{denied:?}");
        };
        assert_eq!(denial, Denial::Unauthorized);
        assert_eq!(text, "user name or password is wrong");
        assert_eq!(applicant.address, "127.0.0.1");
        let expected = Claim::Plain {
            username: b"admin".to_vec(),
            password: Vec::new(),
        };
        assert_eq!(applicant.claim, expected, "without the password");
        let reason = Reason::Denied(Denial::Unauthorized);
        assert_eq!(handshake_failure(&events), reason);
        let reason = Reason::DeniedByPeer(Denial::Unauthorized);
        let pauses = [(); 4].map(|()| {
            assert_eq!(handshake_failure(&client), reason);
            match wait_for(&client, |event| matches!(event, Event::Retry { .. })) {
                Event::Retry { after, .. } => after,
                other => panic!("{other:?}"),
            }
        });
        assert!(pauses[3] > pauses[0], "{pauses:?}");
    });
}

#[test]
fn server_without_anybody_to_ask_denies() {
    under("server_without_anybody_to_ask_denies", || {
        let (_pull, endpoint, events) = bound(&Context::new(), server());
        let (_push, client) = dialed(&Context::new(), admin(), &endpoint);
        assert_eq!(handshake_failure(&events), Reason::Denied(Denial::Internal));
        let reason = Reason::DeniedByPeer(Denial::Internal);
        assert_eq!(handshake_failure(&client), reason);
    });
}

#[test]
fn other_mechanisms_and_the_same_role_are_refused() {
    under("other_mechanisms_and_the_same_role_are_refused", || {
        let mismatch = Reason::Violation(Violation::MechanismMismatch);
        let (_pull, endpoint, events) = bound(&Context::new(), server().authenticator(users()));
        let (_push, client) = dialed(&Context::new(), Security::null(), &endpoint);
        assert_eq!(handshake_failure(&events), mismatch);
        assert_eq!(handshake_failure(&client), mismatch);

        let (_pull, endpoint, events) = bound(&Context::new(), Pull::builder().security(admin()));
        let (_push, client) = dialed(&Context::new(), admin(), &endpoint);
        let unexpected = Reason::Violation(Violation::UnexpectedCommand);
        // Who hears of the other's end first may say that instead.
        let reasons = [handshake_failure(&events), handshake_failure(&client)];
        assert!(reasons.contains(&unexpected), "{reasons:?}");
    });
}

#[test]
fn undecided_peer_keeps_nobody_waiting() {
    under("undecided_peer_keeps_nobody_waiting", || {
        let (decide, decided) = mpsc::channel();
        let decided = Mutex::new(decided);
        let authenticator = Authenticator::blocking(move |applicant| match &applicant.claim {
            Claim::Plain { username, .. } if username == b"quick" => Verdict::allow("quick"),
            _ => decided.lock().recv().unwrap(),
        });
        let (pull, endpoint, events) =
            bound(&Context::new(), server().authenticator(authenticator));
        let (slow, _) = dialed(
            &Context::new(),
            Security::plain_client("slow", ""),
            &endpoint,
        );
        slow.send("slow").unwrap();
        let (quick, _) = dialed(
            &Context::new(),
            Security::plain_client("quick", ""),
            &endpoint,
        );
        quick.send("quick").unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("quick"));
        assert_eq!(handshake_success(&events), Some(user("quick")));
        decide.send(Verdict::allow("slow at last")).unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("slow"));
        assert_eq!(handshake_success(&events), Some(user("slow at last")));
    });
}

#[test]
fn peer_that_nobody_decides_about_is_timed_out() {
    under("peer_that_nobody_decides_about_is_timed_out", || {
        let never = Authenticator::asynchronous(|_| std::future::pending());
        let limit = std::time::Duration::from_millis(50);
        let (_pull, endpoint, events) = bound(
            &Context::new(),
            server().authenticator(never).handshake_timeout(limit),
        );
        let (_push, client) = dialed(&Context::new(), admin(), &endpoint);
        assert_eq!(handshake_failure(&events), Reason::TimedOut);
        assert_eq!(handshake_failure(&client), Reason::Ended);
    });
}

#[test]
fn null_peers_are_chosen_by_address_on_both_sides() {
    under("null_peers_are_chosen_by_address_on_both_sides", || {
        let allowing = |range| Authenticator::addresses([range]).unwrap();
        let here = Pull::builder().authenticator(allowing("127.0.0.0/8"));
        let (pull, endpoint, _) = bound(&Context::new(), here);
        let asking = Push::builder().authenticator(allowing("127.0.0.1"));
        let push = asking.build(&Context::new()).unwrap();
        push.connect(&endpoint).unwrap();
        push.send("hello").unwrap();
        assert_eq!(pull.recv_timeout(WAIT).unwrap().part_str(0), Ok("hello"));

        let elsewhere = Pull::builder().authenticator(allowing("10.0.0.0/8"));
        let (_pull, endpoint, events) = bound(&Context::new(), elsewhere);
        let (_push, client) = dialed(&Context::new(), Security::null(), &endpoint);
        let reason = Reason::Denied(Denial::Unauthorized);
        assert_eq!(handshake_failure(&events), reason);
        let reason = Reason::DeniedByPeer(Denial::Unauthorized);
        assert_eq!(handshake_failure(&client), reason);
    });
}

#[test]
fn temporary_denial_just_closes() {
    under("temporary_denial_just_closes", || {
        let attempts = Mutex::new(0);
        let second = Authenticator::asynchronous(move |_| {
            *attempts.lock() += 1;
            std::future::ready(match *attempts.lock() {
                1 => Verdict::deny_as(Denial::Temporary, "not yet"),
                _ => Verdict::allow(""),
            })
        });
        let (_pull, endpoint, events) = bound(&Context::new(), server().authenticator(second));
        let (_push, client) = dialed(&Context::new(), admin(), &endpoint);
        let reason = Reason::Denied(Denial::Temporary);
        assert_eq!(handshake_failure(&events), reason);
        assert_eq!(handshake_failure(&client), Reason::Ended);
        handshake_success(&client);
    });
}
