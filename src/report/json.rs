//! The report for programs: `smi2gamma.report/v1`, described by `docs/report.schema.json`.
//!
//! A contract of its own: the types here are written out to the wire and are not the types of the rest of the program,
//! so that renaming one of those cannot change what a script reads. Every key is always there; what is not known is
//! `null`. Within v1 keys are only added.

use serde::Serialize;

use super::group::{Group, groups};
use super::lines::{Extent, Lines};
use super::{Chosen, Finding, Label, Level, ObjectId, ObjectReport, ReadStats, Report};
use crate::outcome::{Outcome, Proof};
use crate::place::{Place, SourceMap};

/// The value of `schema`.
pub const SCHEMA: &str = "smi2gamma.report/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r> {
    schema: &'static str,
    tool: Tool,
    from: Option<Choice<'r>>,
    to: Option<Choice<'r>>,
    needs_hands: usize,
    totals: Totals,
    read: Read<'r>,
    objects: Vec<Object<'r>>,
    groups: Vec<GroupOut<'r>>,
    findings: Vec<FindingOut<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Choice<'r> {
    name: &'r str,
    because: &'r str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    migrated: usize,
    superseded: usize,
    approximated: usize,
    delegated: usize,
    unsupported: usize,
    blocked: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Read<'r> {
    files: usize,
    skipped: Vec<Skipped<'r>>,
    clusters: &'r [String],
    incomplete: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Skipped<'r> {
    reason: &'r str,
    count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'r> {
    id: Id<'r>,
    place: PlaceOut<'r>,
    outcome: Outcome,
    proof: Proof,
    outputs: Vec<Id<'r>>,
    findings: &'r [usize],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Id<'r> {
    group: &'r str,
    version: &'r str,
    kind: &'r str,
    namespace: Option<&'r str>,
    name: &'r str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceOut<'r> {
    source: &'r str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    byte_start: usize,
    byte_end: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupOut<'r> {
    code: &'r str,
    level: Level,
    help: Option<&'r str>,
    findings: Vec<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingOut<'r> {
    code: &'r str,
    level: Level,
    message: &'r str,
    place: Option<PlaceOut<'r>>,
    object: Option<Id<'r>>,
    labels: Vec<LabelOut<'r>>,
    notes: &'r [String],
    help: Option<&'r str>,
    docs: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LabelOut<'r> {
    place: PlaceOut<'r>,
    text: &'r str,
}

/// The report as one JSON document, indented by two, ending in a newline. Strings are as they were read.
#[must_use]
pub fn json(report: &Report, sources: &SourceMap) -> String {
    let lines = Lines::new(sources);
    let document = document(report, &lines);
    let mut text = serde_json::to_string_pretty(&document).expect("strings, numbers and lists always serialise");
    text.push('\n');
    text
}

fn document<'r>(report: &'r Report, lines: &Lines<'r>) -> Document<'r> {
    let Report { from, to, objects, findings, read } = report;
    Document {
        schema: SCHEMA,
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        from: from.as_ref().map(choice),
        to: to.as_ref().map(choice),
        needs_hands: objects.iter().filter(|object| object.outcome.needs_hands()).count(),
        totals: totals(objects),
        read: read_stats(read),
        objects: objects.iter().map(|each| object(each, lines)).collect(),
        groups: groups(report).into_iter().map(group).collect(),
        findings: findings.iter().map(|each| finding(each, lines)).collect(),
    }
}

fn choice(Chosen { name, because }: &Chosen) -> Choice<'_> {
    Choice { name, because }
}

fn totals(objects: &[ObjectReport]) -> Totals {
    let mut totals = Totals::default();
    for object in objects {
        let total = match object.outcome {
            Outcome::Migrated => &mut totals.migrated,
            Outcome::Superseded => &mut totals.superseded,
            Outcome::Approximated => &mut totals.approximated,
            Outcome::Delegated => &mut totals.delegated,
            Outcome::Unsupported => &mut totals.unsupported,
            Outcome::Blocked => &mut totals.blocked,
        };
        *total += 1;
    }
    totals
}

fn read_stats(ReadStats { files, skipped, clusters, incomplete }: &ReadStats) -> Read<'_> {
    let skipped = skipped.iter().map(|(reason, count)| Skipped { reason, count: *count }).collect();
    Read { files: *files, skipped, clusters, incomplete: *incomplete }
}

fn object<'r>(
    ObjectReport { id: which, place: at, outcome, proof, outputs, findings }: &'r ObjectReport,
    lines: &Lines<'r>,
) -> Object<'r> {
    Object {
        id: id(which),
        place: place(*at, lines),
        outcome: *outcome,
        proof: *proof,
        outputs: outputs.iter().map(id).collect(),
        findings,
    }
}

fn id(ObjectId { kind, group, version, namespace, name }: &ObjectId) -> Id<'_> {
    Id { group, version, kind, namespace: namespace.as_deref(), name }
}

fn place<'r>(at: Place, lines: &Lines<'r>) -> PlaceOut<'r> {
    let Extent { start, end } = lines.extent(at);
    let span = lines.clamp(at);
    PlaceOut {
        source: &lines.source(at.source).name,
        line: start.line,
        column: start.col,
        end_line: end.line,
        end_column: end.col,
        byte_start: span.start,
        byte_end: span.end,
    }
}

fn group(Group { code, level, help, members }: Group<'_>) -> GroupOut<'_> {
    GroupOut { code: code.0, level, help, findings: members }
}

fn finding<'r>(
    Finding { code, level, message, place: at, object, labels, notes, help }: &'r Finding,
    lines: &Lines<'r>,
) -> FindingOut<'r> {
    FindingOut {
        code: code.0,
        level: *level,
        message,
        place: at.map(|at| place(at, lines)),
        object: object.as_ref().map(id),
        labels: labels.iter().map(|Label { place: at, text }| LabelOut { place: place(*at, lines), text }).collect(),
        notes,
        help: help.as_deref(),
        docs: format!("docs/findings.md#{}", code.0),
    }
}
