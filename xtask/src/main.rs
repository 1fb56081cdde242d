//! Project commands:
//! `cargo xtask ci | verify | tidy | conformance | stress | sim | fuzz | soak | netns | interop |
//! budget | bench | help`.
//!
//! Standard library only.

#![forbid(unsafe_code)]

mod bench;
mod budget;
mod ci;
mod conformance;
mod fuzz;
mod interop;
mod jeromq;
mod netns;
mod python;
mod sim;
mod soak;
mod step;
mod stress;
mod tidy;
mod tree;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a command fails with: a text for people.
pub(crate) type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "\
cargo xtask COMMAND
  ci [--skip STEP]…          everything that must pass before a change is merged
  verify [STEP]…             what takes long or needs more tools: miri threads addresses deny …
  tidy                       house rules that no compiler checks
  conformance [OPTION]…      which requirements of the specifications are met; conformance --help
  stress [--minutes N] [--seed S] [--tuning MODE]…
                             random traffic over real connections, cut and closed at any time
  sim [--seeds N] [--seed FIRST] [--once] [--trace]
                             whole sockets over a simulated network, each seed twice
  fuzz [TARGET]… [--minutes N] | --merge | --seeds | --edges
                             what arbitrary bytes and operations do, by libFuzzer; fuzz --help
  soak [--minutes N]         connections come and go: nothing may grow
  netns [SCENE]…             loss, cuts, moves and pulled cables, in network namespaces (root)
  interop                    the founding programs, Rust and Python in all combinations
  interop --sockets [NAME]   every socket type against its pyzmq counterpart
  interop --restart [NAME]   killed and restarted peers, short-lived processes
  interop … --release        with optimised examples
  budget [--bless]           instructions per message, by callgrind, against what is committed
  bench [OPTION]…            speed, against libzmq and bare sockets; bench --help";

fn main() -> ExitCode {
    if let Some(compiled) = fuzz::compile() {
        return exit(compiled);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["ci", ref rest @ ..] => ci::run(root(), rest),
        ["verify", ref rest @ ..] => verify::run(root(), rest),
        ["tidy"] => tidy(),
        ["conformance", ref rest @ ..] => conformance::run(root(), rest),
        ["fuzz", ref rest @ ..] => fuzz::run(root(), rest),
        ["stress", ref rest @ ..] => stress::run(root(), rest),
        ["sim", ref rest @ ..] => sim::run(root(), rest),
        ["soak", ref rest @ ..] => soak::run(root(), rest),
        ["netns", ref rest @ ..] => netns::run(root(), rest),
        ["interop", ref rest @ ..] => interop::run(root(), rest),
        ["budget", ref rest @ ..] => budget::run(root(), rest),
        ["bench", ref rest @ ..] => bench::run(root(), rest),
        ["help" | "--help"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    exit(outcome)
}

fn exit(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn tidy() -> Outcome {
    match tidy::run(root()) {
        Ok(0) => Ok(()),
        Ok(count) => Err(format!("{count} violations of the house rules")),
        Err(error) => Err(format!("files unreadable: {error}")),
    }
}

/// The root of the workspace: the parent of this package.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Where builds and what else can be made again go.
pub(crate) fn target(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    }
}
