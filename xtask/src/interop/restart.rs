//! Peers that are killed and started again, that die in the middle of a burst, or that live for one
//! message only: traffic goes on by itself, and what was accepted arrives.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::process::Program;
use super::table::Table;
use super::{Language, Sides, Transport};
use crate::Outcome;

/// The longest that a run may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How long the death of a peer takes to be noticed, at most.
const NOTICE: Duration = Duration::from_millis(100);
/// How long nothing must arrive before all has arrived.
const QUIET: Duration = Duration::from_secs(1);
/// How many messages the burst has.
const BURST: usize = 100_000;
/// What may be in the buffers of the kernel and of a killed peer, in messages of the burst.
const MOST_UNDER_WAY: usize = 20_000;
/// How many short-lived processes run at a time.
const AT_A_TIME: usize = 8;

/// Sender and receiver, each a type with its mode.
type Roles = [(&'static str, &'static str); 2];

/// Streams of numbers that are watched.
const FLOWS: [Roles; 4] = [
    [("push", "flow"), ("pull", "watch")],
    [("pub", "flow"), ("sub", "watch")],
    [("xpub", "flow"), ("xsub", "watch")],
    [("pair", "flow"), ("pair", "watch")],
];

/// Requests that are answered.
const DIALOGUES: [Roles; 5] = [
    [("req", "tick"), ("rep", "echo:0")],
    [("req", "tick"), ("router", "echo:2")],
    [("dealer", "tick+"), ("rep", "echo:0")],
    [("dealer", "tick"), ("router", "echo:1")],
    [("dealer", "tick"), ("dealer", "echo:0")],
];

/// Ten thousand subscriptions.
const SUBSCRIPTIONS: Roles = [("pub", "topics"), ("sub", "live")];

/// Runs the scenarios whose row's name contains `only`; how many runs failed.
pub(super) fn run(lab: &Lab, combinations: &[Sides], only: &str) -> usize {
    let mut table = Table::new("killed and restarted", combinations);
    for transport in Transport::ALL {
        for first_binds in [true, false] {
            let place = Place {
                lab,
                transport,
                first_binds,
            };
            run_restarts(&mut table, place, only);
        }
        run_deaths(&mut table, lab, transport, only);
    }
    table.finish()
}

fn run_restarts(table: &mut Table, place: Place<'_>, only: &str) {
    let binder = if place.first_binds {
        "first binds"
    } else {
        "second binds"
    };
    let mut row = |roles: Roles, scenario: fn(&Stage<'_>) -> Outcome| {
        let [first, second] = roles;
        let transport = place.transport.name();
        let row = format!(
            "{}–{} {}, {transport}, {binder}",
            first.0, second.0, second.1
        );
        if row.contains(only) {
            table.row(&row, |sides| {
                let run = |endpoint| {
                    scenario(&Stage {
                        place,
                        roles,
                        sides,
                        endpoint,
                    })
                };
                let endpoint = place.lab.endpoint(place.transport);
                (!is_hopeless(place, first.0, sides)).then(|| endpoint.and_then(run))
            });
        }
    };
    FLOWS.iter().for_each(|&roles| row(roles, flow));
    DIALOGUES.iter().for_each(|&roles| row(roles, dialogue));
    row(SUBSCRIPTIONS, subscriptions);
}

/// libzmq's PAIR lets go of a dead peer only when the application receives: one that binds and only
/// sends takes no other peer ever, as the control shows.
fn is_hopeless(place: Place<'_>, first: &str, sides: Sides) -> bool {
    first == "pair" && place.first_binds && sides.0 == Language::Python
}

fn run_deaths(table: &mut Table, lab: &Lab, transport: Transport, only: &str) {
    let name = transport.name();
    for survivors in 1..=3 {
        let row = format!("burst, pull killed, {survivors} left, {name}");
        if row.contains(only) {
            table.row(&row, |sides| burst(lab, transport, sides, survivors));
        }
    }
    let row = format!("processes of one message, {name}");
    if row.contains(only) {
        table.row(&row, |sides| Some(short_lived(lab, transport, sides)));
    }
    let row = format!("dealers that leave, {name}");
    if row.contains(only) {
        table.row(&row, |sides| leaving(lab, transport, sides));
    }
}

/// Where a restart happens.
#[derive(Clone, Copy)]
struct Place<'a> {
    lab: &'a Lab,
    transport: Transport,
    first_binds: bool,
}

/// One run with two peers.
struct Stage<'a> {
    place: Place<'a>,
    roles: Roles,
    sides: Sides,
    endpoint: String,
}

impl Stage<'_> {
    /// Starts the first peer, or another one in its place.
    fn first(&self) -> Outcome<Program> {
        self.start(self.sides.0, self.roles[0], self.place.first_binds)
    }

    /// Starts the second peer, or another one in its place.
    fn second(&self) -> Outcome<Program> {
        self.start(self.sides.1, self.roles[1], !self.place.first_binds)
    }

    fn start(&self, language: Language, role: (&str, &str), binds: bool) -> Outcome<Program> {
        start(self.place.lab, language, role, binds, 1, &self.endpoint)
    }
}

/// Starts a peer with a seed at one endpoint.
fn start(
    lab: &Lab,
    language: Language,
    (kind, mode): (&str, &str),
    binds: bool,
    seed: usize,
    endpoint: &str,
) -> Outcome<Program> {
    let side = if binds { "bind" } else { "connect" };
    let (count, seed) = (BURST.to_string(), seed.to_string());
    lab.peer(
        language,
        &[kind, side, mode, &count, &seed, endpoint],
        LIMIT,
    )
}

/// A stream goes on after its receiver, and then its sender, was killed and started again.
fn flow(stage: &Stage<'_>) -> Outcome {
    let sender = stage.first()?;
    let mut receiver = stage.second()?;
    receiver.line()?;
    receiver.kill();
    let mut receiver = stage.second()?;
    let before = receiver.line()?;
    sender.kill();
    let _sender = stage.first()?;
    next_source(&mut receiver, &before)
}

/// Reads on until lines come from another process than this one did (`PROCESS.NUMBER`).
fn next_source(receiver: &mut Program, before: &str) -> Outcome {
    let source = |line: &str| line.split('.').next().unwrap_or_default().to_owned();
    while source(&receiver.line()?) == source(before) {}
    Ok(())
}

/// Requests are answered after the answering peer, and then the asking one, was killed and started
/// again.
fn dialogue(stage: &Stage<'_>) -> Outcome {
    let mut asking = stage.first()?;
    let answering = stage.second()?;
    ask(&mut asking, "one")?;
    answering.kill();
    thread::sleep(NOTICE);
    let _answering = stage.second()?;
    ask(&mut asking, "two")?;
    asking.kill();
    let mut asking = stage.first()?;
    ask(&mut asking, "three")
}

fn ask(asking: &mut Program, question: &str) -> Outcome {
    asking.tell(question)?;
    let answer = asking.line()?;
    if answer == question {
        Ok(())
    } else {
        Err(format!("asked {question}, got {answer}"))
    }
}

/// Ten thousand subscriptions are live, and again after the publisher was killed and restarted.
fn subscriptions(stage: &Stage<'_>) -> Outcome {
    let publisher = stage.first()?;
    let mut subscriber = stage.second()?;
    let before = subscriber.line_with("all ")?;
    publisher.kill();
    let _publisher = stage.first()?;
    next_source(&mut subscriber, &before)
}

/// Of several PULLs one is killed in the middle: what it had not been given goes to the others.
/// Only for our PUSH, which counts what it has handed over.
fn burst(lab: &Lab, transport: Transport, sides: Sides, survivors: usize) -> Option<Outcome> {
    (sides.0 == Language::Rust).then(|| {
        let endpoint = lab.endpoint(transport)?;
        let mut push = start(lab, sides.0, ("push", "burst"), true, 1, &endpoint)?;
        let mut pulls = Vec::new();
        for _ in 0..=survivors {
            pulls.push(start(lab, sides.1, ("pull", "watch"), false, 1, &endpoint)?);
        }
        for pull in &mut pulls {
            pull.line_with("ready ")?;
        }
        push.tell("go")?;
        let mut victim = pulls.swap_remove(0);
        let mut got_by_victim = Vec::new();
        for _ in 0..500 {
            got_by_victim.push(victim.line()?);
        }
        got_by_victim.extend(victim.kill());
        let stats = push.line_with("stats ")?;
        push.finish()?;
        check_burst(&stats, &got_by_victim, &until_quiet(&mut pulls))
    })
}

/// All lines until none come for a while.
fn until_quiet(programs: &mut [Program]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut end = Instant::now() + QUIET;
    while Instant::now() < end {
        let before = lines.len();
        programs
            .iter_mut()
            .for_each(|program| lines.extend(program.lines_so_far()));
        if lines.len() > before {
            end = Instant::now() + QUIET;
        }
        thread::sleep(Duration::from_millis(5));
    }
    lines
}

/// `stats ACCEPTED HANDED_OVER QUEUED DROPPED`: everything was handed over once; nothing arrived
/// twice; what did not arrive was under way to the victim.
fn check_burst(stats: &str, victim: &[String], survivors: &[String]) -> Outcome {
    let numbers: Vec<u64> = stats
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let [accepted, handed_over, 0, 0] = numbers[..] else {
        return Err(format!("messages are left or dropped: {stats}"));
    };
    if handed_over != accepted {
        return Err(format!("not each message was handed over once: {stats}"));
    }
    let mut seen = HashSet::new();
    for number in victim.iter().chain(survivors) {
        if !number.starts_with("ready") && !seen.insert(number) {
            return Err(format!("message {number} arrived twice"));
        }
    }
    let missing = BURST.saturating_sub(seen.len());
    if missing <= MOST_UNDER_WAY {
        Ok(())
    } else {
        Err(format!(
            "{missing} messages are missing, more than can have been under way"
        ))
    }
}

/// Processes connect, send one message and exit: every message arrives.
fn short_lived(lab: &Lab, transport: Transport, sides: Sides) -> Outcome {
    let count = if sides.0 == Language::Rust { 5000 } else { 100 };
    let endpoint = lab.endpoint(transport)?;
    let mut pull = start(lab, sides.1, ("pull", "watch"), true, 1, &endpoint)?;
    run_in_turns(count, |number| {
        start(lab, sides.0, ("push", "once"), false, number, &endpoint)
    })?;
    let lines = collect(&mut pull, count)?;
    let all: HashSet<String> = (0..count).map(|number| number.to_string()).collect();
    if lines == all {
        Ok(())
    } else {
        Err("other messages arrived than were sent".to_owned())
    }
}

/// DEALERs leave with answers unread and 1 MiB just sent: it arrives whole. Only for ours: libzmq
/// closes such connections with a reset.
fn leaving(lab: &Lab, transport: Transport, sides: Sides) -> Option<Outcome> {
    (sides.0 == Language::Rust).then(|| {
        let count = 200;
        let endpoint = lab.endpoint(transport)?;
        let mut router = start(lab, sides.1, ("router", "answers"), true, 1, &endpoint)?;
        run_in_turns(count, |number| {
            start(lab, sides.0, ("dealer", "leave"), false, number, &endpoint)
        })?;
        let lines = collect(&mut router, count)?;
        let digests: HashSet<&str> = lines
            .iter()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        let is_whole = digests.iter().all(|digest| digest.starts_with("1048576:"));
        if digests.len() == 1 && is_whole {
            Ok(())
        } else {
            Err(format!("contents differ: {digests:?}"))
        }
    })
}

/// Starts so many programs, a few at a time, and waits until each has ended well.
fn run_in_turns(count: usize, start: impl Fn(usize) -> Outcome<Program>) -> Outcome {
    let numbers: Vec<usize> = (0..count).collect();
    for turn in numbers.chunks(AT_A_TIME) {
        let programs: Vec<Program> = turn
            .iter()
            .map(|&number| start(number))
            .collect::<Outcome<_>>()?;
        for program in programs {
            program.finish()?;
        }
    }
    Ok(())
}

/// So many different lines.
fn collect(program: &mut Program, count: usize) -> Outcome<HashSet<String>> {
    let mut lines = HashSet::new();
    while lines.len() < count {
        let line = program
            .line()
            .map_err(|problem| format!("{} of {count} messages arrived: {problem}", lines.len()))?;
        if let Some(double) = lines.replace(line) {
            return Err(format!("{double} arrived twice"));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|number| number.to_string()).collect()
    }

    const STATS: &str = "stats 100003 100003 0 0";

    #[test]
    fn burst_with_some_under_way_to_the_victim_passes() {
        assert_eq!(
            check_burst(STATS, &numbers(0..500), &numbers(9000..BURST)),
            Ok(())
        );
    }

    #[test]
    fn burst_with_a_message_twice_fails() {
        assert!(check_burst(STATS, &numbers(0..500), &numbers(499..BURST)).is_err());
    }

    #[test]
    fn burst_with_too_many_missing_fails() {
        assert!(check_burst(STATS, &numbers(0..500), &numbers(50_000..BURST)).is_err());
    }

    #[test]
    fn burst_with_wrong_counters_fails() {
        for stats in [
            "stats 100003 100000 3 0",
            "stats 100003 100002 0 0",
            "stats 3 2 0 1",
            "",
        ] {
            assert!(
                check_burst(stats, &[], &numbers(0..BURST)).is_err(),
                "{stats}"
            );
        }
    }
}
