//! From a ServiceAccount to its pods: by which labels they are selected, and where they listen.
//!
//! Policies of most meshes select pods by labels, while SMI names an account. Labels are taken only where they select pods
//! of this account and no others, as far as every workload of the namespace is known; otherwise the destination is refused
//! and nothing is guessed.

use std::collections::{BTreeMap, BTreeSet};

use super::{PodPort, PortProtocol, Workloads};
use crate::code;
use crate::convert::ports::{self, Protocol};
use crate::inventory::{ContainerPort, Inventory, Port, Service, Transport, Unread, Workload};
use crate::mappings::ProtocolReading;
use crate::place::Place;
use crate::report::Finding;

/// Labels that change with every version of a workload, or that a controller writes: kubernetes@v1.35
/// `pkg/apis/apps/types.go`, `pkg/apis/batch/types.go`; helm.sh/docs/chart_best_practices/labels.
const VOLATILE: &[&str] = &[
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "chart",
    "controller-revision-hash",
    "controller-uid",
    "helm.sh/chart",
    "heritage",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// An account as a destination.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub account: &'a str,
    /// Labels that the user gave for it (`--workload`).
    pub given: Option<&'a BTreeMap<String, String>>,
    /// Where it is written.
    pub place: Place,
    /// How the source mesh told the protocol of a port.
    pub protocol: ProtocolReading,
}

// === impl Destination ===

impl Destination<'_> {
    /// Its pods, by label sets that select no other account's pods.
    ///
    /// # Errors
    /// The finding that says why nobody knows how to select them.
    pub fn workloads(&self, inventory: &Inventory) -> Result<Vec<Workloads>, Box<Finding>> {
        if let Some(unread) = inventory.unreadable(Some(self.namespace)).first() {
            return Err(Box::new(
                self.refusal(code!("workload-unreadable"), format!("{} could not be read", unread.what))
                    .label(unread.place, "this may hold a workload")
                    .note("as long as it is not known, nobody can say which labels select the pods of this account alone")
                    .help(match unread.why {
                        Unread::Unlisted => {
                            "give the rights that `smi2gamma rbac --to TARGET` prints, or read the cluster again when it answers"
                        }
                        Unread::Syntax | Unread::Template | Unread::Shape | Unread::Patch | Unread::Generated => {
                            "render or repair it, or convert what the cluster has: `kubectl get deploy,sts,ds,svc -A -o json > ctx.json`, then `--with ctx.json`"
                        }
                    }),
            ));
        }
        let found = match self.given {
            Some(labels) => inventory.selected_by(Some(self.namespace), labels),
            None => inventory.workloads_of(Some(self.namespace), self.account),
        };
        if let Some(labels) = self.given {
            let own = inventory.workloads_of(Some(self.namespace), self.account);
            if let Some(missed) = own.into_iter().find(|own| !found.iter().any(|one| std::ptr::eq(*one, *own))) {
                return Err(Box::new(self.partial(missed)));
            }
            return Ok(vec![self.set(labels.clone(), &found, inventory)?]);
        }
        if found.is_empty() {
            return Err(Box::new(
                self.refusal(
                    code!("workload-missing"),
                    format!("no workload in the input runs as ServiceAccount `{}`", self.display()),
                )
                .note("the policy of the target selects pods by their labels, and SMI names only the account")
                .help("give the workloads as context: `kubectl get svc,sa,deploy,sts,ds -A -o json > ctx.json`, then `--with ctx.json`; or say the labels of each account with `--workload NAMESPACE/ACCOUNT=KEY=VALUE`"),
            ));
        }
        self.twice(&found)?;
        let mut sets: Vec<(BTreeMap<String, String>, Vec<&Workload>)> = Vec::new();
        for workload in found {
            let labels = self.labels(workload, inventory)?;
            match sets.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, members)) => members.push(workload),
                None => sets.push((labels, vec![workload])),
            }
        }
        self.apart(&mut sets)?;
        sets.into_iter().map(|(labels, members)| self.set(labels, &members, inventory)).collect()
    }

    /// Two different manifests of one workload: nobody knows which one is deployed.
    fn twice(&self, found: &[&Workload]) -> Result<(), Box<Finding>> {
        let mut known: BTreeMap<(&str, &str), &Workload> = BTreeMap::new();
        for workload in found {
            let first = *known.entry((&workload.kind, &workload.name)).or_insert(workload);
            if !first.same_pods(workload) {
                return Err(Box::new(
                    self.refusal(
                        code!("workload-ambiguous"),
                        format!("{} is there twice, with different pods", workload.display()),
                    )
                    .label(first.place, "one of them")
                    .label(workload.place, "the other")
                    .help("convert each environment by itself, or give context that holds one of them"),
                ));
            }
        }
        Ok(())
    }

    /// The fewest labels that select the pods of `workload` and nobody else's: those that its own selector names, those
    /// that do not change, or all of them.
    fn labels(&self, workload: &Workload, inventory: &Inventory) -> Result<BTreeMap<String, String>, Box<Finding>> {
        if workload.host_network {
            return Err(Box::new(
                self.refusal(
                    code!("workload-host-network"),
                    format!("{} uses the network of its node", workload.display()),
                )
                .label(workload.place, "`hostNetwork: true`")
                .note("no mesh stands before such pods, so its policy does not protect them")
                .help("give the pods a network of their own, or protect the node in another way"),
            ));
        }
        let lasting: BTreeMap<String, String> = workload
            .labels
            .iter()
            .filter(|(key, _)| !VOLATILE.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let candidates = [workload.selector.clone(), lasting, workload.labels.clone()];
        let mut other = None;
        for labels in candidates.into_iter().filter(|labels| !labels.is_empty()) {
            let selected = inventory.selected_by(Some(self.namespace), &labels);
            other = selected.into_iter().find(|selected| selected.account != self.account);
            if other.is_none() {
                return Ok(labels);
            }
        }
        Err(Box::new(match other {
            Some(other) => self
                .refusal(
                    code!("workload-labels-shared"),
                    format!("the labels of {} also select {}", workload.display(), other.display()),
                )
                .label(workload.place, "the destination's pods")
                .label(other.place, format!("these run as `{}`", other.account))
                .note("a policy that selects by these labels would protect, and open, the wrong pods as well")
                .help("give the pods of each account a label of their own"),
            None => self
                .refusal(code!("workload-labels-shared"), format!("the pods of {} have no labels", workload.display()))
                .label(workload.place, "here")
                .help("give the pods of each account a label of their own"),
        }))
    }

    /// Label sets that select a common pod are one: the larger one is left out if the smaller one selects all of its pods.
    fn apart(&self, sets: &mut Vec<(BTreeMap<String, String>, Vec<&Workload>)>) -> Result<(), Box<Finding>> {
        sets.sort_by(|(left, _), (right, _)| (left.len(), left).cmp(&(right.len(), right)));
        let mut kept: Vec<(BTreeMap<String, String>, Vec<&Workload>)> = Vec::new();
        for (labels, members) in sets.drain(..) {
            let selects = |known: &BTreeMap<String, String>, workload: &Workload| {
                known.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
            };
            let covering = kept.iter_mut().find(|(known, _)| members.iter().any(|member| selects(known, member)));
            match covering {
                None => kept.push((labels, members)),
                Some((known, own)) if members.iter().all(|member| selects(known, member)) => own.extend(members),
                Some((_, own)) => {
                    let message =
                        format!("labels of {} select some of the pods of {}", own[0].display(), members[0].display());
                    return Err(Box::new(
                        self.refusal(code!("workload-labels-shared"), message)
                            .label(own[0].place, "one of them")
                            .label(members[0].place, "the other")
                            .help("give the pods of each workload a label of their own"),
                    ));
                }
            }
        }
        *sets = kept;
        Ok(())
    }

    /// The pods that `labels` select, and where they listen.
    fn set(
        &self,
        labels: BTreeMap<String, String>,
        members: &[&Workload],
        inventory: &Inventory,
    ) -> Result<Workloads, Box<Finding>> {
        if let Some(other) = members.iter().find(|member| member.account != self.account) {
            return Err(Box::new(
                self.refusal(
                    code!("workload-labels-shared"),
                    format!("the labels that were given for `{}` also select {}", self.display(), other.display()),
                )
                .label(other.place, format!("it runs as `{}`", other.account))
                .help("give labels that only the pods of this account have"),
            ));
        }
        let mut listening = Listening::default();
        let mut services: BTreeSet<String> = BTreeSet::new();
        for member in members {
            for service in inventory.services_of(member) {
                services.insert(service.name.clone());
                listening.through(service, &member.ports, self.protocol);
            }
        }
        for member in members {
            listening.declared(member);
        }
        if members.is_empty() {
            for service in inventory.services_selecting(Some(self.namespace), &labels) {
                services.insert(service.name.clone());
                listening.through(service, &[], self.protocol);
            }
        }
        if let Some((number, one, other)) = listening.conflict {
            return Err(Box::new(
                self.refusal(
                    code!("port-protocol-conflict"),
                    format!(
                        "port {number} of the pods of `{}` is HTTP to one Service and not to another",
                        self.display()
                    ),
                )
                .label(one, "one of them")
                .label(other, "the other")
                .help("set the same `appProtocol` on both Services"),
            ));
        }
        let ports_complete = !members.is_empty() && members.iter().all(|member| member.all_declare);
        Ok(Workloads {
            labels,
            ports: listening.ports.into_values().collect(),
            ports_complete,
            services: services.into_iter().collect(),
        })
    }

    /// Pods of the account that the given labels leave open.
    fn partial(&self, missed: &Workload) -> Finding {
        let message = format!("the labels that were given for `{}` do not select {}", self.display(), missed.display());
        self.refusal(code!("workload-labels-partial"), message)
            .label(missed.place, format!("it runs as `{}` as well", self.account))
            .note("a grant is about all pods of the account; those that no policy selects would stay open")
            .help("give labels that all pods of the account have and no others do, or leave `--workload` out: these pods are in the input")
    }

    fn refusal(&self, code: crate::report::Code, message: String) -> Finding {
        Finding::new(code, message).at(self.place)
    }

    fn display(&self) -> String {
        format!("{}/{}", self.namespace, self.account)
    }
}

// === ports ===

/// Where pods listen, as far as it was found out.
#[derive(Default)]
struct Listening {
    ports: BTreeMap<(u16, bool), PodPort>,
    /// Where a port is said to speak HTTP or not to.
    said: BTreeMap<u16, (PortProtocol, Place)>,
    conflict: Option<(u16, Place, Place)>,
}

impl Listening {
    fn port(&mut self, number: u16, protocol: PortProtocol) -> &mut PodPort {
        self.ports.entry((number, protocol == PortProtocol::Udp)).or_insert_with(|| PodPort {
            number,
            protocol,
            services: BTreeSet::new(),
            checks: BTreeSet::new(),
        })
    }

    /// The ports that a Service leads to.
    fn through(&mut self, service: &Service, containers: &[ContainerPort], reading: ProtocolReading) {
        for port in &service.ports {
            let protocol = of(ports::taken_for(port, service, reading));
            for number in targets(port, containers) {
                if protocol != PortProtocol::Udp {
                    let (known, at) = *self.said.entry(number).or_insert((protocol, service.place));
                    if known != protocol {
                        self.conflict.get_or_insert((number, at, service.place));
                    }
                }
                let entry = self.port(number, protocol);
                entry.services.insert((service.name.clone(), port.number));
            }
        }
    }

    /// The ports that containers declare, and those that probes call. What a Service said of one stands.
    fn declared(&mut self, member: &Workload) {
        for port in &member.ports {
            let protocol = match port.transport {
                Transport::Udp | Transport::Sctp => PortProtocol::Udp,
                Transport::Tcp => of(ports::of_container(port.name.as_deref())),
            };
            self.port(port.number, protocol);
        }
        for probe in &member.probes {
            let (Some(number), Some(check)) = (probe.port, probe.check()) else { continue };
            let speaks = if check.request().is_some() { PortProtocol::Http } else { PortProtocol::Opaque };
            self.port(number, speaks).checks.insert(check);
        }
    }
}

/// The pod ports that a Service's port leads to: a number, or the container ports of that name.
fn targets(port: &Port, containers: &[ContainerPort]) -> Vec<u16> {
    let Some(target) = &port.target else { return vec![port.number] };
    if let Ok(number) = target.parse() {
        return vec![number];
    }
    let named = containers.iter().filter(|own| own.name.as_ref() == Some(target) && own.transport == port.transport);
    named.map(|own| own.number).collect()
}

fn of(protocol: Protocol) -> PortProtocol {
    match protocol {
        Protocol::Http | Protocol::Grpc => PortProtocol::Http,
        Protocol::Tcp => PortProtocol::Opaque,
        Protocol::Udp => PortProtocol::Udp,
    }
}
