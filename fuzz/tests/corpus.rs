//! Every body over its whole corpus, and over what is cut off it: what was found once stays found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a test that fails names its input")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferromq_fuzz::{TARGETS, body};
use ferromq_testkit::watchdog;

const LIMIT: Duration = Duration::from_secs(120);

/// The files of a target's corpus.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
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
    message
    metadata
    sockets
    traffic
}
