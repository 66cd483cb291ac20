//! What makes pods: whose account they run as, what they are labelled with, where they listen and how the kubelet looks
//! after them.
//!
//! Fields are read one by one and not through the types of Kubernetes: real manifests break those types, and a workload
//! that is not seen is a workload that nobody counts. What cannot be read is an [`Unreadable`], never nothing.

use std::collections::BTreeMap;

use super::kinds::{Entry, Header, Transport};
use super::selector::{labels, text};
use crate::place::{Place, SourceId};
use crate::yaml::{Node, Problem, ProblemKind, Value};

/// Anything that makes pods: a Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, CronJob,
/// Rollout, DeploymentConfig, or any other object with a template of pods; and a Pod itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `kind`.
    pub kind: String,
    /// As written.
    pub namespace: Option<String>,
    /// `metadata.name`; `metadata.generateName` where there is no name.
    pub name: String,
    /// `serviceAccountName` of the pods, or the old `serviceAccount`; `default` where both are absent.
    pub account: String,
    /// Labels of the pods.
    pub labels: BTreeMap<String, String>,
    /// `spec.selector.matchLabels`, or the plain labels of `spec.selector`: what the workload knows its pods by. Empty where
    /// it has none, as a Pod or a Job.
    pub selector: BTreeMap<String, String>,
    /// Annotations of the pods.
    pub annotations: BTreeMap<String, String>,
    /// What the containers declare, sidecars among the init containers included. Declaring is voluntary: a container may
    /// listen elsewhere, too.
    pub ports: Vec<ContainerPort>,
    /// Whether every container declares a port. One that declares none may listen on any.
    pub all_declare: bool,
    /// What the kubelet calls.
    pub probes: Vec<Probe>,
    /// The pods share the node's network: no mesh redirects it.
    pub host_network: bool,
    /// Where it stands.
    pub place: Place,
}

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// The container's name.
    pub container: String,
    /// `name`.
    pub name: Option<String>,
    /// `containerPort`, 1 to 65535.
    pub number: u16,
    /// `protocol`.
    pub transport: Transport,
    /// It has a `hostPort`: the node's address leads to it.
    pub on_host: bool,
}

/// Something that the kubelet calls in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The container's name.
    pub container: String,
    /// What it is for.
    pub role: ProbeRole,
    /// How it calls.
    pub what: ProbeKind,
    /// The container's port, named ports resolved; none for commands, and for a name that no port of the container has.
    pub port: Option<u16>,
    /// Where it stands.
    pub place: Place,
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeRole {
    /// `livenessProbe`
    Liveness,
    /// `readinessProbe`
    Readiness,
    /// `startupProbe`
    Startup,
    /// `lifecycle.postStart` or `lifecycle.preStop`
    Lifecycle,
}

/// How a probe calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// `httpGet`: GET on a path, `/` where none is written, with these headers.
    Http {
        /// `scheme: HTTPS`
        tls: bool,
        /// `path`
        path: String,
        /// `httpHeaders`, in written order.
        headers: Vec<(String, String)>,
    },
    /// `tcpSocket`
    Tcp,
    /// `grpc`: the gRPC health check.
    Grpc,
    /// `exec`, or nothing that needs a port.
    Exec,
}

/// What the kubelet sends to a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// GET of a liveness, readiness or startup probe, on this path.
    Get(String),
    /// GET of a lifecycle hook, on this path.
    Hook(String),
    /// The gRPC health check (kubernetes v1.33 `pkg/probe/grpc/grpc.go`).
    Health,
    /// A request within TLS.
    Tls,
}

/// A Namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands.
    pub place: Place,
}

/// Something that may hold or change a workload or a Service, and could not be read. As long as there is one, nobody
/// knows all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Why it could not be read.
    pub why: Unread,
    /// What it is, as far as that is known: ``Deployment `web` ``, `document`.
    pub what: String,
    /// Its namespace; none where it is not known, which may be any.
    pub namespace: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// Why something could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// The document is no YAML or JSON.
    Syntax,
    /// The document is a template that was not rendered.
    Template,
    /// The object has not the shape of its kind.
    Shape,
    /// A patch of a kustomization changes its pods or their account.
    Patch,
    /// A kustomization fetches or generates it when it is built.
    Generated,
    /// A cluster did not give the list that it may be in.
    Unlisted,
}

/// The kinds that have no purpose but pods; one of them without a readable template is [`Unreadable`].
const KINDS: &[(&str, &str)] = &[
    ("", "Pod"),
    ("", "ReplicationController"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("extensions", "Deployment"),
    ("extensions", "DaemonSet"),
    ("extensions", "ReplicaSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("argoproj.io", "Rollout"),
    ("apps.openshift.io", "DeploymentConfig"),
];

// === impl Workload ===

impl Workload {
    /// What the object of `header` contributes if it makes pods; nothing if it does not.
    pub(super) fn read(header: &Header<'_>, source: SourceId) -> Vec<Entry> {
        let Some(template) = template(header) else {
            let borrowed = header.node.path(&["spec", "workloadRef"]).is_some();
            let missing = is_workload(header.group(), header.kind) && !borrowed;
            let unreadable = || Entry::Unreadable(Unreadable::object(header, source, Unread::Shape));
            return missing.then(unreadable).into_iter().collect();
        };
        let mut broken = false;
        let mut table = |node: Option<&Node>| match node {
            Some(node) if !node.is_null() => {
                let read = labels(node);
                broken |= read.len() != node.entries().len() || !matches!(node.value, Value::Map(_));
                read
            }
            _ => BTreeMap::new(),
        };
        let (labels, annotations) =
            (table(template.path(&["metadata", "labels"])), table(template.path(&["metadata", "annotations"])));
        let pods = template.get("spec");
        let (mut ports, mut probes) = (Vec::new(), Vec::new());
        let mut all_declare = true;
        for container in pods.map(serving).unwrap_or_default() {
            let declared = container.get("ports").map(Node::items).unwrap_or_default();
            let own: Vec<ContainerPort> =
                declared.iter().filter_map(|port| ContainerPort::read(container, port)).collect();
            broken |= own.len() != declared.len();
            all_declare &= !own.is_empty();
            probes.extend(Probe::all_of(container, &own, source));
            ports.extend(own);
        }
        let account = ["serviceAccountName", "serviceAccount"].iter().find_map(|key| {
            let node = pods?.get(key).filter(|node| !node.is_null())?;
            broken |= node.as_str().is_none();
            text(node).filter(|name| !name.is_empty())
        });
        let host_network = pods.and_then(|pods| pods.get("hostNetwork")?.scalar()?.as_bool());
        let generated = || header.text(&["metadata", "generateName"]).unwrap_or_default();
        let workload = Self {
            kind: header.kind.to_owned(),
            namespace: header.namespace.map(str::to_owned),
            name: if header.name.is_empty() { generated() } else { header.name }.to_owned(),
            account: account.unwrap_or_else(|| "default".to_owned()),
            selector: own_selector(header, &labels),
            labels,
            annotations,
            all_declare: all_declare && !ports.is_empty(),
            ports,
            probes,
            host_network: host_network.unwrap_or(false),
            place: header.place(source),
        };
        let unreadable = broken.then(|| Entry::Unreadable(Unreadable::object(header, source, Unread::Shape)));
        std::iter::once(Entry::Workload(workload)).chain(unreadable).collect()
    }

    /// `Deployment shop/web`.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    /// Whether two manifests say the same of the pods.
    #[must_use]
    pub fn same_pods(&self, other: &Self) -> bool {
        let Self {
            kind: _,
            namespace: _,
            name: _,
            account,
            labels,
            selector: _,
            annotations: _,
            ports,
            all_declare,
            probes,
            host_network,
            place: _,
        } = self;
        let calls =
            |probes: &[Probe]| -> Vec<_> { probes.iter().map(|probe| (probe.what.clone(), probe.port)).collect() };
        (account, labels, ports, all_declare, host_network)
            == (&other.account, &other.labels, &other.ports, &other.all_declare, &other.host_network)
            && calls(probes) == calls(&other.probes)
    }
}

/// The labels that a workload knows its pods by, as far as its pods have them.
fn own_selector(header: &Header<'_>, pods: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let node =
        header.node.path(&["spec", "selector", "matchLabels"]).or_else(|| header.node.path(&["spec", "selector"]));
    let selector = node.map(labels).unwrap_or_default();
    if selector.iter().all(|(key, value)| pods.get(key) == Some(value)) { selector } else { BTreeMap::new() }
}

/// Whether objects of this kind are there to make pods.
pub(super) fn is_workload(group: &str, kind: &str) -> bool {
    KINDS.contains(&(group, kind))
}

/// The object that has the pods' `metadata` and `spec`.
fn template<'n>(header: &Header<'n>) -> Option<&'n Node> {
    let has_containers = |node: &&Node| node.path(&["spec", "containers"]).is_some_and(|list| !list.items().is_empty());
    let node = match (header.group(), header.kind) {
        ("", "Pod") => Some(header.node),
        (_, "CronJob") => header.node.path(&["spec", "jobTemplate", "spec", "template"]),
        _ => header.node.path(&["spec", "template"]),
    };
    node.filter(has_containers)
}

/// The containers that run as long as the pod does (Kubernetes 1.29: an init container that always restarts is one).
fn serving(pods: &Node) -> Vec<&Node> {
    let list = |key: &str| pods.get(key).map(Node::items).unwrap_or_default().iter();
    let always = |container: &&Node| container.get("restartPolicy").and_then(Node::as_str) == Some("Always");
    list("initContainers").filter(always).chain(list("containers")).collect()
}

fn name_of(container: &Node) -> String {
    container.get("name").and_then(text).unwrap_or_default()
}

/// A port as a number: written so, or as text that is one.
fn number(node: &Node) -> Option<u16> {
    let scalar = node.scalar()?;
    let number = scalar.as_int().and_then(|number| u16::try_from(number).ok());
    number.or_else(|| scalar.as_str()?.parse().ok()).filter(|&number| number > 0)
}

// === impl ContainerPort ===

impl ContainerPort {
    fn read(container: &Node, port: &Node) -> Option<Self> {
        Some(Self {
            container: name_of(container),
            name: port.get("name").and_then(text),
            number: port.get("containerPort").and_then(number)?,
            transport: match port.get("protocol").and_then(Node::as_str) {
                Some("UDP") => Transport::Udp,
                Some("SCTP") => Transport::Sctp,
                _ => Transport::Tcp,
            },
            on_host: port.get("hostPort").and_then(number).is_some(),
        })
    }
}

// === impl Probe ===

impl Probe {
    /// What is sent to a port; none where only a connection is made, or nothing is sent.
    #[must_use]
    pub fn check(&self) -> Option<Check> {
        match &self.what {
            ProbeKind::Http { tls: true, .. } => Some(Check::Tls),
            ProbeKind::Http { path, .. } => {
                // The query is no part of a path, and the kubelet writes what is missing.
                let path = path.split(['?', '#']).next().unwrap_or_default();
                let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
                Some(if self.role == ProbeRole::Lifecycle { Check::Hook(path) } else { Check::Get(path) })
            }
            ProbeKind::Grpc => Some(Check::Health),
            ProbeKind::Tcp | ProbeKind::Exec => None,
        }
    }

    fn all_of(container: &Node, ports: &[ContainerPort], source: SourceId) -> Vec<Self> {
        let at: [(ProbeRole, &[&str]); 5] = [
            (ProbeRole::Liveness, &["livenessProbe"]),
            (ProbeRole::Readiness, &["readinessProbe"]),
            (ProbeRole::Startup, &["startupProbe"]),
            (ProbeRole::Lifecycle, &["lifecycle", "postStart"]),
            (ProbeRole::Lifecycle, &["lifecycle", "preStop"]),
        ];
        let found = at.into_iter().filter_map(|(role, path)| Some((role, container.path(path)?)));
        found
            .filter(|(_, node)| !node.is_null())
            .map(|(role, node)| {
                let (what, port) = ProbeKind::read(node);
                Self {
                    container: name_of(container),
                    role,
                    what,
                    port: port.and_then(|port| resolve(port, ports)),
                    place: Place { source, span: node.span },
                }
            })
            .collect()
    }
}

impl ProbeKind {
    /// How it calls, and the port as it is written.
    fn read(node: &Node) -> (Self, Option<&Node>) {
        if let Some(http) = node.get("httpGet") {
            let headers = http.get("httpHeaders").map(Node::items).unwrap_or_default();
            let pair = |header: &Node| Some((header.get("name").and_then(text)?, header.get("value").and_then(text)?));
            let path = http.get("path").and_then(text).filter(|path| !path.is_empty());
            let path = path.unwrap_or_else(|| "/".to_owned());
            let tls = http.get("scheme").and_then(text).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
            return (Self::Http { tls, path, headers: headers.iter().filter_map(pair).collect() }, http.get("port"));
        }
        if let Some(tcp) = node.get("tcpSocket") {
            return (Self::Tcp, tcp.get("port"));
        }
        match node.get("grpc") {
            Some(grpc) => (Self::Grpc, grpc.get("port")),
            None => (Self::Exec, None),
        }
    }
}

// === impl Check ===

impl Check {
    /// The method and the path of its request; none where TLS hides them.
    #[must_use]
    pub fn request(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Get(path) | Self::Hook(path) => Some(("GET", path)),
            Self::Health => Some(("POST", "/grpc.health.v1.Health/Check")),
            Self::Tls => None,
        }
    }
}

/// A name stands for the container's port of that name, and failing that for the number it spells
/// (kubernetes v1.33 `pkg/probe/util.go`, ResolveContainerPort).
fn resolve(port: &Node, ports: &[ContainerPort]) -> Option<u16> {
    let named = port.as_str().and_then(|name| ports.iter().find(|port| port.name.as_deref() == Some(name)));
    named.map(|port| port.number).or_else(|| number(port))
}

// === impl Namespace ===

impl Namespace {
    pub(super) fn read(header: &Header<'_>, source: SourceId) -> Self {
        let table = |key| header.node.path(&["metadata", key]).map(labels).unwrap_or_default();
        Self {
            name: header.name.to_owned(),
            labels: table("labels"),
            annotations: table("annotations"),
            place: header.place(source),
        }
    }
}

// === impl Unreadable ===

impl Unreadable {
    /// A whole document.
    #[must_use]
    pub fn document(why: Unread, place: Place) -> Self {
        Self { why, what: "document".to_owned(), namespace: None, place }
    }

    /// The object of `header`.
    #[must_use]
    pub fn object(header: &Header<'_>, source: SourceId, why: Unread) -> Self {
        Self {
            why,
            what: format!("{} `{}`", header.kind, header.name),
            namespace: header.namespace.map(str::to_owned),
            place: header.place(source),
        }
    }

    /// The patch in the object of `header`, if it changes what pods are, whose they are or where they listen. New images,
    /// replicas or variables change none of that.
    pub(super) fn of_patch(header: &Header<'_>, source: SourceId) -> Option<Self> {
        let template = match header.kind {
            "Pod" => Some(header.node),
            "CronJob" => header.node.path(&["spec", "jobTemplate", "spec", "template"]),
            _ => header.node.path(&["spec", "template"]),
        }?;
        let pods = template.get("spec");
        let has =
            |node: Option<&Node>, keys: &[&str]| keys.iter().any(|key| node.and_then(|node| node.get(key)).is_some());
        let containers = pods.and_then(|pods| pods.get("containers")).map(Node::items).unwrap_or_default();
        let changes = has(template.get("metadata"), &["labels", "annotations"])
            || has(pods, &["serviceAccountName", "serviceAccount", "hostNetwork", "initContainers"])
            || containers.iter().any(|container| has(Some(container), IN_CONTAINERS));
        changes.then(|| Self::object(header, source, Unread::Patch))
    }

    /// A patch in the form of operations (RFC 6902), if one of them changes pods as [`Unreadable::of_patch`] has it.
    #[must_use]
    pub fn of_operations(root: &Node, source: SourceId) -> Option<Self> {
        let path = |operation: &'_ Node| operation.get("path").and_then(Node::as_str).is_some_and(bears_on_pods);
        let found = root.items().iter().find(|operation| path(operation))?;
        let place = Place { source, span: found.span };
        Some(Self { what: "patch".to_owned(), ..Self::document(Unread::Patch, place) })
    }

    /// What a kustomization makes only when it is built: what it fetches and generates, and patches written into it that
    /// change pods.
    #[must_use]
    pub fn of_build(root: &Node, source: SourceId) -> Vec<Self> {
        let items = |key: &str| root.get(key).map(Node::items).unwrap_or_default().iter();
        let unread = |why, what: &str, node: &Node| Self {
            why,
            what: what.to_owned(),
            namespace: None,
            place: Place { source, span: node.span },
        };
        let fetched = ["resources", "bases", "components"].into_iter().flat_map(items);
        let fetched = fetched.filter(|node| node.as_str().is_some_and(is_remote)).map(|node| (node, "remote resource"));
        let generated = ["helmCharts", "helmChartInflationGenerator", "generators"].into_iter().flat_map(items);
        let generated = generated.map(|node| (node, "generator"));
        let patch = |node: &Node| node.get("patch").unwrap_or(node).as_str().is_some_and(bears_on_pods);
        let patches = ["patches", "patchesStrategicMerge", "patchesJson6902"].into_iter().flat_map(items);
        let patches = patches.filter(|node| patch(node)).map(|node| unread(Unread::Patch, "patch", node));
        fetched.chain(generated).map(|(node, what)| unread(Unread::Generated, what, node)).chain(patches).collect()
    }
}

// === impl Unread ===

impl Unread {
    /// Why a document could not be parsed.
    #[must_use]
    pub fn of(problem: &Problem) -> Self {
        match problem.kind {
            ProblemKind::Template => Self::Template,
            ProblemKind::Syntax | ProblemKind::DuplicateKey | ProblemKind::Aliases | ProblemKind::Depth => Self::Syntax,
        }
    }
}

/// The fields of a container that say where it listens and who calls it.
const IN_CONTAINERS: &[&str] = &["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];

/// Whether the text of a patch, or the path of an operation, may change what pods are, whose, or where they listen.
fn bears_on_pods(text: &str) -> bool {
    const WORDS: &[&str] = &["labels", "annotations", "serviceAccount", "hostNetwork", "initContainers"];
    let of_pods = text.contains("template") || text.contains("kind: Pod");
    of_pods && WORDS.iter().chain(IN_CONTAINERS).any(|word| text.contains(word))
}

/// Whether kustomize fetches this entry (kustomize v5.4 api/internal/git/repospec.go).
fn is_remote(entry: &str) -> bool {
    entry.contains("://")
        || entry.contains("?ref=")
        || ["git@", "git::", "github.com"].iter().any(|start| entry.starts_with(start))
}
