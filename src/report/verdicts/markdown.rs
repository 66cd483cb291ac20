//! Verdicts for a pull request.

use super::{Verdicts, causes, named, said, sender};
use crate::place::SourceMap;
use crate::report::words::one_line;
use crate::verify::{Answer, Relation, Request};

/// The page. Ends with a line break.
#[must_use]
pub fn markdown(verdicts: &Verdicts<'_>, sources: &SourceMap) -> String {
    let mut page = format!("## SMI compared with what replaces it\n\n{}.\n", cell(&verdicts.headline()));
    verdicts.notes.iter().for_each(|note| page.push_str(&format!("\n{}.\n", cell(note))));
    if !verdicts.judged.is_empty() {
        table(&mut page, verdicts, sources);
    }
    if !verdicts.unread.is_empty() {
        page.push_str("\nNot compared, since it could not be read:\n\n");
        for finding in verdicts.unread {
            let place = finding.place.map(|place| format!("{} ", sources.display(place))).unwrap_or_default();
            page.push_str(&format!("- {}{}\n", cell(&place), cell(&finding.message)));
        }
    }
    if !verdicts.judged.is_empty() {
        page.push_str("\nTaken for granted:\n\n");
        for one in verdicts.domain() {
            page.push_str(&format!("- {}\n", cell(&one)));
        }
    }
    page
}

fn table(page: &mut String, verdicts: &Verdicts<'_>, sources: &SourceMap) {
    page.push_str("\n| destination | verdict | request | before | after |\n| --- | --- | --- | --- | --- |\n");
    let mut judged: Vec<_> = verdicts.judged.iter().collect();
    judged.sort_by_key(|judged| judged.verdict.relation == Relation::Equal);
    for judged in judged {
        let verdict = &judged.verdict;
        let (request, before, after) = match &verdict.witness {
            Some(witness) => (request(&witness.request), side(&witness.before, sources), side(&witness.after, sources)),
            None => (String::new(), verdict.why.as_deref().map(cell).unwrap_or_default(), String::new()),
        };
        let destination = cell(&named(&verdict.destination));
        let passes = verdict.relation != Relation::Equal && verdicts.passes(verdict.relation);
        let word = format!("{}{}", verdict.relation.word(), if passes { " (allowed)" } else { "" });
        page.push_str(&format!("| {destination} | {word} | {request} | {before} | {after} |\n"));
    }
}

/// The request as code, and beside it who sends it and to which port.
fn request(request: &Request) -> String {
    format!("`{}`<br>{}", cell(&request.line()), cell(&sender(request)))
}

fn side(answer: &Answer, sources: &SourceMap) -> String {
    let causes = causes(answer).into_iter().map(|(place, what)| format!("<br>{}", cell(&said(place, &what, sources))));
    cell(&answer.to_string()) + &causes.collect::<String>()
}

/// Text that ends no cell and opens no markup.
fn cell(text: &str) -> String {
    let plain = one_line(text);
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|").replace('`', "'")
}
