//! Runs the committed corpora, and counts the edges of the instrumented code that they reach: by
//! the compiler's counters, without libFuzzer. With `--missed`, the others' addresses are printed.

use std::fs;
use std::path::Path;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use ferromq_fuzz::TARGETS;

/// One counter per edge, which wraps.
static COUNTERS: OnceLock<&[AtomicU8]> = OnceLock::new();

/// For each edge its address, and flags.
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
    let count = reached.iter().filter(|reached| **reached).count();
    println!("{count} of {} edges", counters.len());
    if std::env::args().any(|argument| argument == "--missed") {
        let places = PLACES.get().expect("nothing is instrumented");
        let missed = places
            .iter()
            .zip(&reached)
            .filter(|(_, reached)| !**reached);
        missed.for_each(|([place, _], _)| println!("{place:#x}"));
    }
}
