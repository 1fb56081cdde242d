//! Threads for what can neither be waited for nor be interrupted: the system's resolver, and what
//! an application decides about its peers.
//!
//! At most four threads are started, each when a job comes and nobody is idle; jobs beyond wait in
//! a queue, and are refused when that is full. A thread that has been idle for ten seconds
//! ends. Nobody ever joins them: a job that hangs must not keep a context from closing. A job that
//! panics ends nothing but itself.

#![expect(
    clippy::disallowed_methods,
    reason = "crews are a part of the world: their threads are their own"
)]

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Job, contain};

/// The most threads at a time.
const THREADS: usize = 4;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

/// A queue of jobs, and the threads that do them. Dropping it sends idle threads home; jobs in the
/// queue are still done.
#[derive(Debug)]
pub(super) struct Crew(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    name: &'static str,
    /// How many jobs wait at most.
    room: usize,
    idle: Duration,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Crew {
    /// Nobody yet; its threads will have this name, and so many jobs may wait.
    pub(super) fn new(name: &'static str, room: usize) -> Self {
        Self::with(name, room, IDLE)
    }

    fn with(name: &'static str, room: usize, idle: Duration) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Shared {
            state,
            work,
            name,
            room,
            idle,
        }))
    }

    /// Runs the job on another thread. If none can be started, runs it with that error at once; if
    /// there is no room for it, with [`QuotaExceeded`](io::ErrorKind::QuotaExceeded).
    pub(super) fn run(&self, job: Job) {
        let mut state = self.0.state.lock();
        if state.queue.len() >= self.0.room {
            drop(state);
            return job(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        state.queue.push_back(job);
        // Who is idle and who has been called but not woken yet are both counted by `idle`; so are
        // the jobs of the latter by the queue.
        if state.idle >= state.queue.len() || state.threads == THREADS {
            self.0.work.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        if let Err(error) = self.0.start() {
            self.0.fail(&error);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn start(self: &Arc<Self>) -> io::Result<()> {
        let member = Member(Arc::clone(self));
        let thread = thread::Builder::new().name(self.name.to_owned());
        thread.spawn(move || member.0.serve()).map(drop)
    }

    /// Ends the jobs if there is nobody left to do them.
    fn fail(&self, error: &io::Error) {
        let jobs = {
            let mut state = self.state.lock();
            if state.threads > 0 {
                VecDeque::new()
            } else {
                std::mem::take(&mut state.queue)
            }
        };
        for job in jobs {
            job(Err(io::Error::new(error.kind(), error.to_string())));
        }
    }

    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            while let Some(job) = state.queue.pop_front() {
                MutexGuard::unlocked(&mut state, || contain(|| job(Ok(()))));
            }
            if state.closed {
                return;
            }
            state.idle += 1;
            let waited = self.work.wait_for(&mut state, self.idle);
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                return;
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("queue", &self.queue.len())
            .field("threads", &self.threads)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

/// Counts a thread as gone however it ends.
struct Member(Arc<Shared>);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.state.lock().threads -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);
    const NAME: &str = "ferromq-test";
    const ROOM: usize = 20;

    /// Sends a word into a channel.
    fn send(crew: &Crew, answers: &mpsc::Sender<io::Result<()>>) {
        let answers = answers.clone();
        crew.run(Box::new(move |able| drop(answers.send(able))));
    }

    fn wait_until(condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < PATIENCE, "it has not come true");
            thread::yield_now();
        }
    }

    #[test]
    fn jobs_beyond_four_wait_in_the_queue() {
        let (entered, entries) = mpsc::channel();
        let (gate, passes) = mpsc::channel::<()>();
        let passes = Arc::new(Mutex::new(passes));
        let crew = Crew::new(NAME, ROOM);
        let (sender, answers) = mpsc::channel();
        for _ in 0..10 {
            let (entered, passes) = (entered.clone(), Arc::clone(&passes));
            let sender = sender.clone();
            crew.run(Box::new(move |able| {
                entered.send(()).unwrap();
                passes.lock().recv().unwrap();
                sender.send(able).unwrap();
            }));
        }
        for _ in 0..THREADS {
            entries.recv_timeout(PATIENCE).unwrap();
        }
        assert_eq!(crew.0.state.lock().threads, THREADS);
        assert_eq!(crew.0.state.lock().queue.len(), 10 - THREADS);
        assert!(entries.try_recv().is_err());
        for _ in 0..10 {
            gate.send(()).unwrap();
        }
        for _ in 0..10 {
            answers.recv_timeout(PATIENCE).unwrap().unwrap();
        }
        assert_eq!(crew.0.state.lock().threads, THREADS);
    }

    #[test]
    fn queue_takes_as_many_as_have_room_and_refuses_one_more() {
        let (gate, passes) = mpsc::channel::<()>();
        let (entered, entries) = mpsc::channel();
        let passes = Arc::new(Mutex::new(passes));
        let crew = Crew::new(NAME, 2);
        for _ in 0..THREADS {
            let (entered, passes) = (entered.clone(), Arc::clone(&passes));
            crew.run(Box::new(move |_| {
                entered.send(()).unwrap();
                passes.lock().recv().unwrap();
            }));
            entries.recv_timeout(PATIENCE).unwrap();
        }
        let (sender, answers) = mpsc::channel();
        for _ in 0..3 {
            send(&crew, &sender);
        }
        let refused = answers.recv_timeout(PATIENCE).unwrap().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::QuotaExceeded);
        assert!(answers.try_recv().is_err());
        for _ in 0..THREADS {
            gate.send(()).unwrap();
        }
        for _ in 0..2 {
            answers.recv_timeout(PATIENCE).unwrap().unwrap();
        }
    }

    #[test]
    fn idle_threads_end_and_new_ones_start() {
        let crew = Crew::with(NAME, ROOM, Duration::from_millis(1));
        let (sender, answers) = mpsc::channel();
        for _ in 0..3 {
            send(&crew, &sender);
            answers.recv_timeout(PATIENCE).unwrap().unwrap();
            wait_until(|| crew.0.state.lock().threads == 0);
        }
    }

    #[test]
    fn dropping_sends_idle_threads_home_and_does_the_queue() {
        let crew = Crew::new(NAME, ROOM);
        let (sender, answers) = mpsc::channel();
        for _ in 0..20 {
            send(&crew, &sender);
        }
        let shared = Arc::clone(&crew.0);
        drop(crew);
        for _ in 0..20 {
            assert!(answers.recv_timeout(PATIENCE).unwrap().is_ok());
        }
        wait_until(|| shared.state.lock().threads == 0);
    }

    #[test]
    fn jobs_that_panic_keep_nobody_behind_them_waiting() {
        let (gate, passes) = mpsc::channel::<()>();
        let passes = Arc::new(Mutex::new(passes));
        let crew = Crew::new(NAME, ROOM);
        for _ in 0..2 * THREADS {
            let passes = Arc::clone(&passes);
            crew.run(Box::new(move |_| {
                passes.lock().recv().unwrap();
                // Without the message of a panic.
                std::panic::resume_unwind(Box::new(()));
            }));
        }
        let (sender, answers) = mpsc::channel();
        send(&crew, &sender);
        for _ in 0..2 * THREADS {
            gate.send(()).unwrap();
        }
        assert!(answers.recv_timeout(PATIENCE).unwrap().is_ok());
    }
}
