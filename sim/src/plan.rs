//! What an episode consists of before its first step: drawn from the seed.

use std::time::Duration;

use ferromq::{SlowSubscriber, SocketType};
use ferromq_core::world::{Habit, Tuning};
use ferromq_testkit::sim::{Conditions, Random};

use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, Xpub, Xsub};

/// Which socket types talk to each other; some more often than others.
const KINDS: [[SocketType; 2]; 14] = [
    [Push, Pull],
    [Push, Pull],
    [Pub, Sub],
    [Pub, Xsub],
    [Xpub, Sub],
    [Xpub, Xsub],
    [Dealer, Dealer],
    [Dealer, Dealer],
    [Dealer, Router],
    [Dealer, Rep],
    [Req, Rep],
    [Req, Router],
    [Pair, Pair],
    [Router, Dealer],
];

/// Which socket types talk to each other through a proxy, and what it has between them.
const RELAYED: [[SocketType; 4]; 8] = [
    [Push, Pull, Push, Pull],
    [Push, Pull, Push, Pull],
    [Req, Router, Dealer, Rep],
    [Dealer, Router, Dealer, Rep],
    [Pub, Xsub, Xpub, Sub],
    [Pub, Xsub, Xpub, Xsub],
    [Xpub, Xsub, Xpub, Sub],
    [Xpub, Xsub, Xpub, Xsub],
];

/// More than anybody reaches.
pub(crate) const MANY: usize = 65_536;

/// An episode.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) conditions: Conditions,
    /// Contexts, each on a host of its own.
    pub(crate) hosts: usize,
    pub(crate) io_threads: usize,
    pub(crate) guilds: Vec<GuildPlan>,
    /// Of two guilds that a proxy joins the number of the first one.
    pub(crate) relays: Vec<usize>,
    /// Connections are cut and given up, sockets closed, hosts crash. Else every message has to
    /// arrive.
    pub(crate) rough: bool,
    /// System calls fail.
    pub(crate) faulty: bool,
    pub(crate) steps: usize,
    /// The largest part of a message.
    pub(crate) largest: usize,
}

/// Sockets that talk to each other: all of the one side with all of the other.
#[derive(Clone, Debug)]
pub(crate) struct GuildPlan {
    pub(crate) kinds: [SocketType; 2],
    /// Whose messages arrive in the end: the same, or there is a proxy between them.
    pub(crate) ends: [SocketType; 2],
    /// The side that has the socket of a proxy, one only.
    pub(crate) relay: Option<usize>,
    pub(crate) slots: [Vec<SlotPlan>; 2],
    /// The side whose sockets bind; `None`: both.
    pub(crate) binds: Option<usize>,
    /// How they know each other. The side that binds is the server.
    pub(crate) lock: Lock,
    /// What becomes of messages for which there is no room.
    pub(crate) overflow: Overflow,
    /// How many topics a subscriber may have.
    pub(crate) most_topics: usize,
}

/// How the sockets of a guild know each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// NULL.
    Open,
    /// PLAIN.
    Password,
    /// CURVE.
    Keys,
}

/// What becomes of messages for which there is no room, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// What the socket types do without being told.
    AsEver,
    /// Of those for a peer, and those of one, the last one is kept.
    Conflate,
    /// Subscribers who are behind.
    Slow(SlowSubscriber),
}

/// A place for a socket, and for its successors.
#[derive(Clone, Debug)]
pub(crate) struct SlotPlan {
    pub(crate) host: usize,
    pub(crate) transport: Transport,
}

/// By what a socket can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// TCP, by a name.
    Name,
    Ipc,
    Inproc,
}

impl Plan {
    pub(crate) fn draw(seed: u64) -> Self {
        let mut dice = Random::new(seed);
        let rough = dice.chance(3, 4);
        let capacity = pick(&mut dice, &[300, 2_000, 65_536, 65_536]);
        let habits = [
            Habit::Adaptive,
            Habit::Adaptive,
            Habit::Always,
            Habit::Never,
        ];
        let latency = pick(&mut dice, &[200, 200, 20_000]);
        let conditions = Conditions {
            latency: Duration::from_micros(20)..=Duration::from_micros(latency),
            capacity,
            splits: dice.chance(3, 4),
            tuning: Tuning {
                claim: pick(&mut dice, &habits),
                write: pick(&mut dice, &habits),
            },
            ..Conditions::default()
        };
        let hosts = 1 + dice.below(3);
        let count = pick(&mut dice, &[1, 1, 2, 3]);
        let (mut guilds, mut relays) = (Vec::new(), Vec::new());
        for _ in 0..count {
            if dice.chance(1, 4) {
                relays.push(guilds.len());
                guilds.extend(GuildPlan::draw_relayed(&mut dice, hosts));
            } else {
                guilds.push(GuildPlan::draw(&mut dice, hosts));
            }
        }
        Self {
            seed,
            conditions,
            hosts,
            guilds,
            relays,
            io_threads: pick(&mut dice, &[1, 1, 2, 3]),
            rough,
            faulty: dice.chance(1, 2),
            steps: pick(&mut dice, &[150, 300, 600]),
            largest: if capacity < 10_000 { 1_000 } else { 70_000 },
        }
    }
}

impl GuildPlan {
    fn draw(dice: &mut Random, hosts: usize) -> Self {
        let kinds = pick(dice, &KINDS);
        Self::between(kinds, dice, hosts)
    }

    /// Two guilds that a proxy on one host joins: the second side of the first one and the first
    /// side of the second one are its sockets.
    fn draw_relayed(dice: &mut Random, hosts: usize) -> [Self; 2] {
        let [first, front, back, last] = pick(dice, &RELAYED);
        let host = dice.below(hosts);
        [([first, front], 1), ([back, last], 0)].map(|(kinds, side)| {
            let mut guild = Self::between(kinds, dice, hosts);
            guild.ends = [first, last];
            guild.relay = Some(side);
            // Two ways to one socket would overtake each other, and at the other end look like one.
            guild.binds = guild.binds.or(Some(side));
            // It subscribes for all of its subscribers.
            guild.most_topics = MANY;
            guild.slots[side].truncate(1);
            guild.slots[side][0].host = host;
            if guild.overflow == Overflow::Conflate {
                guild.overflow = Overflow::AsEver;
            }
            guild
        })
    }

    fn between(kinds: [SocketType; 2], dice: &mut Random, hosts: usize) -> Self {
        // Over two connections to one publisher, everything would come twice.
        let once = matches!(kinds[0], Pub | Xpub);
        let slots = kinds.map(|_| {
            let count = 1 + dice.below(3);
            (0..count).map(|_| SlotPlan::draw(dice, hosts)).collect()
        });
        let binds = match dice.below(3) {
            2 if !once => None,
            side => Some(side % 2),
        };
        let locks = [Lock::Open, Lock::Open, Lock::Password, Lock::Keys];
        Self {
            kinds,
            ends: kinds,
            relay: None,
            slots,
            binds,
            lock: match binds {
                Some(_) => pick(dice, &locks),
                None => Lock::Open,
            },
            overflow: Overflow::draw(kinds, dice),
            most_topics: pick(dice, &[MANY, MANY, 2]),
        }
    }
}

impl Overflow {
    fn draw(kinds: [SocketType; 2], dice: &mut Random) -> Self {
        let slow = [
            SlowSubscriber::DropOldest,
            SlowSubscriber::Block(Duration::from_millis(1)),
            SlowSubscriber::Block(Duration::MAX),
            SlowSubscriber::Disconnect,
        ];
        let conflates = |kind| matches!(kind, Push | Pull | Dealer | Pub | Sub);
        match (dice.below(4), kinds[0]) {
            (0, _) if kinds.into_iter().all(conflates) => Self::Conflate,
            (1 | 2, Pub | Xpub) => Self::Slow(pick(dice, &slow)),
            _ => Self::AsEver,
        }
    }
}

impl SlotPlan {
    fn draw(dice: &mut Random, hosts: usize) -> Self {
        let transports = [
            Transport::Tcp,
            Transport::Tcp,
            Transport::Name,
            Transport::Ipc,
            Transport::Inproc,
        ];
        Self {
            host: dice.below(hosts),
            transport: pick(dice, &transports),
        }
    }
}

/// One of these.
pub(crate) fn pick<T: Clone>(dice: &mut Random, of: &[T]) -> T {
    of[dice.below(of.len())].clone()
}
