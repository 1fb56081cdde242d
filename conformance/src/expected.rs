//! Failures that are known, each with its reason, and whose they are: `expected-failures.md`.
//!
//! ```text
//! ## FerroMQ                               whose the following are
//! - `suite::case (tcp, dialed)`: why       a trial that fails
//! - `suite::case (REQ, pyomq DEALER)`: why     those on whose stage these words are
//! - `case`: why                            those on every stage, in every suite
//! - A text.                                what was found, though nothing fails for it
//! ```
//!
//! A trial that is listed here and passes is a surprise, as is an entry that names no trial.

const FILE: &str = include_str!("../expected-failures.md");

/// Whose failures are our own.
const OURS: &str = "FerroMQ";

/// The failures that are expected.
#[derive(Debug)]
pub(crate) struct Expected {
    entries: Vec<Entry>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The implementation whose defect it is.
    pub(crate) whose: String,
    /// The trials that fail because of it, if any do.
    pub(crate) trials: Option<String>,
    pub(crate) text: String,
}

impl Expected {
    /// Those of the suite's own list.
    pub(crate) fn listed() -> Self {
        Self::parse(FILE)
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut whose = OURS;
        let mut entries: Vec<Entry> = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                whose = heading;
            } else if let Some(item) = line.strip_prefix("- ") {
                entries.push(Entry::parse(whose, item));
            } else if let (Some(more), Some(entry)) = (line.strip_prefix("  "), entries.last_mut())
            {
                entry.text.push(' ');
                entry.text.push_str(more);
            }
        }
        Self { entries }
    }

    /// Why this trial is expected to fail, if it is.
    pub(crate) fn reason(&self, trial: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.covers(trial))
    }

    /// The entries that name none of these trials.
    pub(crate) fn unknown<'a>(&'a self, trials: &[String]) -> Vec<&'a str> {
        let covers_none = |entry: &&Entry| !trials.iter().any(|trial| entry.covers(trial));
        let of_trials = self.entries.iter().filter(covers_none);
        of_trials
            .filter_map(|entry| entry.trials.as_deref())
            .collect()
    }

    /// What was found in other implementations.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_ours())
    }
}

impl Entry {
    fn parse(whose: &str, item: &str) -> Self {
        let named = item
            .strip_prefix('`')
            .and_then(|item| item.split_once("`: "));
        let (trials, text) = named.map_or((None, item), |(trials, text)| (Some(trials), text));
        Self {
            whose: whose.to_owned(),
            trials: trials.map(str::to_owned),
            text: text.to_owned(),
        }
    }

    /// True if it says something about FerroMQ.
    pub(crate) fn is_ours(&self) -> bool {
        self.whose == OURS
    }

    /// True if this trial is one of its own.
    fn covers(&self, trial: &str) -> bool {
        let Some(trials) = &self.trials else {
            return false;
        };
        let ((case, words), (of_trial, stage)) = (split(trials), split(trial));
        let is_case = of_trial == case || of_trial.ends_with(&format!("::{case}"));
        let has = |word: &str| {
            let begins = |part: &str| part == word || part.starts_with(&format!("{word} "));
            stage.split(", ").any(begins)
        };
        is_case && (words.is_empty() || words.split(", ").all(has))
    }
}

/// `case (stage)` in its two pieces.
fn split(trial: &str) -> (&str, &str) {
    let (case, stage) = trial.split_once(" (").unwrap_or((trial, ""));
    (case, stage.trim_end_matches(')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# Title

Text.

- `a::b (tcp)`: why,
  and more
## Other
- `c (REQ, other REP)`: all
- It is late.
";

    #[test]
    fn entries_cover_the_stages_whose_words_they_name() {
        let expected = Expected::parse(TEXT);
        let reason = |trial| expected.reason(trial).map(|entry| entry.text.as_str());
        assert_eq!(reason("a::b (tcp)"), Some("why, and more"));
        assert_eq!(reason("a::b (tcp, dialed)"), Some("why, and more"));
        assert_eq!(reason("x::c (ipc, REQ binds, other REP)"), Some("all"));
        for other in [
            "a::b (ipc)",
            "aa::b (tcpx)",
            "b::b (tcp)",
            "x::c (ipc, REP binds, other REQ)",
            "x::cc (ipc, REQ binds, other REP)",
        ] {
            assert_eq!(reason(other), None, "{other}");
        }
        let trials = ["x::c (REQ dials, other REP)", "a::b (ipc)"].map(str::to_owned);
        assert_eq!(expected.unknown(&trials), ["a::b (tcp)"]);
    }

    #[test]
    fn entries_are_of_whoever_their_heading_names() {
        let expected = Expected::parse(TEXT);
        assert!(expected.reason("a::b (tcp)").unwrap().is_ours());
        let foreign: Vec<_> = expected.foreign().collect();
        assert_eq!(foreign.len(), 2);
        assert_eq!(
            (foreign[1].whose.as_str(), foreign[1].text.as_str()),
            ("Other", "It is late.")
        );
    }
}
