//! `cargo xtask fuzz`: libFuzzer looks for inputs that make a body of `fuzz` fail, guided by the
//! edges of our packages that they reach; and counts what the committed corpus reaches of `wire`.
//!
//! The compiler's own instrumentation and libFuzzer's runtime, without a sanitizer (what is fuzzed
//! forbids unsafe code): any toolchain will do, and a C++ compiler.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{cargo, output, run as run_command};
use crate::{Outcome, target};

const USAGE: &str = "\
usage: cargo xtask fuzz [TARGET]… [--minutes N]   each target for so long (default: 1 each, all)
       cargo xtask fuzz --merge [TARGET]…         adds what was found to the committed corpora
       cargo xtask fuzz --seeds                   writes the seeds that are made by rules
       cargo xtask fuzz --edges                   how much of wire the committed corpora reach";

/// A counter and an address for each edge.
const EDGES: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=3",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Ccodegen-units=1",
];

/// The operands of comparisons, by which libFuzzer finds what is compared with.
const COMPARISONS: &str = "-Cllvm-args=-sanitizer-coverage-trace-compares";

/// Nothing inlined, unrolled or added.
const AS_WRITTEN: [&str; 3] = [
    "-Copt-level=0",
    "-Cdebug-assertions=off",
    "-Coverflow-checks=off",
];

/// Set while the compiler is called through this program: the one crate to be instrumented.
const ONLY: &str = "FERROMQ_EDGES";

/// The package whose edges are counted.
const COUNTED: &str = "ferromq_wire";

/// What of its edges the committed corpora have to reach, in percent.
const REACHED: usize = 90;

/// Runs what the arguments say.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Outcome {
    match *arguments {
        ["--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["--edges"] => edges(root),
        ["--seeds"] => run_command(
            cargo(root, &["run", "-p", "ferromq-fuzz", "--bin", "seeds"]).current_dir(root),
        ),
        ["--merge", ref names @ ..] => {
            let program = build(root, None)?;
            let names = chosen(root, names)?;
            names
                .iter()
                .try_for_each(|name| merge(root, &program, name))
        }
        _ => fuzz(root, arguments),
    }
}

fn fuzz(root: &Path, arguments: &[&str]) -> Outcome {
    let (names, minutes) = match arguments {
        [names @ .., "--minutes", minutes] => (names, *minutes),
        names => (names, "1"),
    };
    let minutes: u64 = minutes.parse().map_err(|_| USAGE.to_owned())?;
    let program = build(root, None)?;
    for name in chosen(root, names)? {
        let found = target(root).join("fuzz/found");
        let grown = target(root).join("fuzz/corpus").join(&name);
        create(&found)?;
        create(&grown)?;
        let mut command = libfuzzer(&program, &name);
        command.arg(format!("-max_total_time={}", minutes.saturating_mul(60)));
        command.args(["-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"]);
        command.args(["-print_final_stats=1", "-verbosity=1"]);
        let prefix = found.join(format!("{name}-"));
        command.arg(format!("-artifact_prefix={}", prefix.display()));
        run_command(command.args([grown, corpus(root, &name)]))?;
    }
    Ok(())
}

/// Adds to a committed corpus what reaches more than it does.
fn merge(root: &Path, program: &Path, name: &str) -> Outcome {
    let grown = target(root).join("fuzz/corpus").join(name);
    create(&grown)?;
    let mut command = libfuzzer(program, name);
    command.args(["-merge=1", "-max_len=4096", "-verbosity=0"]);
    run_command(command.args([corpus(root, name), grown]))
}

/// Counts the edges that all committed corpora together reach, and says why they do not reach the
/// others.
pub(crate) fn edges(root: &Path) -> Outcome {
    let program = build(root, Some(COUNTED))?;
    let counted = output(Command::new(program).arg("--missed"))?;
    let mut words = counted.split_whitespace();
    let mut number = || words.find_map(|word| word.parse::<usize>().ok());
    let (Some(reached), Some(there)) = (number(), number()) else {
        return Err(format!("nothing was counted: {counted}"));
    };
    print_missed(root, &counted)?;
    let percent = 100 * reached / there.max(1);
    println!("the corpora reach {reached} of {there} edges of {COUNTED}: {percent} %");
    match percent >= REACHED {
        true => Ok(()),
        false => Err(format!("less than {REACHED} %")),
    }
}

/// Prints what was not reached, by reason: lines of an address and a function in `counted`.
fn print_missed(root: &Path, counted: &str) -> Outcome {
    let file = root.join("fuzz/unreached.txt");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let reasons = reasons(&text);
    let mut missed: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let functions = counted.lines().filter(|line| line.starts_with("0x"));
    for (_, function) in functions.filter_map(|line| line.split_once(' ')) {
        let reason = reasons.get(function).map_or("no reason is known", |it| it);
        let of_reason = missed.entry(reason).or_default();
        *of_reason.entry(function).or_default() += 1;
    }
    for (reason, functions) in missed {
        println!("{}: {reason}", functions.values().sum::<usize>());
        let each = functions.iter();
        each.for_each(|(function, edges)| println!("  {edges:3} {function}"));
    }
    Ok(())
}

/// Functions with the reason above them: paragraphs, whose first lines begin with `#`.
fn reasons(text: &str) -> BTreeMap<&str, String> {
    let mut reasons = BTreeMap::new();
    for paragraph in text.split("\n\n") {
        let (reason, functions): (Vec<&str>, Vec<&str>) =
            paragraph.lines().partition(|line| line.starts_with('#'));
        let reason: Vec<&str> = reason
            .iter()
            .map(|line| line.trim_matches(['#', ' ']))
            .collect();
        let reason = reason.join(" ");
        reasons.extend(
            functions
                .into_iter()
                .map(|function| (function, reason.clone())),
        );
    }
    reasons
}

/// Builds libFuzzer around the bodies, all packages instrumented; or the program that counts the
/// edges of `only` one. Gives the program.
fn build(root: &Path, only: Option<&str>) -> Outcome<PathBuf> {
    let (folder, program) = match only {
        None => ("fuzz", "ferromq-libfuzzer"),
        Some(_) => ("fuzz-edges", "edges"),
    };
    let folder = target(root).join(folder);
    let host = host()?;
    let mut command = cargo(root, &["build", "--release", "--locked"]);
    command.args(["--target", &host, "--bin", program]);
    command
        .arg("--manifest-path")
        .arg(root.join("fuzz/libfuzzer/Cargo.toml"));
    command.arg("--target-dir").arg(&folder);
    match only {
        None => drop(command.env("RUSTFLAGS", [&EDGES[..], &[COMPARISONS]].concat().join(" "))),
        Some(only) => {
            let this = std::env::current_exe().map_err(|error| error.to_string())?;
            command.env("RUSTC_WRAPPER", this).env(ONLY, only);
        }
    }
    run_command(&mut command)?;
    Ok(folder.join(host).join("release").join(program))
}

/// The compiler, called through this program: instruments one crate. `None`: this is no such call.
pub(crate) fn compile() -> Option<Outcome> {
    let only = std::env::var(ONLY).ok()?;
    let mut arguments = std::env::args_os().skip(1);
    let compiler = arguments.next()?;
    let rest: Vec<OsString> = arguments.collect();
    let mut command = Command::new(compiler);
    let is_counted = |pair: &[OsString]| pair[0] == "--crate-name" && pair[1] == *only;
    if rest.windows(2).any(is_counted) {
        // As it is written: the edges of unrolled loops and inlined comparisons are not ours. Nor
        // are checks that never fail, which come with that level unless they are turned off.
        command.args(&rest).args(EDGES).args(AS_WRITTEN);
        return Some(run_command(&mut command));
    }
    Some(run_command(command.args(rest)))
}

fn host() -> Outcome<String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc names no host".to_owned())
}

fn libfuzzer(program: &Path, name: &str) -> Command {
    let mut command = Command::new(program);
    command.env("FERROMQ_FUZZ", name);
    command
}

fn corpus(root: &Path, name: &str) -> PathBuf {
    root.join("fuzz/corpus").join(name)
}

/// These targets; all there are if none is named.
fn chosen(root: &Path, names: &[&str]) -> Outcome<Vec<String>> {
    let all = files(&root.join("fuzz/corpus"))?;
    let name_of = |path: &PathBuf| Some(path.file_name()?.to_string_lossy().into_owned());
    let all: Vec<String> = all.iter().filter_map(name_of).collect();
    if let Some(unknown) = names
        .iter()
        .find(|name| !all.iter().any(|one| one == *name))
    {
        return Err(format!(
            "no target {unknown}; there are {}\n{USAGE}",
            all.join(", ")
        ));
    }
    match names {
        [] => Ok(all),
        _ => Ok(names.iter().map(|&name| name.to_owned()).collect()),
    }
}

/// What is in a folder, by name.
fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn create(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::reasons;

    #[test]
    fn functions_have_the_reason_above_them() {
        let reasons = reasons("# A file.\n\n# Why\n# not.\na::b\n<c as d>::e\n\n# So.\nf\n");
        let found: Vec<_> = reasons
            .iter()
            .map(|(name, why)| (*name, &why[..]))
            .collect();
        assert_eq!(
            found,
            [
                ("<c as d>::e", "Why not."),
                ("a::b", "Why not."),
                ("f", "So.")
            ]
        );
    }
}
