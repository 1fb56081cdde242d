//! The differences from libzmq that are meant, or are libzmq's own, each with its reason: the one
//! list. Whatever else differs is a failure.
//!
//! Besides these, who refuses a second peer of a PAIR does so in its own way, over and over: a PAIR
//! is given one.

use ferromq::SocketType::{Dealer, Pub, Push, Rep, Req, Sub, Xpub};

use super::scene::Setting;
use super::steps::Step;

/// A difference.
struct Difference {
    reason: &'static str,
    /// Where it is met.
    place: fn(&Setting, &Step) -> bool,
    how: How,
}

enum How {
    /// Ours says this, libzmq that.
    Said(&'static str, &'static str),
    /// What follows is another state: the step is not done.
    Apart,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "cancelling what was not subscribed to is a mistake, of which we tell",
        place: |setting, step| setting.subject == Sub && matches!(step, Step::Cancel(..)),
        how: How::Said("not subscribed", "ok"),
    },
    Difference {
        reason: "a REP of libzmq that has dialed keeps its answer to a peer that has gone for the \
                 next one there; we drop it, for it is no answer to that one's request",
        place: |setting, step| {
            let dials = !setting.subject_binds && setting.subject == Rep;
            dials && matches!(step, Step::Send(..))
        },
        how: How::Said("ok, true", "ok, false"),
    },
    Difference {
        reason: "a publisher of libzmq that has dialed keeps the topics of a subscriber that is \
                 lost, and queues for it; we forget them, and an XPUB says so (RFC 29, XPUB)",
        place: |setting, step| {
            let dials = !setting.subject_binds && matches!(setting.subject, Pub | Xpub);
            dials && matches!(step, Step::Leave(..))
        },
        how: How::Apart,
    },
    Difference {
        reason: "of several peers that were dialed, libzmq goes on queueing a share for one that \
                 is gone; we give its work to the others",
        place: |setting, step| {
            let dials = !setting.subject_binds && matches!(setting.subject, Push | Dealer | Req);
            dials && setting.slots > 1 && matches!(step, Step::Leave(..))
        },
        how: How::Apart,
    },
];

/// Why the step is not done, if so.
pub(super) fn apart(setting: &Setting, step: &Step) -> Option<&'static str> {
    let is_this = |one: &&Difference| matches!(one.how, How::Apart) && (one.place)(setting, step);
    DIFFERENCES.iter().find(is_this).map(|one| one.reason)
}

/// Why what was said differs, if that is meant.
pub(super) fn excuse(
    setting: &Setting,
    step: &Step,
    ours: &str,
    theirs: &str,
) -> Option<&'static str> {
    let is_this = |one: &&Difference| match one.how {
        How::Said(us, them) => (us, them) == (ours, theirs) && (one.place)(setting, step),
        How::Apart => false,
    };
    DIFFERENCES.iter().find(is_this).map(|one| one.reason)
}
