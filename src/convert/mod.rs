//! From splits to Gateway API routes: one route per root Service and port.
//!
//! What enters is meaning ([`Split`]), what leaves is manifests and findings. Nothing here knows a source mesh; what a
//! target can do comes from its [`Profile`]. The unit is a root Service and its port: if one part of what meets there
//! cannot be converted, nothing of it is emitted.

pub mod grpc;
pub mod http;
pub mod meet;
pub mod neighbours;
pub mod ports;
pub mod tcp;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::code;
use crate::inventory::{Inventory, Lookup, Transport};
use crate::manifest::{self, MIGRATED_FROM, Manifest, Metadata};
use crate::mappings::{Channel, ProtocolReading, RouteKind, SameRoot, Shadow, SplitReading};
use crate::model::weights::least_integers;
use crate::model::{RequestPattern, ServiceRef, Share, Split};
use crate::outcome::Outcome;
use crate::place::{Place, Spanned};
use crate::referrers::managed;
use crate::report::{Finding, ObjectId};
use crate::target::Profile;

pub use ports::{GivenPorts, Protocol};

use meet::Rules;
use ports::{RootPort, RootPorts};

/// One split to convert.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// The caller's number of the object.
    pub object: usize,
    /// The object.
    pub id: &'a ObjectId,
    /// Labels to carry over.
    pub labels: &'a BTreeMap<String, Spanned<String>>,
    /// Annotations to carry over.
    pub annotations: &'a BTreeMap<String, Spanned<String>>,
    /// Its meaning.
    pub split: Split,
    /// Where its root is written.
    pub root_place: Place,
    /// How the source mesh read splits; none where nobody said whose reading applies.
    pub reading: Option<&'static SplitReading>,
}

// === impl Item ===

impl Item<'_> {
    /// What the source mesh did with several splits of one root.
    fn same_root(&self) -> SameRoot {
        self.reading.map_or(SameRoot::Undefined, |reading| reading.same_root.is)
    }

    /// How the source mesh told the protocol of a port.
    fn protocol(&self) -> ProtocolReading {
        self.reading.map_or(ProtocolReading::Undefined, |reading| reading.protocol.is)
    }

    /// What the source mesh's controllers made of the split and leave in the cluster.
    fn leaves(&self) -> &'static [Shadow] {
        self.reading.map_or(&[], |reading| &reading.leaves.is)
    }
}

/// What the user decided about routes.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Ports of Services that are not in the input.
    pub given_ports: GivenPorts,
    /// GRPCRoutes for ports that speak gRPC.
    pub grpc_routes: bool,
}

/// What became of the splits of a scope.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// The output, in the order of the splits; each with the objects whose content it carries.
    pub manifests: Vec<(Vec<usize>, Manifest)>,
    /// What was found, by object.
    pub findings: Vec<(usize, Finding)>,
}

/// Converts the splits of one scope.
#[must_use]
pub fn convert(items: &[Item<'_>], inventory: &Inventory, profile: &Profile, settings: &Settings) -> Conversion {
    let mut converter = Converter {
        items,
        inventory,
        profile,
        settings,
        roots: items.iter().map(|item| &item.split.root).collect(),
        names: taken_names(inventory),
        out: Conversion::default(),
    };
    let mut closures: Vec<(&ServiceRef, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<&ServiceRef, usize> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let at = *known.entry(&item.split.root).or_insert_with(|| {
            closures.push((&item.split.root, Vec::new()));
            closures.len() - 1
        });
        closures[at].1.push(index);
    }
    for (root, members) in &closures {
        converter.chained(members);
        converter.closure(root, members);
    }
    converter.out
}

/// Names of routes by namespace and name, each with the split that it was made for; none for a route of the input.
type Names = BTreeMap<(Option<String>, String), Option<(Option<String>, String)>>;

fn taken_names(inventory: &Inventory) -> Names {
    inventory.routes().iter().map(|route| ((route.namespace.clone(), route.name.clone()), None)).collect()
}

struct Converter<'a> {
    items: &'a [Item<'a>],
    inventory: &'a Inventory,
    profile: &'a Profile,
    settings: &'a Settings,
    roots: HashSet<&'a ServiceRef>,
    names: Names,
    out: Conversion,
}

/// A port of a root with the backends that have it.
struct PortRoute<'a> {
    root: &'a ServiceRef,
    port: &'a RootPort,
    rules: Rules,
    origins: Vec<usize>,
}

impl Converter<'_> {
    fn find(&mut self, object: usize, finding: Finding) {
        self.out.findings.push((object, finding));
    }

    fn find_all(&mut self, members: &[usize], finding: &Finding) {
        for &member in members {
            let item = &self.items[member];
            let mut finding = finding.clone();
            if finding.place.is_none() {
                finding.place = Some(item.root_place);
            }
            self.out.findings.push((item.object, finding));
        }
    }

    /// All splits of one root. Versions of one object (the same name twice) are converted each alone.
    fn closure(&mut self, root: &ServiceRef, members: &[usize]) {
        let mut versions: BTreeMap<(&Option<String>, &str), Vec<usize>> = BTreeMap::new();
        for &member in members {
            let id = self.items[member].id;
            versions.entry((&id.namespace, &id.name)).or_default().push(member);
        }
        if versions.values().all(|same| same.len() == 1) {
            self.closure_of(root, members);
        } else if versions.len() == 1 {
            for &member in members {
                self.closure_of(root, &[member]);
            }
        } else {
            let finding = Finding::new(
                code!("splits-conflict"),
                format!("several versions of a split meet another split on root `{}`", root.display()),
            )
            .note("which version is deployed together with the other split cannot be known")
            .help("convert one version at a time, or put the versions into folders of their own");
            self.find_all(members, &finding);
        }
    }

    fn closure_of(&mut self, root: &ServiceRef, members: &[usize]) {
        let since = self.out.findings.len();
        let items: Vec<&Item<'_>> = members.iter().map(|&member| &self.items[member]).collect();
        let rules = match meet::rules(root, &items) {
            Ok(rules) => rules,
            Err(conflict) => {
                let parties: BTreeSet<usize> = conflict.iter().map(|(object, _)| *object).collect();
                for item in items.iter().filter(|item| !parties.contains(&item.object)) {
                    self.out.findings.push((item.object, waits(item)));
                }
                self.out.findings.extend(conflict);
                return;
            }
        };
        let first = items[0];
        let shares: Vec<Share> = items.iter().flat_map(|item| item.split.backends.clone()).collect();
        let resolved = ports::resolve(
            root,
            &shares,
            self.inventory,
            &self.settings.given_ports,
            first.protocol(),
            first.root_place,
        );
        let RootPorts { ports, finding } = match resolved {
            Ok(ports) => ports,
            Err(refusal) => {
                let mut refusal = *refusal;
                refusal.place = None;
                self.find_all(members, &refusal);
                return;
            }
        };
        if let Some(finding) = finding {
            self.find(first.object, finding);
        }
        for finding in rules.findings.clone() {
            self.find(first.object, finding);
        }
        if self.unusable_backends(&shares, members) {
            return;
        }
        let before = self.out.manifests.len();
        let routed: Vec<String> = ports
            .iter()
            .filter(|port| self.port(root, port, &rules, members))
            .map(|port| port.number.to_string())
            .collect();
        if routed.len() > 1 {
            self.several_ports(root, &routed, members, before);
        }
        if routed.is_empty() && !self.has_blocking(members, since) {
            let finding =
                Finding::new(code!("split-without-port"), format!("no port of root `{}` is split", root.display()))
                    .note("the other findings of this split say for each port why it gets no route")
                    .help("give root and backends a port with the same number, set `appProtocol: http` where a port speaks HTTP, or delete the split");
            self.find_all(members, &finding);
        }
        neighbours::check(root, &items, self.inventory, self.profile, &mut self.out.findings);
    }

    /// Several ports of one root: a route each, where the target takes more than one route of a Service.
    fn several_ports(&mut self, root: &ServiceRef, routed: &[String], members: &[usize], before: usize) {
        let first = &self.items[members[0]];
        let ports = routed.join(", ");
        if self.profile.bundle().is_some_and(|bundle| bundle.one_route_per_service) {
            self.out.manifests.truncate(before);
            let finding = Finding::new(
                code!("route-per-service"),
                format!(
                    "{} applies one route of a Service, and root `{}` needs one for each of its ports ({ports})",
                    self.profile.title(),
                    root.display()
                ),
            );
            self.find_all(
                members,
                &finding.help("convert for a later version, or give each port a Service of its own"),
            );
        } else {
            let message =
                format!("root `{}` is split on several ports ({ports}); each gets a route of its own", root.display());
            self.find(first.object, Finding::new(code!("route-per-port"), message).at(first.root_place));
        }
    }

    /// Whether one of the findings from `since` on says why there is no output.
    fn has_blocking(&self, members: &[usize], since: usize) -> bool {
        let objects: Vec<usize> = members.iter().map(|&member| self.items[member].object).collect();
        self.out.findings[since..].iter().any(|(object, finding)| {
            objects.contains(object)
                && crate::report::catalogue::row(finding.code).outcome.is_some_and(Outcome::needs_hands)
        })
    }

    /// Backends that cannot be backends of a route. True if the closure must be given up.
    fn unusable_backends(&mut self, shares: &[Share], members: &[usize]) -> bool {
        let mut seen = BTreeSet::new();
        let mut give_up = false;
        for share in shares.iter().filter(|share| seen.insert(share.service.clone())) {
            let name = share.service.display();
            match self.inventory.service(share.service.namespace.as_deref(), &share.service.name) {
                Lookup::Missing => {
                    let finding =
                        Finding::new(code!("backend-missing"), format!("backend Service `{name}` is not in the input"))
                            .at(share.place);
                    let finding = if share.weight == 0 {
                        finding.note("its weight is zero, so no request goes there yet")
                    } else {
                        finding.note("a route answers 500 for the share of a Service that does not exist; some meshes gave that share to the others")
                    };
                    self.find(
                        self.items[members[0]].object,
                        finding.help("make sure the Service exists before the route is applied"),
                    );
                }
                Lookup::Ambiguous(one, other) if !one.same_ports(other) => {
                    give_up = true;
                    let finding = Finding::new(
                        code!("port-ambiguous"),
                        format!("backend Service `{name}` is there twice, with different ports"),
                    )
                    .at(share.place)
                    .label(one.place, "one of them")
                    .label(other.place, "the other")
                    .help("convert each environment by itself, or give context that holds one of them");
                    self.find_all(members, &finding);
                }
                Lookup::Found(service) | Lookup::Ambiguous(service, _) if service.external_name => {
                    give_up = true;
                    let finding = Finding::new(code!("backend-external-name"), format!("backend `{name}` is an ExternalName Service"))
                        .at(share.place)
                        .label(service.place, "the Service")
                        .note("Gateway API advises against ExternalName backends, and meshes refuse them or resolve the name in their own ways")
                        .help("name a Service with endpoints");
                    self.find_all(members, &finding);
                }
                Lookup::Found(service) | Lookup::Ambiguous(service, _) => {
                    if service.headless {
                        let finding =
                            Finding::new(code!("backend-headless"), format!("backend `{name}` is a headless Service"))
                                .at(share.place)
                                .label(service.place, "`clusterIP: None`")
                                .help("test it on the target, or give the backend a Service with a cluster IP");
                        self.find(self.items[members[0]].object, finding);
                    }
                }
            }
        }
        give_up
    }

    /// A backend that is itself the root of a split: routes do not chain, and neither did most meshes.
    fn chained(&mut self, members: &[usize]) {
        for &member in members {
            let item = &self.items[member];
            let own_root = &item.split.root;
            let chained: Vec<_> = item
                .split
                .backends
                .iter()
                .filter(|share| share.service != *own_root)
                .filter(|share| self.roots.contains(&share.service))
                .map(|share| (share.service.display(), share.place))
                .collect();
            for (name, place) in chained {
                let finding = Finding::new(code!("split-chained"), format!("backend `{name}` is the root of another split"))
                    .at(place)
                    .note("only the first route of a request applies (GEP-1294), so this share goes to the backend's own pods; SMI says the same")
                    .help("if the share should be split further, write the final backends here");
                self.find(item.object, finding);
            }
        }
    }

    /// One port of the root. True if a route was emitted.
    fn port(&mut self, root: &ServiceRef, port: &RootPort, rules: &Rules, members: &[usize]) -> bool {
        let first = &self.items[members[0]];
        let Some(rules) = self.rules_of_protocol(root, port, rules, members) else { return false };
        let Some(rules) = self.rules_for_port(port, &rules, members) else { return false };
        let origins: Vec<usize> = members.to_vec();
        if port.protocol == Protocol::Udp {
            let finding =
                Finding::new(code!("port-udp"), format!("port {} of root `{}` is UDP", port.number, root.display()))
                    .note("no mesh attaches a UDPRoute to a Service (reports of Gateway API conformance up to v1.6.1)")
                    .help("split this port outside the mesh, or accept that it is not split");
            self.find_all(members, &finding);
            return false;
        }
        if let Some(existing) = self
            .inventory
            .routes()
            .iter()
            .find(|route| route.attaches_to(root.namespace.as_deref(), &root.name, port.number))
        {
            let finding = Finding::new(
                code!("route-exists"),
                format!(
                    "{} `{}` already routes port {} of `{}`",
                    existing.kind,
                    existing.name,
                    port.number,
                    root.display()
                ),
            )
            .label(existing.place, "this route")
            .note("two routes on one port merge by rules that neither of them shows")
            .help("fold the split into that route by hand, or delete one of them");
            self.find_all(members, &finding);
            return false;
        }
        let kind = match port.protocol {
            Protocol::Grpc if self.settings.grpc_routes => RouteKind::GRPCRoute,
            Protocol::Http | Protocol::Grpc => RouteKind::HTTPRoute,
            Protocol::Tcp | Protocol::Udp => RouteKind::TCPRoute,
        };
        let (Some(served), Some(limits)) = (self.profile.api_version(kind), self.profile.limits(kind)) else {
            self.find_all(members, &self.unserved(kind, port, root));
            return false;
        };
        if port.assumed {
            let message = format!(
                "port {} of root `{}` declares no protocol; it is taken as {}",
                port.number,
                root.display(),
                match port.protocol {
                    Protocol::Tcp => "TCP",
                    Protocol::Udp => "UDP",
                    Protocol::Grpc => "gRPC",
                    Protocol::Http => "HTTP",
                }
            );
            let finding = Finding::new(code!("port-protocol-assumed"), message).at(first.root_place);
            self.find(first.object, finding.help("set `appProtocol` on the Service's port to say it"));
        }
        if served.channel == Channel::Experimental {
            let message =
                format!("{kind:?} {} comes only with the experimental channel of Gateway API", served.api_version);
            let finding = Finding::new(code!("route-experimental-channel"), message).at(first.root_place);
            self.find(
                first.object,
                finding.help("install `experimental-install.yaml`, or choose a later version of the target"),
            );
        }
        let route = PortRoute { root, port, rules, origins };
        if let Some(refusal) = grant_without_namespace(&route) {
            self.find_all(members, &refusal);
            return false;
        }
        let built = match kind {
            RouteKind::HTTPRoute => self.http_routes(&route, served, limits),
            RouteKind::GRPCRoute => self.grpc_route(&route, served, limits),
            RouteKind::TCPRoute => self.tcp_route(&route, served, limits),
        };
        match built {
            Ok(mut manifests) => {
                manifests.extend(self.reference_grants(&route, kind, &manifests));
                if let Some(finding) = neighbours::app_protocol(port, root, self.profile) {
                    self.find(first.object, finding.at(first.root_place));
                }
                let objects: Vec<usize> = members.iter().map(|&member| self.items[member].object).collect();
                self.out.manifests.extend(manifests.into_iter().map(|manifest| (objects.clone(), manifest)));
                true
            }
            Err(refusal) => {
                self.find_all(members, &refusal);
                false
            }
        }
    }

    fn unserved(&self, kind: RouteKind, port: &RootPort, root: &ServiceRef) -> Finding {
        let finding = Finding::new(
            code!("route-kind-unserved"),
            format!(
                "{} does not attach a {kind:?} to a Service, which port {} of `{}` needs",
                self.profile.title(),
                port.number,
                root.display()
            ),
        );
        let later = self.profile.target.routes.get(&kind).and_then(|rows| rows.first());
        match later {
            Some(row) => finding.help(format!("convert for {} {} or later", self.profile.target.title, row.since)),
            None => finding.help("keep this port unsplit, or choose a target that serves the kind with `--to`"),
        }
    }

    /// The rules that the source mesh applied to what speaks on this port; none if it split nothing there. Conditions are
    /// about HTTP: on other ports only an unconditional split counts.
    fn rules_of_protocol(
        &mut self,
        root: &ServiceRef,
        port: &RootPort,
        rules: &Rules,
        members: &[usize],
    ) -> Option<Rules> {
        let mut rules = rules.clone();
        let first = &self.items[members[0]];
        let why = match port.protocol {
            Protocol::Http | Protocol::Grpc => return Some(rules),
            Protocol::Tcp | Protocol::Udp if first.protocol() == ProtocolReading::HttpOnly => {
                "and the source mesh split nothing else"
            }
            Protocol::Tcp | Protocol::Udp => {
                rules.conditional.retain(|rule| rule.condition.is_none());
                rules.rest = None;
                if !rules.conditional.is_empty() {
                    return Some(rules);
                }
                "so no request there met the split's condition"
            }
        };
        let message = format!("port {} of root `{}` does not speak HTTP, {why}", port.number, root.display());
        self.find(first.object, Finding::new(code!("port-not-split"), message).at(first.root_place));
        None
    }

    /// The rules with the backends that have this port; none if no backend has it.
    fn rules_for_port(&mut self, port: &RootPort, rules: &Rules, members: &[usize]) -> Option<Rules> {
        let object = self.items[members[0]].object;
        let mut kept = rules.clone();
        let mut lacking: Vec<&Share> = Vec::new();
        for (rule, original) in kept.all_mut().zip(rules.all()) {
            rule.shares.retain(|share| self.has_port(share, port));
            lacking.extend(original.shares.iter().filter(|share| !self.has_port(share, port)));
        }
        if kept.split_shares().next().is_none() {
            let message = format!("no backend has port {} of the root, so that port is not split", port.number);
            let place = self.items[members[0]].root_place;
            self.find(object, Finding::new(code!("port-not-split"), message).at(place));
            return None;
        }
        let mut seen = BTreeSet::new();
        for share in lacking.iter().filter(|share| seen.insert(share.service.clone())) {
            let finding = Finding::new(
                code!("backend-port-missing"),
                format!(
                    "backend `{}` has no port {} and is left out of its route",
                    share.service.display(),
                    port.number
                ),
            );
            self.find(
                object,
                finding
                    .at(share.place)
                    .note("SMI sends such a backend no traffic; the others take its share")
                    .help("give the backend's Service that port if it should take part"),
            );
        }
        for rule in kept.all_mut() {
            let milli: Vec<i128> = rule.shares.iter().map(|share| i128::from(share.weight)).collect();
            let Ok(weights) = least_integers(&milli) else {
                let finding = Finding::new(
                    code!("weights-all-zero"),
                    format!("every backend that has port {} has weight zero", port.number),
                )
                .help("give one of them a weight, or give the other backends that port");
                self.find_all(members, &finding);
                return None;
            };
            for (share, weight) in rule.shares.iter_mut().zip(weights) {
                share.weight = weight;
            }
        }
        Some(kept)
    }

    fn has_port(&self, share: &Share, port: &RootPort) -> bool {
        match self.inventory.service(share.service.namespace.as_deref(), &share.service.name) {
            Lookup::Missing => true,
            Lookup::Found(service) | Lookup::Ambiguous(service, _) => service.ports.iter().any(|found| {
                found.number == port.number && (found.transport == Transport::Tcp) == (port.protocol != Protocol::Udp)
            }),
        }
    }

    /// Name, labels and annotations for what carries the content of these splits.
    fn metadata(&self, route: &PortRoute<'_>, name: String) -> Metadata {
        let items: Vec<&Item<'_>> = route.origins.iter().map(|&origin| &self.items[origin]).collect();
        let shared =
            |select: for<'i> fn(&'i Item<'_>) -> &'i BTreeMap<String, Spanned<String>>| -> BTreeMap<String, String> {
                select(items[0])
                    .iter()
                    .filter(|(key, _)| !is_left_behind(key))
                    .filter(|(key, value)| {
                        items.iter().all(|item| select(item).get(*key).is_some_and(|other| other.value == value.value))
                    })
                    .map(|(key, value)| (key.clone(), value.value.clone()))
                    .collect()
            };
        Metadata {
            namespace: items[0].id.namespace.clone(),
            name,
            labels: shared(|item| item.labels),
            annotations: shared(|item| item.annotations),
            from: items.iter().map(|item| item.id.clone()).collect(),
        }
    }

    /// `web-split-80`, or the next free name: never that of a Service, since Flagger adopts a route that is named like one
    /// (fluxcd/flagger `pkg/router/gateway_api.go`, Reconcile, 2026-07).
    fn name(&mut self, route: &PortRoute<'_>) -> String {
        let base = format!("{}-split-{}", route.root.name, route.port.number);
        let id = self.items[route.origins[0]].id;
        let namespace = id.namespace.clone();
        // Versions of one split give versions of one route.
        let owner = Some((namespace.clone(), id.name.clone()));
        let mut name = base.clone();
        let mut number = 2;
        loop {
            let service = self.inventory.service(namespace.as_deref(), &name) != Lookup::Missing;
            if !service && *self.names.entry((namespace.clone(), name.clone())).or_insert(owner.clone()) == owner {
                break;
            }
            name = format!("{base}-{number}");
            number += 1;
        }
        if name != base {
            let item = &self.items[route.origins[0]];
            let finding =
                Finding::new(code!("route-renamed"), format!("the route is named `{name}`, since `{base}` is taken"));
            let (object, place) = (item.object, item.root_place);
            self.find(object, finding.at(place));
        }
        name
    }

    /// Grants for the backends of other namespaces: some meshes refuse such a backendRef without one.
    fn reference_grants(&self, route: &PortRoute<'_>, kind: RouteKind, manifests: &[Manifest]) -> Vec<Manifest> {
        let Some(own) = &route.root.namespace else { return Vec::new() };
        let mut elsewhere: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for share in route.rules.split_shares() {
            if let Some(namespace) = share.service.namespace.as_deref().filter(|namespace| namespace != own) {
                elsewhere.entry(namespace).or_default().insert(share.service.name.clone());
            }
        }
        let Some(first) = manifests.first() else { return Vec::new() };
        elsewhere
            .into_iter()
            .map(|(namespace, names)| {
                let mut metadata = self.metadata(route, format!("{own}-{}", first.id.name));
                metadata.namespace = Some(namespace.to_owned());
                let names: Vec<String> = names.into_iter().collect();
                manifest::reference_grant(metadata, &format!("{kind:?}"), own, &names)
            })
            .collect()
    }
}

fn waits(item: &Item<'_>) -> Finding {
    let message = format!("other splits of root `{}` contradict each other", item.split.root.display());
    Finding::new(code!("split-waits"), message)
        .at(item.root_place)
        .note("a route takes every request of its Service, also those that the other splits were for")
        .help("decide about the others first, and convert all in one run")
}

/// A ReferenceGrant names the namespace of the route, so that must be known.
fn grant_without_namespace(route: &PortRoute<'_>) -> Option<Finding> {
    let share = route.rules.split_shares().find(|share| share.service.namespace.is_some())?;
    route.root.namespace.is_none().then(|| {
        let message = format!(
            "backend `{}` names a namespace and the split names none, so no ReferenceGrant can be written",
            share.service.display()
        );
        Finding::new(code!("backend-other-namespace"), message)
            .at(share.place)
            .help("write `metadata.namespace` into the split, or convert what is rendered for one environment")
    })
}

/// Metadata that belongs to the old object or to the tool that wrote it, not to its content.
fn is_left_behind(key: &str) -> bool {
    managed::is_put_by_a_tool(key) || key == MIGRATED_FROM || key.starts_with("failover.linkerd.io/")
}

/// Whether two lists of patterns take a common request.
fn overlap(left: Option<&[RequestPattern]>, right: Option<&[RequestPattern]>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => left.iter().any(|one| right.iter().any(|other| one.overlaps(other))),
        _ => true,
    }
}
