//! The operations, and what can be observed of each.

use std::time::Instant;

use ferromq::SocketType::{self, Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, Xpub, Xsub};
use proptest::prelude::*;
use proptest::strategy::Union;

use super::scene::{Asked, SLOTS, Scene, is_mark, is_subscriber, word};
use crate::socket::WAIT;

/// What a sequence is made of. A slot that there is not stands for another one.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A peer comes.
    Come(usize),
    /// A peer closes.
    Leave(usize),
    /// The subject unbinds and binds elsewhere, or disconnects from the peer in the slot.
    Release(usize),
    /// The subject sends so many messages: to the peer in the slot if it names its peers, on a
    /// topic if it publishes.
    Send(usize, &'static str, usize),
    /// The peer sends so many to the subject.
    Tell(usize, &'static str, usize),
    /// The subject receives what is there.
    Take,
    /// The subscriber subscribes: the subject, or the peer in the slot.
    Subscribe(usize, &'static str),
    /// The subscriber takes a subscription back.
    Cancel(usize, &'static str),
}

/// What is published.
const TOPICS: [&str; 5] = ["", "a", "ab", "abc", "b"];
/// What is subscribed to. Not everything: who wants that gets every barrier at once.
const WANTED: [&str; 3] = ["a", "ab", "b"];

/// The steps that mean something to these types.
pub(super) fn steps(subject: SocketType, peer: SocketType) -> impl Strategy<Value = Step> {
    let slot = || 0..SLOTS;
    let topic = || prop::sample::select(&TOPICS[..]);
    let some = || (slot(), topic(), 1..5_usize);
    let mut steps = vec![
        (4, slot().prop_map(Step::Come).boxed()),
        (2, slot().prop_map(Step::Leave).boxed()),
        (1, slot().prop_map(Step::Release).boxed()),
        (2, Just(Step::Take).boxed()),
    ];
    if !matches!(subject, Pull | Sub) {
        let send = some().prop_map(|(slot, topic, count)| Step::Send(slot, topic, count));
        steps.push((6, send.boxed()));
    }
    if !matches!(peer, Pull | Sub) {
        let tell = some().prop_map(|(slot, topic, count)| Step::Tell(slot, topic, count));
        steps.push((6, tell.boxed()));
    }
    if is_subscriber(subject) || is_subscriber(peer) {
        let asked = || (slot(), prop::sample::select(&WANTED[..]));
        let subscribe = asked().prop_map(|(slot, topic)| Step::Subscribe(slot, topic));
        let cancel = asked().prop_map(|(slot, topic)| Step::Cancel(slot, topic));
        steps.extend([(4, subscribe.boxed()), (3, cancel.boxed())]);
    }
    Union::new_weighted(steps)
}

/// What an operation gave: `ok`, or in which way it was refused, in the same words for everybody.
fn outcome(result: Result<(), String>) -> String {
    let Err(why) = result else {
        return "ok".to_owned();
    };
    for (texts, word) in [
        (&["current state"][..], "wrong state"),
        (
            &[
                "no peer has this routing id",
                "No route to host",
                "Host unreachable",
            ],
            "unroutable",
        ),
        (
            &["no peer has room", "no message is there", "Again"],
            "again",
        ),
        (&["not subscribed to"], "not subscribed"),
        (
            &["not bound or connected to it", "No such file or directory"],
            "unknown",
        ),
    ] {
        if texts.iter().any(|text| why.contains(text)) {
            return word.to_owned();
        }
    }
    why
}

impl Scene {
    /// Does a step, waits until all is quiet, and tells what was observed.
    pub(super) fn perform(&mut self, step: &Step) -> String {
        let slots = self.setting.slots;
        let of = |slot: usize| slot % slots;
        match *step {
            Step::Come(slot) => {
                let came = self.come(of(slot));
                if self.asked == Asked::Queued {
                    self.asked = Asked::Arrived(Some(of(slot)));
                }
                format!("{came}{}", self.news())
            }
            Step::Leave(slot) => self.peer_leaves(of(slot)),
            Step::Release(slot) => self.let_go_of(of(slot)),
            Step::Send(slot, topic, count) => self.send(of(slot), topic, count),
            Step::Tell(slot, topic, count) => self.tell(of(slot), topic, count),
            Step::Take => self.take(),
            Step::Subscribe(slot, topic) => self.subscribe(of(slot), topic, true),
            Step::Cancel(slot, topic) => self.subscribe(of(slot), topic, false),
        }
    }

    fn peer_leaves(&mut self, slot: usize) -> String {
        let left = self.leave(slot);
        self.forget_asker(slot);
        format!("{left}{}", self.news())
    }

    fn let_go_of(&mut self, slot: usize) -> String {
        let (gone, released) = self.release(slot);
        if self.asked == Asked::Queued {
            self.asked = Asked::Arrived(None);
        }
        gone.iter().for_each(|slot| self.forget_asker(*slot));
        format!("{}, {gone:?} left{}", outcome(released), self.news())
    }

    fn forget_asker(&mut self, slot: usize) {
        self.asked = match self.asked {
            Asked::Arrived(Some(at)) if at == slot => Asked::Arrived(None),
            Asked::Served(Some(at)) if at == slot => Asked::Served(None),
            other => other,
        };
    }

    fn send(&mut self, slot: usize, topic: &str, count: usize) -> String {
        match self.setting.subject {
            Push | Dealer => self.send_in_turn(count),
            Router => self.send_to(slot, Some(&word(&slot.to_string())), count),
            Pair => self.send_to(0, None, count),
            Pub | Xpub => self.publish(topic, count),
            Req => self.ask(),
            Rep => self.answer(),
            Xsub => self.send_up(count),
            _ => "-".to_owned(),
        }
    }

    /// To all peers in turn: how many are accepted, and how many each gets.
    fn send_in_turn(&mut self, count: usize) -> String {
        let mut accepted = Vec::new();
        for _ in 0..count {
            let message = self.next_message("");
            match self.subject.try_send_now(&message) {
                Ok(()) => accepted.push(message),
                refused => {
                    assert!(accepted.is_empty(), "there was room for {accepted:?}");
                    return outcome(refused);
                }
            }
        }
        let there = self.there();
        if there.is_empty() {
            self.queued[0].extend(accepted);
            return "queued".to_owned();
        }
        let mut got = vec![Vec::new(); there.len()];
        let deadline = Instant::now() + WAIT;
        while got.iter().map(Vec::len).sum::<usize>() < accepted.len() {
            assert!(
                Instant::now() < deadline,
                "of {accepted:?} only {got:?} arrived"
            );
            for (at, slot) in there.iter().enumerate() {
                got[at].extend(self.peer(*slot).take().map(|message| self.data(&message)));
            }
        }
        let place = |message: &String| accepted.iter().position(|sent| sent == message);
        let in_order = got.iter().all(|got| got.iter().map(place).is_sorted());
        let mut counts: Vec<usize> = got.iter().map(Vec::len).collect();
        counts.sort_unstable();
        format!("{counts:?} in order: {in_order}")
    }

    /// What a peer receives, without the subject's name where the peer is a ROUTER.
    fn data(&self, message: &str) -> String {
        let name = format!("{} ", word("s"));
        match self.setting.peer {
            Router => message.strip_prefix(&name).unwrap_or(message).to_owned(),
            _ => message.to_owned(),
        }
    }

    /// To one peer.
    fn send_to(&mut self, slot: usize, name: Option<&str>, count: usize) -> String {
        let mut said = Vec::new();
        for _ in 0..count {
            let message = self.next_message("");
            let named = name.map_or(message.clone(), |name| format!("{name} {message}"));
            let sent = self.subject.try_send_now(&named);
            let is_accepted = sent.is_ok();
            said.push(outcome(sent));
            match &self.peers[slot] {
                Some(peer) if is_accepted => said.push((peer.recv() == message).to_string()),
                None if is_accepted => self.queued[slot].push(message),
                _ => {}
            }
        }
        said.join(", ")
    }

    /// Which messages each subscriber gets.
    fn publish(&mut self, topic: &str, count: usize) -> String {
        for _ in 0..count {
            let message = self.next_message(topic);
            self.subject.send(&message);
        }
        let there = self.there();
        let got = there.into_iter().map(|slot| self.until_marker(slot));
        format!("{:?}", got.collect::<Vec<_>>())
    }

    /// From an XSUB to all publishers.
    fn send_up(&mut self, count: usize) -> String {
        let sent: Vec<String> = (0..count).map(|_| self.next_message("up")).collect();
        sent.iter().for_each(|message| self.subject.send(message));
        let is_report =
            |message: &String| ["00", "01"].iter().any(|sign| message.starts_with(sign));
        let mut got = Vec::new();
        for slot in self.there() {
            let received = std::iter::from_fn(|| Some(self.peer(slot).recv()));
            let received = received.filter(|message| !is_report(message));
            got.push(received.take(count).collect::<Vec<_>>() == sent);
        }
        format!("{got:?}")
    }

    fn tell(&mut self, slot: usize, topic: &str, count: usize) -> String {
        if self.peers[slot].is_none() {
            return "nobody is there".to_owned();
        }
        match self.setting.subject {
            Push | Pub => "-".to_owned(),
            Req => self.hear(),
            Rep => self.is_asked(slot),
            Xpub if self.setting.peer != Xsub => "-".to_owned(),
            _ if is_subscriber(self.setting.subject) => {
                for _ in 0..count {
                    let message = self.next_message(topic);
                    self.peer(slot).send(&message);
                }
                format!("{:?}", self.until_marker(slot))
            }
            _ => {
                for _ in 0..count {
                    let message = self.next_message("up");
                    self.peer(slot).send(&match self.setting.peer {
                        Router => format!("{} {message}", word("s")),
                        _ => message,
                    });
                }
                let got: Vec<String> = (0..count).map(|_| self.subject.recv()).collect();
                format!("{got:?}")
            }
        }
    }

    /// A receive that does not wait. What peers have said was received in its step already, but
    /// for a request.
    fn take(&mut self) -> String {
        if let (Rep, Asked::Arrived(asker)) = (self.setting.subject, self.asked) {
            self.asked = Asked::Served(asker);
            return self.subject.recv();
        }
        if matches!(self.setting.subject, Push | Pub) {
            return "-".to_owned();
        }
        loop {
            let taken = self.subject.try_take();
            if !taken.as_ref().is_ok_and(|message| is_mark(message)) {
                return taken.clone().unwrap_or_else(|why| outcome(Err(why)));
            }
        }
    }

    fn subscribe(&mut self, slot: usize, topic: &str, on: bool) -> String {
        let topic = word(topic);
        if is_subscriber(self.setting.subject) {
            let done = outcome(self.subject.request(&topic, on));
            self.subscriptions_hold();
            return done;
        }
        if !is_subscriber(self.setting.peer) || self.peers[slot].is_none() {
            return "-".to_owned();
        }
        drop(self.peer(slot).request(&topic, on));
        self.subscription_holds(slot);
        self.news()
    }

    /// What an XPUB has told its application.
    fn news(&self) -> String {
        format!("{:?}", self.reports())
    }
}

/// Requests and replies, from either side.
impl Scene {
    /// A REQ asks.
    fn ask(&mut self) -> String {
        let request = self.next_message("");
        let asked = self.subject.try_send_now(&request);
        if asked.is_ok() {
            self.asked = self.arrival(&request);
        }
        outcome(asked)
    }

    /// Who has got the request.
    fn arrival(&mut self, request: &str) -> Asked {
        let there = self.there();
        if there.is_empty() {
            self.queued[0].push(request.to_owned());
            return Asked::Queued;
        }
        let deadline = Instant::now() + WAIT;
        loop {
            assert!(Instant::now() < deadline, "{request} reached nobody");
            for slot in &there {
                if self.peer(*slot).take().is_some_and(|got| got == request) {
                    return Asked::Arrived(Some(*slot));
                }
            }
        }
    }

    /// The REP that was asked answers.
    fn hear(&mut self) -> String {
        let Asked::Arrived(Some(server)) = self.asked else {
            return "-".to_owned();
        };
        let answer = self.next_message("");
        self.peer(server).send(&answer);
        self.asked = Asked::No;
        (self.subject.recv() == answer).to_string()
    }

    /// The REQ in the slot asks, one request at a time.
    fn is_asked(&mut self, slot: usize) -> String {
        if self.asked != Asked::No {
            return "-".to_owned();
        }
        let request = self.next_message("");
        let asked = self.peer(slot).try_send_now(&request);
        if asked.is_ok() {
            self.subject.await_message();
            self.asked = Asked::Arrived(Some(slot));
        }
        outcome(asked)
    }

    /// A REP answers.
    fn answer(&mut self) -> String {
        let answer = self.next_message("");
        let answered = outcome(self.subject.try_send_now(&answer));
        let Asked::Served(asker) = self.asked else {
            return answered;
        };
        self.asked = Asked::No;
        match asker {
            Some(slot) => format!("{answered}, {}", self.peer(slot).recv() == answer),
            None => answered,
        }
    }
}
