//! The measurement: every cell once a round, all subjects one right after the other.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use ferromq_bench::Outcome;
use ferromq_bench::cell::Cell;
use ferromq_bench::machine::{self, Others};

use crate::options::{Action, Options, USAGE};
use crate::plan;
use crate::report::{Results, Row, Spread};
use crate::runs;
use crate::subject::Subject;

/// Does what the arguments ask for. Cells that failed are an error once everything is reported.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let options = Options::parse(arguments)?;
    let cells = options.cells();
    match options.action {
        Action::Help => println!("{USAGE}"),
        Action::List => cells.iter().for_each(|cell| println!("{cell}")),
        Action::Report => report(&Results::read(&options.file())?, &options)?,
        Action::Measure => measure(&options, cells)?,
    }
    Ok(())
}

fn measure(options: &Options, cells: Vec<Cell>) -> Outcome {
    if cfg!(debug_assertions) {
        return Err("figures of a debug build mean nothing: cargo xtask bench".into());
    }
    if cells.is_empty() {
        return Err("no cell has such a name: --list".into());
    }
    fs::create_dir_all(&options.out)?;
    let mut subjects = Subject::against(&options.against, &options.rivals)?;
    subjects.retain(|subject| {
        let is_there = subject.is_there();
        if !is_there {
            println!("{} is missing: it was not built", subject.name);
        }
        is_there
    });
    let mut results = Results::new(machine::describe(), &subjects)?;
    println!("{}", results.heading());
    results.rows = cells.into_iter().map(Row::new).collect();
    let start = Instant::now();
    for round in 0..options.rounds {
        play(&mut results, &subjects, options, round)?;
    }
    if !options.quick {
        count_calls(&mut results, &subjects, options);
    }
    println!("{:.0} s", start.elapsed().as_secs_f64());
    // What was measured before and is only kept had an error of its own.
    let measured = results.check();
    if options.add {
        results = Results::read(&options.file())?.replaced_by(results);
    }
    results.write(&options.file())?;
    report(&results, options)?;
    measured
}

/// One round over all cells.
fn play(results: &mut Results, subjects: &[Subject], options: &Options, round: usize) -> Outcome {
    let (others, start) = (Others::watch(), Instant::now());
    let mut probes = Vec::new();
    for row in &mut results.rows {
        let measured = plan::measured(&row.cell).unwrap_or(options.measured());
        let idle = plan::idle(&row.cell).unwrap_or(options.idle());
        for run in 0..plan::runs(&row.cell, round) {
            probes.push(machine::core_to_core()?);
            let mut samples = BTreeMap::new();
            for place in 0..subjects.len() {
                let subject = &subjects[(place + round + run) % subjects.len()];
                match runs::measure(subject, &row.cell, measured, idle) {
                    Ok(Some(sample)) => _ = samples.insert(subject.name.to_owned(), sample),
                    Ok(None) => {}
                    Err(problem) => row.fail(subject.name, &problem.to_string()),
                }
            }
            row.runs.push(samples);
        }
    }
    println!(
        "round {}: {:.0} s; core to core and back {} ns; others used {:.2} cores",
        round + 1,
        start.elapsed().as_secs_f64(),
        Spread::of(probes.iter().copied()),
        others.cores()
    );
    results.probes.push(probes);
    Ok(())
}

/// Once for each cell and subject that has not failed, if the machine allows it.
fn count_calls(results: &mut Results, subjects: &[Subject], options: &Options) {
    let file = options.out.join("calls.txt");
    if !runs::can_count_calls(&file) {
        println!("system calls are not counted: that needs perf, and the right to use it");
        return;
    }
    for row in &mut results.rows {
        for subject in subjects {
            if !row.has(subject.name) {
                continue;
            }
            match runs::count_calls(subject, &row.cell, &file) {
                Ok(Some(calls)) => row.put_calls(subject.name, calls),
                Ok(None) => {}
                Err(problem) => row.fail(subject.name, &problem.to_string()),
            }
        }
    }
}

/// Prints the tables, and writes what else is made of the results.
fn report(results: &Results, options: &Options) -> Outcome {
    print!("{}", results.tables());
    println!("\n{}", options.file().display());
    let summary = options.out.join("summary.md");
    fs::write(&summary, results.summary())?;
    println!("{}", summary.display());
    for chart in results.draw(&options.out)? {
        println!("{}", chart.display());
    }
    Ok(())
}
