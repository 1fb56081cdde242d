//! The catalogue: what the specifications ask for, read from `requirements/*.md`.
//!
//! ```text
//! # 37: ZMTP 3.1                       a specification: RFC number and title
//! Not shown: why                       optional: holds for all of it
//! ## Framing                           a section of it; may have such a line, too
//! - `reserved-flags` (MUST): text      a requirement: its id is `37/reserved-flags`
//!   Not shown: why                     it has no evidence
//!   Differs: why                       it is not met, deliberately; evidence shows what holds
//! ```
//!
//! Text goes on in lines that are indented; paragraphs of other text are comments. An id is never
//! changed: tests name it.

use std::collections::BTreeSet;
use std::fmt;

/// The files, in the order of the report.
const FILES: [&str; 12] = [
    include_str!("../requirements/37-zmtp-3.1.md"),
    include_str!("../requirements/23-zmtp-3.0.md"),
    include_str!("../requirements/15-zmtp-2.0.md"),
    include_str!("../requirements/13-zmtp-1.0.md"),
    include_str!("../requirements/28-reqrep.md"),
    include_str!("../requirements/29-pubsub.md"),
    include_str!("../requirements/30-pipeline.md"),
    include_str!("../requirements/31-pair.md"),
    include_str!("../requirements/24-plain.md"),
    include_str!("../requirements/25-curve.md"),
    include_str!("../requirements/26-curvezmq.md"),
    include_str!("../requirements/27-zap.md"),
];

const LEVELS: [&str; 8] = [
    "GRAMMAR",
    "MAY",
    "MUST",
    "MUST NOT",
    "SHALL",
    "SHALL NOT",
    "SHOULD",
    "SHOULD NOT",
];

/// All specifications.
///
/// # Panics
/// If a file is malformed: a defect of the suite itself.
pub(crate) fn specifications() -> Vec<Specification> {
    let read = FILES.iter().map(|text| Specification::parse(text));
    match read.collect::<Result<Vec<_>, _>>() {
        Ok(specifications) => specifications,
        Err(problem) => panic!("requirements: {problem}"),
    }
}

/// What one RFC asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Specification {
    /// The RFC's number.
    pub(crate) number: String,
    pub(crate) title: String,
    pub(crate) requirements: Vec<Requirement>,
}

/// One thing that it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// `37/reserved-flags`.
    pub(crate) id: String,
    pub(crate) section: String,
    /// The key word, or GRAMMAR.
    pub(crate) level: String,
    pub(crate) text: String,
    pub(crate) note: Note,
}

/// What is said about a requirement in advance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// Nothing: evidence is expected.
    None,
    /// It is not met, for this reason.
    Differs(String),
    /// There is no evidence, for this reason.
    NotShown(String),
}

impl Specification {
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut parser = Parser::default();
        for (number, line) in (1..).zip(text.lines()) {
            parser.read(line).map_err(|what| Malformed {
                what,
                line: number,
                text: line.to_owned(),
            })?;
        }
        parser.finish()
    }
}

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    what: &'static str,
    line: usize,
    text: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in line {}: {}", self.what, self.line, self.text)
    }
}

#[derive(Debug, Default)]
struct Parser {
    heading: Option<(String, String)>,
    section: String,
    /// `Not shown:` of the specification, of the section.
    reasons: [Option<String>; 2],
    requirements: Vec<Requirement>,
    /// Where lines that are indented belong.
    open: Open,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Comment,
    Text,
    Note,
}

impl Parser {
    fn read(&mut self, line: &str) -> Result<(), &'static str> {
        if let Some(heading) = line.strip_prefix("# ") {
            let (number, title) = heading.split_once(": ").ok_or("no number")?;
            self.heading = Some((number.to_owned(), title.to_owned()));
        } else if let Some(section) = line.strip_prefix("## ") {
            self.section = section.to_owned();
            self.reasons[1] = None;
        } else if let Some(item) = line.strip_prefix("- ") {
            return self.item(item);
        } else if let Some(more) = line.strip_prefix("  ") {
            return self.more(more);
        } else if let Some(reason) = line.strip_prefix("Not shown: ") {
            let level = usize::from(!self.section.is_empty());
            self.reasons[level] = Some(reason.to_owned());
        }
        self.open = Open::Comment;
        Ok(())
    }

    fn item(&mut self, item: &str) -> Result<(), &'static str> {
        let (number, _) = self
            .heading
            .as_ref()
            .ok_or("requirement before its title")?;
        let rest = item.strip_prefix('`').ok_or("no id")?;
        let (slug, rest) = rest.split_once("` (").ok_or("no id")?;
        let (level, text) = rest.split_once("): ").ok_or("no level")?;
        if !LEVELS.contains(&level) {
            return Err("unknown level");
        }
        let id = format!("{number}/{slug}");
        if self.requirements.iter().any(|other| other.id == id) {
            return Err("id used twice");
        }
        let reason = self.reasons[1].as_ref().or(self.reasons[0].as_ref());
        self.requirements.push(Requirement {
            id,
            section: self.section.clone(),
            level: level.to_owned(),
            text: text.to_owned(),
            note: reason.map_or(Note::None, |reason| Note::NotShown(reason.clone())),
        });
        self.open = Open::Text;
        Ok(())
    }

    fn more(&mut self, more: &str) -> Result<(), &'static str> {
        let last = self.requirements.last_mut();
        let last = last
            .filter(|_| self.open != Open::Comment)
            .ok_or("text of nothing")?;
        let note = match (
            more.strip_prefix("Not shown: "),
            more.strip_prefix("Differs: "),
        ) {
            (Some(reason), _) => Some(Note::NotShown(reason.to_owned())),
            (_, Some(reason)) => Some(Note::Differs(reason.to_owned())),
            _ => None,
        };
        if let Some(note) = note {
            last.note = note;
            self.open = Open::Note;
            return Ok(());
        }
        let text = match &mut last.note {
            Note::Differs(reason) | Note::NotShown(reason) if self.open == Open::Note => reason,
            _ => &mut last.text,
        };
        text.push(' ');
        text.push_str(more);
        Ok(())
    }

    fn finish(self) -> Result<Specification, Malformed> {
        let Some((number, title)) = self.heading else {
            return Err(Malformed {
                what: "no title",
                line: 1,
                text: String::new(),
            });
        };
        Ok(Specification {
            number,
            title,
            requirements: self.requirements,
        })
    }
}

/// What is wrong with the evidence that is declared, whatever its result: ids that do not exist,
/// requirements that have neither evidence nor a reason, or both.
pub(crate) fn inconsistencies<'a>(
    specifications: &[Specification],
    shown: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let shown: BTreeSet<&str> = shown.into_iter().collect();
    let requirements = || specifications.iter().flat_map(|one| &one.requirements);
    let known: BTreeSet<&str> = requirements().map(|one| one.id.as_str()).collect();
    let unknown = shown.difference(&known);
    let unknown = unknown.map(|id| format!("{id}: evidence names it, but there is no such id"));
    let wrong = requirements().filter_map(|one| {
        let why = match (&one.note, shown.contains(one.id.as_str())) {
            (Note::None, false) => "there is neither evidence nor a reason why not",
            (Note::NotShown(_), true) => "there is evidence, so the reason why not is stale",
            _ => return None,
        };
        Some(format!("{}: {why}", one.id))
    });
    unknown.chain(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# 99: A Protocol

A comment.

## First

- `one` (MUST): A text
  in two lines.
- `two` (SHOULD NOT): Another.
  Differs: for a reason
  in two lines.

## Second

Not shown: not there yet.

- `three` (MAY): A third.
- `four` (GRAMMAR): A fourth.
  Not shown: for a reason of its own.
";

    fn parsed() -> Specification {
        Specification::parse(TEXT).unwrap()
    }

    #[test]
    fn requirements_are_read_with_their_notes() {
        let Specification {
            number,
            title,
            requirements,
        } = parsed();
        assert_eq!((number.as_str(), title.as_str()), ("99", "A Protocol"));
        let read: Vec<_> = requirements
            .iter()
            .map(|one| (one.id.as_str(), one.section.as_str(), one.text.as_str()))
            .collect();
        assert_eq!(read[0], ("99/one", "First", "A text in two lines."));
        assert_eq!(read[2], ("99/three", "Second", "A third."));
        assert_eq!(requirements[1].level, "SHOULD NOT");
        let notes: Vec<_> = requirements.into_iter().map(|one| one.note).collect();
        let expected = [
            Note::None,
            Note::Differs("for a reason in two lines.".to_owned()),
            Note::NotShown("not there yet.".to_owned()),
            Note::NotShown("for a reason of its own.".to_owned()),
        ];
        assert_eq!(notes, expected);
    }

    #[test]
    fn malformed_lines_are_refused() {
        for (text, what) in [
            ("- `a` (MUST): x", "requirement before its title"),
            ("# 99", "no number"),
            ("# 99: A\n- a (MUST): x", "no id"),
            ("# 99: A\n- `a`: x", "no id"),
            ("# 99: A\n- `a` (WILL): x", "unknown level"),
            ("# 99: A\n- `a` (MAY): x\n- `a` (MAY): y", "id used twice"),
            ("# 99: A\n  more", "text of nothing"),
            ("A text.", "no title"),
        ] {
            assert_eq!(Specification::parse(text).unwrap_err().what, what, "{text}");
        }
    }

    #[test]
    fn evidence_must_be_of_known_ids_and_complete() {
        let found = inconsistencies(&[parsed()], ["99/four", "99/five"]);
        let ids: Vec<&str> = found
            .iter()
            .filter_map(|text| text.split(':').next())
            .collect();
        assert_eq!(ids, ["99/five", "99/one", "99/four"]);
        assert_eq!(inconsistencies(&[parsed()], ["99/one"]), [""; 0]);
    }

    #[test]
    fn the_catalogue_is_well_formed_and_its_numbers_are_different() {
        let specifications = specifications();
        let numbers: BTreeSet<_> = specifications.iter().map(|one| &one.number).collect();
        assert_eq!(numbers.len(), FILES.len());
        assert!(
            specifications
                .iter()
                .all(|one| !one.requirements.is_empty())
        );
    }
}
