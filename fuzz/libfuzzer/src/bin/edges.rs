//! Runs the committed corpora, and counts the edges of one crate that they reach: by the compiler's
//! counters, without libFuzzer.
//!
//! The instrumented crate has code of others too, made for its types: what std does with them. Of
//! the functions in the symbol table those count that are the crate's own, whatever number of
//! instances there is of each: an edge is reached if it is in one of them. With `--missed`, the
//! others are printed, by function and address.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
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

fn main() {
    let reached = run();
    let places = PLACES.get().expect("nothing is instrumented");
    let functions = functions();
    // By function, and which of its edges in their order.
    let mut edges: BTreeMap<(&str, usize), (bool, usize)> = BTreeMap::new();
    let (mut present, mut ordinal) = (None, 0);
    for (&[place, flags], reached) in places.iter().zip(reached) {
        if flags & 1 == 1 {
            present = functions.get(&place).and_then(|symbol| own(symbol));
            ordinal = 0;
        }
        ordinal += 1;
        if let Some(name) = present {
            edges.entry((name, ordinal)).or_insert((false, place)).0 |= reached;
        }
    }
    let count = edges.values().filter(|(reached, _)| *reached).count();
    println!("{count} of {} edges", edges.len());
    if std::env::args().any(|argument| argument == "--missed") {
        let base = base(&functions);
        let missed = edges.iter().filter(|(_, (reached, _))| !reached);
        missed.for_each(|((name, _), (_, place))| println!("{:#x} {name}", place - base));
        let names: BTreeSet<&str> = edges.keys().map(|(name, _)| *name).collect();
        println!("{} functions", names.len());
    }
}

/// Which edges the corpora reach, in the order of the counters.
fn run() -> Vec<bool> {
    let counters = COUNTERS.get().expect("nothing is instrumented");
    let mut reached = vec![false; counters.len()];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for (name, body) in TARGETS {
        let entries = fs::read_dir(corpus.join(name)).expect("a corpus");
        for entry in entries {
            let data = fs::read(entry.expect("a file").path()).expect("its bytes");
            body(&data);
            for (reached, counter) in reached.iter_mut().zip(*counters) {
                *reached |= counter.swap(0, Ordering::Relaxed) != 0;
            }
        }
    }
    reached
}

/// The path of a function of the crate, without the hash that tells its instances apart.
fn own(symbol: &str) -> Option<&str> {
    let path = symbol.strip_prefix("_ZN")?;
    let path = path.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_own = OWN.iter().any(|start| path.starts_with(start));
    let (path, _) = path.rsplit_once("17h")?;
    is_own.then_some(path)
}

/// The functions of this program by the addresses at which they begin now.
fn functions() -> BTreeMap<usize, String> {
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
    moved.collect()
}

/// How far the program was moved in memory.
fn base(functions: &BTreeMap<usize, String>) -> usize {
    let (lowest, _) = functions.first_key_value().expect("functions");
    lowest & !0xff_ffff
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
