//! Who reaches pods without a grant of SMI: what stops when a policy begins to enforce.
//!
//! An ingress, a Gateway, a load balancer or a scraper is no mesh identity that a TrafficTarget names, and the mesh that
//! read it let them through by other means. Each object that opens such a way is one or more [`Caller`]s here; which pods
//! it leads to is looked up by [`super::Inventory::callers_of`]. Whether it may go on is not decided here.

use super::kinds::{Exposure, Header, Service};
use super::selector::{Selector, text};
use super::workload::Workload;
use crate::place::{Place, SourceId};
use crate::yaml::Node;

/// Someone who reaches pods without a grant of SMI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// By what means.
    pub how: CallerKind,
    /// `kind` of the object that says so.
    pub kind: String,
    /// Its namespace, as written.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What it leads to.
    pub reaches: Reach,
    /// Who it is, where the object says so: ``Service `ingress-nginx/controller` ``.
    pub from: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// By what means pods are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerKind {
    /// A rule of an ingress controller: Ingress (networking.k8s.io and extensions), IngressRoute of Traefik, HTTPProxy of
    /// Contour, Route of OpenShift, VirtualServer of NGINX, Mapping of Emissary.
    Ingress,
    /// A route of Gateway API whose parent is a Gateway, or a VirtualService of Istio with gateways.
    GatewayRoute,
    /// An IngressBackend (policy.openservicemesh.io, policy.flomesh.io): the mesh's own permission for an ingress.
    IngressBackend,
    /// A Service of type LoadBalancer.
    LoadBalancer,
    /// A Service of type NodePort, or with external IPs.
    NodePort,
    /// A port of a container that the node's address leads to.
    HostPort,
    /// A Service that other clusters reach: `mirror.linkerd.io/exported` (linkerd2 2.14), ServiceExport
    /// (multicluster.x-k8s.io).
    OtherCluster,
    /// Metrics are read from the application: `prometheus.io/scrape`, ServiceMonitor, PodMonitor and their like.
    Scraper,
    /// The API server calls a webhook or an aggregated API.
    ApiServer,
}

/// What a caller reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A Service by name.
    Service {
        /// Where it is, if the object says so; else where the caller is.
        namespace: Option<String>,
        /// Its name.
        name: String,
        /// Number or name of the Service's port; none: any, or not said.
        port: Option<String>,
    },
    /// The pods behind Services with certain labels of their own.
    Services(Chosen),
    /// Pods with certain labels.
    Pods(Chosen),
    /// The pods of one object.
    Workload {
        /// `kind`
        kind: String,
        /// `metadata.name`
        name: String,
        /// Number or name of the port; none: not said.
        port: Option<String>,
    },
}

/// What a selector chooses, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The labels.
    pub selector: Selector,
    /// The namespaces.
    pub namespaces: Namespaces,
    /// Names or numbers of the ports that are read; empty: not said.
    pub ports: Vec<String>,
}

/// Where a selector looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Where the object is.
    Own,
    /// In these.
    Named(Vec<String>),
    /// Everywhere.
    Any,
}

/// The kinds of scrapers: group, kind, whether they select Services (or pods), and the list that has the ports.
///
/// prometheus-operator@v0.76 `pkg/apis/monitoring/v1`, VictoriaMetrics operator@v0.48 `api/operator/v1beta1`,
/// prometheus-engine@v0.13 `pkg/operator/apis/monitoring/v1`.
const SCRAPERS: &[(&str, &str, Selects, &str)] = &[
    ("monitoring.coreos.com", "ServiceMonitor", Selects::Services, "endpoints"),
    ("monitoring.coreos.com", "PodMonitor", Selects::Pods, "podMetricsEndpoints"),
    ("operator.victoriametrics.com", "VMServiceScrape", Selects::Services, "endpoints"),
    ("operator.victoriametrics.com", "VMPodScrape", Selects::Pods, "podMetricsEndpoints"),
    ("monitoring.googleapis.com", "PodMonitoring", Selects::Pods, "endpoints"),
    ("monitoring.googleapis.com", "ClusterPodMonitoring", Selects::PodsEverywhere, "endpoints"),
];

#[derive(Clone, Copy)]
enum Selects {
    Services,
    Pods,
    PodsEverywhere,
}

/// The kinds of Service parents among the parents of routes, which are not Gateways.
const NO_GATEWAYS: &[&str] = &["Service", "ServiceEntry", "ServiceImport", "Server", "EgressNetwork", "Mesh"];

// === impl Caller ===

impl Caller {
    /// The callers that the object of `header` tells of.
    pub(super) fn read(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let (how, reached) = reached(header);
        let from = match how {
            CallerKind::IngressBackend => sources_of(header),
            _ => Vec::new(),
        };
        let caller = |reaches| Self { reaches, from: from.clone(), ..Self::of(header, how, source) };
        reached.into_iter().map(caller).collect()
    }

    /// The callers that a Service lets in by itself.
    pub(super) fn of_service(service: &Service, header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let exposed = match service.exposure {
            Exposure::LoadBalancer => Some(CallerKind::LoadBalancer),
            Exposure::NodePort => Some(CallerKind::NodePort),
            Exposure::ClusterIp | Exposure::ExternalName => service.external_ips.then_some(CallerKind::NodePort),
        };
        let exported = service.labels.get("mirror.linkerd.io/exported").filter(|value| value.as_str() != "false");
        let scraped = is_scraped(&service.annotations);
        let all = [
            exposed.map(|how| (how, None)),
            exported.map(|_| (CallerKind::OtherCluster, None)),
            scraped.then(|| (CallerKind::Scraper, service.annotations.get("prometheus.io/port").cloned())),
        ];
        all.into_iter()
            .flatten()
            .map(|(how, port)| Self {
                reaches: Reach::Service { namespace: None, name: service.name.clone(), port },
                ..Self::of(header, how, source)
            })
            .collect()
    }

    /// The callers that a workload lets in by itself.
    pub(super) fn of_workload(workload: &Workload, header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let scraped = is_scraped(&workload.annotations)
            .then(|| (CallerKind::Scraper, workload.annotations.get("prometheus.io/port").cloned()));
        let on_host = workload
            .ports
            .iter()
            .filter(|port| port.on_host || workload.host_network)
            .map(|port| (CallerKind::HostPort, Some(port.number.to_string())));
        let reaches = |port| Reach::Workload { kind: workload.kind.clone(), name: workload.name.clone(), port };
        on_host
            .chain(scraped)
            .map(|(how, port)| Self {
                name: workload.name.clone(),
                reaches: reaches(port),
                ..Self::of(header, how, source)
            })
            .collect()
    }

    /// `Ingress shop/web`.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind, self.name),
            None => format!("{} {}", self.kind, self.name),
        }
    }

    /// A caller that reaches nothing yet.
    fn of(header: &Header<'_>, how: CallerKind, source: SourceId) -> Self {
        Self {
            how,
            kind: header.kind.to_owned(),
            namespace: header.namespace.map(str::to_owned),
            name: header.name.to_owned(),
            reaches: Reach::Pods(Chosen {
                selector: Selector::default(),
                namespaces: Namespaces::Named(Vec::new()),
                ports: Vec::new(),
            }),
            from: Vec::new(),
            place: header.place(source),
        }
    }
}

/// `prometheus.io/scrape: "true"`, the annotation that the example configuration of Prometheus reads.
fn is_scraped(annotations: &std::collections::BTreeMap<String, String>) -> bool {
    annotations.get("prometheus.io/scrape").is_some_and(|value| value == "true")
}

/// What an object leads to, by its kind.
fn reached(header: &Header<'_>) -> (CallerKind, Vec<Reach>) {
    let spec = header.node.get("spec");
    match (header.group(), header.kind) {
        ("networking.k8s.io" | "extensions", "Ingress") => (CallerKind::Ingress, ingress(spec)),
        ("traefik.io" | "traefik.containo.us", "IngressRoute" | "IngressRouteTCP" | "IngressRouteUDP") => {
            (CallerKind::Ingress, each(all(spec, "routes"), "services"))
        }
        ("projectcontour.io", "HTTPProxy") => {
            let tcp = spec.and_then(|spec| spec.get("tcpproxy"));
            (CallerKind::Ingress, each(all(spec, "routes").iter().chain(tcp), "services"))
        }
        ("route.openshift.io", "Route") => {
            let target = |key| spec.and_then(|spec| spec.get(key)).into_iter();
            let targets = target("to").chain(all(spec, "alternateBackends"));
            (CallerKind::Ingress, targets.filter_map(|node| named(node, "name", None)).collect())
        }
        ("k8s.nginx.org", "VirtualServer" | "VirtualServerRoute" | "TransportServer") => {
            let upstreams = all(spec, "upstreams").iter();
            (CallerKind::Ingress, upstreams.filter_map(|node| named(node, "service", Some("port"))).collect())
        }
        ("getambassador.io", "Mapping" | "TCPMapping") | ("x.getambassador.io", "AmbassadorMapping") => {
            let host = spec.and_then(|spec| spec.get("service")).and_then(Node::as_str);
            (CallerKind::Ingress, host.and_then(host_reach).into_iter().collect())
        }
        ("gateway.networking.k8s.io", kind) if kind.ends_with("Route") => (CallerKind::GatewayRoute, route(spec)),
        ("networking.istio.io", "VirtualService") => (CallerKind::GatewayRoute, virtual_service(spec)),
        ("policy.openservicemesh.io" | "policy.flomesh.io", "IngressBackend") => {
            let backends = all(spec, "backends").iter();
            let reach = |node: &Node| {
                Some(Reach::Service {
                    namespace: None,
                    name: node.get("name").and_then(text)?,
                    port: node.path(&["port", "number"]).and_then(text),
                })
            };
            (CallerKind::IngressBackend, backends.filter_map(reach).collect())
        }
        ("multicluster.x-k8s.io", "ServiceExport") => {
            let name = header.name.to_owned();
            (CallerKind::OtherCluster, vec![Reach::Service { namespace: None, name, port: None }])
        }
        ("admissionregistration.k8s.io", _) => {
            let services =
                all(Some(header.node), "webhooks").iter().filter_map(|hook| hook.path(&["clientConfig", "service"]));
            (CallerKind::ApiServer, services.filter_map(|node| named(node, "name", Some("port"))).collect())
        }
        ("apiregistration.k8s.io", "APIService") => {
            let service = spec.and_then(|spec| spec.get("service"));
            (CallerKind::ApiServer, service.and_then(|node| named(node, "name", Some("port"))).into_iter().collect())
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let service = spec.and_then(|spec| spec.path(&["conversion", "webhook", "clientConfig", "service"]));
            (CallerKind::ApiServer, service.and_then(|node| named(node, "name", Some("port"))).into_iter().collect())
        }
        (group, kind) => {
            let known =
                SCRAPERS.iter().find(|(known_group, known_kind, ..)| (*known_group, *known_kind) == (group, kind));
            let reach = known.zip(spec).map(|((_, _, selects, ports), spec)| scraper(spec, *selects, ports));
            (CallerKind::Scraper, reach.into_iter().collect())
        }
    }
}

fn all<'n>(node: Option<&'n Node>, key: &str) -> &'n [Node] {
    node.and_then(|node| node.get(key)).map(Node::items).unwrap_or_default()
}

/// The Services in the list `key` of each node, where they are no objects of the controller itself.
fn each<'n>(nodes: impl IntoIterator<Item = &'n Node>, key: &str) -> Vec<Reach> {
    let services = nodes.into_iter().flat_map(|node| all(Some(node), key));
    let plain = services.filter(|node| node.get("kind").and_then(Node::as_str).is_none_or(|kind| kind == "Service"));
    plain.filter_map(|node| named(node, "name", Some("port"))).collect()
}

/// A Service that a node names.
fn named(node: &Node, name: &str, port: Option<&str>) -> Option<Reach> {
    Some(Reach::Service {
        namespace: node.get("namespace").and_then(text),
        name: node.get(name).and_then(text).filter(|name| !name.is_empty())?,
        port: port.and_then(|port| node.get(port)).and_then(text),
    })
}

/// A Service by a host: `web`, `web.shop`, `web.shop.svc.cluster.local`, with a scheme or a port.
fn host_reach(host: &str) -> Option<Reach> {
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
    let mut labels = host.split('.');
    let name = labels.next().filter(|name| !name.is_empty() && *name != "*")?;
    Some(Reach::Service {
        namespace: labels.next().map(str::to_owned),
        name: name.to_owned(),
        port: port.map(str::to_owned),
    })
}

/// The backends of an Ingress, in the shape of v1 and of the versions before it.
fn ingress(spec: Option<&Node>) -> Vec<Reach> {
    let rules = all(spec, "rules").iter().filter_map(|rule| rule.path(&["http", "paths"])).flat_map(Node::items);
    let default = ["defaultBackend", "backend"].iter().filter_map(|key| spec?.get(key));
    let backends = default.chain(rules.filter_map(|path| path.get("backend")));
    backends
        .filter_map(|backend| match backend.get("service") {
            Some(service) => {
                let port = service.get("port");
                let port = ["number", "name"].iter().find_map(|key| port?.get(key)).and_then(text);
                Some(Reach::Service { namespace: None, name: service.get("name").and_then(text)?, port })
            }
            None => Some(Reach::Service {
                namespace: None,
                name: backend.get("serviceName").and_then(text)?,
                port: backend.get("servicePort").and_then(text),
            }),
        })
        .collect()
}

/// The backends and mirrors of a route with a parent that is a Gateway, which is what a parentRef without a kind names.
fn route(spec: Option<&Node>) -> Vec<Reach> {
    let is_gateway =
        |parent: &Node| parent.get("kind").and_then(Node::as_str).is_none_or(|kind| !NO_GATEWAYS.contains(&kind));
    if !all(spec, "parentRefs").iter().any(is_gateway) {
        return Vec::new();
    }
    let rules = all(spec, "rules").iter();
    let refs = rules.flat_map(|rule| {
        let backends = all(Some(rule), "backendRefs").iter();
        let filters =
            all(Some(rule), "filters").iter().chain(backends.clone().flat_map(|backend| all(Some(backend), "filters")));
        let mirrors = filters.filter_map(|filter| filter.path(&["requestMirror", "backendRef"]));
        backends.chain(mirrors).collect::<Vec<_>>()
    });
    let service = |node: &&Node| node.get("kind").and_then(Node::as_str).is_none_or(|kind| kind == "Service");
    refs.filter(service).filter_map(|node| named(node, "name", Some("port"))).collect()
}

/// The destinations of a VirtualService that is bound to a gateway; `mesh` is none.
fn virtual_service(spec: Option<&Node>) -> Vec<Reach> {
    let bound = all(spec, "gateways").iter().any(|gateway| gateway.as_str() != Some("mesh"));
    let routes = ["http", "tcp", "tls"].into_iter().flat_map(|key| all(spec, key)).filter(|_| bound);
    let targets = routes.flat_map(|route| {
        let mirrors = all(Some(route), "mirrors").iter().filter_map(|mirror| mirror.get("destination"));
        let plain = all(Some(route), "route").iter().filter_map(|target| target.get("destination"));
        plain.chain(mirrors).chain(route.get("mirror")).collect::<Vec<_>>()
    });
    targets
        .filter_map(|destination| {
            let port = destination.path(&["port", "number"]).and_then(text);
            match host_reach(destination.get("host")?.as_str()?)? {
                Reach::Service { namespace, name, port: _ } => Some(Reach::Service { namespace, name, port }),
                other => Some(other),
            }
        })
        .collect()
}

fn scraper(spec: &Node, selects: Selects, ports: &str) -> Reach {
    let place = spec.get("namespaceSelector");
    let any = place.and_then(|place| place.get("any")?.scalar()?.as_bool()).unwrap_or(false);
    let names: Vec<String> = all(place, "matchNames").iter().filter_map(text).collect();
    let namespaces = match (selects, any, names.is_empty()) {
        (Selects::PodsEverywhere, _, _) | (_, true, _) => Namespaces::Any,
        (_, false, true) => Namespaces::Own,
        (_, false, false) => Namespaces::Named(names),
    };
    let endpoints = all(Some(spec), ports).iter();
    let port =
        |endpoint: &Node| ["port", "targetPort", "portNumber"].iter().find_map(|key| endpoint.get(key)).and_then(text);
    let chosen = Chosen {
        selector: spec.get("selector").map(Selector::read).unwrap_or_default(),
        namespaces,
        ports: endpoints.filter_map(port).collect(),
    };
    match selects {
        Selects::Services => Reach::Services(chosen),
        Selects::Pods | Selects::PodsEverywhere => Reach::Pods(chosen),
    }
}

/// The `sources` of an IngressBackend, for people.
fn sources_of(header: &Header<'_>) -> Vec<String> {
    all(header.node.get("spec"), "sources")
        .iter()
        .filter_map(|source| {
            let part = |key: &str| source.get(key).and_then(text);
            let name = part("name")?;
            let name = part("namespace").map_or(name.clone(), |namespace| format!("{namespace}/{name}"));
            Some(format!("{} `{name}`", part("kind").unwrap_or_else(|| "Service".to_owned())))
        })
        .collect()
}
