//! The differences from libzmq that are meant, or are libzmq's own, each with its reason: the one
//! list. Whatever else differs is a failure.
//!
//! Besides these, who refuses a second peer of a PAIR does so in its own way, over and over: a PAIR
//! is given one.

use ferromq::SocketType::{Dealer, Pub, Push, Rep, Req, Sub, Xpub};

use super::marks;
use super::scene::{Asked, Scene, Setting};
use super::steps::Step;

/// Ours says this, libzmq that.
struct Said {
    reason: &'static str,
    words: (&'static str, &'static str),
    /// Where it is met.
    place: fn(&Setting, &Step) -> bool,
}

const SAID: &[Said] = &[
    Said {
        reason: "cancelling what was not subscribed to is a mistake, of which we tell",
        words: ("not subscribed", "ok"),
        place: |setting, step| setting.subject == Sub && matches!(step, Step::Cancel(..)),
    },
    Said {
        reason: "in process a REQ or REP of libzmq takes note that a peer has gone only when it \
                 next looks for a message there; with ours the endpoint is gone as well",
        words: ("unknown, [] left[]", "ok, [] left[]"),
        place: |setting, step| {
            let dials = !setting.subject_binds && !setting.is_stream();
            dials && matches!(setting.subject, Req | Rep) && matches!(step, Step::Release(..))
        },
    },
];

/// What follows is another state: the step is not done.
struct Apart {
    reason: &'static str,
    place: fn(&Scene, &Step) -> bool,
}

const APART: &[Apart] = &[
    Apart {
        reason: "a publisher of libzmq that has dialed keeps the topics of a subscriber that is \
                 lost, and queues for it; we forget them, and an XPUB says so (RFC 29, XPUB)",
        place: |Scene { setting, .. }, step| {
            let dials = !setting.subject_binds && matches!(setting.subject, Pub | Xpub);
            dials && matches!(step, Step::Leave(..))
        },
    },
    Apart {
        reason: "of several peers that were dialed, libzmq goes on queueing a share for one that \
                 is gone; we give its work to the others",
        place: |Scene { setting, .. }, step| {
            let dials = !setting.subject_binds && matches!(setting.subject, Push | Dealer | Req);
            dials && setting.slots > 1 && matches!(step, Step::Leave(..))
        },
    },
    Apart {
        reason: "a REP of libzmq that has dialed keeps its answer to a peer that has gone for the \
                 next one there; we drop it, for it is no answer to that one's request",
        place: |Scene { setting, asked, .. }, step| {
            let dials = !setting.subject_binds && setting.subject == Rep;
            dials && *asked != Asked::No && matches!(step, Step::Leave(..))
        },
    },
    Apart {
        reason: "a REQ or REP of libzmq that unbinds leaves the connections open until it next \
                 looks for a message there; we close them at once",
        place: |Scene { setting, .. }, step| {
            let binds = setting.subject_binds && setting.is_stream();
            binds && matches!(setting.subject, Req | Rep) && matches!(step, Step::Release(..))
        },
    },
    Apart {
        reason: "a REP of libzmq that has looked at a request, and disconnects before it receives \
                 it, aborts at the next one (fq.cpp:80)",
        place: |Scene { setting, asked, .. }, step| {
            let is_unread = setting.subject == Rep && matches!(asked, Asked::Arrived(_));
            is_unread && !setting.subject_binds && matches!(step, Step::Release(..))
        },
    },
];

/// Why the step is not done, if so.
pub(super) fn apart(scene: &Scene, step: &Step) -> Option<&'static str> {
    let found = APART.iter().find(|one| (one.place)(scene, step));
    found.map(|one| one.reason)
}

/// Why what was said differs, if that is meant.
pub(super) fn excuse(
    setting: &Setting,
    step: &Step,
    ours: &str,
    theirs: &str,
) -> Option<&'static str> {
    let is_this = |one: &&Said| one.words == (ours, theirs) && (one.place)(setting, step);
    SAID.iter().find(is_this).map(|one| one.reason)
}

/// Why other numbers of messages were accepted, if that is meant: at last, after all others.
pub(super) fn excuse_counts(
    setting: &marks::Setting,
    ours: &[usize],
    theirs: &[usize],
) -> Option<&'static str> {
    let (ours, earlier) = ours.split_last()?;
    let (theirs, their_earlier) = theirs.split_last()?;
    if let Some(sum) = setting.sum() {
        let is_step_behind = (*theirs..theirs + sum.div_ceil(2)).contains(ours);
        return (earlier == their_earlier && is_step_behind).then_some(
            "libzmq's receiver returns credit in steps of half the mark; ours also when it has \
             received everything",
        );
    }
    (setting.was_full() && (*theirs, their_earlier.last()) == (0, Some(&0))).then_some(
        "a sender of libzmq that was full before its receiver came, and that one has no mark, \
         never sends again",
    )
}
