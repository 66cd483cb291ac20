//! Linkerd: the Server of a port decides, by its routes and by who is authorized to each.
//!
//! linkerd/linkerd2@version-2.20 policy-controller/k8s/index/src/inbound/index.rs (which Server, routes and authorizations
//! hold on a port), policy-controller/runtime/src/admission.rs (what is refused), and linkerd/linkerd2-proxy@29637b64f
//! linkerd/app/inbound/src/policy/http.rs, linkerd/http/route/src/lib.rs (one route is found, then its authorizations and
//! those of the Server count). A request that no route takes is answered 404 as soon as a Server has any.

use std::collections::{BTreeSet, HashMap};

use super::{After, Languages, Maybe, display, items, odd_field, place, text, texts};
use crate::inventory::{Check, Inventory, Selector, Workload};
use crate::place::Place;
use crate::verify::access::{Guard, foreign};
use crate::verify::after::engines::{self, Engine, Rank};
use crate::verify::after::object::{Kind, Match, Path, RouteObject, Rule, Value};
use crate::verify::after::routing::Asked;
use crate::verify::pods::{Account, PodPort, asks, named};
use crate::verify::region::{Term, Terms};
use crate::verify::request::{Field, Request, Source, same_namespace};
use crate::verify::verdict::{Answer, Assumption, Cause};
use crate::verify::world::Manifest;
use crate::verify::{Given, Judge};
use crate::yaml::Node;

const GROUP: &str = "policy.linkerd.io";

/// The kinds that are read here, or that decide nothing about who may call.
const KNOWN: &[(&str, &str)] = &[
    (GROUP, "Server"),
    (GROUP, "ServerAuthorization"),
    (GROUP, "AuthorizationPolicy"),
    (GROUP, "MeshTLSAuthentication"),
    (GROUP, "NetworkAuthentication"),
    (GROUP, "HTTPRoute"),
    (GROUP, "HTTPLocalRateLimitPolicy"),
    (GROUP, "EgressNetwork"),
    // Policy of meshes that do not run beside Linkerd.
    ("security.istio.io", "AuthorizationPolicy"),
    ("security.istio.io", "PeerAuthentication"),
];

pub(super) struct Linkerd<'a> {
    after: &'a After<'a>,
    engine: Box<dyn Engine>,
    /// Servers that overlap were refused before.
    servers: Vec<Server<'a>>,
    /// AuthorizationPolicies by kind and name of their target.
    policies: HashMap<(&'a str, &'a str), Vec<Authorization<'a>>>,
    server_authorizations: Vec<(Authorization<'a>, Manifest<'a>)>,
    /// MeshTLSAuthentication and NetworkAuthentication by kind and name.
    authentications: HashMap<(&'a str, &'a str), Vec<Manifest<'a>>>,
    /// Indices of routes by the name of a Server.
    routes: HashMap<&'a str, Vec<usize>>,
    spaces: Vec<Manifest<'a>>,
    languages: Languages,
}

struct Server<'a> {
    namespace: Option<&'a str>,
    name: &'a str,
    created: Option<&'a str>,
    selector: Option<Selector>,
    port: Port<'a>,
    protocol: &'a str,
    access: Option<&'a str>,
    labels: Option<&'a Node>,
    place: Place,
    /// Why it cannot be said what it does.
    odd: Option<String>,
}

enum Port<'a> {
    Number(u16),
    Name(&'a str),
    Nothing,
}

/// Who is let through to a target, and where that is written.
#[derive(Clone)]
struct Authorization<'a> {
    namespace: Option<&'a str>,
    group: &'a str,
    who: Who,
    cause: Cause,
}

/// Who a set of senders is.
#[derive(Clone, Debug)]
enum Who {
    Everyone,
    /// Of several, all must hold.
    All(Vec<Who>),
    Identities(Vec<Identity>),
    /// Addresses, which say nothing of identities: what they are.
    Network(String),
    /// Every address of IPv4, and perhaps some of IPv6.
    Family(String),
    Nobody,
    Unclear(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    Any,
    Account(Source),
    Namespace(String),
    Unclear(String),
}

// === impl Linkerd ===

impl<'a> Linkerd<'a> {
    pub(super) fn new(after: &'a After<'a>) -> Self {
        let mut linkerd = Self {
            after,
            engine: engines::of("linkerd", &after.version).remove(0),
            servers: Vec::new(),
            policies: HashMap::new(),
            server_authorizations: Vec::new(),
            authentications: HashMap::new(),
            routes: HashMap::new(),
            spaces: Vec::new(),
            languages: Languages::default(),
        };
        for manifest in &after.world.manifests {
            let Some(header) = manifest.header() else { continue };
            match (header.group(), header.kind) {
                (GROUP, "Server") => linkerd.servers.push(Server::read(manifest, header.name, header.api_version)),
                (GROUP, "MeshTLSAuthentication") => linkerd.know("MeshTLSAuthentication", header.name, manifest),
                (GROUP, "NetworkAuthentication") => linkerd.know("NetworkAuthentication", header.name, manifest),
                ("", "Namespace") => linkerd.spaces.push(*manifest),
                _ => {}
            }
        }
        for (index, route) in after.routes.iter().enumerate() {
            for parent in &route.parents {
                linkerd.routes.entry(parent.name).or_default().push(index);
            }
        }
        for manifest in &after.world.manifests {
            let Some(header) = manifest.header().filter(|header| header.group() == GROUP) else { continue };
            match header.kind {
                "AuthorizationPolicy" => linkerd.policy(manifest, header.name),
                "ServerAuthorization" => {
                    let who = client(header.node.path(&["spec", "client"]), manifest.namespace);
                    let what = display("ServerAuthorization", manifest.namespace, header.name);
                    let cause = Cause::at(place(manifest), what);
                    let authorization = Authorization { namespace: manifest.namespace, group: GROUP, who, cause };
                    linkerd.server_authorizations.push((authorization, *manifest));
                }
                _ => {}
            }
        }
        linkerd
    }

    fn know(&mut self, kind: &'a str, name: &'a str, manifest: &Manifest<'a>) {
        self.authentications.entry((kind, name)).or_default().push(*manifest);
    }

    fn policy(&mut self, manifest: &Manifest<'a>, name: &'a str) {
        let Some(spec) = manifest.node.get("spec") else { return };
        let Some(target) = spec.get("targetRef") else { return };
        let Some(who) = self.required(spec, manifest.namespace) else { return };
        let kind = text(target, "kind").unwrap_or_default();
        let cause = Cause::at(place(manifest), display("AuthorizationPolicy", manifest.namespace, name));
        let group = text(target, "group").unwrap_or_default();
        let authorization = Authorization { namespace: manifest.namespace, group, who, cause };
        let name = text(target, "name").unwrap_or_default();
        self.policies.entry((kind, name)).or_default().push(authorization);
    }

    /// Whom the authentications of a policy name; none where the policy is refused, or ignored for one that is not there.
    fn required(&self, spec: &'a Node, namespace: Option<&str>) -> Option<Who> {
        let references = spec.get("requiredAuthenticationRefs")?.items();
        let count = |kind: RefersTo| references.iter().filter(|one| refers_to(one) == Some(kind)).count();
        let (tls, accounts, networks) = (count(RefersTo::MeshTls), count(RefersTo::Account), count(RefersTo::Networks));
        if tls + accounts > 1 || networks > 1 || tls + accounts + networks != references.len() {
            return None;
        }
        let mut all = Vec::new();
        for reference in references {
            let name = text(reference, "name").unwrap_or_default();
            let space = text(reference, "namespace").or(namespace);
            match refers_to(reference) {
                Some(RefersTo::Account) => all.push(Who::Identities(vec![Identity::account(name, space)])),
                Some(to @ (RefersTo::MeshTls | RefersTo::Networks)) => {
                    let kind = if to == RefersTo::MeshTls { "MeshTLSAuthentication" } else { "NetworkAuthentication" };
                    let known = self.authentications.get(&(kind, name)).map(Vec::as_slice).unwrap_or_default();
                    let mut found = known.iter().filter(|one| same_namespace(one.namespace, space));
                    let first = found.next()?;
                    if found.next().is_some() {
                        all.push(Who::Unclear(format!("{kind} {name} is there more than once")));
                    } else if to == RefersTo::MeshTls {
                        all.push(mesh_tls(first));
                    } else {
                        all.push(networks_of(
                            first.node.path(&["spec", "networks"]).map(Node::items).unwrap_or_default(),
                        ));
                    }
                }
                Some(RefersTo::Namespace) | None => return None,
            }
        }
        // A policy that asks for nothing lets everyone through.
        Some(if all.is_empty() { Who::Everyone } else { Who::All(all) })
    }

    /// Servers that select a port of pods.
    fn servers_of(&self, at: PodPort<'_>) -> Vec<&Server<'a>> {
        self.servers.iter().filter(|server| server.selects(at)).collect()
    }

    fn authorizations(&self, kind: &str, group: &str, namespace: Option<&str>, name: &str) -> Vec<Authorization<'a>> {
        let found = self.policies.get(&(kind, name)).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter(|one| one.group == group && same_namespace(one.namespace, namespace)).cloned().collect()
    }

    fn of_server(&self, server: &Server<'a>) -> Vec<Authorization<'a>> {
        let mut all = self.authorizations("Server", GROUP, server.namespace, server.name);
        if let Some(namespace) = server.namespace {
            for group in ["", "core"] {
                all.extend(self.authorizations("Namespace", group, Some(namespace), namespace));
            }
        }
        let chosen = self.server_authorizations.iter().filter(|(authorization, manifest)| {
            let spec = manifest.node.path(&["spec", "server"]);
            let by_name = spec.and_then(|spec| text(spec, "name")) == Some(server.name);
            let selector = spec.and_then(|spec| spec.get("selector")).map(Selector::read);
            let by_labels = selector.is_some_and(|selector| selector.selects(&server.labels()));
            same_namespace(authorization.namespace, server.namespace) && (by_name || by_labels)
        });
        all.extend(chosen.map(|(authorization, _)| authorization.clone()));
        all
    }

    /// The routes of a Server, each with who may use it.
    fn routes_of(&self, server: &Server<'a>) -> Vec<Attached<'a, '_>> {
        let mut attached = Vec::new();
        for &index in self.routes.get(server.name).map(Vec::as_slice).unwrap_or_default() {
            let route = &self.after.routes[index];
            if !same_namespace(route.namespace, server.namespace) || route.refusal().is_some() {
                continue;
            }
            let to_server =
                |one: &&super::super::object::Parent<'_>| one.kind == Some("Server") && one.group == Some(GROUP);
            let mut parents = route.parents.iter().filter(to_server);
            // A parentRef with a port or a section makes the whole route unreadable.
            if route.parents.iter().filter(to_server).any(|parent| parent.port.is_some() || parent.section.is_some()) {
                continue;
            }
            let here = parents.any(|parent| {
                parent.name == server.name
                    && parent.namespace.is_none_or(|space| same_namespace(Some(space), route.namespace))
            });
            if !here {
                continue;
            }
            let group = if route.kind == Kind::LinkerdHttp { GROUP } else { "gateway.networking.k8s.io" };
            let allowed = self.authorizations(route.kind.word(), group, route.namespace, route.name);
            let odd =
                route.has_hostnames().then(|| format!("{} has hostnames, which are not modelled", route.display()));
            let rules = odd.map_or_else(|| route.rules(), Err);
            if attached.iter().all(|known: &Attached<'_, '_>| !std::ptr::eq(known.route, route)) {
                attached.push(Attached { route, rules, allowed });
            }
        }
        attached
    }

    /// An annotation of the pods, else of their namespace as either side has it.
    fn annotation<'s>(&'s self, at: PodPort<'s>, name: &str) -> Option<(&'s str, Cause)> {
        let what = |value: &str| format!("annotation {name}: {value}");
        if let Some(value) = at.workload.annotations.get(name) {
            return Some((value, Cause::at(at.workload.place, what(value))));
        }
        let space = at.workload.namespace.as_deref()?;
        let written = self.spaces.iter().filter(|one| one.header().is_some_and(|header| header.name == space));
        for manifest in written {
            let found = manifest.node.path(&["metadata", "annotations"]).and_then(|all| text(all, name));
            if let Some(value) = found {
                return Some((value, Cause::at(place(manifest), what(value))));
            }
        }
        let inventories = [&self.after.world.inventory, &at.inventory].map(|one| one.namespace(space));
        let mut known = inventories.into_iter().flatten();
        known.find_map(|one| one.annotations.get(name).map(|value| (value.as_str(), Cause::at(one.place, what(value)))))
    }
}

impl Guard for Linkerd<'_> {
    fn accounts(&self, pods: &Inventory) -> BTreeSet<Account> {
        let selected = self.servers.iter().filter_map(|server| Some((server.namespace, server.selector.as_ref()?)));
        let mut accounts: BTreeSet<Account> = BTreeSet::new();
        for (namespace, selector) in selected {
            let candidates = pods.selected_by(namespace, &selector.labels);
            accounts.extend(candidates.into_iter().filter(|one| selector.selects(&one.labels)).map(Account::of));
        }
        accounts
    }

    fn ports(&self, pods: &Inventory, workload: &Workload) -> BTreeSet<u16> {
        let at = |port| PodPort { inventory: pods, workload, port };
        let numbers = self.servers.iter().filter_map(|server| match server.port {
            Port::Number(number) => Some(number),
            Port::Name(_) | Port::Nothing => None,
        });
        let numbers: BTreeSet<u16> = numbers.collect();
        numbers.into_iter().filter(|&number| !self.servers_of(at(number)).is_empty()).collect()
    }

    fn judge<'s>(&'s self, at: PodPort<'s>) -> Box<dyn Judge + 's> {
        let servers = self.servers_of(at).into_iter();
        let servers = servers
            .map(|server| Standing { server, routes: self.routes_of(server), allowed: self.of_server(server) })
            .collect();
        Box::new(Access { linkerd: self, at, servers })
    }

    fn opens_probe_paths(&self) -> bool {
        true
    }

    fn unread(&self, workload: &Workload) -> Option<String> {
        let policy = foreign(workload, self.after.world.inventory, KNOWN)?;
        Some(format!("{} {} also decides about the pods, and is not read", policy.kind, policy.name))
    }
}

// === impl Server ===

impl<'a> Server<'a> {
    fn read(manifest: &Manifest<'a>, name: &'a str, api_version: &str) -> Self {
        let empty = &EMPTY;
        let spec = manifest.node.get("spec").unwrap_or(empty);
        let port = match spec.get("port") {
            Some(node) => match (super::int(node), node.as_str()) {
                (Some(number), _) => u16::try_from(number).map_or(Port::Nothing, Port::Number),
                (None, Some(name)) => Port::Name(name),
                (None, None) => Port::Nothing,
            },
            None => Port::Nothing,
        };
        let protocol = text(spec, "proxyProtocol").unwrap_or("unknown");
        let known = ["unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS"];
        let odd_protocol = (!known.contains(&protocol)).then(|| format!("proxyProtocol {protocol}"));
        let fields = ["podSelector", "externalWorkloadSelector", "port", "proxyProtocol", "accessPolicy"];
        let odd = odd_protocol.or_else(|| odd_field(spec, &fields).map(|key| format!("field {key}")));
        Self {
            namespace: manifest.namespace,
            name,
            created: manifest.header().and_then(|header| header.text(&["metadata", "creationTimestamp"])),
            selector: spec.get("podSelector").map(Selector::read),
            port,
            protocol,
            // The versions before have no such field, and the API server takes it away.
            access: text(spec, "accessPolicy")
                .filter(|_| !api_version.ends_with("beta1") && !api_version.ends_with("beta2")),
            labels: manifest.node.path(&["metadata", "labels"]),
            place: place(manifest),
            odd: odd.map(|odd| format!("{} has {odd}, which is not read", display("Server", manifest.namespace, name))),
        }
    }

    fn selects(&self, at: PodPort<'_>) -> bool {
        let here = same_namespace(self.namespace, at.workload.namespace.as_deref());
        let pods = || self.selector.as_ref().is_some_and(|selector| selector.selects(&at.workload.labels));
        let port = || match self.port {
            Port::Number(number) => number == at.port,
            Port::Name(name) => named(at.workload, name).contains(&at.port),
            Port::Nothing => false,
        };
        here && port() && pods()
    }

    fn labels(&self) -> std::collections::BTreeMap<String, String> {
        let entries = self.labels.map(Node::entries).unwrap_or_default().iter();
        entries.filter_map(|(key, value)| Some((key.key_text().into_owned(), value.as_str()?.to_owned()))).collect()
    }

    fn cause(&self, why: &str) -> Cause {
        Cause::at(self.place, format!("{}{why}", display("Server", self.namespace, self.name)))
    }
}

static EMPTY: Node = Node { value: crate::yaml::Value::Map(Vec::new()), span: crate::place::Span { start: 0, end: 0 } };

// --- who ---

/// What a reference means that names senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RefersTo {
    MeshTls,
    Networks,
    Account,
    Namespace,
}

/// By group and kind, whatever their case; no group is the core group (linkerd/linkerd2@version-2.20
/// policy-controller/k8s/api/src/policy.rs). None: the webhook refuses the object that holds it.
fn refers_to(reference: &Node) -> Option<RefersTo> {
    let group = text(reference, "group").filter(|group| !group.is_empty()).unwrap_or("core").to_ascii_lowercase();
    let kind = text(reference, "kind")?.to_ascii_lowercase();
    match (group.as_str(), kind.as_str()) {
        (GROUP, "meshtlsauthentication") => Some(RefersTo::MeshTls),
        (GROUP, "networkauthentication") => Some(RefersTo::Networks),
        ("core", "serviceaccount") => Some(RefersTo::Account),
        ("core", "namespace") => Some(RefersTo::Namespace),
        _ => None,
    }
}

/// Whom a MeshTLSAuthentication names.
fn mesh_tls(manifest: &Manifest<'_>) -> Who {
    let Some(spec) = manifest.node.get("spec") else { return Who::Nobody };
    let mut all: Vec<Identity> = texts(spec, "identities").into_iter().map(Identity::read).collect();
    for reference in items(spec, "identityRefs") {
        let name = text(reference, "name").unwrap_or_default();
        let space = text(reference, "namespace").or(manifest.namespace);
        match refers_to(reference) {
            Some(RefersTo::Account) => all.push(Identity::account(name, space)),
            Some(RefersTo::Namespace) => all.push(Identity::Namespace(name.to_owned())),
            Some(RefersTo::MeshTls | RefersTo::Networks) | None => return Who::Nobody,
        }
    }
    Who::Identities(all)
}

fn networks_of(networks: &[Node]) -> Who {
    let has =
        |cidr: &str| networks.iter().any(|one| text(one, "cidr") == Some(cidr) && items(one, "except").is_empty());
    let written = || networks.iter().filter_map(|one| text(one, "cidr")).collect::<Vec<_>>().join(", ");
    match (has("0.0.0.0/0"), has("::/0")) {
        (true, true) => Who::Everyone,
        (true, false) => Who::Family(written()),
        (false, _) => Who::Network(written()),
    }
}

/// Whom `spec.client` of a ServerAuthorization names.
fn client(node: Option<&Node>, namespace: Option<&str>) -> Who {
    let Some(node) = node else { return Who::Nobody };
    let networks = node.get("networks").map(|networks| networks_of(networks.items()));
    let is = |node: &Node, key: &str| node.get(key).and_then(|one| one.scalar()?.as_bool()).unwrap_or(false);
    let who =
        if is(node, "unauthenticated") {
            Who::Everyone
        } else if let Some(tls) = node.get("meshTLS") {
            if is(tls, "unauthenticatedTLS") {
                return Who::Unclear("meshTLS without authentication".into());
            }
            let mut all: Vec<Identity> = texts(tls, "identities").into_iter().map(Identity::read).collect();
            all.extend(items(tls, "serviceAccounts").iter().map(|one| {
                Identity::account(text(one, "name").unwrap_or_default(), text(one, "namespace").or(namespace))
            }));
            Who::Identities(all)
        } else {
            Who::Nobody
        };
    Who::All(networks.into_iter().chain([who]).collect())
}

// === impl Identity ===

impl Identity {
    fn account(name: &str, namespace: Option<&str>) -> Self {
        let namespace = namespace.unwrap_or_default().to_owned();
        Self::Account(Source::Identity { namespace, service_account: name.to_owned() })
    }

    /// `*`, `web.shop.serviceaccount.identity.linkerd.cluster.local`, that with `*.` before it, `spiffe://...`
    /// (linkerd/linkerd2@version-2.20 policy-controller/k8s/index/src/cluster_info.rs).
    fn read(written: &str) -> Self {
        if written == "*" {
            return Self::Any;
        }
        if let Some(id) = written.strip_prefix("spiffe://") {
            return Self::Account(Source::Spiffe(format!("spiffe://{id}")));
        }
        let Some((front, "linkerd.cluster.local")) = written.split_once(".serviceaccount.identity.") else {
            return Self::Unclear(format!("identity {written}"));
        };
        match front.rsplit_once('.') {
            Some(("*", namespace)) => Self::Namespace(namespace.to_owned()),
            Some((name, namespace)) => Self::account(name, Some(namespace)),
            None if front == "*" => Self::Any,
            None => Self::Unclear(format!("identity {written}")),
        }
    }

    fn is(&self, source: &Source) -> Maybe {
        match (self, source) {
            (_, Source::Unauthenticated | Source::Node | Source::Outside) | (Self::Namespace(_), Source::Spiffe(_)) => {
                Ok(false)
            }
            (Self::Any, Source::Identity { .. } | Source::Spiffe(_)) => Ok(true),
            (Self::Account(account), source) => Ok(account == source),
            (Self::Namespace(namespace), Source::Identity { namespace: own, .. }) => Ok(namespace == own),
            (Self::Unclear(what), _) => Err(format!("whom {what} names is not known")),
        }
    }
}

// === impl Who ===

impl Who {
    fn has(&self, source: &Source) -> Maybe {
        match self {
            Self::Everyone | Self::Family(_) => Ok(true),
            Self::Nobody => Ok(false),
            Self::Unclear(why) => Err(why.clone()),
            // Whoever writes addresses for probes means those of the nodes, which have some of IPv4.
            Self::Network(addresses) if *source == Source::Node && addresses.contains('.') => Ok(true),
            Self::Network(addresses) => Err(format!("whose addresses are in {addresses} is not known")),
            Self::All(all) => all_of(all.iter().map(|one| one.has(source))),
            Self::Identities(all) => any_of(all.iter().map(|one| one.is(source))),
        }
    }

    /// What is taken for granted of addresses where this lets a sender in.
    fn assume(&self, source: &Source, assumed: &mut BTreeSet<Assumption>) {
        match self {
            Self::All(all) => all.iter().for_each(|one| one.assume(source, assumed)),
            Self::Family(networks) => drop(assumed.insert(Assumption::Clients(networks.clone()))),
            Self::Network(networks) if *source == Source::Node => {
                assumed.insert(Assumption::Nodes(networks.clone()));
            }
            Self::Everyone | Self::Network(_) | Self::Identities(_) | Self::Nobody | Self::Unclear(_) => {}
        }
    }

    fn name(&self, terms: &mut Terms) {
        match self {
            Self::All(all) => all.iter().for_each(|one| one.name(terms)),
            Self::Identities(all) => {
                for one in all {
                    match one {
                        Identity::Account(source) => {
                            terms.sources.insert(source.clone());
                        }
                        Identity::Namespace(namespace) => {
                            terms.namespaces.insert(namespace.clone());
                        }
                        Identity::Any | Identity::Unclear(_) => {}
                    }
                }
            }
            Self::Everyone | Self::Network(_) | Self::Family(_) | Self::Nobody | Self::Unclear(_) => {}
        }
    }
}

/// True if any is; else why one of them is not known.
pub(super) fn any_of(all: impl Iterator<Item = Maybe>) -> Maybe {
    let mut unclear = None;
    for one in all {
        match one {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => unclear = Some(why),
        }
    }
    unclear.map_or(Ok(false), Err)
}

/// False if any is; else why one of them is not known.
pub(super) fn all_of(all: impl Iterator<Item = Maybe>) -> Maybe {
    any_of(all.map(|one| one.map(|holds| !holds))).map(|fails| !fails)
}

// --- one port of pods ---

/// A Server that may hold on the port.
struct Standing<'a, 's> {
    server: &'s Server<'a>,
    routes: Vec<Attached<'a, 's>>,
    allowed: Vec<Authorization<'a>>,
}

/// A route of a Server.
struct Attached<'a, 's> {
    route: &'s RouteObject<'a>,
    rules: Result<Vec<Rule<'a>>, String>,
    allowed: Vec<Authorization<'a>>,
}

struct Access<'a, 's> {
    linkerd: &'s Linkerd<'a>,
    at: PodPort<'s>,
    servers: Vec<Standing<'a, 's>>,
}

impl Judge for Access<'_, '_> {
    fn terms(&self) -> Result<Terms, String> {
        let mut terms = Terms::default();
        for standing in &self.servers {
            standing.allowed.iter().for_each(|one| one.who.name(&mut terms));
            for attached in &standing.routes {
                attached.allowed.iter().for_each(|one| one.who.name(&mut terms));
                for one in attached.rules.iter().flatten().flat_map(|rule| &rule.matches) {
                    self.ask(one, &mut terms)?;
                }
            }
        }
        Ok(terms)
    }

    fn answer(&self, request: &Request, _: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer {
        if self.at.workload.host_network {
            return Answer::Undecided("the pods share the node's network, which no proxy guards".into());
        }
        if let Some(answer) = self.passed_by() {
            return answer;
        }
        let mut servers: Vec<&Standing<'_, '_>> = self.servers.iter().collect();
        if servers.is_empty() {
            return self.default(request, assumed);
        }
        if servers.len() > 1 && servers.iter().all(|one| one.server.created.is_some()) {
            servers.sort_by_key(|one| (one.server.created, one.server.name));
            servers.truncate(1);
        }
        let mut decisions = Vec::new();
        for standing in servers {
            match self.by(standing, request, assumed) {
                Answer::Certain(decision) => decisions.push(decision),
                Answer::Order { decisions: all, .. } | Answer::Each { decisions: all, .. } => decisions.extend(all),
                Answer::Undecided(why) => return Answer::Undecided(why),
            }
        }
        Answer::one_of(decisions, "of objects that rank alike the oldest counts, and nothing says which that is")
    }
}

impl Access<'_, '_> {
    fn ask(&self, one: &Match<'_>, terms: &mut Terms) -> Result<(), String> {
        let languages = &self.linkerd.languages;
        let term =
            |how: Asked, text: &str| languages.of(how, text).map(|language| Term { key: how.key(text), language });
        match one.path {
            Path::Prefix("/") => {}
            Path::Prefix(value) => {
                terms.paths.push(term(Asked::Prefix, value)?);
                // A prefix and an exact path of one length rank alike.
                terms.paths.push(term(Asked::ExactPath, value.trim_end_matches('/'))?);
            }
            Path::Exact(value) => terms.paths.push(term(Asked::ExactPath, value)?),
            Path::Regex(value) => terms.paths.push(term(Asked::PathFirst, value)?),
            Path::Call { .. } => return Err("routes of gRPC are not compared".into()),
        }
        terms.methods.extend(one.method.map(str::to_owned));
        for (field, value) in &one.fields {
            let (how, text) = match value {
                Value::Exact(text) => (Asked::ExactHeader, text),
                Value::Regex(text) => (Asked::HeaderFirst, text),
            };
            terms.fields.entry(Field::clone(field)).or_default().push(term(how, text)?);
        }
        Ok(())
    }

    /// What the proxy never sees: pods without one, and ports that it is told to leave alone.
    fn passed_by(&self) -> Option<Answer> {
        if let Some((value, cause)) = self.linkerd.annotation(self.at, "linkerd.io/inject")
            && value == "disabled"
        {
            return Some(Answer::allowed(cause));
        }
        let (list, cause) = self.linkerd.annotation(self.at, "config.linkerd.io/skip-inbound-ports")?;
        let skipped = list.split(',').any(|item| {
            let (low, high) = item.split_once('-').unwrap_or((item, item));
            let bounds = (low.trim().parse::<u16>(), high.trim().parse::<u16>());
            matches!(bounds, (Ok(low), Ok(high)) if (low..=high).contains(&self.at.port))
        });
        skipped.then(|| Answer::allowed(cause))
    }

    /// A port without a Server (policy-controller/k8s/index/src/defaults.rs).
    fn default(&self, request: &Request, assumed: &mut BTreeSet<Assumption>) -> Answer {
        let found = self.linkerd.annotation(self.at, "config.linkerd.io/default-inbound-policy");
        let (policy, cause) = found.unwrap_or_else(|| {
            assumed.insert(Assumption::Default("proxy.defaultInboundPolicy is all-unauthenticated".into()));
            (
                "all-unauthenticated",
                Cause::unwritten("no Server selects the port, and the mesh's default lets everyone in"),
            )
        });
        match posture(policy, &request.source) {
            Ok(false) if self.is_probe(request) => Answer::allowed(Cause::unwritten("the path of a probe")),
            Ok(true) => Answer::allowed(cause),
            Ok(false) => Answer::denied(cause),
            Err(why) => Answer::Undecided(why),
        }
    }

    /// Paths of httpGet probes without TLS are open by themselves; those of hooks, and the gRPC health check, are not
    /// (linkerd/linkerd2 issues 9595 and 12806).
    fn is_probe(&self, request: &Request) -> bool {
        let by_itself = |check: &Check| matches!(check, Check::Get(_)) && asks(check, request);
        self.at.checks().iter().any(by_itself)
    }

    /// One Server alone.
    fn by(&self, standing: &Standing<'_, '_>, request: &Request, assumed: &mut BTreeSet<Assumption>) -> Answer {
        let server = standing.server;
        if let Some(odd) = &server.odd {
            return Answer::Undecided(odd.clone());
        }
        let opaque = matches!(server.protocol, "opaque" | "TLS");
        let kind = |kind: Kind| match kind {
            Kind::Http | Kind::LinkerdHttp => server.protocol != "gRPC",
            Kind::Grpc => server.protocol == "gRPC",
            Kind::Tls | Kind::Tcp | Kind::Udp => false,
        };
        let routes: Vec<&Attached<'_, '_>> = standing.routes.iter().filter(|one| kind(one.route.kind)).collect();
        if opaque || request.is_connection() {
            return self.authorized(server, &[&standing.allowed], request, assumed, "");
        }
        if routes.is_empty() {
            if standing.routes.is_empty() && self.is_probe(request) {
                return Answer::allowed(Cause::unwritten(
                    "the path of a probe, which a Server without routes lets through",
                ));
            }
            return self.authorized(server, &[&standing.allowed], request, assumed, "");
        }
        let tied = match self.best(&routes, request) {
            Ok(tied) => tied,
            Err(why) => return Answer::Undecided(why),
        };
        if tied.is_empty() {
            return Answer::denied(server.cause(" has routes, and none of them takes it: 404"));
        }
        let mut decisions = Vec::new();
        for attached in tied {
            let suffix = format!(", by {}", attached.route.display());
            match self.authorized(server, &[&attached.allowed, &standing.allowed], request, assumed, &suffix) {
                Answer::Certain(decision) => decisions.push(decision),
                answer => return answer,
            }
        }
        Answer::one_of(decisions, "routes that rank alike go by age, and nothing says which is the oldest")
    }

    /// The routes one of which takes the request.
    fn best<'r>(
        &self,
        routes: &[&'r Attached<'r, 'r>],
        request: &Request,
    ) -> Result<Vec<&'r Attached<'r, 'r>>, String> {
        let mut best: Option<Rank> = None;
        let mut tied: Vec<&Attached<'_, '_>> = Vec::new();
        for &attached in routes {
            for rule in attached.rules.as_ref().map_err(Clone::clone)? {
                for one in &rule.matches {
                    if !self.takes(one, request)? {
                        continue;
                    }
                    if let Some(odd) = rule.odd.as_ref().filter(|odd| !odd.contains("backendRefs")) {
                        return Err(format!("{} has {odd}", attached.route.display()));
                    }
                    let rank = self.linkerd.engine.rank(one, &request.path);
                    if best.is_none_or(|known| rank > known) {
                        best = Some(rank);
                        tied = vec![attached];
                    } else if best == Some(rank) && !tied.iter().any(|known| std::ptr::eq(*known, attached)) {
                        tied.push(attached);
                    }
                }
            }
        }
        if tied.len() > 1 && tied.iter().all(|one| one.route.created.is_some()) {
            tied.sort_by_key(|one| (one.route.created, one.route.name));
            tied.truncate(1);
        }
        Ok(tied)
    }

    fn takes(&self, one: &Match<'_>, request: &Request) -> Maybe {
        if one.method.is_some_and(|method| method != request.method) {
            return Ok(false);
        }
        let languages = &self.linkerd.languages;
        let path = match one.path {
            Path::Prefix("/") => true,
            Path::Prefix(value) => languages.of(Asked::Prefix, value)?.matches(&request.path),
            Path::Exact(value) => value == request.path,
            Path::Regex(value) => languages.of(Asked::PathFirst, value)?.matches(&request.path),
            Path::Call { .. } => return Err("routes of gRPC are not compared".into()),
        };
        if !path {
            return Ok(false);
        }
        for (field, wanted) in &one.fields {
            let Some(value) = request.field(field) else { return Ok(false) };
            let fits = match wanted {
                Value::Exact(text) => *text == value,
                Value::Regex(text) => languages.of(Asked::HeaderFirst, text)?.matches(value),
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn authorized(
        &self,
        server: &Server<'_>,
        all: &[&[Authorization<'_>]],
        request: &Request,
        assumed: &mut BTreeSet<Assumption>,
        suffix: &str,
    ) -> Answer {
        let mut unclear = None;
        for one in all.iter().flat_map(|list| list.iter()) {
            match one.who.has(&request.source) {
                Ok(true) => {
                    one.who.assume(&request.source, assumed);
                    return Answer::allowed(one.cause.clone());
                }
                Ok(false) => {}
                Err(why) => unclear = Some(format!("{}: {why}", one.cause.what)),
            }
        }
        if let Some(policy) = server.access {
            match posture(policy, &request.source) {
                Ok(true) => return Answer::allowed(server.cause(&format!(" has accessPolicy: {policy}"))),
                Ok(false) => {}
                Err(why) => return Answer::Undecided(why),
            }
        }
        match unclear {
            Some(why) => Answer::Undecided(why),
            None => Answer::denied(server.cause(&format!(" authorizes nobody like that{suffix}"))),
        }
    }
}

/// What a default policy lets through.
fn posture(policy: &str, source: &Source) -> Maybe {
    let known = matches!(source, Source::Identity { .. } | Source::Spiffe(_));
    match policy {
        "all-unauthenticated" | "audit" => Ok(true),
        "all-authenticated" | "cluster-authenticated" => Ok(known),
        "cluster-unauthenticated" => Ok(*source != Source::Outside),
        "deny" => Ok(false),
        other => Err(format!("`{other}` is no default policy")),
    }
}
