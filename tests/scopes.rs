//! What is deployed together, seen through whole runs: which Service a split finds, what an environment or a stage of a
//! rollout comes to, and what a filter leaves out.

mod worlds;

use serde_json::{Value, json};
use smi2gamma::candidate::candidate;
use smi2gamma::code;
use smi2gamma::filter::{Filter, Requirement};
use smi2gamma::outcome::Outcome;
use smi2gamma::prove::Proved;
use smi2gamma::report::{Chosen, Finding};
use smi2gamma::run::{Options, Run, run};
use smi2gamma::scan::Input;
use smi2gamma::settle::Answer;
use smi2gamma::target::Profile;
use smi2gamma::yaml::emit;
use worlds::{Files, codes, manifests, service};

fn split(name: &str, weights: [u32; 2]) -> Value {
    let [one, two] = weights;
    json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": name},
        "spec": {"service": name, "backends": [
            {"service": format!("{name}-v1"), "weight": one},
            {"service": format!("{name}-v2"), "weight": two},
        ]},
    })
}

/// A split that only takes requests of a group.
fn conditional(name: &str, group: &str) -> Value {
    let mut split = split(name, [1, 1]);
    split["apiVersion"] = json!("split.smi-spec.io/v1alpha4");
    split["spec"]["matches"] = json!([{"kind": "HTTPRouteGroup", "name": group}]);
    split
}

fn group(name: &str) -> Value {
    json!({
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "HTTPRouteGroup",
        "metadata": {"name": name},
        "spec": {"matches": [{"name": "read", "methods": ["GET"]}]},
    })
}

/// The root and both backends, on these ports.
fn services(name: &str, ports: &[u16]) -> Vec<Value> {
    [name.to_owned(), format!("{name}-v1"), format!("{name}-v2")].map(|name| service(None, &name, ports)).to_vec()
}

fn yaml(objects: &[Value]) -> String {
    emit::to_yaml(objects)
}

fn with(object: &Value, path: &str, value: Value) -> Value {
    let mut object = object.clone();
    *object.pointer_mut(path).expect("the field") = value;
    object
}

/// What each object came to: its source without the directories of the test, its name, its outcome.
fn outcomes(files: &Files, run: &Run) -> Vec<(String, String, Outcome)> {
    let root = files.path("");
    let settled = run.objects.iter().zip(&run.report.objects);
    settled
        .map(|(object, settled)| {
            let source = run.sources.get(object.source);
            let path = source.path.as_deref().and_then(|path| path.strip_prefix(&root).ok());
            let path = path.map_or_else(|| source.name.clone(), |path| path.display().to_string());
            (path, object.id.name.clone(), settled.outcome)
        })
        .collect()
}

/// Per manifest: the source of the first object whose content it carries, and the port that it attaches to.
fn ports(files: &Files, run: &Run) -> Vec<(String, u64)> {
    let outcomes = outcomes(files, run);
    let port = |manifest: &Value| manifest["spec"]["parentRefs"][0]["port"].as_u64().expect("a port");
    run.manifests.iter().map(|(origins, manifest)| (outcomes[origins[0]].0.clone(), port(&manifest.value))).collect()
}

fn weights(manifest: &Value) -> Vec<u64> {
    let backends = manifest["spec"]["rules"][0]["backendRefs"].as_array().expect("backends");
    backends.iter().map(|backend| backend["weight"].as_u64().expect("a weight")).collect()
}

/// Read as the specification says: conditions are read differently by the meshes.
fn by_specification(mut options: Options) -> Options {
    options.from = Some(Chosen { name: "spec".to_owned(), because: "the test".to_owned() });
    options
}

fn stdin(options: &Options, text: &str) -> Run {
    run(options, &mut text.as_bytes()).expect("a result")
}

// --- kustomizations ---

#[test]
fn a_base_converts_and_the_patch_of_an_overlay_is_left_to_its_owner() {
    let patch = json!({
        "apiVersion": "split.smi-spec.io/v1alpha2",
        "kind": "TrafficSplit",
        "metadata": {"name": "web"},
        "spec": {"backends": [{"service": "web-v1", "weight": 50}, {"service": "web-v2", "weight": 50}]},
    });
    let files = Files::new(&[
        ("base/kustomization.yaml", "resources: [split.yaml, services.yaml]\n".to_owned()),
        ("base/split.yaml", yaml(&[split("web", [90, 10])])),
        ("base/services.yaml", yaml(&services("web", &[80]))),
        ("prod/kustomization.yaml", "resources: [../base]\npatches:\n- path: patch.yaml\n".to_owned()),
        ("prod/patch.yaml", yaml(&[patch])),
    ]);
    let run = files.convert(&[""]);
    assert_eq!(
        outcomes(&files, &run),
        [
            ("base/split.yaml".to_owned(), "web".to_owned(), Outcome::Migrated),
            ("prod/patch.yaml".to_owned(), "web".to_owned(), Outcome::Delegated),
        ]
    );
    assert!(codes(&run).contains(&"kustomize-patch"), "{:?}", codes(&run));
    assert_eq!(manifests(&run).iter().map(weights).collect::<Vec<_>>(), [[9, 1]]);
}

#[test]
fn environments_of_their_own_directories_are_each_right_for_themselves() {
    for listed in [true, false] {
        let mut texts = vec![
            ("dev/split.yaml", yaml(&[split("web", [1, 1])])),
            ("dev/services.yaml", yaml(&services("web", &[8080]))),
            ("prod/split.yaml", yaml(&[split("web", [1, 1])])),
            ("prod/services.yaml", yaml(&services("web", &[80]))),
        ];
        if listed {
            let kustomization = "resources: [split.yaml, services.yaml]\n";
            texts.push(("dev/kustomization.yaml", kustomization.to_owned()));
            texts.push(("prod/kustomization.yaml", kustomization.to_owned()));
        }
        let files = Files::new(&texts);
        let run = files.convert(&[""]);
        assert_eq!(ports(&files, &run), [("dev/split.yaml".to_owned(), 8080), ("prod/split.yaml".to_owned(), 80)]);
        assert!(!codes(&run).contains(&"object-versions"), "environments are no versions: {:?}", codes(&run));
    }
}

#[test]
fn one_base_that_comes_to_different_ports_in_two_overlays_is_blocked() {
    let overlay = "resources: [../base, services.yaml]\n";
    let files = Files::new(&[
        ("base/kustomization.yaml", "resources: [split.yaml]\n".to_owned()),
        ("base/split.yaml", yaml(&[split("web", [1, 1])])),
        ("dev/kustomization.yaml", overlay.to_owned()),
        ("dev/services.yaml", yaml(&services("web", &[8080]))),
        ("prod/kustomization.yaml", overlay.to_owned()),
        ("prod/services.yaml", yaml(&services("web", &[80]))),
    ]);
    let run = files.convert(&[""]);
    assert!(codes(&run).contains(&"scopes-disagree"), "{:?}", codes(&run));
    assert_eq!(outcomes(&files, &run)[0].2, Outcome::Blocked);
    assert_eq!(manifests(&run), Vec::<Value>::new(), "no overlay gets the port of the other");

    let agreeing = Files::new(&[
        ("base/kustomization.yaml", "resources: [split.yaml]\n".to_owned()),
        ("base/split.yaml", yaml(&[split("web", [1, 1])])),
        ("dev/kustomization.yaml", overlay.to_owned()),
        ("dev/services.yaml", yaml(&services("web", &[80]))),
        ("prod/kustomization.yaml", overlay.to_owned()),
        ("prod/services.yaml", yaml(&services("web", &[80]))),
    ]);
    let run = agreeing.convert(&[""]);
    assert_eq!(ports(&agreeing, &run), [("base/split.yaml".to_owned(), 80)], "{:?}", codes(&run));
}

#[test]
fn a_file_of_a_kustomization_that_loses_its_object_stays_in_its_place() {
    let files = Files::new(&[
        ("kustomization.yaml", "resources: [group.yaml, rest.yaml]\n".to_owned()),
        ("group.yaml", format!("# of the web team\n{}", yaml(&[group("read")]))),
        ("rest.yaml", yaml(&[vec![conditional("web", "read")], services("web", &[80])].concat())),
    ]);
    let mut run = stdin(&by_specification(files.options(&[""])), "");
    let texts = candidate(&mut run);
    let group = texts.iter().find(|(source, _)| run.sources.get(*source).name.ends_with("group.yaml"));
    let (_, text) = group.expect("the group's text changes");
    assert!(text.starts_with("# of the web team\n# HTTPRouteGroup read went into"), "{text}");
    assert!(text.lines().all(|line| line.starts_with('#')), "{text}");
}

// --- candidates ---

/// A list from which the split cannot be taken: the comment in it would have nowhere to stand.
fn unyielding(split: &Value) -> String {
    let split = split.to_string();
    let (body, end) = split.split_at(split.len() - 1);
    format!("apiVersion: v1\nkind: List\nitems: [\n{body} # why\n{end},\n{}\n]\n", service(None, "other", &[80]))
}

#[test]
fn a_group_stays_with_a_split_whose_file_cannot_be_edited() {
    let files = Files::new(&[
        ("a.yaml", unyielding(&conditional("web", "read"))),
        ("b.yaml", yaml(&[vec![group("read")], services("web", &[80])].concat())),
    ]);
    let mut run = stdin(&by_specification(files.options(&[""])), "");
    assert_eq!(outcomes(&files, &run)[1].2, Outcome::Superseded);
    assert_eq!(candidate(&mut run), []);
    assert!(codes(&run).contains(&"edit-refused"), "{:?}", codes(&run));
}

/// A grant to the pods of `api`, by the match of a group.
fn grant(name: &str, group: &str) -> Value {
    json!({
        "apiVersion": "access.smi-spec.io/v1alpha3",
        "kind": "TrafficTarget",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "destination": {"kind": "ServiceAccount", "name": "api", "namespace": "shop"},
            "sources": [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}],
            "rules": [{"kind": "HTTPRouteGroup", "name": group, "matches": ["read"]}],
        },
    })
}

/// The pods of `api`.
fn pods() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "api"}},
            "template": {"metadata": {"labels": {"app": "api"}}, "spec": {
                "serviceAccountName": "api",
                "containers": [{"name": "api", "ports": [{"containerPort": 8080, "name": "http"}]}],
            }},
        },
    })
}

fn for_istio(files: &Files) -> Options {
    let mut options = by_specification(files.options(&[""]));
    options.to = Profile::parse("istio").expect("a target");
    options
}

#[test]
fn a_filter_that_takes_nothing_of_what_is_there_says_so() {
    let files = Files::new(&[("a.yaml", yaml(&[grant("readers", "read"), pods()]))]);
    let of = |namespace: &str| {
        let mut options = for_istio(&files);
        options.filter = Filter { namespace: Some(namespace.to_owned()), ..Filter::default() };
        stdin(&options, "")
    };
    assert!(codes(&of("shpo")).contains(&"filter-takes-none"));
    assert!(!codes(&of("shop")).contains(&"filter-takes-none"));
}

/// The grants of one account in two directories, whose pods both see, for Istio.
fn in_two_directories(one: &[&str], other: &[&str]) -> Run {
    let mut group = group("read");
    group["metadata"]["namespace"] = json!("shop");
    let file = |names: &[&str]| {
        let grants = names.iter().map(|name| grant(name, "read"));
        yaml(&grants.chain([group.clone(), pods()]).collect::<Vec<_>>())
    };
    let files = Files::new(&[("a/grants.yaml", file(one)), ("b/grants.yaml", file(other))]);
    stdin(&for_istio(&files), "")
}

fn grants(run: &Run) -> Vec<Outcome> {
    let grants = run.report.objects.iter().filter(|object| object.id.kind == "TrafficTarget");
    grants.map(|object| object.outcome).collect()
}

#[test]
fn grants_of_one_destination_in_two_scopes_do_not_cut_off_each_others_callers() {
    let run = in_two_directories(&["readers"], &["writers"]);
    assert_eq!(grants(&run), [Outcome::Blocked, Outcome::Blocked], "{:?}", codes(&run));
    assert!(codes(&run).contains(&"destination-in-scopes"));
    assert_eq!(manifests(&run), Vec::<Value>::new());
}

#[test]
fn grants_in_two_scopes_whose_pods_nobody_knows_are_asked_for_their_pods_first() {
    let mut group = group("read");
    group["metadata"]["namespace"] = json!("shop");
    let file = |name: &str| yaml(&[grant(name, "read"), group.clone()]);
    let files = Files::new(&[("a/grants.yaml", file("readers")), ("b/grants.yaml", file("writers"))]);
    let run = stdin(&for_istio(&files), "");
    assert!(codes(&run).contains(&"workload-missing"), "{:?}", codes(&run));
    assert!(!codes(&run).contains(&"destination-in-scopes"));
    let mut said = for_istio(&files);
    said.policy.workloads.insert(("shop".into(), "api".into()), [("app".to_owned(), "api".to_owned())].into());
    let run = stdin(&said, "");
    assert!(codes(&run).contains(&"destination-in-scopes"), "{:?}", codes(&run));
    assert_eq!(manifests(&run), Vec::<Value>::new());
}

#[test]
fn scopes_that_share_a_grant_are_environments_and_convert_each_alone() {
    let run = in_two_directories(&["readers", "writers"], &["readers"]);
    assert_eq!(grants(&run), [Outcome::Migrated; 3], "{:?}", codes(&run));
    assert!(!codes(&run).contains(&"destination-in-scopes"));
}

#[test]
fn a_group_stays_with_a_grant_whose_file_cannot_be_edited() {
    let mut group = group("read");
    group["metadata"]["namespace"] = json!("shop");
    let files = Files::new(&[("a.yaml", unyielding(&grant("readers", "read"))), ("b.yaml", yaml(&[group, pods()]))]);
    let mut run = stdin(&for_istio(&files), "");
    assert_eq!(outcomes(&files, &run)[1].2, Outcome::Superseded, "{:?}", codes(&run));
    assert_eq!(candidate(&mut run), []);
    assert!(codes(&run).contains(&"edit-refused"), "{:?}", codes(&run));
}

#[test]
fn what_denies_by_default_stands_in_the_candidate_and_falls_with_a_destination() {
    let mut group = group("read");
    group["metadata"]["namespace"] = json!("shop");
    let files = Files::new(&[("a.yaml", yaml(&[grant("readers", "read"), group, pods()]))]);
    let mut options = for_istio(&files);
    options.policy.default_deny = true;
    let mut run = stdin(&options, "");
    let last = manifests(&run).pop().expect("output");
    assert_eq!(last["metadata"]["name"], "allow-nothing", "{:?}", codes(&run));
    let (_, text) = candidate(&mut run).pop().expect("a changed text");
    assert_eq!(text.matches("name: allow-nothing").count(), 1, "{text}");

    let mut answer = Answer::new("here".into(), None);
    answer.manifests = run.manifests.clone();
    let mistake = Finding::new(code!("output-differs"), "the policy is wider");
    answer.proved(&run.manifests[0].0.clone(), Proved::Mistake(Box::new(mistake)));
    assert_eq!(answer.manifests, []);
}

#[test]
fn the_route_of_two_splits_stands_where_it_can() {
    let named = |name: &str| with(&split("web", [1, 1]), "/metadata/name", json!(name));
    let files = Files::new(&[
        ("a.yaml", unyielding(&named("first"))),
        ("b.yaml", yaml(&[vec![named("second")], services("web", &[80])].concat())),
    ]);
    let mut run = files.convert(&[""]);
    assert_eq!(manifests(&run).len(), 1, "{:?}", codes(&run));
    let texts = candidate(&mut run);
    assert!(codes(&run).contains(&"edit-refused"), "{:?}", codes(&run));
    let (_, text) = &texts[0];
    assert!(text.contains("name: web-split-80") && !text.contains("TrafficSplit\n"), "{text}");
}

// --- charts ---

#[test]
fn a_chart_that_was_rendered_twice_is_two_releases() {
    let rendered = |port: u16| {
        format!(
            "---\n# Source: web/templates/all.yaml\n{}",
            yaml(&[vec![split("web", [1, 1])], services("web", &[port])].concat())
        )
    };
    let files = Files::new(&[
        ("out/dev/web/templates/all.yaml", rendered(8080)),
        ("out/prod/web/templates/all.yaml", rendered(80)),
    ]);
    let run = files.convert(&[""]);
    let found = ports(&files, &run);
    assert_eq!(
        found,
        [("out/dev/web/templates/all.yaml".to_owned(), 8080), ("out/prod/web/templates/all.yaml".to_owned(), 80)]
    );
    assert!(!codes(&run).contains(&"object-versions"));
}

// --- stages of a rollout ---

#[test]
fn the_stages_of_a_rollout_are_each_converted_alone_with_one_note() {
    let files = Files::new(&[
        ("rollout/100-v2.yaml", yaml(&[split("web", [0, 100])])),
        ("rollout/50-50.yaml", yaml(&[split("web", [50, 50])])),
        ("rollout/90-10.yaml", yaml(&[split("web", [90, 10])])),
        ("rollout/services.yaml", yaml(&services("web", &[80]))),
    ]);
    let run = files.convert(&[""]);
    assert!(outcomes(&files, &run).iter().all(|(_, _, outcome)| *outcome == Outcome::Migrated));
    assert_eq!(manifests(&run).iter().map(weights).collect::<Vec<_>>(), [[0, 1], [1, 1], [9, 1]]);
    assert_eq!(codes(&run).iter().filter(|code| **code == "object-versions").count(), 1, "{:?}", codes(&run));
    let names: Vec<_> = manifests(&run).iter().map(|manifest| manifest["metadata"]["name"].clone()).collect();
    assert_eq!(names, [json!("web-split-80"), json!("web-split-80"), json!("web-split-80")]);
}

// --- context ---

#[test]
fn a_file_that_is_named_alone_finds_its_service_beside_it() {
    let files = Files::new(&[
        ("shop/split.yaml", yaml(&[split("web", [1, 1])])),
        ("shop/services.yaml", yaml(&services("web", &[8080]))),
        ("shop/other.yaml", yaml(&[split("api", [1, 1])])),
        ("services.yaml", yaml(&services("web", &[1]))),
    ]);
    let run = files.convert(&["shop/split.yaml"]);
    assert_eq!(ports(&files, &run), [("shop/split.yaml".to_owned(), 8080)]);
    assert_eq!(run.objects.len(), 1, "what stands beside it is not converted");
}

#[test]
fn context_comes_from_a_file_a_directory_or_standard_input_and_is_never_converted() {
    let context = yaml(&[vec![split("api", [1, 1])], services("web", &[8080])].concat());
    let files =
        Files::new(&[("shop/split.yaml", yaml(&[split("web", [1, 1])])), ("context/deep/all.yaml", context.clone())]);
    let without = files.convert(&["shop"]);
    assert!(codes(&without).contains(&"port-unknown"), "{:?}", codes(&without));
    assert_eq!(manifests(&without), Vec::<Value>::new());

    for with in [files.input("context/deep/all.yaml"), files.input("context"), Input::Stdin] {
        let mut options = files.options(&["shop"]);
        options.scan.with = vec![with.clone()];
        let text = if with == Input::Stdin { context.as_str() } else { "" };
        let run = stdin(&options, text);
        assert_eq!(ports(&files, &run), [("shop/split.yaml".to_owned(), 8080)], "{with:?}");
        assert_eq!(run.objects.len(), 1, "{with:?}");
    }
}

#[test]
fn a_split_on_standard_input_finds_its_context_in_files() {
    let files = Files::new(&[("services.yaml", yaml(&services("web", &[8080])))]);
    let mut options = files.options(&[]);
    options.scan.sources = vec![Input::Stdin];
    options.scan.with = vec![files.input("services.yaml")];
    let run = stdin(&options, &yaml(&[split("web", [1, 1])]));
    assert_eq!(ports(&files, &run), [("<stdin>".to_owned(), 8080)]);
}

#[test]
fn a_group_that_came_as_context_answers_for_a_split_and_stays() {
    let files = Files::new(&[
        ("shop/split.yaml", yaml(&[vec![conditional("web", "read")], services("web", &[80])].concat())),
        ("context/group.yaml", yaml(&[group("read")])),
    ]);
    let mut options = by_specification(files.options(&["shop"]));
    options.scan.with = vec![files.input("context")];
    let mut run = stdin(&options, "");
    assert_eq!(outcomes(&files, &run), [("shop/split.yaml".to_owned(), "web".to_owned(), Outcome::Migrated)]);
    assert_eq!(candidate(&mut run).len(), 1, "context is never edited");
}

// --- filters ---

fn in_namespace(object: &Value, namespace: &str) -> Value {
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!(namespace);
    object
}

fn world_of_two_namespaces() -> Files {
    let of = |namespace: &str| {
        let mut objects = vec![split("web", [1, 1])];
        objects.extend(services("web", &[80]));
        objects.iter().map(|object| in_namespace(object, namespace)).collect::<Vec<_>>()
    };
    let labelled =
        with(&of("a")[0], "/metadata", json!({"name": "web", "namespace": "a", "labels": {"tier": "front"}}));
    Files::new(&[("a.yaml", yaml(&[vec![labelled], of("a")[1..].to_vec()].concat())), ("b.yaml", yaml(&of("b")))])
}

#[test]
fn a_namespace_chooses_what_is_converted() {
    let files = world_of_two_namespaces();
    let mut options = files.options(&[""]);
    options.filter.namespace = Some("b".to_owned());
    let run = stdin(&options, "");
    assert_eq!(outcomes(&files, &run), [("b.yaml".to_owned(), "web".to_owned(), Outcome::Migrated)]);
    assert_eq!(files.convert(&[""]).objects.len(), 2);
}

#[test]
fn a_label_selector_chooses_what_is_converted() {
    let files = world_of_two_namespaces();
    for (selector, chosen) in [("tier=front", "a.yaml"), ("tier!=front", "b.yaml"), ("!tier", "b.yaml")] {
        let mut options = files.options(&[""]);
        options.filter = Filter { namespace: None, labels: Requirement::parse_all(selector).expect("a selector") };
        let run = stdin(&options, "");
        assert_eq!(outcomes(&files, &run), [(chosen.to_owned(), "web".to_owned(), Outcome::Migrated)], "{selector}");
    }
}

#[test]
fn a_group_that_a_split_outside_of_the_filter_needs_stays() {
    let mut left_out = conditional("api", "read");
    left_out["metadata"]["labels"] = json!({"later": "yes"});
    let objects =
        [vec![group("read"), conditional("web", "read"), left_out], services("web", &[80]), services("api", &[80])];
    let files = Files::new(&[("all.yaml", yaml(&objects.concat()))]);
    let mut options = by_specification(files.options(&[""]));
    let all = stdin(&options, "");
    assert_eq!(outcomes(&files, &all)[0].2, Outcome::Superseded);

    options.filter.labels = Requirement::parse_all("!later").expect("a selector");
    let mut run = stdin(&options, "");
    let outcomes = outcomes(&files, &run);
    assert_eq!((&*outcomes[0].1, outcomes[0].2), ("read", Outcome::Blocked), "{:?}", codes(&run));
    assert_eq!((&*outcomes[1].1, outcomes[1].2), ("web", Outcome::Migrated));
    let (_, text) = &candidate(&mut run)[0];
    assert!(text.contains("kind: HTTPRouteGroup"), "{text}");
}

#[test]
fn a_group_is_superseded_although_the_context_has_the_same_split() {
    let all = yaml(&[vec![group("read"), conditional("web", "read")], services("web", &[80])].concat());
    let files = Files::new(&[("shop/all.yaml", all.clone()), ("dump.yaml", all)]);
    let mut options = by_specification(files.options(&["shop"]));
    options.scan.with = vec![files.input("dump.yaml")];
    let run = stdin(&options, "");
    assert_eq!(outcomes(&files, &run)[0].2, Outcome::Superseded, "{:?}", codes(&run));
}

// --- ignore files ---

#[test]
fn ignore_files_of_the_tree_leave_files_out_unless_they_are_named_or_ignoring_is_off() {
    let all = |name: &str| yaml(&[vec![split(name, [1, 1])], services(name, &[80])].concat());
    let files = Files::new(&[
        (".gitignore", "vendor/\n".to_owned()),
        ("own.yaml", all("own")),
        ("vendor/theirs.yaml", all("theirs")),
    ]);
    let names = |run: &Run| run.objects.iter().map(|object| object.id.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&files.convert(&[""])), ["own"]);
    assert_eq!(names(&files.convert(&["vendor/theirs.yaml"])), ["theirs"]);
    let mut options = files.options(&[""]);
    options.scan.no_ignore = true;
    assert_eq!(names(&stdin(&options, "")), ["own", "theirs"]);
}
