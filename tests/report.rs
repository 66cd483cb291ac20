//! What people and programs read of one report: each form of it as a snapshot, and what must hold for any report.

mod schema;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use smi2gamma::outcome::{Outcome, Proof};
use smi2gamma::place::{Place, Role, Source, SourceId, SourceMap, Span};
use smi2gamma::report::markdown::{BUDGET, MARKER};
use smi2gamma::report::{
    Chosen, Code, Finding, Level, ObjectId, ObjectReport, ReadStats, Report, SummaryOptions, TextOptions, json,
    markdown, summary, text,
};

const SPLITS: &str = "\
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata:
  name: web
  namespace: shop
spec:
  service: web
  backends:
  - service: web-v1
    weight: 0
  - service: web-v2
    weight: 0
---
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata:
  name: cart
  namespace: shop
spec:
  service: cart
  matches:
  - kind: HTTPRouteGroup
    name: canary-users
  backends:
  - service: cart-v1
    weight: 90
  - service: cart-v2
    weight: 10
";

const GROUPS: &str = "\
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata:
  name: canary-users
  namespace: shop
spec:
  matches:
  - name: früh
    pathRegex: '/cart(/.*)?'
    headers:
    - user-agent: '.*Firefox.*'
";

const STREAM: &str = "\
apiVersion: split.smi-spec.io/v1alpha1\r
kind: TrafficSplit\r
metadata: {name: pay, namespace: billing, ownerReferences: [{apiVersion: flagger.app/v1beta1, kind: Canary, name: pay, uid: 7cf7}]}\r
spec: {service: pay, backends: [{service: pay-primary, weight: 100}, {service: pay-canary, weight: 0}]}\r
---\r
kind: TrafficSplit\r
\tname: broken\r
";

struct World {
    sources: SourceMap,
}

impl World {
    fn new(texts: &[(&str, &str)]) -> Self {
        let mut sources = SourceMap::default();
        for &(name, text) in texts {
            sources.add(Source { name: name.into(), path: None, text: text.into(), role: Role::Subject });
        }
        Self { sources }
    }

    /// The `nth` place, from 0, where `needle` stands in source `source`.
    fn at(&self, source: u32, needle: &str, nth: usize) -> Place {
        let (start, _) = self.sources.get(SourceId(source)).text.match_indices(needle).nth(nth).unwrap();
        Place { source: SourceId(source), span: Span::new(start, start + needle.len()) }
    }
}

fn smi(kind: &str, group: &str, version: &str, namespace: &str, name: &str) -> ObjectId {
    ObjectId {
        kind: kind.into(),
        group: group.into(),
        version: version.into(),
        namespace: Some(namespace.into()),
        name: name.into(),
    }
}

fn finding(code: &'static str, level: Level, message: &str) -> Finding {
    let message = message.into();
    Finding { code: Code(code), level, message, place: None, object: None, labels: vec![], notes: vec![], help: None }
}

fn ended(id: ObjectId, place: Place, outcome: Outcome, findings: &[usize]) -> ObjectReport {
    ObjectReport { id, place, outcome, proof: Proof::None, outputs: vec![], findings: findings.to_vec() }
}

/// Four objects in two namespaces and three sources, eight findings of six codes.
fn world() -> (World, Report) {
    let world = World::new(&[("apps/splits.yaml", SPLITS), ("apps/groups.yaml", GROUPS), ("<stdin>", STREAM)]);
    let split = "split.smi-spec.io";
    let web = smi("TrafficSplit", split, "v1alpha2", "shop", "web");
    let cart = smi("TrafficSplit", split, "v1alpha4", "shop", "cart");
    let users = smi("HTTPRouteGroup", "specs.smi-spec.io", "v1alpha4", "shop", "canary-users");
    let pay = smi("TrafficSplit", split, "v1alpha1", "billing", "pay");
    let ports = "Give the Services, or name the ports: `--service-port 'shop/*=80'`.\n\n    kubectl get svc,sa,deploy,sts,ds -A -o json > ctx.json\n    smi2gamma convert . --with ctx.json";
    let mut findings = vec![
        finding("test-no-context", Level::Error, "the Services of 2 splits are not in the input, so their ports are not known")
            .help("Read the cluster's Services too: `--with ctx.json`."),
        finding("test-weights-zero", Level::Error, "every weight of split `web` is zero")
            .at(world.at(0, "web", 0))
            .about(&web)
            .label(world.at(0, "weight: 0", 0), "zero")
            .label(world.at(0, "weight: 0", 1), "and zero")
            .note("osm sends all traffic to the root Service")
            .note("linkerd answers nothing: its destination service drops a distribution without a weight, so that a client waits until it times out")
            .help("Give one backend a weight above zero, or delete the split."),
        finding("test-port", Level::Error, "no port of Service `web` is known").at(world.at(0, "web", 1)).about(&web).help(ports),
        finding("test-port", Level::Error, "no port of Service `cart` is known").at(world.at(0, "cart", 1)).about(&cart).help(ports),
        finding("test-header-search", Level::Note, "the header `user-agent` is matched as a whole")
            .at(world.at(1, "'.*Firefox.*'", 0))
            .about(&users)
            .label(world.at(0, "canary-users", 0), "named here"),
        finding("test-owner", Level::Warning, "the split `pay` belongs to Canary `pay`")
            .at(world.at(2, "ownerReferences", 0))
            .about(&pay)
            .label(world.at(2, "name: pay, uid: 7cf7", 0), "made again by Flagger")
            .help("Set `provider: gatewayapi:v1` on the Canary and wait until no rollout is in progress."),
        finding("yaml-syntax", Level::Error, "a tab cannot begin a token here").at(world.at(2, "\t", 0)),
        finding("test-port", Level::Error, "no port of Service `pay` is known").at(world.at(2, "pay", 2)).about(&pay).help(ports),
    ];
    findings.sort_by_key(|finding| finding.place);
    let place = |source, start| world.at(source, start, 0);
    let mut group = ended(users, place(1, GROUPS), Outcome::Migrated, &[4]);
    group.outcome = Outcome::Superseded;
    let mut cart = ended(cart, place(0, &SPLITS[SPLITS.rfind("apiVersion").unwrap()..]), Outcome::Migrated, &[3]);
    cart.outputs = vec![smi("HTTPRoute", "gateway.networking.k8s.io", "v1", "shop", "cart-smi")];
    let objects = vec![
        ended(web, place(0, &SPLITS[..SPLITS.find("---").unwrap()]), Outcome::Blocked, &[1, 2]),
        cart,
        group,
        ended(pay, place(2, "apiVersion: split"), Outcome::Delegated, &[5, 7]),
    ];
    let report = Report {
        from: Some(Chosen { name: "osm".into(), because: "MeshConfig at mesh/config.yaml:2:1".into() }),
        to: Some(Chosen { name: "gateway-api@1.4".into(), because: "the default for routes".into() }),
        objects,
        findings,
        read: ReadStats { files: 3, skipped: vec![("larger than 64 MiB".into(), 1)], ..ReadStats::default() },
    };
    (world, report)
}

fn none() -> (World, Report) {
    let skipped = vec![("binary".into(), 1), ("larger than 64 MiB".into(), 1)];
    let read = ReadStats {
        files: 40,
        skipped,
        clusters: vec!["cluster:prod read, all namespaces: it serves no kind of SMI".into()],
        incomplete: false,
    };
    (World::new(&[]), Report { read, ..Report::default() })
}

fn snapshot(name: &str, shown: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let version = concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"");
    let shown = shown.replace(version, "\"version\": \"[VERSION]\"");
    settings.bind(|| insta::assert_snapshot!(name, shown));
}

fn width(width: usize) -> TextOptions {
    TextOptions { width, ..TextOptions::default() }
}

// --- what is seen ---

#[test]
fn text_on_a_wide_and_on_a_narrow_terminal() {
    let (world, report) = world();
    snapshot("report-text-100", &text(&report, &world.sources, &width(100)));
    snapshot("report-text-60", &text(&report, &world.sources, &width(60)));
}

#[test]
fn verbose_text_lists_what_became_of_every_object() {
    let (world, report) = world();
    snapshot("report-text-verbose", &text(&report, &world.sources, &TextOptions { verbose: true, ..width(100) }));
}

#[test]
fn text_names_the_next_command_as_the_program_was_called() {
    let (world, report) = world();
    let options = TextOptions { program: "kubectl smi2gamma", ..width(100) };
    assert!(text(&report, &world.sources, &options).contains("`kubectl smi2gamma explain CODE` says more"));
}

#[test]
fn summary_is_a_line_for_each_group() {
    let (world, report) = world();
    let options = SummaryOptions { color: false, details: "smi2gamma report ." };
    snapshot("report-summary", &summary(&report, &world.sources, &options));
}

#[test]
fn json_is_the_whole_report() {
    let (world, report) = world();
    snapshot("report-json", &json(&report, &world.sources));
}

#[test]
fn markdown_is_a_comment_for_a_pull_request() {
    let (world, report) = world();
    snapshot("report-markdown", &markdown(&report, &world.sources));
}

#[test]
fn every_form_says_that_no_smi_was_found() {
    let (world, report) = none();
    let shown = [
        text(&report, &world.sources, &TextOptions::default()),
        summary(&report, &world.sources, &SummaryOptions { color: false, details: "smi2gamma report ." }),
        json(&report, &world.sources),
        markdown(&report, &world.sources),
    ];
    snapshot("report-none", &shown.join("\n=====\n\n"));
}

// --- the published schema ---

#[test]
fn the_schema_describes_every_key_that_is_written_and_no_other() {
    let (world, report) = world();
    let (empty, no_report) = none();
    let schema = schema::Schema::new(include_str!("../docs/report.schema.json"), schema::Keys::AllRequired);
    let mut seen = schema.check(&serde_json::from_str(&json(&report, &world.sources)).unwrap());
    seen.extend(schema.check(&serde_json::from_str(&json(&no_report, &empty.sources)).unwrap()));
    let unseen: Vec<String> = schema.properties().into_iter().filter(|property| !seen.contains(property)).collect();
    assert!(unseen.is_empty(), "described but never written: {unseen:?}");
}

#[test]
fn the_schema_lists_every_outcome_level_and_proof() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../docs/report.schema.json")).unwrap();
    let object = &schema["properties"]["objects"]["items"]["properties"];
    let words = |value: &serde_json::Value| -> Vec<String> {
        value["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(words(&object["outcome"]), Outcome::ALL.map(Outcome::word));
    assert_eq!(words(&schema["$defs"]["level"]), [Level::Note, Level::Warning, Level::Error].map(Level::word));
    let proofs = [Proof::Equal, Proof::None].map(|proof| serde_json::to_value(proof).unwrap());
    assert_eq!(object["proof"]["enum"], serde_json::Value::from(proofs.to_vec()));
}

#[test]
fn a_document_that_breaks_the_schema_is_refused() {
    let (world, report) = world();
    let schema = schema::Schema::new(include_str!("../docs/report.schema.json"), schema::Keys::AllRequired);
    let good: serde_json::Value = serde_json::from_str(&json(&report, &world.sources)).unwrap();
    let broken = |change: fn(&mut serde_json::Value)| {
        let mut document = good.clone();
        change(&mut document);
        !schema.problems(&document).is_empty()
    };
    assert!(schema.problems(&good).is_empty());
    assert!(broken(|document| document["objects"][0]["outcome"] = "lost".into()));
    assert!(broken(|document| document["findings"][1]["place"]["line"] = 0.into()));
    assert!(broken(|document| document["surprise"] = true.into()));
    assert!(broken(|document| drop(document.as_object_mut().unwrap().remove("read"))));
}

// --- what holds for any report ---

#[test]
fn without_colour_there_is_no_escape_byte_even_where_the_input_has_one() {
    let evil = "metadata:\n  name: \"\u{1b}[31mred\u{9b}2J\"\n";
    let world = World::new(&[("a\u{1b}]0;x\u{7}.yaml", evil)]);
    let id = smi("Traffic\u{1b}Split", "", "", "n\u{1b}s", "\u{1b}[2J");
    let place = world.at(0, "name", 0);
    let each = finding("test-a", Level::Error, "\u{1b}[1mmessage")
        .at(place)
        .label(place, "\u{1b}label")
        .note("\u{1b}note")
        .help("\u{1b}help\nmore\u{1b}");
    let report = Report {
        from: Some(Chosen { name: "o\u{1b}sm".into(), because: "\u{1b}".into() }),
        objects: vec![ended(id, place, Outcome::Blocked, &[0])],
        findings: vec![each.clone(), each],
        read: ReadStats {
            files: 1,
            skipped: vec![("\u{1b}".into(), 1)],
            clusters: vec!["\u{1b}".into()],
            incomplete: true,
        },
        ..Report::default()
    };
    let options = TextOptions { verbose: true, ..TextOptions::default() };
    for shown in [
        text(&report, &world.sources, &options),
        summary(&report, &world.sources, &SummaryOptions::default()),
        markdown(&report, &world.sources),
        json(&report, &world.sources),
    ] {
        assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    }
    let color = text(&report, &world.sources, &TextOptions { color: true, ..options });
    assert!(color.contains("\u{1b}["), "colour was asked for");
}

#[test]
fn the_same_report_is_written_the_same_twice() {
    let (world, report) = world();
    assert_eq!(json(&report, &world.sources), json(&report, &world.sources));
    assert_eq!(markdown(&report, &world.sources), markdown(&report, &world.sources));
}

fn balanced(page: &str) -> bool {
    page.matches("<details>").count() == page.matches("</details>").count()
        && page.lines().filter(|line| line.starts_with("```")).count() % 2 == 0
}

#[test]
fn a_comment_stays_below_the_limit_by_leaving_out_whole_sections_and_says_so() {
    let world = World::new(&[("a.yaml", SPLITS)]);
    let place = world.at(0, "weight: 0", 0);
    let mut report = Report::default();
    for nth in 0..600 {
        let id = smi("TrafficSplit", "split.smi-spec.io", "v1alpha2", &format!("team-{nth}"), "web");
        let outcome = if nth % 3 == 0 { Outcome::Blocked } else { Outcome::Migrated };
        report.objects.push(ended(id, place, outcome, &[]));
        let level = [Level::Error, Level::Warning, Level::Note][nth % 3];
        report
            .findings
            .push(finding("test-a", level, &format!("`team-{nth}` does")).at(place).help(format!("do {nth}")));
    }
    let page = markdown(&report, &world.sources);
    assert!(page.len() <= BUDGET && page.len() > BUDGET - 3_000, "{}", page.len());
    assert!(page.starts_with(MARKER) && balanced(&page));
    let said = page.lines().last().unwrap();
    assert!(said.starts_with("Not shown: ") && said.contains(" of 1200 sections"), "{said}");
    let shown = page.matches("<details>").count() + page.matches("\n**namespace").count();
    assert!(said.contains(&format!("Not shown: {} of", 1200 - shown)), "{said}: {shown} shown");
    assert_eq!(page.matches("<summary>note").count(), 0, "notes go first");
}

#[test]
fn one_enormous_thing_does_not_break_the_comment() {
    let world = World::new(&[("a.yaml", SPLITS)]);
    let huge = "<@|".repeat(60_000);
    let id = smi("TrafficSplit", "split.smi-spec.io", "v1", &huge, &huge);
    let report = Report {
        from: Some(Chosen { name: huge.clone(), because: huge.clone() }),
        objects: vec![ended(id, world.at(0, "web", 0), Outcome::Blocked, &[])],
        findings: vec![finding("test-a", Level::Error, &huge), finding("test-b", Level::Error, "small").help("do")],
        ..Report::default()
    };
    let page = markdown(&report, &world.sources);
    assert!(page.len() <= BUDGET && balanced(&page), "{}", page.len());
    assert!(page.contains("small") && page.contains("Not shown: 2 of 3 sections"));
}

#[test]
fn a_hundred_thousand_findings_take_linear_time() {
    let line = "  - {service: web, weight: 1}\n";
    let long = line.repeat(50_000);
    let one_line = long.replace('\n', " ");
    let world = World::new(&[("long.yaml", &long), ("one-line.yaml", &one_line)]);
    let mut report = Report::default();
    for nth in 0..100_000 {
        let start = (nth % 50_000) * line.len() + 5;
        let place = Place { source: SourceId(u32::from(nth >= 50_000)), span: Span::new(start, start + 7) };
        report.findings.push(finding("test-a", Level::Warning, &format!("number {nth}")).at(place).help("do it"));
    }
    let timed = |what: &str, render: &dyn Fn(&Report) -> String, report: &Report| {
        let start = Instant::now();
        let shown = render(report);
        let took = start.elapsed();
        println!("{what}: {took:?}, {} bytes", shown.len());
        assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    };
    let render = |kind: &str, report: &Report| {
        timed(&format!("text, {kind}"), &|report| text(report, &world.sources, &TextOptions::default()), report);
        timed(
            &format!("summary, {kind}"),
            &|report| summary(report, &world.sources, &SummaryOptions::default()),
            report,
        );
        timed(&format!("markdown, {kind}"), &|report| markdown(report, &world.sources), report);
    };
    render("one group", &report);
    for (nth, finding) in report.findings.iter_mut().enumerate() {
        finding.help = Some(format!("do {}", nth % 10_000));
    }
    render("10,000 groups", &report);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_and_no_span_makes_a_renderer_fail(
        source in "([a-z:é€\u{1F980}\u{feff}\t \r\n\u{0}\u{1b}\"]|\r\n|  - ){0,80}",
        spans in proptest::collection::vec((0usize..200, 0usize..200), 1..6),
        width in 0usize..120,
    ) {
        let world = World::new(&[("a.yaml", &source)]);
        let place = |&(start, end): &(usize, usize)| Place { source: SourceId(0), span: Span::new(start, end) };
        let mut each = finding("test-a", Level::Error, "m").at(place(&spans[0]));
        for span in &spans[1..] {
            each = each.label(place(span), "label");
        }
        let report = Report { findings: vec![each], ..Report::default() };
        let parsed: serde_json::Value = serde_json::from_str(&json(&report, &world.sources)).unwrap();
        let at = &parsed["findings"][0]["place"];
        let named = format!("--> a.yaml:{}:{}\n", at["line"], at["column"]);
        let shown = text(&report, &world.sources, &TextOptions { width, ..TextOptions::default() });
        prop_assert!(shown.contains(&named), "{named}{shown}");
        prop_assert!(balanced(&markdown(&report, &world.sources)));
    }
}
