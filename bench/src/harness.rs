//! The measurement: every cell once a round, FerroMQ and its opponent one right after the other.
//!
//! - [`cell`]: what is measured; [`one_way`] and [`round_trip`]: how; [`raw`]: the bare sockets;
//! - [`roles`]: the two ends as pinned threads; [`machine`]: what the figures depend on;
//! - [`report`]: medians, ratios, tables and JSON.
//!
//! Ratios are taken within a round, then their median: on virtual machines everything that crosses
//! cores changes fourfold over minutes, and only what was measured side by side can be compared.

mod cell;
mod machine;
mod one_way;
mod raw;
mod report;
mod roles;
mod round_trip;

use std::error::Error;
use std::path::PathBuf;

use cell::{Cell, Subject, Transport, Work};
use machine::Others;
use report::{Report, Row};
use roles::Sample;

/// What can go wrong ends the measurement, as a text.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "\
cargo xtask bench [OPTION]…
  --transport NAME   tcp, ipc, inproc or all; default: tcp
  --quick            fewer, shorter rounds, in less than a minute
  --rounds NUMBER    default: 5, when quick 3
  --only TEXT        only the cells whose name contains this, such as 'hot tcp 64 B one core'
  --against NAME     raw (default) or none
  --out DIRECTORY    where the JSON goes; default: target/bench";

/// What is said about the options of both sides.
const DEFAULTS: &str = "\
defaults everywhere: high-water marks of 1000 messages, one I/O thread per context and a context \
per end, linger 5 s, the system's kernel buffers; raw: blocking, TCP_NODELAY, one-way in writes \
and reads of 64 KiB; inproc: one context, against a std channel of 1000";

/// Measures what the arguments ask for.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let Some(options) = Options::parse(arguments)? else {
        println!("{USAGE}");
        return Ok(());
    };
    if cfg!(debug_assertions) {
        return Err(
            "figures of a debug build mean nothing: cargo xtask bench, or --release".into(),
        );
    }
    println!("{}\n{DEFAULTS}\n", machine::describe());
    let mut rows = options.rows();
    if rows.is_empty() {
        return Err("no cell has such a name".into());
    }
    for row in &mut rows {
        for &subject in &options.subjects {
            let sample = measure(&row.cell, subject, row.cell.first_count(options.quick))?;
            row.rates[subject as usize] = sample.rate;
        }
    }
    let mut report = Report::new(rows, machine::describe());
    for round in 0..options.rounds {
        report.probes.push(play(&mut report.rows, &options, round)?);
    }
    print!("{}", report.tables());
    let path = report.write(&options.out, &options.name(), DEFAULTS)?;
    println!("\n{}", path.display());
    Ok(())
}

/// One round over all cells; the latency between the cores, in nanoseconds, before each.
fn play(rows: &mut [Row], options: &Options, round: usize) -> Outcome<Vec<f64>> {
    let others = Others::watch();
    let mut probes = Vec::new();
    for row in rows {
        probes.push(machine::core_to_core()?);
        let mut samples = [Sample::default(); 2];
        let mut order = options.subjects.clone();
        order.rotate_left(round % options.subjects.len());
        for subject in order {
            let count = row.count(subject, options.quick);
            let sample = measure(&row.cell, subject, count)?;
            row.rates[subject as usize] = sample.rate;
            samples[subject as usize] = sample;
        }
        row.samples.push(samples);
    }
    println!(
        "round {}: core to core and back {} ns; others used {:.2} cores",
        round + 1,
        report::Spread::of(probes.iter().copied()),
        others.cores()
    );
    Ok(probes)
}

fn measure(cell: &Cell, subject: Subject, count: usize) -> Outcome<Sample> {
    match cell.work {
        Work::OneWay => one_way::run(cell, subject, count),
        Work::Hot | Work::Cold => round_trip::run(cell, subject, count),
    }
}

/// What is asked for on the command line.
#[derive(Debug)]
struct Options {
    transports: Vec<Transport>,
    quick: bool,
    rounds: usize,
    only: String,
    subjects: Vec<Subject>,
    out: PathBuf,
}

impl Options {
    /// `None`: help is asked for.
    fn parse(arguments: &[String]) -> Outcome<Option<Self>> {
        let mut options = Self {
            transports: vec![Transport::Tcp],
            quick: false,
            rounds: 0,
            only: String::new(),
            subjects: vec![Subject::Ferromq, Subject::Raw],
            out: PathBuf::from("target/bench"),
        };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--quick" {
                options.quick = true;
                continue;
            }
            if word == "--help" {
                return Ok(None);
            }
            let value = words.next().ok_or_else(|| format!("{word}?\n{USAGE}"))?;
            match (word, value) {
                ("--transport", "all") => options.transports = Transport::ALL.to_vec(),
                ("--transport", name) => {
                    let known = Transport::ALL
                        .into_iter()
                        .find(|known| known.name() == name);
                    options.transports = vec![known.ok_or("no such transport")?];
                }
                ("--rounds", number) => options.rounds = number.parse()?,
                ("--only", text) => text.clone_into(&mut options.only),
                ("--against", "raw") => {}
                ("--against", "none") => options.subjects = vec![Subject::Ferromq],
                ("--out", path) => options.out = path.into(),
                _ => return Err(format!("{word} {value}?\n{USAGE}").into()),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 3 } else { 5 };
        }
        Ok(Some(options))
    }

    fn rows(&self) -> Vec<Row> {
        let transports = self.transports.iter();
        let cells = transports.flat_map(|&transport| Cell::plan(transport, self.quick));
        cells
            .filter(|cell| cell.to_string().contains(&self.only))
            .map(Row::new)
            .collect()
    }

    /// The name of the JSON file.
    fn name(&self) -> String {
        let names: Vec<&str> = self.transports.iter().map(|one| one.name()).collect();
        let quick = if self.quick { "-quick" } else { "" };
        format!("{}{quick}.json", names.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::cell::Placement;
    use super::*;

    fn parse(line: &str) -> Outcome<Option<Options>> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn options_are_read() {
        let options = parse("--transport all --quick --only hot")
            .unwrap()
            .unwrap();
        assert_eq!((options.transports.len(), options.rounds), (3, 3));
        assert_eq!(options.name(), "tcp-ipc-inproc-quick.json");
        assert_eq!(options.rows().len(), 8);
        assert!(parse("--help").unwrap().is_none());
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(parse("--transport udp").is_err());
        assert!(parse("--rounds").is_err());
        assert!(parse("--round 5").is_err());
    }

    #[test]
    fn every_workload_runs_with_both_subjects() {
        let plans = Transport::ALL.map(|transport| Cell::plan(transport, true));
        let cells = plans.concat().into_iter();
        for cell in cells
            .filter(|cell| cell.placement == Placement::OneCore)
            .filter(|cell| cell.work != Work::Cold)
        {
            for subject in [Subject::Ferromq, Subject::Raw] {
                assert!(measure(&cell, subject, 100).unwrap().rate > 0.0, "{cell}");
            }
        }
    }
}
