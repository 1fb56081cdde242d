//! Whether the machine lets our threads run. Where others want it too, a thread waits for a
//! processor, or for a page of the program to be read again; nothing moves for a while, and no
//! socket is to blame.
//!
//! Linux says it of each thread; elsewhere nothing is known, and nobody counts as kept waiting.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How long a thread may be kept waiting between two looks: longer, and nothing follows from what
/// it has not done.
const TOLERATED: Duration = Duration::from_millis(20);

/// The threads of this process by their ids, from one look to the next.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    threads: BTreeMap<u32, Thread>,
    /// Those that were kept waiting before the last look.
    kept_waiting: Vec<u32>,
}

/// A thread, as the kernel sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Thread {
    name: String,
    /// `R`: wants a processor; `D`: waits for the kernel (a page, a disk); `S`: sleeps.
    state: char,
    /// How long it has run.
    ran: Duration,
    /// How long it has waited for a processor until it last got one.
    waited: Duration,
}

impl Thread {
    /// Reads `/proc/PID/task/TID`; `None`: it has just ended.
    fn read(folder: &Path) -> Option<Self> {
        let stat = fs::read_to_string(folder.join("stat")).ok()?;
        let times = fs::read_to_string(folder.join("schedstat")).ok()?;
        Self::parse(&stat, &times)
    }

    /// `ID (NAME) STATE …` and `RAN WAITED TURNS`, in nanoseconds.
    fn parse(stat: &str, times: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        let mut times = times.split_whitespace();
        let mut time = || Some(Duration::from_nanos(times.next()?.parse().ok()?));
        Some(Self {
            name: name.to_owned(),
            state: after.trim_start().chars().next()?,
            ran: time()?,
            waited: time()?,
        })
    }

    /// Whether it was kept waiting since it was like `before`: for the kernel, for a processor all
    /// the time, or long until it got one.
    fn was_kept_waiting(&self, before: &Self) -> bool {
        let waited = self.waited.saturating_sub(before.waited);
        let never_ran = self.state == 'R' && self.ran == before.ran;
        self.state == 'D' || never_ran || waited > TOLERATED
    }
}

impl Machine {
    /// Looks; whether every thread got a processor when it wanted one, since the last look. The
    /// thread that looks is one of them, so that a late look says no.
    pub(crate) fn look(&mut self) -> bool {
        let before = std::mem::replace(&mut self.threads, threads());
        let kept_waiting = self.threads.iter().filter(|(id, thread)| {
            let before = before.get(id);
            before.is_some_and(|before| thread.was_kept_waiting(before))
        });
        self.kept_waiting = kept_waiting.map(|(id, _)| *id).collect();
        self.kept_waiting.is_empty()
    }

    /// A line for each thread, as it was at the last look.
    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for (id, thread) in &self.threads {
            let Thread {
                name,
                state,
                ran,
                waited,
            } = thread;
            let late = if self.kept_waiting.contains(id) {
                ", kept waiting"
            } else {
                ""
            };
            let _ = write!(
                text,
                "\n{id} {name} {state}: ran {ran:?}, waited {waited:?}{late}"
            );
        }
        text
    }
}

/// All threads of this process; none where that cannot be read.
fn threads() -> BTreeMap<u32, Thread> {
    let entries = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let threads = entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        Some((id, Thread::read(&entry.path())?))
    });
    threads.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread of this name and state, that has run and waited for so many milliseconds.
    fn thread(state: char, ran: u64, waited: u64) -> Thread {
        Thread {
            name: "io) 0".to_owned(),
            state,
            ran: Duration::from_millis(ran),
            waited: Duration::from_millis(waited),
        }
    }

    #[test]
    fn thread_is_read_as_the_kernel_writes_it() {
        let read = Thread::parse("17 (io) 0) R 1 17 0", "3000000 5000000 12\n");
        assert_eq!(read, Some(thread('R', 3, 5)));
        assert_eq!(Thread::parse("17 (io) S", ""), None);
        assert_eq!(Thread::parse("", "3000000 5000000 12"), None);
    }

    #[test]
    fn thread_is_kept_waiting_by_others_and_by_the_kernel() {
        let before = thread('S', 3, 5);
        for late in [thread('R', 3, 5), thread('D', 4, 5), thread('S', 4, 50)] {
            assert!(late.was_kept_waiting(&before), "{late:?}");
        }
        for fine in [thread('S', 3, 5), thread('R', 90, 5), thread('S', 4, 6)] {
            assert!(!fine.was_kept_waiting(&before), "{fine:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn threads_are_found_and_a_sleeping_one_is_not_kept_waiting() {
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let sleeper = std::thread::Builder::new().name("sleeper".to_owned());
        let sleeper = sleeper.spawn(move || told.recv()).expect("a thread");
        let mut machine = Machine::default();
        let asleep = |machine: &Machine| {
            let mut found = machine.threads.values();
            found.any(|thread| thread.name == "sleeper" && thread.state == 'S')
        };
        while !asleep(&machine) {
            machine.look();
        }
        let before = machine.threads.clone();
        machine.look();
        let (id, now) = machine
            .threads
            .iter()
            .find(|(_, it)| it.name == "sleeper")
            .expect("it");
        assert!(!now.was_kept_waiting(&before[id]));
        assert!(machine.describe().contains(" sleeper S: ran "));
        drop(tell);
        sleeper
            .join()
            .expect("no panic")
            .expect_err("nothing was told");
    }
}
