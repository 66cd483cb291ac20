//! What `verify` found, as data for its renderers: one file per format, as for the report of a conversion.

pub(crate) mod json;
mod markdown;
mod text;

pub use json::json;
pub use markdown::markdown;
pub use text::{text, unread};

use std::collections::BTreeSet;

use super::Finding;
use crate::place::{Place, SourceMap};
use crate::sides::Judged;
use crate::verify::{ACCESS_DOMAIN, Answer, DOMAIN, Decision, Destination, Relation, Request};

/// Everything that a comparison has to say.
#[derive(Clone, Debug)]
pub struct Verdicts<'a> {
    /// `istio@1.30`
    pub to: &'a str,
    /// Every destination, by scope and name.
    pub judged: &'a [Judged],
    /// What could not be read, so that nothing is known of it.
    pub unread: &'a [Finding],
    /// What to know before the first verdict.
    pub notes: &'a [String],
    /// The relations that pass besides `equal`.
    pub allowed: &'a BTreeSet<Relation>,
}

// === impl Verdicts ===

impl Verdicts<'_> {
    /// Those that do not pass, in their order.
    pub fn failing(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| !self.passes(judged.verdict.relation))
    }

    /// Whether a relation passes.
    #[must_use]
    pub fn passes(&self, relation: Relation) -> bool {
        relation == Relation::Equal || self.allowed.contains(&relation)
    }

    /// The first sentence: how many do not pass, by relation.
    fn headline(&self) -> String {
        let of = match self.judged {
            [] => {
                return "nothing to compare: no split, no grant, no route of a Service and no policy was found".into();
            }
            [only] => return format!("the only destination is {}", only.verdict.relation.word()),
            all => format!("{} destinations", all.len()),
        };
        let failing = self.failing().count();
        let counts: Vec<String> = Relation::ALL
            .iter()
            .map(|relation| {
                (relation, self.judged.iter().filter(|judged| judged.verdict.relation == *relation).count())
            })
            .filter(|(_, number)| *number > 0)
            .map(|(relation, number)| format!("{number} {}", relation.word()))
            .collect();
        match failing {
            0 => format!("{of}: {}", counts.join(", ")),
            1 => format!("1 of {of} does not pass: {}", counts.join(", ")),
            some => format!("{some} of {of} do not pass: {}", counts.join(", ")),
        }
    }

    /// What every verdict takes for granted, and what some do.
    fn domain(&self) -> Vec<String> {
        let own: BTreeSet<String> =
            self.judged.iter().flat_map(|judged| &judged.verdict.domain).map(ToString::to_string).collect();
        let of_access = |judged: &Judged| matches!(judged.verdict.destination, Destination::Workload { .. });
        let access = ACCESS_DOMAIN.iter().filter(|_| self.judged.iter().any(of_access));
        DOMAIN.iter().chain(access).map(|one| (*one).to_owned()).chain(own).collect()
    }
}

/// The places that decided, each once, with what stands there.
fn causes(answer: &Answer) -> Vec<(Option<Place>, String)> {
    let mut causes = Vec::new();
    for cause in answer.decisions().iter().flat_map(Decision::causes) {
        let cause = (cause.place, cause.what.clone());
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    causes
}

/// `Service shop/web:80`, `ServiceAccount shop/web`
fn named(destination: &Destination) -> String {
    format!("{} {destination}", destination.kind())
}

/// `from shop/web to port 8080`
fn sender(request: &Request) -> String {
    let port = request.pod_port().map(|port| format!(" to {port}")).unwrap_or_default();
    format!("from {}{port}", request.source)
}

/// `file:line:col what`, or `what` alone.
fn said(place: Option<Place>, what: &str, sources: &SourceMap) -> String {
    place.map_or_else(|| what.to_owned(), |place| format!("{} {what}", sources.display(place)))
}
