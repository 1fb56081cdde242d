//! Futures on a small executor: dropping one at any poll loses nothing, and passes its turn on.

#![cfg(all(
    feature = "pipeline",
    feature = "reqrep",
    feature = "pubsub",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{
    Context, Dealer, Event, Message, PollItem, Pull, Push, RecvError, Rep, Req, Router,
    SendErrorKind, poll,
};
use ferromq_testkit::sim::{SimWorld, for_seeds};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, block_on, under, until};

const ENDPOINTS: &[&str] = &[
    "tcp://127.0.0.1:*",
    #[cfg(unix)]
    "ipc://*",
    "inproc://name",
];

/// Counts how often a future is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a future once, with a waker that counts.
fn poll_once<F: Future + Unpin>(future: &mut F, wakes: &Arc<Wakes>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(wakes));
    pin!(future).poll(&mut TaskContext::from_waker(&waker))
}

fn push_and_pull(context: &Context, endpoint: &str) -> (Push, Pull) {
    let (push, pull) = (Push::new(context), Pull::new(context));
    push.connect(pull.bind(endpoint).unwrap()).unwrap();
    (push, pull)
}

/// The number that a message is.
fn number(message: &Message) -> u32 {
    message.part_str(0).unwrap().parse().unwrap()
}

#[test]
fn futures_exchange_messages_over_every_transport() {
    under("futures", || {
        for &endpoint in ENDPOINTS {
            let context = Context::new();
            let (req, rep) = (Req::new(&context), Rep::new(&context));
            req.connect(rep.bind(endpoint).unwrap()).unwrap();
            let serving = thread::spawn(move || {
                block_on(async {
                    for _ in 0..200 {
                        let question = rep.recv_async().await?;
                        rep.send_async(question).await.unwrap();
                    }
                    Ok::<(), RecvError>(())
                })
            });
            for n in 0..200_u32 {
                let answer = block_on(async {
                    req.send_async(n.to_string()).await.unwrap();
                    req.recv_async().await.unwrap()
                });
                assert_eq!(number(&answer), n);
            }
            serving.join().unwrap().unwrap();
        }
    });
}

#[test]
fn future_dropped_at_any_poll_loses_no_incoming_message() {
    under("dropped receivers", || {
        for &endpoint in ENDPOINTS {
            let (push, pull) = push_and_pull(&Context::new(), endpoint);
            let sending = thread::spawn(move || {
                (0..5000_u32).for_each(|n| push.send(n.to_string()).unwrap());
                push.close()
            });
            let (mut next, mut polls) = (0, 0_u32);
            while next < 5000 {
                polls += 1;
                let wakes = Arc::default();
                let mut future = pull.recv_async();
                let mut polled = Poll::Pending;
                for _ in 0..polls % 4 {
                    if polled.is_pending() {
                        polled = poll_once(&mut future, &wakes);
                    }
                }
                if let Poll::Ready(message) = polled {
                    assert_eq!(number(&message.unwrap()), next);
                    next += 1;
                }
            }
            assert_eq!(sending.join().unwrap().unsent, 0);
        }
    });
}

#[test]
fn future_dropped_at_any_poll_sends_all_or_nothing() {
    under("dropped senders", || {
        for &endpoint in ENDPOINTS {
            let context = Context::new();
            let (push, pull) = push_and_pull(&context, endpoint);
            let receiving = thread::spawn(move || {
                let messages = std::iter::from_fn(|| pull.recv_timeout(WAIT).ok());
                let parts = messages.map(|message| (message.len(), number(&message)));
                parts
                    .take_while(|&(_, n)| n != u32::MAX)
                    .collect::<Vec<_>>()
            });
            let mut sent = Vec::new();
            for n in 0..4000_u32 {
                let wakes = Arc::default();
                let mut future = push.send_async([n.to_string().into_bytes(), vec![0; 2000]]);
                let accepted = (0..n % 3).any(|_| poll_once(&mut future, &wakes).is_ready());
                match future.cancel() {
                    None => sent.push((2, n)),
                    Some(message) => assert_eq!((message.len(), number(&message)), (2, n)),
                }
                assert_eq!(accepted, sent.last() == Some(&(2, n)));
            }
            push.send(u32::MAX.to_string()).unwrap();
            assert_eq!(receiving.join().unwrap(), sent);
            assert!(!sent.is_empty());
        }
    });
}

#[test]
fn cancelled_receiver_passes_its_turn_to_the_next() {
    for_seeds(0..10, |seed| {
        for endpoint in [
            "tcp://127.0.0.1:*",
            #[cfg(unix)]
            "ipc:///sim/pipe",
            "inproc://name",
        ] {
            let world = SimWorld::new(seed);
            let context = Context::with_world(Arc::new(world.clone()), 1);
            let (push, pull) = push_and_pull(&context, endpoint);
            let wakes = [(); 3].map(|()| Arc::<Wakes>::default());
            let [mut first, mut second, mut third] = [(); 3].map(|()| pull.recv_async());
            assert!(poll_once(&mut first, &wakes[0]).is_pending());
            assert!(poll_once(&mut second, &wakes[1]).is_pending());
            assert!(poll_once(&mut third, &wakes[2]).is_pending());
            push.send("a").unwrap();
            world.run_until(|| wakes[0].count() > 0);
            assert_eq!(wakes[1].count(), 0, "one message wakes one");
            drop(first);
            world.run_until(|| wakes[1].count() > 0);
            let message = poll_once(&mut second, &wakes[1]);
            assert_eq!(message, Poll::Ready(Ok(Message::from("a"))));
            assert_eq!(wakes[2].count(), 0);
            push.send("b").unwrap();
            world.run_until(|| wakes[2].count() > 0);
            assert!(poll_once(&mut third, &wakes[2]).is_ready());
        }
    });
}

#[test]
fn cancelled_sender_passes_its_turn_to_the_next() {
    let context = Context::new();
    let push = Push::new(&context);
    let wakes = [(); 2].map(|()| Arc::<Wakes>::default());
    let (mut first, mut second) = (push.send_async("first"), push.send_async("second"));
    assert!(poll_once(&mut first, &wakes[0]).is_pending());
    assert!(poll_once(&mut second, &wakes[1]).is_pending());
    let pull = Pull::new(&context);
    push.connect(pull.bind("inproc://name").unwrap()).unwrap();
    assert_eq!(first.cancel(), Some(Message::from("first")));
    until(|| wakes[1].count() > 0);
    assert_eq!(poll_once(&mut second, &wakes[1]), Poll::Ready(Ok(())));
    assert_eq!(second.cancel(), None);
    assert_eq!(pull.try_recv(), Ok(Message::from("second")));
    assert_eq!(pull.try_recv(), Err(RecvError::Empty));
}

#[test]
fn futures_that_came_before_any_peer_are_woken_when_one_comes() {
    under("late peers", || {
        for &endpoint in ENDPOINTS {
            let context = Context::new();
            let (dealer, router) = (Dealer::new(&context), Router::new(&context));
            let endpoint = dealer.bind(endpoint).unwrap();
            let sending = thread::spawn(move || {
                block_on(dealer.send_async("question")).unwrap();
                block_on(dealer.recv_async()).unwrap()
            });
            router.connect(&endpoint).unwrap();
            let mut question = block_on(router.recv_async()).unwrap();
            assert_eq!(question.pop_back().unwrap()[..], *b"question");
            question.push_back("answer");
            block_on(router.send_async(question)).unwrap();
            assert_eq!(sending.join().unwrap(), Message::from("answer"));
        }
    });
}

#[test]
fn sender_at_the_mark_is_woken_when_the_receiver_makes_room() {
    under("room", || {
        for &endpoint in ENDPOINTS {
            let (push, pull) = push_and_pull(&Context::new(), endpoint);
            let sending = thread::spawn(move || {
                block_on(async {
                    for n in 0..10_000_u32 {
                        let message = [n.to_string().into_bytes(), vec![0; 1000]];
                        push.send_async(message).await.unwrap();
                    }
                    push.close_async().await
                })
            });
            for n in 0..10_000 {
                assert_eq!(number(&block_on(pull.recv_async()).unwrap()), n);
            }
            let report = sending.join().unwrap();
            assert!(report.complete && report.unsent == 0, "{report:?}");
        }
    });
}

#[test]
fn several_receiving_futures_share_the_messages() {
    under("shared", || {
        for &endpoint in ENDPOINTS {
            let (push, pull) = push_and_pull(&Context::new(), endpoint);
            let mut seen = thread::scope(|scope| {
                let receive = || -> Vec<u32> {
                    let all = std::iter::from_fn(|| block_on(pull.recv_async()).ok());
                    all.map(|message| number(&message)).collect()
                };
                let receivers = [(); 4].map(|()| scope.spawn(receive));
                (0..4000_u32).for_each(|n| push.send(n.to_string()).unwrap());
                until(|| pull.stats().delivered == 4000);
                pull.close();
                let seen = receivers.map(|receiver| receiver.join().unwrap());
                for one in &seen {
                    assert!(one.is_sorted(), "each receiver sees them in order");
                }
                seen.concat()
            });
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..4000));
        }
    });
}

#[test]
fn refused_future_hands_its_message_back() {
    let router = Router::new(&Context::new());
    let error = block_on(router.send_async(["nobody", "a"])).unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::Refused(_)));
    assert_eq!(error.message, Message::from(["nobody", "a"]));
    let error = block_on(router.send_async(Message::new())).unwrap_err();
    assert_eq!(error.kind, SendErrorKind::NoParts);
}

#[test]
fn events_come_as_futures() {
    under("events", || {
        let pull = Pull::new(&Context::new());
        let events = pull.events();
        let reading = thread::spawn(move || {
            let mut seen = Vec::new();
            while let Some(event) = block_on(events.next_async()) {
                seen.push(event);
            }
            seen
        });
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        block_on(pull.close_async());
        let seen = reading.join().unwrap();
        let asked = "tcp://127.0.0.1:*".parse().unwrap();
        assert_eq!(seen[0], Event::Listening { endpoint, asked });
    });
}

#[test]
fn poll_tells_which_of_several_sockets_are_ready() {
    under("poll", || {
        for &endpoint in ENDPOINTS {
            let context = Context::new();
            let pairs: Vec<_> = (0..6)
                .map(|n| push_and_pull(&context, &endpoint.replace("name", &format!("name{n}"))))
                .collect();
            let expected = [1, 4].map(|at| pairs[at].0.send("a").map(|()| at).unwrap());
            let mut found = HashSet::new();
            while found.len() < 2 {
                let mut items: Vec<_> = pairs
                    .iter()
                    .map(|(_, pull)| PollItem::receive(pull))
                    .collect();
                let count = poll(&mut items, Some(WAIT));
                let ready = items
                    .iter()
                    .enumerate()
                    .filter(|(_, item)| item.is_receivable());
                let ready: Vec<usize> = ready.map(|(at, _)| at).collect();
                assert!(count > 0 && count == ready.len());
                found.extend(ready);
            }
            assert_eq!(found, HashSet::from(expected));
            for at in expected {
                assert_eq!(pairs[at].1.try_recv(), Ok(Message::from("a")));
            }
            let mut items: Vec<_> = pairs
                .iter()
                .map(|(_, pull)| PollItem::receive(pull))
                .collect();
            let start = Instant::now();
            assert_eq!(poll(&mut items, Some(Duration::from_millis(30))), 0);
            assert!(start.elapsed() >= Duration::from_millis(30));
            let mut items: Vec<_> = pairs.iter().map(|(push, _)| PollItem::send(push)).collect();
            assert_eq!(poll(&mut items, None), 6);
        }
    });
}

#[test]
fn poll_is_woken_by_a_message_of_another_thread() {
    under("poll woken", || {
        for &endpoint in ENDPOINTS {
            let context = Context::new();
            let (push, pull) = push_and_pull(&context, endpoint);
            let lonely = Pull::new(&context);
            thread::scope(|scope| {
                scope.spawn(|| (0..500_u32).for_each(|n| push.send(n.to_string()).unwrap()));
                let mut next = 0;
                while next < 500 {
                    let mut items = [PollItem::receive(&lonely), PollItem::receive(&pull)];
                    assert_eq!(poll(&mut items, Some(WAIT)), 1);
                    assert!(items[1].is_receivable());
                    while let Ok(message) = pull.try_recv() {
                        assert_eq!(number(&message), next);
                        next += 1;
                    }
                }
            });
        }
    });
}
