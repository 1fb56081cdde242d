//! Threads that ask the system's resolver, which can neither be waited for nor be interrupted.
//!
//! At most four threads are started, each when a name comes and nobody is idle; names beyond wait
//! in a queue. A thread that has been idle for ten seconds ends. Nobody ever joins them: a resolver
//! that hangs must not keep a context from closing.

#![expect(
    clippy::disallowed_methods,
    reason = "the resolver is a part of the world: its threads are its own"
)]

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ferromq_transport::{Address, Endpoint};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::Resolved;

/// The most threads at a time.
const THREADS: usize = 4;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

/// What is asked, on a thread of its own.
type Lookup = Box<dyn Fn(&Endpoint) -> io::Result<Vec<Address>> + Send + Sync>;

/// A queue of names, and the threads that serve it. Dropping it sends idle threads home; names in
/// the queue are still answered.
#[derive(Debug)]
pub(super) struct Resolver(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    lookup: Lookup,
    idle: Duration,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Question>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Question {
    endpoint: Endpoint,
    reply: Resolved,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self::with(Box::new(ferromq_transport::resolve), IDLE)
    }

    fn with(lookup: Lookup, idle: Duration) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Shared {
            state,
            work,
            lookup,
            idle,
        }))
    }

    /// Answers from another thread. If none can be started, answers with that error at once.
    pub(super) fn resolve(&self, endpoint: Endpoint, reply: Resolved) {
        let mut state = self.0.state.lock();
        state.queue.push_back(Question { endpoint, reply });
        // Who is idle and who has been called but not woken yet are both counted by `idle`; so are
        // the questions of the latter by the queue.
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

impl Drop for Resolver {
    fn drop(&mut self) {
        self.0.state.lock().closed = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn start(self: &Arc<Self>) -> io::Result<()> {
        let member = Member(Arc::clone(self));
        let thread = thread::Builder::new().name("ferromq-resolve".to_owned());
        thread.spawn(move || member.0.serve()).map(drop)
    }

    /// Gives the questions back if there is nobody left to answer them.
    fn fail(&self, error: &io::Error) {
        let questions = {
            let mut state = self.state.lock();
            if state.threads > 0 {
                VecDeque::new()
            } else {
                std::mem::take(&mut state.queue)
            }
        };
        for question in questions {
            (question.reply)(Err(io::Error::new(error.kind(), error.to_string())));
        }
    }

    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            while let Some(Question { endpoint, reply }) = state.queue.pop_front() {
                MutexGuard::unlocked(&mut state, || reply((self.lookup)(&endpoint)));
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

/// Counts a thread as gone however it ends, even if a reply panics.
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

    fn name() -> Endpoint {
        "tcp://name:1".parse().unwrap()
    }

    /// Asks, and sends the answer into a channel.
    fn ask(resolver: &Resolver, answers: &mpsc::Sender<io::Result<Vec<Address>>>) {
        let answers = answers.clone();
        resolver.resolve(name(), Box::new(move |answer| drop(answers.send(answer))));
    }

    fn wait_until(condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < PATIENCE, "it has not come true");
            thread::yield_now();
        }
    }

    #[test]
    fn names_beyond_four_wait_in_the_queue() {
        let (entered, entries) = mpsc::channel();
        let (gate, passes) = mpsc::channel::<()>();
        let passes = Mutex::new(passes);
        let lookup = move |_: &Endpoint| {
            entered.send(()).unwrap();
            passes.lock().recv().unwrap();
            Ok(Vec::new())
        };
        let resolver = Resolver::with(Box::new(lookup), IDLE);
        let (sender, answers) = mpsc::channel();
        for _ in 0..10 {
            ask(&resolver, &sender);
        }
        for _ in 0..THREADS {
            entries.recv_timeout(PATIENCE).unwrap();
        }
        assert_eq!(resolver.0.state.lock().threads, THREADS);
        assert_eq!(resolver.0.state.lock().queue.len(), 10 - THREADS);
        assert!(entries.try_recv().is_err());
        for _ in 0..10 {
            gate.send(()).unwrap();
        }
        for _ in 0..10 {
            assert_eq!(answers.recv_timeout(PATIENCE).unwrap().unwrap(), []);
        }
        assert_eq!(resolver.0.state.lock().threads, THREADS);
    }

    #[test]
    fn idle_threads_end_and_new_ones_start() {
        let lookup = |_: &Endpoint| Err(io::ErrorKind::NotFound.into());
        let resolver = Resolver::with(Box::new(lookup), Duration::from_millis(1));
        let (sender, answers) = mpsc::channel();
        for _ in 0..3 {
            ask(&resolver, &sender);
            let answer = answers.recv_timeout(PATIENCE).unwrap();
            assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::NotFound);
            wait_until(|| resolver.0.state.lock().threads == 0);
        }
    }

    #[test]
    fn dropping_sends_idle_threads_home_and_answers_the_queue() {
        let resolver = Resolver::with(Box::new(|_| Ok(Vec::new())), IDLE);
        let (sender, answers) = mpsc::channel();
        for _ in 0..20 {
            ask(&resolver, &sender);
        }
        let shared = Arc::clone(&resolver.0);
        drop(resolver);
        for _ in 0..20 {
            assert!(answers.recv_timeout(PATIENCE).unwrap().is_ok());
        }
        wait_until(|| shared.state.lock().threads == 0);
    }

    #[test]
    fn reply_that_panics_costs_one_thread_only() {
        let resolver = Resolver::with(Box::new(|_| Ok(Vec::new())), IDLE);
        // Without the message of a panic.
        resolver.resolve(
            name(),
            Box::new(|_| std::panic::resume_unwind(Box::new(()))),
        );
        wait_until(|| resolver.0.state.lock().threads == 0);
        let (sender, answers) = mpsc::channel();
        ask(&resolver, &sender);
        assert!(answers.recv_timeout(PATIENCE).unwrap().is_ok());
    }
}
