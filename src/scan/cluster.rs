//! A cluster as a source: which of the kinds that matter it serves, and their objects as texts.
//!
//! [`KINDS`] is the one list of what is read; `smi2gamma rbac` writes the role from it. SMI and what writes or names it come
//! first. Of what stands beside it, only what those texts mention is kept, so that a cluster with ten thousand Services
//! costs little. Each object becomes one text, without what only a cluster adds: a run on the cluster comes to the same
//! as one on its manifests. Nothing is written, and nothing is interpreted beyond names.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use super::kubectl::{Access, Failure, Kubectl, in_parallel};
use super::read::Text;
use super::{Doc, DocId, Member, Part, Scan, ScanError, Scope, ScopeKind};
use crate::code;
use crate::place::{Role, Source};
use crate::referrers::adaptor;
use crate::report::Finding;
use crate::yaml::emit;

// === what is read ===

/// One kind that is read from a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// `kind` of its objects.
    pub kind: &'static str,
    /// Its name in the API and in roles.
    pub plural: &'static str,
    /// What it is read for.
    pub need: Need,
}

/// What a kind is read for, and so when and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To be converted, and counted by `status`.
    Smi,
    /// It writes SMI, names it or looks like it: findings say what to do with it.
    Follower,
    /// A Service: ports. Kept where SMI mentions its name, in the namespaces that hold SMI.
    Service,
    /// A profile that may shadow a route; from any namespace. Kept where SMI mentions its Service; `status` reads all.
    Profile,
    /// A route that is there already; from any namespace. `status` says whether it took effect.
    Route,
    /// Another claim on the traffic of a Service, from any namespace.
    Claim,
    /// Says which mesh this is.
    Evidence,
    /// Programs that act on SMI; only `status` looks for them.
    Program,
}

const fn kind(group: &'static str, kind: &'static str, plural: &'static str, need: Need) -> Kind {
    Kind { group, kind, plural, need }
}

/// Every kind that is ever read from a cluster, in the order in which objects are listed.
pub const KINDS: &[Kind] = &[
    kind("split.smi-spec.io", "TrafficSplit", "trafficsplits", Need::Smi),
    kind("access.smi-spec.io", "TrafficTarget", "traffictargets", Need::Smi),
    kind("access.smi-spec.io", "IdentityBinding", "identitybindings", Need::Smi),
    kind("specs.smi-spec.io", "HTTPRouteGroup", "httproutegroups", Need::Smi),
    kind("specs.smi-spec.io", "TCPRoute", "tcproutes", Need::Smi),
    kind("specs.smi-spec.io", "UDPRoute", "udproutes", Need::Smi),
    kind("flagger.app", "Canary", "canaries", Need::Follower),
    kind("argoproj.io", "Rollout", "rollouts", Need::Follower),
    kind("specs.smi.nginx.com", "RateLimit", "ratelimits", Need::Follower),
    kind("specs.smi.nginx.com", "CircuitBreaker", "circuitbreakers", Need::Follower),
    kind("policy.openservicemesh.io", "Egress", "egresses", Need::Follower),
    kind("policy.openservicemesh.io", "IngressBackend", "ingressbackends", Need::Follower),
    kind("policy.openservicemesh.io", "UpstreamTrafficSetting", "upstreamtrafficsettings", Need::Follower),
    kind("policy.openservicemesh.io", "Retry", "retries", Need::Follower),
    kind("policy.flomesh.io", "Egress", "egresses", Need::Follower),
    kind("policy.flomesh.io", "IngressBackend", "ingressbackends", Need::Follower),
    kind("policy.flomesh.io", "UpstreamTrafficSetting", "upstreamtrafficsettings", Need::Follower),
    kind("policy.flomesh.io", "Retry", "retries", Need::Follower),
    kind("traffic.flomesh.io", "TrafficSplit", "trafficsplits", Need::Follower),
    kind("split.flomesh.io", "TrafficSplit", "trafficsplits", Need::Follower),
    kind("", "Service", "services", Need::Service),
    kind("gateway.networking.k8s.io", "HTTPRoute", "httproutes", Need::Route),
    kind("gateway.networking.k8s.io", "GRPCRoute", "grpcroutes", Need::Route),
    kind("gateway.networking.k8s.io", "TCPRoute", "tcproutes", Need::Route),
    kind("linkerd.io", "ServiceProfile", "serviceprofiles", Need::Profile),
    kind("networking.istio.io", "VirtualService", "virtualservices", Need::Claim),
    kind("config.openservicemesh.io", "MeshConfig", "meshconfigs", Need::Evidence),
    kind("config.flomesh.io", "MeshConfig", "meshconfigs", Need::Evidence),
    kind("apps", "Deployment", "deployments", Need::Program),
];

/// What a cluster is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// To convert what it holds: SMI, and what it mentions.
    #[default]
    Convert,
    /// To say where the migration stands: SMI, routes with their status, profiles, adaptors.
    Status,
}

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

// === impl Kind ===

impl Kind {
    fn read_for(&self, reading: Reading) -> bool {
        match self.need {
            Need::Smi | Need::Route | Need::Profile => true,
            Need::Follower | Need::Service | Need::Claim | Need::Evidence => reading == Reading::Convert,
            Need::Program => reading == Reading::Status,
        }
    }

    /// Whether SMI, or what names it, is read before what stands beside it.
    fn comes_first(&self) -> bool {
        matches!(self.need, Need::Smi | Need::Follower)
    }

    fn role(&self) -> Role {
        if self.comes_first() { Role::Subject } else { Role::Context }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

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
    let served = reader.served()?;
    let (first, beside): (Vec<Served>, Vec<Served>) = served.into_iter().partition(|served| served.kind.comes_first());
    let mut objects = reader.read_first(&first)?;
    if !objects.is_empty() || role == Role::Context || options.reading == Reading::Status {
        let mentioned = reader.mentioned(&objects, scan);
        objects.extend(reader.read_beside(&beside, &mentioned));
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
}

/// One object as a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    /// Its place in [`KINDS`].
    order: usize,
    namespace: Option<String>,
    name: String,
    text: String,
}

/// What the first part of the reading speaks of.
struct Mentioned {
    /// None: everything is kept.
    words: Option<HashSet<String>>,
    /// None: all.
    namespaces: Option<BTreeSet<String>>,
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
        Self { kubectl, name, options, role, findings: Vec::new(), incomplete: false }
    }

    fn refuse(&self, failure: Failure) -> ScanError {
        ScanError::Cluster { name: self.name.clone(), failure }
    }

    /// The kinds of the table that the cluster serves, each at the version it prefers.
    fn served(&mut self) -> Result<Vec<Served>, ScanError> {
        let groups = self.kubectl.call(&["get", "--raw", "/apis"]).and_then(|answer| json::<Groups>(&answer));
        let groups = groups.map_err(|failure| self.refuse(failure))?.groups;
        let wanted: Vec<&Kind> = KINDS.iter().filter(|kind| kind.read_for(self.options.reading)).collect();
        let asked: Vec<(Group, Vec<&'static Kind>)> = groups
            .into_iter()
            .map(|group| {
                let kinds = wanted.iter().copied().filter(|kind| kind.group == group.name).collect();
                (group, kinds)
            })
            .filter(|(_, kinds): &(_, Vec<_>)| !kinds.is_empty())
            .collect();
        let answers = in_parallel(&asked, |(group, kinds)| versions(&self.kubectl, group, kinds));
        let mut served: Vec<Served> = wanted
            .iter()
            .filter(|kind| kind.group.is_empty())
            .map(|&kind| Served { kind, version: "v1".into() })
            .collect();
        for ((group, _), (found, failure)) in asked.iter().zip(answers) {
            served.extend(found);
            if let Some(failure) = failure {
                self.unread(&format!("the kinds of {}", group.name), &failure);
            }
        }
        served.sort_by_key(|served| order(served.kind));
        Ok(served)
    }

    /// SMI, and what writes it or names it.
    fn read_first(&mut self, served: &[Served]) -> Result<Vec<Object>, ScanError> {
        let namespace = self.options.namespace.as_deref();
        let jobs: Vec<Job<'_>> = served.iter().map(|served| Job { served, namespace }).collect();
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

    fn mentioned(&self, objects: &[Object], scan: &Scan) -> Mentioned {
        if self.options.reading == Reading::Status {
            return Mentioned { words: None, namespaces: None };
        }
        let marked = scan.documents.iter().filter(|doc| doc.marked);
        let of_files = marked.map(|doc| doc.piece.span.of(&scan.sources.get(doc.source).text));
        let words = objects.iter().map(|object| object.text.as_str()).chain(of_files).flat_map(words);
        let everywhere = self.options.all_namespaces || self.role == Role::Context;
        let namespaces = || objects.iter().filter_map(|object| object.namespace.clone()).collect();
        Mentioned { words: Some(words.map(str::to_owned).collect()), namespaces: (!everywhere).then(namespaces) }
    }

    fn read_beside(&mut self, served: &[Served], mentioned: &Mentioned) -> Vec<Object> {
        let mut jobs = Vec::new();
        for served in served {
            match (&self.options.namespace, &mentioned.namespaces) {
                (Some(namespace), _) => jobs.push(Job { served, namespace: Some(namespace) }),
                (None, Some(few)) if served.kind.need == Need::Service && few.len() <= ONE_BY_ONE => {
                    jobs.extend(few.iter().map(|namespace| Job { served, namespace: Some(namespace) }));
                }
                (None, _) => jobs.push(Job { served, namespace: None }),
            }
        }
        let answers = in_parallel(&jobs, |job| {
            let need = job.served.kind.need;
            self.list(job, &|object| mentioned.keeps(need, object))
        });
        self.take(&jobs, answers)
    }

    fn list(&self, job: &Job<'_>, keep: &dyn Fn(&Value) -> bool) -> Result<Vec<Object>, Failure> {
        let Job { served: Served { kind, version }, namespace } = job;
        let resource = if kind.group.is_empty() {
            kind.plural.to_owned()
        } else {
            format!("{}.{version}.{}", kind.plural, kind.group)
        };
        let place = namespace.map_or_else(|| "--all-namespaces".to_owned(), |name| format!("--namespace={name}"));
        let answer = self.kubectl.call(&["get", &resource, &place, "--chunk-size=500", "--output=json"])?;
        let mut objects = Vec::new();
        let mut sink = |mut object: Value| {
            if keep(&object) {
                strip(&mut object, kind.need == Need::Route && self.options.reading == Reading::Status);
                let text_at = |key: &str| object["metadata"][key].as_str().map(str::to_owned);
                objects.push(Object {
                    order: order(kind),
                    namespace: text_at("namespace"),
                    name: text_at("name").unwrap_or_default(),
                    text: emit::to_yaml(std::slice::from_ref(&object)),
                });
            }
        };
        let mut reader = serde_json::Deserializer::from_slice(&answer);
        List(&mut sink).deserialize(&mut reader).and_then(|()| reader.end()).map_err(|error| garbled(&error))?;
        Ok(objects)
    }

    /// The objects of the answers that are whole; findings for the others.
    fn take(&mut self, jobs: &[Job<'_>], answers: Vec<Result<Vec<Object>, Failure>>) -> Vec<Object> {
        let mut objects = Vec::new();
        for (job, answer) in jobs.iter().zip(answers) {
            let kind = job.served.kind;
            match answer {
                Ok(found) => objects.extend(found),
                // What was served a moment ago and is no longer holds nothing.
                Err(Failure::NotServed(_)) => {}
                Err(Failure::Denied(said)) => self.denied(kind, &said),
                Err(failure) => self.unread(&kind.to_string(), &failure),
            }
        }
        objects
    }

    fn denied(&mut self, kind: &Kind, said: &str) {
        self.incomplete = true;
        let message = format!("{}: {kind} may not be listed: {said}", self.name);
        let finding = if kind.need == Need::Smi {
            Finding::new(code!("cluster-denied"), message)
                .note("SMI objects of this kind are missing from the result")
                .help(DENIED)
        } else {
            Finding::new(code!("cluster-context-denied"), message).help(DENIED)
        };
        self.findings.push(finding);
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
    fn finish(self, mut objects: Vec<Object>, serves_smi: bool, scan: &mut Scan) {
        objects.sort();
        objects.dedup();
        let smi = objects.iter().filter(|object| KINDS[object.order].need == Need::Smi).count();
        scan.read.clusters.push(self.said(smi, objects.len() - smi, serves_smi));
        scan.read.incomplete |= self.incomplete;
        scan.findings.extend(self.findings);
        let mut docs = Vec::new();
        for object in objects {
            let Object { order, namespace, name, text } = object;
            let kind = &KINDS[order];
            let path = namespace.map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            let role = if self.role == Role::Context { Role::Context } else { kind.role() };
            let Text { text, pieces } = Text::of(text);
            let source = Source { name: format!("{} {} {path}", self.name, kind.kind), path: None, text, role };
            let source = scan.sources.add(source);
            for (piece, marked) in pieces {
                docs.push(DocId(u32::try_from(scan.documents.len()).unwrap_or(u32::MAX)));
                scan.documents.push(Doc { source, piece, marked, part: Part::Manifest });
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

/// The one remedy of missing rights.
const DENIED: &str =
    "`smi2gamma rbac` prints a role with the rights that are needed; with `-n NAMESPACE` only that namespace is read";

fn order(kind: &Kind) -> usize {
    KINDS.iter().position(|known| known == kind).unwrap_or(KINDS.len())
}

/// The words of a text that may be names of Services.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').filter(|word| !word.is_empty())
}

/// Takes away what only a cluster adds to an object (Kubernetes API conventions, "Metadata" and "Spec and Status").
fn strip(object: &mut Value, keep_status: bool) {
    let Value::Object(object) = object else { return };
    if !keep_status {
        object.remove("status");
    }
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        const ADDED: [&str; 6] =
            ["managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"];
        ADDED.iter().for_each(|key| drop(metadata.remove(*key)));
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
    fn keeps(&self, need: Need, object: &Value) -> bool {
        let named = |name: &str| self.words.as_ref().is_none_or(|words| words.contains(name));
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let here = || {
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            self.namespaces.as_ref().is_none_or(|namespaces| namespaces.contains(namespace))
        };
        match need {
            Need::Service => named(name) && here(),
            Need::Profile => named(name.split('.').next().unwrap_or(name)),
            Need::Program => runs_adaptor(object),
            Need::Smi | Need::Follower | Need::Route | Need::Claim | Need::Evidence => true,
        }
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
