//! libFuzzer around all bodies: `FERROMQ_FUZZ` names the one.

#![no_main]

use std::sync::LazyLock;

use ferromq_fuzz::{Body, body};
use libfuzzer_sys::fuzz_target;

static BODY: LazyLock<Body> = LazyLock::new(|| {
    let name = std::env::var("FERROMQ_FUZZ").expect("FERROMQ_FUZZ names a target");
    body(&name).unwrap_or_else(|| panic!("there is no target {name}"))
});

fuzz_target!(|data: &[u8]| BODY(data));
