//! Routes as they are written, with the defaults of the API server filled in and what it would refuse known.
//!
//! Defaults and limits are those of the CRDs (kubernetes-sigs/gateway-api@v1.6.1 config/crd/standard, apis/v1/shared_types.go).

use std::collections::BTreeSet;

use crate::place::Place;
use crate::verify::request::{Field, ServiceName};
use crate::verify::world::Manifest;
use crate::yaml::{Node, Scalar};

/// The kinds that attach to a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// gateway.networking.k8s.io GRPCRoute
    Grpc,
    /// gateway.networking.k8s.io HTTPRoute
    Http,
    /// policy.linkerd.io HTTPRoute, which only Linkerd reads.
    LinkerdHttp,
    /// gateway.networking.k8s.io TLSRoute
    Tls,
    /// gateway.networking.k8s.io TCPRoute
    Tcp,
    /// gateway.networking.k8s.io UDPRoute
    Udp,
}

/// A route, its rules unread.
#[derive(Debug)]
pub struct RouteObject<'a> {
    pub kind: Kind,
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    /// `metadata.creationTimestamp`, which orders as text does.
    pub created: Option<&'a str>,
    pub parents: Vec<Parent<'a>>,
    manifest: Manifest<'a>,
}

/// One `parentRefs` entry.
#[derive(Debug)]
pub struct Parent<'a> {
    /// As written; the default is that of a Gateway.
    pub group: Option<&'a str>,
    /// As written; the default is Gateway.
    pub kind: Option<&'a str>,
    pub name: &'a str,
    pub namespace: Option<&'a str>,
    pub port: Option<u16>,
    pub section: Option<&'a str>,
}

/// One rule.
#[derive(Debug)]
pub struct Rule<'a> {
    /// Any of them; one that takes everything where none is written.
    pub matches: Vec<Match<'a>>,
    pub backends: Vec<BackendRef<'a>>,
    /// What it has that decides otherwise than by shares, and is not modelled.
    pub odd: Option<String>,
    /// What it has that changes requests or waits, and does not decide where they go.
    pub beside: BTreeSet<String>,
    pub place: Place,
    /// From 1.
    pub number: usize,
}

/// One match; all of it must hold.
#[derive(Debug)]
pub struct Match<'a> {
    pub path: Path<'a>,
    pub method: Option<&'a str>,
    pub fields: Vec<(Field, Value<'a>)>,
}

/// What a path must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path<'a> {
    Exact(&'a str),
    Prefix(&'a str),
    Regex(&'a str),
    /// `/service/method` of gRPC, exact.
    Call {
        service: Option<&'a str>,
        method: Option<&'a str>,
    },
}

/// What a header or parameter must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Exact(&'a str),
    Regex(&'a str),
}

/// One backend of a rule.
#[derive(Debug)]
pub struct BackendRef<'a> {
    /// It is a core Service.
    pub is_service: bool,
    pub name: &'a str,
    pub namespace: Option<&'a str>,
    pub port: Option<u16>,
    pub weight: u128,
    pub place: Place,
}

/// Why the API server does not take a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Whatever is installed.
    Always(String),
    /// Where the standard channel is installed; the experimental one takes it.
    Standard(String),
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::as_str)
}

fn int(node: &Node, key: &str) -> Option<i128> {
    node.get(key).and_then(Node::scalar).and_then(Scalar::as_int)
}

fn items<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).map(Node::items).unwrap_or_default()
}

// === impl Kind ===

impl Kind {
    fn of(group: &str, kind: &str) -> Option<Self> {
        Some(match (group, kind) {
            ("gateway.networking.k8s.io", "HTTPRoute") => Self::Http,
            ("policy.linkerd.io", "HTTPRoute") => Self::LinkerdHttp,
            ("gateway.networking.k8s.io", "GRPCRoute") => Self::Grpc,
            ("gateway.networking.k8s.io", "TCPRoute") => Self::Tcp,
            ("gateway.networking.k8s.io", "TLSRoute") => Self::Tls,
            ("gateway.networking.k8s.io", "UDPRoute") => Self::Udp,
            _ => return None,
        })
    }

    /// The kind as it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Grpc => "GRPCRoute",
            Self::Http | Self::LinkerdHttp => "HTTPRoute",
            Self::Tls => "TLSRoute",
            Self::Tcp => "TCPRoute",
            Self::Udp => "UDPRoute",
        }
    }

    /// Where the kinds on one port conflict, the earlier one stands (kubernetes-sigs/gateway-api@v1.6.1 geps/gep-1294).
    pub fn precedence(self) -> u8 {
        match self {
            Self::Grpc => 0,
            Self::Http | Self::LinkerdHttp => 1,
            Self::Tls => 2,
            Self::Tcp => 3,
            Self::Udp => 4,
        }
    }
}

// === impl RouteObject ===

impl<'a> RouteObject<'a> {
    /// The route in a manifest; none where it holds something else.
    pub fn read(manifest: &Manifest<'a>) -> Option<Self> {
        let header = manifest.header()?;
        let kind = Kind::of(header.group(), header.kind)?;
        let parents = header.node.path(&["spec", "parentRefs"]).map(Node::items).unwrap_or_default();
        Some(Self {
            kind,
            namespace: manifest.namespace,
            name: header.name,
            created: header.text(&["metadata", "creationTimestamp"]),
            parents: parents.iter().map(Parent::read).collect(),
            manifest: *manifest,
        })
    }

    /// `HTTPRoute shop/web`
    pub fn display(&self) -> String {
        match self.namespace {
            Some(namespace) => format!("{} {namespace}/{}", self.kind.word(), self.name),
            None => format!("{} {}", self.kind.word(), self.name),
        }
    }

    /// Where it begins.
    pub fn place(&self) -> Place {
        let node = self.manifest.node.get("kind").unwrap_or(self.manifest.node);
        self.manifest.at(node)
    }

    /// Its rules; of an HTTPRoute or GRPCRoute without any, the one that the API server puts there.
    pub fn rules(&self) -> Result<Vec<Rule<'a>>, String> {
        let rules = self.manifest.node.path(&["spec", "rules"]).map(Node::items).unwrap_or_default();
        rules.iter().enumerate().map(|(index, rule)| self.rule(rule, index + 1)).collect()
    }

    fn rule(&self, node: &'a Node, number: usize) -> Result<Rule<'a>, String> {
        let everything = || Match { path: Path::Prefix("/"), method: None, fields: Vec::new() };
        let matches = match (self.kind, items(node, "matches")) {
            (Kind::Tcp | Kind::Tls | Kind::Udp, _) | (_, []) => vec![everything()],
            (Kind::Grpc, written) => written.iter().map(grpc_match).collect::<Result<_, _>>()?,
            (Kind::Http | Kind::LinkerdHttp, written) => written.iter().map(http_match).collect::<Result<_, _>>()?,
        };
        let backends: Vec<BackendRef<'a>> =
            items(node, "backendRefs").iter().map(|backend| self.backend(backend)).collect();
        let mut odd = None;
        let mut beside = BTreeSet::new();
        let own = items(node, "filters").iter();
        let of_backends = items(node, "backendRefs").iter().flat_map(|backend| items(backend, "filters"));
        for filter in own.chain(of_backends) {
            match text(filter, "type").unwrap_or_default() {
                name @ ("RequestHeaderModifier" | "ResponseHeaderModifier" | "CORS") => {
                    beside.insert(format!("filter {name}"));
                }
                name => odd = Some(format!("filter {name}, which is not modelled")),
            }
        }
        for (key, _) in node.entries() {
            let key = key.key_text();
            match key.as_ref() {
                "matches" | "backendRefs" | "filters" | "name" => {}
                "timeouts" | "retry" => {
                    beside.insert(key.into_owned());
                }
                _ => odd = Some(format!("field `{key}` of a rule, which is not modelled")),
            }
        }
        Ok(Rule { matches, backends, odd, beside, place: self.manifest.at(node), number })
    }

    fn backend(&self, node: &'a Node) -> BackendRef<'a> {
        BackendRef {
            is_service: text(node, "group").is_none_or(|group| group.is_empty() || group == "core")
                && text(node, "kind").is_none_or(|kind| kind == "Service"),
            name: text(node, "name").unwrap_or_default(),
            namespace: text(node, "namespace"),
            port: int(node, "port").and_then(|port| u16::try_from(port).ok()),
            weight: int(node, "weight").map_or(1, |weight| u128::try_from(weight).unwrap_or(0)),
            place: self.manifest.at(node),
        }
    }

    /// `hostnames`, which some meshes evaluate and the standard tells them not to.
    pub fn has_hostnames(&self) -> bool {
        self.manifest.node.path(&["spec", "hostnames"]).is_some_and(|names| !names.items().is_empty())
    }

    /// Why the API server refuses it; none where it takes it. Only rules of the schema that decide about routing in a
    /// mesh are here.
    pub fn refusal(&self) -> Option<Refusal> {
        let always = |why: &str| Some(Refusal::Always(why.to_owned()));
        for (index, parent) in self.parents.iter().enumerate() {
            let same = |other: &&Parent<'_>| {
                (other.group, other.kind, other.name, other.namespace, other.section)
                    == (parent.group, parent.kind, parent.name, parent.namespace, parent.section)
            };
            for other in self.parents[..index].iter().filter(same) {
                if self.kind == Kind::LinkerdHttp {
                    continue;
                }
                if other.port == parent.port {
                    return always("two of its parentRefs are one");
                }
                return Some(Refusal::Standard("two of its parentRefs differ in nothing but the port".into()));
            }
        }
        let spec = self.manifest.node.get("spec")?;
        let rules = items(spec, "rules");
        if rules.len() > 16 {
            return always("it has more than 16 rules");
        }
        for rule in rules {
            for backend in items(rule, "backendRefs") {
                let read = self.backend(backend);
                let weight = int(backend, "weight");
                if read.is_service && read.port.is_none() {
                    return always("a backendRef to a Service has no port");
                }
                if weight.is_some_and(|weight| !(0..=1_000_000).contains(&weight)) {
                    return always("a weight is not from 0 to 1000000");
                }
            }
            if items(rule, "backendRefs").len() > 16 {
                return always("a rule has more than 16 backends");
            }
            if let Some(why) = items(rule, "matches").iter().find_map(refused_match) {
                return Some(Refusal::Always(why));
            }
        }
        None
    }
}

/// The CRD's validation rules of one HTTPRouteMatch.
fn refused_match(item: &Node) -> Option<String> {
    const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    if let Some(method) = text(item, "method").filter(|method| !METHODS.contains(method)) {
        return Some(format!("`{method}` is no method that a match takes"));
    }
    if let Some(path) = item.get("path") {
        let value = text(path, "value").unwrap_or("/");
        let plain = matches!(text(path, "type"), None | Some("Exact" | "PathPrefix"));
        if plain
            && (!value.starts_with('/') || ["//", "/./", "/../", "%2f", "%2F", "#"].iter().any(|no| value.contains(no)))
        {
            return Some(format!("`{value}` is no path that a match takes"));
        }
    }
    let mut names = BTreeSet::new();
    for header in items(item, "headers") {
        let name = text(header, "name").unwrap_or_default();
        if !names.insert(name) {
            return Some(format!("header `{name}` is there twice in one match"));
        }
        if text(header, "value").is_none_or(str::is_empty) {
            return Some(format!("header `{name}` has no value to match"));
        }
    }
    None
}

fn http_match(node: &Node) -> Result<Match<'_>, String> {
    let path = match node.get("path") {
        None => Path::Prefix("/"),
        Some(path) => {
            let value = text(path, "value").unwrap_or("/");
            match text(path, "type") {
                None | Some("PathPrefix") => Path::Prefix(value),
                Some("Exact") => Path::Exact(value),
                Some("RegularExpression") => Path::Regex(value),
                Some(other) => return Err(format!("a path match of type `{other}`")),
            }
        }
    };
    let mut fields = named_values(items(node, "headers"), |name| Field::Header(name.to_ascii_lowercase()))?;
    fields.extend(named_values(items(node, "queryParams"), |name| Field::Query(name.to_owned()))?);
    Ok(Match { path, method: text(node, "method"), fields })
}

fn grpc_match(node: &Node) -> Result<Match<'_>, String> {
    let fields = named_values(items(node, "headers"), |name| Field::Header(name.to_ascii_lowercase()))?;
    let path = match node.get("method") {
        None => Path::Prefix("/"),
        Some(method) => {
            if text(method, "type").is_some_and(|kind| kind != "Exact") {
                return Err("a GRPCRoute with an expression for the method".into());
            }
            Path::Call { service: text(method, "service"), method: text(method, "method") }
        }
    };
    Ok(Match { path, method: None, fields })
}

/// Of entries with one name the first counts (HTTPHeaderMatch, apis/v1/httproute_types.go).
fn named_values(written: &[Node], field: impl Fn(&str) -> Field) -> Result<Vec<(Field, Value<'_>)>, String> {
    let mut values: Vec<(Field, Value<'_>)> = Vec::new();
    for node in written {
        let field = field(text(node, "name").unwrap_or_default());
        let value = text(node, "value").unwrap_or_default();
        if field == Field::Header("host".into()) {
            return Err("a match on the host, under which a client may call one Service by many names".into());
        }
        if values.iter().any(|(known, _)| *known == field) {
            continue;
        }
        let value = match text(node, "type") {
            None | Some("Exact") => Value::Exact(value),
            Some("RegularExpression") => Value::Regex(value),
            Some(other) => return Err(format!("a match of type `{other}`")),
        };
        values.push((field, value));
    }
    Ok(values)
}

// === impl Parent ===

impl<'a> Parent<'a> {
    fn read(node: &'a Node) -> Self {
        Self {
            group: text(node, "group"),
            kind: text(node, "kind"),
            name: text(node, "name").unwrap_or_default(),
            namespace: text(node, "namespace"),
            port: int(node, "port").and_then(|port| u16::try_from(port).ok()),
            section: text(node, "sectionName"),
        }
    }

    /// Whether it is meant for a Service, under whatever group.
    pub fn names_a_service(&self) -> bool {
        self.kind == Some("Service")
    }

    /// The Service that it names in a route.
    pub fn service(&self, route: &RouteObject<'_>) -> ServiceName {
        let namespace = self.namespace.or(route.namespace).map(str::to_owned);
        ServiceName { namespace, name: self.name.to_owned() }
    }
}
