//! Whose reading applies: each row of `mappings/sources/` that decides about splits, held against what is emitted.
//!
//! The golden requests of the rows are asked of the emitted routes. Where the output answers otherwise than the mesh did,
//! the deviation is listed here with the code that tells a person of it; what is not listed must be equal.

use std::collections::BTreeMap;

use smi2gamma::mappings::{Answer, Condition, Golden, GoldenSplit, Held, Source, SplitReading, sources};
use smi2gamma::outcome::Outcome;
use smi2gamma::smi::{Kind, Version};

use crate::engine::{self, Order, Request};
use crate::world::{NINE_TO_ONE, Ran, World, group, named_split, service, split, split_by_g, web};

// --- golden requests ---

/// Where the output does not do what the mesh did: mesh, row, and the code that says so.
const DEVIATIONS: [(&str, &str, &str); 14] = [
    // The manifest has a condition that the cluster did not see.
    ("osm", "matches", "split-matches-pruned"),
    ("linkerd", "matches", "split-matches-pruned"),
    ("istio", "matches", "split-matches-pruned"),
    // A route answers 500, which nobody wants in place of whatever the mesh did.
    ("osm", "all-zero", "weights-all-zero"),
    ("linkerd", "all-zero", "weights-all-zero"),
    ("traefik", "all-zero", "weights-all-zero"),
    // The Service may come yet: it is kept, and the share of a missing one fails.
    ("osm", "missing-backend", "backend-missing"),
    ("traefik", "missing-backend", "backend-missing"),
    ("flomesh", "missing-backend", "backend-missing"),
    // SMI leaves such a backend out; these meshes let its share fail.
    ("linkerd", "missing-port", "backend-port-missing"),
    ("istio", "missing-port", "backend-port-missing"),
    // A route would begin to split.
    ("traefik", "self-reference", "split-had-no-effect"),
    // Weights of different splits have no common scale once they are ratios.
    ("flomesh", "same-root", "splits-conflict"),
    // Shares are exact; the adapter rounded them to percents.
    ("istio", "weights", ""),
];

fn rows(reading: &SplitReading) -> [(&'static str, &[Golden]); 16] {
    let SplitReading {
        matches,
        unmatched,
        path,
        header,
        empty_match,
        host_header,
        root,
        backend,
        self_reference,
        same_root,
        all_zero,
        missing_backend,
        missing_port,
        duplicate_backend,
        weights,
        protocol,
        // Names objects, answers no request.
        leaves: _,
    } = reading;
    [
        ("matches", &matches.golden),
        ("unmatched", &unmatched.golden),
        ("path", &path.golden),
        ("header", &header.golden),
        ("empty-match", &empty_match.golden),
        ("host-header", &host_header.golden),
        ("root", &root.golden),
        ("backend", &backend.golden),
        ("self-reference", &self_reference.golden),
        ("same-root", &same_root.golden),
        ("all-zero", &all_zero.golden),
        ("missing-backend", &missing_backend.golden),
        ("missing-port", &missing_port.golden),
        ("duplicate-backend", &duplicate_backend.golden),
        ("weights", &weights.golden),
        ("protocol", &protocol.golden),
    ]
}

#[test]
fn the_routes_answer_golden_requests_as_the_mesh_did_or_a_finding_says_why_not() {
    let mut deviated = Vec::new();
    let mut asked = 0;
    for mesh in sources() {
        let Some(reading) = &mesh.split else { continue };
        for (row, goldens) in rows(reading) {
            for golden in goldens {
                let Some((ran, wanted)) = ask(mesh, golden) else { continue };
                asked += 1;
                if answer(&ran, golden) == wanted {
                    continue;
                }
                let listed = DEVIATIONS.iter().find(|(name, known, _)| *name == mesh.name && *known == row);
                let (_, _, code) = listed.unwrap_or_else(|| {
                    panic!("{} {row}: {golden:#?}\ngot {:?}\n{:#?}", mesh.name, ran.routes(), ran.findings())
                });
                assert!(code.is_empty() || ran.has(code), "{} {row}: {:#?}", mesh.name, ran.findings());
                deviated.push((mesh.name.as_str(), row));
            }
        }
    }
    assert!(asked > 40, "{asked}");
    for (mesh, row, _) in DEVIATIONS {
        assert!(deviated.contains(&(mesh, row)), "{mesh} {row} deviates no more: take it out of the list");
    }
}

/// Runs the world of a golden request; with the answer that it must give. None for a condition of a mesh that read none.
fn ask(mesh: &Source, golden: &Golden) -> Option<(Ran, BTreeMap<String, u32>)> {
    let (splits, wanted) = match (&golden.condition, &golden.answer) {
        (None, Answer::Shares(shares)) => (golden.splits.clone(), ratio(shares.clone())),
        (Some(condition), Answer::Condition(held)) => {
            newest(mesh, Kind::TrafficSplit).filter(|version| *version >= Version::V1alpha3)?;
            let condition = Some(condition.clone());
            let backends = serde_yaml::from_str("[{service: split, weight: 1}]").unwrap();
            let taken = if *held == Held::Match { "split" } else { "rest" };
            let rest: GoldenSplit =
                serde_yaml::from_str("{service: web, backends: [{service: rest, weight: 1}]}").unwrap();
            let conditional = GoldenSplit { service: "web".into(), condition, backends };
            (vec![conditional, rest], BTreeMap::from([(taken.to_owned(), 1)]))
        }
        other => panic!("{}: {other:?}", mesh.name),
    };
    let mut yaml = String::new();
    for (number, split) in splits.iter().enumerate() {
        yaml += &of_golden(mesh, number, split);
    }
    let mut services = golden.services.clone();
    if services.is_empty() {
        services = ["web", "split", "rest"].map(|name| (name.to_owned(), vec![80])).into();
    }
    for (name, ports) in &services {
        let ports: Vec<String> = ports.iter().map(|port| format!("{{name: http-{port}, port: {port}}}")).collect();
        yaml += &service(name, &ports.join(", "));
    }
    Some((World::of(yaml).from(&mesh.name).to("linkerd").run(), wanted))
}

fn newest(mesh: &Source, kind: Kind) -> Option<Version> {
    mesh.serves.get(&kind).and_then(|versions| versions.is.iter().max().copied())
}

fn of_golden(mesh: &Source, number: usize, golden: &GoldenSplit) -> String {
    let GoldenSplit { service, condition, backends } = golden;
    let backends: Vec<String> = backends
        .iter()
        .map(|backend| format!("{{service: {}, weight: {}}}", backend.service, backend.weight))
        .collect();
    let matches = match condition {
        Some(_) => format!("matches: [{{kind: HTTPRouteGroup, name: g{number}}}], "),
        None => String::new(),
    };
    let version = newest(mesh, Kind::TrafficSplit).expect("a mesh with goldens serves splits").name();
    let spec = format!("service: {service}, {matches}backends: [{}]", backends.join(", "));
    let mut yaml = named_split(&format!("s{number}"), version, &spec);
    if let Some(Condition { path_regex, headers }) = condition {
        let path = path_regex.as_ref().map(|path| format!(", pathRegex: '{path}'")).unwrap_or_default();
        let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: '{value}'")).collect();
        let headers = if headers.is_empty() { String::new() } else { format!(", headers: {{{}}}", headers.join(", ")) };
        let version = newest(mesh, Kind::HTTPRouteGroup).filter(|version| *version >= Version::V1alpha3);
        let version = version.unwrap_or(Version::V1alpha4).name();
        yaml += &group(&format!("g{number}"), version, &format!("{{name: a{path}{headers}}}"));
    }
    yaml
}

/// What the emitted routes answer, by their first rule that takes the request.
fn answer(ran: &Ran, golden: &Golden) -> BTreeMap<String, u32> {
    let port = golden.request.port.unwrap_or(80);
    let mut routes = ran.of_kind("HTTPRoute");
    routes.retain(|route| route["spec"]["parentRefs"][0]["port"] == port);
    let request = Request {
        method: "GET".into(),
        path: golden.request.path.clone().unwrap_or_else(|| "/".into()),
        headers: golden.request.headers.clone(),
    };
    let mut shares = BTreeMap::new();
    for (name, weight) in engine::answer(&routes, &request, Order::Written) {
        let there = golden.services.is_empty() || golden.services.contains_key(&name);
        *shares.entry(if there { name } else { "(fails)".to_owned() }).or_default() += weight;
    }
    ratio(shares)
}

fn ratio(mut shares: BTreeMap<String, u32>) -> BTreeMap<String, u32> {
    fn gcd(a: u32, b: u32) -> u32 {
        if b == 0 { a } else { gcd(b, a % b) }
    }
    shares.retain(|_, weight| *weight > 0);
    let divisor = shares.values().copied().fold(0, gcd).max(1);
    shares.values_mut().for_each(|weight| *weight /= divisor);
    shares
}

// --- rows without golden requests ---

const HEAD: &str = "HTTPRoute shop/web-split-80 on web:80";
const SPLIT: &str = "* -> web-v1:80 9, web-v2:80 1";

fn plain(version: &str) -> String {
    split(version, &format!("service: web, {NINE_TO_ONE}"))
}

#[test]
fn every_mesh_serves_the_versions_of_its_table_and_no_others() {
    for mesh in sources() {
        for version in Version::ALL {
            let ran = World::of(plain(version.name()) + &web()).from(&mesh.name).run();
            if mesh.serves(Kind::TrafficSplit, version) {
                ran.is_routed(&[HEAD, SPLIT]);
            } else {
                ran.is_refused();
                assert_eq!(ran.codes("TrafficSplit", "web"), ["version-not-served"], "{} {version:?}", mesh.name);
            }
        }
    }
}

#[test]
fn a_group_of_a_version_that_the_mesh_never_served_is_no_condition_there() {
    for (mesh, split_version, group_version) in
        [("traefik", "v1alpha3", "v1alpha4"), ("nginx", "v1alpha3", "v1alpha4"), ("flomesh", "v1alpha4", "v1alpha3")]
    {
        let input = split_by_g(split_version) + &group("g", group_version, "{name: a, pathRegex: /a}") + &web();
        let ran = World::of(input).from(mesh).run();
        ran.is_refused();
        assert_eq!(ran.codes("TrafficSplit", "web"), ["version-not-served"], "{mesh}");
    }
}

#[test]
fn a_name_of_a_backend_is_read_in_the_forms_that_the_mesh_took() {
    let by = |mesh: &str, version: &str, name: &str| {
        let backends = format!("backends: [{{service: web-v1, weight: 9}}, {{service: {name}, weight: 1}}]");
        World::of(split(version, &format!("service: web, {backends}")) + &web()).from(mesh).run()
    };
    let qualified = "web-v2.shop.svc.cluster.local";
    by("istio", "v1alpha2", qualified).is_routed(&[HEAD, SPLIT]);
    for (mesh, version) in [
        ("spec", "v1alpha2"),
        ("osm", "v1alpha2"),
        ("linkerd", "v1alpha2"),
        ("traefik", "v1alpha3"),
        ("nginx", "v1alpha3"),
    ] {
        let ran = by(mesh, version, qualified);
        ran.is_refused();
        assert_eq!(ran.codes("TrafficSplit", "web"), ["backend-not-a-service"], "{mesh}");
        by(mesh, version, "other/web-v2").is_refused();
    }
    by("istio", "v1alpha2", "web-v2.other.svc.cluster.local").is_refused();
    by("flomesh", "v1alpha4", "shop/web-v2").is_routed(&[HEAD, SPLIT]);
    by("flomesh", "v1alpha4", qualified).is_refused();
    for mesh in ["spec", "osm", "linkerd", "istio", "flomesh"] {
        by(mesh, "v1alpha2", "example.com").is_refused();
    }
}

#[test]
fn a_qualified_root_is_read_in_the_forms_that_the_mesh_took() {
    for (mesh, version, taken) in [
        ("spec", "v1alpha2", true),
        ("osm", "v1alpha2", true),
        ("istio", "v1alpha2", true),
        ("flomesh", "v1alpha4", true),
        ("linkerd", "v1alpha2", false),
        ("traefik", "v1alpha3", false),
        ("nginx", "v1alpha3", false),
    ] {
        let input = split(version, &format!("service: web.shop.svc.cluster.local, {NINE_TO_ONE}")) + &web();
        let ran = World::of(input).from(mesh).run();
        if taken {
            ran.is_routed(&[HEAD, SPLIT]);
        } else {
            ran.is_refused();
            assert_eq!(ran.codes("TrafficSplit", "web"), ["split-had-no-effect"], "{mesh}");
        }
    }
}

/// `web` and its backends with one port.
fn on(port: &str) -> String {
    ["web", "web-v1", "web-v2"].map(|name| service(name, port)).concat()
}

#[test]
fn the_protocol_of_a_port_is_what_the_service_says_and_else_what_the_mesh_took_it_for() {
    let kind = |mesh: &str, port: &str| {
        let version = if mesh == "traefik" || mesh == "nginx" { "v1alpha3" } else { "v1alpha2" };
        let ran = World::of(plain(version) + &on(port)).from(mesh).run();
        (
            ran.routes().first().map(|route| route.split(' ').next().unwrap().to_owned()),
            ran.has("port-protocol-assumed"),
        )
    };
    let route = |kind: &str, assumed| (Some(kind.to_owned()), assumed);
    for mesh in ["spec", "osm", "linkerd", "traefik", "nginx"] {
        for port in [
            "{name: http, port: 3306}",
            "{name: http-web, port: 80}",
            "{port: 80, appProtocol: http}",
            "{name: grpc, port: 80}",
        ] {
            assert_eq!(kind(mesh, port), route("HTTPRoute", false), "{mesh} {port}");
        }
        for port in
            ["{name: tcp-db, port: 80}", "{name: https, port: 443}", "{name: http, port: 80, appProtocol: redis}"]
        {
            assert_eq!(kind(mesh, port), route("TCPRoute", false), "{mesh} {port}");
        }
        assert_eq!(kind(mesh, "{port: 80}"), route("HTTPRoute", true), "{mesh}");
    }
    assert_eq!(kind("osm", "{port: 3306}"), route("HTTPRoute", true), "OSM takes every undeclared port for HTTP");
    assert_eq!(kind("linkerd", "{port: 3306}"), route("TCPRoute", true), "Linkerd knows the port as opaque");
    assert_eq!(kind("istio", "{name: http, port: 80}"), route("HTTPRoute", false));
    assert_eq!(kind("istio", "{name: tcp-db, port: 80}"), (None, false), "the adapter split nothing but HTTP");
}

#[test]
fn the_annotations_that_say_a_protocol_are_read() {
    let annotated = |annotation: &str| {
        on("{port: 80}").replace("namespace: shop}", &format!("namespace: shop, annotations: {{{annotation}}}}}"))
    };
    for annotation in [
        "mesh.traefik.io/traffic-type: tcp",
        "maesh.containo.us/traffic-type: tcp",
        "config.linkerd.io/opaque-ports: '25,80-81'",
    ] {
        let ran = World::of(plain("v1alpha3") + &annotated(annotation)).from("traefik").run();
        assert_eq!(ran.of_kind("TCPRoute").len(), 1, "{annotation}");
    }
    let other = World::of(plain("v1alpha2") + &annotated("config.linkerd.io/opaque-ports: '25'")).from("linkerd").run();
    assert_eq!(other.of_kind("HTTPRoute").len(), 1);
}

#[test]
fn datagrams_are_split_by_no_mesh_and_said_to_be() {
    let udp = World::of(plain("v1alpha2") + &on("{name: dns, port: 53, protocol: UDP}")).from("spec").run();
    udp.is_refused();
    assert_eq!(udp.outcome("TrafficSplit", "web"), Outcome::Unsupported);
    assert!(udp.codes("TrafficSplit", "web").contains(&"port-udp"));
    let both = on("{name: dns, port: 53, protocol: UDP}, {name: tcp-dns, port: 53}");
    let both = World::of(plain("v1alpha2") + &both).from("spec").run();
    assert_eq!(both.routes().len(), 1, "the connections are split");
    assert!(both.codes("TrafficSplit", "web").contains(&"port-udp"), "and the datagrams are not lost without a word");
}

#[test]
fn conditions_hold_on_ports_of_http_and_an_unconditional_split_holds_on_the_others() {
    let ports = on("{name: http, port: 80}, {name: tcp-db, port: 5432}");
    let conditional = split_by_g("v1alpha4") + &group("g", "v1alpha4", "{name: a, methods: [GET]}");
    let alone = World::of(conditional.clone() + &ports).from("spec").run();
    alone.is_routed(&[HEAD, "GET -> web-v1:80 9, web-v2:80 1", "* -> web:80 1"]);
    assert!(alone.has("port-not-split"));
    let rest = named_split("rest", "v1alpha4", "service: web, backends: [{service: web-v1, weight: 1}]");
    let ran = World::of(conditional + &rest + &ports).from("spec").run();
    assert_eq!(
        ran.routes(),
        [
            format!("{HEAD}\nGET -> web-v1:80 9, web-v2:80 1\n* -> web-v1:80 1"),
            "TCPRoute shop/web-split-5432 on web:5432\n* -> web-v1:5432 1".to_owned(),
        ]
    );
}

// --- whose reading ---

#[test]
fn what_every_mesh_reads_alike_needs_no_decision() {
    for version in ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"] {
        World::of(plain(version) + &web()).run().is_routed(&[HEAD, SPLIT]);
    }
    let anchored = "{name: a, headers: [{x-a: '^a(.*)$'}]}, {name: b, methods: [GET], headers: [{x-b: '^(b|c)$'}]}";
    let input = split_by_g("v1alpha3") + &group("g", "v1alpha3", anchored) + &web();
    World::of(input).to("istio").run().is_routed(&[
        HEAD,
        "x-a~^(a(.*))$, GET x-b~^(b|c)$ -> web-v1:80 9, web-v2:80 1",
        "* -> web:80 1",
    ]);
}

#[test]
fn what_meshes_read_differently_is_one_finding_with_their_readings_and_a_request() {
    let input = split_by_g("v1alpha3") + &group("g", "v1alpha3", "{name: a, pathRegex: /api}") + &web();
    let ran = World::of(input).run();
    ran.is_refused();
    assert_eq!(ran.codes("TrafficSplit", "web"), ["source-mesh-needed"]);
    let finding = ran.finding("source-mesh-needed");
    assert_eq!(
        finding.notes,
        [
            "spec, traefik: splits requests with path that begins with `/api` among web-v1 9, web-v2 1, the rest to the root",
            "nginx: splits requests with path that holds somewhere `/api` among web-v1 9, web-v2 1, the rest to the root",
            "they part at: GET //api",
        ]
    );
    assert!(finding.help.as_deref().unwrap_or_default().contains("--from"));
}

#[test]
fn strong_marks_of_one_mesh_decide_and_are_named() {
    let mesh_config = "---\napiVersion: config.openservicemesh.io/v1alpha2\nkind: MeshConfig\nmetadata: {name: m}\n";
    let twice = "service: web, backends: [{service: web-v1, weight: 1}, {service: web-v1, weight: 1}, {service: web-v2, \
                 weight: 1}]";
    let ran = World::of(split("v1alpha2", twice) + mesh_config + &web()).run();
    ran.is_routed(&[HEAD, "* -> web-v1:80 1, web-v2:80 1"]);
    assert!(ran.has("source-mesh-detected"));
    let told = World::of(split("v1alpha2", twice) + mesh_config + &web()).from("linkerd").run();
    told.is_routed(&[HEAD, "* -> web-v1:80 2, web-v2:80 1"]);
    assert!(!told.has("source-mesh-detected"));
    let profile =
        "---\napiVersion: linkerd.io/v1alpha2\nkind: ServiceProfile\nmetadata: {name: x.shop.svc.cluster.local}\n";
    let both = World::of(split("v1alpha2", twice) + mesh_config + profile + &web()).run();
    both.is_refused();
    assert!(both.has("source-mesh-conflict"));
}
