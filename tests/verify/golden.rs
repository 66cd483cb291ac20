//! Every row of the tables that has golden requests is answered by the evaluator that reads it.

use std::collections::BTreeMap;

use smi2gamma::mappings::{
    Answer as Expected, Condition, Golden, GoldenSplit, HeaderAnchoring, Held, PathAnchoring, Source, SplitReading,
    sources, targets,
};
use smi2gamma::pattern::{Anchoring, Domain, Language};
use smi2gamma::smi::{Kind, Version};
use smi2gamma::verify::{Absent, Answer, Decision, Request};

use crate::world::{Compared, NINE_TO_ONE, compare, request, route, service, services};

fn newest(mesh: &Source, kind: Kind) -> Option<Version> {
    mesh.serves.get(&kind).and_then(|versions| versions.is.iter().max().copied())
}

fn split(mesh: &Source, number: usize, golden: &GoldenSplit) -> String {
    let backends: Vec<String> = golden
        .backends
        .iter()
        .map(|backend| format!("{{service: {}, weight: {}}}", backend.service, backend.weight))
        .collect();
    let version = newest(mesh, Kind::TrafficSplit).expect("a mesh with goldens serves splits");
    let condition = match &golden.condition {
        Some(_) => format!("matches: [{{kind: HTTPRouteGroup, name: g{number}}}], "),
        None => String::new(),
    };
    let mut text = format!(
        "---\napiVersion: split.smi-spec.io/{}\nkind: TrafficSplit\nmetadata: {{name: s{number}, namespace: shop}}\nspec: \
         {{service: {}, {condition}backends: [{}]}}\n",
        version.name(),
        golden.service,
        backends.join(", ")
    );
    if let Some(Condition { path_regex, headers }) = &golden.condition {
        let path = path_regex.as_ref().map(|path| format!(", pathRegex: '{path}'")).unwrap_or_default();
        let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: '{value}'")).collect();
        let version = newest(mesh, Kind::HTTPRouteGroup).filter(|version| *version >= Version::V1alpha3);
        text += &format!(
            "---\napiVersion: specs.smi-spec.io/{}\nkind: HTTPRouteGroup\nmetadata: {{name: g{number}, namespace: \
             shop}}\nspec: {{matches: [{{name: a{path}, headers: {{{}}}}}]}}\n",
            version.unwrap_or(Version::V1alpha4).name(),
            headers.join(", ")
        );
    }
    text
}

/// The proportions of a certain answer by the names of Services, in lowest terms.
fn shares(answer: &Answer) -> BTreeMap<String, u128> {
    let Answer::Certain(Decision::Route(route)) = answer else { panic!("{answer}") };
    let mut found: BTreeMap<String, u128> =
        route.shares.backends().map(|(backend, part)| (backend.name.clone(), part)).collect();
    if route.shares.fails() > 0 {
        found.insert("(fails)".into(), route.shares.fails());
    }
    found
}

fn lowest(shares: &BTreeMap<String, u32>) -> BTreeMap<String, u128> {
    fn divisor(left: u32, right: u32) -> u32 {
        if right == 0 { left } else { divisor(right, left % right) }
    }
    let common = shares.values().copied().fold(0, divisor).max(1);
    let kept = shares.iter().filter(|(_, part)| **part > 0);
    kept.map(|(name, part)| (name.clone(), u128::from(part / common))).collect()
}

fn asked(golden: &Golden) -> Request {
    let mut asked = request(&format!("GET {}", golden.request.path.as_deref().unwrap_or("/")));
    for (name, value) in &golden.request.headers {
        asked.fields.insert(smi2gamma::verify::Field::Header(name.clone()), value.clone());
    }
    asked
}

fn goldens(reading: &SplitReading) -> Vec<(&'static str, &Golden)> {
    let rows: [(&'static str, &[Golden]); 16] = [
        ("matches", &reading.matches.golden),
        ("unmatched", &reading.unmatched.golden),
        ("path", &reading.path.golden),
        ("header", &reading.header.golden),
        ("empty-match", &reading.empty_match.golden),
        ("host-header", &reading.host_header.golden),
        ("root", &reading.root.golden),
        ("backend", &reading.backend.golden),
        ("self-reference", &reading.self_reference.golden),
        ("same-root", &reading.same_root.golden),
        ("all-zero", &reading.all_zero.golden),
        ("missing-backend", &reading.missing_backend.golden),
        ("missing-port", &reading.missing_port.golden),
        ("duplicate-backend", &reading.duplicate_backend.golden),
        ("weights", &reading.weights.golden),
        ("protocol", &reading.protocol.golden),
    ];
    rows.into_iter().flat_map(|(row, goldens)| goldens.iter().map(move |golden| (row, golden))).collect()
}

/// Whether a condition holds, by its expressions alone, where no share shows it.
fn directly(reading: &SplitReading, condition: &Condition, golden: &Golden) -> Held {
    let holds = |domain, expression: &str, anchoring, value: &str| {
        Language::regex(domain, expression, anchoring).expect("an expression").matches(value)
    };
    let path = condition.path_regex.as_deref().is_none_or(|expression| {
        let anchoring = match reading.path.is {
            PathAnchoring::Full => Anchoring::Full,
            PathAnchoring::Search => Anchoring::Search,
            other => panic!("{other:?}"),
        };
        holds(Domain::Path, expression, anchoring, golden.request.path.as_deref().unwrap_or("/"))
    });
    let headers = condition.headers.iter().all(|(name, expression)| {
        assert_eq!(reading.header.is, HeaderAnchoring::Full);
        let value = golden.request.headers.get(name);
        value.is_some_and(|value| holds(Domain::HeaderValue, expression, Anchoring::Full, value))
    });
    if path && headers { Held::Match } else { Held::NoMatch }
}

#[test]
fn the_side_before_answers_the_golden_requests_of_every_source_mesh() {
    let mut count = 0;
    for mesh in sources() {
        let Some(reading) = &mesh.split else { continue };
        for (row, golden) in goldens(reading) {
            let (splits, expected) = match (&golden.condition, &golden.answer) {
                (None, Expected::Shares(shares)) => (golden.splits.clone(), lowest(shares)),
                (Some(condition), Expected::Condition(held)) => {
                    // A mesh that read no condition of a split has its anchoring from elsewhere.
                    let unread = newest(mesh, Kind::TrafficSplit).is_none_or(|version| version < Version::V1alpha3);
                    // All backends of all conditional splits, in equal shares: of one split they show nothing.
                    let unseen = mesh.name == "flomesh" && condition.path_regex.is_some();
                    if unread || unseen {
                        assert_eq!(*held, directly(reading, condition, golden), "{} {row}: {golden:#?}", mesh.name);
                        count += 1;
                        continue;
                    }
                    let backends = serde_yaml::from_str("[{service: split, weight: 1}]").expect("backends");
                    let only = GoldenSplit { service: "web".into(), condition: Some(condition.clone()), backends };
                    let taken = match (held, mesh.name.as_str()) {
                        (Held::Match, _) => "split",
                        (Held::NoMatch, "flomesh") => "(fails)",
                        (Held::NoMatch, _) => "web",
                    };
                    (vec![only], BTreeMap::from([(taken.to_owned(), 1)]))
                }
                other => panic!("{}: {other:?}", mesh.name),
            };
            let mut before: String = splits.iter().enumerate().map(|(number, one)| split(mesh, number, one)).collect();
            let mut known = golden.services.clone();
            if known.is_empty() {
                known = ["web", "split"].map(|name| (name.to_owned(), vec![80])).into();
            }
            for (name, ports) in &known {
                let ports: Vec<String> =
                    ports.iter().map(|port| format!("{{name: http-{port}, port: {port}}}")).collect();
                before += &service(name, &ports.join(", "));
            }
            let compared = compare(&before, "", &mesh.name, "istio");
            let mut asked = asked(golden);
            let port = golden.request.port.unwrap_or(known[&splits[0].service][0]);
            asked.to = smi2gamma::verify::Destination::Service(smi2gamma::verify::ServicePort {
                service: smi2gamma::verify::ServiceName {
                    namespace: Some("shop".into()),
                    name: splits[0].service.clone(),
                },
                port,
            });
            let (answer, _) = compared.ask(&asked, Absent::Missing);
            assert_eq!(shares(&answer), expected, "{} {row}: {golden:#?}", mesh.name);
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}

#[test]
fn the_side_after_answers_the_golden_requests_of_every_target() {
    let mut count = 0;
    for target in targets() {
        let Some(reading) = &target.reading else { continue };
        for golden in &reading.regex.golden {
            let condition = golden.condition.as_ref().expect("a match");
            let value = condition.path_regex.as_deref().expect("an expression");
            let rules =
                format!("{{matches: [{{path: {{type: RegularExpression, value: '{value}'}}}}], {NINE_TO_ONE}}}");
            let known = services()
                .replace("{name: http, port: 80}", "{name: http, port: 80, appProtocol: http}")
                .replace("namespace: shop}", "namespace: shop, labels: {istio.io/use-waypoint: w}}");
            let compared: Compared = compare("", &(route(&rules) + &known), "spec", &target.name);
            let (_, answer) = compared.ask(&asked(golden), Absent::Missing);
            let held = if shares(&answer).contains_key("web-v1") { Held::Match } else { Held::NoMatch };
            assert_eq!(golden.answer, Expected::Condition(held), "{}: {golden:#?}", target.name);
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}
