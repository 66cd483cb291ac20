//! The policy that is there already: objects of a target mesh that decide who may call what, and waypoints.
//!
//! What is written beside them has to know of them: a second Server on one port is ignored, a first ALLOW policy closes
//! what was open. They are only listed; what they allow is not read here.

use std::collections::BTreeMap;

use super::kinds::Header;
use super::selector::{Selector, labels, text};
use crate::place::{Place, SourceId};
use crate::yaml::Node;

/// An object that decides who may call what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `kind`.
    pub kind: String,
    /// Its API group.
    pub group: String,
    /// As written; none for kinds that have no namespace.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// The pods that it selects; none where it names objects instead, or selects nothing by itself.
    pub selector: Option<Selector>,
    /// The objects that it names, in written order.
    pub targets: Vec<PolicyTarget>,
    /// The port that it is for, number or name, where it is for one.
    pub port: Option<String>,
    /// `ALLOW`, `DENY`, `AUDIT`, `CUSTOM` of Istio; `accessPolicy` of a Linkerd Server.
    pub action: Option<String>,
    /// `spec.rules` holds something.
    pub has_rules: bool,
    /// Where it stands.
    pub place: Place,
}

/// An object that a policy is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTarget {
    /// `kind`
    pub kind: String,
    /// `name`; none where labels choose.
    pub name: Option<String>,
    /// Its namespace, if the policy says so.
    pub namespace: Option<String>,
    /// `sectionName`, a port by name or number.
    pub section: Option<String>,
}

/// A Gateway of class `istio-waypoint` (istio 1.22 and later).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waypoint {
    /// As written.
    pub namespace: Option<String>,
    /// `metadata.name`; the ServiceAccount of its pods has the same name.
    pub name: String,
    /// What it takes: `service`, `workload`, `all`, `none` (`istio.io/waypoint-for`); none: services.
    pub waypoint_for: Option<String>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// Where it stands.
    pub place: Place,
}

/// Where a kind of policy says what it is for.
struct Shape {
    group: &'static str,
    kind: &'static str,
    /// The path of its selector of pods.
    selector: &'static [&'static str],
    /// The path of the object or the list of objects that it names.
    targets: &'static [&'static str],
    /// The path of its port.
    port: &'static [&'static str],
    /// The path of its action.
    action: &'static [&'static str],
    /// Whether it lives in a namespace.
    namespaced: bool,
}

const fn shape(group: &'static str, kind: &'static str) -> Shape {
    Shape { group, kind, selector: &[], targets: &[], port: &[], action: &[], namespaced: true }
}

impl Shape {
    const fn selects(self, selector: &'static [&'static str]) -> Self {
        Self { selector, ..self }
    }

    const fn names(self, targets: &'static [&'static str]) -> Self {
        Self { targets, ..self }
    }

    const fn port(self, port: &'static [&'static str]) -> Self {
        Self { port, ..self }
    }

    const fn acts(self, action: &'static [&'static str]) -> Self {
        Self { action, ..self }
    }

    const fn everywhere(self) -> Self {
        Self { namespaced: false, ..self }
    }
}

const SELECTOR: &[&str] = &["spec", "selector"];
const TARGET: &[&str] = &["spec", "targetRef"];
const TARGETS: &[&str] = &["spec", "targetRefs"];

/// The kinds, from the CRDs of each project: linkerd2 2.20 `charts/linkerd-crds/templates/policy`, istio 1.30
/// `manifests/charts/base/files/crd-all.gen.yaml`, cilium 1.18 `pkg/k8s/apis/cilium.io/v2`, consul-k8s 1.8
/// `control-plane/api/v1alpha1`, kuma 2.14 `deployments/charts/kuma/crds`, kubernetes v1.33 `networking.k8s.io/v1`,
/// network-policy-api v0.2.0.
const SHAPES: &[Shape] = &[
    shape("policy.linkerd.io", "Server")
        .selects(&["spec", "podSelector"])
        .port(&["spec", "port"])
        .acts(&["spec", "accessPolicy"]),
    shape("policy.linkerd.io", "ServerAuthorization").names(&["spec", "server"]),
    shape("policy.linkerd.io", "AuthorizationPolicy").names(TARGET),
    shape("policy.linkerd.io", "MeshTLSAuthentication"),
    shape("policy.linkerd.io", "NetworkAuthentication"),
    shape("policy.linkerd.io", "HTTPRoute").names(&["spec", "parentRefs"]),
    shape("security.istio.io", "AuthorizationPolicy").selects(SELECTOR).names(TARGETS).acts(&["spec", "action"]),
    shape("security.istio.io", "PeerAuthentication").selects(SELECTOR).acts(&["spec", "mtls", "mode"]),
    shape("security.istio.io", "RequestAuthentication").selects(SELECTOR).names(TARGETS),
    shape("cilium.io", "CiliumNetworkPolicy").selects(&["spec", "endpointSelector"]),
    shape("cilium.io", "CiliumClusterwideNetworkPolicy").selects(&["spec", "endpointSelector"]).everywhere(),
    shape("consul.hashicorp.com", "ServiceIntentions").names(&["spec", "destination"]),
    shape("kuma.io", "MeshTrafficPermission").names(TARGET),
    shape("kuma.io", "TrafficPermission").everywhere(),
    shape("networking.k8s.io", "NetworkPolicy").selects(&["spec", "podSelector"]),
    shape("policy.networking.k8s.io", "ClusterNetworkPolicy").acts(&["spec", "tier"]).everywhere(),
    shape("policy.networking.k8s.io", "AdminNetworkPolicy").everywhere(),
    shape("policy.networking.k8s.io", "BaselineAdminNetworkPolicy").everywhere(),
];

/// The class of Gateways that are waypoints.
const WAYPOINT_CLASS: &str = "istio-waypoint";

// === impl Policy ===

impl Policy {
    /// The policy in the object of `header`, if its kind is one.
    pub(super) fn read(header: &Header<'_>, source: SourceId) -> Option<Self> {
        let shape = SHAPES.iter().find(|shape| (shape.group, shape.kind) == (header.group(), header.kind))?;
        let at = |path: &[&str]| if path.is_empty() { None } else { header.node.path(path) };
        let targets = match at(shape.targets) {
            Some(list) if !list.items().is_empty() => list.items().iter().collect(),
            one => one.into_iter().collect::<Vec<_>>(),
        };
        // Istio's first form of `targetRefs` was one `targetRef`.
        let one = (shape.targets == TARGETS).then(|| header.node.path(TARGET)).flatten();
        Some(Self {
            kind: header.kind.to_owned(),
            group: header.group().to_owned(),
            namespace: header.namespace.filter(|_| shape.namespaced).map(str::to_owned),
            name: header.name.to_owned(),
            selector: at(shape.selector).map(Selector::read),
            targets: targets.into_iter().chain(one).map(PolicyTarget::read).collect(),
            port: at(shape.port).and_then(text),
            action: at(shape.action).and_then(text),
            has_rules: header.node.path(&["spec", "rules"]).is_some_and(|rules| !rules.items().is_empty()),
            place: header.place(source),
        })
    }

    /// Whether it decides at all pods of its namespace. One that allows nothing decides nothing where others allow.
    #[must_use]
    pub fn is_for_all_pods(&self) -> bool {
        let of_namespace = self.targets.iter().any(|target| target.kind == "Namespace");
        of_namespace || (self.selector.is_none() && self.targets.is_empty() && self.has_rules)
    }

    /// Whether its kind lives in a namespace.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        let shape = SHAPES.iter().find(|shape| (shape.group, shape.kind) == (self.group.as_str(), self.kind.as_str()));
        shape.is_none_or(|shape| shape.namespaced)
    }
}

impl PolicyTarget {
    fn read(node: &Node) -> Self {
        let part = |key: &str| node.get(key).and_then(text);
        Self {
            kind: part("kind").unwrap_or_default(),
            name: part("name"),
            namespace: part("namespace"),
            section: part("sectionName"),
        }
    }
}

// === impl Waypoint ===

impl Waypoint {
    /// The waypoint in the object of `header`, if it is one.
    pub(super) fn read(header: &Header<'_>, source: SourceId) -> Option<Self> {
        let is_gateway = (header.group(), header.kind) == ("gateway.networking.k8s.io", "Gateway");
        let of_class = || header.text(&["spec", "gatewayClassName"]) == Some(WAYPOINT_CLASS);
        (is_gateway && of_class()).then(|| {
            let labels = header.node.path(&["metadata", "labels"]).map(labels).unwrap_or_default();
            Self {
                namespace: header.namespace.map(str::to_owned),
                name: header.name.to_owned(),
                waypoint_for: labels.get("istio.io/waypoint-for").cloned(),
                labels,
                place: header.place(source),
            }
        })
    }
}
