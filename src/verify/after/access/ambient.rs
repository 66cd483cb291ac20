//! Istio in ambient mode: each way to the pods, and what guards it.
//!
//! A client may call the pods by their address or by a Service without a waypoint: then ztunnel sees the client's identity
//! and decides by policies with selectors, of which it reads no part about requests. Or it calls a Service with a waypoint:
//! then the policies attached to the Service that was *addressed* decide, the routes of that Service say which pods are
//! reached, and ztunnel sees the waypoint's identity. What any way lets through that was denied is opened, and what any
//! Service denies that was let through is cut off.
//!
//! istio/istio@1.31.0-rc.0 pilot/pkg/networking/core/listener_waypoint.go (policies by the addressed Service),
//! pilot/pkg/model/policyattachment.go (waypoints read no selectors), pilot/pkg/serviceregistry/ambient/
//! authorization.go (what ztunnel takes of a policy).

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::istio::{self, Action, Call, KNOWN, Policy, ROOT, Sees};
use super::{After, Languages, text};
use crate::inventory::{Inventory, Lookup, Port, Service, Transport, Workload};
use crate::verify::access::{Guard, foreign};
use crate::verify::pods::{Account, PodPort, leads_to};
use crate::verify::region::Terms;
use crate::verify::request::{Destination, Request, ServiceName, ServicePort, Source, same_namespace};
use crate::verify::speaks::{self, Speaks};
use crate::verify::verdict::{Answer, Assumption, Cause, Decision};
use crate::verify::{Given, Judge, Side};

pub(super) struct Ambient<'a> {
    after: &'a After<'a>,
    policies: Vec<Policy<'a>>,
    /// What ztunnel is sent of them.
    sent: Vec<Policy<'a>>,
    /// The Services whose routes lead to a Service, by its name.
    leading: HashMap<&'a str, BTreeSet<ServiceName>>,
    /// The waypoints that are written, as namespace and name: manifests of this side, and the inventory.
    waypoints: BTreeSet<(String, String)>,
    languages: Languages,
}

/// A Service by which the pods may be called.
struct Way<'s> {
    at: ServicePort,
    service: &'s Service,
    port: &'s Port,
    /// Its waypoint; none where nothing needs one and none is named.
    waypoint: Option<Waypoint>,
    /// The policies of the waypoint.
    policies: Vec<&'s Policy<'s>>,
    /// The routes of the Service; none where it has none.
    routes: Option<Box<dyn Judge + 's>>,
}

/// A waypoint, which is also an identity: its pods run as the account of its name.
#[derive(Clone, Debug)]
struct Waypoint {
    namespace: String,
    name: String,
    /// A label of the Service or of its namespace names it. Without one it stands there where what waypoints need is granted.
    labelled: bool,
    /// Its Gateway is known too.
    written: bool,
}

// === impl Waypoint ===

impl Waypoint {
    fn identity(&self) -> Source {
        Source::Identity { namespace: self.namespace.clone(), service_account: self.name.clone() }
    }
}

// === impl Ambient ===

impl<'a> Ambient<'a> {
    pub(super) fn new(after: &'a After<'a>) -> Self {
        let mut leading: HashMap<&'a str, BTreeSet<ServiceName>> = HashMap::new();
        for route in &after.routes {
            let parents: Vec<ServiceName> =
                route.parents.iter().filter(|one| one.names_a_service()).map(|one| one.service(route)).collect();
            for backend in route.rules().into_iter().flatten().flat_map(|rule| rule.backends) {
                leading.entry(backend.name).or_default().extend(parents.iter().cloned());
            }
        }
        let (policies, sent) = (Policy::all(after), Policy::of_ztunnel(after));
        Self { after, policies, sent, leading, waypoints: waypoints(after), languages: Languages::default() }
    }

    /// The waypoint of a Service: the one that labels name; else one of its namespace, which may be supposed.
    fn waypoint(&self, pods: &Inventory, service: &Service) -> Waypoint {
        let space = service.namespace.clone().unwrap_or_default();
        let named = [self.after.world.inventory, pods].into_iter().find_map(|one| one.waypoint_of(service));
        if let Some(named) = named {
            let (namespace, name) = match named.split_once('/') {
                Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
                None => (space, named),
            };
            let written = self.waypoints.contains(&(namespace.clone(), name.clone()));
            return Waypoint { namespace, name, labelled: true, written };
        }
        let own = self.waypoints.iter().find(|(namespace, _)| *namespace == space).cloned();
        let (namespace, name) = own.unwrap_or_else(|| (space, "waypoint".to_owned()));
        Waypoint { namespace, name, labelled: false, written: false }
    }

    /// Policies that hold at the waypoint of a Service.
    fn policies_at(&self, service: &Service, waypoint: &Waypoint) -> Vec<&Policy<'a>> {
        let own = service.namespace.as_deref();
        let targets = |policy: &&Policy<'_>| {
            policy.targets.iter().any(|(group, kind, name)| match (*group, *kind) {
                ("" | "core", "Service") => *name == service.name && same_namespace(policy.namespace, own),
                ("gateway.networking.k8s.io", "Gateway") => {
                    *name == waypoint.name && policy.namespace.is_none_or(|space| space == waypoint.namespace)
                }
                ("gateway.networking.k8s.io", "GatewayClass") => {
                    *name == "istio-waypoint" && policy.namespace == Some(ROOT)
                }
                _ => false,
            })
        };
        self.policies.iter().filter(targets).collect()
    }

    fn service<'s>(&'s self, pods: &'s Inventory, name: &ServiceName) -> Option<&'s Service> {
        [self.after.world.inventory, pods].into_iter().find_map(|one| {
            match one.service(name.namespace.as_deref(), &name.name) {
                Lookup::Found(service) | Lookup::Ambiguous(service, _) => Some(service),
                Lookup::Missing => None,
            }
        })
    }

    /// Every Service and port by which pods may be reached.
    fn ways<'s>(&'s self, at: PodPort<'s>) -> Vec<Way<'s>> {
        let mut names: BTreeMap<ServiceName, &Service> = BTreeMap::new();
        let name_of = |service: &Service| {
            let namespace = service.namespace.clone().or_else(|| at.workload.namespace.clone());
            ServiceName { namespace, name: service.name.clone() }
        };
        for service in at.services() {
            names.insert(name_of(service), service);
            for parent in self.leading.get(service.name.as_str()).into_iter().flatten() {
                if let Some(parent) = self.service(at.inventory, parent) {
                    names.insert(name_of(parent), parent);
                }
            }
        }
        let mut ways = Vec::new();
        for (name, service) in names {
            let waypoint = self.waypoint(at.inventory, service);
            let policies = self.policies_at(service, &waypoint);
            let routed = self.after.by_parent.contains_key(name.name.as_str());
            // Where nothing is attached to the Service, a waypoint would only change whom ztunnel sees.
            let needed = routed || !policies.is_empty();
            let waypoint = (needed || waypoint.labelled).then_some(waypoint);
            for port in service.ports.iter().filter(|port| port.transport == Transport::Tcp) {
                let place = ServicePort { service: name.clone(), port: port.number };
                let routes = routed.then(|| Side::judge(self.after, &place));
                let policies = policies.clone();
                let waypoint = waypoint.clone();
                ways.push(Way { at: place, service, port, waypoint, policies, routes });
            }
        }
        ways
    }
}

fn waypoints(after: &After<'_>) -> BTreeSet<(String, String)> {
    let written = after.world.manifests.iter().filter_map(|manifest| {
        let header = manifest.header().filter(|header| header.kind == "Gateway")?;
        let class = text(header.node.get("spec")?, "gatewayClassName")?;
        (class == "istio-waypoint").then(|| (manifest.namespace.unwrap_or_default().to_owned(), header.name.to_owned()))
    });
    let known = after.world.inventory.waypoints().iter();
    written.chain(known.map(|one| (one.namespace.clone().unwrap_or_default(), one.name.clone()))).collect()
}

impl Guard for Ambient<'_> {
    fn accounts(&self, pods: &Inventory) -> BTreeSet<Account> {
        let mut accounts = istio::accounts(&self.policies, pods);
        for policy in &self.policies {
            for (_, _, name) in policy.targets.iter().filter(|(_, kind, _)| *kind == "Service") {
                let name = ServiceName { namespace: policy.namespace.map(str::to_owned), name: (*name).to_owned() };
                let found = self.service(pods, &name).map(|service| pods.workloads_behind(service));
                accounts.extend(found.into_iter().flatten().map(Account::of));
            }
        }
        accounts
    }

    fn ports(&self, _: &Inventory, workload: &Workload) -> BTreeSet<u16> {
        istio::ports(self.policies.iter().filter(|policy| policy.selects(workload)))
    }

    fn judge<'s>(&'s self, at: PodPort<'s>) -> Box<dyn Judge + 's> {
        let own = self.sent.iter().filter(|policy| policy.selects(at.workload)).collect();
        Box::new(Access { ambient: self, at, own, ways: self.ways(at), waypoints: OnceCell::new() })
    }

    fn unread(&self, workload: &Workload) -> Option<String> {
        let policy = foreign(workload, self.after.world.inventory, KNOWN)?;
        Some(format!("{} {} also decides about the pods, and is not read", policy.kind, policy.name))
    }
}

struct Access<'s> {
    ambient: &'s Ambient<'s>,
    at: PodPort<'s>,
    /// Policies that select the pods.
    own: Vec<&'s Policy<'s>>,
    ways: Vec<Way<'s>>,
    waypoints: OnceCell<BTreeSet<Source>>,
}

impl Judge for Access<'_> {
    fn terms(&self) -> Result<Terms, String> {
        let mut terms = Terms::default();
        let (languages, domain) = (&self.ambient.languages, &self.ambient.after.trust_domain);
        self.own.iter().try_for_each(|policy| policy.ask(&mut terms, languages, domain))?;
        for way in &self.ways {
            way.policies.iter().try_for_each(|policy| policy.ask(&mut terms, languages, domain))?;
            if let Some(routes) = &way.routes {
                let Terms { paths, fields, methods, .. } = routes.terms()?;
                terms.paths.extend(paths);
                terms.methods.extend(methods);
                fields
                    .into_iter()
                    .for_each(|(field, of_field)| terms.fields.entry(field).or_default().extend(of_field));
            }
        }
        // A waypoint passes on what others send, and sends nothing itself.
        let waypoints = self.waypoints();
        terms.sources.retain(|source| !waypoints.contains(source));
        Ok(terms)
    }

    fn answer(&self, request: &Request, given: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer {
        if request.source == Source::Node {
            return Answer::allowed(Cause::unwritten("the kubelet's probes pass ztunnel by"));
        }
        if self.at.workload.host_network {
            return Answer::Undecided("the pods share the node's network, which no proxy guards".into());
        }
        let direct = self.ztunnel(request, &request.source);
        let known = matches!(request.source, Source::Identity { .. } | Source::Spiffe(_));
        let by_services: Vec<Answer> = self
            .ways
            .iter()
            .filter(|_| known)
            .filter_map(|way| self.by(way, &direct, request, given, assumed))
            .collect();
        if by_services.is_empty() {
            return direct;
        }
        either_way(by_services, direct)
    }
}

/// What Services answer that lead to the pods, and the address of the pods where it opens more. Clients call by Services, so
/// that each of these must let them through; what the address denies beside, nobody misses.
fn either_way(by_services: Vec<Answer>, direct: Answer) -> Answer {
    let opened = direct.permits() == Some(true);
    let answers: Vec<Answer> = by_services.into_iter().chain(opened.then_some(direct)).collect();
    let certain = |wanted: bool| answers.iter().find(|answer| answer.permits() == Some(wanted));
    let open = answers.iter().find(|answer| answer.permits().is_none());
    match (certain(true), open, certain(false)) {
        (Some(allowed), None, Some(denied)) => Answer::Each {
            decisions: [denied, allowed].into_iter().flat_map(Answer::decisions).cloned().collect(),
            why: "denied by one of its addresses, allowed by another".into(),
        },
        (Some(answer), ..) | (None, Some(answer), _) | (None, None, Some(answer)) => answer.clone(),
        (None, None, None) => Answer::Undecided("no way leads to the pods".into()),
    }
}

impl Access<'_> {
    /// The identities of waypoints.
    fn waypoints(&self) -> &BTreeSet<Source> {
        self.waypoints.get_or_init(|| {
            let written = self.ambient.waypoints.iter().cloned();
            let written = written.map(|(namespace, name)| Source::Identity { namespace, service_account: name });
            let of_ways = self.ways.iter().filter_map(|way| way.waypoint.as_ref());
            written.chain(of_ways.map(Waypoint::identity)).collect()
        })
    }

    /// What ztunnel before the pods does with a connection of `source`.
    fn ztunnel(&self, request: &Request, source: &Source) -> Answer {
        let domain = &self.ambient.after.trust_domain;
        let call = Call { request, source, port: self.at.port, sees: Sees::Ztunnel, domain };
        istio::decide(&self.own, call, &self.ambient.languages)
    }

    /// What becomes of a request to a Service: without a waypoint, what becomes of one to the pods themselves. None where it
    /// leads elsewhere.
    fn by(
        &self,
        way: &Way<'_>,
        direct: &Answer,
        request: &Request,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Option<Answer> {
        let Some(waypoint) = way.waypoint.as_ref().filter(|waypoint| given.prepared || waypoint.labelled) else {
            return self.is_behind(way.service, way.at.port).then(|| direct.clone());
        };
        let leads = match self.leads_here(way, request, given, assumed) {
            Ok(leads) => leads,
            Err(why) => return Some(Answer::Undecided(why)),
        };
        if !leads {
            return None;
        }
        if !(waypoint.labelled && waypoint.written) {
            assumed.insert(Assumption::Waypoint(way.at.service.clone()));
        }
        let said = speaks::declared(way.port);
        let sees = match (said, request.is_connection()) {
            (Some(Speaks::Bytes), _) | (None, true) => Sees::Tcp,
            (Some(Speaks::Http) | None, false) => Sees::Http,
            (Some(Speaks::Http), true) => {
                return Some(Answer::denied(Cause::unwritten("the port takes nothing but HTTP")));
            }
        };
        let domain = &self.ambient.after.trust_domain;
        let call = Call { request, source: &request.source, port: way.at.port, sees, domain };
        let policies: Vec<&Policy<'_>> =
            way.policies.iter().copied().filter(|policy| policy.action != Action::Nothing).collect();
        let answer = istio::decide(&policies, call, &self.ambient.languages);
        let inner = self.ztunnel(request, &waypoint.identity());
        Some(match (answer.permits(), inner.permits()) {
            (Some(false), _) | (_, Some(true)) => answer,
            _ => inner,
        })
    }

    /// Whether a request to a Service comes to this port of the pods.
    fn leads_here(
        &self,
        way: &Way<'_>,
        request: &Request,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Result<bool, String> {
        let own = || self.is_behind(way.service, way.at.port);
        let Some(routes) = &way.routes else { return Ok(own()) };
        let to = Destination::Service(way.at.clone());
        if request.is_connection() {
            return Ok(own());
        }
        let asked = Request { to, ..request.clone() };
        let answer = routes.answer(&asked, given, assumed);
        if let Answer::Undecided(why) = answer {
            return Err(why);
        }
        let reached = answer.decisions().iter().any(|decision| match decision {
            Decision::Access(_) => false,
            Decision::Route(route) => route.shares.backends().any(|(backend, _)| {
                let namespace = backend.namespace.clone().or_else(|| way.at.service.namespace.clone());
                let name = ServiceName { namespace, name: backend.name.clone() };
                let service = self.ambient.service(self.at.inventory, &name);
                service.is_some_and(|service| self.is_behind(service, backend.port))
            }),
        });
        Ok(reached)
    }

    /// Whether a port of a Service leads to this port of the pods.
    fn is_behind(&self, service: &Service, port: u16) -> bool {
        let selects = self.at.services().iter().any(|one| {
            one.name == service.name && same_namespace(one.namespace.as_deref(), service.namespace.as_deref())
        });
        let port = service.ports.iter().find(|one| one.number == port && one.transport == Transport::Tcp);
        selects && port.is_some_and(|port| leads_to(port, self.at.workload, self.at.port))
    }
}
