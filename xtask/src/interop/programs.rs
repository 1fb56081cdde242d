//! The founding programs: each scenario with each side in each language.
//!
//! A scenario states what every program must print, exactly where it is determined, and by its
//! shape where it is random; the same for all combinations, so that the control shows that it is
//! stated rightly.

use std::collections::BTreeMap;
use std::time::Duration;

use super::lab::Lab;
use super::process::Program;
use super::table::Table;
use super::{Language, Sides, Transport};
use crate::Outcome;

/// The longest that a program may take.
const LIMIT: Duration = Duration::from_secs(30);
/// What a silent program prints.
const NOTHING: &[&str] = &[];

/// Runs the scenarios whose name contains `only`; how many runs failed.
pub(super) fn run(lab: &Lab, combinations: &[Sides], only: &str) -> usize {
    let mut table = Table::new("founding programs", combinations);
    for (name, scenario) in SCENARIOS {
        for transport in Transport::ALL {
            let row = format!("{name}, {}", transport.name());
            if row.contains(only) {
                table.row(&row, |sides| {
                    Some(scenario(&Stage {
                        lab,
                        sides,
                        transport,
                    }))
                });
            }
        }
    }
    if "pair_threads, inproc".contains(only) {
        table.row("pair_threads, inproc", |sides| pair_threads(lab, sides));
    }
    if "poller, inproc".contains(only) {
        table.row("poller, inproc", |sides| poller(lab, sides));
    }
    table.finish()
}

type Scenario = fn(&Stage<'_>) -> Outcome;

const SCENARIOS: [(&str, Scenario); 10] = [
    ("hello, server first", |stage| hello(stage, true)),
    ("hello, client first", |stage| hello(stage, false)),
    ("hello, three clients", hello_three_clients),
    ("hello, servers that die", hello_servers_that_die),
    ("weather", weather),
    ("counter", counter),
    ("topic", topic),
    ("pipeline", pipeline),
    ("json", json),
    ("typed", typed),
];

/// One run: who speaks what over which transport.
struct Stage<'a> {
    lab: &'a Lab,
    sides: Sides,
    transport: Transport,
}

impl Stage<'_> {
    fn endpoint(&self) -> Outcome<String> {
        self.lab.endpoint(self.transport)
    }

    /// Starts a program of the first side.
    fn first(&self, name: &str, arguments: &[&str]) -> Outcome<Program> {
        self.lab.program(self.sides.0, name, arguments, LIMIT)
    }

    /// Starts a program of the second side.
    fn second(&self, name: &str, arguments: &[&str]) -> Outcome<Program> {
        self.lab.program(self.sides.1, name, arguments, LIMIT)
    }
}

fn hello(stage: &Stage<'_>, is_server_first: bool) -> Outcome {
    let endpoint = stage.endpoint()?;
    let server = || stage.first("hello_server", &[&endpoint, "5", "0.01"]);
    let client = || stage.second("hello_client", &[&endpoint, "5"]);
    let (server, client) = if is_server_first {
        let server = server()?;
        (server, client()?)
    } else {
        let client = client()?;
        (server()?, client)
    };
    expect(&client.finish()?, &["response I am OK!"; 5])?;
    expect(&server.finish()?, &["received Are you OK?"; 5])
}

fn hello_three_clients(stage: &Stage<'_>) -> Outcome {
    let endpoint = stage.endpoint()?;
    let server = stage.first("hello_server", &[&endpoint, "60"])?;
    let start = |_| stage.second("hello_client", &[&endpoint, "20"]);
    let clients: Vec<Program> = (0..3).map(start).collect::<Outcome<_>>()?;
    for client in clients {
        expect(&client.finish()?, &["response I am OK!"; 20])?;
    }
    expect(&server.finish()?, &["received Are you OK?"; 60])
}

/// One server goes after its third reply, one is killed with a question in hand, one with questions
/// that it may not have received.
fn hello_servers_that_die(stage: &Stage<'_>) -> Outcome {
    let endpoint = stage.endpoint()?;
    let client = stage.second("reliable_client", &[&endpoint, "9"])?;
    let leaving = stage.first("hello_server", &[&endpoint, "3"])?;
    expect(&leaving.finish()?, &["received Are you OK?"; 3])?;
    let mut slow = stage.first("hello_server", &[&endpoint, "1", "60"])?;
    slow.line_with("received")?;
    slow.kill();
    let mut quick = stage.first("hello_server", &[&endpoint, "1000"])?;
    quick.line_with("received")?;
    quick.kill();
    let last = stage.first("hello_server", &[&endpoint, "1000"])?;
    expect(&client.finish()?, &["response I am OK!"; 9])?;
    last.kill();
    Ok(())
}

fn weather(stage: &Stage<'_>) -> Outcome {
    let endpoint = stage.endpoint()?;
    let publisher = stage.first("weather_publisher", &[&endpoint, "25"])?;
    let subscriber = stage.second("weather_subscriber", &[&endpoint, "10001", "20"])?;
    let lines = subscriber.finish()?;
    expect(&publisher.kill(), NOTHING)?;
    let [line] = &lines[..] else {
        return Err(format!("expected one line, got {lines:?}"));
    };
    let average = line
        .strip_prefix("average temperature for 10001 was ")
        .and_then(|rest| rest.strip_suffix('F'))
        .filter(|number| {
            number
                .split_once('.')
                .is_some_and(|(_, tenths)| tenths.len() == 1)
        })
        .and_then(|number| number.parse::<f64>().ok());
    match average {
        Some(average) if (-80.0..135.0).contains(&average) => Ok(()),
        _ => Err(format!("not an average of temperatures: {line}")),
    }
}

fn counter(stage: &Stage<'_>) -> Outcome {
    let endpoint = stage.endpoint()?;
    let publisher = stage.first("counter_publisher", &[&endpoint, "2500", "0.01"])?;
    let subscriber = stage.second("counter_subscriber", &[&endpoint, "10"])?;
    let lines = subscriber.finish()?;
    expect(&publisher.kill(), NOTHING)?;
    let numbers = lines
        .iter()
        .map(|line| line.strip_prefix("response message")?.parse().ok());
    let numbers: Option<Vec<u32>> = numbers.collect();
    match numbers {
        Some(numbers) if numbers.len() == 10 && is_consecutive(&numbers) => Ok(()),
        _ => Err(format!("not ten consecutive messages: {lines:?}")),
    }
}

fn topic(stage: &Stage<'_>) -> Outcome {
    let endpoint = stage.endpoint()?;
    let topics = ["client1", "client2", "client1client2"];
    let arguments = [&[&*endpoint, "2500", "0.01"], &topics[..]].concat();
    let publisher = stage.first("topic_publisher", &arguments)?;
    let subscriber = stage.second("topic_subscriber", &[&endpoint, "client1", "10"])?;
    let lines = subscriber.finish()?;
    expect(&publisher.kill(), NOTHING)?;
    let mut turn = [
        "[client1] message for client1",
        "[client1client2] message for client1client2",
    ];
    if lines.first().is_some_and(|line| line == turn[1]) {
        turn.reverse();
    }
    expect(&lines, &turn.repeat(5))
}

fn pipeline(stage: &Stage<'_>) -> Outcome {
    let (source, results) = (stage.endpoint()?, stage.endpoint()?);
    let sink = stage.first("sink", &[&results, "100"])?;
    let start = |name| stage.second("worker", &[name, &source, &results]);
    let workers: Vec<Program> = ["w1", "w2"]
        .into_iter()
        .map(start)
        .collect::<Outcome<_>>()?;
    let ventilator = stage.first("ventilator", &[&source, "100", "0.02"])?;

    let sent: Vec<String> = (0..100).map(|number| format!("sent {number}")).collect();
    expect(&ventilator.finish()?, &sent)?;
    let counts = counts(&sink.finish()?)?;
    for worker in workers {
        expect(&worker.kill(), NOTHING)?;
    }
    let is_complete = counts.values().sum::<u32>() == 100;
    let are_all_busy = counts.keys().map(String::as_str).eq(["w1", "w2"]);
    if is_complete && are_all_busy {
        Ok(())
    } else {
        Err(format!("not shared out: {counts:?}"))
    }
}

fn json(stage: &Stage<'_>) -> Outcome {
    let source = stage.endpoint()?;
    let results = [stage.endpoint()?, stage.endpoint()?];
    let collector = stage.first("json_collector", &["100", &results[0], &results[1]])?;
    let start =
        |(name, results): (&str, &String)| stage.second("json_consumer", &[name, &source, results]);
    let named = ["c1", "c2"].into_iter().zip(&results);
    let consumers: Vec<Program> = named.map(start).collect::<Outcome<_>>()?;
    let producer = stage.first("json_producer", &[&source, "100"])?;

    expect(&producer.finish()?, NOTHING)?;
    let counts = counts(&collector.finish()?)?;
    for consumer in consumers {
        expect(&consumer.kill(), NOTHING)?;
    }
    let is_complete = counts.values().sum::<u32>() == 100;
    let are_known = counts.keys().all(|name| ["c1", "c2"].contains(&&**name));
    if is_complete && are_known {
        Ok(())
    } else {
        Err(format!("wrong counts: {counts:?}"))
    }
}

fn typed(stage: &Stage<'_>) -> Outcome {
    let endpoint = stage.endpoint()?;
    let server = stage.first("typed", &["serve", &endpoint])?;
    let client = stage.second("typed", &["ask", &endpoint])?;
    const SAMPLE: &str =
        "{'name': 'pipeline', 'sizes': [1, 2, 3], 'ratio': 0.5, 'ok': True, 'none': None}";
    let echo = format!("{{'echo': {SAMPLE}}}");
    expect(
        &client.finish()?,
        &["größe ✓", &echo, SAMPLE, "[b'message3', b'', b'message1']"],
    )?;
    expect(&server.finish()?, NOTHING)
}

/// Both threads are in one process: there is one side only.
fn pair_threads(lab: &Lab, (first, second): (Language, Language)) -> Option<Outcome> {
    let run = || {
        let program = lab.program(first, "pair_threads", &["1000"], LIMIT)?;
        expect(&program.finish()?, &["1000 round trips"])
    };
    (first == second).then(run)
}

/// A program of ours alone, in one process.
fn poller(lab: &Lab, sides: Sides) -> Option<Outcome> {
    let run = || {
        let program = lab.program(Language::Rust, "poller", &["100"], LIMIT)?;
        expect(
            &program.finish()?,
            &["Questions 100", "Ticks 100", "Work 100"],
        )
    };
    (sides == (Language::Rust, Language::Rust)).then(run)
}

/// Exactly these lines.
fn expect(lines: &[String], expected: &[impl AsRef<str>]) -> Outcome {
    let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
    if lines == expected {
        Ok(())
    } else {
        Err(format!("expected {expected:?}, got {lines:?}"))
    }
}

/// Lines like `name 12`, sorted by name as printed.
fn counts(lines: &[String]) -> Outcome<BTreeMap<String, u32>> {
    let parse = |line: &String| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    let parsed: Option<Vec<(String, u32)>> = lines.iter().map(parse).collect();
    match parsed {
        Some(parsed) if parsed.is_sorted() => Ok(parsed.into_iter().collect()),
        _ => Err(format!("not sorted counts: {lines:?}")),
    }
}

fn is_consecutive(numbers: &[u32]) -> bool {
    numbers.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[&str]) -> Vec<String> {
        of.iter().copied().map(str::to_owned).collect()
    }

    #[test]
    fn missing_additional_and_different_lines_are_errors() {
        assert_eq!(expect(&lines(&["a", "b"]), &["a", "b"]), Ok(()));
        for wrong in [&["a"][..], &["a", "b", "c"], &["a", "B"]] {
            assert!(expect(&lines(wrong), &["a", "b"]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn counts_must_be_numbers_in_order_of_name() {
        assert_eq!(counts(&lines(&["w1 40", "w2 60"])).unwrap()["w2"], 60);
        assert!(counts(&lines(&["w2 60", "w1 40"])).is_err());
        assert!(counts(&lines(&["w1 many"])).is_err());
    }

    #[test]
    fn consecutive_numbers_have_no_gap() {
        assert!(is_consecutive(&[7, 8, 9]));
        assert!(!is_consecutive(&[7, 9]));
    }
}
