//! `cargo xtask tidy`: what the house rules ask for and no compiler checks.
//!
//! Each check is a function from text to violations, so that its tests need no files. The rules are
//! in [`Rule`]; what must deviate for a while is listed in [`exceptions::FILE`].

mod arrows;
mod exceptions;
mod rust;
mod source;

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use exceptions::Day;

/// The longest ARCHITECTURE.md that is still read.
const ARCHITECTURE_LINES: usize = 250;
/// The line that makes the facade's README its crate documentation.
const INCLUDE: &str = "#![doc = include_str!(\"../README.md\")]";

/// Checks everything under `root`; the number of violations.
pub(crate) fn run(root: &Path) -> io::Result<usize> {
    let violations = check(root)?;
    for violation in &violations {
        eprintln!("{violation}");
    }
    Ok(violations.len())
}

/// All violations under `root`.
fn check(root: &Path) -> io::Result<Vec<Violation>> {
    let mut violations = Vec::new();
    for path in files(root)? {
        let text = || read(root, &path);
        if path.ends_with(".rs") {
            violations.extend(rust::check(&path, text()?));
        } else if path.ends_with("Cargo.toml") {
            violations.extend(arrows::check(&path, &text()?));
        }
    }
    violations.extend(check_documents(root)?);
    let list = read(root, exceptions::FILE)?;
    Ok(exceptions::apply(violations, &list, Day::today()))
}

fn check_documents(root: &Path) -> io::Result<Vec<Violation>> {
    let read = |path| read(root, path);
    let facade = read("crates/ferromq/src/lib.rs")?;
    let mut violations = check_readme(
        &read("README.md")?,
        &read("crates/ferromq/README.md")?,
        &facade,
    );
    violations.extend(check_architecture(&read("ARCHITECTURE.md")?));
    Ok(violations)
}

/// The text of a file, or an error that names it.
fn read(root: &Path, path: &str) -> io::Result<String> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"));
    fs::read_to_string(root.join(path)).map_err(named)
}

/// README is the facade's crate documentation.
fn check_readme(root: &str, copy: &str, facade: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    if root != copy {
        let line = 1 + root
            .lines()
            .zip(copy.lines())
            .take_while(|(a, b)| a == b)
            .count();
        let text = "differs from README.md: copy that one here".to_owned();
        violations.push(Violation::new(
            "crates/ferromq/README.md",
            line,
            Rule::Readme,
            text,
        ));
    }
    if !facade.contains(INCLUDE) {
        let text = format!("lacks {INCLUDE}");
        violations.push(Violation::new(
            "crates/ferromq/src/lib.rs",
            1,
            Rule::Readme,
            text,
        ));
    }
    violations
}

fn check_architecture(text: &str) -> Option<Violation> {
    let lines = text.lines().count();
    let problem = format!("{lines} lines, more than {ARCHITECTURE_LINES}");
    (lines > ARCHITECTURE_LINES)
        .then(|| Violation::new("ARCHITECTURE.md", lines, Rule::ArchitectureLength, problem))
}

/// The paths of all files from `root`, with `/`, sorted; without hidden and build directories.
fn files(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut left = vec![String::new()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(root.join(&directory))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || name == "target" {
                continue;
            }
            let path = if directory.is_empty() {
                name
            } else {
                format!("{directory}/{name}")
            };
            let list = if entry.file_type()?.is_dir() {
                &mut left
            } else {
                &mut found
            };
            list.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A deviation from a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    rule: Rule,
    text: String,
}

impl Violation {
    fn new(path: &str, line: usize, rule: Rule, text: String) -> Self {
        Self {
            path: path.to_owned(),
            line,
            rule,
            text,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            self.path, self.line, self.rule, self.text
        )
    }
}

/// The rules, by the names that the exception list uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    ArchitectureLength,
    Arrows,
    Exceptions,
    FileLength,
    FunctionLength,
    Header,
    LineLength,
    Panics,
    Readme,
    TestSleep,
}

impl Rule {
    const ALL: [(Self, &'static str); 10] = [
        (Self::ArchitectureLength, "architecture-length"),
        (Self::Arrows, "arrows"),
        (Self::Exceptions, "exceptions"),
        (Self::FileLength, "file-length"),
        (Self::FunctionLength, "function-length"),
        (Self::Header, "header"),
        (Self::LineLength, "line-length"),
        (Self::Panics, "panics"),
        (Self::Readme, "readme"),
        (Self::TestSleep, "test-sleep"),
    ];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(rule, _)| *rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL
            .iter()
            .find(|(rule, _)| rule == self)
            .map_or("?", |(_, name)| name);
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_that_differs_from_its_copy_fails_at_the_line() {
        let found = check_readme("a\nb\n", "a\nc\n", INCLUDE);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].rule), (2, Rule::Readme));
        assert_eq!(check_readme("a\nb\n", "a\nb\n", INCLUDE), []);
    }

    #[test]
    fn readme_longer_than_its_copy_fails() {
        assert_eq!(check_readme("a\nb\n", "a\n", INCLUDE)[0].line, 2);
    }

    #[test]
    fn facade_without_the_readme_fails() {
        assert_eq!(
            check_readme("a", "a", "//! Docs.")[0].path,
            "crates/ferromq/src/lib.rs"
        );
    }

    #[test]
    fn architecture_beyond_250_lines_fails() {
        assert!(check_architecture(&"x\n".repeat(250)).is_none());
        assert!(check_architecture(&"x\n".repeat(251)).is_some());
    }

    #[test]
    fn rule_names_are_read_as_they_are_printed() {
        for (rule, _) in Rule::ALL {
            assert_eq!(Rule::parse(&rule.to_string()), Some(rule));
        }
    }
}
