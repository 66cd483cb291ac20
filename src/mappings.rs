//! The tables of `mappings/`, embedded and parsed when first asked for.
//!
//! A row is a closed enum value, read with `deny_unknown_fields`: a table can neither compute nor branch. What is
//! conditional is Rust, in the one file of that mesh. Every row that changes a decision is a [`Fact`]: it names the
//! upstream file and version that says so, and how that is known.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::smi::{Kind, Version};

/// A value, and where it is known from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact<T> {
    /// The value that drives the engine.
    pub is: T,
    /// Upstream file and version, or page and version: `owner/repo@version path`.
    pub from: String,
    /// How it is known.
    pub known: Known,
    /// One sentence where the value alone does not say enough.
    #[serde(default)]
    pub note: Option<String>,
}

/// How a fact is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// Read in the code or the CRD named.
    Code,
    /// Written in the specification or the documentation named.
    Docs,
    /// Concluded from what is named; not verified by running it.
    Inferred,
}

// --- source meshes ---

/// One file of `mappings/sources/`: how a mesh read SMI.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    /// The word after `--from`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The releases that this reading holds for.
    pub versions: String,
    /// Which versions of each kind its API server took and its controllers read.
    pub serves: BTreeMap<Kind, Fact<Vec<Version>>>,
    /// How it read a TrafficSplit.
    pub split: SplitReading,
    /// What in a scope is strong evidence of this mesh.
    pub evidence: Evidence,
}

/// How a mesh read a TrafficSplit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SplitReading {
    /// What became of `spec.matches`.
    pub matches: Fact<MatchesReading>,
    /// Where a request went that no match of a conditional split took.
    pub unmatched: Fact<Unmatched>,
    /// How a `pathRegex` was anchored.
    pub path: Fact<PathAnchoring>,
    /// How a header's regular expression was anchored.
    pub header: Fact<HeaderAnchoring>,
    /// What a condition on the `host` header did.
    pub host_header: Fact<HostHeader>,
    /// Which forms of `spec.service` named a Service.
    pub root: Fact<NameForms>,
    /// Which forms of `backends[].service` named a Service.
    pub backend: Fact<NameForms>,
    /// What a backend equal to the root did.
    pub self_reference: Fact<SelfReference>,
    /// What several splits of one root did.
    pub same_root: Fact<SameRoot>,
    /// What happened where every weight is zero, or there is no backend.
    pub all_zero: Fact<AllZero>,
    /// What happened to the share of a backend whose Service does not exist.
    pub missing_backend: Fact<MissingBackend>,
    /// What a backend did that lacks the port of the root.
    pub missing_port: Fact<MissingPort>,
    /// How two entries for one backend Service were read.
    pub duplicate_backend: Fact<DuplicateBackend>,
    /// How the protocol of a port was decided.
    pub protocol: Fact<ProtocolReading>,
}

/// What became of `spec.matches`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchesReading {
    /// Requests that match are split.
    Applied,
    /// The field had no effect: every request was split.
    Ignored,
}

/// Where a request went that no match took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmatched {
    /// To the root Service.
    RootService,
    /// In equal shares to all backends.
    EqualShares,
}

/// How a `pathRegex` was anchored; the query string is never part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathAnchoring {
    /// The whole path must match.
    Full,
    /// The match must begin at the start of the path and may end anywhere.
    Start,
    /// As `start`, after a leading slash was taken off the expression and put before the whole of it.
    StartAfterSlash,
    /// The match may begin and end anywhere.
    Search,
}

/// How a header's regular expression was anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderAnchoring {
    /// The whole value must match.
    Full,
    /// The match may begin and end anywhere.
    Search,
}

/// What a condition on the `host` header did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostHeader {
    /// It was compared with the request's authority.
    Authority,
    /// It never matched.
    NeverMatches,
    /// Nobody says.
    Undefined,
}

/// Which written forms named a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameForms {
    /// `web`
    Bare,
    /// `web`, `web.ns`, `web.ns.svc`, `web.ns.svc.cluster.local`, each also with `:port`
    Qualified,
    /// `web` and `ns/web`
    BareOrSlash,
    /// Any host name.
    AnyHost,
}

/// What a backend equal to the root did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelfReference {
    /// Its share went to the root Service's own endpoints.
    Works,
    /// The whole split was dropped.
    SplitDropped,
    /// The specification forbids it and says no more.
    Undefined,
}

/// What several splits of one root did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SameRoot {
    /// One of them, by an order that nobody controls.
    OneWins,
    /// All of them: conditional ones first.
    Merged,
    /// Nobody says.
    Undefined,
}

/// What happened where every weight is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllZero {
    /// All traffic to the root Service.
    RootService,
    /// The configuration was refused or traffic was not answered.
    Broken,
    /// Nobody says.
    Undefined,
}

/// What happened to the share of a missing backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingBackend {
    /// The others took it.
    OthersTakeIt,
    /// It failed.
    ShareFails,
    /// Nobody says.
    Undefined,
}

/// What a backend did that lacks the port of the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingPort {
    /// It was left out and the others took its share.
    LeftOut,
    /// Its share failed.
    ShareFails,
    /// The whole split was dropped.
    SplitDropped,
    /// Nobody says.
    Undefined,
}

/// How two entries for one backend Service were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateBackend {
    /// Their weights were added.
    Summed,
    /// Equal entries count once, unequal ones are added.
    EqualOnce,
    /// The last one counted.
    LastWins,
    /// Nobody says.
    Undefined,
}

/// How the protocol of a port was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolReading {
    /// `appProtocol`, else the prefix of the port's name, else HTTP.
    DeclaredElseHttp,
    /// HTTP when it looks like HTTP, unless the port is marked or known as opaque.
    Detected,
    /// An annotation of the Service, else HTTP.
    AnnotatedElseHttp,
    /// Only HTTP was split.
    HttpOnly,
    /// Nobody says.
    Undefined,
}

/// What in a scope is strong evidence of a mesh.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Evidence {
    /// API groups of its own objects.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Names of annotations that only it reads; one that ends in `/` is a prefix.
    #[serde(default)]
    pub annotations: Vec<String>,
    /// Names of labels that only it reads; one that ends in `/` is a prefix.
    #[serde(default)]
    pub labels: Vec<String>,
}

// --- targets ---

/// One file of `mappings/targets/`: what a target serves and how it reads routes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// The word after `--to`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The version taken when `--to` names none.
    pub default_version: String,
    /// The versions that were looked at, oldest first; `--to name@version` takes any at or above the first.
    pub versions: Vec<String>,
    /// Which route kinds attach to a Service, from which version, at which apiVersion. A kind that is missing here is
    /// not served at all.
    #[serde(default)]
    pub routes: BTreeMap<RouteKind, Vec<Served>>,
    /// How it reads routes; none for a target that has no routes.
    #[serde(default)]
    pub reading: Option<RouteReading>,
}

/// The route kinds of Gateway API that a split may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum RouteKind {
    /// gateway.networking.k8s.io
    HTTPRoute,
    /// gateway.networking.k8s.io
    GRPCRoute,
    /// gateway.networking.k8s.io
    TCPRoute,
}

/// From which version a kind is served, and as what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Served {
    /// First version of the target.
    pub since: String,
    /// The apiVersion it watches.
    pub api_version: String,
    /// Upstream file and version.
    pub from: String,
    /// How it is known.
    pub known: Known,
    /// One sentence where the value alone does not say enough.
    #[serde(default)]
    pub note: Option<String>,
}

/// How a target reads routes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RouteReading {
    /// How it anchors a regular expression.
    pub regex: Fact<RegexReading>,
    /// Whether a prefix outranks a regular expression.
    pub rank: Fact<RegexRank>,
    /// What it needs in the Service to treat a port as HTTP.
    pub protocol: Fact<ProtocolNeed>,
    /// What it does with a backendRef of another namespace without a ReferenceGrant.
    pub reference_grant: Fact<GrantNeed>,
    /// What must stand before a Service for its routes to take effect.
    pub attachment: Fact<Attachment>,
    /// Objects of the same host that make a route inert.
    pub shadowed_by: Fact<Vec<Shadow>>,
}

/// How a target anchors a regular expression in a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegexReading {
    /// RE2, whole value.
    Re2Full,
    /// The first match by leftmost-first search must be the whole value (Rust `regex`).
    FirstMatchIsWhole,
    /// Depends on the implementation.
    Unspecified,
}

/// Whether a prefix outranks a regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegexRank {
    /// Every prefix is tried before any regular expression.
    PrefixFirst,
    /// By the length of what matched: a regular expression counts as the whole path.
    MatchedLength,
    /// Depends on the implementation.
    Unspecified,
}

/// What a target needs in the Service to treat a port as HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolNeed {
    /// Nothing: it detects.
    Detects,
    /// `appProtocol: http` (or `kubernetes.io/h2c`, `grpc`).
    AppProtocol,
    /// Depends on the implementation.
    Unspecified,
}

/// What a target does with a backendRef of another namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantNeed {
    /// Refused without a ReferenceGrant.
    Enforced,
    /// Not looked at.
    Ignored,
    /// Depends on the implementation.
    Unspecified,
}

/// What must stand before a Service for its routes to take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    /// Nothing beyond the mesh's proxy at the client.
    ClientProxy,
    /// A waypoint named by `istio.io/use-waypoint` on the Service or its namespace.
    Waypoint,
    /// Depends on the implementation.
    Unspecified,
}

/// Objects of the same host that make a route inert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Shadow {
    /// linkerd.io ServiceProfile with `routes` or `dstOverrides`.
    ServiceProfile,
    /// networking.istio.io VirtualService of the same host.
    VirtualService,
    /// consul.hashicorp.com ServiceRouter, ServiceSplitter or ServiceResolver of the same name.
    ServiceRouter,
}

// --- loading ---

macro_rules! tables {
    ($what:ident, $type:ty, $folder:literal, [$($name:literal),+ $(,)?]) => {
        static $what: LazyLock<Vec<$type>> = LazyLock::new(|| {
            vec![$(
                serde_yaml::from_str(include_str!(concat!("../mappings/", $folder, "/", $name, ".yaml")))
                    .unwrap_or_else(|error| panic!("mappings/{}/{}.yaml: {error}", $folder, $name))
            ),+]
        });
    };
}

tables!(SOURCES, Source, "sources", ["spec", "osm", "linkerd", "traefik", "nginx", "consul", "istio", "flomesh"]);
tables!(
    TARGETS,
    Target,
    "targets",
    ["gateway-api", "linkerd", "istio", "istio-ambient", "cilium", "consul", "kuma", "network-policy"]
);

/// All source meshes, in the order of the documentation.
#[must_use]
pub fn sources() -> &'static [Source] {
    &SOURCES
}

/// All targets, in the order of the documentation.
#[must_use]
pub fn targets() -> &'static [Target] {
    &TARGETS
}
