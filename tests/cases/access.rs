//! What a TrafficTarget allows, as each source mesh read it: the golden requests of `mappings/sources/`, asked of the grants.
//!
//! Where the grants answer otherwise than the mesh did, the deviation is listed here with the code that tells a person of
//! it; what is not listed must be equal.

use std::collections::BTreeMap;

use smi2gamma::mappings::{
    self, AccessGolden, AccessReading, AccessRequest, EmptyMatch, HeaderAnchoring, HostHeader, HttpOnOpaque,
    MissingNamespace, MissingReference, NoMatches, NoRules, NoSources, OtherNamespace, Overlap, PathReading, Permitted,
    PortReading, RulesReading, Source, TcpBesideHttp, TcpOnHttp, UdpRule, sources,
};
use smi2gamma::model::access::{AccessMeaning, AccessSurroundings, decide, read};
use smi2gamma::model::grant::{Account, Grant, Numbering, Ports, Principal, Requests};
use smi2gamma::model::named::{Entry, Named};
use smi2gamma::model::split::{Group, Groups};
use smi2gamma::model::{Languages, Methods, RequestPattern, Whose};
use smi2gamma::place::{Place, SourceId, Span};
use smi2gamma::report::Finding;
use smi2gamma::smi::{self, Object};
use smi2gamma::yaml;

const SOURCE: SourceId = SourceId(0);

// --- the world of a golden request ---

/// SMI objects; those that name no namespace are in `shop`.
struct Access {
    objects: Vec<Object>,
}

type Meaning = Result<AccessMeaning, Box<Finding>>;

impl Access {
    fn of(text: &str) -> Self {
        let pieces = yaml::split(text);
        let mut objects = Vec::new();
        for piece in pieces {
            let document = yaml::parse(text, piece.span).unwrap_or_else(|problem| panic!("{problem:?}\n{text}"));
            for found in document.root.iter().flat_map(smi::objects) {
                let read = smi::read(&found).unwrap_or_else(|| panic!("no SMI:\n{text}"));
                objects.push(read.object.unwrap_or_else(|| panic!("{:?}\n{text}", read.problems)));
            }
        }
        Self { objects }
    }

    /// What `ask` makes of each TrafficTarget.
    fn ask(&self, ask: impl Fn(&smi::TrafficTarget, AccessSurroundings<'_>) -> Meaning) -> Vec<Meaning> {
        let namespace = |object: &Object| object.meta().namespace.as_ref().map_or("shop", |name| name.value.as_str()).to_owned();
        let namespaces: Vec<String> = self.objects.iter().map(namespace).collect();
        let all = || self.objects.iter().zip(namespaces.iter().map(|name| Some(name.as_str())));
        let groups = Groups::new(all().filter_map(|(object, namespace)| match object {
            Object::HttpRouteGroup(group) => Some(Group { namespace, source: SOURCE, group, blocked: false }),
            _ => None,
        }));
        let languages = Languages::default();
        let tcp_routes = Named::new(all().filter_map(|(object, namespace)| match object {
            Object::TcpRoute(route) => Some((route.meta.id.name.as_str(), entry(namespace, route))),
            _ => None,
        }));
        let udp_routes = Named::new(all().filter_map(|(object, namespace)| match object {
            Object::UdpRoute(route) => Some((route.meta.id.name.as_str(), entry(namespace, route))),
            _ => None,
        }));
        let bindings = Named::new(all().filter_map(|(object, namespace)| match object {
            Object::IdentityBinding(binding) => Some((binding.meta.id.name.as_str(), entry(namespace, binding))),
            _ => None,
        }));
        all()
            .filter_map(|(object, namespace)| match object {
                Object::TrafficTarget(target) => {
                    let around = AccessSurroundings {
                        namespace,
                        groups: &groups,
                        tcp_routes: &tcp_routes,
                        udp_routes: &udp_routes,
                        bindings: &bindings,
                        languages: &languages,
                    };
                    Some(ask(target, around))
                }
                _ => None,
            })
            .collect()
    }

    fn as_read_by(&self, mesh: &Source) -> Vec<Meaning> {
        self.ask(|target, around| read(target, SOURCE, mesh, around))
    }
}

fn entry<'a, T>(namespace: Option<&'a str>, object: &'a T) -> Entry<'a, T> {
    Entry { namespace, source: SOURCE, object, blocked: false }
}

/// The codes that a meaning tells a person of.
fn codes(meaning: &Meaning) -> Vec<&'static str> {
    let findings = match meaning {
        Ok(AccessMeaning::Grant(_, findings) | AccessMeaning::NoEffect { findings, .. }) => findings.as_slice(),
        Ok(AccessMeaning::NotServed(_)) => &[],
        Err(finding) => std::slice::from_ref(&**finding),
    };
    findings.iter().map(|finding| finding.code.name()).collect()
}

fn account(text: &str) -> Principal {
    let (namespace, name) = text.split_once('/').unwrap_or(("shop", text));
    Principal::Account(Account { namespace: Some(namespace.to_owned()), name: name.to_owned() })
}

/// Whether `grant` lets the request through to the pods of `shop/api`.
fn allows(grant: &Grant, request: &AccessRequest) -> bool {
    let AccessRequest { source, port, method, path, headers } = request;
    let knows = |source: &String| grant.sources.iter().any(|(known, _)| *known == account(source));
    if !grant.destination.contains(&account("api")) || !source.as_ref().is_some_and(knows) {
        return false;
    }
    let port = port.unwrap_or(8080);
    let has = |ports: &Ports| match grant.numbering {
        Numbering::Pod => ports.has(port),
        Numbering::Service => ports.has(if port == 8080 { 80 } else { port }),
    };
    if port != 8080 {
        return has(&grant.opaque_ports);
    }
    let (method, path) = (method.as_deref().unwrap_or("GET"), path.as_deref().unwrap_or("/"));
    has(&grant.http_ports)
        && match &grant.requests {
            Requests::Every => true,
            Requests::Any(patterns) => patterns.iter().any(|pattern| takes(pattern, method, path, headers)),
        }
}

fn takes(pattern: &RequestPattern, method: &str, path: &str, headers: &BTreeMap<String, String>) -> bool {
    let RequestPattern { methods, path: wanted, headers: conditions, authority, place: _ } = pattern;
    let method = match methods {
        Methods::Any => true,
        Methods::Only(methods) => methods.contains(method),
    };
    method
        && wanted.as_ref().is_none_or(|wanted| wanted.language.matches(path))
        && conditions.iter().chain(authority).all(|condition| {
            let sent = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(&condition.name));
            sent.is_some_and(|(_, value)| condition.language.matches(value))
        })
}

fn answer(meanings: &[Meaning], request: &AccessRequest) -> Permitted {
    let allowed = |meaning: &Meaning| matches!(meaning, Ok(AccessMeaning::Grant(grant, _)) if allows(grant, request));
    if meanings.iter().any(allowed) { Permitted::Allowed } else { Permitted::Denied }
}

// --- golden requests ---

/// Where the grants do not answer as the mesh did: mesh, row, and the code that says so.
const DEVIATIONS: [(&str, &str, &str); 6] = [
    // What is not in the input may be in the cluster.
    ("osm", "missing-group", "target-reference-missing"),
    ("flomesh", "missing-group", "target-reference-missing"),
    ("flomesh", "missing-route", "target-reference-missing"),
    // A permission for everyone is written by nobody but a person.
    ("osm", "no-sources", "target-sources-empty"),
    ("flomesh", "no-sources", "target-sources-empty"),
    // Only those whom the manifest names.
    ("traefik", "opaque-sources", "opaque-sources-unchecked"),
];

struct Row {
    name: &'static str,
    /// Whether its value is one that somebody knows, and that decides about a request by itself.
    decides: bool,
    golden: &'static [AccessGolden],
}

fn rows(reading: &'static AccessReading) -> Vec<Row> {
    let AccessReading {
        enforcement,
        rules,
        path,
        header,
        empty_match,
        host_header,
        no_matches,
        missing_match,
        missing_group,
        missing_route,
        no_rules,
        no_sources,
        destination_namespace,
        other_namespace,
        source_namespace,
        destination_port,
        tcp_ports,
        every_port_beside_some,
        tcp_on_http,
        tcp_beside_http,
        http_beside_tcp,
        http_on_opaque,
        opaque_sources,
        udp_rule,
        overlap,
        // Which ports speak HTTP, and who is let in beside grants, is asked of the workloads.
        protocol: _,
        allowances: _,
    } = reading;
    let read = rules.is == RulesReading::Read;
    let row = |name, decides, golden| Row { name, decides, golden };
    let numbered = matches!(tcp_ports.is, PortReading::Pod | PortReading::Service);
    let tcp = tcp_on_http.is != TcpOnHttp::Undefined && read;
    vec![
        row("enforcement", true, &enforcement.golden),
        row("rules", true, &rules.golden),
        row("path", path.is != PathReading::Unread, &path.golden),
        row("header", !matches!(header.is, HeaderAnchoring::Unread), &header.golden),
        row("empty-match", empty_match.is != EmptyMatch::Undefined && read, &empty_match.golden),
        row("host-header", matches!(host_header.is, HostHeader::Authority | HostHeader::NeverMatches), &host_header.golden),
        row("no-matches", no_matches.is != NoMatches::Undefined && read, &no_matches.golden),
        row("missing-match", missing_match.is != MissingReference::Undefined && read, &missing_match.golden),
        row("missing-group", missing_group.is != MissingReference::Undefined && read, &missing_group.golden),
        row("missing-route", missing_route.is != MissingReference::Undefined && read, &missing_route.golden),
        row("no-rules", no_rules.is != NoRules::Undefined, &no_rules.golden),
        row("no-sources", no_sources.is != NoSources::Undefined, &no_sources.golden),
        row(
            "destination-namespace",
            destination_namespace.is != MissingNamespace::Undefined,
            &destination_namespace.golden,
        ),
        row("other-namespace", other_namespace.is != OtherNamespace::Undefined, &other_namespace.golden),
        row("source-namespace", source_namespace.is != MissingNamespace::Undefined, &source_namespace.golden),
        row(
            "destination-port",
            matches!(destination_port.is, PortReading::Pod | PortReading::Service),
            &destination_port.golden,
        ),
        row("tcp-ports", numbered, &tcp_ports.golden),
        row("every-port-beside-some", numbered, &every_port_beside_some.golden),
        row("tcp-on-http", tcp && *missing_route_serves(reading), &tcp_on_http.golden),
        row("tcp-beside-http", numbered && tcp_beside_http.is != TcpBesideHttp::Undefined, &tcp_beside_http.golden),
        row("http-beside-tcp", numbered, &http_beside_tcp.golden),
        row("http-on-opaque", http_on_opaque.is != HttpOnOpaque::Undefined, &http_on_opaque.golden),
        row("opaque-sources", numbered, &opaque_sources.golden),
        row("udp-rule", udp_rule.is != UdpRule::Undefined && read, &udp_rule.golden),
        row("overlap", overlap.is == Overlap::Union, &overlap.golden),
    ]
}
