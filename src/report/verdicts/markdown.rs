//! Verdicts for a pull request.

use super::{Verdicts, causes, said};
use crate::place::SourceMap;
use crate::report::words::one_line;
use crate::verify::{Answer, Relation};

/// The page. Ends with a line break.
#[must_use]
pub fn markdown(verdicts: &Verdicts<'_>, sources: &SourceMap) -> String {
    let mut page = format!("## SMI and routes compared\n\n{}.\n", cell(&verdicts.headline()));
    if verdicts.judged.is_empty() {
        return page;
    }
    page.push_str("\n| destination | verdict | request | before | after |\n| --- | --- | --- | --- | --- |\n");
    let mut judged: Vec<_> = verdicts.judged.iter().collect();
    judged.sort_by_key(|judged| judged.verdict.relation == Relation::Equal);
    for judged in judged {
        let verdict = &judged.verdict;
        let (request, before, after) = match &verdict.witness {
            Some(witness) => (
                format!("`{}`", cell(&witness.request.line())),
                side(&witness.before, sources),
                side(&witness.after, sources),
            ),
            None => (String::new(), verdict.why.as_deref().map(cell).unwrap_or_default(), String::new()),
        };
        let destination = cell(&verdict.destination.to_string());
        page.push_str(&format!("| {destination} | {} | {request} | {before} | {after} |\n", verdict.relation.word()));
    }
    if !verdicts.unread.is_empty() {
        page.push_str("\nNot compared, since it could not be read:\n\n");
        for finding in verdicts.unread {
            let place = finding.place.map(|place| format!("{} ", sources.display(place))).unwrap_or_default();
            page.push_str(&format!("- {}{}\n", cell(&place), cell(&finding.message)));
        }
    }
    page.push_str("\nTaken for granted:\n\n");
    for one in verdicts.domain() {
        page.push_str(&format!("- {}\n", cell(&one)));
    }
    page
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
