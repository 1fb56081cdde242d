//! Running one test body under many seeds.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

const VARIABLE: &str = "FERROMQ_SEED";

/// Calls `body` with each of these seeds, or only with that in the environment's `FERROMQ_SEED`.
///
/// # Panics
/// With the panic of `body`, after naming the seed on standard error.
pub fn for_seeds(seeds: Range<u64>, body: impl FnMut(u64)) {
    let seeds = chosen(std::env::var(VARIABLE).ok()).unwrap_or(seeds);
    each(seeds, body, crate::say);
}

fn each(seeds: Range<u64>, mut body: impl FnMut(u64), mut say: impl FnMut(&str)) {
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(seed))) {
            say(&format!(
                "failed with seed {seed}: {VARIABLE}={seed} runs it alone"
            ));
            resume_unwind(panic);
        }
    }
}

/// # Panics
/// If the variable is set and no number.
fn chosen(variable: Option<String>) -> Option<Range<u64>> {
    let seed: u64 = variable?.parse().expect("FERROMQ_SEED is a number");
    Some(seed..seed + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_stop_at_first_failure_and_name_it() {
        let (mut seen, mut said) = (Vec::new(), Vec::new());
        let result = catch_unwind(AssertUnwindSafe(|| {
            let body = |seed| {
                seen.push(seed);
                assert!(seed < 5);
            };
            each(3..9, body, |text| said.push(text.to_owned()));
        }));
        assert!(result.is_err());
        assert_eq!(seen, [3, 4, 5]);
        assert_eq!(said, ["failed with seed 5: FERROMQ_SEED=5 runs it alone"]);
    }

    #[test]
    fn chosen_variable_gives_one_seed() {
        assert_eq!(chosen(None), None);
        assert_eq!(chosen(Some("17".into())), Some(17..18));
    }
}
