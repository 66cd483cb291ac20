//! The kinds that stand beside SMI, reduced to what is asked of them, and how each is read from a node.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

use super::caller::Caller;
use super::mode::{Mention, Mode};
use super::policy::{Policy, Waypoint};
use super::workload::{Namespace, Unread, Unreadable, Workload, is_workload};
use crate::mappings;
use crate::place::{Place, SourceId, Span};
use crate::yaml::{Node, Scalar};

/// One thing that a document contributes.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A core Service.
    Service(Service),
    /// A Linkerd ServiceProfile.
    ServiceProfile(ServiceProfile),
    /// A route of Gateway API.
    GatewayRoute(GatewayRoute),
    /// An Istio VirtualService.
    VirtualService(VirtualService),
    /// A Flagger Canary.
    Canary(Canary),
    /// An Argo Rollout.
    Rollout(Rollout),
    /// A strong mark of one source mesh.
    Evidence(Evidence),
    /// A vendor's object that refers to an HTTPRouteGroup.
    GroupUser {
        /// The group's name.
        group: String,
        /// `Kind/name` of the object that refers to it.
        user: String,
        /// Where.
        place: Place,
    },
    /// Anything that makes pods.
    Workload(Workload),
    /// A Namespace.
    Namespace(Namespace),
    /// Someone who reaches pods without a grant of SMI.
    Caller(Caller),
    /// An object of a target mesh that decides who may call what.
    Policy(Policy),
    /// A Gateway that is a waypoint of Istio.
    Waypoint(Waypoint),
    /// A switch of a source mesh.
    Mode(Mode),
    /// A host that only a source mesh served.
    Mention(Mention),
    /// Something that may make pods, and could not be read.
    Unreadable(Unreadable),
}

/// A core Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// As written.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `spec.ports`, in written order.
    pub ports: Vec<Port>,
    /// `clusterIP: None`.
    pub headless: bool,
    /// `type: ExternalName`.
    pub external_name: bool,
    /// `type`: from where it is reached.
    pub exposure: Exposure,
    /// It has `externalIPs`.
    pub external_ips: bool,
    /// `selector`: the labels of its pods; none where someone else writes its endpoints.
    pub selector: Option<BTreeMap<String, String>>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands.
    pub place: Place,
}

/// From where a Service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// From within; the default.
    ClusterIp,
    /// At a port of each node.
    NodePort,
    /// From outside, through a load balancer.
    LoadBalancer,
    /// It is only a name for another host.
    ExternalName,
}

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The Service's port, 1 to 65535.
    pub number: u16,
    /// `name`.
    pub name: Option<String>,
    /// `protocol`.
    pub transport: Transport,
    /// `appProtocol`.
    pub app_protocol: Option<String>,
    /// `targetPort`, as written.
    pub target: Option<String>,
}

/// The transport of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// The default.
    Tcp,
    /// `UDP`
    Udp,
    /// `SCTP`
    Sctp,
}

/// A linkerd.io ServiceProfile; its name is the host it speaks for.
#[derive(Clone, Debug)]
pub struct ServiceProfile {
    /// `metadata.name`: `web.ns.svc.cluster.local`.
    pub name: String,
    /// As written.
    pub namespace: Option<String>,
    /// It has `spec.routes`.
    pub has_routes: bool,
    /// It has `spec.dstOverrides`.
    pub has_overrides: bool,
    /// It carries `smi.linkerd.io/skip`: the adaptor left it alone.
    pub skipped_by_adaptor: bool,
    /// Where it stands.
    pub place: Place,
}

/// A route of gateway.networking.k8s.io that attaches to Services.
#[derive(Clone, Debug)]
pub struct GatewayRoute {
    /// `HTTPRoute`, `GRPCRoute`, `TCPRoute`, ...
    pub kind: String,
    /// As written.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// Its Service parents: namespace as written, name, port.
    pub parents: Vec<(Option<String>, String, Option<u16>)>,
    /// The Services that its rules send or mirror to, in the same form.
    pub backends: Vec<(Option<String>, String, Option<u16>)>,
    /// Where it stands.
    pub place: Place,
}

/// A networking.istio.io VirtualService.
#[derive(Clone, Debug)]
pub struct VirtualService {
    /// As written.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `spec.hosts`.
    pub hosts: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// A flagger.app Canary.
#[derive(Clone, Debug)]
pub struct Canary {
    /// As written.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// The apex Service: `spec.service.name`, else `spec.targetRef.name`.
    pub apex: String,
    /// `spec.provider`; none: the provider is in Flagger's own settings.
    pub provider: Option<String>,
    /// `spec.service.port`.
    pub port: Option<u16>,
    /// Where it stands.
    pub place: Place,
}

/// An argoproj.io Rollout with `trafficRouting.smi`.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// As written.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `trafficSplitName`, else the Rollout's own name.
    pub split: String,
    /// `rootService`, else `stableService`.
    pub root: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// A strong mark of one source mesh.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The word after `--from`.
    pub source_mesh: String,
    /// What was seen: `MeshConfig.config.openservicemesh.io`, `annotation linkerd.io/inject`.
    pub seen: String,
    /// Where.
    pub place: Place,
}

/// The object that a node holds, as far as every object has it.
#[derive(Clone, Copy, Debug)]
pub struct Header<'n> {
    /// The whole object.
    pub node: &'n Node,
    /// `apiVersion`.
    pub api_version: &'n str,
    /// `kind`.
    pub kind: &'n str,
    /// `metadata.name`, or empty.
    pub name: &'n str,
    /// `metadata.namespace`.
    pub namespace: Option<&'n str>,
}

// === impl Header ===

impl<'n> Header<'n> {
    /// The header of the object in `node`; none if it has no kind.
    #[must_use]
    pub fn of(node: &'n Node) -> Option<Self> {
        let text = |path: &[&str]| node.path(path).and_then(Node::as_str);
        Some(Self {
            node,
            api_version: text(&["apiVersion"]).unwrap_or_default(),
            kind: text(&["kind"])?,
            name: text(&["metadata", "name"]).unwrap_or_default(),
            namespace: text(&["metadata", "namespace"]),
        })
    }

    /// The API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &'n str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Where the object begins: the value of its `kind`.
    #[must_use]
    pub fn place(&self, source: SourceId) -> Place {
        let span = self.node.get("kind").map_or(self.node.span, |kind| kind.span);
        Place { source, span }
    }

    /// Text at a path of the object.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&'n str> {
        self.node.path(path).and_then(Node::as_str)
    }

    fn port(&self, path: &[&str]) -> Option<u16> {
        self.node.path(path).and_then(int_of).and_then(|number| u16::try_from(number).ok())
    }

    fn owned_namespace(&self) -> Option<String> {
        self.namespace.map(str::to_owned)
    }
}

// === impl Entry ===

impl Entry {
    /// The entry as it is deployed into `namespace`, whatever it says itself.
    #[must_use]
    pub fn put_into(&self, namespace: &str) -> Self {
        let mut entry = self.clone();
        let written = match &mut entry {
            Self::Service(Service { namespace, .. })
            | Self::ServiceProfile(ServiceProfile { namespace, .. })
            | Self::GatewayRoute(GatewayRoute { namespace, .. })
            | Self::VirtualService(VirtualService { namespace, .. })
            | Self::Canary(Canary { namespace, .. })
            | Self::Rollout(Rollout { namespace, .. })
            | Self::Workload(Workload { namespace, .. })
            | Self::Caller(Caller { namespace, .. })
            | Self::Waypoint(Waypoint { namespace, .. })
            | Self::Mention(Mention { namespace, .. })
            | Self::Unreadable(Unreadable { namespace, .. }) => namespace,
            Self::Policy(policy) if policy.is_namespaced() => &mut policy.namespace,
            // Kustomize gives a Namespace the name of the namespace it sets
            // (kustomize v5.4 api/internal/konfig/builtinpluginconsts/namespace.go).
            Self::Namespace(Namespace { name, .. }) => {
                namespace.clone_into(name);
                return entry;
            }
            Self::Policy(_) | Self::Mode(_) | Self::Evidence(_) | Self::GroupUser { .. } => return entry,
        };
        *written = Some(namespace.to_owned());
        entry
    }

    /// What the object of `header` contributes to the inventory.
    #[must_use]
    pub fn read(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let mut entries = Vec::new();
        match (header.group(), header.kind) {
            ("", "Service") => entries.extend(Self::service(header, source)),
            ("", "Namespace") => entries.push(Self::Namespace(Namespace::read(header, source))),
            ("linkerd.io", "ServiceProfile") => {
                entries.push(Self::ServiceProfile(ServiceProfile::read(header, source)));
            }
            ("gateway.networking.k8s.io", kind) if kind.ends_with("Route") => {
                entries.push(Self::GatewayRoute(GatewayRoute::read(header, source)));
            }
            ("networking.istio.io", "VirtualService") => {
                entries.push(Self::VirtualService(VirtualService::read(header, source)));
            }
            ("flagger.app", "Canary") => entries.push(Self::Canary(Canary::read(header, source))),
            ("argoproj.io", "Rollout") => entries.extend(Rollout::read(header, source).map(Self::Rollout)),
            _ => {}
        }
        entries.extend(Self::workload(header, source));
        entries.extend(Caller::read(header, source).into_iter().map(Self::Caller));
        entries.extend(Policy::read(header, source).map(Self::Policy));
        entries.extend(Waypoint::read(header, source).map(Self::Waypoint));
        entries.extend(Mode::read(header, source).into_iter().map(Self::Mode));
        entries.extend(group_users(header, source));
        entries.extend(evidence(header, source).map(Self::Evidence));
        entries
    }
}

impl Entry {
    /// What a patch contributes: what it adds is read as if it were an object, but pods that it changes are unknown.
    #[must_use]
    pub fn read_patch(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let mut entries = Self::read(header, source);
        if is_workload(header.group(), header.kind) || header.node.path(&["spec", "template"]).is_some() {
            entries.retain(|entry| !matches!(entry, Self::Workload(_) | Self::Unreadable(_)));
            entries.extend(Unreadable::of_patch(header, source).map(Self::Unreadable));
        }
        entries
    }

    fn service(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let Some(service) = Service::read(header, source) else {
            return vec![Self::Unreadable(Unreadable::object(header, source, Unread::Shape))];
        };
        let callers = Caller::of_service(&service, header, source);
        std::iter::once(Self::Service(service)).chain(callers.into_iter().map(Self::Caller)).collect()
    }

    fn workload(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let mut entries = Workload::read(header, source);
        let callers = entries.iter().flat_map(|entry| match entry {
            Self::Workload(workload) => Caller::of_workload(workload, header, source),
            _ => Vec::new(),
        });
        let callers: Vec<Self> = callers.map(Self::Caller).collect();
        entries.extend(callers);
        entries
    }

    /// The hosts of a source mesh that the object of `header` mentions.
    #[must_use]
    pub fn mentions(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        Mention::read(header, source).into_iter().map(Self::Mention).collect()
    }
}

// === impl Service ===

impl Service {
    /// A Service that Kubernetes' own type accepts; none otherwise.
    fn read(header: &Header<'_>, source: SourceId) -> Option<Self> {
        let core::Service { metadata, spec, status: _ } = core::Service::deserialize(header.node.to_json()).ok()?;
        let spec = spec.unwrap_or_default();
        let ports = spec.ports.unwrap_or_default().into_iter().filter_map(Port::read).collect();
        Some(Self {
            namespace: metadata.namespace,
            name: metadata.name?,
            ports,
            headless: spec.cluster_ip.as_deref() == Some("None"),
            external_name: spec.type_.as_deref() == Some("ExternalName"),
            exposure: match spec.type_.as_deref() {
                Some("NodePort") => Exposure::NodePort,
                Some("LoadBalancer") => Exposure::LoadBalancer,
                Some("ExternalName") => Exposure::ExternalName,
                _ => Exposure::ClusterIp,
            },
            external_ips: spec.external_ips.is_some_and(|ips| !ips.is_empty()),
            selector: spec.selector.filter(|selector| !selector.is_empty()),
            labels: metadata.labels.unwrap_or_default(),
            annotations: metadata.annotations.unwrap_or_default(),
            place: header.place(source),
        })
    }

    /// Whether two manifests of one Service say the same to a route.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        let Self { namespace: _, name: _, ports, headless, external_name, .. } = self;
        (ports, headless, external_name) == (&other.ports, &other.headless, &other.external_name)
    }

    /// Whether both can be called at the same ports, and are of the same type.
    #[must_use]
    pub fn same_ports(&self, other: &Self) -> bool {
        let called = |service: &Self| -> BTreeSet<(u16, Transport)> {
            service.ports.iter().map(|port| (port.number, port.transport)).collect()
        };
        called(self) == called(other) && (self.headless, self.external_name) == (other.headless, other.external_name)
    }

    /// The port with this number.
    #[must_use]
    pub fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|port| port.number == number)
    }
}

impl Port {
    fn read(port: core::ServicePort) -> Option<Self> {
        let core::ServicePort { app_protocol, name, node_port: _, port, protocol, target_port } = port;
        Some(Self {
            number: u16::try_from(port).ok().filter(|&number| number > 0)?,
            name,
            transport: match protocol.as_deref() {
                Some("UDP") => Transport::Udp,
                Some("SCTP") => Transport::Sctp,
                _ => Transport::Tcp,
            },
            app_protocol,
            target: target_port.map(|target| match target {
                IntOrString::Int(number) => number.to_string(),
                IntOrString::String(name) => name,
            }),
        })
    }
}

// === impl ServiceProfile ===

impl ServiceProfile {
    fn read(header: &Header<'_>, source: SourceId) -> Self {
        let has = |field| header.node.path(&["spec", field]).is_some_and(|list| !list.items().is_empty());
        Self {
            name: header.name.to_owned(),
            namespace: header.owned_namespace(),
            has_routes: has("routes"),
            has_overrides: has("dstOverrides"),
            skipped_by_adaptor: header.node.path(&["metadata", "annotations", "smi.linkerd.io/skip"]).is_some(),
            place: header.place(source),
        }
    }

    /// The Service that it speaks for.
    #[must_use]
    pub fn service_name(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }

    /// The namespace of that Service.
    #[must_use]
    pub fn service_namespace(&self) -> Option<&str> {
        self.name.split('.').nth(1)
    }
}

// === impl GatewayRoute ===

impl GatewayRoute {
    fn read(header: &Header<'_>, source: SourceId) -> Self {
        let parents = header.node.path(&["spec", "parentRefs"]).map(Node::items).unwrap_or_default();
        let parents = parents.iter().filter(|parent| parent.get("kind").and_then(Node::as_str) == Some("Service"));
        Self {
            kind: header.kind.to_owned(),
            namespace: header.owned_namespace(),
            name: header.name.to_owned(),
            parents: parents.map(service_ref).collect(),
            backends: route_backends(header.node),
            place: header.place(source),
        }
    }

    /// Whether it attaches to this port of this Service; `namespace` is where the Service is.
    #[must_use]
    pub fn attaches_to(&self, namespace: Option<&str>, service: &str, port: u16) -> bool {
        self.parents.iter().any(|(parent_namespace, name, parent_port)| {
            let parent_namespace = parent_namespace.as_deref().or(self.namespace.as_deref());
            name == service
                && parent_port.is_none_or(|number| number == port)
                && (parent_namespace.is_none() || namespace.is_none() || parent_namespace == namespace)
        })
    }
}

/// Namespace as written, name and port of a reference to a Service.
fn service_ref(node: &Node) -> (Option<String>, String, Option<u16>) {
    let text = |key| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let port = node.get("port").and_then(int_of).and_then(|port| u16::try_from(port).ok());
    (text("namespace"), text("name").unwrap_or_default(), port)
}

/// The Services that the rules of a route send or mirror to.
fn route_backends(route: &Node) -> Vec<(Option<String>, String, Option<u16>)> {
    let items = |node: &Node, key: &str| node.get(key).map(Node::items).unwrap_or_default().to_vec();
    let mut backends = Vec::new();
    let mut filters = Vec::new();
    for rule in route.path(&["spec", "rules"]).map(Node::items).unwrap_or_default() {
        filters.extend(items(rule, "filters"));
        for backend in items(rule, "backendRefs") {
            filters.extend(items(&backend, "filters"));
            backends.push(backend);
        }
    }
    backends.extend(filters.iter().filter_map(|filter| filter.path(&["requestMirror", "backendRef"]).cloned()));
    let is_service = |node: &&Node| node.get("kind").and_then(Node::as_str).is_none_or(|kind| kind == "Service");
    backends.iter().filter(is_service).map(service_ref).collect()
}

// === impl VirtualService ===

impl VirtualService {
    fn read(header: &Header<'_>, source: SourceId) -> Self {
        let hosts = header.node.path(&["spec", "hosts"]).map(Node::items).unwrap_or_default();
        Self {
            namespace: header.owned_namespace(),
            name: header.name.to_owned(),
            hosts: hosts.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            place: header.place(source),
        }
    }

    /// Whether it speaks for the host of this Service.
    #[must_use]
    pub fn claims(&self, namespace: Option<&str>, service: &str) -> bool {
        self.hosts.iter().any(|host| {
            let mut parts = host.split('.');
            let name = parts.next();
            let host_namespace = parts.next().or(self.namespace.as_deref());
            name == Some(service) && (host_namespace.is_none() || namespace.is_none() || host_namespace == namespace)
        })
    }
}

// === impl Canary ===

impl Canary {
    fn read(header: &Header<'_>, source: SourceId) -> Self {
        let apex = header.text(&["spec", "service", "name"]).or_else(|| header.text(&["spec", "targetRef", "name"]));
        Self {
            namespace: header.owned_namespace(),
            name: header.name.to_owned(),
            apex: apex.unwrap_or(header.name).to_owned(),
            provider: header.text(&["spec", "provider"]).map(str::to_owned),
            port: header.port(&["spec", "service", "port"]),
            place: header.place(source),
        }
    }

    /// Whether its provider writes TrafficSplits (flagger `pkg/router/factory.go`); none: Flagger's own settings say.
    #[must_use]
    pub fn writes_splits(&self) -> Option<bool> {
        let provider = self.provider.as_deref()?;
        Some(provider.starts_with("smi:") || matches!(provider, "linkerd" | "osm"))
    }
}

// === impl Rollout ===

impl Rollout {
    fn read(header: &Header<'_>, source: SourceId) -> Option<Self> {
        let canary = header.node.path(&["spec", "strategy", "canary"])?;
        let smi = canary.path(&["trafficRouting", "smi"])?;
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        Some(Self {
            namespace: header.owned_namespace(),
            name: header.name.to_owned(),
            split: text(smi, "trafficSplitName").unwrap_or_else(|| header.name.to_owned()),
            root: text(smi, "rootService").or_else(|| text(canary, "stableService")),
            place: Place { source, span: smi_span(canary, smi) },
        })
    }
}

/// `smi: {}` has a span worth showing; `smi:` alone is empty, so its key is shown.
fn smi_span(canary: &Node, smi: &Node) -> Span {
    let key = canary.get("trafficRouting").and_then(|routing| routing.entry("smi")).map(|(key, _)| key.span);
    key.unwrap_or(smi.span)
}

fn int_of(node: &Node) -> Option<i128> {
    node.scalar().and_then(Scalar::as_int)
}

// --- evidence and references ---

/// The groups of vendor objects that refer to an HTTPRouteGroup by name, and where in them the names stand.
fn group_users(header: &Header<'_>, source: SourceId) -> Vec<Entry> {
    let lists: &[&[&str]] = match (header.group(), header.kind) {
        ("policy.openservicemesh.io" | "policy.flomesh.io", "Egress") => &[&["spec", "matches"]],
        ("specs.smi.nginx.com", "RateLimit") => &[&["spec", "rules"]],
        _ => return Vec::new(),
    };
    let items = lists.iter().filter_map(|path| header.node.path(path)).flat_map(Node::items);
    items
        .filter(|item| item.get("kind").and_then(Node::as_str) == Some("HTTPRouteGroup"))
        .filter_map(|item| item.get("name"))
        .filter_map(|name| {
            Some(Entry::GroupUser {
                group: name.as_str()?.to_owned(),
                user: format!("{} `{}`", header.kind, header.name),
                place: Place { source, span: name.span },
            })
        })
        .collect()
}

/// The strongest mark of a source mesh that the object carries.
fn evidence(header: &Header<'_>, source: SourceId) -> Option<Evidence> {
    let keys_at = |path: &'static [&'static str]| header.node.path(path).map(Node::entries).unwrap_or_default();
    let keys = [
        ("annotation", keys_at(&["metadata", "annotations"])),
        ("label", keys_at(&["metadata", "labels"])),
        ("annotation", keys_at(&["spec", "template", "metadata", "annotations"])),
        ("label", keys_at(&["spec", "template", "metadata", "labels"])),
    ];
    for mesh in mappings::sources() {
        if mesh.evidence.groups.iter().any(|group| group == header.group()) {
            let seen = format!("{}.{}", header.kind, header.group());
            return Some(Evidence { source_mesh: mesh.name.clone(), seen, place: header.place(source) });
        }
        for (what, entries) in &keys {
            let names = if *what == "annotation" { &mesh.evidence.annotations } else { &mesh.evidence.labels };
            let found = entries.iter().find(|(key, _)| {
                let key = key.key_text();
                names.iter().any(|name| if name.ends_with('/') { key.starts_with(name.as_str()) } else { key == *name })
            });
            if let Some((key, _)) = found {
                let seen = format!("{what} {}", key.key_text());
                let place = Place { source, span: key.span };
                return Some(Evidence { source_mesh: mesh.name.clone(), seen, place });
            }
        }
    }
    None
}

/// The words that a document without SMI must hold to be worth parsing.
pub const WORDS: &[&str] = &[
    "Service",
    "HTTPRoute",
    "GRPCRoute",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
    "Canary",
    "Rollout",
    "Egress",
    "RateLimit",
];

/// The words of kinds that bear on a grant: what makes pods, what leads to them, and policy. A document beside a grant that
/// has none of them is not parsed.
pub const AROUND_GRANTS: &[&str] = &[
    // What makes pods, of whatever kind; and the kinds that are there for it.
    "containers",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Rollout",
    // Services, ServiceExports, APIServices, VirtualServices, ServiceIntentions, scrapers.
    "Service",
    "Namespace",
    "Scrape",
    "Ingress",
    "Gateway",
    "Route",
    "HTTPProxy",
    "VirtualServer",
    "TransportServer",
    "Mapping",
    "WebhookConfiguration",
    "clientConfig",
    // Policy.
    "Policy",
    "Server",
    "Authorization",
    "Authentication",
    "TrafficPermission",
    // Switches of meshes.
    "MeshConfig",
    "HelmRelease",
];
