//! Reaching one of an endpoint's addresses: they race, and the first to connect wins.
//!
//! This is RFC 8305 ("happy eyeballs"), sections 4 and 5: the families take turns, beginning with
//! that of the first address; the next attempt starts 250 ms after the one before, or as soon as
//! one fails; attempts go on until one has connected, and then the others are dropped. So an
//! address that does not answer costs 250 ms, not the minutes after which the system gives it up.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferromq_transport::{Address, TransportOptions};

use super::session::Context;
use crate::world::{Interest, Stream, is_for_later};

/// How long an attempt is waited for before the next one starts (RFC 8305, section 5).
const DELAY: Duration = Duration::from_millis(250);

/// The attempts to reach one of some addresses.
#[derive(Debug)]
pub(super) struct Race {
    waiting: VecDeque<Address>,
    running: Vec<Arc<dyn Stream>>,
    /// When the next attempt starts, if there is one.
    next: Option<Instant>,
    /// When the race is lost, if nobody has won.
    end: Option<Instant>,
    /// Why the last attempt that failed did.
    failure: io::Error,
}

/// How a race stands.
pub(super) enum Standing {
    /// Go on when a stream has become writable, and at this time.
    Open(Option<Instant>),
    /// This stream is connected.
    Won(Arc<dyn Stream>),
    /// No address is left.
    Lost(io::Error),
}

/// By what a race dials.
pub(super) struct Track<'a, 'b> {
    /// Of the session: every stream of its race is reported by it.
    pub(super) key: u64,
    pub(super) options: &'a TransportOptions,
    pub(super) cx: &'a Context<'b>,
}

impl Race {
    /// A race for one of these, until `end`; of a name with addresses that are not used (`ipv6`),
    /// for the others.
    pub(super) fn new(mut addresses: Vec<Address>, ipv6: bool, end: Option<Instant>) -> Self {
        if !ipv6 && !addresses.iter().all(is_ipv6) {
            addresses.retain(|address| !is_ipv6(address));
        }
        Self {
            waiting: in_turns(addresses),
            running: Vec::new(),
            next: None,
            end,
            failure: io::ErrorKind::AddrNotAvailable.into(),
        }
    }

    /// Looks how the attempts stand, and starts those that are due.
    pub(super) fn advance(&mut self, track: &Track<'_, '_>) -> Standing {
        let running = self.running.len();
        for stream in std::mem::take(&mut self.running) {
            let attempt = match stream.finish_connect() {
                Ok(()) => return Standing::Won(stream),
                Err(error) if is_for_later(&error) => track.watch(&*stream),
                Err(error) => Err(error),
            };
            self.keep(attempt.map(|()| stream));
        }
        if self.end.is_some_and(|at| at <= track.cx.now) {
            self.give_up();
            return Standing::Lost(io::ErrorKind::TimedOut.into());
        }
        let mut due = self.running.len() < running || self.next.is_none_or(|at| at <= track.cx.now);
        while due && let Some(address) = self.waiting.pop_front() {
            due = !self.keep(track.dial(&address));
            self.next = Some(track.cx.now + DELAY);
        }
        if self.running.is_empty() {
            let failure =
                std::mem::replace(&mut self.failure, io::ErrorKind::AddrNotAvailable.into());
            return Standing::Lost(failure);
        }
        let next = self.next.filter(|_| !self.waiting.is_empty());
        Standing::Open(next.into_iter().chain(self.end).min())
    }

    /// Ends every attempt.
    pub(super) fn give_up(&self) {
        self.running.iter().for_each(|stream| stream.shutdown());
    }

    /// Keeps an attempt that goes on, or why it does not. True: it goes on.
    fn keep(&mut self, attempt: io::Result<Arc<dyn Stream>>) -> bool {
        match attempt {
            Ok(stream) => {
                self.running.push(stream);
                true
            }
            // Somebody who refuses says more than that there is no way to another address.
            Err(error) => {
                if self.failure.kind() != io::ErrorKind::ConnectionRefused {
                    self.failure = error;
                }
                false
            }
        }
    }
}

impl Track<'_, '_> {
    fn dial(&self, address: &Address) -> io::Result<Arc<dyn Stream>> {
        let stream = self.cx.world.dial(address, self.options)?;
        self.cx.reactor.add(stream.source(), self.key)?;
        self.watch(&*stream)?;
        Ok(stream)
    }

    fn watch(&self, stream: &dyn Stream) -> io::Result<()> {
        let write = Interest {
            read: false,
            write: true,
        };
        self.cx.reactor.arm(stream.source(), self.key, write)
    }
}

/// The addresses with the families in turns, each in its order, beginning with that of the first.
fn in_turns(addresses: Vec<Address>) -> VecDeque<Address> {
    let first = addresses.first().is_some_and(is_ipv6);
    let (mut ours, others): (VecDeque<_>, VecDeque<_>) = addresses
        .into_iter()
        .partition(|address| is_ipv6(address) == first);
    for (at, other) in others.into_iter().enumerate() {
        ours.insert(ours.len().min(2 * at + 1), other);
    }
    ours
}

fn is_ipv6(address: &Address) -> bool {
    matches!(address, Address::Tcp { to, .. } if to.is_ipv6())
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    /// The order of these, `6…` and `4…`, as it becomes.
    fn order(names: &str) -> String {
        let numbered = |name: &str| {
            address(&match name.split_at(1) {
                ("6", port) => format!("[::1]:{port}"),
                (_, port) => format!("127.0.0.1:{port}"),
            })
        };
        let name = |address: Address| match address {
            Address::Tcp { to, .. } if to.is_ipv6() => format!("6{}", to.port()),
            Address::Tcp { to, .. } => format!("4{}", to.port()),
            Address::Ipc(path) => path.to_string(),
        };
        let ordered = in_turns(names.split_whitespace().map(numbered).collect());
        ordered.into_iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn address(text: &str) -> Address {
        Address::Tcp {
            to: text.parse().unwrap(),
            from: None,
        }
    }

    #[test]
    fn addresses_that_are_not_used_take_no_part_unless_there_are_no_others() {
        let both = || vec![address("127.0.0.1:1"), address("[::1]:1")];
        assert_eq!(Race::new(both(), true, None).waiting.len(), 2);
        let waiting = Race::new(both(), false, None).waiting;
        assert_eq!(waiting, [address("127.0.0.1:1")]);
        let only = Race::new(vec![address("[::1]:1")], false, None).waiting;
        assert_eq!(only.len(), 1);
    }

    #[test]
    fn refusal_of_one_address_is_why_the_race_is_lost() {
        let mut race = Race::new(Vec::new(), true, None);
        for kind in [
            io::ErrorKind::TimedOut,
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::NetworkUnreachable,
        ] {
            assert!(!race.keep(Err(kind.into())));
        }
        assert_eq!(race.failure.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn families_take_turns_until_one_is_used_up() {
        for (given, expected) in [
            ("", ""),
            ("41 42", "41 42"),
            ("61 62 41 42 43", "61 41 62 42 43"),
            ("61 62 63 41", "61 41 62 63"),
            ("41 61 62 63", "41 61 62 63"),
            ("41 61 42 62", "41 61 42 62"),
        ] {
            assert_eq!(order(given), expected, "{given}");
        }
    }
}
