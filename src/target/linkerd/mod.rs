//! Linkerd's policy: a Server for each port of the pods, routes of it, and who may use which.
//!
//! A Server denies on its port everyone whom no AuthorizationPolicy names, from the moment it exists; everything else is
//! inert without it. So what names callers comes first and the Servers last.
//!
//! - A port on which everything is allowed to whom anything is allowed: one AuthorizationPolicy of the Server.
//! - Any other port that speaks HTTP: HTTPRoutes of the Server, one for each set of callers, each with its own policy.
//!   Connections that are not HTTP are then denied. Which match wins is `routes`' to see to. The paths of httpGet probes,
//!   which Linkerd lets through by itself only as long as a Server has no route, are a route of their own.
//! - A port without any permission: a Server alone.
//!
//! `mappings/targets/linkerd.yaml` says where each of these facts is written.

mod routes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::access::{
    Around, Closed, Closure, Loss, Nearest, Permission, PodPort, PortProtocol, Rest, Side, Workloads, Written,
};
use crate::code;
use crate::inventory::Check;
use crate::manifest::{Effect, Manifest, Metadata, manifest};
use crate::mappings::{Limits, RouteKind, newest};
use crate::model::grant::{Account, Principal, Requests};
use crate::model::{HeaderPattern, Methods, PathPattern, RequestPattern};
use crate::pattern::{
    Anchoring, Domain, HeaderLowering, Language, PathLowering, lower_header, lower_path, portable, spell,
};
use crate::place::Place;
use crate::report::{Finding, ObjectId};
use crate::target::{Policy, in_namespaces, ports_unknown};

use routes::{Atom, Callers, HeaderWord, MAX_HEADERS, Match, PathWord, Sense, Tangle, settle};

/// Linkerd's policy.
pub(super) struct Linkerd;

/// Linkerd's own group.
const GROUP: &str = "policy.linkerd.io";
/// The group of the routes. Linkerd's own HTTPRoute is no longer needed: all versions of the table take this one.
const ROUTE_GROUP: &str = "gateway.networking.k8s.io";
/// The most characters of an object's name.
const MAX_NAME: usize = 253;
/// The first version that reads a SPIFFE ID in a MeshTLSAuthentication.
const SPIFFE_SINCE: &str = "2.15";

impl Policy for Linkerd {
    fn write(&self, closures: &[Closure<'_>], around: Around<'_>) -> Vec<Written> {
        in_namespaces(closures, |own| {
            let mut names = Names::default();
            own.iter().map(|closure| Writer::of(closure, around, &mut names).written()).collect()
        })
    }

    /// Servers that nobody is let in through, for each port that the pods are known to listen on. For ports that nothing
    /// declares only the annotation of the namespace would do, which holds for pods that start after it.
    fn default_deny(&self, rest: &Rest<'_>, around: Around<'_>) -> Closed {
        let mut names = Names::default();
        for id in &rest.beside {
            names.given.insert((id.kind.clone(), rest.namespace.to_owned(), id.name.clone()));
        }
        let mut closed = Closed::default();
        for closure in &rest.closures {
            let mut ports = closure.workloads.iter().flat_map(|workloads| Port::declared(workloads).into_values());
            if let Some(why) = ports.find_map(|port| port.probe_cut_off()) {
                closed.findings.push(stays_open(&closure.account, &why));
                continue;
            }
            let written = Writer::of(closure, around, &mut names).written();
            closed.manifests.extend(if rest.reports { written.audit } else { written.manifests });
        }
        closed.findings.extend(rest.unselected.iter().map(|(account, why)| stays_open(account, why)));
        closed.findings.extend(undeclared_rest(rest));
        closed
    }
}

fn stays_open(account: &str, why: &Finding) -> Finding {
    let message = format!("the pods of ServiceAccount `{account}` stay open: {}", why.message);
    Finding { code: code!("default-deny-partial"), message, ..why.clone() }
}

/// The accounts of the rest whose pods may listen where no Server is.
fn undeclared_rest(rest: &Rest<'_>) -> Option<Finding> {
    let open = |closure: &&Closure<'_>| closure.workloads.iter().any(|workloads| !workloads.ports_complete);
    let accounts: Vec<String> =
        rest.closures.iter().filter(open).map(|closure| format!("`{}`", closure.account)).collect();
    let (first, more) = accounts.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" and of {} more accounts", more.len()) };
    let namespace = rest.namespace;
    let message = format!(
        "the pods of {first}{more} may listen on ports that nothing declares, which stay open in namespace `{namespace}`"
    );
    Some(Finding::new(code!("default-deny-partial"), message).help(format!(
        "declare all ports in the containers; or deny the rest, which holds for pods that start after it:\n`{}`",
        deny_command(namespace)
    )))
}

/// What makes Linkerd deny on every port without a Server.
fn deny_command(namespace: &str) -> String {
    format!("kubectl annotate namespace {namespace} config.linkerd.io/default-inbound-policy=deny")
}

/// Names that were given, by kind and namespace.
#[derive(Default)]
struct Names {
    given: BTreeSet<(String, String, String)>,
}

// === impl Names ===

impl Names {
    /// `wanted`, or the like of it that nothing of `kind` in `namespace` has.
    fn give(&mut self, kind: &str, namespace: &str, wanted: &str) -> String {
        for round in 0_u32.. {
            let name =
                if round == 0 { fit(wanted) } else { fit(&format!("{wanted}-{}", hash(&format!("{wanted}{round}")))) };
            if self.given.insert((kind.to_owned(), namespace.to_owned(), name.clone())) {
                return name;
            }
        }
        wanted.to_owned()
    }
}

/// `name`, cut and told apart by a hash where it is longer than a name may be.
fn fit(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let hash = hash(name);
    let cut: String = name.chars().take(MAX_NAME - 1 - hash.len()).collect();
    format!("{}-{hash}", cut.trim_end_matches(['-', '.']))
}

/// Eight hexadecimal digits that stay the same from run to run (FNV-1a).
fn hash(text: &str) -> String {
    let folded = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{folded:08x}")
}

/// What one port of some pods needs.
struct Port {
    number: u16,
    protocol: PortProtocol,
    checks: BTreeSet<Check>,
}

// === impl Port ===

impl Port {
    /// The TCP ports that these pods are known to listen on.
    fn declared(workloads: &Workloads) -> BTreeMap<u16, Self> {
        let tcp = workloads.ports.iter().filter(|port| port.protocol != PortProtocol::Udp);
        tcp.map(|PodPort { number, protocol, services: _, checks }| {
            (*number, Self { number: *number, protocol: *protocol, checks: checks.clone() })
        })
        .collect()
    }

    /// Whether the kubelet sends what no Server lets through by itself: it does so with httpGet probes only (linkerd/linkerd2
    /// issue 9595).
    fn needs_probe_route(&self) -> bool {
        self.checks.iter().any(|check| matches!(check, Check::Hook(_) | Check::Health))
    }

    /// Why the kubelet would be denied: what it sends within TLS is to the proxy a connection without an identity
    /// (linkerd/linkerd2 issue 12806), and on a port that is no HTTP no request is seen.
    fn probe_cut_off(&self) -> Option<Finding> {
        let number = self.number;
        let what = if self.checks.contains(&Check::Tls) {
            "by HTTPS"
        } else if self.protocol == PortProtocol::Opaque && self.needs_probe_route() {
            "by a request that is not seen on a port without HTTP"
        } else {
            return None;
        };
        let message = format!("the kubelet asks port {number} {what}, and a Server would deny it");
        let finding = Finding::new(code!("linkerd-probe-cut-off"), message);
        let note = "a probe that is denied takes the pod out of service or restarts it";
        Some(
            finding
                .note(note)
                .help("let the probe ask by plain HTTP on a port that speaks it, by `tcpSocket` or by `exec`"),
        )
    }
}

/// Who is let in on a port, and how.
enum Plan {
    /// Nobody.
    Nobody,
    /// These, with anything.
    Server(Callers),
    /// By route, in the order of the matches.
    Routes(Vec<(Callers, Vec<Match>)>),
}

/// A port that gets a Server.
struct Covered<'w> {
    name: String,
    workloads: &'w Workloads,
    port: Port,
    /// Routes attach to it.
    routed: bool,
}

struct Writer<'w, 'a> {
    closure: &'w Closure<'a>,
    around: Around<'w>,
    names: &'w mut Names,
    /// By permission: who may call; none where that cannot be said.
    callers: Vec<Option<Callers>>,
    written: Written,
}

// === impl Writer ===

impl<'w, 'a> Writer<'w, 'a> {
    fn of(closure: &'w Closure<'a>, around: Around<'w>, names: &'w mut Names) -> Self {
        let mut writer = Self { closure, around, names, callers: Vec::new(), written: Written::default() };
        writer.callers = closure.permissions.iter().map(|permission| writer.callers_of(permission)).collect();
        writer
    }

    fn written(mut self) -> Written {
        for permission in &self.closure.permissions {
            self.udp(permission);
        }
        let several = self.closure.workloads.len() > 1;
        let mut supports = Vec::new();
        let mut covered = Vec::new();
        for (number, workloads) in self.closure.workloads.iter().enumerate() {
            let base =
                if several { format!("{}-{}", self.closure.account, number + 1) } else { self.closure.account.clone() };
            for port in self.ports(workloads) {
                self.cut_off(&port);
                let plan = self.plan(&port);
                let name = self.server_name(&base, port.number);
                supports.extend(self.objects(&name, &port, &plan));
                covered.push(Covered { name, workloads, port, routed: matches!(plan, Plan::Routes(_)) });
            }
            self.undeclared(workloads);
        }
        let granted = self.closure.permissions.iter().find(|permission| permission.object.is_some());
        if let Some(permission) = granted.filter(|_| covered.is_empty()) {
            self.refuse(permission, ports_unknown(permission, self.closure));
        }
        if self.closure.held || !self.written.refusals.is_empty() {
            self.written.audit = self.audited(supports, &covered);
        } else {
            let servers = covered.iter().filter_map(|one| self.server(&one.name, one.workloads, &one.port, false));
            supports.extend(servers);
            self.written.manifests = supports;
        }
        self.written
    }

    /// The form that only reports; nothing where this version has none.
    fn audited(&mut self, mut supports: Vec<Manifest>, covered: &[Covered<'_>]) -> Vec<Manifest> {
        let servers: Vec<Manifest> =
            covered.iter().filter_map(|one| self.server(&one.name, one.workloads, &one.port, true)).collect();
        if servers.is_empty() {
            return servers;
        }
        for one in covered.iter().filter(|one| one.routed) {
            supports.extend(self.rest_route(&one.name));
        }
        supports.extend(servers);
        supports
    }

    // --- what is asked for ---

    /// The TCP ports of the pods: those that are declared, then those that only a permission names.
    fn ports(&mut self, workloads: &Workloads) -> Vec<Port> {
        let mut ports = Port::declared(workloads);
        let declared: BTreeSet<u16> = ports.keys().copied().collect();
        let named = |number: &u16| !declared.contains(number);
        for permission in &self.closure.permissions {
            for &number in permission.opaque.iter().filter(|number| named(number)) {
                let port = || Port { number, protocol: PortProtocol::Opaque, checks: BTreeSet::new() };
                ports.entry(number).or_insert_with(port);
            }
        }
        for permission in &self.closure.permissions {
            for &number in permission.http.keys().filter(|number| named(number)) {
                let port = Port { number, protocol: PortProtocol::Http, checks: BTreeSet::new() };
                ports.insert(number, port);
            }
        }
        let unclear = |permission: &Permission<'_>| {
            permission.opaque.iter().copied().find(|number| {
                named(number) && permission.http.get(number).is_some_and(|requests| !is_everything(requests))
            })
        };
        for permission in &self.closure.permissions {
            if let Some(number) = unclear(permission) {
                let message = format!("nothing declares port {number}, so nobody can say whether it speaks HTTP");
                let finding = Finding::new(code!("linkerd-port-unclear"), message).at(permission.place);
                let help = "declare the port in the container and in a Service, or name it in a TCPRoute without an HTTPRouteGroup";
                self.refuse(permission, finding.help(help));
            }
        }
        ports.into_values().collect()
    }

    /// What the kubelet sends, and no Server with callers of its own lets through.
    fn cut_off(&mut self, port: &Port) {
        let closure = self.closure;
        let granted = closure.permissions.iter().find(|permission| permission.object.is_some());
        if let (Some(permission), Some(finding)) = (granted, port.probe_cut_off()) {
            self.refuse(permission, finding.at(permission.place));
        }
    }

    fn plan(&mut self, port: &Port) -> Plan {
        let closure = self.closure;
        let mut everything = Callers::none();
        let mut limited = false;
        for (permission, callers) in closure.permissions.iter().zip(&self.callers) {
            let Some(callers) = callers else { continue };
            match asked(permission, port) {
                Asked::Nothing => {}
                Asked::Everything => everything.add(callers),
                Asked::Requests(_) => limited = true,
            }
        }
        if !limited && !port.needs_probe_route() {
            return if everything == Callers::none() { Plan::Nobody } else { Plan::Server(everything) };
        }
        let atoms = self.atoms(port, &everything);
        if atoms.is_empty() {
            return Plan::Nobody;
        }
        match settle(&atoms) {
            Ok(matches) => {
                let mut by_callers: BTreeMap<Callers, Vec<Match>> = BTreeMap::new();
                for (one, callers) in matches {
                    by_callers.entry(callers).or_default().push(one);
                }
                Plan::Routes(by_callers.into_iter().collect())
            }
            Err(tangle) => {
                self.tangled(port, &tangle);
                Plan::Nobody
            }
        }
    }

    /// What the grants and the probes ask for on a port; without grants, nothing.
    fn atoms(&mut self, port: &Port, everything: &Callers) -> Vec<Atom> {
        let closure = self.closure;
        let any = || Sense { word: PathWord::Any, language: Language::any(Domain::Path) };
        let mut atoms = Vec::new();
        if *everything != Callers::none() {
            let callers = everything.clone();
            atoms.push(Atom { path: any(), method: None, headers: BTreeMap::new(), callers });
        }
        for (index, permission) in closure.permissions.iter().enumerate() {
            let Some(callers) = self.callers[index].clone() else { continue };
            let Asked::Requests(patterns) = asked(permission, port) else { continue };
            for pattern in patterns {
                atoms.extend(self.pattern_atoms(permission, pattern, &callers));
            }
        }
        if atoms.is_empty() && !port.needs_probe_route() {
            return atoms;
        }
        for (method, path) in port.checks.iter().filter_map(Check::request) {
            let Ok(language) = Language::exact(Domain::Path, path) else { continue };
            let path = Sense { word: PathWord::Exact(path.to_owned()), language };
            atoms.push(Atom { path, method: Some(method), headers: BTreeMap::new(), callers: Callers::Anyone });
        }
        atoms
    }

    fn pattern_atoms(&mut self, permission: &Permission<'_>, pattern: &RequestPattern, callers: &Callers) -> Vec<Atom> {
        let read = self.words(permission, pattern);
        let (paths, headers) = match read {
            Ok(Some(words)) => words,
            Ok(None) => return Vec::new(),
            Err(finding) => {
                self.refuse(permission, *finding);
                return Vec::new();
            }
        };
        let methods: Vec<Option<&'static str>> = match &pattern.methods {
            Methods::Any => vec![None],
            Methods::Only(methods) => methods.iter().copied().map(Some).collect(),
        };
        let mut atoms = Vec::new();
        for path in &paths {
            for &method in &methods {
                atoms.push(Atom { path: path.clone(), method, headers: headers.clone(), callers: callers.clone() });
            }
        }
        atoms
    }

    /// What a pattern says of paths and headers; none where no request satisfies it, or only what an accepted loss leaves out.
    fn words(&mut self, permission: &Permission<'_>, pattern: &RequestPattern) -> Result<Option<Words>, Box<Finding>> {
        let mut headers = BTreeMap::new();
        for header in &pattern.headers {
            if header.name.eq_ignore_ascii_case("host") {
                match self.host(permission, header)? {
                    Side::Wider => continue,
                    Side::Narrower => return Ok(None),
                }
            }
            let Some(sense) = header_sense(header)? else { return Ok(None) };
            headers.insert(header.name.to_ascii_lowercase(), sense);
        }
        if headers.len() > MAX_HEADERS {
            let message = format!("{} headers, and a match of a route takes {MAX_HEADERS}", headers.len());
            let finding = Finding::new(code!("too-many-headers"), message).at(pattern.place);
            return Err(Box::new(finding.help("use fewer headers in one match")));
        }
        let any = || vec![Sense { word: PathWord::Any, language: Language::any(Domain::Path) }];
        let paths = pattern.path.as_ref().map_or_else(|| Ok(any()), path_senses)?;
        Ok((!paths.is_empty()).then_some((paths, headers)))
    }

    /// Which side of a condition on the host was accepted.
    fn host(&mut self, permission: &Permission<'_>, header: &HeaderPattern) -> Result<Side, Box<Finding>> {
        let other = if header.language.matches("other.example") { "another.example" } else { "other.example" };
        let own = header.language.shortest().unwrap_or_default();
        let loss = Loss {
            what: format!("header `{}` `{}`", header.name, header.expression),
            place: header.place,
            wider: Some(Nearest { says: "any host".into(), witness: format!("a request with `host: {other}`") }),
            narrower: Some(Nearest { says: "no host".into(), witness: format!("a request with `host: {own}`") }),
        };
        let Some(object) = self.object_id(permission) else {
            return Err(Box::new(Finding::new(code!("header-host"), "a condition on the host").at(header.place)));
        };
        let (side, finding) = self.around.settings.decide(&loss, object, self.around.profile)?;
        self.tell(permission, finding);
        Ok(side)
    }

    fn udp(&mut self, permission: &Permission<'_>) {
        for &number in &permission.udp {
            let loss = Loss {
                what: format!("UDP port {number}"),
                place: permission.place,
                wider: Some(Nearest {
                    says: "every caller: UDP does not pass the proxy".into(),
                    witness: format!("a datagram to {number} from whomever no grant names"),
                }),
                narrower: None,
            };
            let Some(object) = self.object_id(permission) else { continue };
            match self.around.settings.decide(&loss, object, self.around.profile) {
                Ok((_, finding)) => self.tell(permission, finding),
                Err(finding) => self.refuse(permission, *finding),
            }
        }
    }

    /// Who a permission lets in; none where Linkerd cannot name one of them.
    fn callers_of(&mut self, permission: &Permission<'_>) -> Option<Callers> {
        let mut known = BTreeSet::new();
        let mut whole = true;
        for (source, place) in &permission.sources {
            match self.source(source, *place) {
                Ok(told) => {
                    if let Some(finding) = told {
                        self.tell(permission, finding);
                    }
                    known.insert(source.clone());
                }
                Err(finding) => {
                    whole = false;
                    self.refuse(permission, *finding);
                }
            }
        }
        // Nobody would be written as an empty list, which lets everyone in.
        (whole && !known.is_empty()).then_some(Callers::Known(known))
    }

    fn source(&self, source: &Principal, place: Place) -> Result<Option<Finding>, Box<Finding>> {
        match source {
            Principal::Account(Account { namespace: Some(_), name: _ }) => Ok(None),
            Principal::Account(Account { namespace: None, name }) => {
                let message = format!("the namespace of ServiceAccount `{name}` is not known");
                let finding = Finding::new(code!("linkerd-source-namespace"), message).at(place);
                Err(Box::new(finding.help("write `namespace` beside the name of the source")))
            }
            Principal::Spiffe(id) if self.reaches(SPIFFE_SINCE) => {
                let message = format!("only a caller that shows `{id}` itself is let in");
                Ok(Some(
                    Finding::new(code!("linkerd-spiffe-source"), message)
                        .at(place)
                        .note("a pod of the mesh shows the DNS name of its ServiceAccount, never a SPIFFE ID; a workload outside of the cluster may show one")
                        .help("name the ServiceAccount if the caller is a pod"),
                ))
            }
            Principal::Spiffe(id) => {
                let message = format!("{} does not read the SPIFFE ID `{id}`", self.around.profile.title());
                let finding = Finding::new(code!("linkerd-too-old"), message).at(place);
                Err(Box::new(finding.help(format!("name the ServiceAccount, or convert for {SPIFFE_SINCE} or later"))))
            }
            Principal::Pods { .. } => {
                let finding =
                    Finding::new(code!("linkerd-source-pods"), "a source that is named by the labels of its pods")
                        .at(place);
                Err(Box::new(finding.help("name the ServiceAccount that the pods run as")))
            }
        }
    }

    fn undeclared(&mut self, workloads: &Workloads) {
        if workloads.ports_complete {
            return;
        }
        let Some(permission) = self.closure.permissions.iter().find(|permission| permission.object.is_some()) else {
            return;
        };
        let labels: Vec<String> = workloads.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let namespace = &self.closure.namespace;
        let message = format!(
            "the pods with {} may listen on ports that nothing declares, and no Server covers those",
            labels.join(",")
        );
        let mut finding = Finding::new(code!("linkerd-undeclared-ports"), message)
            .at(permission.place)
            .note("such a port takes what `config.linkerd.io/default-inbound-policy` says, by default every caller; SMI let in none but those that were granted every port");
        if self.closure.permissions.iter().any(|permission| permission.every_port) {
            finding = finding.note("a grant of this destination is for every port: with `deny`, its callers do not reach the undeclared ones either");
        }
        let help = format!(
            "declare all ports in the containers; or deny the rest, which holds for pods that start after it:\n`{}`",
            deny_command(namespace)
        );
        self.tell(permission, finding.help(help));
    }

    fn tangled(&mut self, port: &Port, tangle: &Tangle) {
        let closure = self.closure;
        let asks = |permission: &&Permission<'_>| {
            permission.object.is_some() && matches!(asked(permission, port), Asked::Requests(_))
        };
        let Some(permission) = closure.permissions.iter().find(asks) else { return };
        let why = match tangle {
            Tangle::Values(what) => {
                format!("{what} on which they differ cannot be told apart by an expression that is short enough")
            }
            Tangle::Conditions => "their conditions on methods and headers combine to too many".to_owned(),
            Tangle::Headers => {
                format!("together they have more than the {MAX_HEADERS} headers that a match of a route takes")
            }
        };
        let message =
            format!("grants for port {} overlap, and no set of routes lets in the callers of all", port.number);
        let finding = Finding::new(code!("linkerd-routes-tangled"), message)
            .at(permission.place)
            .note(
                "Linkerd asks one route alone who may use it: where grants overlap, it has to name the callers of all",
            )
            .note(why);
        self.refuse(permission, finding.help("give the grants the same sources, or write paths that do not overlap"));
    }

    // --- what is written ---

    fn server_name(&mut self, base: &str, port: u16) -> String {
        self.names.give("Server", &self.closure.namespace, &format!("{base}-{port}"))
    }

    /// Everything of a port but its Server.
    fn objects(&mut self, server: &str, port: &Port, plan: &Plan) -> Vec<Manifest> {
        match plan {
            Plan::Nobody => Vec::new(),
            Plan::Server(callers) => {
                let from = self.from(port, callers);
                self.lets_in(callers, server, (GROUP, "Server", server), &from)
            }
            Plan::Routes(groups) => {
                let mut objects = Vec::new();
                let mut number = 0;
                for (callers, matches) in groups {
                    let from = self.from(port, callers);
                    let wanted = match callers {
                        Callers::Anyone => format!("{server}-probes"),
                        Callers::Known(_) => {
                            number += 1;
                            format!("{server}-{number}")
                        }
                    };
                    objects.extend(self.routes(server, &wanted, callers, matches, &from));
                }
                objects
            }
        }
    }

    /// The routes of one set of callers, as many as the limits make, and who may use them.
    fn routes(
        &mut self,
        server: &str,
        wanted: &str,
        callers: &Callers,
        matches: &[Match],
        from: &[ObjectId],
    ) -> Vec<Manifest> {
        let Some(api_version) = self.api_version("HTTPRoute") else { return Vec::new() };
        let Some(limits) = self.around.profile.limits(RouteKind::HTTPRoute) else { return Vec::new() };
        let mut objects = Vec::new();
        let parts = parts(matches, limits);
        for (index, rules) in parts.iter().enumerate() {
            let wanted = if parts.len() == 1 { wanted.to_owned() } else { format!("{wanted}-{:02}", index + 1) };
            let name = self.names.give("HTTPRoute", &self.closure.namespace, &wanted);
            let rules: Vec<Value> = rules
                .iter()
                .map(|matches| json!({ "matches": matches.iter().map(match_value).collect::<Vec<_>>() }))
                .collect();
            let spec = json!({ "parentRefs": [{ "group": GROUP, "kind": "Server", "name": server }], "rules": rules });
            objects.push(self.manifest(&api_version, "HTTPRoute", &name, from, &spec).with(Effect::Supports));
            objects.extend(self.lets_in(callers, &name, (ROUTE_GROUP, "HTTPRoute", &name), from));
        }
        objects
    }

    /// Takes the requests that no route takes: a Server with routes answers those with 404, even if it only audits.
    fn rest_route(&mut self, server: &str) -> Option<Manifest> {
        let api_version = self.api_version("HTTPRoute")?;
        let name = self.names.give("HTTPRoute", &self.closure.namespace, &format!("{server}-rest"));
        let spec = json!({
            "parentRefs": [{ "group": GROUP, "kind": "Server", "name": server }],
            "rules": [{ "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }] }],
        });
        Some(self.manifest(&api_version, "HTTPRoute", &name, &self.all_from(), &spec).with(Effect::Supports))
    }

    /// Lets `callers` use `target`: who they are, and the policies that say so, one for each kind of name.
    fn lets_in(
        &mut self,
        callers: &Callers,
        wanted: &str,
        target: (&str, &str, &str),
        from: &[ObjectId],
    ) -> Vec<Manifest> {
        let mut ways: Vec<(&str, Value)> = Vec::new();
        match callers {
            Callers::Anyone => {
                ways.push((
                    "NetworkAuthentication",
                    json!({ "networks": [{ "cidr": "0.0.0.0/0" }, { "cidr": "::/0" }] }),
                ));
            }
            Callers::Known(known) => {
                let account = |source: &Principal| match source {
                    Principal::Account(Account { namespace, name }) => {
                        Some(json!({ "kind": "ServiceAccount", "name": name, "namespace": namespace }))
                    }
                    Principal::Spiffe(_) | Principal::Pods { .. } => None,
                };
                let accounts: Vec<Value> = known.iter().filter_map(account).collect();
                let spiffe = |source: &Principal| match source {
                    Principal::Spiffe(id) => Some(json!(id)),
                    Principal::Account(_) | Principal::Pods { .. } => None,
                };
                let ids: Vec<Value> = known.iter().filter_map(spiffe).collect();
                if !accounts.is_empty() {
                    ways.push(("MeshTLSAuthentication", json!({ "identityRefs": accounts })));
                }
                if !ids.is_empty() {
                    ways.push(("MeshTLSAuthentication", json!({ "identities": ids })));
                }
            }
        }
        let several = ways.len() > 1;
        let mut objects = Vec::new();
        for (kind, spec) in ways {
            let wanted = if several && spec.get("identities").is_some() {
                format!("{wanted}-spiffe")
            } else {
                wanted.to_owned()
            };
            let (Some(authentication), Some(policy)) =
                (self.api_version(kind), self.api_version("AuthorizationPolicy"))
            else {
                continue;
            };
            let who = self.names.give(kind, &self.closure.namespace, &wanted);
            let name = self.names.give("AuthorizationPolicy", &self.closure.namespace, &wanted);
            let (group, target_kind, target_name) = target;
            let policy_spec = json!({
                "targetRef": { "group": group, "kind": target_kind, "name": target_name },
                "requiredAuthenticationRefs": [{ "group": GROUP, "kind": kind, "name": who }],
            });
            objects.push(self.manifest(&authentication, kind, &who, from, &spec).with(Effect::Supports));
            objects
                .push(self.manifest(&policy, "AuthorizationPolicy", &name, from, &policy_spec).with(Effect::Supports));
        }
        objects
    }

    /// The Server; none where it should audit and this version cannot.
    fn server(&self, name: &str, workloads: &Workloads, port: &Port, audit: bool) -> Option<Manifest> {
        let api_version = self.api_version("Server")?;
        let has_access_policy = api_version.ends_with("/v1beta3");
        if audit && !has_access_policy {
            return None;
        }
        // A port with an httpGet probe speaks HTTP, whatever else it was taken for; as opaque it would deny the kubelet.
        let opaque = port.protocol == PortProtocol::Opaque && port.checks.iter().all(|check| check.request().is_none());
        let mut spec = json!({
            "podSelector": { "matchLabels": workloads.labels },
            "port": port.number,
            "proxyProtocol": if opaque { "opaque" } else { "unknown" },
        });
        if has_access_policy {
            spec["accessPolicy"] = json!(if audit { "audit" } else { "deny" });
        }
        let effect = if audit { Effect::Audits } else { Effect::Enforces };
        Some(self.manifest(&api_version, "Server", name, &self.all_from(), &spec).with(effect))
    }

    fn manifest(&self, api_version: &str, kind: &str, name: &str, from: &[ObjectId], spec: &Value) -> Manifest {
        let metadata = Metadata {
            namespace: Some(self.closure.namespace.clone()),
            name: name.to_owned(),
            from: from.to_vec(),
            ..Metadata::default()
        };
        manifest(api_version, kind, metadata, spec)
    }

    /// What says that `callers` are let in on a port.
    fn from(&self, port: &Port, callers: &Callers) -> Vec<ObjectId> {
        let permissions = self.closure.permissions.iter().zip(&self.callers);
        let says = |(permission, own): &(&Permission<'a>, &Option<Callers>)| {
            !matches!(asked(permission, port), Asked::Nothing)
                && own.as_ref().is_some_and(|own| match (own, callers) {
                    (Callers::Known(own), Callers::Known(callers)) => !own.is_disjoint(callers),
                    (Callers::Anyone, _) | (_, Callers::Anyone) => true,
                })
        };
        let said: Vec<ObjectId> =
            permissions.filter(says).flat_map(|(permission, _)| permission.from.iter().copied().cloned()).collect();
        // What is there for the kubelet alone is there because of all grants.
        if said.is_empty() { self.all_from() } else { said }
    }

    fn all_from(&self) -> Vec<ObjectId> {
        self.closure.permissions.iter().flat_map(|permission| permission.from.iter().copied().cloned()).collect()
    }

    // --- the table, and who is told ---

    fn api_version(&self, kind: &str) -> Option<String> {
        let kinds = &self.around.profile.target.policy.as_ref()?.kinds;
        let row = newest(kinds.get(kind)?, &self.around.profile.version, |row| &row.since)?;
        Some(row.api_version.clone())
    }

    fn reaches(&self, version: &str) -> bool {
        crate::mappings::numbers(&self.around.profile.version)
            .is_some_and(|numbers| crate::mappings::reaches(&numbers, version))
    }

    fn object_id(&self, permission: &Permission<'a>) -> Option<&'a ObjectId> {
        permission
            .from
            .iter()
            .copied()
            .find(|id| id.kind == "TrafficTarget")
            .or_else(|| permission.from.first().copied())
    }

    /// The object that a finding about `permission` is about: its own, else one that it takes effect with.
    fn object(&self, permission: &Permission<'_>) -> Option<usize> {
        permission.object.or_else(|| self.closure.permissions.iter().find_map(|permission| permission.object))
    }

    fn refuse(&mut self, permission: &Permission<'_>, finding: Finding) {
        let refusal = (self.object(permission).unwrap_or_default(), finding);
        if !self.written.refusals.contains(&refusal) {
            self.written.refusals.push(refusal);
        }
    }

    fn tell(&mut self, permission: &Permission<'_>, finding: Finding) {
        let told = (self.object(permission).unwrap_or_default(), finding);
        if !self.written.findings.contains(&told) {
            self.written.findings.push(told);
        }
    }
}

// --- what a permission asks for ---

/// What a permission asks for on a port.
enum Asked<'p> {
    Nothing,
    Everything,
    Requests(&'p [RequestPattern]),
}

fn asked<'p>(permission: &'p Permission<'_>, port: &Port) -> Asked<'p> {
    match port.protocol {
        PortProtocol::Http => match permission.http.get(&port.number) {
            None => Asked::Nothing,
            Some(requests) if requests.is_none() => Asked::Nothing,
            Some(requests) if is_everything(requests) => Asked::Everything,
            Some(Requests::Any(patterns)) => Asked::Requests(patterns),
            Some(Requests::Every) => Asked::Everything,
        },
        PortProtocol::Opaque if permission.opaque.contains(&port.number) => Asked::Everything,
        PortProtocol::Opaque | PortProtocol::Udp => Asked::Nothing,
    }
}

fn is_everything(requests: &Requests) -> bool {
    match requests {
        Requests::Every => true,
        Requests::Any(patterns) => patterns.iter().any(RequestPattern::is_everything),
    }
}

// --- words ---

type Words = (Vec<Sense<PathWord>>, BTreeMap<String, Sense<HeaderWord>>);

fn path_senses(path: &PathPattern) -> Result<Vec<Sense<PathWord>>, Box<Finding>> {
    let same = |word| vec![Sense { word, language: path.language.clone() }];
    Ok(match lower_path(&path.language) {
        PathLowering::Any => same(PathWord::Any),
        PathLowering::Never => Vec::new(),
        PathLowering::Exact(values) => values
            .into_iter()
            .map(|value| {
                let language =
                    Language::exact(Domain::Path, &value).map_err(|_| too_long(&path.expression, path.place))?;
                Ok(Sense { word: PathWord::Exact(value), language })
            })
            .collect::<Result<_, Box<Finding>>>()?,
        PathLowering::Prefix(prefix) => same(PathWord::Prefix(prefix)),
        PathLowering::Regex => {
            same(PathWord::Regex(expression(&path.language, &path.expression, path.anchoring, path.place)?))
        }
    })
}

/// A header's value in the words of a match; none where it has none.
fn header_sense(header: &HeaderPattern) -> Result<Option<Sense<HeaderWord>>, Box<Finding>> {
    let language = header.language.clone();
    let word = match lower_header(&language) {
        HeaderLowering::Never => return Ok(None),
        HeaderLowering::Exact(mut values) if values.len() == 1 => HeaderWord::Exact(values.remove(0)),
        HeaderLowering::Any | HeaderLowering::Exact(_) | HeaderLowering::Regex => {
            HeaderWord::Regex(expression(&language, &header.expression, header.anchoring, header.place)?)
        }
    };
    Ok(Some(Sense { word, language }))
}

/// The expression that Linkerd reads as `language`: as it was written where that can be, else spelled out.
fn expression(language: &Language, written: &str, anchoring: Anchoring, place: Place) -> Result<String, Box<Finding>> {
    portable(language.domain(), written, anchoring)
        .ok()
        .or_else(|| spell(&[language], |inside| inside[0]).map(|spelled| spelled.expression))
        .ok_or_else(|| too_long(written, place))
}

fn too_long(written: &str, place: Place) -> Box<Finding> {
    let message = format!("`{written}` cannot be written as an expression of a route");
    Box::new(Finding::new(code!("regex-too-long"), message).at(place).help("write it as several smaller matches"))
}

fn match_value(one: &Match) -> Value {
    let (kind, value) = match &one.path {
        PathWord::Any => ("PathPrefix", "/"),
        PathWord::Exact(value) => ("Exact", value.as_str()),
        PathWord::Prefix(value) => ("PathPrefix", value.as_str()),
        PathWord::Regex(value) => ("RegularExpression", value.as_str()),
    };
    let mut written = json!({ "path": { "type": kind, "value": value } });
    if !one.headers.is_empty() {
        let headers: Vec<Value> = one
            .headers
            .iter()
            .map(|(name, word)| match word {
                HeaderWord::Exact(value) => json!({ "name": name, "type": "Exact", "value": value }),
                HeaderWord::Regex(value) => json!({ "name": name, "type": "RegularExpression", "value": value }),
            })
            .collect();
        written["headers"] = json!(headers);
    }
    if let Some(method) = one.method {
        written["method"] = json!(method);
    }
    written
}

/// Matches in rules, and rules in routes, that keep the limits.
fn parts<'m>(matches: &'m [Match], limits: &Limits) -> Vec<Vec<&'m [Match]>> {
    let per_rule = limits.matches_per_rule.unwrap_or(usize::MAX).max(1);
    let per_route = limits.matches_per_route.unwrap_or(usize::MAX).min(limits.rules.saturating_mul(per_rule)).max(1);
    matches.chunks(per_route).map(|part| part.chunks(per_rule).collect()).collect()
}
