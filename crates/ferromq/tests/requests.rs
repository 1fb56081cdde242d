//! Requests side by side over real connections: from many threads, and many futures on one.

#![cfg(all(
    feature = "reqrep",
    feature = "tcp",
    feature = "ipc",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ferromq::{Context, Message, RecvError, Rep, Req, RequestErrorKind};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, block_on, under};

const ENDPOINTS: &[&str] = &[
    "tcp://127.0.0.1:*",
    #[cfg(unix)]
    "ipc://*",
    "inproc://name",
];

/// Servers that return what they are asked until their context is shut down; a REQ that knows them
/// all.
fn with_servers(endpoint: &str, count: usize, body: impl FnOnce(&Req)) {
    let (context, servers) = (Context::new(), Context::new());
    let servers = if endpoint.starts_with("inproc") {
        &context
    } else {
        &servers
    };
    let req = Req::new(&context);
    let serving: Vec<_> = (0..count)
        .map(|n| {
            let rep = Rep::new(servers);
            let endpoint = endpoint.replace("name", &format!("name-{n}"));
            req.connect(rep.bind(endpoint.as_str()).unwrap()).unwrap();
            thread::spawn(move || -> RecvError {
                loop {
                    match rep.recv() {
                        Ok(question) => rep.send(question).unwrap(),
                        Err(error) => return error,
                    }
                }
            })
        })
        .collect();
    body(&req);
    servers.shutdown();
    for server in serving {
        assert!(matches!(server.join().unwrap(), RecvError::Closed(_)));
    }
}

#[test]
fn requests_from_many_threads_share_a_socket_with_its_alternation() {
    under("requests from threads", || {
        for &endpoint in ENDPOINTS {
            with_servers(endpoint, 3, |req| {
                thread::scope(|scope| {
                    for thread in 0..6 {
                        scope.spawn(move || {
                            for n in 0..200 {
                                let text = format!("{thread}.{n}");
                                let reply = req.request(&text).timeout(WAIT).wait().unwrap();
                                assert_eq!(reply, Message::from(&text));
                            }
                        });
                    }
                    for n in 0..200 {
                        req.send(n.to_string()).unwrap();
                        assert_eq!(req.recv_timeout(WAIT), Ok(n.to_string().into()));
                    }
                });
            });
        }
    });
}

#[test]
fn requests_by_the_thousand_on_one_task_get_their_own_replies() {
    under("requests from one task", || {
        for &endpoint in ENDPOINTS {
            with_servers(endpoint, 2, |req| {
                let texts: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
                let ask = |text| req.request(text).timeout(WAIT).into_future();
                let mut open: Vec<_> = texts.iter().map(|text| Some(ask(text))).collect();
                let mut left = open.len();
                block_on(poll_fn(|cx| {
                    for (future, text) in open.iter_mut().zip(&texts) {
                        let Some(asked) = future else { continue };
                        if let Poll::Ready(reply) = Pin::new(asked).poll(cx) {
                            assert_eq!(reply.unwrap(), Message::from(text));
                            *future = None;
                            left -= 1;
                        }
                    }
                    if left == 0 {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                }));
                assert_eq!(req.stats().delivered, 10_000);
            });
        }
    });
}

#[test]
fn request_of_a_future_ends_in_time_without_an_executor_that_has_timers() {
    under("a request's deadline", || {
        for &endpoint in ENDPOINTS {
            let context = Context::new();
            let (req, rep) = (Req::new(&context), Rep::new(&context));
            req.connect(rep.bind(endpoint).unwrap()).unwrap();
            let request = req.request("q").timeout(Duration::from_millis(20));
            let error = block_on(request.retries(2).into_future()).unwrap_err();
            assert_eq!(error.kind, RequestErrorKind::NoReply);
            assert_eq!(error.message, Message::from("q"));
        }
    });
}
