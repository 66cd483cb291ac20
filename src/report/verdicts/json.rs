//! Verdicts for programs: `docs/verify.schema.json`.

use serde::Serialize;

use super::Verdicts;
use crate::place::{LineCol, Place, SourceMap};
use crate::verify::{Answer, Cause, Decision, Field, Relation, Request, Shares};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    schema: &'static str,
    to: String,
    passes: bool,
    notes: Vec<String>,
    verdicts: Vec<VerdictRow>,
    unread: Vec<Unread>,
    domain: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictRow {
    scope: String,
    from: &'static str,
    kind: &'static str,
    destination: String,
    relation: Relation,
    allowed: bool,
    why: Option<String>,
    domain: Vec<String>,
    witness: Option<WitnessRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WitnessRow {
    request: RequestRow,
    before: AnswerRow,
    after: AnswerRow,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestRow {
    source: String,
    to: String,
    method: String,
    path: String,
    headers: Vec<Pair>,
    query: Vec<Pair>,
}

#[derive(Serialize)]
struct Pair {
    name: String,
    value: String,
}

/// What one side does with a request, for `verify` and `simulate` alike.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnswerRow {
    certain: bool,
    why: Option<String>,
    decisions: Vec<DecisionRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionRow {
    /// Parts of `whole`; none for access.
    shares: Option<Vec<ShareRow>>,
    whole: Option<String>,
    allowed: Option<bool>,
    causes: Vec<CauseRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShareRow {
    /// None: what fails.
    backend: Option<String>,
    /// A whole number, as text since it may be large.
    part: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CauseRow {
    what: String,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    code: &'static str,
    message: String,
    place: Option<String>,
}

/// The page. Ends with a line break.
///
/// # Panics
/// Never: the rows hold nothing that JSON cannot.
#[must_use]
pub fn json(verdicts: &Verdicts<'_>, sources: &SourceMap) -> String {
    let page = Page {
        schema: "smi2gamma.verify/v1",
        to: verdicts.to.to_owned(),
        passes: verdicts.failing().next().is_none() && verdicts.unread.is_empty(),
        notes: verdicts.notes.to_vec(),
        verdicts: verdicts
            .judged
            .iter()
            .map(|judged| VerdictRow {
                scope: judged.scope.clone(),
                from: judged.mesh,
                kind: judged.verdict.destination.kind(),
                destination: judged.verdict.destination.to_string(),
                relation: judged.verdict.relation,
                allowed: verdicts.passes(judged.verdict.relation),
                why: judged.verdict.why.clone(),
                domain: judged.verdict.domain.iter().map(ToString::to_string).collect(),
                witness: judged.verdict.witness.as_ref().map(|witness| WitnessRow {
                    request: request(&witness.request),
                    before: AnswerRow::of(&witness.before, sources),
                    after: AnswerRow::of(&witness.after, sources),
                }),
            })
            .collect(),
        unread: verdicts
            .unread
            .iter()
            .map(|finding| Unread {
                code: finding.code.0,
                message: finding.message.clone(),
                place: finding.place.map(|place| sources.display(place)),
            })
            .collect(),
        domain: verdicts.domain(),
    };
    serde_json::to_string_pretty(&page).expect("plain data") + "\n"
}

fn request(request: &Request) -> RequestRow {
    let (mut headers, mut query) = (Vec::new(), Vec::new());
    for (field, value) in &request.fields {
        let (list, name) = match field {
            Field::Header(name) => (&mut headers, name),
            Field::Query(name) => (&mut query, name),
        };
        list.push(Pair { name: name.clone(), value: value.clone() });
    }
    RequestRow {
        source: request.source.to_string(),
        to: request.to.to_string(),
        method: request.method.clone(),
        path: request.path.clone(),
        headers,
        query,
    }
}

// === impl AnswerRow ===

impl AnswerRow {
    pub(crate) fn of(answer: &Answer, sources: &SourceMap) -> Self {
        Self {
            certain: matches!(answer, Answer::Certain(_)),
            why: answer.why().map(str::to_owned),
            decisions: answer.decisions().iter().map(|decision| DecisionRow::of(decision, sources)).collect(),
        }
    }
}

impl DecisionRow {
    fn of(decision: &Decision, sources: &SourceMap) -> Self {
        let causes = decision.causes().iter().map(|cause| CauseRow::of(cause, sources)).collect();
        match decision {
            Decision::Route(route) => Self {
                whole: Some(route.shares.whole().to_string()),
                shares: Some(shares(&route.shares)),
                allowed: None,
                causes,
            },
            Decision::Access(access) => Self { whole: None, shares: None, allowed: Some(access.allowed), causes },
        }
    }
}

fn shares(shares: &Shares) -> Vec<ShareRow> {
    let backends = shares
        .backends()
        .map(|(backend, part)| ShareRow { backend: Some(backend.to_string()), part: part.to_string() });
    let fails = (shares.fails() > 0).then(|| ShareRow { backend: None, part: shares.fails().to_string() });
    backends.chain(fails).collect()
}

impl CauseRow {
    fn of(Cause { place, what }: &Cause, sources: &SourceMap) -> Self {
        let at = |place: Place| {
            let LineCol { line, col } = sources.line_col(place);
            (sources.get(place.source).name.clone(), line, col)
        };
        let (file, line, column) = match place.map(at) {
            Some((file, line, column)) => (Some(file), Some(line), Some(column)),
            None => (None, None, None),
        };
        Self { what: what.clone(), file, line, column }
    }
}
