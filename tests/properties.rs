//! What holds for any input: nothing panics, every object ends in one outcome, the same input gives the same output, and
//! output means what the input meant.
//!
//! The evaluators at the end read SMI and HTTPRoutes straight from their specifications, and use nothing of the engine.

#[path = "cases/engine.rs"]
#[allow(dead_code)]
mod engine;
mod worlds;

use engine::{Order, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use regex_automata::meta::Regex;
use serde::Deserialize as _;
use serde_json::{Value, json};
use smi2gamma::candidate::candidate;
use smi2gamma::edit::{Color, FileDiff, diff};
use smi2gamma::report::{SummaryOptions, TextOptions, json as json_report, markdown, summary, text};
use smi2gamma::run::{Run, run};
use smi2gamma::scan::Input;
use smi2gamma::yaml::{self, emit};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::process::{Command, Stdio};
use worlds::{Files, codes, convert, convert_bytes, manifests, options, service, stream, words};

/// As many cases as a run of the whole suite has time for; `PROPTEST_CASES` asks for more.
fn cases(few: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Everything that a command would make of a run.
fn everything(mut run: Run) -> (Vec<String>, Vec<String>) {
    let reports = [
        text(
            &run.report,
            &run.sources,
            &TextOptions { color: true, width: 80, verbose: true, ..TextOptions::default() },
        ),
        json_report(&run.report, &run.sources),
        markdown(&run.report, &run.sources),
        summary(&run.report, &run.sources, &SummaryOptions { color: false, details: "smi2gamma report ." }),
        emit::to_yaml(&manifests(&run)),
    ];
    let texts = candidate(&mut run).into_iter().map(|(_, text)| text).collect();
    (reports.to_vec(), texts)
}

// --- worlds ---

const SOURCES: [Option<&str>; 9] = [
    None,
    Some("spec"),
    Some("osm"),
    Some("linkerd"),
    Some("traefik"),
    Some("nginx"),
    Some("consul"),
    Some("istio"),
    Some("flomesh"),
];
const TARGETS: [&str; 8] =
    ["gateway-api", "linkerd", "istio", "istio-ambient", "cilium", "consul", "kuma", "network-policy"];
const NAMES: [&str; 4] = ["web", "web-v1", "web-v2", "api"];

fn version() -> impl Strategy<Value = &'static str> {
    select(vec!["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
}

fn namespace() -> impl Strategy<Value = Option<&'static str>> {
    select(vec![None, None, Some("a"), Some("b")])
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    match namespace {
        Some(namespace) => json!({"name": name, "namespace": namespace}),
        None => json!({"name": name}),
    }
}

fn any_split() -> impl Strategy<Value = Value> {
    let root = prop_oneof![3 => select(NAMES.to_vec()), 1 => Just("web.a"), 1 => Just("shop.example.com")];
    let backends = vec((select(NAMES.to_vec()), 0..4u32), 1..4);
    let matches = prop::option::of(vec(select(vec!["read", "write", "gone"]), 0..3));
    (select(vec!["one", "two", "three"]), namespace(), version(), root, backends, matches).prop_map(
        |(name, namespace, version, root, backends, matches)| {
            let backends: Vec<Value> =
                backends.iter().map(|(name, weight)| json!({"service": name, "weight": weight})).collect();
            let mut split = json!({
                "apiVersion": format!("split.smi-spec.io/{version}"),
                "kind": "TrafficSplit",
                "metadata": metadata(name, namespace),
                "spec": {"service": root, "backends": backends},
            });
            if let Some(names) = matches.filter(|_| version > "v1alpha2") {
                let matches: Vec<Value> =
                    names.iter().map(|name| json!({"kind": "HTTPRouteGroup", "name": name})).collect();
                split["spec"]["matches"] = json!(matches);
            }
            split
        },
    )
}

fn any_group() -> impl Strategy<Value = Value> {
    (select(vec!["read", "write"]), namespace(), version(), vec(http_match(), 0..3)).prop_map(
        |(name, namespace, version, matches)| {
            let mut group = json!({
                "apiVersion": format!("specs.smi-spec.io/{version}"),
                "kind": "HTTPRouteGroup",
                "metadata": metadata(name, namespace),
            });
            if version > "v1alpha2" {
                group["spec"] = json!({"matches": matches});
            } else {
                group["matches"] = json!(matches);
            }
            group
        },
    )
}

fn any_target() -> impl Strategy<Value = Value> {
    (select(vec!["one", "two"]), namespace(), select(vec!["read", "gone"])).prop_map(|(name, namespace, group)| {
        json!({
            "apiVersion": "access.smi-spec.io/v1alpha3",
            "kind": "TrafficTarget",
            "metadata": metadata(name, namespace),
            "spec": {
                "destination": {"kind": "ServiceAccount", "name": "api"},
                "sources": [{"kind": "ServiceAccount", "name": "web"}],
                "rules": [{"kind": "HTTPRouteGroup", "name": group, "matches": ["read"]}],
            },
        })
    })
}

/// A Service of one of the forms that decide what can be converted.
fn any_service() -> impl Strategy<Value = Value> {
    let port = select(vec![
        json!({"port": 80, "name": "http"}),
        json!({"port": 8080}),
        json!({"port": 9000, "name": "tcp-db"}),
        json!({"port": 53, "protocol": "UDP"}),
        json!({"port": 50051, "name": "grpc"}),
    ]);
    let form =
        select(vec![json!({}), json!({}), json!({}), json!({"clusterIP": "None"}), json!({"type": "ExternalName"})]);
    (select(NAMES.to_vec()), namespace(), vec(port, 0..3), form).prop_map(|(name, namespace, ports, form)| {
        let mut service =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata(name, namespace), "spec": form});
        service["spec"]["ports"] = json!(ports);
        service
    })
}

/// What a cluster needs for the splits of one namespace to convert.
fn all_services(ports: &[u16]) -> Vec<Value> {
    NAMES.map(|name| service(None, name, ports)).to_vec()
}

fn any_object() -> impl Strategy<Value = Value> {
    prop_oneof![4 => any_split(), 2 => any_group(), 1 => any_target(), 4 => any_service()]
}

/// Objects, most of them in a world where Services are known.
fn world() -> impl Strategy<Value = Vec<Value>> {
    let services = prop_oneof![
        1 => Just(Vec::new()),
        2 => Just(all_services(&[80])),
        1 => Just(all_services(&[80, 8080])),
        2 => Just([all_services(&[80]), vec![json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "a"},
            "spec": {"ports": [{"port": 80, "name": "http"}, {"port": 53, "protocol": "UDP", "name": "dns"}]},
        }), json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web-v1", "namespace": "a"},
            "spec": {"ports": [{"port": 80, "name": "http"}, {"port": 53, "protocol": "UDP", "name": "dns"}]},
        })]].concat()),
    ];
    (services, vec(any_object(), 0..7)).prop_map(|(mut services, objects)| {
        services.extend(objects);
        services
    })
}

fn is_smi(object: &Value) -> bool {
    object["apiVersion"].as_str().is_some_and(|version| version.contains("smi-spec.io"))
}

/// How the objects of a text are written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Documents,
    List,
    JsonDocuments,
    JsonList,
}

fn form() -> impl Strategy<Value = Form> {
    select(vec![Form::Documents, Form::Documents, Form::List, Form::JsonDocuments, Form::JsonList])
}

fn written(objects: &[Value], form: Form) -> String {
    let list = || json!({"apiVersion": "v1", "kind": "List", "items": objects});
    match form {
        Form::Documents => format!("# head\n{}", emit::to_yaml(objects)),
        Form::List => emit::to_yaml(&[list()]),
        Form::JsonDocuments => stream(objects),
        Form::JsonList => format!("{:#}\n", list()),
    }
}

// --- nothing panics, nothing is lost ---

/// A value that a field of SMI could be given by mistake.
fn garbage() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,8}".prop_map(Value::from),
        select(vec!["", "*", ".*", "(", "[a", "a{1000}{1000}", "{{ .Values.x }}", "web", "-1", "1e9", "{}"])
            .prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, {}, [1]])),
        Just(json!({"": null, "name": {"a": 1}})),
    ]
}

/// Puts `new` somewhere into `object`, at a place that `way` chooses; never over its kind or its apiVersion.
fn garble(object: &mut Value, way: &[usize], new: Value) {
    let mut at = object;
    for (depth, choice) in way.iter().enumerate() {
        let stop = depth > 0 && choice % 3 == 0;
        let count = match &*at {
            Value::Object(map) => map.len(),
            Value::Array(items) => items.len(),
            _ => 0,
        };
        if stop || count == 0 {
            break;
        }
        let next = match at {
            Value::Object(map) => {
                let keys: Vec<String> = map
                    .keys()
                    .filter(|key| !matches!(key.as_str(), "kind" | "apiVersion") || depth > 0)
                    .cloned()
                    .collect();
                if keys.is_empty() {
                    return;
                }
                map.get_mut(&keys[choice % keys.len()])
            }
            Value::Array(items) => items.get_mut(choice % count),
            _ => return,
        };
        let Some(next) = next else { return };
        at = next;
    }
    *at = new;
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn every_object_ends_in_exactly_one_outcome(
        mut objects in world(),
        garbled in vec((any::<prop::sample::Index>(), vec(any::<usize>(), 1..6), garbage()), 0..4),
        form in form(),
        from in select(SOURCES.to_vec()),
        to in select(TARGETS.to_vec()),
    ) {
        for (index, way, new) in garbled {
            if !objects.is_empty() {
                let index = index.index(objects.len());
                garble(&mut objects[index], &way, new);
                if !objects[index].is_object() {
                    objects.remove(index);
                }
            }
        }
        let expected = objects.iter().filter(|object| is_smi(object)).count();
        let run = convert_bytes(written(&objects, form).as_bytes(), from, to);
        prop_assert_eq!(run.report.objects.len(), expected, "{:#?}", objects);
        for mistake in ["internal", "output-differs"] {
            prop_assert!(!codes(&run).contains(&mistake), "{:#?} {:#}", objects, words(&run));
        }
        for object in &run.report.objects {
            prop_assert!(object.outcome < smi2gamma::outcome::Outcome::Delegated || !object.findings.is_empty(), "{:?}", object);
        }
        everything(run);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_text_makes_it_panic(
        text in prop_oneof![
            "\\PC{0,200}",
            "(apiVersion: |kind: |split.smi-spec.io/v1alpha2|TrafficSplit|\n|  |- |---\n|spec:|a: &x|\\*x|[\\[\\]{},:#'\"|>%]|metadata:|items:){0,60}",
        ],
        to in select(TARGETS.to_vec()),
    ) {
        everything(convert_bytes(text.as_bytes(), None, to));
        everything(convert_bytes(format!("{text}\n---\nkind: TrafficSplit\n{text}").as_bytes(), None, to));
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>()) {
        everything(convert_bytes(&bytes, None, "gateway-api"));
        let at = at.index(bytes.len() + 1);
        bytes.splice(at..at, *b"\nkind: TrafficSplit\n");
        everything(convert_bytes(&bytes, None, "gateway-api"));
    }
}

// --- weights ---

/// A Quantity as written, and how many thousandths it is.
fn quantity() -> impl Strategy<Value = (Value, u128)> {
    prop_oneof![
        (0..2000u128).prop_map(|milli| (json!(format!("{milli}m")), milli)),
        (0..100u128).prop_map(|whole| (json!(whole as u64), whole * 1000)),
        (0..100u128).prop_map(|whole| (json!(whole.to_string()), whole * 1000)),
        (0..100u128, 0..10u128)
            .prop_map(|(whole, tenth)| (json!(format!("{whole}.{tenth}")), whole * 1000 + tenth * 100)),
        (1..10u128, 0..3u32)
            .prop_map(|(whole, power)| (json!(format!("{whole}e{power}")), whole * 1000 * 10u128.pow(power))),
        (1..10u128).prop_map(|whole| (json!(format!("{whole}k")), whole * 1_000_000)),
        (1..4u128).prop_map(|whole| (json!(format!("{whole}Ki")), whole * 1_024_000)),
    ]
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_ratios_of_quantities_are_those_of_the_backend_refs(weights in vec(quantity(), 1..6)) {
        let names: Vec<String> = (0..weights.len()).map(|index| format!("web-v{index}")).collect();
        let backends: Vec<Value> = names.iter().zip(&weights).map(|(name, (weight, _))| json!({"service": name, "weight": weight})).collect();
        let mut objects = vec![service(None, "web", &[80]), json!({
            "apiVersion": "split.smi-spec.io/v1alpha1",
            "kind": "TrafficSplit",
            "metadata": {"name": "web"},
            "spec": {"service": "web", "backends": backends},
        })];
        objects.extend(names.iter().map(|name| service(None, name, &[80])));
        let run = convert(&objects, Some("spec"), "gateway-api");
        let milli: Vec<u128> = weights.iter().map(|(_, milli)| *milli).collect();
        if milli.iter().all(|milli| *milli == 0) {
            prop_assert!(codes(&run).contains(&"weights-all-zero"));
            return Ok(());
        }
        let divisor = milli.iter().fold(0, |divisor, milli| greatest_common_divisor(divisor, *milli));
        if milli.iter().any(|milli| milli / divisor > 1_000_000) {
            prop_assert!(codes(&run).contains(&"weights-out-of-range"));
            return Ok(());
        }
        let manifests = manifests(&run);
        prop_assert_eq!(manifests.len(), 1, "{:#}", words(&run));
        let refs = manifests[0]["spec"]["rules"][0]["backendRefs"].as_array().expect("backends").clone();
        let found: BTreeMap<&str, u128> = refs.iter().map(|found| {
            (found["name"].as_str().expect("a name"), u128::from(found["weight"].as_u64().expect("a weight")))
        }).collect();
        for (one, milli_one) in names.iter().zip(&milli) {
            for (two, milli_two) in names.iter().zip(&milli) {
                prop_assert_eq!(milli_one * found[two.as_str()], milli_two * found[one.as_str()], "{} and {} in {:?}", one, two, found);
            }
        }
    }
}

fn greatest_common_divisor(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

// --- the same again ---

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn output_is_the_same_twice_and_whatever_the_order_of_the_files(
        objects in world(),
        parts in vec(0..4usize, 16),
        order in Just(vec![0, 1, 2, 3]).prop_shuffle(),
        from in select(SOURCES.to_vec()),
    ) {
        let mut texts = vec![String::new(); 4];
        for (object, part) in objects.iter().zip(parts.iter().cycle()) {
            texts[*part].push_str(&written(std::slice::from_ref(object), Form::JsonDocuments));
        }
        let names = ["a.yaml", "b.yaml", "c.yaml", "d.yaml"];
        let files = Files::new(&names.iter().copied().zip(texts).collect::<Vec<_>>());
        let made = |order: &[usize]| {
            let mut options = files.options(&order.iter().map(|file| names[*file]).collect::<Vec<_>>());
            options.from = worlds::options(from, "gateway-api").from;
            run(&options, &mut std::io::empty()).expect("a result")
        };
        let first = made(&[0, 1, 2, 3]);
        let other = made(&order);
        prop_assert_eq!(sorted(manifests(&other)), sorted(manifests(&first)));
        prop_assert_eq!(codes(&other), codes(&first));
        let outcomes = |run: &Run| {
            let of = |object: &smi2gamma::report::ObjectReport| (run.sources.display(object.place), object.outcome, object.outputs.clone());
            let mut outcomes: Vec<_> = run.report.objects.iter().map(of).collect();
            outcomes.sort();
            outcomes
        };
        prop_assert_eq!(outcomes(&other), outcomes(&first));
        prop_assert_eq!(everything(made(&[0, 1, 2, 3])), everything(first));
    }
}

// --- what is written ---

/// What stands in a text, lists opened, in a reader that is not ours.
fn read(text: &str) -> Vec<Value> {
    let documents =
        serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).expect("YAML"));
    let open = |document: Value| match document["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![document],
    };
    documents.flat_map(open).filter(|object| !object.is_null()).collect()
}

fn sorted(objects: Vec<Value>) -> Vec<String> {
    let mut texts: Vec<String> = objects.into_iter().map(|object| emit::order(object).to_string()).collect();
    texts.sort_unstable();
    texts
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn manifests_read_back_as_they_were_meant(objects in world(), to in select(TARGETS.to_vec())) {
        let run = convert(&objects, Some("spec"), to);
        let manifests = manifests(&run);
        let text = emit::to_yaml(&manifests);
        let own: Vec<Value> = yaml::split(&text).iter().filter_map(|piece| {
            Some(yaml::parse(&text, piece.span).expect("YAML").root?.to_json())
        }).collect();
        prop_assert_eq!(&own, &manifests);
        prop_assert_eq!(&read(&text), &manifests);
        let again: Vec<Value> = read(&emit::to_json(&manifests));
        prop_assert_eq!(&again, &manifests);
    }

    #[test]
    fn the_candidate_holds_the_manifests_that_convert_prints_and_what_is_not_converted(
        objects in world(),
        form in form(),
        from in select(SOURCES.to_vec()),
        to in select(vec!["gateway-api", "linkerd", "istio"]),
    ) {
        let before = written(&objects, form);
        let mut run = convert_bytes(before.as_bytes(), from, to);
        let texts = candidate(&mut run);
        prop_assert!(!codes(&run).contains(&"edit-refused"), "{:#}", words(&run));
        let after = texts.first().map_or(before, |(_, text)| text.clone());
        let stays = |index: usize| {
            let settled = &run.report.objects[index];
            settled.outcome.needs_hands()
        };
        let smi = objects.iter().filter(|object| is_smi(object));
        let kept = smi.enumerate().filter(|(index, _)| stays(*index)).map(|(_, object)| object.clone());
        let others = objects.iter().filter(|object| !is_smi(object)).cloned();
        let expected: Vec<Value> = kept.chain(others).chain(manifests(&run)).collect();
        prop_assert_eq!(sorted(read(&after)), sorted(expected), "{}", after);
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn the_patch_of_diff_applies_and_leads_to_the_candidate(objects in vec((world(), form()), 1..4)) {
        let names = ["a.yaml", "sub/b.yaml", "sub/c d.yaml"];
        let texts: Vec<_> = names.iter().copied().zip(objects.iter().map(|(objects, form)| written(objects, *form))).collect();
        let files = Files::new(&texts);
        let mut options = files.options(&[""]);
        options.from = worlds::options(Some("spec"), "gateway-api").from;
        let mut run = run(&options, &mut std::io::empty()).expect("a result");
        let changed = candidate(&mut run);
        let root = files.path("");
        let relative = |name: &str| name.strip_prefix(&format!("{}/", root.display())).expect("below").to_owned();
        let sides: Vec<(String, String, String)> = changed.into_iter().map(|(source, after)| {
            let source = run.sources.get(source);
            (relative(&source.name), source.text.clone(), after)
        }).collect();
        let patch = diff(
            &sides.iter().map(|(name, before, after)| FileDiff { name, before: Some(before), after: Some(after) }).collect::<Vec<_>>(),
            Color::Never,
        );
        if !patch.is_empty() {
            fs::write(root.join("the.patch"), &patch).expect("a patch");
            let git = Command::new("git").args(["-c", "core.autocrlf=false", "apply", "the.patch"]).current_dir(&root)
                .env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CEILING_DIRECTORIES", &root)
                .stderr(Stdio::piped()).output().expect("git");
            prop_assert!(git.status.success(), "{}\n{}", String::from_utf8_lossy(&git.stderr), patch);
        }
        for (name, before) in texts {
            let expected = sides.iter().find(|(changed, _, _)| *changed == name).map_or(&before, |(_, _, after)| after);
            prop_assert_eq!(&fs::read_to_string(root.join(name)).expect("a file"), expected);
        }
    }
}

// --- where requests go ---

/// An expression of a small language in which conditions meet requests often.
fn expression() -> impl Strategy<Value = String> {
    let atom = select(vec![
        "/",
        "/api",
        "/a",
        "b",
        "v1",
        "api",
        "ab",
        "[a-z]+",
        ".*",
        "[0-9]",
        "(a|b)",
        "(api|v1|x)",
        "\\.",
        "a?",
        "/?",
        "b*",
        "|",
        "^",
        "$",
    ]);
    prop_oneof![
        3 => vec(atom, 1..5).prop_map(|atoms| atoms.concat()),
        2 => select(vec!["/api", "/api/.*", "/api.*", "^/api$", "/api/?", ".*/v1", "/", ".*", "/a|/ab", "^/api(/.*)?$", "/api/(v1|v2)", "api"]).prop_map(str::to_owned),
    ]
}

fn http_match() -> impl Strategy<Value = Value> {
    let methods = prop::option::of(prop_oneof![
        3 => subsequence(vec!["GET", "PUT", "POST"], 1..3).prop_map(|methods| json!(methods)),
        1 => Just(json!(["*"])),
    ]);
    let headers = prop_oneof![
        3 => Just(None),
        1 => select(vec!["a", "^a$", ".*a.*", "a|ab", "(a|b)+", "x-.*", "^$"]).prop_map(|value| Some(json!({"x-team": value}))),
        1 => select(vec![".*a.*", "b"]).prop_map(|value| Some(json!({"x-team": ".*", "x-other": value}))),
    ];
    (methods, prop::option::weighted(0.8, expression()), headers).prop_map(|(methods, path, headers)| {
        let mut item = json!({"name": "m"});
        for (name, value) in [("methods", methods), ("pathRegex", path.map(Value::from)), ("headers", headers)] {
            if let Some(value) = value {
                item[name] = value;
            }
        }
        item
    })
}

fn request() -> impl Strategy<Value = Request> {
    let segment = select(vec!["/", "/api", "/a", "/ab", "/v1", "/v2", "/b", "/x.y", "b", "1", "api"]);
    let path = vec(segment, 0..4)
        .prop_map(|segments| format!("/{}", segments.concat().trim_start_matches('/')).replace("//", "/"));
    let value = || prop::option::of(select(vec!["a", "ab", "b", "xa", "x-1", "aba", "c"]));
    (select(vec!["GET", "PUT", "POST", "HEAD"]), path, value(), value()).prop_map(|(method, path, team, other)| {
        let headers = [("x-team", team), ("x-other", other)]
            .into_iter()
            .filter_map(|(name, value)| Some((name.into(), value?.into())));
        Request { method: method.into(), path, headers: headers.collect() }
    })
}

/// How one mesh read conditions: servicemeshinterface/smi-spec@v0.6.0 apis/traffic-specs/v1alpha4,
/// nginxinc/nginx-service-mesh@v2.0.0 docs, traefik/mesh@v1.4.8 pkg/provider, flomesh-io/fsm charts.
#[derive(Clone, Copy, Debug)]
struct Mesh {
    name: &'static str,
    split: &'static str,
    group: &'static str,
    path: Anchor,
    /// None: nobody says, so an answer is only known where both readings give it.
    header: Option<Anchor>,
    empty_match: EmptyMatch,
    rest: Rest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    Whole,
    Start,
    AfterSlash,
    Anywhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EmptyMatch {
    Everything,
    LeftOut,
}

/// Where requests go that no match takes.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Root,
    EqualShares,
}

const MESHES: [Mesh; 4] = [
    Mesh {
        name: "spec",
        split: "v1alpha4",
        group: "v1alpha4",
        path: Anchor::Start,
        header: None,
        empty_match: EmptyMatch::Everything,
        rest: Rest::Root,
    },
    Mesh {
        name: "nginx",
        split: "v1alpha3",
        group: "v1alpha3",
        path: Anchor::Anywhere,
        header: Some(Anchor::Anywhere),
        empty_match: EmptyMatch::Everything,
        rest: Rest::Root,
    },
    Mesh {
        name: "traefik",
        split: "v1alpha3",
        group: "v1alpha3",
        path: Anchor::AfterSlash,
        header: Some(Anchor::Anywhere),
        empty_match: EmptyMatch::LeftOut,
        rest: Rest::Root,
    },
    Mesh {
        name: "flomesh",
        split: "v1alpha4",
        group: "v1alpha4",
        path: Anchor::Anywhere,
        header: Some(Anchor::Anywhere),
        empty_match: EmptyMatch::Everything,
        rest: Rest::EqualShares,
    },
];

/// Whether `expression` takes `value`; none where it is no expression.
fn takes(anchor: Anchor, expression: &str, value: &str) -> Option<bool> {
    let expression = match anchor {
        Anchor::Whole => format!("^(?:{expression})$"),
        Anchor::Start => format!("^(?:{expression})"),
        Anchor::AfterSlash => format!("^/(?:{})", expression.strip_prefix('/').unwrap_or(expression)),
        Anchor::Anywhere => expression.to_owned(),
    };
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry(expression).or_insert_with_key(|expression| Regex::new(expression).ok());
        Some(regex.as_ref()?.is_match(value))
    })
}

thread_local! {
    static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

// === impl Mesh ===

impl Mesh {
    /// Whether one of the matches takes the request; none where nobody can say.
    fn condition(&self, matches: &[Value], request: &Request) -> Option<bool> {
        let is_empty = |item: &Value| {
            let any_method = item["methods"].as_array().is_none_or(|methods| methods.contains(&json!("*")));
            any_method && item["pathRegex"].is_null() && item["headers"].is_null()
        };
        let left_out = |item: &&Value| self.empty_match == EmptyMatch::LeftOut && is_empty(item);
        if matches.iter().all(|item| left_out(&item)) {
            return Some(true);
        }
        let mut any = false;
        for item in matches.iter().filter(|item| !left_out(item)) {
            any |= self.one(item, request)?;
        }
        Some(any)
    }

    fn one(&self, item: &Value, request: &Request) -> Option<bool> {
        let method = item["methods"]
            .as_array()
            .is_none_or(|methods| methods.contains(&json!("*")) || methods.contains(&json!(request.method)));
        let path = match item["pathRegex"].as_str() {
            Some(expression) => takes(self.path, expression, &request.path)?,
            None => true,
        };
        let mut headers = true;
        for (name, expression) in item["headers"].as_object().into_iter().flatten() {
            headers &= self.header(request.headers.get(name).map(String::as_str), expression.as_str()?)?;
        }
        Some(method && path && headers)
    }

    fn header(&self, value: Option<&str>, expression: &str) -> Option<bool> {
        let Some(value) = value else { return Some(false) };
        match self.header {
            Some(anchor) => takes(anchor, expression, value),
            None => {
                let readings = [Anchor::Whole, Anchor::Anywhere].map(|anchor| takes(anchor, expression, value));
                if readings[0] == readings[1] { readings[0] } else { None }
            }
        }
    }
}

/// Shares in least integers, without those of zero.
fn least(shares: &BTreeMap<String, u128>) -> BTreeMap<String, u128> {
    let divisor = shares.values().fold(0, |divisor, weight| greatest_common_divisor(divisor, *weight)).max(1);
    shares.iter().filter(|(_, weight)| **weight > 0).map(|(name, weight)| (name.clone(), weight / divisor)).collect()
}

/// Where HTTPRoutes send a request, by their first rule that takes it.
fn routed(routes: &[Value], request: &Request) -> BTreeMap<String, u128> {
    let routes: Vec<&Value> = routes.iter().collect();
    let shares = engine::answer(&routes, request, Order::Written).into_iter();
    least(&shares.map(|(name, weight)| (name, u128::from(weight))).collect())
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_conditional_split_sends_requests_where_smi_says(
        groups in vec(vec(http_match(), 1..4), 1..3),
        weights in (0..4u32, 0..4u32, 1..4u32),
        mesh in select(MESHES.to_vec()),
        to in select(vec!["gateway-api", "istio", "linkerd"]),
        requests in vec(request(), 24),
    ) {
        let names: Vec<String> = (0..groups.len()).map(|index| format!("group-{index}")).collect();
        let mut objects = all_services(&[80]);
        objects.extend(names.iter().zip(&groups).map(|(name, matches)| json!({
            "apiVersion": format!("specs.smi-spec.io/{}", mesh.group),
            "kind": "HTTPRouteGroup",
            "metadata": {"name": name},
            "spec": {"matches": matches},
        })));
        let backends = [("web-v1", weights.0), ("web-v2", weights.1), ("api", weights.2)];
        let refs: Vec<Value> = names.iter().map(|name| json!({"kind": "HTTPRouteGroup", "name": name})).collect();
        objects.push(json!({
            "apiVersion": format!("split.smi-spec.io/{}", mesh.split),
            "kind": "TrafficSplit",
            "metadata": {"name": "web"},
            "spec": {
                "service": "web",
                "backends": backends.iter().map(|(name, weight)| json!({"service": name, "weight": weight})).collect::<Vec<_>>(),
                "matches": refs,
            },
        }));
        let run = convert(&objects, Some(mesh.name), to);
        let routes = manifests(&run);
        prop_assert!(!codes(&run).contains(&"output-differs"), "{:#?} {:#}", objects, words(&run));
        if routes.is_empty() {
            prop_assert!(run.report.objects.iter().any(|object| object.outcome.needs_hands()), "{:#}", words(&run));
            return Ok(());
        }
        let split = least(&backends.iter().map(|(name, weight)| ((*name).to_owned(), u128::from(*weight))).collect());
        let rest = match mesh.rest {
            Rest::Root => BTreeMap::from([("web".to_owned(), 1)]),
            Rest::EqualShares => backends.iter().map(|(name, _)| ((*name).to_owned(), 1)).collect(),
        };
        for request in &requests {
            // A split takes what any match of any of its groups takes.
            let Some(taken) = mesh.condition(&groups.concat(), request) else { continue };
            let expected = if taken { &split } else { &rest };
            let found = routed(&routes, request);
            prop_assert_eq!(&found, expected, "{:?} under {:?} of {:#?} by {:#?}", request, mesh, groups, routes);
        }
    }
}

#[test]
fn conditions_of_the_property_are_met_and_missed() {
    let mesh = MESHES[0];
    let headers = BTreeMap::from([("x-team".to_owned(), "a".to_owned())]);
    let request = Request { method: "GET".into(), path: "/api/v1".into(), headers };
    let condition = |item: Value| mesh.condition(&[item], &request);
    assert_eq!(condition(json!({"pathRegex": "/api"})), Some(true));
    assert_eq!(condition(json!({"pathRegex": "/v1"})), Some(false));
    assert_eq!(condition(json!({"methods": ["PUT"]})), Some(false));
    assert_eq!(condition(json!({"headers": {"x-team": "a|ab"}})), Some(true));
    assert_eq!(condition(json!({"pathRegex": "("})), None);
    let rule = |item: Value| {
        let backends = json!([{"name": "web", "weight": 1}]);
        let route = json!({"spec": {"rules": [{"matches": [item], "backendRefs": backends}]}});
        !engine::answer(&[&route], &request, Order::Written).is_empty()
    };
    assert!(rule(json!({"path": {"type": "PathPrefix", "value": "/api"}})));
    assert!(!rule(json!({"path": {"type": "PathPrefix", "value": "/ap"}})));
    assert!(!rule(json!({"path": {"type": "Exact", "value": "/api"}})));
    assert!(rule(json!({"path": {"type": "RegularExpression", "value": "/a.*"}, "method": "GET"})));
    assert!(!rule(json!({"headers": [{"name": "X-Other", "value": "a"}]})));
    let _ = (Input::Stdin, options(None, "istio"));
}
