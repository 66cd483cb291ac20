//! What a whole run says of an object, where several rooms have a word in it.

use smi2gamma::convert::{GivenPorts, Settings};
use smi2gamma::filter::Filter;
use smi2gamma::outcome::Outcome;
use smi2gamma::report::{Finding, Level};
use smi2gamma::run::{Options, Run, run};
use smi2gamma::scan::{self, Input};
use smi2gamma::target::Profile;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const SPLIT: &str = "\
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: shop, namespace: store}
spec: {service: shop, backends: [{service: shop-1, weight: 1}, {service: shop-2, weight: 1}]}
";
const GRANT: &str = "\
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: {name: till, namespace: store}
spec:
  destination: {kind: ServiceAccount, name: till, namespace: store}
  sources: [{kind: ServiceAccount, name: shop, namespace: store}]
  rules: [{kind: HTTPRouteGroup, name: till-routes}]
";
const ROLLOUT: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop, namespace: store}
spec:
  strategy:
    canary:
      canaryService: shop-2
      stableService: shop-1
      trafficRouting: {smi: {rootService: shop, trafficSplitName: shop}}
";

fn group(matches: &str) -> String {
    format!(
        "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {{name: till-routes, namespace: store}}\nspec: {{matches: [{matches}]}}\n"
    )
}

/// A run over a tree of files, with `with` (paths inside it) as context.
fn settled(files: &[(&str, &str)], with: &[&str]) -> Run {
    let world = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in files {
        let path = world.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    let input = |path: &Path| Input::Path(path.to_path_buf());
    let options = Options {
        scan: scan::Options {
            sources: vec![input(world.path())],
            with: with.iter().map(|path| input(&world.path().join(path))).collect(),
            ..scan::Options::default()
        },
        from: None,
        to: Profile::parse("gateway-api").expect("a target"),
        to_because: "the default".into(),
        settings: Settings { given_ports: GivenPorts { ports: BTreeMap::new() }, grpc_routes: false },
        unowned: BTreeSet::new(),
        policy: Default::default(),
        filter: Filter::default(),
        verify: true,
    };
    run(&options, &mut &b""[..]).expect("sources that can be read")
}

fn codes(run: &Run) -> Vec<&'static str> {
    run.report.findings.iter().map(|finding| finding.code.0).collect()
}

fn of<'run>(run: &'run Run, code: &str) -> Vec<&'run Finding> {
    run.report.findings.iter().filter(|finding| finding.code.0 == code).collect()
}

#[test]
fn a_mesh_is_named_only_for_scopes_with_smi() {
    let role = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: adaptor, labels: {linkerd.io/extension: smi}}
rules: [{apiGroups: [split.smi-spec.io], resources: [trafficsplits], verbs: [get]}]
";
    let run = settled(&[("adaptor/role.yaml", role), ("app/split.yaml", SPLIT)], &[]);
    assert!(run.report.from.is_none());
    assert_eq!(codes(&run), ["leftover-rbac", "port-unknown"]);
    let beside = settled(&[("app/role.yaml", role), ("app/split.yaml", SPLIT), ("empty/role.yaml", role)], &[]);
    let from = beside.report.from.expect("evidence beside the split");
    assert_eq!((from.name.as_str(), from.because.as_str()), ("linkerd", "seen: label linkerd.io/extension"));
}

#[test]
fn context_answers_references_even_if_it_is_converted_as_well() {
    let files = [("access/group.yaml", &*group("{name: all, pathRegex: '.*'}")), ("app/grant.yaml", GRANT)];
    assert_eq!(of(&settled(&files, &[]), "target-reference-missing").len(), 1);
    let run = settled(&files, &["access"]);
    assert!(of(&run, "target-reference-missing").is_empty(), "{:?}", codes(&run));
    assert_eq!(run.report.objects.len(), 2);
}

#[test]
fn what_a_route_cannot_say_is_not_told_of_a_group_that_only_grants_use() {
    let host = group("{name: all, pathRegex: '.*', headers: [{host: till.store}]}");
    let run = settled(&[("all.yaml", &format!("{GRANT}---\n{host}"))], &[]);
    assert_eq!(codes(&run), ["policy-not-converted", "group-waits"]);
    let broken = group("{name: all, headers: [{tier: '(till'}]}");
    let run = settled(&[("all.yaml", &format!("{GRANT}---\n{broken}"))], &[]);
    assert!(codes(&run).contains(&"regex-invalid"), "{:?}", codes(&run));
}

#[test]
fn versions_of_a_vendor_object_that_name_a_group_are_one_finding() {
    let limit = |rate: &str| {
        format!(
            "apiVersion: specs.smi.nginx.com/v1alpha2\nkind: RateLimit\nmetadata: {{name: slow, namespace: store}}\nspec: {{rate: {rate}, rules: [{{kind: HTTPRouteGroup, name: till-routes}}]}}\n"
        )
    };
    let files =
        [("a.yaml", &*limit("1r/s")), ("b.yaml", &*limit("2r/s")), ("c.yaml", &*group("{name: all, pathRegex: '.*'}"))];
    let run = settled(&files, &[]);
    let told = of(&run, "group-used-by-vendor");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].labels.len(), 2);
}

#[test]
fn a_glob_is_told_once() {
    let run = settled(&[("all.yaml", &group("{name: all, pathRegex: '*'}"))], &[]);
    assert_eq!(codes(&run), ["spec-unreferenced", "match-path-glob"]);
}

#[test]
fn an_object_without_a_name_is_not_searched_for_by_it() {
    let nameless = "apiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nspec: {matches: {ports: [80]}}\n";
    let grant = GRANT.replace("name: till, ", "");
    let run = settled(&[("all.yaml", &format!("{nameless}---\n{grant}"))], &[]);
    assert!(of(&run, "spec-unreferenced").is_empty());
    assert!(of(&run, "policy-not-converted")[0].message.starts_with("this access grant is not converted"));
    assert!(run.report.objects.iter().all(|object| object.outcome == Outcome::Blocked));
}

#[test]
fn the_steps_of_a_rollout_are_told_once_and_at_its_own_split() {
    let both = format!("{SPLIT}---\n{ROLLOUT}");
    let run = settled(&[("one.yaml", &both), ("two.yaml", &both)], &[]);
    assert!(of(&run, "rollout-makes-splits").is_empty());
    let told = of(&run, "owner-argo-rollouts");
    assert_eq!(told.len(), 2);
    for finding in told {
        assert_eq!(finding.place.map(|place| place.source), Some(finding.labels[0].place.source));
    }
    let alone = settled(&[("one.yaml", ROLLOUT)], &[]);
    assert_eq!(codes(&alone), ["rollout-makes-splits"]);
}

#[test]
fn a_template_is_an_error_only_if_it_may_be_an_object_of_smi() {
    let role = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: reader
  labels: {{- include \"labels\" . | nindent 4 }}
   - no
rules: [{apiGroups: [split.smi-spec.io], resources: [trafficsplits], verbs: [get]}]
";
    let split =
        "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata:\n  {{- include \"m\" . }}\n name: x\n";
    for (text, level) in [(role, Level::Warning), (split, Level::Error)] {
        let run = settled(&[("chart.yaml", text)], &[]);
        let levels: Vec<Level> = of(&run, "yaml-template").iter().map(|finding| finding.level).collect();
        assert_eq!(levels, [level], "{text}");
    }
}

#[test]
fn a_rule_of_rbac_is_told_with_all_its_groups_and_what_follows_from_its_verbs() {
    let role = |groups: &str, verbs: &str| {
        let rule = format!("{{apiGroups: [{groups}], resources: [trafficsplits, traffictargets], verbs: [{verbs}]}}");
        let text = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: [{rule}]\n"
        );
        let run = settled(&[("role.yaml", &text)], &[]);
        let finding = of(&run, "leftover-rbac")[0].clone();
        (finding.message, finding.help.expect("help"))
    };
    let (message, help) = role("access.smi-spec.io, split.smi-spec.io", "get, patch");
    assert_eq!(message, "ClusterRole `r` grants get, patch on access.smi-spec.io, split.smi-spec.io");
    assert!(help.starts_with("who changes TrafficSplits will change routes: add"), "{help}");
    assert!(help.contains("verbs: [\"get\", \"patch\"]"), "{help}");
    let (_, help) = role("split.smi-spec.io", "get, list");
    assert!(help.starts_with("what only reads TrafficSplits goes with SMI"), "{help}");
    let (_, help) = role("access.smi-spec.io, apps", "patch");
    assert!(help.starts_with("take the groups of SMI out of this rule"), "{help}");
    assert!(!help.contains("httproutes"), "{help}");
}
