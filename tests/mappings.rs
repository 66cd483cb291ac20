//! Holds the tables of `mappings/` to their schema, and rows that decide to having golden requests. Those are answered by the
//! evaluators of `src/verify`, in `tests/verify/golden.rs` and `tests/verify_access/goldens.rs`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_yaml::Value;
use smi2gamma::mappings::{
    AllZero, Allowance, Answer, Attachment, Channel, DuplicateBackend, EmptyMatch, Enforcement, EveryPortBesideSome,
    Golden, GrantNeed, HeaderAnchoring, Held, HostHeader, HttpBesideTcp, HttpOnOpaque, Known, MatchesReading,
    MissingBackend, MissingNamespace, MissingPort, MissingReference, NameForms, NoMatches, NoRoutes, NoRules,
    NoSources, OpaqueSources, OtherNamespace, Overlap, PathAnchoring, PathReading, PortReading, ProtocolNeed,
    ProtocolReading, RegexRank, RegexReading, RouteKind, RulesReading, SameRoot, SelfReference, Shadow, SplitReading,
    TcpBesideHttp, TcpOnHttp, UdpRule, Unmatched, WeightReading, compare_versions, source, sources, target, targets,
};
use smi2gamma::smi::Kind;
use smi2gamma::target::{Profile, ProfileError};

// --- the set of tables ---

#[test]
fn every_mesh_of_the_documentation_has_a_table() {
    let names: Vec<_> = sources().iter().map(|source| &*source.name).collect();
    assert_eq!(names, ["spec", "osm", "linkerd", "traefik", "nginx", "consul", "istio", "flomesh"]);
    let names: Vec<_> = targets().iter().map(|target| &*target.name).collect();
    let expected = ["gateway-api", "linkerd", "istio", "istio-ambient", "cilium", "consul", "kuma", "network-policy"];
    assert_eq!(names, expected);
}

#[test]
fn a_table_is_named_like_its_file_and_every_file_is_a_table() {
    for (folder, known) in [
        ("sources", sources().iter().map(|source| source.name.clone()).collect::<BTreeSet<_>>()),
        ("targets", targets().iter().map(|target| target.name.clone()).collect()),
    ] {
        let named: BTreeSet<_> = raw(folder).into_keys().collect();
        assert_eq!(named, known, "{folder}");
        for (file, table) in raw(folder) {
            assert_eq!(table["name"].as_str(), Some(&*file));
        }
    }
}

#[test]
fn every_source_says_which_versions_it_served_of_all_six_authored_kinds() {
    let authored = [
        Kind::TrafficSplit,
        Kind::TrafficTarget,
        Kind::IdentityBinding,
        Kind::HTTPRouteGroup,
        Kind::TCPRoute,
        Kind::UDPRoute,
    ];
    for source in sources() {
        let kinds: Vec<_> = source.serves.keys().copied().collect();
        assert_eq!(kinds, authored, "{}", source.name);
        for (kind, versions) in &source.serves {
            assert!(versions.is.is_sorted_by(|left, right| left < right), "{} {kind:?}", source.name);
        }
        let never_split = source.serves[&Kind::TrafficSplit].is.is_empty();
        assert_eq!(source.split.is_none(), never_split, "{}", source.name);
        let never_target = source.serves[&Kind::TrafficTarget].is.is_empty();
        assert_eq!(source.access.is_none(), never_target, "{}", source.name);
    }
}

#[test]
fn every_fact_names_a_source_with_a_version() {
    for (name, table) in raw("sources").into_iter().chain(raw("targets")) {
        let mut origins = Vec::new();
        collect(&table, "from", &mut origins);
        assert!(!origins.is_empty(), "{name}");
        for origin in origins {
            let origin = origin.as_str().unwrap_or_else(|| panic!("{name}: a `from` that is no text"));
            let versioned = origin.contains('@') && !origin.contains("@main") && !origin.contains("@master");
            assert!(versioned, "{name}: `{origin}` names no version");
        }
    }
}

#[test]
fn strong_evidence_belongs_to_one_source() {
    let mut owner: BTreeMap<String, &str> = BTreeMap::new();
    for source in sources() {
        let evidence = &source.evidence;
        for group in &evidence.groups {
            let other = owner.insert(format!("group {group}"), &source.name);
            assert_eq!(other, None, "{group}");
        }
        for key in evidence.annotations.iter().map(|key| format!("annotation {key}")) {
            assert_eq!(owner.insert(key.clone(), &source.name), None, "{key}");
        }
        for key in evidence.labels.iter().map(|key| format!("label {key}")) {
            assert_eq!(owner.insert(key.clone(), &source.name), None, "{key}");
        }
    }
}

// --- values ---

/// The values of an enum, taken from what serde says it expects.
fn values<T: DeserializeOwned>() -> BTreeSet<String> {
    let said = match serde_yaml::from_str::<T>("no-such-value") {
        Ok(_) => panic!("a value that exists by accident"),
        Err(error) => error.to_string(),
    };
    let expected = said.split_once("expected").unwrap_or_else(|| panic!("no list in: {said}")).1;
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn unused<T: DeserializeOwned>(folder: &str, field: &str) -> Vec<String> {
    let mut used = BTreeSet::new();
    for table in raw(folder).into_values() {
        let mut found = Vec::new();
        collect(&table, field, &mut found);
        for value in found {
            let is = value.get("is").unwrap_or(value);
            let several = is.as_sequence().map_or_else(|| std::slice::from_ref(is), Vec::as_slice);
            used.extend(several.iter().filter_map(|value| value.as_str().map(str::to_owned)));
        }
    }
    values::<T>().difference(&used).cloned().collect()
}

#[test]
fn every_value_of_the_schema_is_used_by_a_table() {
    let nothing: Vec<String> = Vec::new();
    assert_eq!(unused::<MatchesReading>("sources", "matches"), nothing);
    assert_eq!(unused::<Unmatched>("sources", "unmatched"), nothing);
    assert_eq!(unused::<PathAnchoring>("sources", "path"), nothing);
    assert_eq!(unused::<HeaderAnchoring>("sources", "header"), nothing);
    assert_eq!(unused::<HostHeader>("sources", "host-header"), nothing);
    assert_eq!(unused::<SelfReference>("sources", "self-reference"), nothing);
    assert_eq!(unused::<SameRoot>("sources", "same-root"), nothing);
    assert_eq!(unused::<AllZero>("sources", "all-zero"), nothing);
    assert_eq!(unused::<MissingBackend>("sources", "missing-backend"), nothing);
    assert_eq!(unused::<DuplicateBackend>("sources", "duplicate-backend"), nothing);
    assert_eq!(unused::<WeightReading>("sources", "weights"), nothing);
    assert_eq!(unused::<ProtocolReading>("sources", "protocol"), nothing);
    assert_eq!(unused::<MissingPort>("sources", "missing-port"), nothing);
    let mut forms = unused::<NameForms>("sources", "root");
    forms.retain(|form| unused::<NameForms>("sources", "backend").contains(form));
    assert_eq!(forms, nothing);

    assert_eq!(unused::<Enforcement>("sources", "enforcement"), ["undefined"], "each mesh says when it denied");
    assert_eq!(unused::<RulesReading>("sources", "rules"), nothing);
    assert_eq!(unused::<PathReading>("sources", "path"), nothing);
    assert_eq!(unused::<EmptyMatch>("sources", "empty-match"), nothing);
    assert_eq!(unused::<NoMatches>("sources", "no-matches"), nothing);
    let missing = ["missing-match", "missing-group", "missing-route"];
    let unused_everywhere =
        |value: &String| missing.iter().all(|row| unused::<MissingReference>("sources", row).contains(value));
    assert_eq!(values::<MissingReference>().into_iter().filter(unused_everywhere).collect::<Vec<_>>(), nothing);
    assert_eq!(unused::<NoRules>("sources", "no-rules"), nothing);
    assert_eq!(unused::<NoSources>("sources", "no-sources"), nothing);
    assert_eq!(unused::<OtherNamespace>("sources", "other-namespace"), nothing);
    assert_eq!(unused::<PortReading>("sources", "destination-port"), nothing);
    assert_eq!(unused::<EveryPortBesideSome>("sources", "every-port-beside-some"), nothing);
    assert_eq!(unused::<TcpOnHttp>("sources", "tcp-on-http"), nothing);
    assert_eq!(unused::<TcpBesideHttp>("sources", "tcp-beside-http"), nothing);
    assert_eq!(unused::<HttpBesideTcp>("sources", "http-beside-tcp"), nothing);
    assert_eq!(unused::<HttpOnOpaque>("sources", "http-on-opaque"), ["undefined"], "refused where a table has it");
    assert_eq!(unused::<OpaqueSources>("sources", "opaque-sources"), nothing);
    assert_eq!(unused::<UdpRule>("sources", "udp-rule"), nothing);
    assert_eq!(unused::<Overlap>("sources", "overlap"), nothing);
    assert_eq!(unused::<Allowance>("sources", "allowances"), nothing);
    assert_eq!(
        unused::<MissingNamespace>("sources", "destination-namespace"),
        ["default"],
        "NGINX Service Mesh up to 0.6"
    );

    assert_eq!(unused::<NoRoutes>("targets", "no-routes"), nothing);
    assert_eq!(unused::<RegexReading>("targets", "regex"), nothing);
    assert_eq!(unused::<RegexRank>("targets", "rank"), nothing);
    assert_eq!(unused::<ProtocolNeed>("targets", "protocol"), nothing);
    assert_eq!(unused::<GrantNeed>("targets", "reference-grant"), nothing);
    assert_eq!(unused::<Attachment>("targets", "attachment"), nothing);
    assert_eq!(unused::<Shadow>("targets", "shadowed-by"), nothing);
    assert_eq!(unused::<Channel>("targets", "channel"), ["standard"], "the default need not be written");
    assert_eq!(unused::<Known>("targets", "known"), nothing);
}

// --- versions ---

#[test]
fn dotted_versions_are_ordered_by_their_numbers() {
    assert_eq!(compare_versions("2.9", "2.18"), Some(Ordering::Less));
    assert_eq!(compare_versions("v1.31", "1.31.0"), Some(Ordering::Equal));
    assert_eq!(compare_versions("1.30.4", "1.30"), Some(Ordering::Greater));
    assert_eq!(compare_versions("2.20", "edge"), None);
    assert_eq!(compare_versions("2..20", "2"), None);
    assert_eq!(compare_versions("", "2"), None);
    assert_eq!(compare_versions("99999999999", "2"), None);
}

#[test]
fn versions_and_rows_stand_oldest_first() {
    for target in targets() {
        let name = &target.name;
        assert_oldest_first(name, target.versions.iter().map(String::as_str));
        assert!(target.versions.contains(&target.default_version), "{name}");
        for rows in target.routes.values() {
            assert_oldest_first(name, rows.iter().map(|row| &*row.since));
        }
        for rows in target.limits.values() {
            assert_oldest_first(name, rows.iter().map(|row| &*row.since));
        }
        assert_oldest_first(name, target.bundles.iter().map(|row| &*row.since));
        assert_oldest_first(name, target.reference_grant.iter().map(|row| &*row.since));
        for since in target.routes.values().flatten().map(|row| &row.since) {
            assert!(target.versions.contains(since), "{name}: {since} is not among the versions");
        }
    }
}

fn assert_oldest_first<'versions>(name: &str, versions: impl Iterator<Item = &'versions str>) {
    let versions: Vec<_> = versions.collect();
    let ordered = versions.is_sorted_by(|left, right| compare_versions(left, right) == Some(Ordering::Less));
    assert!(ordered, "{name}: {versions:?}");
}

#[test]
fn a_target_serves_routes_and_reads_them_or_says_why_it_does_not() {
    for target in targets() {
        let name = &target.name;
        assert_eq!(target.routes.is_empty(), target.no_routes.is_some(), "{name}");
        assert_eq!(target.routes.is_empty(), target.reading.is_none(), "{name}");
        let standard = name == "gateway-api";
        assert_eq!(!target.limits.is_empty(), standard, "{name}");
        assert_eq!(!target.reference_grant.is_empty(), standard, "{name}");
        assert_eq!(target.bundles.is_empty(), standard || target.routes.is_empty(), "{name}");
    }
}

#[test]
fn every_route_that_is_served_has_limits_and_a_grant_at_every_version() {
    for target in targets() {
        for version in &target.versions {
            let chosen = chosen(&format!("{}@{version}", target.name));
            assert_eq!(chosen.gateway_api().is_some(), !target.routes.is_empty(), "{} {version}", target.name);
            for kind in target.routes.keys().filter(|kind| chosen.api_version(**kind).is_some()) {
                assert!(chosen.limits(*kind).is_some(), "{} {version} {kind:?}", target.name);
                assert!(chosen.reference_grant().is_some(), "{} {version}", target.name);
            }
        }
    }
}

#[test]
fn every_api_version_is_of_gateway_api() {
    for target in targets() {
        for row in target.routes.values().flatten().chain(&target.reference_grant) {
            let version = row.api_version.strip_prefix("gateway.networking.k8s.io/");
            assert!(matches!(version, Some("v1" | "v1beta1" | "v1alpha2")), "{}: {}", target.name, row.api_version);
        }
    }
}

// --- choosing ---

fn chosen(text: &str) -> Profile {
    Profile::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn served(text: &str, kind: RouteKind) -> Option<&'static str> {
    let row = chosen(text).api_version(kind)?;
    Some(row.api_version.trim_start_matches("gateway.networking.k8s.io/"))
}

#[test]
fn tcp_routes_are_written_at_the_version_that_the_target_watches() {
    assert_eq!(served("gateway-api@1.5", RouteKind::TCPRoute), Some("v1alpha2"));
    assert_eq!(served("gateway-api@1.6.1", RouteKind::TCPRoute), Some("v1"));
    assert_eq!(served("istio@1.30.4", RouteKind::TCPRoute), Some("v1alpha2"));
    assert_eq!(served("istio@1.31", RouteKind::TCPRoute), Some("v1"));
    assert_eq!(served("istio-ambient@1.25", RouteKind::TCPRoute), None);
    assert_eq!(served("istio-ambient@1.26", RouteKind::TCPRoute), Some("v1alpha2"));
    assert_eq!(served("linkerd@2.16", RouteKind::TCPRoute), None);
    assert_eq!(served("linkerd@2.17", RouteKind::TCPRoute), Some("v1alpha2"));
    assert_eq!(served("cilium", RouteKind::TCPRoute), None);
    assert_eq!(served("kuma", RouteKind::TCPRoute), None);
}

#[test]
fn http_and_grpc_routes_are_written_at_the_version_that_the_crds_serve() {
    assert_eq!(served("linkerd@2.17", RouteKind::HTTPRoute), Some("v1beta1"));
    assert_eq!(served("linkerd@2.18", RouteKind::HTTPRoute), Some("v1"));
    assert_eq!(served("linkerd@2.15", RouteKind::GRPCRoute), None);
    assert_eq!(served("linkerd@2.16", RouteKind::GRPCRoute), Some("v1alpha2"));
    assert_eq!(served("gateway-api@1.0", RouteKind::GRPCRoute), Some("v1alpha2"));
    assert_eq!(served("gateway-api@1.1", RouteKind::GRPCRoute), Some("v1"));
    assert_eq!(served("cilium@1.18", RouteKind::GRPCRoute), None);
    assert_eq!(served("consul", RouteKind::HTTPRoute), None);
    assert_eq!(served("network-policy", RouteKind::HTTPRoute), None);
    let channel = |text| chosen(text).api_version(RouteKind::HTTPRoute).map(|row| row.channel);
    assert_eq!(channel("gateway-api@1.0"), Some(Channel::Experimental));
    assert_eq!(channel("gateway-api@1.1"), Some(Channel::Standard));
}

#[test]
fn limits_follow_the_release_of_gateway_api_that_a_target_goes_with() {
    let matches =
        |text, kind| chosen(text).limits(kind).map(|limits| (limits.matches_per_rule, limits.matches_per_route));
    assert_eq!(matches("gateway-api@1.1", RouteKind::HTTPRoute), Some((Some(8), None)));
    assert_eq!(matches("gateway-api@1.2", RouteKind::HTTPRoute), Some((Some(64), Some(128))));
    assert_eq!(matches("gateway-api@1.2", RouteKind::GRPCRoute), Some((Some(8), Some(128))));
    assert_eq!(matches("gateway-api@1.3", RouteKind::GRPCRoute), Some((Some(64), Some(128))));
    assert_eq!(matches("linkerd@2.14", RouteKind::HTTPRoute), Some((Some(8), None)));
    assert_eq!(matches("istio@1.23", RouteKind::HTTPRoute), Some((Some(8), None)));
    assert_eq!(matches("istio@1.24", RouteKind::HTTPRoute), Some((Some(64), Some(128))));
    assert_eq!(matches("network-policy", RouteKind::HTTPRoute), None);
}

#[test]
fn only_old_cilium_takes_one_route_per_service() {
    let alone = |text| chosen(text).bundle().is_some_and(|bundle| bundle.one_route_per_service);
    assert!(alone("cilium@1.16"));
    assert!(!alone("cilium@1.18"));
    assert!(!alone("istio"));
}

#[test]
fn a_target_without_a_version_takes_its_default() {
    let chosen = chosen("linkerd");
    assert_eq!((&*chosen.target.name, &*chosen.version), ("linkerd", "2.20"));
    assert_eq!(self::chosen("istio@v1.27.2").version, "1.27.2");
}

#[test]
fn a_target_that_does_not_exist_is_answered_with_those_that_do() {
    let error = |text| Profile::parse(text).expect_err(text);
    assert!(
        error("linkerd2")
            .to_string()
            .ends_with("targets are: gateway-api, linkerd, istio, istio-ambient, cilium, consul, kuma, network-policy")
    );
    assert!(matches!(error("linkerd@edge"), ProfileError::Form { .. }));
    assert!(matches!(error("linkerd@"), ProfileError::Form { .. }));
    assert!(matches!(error("istio@1.21"), ProfileError::TooOld { .. }));
    assert!(error("istio@1.21").to_string().contains("known are: 1.22, 1.23"));
    assert!(matches!(error(""), ProfileError::Name { .. }));
}

#[test]
fn tables_are_found_by_name() {
    assert_eq!(source("osm").map(|source| &*source.title), Some("Open Service Mesh"));
    assert_eq!(target("kuma").map(|target| &*target.title), Some("Kuma"));
    assert!(source("kuma").is_none());
    assert!(target("osm").is_none());
}

// --- golden requests ---

#[test]
fn an_anchoring_that_is_read_has_requests_on_both_sides_of_it() {
    for (mesh, reading) in readings() {
        let answers = |goldens: &[Golden], held| goldens.iter().any(|one| one.answer == Answer::Condition(held));
        if reading.path.is != PathAnchoring::Unread {
            assert!(answers(&reading.path.golden, Held::Match), "{mesh}");
            assert!(answers(&reading.path.golden, Held::NoMatch), "{mesh}");
        }
        if matches!(reading.header.is, HeaderAnchoring::Full | HeaderAnchoring::Search) {
            assert!(answers(&reading.header.golden, Held::Match), "{mesh}");
            assert!(answers(&reading.header.golden, Held::NoMatch), "{mesh}");
        }
    }
}

#[test]
fn a_reading_that_is_known_has_a_golden_request() {
    for (mesh, reading) in readings() {
        let known = [
            ("unmatched", reading.matches.is == MatchesReading::Applied, &reading.unmatched.golden),
            ("matches", reading.matches.is == MatchesReading::Ignored, &reading.matches.golden),
            ("self-reference", reading.self_reference.is != SelfReference::Undefined, &reading.self_reference.golden),
            (
                "missing-backend",
                reading.missing_backend.is != MissingBackend::Undefined,
                &reading.missing_backend.golden,
            ),
            ("missing-port", true, &reading.missing_port.golden),
            (
                "duplicates",
                reading.duplicate_backend.is != DuplicateBackend::Undefined,
                &reading.duplicate_backend.golden,
            ),
        ];
        for (fact, known, golden) in known {
            assert_eq!(!golden.is_empty(), known, "{mesh}: {fact}");
        }
    }
}

#[test]
fn a_target_has_golden_requests_where_it_says_how_it_reads_expressions() {
    for target in targets() {
        let Some(reading) = &target.reading else { continue };
        let unspecified = reading.regex.is == RegexReading::Unspecified;
        assert_eq!(reading.regex.golden.is_empty(), unspecified, "{}", target.name);
    }
}

fn readings() -> impl Iterator<Item = (&'static str, &'static SplitReading)> {
    sources().iter().filter_map(|source| Some((&*source.name, source.split.as_ref()?)))
}

// --- the page for users ---

const PAGE: &str = "docs/meshes.md";
const INTRODUCTION: &str = "\
# What is known of each mesh

SMI was read differently by every mesh that served it, and Gateway API is read differently by every mesh that serves it.
`smi2gamma` decides by the tables in `mappings/`; this page prints them. A test keeps the two equal: change the table, then
run `SMI2GAMMA_BLESS=1 cargo test --test mappings`.

*Known* says how: `code`, read in the file named; `docs`, written in the documentation named; `inferred`, concluded from
what is named and not tried.
";

#[test]
fn the_page_for_users_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var_os("SMI2GAMMA_BLESS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        page,
        "{PAGE} is behind the tables; write it with SMI2GAMMA_BLESS=1 cargo test --test mappings"
    );
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page += "\n## Source meshes: how a TrafficSplit was read\n";
    let tables = raw("sources");
    for table in sources().iter().map(|source| &tables[&source.name]) {
        heading(&mut page, table, "--from");
        page += &format!("\nReleases: {}.\n", text(&table["versions"]));
        page += "\n| kind or question | answer | known | where |\n| --- | --- | --- | --- |\n";
        facts(&mut page, &table["serves"]);
        section(&mut page, "of a TrafficSplit", &table["split"]);
        section(&mut page, "of a TrafficTarget", &table["access"]);
    }
    page += "\n## Targets: which routes attach to a Service, and how they are read\n";
    let tables = raw("targets");
    for table in targets().iter().map(|target| &tables[&target.name]) {
        heading(&mut page, table, "--to");
        page += &format!("\nVersion taken when none is named: {}.\n", text(&table["default-version"]));
        page += "\n| kind or question | answer | known | where |\n| --- | --- | --- | --- |\n";
        for (kind, rows) in table["routes"].as_mapping().into_iter().flatten() {
            for one in rows.as_sequence().into_iter().flatten() {
                let channel = one.get("channel").map(|channel| format!(", {} channel", text(channel)));
                let answer = format!("`{}`{}", text(&one["api-version"]), channel.unwrap_or_default());
                row(&mut page, &format!("{} from {}", text(kind), text(&one["since"])), &answer, one);
            }
        }
        for one in table["bundles"].as_sequence().into_iter().flatten() {
            let alone = one.get("one-route-per-service").map_or("", |_| "; one route on a Service");
            let answer = format!("{}{alone}", text(&one["gateway-api"]));
            row(&mut page, &format!("Gateway API from {}", text(&one["since"])), &answer, one);
        }
        for (kind, rows) in table["limits"].as_mapping().into_iter().flatten() {
            for one in rows.as_sequence().into_iter().flatten() {
                let limit = |name: &str| one.get(name).map(|limit| format!("{name} {}", text(limit)));
                let limits =
                    ["rules", "matches-per-rule", "matches-per-route", "backends"].into_iter().filter_map(limit);
                let answer = limits.collect::<Vec<_>>().join(", ");
                row(&mut page, &format!("limits of {} from {}", text(kind), text(&one["since"])), &answer, one);
            }
        }
        if let Some(why) = table.get("no-routes") {
            row(&mut page, "routes", &answer(why), why);
        }
        facts(&mut page, &table["reading"]);
    }
    page
}

fn heading(page: &mut String, table: &Value, flag: &str) {
    *page += &format!("\n### `{flag} {}`: {}\n", text(&table["name"]), text(&table["title"]));
}

/// Facts about one kind, under a line that says so.
fn section(page: &mut String, kind: &str, rows: &Value) {
    if rows.is_mapping() {
        *page += &format!("| *{kind}* | | | |\n");
        facts(page, rows);
    }
}

fn facts(page: &mut String, facts: &Value) {
    for (question, fact) in facts.as_mapping().into_iter().flatten() {
        row(page, text(question).replace('-', " ").as_str(), &answer(fact), fact);
    }
}

fn answer(fact: &Value) -> String {
    match &fact["is"] {
        Value::Sequence(values) if values.is_empty() => "none".to_owned(),
        Value::Sequence(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        value => text(value).replace('-', " "),
    }
}

fn row(page: &mut String, question: &str, answer: &str, fact: &Value) {
    let note = fact.get("note").map(|note| format!(". {}", text(note))).unwrap_or_default();
    let said = format!("{answer}{note}").replace('|', "\\|");
    *page += &format!("| {question} | {said} | {} | {} |\n", text(&fact["known"]), text(&fact["from"]));
}

fn text(value: &Value) -> String {
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string())).unwrap_or_default()
}

// --- reading the tables as plain YAML ---

fn raw(folder: &str) -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings").join(folder);
    let mut tables = BTreeMap::new();
    for entry in fs::read_dir(&folder).expect("the folder of the tables") {
        let path = entry.expect("an entry of the folder").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        let text = fs::read_to_string(&path).expect("a table in UTF-8");
        tables.insert(name, serde_yaml::from_str(&text).expect("a table in YAML"));
    }
    tables
}

/// All values under `key`, at any depth.
fn collect<'value>(value: &'value Value, key: &str, found: &mut Vec<&'value Value>) {
    match value {
        Value::Mapping(fields) => {
            for (name, value) in fields {
                if name.as_str() == Some(key) {
                    found.push(value);
                }
                collect(value, key, found);
            }
        }
        Value::Sequence(values) => values.iter().for_each(|value| collect(value, key, found)),
        _ => {}
    }
}
