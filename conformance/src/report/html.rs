//! The report as one page without anything from elsewhere.

use std::fmt::{self, Write as _};

use super::{Judged, Outcome, Report, Status};
use crate::requirements::{Note, Requirement, Specification};

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em }
table { border-collapse: collapse; width: 100%; margin: 1em 0 2em }
th, td { border-bottom: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top }
td.count, th.count { text-align: right }
code { font-size: 90% }
td.status { white-space: nowrap }
.shown { color: #176b2c }
.differs, .expected-failure { color: #8a5a00 }
.failed { color: #b00020; font-weight: bold }
.not-shown, .not-run, .skipped, .note { color: #666 }
summary { cursor: pointer }
pre { white-space: pre-wrap; margin: .2em 0; color: #b00020 }";

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
         <title>FerroMQ: conformance</title>\n<style>\n{STYLE}\n</style>\n\
         <h1>FerroMQ: conformance</h1>\n"
    );
    surprises(&mut page, report);
    summary(&mut page, report);
    for specification in &report.specifications {
        details(&mut page, report, specification);
    }
    findings(&mut page, report);
    page.push_str("</html>\n");
    page
}

fn surprises(page: &mut String, report: &Report) {
    let surprises = report.surprises();
    if surprises.is_empty() {
        page.push_str("<p class=\"shown\">No surprise.</p>\n");
        return;
    }
    let _ = writeln!(
        page,
        "<h2 class=\"failed\">{} surprises</h2>\n<ul>",
        surprises.len()
    );
    for surprise in surprises {
        let _ = writeln!(page, "<li><pre>{}</pre>", Text(&surprise));
    }
    page.push_str("</ul>\n");
}

fn summary(page: &mut String, report: &Report) {
    page.push_str("<table>\n<tr><th>Specification");
    for status in Status::ALL {
        let _ = write!(page, "<th class=\"count\">{}", status.name());
    }
    page.push_str("<th class=\"count\">all\n");
    for one in &report.specifications {
        let counts = report.counts(one);
        let (number, title) = (&one.number, Text(&one.title));
        let _ = write!(
            page,
            "<tr><td><a href=\"#{number}\">RFC {number}: {title}</a>"
        );
        for count in counts.iter().copied().chain([counts.iter().sum()]) {
            let _ = write!(page, "<td class=\"count\">{count}");
        }
        page.push('\n');
    }
    page.push_str("</table>\n");
}

fn details(page: &mut String, report: &Report, specification: &Specification) {
    let (number, title) = (&specification.number, Text(&specification.title));
    let _ = writeln!(
        page,
        "<h2 id=\"{number}\">RFC {number}: {title}</h2>\n<table>"
    );
    let mut section = "";
    for one in &specification.requirements {
        if one.section != section {
            section = &one.section;
            let _ = writeln!(page, "<tr><th colspan=\"4\">{}", Text(section));
        }
        requirement(page, report, one);
    }
    page.push_str("</table>\n");
}

fn requirement(page: &mut String, report: &Report, one: &Requirement) {
    let status = report.status(one);
    let (id, level, text) = (&one.id, &one.level, Text(&one.text));
    let _ = write!(page, "<tr><td><code>{id}</code><br>{level}<td>{text}");
    match &one.note {
        Note::None => {}
        Note::Differs(why) => {
            let _ = write!(page, "<div class=\"note\">Differs: {}</div>", Text(why));
        }
        Note::NotShown(why) => {
            let _ = write!(page, "<div class=\"note\">Not shown: {}</div>", Text(why));
        }
    }
    let (class, name) = (class(status), status.name());
    let _ = write!(page, "<td class=\"status {class}\">{name}<td>");
    let evidence: Vec<&Judged> = report.evidence(id).collect();
    if !evidence.is_empty() {
        let _ = write!(
            page,
            "<details><summary>{} trials</summary>",
            evidence.len()
        );
        evidence.iter().for_each(|judged| trial(page, judged));
        page.push_str("</details>");
    }
    page.push('\n');
}

fn trial(page: &mut String, judged: &Judged) {
    let (class, name) = match &judged.outcome {
        Outcome::Passed => ("shown", "passed"),
        Outcome::Skipped(_) => ("skipped", "skipped"),
        Outcome::Failed(_) => ("failed", "failed"),
        Outcome::ExpectedFailure(_) => ("expected-failure", "failed as expected"),
        Outcome::UnexpectedPass(_) => ("failed", "passed unexpectedly"),
    };
    let verdict = &judged.verdict;
    let (trial, took) = (Text(&verdict.name), verdict.took.as_millis());
    let _ = write!(
        page,
        "<div><span class=\"{class}\">{name}</span> <code>{trial}</code> {took} ms"
    );
    match &judged.outcome {
        Outcome::Passed => {}
        Outcome::Skipped(why) => {
            let _ = write!(page, ": {}", Text(why));
        }
        Outcome::Failed(why) => {
            let _ = write!(page, "<pre>{}</pre>", Text(why));
        }
        Outcome::ExpectedFailure(entry) | Outcome::UnexpectedPass(entry) => {
            let (whose, why) = (Text(&entry.whose), Text(&entry.text));
            let _ = write!(page, "<pre>{whose}: {why}</pre>");
        }
    }
    page.push_str("</div>");
}

/// What was found in other implementations, one by one.
fn findings(page: &mut String, report: &Report) {
    page.push_str("<h2 id=\"found\">Found in other implementations</h2>\n");
    for of_one in report
        .findings
        .chunk_by(|one, next| one.whose == next.whose)
    {
        let _ = writeln!(page, "<h3>{}</h3>\n<ul>", Text(&of_one[0].whose));
        for entry in of_one {
            let _ = write!(page, "<li>{}", Text(&entry.text));
            if let Some(trials) = &entry.trials {
                let _ = write!(page, " Fails: <code>{}</code>", Text(trials));
            }
            page.push('\n');
        }
        page.push_str("</ul>\n");
    }
}

fn class(status: Status) -> String {
    status.name().replace(' ', "-")
}

/// Text in a page.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
