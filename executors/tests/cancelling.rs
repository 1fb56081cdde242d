//! Every future is dropped, at every poll, again and again: no message is lost, none comes twice,
//! and none before another one. A million of them, under every executor and over every transport.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cancelling/watching.rs"]
mod watching;

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ferromq::{ClosedError, Context, Dealer, Message, Pull, Push, RecvError, Rep, Req};
use ferromq_core::{Receives, Sends, Socket};
use ferromq_executors::{Drops, Executor, Task, yield_now};
use ferromq_testkit::watchdog;

const ENDPOINTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc://*", "inproc://name"];

/// The limit of one executor.
const LIMIT: Duration = Duration::from_secs(300);

/// Few, so that senders wait.
const MARK: u32 = 20;

/// Bytes of the kernel's buffers, for the same reason; the kernel may take more.
const BUFFER: usize = 4 * 1024;

const SENDERS: u32 = 8;
const RECEIVERS: usize = 4;

/// Messages of one transport under one executor, a million in all: from one sender to one receiver;
/// of each of many senders, which come back to many receivers; questions, with as many answers.
const ONE: u32 = 20_000;
const EACH: u32 = 2_500;
const QUESTIONS: u32 = 3_400;

/// Who asks side by side, how many requests each, and what ends it, which is sent plainly.
const ASKERS: u32 = 4;
const REQUESTS: u32 = 300;
const OVER: u32 = u32::MAX;

#[test]
fn nothing_is_lost_under_tokio_on_one_thread() {
    check(Executor::TokioCurrentThread);
}

#[test]
fn nothing_is_lost_under_tokio_on_several_threads() {
    check(Executor::TokioMultiThread);
}

#[test]
fn nothing_is_lost_under_smol() {
    check(Executor::Smol);
}

#[test]
fn nothing_is_lost_under_futures_executor() {
    check(Executor::Futures);
}

#[test]
fn nothing_is_lost_on_plain_threads() {
    check(Executor::Threads);
}

/// Tasks over one endpoint, whose futures are dropped.
type Scenario = fn(&'static str, &Arc<Drops>) -> Vec<Task>;

const SCENARIOS: [Scenario; 5] = [
    one_to_one,
    many_to_many_and_back,
    questions,
    requests,
    watching::scenario,
];

fn check(executor: Executor) {
    watchdog::under(&format!("{executor:?}"), LIMIT, || {
        for endpoint in ENDPOINTS {
            for scenario in SCENARIOS {
                let drops = Arc::new(Drops::default());
                executor.run(scenario(endpoint, &drops));
                assert!(drops.count() > 100, "{executor:?}, {endpoint}: {drops:?}");
            }
        }
    });
}

/// Sends; the future is dropped and made again, with the message that it gives back or a copy.
async fn send<P: Sends>(socket: &Socket<P>, number: u32, drops: &Drops) {
    let mut message = Message::from(number.to_string());
    loop {
        let copy = message.clone();
        let (given_up, yields) = match drops.of(socket.send_async(message)).await {
            Ok(sent) => return sent.unwrap(),
            Err(given_up) => given_up,
        };
        message = match drops.count().is_multiple_of(2) {
            true => given_up.cancel().unwrap(),
            false => copy,
        };
        if yields {
            yield_now().await;
        }
    }
}

/// Receives; the future is dropped and made again.
async fn recv<P: Receives>(socket: &Socket<P>, drops: &Drops) -> Result<u32, RecvError> {
    loop {
        match drops.of(socket.recv_async()).await {
            Ok(received) => return Ok(received?.part_str(0).unwrap().parse().unwrap()),
            Err((_, true)) => yield_now().await,
            Err((_, false)) => {}
        }
    }
}

/// A socket with a low mark and small buffers, so that both sides wait often.
macro_rules! socket {
    ($socket:ident, $context:expr) => {
        $socket::builder()
            .send_high_water_mark(MARK)
            .receive_high_water_mark(MARK)
            .kernel_buffers(Some(BUFFER), Some(BUFFER))
            .build(&$context)
            .unwrap()
    };
}

fn one_to_one(endpoint: &'static str, drops: &Arc<Drops>) -> Vec<Task> {
    let context = Context::new();
    let (push, pull) = (socket!(Push, context), socket!(Pull, context));
    push.connect(pull.bind(endpoint).unwrap()).unwrap();
    let [sending, receiving] = [drops, drops].map(Arc::clone);
    let send = async move {
        for number in 0..ONE {
            send(&push, number, &sending).await;
        }
        assert!(push.close_async().await.complete);
    };
    let receive = async move {
        for number in 0..ONE {
            assert_eq!(recv(&pull, &receiving).await, Ok(number));
        }
        assert_eq!(pull.try_recv(), Err(RecvError::Empty));
    };
    vec![Box::pin(send), Box::pin(receive)]
}

/// Many send on one DEALER and many receive on it what its peer sends back.
fn many_to_many_and_back(endpoint: &'static str, drops: &Arc<Drops>) -> Vec<Task> {
    let context = Context::new();
    let dealer = Arc::new(socket!(Dealer, context));
    let echo = Arc::new(socket!(Dealer, context));
    dealer.connect(echo.bind(endpoint).unwrap()).unwrap();
    let ledger = Arc::new(Ledger::new());
    let mut tasks: Vec<Task> = Vec::new();
    for sender in 0..SENDERS {
        let (dealer, drops) = (Arc::clone(&dealer), Arc::clone(drops));
        tasks.push(Box::pin(async move {
            for number in sender * EACH..(sender + 1) * EACH {
                send(&dealer, number, &drops).await;
            }
        }));
    }
    for _ in 0..RECEIVERS {
        let sockets = [&dealer, &echo].map(Arc::clone);
        let (ledger, drops) = (Arc::clone(&ledger), Arc::clone(drops));
        tasks.push(Box::pin(receive_all(sockets, ledger, drops)));
    }
    let drops = Arc::clone(drops);
    tasks.push(Box::pin(async move {
        while let Ok(number) = recv(&echo, &drops).await {
            send(&echo, number, &drops).await;
        }
    }));
    tasks
}

/// Receives until everything has come to one of the receivers, who then closes both sockets.
async fn receive_all(sockets: [Arc<Dealer>; 2], ledger: Arc<Ledger>, drops: Arc<Drops>) {
    let mut last = [None; SENDERS as usize];
    loop {
        let number = match recv(&sockets[0], &drops).await {
            Ok(number) => number,
            Err(RecvError::Closed(ClosedError::Closed)) => return ledger.assert_is_full(),
            Err(error) => panic!("{error}"),
        };
        let before = last[(number / EACH) as usize].replace(number);
        assert!(before < Some(number), "{number} after {before:?}");
        if ledger.note(number) {
            for socket in &sockets {
                assert_eq!(socket.close_async().await.unsent, 0);
            }
        }
    }
}

fn questions(endpoint: &'static str, drops: &Arc<Drops>) -> Vec<Task> {
    let context = Context::new();
    let (req, rep) = (socket!(Req, context), socket!(Rep, context));
    req.connect(rep.bind(endpoint).unwrap()).unwrap();
    let [asking, answering] = [drops, drops].map(Arc::clone);
    let ask = async move {
        for number in 0..QUESTIONS {
            send(&req, number, &asking).await;
            assert_eq!(recv(&req, &asking).await, Ok(number + 1));
        }
    };
    let answer = async move {
        for number in 0..QUESTIONS {
            assert_eq!(recv(&rep, &answering).await, Ok(number));
            send(&rep, number + 1, &answering).await;
        }
        assert!(rep.close_async().await.complete);
    };
    vec![Box::pin(ask), Box::pin(answer)]
}

/// Requests side by side, whose futures are dropped: each that ends has its own reply, and
/// those that were given up are in nobody's way.
fn requests(endpoint: &'static str, drops: &Arc<Drops>) -> Vec<Task> {
    let context = Context::new();
    let (req, rep) = (Arc::new(socket!(Req, context)), socket!(Rep, context));
    req.connect(rep.bind(endpoint).unwrap()).unwrap();
    let left = Arc::new(AtomicU32::new(ASKERS));
    let mut tasks: Vec<Task> = Vec::new();
    for asker in 0..ASKERS {
        let (req, drops, left) = (Arc::clone(&req), Arc::clone(drops), Arc::clone(&left));
        tasks.push(Box::pin(async move {
            for number in 0..REQUESTS {
                let question = format!("{asker}, {number}");
                let reply = request(&req, &question, &drops).await;
                assert_eq!(reply, Message::from(question));
            }
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                send(&req, OVER, &drops).await;
            }
        }));
    }
    tasks.push(Box::pin(async move {
        loop {
            let question = rep.recv_async().await.unwrap();
            if question == Message::from(OVER.to_string()) {
                return;
            }
            rep.send_async(question).await.unwrap();
        }
    }));
    tasks
}

/// Asks; the future is dropped and made again.
async fn request(req: &Req, question: &str, drops: &Drops) -> Message {
    loop {
        match drops.of(req.request(question).into_future()).await {
            Ok(reply) => return reply.unwrap(),
            Err((_, true)) => yield_now().await,
            Err((_, false)) => {}
        }
    }
}

/// What has come, from whomever.
struct Ledger {
    come: Vec<AtomicBool>,
    count: AtomicU32,
}

impl Ledger {
    fn new() -> Self {
        let come = (0..SENDERS * EACH).map(|_| AtomicBool::new(false));
        Self {
            come: come.collect(),
            count: AtomicU32::new(0),
        }
    }

    /// True: it was the last one.
    fn note(&self, number: u32) -> bool {
        let twice = self.come[number as usize].swap(true, Ordering::Relaxed);
        assert!(!twice, "{number} has come before");
        self.count.fetch_add(1, Ordering::Relaxed) + 1 == SENDERS * EACH
    }

    fn assert_is_full(&self) {
        assert_eq!(self.count.load(Ordering::Relaxed), SENDERS * EACH);
    }
}
