//! Decisions: by lists, elsewhere, later, and those that fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::Wake;
use std::time::Duration;

use super::*;
use crate::world::SystemWorld;

fn applicant(username: &str, password: &str) -> Applicant {
    let claim = Claim::Plain {
        username: username.into(),
        password: password.into(),
    };
    Applicant::new(claim, "127.0.0.1")
}

/// Counts, and wakes the thread that waits.
struct Woken(std::thread::Thread, AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.unpark();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test waits for a thread of the world"
)]
fn decide(authenticator: &Authenticator, applicant: Applicant) -> Verdict {
    let world: Arc<dyn World> = Arc::new(SystemWorld::new());
    let woken = Arc::new(Woken(std::thread::current(), AtomicUsize::new(0)));
    let answer = authenticator.ask(applicant, &world);
    let mut decision = Decision::new(answer, Waker::from(woken));
    loop {
        match decision.poll() {
            Some(verdict) => return verdict,
            None => std::thread::park(),
        }
    }
}

#[test]
fn users_are_known_by_name_and_password() {
    let users = Authenticator::users([("admin", "secret"), ("guest", "")]);
    assert_eq!(
        decide(&users, applicant("admin", "secret")),
        Verdict::allow("admin")
    );
    assert_eq!(
        decide(&users, applicant("guest", "")),
        Verdict::allow("guest")
    );
    for (name, password) in [
        ("admin", ""),
        ("admin", "Secret"),
        ("guest", "secret"),
        ("", ""),
    ] {
        let verdict = decide(&users, applicant(name, password));
        assert!(matches!(
            verdict,
            Verdict::Deny {
                denial: Denial::Unauthorized,
                ..
            }
        ));
    }
}

#[test]
fn both_must_allow_and_the_last_names_the_user() {
    let here = Authenticator::addresses(["127.0.0.0/8"]).unwrap();
    let there = Authenticator::addresses(["10.0.0.0/8"]).unwrap();
    let users = Authenticator::users([("admin", "secret")]);
    let asked = |authenticator| decide(&authenticator, applicant("admin", "secret"));
    assert_eq!(
        asked(here.clone().and(users.clone())),
        Verdict::allow("admin")
    );
    assert_eq!(asked(users.clone().and(here)), Verdict::allow("admin"));
    assert!(matches!(
        asked(there.clone().and(users.clone())),
        Verdict::Deny { .. }
    ));
    assert!(matches!(asked(users.and(there)), Verdict::Deny { .. }));
}

#[test]
fn callback_decides_on_another_thread() {
    let here = std::thread::current().id();
    let elsewhere = Authenticator::blocking(move |applicant| {
        assert_eq!(applicant.address, "127.0.0.1");
        match std::thread::current().id() == here {
            true => Verdict::deny("the same thread"),
            false => Verdict::allow("elsewhere"),
        }
    });
    assert_eq!(
        decide(&elsewhere, applicant("", "")),
        Verdict::allow("elsewhere")
    );
}

#[test]
fn future_decides_when_it_is_woken() {
    let authenticator = Authenticator::asynchronous(|applicant| {
        let mut polls = 0;
        std::future::poll_fn(move |context| {
            polls += 1;
            context.waker().wake_by_ref();
            match polls {
                3 => Poll::Ready(Verdict::allow(applicant.address.clone())),
                _ => Poll::Pending,
            }
        })
    });
    assert_eq!(
        decide(&authenticator, applicant("", "")),
        Verdict::allow("127.0.0.1")
    );
}

#[test]
fn who_panics_denies() {
    let failed = Verdict::failure("the authenticator has panicked");
    // Without the message of a panic.
    let panics = || -> Verdict { std::panic::resume_unwind(Box::new(())) };
    let blocking = Authenticator::blocking(move |_| panics());
    assert_eq!(decide(&blocking, applicant("", "")), failed);
    let later = Authenticator::asynchronous(move |_| async move { panics() });
    assert_eq!(decide(&later, applicant("", "")), failed);
    let at_once = Authenticator::asynchronous(move |_| std::future::ready(panics()));
    assert_eq!(decide(&at_once, applicant("", "")), failed);
}

/// Panics when it is dropped.
struct Careless;

impl Drop for Careless {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new(()));
    }
}

#[test]
fn decision_that_panics_when_it_is_dropped_harms_nobody() {
    let world: Arc<dyn World> = Arc::new(SystemWorld::new());
    let careless = || {
        Authenticator::asynchronous(|_| {
            let careless = Careless;
            async move {
                let _careless = &careless;
                std::future::pending().await
            }
        })
    };
    drop(begun(&careless(), &world));
    // One that has thrown what panics, too.
    let throws =
        Authenticator::asynchronous(|_| async { std::panic::resume_unwind(Box::new(Careless)) });
    let answer = throws.ask(applicant("", ""), &world);
    let mut decision = Decision::new(answer, Waker::noop().clone());
    let failed = Verdict::failure("the authenticator has panicked");
    assert_eq!(decision.poll(), Some(failed));
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps all threads of a world that decide. They go on when what is given is dropped.
fn keep_all_threads(world: &Arc<dyn World>) -> (mpsc::Sender<()>, Vec<Decision>) {
    let (gate, passes) = mpsc::channel::<()>();
    let (entered, entries) = mpsc::channel();
    let passes = Arc::new(Mutex::new(passes));
    let busy = Authenticator::blocking(move |_| {
        entered.send(()).unwrap();
        let _ = passes.lock().recv();
        Verdict::allow("")
    });
    let decisions = (0..4).map(|_| {
        let decision = begun(&busy, world);
        entries.recv_timeout(PATIENCE).unwrap();
        decision
    });
    (gate, decisions.collect())
}

/// A decision that is not made at once.
fn begun(authenticator: &Authenticator, world: &Arc<dyn World>) -> Decision {
    let answer = authenticator.ask(applicant("", ""), world);
    let mut decision = Decision::new(answer, Waker::noop().clone());
    assert_eq!(decision.poll(), None);
    decision
}

#[test]
fn callback_is_not_called_for_who_has_gone() {
    let world: Arc<dyn World> = Arc::new(SystemWorld::new());
    let (gate, _busy) = keep_all_threads(&world);
    let (called, calls) = mpsc::channel();
    let late = Authenticator::blocking(move |_| {
        called.send(()).unwrap();
        Verdict::allow("")
    });
    drop(begun(&late, &world));
    drop((late, gate));
    // The callback goes with its job.
    let gone = Err(mpsc::RecvTimeoutError::Disconnected);
    assert_eq!(calls.recv_timeout(PATIENCE), gone);
}

#[test]
fn too_many_for_the_queue_are_denied_for_the_time_being() {
    let world: Arc<dyn World> = Arc::new(SystemWorld::new());
    let (_gate, _busy) = keep_all_threads(&world);
    let anybody = Authenticator::blocking(|_| Verdict::allow(""));
    let _waiting: Vec<Decision> = (0..1024).map(|_| begun(&anybody, &world)).collect();
    let answer = anybody.ask(applicant("", ""), &world);
    let text = "too many peers wait for the authenticator";
    let denied = Verdict::deny_as(Denial::Temporary, text);
    let mut decision = Decision::new(answer, Waker::noop().clone());
    assert_eq!(decision.poll(), Some(denied));
}
