//! Istio in ambient mode: AuthorizationPolicy on the Services that are called, and a gate before the pods.
//!
//! Only a waypoint sees requests. It stands before a Service, reads the policy that names this Service, and then sends on
//! to wherever routes of the Service lead; the ztunnel before a pod sees connections, and of what came through a
//! waypoint only the waypoint's identity. So what is granted at a pod is written three times over:
//!
//! - for every Service that leads to the pod, by its own endpoints or by a route: what is granted, by ports of the Service;
//! - for the pod, one gate, the last thing to apply: the waypoints, and who may do anything on a port, by ports of the pod;
//! - a Service whose waypoint leads to pods with different grants would open some of them: all of these are held.
//!
//! Pods that no waypoint leads to need none where nothing is said of requests: the ztunnel judges their callers itself.
//! A waypoint without policy for a Service allows everything, but it reaches only pods whose gate lets it in, and those are
//! pods whose Services all have policy here; pods without any grant are closed to it by the policy that denies by default,
//! which ztunnel reads and waypoints do not. A Service without ClusterIP has no waypoint: its callers go to the pods.
//!
//! Read in istio/istio@1.31.0-rc.0: `pilot/pkg/networking/core/listener_waypoint.go`,
//! `pilot/pkg/model/policyattachment.go`, `pilot/pkg/serviceregistry/ambient/authorization.go`; istio/ztunnel@00c8b17
//! `src/rbac.rs`. What must not come in: how a request pattern is worded, which is `istio_rules`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Policy;
use super::istio::{ByPort, Phrases, audited, default_deny, finished, not_served, refused_as_a_whole, reserved, udp};
use super::istio_rules::{
    Allowed, KIND, LOCAL_TRUST_DOMAIN, Names, Notes, Ports, Rule, Speaker, Spec, TargetRef, base_name, in_policies,
    object_of, selector,
};
use crate::access::{Around, Closed, Closure, Permission, Rest, Written};
use crate::code;
use crate::inventory::kinds::{Entry, Header};
use crate::inventory::{GatewayRoute, Lookup, Service};
use crate::manifest::{Effect, Manifest, Metadata, manifest};
use crate::mappings::compare_versions;
use crate::model::RequestPattern;
use crate::model::grant::Requests;
use crate::place::{SourceId, Span};
use crate::report::{Finding, ObjectId};
use crate::yaml::parse;

/// The name of a waypoint that is written.
const WAYPOINT: &str = "waypoint";
/// The version from which ztunnel knows policy that only reports; before, it enforces that
/// (istio/istio@1.29.0 `pilot/pkg/serviceregistry/ambient/authorization.go`).
const ZTUNNEL_DRY_RUN: &str = "1.29";

/// Policy of Istio in ambient mode.
pub(super) struct Ambient;

/// A namespace and a name.
type Named = (String, String);
/// A label set: the closure's number, and its own among the closure's.
type Set = (usize, usize);

/// A port of pods, as something leads to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    /// This port of pods with grants.
    Pods(Set, u16),
    /// Pods that no grant speaks of, or that nobody can name.
    Outside(String),
}

/// Which Service leads where.
struct Map<'a> {
    closures: &'a [Closure<'a>],
    speaker: Speaker<'a>,
    routes: Vec<GatewayRoute>,
    /// Where the endpoints of each Service are, by its ports.
    endpoints: BTreeMap<Named, BTreeMap<u16, BTreeSet<Reached>>>,
    /// Where the requests to each Service end, by its ports, and routes considered.
    reach: BTreeMap<Named, BTreeMap<u16, BTreeSet<Reached>>>,
    /// Label sets that requests reach through waypoints.
    gated: BTreeSet<Set>,
    /// The waypoint of each Service that leads to one of them.
    waypoints: BTreeMap<Named, Waypoint>,
    /// The Services with a waypoint that lead to each label set.
    leading: BTreeMap<Set, BTreeSet<Named>>,
}

/// The waypoint of a Service.
#[derive(Clone, Debug)]
struct Waypoint {
    id: Named,
    /// Whether the Service names it already.
    named: bool,
    /// Whether it has to be written.
    written: bool,
}

impl Policy for Ambient {
    fn write(&self, closures: &[Closure<'_>], around: Around<'_>) -> Vec<Written> {
        let Some(speaker) = Speaker::new(around) else { return not_served(closures, around) };
        let map = Map::new(closures, speaker);
        let mut names = reserved(closures.iter());
        let mut written: Vec<Written> = (0..closures.len()).map(|closure| map.written(closure, &mut names)).collect();
        map.hold_together(&mut written);
        written
    }

    fn default_deny(&self, rest: &Rest<'_>, around: Around<'_>) -> Closed {
        default_deny(rest, around, |manifest| has_audit(manifest, around))
    }
}

/// Which of `kinds` a pattern is; a new one where it is none of them.
fn kind_of<'p>(pattern: &'p RequestPattern, kinds: &mut Vec<&'p RequestPattern>) -> usize {
    kinds.iter().position(|known| known.same_requests(pattern)).unwrap_or_else(|| {
        kinds.push(pattern);
        kinds.len() - 1
    })
}

/// Whether the form of a policy that only reports does only that. Before 1.29 ztunnel enforced it.
fn has_audit(manifest: &Manifest, around: Around<'_>) -> bool {
    let for_service = manifest.value.pointer("/spec/targetRefs").is_some();
    let version = &around.profile.version;
    manifest.id.kind == KIND
        && (for_service || compare_versions(version, ZTUNNEL_DRY_RUN).is_some_and(std::cmp::Ordering::is_ge))
}

// === impl Map ===

impl<'a> Map<'a> {
    fn new(closures: &'a [Closure<'a>], speaker: Speaker<'a>) -> Self {
        let written = speaker.around.routes.iter().filter_map(|(_, manifest)| read_route(manifest));
        let routes: Vec<GatewayRoute> = speaker.around.inventory.routes().iter().cloned().chain(written).collect();
        let mut map = Self {
            closures,
            speaker,
            routes,
            endpoints: BTreeMap::new(),
            reach: BTreeMap::new(),
            gated: BTreeSet::new(),
            waypoints: BTreeMap::new(),
            leading: BTreeMap::new(),
        };
        map.endpoints = map.all_endpoints();
        map.reach = map.all_reach();
        map.gated = map.all_gated();
        map.waypoints = map.all_waypoints();
        map.leading = map.all_leading();
        map
    }

    fn all_endpoints(&self) -> BTreeMap<Named, BTreeMap<u16, BTreeSet<Reached>>> {
        let mut endpoints: BTreeMap<Named, BTreeMap<u16, BTreeSet<Reached>>> = BTreeMap::new();
        for (closure, number) in self.closures.iter().zip(0..) {
            for (workloads, set) in closure.workloads.iter().zip(0..) {
                for service in &workloads.services {
                    endpoints.entry((closure.namespace.clone(), service.clone())).or_default();
                }
                for port in &workloads.ports {
                    for (service, service_port) in &port.services {
                        let service = endpoints.entry((closure.namespace.clone(), service.clone())).or_default();
                        service.entry(*service_port).or_default().insert(Reached::Pods((number, set), port.number));
                    }
                }
            }
        }
        for (name, ports) in &mut endpoints {
            let others = self.others_behind(name);
            for reached in ports.values_mut() {
                reached.extend(others.iter().cloned().map(Reached::Outside));
            }
        }
        endpoints
    }

    /// Pods without grants that a Service selects as well.
    fn others_behind(&self, name: &Named) -> BTreeSet<String> {
        let Some(service) = self.service(name) else { return BTreeSet::new() };
        let workloads = self.speaker.around.inventory.workloads_behind(service).into_iter();
        let has_grants = |namespace: Option<&str>, account: &str| {
            self.closures.iter().any(|closure| {
                closure.account == account && namespace.is_none_or(|namespace| namespace == closure.namespace)
            })
        };
        workloads
            .filter(|workload| !has_grants(workload.namespace.as_deref(), &workload.account))
            .map(|workload| format!("{} `{}`", workload.kind, workload.name))
            .collect()
    }

    fn service(&self, (namespace, name): &Named) -> Option<&'a Service> {
        match self.speaker.around.inventory.service(Some(namespace), name) {
            Lookup::Found(service) | Lookup::Ambiguous(service, _) => Some(service),
            Lookup::Missing => None,
        }
    }

    /// Whether a waypoint can stand before it.
    fn has_address(&self, name: &Named) -> bool {
        self.service(name).is_none_or(|service| !service.headless && !service.external_name)
    }

    fn all_reach(&self) -> BTreeMap<Named, BTreeMap<u16, BTreeSet<Reached>>> {
        let mut reach = self.endpoints.clone();
        reach.retain(|name, _| self.has_address(name));
        let mut routed: BTreeSet<(Named, u16)> = BTreeSet::new();
        for route in &self.routes {
            for (namespace, name, port) in &route.parents {
                let Some(namespace) = namespace.as_ref().or(route.namespace.as_ref()) else { continue };
                let parent = (namespace.clone(), name.clone());
                let known =
                    self.service(&parent).into_iter().flat_map(|service| &service.ports).map(|port| port.number);
                let own = reach.get(&parent).into_iter().flat_map(BTreeMap::keys).copied();
                let ports: BTreeSet<u16> = match port {
                    Some(port) => BTreeSet::from([*port]),
                    None => known.chain(own).collect(),
                };
                for port in ports {
                    self.follow(route, &parent, port, &mut routed, &mut reach);
                }
            }
        }
        for (name, ports) in &mut reach {
            if !self.speaker.around.inventory.virtual_services(Some(&name.0), &name.1).is_empty() {
                for reached in ports.values_mut() {
                    reached.insert(Reached::Outside("wherever a VirtualService leads".to_owned()));
                }
            }
        }
        reach.retain(|_, ports| ports.values().flatten().any(|reached| matches!(reached, Reached::Pods(..))));
        reach
    }

    /// Takes the backends of `route` into what `port` of `parent` reaches. The endpoints of the parent itself stay in it
    /// unless all that comes is read as HTTP, which the route then has whole.
    fn follow(
        &self,
        route: &GatewayRoute,
        parent: &Named,
        port: u16,
        seen: &mut BTreeSet<(Named, u16)>,
        reach: &mut BTreeMap<Named, BTreeMap<u16, BTreeSet<Reached>>>,
    ) {
        let from_one = BTreeSet::from([(parent.1.clone(), port)]);
        let all_http = self.speaker.read_as_http(&parent.0, &from_one).is_some() && route.kind != "TCPRoute";
        let first = seen.insert((parent.clone(), port));
        let reached = reach.entry(parent.clone()).or_default().entry(port).or_default();
        if all_http && first {
            reached.clear();
        }
        for (namespace, name, backend_port) in &route.backends {
            let namespace = namespace.as_ref().or(route.namespace.as_ref()).unwrap_or(&parent.0);
            let ports = self.endpoints.get(&(namespace.clone(), name.clone()));
            let found = match backend_port {
                Some(number) => ports.and_then(|ports| ports.get(number)),
                None => None,
            };
            match found {
                Some(found) => reached.extend(found.iter().cloned()),
                None => {
                    let port = backend_port.map_or_else(String::new, |port| format!(" at port {port}"));
                    reached.insert(Reached::Outside(format!("Service `{namespace}/{name}`{port}")));
                }
            }
        }
    }

    fn reaches(&self, name: &Named) -> BTreeSet<Set> {
        let ports = self.reach.get(name).into_iter().flat_map(BTreeMap::values).flatten();
        ports
            .filter_map(|reached| match reached {
                Reached::Pods(set, _) => Some(*set),
                Reached::Outside(_) => None,
            })
            .collect()
    }

    /// The label sets of which something is said about requests, those that a waypoint leads to, and those that share a
    /// Service with one of them.
    fn all_gated(&self) -> BTreeSet<Set> {
        let mut gated: BTreeSet<Set> = BTreeSet::new();
        for (closure, number) in self.closures.iter().zip(0..) {
            for (workloads, set) in closure.workloads.iter().zip(0..) {
                if closure.permissions.iter().any(|permission| !ByPort::of(permission, workloads).some.is_empty()) {
                    gated.insert((number, set));
                }
            }
        }
        let parents: BTreeSet<(&str, &str)> = self
            .routes
            .iter()
            .flat_map(|route| route.parents.iter().map(move |parent| (route, parent)))
            .filter_map(|(route, (namespace, name, _))| {
                Some((namespace.as_deref().or(route.namespace.as_deref())?, name.as_str()))
            })
            .collect();
        for name in self.reach.keys() {
            let named =
                self.service(name).is_some_and(|service| self.speaker.around.inventory.waypoint_of(service).is_some());
            if named || parents.contains(&(name.0.as_str(), name.1.as_str())) {
                gated.extend(self.reaches(name));
            }
        }
        loop {
            let before = gated.len();
            for name in self.reach.keys() {
                let reached = self.reaches(name);
                if !reached.is_disjoint(&gated) {
                    gated.extend(reached);
                }
            }
            if gated.len() == before {
                return gated;
            }
        }
    }

    fn all_waypoints(&self) -> BTreeMap<Named, Waypoint> {
        let inventory = self.speaker.around.inventory;
        let mut waypoints = BTreeMap::new();
        for name in self.reach.keys().filter(|name| !self.reaches(name).is_disjoint(&self.gated)) {
            let named = self.service(name).and_then(|service| inventory.waypoint_of(service)).map(|waypoint| {
                match waypoint.split_once('/') {
                    Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
                    None => (name.0.clone(), waypoint),
                }
            });
            let there = || {
                let mut all = inventory.waypoints().iter().filter(|other| other.namespace.as_deref() == Some(&name.0));
                all.find(|other| other.waypoint_for.as_deref().is_none_or(|what| what == "service"))
                    .map(|other| other.name.clone())
            };
            let waypoint = match named {
                Some(id) => Waypoint { id, named: true, written: false },
                None => match there() {
                    Some(there) => Waypoint { id: (name.0.clone(), there), named: false, written: false },
                    None => Waypoint { id: (name.0.clone(), WAYPOINT.to_owned()), named: false, written: true },
                },
            };
            waypoints.insert(name.clone(), waypoint);
        }
        waypoints
    }

    fn all_leading(&self) -> BTreeMap<Set, BTreeSet<Named>> {
        let mut leading: BTreeMap<Set, BTreeSet<Named>> = BTreeMap::new();
        for name in self.waypoints.keys() {
            for set in self.reaches(name) {
                leading.entry(set).or_default().insert(name.clone());
            }
        }
        leading
    }

    // --- one closure ---

    fn written(&self, number: usize, names: &mut Names) -> Written {
        let closure = &self.closures[number];
        let mut notes = Notes::default();
        notes.refusals.extend(refused_as_a_whole(closure, self.speaker));
        let services: BTreeSet<&Named> =
            self.leading.range((number, 0)..(number + 1, 0)).flat_map(|(_, all)| all).collect();
        let services: Vec<&Named> = services.into_iter().collect();
        let object = closure.permissions.first().map(|first| object_of(first, closure));
        if let (Some(first), Some(object)) = (closure.permissions.first(), object) {
            for name in &services {
                notes.refusals.extend(self.too_far(name).map(|finding| (object, finding.at(first.place))));
                notes.refusals.extend(self.takes_pods(name).map(|finding| (object, finding.at(first.place))));
            }
            if self.speaker.around.settings.trust_domain.is_none() {
                notes.findings.push((object, trust_domain().at(first.place)));
            }
        }
        let origins: Vec<&ObjectId> =
            closure.permissions.iter().flat_map(|permission| permission.from.iter().copied()).collect();
        let mut direct: BTreeMap<usize, Vec<Rule>> = BTreeMap::new();
        let mut open: BTreeSet<&Named> = BTreeSet::new();
        let mut selected: BTreeSet<usize> = BTreeSet::new();
        let (mut at_waypoints, mut at_pods) = (Vec::new(), Vec::new());
        for permission in &closure.permissions {
            let object = object_of(permission, closure);
            let principals = self.speaker.principals(permission, object, &mut notes);
            udp(permission, object, self.speaker, &mut notes);
            if principals.is_empty() {
                continue;
            }
            let base = base_name(permission, closure);
            let mut phrases = Phrases::default();
            for name in &services {
                let allowed = self.allowed(permission, object, number, name, &mut phrases, &mut notes);
                for rules in in_policies(allowed.rules(&principals)).into_iter().filter(|rules| !rules.is_empty()) {
                    open.insert(name);
                    let taken = names.take(&name.0, &format!("{base}-{}", name.1));
                    at_waypoints.push(self.speaker.policy(
                        &name.0,
                        &taken,
                        &permission.from,
                        &for_service(name, rules),
                    ));
                }
            }
            for (workloads, set) in closure.workloads.iter().zip(0..) {
                let ports = ByPort::of(permission, workloads);
                notes.refusals.extend(ports.refusals(permission, object, workloads, closure, self.speaker));
                notes.findings.extend(ports.findings(permission, object, workloads, closure, self.speaker));
                notes.refusals.extend(self.unserved(&ports, (number, set), permission, object));
                notes.findings.extend(self.partly_served(&ports, (number, set), permission, object));
                let anything =
                    if ports.opens_all(permission, workloads) { Ports::Every } else { Ports::Only(ports.anything) };
                let allowed = Allowed { anything: Some(anything), ..Allowed::default() };
                let rules = allowed.rules(&principals);
                if self.gated.contains(&(number, set)) {
                    direct.entry(set).or_default().extend(rules);
                    continue;
                }
                for rules in in_policies(rules).into_iter().filter(|rules| !rules.is_empty()) {
                    selected.insert(set);
                    let taken = names.take(&closure.namespace, &base);
                    let spec =
                        Spec { selector: Some(selector(workloads)), action: Some("ALLOW"), rules, ..Spec::default() };
                    at_pods.push(self.speaker.policy(&closure.namespace, &taken, &permission.from, &spec));
                }
            }
        }
        for name in services.iter().filter(|name| !open.contains(*name)) {
            let taken = names.take(&name.0, &format!("{}-{}-allow-nothing", closure.account, name.1));
            at_waypoints.push(self.speaker.policy(&name.0, &taken, &origins, &for_service(name, Vec::new())));
        }
        for (workloads, set) in closure.workloads.iter().zip(0..) {
            let gated = self.gated.contains(&(number, set));
            if !gated && selected.contains(&set) {
                continue;
            }
            let mut rules = if gated { self.through_waypoints((number, set)) } else { Vec::new() };
            rules.extend(direct.remove(&set).unwrap_or_default());
            for rules in in_policies(rules) {
                let word = if gated { "gate" } else { "allow-nothing" };
                let taken = names.take(&closure.namespace, &format!("{}-{word}", closure.account));
                let spec =
                    Spec { selector: Some(selector(workloads)), action: Some("ALLOW"), rules, ..Spec::default() };
                at_pods.push(self.speaker.policy(&closure.namespace, &taken, &origins, &spec));
            }
        }
        let enforces = notes.refusals.is_empty() && !closure.held;
        if let (Some(first), Some(object)) = (closure.permissions.first(), object) {
            let labels = services.iter().filter_map(|name| self.needs_label(name, enforces));
            notes.findings.extend(labels.map(|finding| (object, finding.at(first.place))));
        }
        let mut manifests = self.written_waypoints(&services);
        manifests.extend(at_waypoints);
        manifests.extend(at_pods);
        finished(closure, manifests, notes, |manifest| has_audit(manifest, self.speaker.around))
    }

    /// What a permission allows through the waypoint of a Service, by ports of the Service.
    fn allowed(
        &self,
        permission: &Permission<'_>,
        object: usize,
        number: usize,
        name: &Named,
        phrases: &mut Phrases,
        notes: &mut Notes,
    ) -> Allowed {
        let closure = &self.closures[number];
        let mut anything = BTreeSet::new();
        let mut some: BTreeMap<String, (BTreeSet<u16>, &crate::model::grant::Requests)> = BTreeMap::new();
        let by_set: Vec<ByPort<'_>> =
            closure.workloads.iter().map(|workloads| ByPort::of(permission, workloads)).collect();
        for (&port, reached) in self.reach.get(name).into_iter().flatten() {
            for reached in reached {
                let Reached::Pods((closure, set), pod_port) = reached else { continue };
                if *closure != number {
                    continue;
                }
                let ports = &by_set[*set];
                if ports.anything.contains(pod_port) {
                    anything.insert(port);
                }
                for (key, (_, requests)) in ports.some.iter().filter(|(_, (numbers, _))| numbers.contains(pod_port)) {
                    some.entry(key.clone()).or_insert_with(|| (BTreeSet::new(), requests)).0.insert(port);
                }
            }
        }
        let mut allowed = Allowed { anything: Some(Ports::Only(anything)), ..Allowed::default() };
        for (ports, requests) in some.into_values() {
            for port in &ports {
                let one = BTreeSet::from([(name.1.clone(), *port)]);
                if let Some(why) = self.speaker.read_as_tcp(&name.0, &one) {
                    notes.refusals.push((object, super::istio::read_as_tcp(*port, &why, permission, self.speaker)));
                }
            }
            let said = phrases.of(requests, permission, object, self.speaker, notes);
            allowed.phrases.extend(said.map(|said| (Ports::Only(ports), said)));
        }
        allowed
    }

    /// The rules of a gate that let waypoints in.
    fn through_waypoints(&self, set: Set) -> Vec<Rule> {
        let waypoints = self.leading.get(&set).into_iter().flatten().filter_map(|name| self.waypoints.get(name));
        let principals: BTreeSet<String> =
            waypoints.map(|Waypoint { id, .. }| self.speaker.account(&id.0, &id.1)).collect();
        let principals: Vec<String> = principals.into_iter().collect();
        Allowed { anything: Some(Ports::Every), ..Allowed::default() }.rules(&principals)
    }

    /// The waypoints of `services` that are not there yet; each closure that needs one writes the same.
    fn written_waypoints(&self, services: &[&Named]) -> Vec<Manifest> {
        let namespaces: BTreeSet<&str> = services
            .iter()
            .filter_map(|name| self.waypoints.get(*name))
            .filter(|waypoint| waypoint.written)
            .map(|waypoint| waypoint.id.0.as_str())
            .collect();
        namespaces.into_iter().map(|namespace| self.waypoint(namespace)).collect()
    }

    fn waypoint(&self, namespace: &str) -> Manifest {
        let used = self.waypoints.iter().filter(|(_, waypoint)| waypoint.written && waypoint.id.0 == namespace);
        let closures: BTreeSet<usize> = used.flat_map(|(name, _)| self.reaches(name)).map(|set| set.0).collect();
        let permissions = closures.iter().flat_map(|&number| &self.closures[number].permissions);
        let metadata = Metadata {
            namespace: Some(namespace.to_owned()),
            name: WAYPOINT.to_owned(),
            labels: BTreeMap::from([("istio.io/waypoint-for".to_owned(), "service".to_owned())]),
            annotations: BTreeMap::new(),
            from: permissions.flat_map(|permission| permission.from.iter().map(|&id| id.clone())).collect(),
        };
        let spec = GatewaySpec {
            gateway_class_name: "istio-waypoint",
            listeners: [Listener { name: "mesh", port: 15008, protocol: "HBONE" }],
        };
        manifest("gateway.networking.k8s.io/v1", "Gateway", metadata, &spec).with(Effect::Supports)
    }

    // --- what cannot be ---

    /// Holds what shares a Service with something that is held.
    fn hold_together(&self, written: &mut [Written]) {
        let joined: Vec<BTreeSet<usize>> = self
            .waypoints
            .keys()
            .map(|name| self.reaches(name).into_iter().map(|(closure, _)| closure).collect())
            .collect();
        let mut held: Vec<bool> =
            written.iter().zip(self.closures).map(|(one, closure)| closure.held || !one.refusals.is_empty()).collect();
        loop {
            let next = joined.iter().find_map(|together| {
                let cause = together.iter().find(|&&one| held[one])?;
                together.iter().find(|&&one| !held[one]).map(|&one| (one, *cause))
            });
            let Some((one, cause)) = next else { return };
            held[one] = true;
            written[one].refusals.push(self.held_with(&self.closures[one], &self.closures[cause]));
            let enforcing = std::mem::take(&mut written[one].manifests);
            written[one].audit = audited(&enforcing, |manifest| has_audit(manifest, self.speaker.around));
        }
    }

    fn held_with(&self, closure: &Closure<'_>, cause: &Closure<'_>) -> (usize, Finding) {
        let message = format!("a Service leads to the pods of `{}` and of `{}`", closure.account, cause.account);
        let mut finding = Finding::new(code!("waypoint-joins-held"), message)
            .note(format!("`{}` is held, and a policy of the Service would enforce for both", cause.account))
            .help(format!("resolve what holds `{}`", cause.account));
        let first = closure.permissions.first();
        finding.place = first.map(|first| first.place);
        (first.map_or(0, |first| object_of(first, closure)), finding)
    }

    /// What is granted at a port of pods: sources by what they may do, which is everything, or one of `kinds` of requests.
    fn granted(
        &self,
        (number, set): Set,
        port: u16,
        kinds: &mut Vec<&'a RequestPattern>,
    ) -> BTreeMap<Option<usize>, BTreeSet<String>> {
        let closure = &self.closures[number];
        let mut granted: BTreeMap<Option<usize>, BTreeSet<String>> = BTreeMap::new();
        for permission in &closure.permissions {
            let ports = ByPort::of(permission, &closure.workloads[set]);
            let some = ports.some.values().filter(|(numbers, _)| numbers.contains(&port));
            let patterns = some.filter_map(|(_, requests)| match requests {
                Requests::Any(patterns) => Some(patterns),
                Requests::Every => None,
            });
            let mut allowed: BTreeSet<Option<usize>> =
                patterns.flatten().map(|pattern| Some(kind_of(pattern, kinds))).collect();
            allowed.extend(ports.anything.contains(&port).then_some(None));
            let sources: Vec<String> = permission.sources.iter().map(|(source, _)| format!("{source:?}")).collect();
            for what in allowed {
                granted.entry(what).or_default().extend(sources.iter().cloned());
            }
        }
        granted
    }

    /// Why the waypoint of a Service would open pods to callers that no grant names.
    fn too_far(&self, name: &Named) -> Option<Finding> {
        for (port, reached) in self.reach.get(name)? {
            let pods = reached.iter().filter_map(|reached| match reached {
                Reached::Pods(set, port) => Some((*set, *port)),
                Reached::Outside(_) => None,
            });
            let pods: Vec<(Set, u16)> = pods.collect();
            let Some((&first, others)) = pods.split_first() else { continue };
            let account = |set: Set| format!("the pods of `{}`", self.closures[set.0].account);
            let outside = reached.iter().find_map(|reached| match reached {
                Reached::Outside(what) => Some(what.clone()),
                Reached::Pods(..) => None,
            });
            let mut kinds = Vec::new();
            let mut granted = |(set, port): (Set, u16)| self.granted(set, port, &mut kinds);
            let own = (!others.is_empty()).then(|| granted(first));
            let different = others.iter().find(|other| Some(granted(**other)) != own).map(|(set, _)| account(*set));
            if let Some(other) = outside.or(different) {
                let (namespace, service) = name;
                let message = format!(
                    "requests to port {port} of Service `{namespace}/{service}` end at {} and at {other}, with different grants",
                    account(first.0)
                );
                return Some(
                    Finding::new(code!("waypoint-reaches-others"), message)
                        .note("a waypoint knows the Service that was called, and not the pods that the request ends at")
                        .help("give both the same grants, or a Service of their own"),
                );
            }
        }
        None
    }

    /// A waypoint that also takes what is sent to pods applies no policy of a Service to that.
    fn takes_pods(&self, name: &Named) -> Option<Finding> {
        let (namespace, waypoint) = &self.waypoints.get(name)?.id;
        let all = self.speaker.around.inventory.waypoints().iter();
        let found = all.filter(|other| other.namespace.as_ref().is_none_or(|other| other == namespace));
        let found = found.filter(|other| other.name == *waypoint).find_map(|other| other.waypoint_for.clone())?;
        if found == "service" {
            return None;
        }
        let message = format!("the waypoint `{namespace}/{waypoint}` is for `{found}`, and not for Services alone");
        Some(
            Finding::new(code!("waypoint-not-for-services"), message)
                .note("what it takes for pods goes past the policy of Services, and the gate would let it in")
                .help("label it `istio.io/waypoint-for: service`, or name another waypoint for these Services"),
        )
    }

    fn needs_label(&self, name: &Named, enforces: bool) -> Option<Finding> {
        let Waypoint { id, named: false, .. } = self.waypoints.get(name)? else { return None };
        let (namespace, service) = name;
        let message = format!("Service `{namespace}/{service}` has to name its waypoint, and does not");
        let mut command = format!("kubectl label service {service} -n {namespace} istio.io/use-waypoint={}", id.1);
        if id.0 != *namespace {
            command = format!("{command} istio.io/use-waypoint-namespace={}", id.0);
        }
        let finding = Finding::new(code!("waypoint-label"), message);
        Some(if enforces {
            finding
                .note("without it the gate before the pods denies everyone who calls the Service")
                .help(format!("before the gate is applied: {command}"))
        } else {
            finding
                .note("without it nothing reads the policy of the Service, so that it reports nothing")
                .help(format!("once the waypoint is ready: {command}"))
        })
    }

    fn is_served(&self, set: Set, port: u16) -> bool {
        let wanted = Reached::Pods(set, port);
        let services = self.leading.get(&set).into_iter().flatten();
        services
            .filter_map(|name| self.reach.get(name))
            .any(|ports| ports.values().any(|reached| reached.contains(&wanted)))
    }

    /// Requests of which something is said, and no port of them is behind a Service with a waypoint.
    fn unserved(
        &self,
        ports: &ByPort<'_>,
        set: Set,
        permission: &Permission<'_>,
        object: usize,
    ) -> Option<(usize, Finding)> {
        let mut numbers = ports.some.values().flat_map(|(numbers, _)| numbers).peekable();
        numbers.peek()?;
        if numbers.any(|&port| self.is_served(set, port)) {
            return None;
        }
        let message = format!("no Service with an address leads to the pods of `{}`", self.closures[set.0].account);
        let finding = Finding::new(code!("waypoint-without-service"), message)
            .at(permission.place)
            .note("only a waypoint judges requests, and it stands before a Service that has a ClusterIP")
            .help("give the pods a Service with a ClusterIP, or choose the target `istio`");
        Some((object, finding))
    }

    fn partly_served(
        &self,
        ports: &ByPort<'_>,
        set: Set,
        permission: &Permission<'_>,
        object: usize,
    ) -> Option<(usize, Finding)> {
        let all: BTreeSet<u16> = ports.some.values().flat_map(|(numbers, _)| numbers).copied().collect();
        let bare: Vec<String> =
            all.iter().filter(|&&port| !self.is_served(set, port)).map(ToString::to_string).collect();
        if bare.is_empty() || bare.len() == all.len() {
            return None;
        }
        let message = format!(
            "no Service leads to port {} of the pods of `{}`, and it is closed",
            bare.join(", "),
            self.closures[set.0].account
        );
        let finding = Finding::new(code!("waypoint-port-without-service"), message)
            .at(permission.place)
            .help("give the port a Service, if it is called");
        Some((object, finding))
    }
}

fn for_service((_, service): &Named, rules: Vec<Rule>) -> Spec {
    let target = TargetRef { group: "", kind: "Service", name: service.clone() };
    Spec { target_refs: vec![target], action: Some("ALLOW"), rules, ..Spec::default() }
}

/// ztunnel compares identities as they are: `cluster.local` stands for nothing else there (istio/ztunnel issue 1260).
fn trust_domain() -> Finding {
    let message = format!("the trust domain of the mesh is taken for `{LOCAL_TRUST_DOMAIN}`");
    Finding::new(code!("trust-domain-assumed"), message)
        .note("ztunnel does not read `cluster.local` as the trust domain of the mesh, as sidecars and waypoints do")
        .help("if `trustDomain` of the mesh configuration says otherwise, name it with `--trust-domain`")
}

/// A route of this conversion, read like one that was there.
fn read_route(manifest: &Manifest) -> Option<GatewayRoute> {
    let text = manifest.value.to_string();
    let document = parse(&text, Span { start: 0, end: text.len() }).ok()?;
    let root = document.root?;
    let header = Header::of(&root)?;
    Entry::read(&header, SourceId(0)).into_iter().find_map(|entry| match entry {
        Entry::GatewayRoute(route) => Some(route),
        _ => None,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GatewaySpec {
    gateway_class_name: &'static str,
    listeners: [Listener; 1],
}

#[derive(Serialize)]
struct Listener {
    name: &'static str,
    port: u16,
    protocol: &'static str,
}
