//! Istio with sidecars: AuthorizationPolicy on the pods.
//!
//! The sidecar of a pod reads every policy whose selector fits the pod, and adds up what they allow; the first of them
//! denies the rest, on every port. So each TrafficTarget becomes policies of its own, and overlaps cost nothing. Ports are
//! those that the pods listen on. Probes come to the agent, not to the port (the injector rewrites them), and go on.
//!
//! Read in istio/istio@1.31.0-rc.0: `pilot/pkg/security/authz/{builder,model,matcher}`,
//! `pilot/pkg/model/policyattachment.go`, `pkg/config/validation/validation.go`. What must not come in: waypoints.

use std::collections::{BTreeMap, BTreeSet};

use super::istio_rules::{
    Allowed, Names, Notes, Ports, Rule, Speaker, Spec, base_name, dry_run, in_policies, object_of, selector, signature,
};
use super::{Policy, in_namespaces, ports_unknown};
use crate::access::{Around, Closed, Closure, Permission, PodPort, PortProtocol, Rest, Workloads, Written};
use crate::code;
use crate::manifest::{Effect, Manifest, Metadata, manifest};
use crate::model::grant::Requests;
use crate::report::Finding;

/// What denies a namespace by default.
pub(super) const ALLOW_NOTHING: &str = "allow-nothing";

/// Policy of Istio with sidecars.
pub(super) struct Sidecar;

impl Policy for Sidecar {
    fn write(&self, closures: &[Closure<'_>], around: Around<'_>) -> Vec<Written> {
        let Some(speaker) = Speaker::new(around) else { return not_served(closures, around) };
        in_namespaces(closures, |own| {
            let mut names = reserved(own.iter().copied());
            own.iter().map(|closure| written(closure, speaker, &mut names)).collect()
        })
    }

    fn default_deny(&self, rest: &Rest<'_>, around: Around<'_>) -> Closed {
        default_deny(rest, around, |_| true)
    }
}

/// The answer of a version without the kind of policy that is written.
pub(super) fn not_served(closures: &[Closure<'_>], around: Around<'_>) -> Vec<Written> {
    let refused = |closure: &Closure<'_>| {
        let message = format!("{} does not serve AuthorizationPolicy as it is written", around.profile.title());
        let mut finding = Finding::new(code!("policy-not-served"), message).help("name a later version with `--to`");
        let first = closure.permissions.first();
        finding.place = first.map(|first| first.place);
        let object = first.map_or(0, |first| object_of(first, closure));
        Written { refusals: vec![(object, finding)], ..Written::default() }
    };
    closures.iter().map(refused).collect()
}

/// The policy that allows nothing in a namespace; none in the one where it would hold for the whole mesh.
pub(super) fn default_deny(rest: &Rest<'_>, around: Around<'_>, has_audit: impl Fn(&Manifest) -> bool) -> Closed {
    let Some(speaker) = Speaker::new(around).filter(|speaker| !speaker.is_root(rest.namespace)) else {
        return Closed::default();
    };
    let metadata =
        Metadata { namespace: Some(rest.namespace.to_owned()), name: ALLOW_NOTHING.to_owned(), ..Metadata::default() };
    let deny = manifest(speaker.api_version, super::istio_rules::KIND, metadata, &Spec::default());
    let deny = if rest.reports { Some(&deny).filter(|deny| has_audit(deny)).map(dry_run) } else { Some(deny) };
    Closed { manifests: deny.into_iter().collect(), findings: Vec::new() }
}

/// Names that nothing of a closure may have.
pub(super) fn reserved<'c>(closures: impl Iterator<Item = &'c Closure<'c>>) -> Names {
    let mut names = Names::default();
    let namespaces: BTreeSet<&str> = closures.map(|closure| closure.namespace.as_str()).collect();
    for namespace in namespaces {
        names.take(namespace, ALLOW_NOTHING);
    }
    names
}

fn written(closure: &Closure<'_>, speaker: Speaker<'_>, names: &mut Names) -> Written {
    let mut notes = Notes::default();
    notes.refusals.extend(refused_as_a_whole(closure, speaker));
    let mut manifests = Vec::new();
    let mut selected = vec![false; closure.workloads.len()];
    for permission in &closure.permissions {
        let object = object_of(permission, closure);
        let principals = speaker.principals(permission, object, &mut notes);
        udp(permission, object, speaker, &mut notes);
        if principals.is_empty() {
            continue;
        }
        let mut parts: Vec<(usize, Vec<Rule>)> = Vec::new();
        let mut phrases = Phrases::default();
        for (index, workloads) in closure.workloads.iter().enumerate() {
            let allowed = allowed(permission, object, workloads, closure, speaker, &mut phrases, &mut notes);
            let rules = allowed.rules(&principals);
            if !rules.is_empty() {
                selected[index] = true;
                parts.extend(in_policies(rules).into_iter().map(|rules| (index, rules)));
            }
        }
        let base = base_name(permission, closure);
        let count = parts.len();
        for (number, (index, rules)) in parts.into_iter().enumerate() {
            let wanted = if count == 1 { base.clone() } else { format!("{base}-{}", number + 1) };
            let name = names.take(&closure.namespace, &wanted);
            manifests.push(speaker.policy(
                &closure.namespace,
                &name,
                &permission.from,
                &spec(&closure.workloads[index], rules),
            ));
        }
    }
    let origins: Vec<_> = closure.permissions.iter().flat_map(|permission| permission.from.iter().copied()).collect();
    let bare: Vec<usize> = (0..selected.len()).filter(|&index| !selected[index]).collect();
    for (number, &index) in bare.iter().enumerate() {
        let base = format!("{}-allow-nothing", closure.account);
        let wanted = if bare.len() == 1 { base } else { format!("{base}-{}", number + 1) };
        let name = names.take(&closure.namespace, &wanted);
        manifests.push(speaker.policy(
            &closure.namespace,
            &name,
            &origins,
            &spec(&closure.workloads[index], Vec::new()),
        ));
    }
    finished(closure, manifests, notes, |_| true)
}

/// What a closure comes to: policy where nothing holds it, the form that only reports beside it.
pub(super) fn finished(
    closure: &Closure<'_>,
    manifests: Vec<Manifest>,
    notes: Notes,
    has_audit: impl Fn(&Manifest) -> bool,
) -> Written {
    let Notes { refusals, findings } = notes;
    if refusals.is_empty() && !closure.held {
        return Written { manifests, audit: Vec::new(), refusals, findings };
    }
    Written { manifests: Vec::new(), audit: audited(&manifests, has_audit), refusals, findings }
}

/// The form of `manifests` that only reports, with what it needs to be read at all.
pub(super) fn audited(manifests: &[Manifest], has_audit: impl Fn(&Manifest) -> bool) -> Vec<Manifest> {
    let form = |manifest: &Manifest| match manifest.effect {
        Effect::Enforces => has_audit(manifest).then(|| dry_run(manifest)),
        Effect::Supports => Some(manifest.clone()),
        Effect::Routes | Effect::Audits | Effect::DeniesByDefault => None,
    };
    let all: Vec<Manifest> = manifests.iter().filter_map(form).collect();
    if all.iter().any(|manifest| manifest.effect == Effect::Audits) { all } else { Vec::new() }
}

fn spec(workloads: &Workloads, rules: Vec<Rule>) -> Spec {
    Spec { target_refs: Vec::new(), selector: Some(selector(workloads)), action: Some("ALLOW"), rules }
}

/// What keeps any policy from being written for a closure.
pub(super) fn refused_as_a_whole(closure: &Closure<'_>, speaker: Speaker<'_>) -> Vec<(usize, Finding)> {
    let Some(first) = closure.permissions.first() else { return Vec::new() };
    let object = object_of(first, closure);
    let mut refusals = Vec::new();
    if speaker.is_root(&closure.namespace) {
        let message = format!("a policy in `{}` holds for pods of every namespace", closure.namespace);
        let finding = Finding::new(code!("policy-in-root-namespace"), message)
            .at(first.place)
            .help("move the workload to a namespace of its own");
        refusals.push((object, finding));
    }
    if closure.workloads.iter().any(|workloads| workloads.labels.is_empty()) {
        let message = format!(
            "the pods of `{}` carry no labels, and {} selects by them",
            closure.account,
            speaker.around.profile.title()
        );
        let finding = Finding::new(code!("workload-without-labels"), message)
            .at(first.place)
            .help("give the pod template a label of its own");
        refusals.push((object, finding));
    }
    refusals
}

/// UDP does not go through the mesh, so policy neither allows nor denies it.
pub(super) fn udp(permission: &Permission<'_>, object: usize, speaker: Speaker<'_>, notes: &mut Notes) {
    if permission.udp.is_empty() {
        return;
    }
    let ports: Vec<String> = permission.udp.iter().map(ToString::to_string).collect();
    let message = format!("{} does not see UDP (port {})", speaker.around.profile.title(), ports.join(", "));
    let finding = Finding::new(code!("udp-not-covered"), message)
        .at(permission.place)
        .note("everyone who reaches the pod can send datagrams to it, whatever policy says")
        .help("take the UDPRoute out of the grant, and say it in a NetworkPolicy");
    notes.refusals.push((object, finding));
}

/// Phrases of one permission by the words of its requests, so that each loss is decided once.
#[derive(Default)]
pub(super) struct Phrases {
    known: BTreeMap<String, Option<Vec<super::istio_rules::Phrase>>>,
}

// === impl Phrases ===

impl Phrases {
    /// The phrases of `requests`; none where all requests are meant.
    pub fn of(
        &mut self,
        requests: &Requests,
        permission: &Permission<'_>,
        object: usize,
        speaker: Speaker<'_>,
        notes: &mut Notes,
    ) -> Option<Vec<super::istio_rules::Phrase>> {
        let key = signature(requests)?;
        let phrases = self.known.entry(key).or_insert_with(|| speaker.phrases(requests, permission, object, notes));
        phrases.clone()
    }
}

/// What a permission allows on the pods of one label set, by pod ports.
fn allowed(
    permission: &Permission<'_>,
    object: usize,
    workloads: &Workloads,
    closure: &Closure<'_>,
    speaker: Speaker<'_>,
    phrases: &mut Phrases,
    notes: &mut Notes,
) -> Allowed {
    let ports = ByPort::of(permission, workloads);
    notes.refusals.extend(ports.refusals(permission, object, workloads, closure, speaker));
    notes.findings.extend(ports.findings(permission, object, workloads, closure, speaker));
    let beyond = ports.beyond(permission, workloads);
    let declared = |numbers: &BTreeSet<u16>| Ports::Only(numbers.clone());
    let mut allowed = Allowed::default();
    for (numbers, requests) in ports.some.values() {
        let said = phrases.of(requests, permission, object, speaker, notes);
        let numbers = if beyond == Beyond::Requests { ports.but_opaque() } else { declared(numbers) };
        allowed.phrases.extend(said.map(|said| (numbers, said)));
    }
    allowed.anything = Some(if beyond == Beyond::Anything { Ports::Every } else { declared(&ports.anything) });
    if beyond == Beyond::Requests && ports.some.is_empty() {
        allowed.requests = Some(Ports::Except(ports.declared.clone()));
    }
    allowed
}

/// The ports of one label set by what a permission allows on them.
#[derive(Debug, Default)]
pub(super) struct ByPort<'p> {
    /// Anything: all requests on ports that speak HTTP, all connections on the others.
    pub anything: BTreeSet<u16>,
    /// Some requests, by what they are.
    pub some: BTreeMap<String, (BTreeSet<u16>, &'p Requests)>,
    /// Ports of which nobody says whether they speak HTTP, and both answers matter.
    pub unknown: BTreeSet<u16>,
    /// Ports that speak HTTP.
    pub http: BTreeMap<u16, &'p PodPort>,
    /// Ports that do not.
    pub opaque: BTreeMap<u16, &'p PodPort>,
    /// All TCP ports that something declares.
    pub declared: BTreeSet<u16>,
}

/// What a permission allows on ports that nothing declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    /// It names its ports, or there are no others.
    Nothing,
    /// Everything.
    Anything,
    /// The requests that it allows elsewhere, and no other connections.
    Requests,
    /// Nobody can say.
    Unknown,
}

// === impl ByPort ===

impl<'p> ByPort<'p> {
    pub fn of(permission: &'p Permission<'_>, workloads: &'p Workloads) -> Self {
        let mut ports = Self::default();
        for port in &workloads.ports {
            match port.protocol {
                PortProtocol::Udp => continue,
                PortProtocol::Http => ports.http.insert(port.number, port),
                PortProtocol::Opaque => ports.opaque.insert(port.number, port),
            };
            ports.declared.insert(port.number);
        }
        for (&number, requests) in permission.http.iter().filter(|(number, _)| !ports.opaque.contains_key(number)) {
            match signature(requests) {
                None => {
                    ports.anything.insert(number);
                }
                Some(key) => {
                    if permission.opaque.contains(&number) && !ports.http.contains_key(&number) {
                        ports.unknown.insert(number);
                    }
                    ports.some.entry(key).or_insert_with(|| (BTreeSet::new(), requests)).0.insert(number);
                }
            }
        }
        let spoken = |number: &u16| permission.http.contains_key(number) && !ports.opaque.contains_key(number);
        let opaque = permission.opaque.iter().filter(|number| !ports.http.contains_key(number) && !spoken(number));
        let opaque: Vec<u16> = opaque.copied().collect();
        ports.anything.extend(opaque);
        ports
    }

    fn beyond(&self, permission: &Permission<'_>, workloads: &Workloads) -> Beyond {
        if !permission.every_port || workloads.ports_complete {
            return Beyond::Nothing;
        }
        let everywhere = |ports: &BTreeMap<u16, &PodPort>, allowed: &BTreeSet<u16>| {
            !ports.is_empty() && ports.keys().all(|number| allowed.contains(number))
        };
        let one = self.some.values().next().filter(|_| self.some.len() == 1);
        if everywhere(&self.http, &self.anything) {
            if everywhere(&self.opaque, &self.anything) { Beyond::Anything } else { Beyond::Requests }
        } else if one.is_some_and(|(numbers, _)| everywhere(&self.http, numbers)) {
            Beyond::Requests
        } else if self.declared.is_empty() {
            Beyond::Unknown
        } else {
            Beyond::Nothing
        }
    }

    /// Whether everything is allowed on every port, also on those that nothing declares.
    pub fn opens_all(&self, permission: &Permission<'_>, workloads: &Workloads) -> bool {
        self.beyond(permission, workloads) == Beyond::Anything
    }

    /// Every port but those that do not speak HTTP.
    fn but_opaque(&self) -> Ports {
        let opaque: BTreeSet<u16> = self.opaque.keys().copied().collect();
        if opaque.is_empty() { Ports::Every } else { Ports::Except(opaque) }
    }

    /// What cannot be said of these ports.
    pub fn refusals(
        &self,
        permission: &Permission<'_>,
        object: usize,
        workloads: &Workloads,
        closure: &Closure<'_>,
        speaker: Speaker<'_>,
    ) -> Vec<(usize, Finding)> {
        let mut refusals = Vec::new();
        if self.beyond(permission, workloads) == Beyond::Unknown {
            refusals.push((object, ports_unknown(permission, closure)));
        }
        for number in &self.unknown {
            refusals.push((object, protocol_unknown(*number, permission)));
        }
        for number in self.some.values().flat_map(|(numbers, _)| numbers) {
            let Some(port) = self.http.get(number) else { continue };
            if let Some(why) = speaker.read_as_tcp(&closure.namespace, &port.services) {
                refusals.push((object, read_as_tcp(*number, &why, permission, speaker)));
            }
        }
        refusals
    }

    /// What a person should know of these ports.
    pub fn findings(
        &self,
        permission: &Permission<'_>,
        object: usize,
        workloads: &Workloads,
        closure: &Closure<'_>,
        speaker: Speaker<'_>,
    ) -> Vec<(usize, Finding)> {
        let mut findings = Vec::new();
        for (number, port) in self.opaque.iter().filter(|(number, _)| self.anything.contains(number)) {
            if let Some(why) = speaker.read_as_http(&closure.namespace, &port.services) {
                findings.push((object, read_as_http(*number, &why, permission, speaker)));
            }
        }
        if self.beyond(permission, workloads) != Beyond::Anything && permission.every_port && !workloads.ports_complete
        {
            findings.push((object, undeclared(permission, closure)));
        }
        findings
    }
}

// --- findings ---

fn protocol_unknown(number: u16, permission: &Permission<'_>) -> Finding {
    Finding::new(code!("port-protocol-unknown"), format!("nothing says whether port {number} speaks HTTP"))
        .at(permission.place)
        .note("the grant allows some requests there, and any connection if it does not speak HTTP")
        .help("declare the port in the Service that selects the pods, with `appProtocol`")
}

pub(super) fn read_as_tcp(number: u16, why: &str, permission: &Permission<'_>, speaker: Speaker<'_>) -> Finding {
    let title = speaker.around.profile.title();
    let message = format!("{title} does not read port {number} as HTTP, and the grant allows only some requests");
    Finding::new(code!("port-read-as-tcp"), message)
        .at(permission.place)
        .note(format!("{why}; a rule about requests allows nothing there"))
        .help("set `appProtocol: http` on that port of the Service")
}

fn read_as_http(number: u16, why: &str, permission: &Permission<'_>, speaker: Speaker<'_>) -> Finding {
    let title = speaker.around.profile.title();
    let message = format!("{title} reads port {number} as HTTP, and the source mesh did not");
    Finding::new(code!("port-read-as-http"), message)
        .at(permission.place)
        .note(format!("{why}; connections that are not HTTP fail there, whatever policy says"))
        .help("set `appProtocol: tcp` on that port of the Service, if it does not speak HTTP")
}

fn undeclared(permission: &Permission<'_>, closure: &Closure<'_>) -> Finding {
    let message = format!("the pods of `{}` may listen on ports that nothing declares", closure.account);
    Finding::new(code!("ports-undeclared"), message)
        .at(permission.place)
        .note("the grant names no port; there it is read as for requests only, like on the ports that speak HTTP")
        .help("declare the ports of every container")
}
