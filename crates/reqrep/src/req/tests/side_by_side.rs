//! Requests side by side, without a network: whom they are asked, and whose reply counts.

use super::*;

fn with_id(id: u32, body: &str) -> Message {
    [Part::from(id.to_ne_bytes()), Part::EMPTY, Part::from(body)]
        .into_iter()
        .collect()
}

/// The replies and the news that the pattern had for askers.
fn told(req: &mut Driven<ReqPattern>) -> Vec<(u32, Option<Message>)> {
    let told = |action| match action {
        Action::Answer(id, reply) => Some((id, Some(reply))),
        Action::Tell(id) => Some((id, None)),
        _ => None,
    };
    req.actions().into_iter().filter_map(told).collect()
}

/// Asks for a request; whom, if anybody.
fn ask(req: &mut Driven<ReqPattern>, id: u32) -> Option<u32> {
    match req.pattern.ask(id, &|_| true, &mut req.then) {
        Route::To { pipe, prefix, .. } => {
            assert_eq!(prefix, [Part::from(id.to_ne_bytes()), Part::EMPTY]);
            Some(pipe.index() as u32)
        }
        _ => None,
    }
}

#[test]
fn requests_side_by_side_get_their_own_replies_in_any_order() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    let ids = [(); 3].map(|()| req.pattern.open());
    let asked = ids.map(|id| ask(&mut req, id).unwrap());
    assert_eq!(asked, [0, 1, 0]);
    for n in [2, 0, 1] {
        assert_eq!(req.admit(asked[n], with_id(ids[n], "a")), Got::Done);
        assert_eq!(told(&mut req), [(ids[n], Some("a".into()))]);
        assert_eq!(req.admit(asked[n], with_id(ids[n], "a")), STALE);
    }
}

#[test]
fn request_goes_to_connected_peers_only() {
    let mut req = Driven::<ReqPattern>::default();
    req.dial(0).unwrap();
    let id = req.pattern.open();
    assert_eq!(ask(&mut req, id), None);
    assert_eq!(req.pattern.progress(id), Progress::Unasked);
    req.hiccup(0, "").unwrap();
    assert_eq!(ask(&mut req, id), Some(0));
    req.lose(0);
    assert_eq!(ask(&mut req, id), None);
}

#[test]
fn request_whose_peer_is_lost_is_told() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    let ids = [(); 2].map(|()| req.pattern.open());
    assert_eq!(ids.map(|id| ask(&mut req, id)), [Some(0), Some(1)]);
    req.detach(0);
    assert_eq!(told(&mut req), [(ids[0], None)]);
    assert_eq!(req.pattern.progress(ids[0]), Progress::Lost);
    assert_eq!(req.pattern.progress(ids[1]), Progress::Asked);
}

#[test]
fn request_that_nobody_can_be_asked_again_waits_to_be_asked() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    let id = req.pattern.open();
    ask(&mut req, id);
    let full = |_| false;
    assert!(matches!(
        req.pattern.ask(id, &full, &mut req.then),
        Route::Park
    ));
    assert_eq!(req.pattern.progress(id), Progress::Unasked);
    req.pattern.writable(pipe(0));
    assert_eq!(ask(&mut req, id), Some(0));
    req.lose(0);
    assert_eq!(req.pattern.progress(id), Progress::Lost);
    assert_eq!(ask(&mut req, id), None);
    assert_eq!(req.pattern.progress(id), Progress::Unasked);
    assert_eq!(req.admit(0, with_id(id, "late")), Got::Done);
}

#[test]
fn request_that_came_back_unsent_is_not_lost() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    let id = req.pattern.open();
    ask(&mut req, id);
    let came_back = with_id(id, "q");
    assert!(!req.pattern.returned(pipe(0), &came_back, &mut req.then));
    req.detach(0);
    assert_eq!(told(&mut req), [(id, None)]);
    assert_eq!(req.pattern.progress(id), Progress::Unasked);
}

#[test]
fn request_asked_again_elsewhere_takes_no_notice_of_the_peer_before() {
    let mut req = Driven::<ReqPattern>::with_peers(2);
    let id = req.pattern.open();
    assert_eq!([ask(&mut req, id), ask(&mut req, id)], [Some(0), Some(1)]);
    req.pattern
        .returned(pipe(0), &with_id(id, "q"), &mut req.then);
    req.detach(0);
    assert_eq!(told(&mut req), []);
    assert_eq!(req.pattern.progress(id), Progress::Asked);
}

#[test]
fn request_asked_twice_takes_the_reply_of_either_peer() {
    for first in [0, 1] {
        let mut req = Driven::<ReqPattern>::with_peers(3);
        let id = req.pattern.open();
        assert_eq!([ask(&mut req, id), ask(&mut req, id)], [Some(0), Some(1)]);
        assert_eq!(req.admit(2, with_id(id, "a")), STALE);
        assert_eq!(req.admit(first, with_id(id, "a")), Got::Done);
    }
}

#[test]
fn request_whose_peer_is_gone_takes_the_reply_of_whoever_has_come() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    let id = req.pattern.open();
    ask(&mut req, id);
    req.accept(1, "").unwrap();
    assert_eq!(req.admit(1, with_id(id, "a")), STALE);
    req.detach(0);
    assert_eq!(req.admit(1, with_id(id, "a")), Got::Done);
}

#[test]
fn request_with_a_reply_without_body_waits_on() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    let id = req.pattern.open();
    ask(&mut req, id);
    let bare: Message = [Part::from(id.to_ne_bytes()), Part::EMPTY]
        .into_iter()
        .collect();
    assert_eq!(req.admit(0, bare), MALFORMED);
    assert_eq!(req.admit(0, with_id(id, "a")), Got::Done);
}

#[test]
fn request_forgotten_has_only_stale_replies() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    let id = req.pattern.open();
    ask(&mut req, id);
    req.pattern.forget(id);
    assert_eq!(req.admit(0, with_id(id, "a")), STALE);
    req.send("q");
    assert_eq!(req.admit(0, with_id(id, "a")), STALE);
    assert_eq!(req.receive(0, parts(["", "a"])), answer());
}

#[test]
fn requests_do_not_disturb_the_alternation_nor_their_replies_each_other() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    assert_eq!(req.send("q"), asked(0));
    let id = req.pattern.open();
    ask(&mut req, id);
    req.actions();
    assert_eq!(req.receive(0, with_id(id, "a")), Got::Done);
    assert_eq!(req.receive(0, parts(["", "a"])), answer());
    assert_eq!(req.pattern.next(), Err(Refused::WrongState));
    let other = req.pattern.open();
    ask(&mut req, other);
    req.actions();
    assert_eq!(req.send("q"), asked(0));
    assert!(
        req.actions().is_empty(),
        "another's reply would be discarded"
    );
}

#[test]
fn request_ids_skip_those_that_are_under_way() {
    let mut req = Driven::<ReqPattern>::with_peers(1);
    req.pattern.seed(&|| u64::MAX);
    let first = req.pattern.open();
    req.pattern.seed(&|| u64::MAX);
    assert_eq!((first, req.pattern.open()), (0, 1));
}
