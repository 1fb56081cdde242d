//! What becomes of messages that a lost peer was not given: whole sockets in the simulated world,
//! every message accounted for.

#![cfg(all(
    feature = "pipeline",
    feature = "reqrep",
    feature = "tcp",
    feature = "inproc"
))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Wake, Waker};
use std::time::Duration;

use ferromq::{
    Context, Dealer, Dropped, Endpoint, Event, Message, OnPeerLost, Pull, Push, RecvError, Refused,
    Req, Requeues, SendErrorKind, Socket, Stats,
};
use ferromq_core::world::Listener;
use ferromq_testkit::sim::{Conditions, SimWorld};
use ferromq_testkit::{MockPeer, frames};

#[allow(dead_code, reason = "each test file uses its part")]
mod common;
use common::{WAIT, handshake_success, wait_for};

/// Messages under way in the large tests.
const MANY: u32 = 100_000;

fn simulated() -> (SimWorld, Context) {
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    (world, context)
}

fn number_of(message: &Message) -> u32 {
    message.part_str(0).unwrap().parse().unwrap()
}

fn numbers(messages: &[Message]) -> Vec<u32> {
    messages.iter().map(number_of).collect()
}

/// Everything that arrives until there is silence.
fn receive_all(pull: &Pull) -> Vec<u32> {
    let receive = || pull.recv_timeout(Duration::from_secs(2)).ok();
    std::iter::from_fn(receive)
        .map(|message| number_of(&message))
        .collect()
}

#[track_caller]
fn assert_accounted(stats: &Stats) {
    let outgoing = stats.queued + stats.handed_over + stats.returned;
    let dropped = stats.dropped_in_all();
    assert_eq!(stats.accepted, outgoing + dropped, "{stats:?}");
}

/// What was sent before, then what was taken back from others, each in its order.
#[track_caller]
fn assert_in_order(received: &[u32], lost_peers: usize) {
    let descents = received.windows(2).filter(|pair| pair[0] >= pair[1]);
    assert!(descents.count() <= lost_peers, "out of order");
}

/// Three peers are sent numbered messages until `MANY` are accepted, and those that are scripted
/// read `read` of them and are gone.
struct Scene {
    world: SimWorld,
    context: Context,
    push: Push,
    endpoint: Endpoint,
    survivors: Vec<Pull>,
    /// What the scripted peers have read.
    seen: Vec<u32>,
}

impl Scene {
    fn new(survivors: usize, mark: u32) -> Self {
        let (world, context) = simulated();
        world.weather(|conditions| conditions.capacity = 4 * 1024);
        let push = Push::builder()
            .send_high_water_mark(mark)
            .build(&context)
            .unwrap();
        let events = push.events();
        let endpoint = push.bind("tcp://127.0.0.1:*").unwrap();
        let pulls: Vec<Pull> = (0..survivors).map(|_| Pull::new(&context)).collect();
        for pull in &pulls {
            pull.connect(&endpoint).unwrap();
            handshake_success(&events);
        }
        let mut victims = Vec::new();
        for _ in survivors..3 {
            let mut victim = MockPeer::dial(&world, &endpoint.to_string());
            victim.handshake("PULL", "PUSH");
            handshake_success(&events);
            victims.push(victim);
        }
        for count in 0..MANY {
            push.try_send(count.to_string()).unwrap();
        }
        let mut seen = Vec::new();
        for mut victim in victims {
            for _ in 0..500 {
                let parts = victim.next_message();
                let text = String::from_utf8(parts[0].clone()).unwrap();
                seen.push(text.parse().unwrap());
            }
            drop(victim);
            wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
        }
        Self {
            world,
            context,
            push,
            endpoint,
            survivors: pulls,
            seen,
        }
    }

    /// Who survives has received this, and everything else was handed over to who is gone.
    #[track_caller]
    fn check(&self, received: &[Vec<u32>]) {
        self.world.run_idle();
        let lost_peers = 3 - self.survivors.len();
        for received in received {
            assert_in_order(received, lost_peers);
        }
        let arrived: Vec<u32> = received.concat();
        let set: BTreeSet<u32> = arrived.iter().copied().collect();
        assert_eq!(set.len(), arrived.len(), "some arrived twice");
        let lost: BTreeSet<u32> = (0..MANY).filter(|number| !set.contains(number)).collect();
        let stats = self.push.stats();
        assert_accounted(&stats);
        assert_eq!((stats.accepted, stats.queued), (u64::from(MANY), 0));
        assert_eq!(stats.handed_over, (arrived.len() + lost.len()) as u64);
        assert!(
            self.seen.iter().all(|number| lost.contains(number)),
            "they were given twice"
        );
        assert!(lost.len() < MANY as usize / 2, "most are still to be given");
    }
}

#[test]
fn requeued_messages_arrive_at_the_survivors() {
    let scene = Scene::new(2, 0);
    let received: Vec<_> = scene.survivors.iter().map(receive_all).collect();
    scene.check(&received);
}

#[test]
fn requeued_messages_wait_for_survivors_that_are_full() {
    let scene = Scene::new(2, 35_000);
    scene.world.run_idle();
    let refused = scene.push.try_send("more").unwrap_err();
    assert_eq!(refused.kind, SendErrorKind::Full);
    assert!(
        scene.push.stats().queued > 70_000,
        "more than the survivors have room for"
    );
    let mut received = vec![Vec::new(), Vec::new()];
    while scene.push.stats().queued > 0 {
        for (pull, received) in scene.survivors.iter().zip(&mut received) {
            let batch = std::iter::from_fn(|| pull.recv_timeout(Duration::from_millis(1)).ok());
            received.extend(batch.take(1_000).map(|message| number_of(&message)));
        }
    }
    for (pull, received) in scene.survivors.iter().zip(&mut received) {
        received.extend(receive_all(pull));
    }
    scene.check(&received);
}

#[test]
fn requeued_messages_without_survivors_wait_for_the_next_peer() {
    let scene = Scene::new(0, 0);
    let successor = Pull::new(&scene.context);
    successor.connect(&scene.endpoint).unwrap();
    let received = receive_all(&successor);
    scene.check(&[received]);
}

/// A socket with this option, and a scripted peer: it reads nothing, and much of what it was sent
/// is still here. Either side dials.
fn with_stuck_peer<S, P>(
    world: &SimWorld,
    socket: &S,
    peer_type: &str,
    own_type: &str,
    dials: bool,
) -> (MockPeer, Option<Box<dyn Listener>>)
where
    S: std::ops::Deref<Target = Socket<P>>,
    P: Requeues,
{
    let events = socket.events();
    let (mut peer, listener) = if dials {
        let listener = MockPeer::listen(world, "tcp://127.0.0.1:7000");
        socket.connect("tcp://127.0.0.1:7000").unwrap();
        (MockPeer::accept(world, &*listener), Some(listener))
    } else {
        let endpoint = socket.bind("tcp://127.0.0.1:*").unwrap();
        (MockPeer::dial(world, &endpoint.to_string()), None)
    };
    peer.handshake(peer_type, own_type);
    handshake_success(&events);
    (peer, listener)
}

/// The connection is over at once, for both sides, and the peer is not to be reached again.
fn lose(world: &SimWorld, peer: MockPeer, listener: Option<Box<dyn Listener>>) {
    drop(listener);
    world.links().iter().for_each(|&link| world.cut(link));
    drop(peer);
}

/// A PUSH that has sent 100 messages to a peer that has taken some of them, and is lost then.
fn push_that_lost_its_peer(then: OnPeerLost, dials: bool) -> (SimWorld, Context, Push, u64) {
    let (world, context) = simulated();
    world.weather(|conditions| conditions.capacity = 300);
    let push = Push::builder().on_peer_lost(then).build(&context).unwrap();
    let events = push.events();
    let (peer, listener) = with_stuck_peer(&world, &push, "PULL", "PUSH", dials);
    for count in 0..100 {
        push.send(format!("{count:06}")).unwrap();
    }
    world.advance(WAIT);
    let handed_over = push.stats().handed_over;
    assert!((10..90).contains(&handed_over), "{handed_over}");
    lose(&world, peer, listener);
    wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
    if then == OnPeerLost::Return {
        let messages = 100 - handed_over;
        wait_for(&events, |event| *event == Event::Returned { messages });
    }
    world.run_idle();
    (world, context, push, handed_over)
}

#[test]
fn returned_messages_are_taken_as_they_were_sent() {
    for dials in [false, true] {
        let (_world, _context, push, handed_over) =
            push_that_lost_its_peer(OnPeerLost::Return, dials);
        let stats = push.stats();
        assert_accounted(&stats);
        assert_eq!((stats.returned, stats.queued), (100 - handed_over, 0));
        let returned = numbers(&push.take_returned());
        let expected: Vec<u32> = (handed_over as u32..100).collect();
        assert_eq!(returned, expected);
        assert!(push.take_returned().is_empty(), "each is taken once");
        assert_accounted(&push.stats());
    }
}

#[test]
fn returned_messages_can_be_taken_after_closing() {
    let (_world, _context, push, handed_over) = push_that_lost_its_peer(OnPeerLost::Return, false);
    let report = push.close();
    assert_eq!((report.complete, report.unsent), (true, 0));
    assert_eq!(push.take_returned().len() as u64, 100 - handed_over);
}

#[test]
fn dropped_messages_are_counted() {
    for dials in [false, true] {
        let (_world, _context, push, handed_over) =
            push_that_lost_its_peer(OnPeerLost::Drop, dials);
        let stats = push.stats();
        assert_accounted(&stats);
        assert_eq!(stats.dropped(Dropped::PeerGone), 100 - handed_over);
        assert!(push.take_returned().is_empty());
    }
}

/// Somebody else is there, and gets nothing of it; the peer itself gets it all when it is back.
#[test]
fn kept_messages_wait_for_the_peer_itself() {
    let (world, context, push, handed_over) = push_that_lost_its_peer(OnPeerLost::Keep, true);
    assert_eq!(push.stats().queued, 100 - handed_over);
    let (other, events) = (Pull::new(&context), push.events());
    other
        .connect(push.bind("tcp://127.0.0.1:*").unwrap())
        .unwrap();
    handshake_success(&events);
    push.send("100").unwrap();
    assert_eq!(receive_all(&other), [100]);
    let back = Pull::new(&context);
    back.bind("tcp://127.0.0.1:7000").unwrap();
    let expected: Vec<u32> = (handed_over as u32..100).collect();
    assert_eq!(receive_all(&back), expected);
    world.run_idle();
    assert_accounted(&push.stats());
}

#[test]
fn kept_messages_of_a_peer_that_had_dialed_are_dropped() {
    let (_world, _context, push, handed_over) = push_that_lost_its_peer(OnPeerLost::Keep, false);
    let stats = push.stats();
    assert_accounted(&stats);
    assert_eq!(stats.dropped(Dropped::PeerGone), 100 - handed_over);
}

/// What a peer in the same process had not received comes back, too.
#[test]
fn returned_messages_of_a_peer_in_the_same_process() {
    let (_world, context) = simulated();
    let dealer = Dealer::builder()
        .on_peer_lost(OnPeerLost::Return)
        .build(&context)
        .unwrap();
    let events = dealer.events();
    let peer = Dealer::new(&context);
    dealer.bind("inproc://lost").unwrap();
    peer.connect("inproc://lost").unwrap();
    for count in 0..10 {
        dealer.send([count.to_string(), "more".to_owned()]).unwrap();
    }
    for count in 0..3 {
        assert_eq!(number_of(&peer.recv_timeout(WAIT).unwrap()), count);
    }
    drop(peer);
    wait_for(&events, |event| *event == Event::Returned { messages: 7 });
    let returned = dealer.take_returned();
    assert_eq!(numbers(&returned), [3, 4, 5, 6, 7, 8, 9]);
    assert!(returned.iter().all(|message| message.len() == 2));
    assert_accounted(&dealer.stats());
}

/// The kernel takes nothing: the request was not asked, so another one may be.
fn req_that_lost_its_peer(then: OnPeerLost) -> (SimWorld, Context, Req) {
    let (world, context) = simulated();
    let req = Req::builder().on_peer_lost(then).build(&context).unwrap();
    let (peer, listener) = with_stuck_peer(&world, &req, "REP", "REQ", true);
    world.weather(|conditions| conditions.capacity = 1);
    req.send(["question", "more"]).unwrap();
    world.run_idle();
    assert_eq!(req.stats().handed_over, 0);
    lose(&world, peer, listener);
    (world, context, req)
}

#[test]
fn returned_request_may_be_asked_anew() {
    for then in [OnPeerLost::Return, OnPeerLost::Drop] {
        let (_world, _context, req) = req_that_lost_its_peer(then);
        let waited = req.recv_timeout(WAIT);
        assert!(
            matches!(waited, Err(RecvError::Refused(Refused::WrongState))),
            "{waited:?}"
        );
        assert_accounted(&req.stats());
        let returned = req.take_returned();
        match then {
            OnPeerLost::Return => assert_eq!(returned, [Message::from(["question", "more"])]),
            _ => assert!(returned.is_empty()),
        }
        req.try_send("another").unwrap();
    }
}

#[test]
fn kept_request_is_asked_when_the_peer_is_back() {
    let (world, _context, req) = req_that_lost_its_peer(OnPeerLost::Keep);
    world.weather(|conditions| *conditions = Conditions::default());
    let listener = MockPeer::listen(&world, "tcp://127.0.0.1:7000");
    let mut peer = MockPeer::accept(&world, &*listener);
    peer.handshake("REP", "REQ");
    peer.expect(frames::msg(["", "question", "more"]));
    peer.send(frames::msg(["", "answer"]));
    assert_eq!(req.recv_timeout(WAIT).unwrap(), Message::from("answer"));
}

/// A waker that notes when it is called.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A lost peer is given messages while there is no other one: also to who began to wait for room
/// while there was.
#[test]
fn waiting_send_goes_to_a_lost_peer_when_the_last_other_one_is_let_go() {
    for by_name in [false, true] {
        let (world, context) = simulated();
        let push = Push::builder().send_high_water_mark(1);
        let push = push.build(&context).unwrap();
        let events = push.events();
        let [lost, slow] = ["tcp://127.0.0.1:7001", "tcp://127.0.0.1:7002"].map(|endpoint| {
            let pull = Pull::new(&context);
            pull.bind(endpoint).unwrap();
            push.connect(endpoint).unwrap();
            handshake_success(&events);
            pull
        });
        lost.close();
        wait_for(&events, |event| matches!(event, Event::Disconnected { .. }));
        world.weather(|conditions| conditions.capacity = 1);
        while push.try_send("more than fits").is_ok() {}
        let mut send = Box::pin(push.send_async("waits"));
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut poll = || send.as_mut().poll(&mut task::Context::from_waker(&waker));
        assert!(poll().is_pending());
        match by_name {
            false => push.disconnect("tcp://127.0.0.1:7002").unwrap(),
            true => {
                let peers = push.peers().unwrap();
                push.disconnect_peer(peers[0].peer.pipe).unwrap();
            }
        }
        world.run_idle();
        assert!(
            woken.0.load(Ordering::Relaxed),
            "the sender sleeps beside room"
        );
        assert!(poll().is_ready());
        drop(slow);
    }
}
