//! What the rules of a TrafficTarget allow, and on which ports.

use std::collections::BTreeSet;

use super::{Reader, Stop};
use crate::code;
use crate::inventory::Lookup;
use crate::mappings::{
    EveryPortBesideSome, HttpBesideTcp, HttpOnOpaque, MissingReference, NoMatches, NoRules, PortReading, RulesReading,
    TcpBesideHttp, TcpOnHttp, UdpRule,
};
use crate::model::RequestPattern;
use crate::model::grant::{Numbering, Ports, Requests};
use crate::model::named::{Entry, Named};
use crate::model::pattern::{GroupMeaning, read_group, read_matches, unsaid};
use crate::model::split::Group;
use crate::place::{Place, SourceId, Spanned};
use crate::report::Finding;
use crate::smi::{HttpMatch, HttpRouteGroup, Kind, PortRoute, Rule, Subject};

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
pub(super) struct Allowed {
    pub http_ports: Ports,
    pub requests: Requests,
    pub opaque_ports: Ports,
    pub udp_ports: Ports,
}

impl<'a> Reader<'a> {
    /// The ports that `destination.port` leaves, and what its number counts.
    pub(super) fn destination_port(&mut self, subject: &Subject) -> Result<(Ports, Option<Numbering>), Stop> {
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

    /// What the rules allow within `limit`, and what the numbers of ports count.
    pub(super) fn allowed(&mut self, limit: Ports, numbering: Option<Numbering>) -> Result<(Allowed, Numbering), Stop> {
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
                Some(label) => Err(ports_label(kind, &label.value, place(label.span)).into()),
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
}

/// Open Service Mesh before 0.8 had no other place for ports (openservicemesh/osm issue 2222).
fn ports_label(kind: Kind, ports: &str, place: Place) -> Finding {
    let message = format!("this {} names no port and has the label `ports: {ports}`", kind.name());
    Finding::new(code!("route-ports-label"), message)
        .at(place)
        .note("Open Service Mesh 0.6 and 0.7 took the label for the list of ports; for every other mesh it is a label")
        .help("write a TCPRoute of v1alpha4 with `spec: {matches: {ports: […]}}`, or take the label away if every port is meant")
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
