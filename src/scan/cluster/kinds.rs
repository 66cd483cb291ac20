//! What is ever read from a cluster: one table, by which the reader reads and `smi2gamma rbac` writes the role.
//!
//! A row says which kind, what for, and so when and where. How it is read stands in [`super`], what it means in
//! `inventory`.

use std::fmt;

/// One kind that is read from a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// `kind` of its objects.
    pub kind: &'static str,
    /// Its name in the API and in roles.
    pub plural: &'static str,
    /// What it is read for.
    pub need: Need,
}

/// What a kind is read for, and so when and where. From [`Need::Workload`] on, only where SMI grants, and only for a target
/// whose policy is written; the namespaces that matter are then those of the destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To be converted, and counted by `status`.
    Smi,
    /// It writes SMI, names it or looks like it: findings say what to do with it.
    Follower,
    /// A Service: ports. Kept where SMI mentions its name, in the namespaces that hold SMI; all of a destination's namespace.
    Service,
    /// A profile that may shadow a route; from any namespace. Kept where SMI mentions its Service; `status` reads all.
    Profile,
    /// A route that is there already; from any namespace. `status` says whether it took effect.
    Route,
    /// Another claim on the traffic of a Service, from any namespace.
    Claim,
    /// Says which mesh this is, and whether it enforced.
    Evidence,
    /// A Deployment. `status` looks for programs that act on SMI; policy for workloads, and for the controller of a mesh
    /// whose arguments say whether it enforced.
    Program,
    /// It makes pods. What belongs to another kind that is read is left out.
    Workload,
    /// It leads to pods of its own namespace, past any grant.
    Caller,
    /// It leads to pods of any namespace, past any grant.
    FarCaller,
    /// As [`Need::FarCaller`], and has no namespace itself. Kept where it names a namespace that matters.
    ClusterCaller,
    /// Policy that is there already, of these targets.
    Policy(&'static [&'static str]),
    /// Gateways, for the waypoints among them; of these targets, from any namespace.
    Waypoint(&'static [&'static str]),
    /// The Namespace itself, by name.
    Namespace,
    /// Objects of these names, from any namespace, that say whether a mesh enforced.
    Switch(&'static [&'static str]),
}

const fn kind(group: &'static str, kind: &'static str, plural: &'static str, need: Need) -> Kind {
    Kind { group, kind, plural, need }
}

const LINKERD: Need = Need::Policy(&["linkerd"]);
const ISTIO: Need = Need::Policy(&["istio", "istio-ambient"]);

/// Every kind that is ever read from a cluster, in the order in which objects are listed.
pub const KINDS: &[Kind] = &[
    kind("split.smi-spec.io", "TrafficSplit", "trafficsplits", Need::Smi),
    kind("access.smi-spec.io", "TrafficTarget", "traffictargets", Need::Smi),
    kind("access.smi-spec.io", "IdentityBinding", "identitybindings", Need::Smi),
    kind("specs.smi-spec.io", "HTTPRouteGroup", "httproutegroups", Need::Smi),
    kind("specs.smi-spec.io", "TCPRoute", "tcproutes", Need::Smi),
    kind("specs.smi-spec.io", "UDPRoute", "udproutes", Need::Smi),
    kind("flagger.app", "Canary", "canaries", Need::Follower),
    kind("argoproj.io", "Rollout", "rollouts", Need::Follower),
    kind("specs.smi.nginx.com", "RateLimit", "ratelimits", Need::Follower),
    kind("specs.smi.nginx.com", "CircuitBreaker", "circuitbreakers", Need::Follower),
    kind("policy.openservicemesh.io", "Egress", "egresses", Need::Follower),
    kind("policy.openservicemesh.io", "IngressBackend", "ingressbackends", Need::Follower),
    kind("policy.openservicemesh.io", "UpstreamTrafficSetting", "upstreamtrafficsettings", Need::Follower),
    kind("policy.openservicemesh.io", "Retry", "retries", Need::Follower),
    kind("policy.flomesh.io", "Egress", "egresses", Need::Follower),
    kind("policy.flomesh.io", "IngressBackend", "ingressbackends", Need::Follower),
    kind("policy.flomesh.io", "UpstreamTrafficSetting", "upstreamtrafficsettings", Need::Follower),
    kind("policy.flomesh.io", "Retry", "retries", Need::Follower),
    kind("traffic.flomesh.io", "TrafficSplit", "trafficsplits", Need::Follower),
    kind("split.flomesh.io", "TrafficSplit", "trafficsplits", Need::Follower),
    kind("", "Service", "services", Need::Service),
    kind("gateway.networking.k8s.io", "HTTPRoute", "httproutes", Need::Route),
    kind("gateway.networking.k8s.io", "GRPCRoute", "grpcroutes", Need::Route),
    kind("gateway.networking.k8s.io", "TCPRoute", "tcproutes", Need::Route),
    kind("linkerd.io", "ServiceProfile", "serviceprofiles", Need::Profile),
    kind("networking.istio.io", "VirtualService", "virtualservices", Need::Claim),
    kind("config.openservicemesh.io", "MeshConfig", "meshconfigs", Need::Evidence),
    kind("config.flomesh.io", "MeshConfig", "meshconfigs", Need::Evidence),
    kind("apps", "Deployment", "deployments", Need::Program),
    kind("apps", "StatefulSet", "statefulsets", Need::Workload),
    kind("apps", "DaemonSet", "daemonsets", Need::Workload),
    kind("apps", "ReplicaSet", "replicasets", Need::Workload),
    kind("batch", "Job", "jobs", Need::Workload),
    kind("batch", "CronJob", "cronjobs", Need::Workload),
    kind("apps.openshift.io", "DeploymentConfig", "deploymentconfigs", Need::Workload),
    kind("", "ReplicationController", "replicationcontrollers", Need::Workload),
    kind("", "Pod", "pods", Need::Workload),
    kind("", "Namespace", "namespaces", Need::Namespace),
    kind("networking.k8s.io", "Ingress", "ingresses", Need::Caller),
    kind("projectcontour.io", "HTTPProxy", "httpproxies", Need::Caller),
    kind("route.openshift.io", "Route", "routes", Need::Caller),
    kind("k8s.nginx.org", "VirtualServer", "virtualservers", Need::Caller),
    kind("k8s.nginx.org", "VirtualServerRoute", "virtualserverroutes", Need::Caller),
    kind("k8s.nginx.org", "TransportServer", "transportservers", Need::Caller),
    kind("multicluster.x-k8s.io", "ServiceExport", "serviceexports", Need::Caller),
    kind("monitoring.googleapis.com", "PodMonitoring", "podmonitorings", Need::Caller),
    kind("gateway.networking.k8s.io", "TLSRoute", "tlsroutes", Need::FarCaller),
    kind("gateway.networking.k8s.io", "UDPRoute", "udproutes", Need::FarCaller),
    kind("traefik.io", "IngressRoute", "ingressroutes", Need::FarCaller),
    kind("traefik.io", "IngressRouteTCP", "ingressroutetcps", Need::FarCaller),
    kind("traefik.io", "IngressRouteUDP", "ingressrouteudps", Need::FarCaller),
    kind("traefik.containo.us", "IngressRoute", "ingressroutes", Need::FarCaller),
    kind("traefik.containo.us", "IngressRouteTCP", "ingressroutetcps", Need::FarCaller),
    kind("traefik.containo.us", "IngressRouteUDP", "ingressrouteudps", Need::FarCaller),
    kind("getambassador.io", "Mapping", "mappings", Need::FarCaller),
    kind("getambassador.io", "TCPMapping", "tcpmappings", Need::FarCaller),
    kind("x.getambassador.io", "AmbassadorMapping", "ambassadormappings", Need::FarCaller),
    kind("monitoring.coreos.com", "ServiceMonitor", "servicemonitors", Need::FarCaller),
    kind("monitoring.coreos.com", "PodMonitor", "podmonitors", Need::FarCaller),
    kind("operator.victoriametrics.com", "VMServiceScrape", "vmservicescrapes", Need::FarCaller),
    kind("operator.victoriametrics.com", "VMPodScrape", "vmpodscrapes", Need::FarCaller),
    kind("monitoring.googleapis.com", "ClusterPodMonitoring", "clusterpodmonitorings", Need::ClusterCaller),
    kind(
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        Need::ClusterCaller,
    ),
    kind(
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        Need::ClusterCaller,
    ),
    kind("apiregistration.k8s.io", "APIService", "apiservices", Need::ClusterCaller),
    kind("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", Need::ClusterCaller),
    kind("policy.linkerd.io", "Server", "servers", LINKERD),
    kind("policy.linkerd.io", "ServerAuthorization", "serverauthorizations", LINKERD),
    kind("policy.linkerd.io", "AuthorizationPolicy", "authorizationpolicies", LINKERD),
    kind("policy.linkerd.io", "MeshTLSAuthentication", "meshtlsauthentications", LINKERD),
    kind("policy.linkerd.io", "NetworkAuthentication", "networkauthentications", LINKERD),
    kind("policy.linkerd.io", "HTTPRoute", "httproutes", LINKERD),
    kind("security.istio.io", "AuthorizationPolicy", "authorizationpolicies", ISTIO),
    kind("security.istio.io", "PeerAuthentication", "peerauthentications", ISTIO),
    kind("security.istio.io", "RequestAuthentication", "requestauthentications", ISTIO),
    kind("gateway.networking.k8s.io", "Gateway", "gateways", Need::Waypoint(&["istio-ambient"])),
    kind("nsm.nginx.com", "MeshConfig", "meshconfigs", Need::Switch(&[])),
    // What inventory/mode.rs reads of them: `osm-config` of OSM before 0.9, `mesh-config` of NGINX Service Mesh before 2.0.
    kind("", "ConfigMap", "configmaps", Need::Switch(&["osm-config", "mesh-config"])),
];

/// What a cluster is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// To convert what it holds to routes: SMI, and what it mentions.
    #[default]
    Convert,
    /// To convert it to policy as well, of the target of this name: beside every grant also what makes pods, what leads to
    /// them, and policy.
    Policy(&'static str),
    /// To say where the migration stands: SMI, routes with their status, profiles, adaptors.
    Status,
}

/// How an object is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// All that there are.
    List,
    /// One, by its name.
    Get,
}

// === impl Kind ===

impl Kind {
    /// Whether it is ever asked for.
    #[must_use]
    pub fn read_for(&self, reading: Reading) -> bool {
        let policy = matches!(reading, Reading::Policy(_));
        match self.need {
            Need::Smi | Need::Route | Need::Profile => true,
            Need::Follower | Need::Service | Need::Claim | Need::Evidence => reading != Reading::Status,
            Need::Program => policy || reading == Reading::Status,
            Need::Workload
            | Need::Caller
            | Need::FarCaller
            | Need::ClusterCaller
            | Need::Namespace
            | Need::Switch(_) => policy,
            Need::Policy(of) | Need::Waypoint(of) => {
                matches!(reading, Reading::Policy(target) if of.contains(&target))
            }
        }
    }

    /// Whether it is asked for only once a grant was found.
    pub(super) fn waits_for_grants(&self, reading: Reading) -> bool {
        match self.need {
            Need::Smi | Need::Follower | Need::Service | Need::Profile | Need::Route | Need::Claim | Need::Evidence => {
                false
            }
            Need::Program => reading != Reading::Status,
            Need::Workload
            | Need::Caller
            | Need::FarCaller
            | Need::ClusterCaller
            | Need::Policy(_)
            | Need::Waypoint(_)
            | Need::Namespace
            | Need::Switch(_) => true,
        }
    }

    /// Whether nobody can say who reaches a destination's pods, or which they are, while it is not read.
    pub(super) fn bears_on_grants(&self) -> bool {
        match self.need {
            Need::Smi => self.group == "access.smi-spec.io",
            Need::Follower => matches!(self.kind, "Rollout" | "IngressBackend"),
            Need::Profile | Need::Evidence | Need::Switch(_) => false,
            Need::Service
            | Need::Route
            | Need::Claim
            | Need::Program
            | Need::Workload
            | Need::Caller
            | Need::FarCaller
            | Need::ClusterCaller
            | Need::Policy(_)
            | Need::Waypoint(_)
            | Need::Namespace => true,
        }
    }

    /// Whether SMI, or what names it, is read before what stands beside it.
    pub(super) fn comes_first(&self) -> bool {
        matches!(self.need, Need::Smi | Need::Follower)
    }

    /// Whether a right in one namespace is enough to read it there.
    #[must_use]
    pub fn is_namespaced(&self) -> bool {
        self.need != Need::ClusterCaller
    }

    /// How it is asked for.
    #[must_use]
    pub fn verb(&self) -> Verb {
        if self.need == Need::Namespace { Verb::Get } else { Verb::List }
    }

    /// The only names that are asked for; empty: any.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        match self.need {
            Need::Switch(names) => names,
            _ => &[],
        }
    }

    /// Whether its objects make pods.
    pub(super) fn makes_pods(&self) -> bool {
        matches!(self.need, Need::Workload | Need::Program) || self.kind == "Rollout"
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mappings;
    use crate::target::Profile;

    fn is_read(group: &str, kind: &str, target: &'static str) -> bool {
        KINDS.iter().any(|row| (row.group, row.kind) == (group, kind) && row.read_for(Reading::Policy(target)))
    }

    #[test]
    fn every_kind_of_policy_that_a_target_is_written_in_is_looked_for_in_the_cluster() {
        let mut seen = 0;
        for target in mappings::targets() {
            let profile = Profile::parse(&target.name).expect("a target");
            let Some(reading) = target.policy.as_ref().filter(|_| profile.policy().is_some()) else { continue };
            for (kind, rows) in &reading.kinds {
                let group = rows[0].api_version.split('/').next().expect("a group");
                assert!(is_read(group, kind, &target.name), "{kind}.{group} of {}", target.name);
                seen += 1;
            }
        }
        assert!(seen > 5);
    }

    #[test]
    fn the_rights_of_routes_are_a_part_of_those_of_policy() {
        for row in KINDS.iter().filter(|row| row.read_for(Reading::Convert)) {
            assert!(row.read_for(Reading::Policy("linkerd")), "{row}");
            assert!(!row.waits_for_grants(Reading::Convert), "{row}");
        }
    }
}
