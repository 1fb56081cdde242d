//! Checks of a single Rust file: header, sizes, and waiting in tests.

use super::source::Source;
use super::{Rule, Violation};

/// The longest function: what fits on a screen.
const FUNCTION_LINES: usize = 70;
/// The longest file, without its tests.
const FILE_LINES: usize = 800;
/// The widest line.
const COLUMNS: usize = 100;

/// What every library that is published warns of in its code that is no test: calls that may panic.
/// (Manifests cannot add to the lints of the workspace, which are those of tests and tools, too.)
const PANICS: [&str; 7] = [
    "clippy::expect_used",
    "clippy::get_unwrap",
    "clippy::indexing_slicing",
    "clippy::panic",
    "clippy::string_slice",
    "clippy::unimplemented",
    "clippy::unreachable",
];

/// Checks one file; `path` is from the root, with `/`.
pub(super) fn check(path: &str, text: String) -> Vec<Violation> {
    let source = Source::new(text, is_test_file(path));
    let mut found = Vec::new();
    found.extend(check_header(&source).map(|text| (1, Rule::Header, text)));
    found.extend(check_file_length(&source).map(|text| (1, Rule::FileLength, text)));
    found.extend(check_functions(&source));
    found.extend(check_columns(&source));
    found.extend(check_panics(path, &source).map(|text| (1, Rule::Panics, text)));
    found.extend(check_sleep(&source));
    let place = |(line, rule, text)| Violation::new(path, line, rule, text);
    found.into_iter().map(place).collect()
}

/// A line, a rule and what is wrong.
type Finding = (usize, Rule, String);

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "tests.rs" || name.ends_with("_tests.rs") || path.split('/').any(|part| part == "tests")
}

fn check_header(source: &Source) -> Option<String> {
    // A crate whose documentation is its README has that in its first line.
    let has_header = ["//! ", "#![doc = include_str!("]
        .iter()
        .any(|start| source.text.starts_with(start));
    (!has_header).then(|| "does not start with a `//!` header".to_owned())
}

fn check_file_length(source: &Source) -> Option<String> {
    let lines = source.code_lines();
    (lines > FILE_LINES).then(|| format!("{lines} lines without tests, more than {FILE_LINES}"))
}

fn check_functions(source: &Source) -> impl Iterator<Item = Finding> {
    let functions = source.functions().into_iter();
    let long = functions.filter(|function| function.lines > FUNCTION_LINES);
    long.map(|function| {
        let (name, lines) = (function.name, function.lines);
        let text = format!("fn {name} has {lines} lines, more than {FUNCTION_LINES}");
        (function.line, Rule::FunctionLength, text)
    })
}

fn check_columns(source: &Source) -> impl Iterator<Item = Finding> {
    let lines = (1..).zip(source.text.lines().map(|line| line.chars().count()));
    let long = lines.filter(|&(_, columns)| columns > COLUMNS);
    long.map(|(line, columns)| {
        (
            line,
            Rule::LineLength,
            format!("{columns} columns, more than {COLUMNS}"),
        )
    })
}

fn check_panics(path: &str, source: &Source) -> Option<String> {
    let library = path.strip_prefix("crates/")?.strip_suffix("/src/lib.rs")?;
    let warns = |lint: &&str| source.text.contains(&format!("        {lint}"));
    let missing = PANICS.iter().find(|lint| !warns(lint))?;
    (library != "testkit").then(|| format!("does not warn of {missing}"))
}

/// Tests wait for events, never for time.
fn check_sleep(source: &Source) -> impl Iterator<Item = Finding> {
    let lines = source.lines();
    let asleep = lines.filter(|&(_, line, is_test)| is_test && calls_sleep(line));
    asleep.map(|(line, _, _)| (line, Rule::TestSleep, "a test must not sleep".to_owned()))
}

/// A call of a function of that name; a method (a doorbell's) is another matter.
fn calls_sleep(line: &str) -> bool {
    let is_other = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    line.match_indices("sleep(")
        .any(|(at, _)| !line[..at].ends_with(is_other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<(usize, Rule)> {
        let found = check(path, text.to_owned());
        found
            .into_iter()
            .map(|violation| (violation.line, violation.rule))
            .collect()
    }

    fn function(lines: usize) -> String {
        format!(
            "//! Header.\n\nfn long() {{\n{}}}\n",
            "    step();\n".repeat(lines - 2)
        )
    }

    #[test]
    fn file_without_header_fails() {
        assert_eq!(rules("a.rs", "fn a() {}\n"), [(1, Rule::Header)]);
        assert_eq!(rules("a.rs", "// Comment.\n"), [(1, Rule::Header)]);
        assert_eq!(rules("a.rs", "//! Header.\n"), []);
        assert_eq!(
            rules("lib.rs", "#![doc = include_str!(\"../README.md\")]\n"),
            []
        );
    }

    #[test]
    fn function_of_71_lines_fails() {
        assert_eq!(rules("a.rs", &function(70)), []);
        assert_eq!(rules("a.rs", &function(71)), [(3, Rule::FunctionLength)]);
        assert_eq!(rules("tests.rs", &function(71)), []);
    }

    #[test]
    fn file_of_801_lines_fails_unless_they_are_tests() {
        let text = format!("//! Header.\n{}", "const X: u8 = 0;\n".repeat(800));
        assert_eq!(rules("a.rs", &text), [(1, Rule::FileLength)]);
        assert_eq!(rules("src/a/tests.rs", &text), []);
        assert_eq!(rules("tests/a.rs", &text), []);
    }

    #[test]
    fn line_of_101_columns_fails() {
        let line = |columns: usize| format!("//! Header.\n//{}\n", "ö".repeat(columns - 2));
        assert_eq!(rules("a.rs", &line(100)), []);
        assert_eq!(rules("a.rs", &line(101)), [(2, Rule::LineLength)]);
    }

    #[test]
    fn library_that_may_panic_fails() {
        let all = format!("//! Header.\n        {}\n", PANICS.join(",\n        "));
        assert_eq!(rules("crates/a/src/lib.rs", &all), []);
        let other = all.replace("clippy::panic,", "clippy::expect,");
        assert_eq!(rules("crates/a/src/lib.rs", &other), [(1, Rule::Panics)]);
        assert_eq!(rules("crates/testkit/src/lib.rs", &other), []);
        assert_eq!(rules("crates/a/src/b.rs", &other), []);
    }

    #[test]
    fn sleep_in_a_test_fails_and_elsewhere_does_not() {
        let call = ["thread::sl", "eep(second);"].concat();
        let code = format!("//! Header.\nfn a() {{ {call} }}\n");
        assert_eq!(rules("a.rs", &code), []);
        assert_eq!(rules("tests/a.rs", &code), [(2, Rule::TestSleep)]);
        let inline = format!("//! Header.\n#[cfg(test)]\nmod tests {{\n    {call}\n}}\n");
        assert_eq!(rules("a.rs", &inline), [(4, Rule::TestSleep)]);
        let method = "//! Header.\nfn a() { bell.sleep(x); fall_asleep(y); }\n";
        assert_eq!(rules("tests/a.rs", method), []);
        let comment = "//! Header.\n// sleep(1)\n";
        assert_eq!(rules("tests/a.rs", comment), []);
    }
}
