//! What a mesh's TrafficSplits did with one request to one port of a Service.
//!
//! The order of the questions is that of a proxy: which splits of the Service count on this port, which of them take the
//! request, whose backends answer it and with which shares. Each question is a row of the mesh's table. Where the row says
//! `undefined` and the answer would depend on it, the answer is undecided.

use std::collections::{BTreeMap, BTreeSet};

use super::Before;
use super::condition::{Condition, Value};
use super::names::{self, Named};
use crate::inventory::{Lookup, Port, Service, Transport};
use crate::mappings::{
    AllZero, DuplicateBackend, EmptyMatch, HeaderAnchoring, HostHeader, MatchesReading, MissingBackend, MissingPort,
    PathAnchoring, ProtocolReading, SameRoot, SelfReference, SplitReading, Unmatched, WeightReading,
};
use crate::pattern::{Anchoring, Domain, Language};
use crate::place::{Place, SourceId};
use crate::smi::{Backend as Written, HttpMatch, HttpRouteGroup, Kind, TrafficSplit, Version};
use crate::verify::region::{Term, Terms};
use crate::verify::request::{Field, Request, ServiceName, ServicePort, same_namespace};
use crate::verify::speaks::{self, Speaks};
use crate::verify::verdict::{Answer, Assumption, Backend, Cause, Decision, Shares};
use crate::verify::world::Deployed;
use crate::verify::{Absent, Given, Judge};

/// A TrafficSplit that its mesh served, with the Service it names.
#[derive(Debug)]
pub(super) struct Split<'a> {
    pub(super) root: ServiceName,
    written: &'a TrafficSplit,
    deployed: Deployed<'a>,
    reading: &'static SplitReading,
    /// Why nobody can say what its root is.
    unclear: Option<String>,
}

// === impl Split ===

impl<'a> Split<'a> {
    /// None for a split that names no Service, or that the mesh dropped.
    pub(super) fn read(
        written: &'a TrafficSplit,
        deployed: Deployed<'a>,
        reading: &'static SplitReading,
    ) -> Option<Self> {
        let service = written.service.as_ref()?;
        let (root, unclear) = match names::service(&service.value, deployed.namespace, reading.root.is) {
            Named::Service(root) => (root, None),
            Named::Nothing => return None,
            Named::Unclear(why) => {
                let name = service.value.split('.').next().unwrap_or(&service.value).to_owned();
                (ServiceName { namespace: deployed.namespace.map(str::to_owned), name }, Some(why))
            }
        };
        let split = Self { root, written, deployed, reading, unclear };
        let itself = split.backend_names().any(|name| name.may_be(&split.root));
        let dropped = itself && reading.self_reference.is == SelfReference::SplitDropped;
        (!dropped).then_some(split)
    }

    /// The Services that its backends name.
    pub(super) fn backend_names(&self) -> impl Iterator<Item = ServiceName> + use<'_, 'a> {
        self.written.backends.iter().filter_map(|backend| match self.named(backend) {
            Some(Named::Service(name)) => Some(name),
            Some(Named::Nothing | Named::Unclear(_)) | None => None,
        })
    }

    fn named(&self, backend: &Written) -> Option<Named> {
        let service = backend.service.as_ref()?;
        Some(names::service(&service.value, self.deployed.namespace, self.reading.backend.is))
    }

    fn source(&self) -> SourceId {
        self.deployed.source
    }

    fn name_place(&self) -> Place {
        Place { source: self.source(), span: self.written.meta.name.span }
    }

    fn cause(&self) -> Cause {
        let span = self.written.backends_span.unwrap_or(self.written.meta.name.span);
        let what = format!("backends of TrafficSplit {}", self.written.meta.name.value);
        Cause { place: Some(Place { source: self.source(), span }), what }
    }
}

/// A split with its condition compiled.
struct Rule<'j> {
    split: &'j Split<'j>,
    /// None: every request.
    condition: Option<Result<Vec<Match>, String>>,
}

/// One entry of a group; all of it must hold.
struct Match {
    condition: Condition,
    place: Place,
    name: String,
}

/// The splits of one Service on one port.
pub(super) struct Routing<'j> {
    before: &'j Before<'j>,
    at: ServicePort,
    rules: Vec<Rule<'j>>,
    /// Why nothing can be said of the port.
    unclear: Option<String>,
}

// === impl Routing ===

impl<'j> Routing<'j> {
    pub(super) fn new(before: &'j Before<'j>, at: &ServicePort) -> Self {
        let splits = before.splits_of(&at.service);
        let unclear = splits.iter().find_map(|split| split.unclear.clone());
        let rules = splits.into_iter().map(|split| Rule { split, condition: condition(before, split) }).collect();
        Self { before, at: at.clone(), rules, unclear }
    }

    /// The share of the root Service's own endpoints.
    fn own(&self) -> Backend {
        Backend { namespace: None, name: self.at.service.name.clone(), port: self.at.port }
    }

    fn to_root(&self, mut causes: Vec<Cause>) -> Answer {
        causes.push(Cause { place: None, what: format!("Service {} itself", self.at.service) });
        Answer::Certain(Decision::route(Shares::all_to(self.own()), causes))
    }

    /// Whether the mesh saw HTTP on the port.
    fn speaks(&self, reading: &SplitReading, assumed: &mut BTreeSet<Assumption>) -> Speaks {
        let service =
            match self.before.service(&self.at.service) {
                Lookup::Found(service) | Lookup::Ambiguous(service, _) => Some(service),
                // A backend takes part under the number that the root has, so what it says of the port holds for both.
                Lookup::Missing => self.rules.iter().flat_map(|rule| rule.split.backend_names()).find_map(|name| {
                    match self.before.service(&name) {
                        Lookup::Found(service) => {
                            Some(service).filter(|service| speaks::has_tcp(service, self.at.port))
                        }
                        Lookup::Ambiguous(..) | Lookup::Missing => None,
                    }
                }),
            };
        let port = service.and_then(|service| tcp_port(service, self.at.port));
        let said = service.zip(port).and_then(|(service, port)| super::said(service, port, reading.protocol.is));
        if said.is_none() && reading.protocol.is != ProtocolReading::Detected {
            assumed.insert(Assumption::Http(self.at.service.clone(), self.at.port));
        }
        said.unwrap_or(Speaks::Http)
    }

    fn split(&self, request: &Request, given: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer {
        let Some(reading) = self.before.reading() else { return self.to_root(Vec::new()) };
        let whole = self.rules.iter().all(|rule| rule.condition.is_none());
        let mut rules: Vec<&Rule<'_>> = self.rules.iter().collect();
        // What speaks on the port matters only where conditions are read, or where nothing but HTTP was split.
        if !whole || reading.protocol.is == ProtocolReading::HttpOnly {
            match self.speaks(reading, assumed) {
                Speaks::Http => {}
                Speaks::Bytes if reading.protocol.is == ProtocolReading::HttpOnly => return self.to_root(Vec::new()),
                Speaks::Bytes if reading.protocol.is == ProtocolReading::AnnotatedElseHttp => {}
                Speaks::Bytes => rules.retain(|rule| rule.condition.is_none()),
            }
        }
        let mut taken = Vec::new();
        for rule in &rules {
            match rule.takes(request) {
                Ok(Some(place)) => taken.push((*rule, place)),
                Ok(None) => {}
                Err(why) => return Answer::Undecided(why),
            }
        }
        let (conditional, plain): (Vec<_>, Vec<_>) = taken.into_iter().partition(|(rule, _)| rule.condition.is_some());
        let many = rules.len() > 1;
        match reading.same_root.is {
            _ if !many => match conditional.first().or(plain.first()) {
                Some((rule, cause)) => self.shares(&[rule], cause, request, given, assumed),
                None => self.unmatched(&rules, reading, given, assumed),
            },
            SameRoot::OneWins | SameRoot::Undefined => {
                let mut decisions = Vec::new();
                for rule in &rules {
                    let met = conditional.iter().chain(&plain).find(|(one, _)| std::ptr::eq(*one, *rule));
                    let answer = match met {
                        Some((rule, cause)) => self.shares(&[rule], cause, request, given, assumed),
                        None => self.unmatched(std::slice::from_ref(rule), reading, given, assumed),
                    };
                    match answer {
                        Answer::Certain(decision) => decisions.push(decision),
                        Answer::Order { .. } | Answer::Each { .. } | Answer::Undecided(_) => return answer,
                    }
                }
                let root = &self.at.service;
                match Answer::one_of(
                    decisions,
                    format!("one of several splits of {root} counts, and nobody controls which"),
                ) {
                    Answer::Order { .. } if reading.same_root.is == SameRoot::Undefined => {
                        Answer::Undecided(format!("nobody says what several splits of {root} do together"))
                    }
                    answer => answer,
                }
            }
            SameRoot::ConditionalFirst | SameRoot::Merged => {
                if conditional.is_empty() && !plain.is_empty() && reading.same_root.is == SameRoot::Merged {
                    let rules: Vec<&Rule<'_>> = plain.iter().map(|(rule, _)| *rule).collect();
                    return self.shares(&rules, &plain[0].1, request, given, assumed);
                }
                let candidates = if conditional.is_empty() { plain } else { conditional };
                if candidates.is_empty() {
                    return self.unmatched(&rules, reading, given, assumed);
                }
                let mut decisions = Vec::new();
                for (rule, cause) in &candidates {
                    match self.shares(&[rule], cause, request, given, assumed) {
                        Answer::Certain(decision) => decisions.push(decision),
                        answer => return answer,
                    }
                }
                Answer::one_of(
                    decisions,
                    "several splits take the request, and nobody controls which of them goes first",
                )
            }
        }
    }

    /// A request that no split takes.
    fn unmatched(
        &self,
        rules: &[&Rule<'_>],
        reading: &SplitReading,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Answer {
        let conditional: Vec<&&Rule<'_>> = rules.iter().filter(|rule| rule.condition.is_some()).collect();
        let causes: Vec<Cause> = conditional
            .iter()
            .map(|rule| Cause {
                place: Some(rule.split.name_place()),
                what: format!("no match of TrafficSplit {} takes it", rule.split.written.meta.name.value),
            })
            .collect();
        if conditional.is_empty() || reading.unmatched.is != Unmatched::EqualShares {
            return self.to_root(causes);
        }
        // Such a route exists only while every match names a path (flomesh-io/fsm
        // pkg/catalog/outbound_traffic_policies.go).
        let pathless = conditional.iter().any(|rule| match &rule.condition {
            Some(Ok(matches)) => {
                matches.iter().any(|one| one.condition.path.as_ref().is_none_or(|path| path.language.is_any()))
            }
            Some(Err(_)) | None => false,
        });
        if pathless {
            return Answer::Certain(Decision::route(Shares::failing(), causes));
        }
        let mut equal: BTreeMap<ServiceName, Place> = BTreeMap::new();
        for rule in &conditional {
            for entry in entries(rule.split).unwrap_or_default() {
                equal.entry(entry.service).or_insert(entry.place);
            }
        }
        let entries: Vec<Entry> =
            equal.into_iter().map(|(service, place)| Entry { service, milli: 1000, place }).collect();
        self.weigh(&entries, reading, causes, given, assumed)
    }

    /// Where the backends of `rules` send a request, taken together.
    fn shares(
        &self,
        rules: &[&Rule<'_>],
        cause: &Cause,
        _request: &Request,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Answer {
        let mut all = Vec::new();
        let mut causes = vec![cause.clone()];
        let mut reading = None;
        for rule in rules {
            match entries(rule.split) {
                Ok(entries) => all.extend(entries),
                Err(why) => return Answer::Undecided(why),
            }
            causes.push(rule.split.cause());
            reading = Some(rule.split.reading);
        }
        causes.dedup();
        match reading {
            Some(reading) => self.weigh(&all, reading, causes, given, assumed),
            None => self.to_root(causes),
        }
    }

    fn weigh(
        &self,
        entries: &[Entry],
        reading: &SplitReading,
        causes: Vec<Cause>,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Answer {
        let entries = match counted(entries, reading, self.before.exact) {
            Ok(entries) => entries,
            Err(why) => return Answer::Undecided(why),
        };
        let all_zero = entries.iter().all(|entry| entry.milli <= 0);
        let mut weights: Vec<(Backend, u128)> = Vec::new();
        let mut fails = 0;
        let mut left_out_for_its_port = false;
        for entry in &entries {
            let weight = u128::try_from(entry.milli).unwrap_or(0);
            match self.standing(&entry.service, given, assumed) {
                Standing::Answers => weights.push((self.backend(&entry.service), weight)),
                Standing::Unclear(why) => return Answer::Undecided(why),
                Standing::LacksPort => match reading.missing_port.is {
                    MissingPort::LeftOut => left_out_for_its_port = true,
                    MissingPort::ShareFails => fails += weight,
                },
                Standing::Missing => match reading.missing_backend.is {
                    MissingBackend::OthersTakeIt => {}
                    MissingBackend::ShareFails => fails += weight,
                    MissingBackend::Undefined if weight == 0 => {}
                    MissingBackend::Undefined => {
                        return Answer::Undecided(format!(
                            "nobody says what became of the share of Service {}, which does not exist",
                            entry.service
                        ));
                    }
                },
            }
        }
        if weights.iter().any(|(_, weight)| *weight > 0) || fails > 0 {
            return Answer::Certain(Decision::route(Shares::new(weights, fails), causes));
        }
        // No backend has the port, so the port is not split.
        if left_out_for_its_port && weights.is_empty() {
            return self.to_root(causes);
        }
        if !all_zero {
            return Answer::Undecided("no backend is left that takes a share".into());
        }
        match reading.all_zero.is {
            AllZero::RootService => self.to_root(causes),
            AllZero::Broken => Answer::Certain(Decision::route(Shares::failing(), causes)),
            AllZero::Undefined => Answer::Undecided("every weight is zero, and nobody says what happens then".into()),
        }
    }

    fn backend(&self, service: &ServiceName) -> Backend {
        let root = self.at.service.namespace.as_deref();
        let namespace =
            if same_namespace(root, service.namespace.as_deref()) { None } else { service.namespace.clone() };
        Backend { namespace, name: service.name.clone(), port: self.at.port }
    }

    /// Whether a backend can answer on this port.
    fn standing(&self, service: &ServiceName, given: &Given, assumed: &mut BTreeSet<Assumption>) -> Standing {
        let port = self.at.port;
        match self.before.service(service) {
            Lookup::Found(found) => {
                if speaks::has_tcp(found, port) {
                    Standing::Answers
                } else {
                    Standing::LacksPort
                }
            }
            Lookup::Ambiguous(one, other) if one.same_ports(other) => {
                if speaks::has_tcp(one, port) {
                    Standing::Answers
                } else {
                    Standing::LacksPort
                }
            }
            Lookup::Ambiguous(..) => {
                Standing::Unclear(format!("Service {service} is there twice, with different ports"))
            }
            Lookup::Missing if service.may_be(&self.at.service) => Standing::Answers,
            Lookup::Missing => match given.services {
                Absent::Exists => {
                    assumed.insert(Assumption::Exists(service.clone()));
                    Standing::Answers
                }
                Absent::Missing => {
                    assumed.insert(Assumption::Missing(service.clone()));
                    Standing::Missing
                }
            },
        }
    }
}

fn tcp_port(service: &Service, number: u16) -> Option<&Port> {
    service.ports.iter().find(|port| port.number == number && port.transport == Transport::Tcp)
}

enum Standing {
    Answers,
    LacksPort,
    Missing,
    Unclear(String),
}

impl Judge for Routing<'_> {
    fn terms(&self) -> Result<Terms, String> {
        let mut terms = Terms::default();
        for rule in &self.rules {
            let Some(Ok(matches)) = &rule.condition else { continue };
            for one in matches {
                one.condition.ask(&mut terms);
            }
        }
        Ok(terms)
    }

    fn answer(&self, request: &Request, given: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer {
        if let Some(why) = &self.unclear {
            return Answer::Undecided(why.clone());
        }
        match self.before.service(&self.at.service) {
            Lookup::Found(service) if !speaks::has_tcp(service, self.at.port) => {
                let what = format!("Service {} has no port {}", self.at.service, self.at.port);
                let cause = Cause { place: Some(service.place), what };
                return Answer::Certain(Decision::route(Shares::failing(), vec![cause]));
            }
            Lookup::Ambiguous(one, other) if !one.same_ports(other) => {
                return Answer::Undecided(format!("Service {} is there twice, with different ports", self.at.service));
            }
            Lookup::Found(service) | Lookup::Ambiguous(service, _)
                if service.external_name && !self.rules.is_empty() =>
            {
                return Answer::Undecided(format!(
                    "what meshes did with the ExternalName Service {} is not known",
                    self.at.service
                ));
            }
            Lookup::Found(_) | Lookup::Ambiguous(..) | Lookup::Missing => {}
        }
        if self.rules.is_empty() {
            return self.to_root(Vec::new());
        }
        self.split(request, given, assumed)
    }
}

// --- backends ---

/// One backend of a split.
#[derive(Clone, Debug)]
struct Entry {
    service: ServiceName,
    milli: i128,
    place: Place,
}

fn entries(split: &Split<'_>) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for backend in &split.written.backends {
        let (Some(named), Some(weight), Some(service)) = (split.named(backend), &backend.weight, &backend.service)
        else {
            return Err("a backend without a Service or a weight".into());
        };
        let place = Place { source: split.source(), span: service.span };
        match named {
            Named::Service(service) => entries.push(Entry { service, milli: weight.value.milli, place }),
            Named::Nothing => return Err(format!("backend `{}` names no Service that the mesh knew", service.value)),
            Named::Unclear(why) => return Err(why),
        }
    }
    Ok(entries)
}

/// The entries as the mesh counted them: shares rounded, repeated backends once or more.
fn counted(entries: &[Entry], reading: &SplitReading, exact: bool) -> Result<Vec<Entry>, String> {
    let repeated = |entries: &[Entry], at: usize| entries[..at].iter().any(|one| one.service == entries[at].service);
    let mut kept: Vec<Entry> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let counts = match reading.duplicate_backend.is {
            DuplicateBackend::EqualOnce => {
                !kept.iter().any(|one| one.service == entry.service && one.milli == entry.milli)
            }
            DuplicateBackend::FirstWins => !repeated(entries, at),
            DuplicateBackend::Undefined if repeated(entries, at) => {
                return Err(format!(
                    "nobody says what backend {} counts, which is there more than once",
                    entry.service
                ));
            }
            DuplicateBackend::Summed | DuplicateBackend::LastRepeated | DuplicateBackend::Undefined => true,
        };
        if counts {
            kept.push(entry.clone());
        }
    }
    if reading.weights.is == WeightReading::RoundedPercent && !exact {
        round(&mut kept);
    }
    if reading.duplicate_backend.is == DuplicateBackend::LastRepeated {
        let last: BTreeMap<ServiceName, i128> = kept.iter().map(|one| (one.service.clone(), one.milli)).collect();
        kept.iter_mut().for_each(|one| one.milli = last[&one.service]);
    }
    Ok(kept)
}

/// Whole percents of the sum, half of one counting as one; the last takes what is left.
fn round(entries: &mut [Entry]) {
    let total: i128 = entries.iter().map(|entry| entry.milli).sum();
    if total <= 0 {
        return;
    }
    let last = entries.len().saturating_sub(1);
    let mut rest = 100;
    for (at, entry) in entries.iter_mut().enumerate() {
        let percent = entry.milli.saturating_mul(200).saturating_add(total) / (2 * total);
        entry.milli = if at == last { rest } else { percent };
        rest -= entry.milli;
    }
}

// --- conditions ---

/// The condition of a split under the reading of its mesh; none where it takes every request.
fn condition(before: &Before<'_>, split: &Split<'_>) -> Option<Result<Vec<Match>, String>> {
    let reading = split.reading;
    // Earlier versions do not have the field, so the API server took it away.
    let read = reading.matches.is == MatchesReading::Applied && split.written.meta.version >= Version::V1alpha3;
    let named = split.written.matches.as_deref().filter(|named| read && !named.is_empty())?;
    let mut matches = Vec::new();
    let mut nothing = true;
    for reference in named {
        let name = reference.name.as_ref().map_or("", |name| name.value.as_str());
        if reference.kind.as_ref().is_some_and(|kind| kind.value != "HTTPRouteGroup") {
            return Some(Err(format!("a split that matches by something other than an HTTPRouteGroup: `{name}`")));
        }
        let (group, deployed) = match group(before, split, name) {
            Ok(found) => found,
            Err(why) => return Some(Err(why)),
        };
        if group.misplaced.is_some() || !before.mesh.serves(Kind::HTTPRouteGroup, group.meta.version) {
            return Some(Err(format!("HTTPRouteGroup {name} was empty for the mesh, or not served by it")));
        }
        if group.matches.is_empty() && reading.empty_match.is == EmptyMatch::Everything {
            return Some(Err(format!("nobody says what HTTPRouteGroup {name} takes, which has no matches")));
        }
        for item in &group.matches {
            match read_match(item, deployed.source, reading) {
                Ok(Some(one)) => {
                    nothing = false;
                    matches.push(one);
                }
                Ok(None) => {}
                Err(why) => return Some(Err(why)),
            }
        }
    }
    if nothing { None } else { Some(Ok(matches)) }
}

fn group<'j>(
    before: &'j Before<'_>,
    split: &Split<'_>,
    name: &str,
) -> Result<(&'j HttpRouteGroup, Deployed<'j>), String> {
    let all = before.groups.get(name).map(Vec::as_slice).unwrap_or_default();
    let own = split.deployed.namespace;
    let exact: Vec<_> = all.iter().filter(|(_, deployed)| deployed.namespace == own).collect();
    let found = match exact.as_slice() {
        [] => all.iter().filter(|(_, deployed)| same_namespace(own, deployed.namespace)).collect(),
        _ => exact,
    };
    match found.as_slice() {
        [] => Err(format!("HTTPRouteGroup {name} is not in the input")),
        [(group, deployed)] => Ok((*group, *deployed)),
        _ => Err(format!("HTTPRouteGroup {name} is there more than once")),
    }
}

/// None for a match that the mesh left out.
fn read_match(item: &HttpMatch, source: SourceId, reading: &SplitReading) -> Result<Option<Match>, String> {
    let HttpMatch { span, name, methods, path_regex, headers } = item;
    let written = methods.as_deref().unwrap_or_default();
    let any = written.is_empty() || written.iter().any(|method| method.value == "*");
    let methods = (!any).then(|| written.iter().map(|method| method.value.clone()).collect::<BTreeSet<_>>());
    if let Some(odd) = methods.iter().flatten().find(|method| method.bytes().any(|byte| !byte.is_ascii_uppercase())) {
        return Err(format!("nobody says what the method `{odd}` takes"));
    }
    let path = path_regex.as_ref().filter(|path| !path.value.is_empty());
    if methods.is_none() && path.is_none() && headers.is_empty() && reading.empty_match.is == EmptyMatch::LeftOut {
        return Ok(None);
    }
    let path = path.map(|path| path_term(&path.value, reading.path.is)).transpose()?;
    // Of two entries of one spelling the later one counts (smi-sdk-go pkg/apis/specs/v1alpha4/helpers.go).
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for header in headers {
        last.insert(&header.name.value, &header.value.value);
    }
    let fields = last.into_iter().map(|(name, value)| header_term(name, value, reading)).collect::<Result<_, _>>()?;
    let name = name.as_ref().map_or_else(|| "a match".to_owned(), |name| format!("match {}", name.value));
    let condition = Condition { methods, path, fields };
    Ok(Some(Match { condition, place: Place { source, span: *span }, name }))
}

fn path_term(expression: &str, anchoring: PathAnchoring) -> Result<Term, String> {
    let reading = match anchoring {
        PathAnchoring::Full => Anchoring::Full,
        PathAnchoring::Start => Anchoring::Start,
        PathAnchoring::StartAfterSlash => Anchoring::StartAfterSlash,
        PathAnchoring::Search => Anchoring::Search,
        PathAnchoring::Unread => return Err("the mesh read no path of a split".into()),
    };
    term(Domain::Path, expression, reading)
}

fn header_term(name: &str, expression: &str, reading: &SplitReading) -> Result<(Field, Value), String> {
    let field = Field::Header(name.to_ascii_lowercase());
    if name.eq_ignore_ascii_case("host") {
        return match reading.host_header.is {
            HostHeader::NeverMatches => Ok((field, Value::Never)),
            HostHeader::Authority | HostHeader::Unread | HostHeader::Undefined => {
                Err("a condition on the host, under which a client may call one Service by many names".into())
            }
        };
    }
    if expression.is_empty() {
        return Err(format!("nobody says which values of header {name} an empty expression takes"));
    }
    let read = |anchoring| term(Domain::HeaderValue, expression, anchoring);
    Ok((
        field,
        match reading.header.is {
            HeaderAnchoring::Full => Value::Reads(read(Anchoring::Full)?),
            HeaderAnchoring::Search => Value::Reads(read(Anchoring::Search)?),
            HeaderAnchoring::Undefined => Value::Either(read(Anchoring::Full)?, read(Anchoring::Search)?),
            HeaderAnchoring::Unread => return Err("the mesh read no header of a split".into()),
        },
    ))
}

fn term(domain: Domain, expression: &str, anchoring: Anchoring) -> Result<Term, String> {
    let language = Language::regex(domain, expression, anchoring)
        .map_err(|error| format!("`{expression}` cannot be compared: {error}"))?;
    Ok(Term { key: format!("{anchoring:?} {expression}"), language })
}

// === impl Rule ===

impl Rule<'_> {
    /// What takes the request; none if nothing does.
    fn takes(&self, request: &Request) -> Result<Option<Cause>, String> {
        let matches = match &self.condition {
            None => return Ok(Some(self.split.cause())),
            Some(Ok(matches)) => matches,
            Some(Err(why)) => return Err(why.clone()),
        };
        let mut unclear = None;
        for one in matches {
            match one.condition.takes(request) {
                Ok(true) => return Ok(Some(Cause { place: Some(one.place), what: one.name.clone() })),
                Ok(false) => {}
                Err(why) => unclear = Some(why),
            }
        }
        unclear.map_or(Ok(None), Err)
    }
}
