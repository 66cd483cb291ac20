//! From what both sides ask of requests to representative requests, so that an answer for one holds for all like it.
//!
//! Every expression of either side cuts the strings of its domain into cells ([`crate::pattern::cells`]); no side tells
//! two strings of one cell apart. A region is one cell of paths, one cell or the absence of each field, one method that
//! is named or one that is not, and one namespace of senders that is named or none of them. Both sides are asked about
//! the shortest request of each region: what they answer there they answer everywhere in it, so the verdict is exact.
//! Where there are more regions than [`REGIONS`], it is undecided and never equal.

use std::collections::{BTreeMap, BTreeSet};

use super::request::{Destination, Field, Request, ServicePort, Source};
use super::verdict::{Relation, Verdict, Witness, merge};
use super::{Given, Judge};
use crate::pattern::{Language, cells};

/// How many regions of one destination are looked at.
pub const REGIONS: usize = 50_000;

/// The methods that the CRDs of SMI and of Gateway API take (smi-sdk-go crds/specs.yaml, kubernetes-sigs/gateway-api@v1.6.1
/// apis/v1/httproute_types.go), those that people write first.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "CONNECT"];

/// A language that a side asks about, under a name by which the same one is known again.
#[derive(Clone, Debug)]
pub struct Term {
    /// How it is written and read, for instance `full ^/api$`.
    pub key: String,
    /// What it accepts.
    pub language: Language,
}

/// What one side asks of the requests to one destination.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// Of paths.
    pub paths: Vec<Term>,
    /// Of headers and query parameters. A field without terms is one whose presence counts.
    pub fields: BTreeMap<Field, Vec<Term>>,
    /// Of methods.
    pub methods: BTreeSet<String>,
    /// Of the namespaces of senders.
    pub namespaces: BTreeSet<String>,
}

// === impl Terms ===

impl Terms {
    /// The terms of both.
    fn merge(mut self, other: Self) -> Self {
        let Self { paths, fields, methods, namespaces } = other;
        self.paths.extend(paths);
        for (field, terms) in fields {
            self.fields.entry(field).or_default().extend(terms);
        }
        self.methods.extend(methods);
        self.namespaces.extend(namespaces);
        self
    }

    /// The choices that make up the regions.
    fn choices(&self) -> Result<Choices, String> {
        let paths = shortest(&self.paths)?;
        let mut fields = Vec::new();
        for (field, terms) in &self.fields {
            let values = shortest(terms)?.into_iter().map(|value| value.unwrap_or_else(|| "x".into()));
            fields.push((field.clone(), std::iter::once(None).chain(values.map(Some)).collect()));
        }
        let unnamed = METHODS.into_iter().find(|method| !self.methods.contains(*method));
        let methods: BTreeSet<String> = self.methods.iter().cloned().chain(unnamed.map(str::to_owned)).collect();
        let named = self
            .namespaces
            .iter()
            .map(|namespace| Source::Identity { namespace: namespace.clone(), service_account: "default".into() });
        Ok(Choices {
            paths: paths.into_iter().map(|path| path.unwrap_or_else(|| "/".into())).collect(),
            fields,
            methods: methods.into_iter().collect(),
            sources: std::iter::once(Source::Unauthenticated).chain(named).collect(),
        })
    }
}

/// The shortest string of each cell; none for the only cell of no terms.
fn shortest(terms: &[Term]) -> Result<Vec<Option<String>>, String> {
    let mut seen = BTreeSet::new();
    let languages: Vec<&Language> =
        terms.iter().filter(|term| seen.insert(&term.key)).map(|term| &term.language).collect();
    if languages.is_empty() {
        return Ok(vec![None]);
    }
    let cells = cells(&languages).map_err(|undecided| undecided.to_string())?;
    Ok(cells.into_iter().map(|cell| Some(cell.witness)).collect())
}

struct Choices {
    paths: Vec<String>,
    fields: Vec<(Field, Vec<Option<String>>)>,
    methods: Vec<String>,
    sources: Vec<Source>,
}

// === impl Choices ===

impl Choices {
    /// How many regions there are; none where that is beyond counting.
    fn count(&self) -> Option<usize> {
        let fields = self.fields.iter().map(|(_, values)| values.len());
        [self.paths.len(), self.methods.len(), self.sources.len()]
            .into_iter()
            .chain(fields)
            .try_fold(1_usize, usize::checked_mul)
    }

    /// The request of region `number`, which is below [`Choices::count`].
    fn request(&self, at: &ServicePort, number: usize) -> Request {
        let mut rest = number;
        let mut choose = |many: usize| {
            let chosen = rest % many;
            rest /= many;
            chosen
        };
        let path = self.paths[choose(self.paths.len())].clone();
        let method = self.methods[choose(self.methods.len())].clone();
        let source = self.sources[choose(self.sources.len())].clone();
        let mut fields = BTreeMap::new();
        for (field, values) in &self.fields {
            if let Some(value) = &values[choose(values.len())] {
                fields.insert(field.clone(), value.clone());
            }
        }
        Request { source, to: Destination::Service(at.clone()), method, path, fields }
    }
}

/// How small a request is: the smaller, the easier to read.
fn size(request: &Request) -> (usize, bool, usize, bool) {
    let fields = request.fields.values().map(|value| 1 + value.len()).sum();
    (fields, request.source != Source::Unauthenticated, request.path.len(), request.method != "GET")
}

/// How `after` stands to `before` at one port of a Service.
pub(super) fn compare(at: &ServicePort, before: &dyn Judge, after: &dyn Judge, given: &Given) -> Verdict {
    let mut verdict = Verdict {
        destination: Destination::Service(at.clone()),
        relation: Relation::Undecided,
        domain: BTreeSet::new(),
        witness: None,
        why: None,
    };
    let terms = before.terms().and_then(|before| Ok(before.merge(after.terms()?)));
    let choices = match terms.and_then(|terms| terms.choices()) {
        Ok(choices) => choices,
        Err(why) => {
            verdict.why = Some(why);
            return verdict;
        }
    };
    let Some(count) = choices.count().filter(|count| *count <= REGIONS) else {
        verdict.why = Some(format!("there are more than {REGIONS} kinds of requests to tell apart"));
        return verdict;
    };
    let mut smallest: BTreeMap<Relation, Witness> = BTreeMap::new();
    for number in 0..count {
        let request = choices.request(at, number);
        let (one, other) =
            (before.answer(&request, given, &mut verdict.domain), after.answer(&request, given, &mut verdict.domain));
        let relation = one.relate(&other);
        if relation == Relation::Equal {
            continue;
        }
        let known = smallest.get(&relation).map(|known| size(&known.request));
        if known.is_none_or(|known| size(&request) < known) {
            smallest.insert(relation, Witness { request, before: one, after: other });
        }
    }
    verdict.relation = merge(smallest.keys().copied());
    let shown = smallest.remove(&verdict.relation).or_else(|| {
        let seen = |relation: &Relation| !matches!(relation, Relation::Undecided | Relation::OrderDependent);
        smallest
            .into_iter()
            .filter(|(relation, _)| seen(relation))
            .map(|(_, witness)| witness)
            .min_by_key(|witness| size(&witness.request))
    });
    verdict.why = shown.as_ref().and_then(|shown| shown.before.why().or(shown.after.why())).map(str::to_owned);
    verdict.witness = shown;
    verdict
}
