//! A reader of events against a socket that reports its last one and is gone: whoever is told that
//! there are no more has read them all.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::thread;

use super::explore;
use super::stub::StubWorld;
use crate::event::{Event, EventHub};
use crate::world::Process;

#[test]
fn loom_last_event_is_read_before_the_end() {
    explore(3, || {
        let hub = Arc::new(EventHub::default());
        let events = hub.subscribe(16, Arc::new(StubWorld), Process::this());
        let reporting = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                hub.report(|| Event::Missed(1));
                hub.end();
            })
        };
        let mut seen = 0;
        loop {
            let mut next = pin!(events.next_async());
            match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => thread::yield_now(),
                Poll::Ready(None) => break,
                Poll::Ready(Some(_)) => seen += 1,
            }
        }
        assert_eq!(seen, 1);
        reporting.join().unwrap();
    });
}
