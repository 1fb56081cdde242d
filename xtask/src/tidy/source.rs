//! Rust source as the checks see it: code without comments and literals, tests apart.
//!
//! Invariants: masking keeps every line break, so line numbers stay true; nothing is parsed beyond
//! comments, literals and braces.

/// A Rust file prepared for checking.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file as it is.
    pub(crate) text: String,
    /// The file with comments and the contents of literals blanked out.
    masked: String,
    /// Ranges of lines (first, last; from 0) that only tests have.
    tests: Vec<(usize, usize)>,
}

/// A function's place in its file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line where it starts, from 1.
    pub(crate) line: usize,
    /// How many lines it has, from `fn` to the closing brace.
    pub(crate) lines: usize,
}

impl Source {
    /// Prepares a file. `is_test` says that all of it belongs to tests.
    pub(crate) fn new(text: String, is_test: bool) -> Self {
        let masked = mask(&text);
        let last = masked.lines().count();
        let tests = if is_test {
            vec![(0, last)]
        } else {
            test_ranges(&masked)
        };
        Self {
            text,
            masked,
            tests,
        }
    }

    /// The masked lines with their numbers from 1, and whether they belong to tests.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let in_tests = |line: usize| {
            self.tests
                .iter()
                .any(|&(first, last)| (first..=last).contains(&line))
        };
        let lines = self.masked.lines().enumerate();
        lines.map(move |(index, line)| (index + 1, line, in_tests(index)))
    }

    /// How many lines do not belong to tests.
    pub(crate) fn code_lines(&self) -> usize {
        self.lines().filter(|&(_, _, is_test)| !is_test).count()
    }

    /// The functions outside tests.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        let mut offset = 0;
        while let Some(at) = find_word(&self.masked, "fn", offset) {
            offset = at + 2;
            let Some(function) = self.function_at(at) else {
                continue;
            };
            let is_test = self
                .lines()
                .any(|(line, _, is_test)| is_test && line == function.line);
            if !is_test {
                found.push(function);
            }
        }
        found
    }

    /// The function whose `fn` is at this offset; `None` for one without a body.
    fn function_at(&self, at: usize) -> Option<Function> {
        let after = self.masked[at + 2..].trim_start();
        let name: String = after
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() {
            return None;
        }
        let open = at + body_start(&self.masked[at..])?;
        let close = closing_brace(&self.masked, open)?;
        let lines = self.masked[at..close].matches('\n').count() + 1;
        Some(Function {
            name,
            line: line_of(&self.masked, at),
            lines,
        })
    }
}

/// The line of an offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Where the body's brace opens: the first one outside brackets, unless a semicolon comes before.
fn body_start(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (index, character) in text.char_indices() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(index),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The brace that closes the one at `open`.
fn closing_brace(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (index, byte) in text.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(index),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The next whole word from `offset` on.
fn find_word(text: &str, word: &str, offset: usize) -> Option<usize> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    text[offset..]
        .match_indices(word)
        .map(|(index, _)| offset + index)
        .find(|&at| {
            let before = at.checked_sub(1).map(|index| bytes[index]);
            let after = bytes.get(at + word.len());
            !before.is_some_and(is_name) && !after.copied().is_some_and(is_name)
        })
}

/// The lines of items under `#[cfg(test)]` and of functions under `#[test]`.
fn test_ranges(masked: &str) -> Vec<(usize, usize)> {
    let starts = masked
        .match_indices("#[cfg(test)]")
        .chain(masked.match_indices("#[test]"));
    let ranges = starts.map(|(at, _)| {
        let end = body_start_or_semicolon(masked, at).unwrap_or(masked.len());
        (line_of(masked, at) - 1, line_of(masked, end) - 1)
    });
    ranges.collect()
}

/// Where the item that an attribute at `at` belongs to ends.
fn body_start_or_semicolon(masked: &str, at: usize) -> Option<usize> {
    match body_start(&masked[at..]) {
        Some(open) => closing_brace(masked, at + open),
        None => masked[at..].find(';').map(|index| at + index),
    }
}

/// Blanks out comments, and what is inside strings and characters.
pub(crate) fn mask(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(next) = rest.chars().next() {
        let length = hidden_length(rest, previous);
        let (piece, after) = rest.split_at(length.unwrap_or(next.len_utf8()));
        if length.is_some() {
            output.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            output.push(next);
        }
        previous = next;
        rest = after;
    }
    output
}

/// The length of the comment or literal at the start of `text`, if there is one.
fn hidden_length(text: &str, previous: char) -> Option<usize> {
    let starts_word = !(previous.is_alphanumeric() || previous == '_');
    match text.as_bytes() {
        [b'/', b'/', ..] => Some(text.find('\n').unwrap_or(text.len())),
        [b'/', b'*', ..] => Some(block_comment(text)),
        [b'"', ..] => Some(string(text)),
        [b'r', b'"' | b'#', ..] if starts_word => raw_string(text, 1),
        [b'b', b'r', b'"' | b'#', ..] if starts_word => raw_string(text, 2),
        [b'\'', ..] => character(text),
        _ => None,
    }
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth.saturating_sub(1), at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str, prefix: usize) -> Option<usize> {
    let hashes = text[prefix..]
        .bytes()
        .take_while(|&byte| byte == b'#')
        .count();
    let start = prefix + hashes;
    if text.as_bytes().get(start) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let found = text[start + 1..].find(&end);
    Some(found.map_or(text.len(), |index| start + 1 + index + end.len()))
}

/// A character literal; `None` for a lifetime.
fn character(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    let (_, first) = characters.next()?;
    if first == '\\' {
        characters.next()?;
        return characters
            .find(|&(_, c)| c == '\'')
            .map(|(index, _)| index + 1);
    }
    characters
        .next()
        .filter(|&(_, c)| c == '\'')
        .map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Source {
        Source::new(text.to_owned(), false)
    }

    #[test]
    fn mask_blanks_comments_and_literals_and_keeps_lines() {
        let text = "a // {\nb /* { /* } */ { */ c\n\"{ \\\" {\" r#\"{\"{\"# '{' '\\'' 'x d b\"}\"";
        let masked = mask(text);
        assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        assert!(!masked.contains(['{', '}']), "{masked}");
        for word in ["a", "b", "c", "'x d"] {
            assert!(masked.contains(word), "{word} in {masked}");
        }
    }

    #[test]
    fn functions_are_measured_from_fn_to_the_closing_brace() {
        let source = code("trait T {\n    fn a();\n    fn b(x: [u8; 2]) {\n        {}\n    }\n}\n");
        let expected = Function {
            name: "b".to_owned(),
            line: 3,
            lines: 3,
        };
        assert_eq!(source.functions(), [expected]);
    }

    #[test]
    fn function_pointer_types_are_not_functions() {
        assert_eq!(
            code("type F = fn(u8) -> u8;\nconst X: F = { f };\n").functions(),
            []
        );
    }

    #[test]
    fn test_modules_are_no_code() {
        let source = code("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        let names: Vec<_> = source
            .functions()
            .into_iter()
            .map(|function| function.name)
            .collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(source.code_lines(), 2);
    }

    #[test]
    fn declared_test_modules_end_at_the_semicolon() {
        let source = code("#[cfg(test)]\nmod tests;\nfn a() {}\n");
        assert_eq!(source.code_lines(), 1);
    }

    #[test]
    fn lifetimes_are_not_character_literals() {
        assert_eq!(mask("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    }
}
