//! Reads a TrafficTarget as one source mesh did.
//!
//! Every question on which meshes part is a row of `AccessReading`; what follows from the row is here, once. What a mesh
//! is not known to have done is refused, never guessed: a permission that is guessed wrong is a breach or an outage. What
//! several grants come to together (overlap, default deny) is not decided here.

use std::collections::BTreeSet;

use super::RequestPattern;
use super::compare::same_patterns;
use super::grant::{Account, Grant, Numbering, Ports, Principal, Requests};
use super::named::{Entry, Named};
use super::pattern::{GroupMeaning, Languages, MatchReading, read_group, read_matches, unsaid};
use super::reading::{Whose, describe_pattern};
use super::split::{Group, Groups, Refusal};
use crate::code;
use crate::inventory::Lookup;
use crate::mappings::{
    self, AccessReading, EveryPortBesideSome, HttpBesideTcp, HttpOnOpaque, MissingNamespace, MissingReference,
    NoMatches, NoRules, NoSources, OpaqueSources, OtherNamespace, PortReading, RulesReading, TcpBesideHttp, TcpOnHttp,
    UdpRule,
};
use crate::place::{Place, SourceId, Span, Spanned};
use crate::report::Finding;
use crate::smi::{HttpMatch, HttpRouteGroup, IdentityBinding, Kind, PortRoute, Rule, Subject, TrafficTarget, Version};

/// What a mesh made of a TrafficTarget.
#[derive(Clone, Debug)]
pub enum AccessMeaning {
    /// It allowed something.
    Grant(Box<Grant>, Vec<Finding>),
    /// The mesh took it and it allowed nothing: without it, the cluster does the same.
    NoEffect {
        /// Why, after "it had no effect: ".
        why: String,
        /// What a person should know about this reading.
        findings: Vec<Finding>,
    },
    /// The mesh never served this version of an object that is involved (`TrafficTarget v1alpha2`).
    NotServed(String),
}

/// What a TrafficTarget may refer to.
#[derive(Clone, Copy, Debug)]
pub struct AccessSurroundings<'a> {
    /// The namespace that the TrafficTarget ends in; none where nothing says.
    pub namespace: Option<&'a str>,
    /// The HTTPRouteGroups of the scope.
    pub groups: &'a Groups<'a>,
    /// The TCPRoutes of the scope.
    pub tcp_routes: &'a Named<'a, PortRoute>,
    /// The UDPRoutes of the scope.
    pub udp_routes: &'a Named<'a, PortRoute>,
    /// The IdentityBindings of the scope.
    pub bindings: &'a Named<'a, IdentityBinding>,
    /// Compiled expressions.
    pub languages: &'a Languages,
}

// === impl AccessMeaning ===

impl AccessMeaning {
    /// What a person should be told of a TrafficTarget that allowed nothing; none for a grant.
    #[must_use]
    pub fn told(&self, mesh: &mappings::Source, place: Place) -> Option<Finding> {
        match self {
            Self::Grant(..) => None,
            Self::NoEffect { why, findings: _ } => Some(
                Finding::new(code!("target-had-no-effect"), format!("the TrafficTarget had no effect: {why}"))
                    .at(place)
                    .note("no policy is written for it, which keeps what the cluster did")
                    .help("delete it, or convert it with `--from spec` if it should take effect now"),
            ),
            Self::NotServed(what) => Some(
                Finding::new(code!("version-not-served"), format!("{} never served {what}", mesh.title))
                    .at(place)
                    .note(
                        "its API server refused the object or kept it without effect, so it cannot have been in force",
                    )
                    .help("say whose reading counts with `--from`; `--from spec` reads it as the specification does"),
            ),
        }
    }
}

// --- whose reading ---

/// Reads `target` under `whose` reading. Where nobody said whose, all meshes that served it must have read it alike.
///
/// # Errors
/// The finding that keeps it from being converted.
pub fn decide(
    target: &TrafficTarget,
    source: SourceId,
    whose: Whose,
    around: AccessSurroundings<'_>,
) -> Result<AccessMeaning, Refusal> {
    match whose {
        Whose::Mesh(mesh) => read(target, source, mesh, around),
        Whose::Unknown => alike(target, source, around),
    }
}

type Reading = Result<AccessMeaning, Refusal>;

fn alike(target: &TrafficTarget, source: SourceId, around: AccessSurroundings<'_>) -> Reading {
    let served = |(_, reading): &(_, Reading)| !matches!(reading, Ok(AccessMeaning::NotServed(_)));
    let readings: Vec<(&mappings::Source, Reading)> =
        mappings::sources().iter().map(|mesh| (mesh, read(target, source, mesh, around))).filter(served).collect();
    let Some(((_, first), others)) = readings.split_first() else {
        return Ok(AccessMeaning::NotServed(format!("TrafficTarget {}", target.meta.id.version)));
    };
    match others.iter().find_map(|(_, other)| difference(first, other)) {
        None => first.clone(),
        Some(witness) => Err(Box::new(undecided(&readings, &witness, target, source))),
    }
}

/// What tells two readings apart, as a request; none if they come to the same.
fn difference(left: &Reading, right: &Reading) -> Option<String> {
    match (left, right) {
        (Ok(AccessMeaning::Grant(left, _)), Ok(AccessMeaning::Grant(right, _))) => same(left, right).err(),
        (Ok(AccessMeaning::NoEffect { .. }), Ok(AccessMeaning::NoEffect { .. }))
        | (Ok(AccessMeaning::NotServed(_)), Ok(AccessMeaning::NotServed(_))) => None,
        (Err(left), Err(right)) if left.code == right.code => None,
        _ => Some("any request to the destination".to_owned()),
    }
}

/// `Ok` if both allow the same.
///
/// # Errors
/// A request that only one of them allows, in words.
fn same(left: &Grant, right: &Grant) -> Result<(), String> {
    let Grant { destination, sources, numbering, http_ports, requests, opaque_ports, udp_ports, place: _ } = left;
    let set = |principals: &[Principal]| principals.iter().cloned().collect::<BTreeSet<_>>();
    if set(destination) != set(&right.destination) {
        return Err("any request to the destination".to_owned());
    }
    let who = |sources: &[(Principal, Place)]| sources.iter().map(|(who, _)| who.clone()).collect::<BTreeSet<_>>();
    if let Some(one) = who(sources).symmetric_difference(&who(&right.sources)).next() {
        return Err(format!("any request from {}", describe_principal(one)));
    }
    let same_ports = |left: &Ports, right: &Ports, what: &str| match first_apart(left, right) {
        Some(port) => Err(format!("{what} on {port}")),
        None => Ok(()),
    };
    same_ports(http_ports, &right.http_ports, "a request")?;
    same_ports(opaque_ports, &right.opaque_ports, "a connection that is not HTTP")?;
    same_ports(udp_ports, &right.udp_ports, "a datagram")?;
    let numbered = [http_ports, opaque_ports, udp_ports].into_iter().any(|ports| match ports {
        Ports::Every => false,
        Ports::Only(numbers) => !numbers.is_empty(),
    });
    if numbered && *numbering != right.numbering {
        return Err("a Service whose port is not the port that its pods listen on".to_owned());
    }
    match (requests, &right.requests) {
        (Requests::Every, Requests::Every) => Ok(()),
        (Requests::Any(left), Requests::Any(right)) => same_patterns(left, right),
        (Requests::Every, Requests::Any(patterns)) | (Requests::Any(patterns), Requests::Every) => {
            let everything = patterns.iter().any(RequestPattern::is_everything);
            if everything { Ok(()) } else { Err("a request that no match takes".to_owned()) }
        }
    }
}

fn first_apart(left: &Ports, right: &Ports) -> Option<String> {
    match (left, right) {
        (Ports::Every, Ports::Every) => None,
        (Ports::Only(left), Ports::Only(right)) => {
            left.symmetric_difference(right).next().map(|port| format!("port {port}"))
        }
        (Ports::Every, Ports::Only(_)) | (Ports::Only(_), Ports::Every) => Some("a port that is not listed".to_owned()),
    }
}

fn undecided(
    readings: &[(&mappings::Source, Reading)],
    witness: &str,
    target: &TrafficTarget,
    source: SourceId,
) -> Finding {
    let at = Place { source, span: target.meta.name.span };
    let message = "the meshes that served this TrafficTarget read it differently";
    let mut finding = Finding::new(code!("source-mesh-needed"), message).at(at);
    // Readings that came to the same share a line.
    let mut lines: Vec<(Vec<&str>, &Reading)> = Vec::new();
    for (mesh, reading) in readings {
        match lines.iter_mut().find(|(_, known)| difference(known, reading).is_none()) {
            Some((names, _)) => names.push(&mesh.name),
            None => lines.push((vec![&mesh.name], reading)),
        }
    }
    for (names, reading) in lines {
        finding = finding.note(format!("{}: {}", names.join(", "), describe(reading)));
    }
    let known = mappings::names(mappings::sources().iter().map(|mesh| mesh.name.as_str()));
    finding.note(format!("they part at: {witness}")).help(format!("say which mesh ran it with `--from MESH` ({known})"))
}

fn describe(reading: &Reading) -> String {
    match reading {
        Ok(AccessMeaning::Grant(grant, _)) => describe_grant(grant),
        Ok(AccessMeaning::NoEffect { why, findings: _ }) => format!("no effect ({why})"),
        Ok(AccessMeaning::NotServed(what)) => format!("never served {what}"),
        Err(finding) => format!("cannot be converted ({})", finding.message),
    }
}

fn describe_grant(grant: &Grant) -> String {
    let mut parts = Vec::new();
    if !grant.http_ports.is_none() && !grant.requests.is_none() {
        let requests = match &grant.requests {
            Requests::Every => "every request".to_owned(),
            Requests::Any(patterns) => {
                let patterns: Vec<String> = patterns.iter().map(describe_pattern).collect();
                format!("requests with {}", patterns.join(", or "))
            }
        };
        parts.push(format!("{requests} on {}", describe_ports(&grant.http_ports, grant.numbering)));
    }
    for (what, ports) in [("connections that are not HTTP", &grant.opaque_ports), ("datagrams", &grant.udp_ports)] {
        if !ports.is_none() {
            parts.push(format!("{what} on {}", describe_ports(ports, grant.numbering)));
        }
    }
    format!("allows {}", parts.join("; "))
}

fn describe_ports(ports: &Ports, numbering: Numbering) -> String {
    let Ports::Only(numbers) = ports else { return "every port".to_owned() };
    let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
    let of = match numbering {
        Numbering::Pod => "of the pods",
        Numbering::Service => "of the Service",
    };
    format!("port {} {of}", numbers.join(", "))
}

fn describe_principal(principal: &Principal) -> String {
    match principal {
        Principal::Account(account) => format!("account {}", account.display()),
        Principal::Spiffe(id) => id.clone(),
        Principal::Pods { labels, .. } => {
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("pods with {}", labels.join(","))
        }
    }
}

// --- one mesh's reading ---

/// Reads `target` as `mesh` did.
///
/// # Errors
/// The finding that keeps it from being converted, whatever the mesh did.
pub fn read(
    target: &TrafficTarget,
    source: SourceId,
    mesh: &mappings::Source,
    around: AccessSurroundings<'_>,
) -> Result<AccessMeaning, Refusal> {
    let Some(reading) = mesh.access.as_ref().filter(|_| mesh.serves(Kind::TrafficTarget, target.meta.version)) else {
        return Ok(AccessMeaning::NotServed(format!("TrafficTarget {}", target.meta.id.version)));
    };
    let mut reader = Reader {
        target,
        source,
        mesh,
        reading,
        matches: MatchReading::of_access(reading),
        around,
        findings: Vec::new(),
    };
    match reader.grant() {
        Ok(grant) if grants_nothing(&grant) => Ok(AccessMeaning::NoEffect {
            why: "none of its rules allows anything".to_owned(),
            findings: reader.findings,
        }),
        Ok(grant) => Ok(AccessMeaning::Grant(Box::new(grant), reader.findings)),
        Err(Stop::NoEffect(why)) => Ok(AccessMeaning::NoEffect { why, findings: reader.findings }),
        Err(Stop::NotServed(what)) => Ok(AccessMeaning::NotServed(what)),
        Err(Stop::Refused(refusal)) => Err(refusal),
    }
}

fn grants_nothing(grant: &Grant) -> bool {
    let no_request = grant.http_ports.is_none() || grant.requests.is_none();
    no_request && grant.opaque_ports.is_none() && grant.udp_ports.is_none()
}

/// Why the reading ends before there is a grant.
enum Stop {
    NoEffect(String),
    NotServed(String),
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Refused(Box::new(finding))
    }
}

struct Reader<'a> {
    target: &'a TrafficTarget,
    source: SourceId,
    mesh: &'a mappings::Source,
    reading: &'a AccessReading,
    matches: MatchReading,
    around: AccessSurroundings<'a>,
    findings: Vec<Finding>,
}

/// What the rules of a TrafficTarget name, before it is decided what that allows.
#[derive(Default)]
struct Parts {
    /// What its HTTPRouteGroups take; none where it names no group.
    http: Option<Conditions>,
    /// The ports of each of its TCPRoutes.
    tcp: Vec<Ports>,
    /// The ports of each of its UDPRoutes.
    udp: Vec<Ports>,
}

/// The matches of HTTPRouteGroups.
#[derive(Default)]
struct Conditions {
    /// Those that say something.
    patterns: Vec<RequestPattern>,
    /// Some group said something, if only that it takes no request.
    limits: bool,
}

/// What a TrafficTarget allows to its sources.
struct Allowed {
    http_ports: Ports,
    requests: Requests,
    opaque_ports: Ports,
    udp_ports: Ports,
}

impl<'a> Reader<'a> {
    fn grant(&mut self) -> Result<Grant, Stop> {
        let Some(subject) = &self.target.destination else {
            return Err(self.incomplete(self.target.meta.span).into());
        };
        let namespace = self.destination_namespace(subject)?;
        let destination = self.principals(subject, namespace)?.into_iter().map(|(principal, _)| principal).collect();
        let sources = self.sources()?;
        let (limit, numbering) = self.destination_port(subject)?;
        let (allowed, numbering) = self.allowed(limit, numbering)?;
        let Allowed { http_ports, requests, opaque_ports, udp_ports } = allowed;
        let place = self.at(subject.span);
        if self.reading.opaque_sources.is == OpaqueSources::Anyone && !opaque_ports.is_none() {
            self.findings.push(
                Finding::new(
                    code!("opaque-sources-unchecked"),
                    format!("{} compared sources only for HTTP", self.mesh.title),
                )
                .at(place)
                .note(
                    "on ports that do not speak HTTP it let in callers whom no TrafficTarget names; policy stops them",
                )
                .help("try the policy in its audit form first, and name every caller of those ports"),
            );
        }
        Ok(Grant { destination, sources, numbering, http_ports, requests, opaque_ports, udp_ports, place })
    }

    fn at(&self, span: Span) -> Place {
        Place { source: self.source, span }
    }

    fn incomplete(&self, span: Span) -> Finding {
        Finding::new(code!("target-incomplete"), "the TrafficTarget lacks a kind or a name that it cannot do without")
            .at(self.at(span))
    }

    fn undefined(&self, span: Span, what: &str, help: &str) -> Stop {
        let help = format!("{help}, or say which mesh read it with `--from`");
        unsaid(self.at(span), what).help(help).into()
    }

    // --- who ---

    fn destination_namespace(&self, subject: &Subject) -> Result<Option<String>, Stop> {
        let Some(written) = &subject.namespace else {
            return self.missing_namespace(self.reading.destination_namespace.is, subject, "a destination");
        };
        let elsewhere = self.around.namespace.is_some_and(|own| own != written.value);
        match self.reading.other_namespace.is {
            OtherNamespace::NoEffect if elsewhere => Err(Stop::NoEffect(format!(
                "{} ignores a TrafficTarget whose destination is in another namespace, `{}`",
                self.mesh.title, written.value
            ))),
            OtherNamespace::Undefined if elsewhere => Err(self.undefined(
                written.span,
                "a TrafficTarget whose destination is in another namespace",
                "move it to the namespace of its destination",
            )),
            OtherNamespace::Allowed | OtherNamespace::NoEffect | OtherNamespace::Undefined => {
                Ok(Some(written.value.clone()))
            }
        }
    }

    fn missing_namespace(
        &self,
        reading: MissingNamespace,
        subject: &Subject,
        what: &str,
    ) -> Result<Option<String>, Stop> {
        match reading {
            MissingNamespace::Own => Ok(self.around.namespace.map(str::to_owned)),
            MissingNamespace::Default => Ok(Some("default".to_owned())),
            MissingNamespace::NoEffect => {
                Err(Stop::NoEffect(format!("for {}, {what} without `namespace` names no account", self.mesh.title)))
            }
            MissingNamespace::Undefined => {
                Err(self.undefined(subject.span, &format!("{what} without `namespace`"), "write the namespace"))
            }
        }
    }

    fn sources(&mut self) -> Result<Vec<(Principal, Place)>, Stop> {
        let target = self.target;
        let written = target.sources.as_deref().unwrap_or_default();
        if written.is_empty() {
            return Err(self.no_sources());
        }
        let mut sources: Vec<(Principal, Place)> = Vec::new();
        let mut without = None;
        for subject in written {
            let namespace = match &subject.namespace {
                Some(namespace) => Some(namespace.value.clone()),
                None => match self.missing_namespace(self.reading.source_namespace.is, subject, "a source") {
                    Err(Stop::NoEffect(why)) => {
                        let finding =
                            Finding::new(code!("source-had-no-effect"), format!("a source had no effect: {why}"));
                        let finding =
                            finding.at(self.at(subject.span)).help("delete it, or write the namespace that is meant");
                        self.findings.push(finding);
                        without = Some(why);
                        continue;
                    }
                    namespace => namespace?,
                },
            };
            for (principal, place) in self.principals(subject, namespace)? {
                if !sources.iter().any(|(known, _)| *known == principal) {
                    sources.push((principal, place));
                }
            }
        }
        match without {
            Some(why) if sources.is_empty() => Err(Stop::NoEffect(why)),
            _ => Ok(sources),
        }
    }

    fn no_sources(&self) -> Stop {
        let span = self.target.meta.name.span;
        match self.reading.no_sources.is {
            NoSources::Nobody => Stop::NoEffect("it names no source".to_owned()),
            NoSources::Anyone => Finding::new(code!("target-sources-empty"), "the TrafficTarget names no source")
                .at(self.at(span))
                .note(format!("{} let in everyone who spoke to the destination's proxy", self.mesh.title))
                .help("name the callers that are meant")
                .into(),
            NoSources::Undefined => {
                self.undefined(span, "a TrafficTarget without sources", "name the callers that are meant")
            }
        }
    }

    fn principals(&self, subject: &Subject, namespace: Option<String>) -> Result<Vec<(Principal, Place)>, Stop> {
        let (Some(kind), Some(name)) = (&subject.kind, &subject.name) else {
            return Err(self.incomplete(subject.span).into());
        };
        let place = self.at(subject.span);
        match kind.value.as_str() {
            "ServiceAccount" => Ok(vec![(Principal::Account(Account { namespace, name: name.value.clone() }), place)]),
            "IdentityBinding" if self.mesh.serves(Kind::IdentityBinding, Version::V1alpha4) => {
                let binding = self.bound(name, namespace.as_deref())?;
                let identities = identities(&binding);
                if identities.is_empty() {
                    return Err(self.unreadable(
                        Kind::IdentityBinding,
                        name,
                        binding.source,
                        binding.object.meta.name.span,
                    ));
                }
                Ok(identities.into_iter().map(|principal| (principal, place)).collect())
            }
            other => Err(Finding::new(
                code!("subject-kind-unsupported"),
                format!("`{other}` `{}` is no identity", name.value),
            )
            .at(self.at(kind.span))
            .note(format!("{} knows callers and destinations by their ServiceAccount", self.mesh.title))
            .help("name the ServiceAccount of the pods that are meant")
            .into()),
        }
    }

    fn bound(&self, name: &Spanned<String>, namespace: Option<&str>) -> Result<Entry<'a, IdentityBinding>, Stop> {
        let entry = self.there(Kind::IdentityBinding, name, self.around.bindings.find(namespace, &name.value))?;
        if entry.blocked {
            return Err(self.unreadable(Kind::IdentityBinding, name, entry.source, entry.object.meta.name.span));
        }
        Ok(entry)
    }

    // --- what ---

    /// The ports that `destination.port` leaves, and what its number counts.
    fn destination_port(&mut self, subject: &Subject) -> Result<(Ports, Option<Numbering>), Stop> {
        let Some(written) = &subject.port else { return Ok((Ports::Every, None)) };
        let port = self.port(self.at(written.span), written.value)?;
        let only = Ports::Only(BTreeSet::from([port]));
        match self.reading.destination_port.is {
            PortReading::Pod => Ok((only, Some(Numbering::Pod))),
            PortReading::Service => Ok((only, Some(Numbering::Service))),
            PortReading::Ignored => {
                self.findings.push(self.port_ignored(self.at(written.span)));
                Ok((Ports::Every, None))
            }
            PortReading::Undefined => Err(self.undefined(
                written.span,
                "`destination.port`, which may count ports of the pods or of the Service,",
                "take it away if every port is meant",
            )),
        }
    }

    fn port_ignored(&self, place: Place) -> Finding {
        Finding::new(
            code!("target-port-ignored"),
            format!("{} did not read this port: every port was open", self.mesh.title),
        )
        .at(place)
        .help("convert with `--from spec` if the port shall count from now on")
    }

    fn port(&self, place: Place, written: i64) -> Result<u16, Stop> {
        u16::try_from(written).ok().filter(|port| *port > 0).ok_or_else(|| {
            Finding::new(code!("target-port-invalid"), format!("{written} is no port"))
                .at(place)
                .help("write a number from 1 to 65535")
                .into()
        })
    }

    fn allowed(&mut self, limit: Ports, numbering: Option<Numbering>) -> Result<(Allowed, Numbering), Stop> {
        if self.reading.rules.is == RulesReading::Unread {
            let (http_ports, opaque_ports) = (limit.clone(), limit);
            let allowed = Allowed { http_ports, requests: Requests::Every, opaque_ports, udp_ports: Ports::none() };
            return Ok((allowed, numbering.unwrap_or(Numbering::Pod)));
        }
        let target = self.target;
        let rules = target.rules.as_deref().unwrap_or_default();
        if rules.is_empty() {
            let allowed = self.no_rules(limit)?;
            return Ok((allowed, numbering.unwrap_or(Numbering::Pod)));
        }
        let mut parts = Parts::default();
        for rule in rules {
            self.rule(rule, &mut parts)?;
        }
        let of_routes = self.route_numbering(&parts);
        if numbering.is_some() && of_routes.is_some() && numbering != of_routes {
            let what = "a port of the destination beside ports of a route, each counted in its own way,";
            return Err(self.undefined(target.meta.name.span, what, "keep one of them"));
        }
        let allowed = self.combine(parts, &limit)?;
        Ok((allowed, numbering.or(of_routes).unwrap_or(Numbering::Pod)))
    }

    fn no_rules(&self, limit: Ports) -> Result<Allowed, Stop> {
        match self.reading.no_rules.is {
            NoRules::Ignored => Err(Stop::NoEffect("it has no rules".to_owned())),
            NoRules::Everything => {
                let opaque_ports = self.opaque_without_tcp(&limit)?;
                Ok(Allowed { http_ports: limit, requests: Requests::Every, opaque_ports, udp_ports: Ports::none() })
            }
            NoRules::Undefined => Err(self.undefined(
                self.target.meta.name.span,
                "a TrafficTarget without rules",
                "write the rules that are meant",
            )),
        }
    }

    fn combine(&self, parts: Parts, limit: &Ports) -> Result<Allowed, Stop> {
        let span = self.target.meta.name.span;
        let requests = parts.http.map(Conditions::requests);
        let tcp = union(&parts.tcp, self.reading.every_port_beside_some.is).map(|ports| limit.and(&ports));
        let udp_ports =
            union(&parts.udp, EveryPortBesideSome::EveryPort).map_or_else(Ports::none, |udp| limit.and(&udp));
        let opaque_ports = match (&tcp, &requests) {
            (Some(tcp), None) => tcp.clone(),
            (Some(tcp), Some(_)) => match self.reading.http_beside_tcp.is {
                HttpBesideTcp::AllowsNone => Ports::none(),
                HttpBesideTcp::OnItsPorts => tcp.clone(),
            },
            (None, Some(_)) => self.opaque_without_tcp(limit)?,
            (None, None) => Ports::none(),
        };
        let (http_ports, requests) = match (tcp, requests) {
            (None, Some(requests)) => (limit.clone(), requests),
            (Some(tcp), Some(requests)) => match self.reading.tcp_beside_http.is {
                TcpBesideHttp::Limits => (tcp, requests),
                TcpBesideHttp::Ignored => (limit.clone(), requests),
                TcpBesideHttp::Undefined => {
                    let what = "a TCPRoute beside an HTTPRouteGroup";
                    return Err(self.undefined(span, what, "give each a TrafficTarget of its own"));
                }
            },
            (Some(tcp), None) => match self.reading.tcp_on_http.is {
                TcpOnHttp::OnItsPorts => (tcp, Requests::Every),
                TcpOnHttp::EveryPort => (limit.clone(), Requests::Every),
                TcpOnHttp::Nothing => (Ports::none(), Requests::none()),
                TcpOnHttp::Undefined => {
                    let what = "a TCPRoute without an HTTPRouteGroup on ports that speak HTTP";
                    return Err(self.undefined(span, what, "add an HTTPRouteGroup that says which requests are meant"));
                }
            },
            (None, None) => (Ports::none(), Requests::none()),
        };
        Ok(Allowed { http_ports, requests, opaque_ports, udp_ports })
    }

    /// What a TrafficTarget without a TCPRoute allows on ports that do not speak HTTP.
    fn opaque_without_tcp(&self, limit: &Ports) -> Result<Ports, Stop> {
        match self.reading.http_on_opaque.is {
            HttpOnOpaque::Nothing => Ok(Ports::none()),
            HttpOnOpaque::Everything => Ok(limit.clone()),
            HttpOnOpaque::Undefined => Err(self.undefined(
                self.target.meta.name.span,
                "a TrafficTarget without a TCPRoute on ports that do not speak HTTP",
                "add a TCPRoute",
            )),
        }
    }

    /// What the ports of routes count, where a route names any.
    fn route_numbering(&self, parts: &Parts) -> Option<Numbering> {
        let named = parts.tcp.iter().chain(&parts.udp).any(|ports| matches!(ports, Ports::Only(_)));
        match self.reading.tcp_ports.is {
            PortReading::Pod => named.then_some(Numbering::Pod),
            PortReading::Service => named.then_some(Numbering::Service),
            PortReading::Ignored | PortReading::Undefined => None,
        }
    }

    // --- rules ---

    fn rule(&mut self, rule: &'a Rule, parts: &mut Parts) -> Result<(), Stop> {
        let (Some(kind), Some(name)) = (&rule.kind, &rule.name) else {
            return Err(self.incomplete(rule.span).into());
        };
        match Kind::from_name(&kind.value) {
            Some(Kind::HTTPRouteGroup) => self.http_rule(rule, name, parts.http.get_or_insert_default()),
            Some(Kind::TCPRoute) => {
                let routes = self.around.tcp_routes;
                parts.tcp.push(self.port_route(rule, Kind::TCPRoute, name, routes)?);
                Ok(())
            }
            Some(Kind::UDPRoute) => self.udp_rule(rule, name, parts),
            _ => Err(Finding::new(code!("rule-kind-unsupported"), format!("a rule cannot name a {}", kind.value))
                .at(self.at(kind.span))
                .help("name an HTTPRouteGroup, a TCPRoute or a UDPRoute")
                .into()),
        }
    }

    fn udp_rule(&mut self, rule: &'a Rule, name: &Spanned<String>, parts: &mut Parts) -> Result<(), Stop> {
        match self.reading.udp_rule.is {
            UdpRule::Allows => {
                let routes = self.around.udp_routes;
                parts.udp.push(self.port_route(rule, Kind::UDPRoute, name, routes)?);
                Ok(())
            }
            UdpRule::TargetDropped => Err(Stop::NoEffect(format!(
                "{} drops a TrafficTarget with a rule of kind UDPRoute, its other rules included",
                self.mesh.title
            ))),
            UdpRule::Skipped => {
                let message = format!("{} left out the rule of kind UDPRoute", self.mesh.title);
                let finding = Finding::new(code!("rule-had-no-effect"), message).at(self.at(rule.span));
                self.findings.push(finding.help("delete the rule, or convert with `--from spec` if it should count"));
                Ok(())
            }
            UdpRule::Undefined => Err(self.undefined(rule.span, "a rule of kind UDPRoute", "delete the rule")),
        }
    }

    /// The ports of a TCPRoute or a UDPRoute.
    fn port_route(
        &mut self,
        rule: &Rule,
        kind: Kind,
        name: &Spanned<String>,
        routes: &Named<'a, PortRoute>,
    ) -> Result<Ports, Stop> {
        let found = routes.find(self.around.namespace, &name.value);
        let Entry { source, object: route, blocked, namespace: _ } = self.there(kind, name, found)?;
        if blocked {
            return Err(self.unreadable(kind, name, source, route.meta.name.span));
        }
        if !self.mesh.serves(kind, route.meta.version) {
            return Err(Stop::NotServed(format!("{} {}", kind.name(), route.meta.id.version)));
        }
        if rule.matches.as_ref().is_some_and(|matches| !matches.is_empty()) {
            let finding = unsaid(self.at(rule.span), &format!("`matches` of a rule that names a {}", kind.name()));
            let finding = finding
                .note("Open Service Mesh looked the names up in an HTTPRouteGroup that is called like the route");
            return Err(finding.help("delete `matches`, or name the HTTPRouteGroup in a rule of its own").into());
        }
        let written = route.ports.as_deref().unwrap_or_default();
        let place = |span| Place { source, span };
        if written.is_empty() {
            return match route.meta.labels.get("ports") {
                Some(label) => Err(ports_label(kind, place(label.span)).into()),
                None => Ok(Ports::Every),
            };
        }
        let mut ports = BTreeSet::new();
        for port in written {
            ports.insert(self.port(place(port.span), port.value)?);
        }
        match self.reading.tcp_ports.is {
            PortReading::Pod | PortReading::Service => Ok(Ports::Only(ports)),
            PortReading::Ignored => {
                self.findings.push(self.port_ignored(place(written[0].span)));
                Ok(Ports::Every)
            }
            PortReading::Undefined => {
                let what = format!("a port of a {}, which may be one of the pods or of the Service,", kind.name());
                Err(self.undefined(rule.span, &what, "take the ports away if every port is meant"))
            }
        }
    }

    fn http_rule(&mut self, rule: &'a Rule, name: &Spanned<String>, into: &mut Conditions) -> Result<(), Stop> {
        let (source, group) = self.group(name)?;
        let written = rule.matches.as_deref().unwrap_or_default();
        if written.is_empty() {
            match self.reading.no_matches.is {
                NoMatches::All => {
                    let languages = self.around.languages;
                    into.take(read_group(group, source, &self.matches, languages, &mut self.findings)?);
                }
                NoMatches::Nothing => {
                    let message = format!("for {}, a rule without `matches` allows no request", self.mesh.title);
                    let finding = Finding::new(code!("rule-had-no-effect"), message).at(self.at(rule.span));
                    self.findings.push(
                        finding
                            .note("the specification says that it means all matches of the group")
                            .help("delete the rule to keep what the cluster did, or list the matches that shall count from now on"),
                    );
                    into.limits = true;
                }
                NoMatches::Undefined => {
                    let what = "a rule without `matches`";
                    return Err(self.undefined(rule.span, what, "list the matches that are meant"));
                }
            }
            return Ok(());
        }
        let mut chosen = Vec::new();
        for wanted in written {
            chosen.extend(self.chosen(wanted, group, source)?);
        }
        into.limits |= chosen.is_empty();
        if !chosen.is_empty() {
            into.take(read_matches(chosen, source, &self.matches, self.around.languages, &mut self.findings)?);
        }
        Ok(())
    }

    /// The match that a rule names, unless the mesh went on without it.
    fn chosen(
        &mut self,
        wanted: &Spanned<String>,
        group: &'a HttpRouteGroup,
        source: SourceId,
    ) -> Result<Option<&'a HttpMatch>, Stop> {
        let named = |item: &&HttpMatch| item.name.as_ref().is_some_and(|name| name.value == wanted.value);
        let all: Vec<&HttpMatch> = group.matches.iter().filter(named).collect();
        match all.as_slice() {
            [only] => return Ok(Some(only)),
            [first, second, ..] => {
                let message = format!("HTTPRouteGroup `{}` has several matches `{}`", group.meta.id.name, wanted.value);
                let place = |item: &HttpMatch| Place { source, span: item.span };
                return Err(Finding::new(code!("target-match-ambiguous"), message)
                    .at(self.at(wanted.span))
                    .label(place(first), "the first, which counts for Traefik Mesh")
                    .label(place(second), "another; the last counts for Open Service Mesh")
                    .help("give each match a name of its own")
                    .into());
            }
            [] => {}
        }
        let message = format!("HTTPRouteGroup `{}` has no match `{}`", group.meta.id.name, wanted.value);
        match self.reading.missing_match.is {
            MissingReference::Skipped => {
                let finding = Finding::new(code!("target-match-missing"), message).at(self.at(wanted.span));
                let note = format!("{} went on without it", self.mesh.title);
                self.findings.push(finding.note(note).help("correct the name, or delete it from the rule"));
                Ok(None)
            }
            MissingReference::TargetDropped => {
                Err(Stop::NoEffect(format!("{message}, and {} then drops the TrafficTarget", self.mesh.title)))
            }
            MissingReference::Undefined => {
                let what = "a name in `matches` that the group does not have";
                Err(self.undefined(wanted.span, what, "correct the name"))
            }
        }
    }

    fn group(&self, name: &Spanned<String>) -> Result<(SourceId, &'a HttpRouteGroup), Stop> {
        let entry = |Group { namespace, source, group, blocked }| Entry { namespace, source, object: group, blocked };
        let found = match self.around.groups.find(self.around.namespace, &name.value) {
            Lookup::Found(group) => Lookup::Found(entry(group)),
            Lookup::Ambiguous(first, second) => Lookup::Ambiguous(entry(first), entry(second)),
            Lookup::Missing => Lookup::Missing,
        };
        let Entry { source, object: group, blocked, namespace: _ } = self.there(Kind::HTTPRouteGroup, name, found)?;
        if let Some(span) = group.misplaced {
            let message = format!(
                "the matches of HTTPRouteGroup `{}` stand where {} does not have them",
                group.meta.id.name, group.meta.id.version
            );
            return Err(Finding::new(code!("group-misplaced"), message)
                .at(Place { source, span })
                .label(self.at(name.span), "the TrafficTarget refers to it here")
                .note(
                    "the API server prunes fields that a version does not have, so the group in the cluster was empty",
                )
                .help("move the list to where its version has it, if it is meant")
                .into());
        }
        if blocked {
            return Err(self.unreadable(Kind::HTTPRouteGroup, name, source, group.meta.name.span));
        }
        if !self.mesh.serves(Kind::HTTPRouteGroup, group.meta.version) {
            return Err(Stop::NotServed(format!("HTTPRouteGroup {}", group.meta.id.version)));
        }
        Ok((source, group))
    }

    // --- references ---

    /// The object that a name leads to. One that is not in the scope may yet be in the cluster, so nothing is concluded
    /// from its absence.
    fn there<T: HasName>(
        &self,
        kind: Kind,
        name: &Spanned<String>,
        found: Lookup<Entry<'a, T>>,
    ) -> Result<Entry<'a, T>, Stop> {
        match found {
            Lookup::Found(entry) => Ok(entry),
            Lookup::Ambiguous(first, second) => {
                let message = format!("{} `{}` is there more than once", kind.name(), name.value);
                let place = |entry: Entry<'a, T>| Place { source: entry.source, span: entry.object.name_span() };
                Err(Finding::new(code!("target-reference-ambiguous"), message)
                    .at(self.at(name.span))
                    .label(place(first), "one of them")
                    .label(place(second), "another one")
                    .help("write the namespaces, or give smi2gamma one version at a time")
                    .into())
            }
            Lookup::Missing => {
                let message = format!("{} `{}` is not in this scope", kind.name(), name.value);
                Err(Finding::new(code!("target-reference-missing"), message)
                    .at(self.at(name.span))
                    .note(self.if_missing(kind))
                    .help("give it with `--with FILE`, or repair the name")
                    .into())
            }
        }
    }

    fn if_missing(&self, kind: Kind) -> String {
        let row = match kind {
            Kind::HTTPRouteGroup => self.reading.missing_group.is,
            Kind::TCPRoute => self.reading.missing_route.is,
            _ => MissingReference::Undefined,
        };
        let title = &self.mesh.title;
        match row {
            MissingReference::Skipped => format!("if the cluster lacks it too, {title} allowed nothing by this rule"),
            MissingReference::TargetDropped => {
                format!("if the cluster lacks it too, {title} dropped the TrafficTarget")
            }
            MissingReference::Undefined => "without it nobody knows what is allowed".to_owned(),
        }
    }

    fn unreadable(&self, kind: Kind, name: &Spanned<String>, source: SourceId, span: Span) -> Stop {
        let message = format!("{} `{}` cannot be read as it is", kind.name(), name.value);
        Finding::new(code!("target-reference-unreadable"), message)
            .at(self.at(name.span))
            .label(Place { source, span }, "its own findings say why")
            .help("repair that object first")
            .into()
    }
}

/// Open Service Mesh before 0.8 had no other place for ports (openservicemesh/osm issue 2222).
fn ports_label(kind: Kind, place: Place) -> Finding {
    let message = format!("this {} names no port and has a label `ports`", kind.name());
    Finding::new(code!("route-ports-label"), message)
        .at(place)
        .note("Open Service Mesh 0.6 and 0.7 took the label for the list of ports; for every other mesh it is a label")
        .help("write a TCPRoute of v1alpha4 with `spec: {matches: {ports: […]}}`, or take the label away if every port is meant")
}

/// Who an IdentityBinding stands for: its schemes are alternatives, each within its namespace (smi-spec@cc4babd
/// `apis/traffic-access/v1alpha4/traffic-access.md`).
fn identities(binding: &Entry<'_, IdentityBinding>) -> Vec<Principal> {
    let Some(schemes) = &binding.object.schemes else { return Vec::new() };
    let namespace = || binding.namespace.map(str::to_owned);
    let account = schemes
        .service_account
        .iter()
        .map(|name| Principal::Account(Account { namespace: namespace(), name: name.value.clone() }));
    let spiffe = schemes.spiffe_identities.iter().map(|id| {
        let rest = id.value.strip_prefix("spiffe://").unwrap_or(&id.value);
        Principal::Spiffe(format!("spiffe://{rest}"))
    });
    let pods = schemes
        .pod_labels
        .iter()
        .filter(|labels| !labels.value.is_empty())
        .map(|labels| Principal::Pods { namespace: namespace(), labels: labels.value.clone() });
    account.chain(spiffe).chain(pods).collect()
}

/// All ports of some routes; none where there is no route.
fn union(routes: &[Ports], every: EveryPortBesideSome) -> Option<Ports> {
    if routes.is_empty() {
        return None;
    }
    let listed: BTreeSet<u16> = routes
        .iter()
        .flat_map(|ports| match ports {
            Ports::Every => None,
            Ports::Only(numbers) => Some(numbers),
        })
        .flatten()
        .copied()
        .collect();
    let has_every = routes.contains(&Ports::Every);
    Some(match every {
        EveryPortBesideSome::EveryPort if has_every => Ports::Every,
        EveryPortBesideSome::Listed if listed.is_empty() => Ports::Every,
        EveryPortBesideSome::EveryPort | EveryPortBesideSome::Listed => Ports::Only(listed),
    })
}

/// What a reference can lead to.
trait HasName {
    fn name_span(&self) -> Span;
}

impl HasName for HttpRouteGroup {
    fn name_span(&self) -> Span {
        self.meta.name.span
    }
}

impl HasName for PortRoute {
    fn name_span(&self) -> Span {
        self.meta.name.span
    }
}

impl HasName for IdentityBinding {
    fn name_span(&self) -> Span {
        self.meta.name.span
    }
}

// === impl Conditions ===

impl Conditions {
    fn take(&mut self, meaning: GroupMeaning) {
        match meaning {
            GroupMeaning::Patterns(patterns) => {
                self.limits = true;
                self.patterns.extend(patterns);
            }
            GroupMeaning::Nothing => {}
        }
    }

    fn requests(self) -> Requests {
        if !self.limits || self.patterns.iter().any(RequestPattern::is_everything) {
            return Requests::Every;
        }
        Requests::Any(self.patterns)
    }
}
