//! Failures that are known, each with its reason: `expected-failures.md`.
//!
//! ```text
//! - `suite::case (tcp, dialed)`: why it fails       one trial
//! - `suite::case`: why                              the case on every stage
//! ```
//!
//! A trial that is listed here and passes is a surprise, as is an entry that names no trial.

const FILE: &str = include_str!("../expected-failures.md");

/// The failures that are expected.
#[derive(Debug)]
pub(crate) struct Expected {
    entries: Vec<(String, String)>,
}

impl Expected {
    /// Those of the suite's own list.
    pub(crate) fn listed() -> Self {
        Self::parse(FILE)
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut entries: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            let item = line
                .strip_prefix("- `")
                .and_then(|item| item.split_once("`: "));
            match (item, entries.last_mut(), line.strip_prefix("  ")) {
                (Some((name, reason)), _, _) => entries.push((name.to_owned(), reason.to_owned())),
                (None, Some((_, reason)), Some(more)) => {
                    reason.push(' ');
                    reason.push_str(more);
                }
                _ => {}
            }
        }
        Self { entries }
    }

    /// Why this trial is expected to fail, if it is.
    pub(crate) fn reason(&self, trial: &str) -> Option<&str> {
        let names = |name: &str| covers(name, trial);
        let (_, reason) = self.entries.iter().find(|(name, _)| names(name))?;
        Some(reason)
    }

    /// The entries that name none of these trials.
    pub(crate) fn unknown<'a>(&'a self, trials: &[String]) -> Vec<&'a str> {
        let names = self.entries.iter().map(|(name, _)| name.as_str());
        names
            .filter(|name| !trials.iter().any(|trial| covers(name, trial)))
            .collect()
    }
}

fn covers(name: &str, trial: &str) -> bool {
    let case = trial.split_once(" (").map_or(trial, |(case, _)| case);
    name == trial || name == case
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_cover_one_stage_or_all() {
        let text = "# Title\n\nText.\n\n- `a::b (tcp)`: why,\n  and more\n- `a::c`: all\n";
        let expected = Expected::parse(text);
        assert_eq!(expected.reason("a::b (tcp)"), Some("why, and more"));
        assert_eq!(expected.reason("a::b (ipc)"), None);
        assert_eq!(expected.reason("a::c (ipc)"), Some("all"));
        let trials = ["a::c (ipc)", "a::b (ipc)"].map(str::to_owned);
        assert_eq!(expected.unknown(&trials), ["a::b (tcp)"]);
    }
}
