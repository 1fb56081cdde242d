//! REQ relaxed and correlated, as `ZMQ_REQ_RELAXED` and `ZMQ_REQ_CORRELATE` describe it.

use super::*;

fn with_peers(settings: ReqSettings, peers: u32) -> Driven<ReqPattern> {
    let mut req = Driven {
        pattern: ReqPattern::from(settings),
        ..Driven::default()
    };
    req.pattern.seed(&|| 7 << 32);
    (0..peers).for_each(|n| req.accept(n, "").unwrap());
    req
}

fn correlated(peers: u32) -> Driven<ReqPattern> {
    let settings = ReqSettings {
        correlate: true,
        ..ReqSettings::default()
    };
    with_peers(settings, peers)
}

fn both(peers: u32) -> Driven<ReqPattern> {
    let settings = ReqSettings {
        correlate: true,
        relaxed: true,
    };
    with_peers(settings, peers)
}

/// What a correlated request or reply with this id looks like.
fn with_id(id: u32, body: &str) -> Message {
    [Part::from(id.to_ne_bytes()), Part::EMPTY, Part::from(body)]
        .into_iter()
        .collect()
}

#[test]
fn req_correlated_counts_its_ids_from_the_seed_on() {
    let mut req = correlated(1);
    for id in 8..11 {
        assert_eq!(req.send("q"), Sent::To(pipe(0), with_id(id, "q")));
        assert_eq!(req.receive(0, with_id(id, "a")), answer());
    }
}

#[test]
fn req_correlated_drops_replies_to_other_requests() {
    let mut req = correlated(1);
    req.send("q");
    assert_eq!(req.receive(0, with_id(7, "a")), STALE);
    assert_eq!(req.receive(0, with_id(9, "a")), STALE);
    assert_eq!(req.receive(0, parts(["", "a"])), MALFORMED);
    assert_eq!(req.receive(0, parts(["xx", "", "a"])), MALFORMED);
    assert_eq!(req.receive(0, with_id(8, "a")), answer());
}

#[test]
fn req_parked_uses_up_no_id() {
    let mut req = correlated(1);
    assert_eq!(req.send_within("q", &|_| false), Sent::Parked);
    req.pattern.writable(pipe(0));
    assert_eq!(req.send("q"), Sent::To(pipe(0), with_id(8, "q")));
}

#[test]
fn req_relaxed_may_ask_again_and_takes_the_next_peer() {
    let mut req = both(2);
    assert_eq!(req.send("q"), Sent::To(pipe(0), with_id(8, "q")));
    assert!(req.readiness().send);
    assert_eq!(req.send("q"), Sent::To(pipe(1), with_id(9, "q")));
    assert_eq!(req.send("q"), Sent::To(pipe(0), with_id(10, "q")));
    assert_eq!(req.receive(0, with_id(8, "a")), STALE);
    assert_eq!(req.receive(1, with_id(9, "a")), STALE);
    assert_eq!(req.receive(0, with_id(10, "a")), answer());
}

#[test]
fn req_relaxed_takes_back_a_reply_that_was_not_received() {
    let mut req = both(1);
    req.send("q");
    assert_eq!(req.admit(0, with_id(8, "a")), answer());
    req.actions();
    assert_eq!(req.send("q"), Sent::To(pipe(0), with_id(9, "q")));
    assert!(matches!(req.actions()[0], Action::Retract));
    assert_eq!(req.pattern.next(), Ok(None));
    assert_eq!(req.receive(0, with_id(9, "a")), answer());
}

#[test]
fn req_relaxed_alone_takes_a_late_reply_for_the_latest() {
    let settings = ReqSettings {
        relaxed: true,
        ..ReqSettings::default()
    };
    let mut req = with_peers(settings, 1);
    assert_eq!(req.send("q"), asked(0));
    assert_eq!(req.send("q"), asked(0));
    assert_eq!(req.receive(0, parts(["", "a"])), answer());
}

#[test]
fn req_relaxed_may_still_not_receive_before_it_has_asked() {
    let mut req = both(1);
    assert_eq!(req.pattern.next(), Err(Refused::WrongState));
    req.send("q");
    req.receive(0, with_id(8, "a"));
    assert_eq!(req.pattern.next(), Err(Refused::WrongState));
}

#[test]
fn req_whose_cancelled_request_comes_back_lets_it_go() {
    let mut req = both(1);
    req.send("q");
    req.send("q");
    let mut came_back = |id| {
        req.pattern
            .returned(pipe(0), &with_id(id, "q"), &mut req.then)
    };
    assert!(!came_back(8));
    assert!(came_back(9));
}

#[test]
fn req_relaxed_sends_again_what_came_back_only_while_no_other_has_taken_its_place() {
    let relaxed = ReqSettings {
        relaxed: true,
        correlate: false,
    };
    let mut req = with_peers(relaxed, 2);
    let returned = |req: &mut Driven<ReqPattern>, n, text| {
        let message = parts(["", text]);
        req.pattern.returned(pipe(n), &message, &mut req.then)
    };
    req.send("r1");
    assert!(returned(&mut req, 0, "r1"));
    req.send("r2");
    assert!(!returned(&mut req, 0, "r1"), "r2 was asked of another peer");
    assert!(returned(&mut req, 1, "r2"));
}
