//! From what both sides ask of requests to representative requests, so that an answer for one holds for all like it.
//!
//! Every expression of either side cuts the strings of its domain into cells ([`crate::pattern::cells`]); no side tells
//! two strings of one cell apart. A region is one cell of paths, one cell or the absence of each field, one method that
//! is named or one that is not, and one namespace of senders that is named or none of them. Both sides are asked about
//! the shortest request of each region: what they answer there they answer everywhere in it, so the verdict is exact.
//! Where there are more regions than [`REGIONS`], it is undecided and never equal.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::request::{Destination, Field, Request, ServicePort, Source};
use super::verdict::{Answer, Assumption, Relation, Verdict, Witness, merge};
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
    /// Of senders.
    pub sources: BTreeSet<Source>,
    /// Nothing but connections that are no HTTP is asked about: they have no path, no method and no fields.
    pub bytes: bool,
}

/// The shortest strings of cells that were already looked for, by the keys of their terms.
#[derive(Debug, Default)]
pub struct Cells {
    known: HashMap<Vec<String>, Vec<Option<String>>>,
}

// === impl Terms ===

impl Terms {
    /// The terms of both.
    fn merge(mut self, other: Self) -> Self {
        let Self { paths, fields, methods, namespaces, sources, bytes } = other;
        self.paths.extend(paths);
        for (field, terms) in fields {
            self.fields.entry(field).or_default().extend(terms);
        }
        self.methods.extend(methods);
        self.namespaces.extend(namespaces);
        self.sources.extend(sources);
        self.bytes |= bytes;
        self
    }

    /// The choices that make up the regions; with these senders, if any are given.
    fn choices(&self, senders: &[Source], cells: &mut Cells) -> Result<Choices, String> {
        if self.bytes {
            let nothing = || vec![String::new()];
            let sources = senders.to_vec();
            return Ok(Choices { paths: nothing(), fields: Vec::new(), methods: nothing(), sources });
        }
        let paths = cells.shortest(&self.paths)?;
        let mut fields = Vec::new();
        for (field, terms) in &self.fields {
            let values = cells.shortest(terms)?.into_iter().map(|value| value.unwrap_or_else(|| "x".into()));
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
            sources: match senders {
                [] => std::iter::once(Source::Unauthenticated).chain(named).collect(),
                senders => senders.to_vec(),
            },
        })
    }
}

// === impl Cells ===

impl Cells {
    /// The shortest string of each cell; none for the only cell of no terms.
    fn shortest(&mut self, terms: &[Term]) -> Result<Vec<Option<String>>, String> {
        let mut seen = BTreeMap::new();
        for term in terms {
            seen.entry(format!("{:?} {}", term.language.domain(), term.key)).or_insert(&term.language);
        }
        if seen.is_empty() {
            return Ok(vec![None]);
        }
        let keys: Vec<String> = seen.keys().cloned().collect();
        if let Some(known) = self.known.get(&keys) {
            return Ok(known.clone());
        }
        let languages: Vec<&Language> = seen.into_values().collect();
        let cells = cells(&languages).map_err(|undecided| undecided.to_string())?;
        let found: Vec<Option<String>> = cells.into_iter().map(|cell| Some(cell.witness)).collect();
        self.known.insert(keys, found.clone());
        Ok(found)
    }
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
    fn request(&self, to: &Destination, number: usize) -> Request {
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
        Request { source, to: to.clone(), method, path, fields }
    }
}

/// How small a request is: the smaller, the easier to read.
fn size(request: &Request) -> (usize, bool, usize, bool) {
    let fields = request.fields.values().map(|value| 1 + value.len()).sum();
    (fields, request.source != Source::Unauthenticated, request.path.len(), request.method != "GET")
}

/// How the answers of both sides to a request stand to each other; what that takes for granted is added to the set.
pub(super) type Relate<'q> = dyn Fn(&Request, &Answer, &Answer, &mut BTreeSet<Assumption>) -> Relation + 'q;

/// What is compared at one destination.
pub(super) struct Question<'q> {
    pub to: &'q Destination,
    pub before: &'q dyn Judge,
    pub after: &'q dyn Judge,
    pub given: &'q Given,
    /// Who sends; none: whom the terms name, and one that they do not.
    pub senders: &'q [Source],
    /// Paths to which `GET` is asked about apart from all others, beside what the sides ask.
    pub beside: &'q [Term],
    /// How two answers stand to each other.
    pub relate: &'q Relate<'q>,
}

/// What was seen so far: a smallest request for each relation, and what was taken for granted.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub smallest: BTreeMap<Relation, Witness>,
    pub domain: BTreeSet<Assumption>,
    /// Why something could not be asked at all.
    pub unasked: Option<String>,
}

// === impl Seen ===

impl Seen {
    /// Asks both sides about a request out of every region.
    pub fn ask(&mut self, question: &Question<'_>, cells: &mut Cells) {
        let terms = question.before.terms().and_then(|before| Ok(before.merge(question.after.terms()?)));
        let choices = terms.and_then(|mut terms| {
            terms.paths.extend_from_slice(question.beside);
            terms.methods.extend((!question.beside.is_empty()).then(|| "GET".to_owned()));
            terms.choices(question.senders, cells)
        });
        let choices = match choices {
            Ok(choices) => choices,
            Err(why) => {
                self.unasked.get_or_insert(why);
                return;
            }
        };
        let Some(count) = choices.count().filter(|count| *count <= REGIONS) else {
            self.unasked.get_or_insert(format!("there are more than {REGIONS} kinds of requests to tell apart"));
            return;
        };
        for number in 0..count {
            self.ask_one(question, choices.request(question.to, number));
        }
    }

    /// Asks both sides about one request.
    pub fn ask_one(&mut self, question: &Question<'_>, request: Request) {
        let one = question.before.answer(&request, question.given, &mut self.domain);
        let other = question.after.answer(&request, question.given, &mut self.domain);
        let relation = (question.relate)(&request, &one, &other, &mut self.domain);
        if relation == Relation::Equal {
            return;
        }
        let known = self.smallest.get(&relation).map(|known| size(&known.request));
        if known.is_none_or(|known| size(&request) < known) {
            self.smallest.insert(relation, Witness { request, before: one, after: other });
        }
    }

    /// How everything that was seen stands together.
    pub fn relation(&self) -> Relation {
        let unasked = self.unasked.as_ref().map(|_| Relation::Undecided);
        merge(self.smallest.keys().copied().chain(unasked))
    }

    /// The verdict on a destination.
    pub fn verdict(mut self, destination: Destination) -> Verdict {
        let relation = self.relation();
        let shown = self.smallest.remove(&relation).or_else(|| {
            let seen = |relation: &Relation| !matches!(relation, Relation::Undecided | Relation::OrderDependent);
            std::mem::take(&mut self.smallest)
                .into_iter()
                .filter(|(relation, _)| seen(relation))
                .map(|(_, witness)| witness)
                .min_by_key(|witness| size(&witness.request))
        });
        let why = shown.as_ref().and_then(|shown| shown.before.why().or(shown.after.why())).map(str::to_owned);
        Verdict { destination, relation, domain: self.domain, witness: shown, why: why.or(self.unasked) }
    }
}

/// How `after` stands to `before` at one port of a Service.
pub(super) fn compare(at: &ServicePort, before: &dyn Judge, after: &dyn Judge, given: &Given) -> Verdict {
    let to = Destination::Service(at.clone());
    let relate: &Relate<'_> = &|_, before, after, _| before.relate(after);
    let question = Question { to: &to, before, after, given, senders: &[], beside: &[], relate };
    let mut seen = Seen::default();
    seen.ask(&question, &mut Cells::default());
    seen.verdict(to)
}
