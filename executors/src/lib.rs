//! Executors behind one face, for tests that run the same tasks under each of them.

#![forbid(unsafe_code)]

mod flaky;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};

use futures::stream::{FuturesUnordered, StreamExt};

pub use flaky::{Drops, Flaky, yield_now};

/// Something that runs until it is done.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who runs tasks.
#[derive(Clone, Copy, Debug)]
pub enum Executor {
    /// tokio, everything on the calling thread.
    TokioCurrentThread,
    /// tokio with two worker threads.
    TokioMultiThread,
    /// smol, on the calling thread and another one.
    Smol,
    /// `futures::executor`, everything on the calling thread.
    Futures,
    /// A thread for each task, which sleeps while it waits.
    Threads,
}

impl Executor {
    /// Runs tasks beside each other, until all are done.
    ///
    /// # Panics
    /// If one of them does.
    pub fn run(self, tasks: Vec<Task>) {
        match self {
            Self::TokioCurrentThread => {
                on_tokio(tokio::runtime::Builder::new_current_thread(), tasks);
            }
            Self::TokioMultiThread => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(2);
                on_tokio(builder, tasks);
            }
            Self::Smol => on_smol(tasks),
            Self::Futures => {
                let tasks: FuturesUnordered<Task> = tasks.into_iter().collect();
                futures::executor::block_on(tasks.collect::<()>());
            }
            Self::Threads => thread::scope(|scope| {
                for task in tasks {
                    scope.spawn(|| block_on(task));
                }
            }),
        }
    }
}

fn on_tokio(mut builder: tokio::runtime::Builder, tasks: Vec<Task>) {
    let runtime = builder
        .build()
        .expect("a test process can start two threads");
    let running: Vec<_> = tasks.into_iter().map(|task| runtime.spawn(task)).collect();
    for task in running {
        runtime.block_on(task).expect("no task panics");
    }
}

fn on_smol(tasks: Vec<Task>) {
    let executor = smol::Executor::new();
    let running: Vec<_> = tasks.into_iter().map(|task| executor.spawn(task)).collect();
    let (over, wait) = smol::channel::bounded::<()>(1);
    thread::scope(|scope| {
        scope.spawn(|| smol::block_on(executor.run(wait.recv())));
        smol::block_on(executor.run(async {
            for task in running {
                task.await;
            }
        }));
        drop(over);
    });
}

/// Runs a future on this thread, which sleeps while it waits.
fn block_on(mut task: Task) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    while task.as_mut().poll(&mut context).is_pending() {
        thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
