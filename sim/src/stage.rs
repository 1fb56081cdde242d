//! The stage of an episode: its hosts and sockets, and one step after the other.

mod asking;
mod calls;
mod coming;
mod end;
mod going;
mod relaying;
mod weather;

use std::time::Duration;

use ferromq::{CloseReport, Context, Endpoint, Event, Reason, Refusal, SlowSubscriber, SocketType};
use ferromq_testkit::sim::{LinkId, Random, SimWorld};

use crate::ledger::{Ledger, Name};
use crate::member::{Member, Task};
use crate::plan::{GuildPlan, Lock, MANY, Overflow, Plan, SlotPlan, Transport};
use crate::seen::Seen;
use crate::{Outcome, say};
use relaying::Relay;

/// So much longer than linger closing may take: the library's own bound, and a moment.
const GRACE: Duration = Duration::from_millis(2_010);

/// A publisher ends the connection of a subscriber who is behind.
const LEAVES: Overflow = Overflow::Slow(SlowSubscriber::Disconnect);

/// An episode under way.
pub(crate) struct Stage<'a> {
    plan: &'a Plan,
    world: SimWorld,
    dice: Random,
    hosts: Vec<Host>,
    guilds: Vec<Guild>,
    relays: Vec<Relay>,
    ledger: Ledger,
    pub(crate) seen: Seen,
    names: Name,
    held: Vec<LinkId>,
    partitioned: Vec<String>,
    /// Closing in the background, and when that has to be over.
    closing: Vec<(Task<CloseReport>, Duration)>,
    /// The episode is over, and everybody goes.
    leaving: bool,
    /// Of all steps; with the world's it makes the episode's.
    hash: u64,
    trace: bool,
    traced: u64,
}

/// Where contexts live and die.
struct Host {
    world: SimWorld,
    context: Context,
}

/// Sockets that talk to each other.
struct Guild {
    /// The side that binds; `None`: both.
    binds: Option<usize>,
    slots: [Vec<Slot>; 2],
    lock: Lock,
    overflow: Overflow,
    /// The side that has the socket of a proxy.
    relay: Option<usize>,
    /// How many topics a subscriber may have, and the most that one has had.
    most_topics: usize,
    topics: usize,
    /// How often the order of messages may have been broken, or one been lost.
    breaks: u64,
}

/// A place for a socket.
struct Slot {
    /// Its own type, and that of its peers.
    kinds: [SocketType; 2],
    /// Of those it talks to, through a proxy or not.
    others: SocketType,
    host: usize,
    transport: Transport,
    /// What it binds, and what others dial.
    bind: Endpoint,
    dial: Endpoint,
    member: Option<Member>,
}

/// Where a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seat {
    guild: usize,
    side: usize,
    slot: usize,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(plan: &'a Plan, trace: bool) -> Self {
        let world = SimWorld::with(plan.seed, plan.conditions.clone());
        let hosts = (0..plan.hosts).map(|_| Host::new(&world, plan)).collect();
        let guilds = plan.guilds.iter().enumerate();
        let guilds = guilds
            .map(|(number, guild)| Guild::new(number, guild))
            .collect();
        let relays = plan.relays.iter().map(|&first| Relay::new(first)).collect();
        let mut stage = Self {
            plan,
            world,
            dice: Random::new(plan.seed ^ 0x5eed),
            hosts,
            guilds,
            relays,
            ledger: Ledger::new(plan.seed, plan.largest),
            seen: Seen::default(),
            names: 0,
            held: Vec::new(),
            partitioned: Vec::new(),
            closing: Vec::new(),
            leaving: false,
            hash: 0,
            trace,
            traced: 0,
        };
        stage.name_hosts();
        stage
    }

    /// From the first step to the last.
    pub(crate) fn play(&mut self) -> Outcome {
        self.gather()?;
        for _ in 0..self.plan.steps {
            self.step()?;
            if self.dice.chance(3, 4) {
                self.poll_woken()?;
            }
            self.check_often()?;
        }
        self.end()
    }

    fn step(&mut self) -> Outcome {
        match self.dice.below(100) {
            0..28 => self.send(),
            28..30 => self.steer(),
            30..52 => self.receive(),
            52..58 => self.subscribe(),
            58..63 => self.come(),
            63..75 => self.pass_time(),
            75..80 => self.settle(),
            80..88 => self.change_weather(),
            88..92 if self.plan.faulty => self.fail_something(),
            92..96 if self.plan.rough => self.let_go(),
            96..99 if self.plan.rough => self.close_one(),
            99 if self.plan.rough => self.lose_host(),
            _ => Ok(()),
        }
    }

    /// Time passes, and whoever is woken meanwhile is not served; or nothing is left to do.
    fn pass_time(&mut self) -> Outcome {
        let longest = [100, 5_000, 5_000, 200_000, 3_000_000];
        let most = Duration::from_micros(crate::plan::pick(&mut self.dice, &longest));
        let time = self.dice.duration(&(Duration::ZERO..=most));
        self.log(|| format!("{time:?} pass"));
        let turns = self.world.idle_turns();
        self.world.advance(time);
        self.check_turns(self.world.idle_turns() - turns, time)
    }

    /// The members that are there.
    fn seats(&self) -> Vec<Seat> {
        let mut seats = Vec::new();
        for (guild, it) in self.guilds.iter().enumerate() {
            for (side, slots) in it.slots.iter().enumerate() {
                let taken = slots
                    .iter()
                    .enumerate()
                    .filter(|(_, slot)| slot.member.is_some());
                seats.extend(taken.map(|(slot, _)| Seat { guild, side, slot }));
            }
        }
        seats
    }

    /// The member here, which is there.
    fn member(&mut self, seat: Seat) -> &mut Member {
        let slot = self.slot(seat);
        slot.member.as_mut().expect("a seat is that of a member")
    }

    fn slot(&mut self, seat: Seat) -> &mut Slot {
        &mut self.guilds[seat.guild].slots[seat.side][seat.slot]
    }

    /// One of the members for which this is true.
    fn choose(&mut self, mut suits: impl FnMut(&Member) -> bool) -> Option<Seat> {
        let mut seats = self.seats();
        seats.retain(|&seat| suits(self.member(seat)));
        match seats.len() {
            0 => None,
            count => Some(seats[self.dice.below(count)]),
        }
    }

    /// Reads what the sockets report.
    fn look_at_events(&mut self) -> Outcome {
        for seat in self.seats() {
            let mut events = 0;
            while let Some(event) = self.member(seat).events.try_next() {
                self.log(|| format!("{seat:?}: {event:?}"));
                self.seen.note_event(&event);
                events += 1;
                if let Event::Missed(number) = event {
                    self.guilds[seat.guild].breaks += number;
                }
                if let Event::Disconnected { reason, .. } = event {
                    self.guilds[seat.guild].breaks += 1;
                    self.check_refusal(seat, reason)?;
                    let has_cause =
                        self.plan.rough || self.leaving || matches!(reason, Reason::Refusal(_));
                    if !has_cause && !self.is_refused(seat, reason) {
                        return Err(format!("lost without a cause: {reason:?} at {seat:?}"));
                    }
                }
            }
            // Those that were kept, and how many were not.
            let backlog = self.member(seat).event_backlog;
            if events > backlog + 1 {
                return Err(format!("{seat:?} keeps {backlog} events, and had {events}"));
            }
        }
        Ok(())
    }

    /// Nobody is refused for topics who has had few.
    fn check_refusal(&self, seat: Seat, reason: Reason) -> Outcome {
        let Guild {
            most_topics,
            topics,
            ..
        } = self.guilds[seat.guild];
        let refused = reason == Reason::Refusal(Refusal::TooManySubscriptions);
        match refused && topics <= most_topics {
            true => Err(format!("{seat:?} refuses {topics} of {most_topics} topics")),
            false => Ok(()),
        }
    }

    /// Whether the other side may have had enough of this peer: a PAIR has one only, a name is
    /// given once, and who does not read or has too many topics may be left.
    fn is_refused(&mut self, seat: Seat, reason: Reason) -> bool {
        use SocketType::{Pair, Router};
        let others = self.slot(seat).kinds[1];
        let guild = &self.guilds[seat.guild];
        let leaves = guild.overflow == LEAVES || guild.topics > guild.most_topics;
        let refuses = matches!(others, Pair | Router) || leaves;
        refuses && matches!(reason, Reason::Ended | Reason::Io(_))
    }

    /// Something happened in the application.
    fn log(&mut self, text: impl FnOnce() -> String) {
        let text = format!("{:?} {}", self.world.elapsed(), text());
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.trace {
            let traced = self.world.traced();
            let new = usize::try_from(traced - self.traced).unwrap_or(usize::MAX);
            self.traced = traced;
            let events = self.world.trace();
            for (at, event) in events.iter().skip(events.len().saturating_sub(new)) {
                say(&format!("    {at:?} {event:?}"));
            }
            say(&text);
        }
    }

    /// Of everything that has happened.
    pub(crate) fn hash(&self) -> u64 {
        self.hash ^ self.world.trace_hash()
    }

    /// The state as text.
    pub(crate) fn dump(&self) -> String {
        self.world.dump()
    }
}

impl Host {
    fn new(world: &SimWorld, plan: &Plan) -> Self {
        let world = world.another_host();
        let shared = std::sync::Arc::new(world.clone());
        let context = Context::with_world(shared, plan.io_threads);
        Self { world, context }
    }
}

impl Guild {
    fn new(number: usize, plan: &GuildPlan) -> Self {
        let [left, right] = [0, 1].map(|side| {
            let kinds = [plan.kinds[side], plan.kinds[1 - side]];
            let slots = plan.slots[side].iter().enumerate();
            let others = plan.ends[1 - side];
            let slot = |(at, slot)| Slot::new(number * 10 + side * 5 + at, kinds, others, slot);
            slots.map(slot).collect()
        });
        Self {
            binds: plan.binds,
            slots: [left, right],
            lock: plan.lock,
            overflow: plan.overflow,
            relay: plan.relay,
            most_topics: plan.most_topics,
            topics: 0,
            // Within the process, no event tells that a subscriber was left.
            breaks: u64::from(plan.overflow == LEAVES || plan.most_topics < MANY),
        }
    }
}

impl Slot {
    fn new(number: usize, kinds: [SocketType; 2], others: SocketType, plan: &SlotPlan) -> Self {
        let port = 7_000 + number;
        let tcp = format!("tcp://127.0.0.1:{port}");
        let (bind, dial) = match plan.transport {
            Transport::Tcp => (tcp.clone(), tcp),
            Transport::Name => (tcp, format!("tcp://{}:{port}", host_name(number))),
            Transport::Ipc => (
                format!("ipc:///sim/{number}"),
                format!("ipc:///sim/{number}"),
            ),
            Transport::Inproc => (format!("inproc://{number}"), format!("inproc://{number}")),
        };
        let endpoint = |text: String| text.parse().expect("it is made of good parts");
        Self {
            kinds,
            others,
            host: plan.host,
            transport: plan.transport,
            bind: endpoint(bind),
            dial: endpoint(dial),
            member: None,
        }
    }
}

/// By what the tcp endpoint of the slot with this number is looked up.
fn host_name(number: usize) -> String {
    format!("host{number}")
}
