//! The list of allowed violations, each with a reason and a day on which it ends.
//!
//! One per line: `path | rule | reason | YYYY-MM-DD`; `#` starts a comment. An entry that has ended
//! or that nothing needs any more is a violation itself.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Rule, Violation};

/// Where the list is, from the root.
pub(crate) const FILE: &str = "xtask/tidy-exceptions.txt";

/// A day; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day {
    year: i64,
    month: i64,
    day: i64,
}

impl Day {
    /// The present day, in UTC.
    pub(crate) fn today() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self::from_days(i64::try_from(since.as_secs() / 86_400).unwrap_or(0))
    }

    /// The day so many days after 1970-01-01 (years run from March; 400 years have 146 097 days).
    fn from_days(days: i64) -> Self {
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else {
            return None;
        };
        let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        let is_valid = (1..=12).contains(&month) && (1..=31).contains(&day);
        is_valid.then_some(Self { year, month, day })
    }
}

/// Removes the violations that the list allows, and adds those of the list itself.
pub(crate) fn apply(violations: Vec<Violation>, list: &str, today: Day) -> Vec<Violation> {
    let mut left = violations;
    let mut own = Vec::new();
    for (number, line) in (1..).zip(list.lines()) {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        if let Err(problem) = use_entry(entry, &mut left, today) {
            own.push(Violation::new(FILE, number, Rule::Exceptions, problem));
        }
    }
    left.append(&mut own);
    left
}

fn use_entry(entry: &str, left: &mut Vec<Violation>, today: Day) -> Result<(), String> {
    let fields: Vec<&str> = entry.split('|').map(str::trim).collect();
    let [path, rule, reason, end] = fields[..] else {
        return Err("malformed: path | rule | reason | YYYY-MM-DD".to_owned());
    };
    let rule = Rule::parse(rule).ok_or_else(|| format!("no rule is named {rule}"))?;
    let end = Day::parse(end).ok_or_else(|| format!("{end} is not a day"))?;
    if reason.is_empty() {
        return Err("reason missing".to_owned());
    }
    if end < today {
        return Err(format!("exception of {path} for {rule} has ended"));
    }
    let before = left.len();
    left.retain(|violation| violation.path != path || violation.rule != rule);
    if left.len() == before {
        return Err(format!(
            "exception of {path} for {rule} is not needed any more"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day {
        year: 2025,
        month: 11,
        day: 21,
    };

    fn violation() -> Violation {
        Violation::new("a.rs", 3, Rule::FileLength, "900 lines".to_owned())
    }

    fn left_after(list: &str) -> Vec<(Rule, String)> {
        let left = apply(vec![violation()], list, TODAY);
        left.into_iter()
            .map(|violation| (violation.rule, violation.text))
            .collect()
    }

    #[test]
    fn entry_that_applies_removes_the_violation() {
        assert_eq!(
            left_after("# list\na.rs | file-length | split soon | 2025-11-21\n"),
            []
        );
    }

    #[test]
    fn entry_that_has_ended_fails_and_removes_nothing() {
        let left = left_after("a.rs | file-length | split soon | 2025-11-20");
        assert_eq!(left.len(), 2);
        assert_eq!(left[1].1, "exception of a.rs for file-length has ended");
    }

    #[test]
    fn entry_that_nothing_needs_fails() {
        let left = left_after("b.rs | file-length | split soon | 2026-01-01");
        assert_eq!(
            left[1].1,
            "exception of b.rs for file-length is not needed any more"
        );
    }

    #[test]
    fn malformed_entries_fail() {
        for entry in [
            "a.rs | file-length | 2026-01-01",
            "a.rs | no-such-rule | why | 2026-01-01",
            "a.rs | file-length |  | 2026-01-01",
            "a.rs | file-length | why | 2026-13-01",
        ] {
            let left = left_after(entry);
            assert_eq!(left.len(), 2, "{entry}");
            assert_eq!(left[1].0, Rule::Exceptions, "{entry}");
        }
    }

    #[test]
    fn days_follow_the_calendar() {
        for (days, year, month, day) in [
            (0, 1970, 1, 1),
            (59, 1970, 3, 1),
            (11_016, 2000, 2, 29),
            (20_413, 2025, 11, 21),
        ] {
            assert_eq!(Day::from_days(days), Day { year, month, day });
        }
    }
}
