//! The pages of `docs/` against the sources: what a page names is there, and what is there has its
//! row.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod differences;
mod limits;
mod options;
mod regressions;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// All Rust sources under these folders of the repository.
fn sources(folders: &[impl AsRef<Path>]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut open: Vec<_> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut texts = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            open.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    texts
}

/// The names of all functions in them.
fn functions(texts: &[String]) -> BTreeSet<&str> {
    let behind = texts.iter().flat_map(|text| text.split("fn ").skip(1));
    behind
        .filter_map(|rest| rest.split(['(', '<']).next())
        .collect()
}

/// A method, and the lines above it: documentation and attributes.
struct Method<'a> {
    /// As `Builder::linger`.
    name: String,
    above: Vec<&'a str>,
}

/// The methods of types and traits in this text.
fn methods(text: &str) -> Vec<Method<'_>> {
    let (mut owner, mut above, mut found) = ("", Vec::new(), Vec::new());
    for line in text.lines() {
        if line.starts_with("impl") || line.starts_with("pub trait") {
            owner = owner_of(line);
        }
        let line = line.trim();
        if line.starts_with("//") || line.starts_with('#') {
            above.push(line);
            continue;
        }
        let above = std::mem::take(&mut above);
        if let Some((_, rest)) = line.split_once("fn ") {
            let method = rest.split(['(', '<']).next().unwrap_or_default();
            let name = format!("{owner}::{method}");
            found.push(Method { name, above });
        }
    }
    found
}

/// The type of `impl<S: SocketType> Builder<S> {`, the name of `pub trait RouterOptions: Sized {`.
fn owner_of(line: &str) -> &str {
    let named = line
        .trim_start_matches("pub trait ")
        .trim_start_matches("impl");
    let named = match named.strip_prefix('<') {
        Some(generic) => generic.split_once("> ").map_or("", |(_, name)| name),
        None => named.trim_start(),
    };
    named.split(['<', ' ', ':', '{']).next().unwrap_or_default()
}

/// The rows of a page's tables of this many columns, without the names of the columns.
fn rows<const COLUMNS: usize>(page: &str) -> Vec<[&str; COLUMNS]> {
    let mut rows = Vec::new();
    for line in page.lines() {
        let inside = line.strip_prefix('|').and_then(|it| it.strip_suffix('|'));
        let cells: Vec<_> = inside.iter().flat_map(|it| it.split('|')).collect();
        let Ok(row) = <[&str; COLUMNS]>::try_from(cells) else {
            continue;
        };
        if row[0].starts_with("---") {
            rows.pop();
        } else {
            rows.push(row.map(str::trim));
        }
    }
    rows
}

/// What stands in backquotes in this text.
fn in_backquotes(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn owner_of_an_impl_or_trait_is_its_name() {
    for (line, owner) in [
        ("impl Context {", "Context"),
        ("impl<S: SocketType> Builder<S> {", "Builder"),
        ("impl<P: Pattern> Socket<P> {", "Socket"),
        ("pub trait RouterOptions: Sized {", "RouterOptions"),
    ] {
        assert_eq!(owner_of(line), owner);
    }
}
