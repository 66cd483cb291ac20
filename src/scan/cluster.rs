//! A cluster as a source: which of the kinds that matter it serves, and their objects as texts.
//!
//! [`KINDS`] is the one list of what is read; `smi2gamma rbac` writes the role from it. SMI and what writes or names it come
//! first. Of what stands beside it, only what those texts mention is kept, so that a cluster with ten thousand Services
//! costs little. Where SMI grants and the target has policy, names are not enough: then what makes pods, what leads to them
//! and policy is read as well, in the namespaces of the destinations, and what is missing of it is told to the inventory,
//! so that nothing is converted from half a picture. Each object becomes one text, without what only a cluster adds: a run on the cluster comes to the same
//! as one on its manifests. Nothing is written, and nothing is interpreted beyond names.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

mod grants;
mod kinds;

use self::grants::Grants;
use super::kubectl::{Access, Failure, Kubectl, in_parallel};
use super::read::Text;
use super::{Doc, DocId, Member, MissingList, Part, Scan, ScanError, Scope, ScopeKind};
use crate::code;
use crate::place::{Role, Source};
use crate::referrers::adaptor;
use crate::report::Finding;
use crate::yaml::emit;

pub use self::kinds::{KINDS, Kind, Need, Reading, Verb};

/// How clusters are read.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// How they are reached.
    pub access: Access,
    /// `-n`: nothing of other namespaces is read.
    pub namespace: Option<String>,
    /// `-A`: what stands beside SMI is read from all namespaces, too.
    pub all_namespaces: bool,
    /// What for.
    pub reading: Reading,
}

/// Namespaces that are asked one by one; beyond, one question to all of them costs less.
const ONE_BY_ONE: usize = 4;

/// Names that one call asks for at most.
const NAMES_AT_ONCE: usize = 50;

// === reading ===

/// Adds the objects of the cluster to `scan`: as a scope of their own where it is a source, as context for all scopes where
/// `role` says so.
pub(super) fn add(
    context: Option<&str>,
    options: &ClusterOptions,
    role: Role,
    scan: &mut Scan,
) -> Result<(), ScanError> {
    let mut reader = Reader::new(context, options, role);
    let groups = reader.groups()?;
    let served = reader.served(&groups, &|kind| !kind.waits_for_grants(options.reading));
    let (first, mut beside): (Vec<Served>, Vec<Served>) =
        served.into_iter().partition(|served| served.kind.comes_first());
    let mut objects = reader.read_first(&first)?;
    let grants = reader.grants(&objects, scan);
    if grants.is_some() {
        beside.extend(reader.served(&groups, &|kind| kind.waits_for_grants(options.reading)));
    }
    if !objects.is_empty() || role == Role::Context || options.reading == Reading::Status {
        let mentioned = reader.mentioned(&objects, scan, grants);
        objects.extend(reader.read_beside(&beside, &mentioned));
        if let Some(grants) = &mentioned.grants {
            reader.stay_inside(grants);
        }
    }
    let serves_smi = first.iter().any(|served| served.kind.need == Need::Smi);
    reader.finish(objects, serves_smi, scan);
    Ok(())
}

struct Reader<'a> {
    kubectl: Kubectl,
    /// `cluster:CONTEXT`
    name: String,
    options: &'a ClusterOptions,
    role: Role,
    findings: Vec<Finding>,
    incomplete: bool,
    /// What grants need and was not read.
    missing: Vec<Missing>,
}

/// Something that bears on grants and was not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Missing {
    what: String,
    /// None: all.
    namespace: Option<String>,
    why: String,
}

/// A kind, and the version to ask for.
struct Served {
    kind: &'static Kind,
    version: String,
}

/// One question: a kind in one namespace, or in all.
struct Job<'a> {
    served: &'a Served,
    namespace: Option<&'a str>,
    /// The only names to ask for; empty: all.
    names: Vec<&'a str>,
}

/// One object as a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    /// Its place in [`KINDS`].
    order: usize,
    namespace: Option<String>,
    name: String,
    /// The namespace of the pods, of a grant.
    leads_to: Option<String>,
    text: String,
}

/// What the first part of the reading speaks of.
struct Mentioned {
    /// None: everything is kept.
    words: Option<HashSet<String>>,
    /// None: all.
    namespaces: Option<BTreeSet<String>>,
    /// None: nothing is read for the sake of grants.
    grants: Option<Grants>,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn new(context: Option<&str>, options: &'a ClusterOptions, role: Role) -> Self {
        let mut access = options.access.clone();
        access.context = context.map(str::to_owned).or(access.context);
        let kubectl = Kubectl::new(&access);
        let current = || {
            let said = kubectl.call(&["config", "current-context"]).ok()?;
            Some(String::from_utf8_lossy(&said).trim().to_owned()).filter(|name| !name.is_empty())
        };
        // Without a kubeconfig kubectl still works inside a pod.
        let name =
            access.context.clone().or_else(current).map_or("cluster".to_owned(), |name| format!("cluster:{name}"));
        Self { kubectl, name, options, role, findings: Vec::new(), incomplete: false, missing: Vec::new() }
    }

    fn refuse(&self, failure: Failure) -> ScanError {
        ScanError::Cluster { name: self.name.clone(), failure }
    }

    /// The API groups that the cluster serves.
    fn groups(&self) -> Result<Vec<Group>, ScanError> {
        let answer = self.kubectl.call(&["get", "--raw", "/apis"]).and_then(|answer| json::<Groups>(&answer));
        Ok(answer.map_err(|failure| self.refuse(failure))?.groups)
    }

    /// The kinds of the table that are `wanted` and that the cluster serves, each at the version it prefers.
    fn served(&mut self, groups: &[Group], wanted: &dyn Fn(&Kind) -> bool) -> Vec<Served> {
        let wanted: Vec<&'static Kind> =
            KINDS.iter().filter(|kind| kind.read_for(self.options.reading) && wanted(kind)).collect();
        let asked: Vec<(&Group, Vec<&'static Kind>)> = groups
            .iter()
            .map(|group| (group, wanted.iter().copied().filter(|kind| kind.group == group.name).collect()))
            .filter(|(_, kinds): &(_, Vec<_>)| !kinds.is_empty())
            .collect();
        let answers = in_parallel(&asked, |(group, kinds)| versions(&self.kubectl, group, kinds));
        let mut served: Vec<Served> = wanted
            .iter()
            .filter(|kind| kind.group.is_empty())
            .map(|&kind| Served { kind, version: "v1".into() })
            .collect();
        for ((group, kinds), (found, failure)) in asked.iter().zip(answers) {
            if let Some(failure) = failure {
                let what = format!("the kinds of {}", group.name);
                if kinds.iter().any(|kind| kind.bears_on_grants()) {
                    self.miss(what.clone(), None, &failure);
                }
                self.unread(&what, &failure);
            }
            served.extend(found);
        }
        served.sort_by_key(|served| order(served.kind));
        served
    }

    /// SMI, and what writes it or names it.
    fn read_first(&mut self, served: &[Served]) -> Result<Vec<Object>, ScanError> {
        let namespace = self.options.namespace.as_deref();
        let jobs: Vec<Job<'_>> = served.iter().map(|served| Job { served, namespace, names: Vec::new() }).collect();
        let answers = in_parallel(&jobs, |job| self.list(job, &|_| true));
        let smi = |job: &Job<'_>| job.served.kind.need == Need::Smi;
        let broken = |answer: &Result<_, Failure>| matches!(answer, Err(failure) if !matches!(failure, Failure::Denied(_) | Failure::NotServed(_)));
        let of_smi: Vec<_> = jobs.iter().zip(&answers).filter(|(job, _)| smi(job)).map(|(_, answer)| answer).collect();
        if !of_smi.is_empty() && of_smi.iter().all(|answer| broken(answer)) {
            let failure = of_smi.iter().find_map(|answer| answer.as_ref().err().cloned());
            return Err(self.refuse(failure.unwrap_or_else(|| Failure::Failed("no answer".into()))));
        }
        Ok(self.take(&jobs, answers))
    }

    /// Where the grants lead that are converted to policy: those of the cluster, or of the files that it is context of.
    fn grants(&self, objects: &[Object], scan: &Scan) -> Option<Grants> {
        let Reading::Policy(_) = self.options.reading else { return None };
        // Context of nothing is a side of its own, as in `verify`.
        let grants = match self.role {
            Role::Context if !scan.scopes.is_empty() => Grants::of_files(scan),
            Role::Context | Role::Subject => {
                Grants { namespaces: objects.iter().filter_map(|object| object.leads_to.clone()).collect() }
            }
        };
        Some(grants).filter(|grants| !grants.namespaces.is_empty())
    }

    fn mentioned(&self, objects: &[Object], scan: &Scan, grants: Option<Grants>) -> Mentioned {
        if self.options.reading == Reading::Status {
            return Mentioned { words: None, namespaces: None, grants: None };
        }
        let marked = scan.documents.iter().filter(|doc| doc.marked);
        let of_files = marked.map(|doc| doc.piece.span.of(&scan.sources.get(doc.source).text));
        let words = objects.iter().map(|object| object.text.as_str()).chain(of_files).flat_map(words);
        let everywhere = self.options.all_namespaces || self.role == Role::Context;
        let namespaces = || objects.iter().filter_map(|object| object.namespace.clone()).collect();
        Mentioned {
            words: Some(words.map(str::to_owned).collect()),
            namespaces: (!everywhere).then(namespaces),
            grants,
        }
    }

    fn read_beside(&mut self, served: &[Served], mentioned: &Mentioned) -> Vec<Object> {
        let only = self.options.namespace.as_deref();
        let jobs: Vec<Job<'_>> = served.iter().flat_map(|served| served.jobs(mentioned, only)).collect();
        let answers = in_parallel(&jobs, |job| self.list(job, &|object| mentioned.keeps(job.served.kind, object)));
        self.take(&jobs, answers)
    }

    /// What `-n` leaves out of what grants need.
    fn stay_inside(&mut self, grants: &Grants) {
        let Some(only) = &self.options.namespace else { return };
        for namespace in grants.namespaces.iter().filter(|namespace| *namespace != only) {
            self.missing.push(Missing {
                what: format!("namespace `{namespace}`"),
                namespace: Some(namespace.clone()),
                why: format!("nothing but namespace {only} was read (-n)"),
            });
        }
        let message = format!(
            "{}: routes, scrapers and webhooks of other namespaces than `{only}` were not looked for",
            self.name
        );
        self.findings.push(
            Finding::new(code!("cluster-one-namespace"), message)
                .note("who calls the destinations from there without a grant is cut off once policy enforces")
                .help("read the whole cluster once, without `-n`, or name who calls with `--ingress` and `--scraper`"),
        );
    }

    fn list(&self, job: &Job<'_>, keep: &dyn Fn(&Value) -> bool) -> Result<Vec<Object>, Failure> {
        let Job { served: Served { kind, version }, namespace, names } = job;
        let resource = if kind.group.is_empty() {
            kind.plural.to_owned()
        } else {
            format!("{}.{version}.{}", kind.plural, kind.group)
        };
        let mut question = vec!["get".to_owned(), resource];
        let place = namespace.map_or_else(|| "--all-namespaces".to_owned(), |name| format!("--namespace={name}"));
        match kind.verb() {
            Verb::List => {
                question.extend([place, "--chunk-size=500".to_owned()]);
                question.extend(names.first().map(|name| format!("--field-selector=metadata.name={name}")));
            }
            Verb::Get => {
                question.extend(names.iter().map(|name| (*name).to_owned()));
                question.push("--ignore-not-found".to_owned());
            }
        }
        question.push("--output=json".to_owned());
        let answer = self.kubectl.call(&question.iter().map(String::as_str).collect::<Vec<_>>())?;
        let mut objects = Vec::new();
        let mut sink = |mut object: Value| {
            if keep(&object) {
                strip(&mut object, kind, self.options.reading);
                let text_at = |key: &str| object["metadata"][key].as_str().map(str::to_owned);
                objects.push(Object {
                    order: order(kind),
                    namespace: text_at("namespace"),
                    name: text_at("name").unwrap_or_default(),
                    leads_to: grants::leads_to(kind.kind, &object, None).map(str::to_owned),
                    text: emit::to_yaml(std::slice::from_ref(&object)),
                });
            }
        };
        match (kind.verb(), names.as_slice()) {
            // kubectl says nothing where none is there, and gives the object itself where only one was asked for.
            (Verb::Get, _) if answer.trim_ascii().is_empty() => {}
            (Verb::Get, [_]) => sink(json::<Value>(&answer)?),
            (Verb::List | Verb::Get, _) => {
                let mut reader = serde_json::Deserializer::from_slice(&answer);
                List(&mut sink)
                    .deserialize(&mut reader)
                    .and_then(|()| reader.end())
                    .map_err(|error| garbled(&error))?;
            }
        }
        Ok(objects)
    }

    /// The objects of the answers that are whole; findings for the others, one for each kind and reason.
    fn take(&mut self, jobs: &[Job<'_>], answers: Vec<Result<Vec<Object>, Failure>>) -> Vec<Object> {
        let mut objects = Vec::new();
        let mut told = BTreeSet::new();
        for (job, answer) in jobs.iter().zip(answers) {
            let kind = job.served.kind;
            let failure = match answer {
                Ok(found) => {
                    objects.extend(found);
                    continue;
                }
                // What was served a moment ago and is no longer holds nothing.
                Err(Failure::NotServed(_)) => continue,
                Err(failure) => failure,
            };
            if kind.bears_on_grants() {
                let namespace = job.namespace.map(str::to_owned);
                let place = namespace.as_ref().map(|name| format!(" in namespace `{name}`")).unwrap_or_default();
                self.miss(format!("the list of {kind}{place}"), namespace, &failure);
            }
            let denied = matches!(failure, Failure::Denied(_));
            if told.insert((order(kind), denied)) {
                match failure {
                    Failure::Denied(said) => self.denied(kind, &said),
                    failure => self.unread(&kind.to_string(), &failure),
                }
            }
        }
        objects
    }

    fn miss(&mut self, what: String, namespace: Option<String>, failure: &Failure) {
        self.missing.push(Missing { what, namespace, why: failure.to_string() });
    }

    fn denied(&mut self, kind: &Kind, said: &str) {
        self.incomplete = true;
        let verb = match kind.verb() {
            Verb::List => "listed",
            Verb::Get => "read",
        };
        let message = format!("{}: {kind} may not be {verb}: {said}", self.name);
        let finding = if kind.need == Need::Smi {
            Finding::new(code!("cluster-denied"), message).note("SMI objects of this kind are missing from the result")
        } else {
            Finding::new(code!("cluster-context-denied"), message)
        };
        let to = match self.options.reading {
            Reading::Policy(target) => format!(" --to {target}"),
            Reading::Convert | Reading::Status => String::new(),
        };
        self.findings.push(finding.help(format!(
            "`smi2gamma rbac{to}` prints a role with the rights that are needed; with `-n NAMESPACE` only that namespace is read"
        )));
    }

    fn unread(&mut self, what: &str, failure: &Failure) {
        self.incomplete = true;
        let message = format!("{}: {what} could not be read: {failure}", self.name);
        self.findings.push(
            Finding::new(code!("cluster-unread"), message)
                .note("nothing of a list that is not whole was used")
                .help("run again when the cluster answers; `--request-timeout` says how long one call may take"),
        );
    }

    /// Puts the texts into the scan, in the order of the table, then by namespace and name.
    fn finish(mut self, mut objects: Vec<Object>, serves_smi: bool, scan: &mut Scan) {
        objects.sort();
        objects.dedup();
        let smi = objects.iter().filter(|object| KINDS[object.order].need == Need::Smi).count();
        scan.read.clusters.push(self.said(smi, objects.len() - smi, serves_smi));
        scan.read.incomplete |= self.incomplete;
        scan.findings.append(&mut self.findings);
        let mut docs = Vec::new();
        for object in objects {
            let Object { order, namespace, name, leads_to: _, text } = object;
            let kind = &KINDS[order];
            let path = namespace.map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            let subject = self.role == Role::Subject && kind.comes_first();
            let role = if subject { Role::Subject } else { Role::Context };
            docs.extend(add_text(scan, format!("{} {} {path}", self.name, kind.kind), text, role));
        }
        self.missing.sort();
        self.missing.dedup();
        for Missing { what, namespace, why } in self.missing {
            let text = format!("# {}\n", why.replace(['\n', '\r'], " "));
            for doc in add_text(scan, format!("{}: {what}", self.name), text, Role::Context) {
                docs.push(doc);
                scan.missing_lists.push(MissingList { doc, what: what.clone(), namespace: namespace.clone() });
            }
        }
        if self.role == Role::Context {
            scan.context.extend(docs);
        } else if !docs.is_empty() {
            let members = docs.into_iter().map(|doc| Member { doc, namespace: None, renamed: false }).collect();
            scan.scopes.push(Scope { name: self.name, kind: ScopeKind::Cluster, members });
        }
    }

    fn said(&self, smi: usize, others: usize, serves_smi: bool) -> String {
        let place = self.options.namespace.as_ref().map_or("all namespaces".into(), |name| format!("namespace {name}"));
        let found = match serves_smi {
            false => "it serves no kind of SMI".to_owned(),
            true => format!("{smi} SMI and {others} other objects"),
        };
        format!("{} read, {place}: {found}", self.name)
    }
}

/// Adds a text; gives its documents.
fn add_text(scan: &mut Scan, name: String, text: String, role: Role) -> Vec<DocId> {
    let Text { text, pieces } = Text::of(text);
    let source = scan.sources.add(Source { name, path: None, text, role });
    let add = |(piece, marked)| {
        scan.documents.push(Doc { source, piece, marked, part: Part::Manifest });
        DocId(u32::try_from(scan.documents.len() - 1).unwrap_or(u32::MAX))
    };
    pieces.into_iter().map(add).collect()
}

fn order(kind: &Kind) -> usize {
    KINDS.iter().position(|known| known == kind).unwrap_or(KINDS.len())
}

// === impl Served ===

impl Served {
    /// The questions about the kind; nothing outside of `only`.
    fn jobs<'j>(&'j self, mentioned: &'j Mentioned, only: Option<&'j str>) -> Vec<Job<'j>> {
        let one = |namespace| Job { served: self, namespace, names: Vec::new() };
        let few = match self.kind.need {
            Need::Service => mentioned.of_services(),
            Need::Workload | Need::Caller | Need::Policy(_) => mentioned.of_grants(),
            Need::Namespace => {
                let names = mentioned.of_grants().unwrap_or_default().into_iter();
                let names: Vec<&str> = names.filter(|name| only.is_none_or(|only| only == *name)).collect();
                let jobs = names.chunks(NAMES_AT_ONCE);
                return jobs.map(|names| Job { served: self, namespace: None, names: names.to_vec() }).collect();
            }
            Need::Switch(names) if !names.is_empty() => {
                return names.iter().map(|name| Job { served: self, namespace: only, names: vec![*name] }).collect();
            }
            Need::ClusterCaller if only.is_some() => return Vec::new(),
            Need::Smi
            | Need::Follower
            | Need::Profile
            | Need::Route
            | Need::Claim
            | Need::Evidence
            | Need::Program
            | Need::FarCaller
            | Need::ClusterCaller
            | Need::Waypoint(_)
            | Need::Switch(_) => None,
        };
        match (only, few) {
            (Some(only), _) => vec![one(Some(only))],
            (None, Some(few)) if few.len() <= ONE_BY_ONE => few.into_iter().map(|name| one(Some(name))).collect(),
            (None, _) => vec![one(None)],
        }
    }
}

/// The words of a text that may be names of Services.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').filter(|word| !word.is_empty())
}

/// Takes away what only a cluster adds to an object (Kubernetes API conventions, "Metadata" and "Spec and Status").
fn strip(object: &mut Value, kind: &Kind, reading: Reading) {
    let Value::Object(object) = object else { return };
    if kind.need != Need::Route || reading != Reading::Status {
        object.remove("status");
    }
    if (kind.group, kind.kind) == ("batch", "Job") {
        grants::strip_job(object);
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        const ADDED: [&str; 6] =
            ["managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"];
        ADDED.iter().for_each(|key| drop(metadata.remove(*key)));
        // Of SMI it tells who keeps the object.
        if let (Some(Value::Object(annotations)), false) = (metadata.get_mut("annotations"), kind.comes_first()) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        if let Some(Value::Array(owners)) = metadata.get_mut("ownerReferences") {
            owners
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(|owner: &mut Map<_, _>| drop(owner.remove("uid")));
        }
    }
}

fn runs_adaptor(workload: &Value) -> bool {
    let containers = workload["spec"]["template"]["spec"]["containers"].as_array();
    let mut images = containers.into_iter().flatten().filter_map(|container| container["image"].as_str());
    images.any(|image| adaptor::of_image(image).is_some())
}

// === impl Mentioned ===

impl Mentioned {
    /// The namespaces of the Services that are kept; none: all.
    fn of_services(&self) -> Option<BTreeSet<&str>> {
        let own = self.namespaces.as_ref()?.iter().map(String::as_str);
        Some(own.chain(self.of_grants().unwrap_or_default()).collect())
    }

    /// The namespaces that grants lead to; none: there are no grants.
    fn of_grants(&self) -> Option<BTreeSet<&str>> {
        Some(self.grants.as_ref()?.namespaces.iter().map(String::as_str).collect())
    }

    fn keeps(&self, kind: &Kind, object: &Value) -> bool {
        let named = |name: &str| self.words.as_ref().is_none_or(|words| words.contains(name));
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let here = || {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(namespace))
        };
        let mentioned = match kind.need {
            Need::Service => named(name) && here(),
            Need::Profile => named(name.split('.').next().unwrap_or(name)),
            Need::Program => self.grants.is_none() && runs_adaptor(object),
            Need::Smi | Need::Follower | Need::Route | Need::Claim | Need::Evidence => true,
            Need::Workload
            | Need::Caller
            | Need::FarCaller
            | Need::ClusterCaller
            | Need::Policy(_)
            | Need::Waypoint(_)
            | Need::Namespace
            | Need::Switch(_) => false,
        };
        mentioned || self.grants.as_ref().is_some_and(|grants| grants.keeps(kind, object))
    }
}

// === answers of the API server ===

/// `/apis` (k8s.io/apimachinery `pkg/apis/meta/v1`, APIGroupList).
#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    versions: Vec<GroupVersion>,
    preferred_version: Option<GroupVersion>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
}

/// `/apis/GROUP/VERSION` (APIResourceList).
#[derive(Deserialize)]
struct Resources {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    #[serde(default)]
    verbs: Vec<String>,
}

/// Where each of `kinds` is served: the preferred version first, then the others as the API server ranks them.
fn versions(kubectl: &Kubectl, group: &Group, kinds: &[&'static Kind]) -> (Vec<Served>, Option<Failure>) {
    let mut missing: BTreeMap<&str, &'static Kind> = kinds.iter().map(|&kind| (kind.plural, kind)).collect();
    let preferred = group.preferred_version.iter().chain(&group.versions).map(|version| version.version.as_str());
    let mut asked = BTreeSet::new();
    let mut found = Vec::new();
    for version in preferred {
        if missing.is_empty() || !asked.insert(version) {
            continue;
        }
        let answer = kubectl.call(&["get", "--raw", &format!("/apis/{}/{version}", group.name)]);
        let resources = match answer.and_then(|answer| json::<Resources>(&answer)) {
            Ok(answer) => answer.resources,
            Err(Failure::NotServed(_)) => continue,
            Err(failure) => return (found, Some(failure)),
        };
        for resource in resources.iter().filter(|resource| resource.verbs.iter().any(|verb| verb == "list")) {
            if let Some(kind) = missing.remove(resource.name.as_str()) {
                found.push(Served { kind, version: version.to_owned() });
            }
        }
    }
    (found, None)
}

fn json<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer).map_err(|error| garbled(&error))
}

fn garbled(error: &serde_json::Error) -> Failure {
    Failure::Garbled(error.to_string())
}

/// A list whose items are handed on one by one, so that only one of them is held as a value.
struct List<'s>(&'s mut dyn FnMut(Value));

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                seen = true;
                map.next_value_seed(Items(&mut *self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if seen { Ok(()) } else { Err(serde::de::Error::missing_field("items")) }
    }
}

struct Items<'s>(&'s mut dyn FnMut(Value));

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<Value>()? {
            (self.0)(item);
        }
        Ok(())
    }
}
