//! How sockets come: made, bound and connected.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ferromq::{BindError, ConnectError, ListenError, OnPeerLost};

use super::{Guild, Seat, Stage, host_name};
use crate::Outcome;
use crate::member::Member;
use crate::plan::{Lock, MANY, Overflow, Transport, pick};
use crate::socket::{self, Settings};

impl Stage<'_> {
    /// Everybody comes, and most find each other.
    pub(super) fn gather(&mut self) -> Outcome {
        for seat in self.all() {
            self.make(seat)?;
            self.bind(seat)?;
        }
        self.start_relays()?;
        for _ in 0..3 {
            for seat in self.all() {
                self.connect(seat)?;
            }
        }
        Ok(())
    }

    /// Somebody comes anew, or is bound or connected once more.
    pub(super) fn come(&mut self) -> Outcome {
        let seats = self.all();
        let seat = pick(&mut self.dice, &seats);
        if self.slot(seat).member.is_none() {
            self.make(seat)?;
        }
        match self.dice.chance(1, 3) {
            true => self.bind(seat),
            false => self.connect(seat),
        }
    }

    /// Every seat, taken or not.
    fn all(&self) -> Vec<Seat> {
        let mut seats = Vec::new();
        for (guild, it) in self.guilds.iter().enumerate() {
            for (side, slots) in it.slots.iter().enumerate() {
                seats.extend((0..slots.len()).map(|slot| Seat { guild, side, slot }));
            }
        }
        seats
    }

    fn make(&mut self, seat: Seat) -> Outcome {
        let settings = self.settings(seat);
        let (lock, _) = settings.lock;
        self.seen
            .note_if(u64::from(lock == Lock::Password), "secured by password");
        self.seen
            .note_if(u64::from(lock == Lock::Keys), "secured by keys");
        let slot = &self.guilds[seat.guild].slots[seat.side][seat.slot];
        let (kind, others) = (slot.kinds[0], slot.others);
        let context = &self.hosts[slot.host].context;
        let socket = socket::make(kind, context, &settings).map_err(|error| error.to_string())?;
        let relays = self.guilds[seat.guild].relay == Some(seat.side);
        self.names += 1;
        let name = self.names;
        self.log(|| format!("{seat:?} is {kind} {name}, {settings:?}"));
        let events = socket.events();
        self.slot(seat).member = Some(Member {
            name,
            kind,
            others,
            socket,
            events,
            linger: settings.linger,
            max_connections: settings.max_connections,
            event_backlog: settings.event_backlog,
            bound: Vec::new(),
            dialed: Vec::new(),
            topics: Vec::new(),
            answers: VecDeque::new(),
            receiving: None,
            sending: None,
            asking: None,
            present: settings.tells.then(BTreeSet::new),
            conflates: settings.overflow == Overflow::Conflate,
            relays,
        });
        Ok(())
    }

    fn settings(&mut self, seat: Seat) -> Settings {
        let rough = self.plan.rough;
        let Guild {
            binds,
            lock,
            overflow,
            relay,
            most_topics,
            ..
        } = self.guilds[seat.guild];
        let dice = &mut self.dice;
        let millis = Duration::from_millis;
        let lost = [
            OnPeerLost::Requeue,
            OnPeerLost::Requeue,
            OnPeerLost::Keep,
            OnPeerLost::Return,
            OnPeerLost::Drop,
        ];
        let is_named = dice.chance(1, 3);
        Settings {
            send_mark: pick(dice, &[0, 1, 2, 10, 1_000]),
            receive_mark: pick(dice, &[0, 1, 2, 10, 1_000]),
            send_bytes: pick(dice, &[0, 0, 0, 1, 500, 20_000]),
            receive_bytes: pick(dice, &[0, 0, 0, 1, 500, 20_000]),
            linger: pick(dice, &[millis(0), millis(20), millis(1_000), millis(5_000)]),
            on_peer_lost: pick(dice, &lost),
            immediate: dice.chance(1, 4),
            heartbeat: match rough {
                true => pick(dice, &[millis(0), millis(0), millis(400)]),
                false => millis(0),
            },
            handshake: match rough {
                true => pick(dice, &[millis(30_000), millis(100)]),
                false => millis(30_000),
            },
            routing_id: is_named.then(|| format!("name {}", seat.slot)),
            max_handshakes: match rough {
                true => pick(dice, &[1, 512, 512]),
                false => 512,
            },
            max_connections: match dice.chance(1, 6) {
                true => 1 + dice.below(2),
                false => MANY,
            },
            event_backlog: match rough {
                true => pick(dice, &[4_096, 4_096, 1, 3]),
                false => 4_096,
            },
            most_topics,
            tells: dice.chance(1, 3) && relay != Some(seat.side),
            lock: (lock, binds == Some(seat.side)),
            overflow,
        }
    }

    fn bind(&mut self, seat: Seat) -> Outcome {
        let listens = self.guilds[seat.guild]
            .binds
            .is_none_or(|side| side == seat.side);
        let endpoint = self.slot(seat).bind.clone();
        let member = self.member(seat);
        if !listens || member.bound.contains(&endpoint) {
            return Ok(());
        }
        let bound = member.socket.bind(&endpoint);
        self.log(|| format!("{seat:?} binds {endpoint}: {bound:?}"));
        match bound {
            Ok(bound) => self.member(seat).bound.push(bound),
            Err(BindError::NoThread(_)) => self.seen.note("thread refused"),
            Err(BindError::Listen(ListenError::AddressInUse)) if self.plan.rough => {}
            Err(BindError::Listen(
                ListenError::Io(_) | ListenError::TooManyDescriptors | ListenError::AddressInUse,
            )) if self.plan.faulty => self.seen.note("bind fails"),
            Err(error) => return Err(format!("{seat:?} was not bound: {error:?}")),
        }
        Ok(())
    }

    /// Connects to somebody of the other side, if that is where one can be.
    fn connect(&mut self, seat: Seat) -> Outcome {
        let guild = &self.guilds[seat.guild];
        if guild.binds == Some(seat.side) {
            return Ok(());
        }
        let others = &guild.slots[1 - seat.side];
        let other = &others[self.dice.below(others.len())];
        let within = other.transport == Transport::Inproc;
        let endpoint = other.dial.clone();
        let reachable = !within || other.host == guild.slots[seat.side][seat.slot].host;
        let member = self.member(seat);
        if !reachable || member.dialed.contains(&endpoint) {
            return Ok(());
        }
        let connected = member.socket.connect(&endpoint);
        self.log(|| format!("{seat:?} connects to {endpoint}: {connected:?}"));
        match connected {
            Ok(()) => {
                self.member(seat).dialed.push(endpoint);
                self.seen.note_if(u64::from(within), "within the process");
            }
            Err(ConnectError::NoThread(_)) => self.seen.note("thread refused"),
            // A PAIR has one peer, and a name is given once.
            Err(ConnectError::Refusal(_)) => {}
            Err(error) => return Err(format!("{seat:?} was not connected: {error:?}")),
        }
        Ok(())
    }

    /// The names by which some are dialed; some mean an address where nobody is, too.
    pub(super) fn name_hosts(&mut self) {
        for guild in 0..self.guilds.len() {
            for number in guild * 10..guild * 10 + 10 {
                let here = [127, 0, 0, 1].into();
                let nowhere = std::net::Ipv6Addr::LOCALHOST.into();
                let both = self.dice.chance(1, 3);
                match both {
                    true => self.world.add_name(&host_name(number), &[nowhere, here]),
                    false => self.world.add_name(&host_name(number), &[here]),
                }
            }
        }
    }
}
