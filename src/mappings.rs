//! The tables of `mappings/`, embedded and parsed when first asked for.
//!
//! A row is a closed enum value, read with `deny_unknown_fields`: a table can neither compute nor branch. What is
//! conditional is Rust, in the one file of that mesh. Every row that changes a decision is a [`Fact`]: it names the
//! upstream file and version that says so, how that is known, and requests with the answer that the mesh gave
//! ([`Golden`]).

use serde::Deserialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::smi::{Kind, Version};

/// A value, and where it is known from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact<T, G = Golden> {
    /// The value that drives the engine.
    pub is: T,
    /// Upstream file and version, or page and version: `owner/repo@version path`.
    pub from: String,
    /// How it is known.
    pub known: Known,
    /// One sentence where the value alone does not say enough.
    #[serde(default)]
    pub note: Option<String>,
    /// Requests that show the value, each with the answer of the mesh.
    #[serde(default = "Vec::new")]
    pub golden: Vec<G>,
}

/// One request and what the mesh did with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Golden {
    /// The request, sent to the root Service at the first of its ports unless `request.port` says otherwise.
    pub request: Request,
    /// A condition to hold the request against, outside of any split.
    #[serde(rename = "match", default)]
    pub condition: Option<Condition>,
    /// The splits of the root Service; the first one names it.
    #[serde(default)]
    pub splits: Vec<GoldenSplit>,
    /// The Services that exist in the namespace of the splits, each with its ports.
    #[serde(default)]
    pub services: BTreeMap<String, Vec<u16>>,
    /// What the mesh did.
    pub answer: Answer,
    /// Upstream file and version, where it is not that of the fact.
    #[serde(default)]
    pub from: Option<String>,
}

/// A request of a [`Golden`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The path, without a query; `/` where it does not matter.
    #[serde(default)]
    pub path: Option<String>,
    /// The header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The port of the root Service.
    #[serde(default)]
    pub port: Option<u16>,
}

/// A condition of a [`Golden`]: one entry of an HTTPRouteGroup.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    /// `pathRegex`
    #[serde(default)]
    pub path_regex: Option<String>,
    /// `headers`
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// A split of a [`Golden`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenSplit {
    /// `spec.service`
    pub service: String,
    /// What `spec.matches` names; none for an unconditional split.
    #[serde(rename = "match", default)]
    pub condition: Option<Condition>,
    /// `spec.backends`, in order.
    pub backends: Vec<GoldenBackend>,
}

/// A backend of a [`GoldenSplit`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenBackend {
    /// `service`
    pub service: String,
    /// `weight`
    pub weight: u32,
}

/// What a mesh did with a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Whether the condition held.
    Condition(Held),
    /// It went to these Services, in these proportions; `(fails)` is the share that was not answered.
    Shares(BTreeMap<String, u32>),
}

/// Whether a condition held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It did.
    Match,
    /// It did not.
    NoMatch,
}

/// One request to pods that TrafficTargets protect, and what the mesh did with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccessGolden {
    /// The SMI objects, as YAML documents. Everything is in the namespace `shop` unless it says otherwise; the pods of the
    /// account `api` listen on 8080, which speaks HTTP, and on 9000, which does not. The Service `api` leads from 80 to
    /// 8080 and from 9000 to 9000.
    pub smi: String,
    /// The request.
    pub request: AccessRequest,
    /// What the mesh did.
    pub answer: Permitted,
    /// Upstream file and version, where it is not that of the fact.
    #[serde(default)]
    pub from: Option<String>,
}

/// One request to pods that policy of a target protects, and what the target did with it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicyGolden {
    /// The policy, as YAML documents, beside the pods of [`AccessGolden`], which are labelled `app: api`.
    pub policy: String,
    /// The request.
    pub request: AccessRequest,
    /// What the target did.
    pub answer: Permitted,
    /// Upstream file and version, where it is not that of the fact.
    #[serde(default)]
    pub from: Option<String>,
}

/// A request of an [`AccessGolden`] or a [`PolicyGolden`] to the pods of the account `api`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccessRequest {
    /// The caller's account, `name` or `namespace/name`; none: one that the mesh does not know.
    #[serde(default)]
    pub source: Option<String>,
    /// The port of the pods; 8080 where it does not matter.
    #[serde(default)]
    pub port: Option<u16>,
    /// The method; `GET` where it does not matter.
    #[serde(default)]
    pub method: Option<String>,
    /// The path, without a query; `/` where it does not matter.
    #[serde(default)]
    pub path: Option<String>,
    /// The header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// Whether a mesh let a request through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permitted {
    /// It did.
    Allowed,
    /// It did not.
    Denied,
}

/// A fact about access, shown by requests to pods that TrafficTargets protect.
pub type AccessFact<T> = Fact<T, AccessGolden>;

/// A fact about policy, shown by requests to pods that it protects.
pub type PolicyFact<T> = Fact<T, PolicyGolden>;

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
    /// How it read a TrafficSplit; none for a mesh that never served the kind.
    #[serde(default)]
    pub split: Option<SplitReading>,
    /// How it read a TrafficTarget; none for a mesh that never served the kind.
    #[serde(default)]
    pub access: Option<AccessReading>,
    /// Domains whose hosts only this mesh served, and which are gone with it.
    #[serde(default)]
    pub hosts: Option<Fact<Vec<String>>>,
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
    /// What a match without any condition did.
    pub empty_match: Fact<EmptyMatch>,
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
    /// How weights became shares.
    pub weights: Fact<WeightReading>,
    /// How the protocol of a port was decided.
    pub protocol: Fact<ProtocolReading>,
    /// What its controllers made of a split, and leave in the cluster when the split goes.
    pub leaves: Fact<Vec<Shadow>>,
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
    /// In equal shares to all backends of all conditional splits of the root.
    EqualShares,
    /// It was split like any other, since conditions had no effect.
    Split,
}

/// How a `pathRegex` was anchored.
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
    /// No split ever read the expression.
    Unread,
}

/// How a header's regular expression was anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderAnchoring {
    /// The whole value must match.
    Full,
    /// The match may begin and end anywhere.
    Search,
    /// No split ever read the expression.
    Unread,
    /// Nobody says.
    Undefined,
}

/// What a match without any condition did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmptyMatch {
    /// It took every request.
    Everything,
    /// It was left out; a group of nothing else took every request.
    LeftOut,
    /// Nobody says.
    Undefined,
}

/// What a condition on the `host` header did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostHeader {
    /// It was compared with the request's authority.
    Authority,
    /// It never matched.
    NeverMatches,
    /// No split ever read it.
    Unread,
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
    /// Conditional ones before unconditional ones; among equals one, by an order that nobody controls.
    ConditionalFirst,
    /// Conditional ones first, then the backends of all unconditional ones together.
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
}

/// How two entries for one backend Service were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DuplicateBackend {
    /// Their weights were added.
    Summed,
    /// Equal entries count once, unequal ones are added.
    EqualOnce,
    /// The first one counted.
    FirstWins,
    /// Every entry got the weight of the last one.
    LastRepeated,
    /// Nobody says.
    Undefined,
}

/// How weights became shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightReading {
    /// In exact proportion.
    Ratio,
    /// Rounded to whole percents; the last backend took the remainder.
    RoundedPercent,
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

/// How a mesh read a TrafficTarget.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccessReading {
    /// When what no TrafficTarget grants was denied.
    pub enforcement: AccessFact<Enforcement>,
    /// Whether the rules were read at all.
    pub rules: AccessFact<RulesReading>,
    /// How a `pathRegex` was read.
    pub path: AccessFact<PathReading>,
    /// How a header's regular expression was read.
    pub header: AccessFact<HeaderAnchoring>,
    /// What a match without any condition did.
    pub empty_match: AccessFact<EmptyMatch>,
    /// What a condition on the `host` header did.
    pub host_header: AccessFact<HostHeader>,
    /// What a rule did that lists no `matches`.
    pub no_matches: AccessFact<NoMatches>,
    /// What a name in `matches` did that the group does not have.
    pub missing_match: AccessFact<MissingReference>,
    /// What a rule did whose HTTPRouteGroup does not exist.
    pub missing_group: AccessFact<MissingReference>,
    /// What a rule did whose TCPRoute does not exist.
    pub missing_route: AccessFact<MissingReference>,
    /// What a TrafficTarget without rules did.
    pub no_rules: AccessFact<NoRules>,
    /// What a TrafficTarget without sources did.
    pub no_sources: AccessFact<NoSources>,
    /// What a destination without a namespace meant.
    pub destination_namespace: AccessFact<MissingNamespace>,
    /// What a destination in another namespace than the TrafficTarget did.
    pub other_namespace: AccessFact<OtherNamespace>,
    /// What a source without a namespace meant.
    pub source_namespace: AccessFact<MissingNamespace>,
    /// What `destination.port` counted, where the version has it.
    pub destination_port: AccessFact<PortReading>,
    /// What the ports of a TCPRoute counted.
    pub tcp_ports: AccessFact<PortReading>,
    /// What a TCPRoute without ports did beside one with ports.
    pub every_port_beside_some: AccessFact<EveryPortBesideSome>,
    /// What a TCPRoute alone allowed on a port that speaks HTTP.
    pub tcp_on_http: AccessFact<TcpOnHttp>,
    /// Whether the ports of a TCPRoute limited the requests of an HTTPRouteGroup of the same TrafficTarget.
    pub tcp_beside_http: AccessFact<TcpBesideHttp>,
    /// Whether an HTTPRouteGroup took from a TCPRoute of the same TrafficTarget the ports that do not speak HTTP.
    pub http_beside_tcp: AccessFact<HttpBesideTcp>,
    /// What a TrafficTarget without a TCPRoute allowed on a port that does not speak HTTP.
    pub http_on_opaque: AccessFact<HttpOnOpaque>,
    /// Whom a port let in that does not speak HTTP.
    pub opaque_sources: AccessFact<OpaqueSources>,
    /// What a rule of kind UDPRoute did.
    pub udp_rule: AccessFact<UdpRule>,
    /// What several TrafficTargets of one destination came to where their requests overlap.
    pub overlap: AccessFact<Overlap>,
    /// How the protocol of a port was decided.
    pub protocol: AccessFact<ProtocolReading>,
    /// What a grant did at a port of the pods that no Service leads to, where Services select them.
    pub unserved_ports: AccessFact<UnservedPorts>,
    /// Who reached the pods without a grant.
    pub allowances: AccessFact<Vec<Allowance>>,
}

/// When what no TrafficTarget grants was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Enforcement {
    /// Always.
    Always,
    /// Unless a switch of the mesh made it permissive.
    UnlessPermissive,
    /// Only if a switch of the mesh asked for it.
    OptIn,
    /// At destinations that have a TrafficTarget; everywhere only if a switch of the mesh asked for it.
    GrantedDestinations,
    /// Nobody says.
    Undefined,
}

/// Whether the rules of a TrafficTarget were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RulesReading {
    /// They say what is allowed.
    Read,
    /// They were not: the sources could send anything, and no other row about rules was ever asked.
    Unread,
}

/// How the `pathRegex` of a rule was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathReading {
    /// A regular expression that the whole path must match.
    Full,
    /// A regular expression whose match must begin at the start of the path and may end anywhere.
    Start,
    /// As `start`, after a leading slash was taken off the expression and put before the whole of it.
    StartAfterSlash,
    /// A regular expression whose match may begin and end anywhere.
    Search,
    /// No regular expression: `*` is any path, `*x` one that ends with x, `x*` one that begins with x, else the path itself.
    /// What an absent one did is not known.
    Words,
    /// It was not read.
    Unread,
}

/// What a rule did that lists no `matches`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoMatches {
    /// It meant all matches of the group.
    All,
    /// It allowed no request.
    Nothing,
    /// Nobody says.
    Undefined,
}

/// What a name did that leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingReference {
    /// It granted nothing; the rest of the TrafficTarget counted.
    Skipped,
    /// The whole TrafficTarget was dropped.
    TargetDropped,
    /// Nobody says.
    Undefined,
}

/// What a TrafficTarget without rules did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoRules {
    /// Nothing.
    Ignored,
    /// It allowed everything to its sources.
    Everything,
    /// The specification forbids it and says no more.
    Undefined,
}

/// What a TrafficTarget without sources did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoSources {
    /// It allowed nobody.
    Nobody,
    /// It let anyone through the destination's proxy.
    Anyone,
    /// The specification forbids it and says no more.
    Undefined,
}

/// What a subject without a namespace meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingNamespace {
    /// The namespace of the TrafficTarget.
    Own,
    /// The namespace `default`.
    Default,
    /// No account: the TrafficTarget or the source was without effect.
    NoEffect,
    /// Nobody says.
    Undefined,
}

/// What a destination in another namespace than the TrafficTarget did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherNamespace {
    /// It counted like any other.
    Allowed,
    /// The TrafficTarget was without effect.
    NoEffect,
    /// Nobody says.
    Undefined,
}

/// What a port number counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortReading {
    /// Ports that the pods listen on.
    Pod,
    /// Ports of the Services that select the pods.
    Service,
    /// It was not read: every port was meant.
    Ignored,
    /// Nobody says.
    Undefined,
}

/// What a TCPRoute without ports did beside one with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EveryPortBesideSome {
    /// Every port was meant.
    EveryPort,
    /// Only those that are listed.
    Listed,
}

/// What a TCPRoute alone allowed on a port that speaks HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TcpOnHttp {
    /// Every request on its ports.
    OnItsPorts,
    /// Every request on every port.
    EveryPort,
    /// Nothing.
    Nothing,
    /// Nobody says.
    Undefined,
}

/// Whether the ports of a TCPRoute limited the requests of an HTTPRouteGroup of the same TrafficTarget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TcpBesideHttp {
    /// Requests had to be on these ports.
    Limits,
    /// Requests were allowed on every port that speaks HTTP.
    Ignored,
    /// Nobody says.
    Undefined,
}

/// What a TrafficTarget without a TCPRoute allowed on a port that does not speak HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpOnOpaque {
    /// Nothing.
    Nothing,
    /// Every connection on every port.
    Everything,
    /// Nobody says.
    Undefined,
}

/// What a grant did at a port of the pods that no Service leads to, where Services select the pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnservedPorts {
    /// What it did at every other port.
    Granted,
    /// Nothing: the mesh led to no such port.
    Closed,
}

/// Whether an HTTPRouteGroup took from a TCPRoute of the same TrafficTarget the ports that do not speak HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpBesideTcp {
    /// Both had to hold, and what is no request never satisfies the group.
    AllowsNone,
    /// The TCPRoute allowed its ports.
    OnItsPorts,
}

/// Whom a port let in that does not speak HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpaqueSources {
    /// The sources of the TrafficTarget.
    Listed,
    /// Anyone who reached it: sources were compared only for requests.
    Anyone,
}

/// What a rule of kind UDPRoute did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UdpRule {
    /// It allowed UDP.
    Allows,
    /// The whole TrafficTarget was dropped.
    TargetDropped,
    /// The rule was left out.
    Skipped,
    /// Nobody says.
    Undefined,
}

/// What several TrafficTargets of one destination came to where their requests overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Each added to what the others allow.
    Union,
    /// The first route in an order that nobody controls decided alone; equal routes were merged.
    FirstRoute,
    /// The route whose rule is longest decided alone.
    LongestRule,
    /// Nobody says.
    Undefined,
}

/// Who reached pods without a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allowance {
    /// The kubelet, on the paths of httpGet probes.
    HttpProbes,
    /// The kubelet, on the ports of tcpSocket probes.
    TcpProbes,
    /// The kubelet, on any port.
    Node,
    /// The pod itself.
    Localhost,
    /// Anyone, on the proxy's own ports.
    ProxyPorts,
}

/// What in a scope is strong evidence of a mesh.
#[derive(Clone, Debug, Deserialize)]
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
    /// Upstream files and versions that these names were read in.
    pub from: String,
    /// One sentence where the names alone do not say enough.
    #[serde(default)]
    pub note: Option<String>,
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
    /// Why it serves no route kind, for a target that serves none.
    #[serde(default)]
    pub no_routes: Option<Fact<NoRoutes>>,
    /// How it reads routes; none for a target that has no routes.
    #[serde(default)]
    pub reading: Option<RouteReading>,
    /// What its policy can say; none for a target that has no policy, or whose policy is not written yet.
    #[serde(default)]
    pub policy: Option<PolicyReading>,
    /// Which release of Gateway API each version goes with, oldest first. Empty for `gateway-api` itself, whose
    /// versions are those releases, and for a target that has no routes.
    #[serde(default)]
    pub bundles: Vec<Bundle>,
    /// What the CRDs of Gateway API admit; only in the table of `gateway-api`.
    #[serde(default)]
    pub limits: BTreeMap<RouteKind, Vec<Limits>>,
    /// At which apiVersion ReferenceGrant is served; only in the table of `gateway-api`.
    #[serde(default)]
    pub reference_grant: Vec<Served>,
}

/// Why a target serves no route kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoRoutes {
    /// Its routes attach to Gateways only: one that names a Service is accepted by the API server and inert.
    GatewaysOnly,
    /// It is policy, and has no routes.
    PolicyOnly,
}

/// Which release of Gateway API a version of a target goes with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bundle {
    /// First version of the target.
    pub since: String,
    /// The release of Gateway API whose CRDs it brings, or asks for.
    pub gateway_api: String,
    /// Only one route of a kind takes effect on a Service, whatever its port.
    #[serde(default)]
    pub one_route_per_service: bool,
    /// Upstream file and version.
    pub from: String,
    /// How it is known.
    pub known: Known,
    /// One sentence where the value alone does not say enough.
    #[serde(default)]
    pub note: Option<String>,
}

/// What the CRD of a route kind admits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// First release of Gateway API.
    pub since: String,
    /// Rules in a route.
    pub rules: usize,
    /// Matches in a rule; none for a kind without matches.
    #[serde(default)]
    pub matches_per_rule: Option<usize>,
    /// Matches in all rules together, where that is limited.
    #[serde(default)]
    pub matches_per_route: Option<usize>,
    /// Backends in a rule.
    pub backends: usize,
    /// Upstream file and version.
    pub from: String,
    /// How it is known.
    pub known: Known,
    /// One sentence where the value alone does not say enough.
    #[serde(default)]
    pub note: Option<String>,
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
    /// The apiVersion to write: one that the CRDs of that version serve and its controller sees.
    pub api_version: String,
    /// The release channel of Gateway API whose CRDs serve it with `parentRefs[].port`.
    #[serde(default)]
    pub channel: Channel,
    /// Upstream file and version.
    pub from: String,
    /// How it is known.
    pub known: Known,
    /// One sentence where the value alone does not say enough.
    #[serde(default)]
    pub note: Option<String>,
}

/// A release channel of Gateway API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// `standard-install.yaml`, and the experimental one, which holds it.
    #[default]
    Standard,
    /// Only `experimental-install.yaml`.
    Experimental,
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

/// What the policy of a target can say, and how it reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PolicyReading {
    /// The kinds that are written, each with the apiVersion from a version of the target on.
    pub kinds: BTreeMap<String, Vec<Served>>,
    /// The namespace whose policy holds for pods of every namespace; none where there is no such.
    #[serde(default)]
    pub root_namespace: Option<String>,
    /// How a source is named.
    pub identity: PolicyFact<IdentityWords>,
    /// How a path is said.
    pub path: PolicyFact<ValueWords>,
    /// How a header's value is said.
    pub header: PolicyFact<ValueWords>,
    /// Which methods can be named.
    pub method: PolicyFact<MethodWords>,
    /// What a port number counts.
    pub port: PolicyFact<PolicyPorts>,
    /// What decides where rules overlap.
    pub overlap: PolicyFact<PolicyOverlap>,
    /// What a rule about requests does to connections that are not HTTP.
    pub http_on_opaque: PolicyFact<RequestRuleOnOpaque>,
    /// What is denied once policy selects a pod.
    pub posture: PolicyFact<Posture>,
    /// How policy is tried without denying.
    pub audit: PolicyFact<AuditForm>,
    /// How what has no grant is denied.
    pub default_deny: PolicyFact<DefaultDeny>,
    /// Who reaches the pods without being named.
    pub allowances: PolicyFact<Vec<Allowance>>,
}

/// How a policy names a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityWords {
    /// By namespace and name of its ServiceAccount.
    ServiceAccount,
    /// By a SPIFFE ID whose trust domain may be written `cluster.local`, whatever it is.
    LocalTrustDomain,
}

/// How a policy says a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueWords {
    /// Exact values, path prefixes by element, and regular expressions as the routes of the target read them.
    RouteMatches,
    /// Exact values, `x*`, `*x`, `*`; a second list that is taken away; path templates.
    WordsExceptTemplates,
    /// Exact values, `x*`, `*x`, `*`; a second list that is taken away.
    WordsExcept,
}

/// Which methods a policy can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodWords {
    /// Those that Gateway API lists.
    Listed,
    /// Any.
    Any,
}

/// What a port number of a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyPorts {
    /// Ports that the pods listen on.
    Pod,
    /// Ports of the Service that is called.
    Service,
}

/// What decides where rules of a policy overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyOverlap {
    /// Each rule adds to what the others allow.
    Union,
    /// The one route that fits best decides alone.
    BestRoute,
}

/// What a rule about requests does to connections that are not HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestRuleOnOpaque {
    /// It allows none.
    AllowsNone,
}

/// What is denied once policy selects a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Posture {
    /// What no rule allows on the port that is selected.
    DeniesOnPort,
    /// What no rule allows on any port of the pod.
    DeniesOnPod,
    /// What no rule allows through the waypoint of the Service, and for the pod itself on any port.
    DeniesOnServiceAndPod,
}

/// How policy is tried without denying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditForm {
    /// `accessPolicy: audit` of a Server.
    AccessPolicy,
    /// The annotation `istio.io/dry-run: "true"`.
    DryRun,
    /// There is no such form.
    None,
}

/// How a target denies what has no grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultDeny {
    /// A Server without callers for each port that pods without a grant are known to listen on.
    Servers,
    /// A policy of the namespace that allows nothing.
    AllowNothing,
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
    /// Every regular expression is tried before any prefix.
    RegexFirst,
    /// By the length of what matched: a regular expression counts as the whole path.
    MatchedLength,
    /// Depends on the implementation.
    Unspecified,
}

/// What a target needs in the Service to treat a port as HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtocolNeed {
    /// Nothing: it detects, or the route itself makes the port HTTP.
    Detects,
    /// `appProtocol` with a name of HTTP.
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
///
/// # Panics
/// If a table does not parse; a test holds every table to its schema.
#[must_use]
pub fn sources() -> &'static [Source] {
    &SOURCES
}

/// The source meshes whose reading may be meant, since `served` holds for them; the specification where it holds for none.
#[must_use]
pub fn sources_that(served: impl Fn(&Source) -> bool) -> Vec<&'static Source> {
    let found: Vec<_> = sources().iter().filter(|mesh| served(mesh)).collect();
    if found.is_empty() { sources().iter().take(1).collect() } else { found }
}

/// All targets, in the order of the documentation.
///
/// # Panics
/// If a table does not parse; a test holds every table to its schema.
#[must_use]
pub fn targets() -> &'static [Target] {
    &TARGETS
}

/// The source mesh of that name.
#[must_use]
pub fn source(name: &str) -> Option<&'static Source> {
    sources().iter().find(|source| source.name == name)
}

/// The target of that name, without a version.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    targets().iter().find(|target| target.name == name)
}

// --- choosing a target ---

// === impl Source ===

impl Source {
    /// Whether its API server took this version of a kind and its controllers read it.
    #[must_use]
    pub fn serves(&self, kind: Kind, version: Version) -> bool {
        self.serves.get(&kind).is_some_and(|versions| versions.is.contains(&version))
    }
}

// === impl Target ===

impl Target {
    /// As what a version serves a route kind on a Service: the last row whose `since` it reaches.
    #[must_use]
    pub fn api_version(&self, kind: RouteKind, version: &str) -> Option<&Served> {
        newest(self.routes.get(&kind)?, version, |row| &row.since)
    }
}

/// The table of the standard itself.
#[must_use]
pub fn gateway_api() -> &'static Target {
    target("gateway-api").expect("a test holds the table to be there")
}

/// The last row whose `since` a version reaches.
#[must_use]
pub fn newest<'rows, Row>(rows: &'rows [Row], version: &str, since: impl Fn(&Row) -> &str) -> Option<&'rows Row> {
    let numbers = numbers(version)?;
    rows.iter().rev().find(|row| reaches(&numbers, since(row)))
}

/// Names for a sentence.
#[must_use]
pub fn names<'names>(all: impl Iterator<Item = &'names str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

// --- versions ---

/// Orders two dotted versions by their numbers; a missing number is zero, a leading `v` is not read. None where one is
/// no such version.
#[must_use]
pub fn compare_versions(left: &str, right: &str) -> Option<Ordering> {
    Some(compare(&numbers(left)?, &numbers(right)?))
}

pub(crate) fn numbers(version: &str) -> Option<Vec<u32>> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten();
    version.strip_prefix('v').unwrap_or(version).split('.').map(digits).collect()
}

fn compare(left: &[u32], right: &[u32]) -> Ordering {
    let length = left.len().max(right.len());
    let padded = |numbers: &[u32]| (0..length).map(|i| numbers.get(i).copied().unwrap_or(0)).collect::<Vec<_>>();
    padded(left).cmp(&padded(right))
}

pub(crate) fn reaches(version: &[u32], since: &str) -> bool {
    numbers(since).is_some_and(|since| compare(version, &since).is_ge())
}
