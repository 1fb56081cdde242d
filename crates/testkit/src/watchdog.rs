//! A deadline for every test that can block: then the state is printed and the process aborted.
//!
//! One thread watches all tests of the process; it sleeps until the earliest deadline. Aborting is
//! the only way out: a thread that is blocked cannot be made to fail its test.
//!
//! `FERROMQ_PATIENCE=N` makes every limit N times as long: for tools that make all of it slower. A
//! test that has limits of its own in real time multiplies them by [`patience`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long printing the state may take before the process is aborted all the same.
const PATIENCE: Duration = Duration::from_secs(2);

static SHARED: LazyLock<Arc<Watchdog>> = LazyLock::new(|| Watchdog::start(abort));

/// By what the limits are multiplied.
static FACTOR: LazyLock<u32> = LazyLock::new(|| {
    let factor = std::env::var("FERROMQ_PATIENCE").ok();
    factor.map_or(1, |factor| {
        factor.parse().expect("FERROMQ_PATIENCE is a number")
    })
});

/// Runs `body`, and aborts the process if that takes longer than `limit`.
pub fn under<T>(name: &str, limit: Duration, body: impl FnOnce() -> T) -> T {
    let _guard = guard(name, limit);
    body()
}

/// How many times as long as elsewhere everything may take: `FERROMQ_PATIENCE`, or 1.
pub fn patience() -> u32 {
    *FACTOR
}

/// Aborts the process unless the result is dropped within `limit`.
pub fn guard(name: &str, limit: Duration) -> Guard {
    SHARED.watch(name, limit * patience())
}

/// A running deadline; dropping it calls it off.
#[must_use = "dropping the guard calls the deadline off"]
pub struct Guard {
    watchdog: Arc<Watchdog>,
    key: (Instant, u64),
}

impl Guard {
    /// Registers state to be printed when the deadline has passed: a closure, called on another
    /// thread; it may block (it is then given up after 2 s), and it may panic.
    pub fn watch(&self, state: impl Fn() -> String + Send + Sync + 'static) {
        if let Some(entry) = self.watchdog.entries.lock().by_deadline.get_mut(&self.key) {
            entry.states.push(Arc::new(state));
        }
    }

    /// Registers a value whose `Debug` text is printed when the deadline has passed.
    pub fn watch_value<T: fmt::Debug + Send + Sync + 'static>(&self, value: &Arc<T>) {
        let value = Arc::downgrade(value);
        self.watch(move || match value.upgrade() {
            Some(value) => format!("{value:#?}"),
            None => "dropped already".to_owned(),
        });
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.watchdog.entries.lock().by_deadline.remove(&self.key);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("deadline", &self.key.0)
            .finish_non_exhaustive()
    }
}

type StateText = Arc<dyn Fn() -> String + Send + Sync>;

/// The deadlines and the thread that watches them.
struct Watchdog {
    entries: Mutex<Entries>,
    changed: Condvar,
}

#[derive(Default)]
struct Entries {
    by_deadline: BTreeMap<(Instant, u64), Entry>,
    added: u64,
}

struct Entry {
    name: String,
    limit: Duration,
    states: Vec<StateText>,
}

impl Watchdog {
    /// Starts a thread that calls `expired` with every deadline that has passed.
    fn start(expired: impl Fn(Entry) + Send + 'static) -> Arc<Self> {
        let watchdog = Arc::new(Self {
            entries: Mutex::default(),
            changed: Condvar::new(),
        });
        let watching = watchdog.clone();
        thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watching.run(expired))
            .expect("a test process can start one thread");
        watchdog
    }

    fn watch(self: &Arc<Self>, name: &str, limit: Duration) -> Guard {
        let mut entries = self.entries.lock();
        entries.added += 1;
        let key = (Instant::now() + limit, entries.added);
        let entry = Entry {
            name: name.to_owned(),
            limit,
            states: Vec::new(),
        };
        entries.by_deadline.insert(key, entry);
        if entries
            .by_deadline
            .first_key_value()
            .is_some_and(|(first, _)| *first == key)
        {
            self.changed.notify_one();
        }
        Guard {
            watchdog: self.clone(),
            key,
        }
    }

    fn run(&self, expired: impl Fn(Entry)) {
        loop {
            expired(self.next_expired());
        }
    }

    /// Sleeps until a deadline has passed.
    fn next_expired(&self) -> Entry {
        let mut entries = self.entries.lock();
        loop {
            match entries.by_deadline.first_entry() {
                None => self.changed.wait(&mut entries),
                Some(first) if first.key().0 <= Instant::now() => return first.remove(),
                Some(first) => {
                    let deadline = first.key().0;
                    let _ = self.changed.wait_until(&mut entries, deadline);
                }
            }
        }
    }
}

fn abort(entry: Entry) {
    crate::say(&format!(
        "watchdog: {} took longer than {:?}",
        entry.name, entry.limit
    ));
    report(entry.states, crate::say);
    std::process::abort();
}

/// Passes on each state's text, on a thread of its own: it may block on what the test blocks on.
fn report(states: Vec<StateText>, mut say: impl FnMut(&str)) {
    let (texts, incoming) = mpsc::channel();
    let started = thread::Builder::new().spawn(move || {
        for state in states {
            let _ = texts.send(state());
        }
    });
    if started.is_err() {
        return say("(no thread to ask for the state)");
    }
    let give_up = Instant::now() + PATIENCE;
    loop {
        match incoming.recv_timeout(give_up.saturating_duration_since(Instant::now())) {
            Ok(text) => say(&text),
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Err(mpsc::RecvTimeoutError::Timeout) => return say("(the state cannot be had)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const CHILD: &str = "FERROMQ_WATCHDOG_CHILD";

    #[test]
    fn under_in_time_returns_value() {
        assert_eq!(under("quick", Duration::from_secs(60), || 7), 7);
    }

    #[test]
    fn watchdog_reports_earliest_deadline_first() {
        let (names, expired) = mpsc::channel();
        let watchdog = Watchdog::start(move |entry| names.send(entry.name).unwrap());
        let _late = watchdog.watch("late", Duration::from_millis(30));
        let _early = watchdog.watch("early", Duration::from_millis(5));
        assert_eq!(expired.recv().unwrap(), "early");
        assert_eq!(expired.recv().unwrap(), "late");
    }

    #[test]
    fn watchdog_dropped_guard_never_expires() {
        let (names, expired) = mpsc::channel();
        let watchdog = Watchdog::start(move |entry| names.send(entry.name).unwrap());
        drop(watchdog.watch("dropped", Duration::from_millis(1)));
        let _kept = watchdog.watch("kept", Duration::from_millis(10));
        assert_eq!(expired.recv().unwrap(), "kept");
    }

    #[test]
    fn report_passes_on_texts_before_a_panic() {
        let states: Vec<StateText> = vec![
            Arc::new(|| "first".to_owned()),
            Arc::new(|| std::panic::resume_unwind(Box::new("a state that panics"))),
        ];
        let mut said = Vec::new();
        report(states, |text| said.push(text.to_owned()));
        assert_eq!(said, ["first"]);
    }

    #[test]
    fn guard_passed_deadline_aborts_with_state() {
        if std::env::var_os(CHILD).is_some() {
            let guard = guard("a stuck test", Duration::from_millis(1));
            guard.watch_value(&Arc::new("gone"));
            guard.watch(|| "the socket's state".to_owned());
            loop {
                thread::park();
            }
        }
        let test = "watchdog::tests::guard_passed_deadline_aborts_with_state";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test])
            .env(CHILD, "1")
            .env("FERROMQ_PATIENCE", "3")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains("a stuck test took longer than 3ms"), "{said}");
        assert!(said.contains("dropped already"), "{said}");
        assert!(said.contains("the socket's state"), "{said}");
    }
}
