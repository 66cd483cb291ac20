use super::*;

fn target(version: &str, body: &str) -> String {
    format!(
        "apiVersion: access.smi-spec.io/{version}\nkind: TrafficTarget\nmetadata: {{name: t, namespace: ns}}\n{body}\n"
    )
}

const DESTINATION: &str = "destination: {kind: ServiceAccount, name: api, namespace: ns}";
const SOURCES: &str = "sources: [{kind: ServiceAccount, name: web, namespace: ns}]";
const RULES: &str = "[{kind: HTTPRouteGroup, name: routes, matches: [read]}]";

/// In v1alpha1's shape: everything at the top.
fn top(rules: &str) -> String {
    format!("{DESTINATION}\n{SOURCES}\n{rules}: {RULES}")
}

/// In the shape of the later versions.
fn below(rules: &str) -> String {
    format!("spec:\n  {DESTINATION}\n  {SOURCES}\n  {rules}: {RULES}")
}

fn is_whole(read: &Read) -> bool {
    let target = target_of(read);
    target.destination.is_some()
        && target.sources.as_ref().is_some_and(|sources| sources.len() == 1)
        && target.rules.as_ref().is_some_and(|rules| rules[0].matches.as_ref().is_some_and(|names| names.len() == 1))
}

#[test]
fn every_version_reads_its_own_shape_without_a_problem() {
    for (version, body) in [
        ("v1alpha1", top("specs")),
        ("v1alpha2", below("rules")),
        ("v1alpha3", below("rules")),
        ("v1alpha4", below("rules")),
    ] {
        let read = only(&target(version, &body));
        assert_eq!(codes(&read), [""; 0], "{version}");
        assert!(is_whole(&read), "{version}");
    }
}

#[test]
fn the_shape_of_another_version_is_read_with_warnings() {
    for (version, body) in [
        ("v1alpha1", top("rules")),
        ("v1alpha1", below("specs")),
        ("v1alpha1", below("rules")),
        ("v1alpha2", below("specs")),
        ("v1alpha3", below("specs")),
        ("v1alpha2", top("specs")),
        ("v1alpha4", top("rules")),
    ] {
        let read = only(&target(version, &body));
        assert!(!codes(&read).is_empty(), "{version} {body}");
        assert!(codes(&read).iter().all(|code| *code == "smi-shape"), "{version} {:?}", read.problems);
        assert!(is_whole(&read), "{version} {body}");
        assert!(!blocks(&read));
    }
}

#[test]
fn rules_and_specs_together_are_unclear() {
    let read = only(&target("v1alpha3", &(below("rules") + &format!("\n  specs: {RULES}"))));
    assert_eq!(codes(&read), ["smi-shape-unclear"]);
    assert!(blocks(&read));
}

#[test]
fn case_59_the_port_of_a_destination_is_kept_number_or_text() {
    for (version, body) in [("v1alpha1", top("specs")), ("v1alpha2", below("rules"))] {
        for (port, expected) in [("8080", vec![]), ("'8080'", vec!["smi-shape"])] {
            let body = body.replace("name: api,", &format!("name: api, port: {port},"));
            let read = only(&target(version, &body));
            let destination = target_of(&read).destination.as_ref().expect("a destination");
            assert_eq!(destination.port.as_ref().map(|port| port.value), Some(8080));
            assert_eq!(codes(&read), expected, "{version} {port}");
        }
    }
}

#[test]
fn case_59_a_port_after_it_was_removed_is_kept_and_blocks() {
    for version in ["v1alpha3", "v1alpha4"] {
        for port in ["8080", "'8080'"] {
            let text = target(version, &below("rules").replace("name: api,", &format!("name: api, port: {port},")));
            let read = only(&text);
            let destination = target_of(&read).destination.as_ref().expect("a destination");
            assert_eq!(destination.port.as_ref().map(|port| port.value), Some(8080));
            assert_eq!(at(&read, &text, "smi-shape-unclear"), "port");
            assert_eq!(codes(&read).len(), 1);
            assert!(blocks(&read));
        }
    }
}

#[test]
fn what_a_target_must_have_is_missed() {
    let read = only(&target("v1alpha3", "spec: {}"));
    assert_eq!(codes(&read), ["smi-field-missing"; 3]);
    let read = only(&target("v1alpha3", "spec: {destination: {}, sources: [{}], rules: [{}]}"));
    assert_eq!(codes(&read), ["smi-field-missing"; 6]);
    assert!(blocks(&read));
}

#[test]
fn an_empty_list_is_not_an_absent_one() {
    let read = only(&target("v1alpha3", &format!("spec:\n  {DESTINATION}\n  sources: []\n  rules: []")));
    assert_eq!(target_of(&read).sources.as_ref().map(Vec::len), Some(0));
    assert_eq!(target_of(&read).rules.as_ref().map(Vec::len), Some(0));
    assert_eq!(codes(&read), [""; 0]);
}

#[test]
fn case_82_the_group_of_a_subject_is_known_to_v1alpha4_alone() {
    let body = below("rules").replace("name: api,", "name: api, group: access.smi-spec.io,");
    assert_eq!(codes(&only(&target("v1alpha4", &body))), [""; 0]);
    let read = only(&target("v1alpha3", &body));
    assert_eq!(codes(&read), ["smi-unknown-field"]);
    assert!(message(&read, "smi-unknown-field").contains("v1alpha4"));
}

#[test]
fn a_group_of_users_may_have_a_name_with_colons() {
    let body = below("rules").replace("kind: ServiceAccount, name: web", "kind: Group, name: 'system:serviceaccounts'");
    assert_eq!(codes(&only(&target("v1alpha3", &body))), [""; 0]);
}

#[test]
fn case_72_an_identity_binding_with_selector_and_account_blocks() {
    let text = |schemes: &str| {
        format!(
            "apiVersion: access.smi-spec.io/v1alpha4\nkind: IdentityBinding\nmetadata: {{name: i}}\nspec: {{schemes: {schemes}}}\n"
        )
    };
    let both = text("{podLabelSelector: {matchLabels: {app: a}}, serviceAccount: a}");
    let read = only(&both);
    assert_eq!(at(&read, &both, "identity-binding-exclusive"), "serviceAccount");
    assert!(blocks(&read));
    let read = only(&text("{podLabelSelector: {matchLabels: {app: a}}, spiffeIdentities: ['spiffe://a/b']}"));
    assert_eq!(codes(&read), [""; 0]);
    assert!(blocks(&only(&text("{}"))));
    assert!(blocks(&only(&text("{podLabelSelector: {matchLabels: {}}}"))));
    assert!(blocks(&only(&text("{podLabelSelector: {matchExpressions: []}}"))));
}

#[test]
fn a_target_without_rules_is_told_how_meshes_read_it() {
    for (version, body) in [
        ("v1alpha1", format!("{DESTINATION}\n{SOURCES}")),
        ("v1alpha3", format!("spec:\n  {DESTINATION}\n  {SOURCES}")),
    ] {
        let read = only(&target(version, &body));
        assert_eq!(codes(&read), ["smi-field-missing"], "{version}");
        assert!(help(&read, "smi-field-missing").contains("Traefik Mesh opened the whole service"), "{version}");
    }
}

#[test]
fn a_target_without_a_version_that_names_groups_has_the_shape_of_v1alpha4() {
    let binding = "{kind: IdentityBinding, group: access.smi-spec.io, name: api}";
    let text = format!(
        "kind: TrafficTarget\nmetadata: {{name: t}}\nspec: {{destination: {binding}, sources: [{binding}], rules: {RULES}}}\n"
    );
    let read = only(&text);
    assert_eq!(codes(&read), ["smi-version-missing"]);
    assert!(help(&read, "smi-version-missing").contains("access.smi-spec.io/v1alpha4"));
}
