//! Events as an iterator, as a stream, and as `tracing` sees them.

#![cfg(all(feature = "pipeline", feature = "inproc"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ferromq::{Context, Event, Pull};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::under;

type IsExpected = fn(&Event) -> bool;

/// What a socket does that is bound and closed.
fn bound_and_closed() -> (ferromq::Events, [IsExpected; 2]) {
    let pull = Pull::new(&Context::new());
    let events = pull.events();
    pull.bind("inproc://name").unwrap();
    pull.close();
    let expected: [IsExpected; 2] = [
        |event| matches!(event, Event::Listening { .. }),
        |event| matches!(event, Event::Unbound { .. }),
    ];
    (events, expected)
}

#[track_caller]
fn assert_as_expected(seen: &[Event], expected: &[IsExpected]) {
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    let pairs = seen.iter().zip(expected);
    pairs.for_each(|(event, is_expected)| assert!(is_expected(event), "{event:?}"));
}

#[test]
fn events_are_iterated_over_until_the_socket_is_gone() {
    under("iterator of events", || {
        let (events, expected) = bound_and_closed();
        assert_as_expected(&events.collect::<Vec<_>>(), &expected);
    });
}

#[cfg(feature = "futures")]
#[test]
fn events_are_streamed_until_the_socket_is_gone() {
    use futures_core::Stream;
    use std::{future::poll_fn, pin::Pin};

    under("stream of events", || {
        let (events, expected) = bound_and_closed();
        let (mut stream, mut seen) = (events.stream(), Vec::new());
        let mut next = || common::block_on(poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)));
        seen.extend(std::iter::from_fn(&mut next));
        assert_as_expected(&seen, &expected);
    });
}

#[cfg(feature = "tracing")]
mod traced {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::{Level, Metadata, Subscriber, span};

    use super::*;

    /// Keeps what it is told.
    #[derive(Default)]
    struct Keeper {
        told: Arc<Mutex<Vec<(Level, String)>>>,
        spans: AtomicU64,
    }

    struct Text(String);

    impl Visit for Text {
        fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
            self.0 = format!("{value:?}");
        }
    }

    impl Subscriber for Keeper {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "ferromq"
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut text = Text(String::new());
            event.record(&mut text);
            let told = (*event.metadata().level(), text.0);
            self.told.lock().unwrap().push(told);
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn events_are_told_to_the_subscriber_though_nobody_reads_them() {
        let keeper = Keeper::default();
        let told = Arc::clone(&keeper.told);
        tracing::subscriber::with_default(keeper, || {
            let context = Context::new();
            let (pull, other) = (Pull::new(&context), Pull::new(&context));
            pull.bind("inproc://name").unwrap();
            other.connect("inproc://name").unwrap_err();
            pull.close();
        });
        let told = told.lock().unwrap();
        let expected = [
            (Level::DEBUG, "Listening"),
            (Level::WARN, "HandshakeFailed"),
            (Level::WARN, "HandshakeFailed"),
            (Level::DEBUG, "Unbound"),
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for ((level, text), (expected, name)) in told.iter().zip(expected) {
            assert!(
                *level == expected && text.starts_with(name),
                "{level} {text}"
            );
        }
    }
}

#[test]
fn waits_for_events_that_are_given_up_leave_nothing() {
    struct Count;
    impl std::task::Wake for Count {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    let context = Context::new();
    let pull = Pull::new(&context);
    let events = pull.events();
    let count = std::sync::Arc::new(Count);
    let waker = std::task::Waker::from(std::sync::Arc::clone(&count));
    let cx = &mut std::task::Context::from_waker(&waker);
    for _ in 0..100 {
        let mut next = Box::pin(events.next_async());
        let _ = next.as_mut().poll(cx);
    }
    assert_eq!(std::sync::Arc::strong_count(&count), 2);
}
