//! One run, from sources to a report: the rooms in their order.
//!
//! Nothing is decided here. Documents are loaded (in parallel), scopes are converted (each by itself), and `settle` brings
//! their answers together.

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;

use crate::access::loss::Judged;
use crate::access::{self, loss};
use crate::code;
use crate::convert::Settings;
use crate::filter::Filter;
use crate::inventory::Entry;
use crate::load::{self, Held, SmiObject};
use crate::manifest::Manifest;
use crate::place::{Role, SourceMap};
use crate::report::{Chosen, Finding, ObjectId, Report};
use crate::scan::{self, DocId, Scan, ScanError};
use crate::scope::Engine;
use crate::settle::{self, Answer, Settled};
use crate::smi::Kind;
use crate::target::Profile;

/// Everything that a run depends on besides the bytes that it reads.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to read.
    pub scan: scan::Options,
    /// Whose reading applies, by flag or configuration: the name and where it was said.
    pub from: Option<Chosen>,
    /// What the output is for.
    pub to: Profile,
    /// Where that was said.
    pub to_because: String,
    /// Decisions about routes.
    pub settings: Settings,
    /// Decisions about policy.
    pub policy: access::Settings,
    /// Splits that no controller owns, as `namespace/name` or `name`.
    pub unowned: BTreeSet<String>,
    /// Which objects are converted.
    pub filter: Filter,
    /// Whether the output is compared with the input.
    pub verify: bool,
}

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The texts.
    pub sources: SourceMap,
    /// What there is to say.
    pub report: Report,
    /// Every SMI object, in source order, in the order of [`Report::objects`].
    pub objects: Vec<SmiObject>,
    /// The output: manifests with the objects (indices of `objects`) whose content they carry.
    pub manifests: Vec<(Vec<usize>, Manifest)>,
    /// By object that others refer to: those of them that are converted (indices of `objects`).
    pub users: BTreeMap<usize, BTreeSet<usize>>,
}

/// Reads, converts and settles.
///
/// # Errors
/// If there can be no trustworthy result: a named source is missing or unreadable.
pub fn run(options: &Options, stdin: &mut dyn Read) -> Result<Run, ScanError> {
    let Scan { sources, documents, scopes, context, missing_lists, findings, read } = scan::scan(&options.scan, stdin)?;
    let mut loaded = load::load(&documents, &scopes, &context, &sources);
    load::add_missing_lists(&mut loaded, &missing_lists, &documents);
    let mut report = Report { read, findings, ..Report::default() };
    report.to = Some(Chosen { name: options.to.display(), because: options.to_because.clone() });

    let mut objects: Vec<SmiObject> = Vec::new();
    let mut by_doc: HashMap<DocId, Vec<usize>> = HashMap::new();
    let mut borrowed: HashMap<DocId, Vec<SmiObject>> = HashMap::new();
    let mut entries: HashMap<DocId, Vec<Entry>> = HashMap::new();
    let mut held: HashMap<DocId, Vec<Held>> = HashMap::new();
    for (index, (loaded, doc)) in loaded.into_iter().zip(&documents).enumerate() {
        let id = DocId(u32::try_from(index).unwrap_or(u32::MAX));
        let subject = sources.get(doc.source).role == Role::Subject;
        if subject {
            report.findings.extend(loaded.findings);
            for object in loaded.objects {
                if options.filter.takes(&object.id, object.object.as_ref()) {
                    by_doc.entry(id).or_default().push(objects.len());
                    objects.push(object);
                } else {
                    borrowed.entry(id).or_default().push(object);
                }
            }
        } else {
            borrowed.insert(id, loaded.objects);
        }
        entries.insert(id, loaded.entries);
        if !loaded.held.is_empty() {
            held.insert(id, loaded.held);
        }
    }

    report.findings.extend(left_out(&options.filter, &objects, &borrowed, &sources));

    let engine = Engine {
        options,
        objects: &objects,
        by_doc: &by_doc,
        borrowed: &borrowed,
        entries: &entries,
        held: &held,
        context: &context,
    };
    let elsewhere = engine.elsewhere(&scopes);
    let numbered = scopes.par_iter().enumerate();
    let answers: Vec<Answer> = numbered.map(|(number, scope)| engine.scope(number, scope, &elsewhere)).collect();
    if !options.verify {
        let message = "the output was not compared with the input (--no-verify)";
        report.findings.push(Finding::new(code!("not-verified"), message).help("leave `--no-verify` out"));
    }
    report.findings.extend(unused_losses(options, &objects, &borrowed, &answers));
    report.from = settle::from(&answers);
    let Settled { manifests, users } = settle::settle(&objects, answers, &mut report);
    Ok(Run { sources, report, objects, manifests, users })
}

/// Says that there is SMI and the filter took none of it: a misspelt namespace would look like an empty one.
fn left_out(
    filter: &Filter,
    objects: &[SmiObject],
    borrowed: &HashMap<DocId, Vec<SmiObject>>,
    sources: &SourceMap,
) -> Option<Finding> {
    if filter.is_everything() || !objects.is_empty() {
        return None;
    }
    let own = borrowed.values().flatten().filter(|object| sources.get(object.source).role == Role::Subject).count();
    let message = match own {
        0 => return None,
        1 => "`-n` and `-l` leave out the only SMI object that was found".to_owned(),
        all => format!("`-n` and `-l` leave out all {all} SMI objects that were found"),
    };
    let help = "look at the spelling; objects without `metadata.namespace` are taken without `-n` only";
    Some(Finding::new(code!("filter-takes-none"), message).help(help))
}

/// Entries of `losses` that accept nothing, as far as this run can tell: of a grant that the filter leaves out it cannot.
fn unused_losses(
    options: &Options,
    objects: &[SmiObject],
    borrowed: &HashMap<DocId, Vec<SmiObject>>,
    answers: &[Answer],
) -> Vec<Finding> {
    if options.policy.losses.is_empty() {
        return Vec::new();
    }
    let judged = |(index, object): (usize, &SmiObject)| {
        let found = answers.iter().flat_map(Answer::found).filter(|(of, _)| *of == index);
        let findings = object.findings.iter().chain(found.map(|(_, finding)| finding)).cloned().collect();
        Judged { id: object.id.clone(), findings }
    };
    let grants: Vec<Judged> = objects.iter().enumerate().filter(|(_, object)| is_grant(object)).map(judged).collect();
    let left_out: Vec<ObjectId> =
        borrowed.values().flatten().filter(|object| is_grant(object)).map(|object| object.id.clone()).collect();
    loss::unused(&options.policy.losses, &options.to, &grants, &left_out)
}

fn is_grant(object: &SmiObject) -> bool {
    object.id.kind == Kind::TrafficTarget.name()
}
