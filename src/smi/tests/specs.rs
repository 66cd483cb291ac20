use super::*;

const HEAD: &str =
    "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: routes}\nspec:\n  matches:\n";

fn matching(condition: &str) -> Read {
    only(&format!("{HEAD}  - {condition}\n"))
}

fn headers(read: &Read) -> Vec<(&str, &str)> {
    let headers = &group_of(read).matches[0].headers;
    headers.iter().map(|header| (header.name.value.as_str(), header.value.value.as_str())).collect()
}

#[test]
fn case_46_a_match_without_a_condition_takes_everything_with_a_warning() {
    for condition in ["{name: all}", "{name: all, pathRegex: ''}", "{methods: [], pathRegex: ''}"] {
        let read = matching(condition);
        assert_eq!(codes(&read), ["match-empty"], "{condition}");
        assert!(!blocks(&read));
    }
    for condition in ["{pathRegex: '.*'}", "{methods: ['*']}", "{headers: {a: b}}"] {
        assert_eq!(codes(&matching(condition)), [""; 0], "{condition}");
    }
}

#[test]
fn case_47_a_star_is_a_glob() {
    let read = matching("{pathRegex: '*'}");
    assert_eq!(codes(&read), ["match-path-glob"]);
    assert!(help(&read, "match-path-glob").contains("`.*`"));
    assert!(blocks(&read));
}

#[test]
fn case_52_methods_are_kept_as_written_and_small_letters_block() {
    let read = matching("{methods: [GET, '*']}");
    let methods = group_of(&read).matches[0].methods.as_ref().expect("methods");
    assert_eq!(methods.iter().map(|method| method.value.as_str()).collect::<Vec<_>>(), ["GET", "*"]);
    assert_eq!(codes(&read), [""; 0]);
    let read = matching("{methods: [get]}");
    assert_eq!(codes(&read), ["match-method-unknown"]);
    assert!(help(&read, "match-method-unknown").contains("`GET`"));
    assert!(blocks(&read));
    assert!(blocks(&matching("{methods: [PURGE]}")));
    assert_eq!(group_of(&matching("{pathRegex: /, methods: []}")).matches[0].methods.as_ref().map(Vec::len), Some(0));
}

#[test]
fn a_single_method_counts_as_a_list_of_one() {
    let read = matching("{methods: GET}");
    assert_eq!(codes(&read), ["smi-shape"]);
    assert_eq!(group_of(&read).matches[0].methods.as_ref().map(Vec::len), Some(1));
}

#[test]
fn case_53_both_forms_of_headers_read_alike() {
    let list = matching("{headers: [{user-agent: '.*A.*'}, {cookie: b}]}");
    let map = matching("{headers: {user-agent: '.*A.*', cookie: b}}");
    assert_eq!(headers(&list), [("user-agent", ".*A.*"), ("cookie", "b")]);
    assert_eq!(headers(&list), headers(&map));
    assert_eq!(codes(&list), [""; 0]);
    assert_eq!(codes(&map), [""; 0]);
}

#[test]
fn case_53_two_headers_in_one_entry_must_both_hold_with_a_warning() {
    let read = matching("{headers: [{a: x, b: q}]}");
    assert_eq!(headers(&read), [("a", "x"), ("b", "q")]);
    assert_eq!(codes(&read), ["smi-shape"]);
}

#[test]
fn case_53_a_number_or_a_boolean_is_its_text_with_a_warning() {
    let read = matching("{headers: {x-debug: 1, x-on: on, x-version: 1.10}}");
    assert_eq!(headers(&read), [("x-debug", "1"), ("x-on", "on"), ("x-version", "1.10")]);
    assert_eq!(codes(&read), ["smi-shape"; 3]);
    assert!(!blocks(&read));
}

#[test]
fn case_53_of_a_header_given_twice_the_last_counts() {
    let read = matching("{headers: [{a: x}, {b: q}, {a: z}]}");
    assert_eq!(headers(&read), [("b", "q"), ("a", "z")]);
    assert_eq!(codes(&read), ["match-header-twice"]);
    assert!(read.problems[0].other.is_some());
}

#[test]
fn case_54_headers_that_differ_in_case_are_both_kept() {
    let read = matching("{headers: [{X-A: x}, {x-a: q}]}");
    assert_eq!(headers(&read), [("X-A", "x"), ("x-a", "q")]);
}

#[test]
fn case_56_matches_where_their_version_has_none_are_read_and_block() {
    for (version, body, key) in [
        ("v1alpha4", "matches: [{name: a, pathRegex: /a}]", "matches"),
        ("v1alpha3", "spec: {}\nmatches: [{name: a, pathRegex: /a}]", "matches"),
        ("v1alpha2", "spec: {matches: [{name: a, pathRegex: /a}]}", "matches"),
        ("v1alpha1", "spec: {matches: [{name: a, pathRegex: /a}]}", "matches"),
    ] {
        let text =
            format!("apiVersion: specs.smi-spec.io/{version}\nkind: HTTPRouteGroup\nmetadata: {{name: r}}\n{body}\n");
        let read = only(&text);
        let group = group_of(&read);
        assert_eq!(codes(&read), ["smi-shape-unclear"], "{version}");
        assert_eq!(group.misplaced.map(|span| span.of(&text)), Some(key));
        assert_eq!(group.matches.len(), 1);
        assert!(blocks(&read));
    }
}

#[test]
fn matches_at_both_places_count_where_they_belong() {
    let text = "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: r}\nmatches: []\nspec: {matches: [{pathRegex: /a}]}\n";
    let read = only(text);
    assert_eq!(group_of(&read).matches.len(), 1);
    assert!(group_of(&read).misplaced.is_none());
    assert_eq!(at(&read, text, "smi-unknown-field"), "matches");
}

#[test]
fn headers_of_v1alpha1_block_because_its_meshes_did_not_look_at_them() {
    let text = "apiVersion: specs.smi-spec.io/v1alpha1\nkind: HTTPRouteGroup\nmetadata: {name: r}\nmatches: [{name: a, pathRegex: /a, headers: {a: b}}]\n";
    let read = only(text);
    assert_eq!(codes(&read), ["smi-shape-unclear"]);
    assert!(blocks(&read));
}

#[test]
fn a_group_without_matches_lacks_them() {
    let read =
        only("apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: r}\nspec: {mathes: []}\n");
    assert_eq!(codes(&read), ["smi-field-missing", "smi-unknown-field"]);
    assert!(help(&read, "smi-unknown-field").contains("`matches`"));
    assert!(group_of(&read).matches_span.is_none());
}

#[test]
fn an_end_anchor_in_a_path_is_no_template_and_an_action_is() {
    assert_eq!(codes(&matching("{pathRegex: '^/a$'}")), [""; 0]);
    assert_eq!(codes(&matching("{pathRegex: '/{{ .Values.path }}'}")), ["smi-unrendered"]);
}

#[test]
fn case_66_a_tcp_route_of_an_older_version_has_no_ports() {
    for (version, spec) in [("v1alpha1", ""), ("v1alpha2", ""), ("v1alpha3", "spec: {}\n")] {
        let text = format!(
            "apiVersion: specs.smi-spec.io/{version}\nkind: TCPRoute\nmetadata: {{name: r, labels: {{ports: '80'}}}}\n{spec}"
        );
        let read = only(&text);
        assert_eq!(codes(&read), [""; 0], "{version}");
        assert!(ports_of(&read).ports.is_none());
        assert_eq!(ports_of(&read).meta.labels["ports"].value, "80");
    }
}

#[test]
fn ports_of_an_older_tcp_route_block_because_they_were_pruned() {
    let read = only(
        "apiVersion: specs.smi-spec.io/v1alpha3\nkind: TCPRoute\nmetadata: {name: r}\nspec: {matches: {ports: [80]}}\n",
    );
    assert_eq!(codes(&read), ["smi-shape-unclear"]);
    assert_eq!(ports_of(&read).ports.as_ref().map(Vec::len), Some(1));
    assert!(blocks(&read));
}

#[test]
fn ports_are_read_in_every_form_that_is_certain() {
    let read = |kind: &str, spec: &str| {
        only(&format!("apiVersion: specs.smi-spec.io/v1alpha4\nkind: {kind}\nmetadata: {{name: r}}\nspec: {spec}\n"))
    };
    let ports = |read: &Read| {
        ports_of(read).ports.as_ref().map(|ports| ports.iter().map(|port| port.value).collect::<Vec<_>>())
    };
    for kind in ["TCPRoute", "UDPRoute"] {
        let plain = read(kind, "{matches: {name: db, ports: [80, 5432]}}");
        assert_eq!(ports(&plain), Some(vec![80, 5432]));
        assert_eq!(codes(&plain), [""; 0]);
        let every = read(kind, "{matches: {ports: []}}");
        assert_eq!((ports(&every), codes(&every).len()), (Some(vec![]), 0));
        let single = read(kind, "{matches: {ports: 80}}");
        assert_eq!((ports(&single), codes(&single)), (Some(vec![80]), vec!["smi-shape"]));
        let quoted = read(kind, "{matches: {ports: ['80']}}");
        assert_eq!((ports(&quoted), codes(&quoted)), (Some(vec![80]), vec!["smi-shape"]));
        assert_eq!(codes(&read(kind, "{}")), ["smi-shape"]);
        assert_eq!(codes(&read(kind, "{matches: [{ports: [80]}]}")), ["smi-shape-unclear"]);
        assert_eq!(codes(&read(kind, "{matches: {ports: [http]}}")), ["smi-wrong-type"]);
    }
}
