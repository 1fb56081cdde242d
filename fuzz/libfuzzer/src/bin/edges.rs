//! Runs the committed corpora, and counts the edges of one crate that they reach: by the compiler's
//! counters, without libFuzzer.
//!
//! The instrumented crate has code of others too, made for its types: what std does with them. Of
//! the functions in the symbol table those count that are the crate's own, whatever number of
//! instances there is of each: an edge is reached if it is in one of them. With `--missed`, the
//! others are printed, by function and address; with `--idle`, the files without which as much is
//! reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use ferromq_fuzz::TARGETS;

/// How the path of a function of the crate begins in its symbol: free and inherent ones, and those
/// of traits.
const OWN: [&str; 3] = ["ferromq_wire", "_$LT$ferromq_wire", "_$LT$$RF$ferromq_wire"];

/// One counter per edge, which wraps.
static COUNTERS: OnceLock<&[AtomicU8]> = OnceLock::new();

/// For each edge its address, and flags: 1, it is where a function begins.
static PLACES: OnceLock<&[[usize; 2]]> = OnceLock::new();

/// Called by the instrumented code before `main`, with the place of its counters.
///
/// # Safety
///
/// The two are the bounds of the counters, which live as long as the program.
#[unsafe(no_mangle)]
unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(
    start: *const AtomicU8,
    end: *const AtomicU8,
) {
    // SAFETY: by the contract of the instrumentation (clang, SanitizerCoverage), as above.
    let counters = unsafe { slice::from_raw_parts(start, end.offset_from_unsigned(start)) };
    COUNTERS.get_or_init(|| counters);
}

/// Called likewise, with the place of a table of addresses.
///
/// # Safety
///
/// The two are the bounds of the table, which lives as long as the program.
#[unsafe(no_mangle)]
unsafe extern "C" fn __sanitizer_cov_pcs_init(start: *const [usize; 2], end: *const [usize; 2]) {
    // SAFETY: by the contract of the instrumentation (clang, SanitizerCoverage), as above.
    let places = unsafe { slice::from_raw_parts(start, end.offset_from_unsigned(start)) };
    PLACES.get_or_init(|| places);
}

/// An edge of a function of the crate: the how many-th.
type Edge<'a> = (&'a str, usize);

fn main() {
    let runs = run();
    let (base, functions) = functions();
    let edges = edges(&functions);
    let places: BTreeMap<Edge<'_>, usize> = edges.iter().flatten().copied().collect();
    let mut reached: BTreeMap<Edge<'_>, usize> = BTreeMap::new();
    let of = |hits: &[usize]| -> BTreeSet<Edge<'_>> {
        let own = hits.iter().filter_map(|at| edges[*at]);
        own.map(|(edge, _)| edge).collect()
    };
    for edge in runs.iter().flat_map(|(_, hits)| of(hits)) {
        *reached.entry(edge).or_default() += 1;
    }
    println!("{} of {} edges", reached.len(), places.len());
    if std::env::args().any(|argument| argument == "--missed") {
        let missed = places
            .iter()
            .filter(|(edge, _)| !reached.contains_key(edge));
        missed.for_each(|((name, _), place)| println!("{:#x} {}", place - base, readable(name)));
    }
    if std::env::args().any(|argument| argument == "--idle") {
        for (file, hits) in runs.iter().rev() {
            let edges = of(hits);
            if edges.iter().all(|edge| reached[edge] > 1) {
                println!("{}", file.display());
                edges
                    .iter()
                    .for_each(|edge| *reached.entry(*edge).or_default() -= 1);
            }
        }
    }
}

/// Which edge each counter counts, and where that is; `None`: one of others' functions.
fn edges(functions: &BTreeMap<usize, String>) -> Vec<Option<(Edge<'_>, usize)>> {
    let places = PLACES.get().expect("nothing is instrumented");
    let (mut present, mut ordinal) = (None, 0);
    let edge = |&[place, flags]: &[usize; 2]| {
        if flags & 1 == 1 {
            present = functions.get(&place).and_then(|symbol| own(symbol));
            ordinal = 0;
        }
        ordinal += 1;
        present.map(|name| ((name, ordinal), place))
    };
    places.iter().map(edge).collect()
}

/// The files of the corpora, with the counters that each sets off.
fn run() -> Vec<(PathBuf, Vec<usize>)> {
    let counters = COUNTERS.get().expect("nothing is instrumented");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let mut runs = Vec::new();
    for (name, body) in TARGETS {
        let entries = fs::read_dir(corpus.join(name)).expect("a corpus");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        for file in files {
            body(&fs::read(&file).expect("its bytes"));
            let counts = counters
                .iter()
                .map(|counter| counter.swap(0, Ordering::Relaxed));
            let hits = counts.enumerate().filter(|(_, count)| *count != 0);
            runs.push((file, hits.map(|(at, _)| at).collect()));
        }
    }
    runs
}

/// The path of a function of the crate, without the hash that tells its instances apart: names,
/// each behind its length.
fn own(symbol: &str) -> Option<&str> {
    let (path, _) = symbol.strip_prefix("_ZN")?.rsplit_once("17h")?;
    let first = path.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_own = OWN.iter().any(|start| first.starts_with(start));
    is_own.then_some(path)
}

/// The path as it is written: of a method of a trait, with the type and the trait in brackets.
fn readable(path: &str) -> String {
    const SIGNS: [(&str, &str); 9] = [
        ("_$", "$"),
        ("$LT$", "<"),
        ("$GT$", ">"),
        ("$RF$", "&"),
        ("$u20$", " "),
        ("$u7b$", "{"),
        ("$u7d$", "}"),
        ("..", "::"),
        ("ferromq_wire::", ""),
    ];
    let (mut names, mut rest) = (Vec::new(), path);
    while let Some(digits) = rest.find(|c: char| !c.is_ascii_digit()) {
        let (length, behind) = rest.split_at(digits);
        let length = length.parse().unwrap_or(behind.len());
        let (name, behind) = behind.split_at(length.min(behind.len()));
        names.push(name);
        rest = behind;
    }
    let signs = SIGNS.iter();
    signs.fold(names.join("::"), |text, (from, to)| text.replace(from, to))
}

/// How far this program was moved in memory, and its functions by the addresses at which they
/// begin now.
fn functions() -> (usize, BTreeMap<usize, String>) {
    let program = std::env::current_exe()
        .and_then(fs::read)
        .expect("this program");
    let symbols = Elf(&program).functions();
    let this = "__sanitizer_cov_pcs_init";
    let (there, _) = symbols
        .iter()
        .find(|(_, name)| name == this)
        .expect("a symbol table");
    let base = __sanitizer_cov_pcs_init as *const () as usize - there;
    let moved = symbols.into_iter().map(|(at, name)| (base + at, name));
    (base, moved.collect())
}

/// A program of 64 bits, little end first.
struct Elf<'a>(&'a [u8]);

impl Elf<'_> {
    const SYMBOLS: usize = 2;
    const FUNCTION: u8 = 2;

    /// Functions by their addresses, by the table of symbols.
    fn functions(&self) -> Vec<(usize, String)> {
        let (sections, size) = (self.number(0x28, 8), self.number(0x3a, 2));
        let section = |index: usize| sections + index * size;
        let place = |at: usize| (self.number(at + 0x18, 8), self.number(at + 0x20, 8));
        let mut functions = Vec::new();
        for index in 0..self.number(0x3c, 2) {
            let at = section(index);
            if self.number(at + 4, 4) != Self::SYMBOLS {
                continue;
            }
            let (names, _) = place(section(self.number(at + 0x28, 4)));
            let (first, length) = place(at);
            for symbol in (first..first + length).step_by(24) {
                if self.0[symbol + 4] & 0xf == Self::FUNCTION {
                    let name = self.text(names + self.number(symbol, 4));
                    functions.push((self.number(symbol + 8, 8), name));
                }
            }
        }
        functions
    }

    fn number(&self, at: usize, bytes: usize) -> usize {
        let bytes = self.0[at..at + bytes].iter().rev();
        bytes.fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    }

    fn text(&self, at: usize) -> String {
        let bytes = self.0[at..].iter().take_while(|byte| **byte != 0);
        bytes.map(|byte| char::from(*byte)).collect()
    }
}
