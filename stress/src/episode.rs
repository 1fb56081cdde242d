//! An episode: sockets are made and joined, threads send and receive in every way, and in a rough
//! one connections are cut and sockets replaced; then the accounts are checked.

mod end;
mod rough;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use ferromq::{CloseReport, Context, Endpoint, Stats};
use ferromq_testkit::sim::Random;

use crate::ends::{Inlet, Outlet};
use crate::ledger::Ledger;
use crate::member::{Member, Side};
use crate::plan::{Plan, Shape};
use crate::relay::Relay;
use crate::watch::{Watch, Watched};
use crate::{Score, fail};
use rough::Rough;

/// How many sockets are replaced at most.
const REPLACED: usize = 20;

/// Runs an episode; ends the process if something is wrong.
pub(crate) fn run(plan: &Plan) -> Score {
    let stage = Stage::new(plan);
    let cuts = thread::scope(|scope| {
        let watching = scope.spawn(|| stage.watch.run(plan, &stage.ledger));
        let cuts = stage.play(scope);
        stage.watch.end();
        watching.thread().unpark();
        cuts
    });
    let checked = stage.check(cuts);
    checked.unwrap_or_else(|problem| fail(&problem))
}

/// Everything that the threads of an episode share.
struct Stage<'a> {
    plan: &'a Plan,
    ledger: Ledger,
    watch: Watch,
    /// Nothing more is to be sent.
    stop: AtomicBool,
    senders: AtomicUsize,
    contexts: [Context; 2],
    /// What the closed sockets have said.
    closed: Mutex<Vec<(Member, CloseReport, Stats)>>,
}

/// Threads that send.
type Senders<'scope> = Vec<ScopedJoinHandle<'scope, ()>>;

impl<'a> Stage<'a> {
    fn new(plan: &'a Plan) -> Self {
        let context = Context::with_io_threads(plan.io_threads);
        let other = match plan.together {
            true => context.clone(),
            false => Context::with_io_threads(plan.io_threads),
        };
        let sockets = plan.left + plan.right + REPLACED;
        Self {
            plan,
            ledger: Ledger::new(plan.seed, plan.largest(), sockets * plan.threads),
            watch: Watch::default(),
            stop: AtomicBool::new(false),
            senders: AtomicUsize::new(0),
            contexts: [context, other],
            closed: Mutex::new(Vec::new()),
        }
    }

    /// From the first socket to the last; how often connections were cut.
    fn play<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> u64 {
        let [bound, mut dialed] = self.members();
        let (endpoints, relays) = self.endpoints(&bound);
        for member in &dialed {
            member.connect(&endpoints);
        }
        let mut senders = Senders::new();
        for member in bound.iter().chain(&dialed) {
            senders.extend(self.start(scope, member));
        }
        let end = Instant::now() + self.plan.time;
        let mut rough = Rough::new(self, relays, endpoints);
        while let Some(rest) = end.checked_duration_since(Instant::now()) {
            if self.plan.rough {
                senders.extend(rough.interfere(scope, &mut dialed, rest));
            } else {
                thread::park_timeout(rest);
            }
        }
        self.stop.store(true, Ordering::Release);
        for sender in senders {
            sender.join().expect("a panic ends the process");
        }
        let all = bound.into_iter().chain(dialed);
        let (left, right) = all.partition(|member| member.side == Side::Left);
        self.finish(left, right);
        rough.cuts
    }

    /// Those that bind, and those that dial.
    fn members(&self) -> [Vec<Member>; 2] {
        let sides = [(Side::Left, self.plan.left), (Side::Right, self.plan.right)];
        let mut members =
            sides.map(|(side, count)| (0..count).map(|_| self.member(side)).collect());
        if !self.plan.left_binds {
            members.reverse();
        }
        members
    }

    fn member(&self, side: Side) -> Member {
        let member = Member::new(side, self.plan, &self.contexts[side as usize]);
        self.watch.name(&member.socket);
        member
    }

    /// Binds; where to connect to, in a rough episode by relays.
    fn endpoints(&self, bound: &[Member]) -> (Vec<Endpoint>, Vec<Relay>) {
        let bind = |(at, member): (usize, &Member)| member.bind(self.plan.transport, at);
        let own: Vec<Endpoint> = bound.iter().enumerate().map(bind).collect();
        if !self.plan.rough {
            return (own, Vec::new());
        }
        let relays = own.iter().map(|to| Relay::to(to, self.plan.piece));
        let relays: Vec<Relay> = relays.collect();
        let endpoints = relays.iter().map(|relay| relay.endpoint().clone());
        (endpoints.collect(), relays)
    }

    /// Starts the threads of a socket; those that send are returned.
    fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        member: &Member,
    ) -> Senders<'scope> {
        let mut senders = Senders::new();
        for _ in 0..self.plan.threads {
            let sender = self.senders.fetch_add(1, Ordering::Relaxed);
            let dice = Random::new(self.plan.seed.wrapping_add(1 + sender as u64));
            let Member { outlet, inlet, .. } = member.clone();
            let watched = Arc::clone(&member.watched);
            match (self.plan.shape, member.side, outlet, inlet) {
                (Shape::Lockstep, Side::Left, Some(outlet), Some(inlet)) => {
                    senders.push(scope.spawn(move || self.ask(&*outlet, &*inlet, sender, dice)));
                }
                (Shape::Lockstep, Side::Right, Some(outlet), Some(inlet)) => {
                    scope.spawn(move || self.answer(&*outlet, &*inlet, dice));
                }
                (_, _, outlet, inlet) => {
                    if let Some(inlet) = inlet {
                        let dice = dice.clone();
                        self.watch.add(&watched);
                        scope.spawn(move || self.receive(&*inlet, &watched, dice));
                    }
                    if let Some(outlet) = outlet {
                        senders.push(scope.spawn(move || self.send(&*outlet, sender, dice)));
                    }
                }
            }
        }
        senders
    }

    /// A thread that sends until that is over.
    fn send(&self, outlet: &dyn Outlet, sender: usize, mut dice: Random) {
        while !self.stop.load(Ordering::Acquire) {
            let message = self.ledger.next(sender);
            match outlet.put(message, self.plan.patient, &mut dice) {
                Ok(()) => self.ledger.accept(sender),
                Err(ControlFlow::Continue(())) => thread::yield_now(),
                Err(ControlFlow::Break(())) => return,
            }
            if !self.plan.hurried {
                pause(&mut dice);
            }
        }
    }

    /// A thread that receives until its socket is closed.
    fn receive(&self, inlet: &dyn Inlet, watched: &Watched, mut dice: Random) {
        let mut seen = self.ledger.seen(!self.plan.rough);
        loop {
            let taken = inlet.take(self.plan.patient, &mut dice);
            watched.note_return();
            match taken {
                ControlFlow::Continue(Some(message)) => {
                    let noted = self.ledger.note(&mut seen, &message);
                    noted.unwrap_or_else(|problem| fail(&problem));
                }
                ControlFlow::Continue(None) => thread::yield_now(),
                ControlFlow::Break(()) => return self.ledger.enter(seen),
            }
        }
    }

    /// A thread that asks, and waits for each reply.
    fn ask(&self, outlet: &dyn Outlet, inlet: &dyn Inlet, sender: usize, mut dice: Random) {
        let mut seen = self.ledger.seen(true);
        while !self.stop.load(Ordering::Acquire) {
            let question = self.ledger.next(sender);
            match outlet.put(question.clone(), self.plan.patient, &mut dice) {
                Ok(()) => self.ledger.accept(sender),
                Err(_) => continue,
            }
            let reply = loop {
                match inlet.take(self.plan.patient, &mut dice) {
                    ControlFlow::Continue(Some(reply)) => break reply,
                    ControlFlow::Continue(None) => {}
                    ControlFlow::Break(()) => fail("closed while a reply is waited for"),
                }
            };
            if reply != question {
                fail(&format!("{question:?} was answered by {reply:?}"));
            }
            let noted = self.ledger.note(&mut seen, &reply);
            noted.unwrap_or_else(|problem| fail(&problem));
            if !self.plan.hurried {
                pause(&mut dice);
            }
        }
        self.ledger.enter(seen);
    }

    /// A thread that gives each question back, until its socket is closed.
    fn answer(&self, outlet: &dyn Outlet, inlet: &dyn Inlet, mut dice: Random) {
        loop {
            let question = match inlet.take(self.plan.patient, &mut dice) {
                ControlFlow::Continue(Some(question)) => question,
                ControlFlow::Continue(None) => continue,
                ControlFlow::Break(()) => return,
            };
            loop {
                match outlet.put(question.clone(), self.plan.patient, &mut dice) {
                    Ok(()) => break,
                    Err(ControlFlow::Continue(())) => {}
                    Err(ControlFlow::Break(())) => return,
                }
            }
        }
    }
}

/// Mostly none, so that bursts come about; sometimes long enough for everybody to fall asleep.
fn pause(dice: &mut Random) {
    let most = match dice.below(100) {
        0..80 => return,
        80..90 => return thread::yield_now(),
        90..98 => Duration::from_micros(300),
        _ => Duration::from_millis(8),
    };
    thread::park_timeout(dice.duration(&(Duration::ZERO..=most)));
}
