//! Who may come in: how many connections a socket's listeners take, and how many of those may be in
//! their handshakes, in all and from one address.
//!
//! Who comes when there are too many handshakes takes the place of the oldest, if that has had
//! [`PATIENCE`]; or, in the youngest quarter, of the oldest there, if that has had [`HASTE`]; else
//! it is turned away. So connections that never finish keep an honest peer out for no longer than
//! that; and peers that come all at once, after a restart, do not displace each other for ever:
//! three quarters of as many get through at a time as may. The last quarter is for those who are
//! near, where thousands a second ask for the places: who comes into it speaks first, so that
//! nothing that it sends is lost with its place.
//!
//! Where descriptors run out first, a quarter of the handshakes, the oldest, make room each time
//! that nobody can be accepted, if they have had [`PATIENCE`].

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::IoHandle;
use crate::event::Crowd;
use crate::options::Capacity;
use crate::sync::Mutex;

/// What a handshake is given before another one may take its place.
const PATIENCE: Duration = Duration::from_millis(250);

/// The same in the youngest quarter.
const HASTE: Duration = Duration::from_millis(10);

/// Those whom a socket's listeners have let in. Its lock is a leaf.
#[derive(Debug, Default)]
pub(crate) struct Entrance {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    /// Handshakes under way, in the order in which they began.
    handshakes: BTreeMap<u64, Guest>,
    /// How many of them come from each address.
    hosts: HashMap<IpAddr, usize>,
    entered: u64,
}

/// A session by its I/O thread and key.
pub(super) type SessionId = (IoHandle, u64);

/// Somebody who asks to come in.
#[derive(Debug)]
pub(super) struct Guest {
    host: Option<IpAddr>,
    since: Instant,
    session: SessionId,
}

/// The place of one who came in; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    entrance: Arc<Entrance>,
    number: u64,
    is_late: bool,
}

impl Entrance {
    /// Lets somebody in. Who has to leave for that, its owner ends.
    pub(super) fn enter(
        self: &Arc<Self>,
        capacity: &Capacity,
        guest: Guest,
    ) -> Result<(Arc<Seat>, Option<SessionId>), Crowd> {
        let mut state = self.state.lock();
        if state.connections >= capacity.connections {
            return Err(Crowd::Connections);
        }
        let displaced = match state.crowd(capacity, guest.host) {
            None => None,
            Some(crowd) => Some(state.displace(crowd, capacity, &guest).ok_or(crowd)?),
        };
        state.connections += 1;
        let seat = Seat {
            entrance: Arc::clone(self),
            is_late: state.is_late(capacity, guest.host),
            number: state.enter(guest),
        };
        Ok((Arc::new(seat), displaced))
    }

    /// There are no descriptors for more: who is to leave.
    pub(super) fn make_room(&self, now: Instant) -> Vec<SessionId> {
        let mut state = self.state.lock();
        let age = |guest: &Guest| now.saturating_duration_since(guest.since);
        let oldest = state.handshakes.iter().take(state.handshakes.len() / 4);
        let oldest = oldest.take_while(|(_, guest)| age(guest) >= PATIENCE);
        let numbers: Vec<u64> = oldest.map(|(&number, _)| number).collect();
        let forgotten = numbers.into_iter().filter_map(|it| state.forget(it));
        forgotten.collect()
    }
}

impl State {
    fn enter(&mut self, guest: Guest) -> u64 {
        if let Some(host) = guest.host {
            *self.hosts.entry(host).or_default() += 1;
        }
        self.entered += 1;
        self.handshakes.insert(self.entered, guest);
        self.entered
    }

    /// Whether one more from this address would be in the youngest quarter.
    fn is_late(&self, capacity: &Capacity, host: Option<IpAddr>) -> bool {
        self.from(host) >= early(capacity.handshakes_per_address)
            || self.handshakes.len() >= early(capacity.handshakes)
    }

    /// How many come from this address.
    fn from(&self, host: Option<IpAddr>) -> usize {
        let count = host.and_then(|host| self.hosts.get(&host));
        count.copied().unwrap_or(0)
    }

    /// What there is too much of for one more from this address.
    fn crowd(&self, capacity: &Capacity, host: Option<IpAddr>) -> Option<Crowd> {
        if self.from(host) >= capacity.handshakes_per_address {
            Some(Crowd::HandshakesOfAddress)
        } else if self.handshakes.len() >= capacity.handshakes {
            Some(Crowd::Handshakes)
        } else {
            None
        }
    }

    /// Takes a handshake away, of those among which there are too many, that has had its time.
    fn displace(&mut self, crowd: Crowd, capacity: &Capacity, guest: &Guest) -> Option<SessionId> {
        let most = match crowd {
            Crowd::HandshakesOfAddress => capacity.handshakes_per_address,
            _ => capacity.handshakes,
        };
        let is_among = |other: &Guest| crowd == Crowd::Handshakes || other.host == guest.host;
        let age = |other: &Guest| guest.since.saturating_duration_since(other.since);
        let mut among = self.handshakes.iter().filter(|(_, other)| is_among(other));
        let oldest = among.next().filter(|(_, it)| age(it) >= PATIENCE);
        let young = || {
            let behind = early(most).checked_sub(1)?;
            among.nth(behind).filter(|(_, it)| age(it) >= HASTE)
        };
        let (&number, _) = oldest.or_else(young)?;
        self.forget(number)
    }

    /// This handshake is over, or to be ended.
    fn forget(&mut self, number: u64) -> Option<SessionId> {
        let guest = self.handshakes.remove(&number)?;
        if let Some(host) = guest.host
            && let Some(count) = self.hosts.get_mut(&host)
        {
            *count -= 1;
            if *count == 0 {
                self.hosts.remove(&host);
            }
        }
        Some(guest.session)
    }
}

impl Guest {
    /// Who comes from this address; what is no address of a network counts for none.
    pub(super) fn new(address: &str, since: Instant, session: SessionId) -> Self {
        let host = address.parse().ok().map(host);
        Self {
            host,
            since,
            session,
        }
    }
}

/// How many are not in the youngest quarter, of so many at most.
fn early(most: usize) -> usize {
    most - most / 4
}

impl Seat {
    /// True if it may be taken away soon.
    pub(super) fn is_late(&self) -> bool {
        self.is_late
    }

    /// The handshake is over: the place is a connection's.
    pub(super) fn settle(&self) {
        self.entrance.state.lock().forget(self.number);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.entrance.state.lock();
        state.forget(self.number);
        state.connections -= 1;
    }
}

/// What counts as one address: of IPv6, the network of 64 bits that one customer is given.
fn host(address: SocketAddr) -> IpAddr {
    match address.ip().to_canonical() {
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_ipv6_is_its_network_and_a_mapped_address_is_ipv4() {
        let of = |text: &str| host(text.parse().unwrap()).to_string();
        assert_eq!(of("[2001:db8:1:2:3:4:5:6]:80"), "2001:db8:1:2::");
        assert_eq!(of("[2001:db8:1:2:ffff::]:81"), "2001:db8:1:2::");
        assert_eq!(of("[::ffff:10.0.0.1]:80"), "10.0.0.1");
        assert_eq!(of("10.0.0.2:80"), "10.0.0.2");
    }
}
