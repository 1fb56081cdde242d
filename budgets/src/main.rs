//! Runs one scenario, which callgrind counts, and prints what else was counted. Without arguments:
//! the names of all, and how many messages each passes.

#![expect(clippy::print_stdout, reason = "this is what the program is for")]

use std::process::ExitCode;

use ferromq_budgets::Scenario;
use ferromq_budgets::meter::{Counting, measure};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for scenario in Scenario::ALL {
            println!("{} {}", scenario.name, scenario.messages);
        }
        return ExitCode::SUCCESS;
    };
    let Some(scenario) = Scenario::named(&name) else {
        return ExitCode::from(2);
    };
    let course = scenario.start();
    let counts = measure(|| course.run());
    println!("{name}: {} messages, {counts:?}", scenario.messages);
    ExitCode::SUCCESS
}
