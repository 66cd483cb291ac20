//! Verdicts for a terminal: what does not pass first, each with its request and the lines that decided.

use super::{Verdicts, causes, named, said, sender};
use crate::place::SourceMap;
use crate::report::Finding;
use crate::report::words::one_line;
use crate::verify::{Answer, Relation};

/// The page. Ends with a line break.
#[must_use]
pub fn text(verdicts: &Verdicts<'_>, sources: &SourceMap) -> String {
    let mut page = format!("{}\n", verdicts.headline());
    verdicts.notes.iter().for_each(|note| page.push_str(&format!("{note}\n")));
    let scopes = verdicts.judged.iter().any(|judged| judged.scope != verdicts.judged[0].scope);
    for judged in verdicts.judged.iter().filter(|judged| judged.verdict.relation != Relation::Equal) {
        let verdict = &judged.verdict;
        let scope = if scopes { format!(" in {}", judged.scope) } else { String::new() };
        let passes = if verdicts.passes(verdict.relation) { " (allowed)" } else { "" };
        let destination = named(&verdict.destination);
        page.push_str(&format!("\n{}{passes}: {destination}{scope}\n", verdict.relation.word()));
        if let Some(witness) = &verdict.witness {
            let request = format!("{}, {}", witness.request.line(), sender(&witness.request));
            page.push_str(&format!("  request: {}\n", one_line(&request)));
            side(&mut page, &format!("before ({})", judged.mesh), &witness.before, sources);
            side(&mut page, &format!("after ({})", verdicts.to), &witness.after, sources);
        } else if let Some(why) = &verdict.why {
            page.push_str(&format!("  {}\n", one_line(why)));
        }
    }
    let equal = verdicts.judged.iter().filter(|judged| judged.verdict.relation == Relation::Equal);
    let names: Vec<String> = equal.map(|judged| named(&judged.verdict.destination)).collect();
    if !names.is_empty() {
        page.push_str(&format!("\nequal: {}\n", names.join(", ")));
    }
    for finding in verdicts.unread {
        page.push_str(&format!("\nnot compared: {}", unread(finding, sources)));
    }
    if !verdicts.judged.is_empty() {
        page.push_str("\ntaken for granted:\n");
        for one in verdicts.domain() {
            page.push_str(&format!("  - {}\n", one_line(&one)));
        }
    }
    page
}

/// What could not be read, and where, as the rest of a line.
#[must_use]
pub fn unread(finding: &Finding, sources: &SourceMap) -> String {
    let place = finding.place.map(|place| format!("{} ", sources.display(place))).unwrap_or_default();
    format!("{place}{} ({})\n", one_line(&finding.message), finding.code.0)
}

fn side(page: &mut String, name: &str, answer: &Answer, sources: &SourceMap) {
    page.push_str(&format!("  {name}: {}\n", one_line(&answer.to_string())));
    for (place, what) in causes(answer) {
        page.push_str(&format!("    {}\n", one_line(&said(place, &what, sources))));
    }
}
