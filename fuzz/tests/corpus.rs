//! Every body over its whole corpus, and over what is cut off it: what was found once stays found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test that fails names its input")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferromq_fuzz::{TARGETS, body, seeds};
use ferromq_testkit::watchdog;

const LIMIT: Duration = Duration::from_secs(120);

/// Where a target's corpus is.
fn folder(target: &str) -> PathBuf {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    corpus.join(target)
}

/// The files of a target's corpus.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = folder(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A failing input is named in the output of the test.
fn run(target: &str) {
    watchdog::under(target, LIMIT, || {
        let body = body(target).expect("a target of this name");
        let files = corpus(target);
        assert!(files.len() >= 5, "{target} has a corpus of {}", files.len());
        for file in files {
            println!("{}", file.display());
            let data = fs::read(file).unwrap();
            body(&data);
            body(&data[..data.len() / 2]);
        }
    });
}

#[test]
fn made_seeds_are_the_files_of_that_name() {
    let mut made = BTreeSet::new();
    for seed in seeds::all() {
        let file = folder(seed.target).join(&seed.name);
        let data = fs::read(&file).unwrap_or_default();
        assert!(
            data == seed.data,
            "{file:?}: run `cargo xtask fuzz --seeds`"
        );
        assert!(
            made.insert(file),
            "{} has two of {}",
            seed.target,
            seed.name
        );
    }
    let all = TARGETS.iter().flat_map(|(target, _)| corpus(target));
    let is_made = |file: &PathBuf| {
        file.file_name()
            .unwrap()
            .as_encoded_bytes()
            .starts_with(b"made-")
    };
    let there: BTreeSet<PathBuf> = all.filter(is_made).collect();
    assert_eq!(there, made, "files that nothing makes");
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_its_test() {
            let tested = [$(stringify!($name)),*];
            assert!(TARGETS.iter().map(|(name, _)| *name).eq(tested));
        }
    };
}

targets! {
    connection
    conversation
    endpoint
    handshake
    heartbeat
    key
    mechanism
    message
    metadata
    sockets
    traffic
}
