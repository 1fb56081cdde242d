//! Running trials: on a few threads, each trial under the watchdog, a panic being its failure.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::thread;
use std::time::{Duration, Instant};

use ferromq_testkit::watchdog;
use parking_lot::Mutex;

use crate::case::{Kind, Pace, Skipped, Trial};

/// The longest that one trial may take; then the process is aborted.
const LIMIT: Duration = Duration::from_secs(60);

/// The longest for one that waits.
const WAITING_LIMIT: Duration = Duration::from_secs(300);

/// Trials at the same time, besides those that wait.
const THREADS: usize = 2;

/// A trial and how it ended.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    pub(crate) suite: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) name: String,
    pub(crate) shows: &'static [&'static str],
    pub(crate) took: Duration,
    pub(crate) result: Result<(), Failed>,
}

/// Why a trial shows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// What its panic said.
    Panicked(String),
    /// It has no meaning here.
    Skipped(&'static str),
}

/// Runs all trials, or begins none after a verdict that is enough; the verdicts are in the order of
/// the trials. One run at a time: the hook that keeps what panics say is the process's.
pub(crate) fn run(trials: Vec<Trial>, is_enough: impl Fn(&Verdict) -> bool + Sync) -> Vec<Verdict> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    panic::set_hook(Box::new(note_panic));
    let numbered = trials.into_iter().enumerate();
    let (waiting, working): (VecDeque<_>, VecDeque<_>) =
        numbered.partition(|(_, trial)| trial.pace == Pace::Waits);
    let queue = Mutex::new(working);
    let verdicts = Mutex::new(Vec::new());
    let run_one = |(number, trial)| {
        let verdict = judge(trial);
        if is_enough(&verdict) {
            queue.lock().clear();
        }
        verdicts.lock().push((number, verdict));
    };
    let work = || {
        while let Some(next) = { queue.lock().pop_front() } {
            run_one(next);
        }
    };
    thread::scope(|scope| {
        for trial in waiting {
            scope.spawn(|| run_one(trial));
        }
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    drop(panic::take_hook());
    let mut verdicts = verdicts.into_inner();
    verdicts.sort_by_key(|(number, _)| *number);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

fn judge(trial: Trial) -> Verdict {
    let name = trial.name();
    let limit = match trial.pace {
        Pace::Waits => WAITING_LIMIT,
        Pace::Works => LIMIT,
    };
    let guard = watchdog::guard(&name, limit);
    let start = Instant::now();
    let result = attempt(trial.body);
    drop(guard);
    Verdict {
        kind: trial.kind,
        suite: trial.suite,
        transport: trial.transport,
        peer: trial.peer,
        name,
        shows: trial.shows,
        took: start.elapsed(),
        result,
    }
}

thread_local! {
    /// What the panic of the trial on this thread said; `None`: no trial is on.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn attempt(body: impl FnOnce()) -> Result<(), Failed> {
    SAID.set(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    let said = SAID.take().unwrap_or_default();
    result.map_err(|payload| match payload.downcast::<Skipped>() {
        Ok(skipped) => Failed::Skipped(skipped.0),
        Err(_) => Failed::Panicked(said),
    })
}

/// Keeps what a trial's own panic says; those of its further threads are printed.
fn note_panic(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let message = payload.downcast_ref::<&str>().copied();
    let message = message.or_else(|| payload.downcast_ref().map(String::as_str));
    let message = message.unwrap_or("a panic without a text");
    let place = info
        .location()
        .map_or_else(String::new, |at| format!(" ({at})"));
    let text = format!("{message}{place}");
    let kept = SAID.with_borrow_mut(|said| {
        let said = said.as_mut()?;
        said.clone_from(&text);
        Some(())
    });
    if kept.is_none() {
        crate::say(&format!("a thread of a trial panicked: {text}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::skip;

    fn trial(body: impl FnOnce() + Send + 'static) -> Trial {
        Trial {
            kind: Kind::Wire,
            suite: "suite",
            case: "case",
            shows: &["1/one"],
            transport: "tcp",
            stage: "tcp, dialed".to_owned(),
            peer: "raw",
            pace: Pace::Works,
            body: Box::new(body),
        }
    }

    #[test]
    fn verdicts_come_in_the_order_of_the_trials() {
        let (done, wait) = std::sync::mpsc::channel();
        let trials = vec![
            trial(move || wait.recv().unwrap()),
            trial(move || done.send(()).unwrap()),
            trial(|| panic!("it is {}", "wrong")),
            trial(|| skip("not here")),
        ];
        let verdicts = run(trials, |_| false);
        assert_eq!(verdicts[0].name, "suite::case (tcp, dialed)");
        let results: Vec<_> = verdicts.into_iter().map(|verdict| verdict.result).collect();
        assert_eq!(results[..2], [Ok(()), Ok(())]);
        let Err(Failed::Panicked(said)) = &results[2] else {
            panic!("{:?}", results[2]);
        };
        assert!(
            said.starts_with("it is wrong (") && said.contains("run.rs:"),
            "{said}"
        );
        assert_eq!(results[3], Err(Failed::Skipped("not here")));
    }

    #[test]
    fn no_trial_begins_after_a_verdict_that_is_enough() {
        let mut trials: Vec<_> = (0..THREADS)
            .map(|_| trial(|| panic!("it is wrong")))
            .collect();
        trials.push(trial(|| ()));
        let verdicts = run(trials, |verdict| verdict.result.is_err());
        assert!((1..=THREADS).contains(&verdicts.len()), "{verdicts:?}");
        assert!(verdicts.iter().all(|verdict| verdict.result.is_err()));
    }
}
