//! What a TrafficTarget allows, as each source mesh read it: the golden requests of `mappings/sources/`, asked of the grants.
//!
//! Where the grants answer otherwise than the mesh did, the deviation is listed here with the code that tells a person of
//! it; what is not listed must be equal.

use std::collections::BTreeMap;

use smi2gamma::mappings::{
    AccessGolden, AccessReading, AccessRequest, EmptyMatch, HeaderAnchoring, HostHeader, HttpOnOpaque,
    MissingNamespace, MissingReference, NoMatches, NoRules, NoSources, OtherNamespace, Overlap, PathReading, Permitted,
    PortReading, RulesReading, Source, TcpBesideHttp, TcpOnHttp, UdpRule, UnservedPorts, sources,
};
use smi2gamma::model::access::{AccessMeaning, AccessSurroundings, decide, read};
use smi2gamma::model::grant::{Account, Grant, Numbering, Ports, Principal, Requests};
use smi2gamma::model::named::{Entry, Named};
use smi2gamma::model::split::{Group, Groups};
use smi2gamma::model::{Languages, Methods, RequestPattern, Whose};
use smi2gamma::place::SourceId;
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
        let namespace =
            |object: &Object| object.meta().namespace.as_ref().map_or("shop", |name| name.value.as_str()).to_owned();
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

/// Whether the mesh is known to have made something of it: a refusal is no answer.
fn is_read(meaning: &Meaning) -> bool {
    matches!(meaning, Ok(AccessMeaning::Grant(..) | AccessMeaning::NoEffect { .. }))
}

/// The codes that a meaning tells a person of.
fn codes(meaning: &Meaning) -> Vec<&'static str> {
    let findings = match meaning {
        Ok(AccessMeaning::Grant(_, findings) | AccessMeaning::NoEffect { findings, .. }) => findings.as_slice(),
        Ok(AccessMeaning::NotServed(_)) => &[],
        Err(finding) => std::slice::from_ref(&**finding),
    };
    findings.iter().map(|finding| finding.code.0).collect()
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
    // Services lead to two ports, and no others.
    if ![8080, 9000].contains(&port) && grant.unserved == UnservedPorts::Closed {
        return false;
    }
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
const DEVIATIONS: [(&str, &str, &str); 7] = [
    // What is not in the input may be in the cluster.
    ("osm", "missing-group", "target-reference-missing"),
    ("flomesh", "missing-group", "target-reference-missing"),
    ("flomesh", "missing-route", "target-reference-missing"),
    // A permission for everyone is written by nobody but a person.
    ("osm", "no-sources", "target-sources-empty"),
    ("flomesh", "no-sources", "target-sources-empty"),
    // Only those whom the manifest names.
    ("traefik", "opaque-sources", "opaque-sources-unchecked"),
    ("flomesh", "opaque-sources", "opaque-sources-unchecked"),
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
        unserved_ports,
        // Which ports speak HTTP, and who is let in beside grants, is asked of the workloads.
        protocol: _,
        allowances: _,
    } = reading;
    let read = rules.is == RulesReading::Read;
    let row = |name, decides, golden| Row { name, decides, golden };
    let numbered = matches!(tcp_ports.is, PortReading::Pod | PortReading::Service);
    vec![
        row("enforcement", true, &enforcement.golden),
        row("rules", true, &rules.golden),
        row("path", path.is != PathReading::Unread, &path.golden),
        row("header", !matches!(header.is, HeaderAnchoring::Unread), &header.golden),
        row("empty-match", empty_match.is != EmptyMatch::Undefined && read, &empty_match.golden),
        row(
            "host-header",
            matches!(host_header.is, HostHeader::Authority | HostHeader::NeverMatches),
            &host_header.golden,
        ),
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
        row("tcp-on-http", numbered && tcp_on_http.is != TcpOnHttp::Undefined, &tcp_on_http.golden),
        row("tcp-beside-http", numbered && tcp_beside_http.is != TcpBesideHttp::Undefined, &tcp_beside_http.golden),
        row("http-beside-tcp", numbered, &http_beside_tcp.golden),
        row("http-on-opaque", http_on_opaque.is != HttpOnOpaque::Undefined, &http_on_opaque.golden),
        row("opaque-sources", numbered, &opaque_sources.golden),
        row("udp-rule", udp_rule.is != UdpRule::Undefined && read, &udp_rule.golden),
        row("overlap", overlap.is == Overlap::Union, &overlap.golden),
        row("unserved-ports", unserved_ports.is == UnservedPorts::Closed, &unserved_ports.golden),
    ]
}

fn readings() -> impl Iterator<Item = (&'static Source, &'static AccessReading)> {
    sources().iter().filter_map(|mesh| Some((mesh, mesh.access.as_ref()?)))
}

#[test]
fn the_grants_answer_golden_requests_as_the_mesh_did_or_a_finding_says_why_not() {
    let mut deviated = Vec::new();
    let mut asked = 0;
    for (mesh, reading) in readings() {
        for row in rows(reading) {
            for golden in row.golden {
                asked += 1;
                let meanings = Access::of(&golden.smi).as_read_by(mesh);
                if answer(&meanings, &golden.request) == golden.answer {
                    assert!(
                        row.name.starts_with("missing-") || meanings.iter().all(is_read),
                        "{} {}: {meanings:#?}",
                        mesh.name,
                        row.name
                    );
                    continue;
                }
                let listed = DEVIATIONS.iter().find(|(name, known, _)| *name == mesh.name && *known == row.name);
                let (_, _, code) =
                    listed.unwrap_or_else(|| panic!("{} {}: {golden:#?}\ngot {meanings:#?}", mesh.name, row.name));
                assert!(
                    meanings.iter().any(|meaning| codes(meaning).contains(code)),
                    "{} {code}: {meanings:#?}",
                    mesh.name
                );
                deviated.push((mesh.name.as_str(), row.name));
            }
        }
    }
    assert!(asked > 150, "{asked}");
    for (mesh, row, _) in DEVIATIONS {
        assert!(deviated.contains(&(mesh, row)), "{mesh} {row} deviates no more: take it out of the list");
    }
}

#[test]
fn a_row_that_decides_has_a_golden_request() {
    for (mesh, reading) in readings() {
        for row in rows(reading) {
            assert!(!row.decides || !row.golden.is_empty(), "{} {}", mesh.name, row.name);
        }
    }
}

#[test]
fn a_mesh_reads_access_if_it_served_traffic_targets() {
    for mesh in sources() {
        assert_eq!(mesh.access.is_some(), !mesh.serves[&smi::Kind::TrafficTarget].is.is_empty(), "{}", mesh.name);
    }
}

// --- one by one ---

/// A TrafficTarget from `web` to `api` with these rules, and more in the flow style of its fields.
fn target(version: &str, rules: &str) -> String {
    let subject = |name: &str| format!("{{kind: ServiceAccount, name: {name}, namespace: shop}}");
    subjects(version, &subject("api"), &subject("web"), rules)
}

fn subjects(version: &str, destination: &str, sources: &str, rules: &str) -> String {
    format!(
        "---\napiVersion: access.smi-spec.io/{version}\nkind: TrafficTarget\nmetadata: {{name: t}}\nspec: {{destination: \
         {destination}, sources: [{sources}], rules: [{rules}]}}\n"
    )
}

fn spec(kind: &str, version: &str, name: &str, spec: &str) -> String {
    let group = if kind == "IdentityBinding" { "access" } else { "specs" };
    format!("---\napiVersion: {group}.smi-spec.io/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

fn group(version: &str, matches: &str) -> String {
    spec("HTTPRouteGroup", version, "g", &format!("{{matches: [{matches}]}}"))
}

const G_A: &str = "{kind: HTTPRouteGroup, name: g, matches: [a]}";

#[track_caller]
fn one(mesh: &str, text: &str) -> Meaning {
    let mut meanings = Access::of(text).as_read_by(smi2gamma::mappings::source(mesh).unwrap());
    assert_eq!(meanings.len(), 1);
    meanings.remove(0)
}

#[track_caller]
fn unknown(text: &str) -> Meaning {
    let mut meanings = Access::of(text).ask(|target, around| decide(target, SOURCE, Whose::Unknown, around));
    assert_eq!(meanings.len(), 1);
    meanings.remove(0)
}

#[track_caller]
fn granted(meaning: Meaning) -> Grant {
    match meaning {
        Ok(AccessMeaning::Grant(grant, _)) => *grant,
        other => panic!("{other:#?}"),
    }
}

#[track_caller]
fn refused(meaning: Meaning) -> Finding {
    match meaning {
        Err(finding) => *finding,
        Ok(other) => panic!("{other:#?}"),
    }
}

fn only<const N: usize>(numbers: [u16; N]) -> Ports {
    Ports::Only(numbers.into())
}

#[test]
fn without_a_mesh_what_all_that_served_it_read_alike_is_a_grant() {
    let text = target("v1alpha2", G_A) + &group("v1alpha3", "{name: a, pathRegex: '.*', methods: [GET]}");
    let grant = granted(unknown(&text));
    assert_eq!((grant.http_ports, grant.opaque_ports), (Ports::Every, Ports::none()));
}

#[test]
fn without_a_mesh_what_they_read_differently_is_shown_with_a_request() {
    let text = target("v1alpha2", G_A) + &group("v1alpha3", "{name: a, pathRegex: /api, methods: [GET]}");
    let finding = refused(unknown(&text));
    assert_eq!(finding.code.0, "source-mesh-needed");
    let notes = finding.notes.join("\n");
    for word in [
        "spec, traefik: allows requests with method GET and path that begins with `/api`",
        "nginx: ",
        "they part at: GET /",
    ] {
        assert!(notes.contains(word), "{notes}");
    }
    // A port that is no HTTP is open in Open Service Mesh, and closed by the specification.
    let text = target("v1alpha3", G_A) + &group("v1alpha4", "{name: a, pathRegex: '.*'}");
    let notes = refused(unknown(&text)).notes.join("\n");
    assert!(notes.contains("they part at: a connection that is not HTTP on a port that is not listed"), "{notes}");
}

#[test]
fn a_version_that_a_mesh_never_served_was_not_in_force() {
    let text = target("v1alpha3", G_A) + &group("v1alpha4", "{name: a}");
    for mesh in ["traefik", "nginx", "istio", "consul", "linkerd"] {
        let meaning = one(mesh, &text);
        assert!(matches!(&meaning, Ok(AccessMeaning::NotServed(what)) if what == "TrafficTarget v1alpha3"), "{mesh}");
    }
    let older = target("v1alpha3", G_A) + &group("v1alpha3", "{name: a}");
    let meaning = one("osm", &older);
    assert!(matches!(&meaning, Ok(AccessMeaning::NotServed(what)) if what == "HTTPRouteGroup v1alpha3"), "{meaning:?}");
}

#[test]
fn the_port_of_a_destination_limits_requests_and_connections_alike() {
    let destination = |port: &str| format!("{{kind: ServiceAccount, name: api, namespace: shop, port: {port}}}");
    let web = "{kind: ServiceAccount, name: web, namespace: shop}";
    let text = |port: &str, rules: &str| {
        subjects("v1alpha2", &destination(port), web, rules)
            + &group("v1alpha3", "{name: a}")
            + &spec("TCPRoute", "v1alpha3", "r", "{}")
    };
    for port in ["8080", "'8080'"] {
        let grant = granted(one("spec", &text(port, G_A)));
        assert_eq!((grant.http_ports, grant.numbering), (only([8080]), Numbering::Service));
        let grant = granted(one("traefik", &text(port, "{kind: TCPRoute, name: r}")));
        assert_eq!((grant.opaque_ports, grant.numbering), (only([8080]), Numbering::Pod));
        assert_eq!(refused(one("nginx", &text(port, G_A))).code.0, "source-reading-undefined");
    }
    assert_eq!(refused(one("spec", &text("70000", G_A))).code.0, "target-port-invalid");
}

#[test]
fn a_rule_without_matches_allows_nothing_in_open_service_mesh_and_says_so() {
    let rules = "{kind: HTTPRouteGroup, name: g}, {kind: TCPRoute, name: r}";
    let text = target("v1alpha3", rules)
        + &group("v1alpha4", "{name: a}")
        + &spec("TCPRoute", "v1alpha4", "r", "{matches: {ports: [9000]}}");
    let meaning = one("osm", &text);
    assert_eq!(codes(&meaning), ["rule-had-no-effect"]);
    let grant = granted(meaning);
    assert!(grant.requests.is_none());
    assert_eq!(grant.opaque_ports, only([9000]));
}

#[test]
fn a_grant_that_allows_nothing_is_none() {
    let text = target("v1alpha2", G_A) + &group("v1alpha3", "{name: a, headers: {host: x}}");
    let meaning = one("traefik", &text);
    assert!(matches!(meaning, Ok(AccessMeaning::NoEffect { .. })), "{meaning:?}");
    assert_eq!(codes(&meaning), ["match-never"]);
    let traefik = smi2gamma::mappings::source("traefik").unwrap();
    let place = smi2gamma::place::Place { source: SOURCE, span: smi2gamma::place::Span::default() };
    assert_eq!(meaning.unwrap().told(traefik, place).unwrap().code.0, "target-had-no-effect");
}

#[test]
fn an_identity_binding_stands_for_each_of_its_schemes() {
    let bound = |name: &str| format!("{{kind: IdentityBinding, name: {name}, namespace: shop}}");
    let schemes = "{schemes: {serviceAccount: web, spiffeIdentities: [cluster.local/ns/shop/sa/a, 'spiffe://b/c']}}";
    let text = subjects("v1alpha4", &bound("d"), &bound("s"), G_A)
        + &group("v1alpha4", "{name: a}")
        + &spec("IdentityBinding", "v1alpha4", "s", schemes)
        + &spec("IdentityBinding", "v1alpha4", "d", "{schemes: {podLabelSelector: {matchLabels: {app: api}}}}");
    let grant = granted(one("spec", &text));
    let sources: Vec<Principal> = grant.sources.into_iter().map(|(principal, _)| principal).collect();
    let spiffe = |id: &str| Principal::Spiffe(id.to_owned());
    assert_eq!(sources, [account("web"), account("a"), spiffe("spiffe://b/c")]);
    let labels = BTreeMap::from([("app".to_owned(), "api".to_owned())]);
    assert_eq!(grant.destination, [Principal::Pods { namespace: Some("shop".to_owned()), labels }]);
}

#[test]
fn an_identity_that_the_mesh_did_not_know_is_refused() {
    let api = "{kind: ServiceAccount, name: api, namespace: shop}";
    for kind in ["IdentityBinding", "Group", "Deployment"] {
        let source = format!("{{kind: {kind}, name: web, namespace: shop}}");
        let text = subjects("v1alpha3", api, &source, G_A) + &group("v1alpha4", "{name: a}");
        assert_eq!(refused(one("osm", &text)).code.0, "subject-kind-unsupported", "{kind}");
    }
    let missing = subjects("v1alpha4", api, "{kind: IdentityBinding, name: s, namespace: shop}", G_A);
    assert_eq!(refused(one("spec", &(missing + &group("v1alpha4", "{name: a}")))).code.0, "target-reference-missing");
}

#[test]
fn what_is_referred_to_is_looked_for_in_the_namespace_of_the_target() {
    let elsewhere = group("v1alpha4", "{name: a}").replace("name: g}", "name: g, namespace: other}");
    let text = target("v1alpha3", G_A) + &elsewhere;
    assert_eq!(refused(one("osm", &text)).code.0, "target-reference-missing");
    let twice = target("v1alpha3", G_A) + &group("v1alpha4", "{name: a}") + &group("v1alpha4", "{name: b}");
    assert_eq!(refused(one("osm", &twice)).code.0, "target-reference-ambiguous");
    let misplaced = target("v1alpha3", G_A)
        + &group("v1alpha4", "{name: a}").replace("spec: {matches: [{name: a}]}", "matches: [{name: a}]");
    assert_eq!(refused(one("osm", &misplaced)).code.0, "group-misplaced");
}

#[test]
fn a_name_that_several_matches_have_chooses_none() {
    let text = target("v1alpha3", G_A) + &group("v1alpha4", "{name: a, pathRegex: /x}, {name: a, pathRegex: /y}");
    assert_eq!(refused(one("osm", &text)).code.0, "target-match-ambiguous");
}

#[test]
fn ports_in_a_label_are_neither_read_nor_forgotten() {
    let route = spec("TCPRoute", "v1alpha4", "r", "{matches: {ports: []}}")
        .replace("{name: r}", "{name: r, labels: {ports: '9000'}}");
    let text = target("v1alpha3", "{kind: TCPRoute, name: r}") + &route;
    assert_eq!(refused(one("osm", &text)).code.0, "route-ports-label");
}

#[test]
fn udp_is_allowed_on_its_own_ports() {
    let rules = "{kind: UDPRoute, name: u}, {kind: TCPRoute, name: r}";
    let text = target("v1alpha4", rules)
        + &spec("UDPRoute", "v1alpha4", "u", "{matches: {ports: [8301, 8302]}}")
        + &spec("TCPRoute", "v1alpha4", "r", "{matches: {ports: [8300]}}");
    let grant = granted(one("spec", &text));
    assert_eq!((grant.udp_ports, grant.opaque_ports), (only([8301, 8302]), only([8300])));
}

#[test]
fn the_host_of_a_request_is_a_condition_of_its_own() {
    let text = target("v1alpha3", G_A) + &group("v1alpha4", "{name: a, headers: {host: 'api\\.shop', x: y}}");
    let Requests::Any(patterns) = granted(one("osm", &text)).requests else { panic!("not limited") };
    assert!(patterns[0].authority.as_ref().unwrap().language.matches("api.shop"));
    assert_eq!(patterns[0].headers.len(), 1);
    let capital = text.replace("host:", "Host:");
    assert_eq!(refused(one("osm", &capital)).code.0, "source-reading-undefined");
    let spec = text.replace("v1alpha3", "v1alpha4");
    assert_eq!(refused(one("spec", &spec)).code.0, "source-reading-undefined");
}

#[test]
fn an_expression_for_a_header_that_depends_on_anchoring_is_left_open_by_the_specification() {
    let text = |expression: &str| {
        target("v1alpha4", G_A) + &group("v1alpha4", &format!("{{name: a, headers: {{x: '{expression}'}}}}"))
    };
    assert_eq!(refused(one("spec", &text("beta"))).code.0, "source-reading-undefined");
    granted(one("spec", &text("^beta$")));
    granted(one("spec", &text(".*beta.*")));
}

#[test]
fn a_word_of_istio_is_no_regular_expression() {
    let text = "apiVersion: access.smi-spec.io/v1alpha1\nkind: TrafficTarget\nmetadata: {name: t}\ndestination: {kind: \
                ServiceAccount, name: api, namespace: shop}\nsources: [{kind: ServiceAccount, name: web, namespace: \
                shop}]\nspecs: [{kind: HTTPRouteGroup, name: g, matches: [a]}]\n---\napiVersion: \
                specs.smi-spec.io/v1alpha1\nkind: HTTPRouteGroup\nmetadata: {name: g}\nmatches: [{name: a, pathRegex: \
                '/a.b+*'}]\n";
    let Requests::Any(patterns) = granted(one("istio", text)).requests else { panic!("not limited") };
    let path = &patterns[0].path.as_ref().unwrap().language;
    assert!(path.matches("/a.b+") && path.matches("/a.b+/c") && !path.matches("/axb+"));
    let without = text.replace(", pathRegex: '/a.b+*'", ", methods: [GET]");
    assert_eq!(refused(one("istio", &without)).code.0, "source-reading-undefined");
}

#[test]
fn a_route_rule_with_matches_is_not_read_as_if_they_were_not_there() {
    let text = target("v1alpha3", "{kind: TCPRoute, name: r, matches: [a]}")
        + &spec("TCPRoute", "v1alpha4", "r", "{matches: {ports: [9000]}}");
    assert_eq!(refused(one("osm", &text)).code.0, "source-reading-undefined");
}
