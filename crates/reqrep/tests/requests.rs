//! Requests side by side in the simulated world: servers that die, time that runs out, askers that
//! give up.

#![cfg(all(feature = "tcp", feature = "ipc", feature = "inproc"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use ferromq_core::{
    ClosedError, Context, Dropped, Endpoint, Event, Message, RecvError, Refused, RequestError,
    RequestErrorKind, RequestFuture, SendErrorKind,
};
use ferromq_reqrep::{Rep, Req, ReqPattern, Router};
use ferromq_testkit::sim::{SimWorld, for_seeds};

const WAIT: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(2);
const ANY: &str = "tcp://127.0.0.1:*";
const ENDPOINTS: [&str; 3] = [ANY, "ipc:///sim/pipe", "inproc://name"];

/// A context of its own, as another process has it.
fn context(world: &SimWorld) -> Context {
    Context::with_world(Arc::new(world.clone()), 1)
}

/// A client and a server of its own process, which know each other.
struct Scene {
    world: SimWorld,
    req: Req,
    server: Option<(Context, Rep)>,
    endpoint: Endpoint,
}

impl Scene {
    fn new(world: SimWorld) -> Self {
        let req = Req::new(&context(&world));
        let mut scene = Self {
            world,
            req,
            server: None,
            endpoint: ANY.parse().unwrap(),
        };
        scene.start();
        scene.req = scene.meet();
        scene
    }

    /// Another client, which knows the server.
    fn meet(&self) -> Req {
        let req = Req::new(&context(&self.world));
        let events = req.events();
        req.connect(&self.endpoint).unwrap();
        let met = |event: &Event| matches!(event, Event::HandshakeSucceeded { .. });
        events.wait_for(WAIT, met).unwrap();
        req
    }

    /// The server starts (again).
    fn start(&mut self) {
        let context = context(&self.world);
        let rep = Rep::new(&context);
        self.endpoint = rep.bind(&self.endpoint).unwrap();
        self.server = Some((context, rep));
    }

    /// The server is killed: its connections break, and nobody listens.
    fn kill(&mut self) {
        for link in self.world.links_to(&self.endpoint.to_string()) {
            self.world.cut(link);
        }
        self.server = None;
    }

    fn rep(&self) -> &Rep {
        &self.server.as_ref().unwrap().1
    }

    /// How long this takes in virtual time, in milliseconds. (Each look at the clock costs some
    /// nanoseconds.)
    fn timed(&self, call: impl FnOnce()) -> Duration {
        let before = self.world.elapsed();
        call();
        let took = self.world.elapsed() - before;
        Duration::from_millis(took.as_millis() as u64)
    }

    /// The server receives a request and returns it as the reply.
    fn serve(&self, expected: &str) {
        let question = self.rep().recv_timeout(WAIT).unwrap();
        assert_eq!(question, Message::from(expected));
        self.rep().send(question).unwrap();
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A request that is polled when it was woken, and only then.
struct Asker<'a> {
    future: Option<RequestFuture<'a, ReqPattern>>,
    woken: Arc<Flag>,
    result: Option<Result<Message, RequestError>>,
}

impl<'a> Asker<'a> {
    fn new(future: impl IntoFuture<IntoFuture = RequestFuture<'a, ReqPattern>>) -> Self {
        let mut asker = Self {
            future: Some(future.into_future()),
            woken: Arc::new(Flag(AtomicBool::new(true))),
            result: None,
        };
        asker.is_done();
        asker
    }

    fn is_done(&mut self) -> bool {
        if let Some(future) = &mut self.future
            && self.woken.0.swap(false, Ordering::SeqCst)
        {
            let waker = Waker::from(Arc::clone(&self.woken));
            let polled = Pin::new(future).poll(&mut TaskContext::from_waker(&waker));
            if let Poll::Ready(result) = polled {
                self.future = None;
                self.result = Some(result);
            }
        }
        self.result.is_some()
    }

    /// The same, though nobody may have woken it: a future beside others is polled for their sake.
    fn is_done_unasked(&mut self) -> bool {
        self.woken.0.store(true, Ordering::SeqCst);
        self.is_done()
    }

    fn finish(mut self, world: &SimWorld) -> Result<Message, RequestErrorKind> {
        world.run_until(|| self.is_done());
        self.result.unwrap().map_err(|error| error.kind)
    }
}

#[test]
fn requests_under_way_at_once_get_their_own_replies_over_every_transport() {
    for endpoint in ENDPOINTS {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let context = context(&world);
            let (req, router) = (Req::new(&context), Router::new(&context));
            req.connect(router.bind(endpoint).unwrap()).unwrap();
            let texts: Vec<String> = (0..300).map(|n| n.to_string()).collect();
            let askers: Vec<_> = texts
                .iter()
                .map(|text| Asker::new(req.request(text)))
                .collect();
            let mut askers = askers.into_iter().map(Some).collect::<Vec<_>>();
            let mut open = |router: &Router, count: usize| {
                let mut questions = Vec::new();
                world.run_until(|| {
                    for asker in askers.iter_mut().flatten() {
                        asker.is_done();
                    }
                    questions.extend(std::iter::from_fn(|| router.try_recv().ok()));
                    questions.len() == count
                });
                questions
            };
            let questions = open(&router, texts.len());
            for question in questions.into_iter().rev() {
                router.send(question).unwrap();
            }
            for (asker, text) in askers.iter_mut().zip(&texts) {
                let reply = asker.take().unwrap().finish(&world).unwrap();
                assert_eq!(reply, Message::from(text));
            }
        });
    }
}

#[test]
fn request_blocking_is_answered_by_a_server_that_comes_later() {
    for_seeds(0..10, |seed| {
        let mut scene = Scene::new(SimWorld::new(seed));
        scene.kill();
        let mut asker = Asker::new(scene.req.request("q").timeout(WAIT));
        scene.world.advance(TIMEOUT);
        assert!(!asker.is_done());
        scene
            .req
            .request("unheard")
            .timeout(TIMEOUT)
            .wait()
            .unwrap_err();
        let (endpoint, world) = (scene.endpoint.clone(), scene.world.clone());
        let rep = Rep::new(&context(&world));
        rep.bind(&endpoint).unwrap();
        world.run_until(|| {
            asker.is_done();
            rep.readiness().receive
        });
        rep.send(rep.try_recv().unwrap()).unwrap();
        assert_eq!(asker.finish(&world).unwrap(), Message::from("q"));
        assert_eq!(
            rep.try_recv(),
            Err(RecvError::Empty),
            "who gave up is not heard"
        );
    });
}

#[test]
fn request_without_a_peer_fails_in_time_and_is_handed_back() {
    for_seeds(0..5, |seed| {
        let mut scene = Scene::new(SimWorld::new(seed));
        scene.kill();
        scene.world.run_idle();
        let req = &scene.req;
        for retries in [0, 2] {
            let took = scene.timed(|| {
                let request = req.request(["q", "more"]).timeout(TIMEOUT);
                let error = request.retries(retries).wait().unwrap_err();
                assert_eq!(error.kind, RequestErrorKind::NotSent);
                assert_eq!(error.message, Message::from(["q", "more"]));
            });
            assert_eq!(took, TIMEOUT * (retries + 1));
            let took = scene.timed(|| {
                let asker = Asker::new(req.request("q").timeout(TIMEOUT).retries(retries));
                assert_eq!(asker.finish(&scene.world), Err(RequestErrorKind::NotSent));
            });
            assert_eq!(took, TIMEOUT * (retries + 1));
        }
        assert_eq!(req.stats().accepted, 0);
    });
}

#[test]
fn request_without_a_reply_is_asked_as_often_as_it_was_told_to() {
    for_seeds(0..5, |seed| {
        let scene = Scene::new(SimWorld::new(seed));
        let took = scene.timed(|| {
            let error = scene.req.request("q").timeout(TIMEOUT).retries(2).wait();
            assert_eq!(error.unwrap_err().kind, RequestErrorKind::NoReply);
        });
        assert_eq!(took, TIMEOUT * 3);
        (0..3).for_each(|_| scene.serve("q"));
        scene.world.advance(TIMEOUT);
        assert_eq!(scene.rep().try_recv(), Err(RecvError::Empty));
        assert_eq!(scene.req.stats().dropped(Dropped::Stale), 3);
        let asker = Asker::new(scene.req.request("next"));
        scene.serve("next");
        assert_eq!(asker.finish(&scene.world).unwrap(), Message::from("next"));
    });
}

#[test]
fn request_answered_late_is_answered_while_a_later_attempt_waits() {
    for_seeds(0..5, |seed| {
        let scene = Scene::new(SimWorld::new(seed));
        let mut asker = Asker::new(scene.req.request("q").timeout(TIMEOUT).retries(1));
        scene.world.advance(TIMEOUT * 3 / 2);
        assert!(!asker.is_done());
        scene.serve("q");
        assert_eq!(asker.finish(&scene.world).unwrap(), Message::from("q"));
        scene.serve("q");
        scene.world.advance(TIMEOUT);
        assert_eq!(scene.req.stats().dropped(Dropped::Stale), 1);
    });
}

/// When the server is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Killed {
    BeforeReceiving,
    AfterReceiving,
    AfterReplying,
}

#[test]
fn request_survives_a_server_that_is_killed_at_any_moment() {
    for when in [
        Killed::BeforeReceiving,
        Killed::AfterReceiving,
        Killed::AfterReplying,
    ] {
        for_seeds(0..20, |seed| {
            let mut scene = Scene::new(SimWorld::new(seed));
            let world = scene.world.clone();
            let req = scene.meet();
            let asker = Asker::new(req.request("q").retries(1));
            if when != Killed::BeforeReceiving {
                assert_eq!(scene.rep().recv_timeout(WAIT), Ok("q".into()));
            }
            if when == Killed::AfterReplying {
                scene.rep().send("q").unwrap();
            }
            scene.kill();
            scene.start();
            let mut asker = asker;
            world.run_until(|| asker.is_done() || scene.rep().readiness().receive);
            if !asker.is_done() {
                scene.serve("q");
            }
            assert_eq!(
                asker.finish(&world).unwrap(),
                Message::from("q"),
                "{when:?}"
            );
            let next = Asker::new(req.request("next"));
            scene.serve("next");
            assert_eq!(
                next.finish(&world).unwrap(),
                Message::from("next"),
                "{when:?}"
            );
        });
    }
}

#[test]
fn request_that_lost_its_peer_has_spent_one_retry_however_often_it_is_polled() {
    for_seeds(0..20, |seed| {
        let mut scene = Scene::new(SimWorld::new(seed));
        let world = scene.world.clone();
        let req = scene.meet();
        let mut asker = Asker::new(req.request("q").retries(1));
        assert_eq!(scene.rep().recv_timeout(WAIT), Ok("q".into()));
        scene.kill();
        for _ in 0..20 {
            world.advance(TIMEOUT / 20);
            assert!(!asker.is_done_unasked(), "{:?}", asker.result);
        }
        scene.start();
        world.run_until(|| asker.is_done_unasked() || scene.rep().readiness().receive);
        assert!(asker.result.is_none(), "{:?}", asker.result);
        scene.serve("q");
        assert_eq!(asker.finish(&world), Ok("q".into()));
    });
}

#[test]
fn request_that_lost_its_peer_for_good_fails_in_time() {
    for_seeds(0..5, |seed| {
        let mut scene = Scene::new(SimWorld::new(seed));
        let world = scene.world.clone();
        let req = scene.meet();
        let asker = Asker::new(req.request("q").timeout(TIMEOUT).retries(2));
        assert_eq!(scene.rep().recv_timeout(WAIT), Ok("q".into()));
        scene.kill();
        world.run_until(|| req.peers().unwrap().is_empty());
        let took = scene.timed(|| {
            assert_eq!(asker.finish(&world), Err(RequestErrorKind::NoReply));
        });
        assert_eq!(took, TIMEOUT * 2);
    });
}

#[test]
fn request_asked_again_of_a_full_peer_takes_its_turn_when_there_is_room() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let context = context(&world);
        let req = Req::builder().send_high_water_mark(1);
        let req = req.build(&context).unwrap();
        let router = Router::builder().receive_high_water_mark(1);
        let router = router.build(&context).unwrap();
        req.connect(router.bind("inproc://name").unwrap()).unwrap();
        world.run_until(|| req.readiness().send);
        let mut again = Asker::new(req.request("again").timeout(TIMEOUT).retries(1));
        let mut expected = vec!["again"];
        let mut others = Vec::new();
        while req.readiness().send {
            others.push(Asker::new(req.request("filling")));
            expected.push("filling");
        }
        world.advance(TIMEOUT);
        assert!(!again.is_done());
        others.push(Asker::new(req.request("last")));
        expected.extend(["again", "last"]);
        let mut received = Vec::new();
        let all = world.run_within(TIMEOUT / 2, || {
            again.is_done();
            others.iter_mut().for_each(|other| _ = other.is_done());
            let texts = std::iter::from_fn(|| router.try_recv().ok());
            received.extend(texts.filter_map(|text| text.iter().last().cloned()));
            received.len() >= expected.len()
        });
        assert!(all, "{received:?}");
        assert_eq!(received, expected);
    });
}

#[test]
fn request_whose_server_is_killed_fails_at_once_where_it_may_not_be_repeated() {
    for_seeds(0..10, |seed| {
        let mut scene = Scene::new(SimWorld::new(seed));
        let world = scene.world.clone();
        let req = scene.meet();
        let asker = Asker::new(req.request("q"));
        assert_eq!(scene.rep().recv_timeout(WAIT), Ok("q".into()));
        let started = world.elapsed();
        scene.kill();
        assert_eq!(asker.finish(&world), Err(RequestErrorKind::PeerLost));
        assert!(world.elapsed() - started < Duration::from_secs(1));
    });
}

#[test]
fn requests_and_alternation_share_a_socket_undisturbed() {
    for endpoint in ENDPOINTS {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let context = context(&world);
            let (req, router) = (Req::new(&context), Router::new(&context));
            req.connect(router.bind(endpoint).unwrap()).unwrap();
            world.run_until(|| req.readiness().send);
            for _ in 0..20 {
                let mut asker = Asker::new(req.request("side"));
                req.send("plain").unwrap();
                let refused = req.send("again").unwrap_err();
                assert_eq!(refused.kind, SendErrorKind::Refused(Refused::WrongState));
                let mut questions = Vec::new();
                while questions.len() < 2 {
                    questions.push(router.recv_timeout(WAIT).unwrap());
                    asker.is_done();
                }
                for question in questions.into_iter().rev() {
                    router.send(question).unwrap();
                }
                assert_eq!(req.recv_timeout(WAIT).unwrap(), Message::from("plain"));
                assert_eq!(asker.finish(&world).unwrap(), Message::from("side"));
                assert_eq!(req.try_recv(), Err(RecvError::Refused(Refused::WrongState)));
            }
            assert_eq!(req.stats().dropped_in_all(), 0);
        });
    }
}

#[test]
fn request_dropped_at_any_poll_leaves_the_socket_as_it_was() {
    for endpoint in ENDPOINTS {
        for_seeds(0..5, |seed| {
            let world = SimWorld::new(seed);
            let context = context(&world);
            let (req, rep) = (Req::new(&context), Rep::new(&context));
            req.connect(rep.bind(endpoint).unwrap()).unwrap();
            for round in 0..60_usize {
                let mut asker = Asker::new(req.request("given up").timeout(TIMEOUT));
                for _ in 0..round % 7 {
                    asker.is_done_unasked();
                    world.step();
                }
                drop(asker);
                let text = round.to_string();
                let asker = Asker::new(req.request(&text));
                let mut asker = asker;
                world.run_until(|| {
                    if let Ok(question) = rep.try_recv() {
                        rep.send(question).unwrap();
                    }
                    asker.is_done()
                });
                assert_eq!(asker.finish(&world).unwrap(), Message::from(&text));
            }
            world.advance(TIMEOUT);
            let stats = req.stats();
            assert_eq!(stats.waiting, 0);
            assert_eq!(stats.delivered, 60);
        });
    }
}

#[test]
fn requests_end_when_the_socket_is_closed_or_the_context_shut_down() {
    for_seeds(0..5, |seed| {
        let world = SimWorld::new(seed);
        let (shut, closed) = (context(&world), context(&world));
        let (first, second) = (Req::new(&shut), Req::new(&closed));
        let (one, other) = (
            Asker::new(first.request("q")),
            Asker::new(second.request("q")),
        );
        shut.shutdown();
        second.close();
        let ended = |why: ClosedError| Err(RequestErrorKind::Closed(why));
        assert_eq!(one.finish(&world), ended(ClosedError::Shutdown));
        assert_eq!(other.finish(&world), ended(ClosedError::Closed));
        let error = second.request("q").wait().unwrap_err();
        assert_eq!(error.kind, RequestErrorKind::Closed(ClosedError::Closed));
        assert_eq!(error.message, Message::from("q"));
    });
}

#[test]
fn request_without_parts_is_refused() {
    let world = SimWorld::new(0);
    let req = Req::new(&context(&world));
    let error = req.request(Message::new()).wait().unwrap_err();
    assert_eq!(error.kind, RequestErrorKind::NoParts);
    assert_eq!(
        error.to_string(),
        "failed to get a reply: the message has no parts"
    );
}
