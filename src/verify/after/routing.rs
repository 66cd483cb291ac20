//! What a target's routes do with one request to one port of a Service.
//!
//! The questions in their order: does anything shadow the routes, which routes attach to this port, which kind of them
//! stands, does the engine see what they match on, which rule ranks first, and where do its backends send the request.

use std::collections::{BTreeMap, BTreeSet};

use super::After;
use super::engines::{Engine, Rank, Reads, Sees};
use super::object::{BackendRef, Kind, Match, Parent, Path, Refusal, RouteObject, Rule, Value};
use super::shadow;
use crate::inventory::{Lookup, Service};
use crate::mappings::{Attachment, GrantNeed};
use crate::pattern::{Anchoring, Domain, Language};
use crate::verify::region::{Term, Terms};
use crate::verify::request::{Field, Request, ServiceName, ServicePort, same_namespace};
use crate::verify::speaks;
use crate::verify::verdict::{Answer, Assumption, Backend, Cause, Decision, Shares};
use crate::verify::{Absent, Given, Judge};

/// The routes of one Service on one port.
pub(super) struct Routing<'j> {
    after: &'j After<'j>,
    at: ServicePort,
    attached: Vec<Attached<'j>>,
    languages: BTreeMap<(Asked, String), Result<Language, String>>,
}

/// A route that names the port, or the Service without a port.
struct Attached<'j> {
    route: &'j RouteObject<'j>,
    rules: Result<Vec<Rule<'j>>, String>,
    refusal: Option<Refusal>,
    /// As the parentRef has it.
    group: Option<&'j str>,
    port: Option<u16>,
    section: bool,
    /// The namespace whose clients it is for; none for all.
    consumer: Option<&'j str>,
}

/// How a value of a match may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Asked {
    ExactPath,
    Prefix,
    PathFull,
    PathFirst,
    ExactHeader,
    HeaderFull,
    HeaderFirst,
}

// === impl Routing ===

impl<'j> Routing<'j> {
    pub(super) fn new(after: &'j After<'j>, at: &ServicePort) -> Self {
        let named = after.by_parent.get(at.service.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let mut attached = Vec::new();
        let names = |parent: &Parent<'_>, route: &RouteObject<'_>| {
            parent.names_a_service() && parent.service(route) == at.service
        };
        let exact = named.iter().any(|&index| {
            let route = &after.routes[index];
            route.parents.iter().any(|parent| names(parent, route))
        });
        for &index in named {
            let route = &after.routes[index];
            if !after.serves(&route.kind) {
                continue;
            }
            let refusal = route.refusal();
            for parent in &route.parents {
                let here = if exact {
                    names(parent, route)
                } else {
                    parent.names_a_service() && parent.service(route).may_be(&at.service)
                };
                if !here || parent.port.is_some_and(|port| port != at.port) {
                    continue;
                }
                let consumer =
                    route.namespace.filter(|own| !same_namespace(Some(own), at.service.namespace.as_deref()));
                attached.push(Attached {
                    route,
                    rules: route.rules(),
                    refusal: refusal.clone(),
                    group: parent.group,
                    port: parent.port,
                    section: parent.section.is_some(),
                    consumer,
                });
            }
        }
        let mut routing = Self { after, at: at.clone(), attached, languages: BTreeMap::new() };
        routing.compile();
        routing
    }

    /// Compiles every value of every match once.
    fn compile(&mut self) {
        let mut known = BTreeMap::new();
        let mut add = |domain: Asked, text: &str| {
            known.entry((domain, text.to_owned())).or_insert_with(|| domain.compile(text));
        };
        for rule in self.attached.iter().filter_map(|attached| attached.rules.as_ref().ok()).flatten() {
            for one in &rule.matches {
                match one.path {
                    Path::Exact(value) => add(Asked::ExactPath, value),
                    Path::Prefix("/") => {}
                    Path::Prefix(value) => {
                        add(Asked::Prefix, value);
                        // Where a rank is the length that matched, the paths of just that length stand apart.
                        add(Asked::ExactPath, value.trim_end_matches('/'));
                    }
                    Path::Regex(value) => {
                        add(Asked::PathFull, value);
                        add(Asked::PathFirst, value);
                    }
                    Path::Call { service, method } => {
                        let (domain, text) = call(service, method);
                        add(domain, &text);
                    }
                }
                for (_, value) in &one.fields {
                    match value {
                        Value::Exact(text) => add(Asked::ExactHeader, text),
                        Value::Regex(text) => {
                            add(Asked::HeaderFull, text);
                            add(Asked::HeaderFirst, text);
                        }
                    }
                }
            }
        }
        self.languages = known;
    }

    fn takes(&self, domain: Asked, text: &str, value: &str) -> Result<bool, String> {
        match self.languages.get(&(domain, text.to_owned())) {
            Some(Ok(language)) => Ok(language.matches(value)),
            Some(Err(why)) => Err(why.clone()),
            None => Err(format!("`{text}` was not read")),
        }
    }

    /// Whether a match takes a request, as an engine reads it.
    fn matches(&self, one: &Match<'_>, request: &Request, anchoring: Anchoring) -> Result<bool, String> {
        if one.method.is_some_and(|method| method != request.method) {
            return Ok(false);
        }
        let first = anchoring == Anchoring::FirstMatch;
        let path = match one.path {
            Path::Prefix("/") => true,
            Path::Exact(value) => self.takes(Asked::ExactPath, value, &request.path)?,
            Path::Prefix(value) => self.takes(Asked::Prefix, value, &request.path)?,
            Path::Regex(value) => {
                self.takes(if first { Asked::PathFirst } else { Asked::PathFull }, value, &request.path)?
            }
            Path::Call { service, method } => {
                let (domain, text) = call(service, method);
                self.takes(domain, &text, &request.path)?
            }
        };
        if !path {
            return Ok(false);
        }
        for (field, wanted) in &one.fields {
            let Some(value) = request.field(field) else { return Ok(false) };
            let fits = match wanted {
                Value::Exact(text) => *text == value,
                Value::Regex(text) => {
                    self.takes(if first { Asked::HeaderFirst } else { Asked::HeaderFull }, text, value)?
                }
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn known(&self) -> Option<&'j Service> {
        match self.after.service(&self.at.service) {
            Lookup::Found(service) | Lookup::Ambiguous(service, _) => Some(service),
            Lookup::Missing => None,
        }
    }

    fn to_itself(&self, why: &str, place: Option<crate::place::Place>) -> Answer {
        let own = Backend { namespace: None, name: self.at.service.name.clone(), port: self.at.port };
        Answer::Certain(Decision::route(Shares::all_to(own), vec![Cause { place, what: why.to_owned() }]))
    }

    // --- one engine ---

    fn by(&self, engine: &dyn Engine, request: &Request, given: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer {
        let mut standing: Vec<&Attached<'j>> = Vec::new();
        let mut inert: Option<Cause> = None;
        for attached in &self.attached {
            let name = attached.route.display();
            let mut drop = |why: &str| {
                inert =
                    Some(Cause { place: Some(attached.route.place()), what: format!("{name} does not count: {why}") });
            };
            match &attached.refusal {
                Some(Refusal::Always(why)) => {
                    drop(&format!("the API server refuses it, {why}"));
                    continue;
                }
                Some(Refusal::Standard(why)) => {
                    return Answer::Undecided(format!(
                        "the standard channel of Gateway API refuses {name}, the experimental one takes it: {why}"
                    ));
                }
                None => {}
            }
            if !engine.parent_group(attached.group) {
                drop("its parentRef is not of the core group, which is written `group: \"\"`");
                continue;
            }
            if attached.section && attached.port.is_none() && engine.section_name() == Reads::Unknown {
                return Answer::Undecided(format!(
                    "what {} makes of the sectionName in {name} is not known",
                    engine.title()
                ));
            }
            if attached.route.has_hostnames() && engine.hostnames() == Reads::Unknown {
                return Answer::Undecided(format!(
                    "what {} makes of the hostnames of {name} depends on the name that is called",
                    engine.title()
                ));
            }
            match (attached.consumer, engine.consumer_routes()) {
                (Some(_), Reads::No) => {
                    drop("it stands in another namespace than its Service");
                    continue;
                }
                (Some(_), Reads::Unknown) => {
                    return Answer::Undecided(format!(
                        "what {} makes of {name}, which stands in another namespace than its Service, is not known",
                        engine.title()
                    ));
                }
                (Some(namespace), Reads::Yes) if request.source.namespace() != Some(namespace) => {
                    drop("it counts for clients of its own namespace only");
                    continue;
                }
                (Some(_), Reads::Yes) | (None, _) => {}
            }
            standing.push(attached);
        }
        // A consumer's routes go before those of the Service's own namespace.
        if standing.iter().any(|attached| attached.consumer.is_some()) {
            standing.retain(|attached| attached.consumer.is_some());
        }
        let Some(kind) = standing.iter().map(|attached| attached.route.kind.precedence()).min() else {
            let (why, place) = match inert {
                Some(cause) => (cause.what, cause.place),
                None => (format!("no route attaches to {}", self.at), None),
            };
            return self.to_itself(&why, place);
        };
        standing.retain(|attached| attached.route.kind.precedence() == kind);
        if engine.keeps_port_forms_apart()
            && standing.iter().any(|attached| attached.port.is_some())
            && standing.iter().any(|attached| attached.port.is_none())
        {
            return Answer::Undecided(format!(
                "{} keeps routes that name the port apart from those that do not, and which of them count is not promised",
                engine.title()
            ));
        }
        let first = standing[0];
        if first.route.kind == Kind::Tls {
            return Answer::Undecided(format!("{} is not modelled", first.route.display()));
        }
        if self.after.target.reading.as_ref().is_some_and(|reading| reading.attachment.is == Attachment::Waypoint)
            && !self.has_waypoint()
        {
            if !given.prepared {
                let service = &self.at.service;
                return Answer::Undecided(format!(
                    "routes of {service} count only behind a waypoint, which the Service does not name and its namespace may"
                ));
            }
            assumed.insert(Assumption::Waypoint(self.at.service.clone()));
        }
        if first.route.kind != Kind::Tcp {
            match engine.sees(self.known(), self.at.port) {
                Sees::Http => {}
                Sees::NeedsAppProtocol if given.prepared => {
                    assumed.insert(Assumption::AppProtocol(self.at.service.clone(), self.at.port));
                }
                Sees::NeedsAppProtocol | Sees::Bytes => {
                    let why = format!(
                        "{} does not count: {} does not take port {} of {} for HTTP",
                        first.route.display(),
                        engine.title(),
                        self.at.port,
                        self.at.service
                    );
                    return self.to_itself(&why, Some(first.route.place()));
                }
            }
        }
        if first.route.kind == Kind::Grpc {
            assumed.insert(Assumption::Grpc(self.at.service.clone(), self.at.port));
        }
        self.rank(engine, &standing, request, given, assumed)
    }

    /// The rule that ranks first. Between routes that tie, the older one goes first; where their ages are not known, any may.
    fn rank(
        &self,
        engine: &dyn Engine,
        standing: &[&Attached<'j>],
        request: &Request,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Answer {
        if self.after.one_route_per_service() && standing.len() > 1 {
            let alone = standing.iter().map(|one| self.best(engine, &[one], request, given, assumed));
            let mut decisions = Vec::new();
            for answer in alone {
                match answer {
                    Answer::Certain(decision) => decisions.push(decision),
                    answer => return answer,
                }
            }
            return Answer::one_of(decisions, "one route of the Service counts, the one reconciled last");
        }
        self.best(engine, standing, request, given, assumed)
    }

    fn best(
        &self,
        engine: &dyn Engine,
        standing: &[&Attached<'j>],
        request: &Request,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Answer {
        let mut best: Option<Rank> = None;
        let mut tied: Vec<(&RouteObject<'_>, &Rule<'_>)> = Vec::new();
        for attached in standing {
            let rules = match &attached.rules {
                Ok(rules) => rules,
                Err(why) => return Answer::Undecided(format!("{} has {why}", attached.route.display())),
            };
            for rule in rules {
                for one in &rule.matches {
                    match self.matches(one, request, engine.anchoring()) {
                        Ok(true) => {}
                        Ok(false) => continue,
                        Err(why) => return Answer::Undecided(why),
                    }
                    let rank = engine.rank(one, &request.path);
                    if best.is_none_or(|known| rank > known) {
                        best = Some(rank);
                        tied = vec![(attached.route, rule)];
                    } else if best == Some(rank) && tied.iter().all(|(route, _)| !std::ptr::eq(*route, attached.route))
                    {
                        tied.push((attached.route, rule));
                    }
                }
            }
        }
        let ages: BTreeSet<Option<&str>> = tied.iter().map(|(route, _)| route.created).collect();
        if tied.len() > 1 && !ages.contains(&None) {
            tied.sort_by_key(|(route, _)| (route.created, route.namespace, route.name));
            tied.truncate(1);
        }
        if tied.is_empty() {
            let routes: Vec<String> = standing.iter().map(|attached| attached.route.display()).collect();
            let what = format!("no rule of {} takes it", routes.join(", "));
            let place = standing.first().map(|attached| attached.route.place());
            if engine.falls_through() {
                return self.to_itself(&what, place);
            }
            let cause = Cause { place, what: format!("{what}, so it is answered 404") };
            return Answer::Certain(Decision::route(Shares::failing(), vec![cause]));
        }
        let mut decisions = Vec::new();
        for (route, rule) in tied {
            match self.shares(route, rule, given, assumed) {
                Answer::Certain(decision) => decisions.push(decision),
                answer => return answer,
            }
        }
        Answer::one_of(decisions, "several routes rank alike, and the oldest of them goes first")
    }

    // --- backends ---

    fn shares(
        &self,
        route: &RouteObject<'_>,
        rule: &Rule<'_>,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Answer {
        let what = format!("rule {} of {}", rule.number, route.display());
        if let Some(odd) = &rule.odd {
            return Answer::Undecided(format!("{what} has {odd}"));
        }
        assumed.extend(rule.beside.iter().map(|what| Assumption::NotCompared(what.clone())));
        let mut causes = vec![Cause { place: Some(rule.place), what: what.clone() }];
        let mut weights = Vec::new();
        let mut fails = 0;
        for backend in &rule.backends {
            if backend.weight == 0 {
                continue;
            }
            match self.standing(route, backend, given, assumed) {
                Ok(Some(found)) => weights.push((found, backend.weight)),
                Ok(None) => {
                    fails += backend.weight;
                    let what = format!("backend {} cannot be reached", backend.name);
                    causes.push(Cause { place: Some(backend.place), what });
                }
                Err(why) => return Answer::Undecided(format!("{what}: {why}")),
            }
        }
        Answer::Certain(Decision::route(Shares::new(weights, fails), causes))
    }

    /// The backend that takes a share; none where the share fails.
    fn standing(
        &self,
        route: &RouteObject<'_>,
        backend: &BackendRef<'_>,
        given: &Given,
        assumed: &mut BTreeSet<Assumption>,
    ) -> Result<Option<Backend>, String> {
        if !backend.is_service {
            return Err(format!("backend {} is no Service, which is not modelled", backend.name));
        }
        let Some(port) = backend.port else { return Ok(None) };
        let namespace = backend.namespace.or(route.namespace);
        let service = ServiceName { namespace: namespace.map(str::to_owned), name: backend.name.to_owned() };
        if !same_namespace(namespace, route.namespace) && !self.after.granted(&route.kind, route.namespace, &service) {
            match self.after.target.reading.as_ref().map(|reading| reading.reference_grant.is) {
                Some(GrantNeed::Enforced) | None => return Ok(None),
                Some(GrantNeed::Ignored) => {}
                Some(GrantNeed::Unspecified) => {
                    return Err(format!(
                        "whether {service} may be a backend without a ReferenceGrant depends on the mesh"
                    ));
                }
            }
        }
        let root = self.at.service.namespace.as_deref();
        let elsewhere = namespace.filter(|own| !same_namespace(Some(own), root)).map(str::to_owned);
        let found = Some(Backend { namespace: elsewhere, name: backend.name.to_owned(), port });
        match self.after.service(&service) {
            Lookup::Found(known) if known.external_name => Err(format!("backend {service} is an ExternalName Service")),
            Lookup::Found(known) => Ok(if speaks::has_tcp(known, port) { found } else { None }),
            Lookup::Ambiguous(one, other) if one.same_ports(other) => {
                Ok(if speaks::has_tcp(one, port) { found } else { None })
            }
            Lookup::Ambiguous(..) => Err(format!("Service {service} is there twice, with different ports")),
            Lookup::Missing if service.may_be(&self.at.service) => Ok(found),
            Lookup::Missing => match given.services {
                Absent::Exists => {
                    assumed.insert(Assumption::Exists(service));
                    Ok(found)
                }
                Absent::Missing => {
                    assumed.insert(Assumption::Missing(service));
                    Ok(None)
                }
            },
        }
    }

    fn has_waypoint(&self) -> bool {
        self.known().is_some_and(|service| {
            service.labels.get("istio.io/use-waypoint").is_some_and(|waypoint| waypoint != "none")
        })
    }
}

/// `/service/method`, or every method of a service, or one method of every service.
fn call(service: Option<&str>, method: Option<&str>) -> (Asked, String) {
    match (service, method) {
        (Some(service), Some(method)) => (Asked::ExactPath, format!("/{service}/{method}")),
        (Some(service), None) => (Asked::PathFull, format!("/{}/[^/]+", crate::pattern::escape(service))),
        (None, Some(method)) => (Asked::PathFull, format!("/[^/]+/{}", crate::pattern::escape(method))),
        (None, None) => (Asked::PathFull, ".*".to_owned()),
    }
}

// === impl Asked ===

impl Asked {
    pub(super) fn compile(self, text: &str) -> Result<Language, String> {
        let language = match self {
            Self::ExactPath => Language::exact(Domain::Path, text),
            Self::Prefix => Language::path_prefix(text),
            Self::PathFull => Language::regex(Domain::Path, text, Anchoring::Full),
            Self::PathFirst => Language::regex(Domain::Path, text, Anchoring::FirstMatch),
            Self::ExactHeader => Language::exact(Domain::HeaderValue, text),
            Self::HeaderFull => Language::regex(Domain::HeaderValue, text, Anchoring::Full),
            Self::HeaderFirst => Language::regex(Domain::HeaderValue, text, Anchoring::FirstMatch),
        };
        language.map_err(|error| format!("`{text}` cannot be compared: {error}"))
    }

    fn is_path(self) -> bool {
        matches!(self, Self::ExactPath | Self::Prefix | Self::PathFull | Self::PathFirst)
    }

    pub(super) fn key(self, text: &str) -> String {
        let how = match self {
            Self::ExactPath | Self::ExactHeader => "exact",
            Self::Prefix => "prefix",
            Self::PathFull | Self::HeaderFull => "Full",
            Self::PathFirst | Self::HeaderFirst => "FirstMatch",
        };
        format!("{how} {text}")
    }
}

impl Judge for Routing<'_> {
    fn terms(&self) -> Result<Terms, String> {
        let mut terms = Terms::default();
        let first = self.after.engines.iter().any(|engine| engine.anchoring() == Anchoring::FirstMatch);
        let full = self.after.engines.iter().any(|engine| engine.anchoring() == Anchoring::Full);
        let read = |domain: Asked| match domain {
            Asked::PathFirst | Asked::HeaderFirst => first,
            Asked::PathFull | Asked::HeaderFull => full,
            Asked::ExactPath | Asked::Prefix | Asked::ExactHeader => true,
        };
        for ((domain, text), language) in &self.languages {
            if let Ok(language) = language
                && domain.is_path()
                && read(*domain)
            {
                terms.paths.push(Term { key: domain.key(text), language: language.clone() });
            }
        }
        let rules = || self.attached.iter().filter_map(|attached| attached.rules.as_ref().ok()).flatten();
        for one in rules().flat_map(|rule| &rule.matches) {
            terms.methods.extend(one.method.map(str::to_owned));
            for (field, value) in &one.fields {
                let of_field = terms.fields.entry(Field::clone(field)).or_default();
                let (domains, text): (&[Asked], &str) = match value {
                    Value::Exact(text) => (&[Asked::ExactHeader], text),
                    Value::Regex(text) => (&[Asked::HeaderFull, Asked::HeaderFirst], text),
                };
                for domain in domains.iter().filter(|domain| read(**domain)) {
                    if let Some(Ok(language)) = self.languages.get(&(*domain, text.to_owned())) {
                        of_field.push(Term { key: domain.key(text), language: language.clone() });
                    }
                }
            }
        }
        terms.namespaces.extend(self.attached.iter().filter_map(|attached| attached.consumer).map(str::to_owned));
        Ok(terms)
    }

    fn answer(&self, request: &Request, given: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer {
        if let Some(service) = self.known()
            && !speaks::has_tcp(service, self.at.port)
        {
            let what = format!("Service {} has no port {}", self.at.service, self.at.port);
            let cause = Cause { place: Some(service.place), what };
            return Answer::Certain(Decision::route(Shares::failing(), vec![cause]));
        }
        if let Lookup::Ambiguous(one, other) = self.after.service(&self.at.service)
            && !one.same_ports(other)
        {
            return Answer::Undecided(format!("Service {} is there twice, with different ports", self.at.service));
        }
        if let Some(found) = shadow::of(self.after.world, self.after.target, &self.at) {
            if given.prepared {
                assumed.insert(Assumption::Cleared(found.what));
            } else if let Some(shares) = found.shares.filter(|_| self.after.target.name == "linkerd") {
                return Answer::Certain(Decision::route(shares, vec![found.cause]));
            } else {
                return Answer::Undecided(format!("{} speaks for the same host", found.what));
            }
        }
        let mut engines = self.after.engines.iter();
        let Some(first) = engines.next() else {
            return self.to_itself("the target reads no routes of a Service", None);
        };
        let answer = self.by(first.as_ref(), request, given, assumed);
        if self.after.engines.len() > 1 && !self.attached.is_empty() {
            let names: Vec<&str> = self.after.engines.iter().map(|engine| engine.title()).collect();
            assumed.insert(Assumption::Engines(names.join(", ")));
        }
        for engine in engines {
            let other = self.by(engine.as_ref(), request, given, assumed);
            if answer.relate(&other) != crate::verify::Relation::Equal && other != answer {
                return Answer::Undecided(format!(
                    "Gateway API leaves it to the mesh: {} has {answer}, {} has {other}",
                    first.title(),
                    engine.title()
                ));
            }
        }
        answer
    }
}
