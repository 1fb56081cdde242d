//! Every socket type against its counterpart: 1000 messages each way where the pattern allows, of
//! 1 to 3 parts of 0, 1, 255, 256, 64 Ki and 1 Mi bytes, their contents compared by checksums.
//!
//! A run has one hub and up to three leaves; either the hub binds, or every leaf does. One of the
//! two is active (it sends, or asks), the other passive (it receives, or sends back).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::process::Program;
use super::table::Table;
use super::{Language, Sides, Transport};
use crate::Outcome;

/// The longest that a run may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How many messages all active peers send together, at least.
const COUNT: usize = 1000;
/// How long is waited for messages that must not come.
const GRACE: Duration = Duration::from_millis(50);

/// Who talks to whom, and how.
struct Pairing {
    hub: (&'static str, &'static str),
    leaf: (&'static str, &'static str),
    leaves: usize,
    delivery: Delivery,
}

/// Who gets a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// Every passive peer gets every message.
    All,
    /// One passive peer gets it.
    One,
    /// One passive peer gets it, and the active one gets it back.
    Answered,
}

use Delivery::{All, Answered, One};

const fn pairing(
    hub: (&'static str, &'static str),
    leaf: (&'static str, &'static str),
    leaves: usize,
    delivery: Delivery,
) -> Pairing {
    Pairing {
        hub,
        leaf,
        leaves,
        delivery,
    }
}

/// All pairs of types that RFC 28 to 31 allow, with the active role on both sides.
const PAIRINGS: [Pairing; 17] = [
    pairing(("push", "send"), ("pull", "recv"), 3, One),
    pairing(("pull", "recv"), ("push", "send"), 3, One),
    pairing(("pub", "send"), ("sub", "recv"), 3, All),
    pairing(("pub", "send"), ("xsub", "recv"), 3, All),
    pairing(("xpub", "send"), ("sub", "recv"), 3, All),
    pairing(("xpub", "send"), ("xsub", "recv"), 3, All),
    pairing(("sub", "recv"), ("pub", "send"), 3, All),
    pairing(("req", "ask"), ("rep", "echo:0"), 3, Answered),
    pairing(("rep", "echo:0"), ("req", "ask"), 3, Answered),
    pairing(("req", "ask"), ("router", "echo:2"), 3, Answered),
    pairing(("router", "echo:2"), ("req", "ask"), 3, Answered),
    pairing(("dealer", "exchange+"), ("rep", "echo:0"), 3, Answered),
    pairing(("dealer", "exchange"), ("router", "echo:1"), 3, Answered),
    pairing(("router", "echo:1"), ("dealer", "exchange"), 3, Answered),
    pairing(("dealer", "exchange"), ("dealer", "echo:0"), 3, Answered),
    pairing(("router", "route"), ("router", "echo:1"), 3, Answered),
    pairing(("pair", "exchange"), ("pair", "echo:0"), 1, Answered),
];

/// Runs the pairings whose row's name contains `only`; how many runs failed.
pub(super) fn run(lab: &Lab, combinations: &[Sides], only: &str) -> usize {
    let mut table = Table::new("socket types", combinations);
    for pairing in &PAIRINGS {
        for transport in Transport::ALL {
            for hub_binds in [true, false] {
                let binder = if hub_binds {
                    "first binds"
                } else {
                    "second binds"
                };
                let (hub, leaf) = (pairing.hub.0, pairing.leaf.0);
                let row = format!("{hub}–{leaf}, {}, {binder}", transport.name());
                if row.contains(only) {
                    table.row(&row, |sides| {
                        Some(exchange(lab, pairing, transport, hub_binds, sides))
                    });
                }
            }
        }
    }
    table.finish()
}

/// One run.
fn exchange(
    lab: &Lab,
    pairing: &Pairing,
    transport: Transport,
    hub_binds: bool,
    sides: Sides,
) -> Outcome {
    let mut endpoints = Vec::new();
    for _ in 0..if hub_binds { 1 } else { pairing.leaves } {
        endpoints.push(lab.endpoint(transport)?);
    }
    let is_hub_active = !is_passive(pairing.hub.1);
    let share = if is_hub_active {
        COUNT
    } else {
        COUNT.div_ceil(pairing.leaves)
    };
    let start = |language, role: (&str, &str), binds: bool, seed: usize, endpoints: &[String]| {
        start(lab, language, role, binds, share, seed, endpoints)
    };
    let hub = start(sides.0, pairing.hub, hub_binds, 100, &endpoints)?;
    let mut leaves = Vec::new();
    for number in 0..pairing.leaves {
        let own = if hub_binds {
            &endpoints[..]
        } else {
            &endpoints[number..=number]
        };
        leaves.push(start(sides.1, pairing.leaf, !hub_binds, number + 1, own)?);
    }
    let (active, passive) = if is_hub_active {
        (vec![hub], leaves)
    } else {
        (leaves, vec![hub])
    };
    let seen = observe(active, passive, pairing, share)?;
    seen.check(pairing.delivery)
}

fn start(
    lab: &Lab,
    language: Language,
    (kind, mode): (&str, &str),
    binds: bool,
    count: usize,
    seed: usize,
    endpoints: &[String],
) -> Outcome<Program> {
    let side = if binds { "bind" } else { "connect" };
    let (count, seed) = (count.to_string(), seed.to_string());
    let mut arguments = vec![kind, side, mode, &count, &seed];
    arguments.extend(endpoints.iter().map(String::as_str));
    lab.peer(language, &arguments, LIMIT)
}

fn is_passive(mode: &str) -> bool {
    mode == "recv" || mode.starts_with("echo")
}

/// Lets the active peers finish, and collects what all have seen.
fn observe(
    mut active: Vec<Program>,
    mut passive: Vec<Program>,
    pairing: &Pairing,
    share: usize,
) -> Outcome<Seen> {
    if pairing.delivery != Answered {
        for program in &mut passive {
            for _ in &active {
                program.line_with("ready ")?;
            }
        }
        for program in &mut active {
            program.tell("go")?;
        }
    }
    let copies = if pairing.delivery == All {
        passive.len()
    } else {
        1
    };
    let expected = share * active.len() * copies;
    let mut seen = Seen {
        active: Vec::new(),
        passive: vec![Vec::new(); passive.len()],
    };
    for program in active {
        seen.active.push(program.finish()?);
    }
    collect(&mut passive, &mut seen.passive, expected);
    for (program, lines) in passive.into_iter().zip(&mut seen.passive) {
        lines.extend(program.kill());
    }
    Ok(seen)
}

/// Takes lines until there are enough, and then some time more for those that are too many.
fn collect(passive: &mut [Program], lines: &mut [Vec<String>], expected: usize) {
    let mut end = Instant::now() + LIMIT;
    let mut is_complete = false;
    while Instant::now() < end {
        for (program, lines) in passive.iter_mut().zip(&mut *lines) {
            lines.extend(program.lines_so_far());
        }
        if !is_complete && lines.iter().map(Vec::len).sum::<usize>() >= expected {
            is_complete = true;
            end = Instant::now() + GRACE;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The lines that each peer printed: `s DIGEST` for sent, `r DIGEST` for received.
struct Seen {
    active: Vec<Vec<String>>,
    passive: Vec<Vec<String>>,
}

impl Seen {
    fn check(&self, delivery: Delivery) -> Outcome {
        let sent: Vec<Vec<&str>> = self.active.iter().map(|lines| with(lines, "s ")).collect();
        let arrived: Vec<Vec<&str>> = self.passive.iter().map(|lines| with(lines, "r ")).collect();
        for (number, arrived) in arrived.iter().enumerate() {
            if arrived.is_empty() {
                return Err(format!("receiver {number} got nothing"));
            }
        }
        match delivery {
            All => arrived
                .iter()
                .try_for_each(|one| same(&sent, std::slice::from_ref(one)))?,
            One | Answered => same(&sent, &arrived)?,
        }
        check_order(&sent, &arrived)?;
        if delivery == Answered {
            for (lines, sent) in self.active.iter().zip(sent) {
                same(&[sent], &[with(lines, "r ")]).map_err(|what| format!("answers: {what}"))?;
            }
        }
        Ok(())
    }
}

fn with<'a>(lines: &'a [String], start: &str) -> Vec<&'a str> {
    lines
        .iter()
        .filter_map(|line| line.strip_prefix(start))
        .collect()
}

/// The same messages, as often.
fn same(sent: &[Vec<&str>], arrived: &[Vec<&str>]) -> Outcome {
    let mut balance = BTreeMap::<&str, i64>::new();
    sent.iter()
        .flatten()
        .for_each(|message| *balance.entry(message).or_default() += 1);
    arrived
        .iter()
        .flatten()
        .for_each(|message| *balance.entry(message).or_default() -= 1);
    let lost: i64 = balance.values().filter(|&&count| count > 0).sum();
    let strange: i64 = -balance.values().filter(|&&count| count < 0).sum::<i64>();
    if (lost, strange) == (0, 0) {
        return Ok(());
    }
    let first = balance
        .iter()
        .find(|&(_, &count)| count != 0)
        .map_or("", |(message, _)| message);
    Err(format!(
        "{lost} messages lost, {strange} not sent or twice, such as {first}"
    ))
}

/// What one sender sent to one receiver arrived in its order.
fn check_order(sent: &[Vec<&str>], arrived: &[Vec<&str>]) -> Outcome {
    let is_ordered = match (sent, arrived) {
        ([sent], _) => arrived.iter().all(|arrived| is_subsequence(arrived, sent)),
        (_, [arrived]) => sent.iter().all(|sent| is_subsequence(sent, arrived)),
        _ => true,
    };
    if is_ordered {
        Ok(())
    } else {
        Err("messages arrived out of order".to_owned())
    }
}

fn is_subsequence(part: &[&str], whole: &[&str]) -> bool {
    let mut rest = whole.iter();
    part.iter()
        .all(|wanted| rest.any(|message| message == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(kind: &str, messages: &str) -> Vec<String> {
        messages
            .chars()
            .map(|message| format!("{kind} {message}"))
            .collect()
    }

    fn seen(sent: &[&str], arrived: &[&str]) -> Seen {
        Seen {
            active: sent.iter().map(|messages| lines("s", messages)).collect(),
            passive: arrived
                .iter()
                .map(|messages| lines("r", messages))
                .collect(),
        }
    }

    #[test]
    fn shared_out_messages_in_order_pass() {
        assert_eq!(seen(&["abcd"], &["ac", "bd"]).check(One), Ok(()));
        assert_eq!(seen(&["ab", "cd"], &["cabd"]).check(One), Ok(()));
        assert_eq!(seen(&["ab"], &["ab", "ab"]).check(All), Ok(()));
    }

    #[test]
    fn lost_doubled_changed_and_disordered_messages_fail() {
        for (sent, arrived) in [("abc", "ab"), ("ab", "abb"), ("ab", "ax"), ("ab", "ba")] {
            assert!(
                seen(&[sent], &[arrived]).check(One).is_err(),
                "{sent} {arrived}"
            );
        }
    }

    #[test]
    fn receiver_that_is_left_out_fails() {
        assert!(seen(&["ab"], &["ab", ""]).check(One).is_err());
        assert!(seen(&["ab"], &["ab", "a"]).check(All).is_err());
    }

    #[test]
    fn unanswered_request_fails() {
        let mut seen = seen(&["ab"], &["ab"]);
        assert!(seen.check(Answered).is_err());
        seen.active[0].extend(lines("r", "ba"));
        assert_eq!(seen.check(Answered), Ok(()));
    }
}
