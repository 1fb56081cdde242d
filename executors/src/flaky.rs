//! Dropping futures: after any number of polls, waiting for the next wake-up or not.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// When futures are dropped, one after the other: before their first poll, after it, when they are
/// woken after it, after the second one, …, and then they may end.
#[derive(Debug, Default)]
pub struct Drops {
    turn: AtomicU64,
    dropped: AtomicU64,
}

/// The turns after which they repeat.
const TURNS: u64 = 8;

impl Drops {
    /// The future, which is given up in its turn; a new one is to be made then.
    pub fn of<F: Future + Unpin>(&self, future: F) -> Flaky<'_, F> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % TURNS;
        Flaky {
            future: Some(future),
            polls: turn.div_ceil(2),
            polled: false,
            when_woken: turn > 0 && turn.is_multiple_of(2),
            lasts: turn + 1 == TURNS,
            drops: self,
        }
    }

    /// How many were given up when they had been polled.
    pub fn count(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// A future that is given up. Made by [`Drops::of`].
#[derive(Debug)]
pub struct Flaky<'a, F> {
    future: Option<F>,
    /// How many polls it gets.
    polls: u64,
    polled: bool,
    /// After the last one it is woken once more.
    when_woken: bool,
    lasts: bool,
    drops: &'a Drops,
}

impl<F: Future + Unpin> Future for Flaky<'_, F> {
    /// The output; or what was given up, and whether others are to run before the next attempt: it
    /// was polled.
    type Output = Result<F::Output, (F, bool)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut future = this.future.take().expect("nobody polls what has ended");
        if this.polls == 0 && !this.lasts {
            return Poll::Ready(Err((future, this.polled)));
        }
        this.polled = true;
        this.polls = this.polls.saturating_sub(1);
        if let Poll::Ready(output) = Pin::new(&mut future).poll(context) {
            return Poll::Ready(Ok(output));
        }
        if this.polls == 0 && !this.lasts {
            this.drops.dropped.fetch_add(1, Ordering::Relaxed);
            if !this.when_woken {
                return Poll::Ready(Err((future, true)));
            }
        }
        this.future = Some(future);
        Poll::Pending
    }
}

/// Lets other tasks run.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::task::Waker;

    use super::*;

    /// How often the future in the next turn is polled before it is given up, and how often what is
    /// around it; `None`: it is not.
    fn polls(drops: &Drops) -> Option<(u32, u32)> {
        let inner = Cell::new(0);
        let mut never = Box::pin(pending::<()>());
        let mut flaky = drops.of(poll_fn(|context| {
            inner.set(inner.get() + 1);
            never.as_mut().poll(context)
        }));
        let mut context = Context::from_waker(Waker::noop());
        let mut poll = || Pin::new(&mut flaky).poll(&mut context).is_ready();
        let outer = (1..20).find(|_| poll())?;
        Some((inner.get(), outer))
    }

    #[test]
    fn each_turn_gives_up_at_another_point_and_the_last_one_never() {
        let drops = Drops::default();
        let turns = [(0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4)];
        for _ in 0..2 {
            for turn in turns {
                assert_eq!(polls(&drops), Some(turn));
            }
            assert_eq!(polls(&drops), None);
        }
        assert_eq!(drops.count(), 12);
    }
}
