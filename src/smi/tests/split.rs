use super::*;

/// A split of `version` with one backend for each weight, written as given.
fn weighted(version: &str, weights: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: split.smi-spec.io/{version}\nkind: TrafficSplit\nmetadata: {{name: web}}\nspec:\n  service: web\n  backends:\n"
    );
    for (index, weight) in weights.iter().enumerate() {
        text.push_str(&format!("  - service: web-v{index}\n    weight: {weight}\n"));
    }
    text
}

fn millis(read: &Read) -> Vec<Option<i128>> {
    split_of(read).backends.iter().map(|backend| backend.weight.as_ref().map(|weight| weight.value.milli)).collect()
}

#[test]
fn case_01_milli_weights_of_v1alpha1_keep_their_ratio() {
    let read = only(&weighted("v1alpha1", &["900m", "100m"]));
    assert_eq!(millis(&read), [Some(900), Some(100)]);
    assert_eq!(codes(&read), [""; 0]);
}

#[test]
fn case_02_one_and_500m_keep_the_ratio() {
    let read = only(&weighted("v1alpha1", &["\"1\"", "500m", "1500m", "0.5"]));
    assert_eq!(millis(&read), [Some(1000), Some(500), Some(1500), Some(500)]);
    assert_eq!(codes(&read), [""; 0]);
}

#[test]
fn case_03_a_quantity_under_v1alpha2_is_read_with_a_warning() {
    let text = weighted("v1alpha2", &["500m"]);
    let read = only(&text);
    assert_eq!(millis(&read), [Some(500)]);
    assert_eq!(at(&read, &text, "split-weight-quantity"), "500m");
    assert!(!blocks(&read));
}

#[test]
fn case_04_a_quoted_number_is_legal_in_v1alpha1_and_a_warning_after() {
    assert_eq!(codes(&only(&weighted("v1alpha1", &["\"90\""]))), [""; 0]);
    for version in ["v1alpha2", "v1alpha3", "v1alpha4"] {
        let read = only(&weighted(version, &["\"90\""]));
        assert_eq!(millis(&read), [Some(90_000)]);
        assert_eq!(codes(&read), ["smi-shape"], "{version}");
        assert!(!blocks(&read));
    }
}

#[test]
fn case_05_a_percentage_or_a_word_is_no_weight() {
    for weight in ["50%", "abc", "true", ".inf", "1.2.3"] {
        for version in ["v1alpha1", "v1alpha4"] {
            let text = weighted(version, &[weight]);
            let read = only(&text);
            assert_eq!(millis(&read), [None], "{weight}");
            assert_eq!(at(&read, &text, "split-weight-unreadable"), weight);
            assert!(blocks(&read));
        }
    }
    assert!(help(&only(&weighted("v1alpha1", &["50%"])), "split-weight-unreadable").contains("write 50 "));
}

#[test]
fn case_06_a_negative_weight_is_kept_and_blocks() {
    for (weight, milli) in [("-10", -10_000), ("-10m", -10)] {
        let read = only(&weighted("v1alpha1", &[weight]));
        assert_eq!(millis(&read), [Some(milli)]);
        assert_eq!(codes(&read), ["split-weight-negative"]);
        assert!(blocks(&read));
    }
}

#[test]
fn case_07_a_fraction_is_legal_in_v1alpha1_and_blocks_after() {
    assert_eq!(codes(&only(&weighted("v1alpha1", &["0.5"]))), [""; 0]);
    for version in ["v1alpha2", "v1alpha3", "v1alpha4"] {
        let read = only(&weighted(version, &["0.5"]));
        assert_eq!(codes(&read), ["split-weight-fraction"], "{version}");
        assert!(blocks(&read));
    }
}

#[test]
fn a_number_that_kubectl_sends_as_whole_is_whole() {
    let read = only(&weighted("v1alpha4", &["90.0", "1e1", "0x10", "010"]));
    assert_eq!(millis(&read), [Some(90_000), Some(10_000), Some(16_000), Some(8_000)]);
    assert_eq!(codes(&read), [""; 0]);
}

#[test]
fn a_number_that_no_integer_holds_is_no_weight_of_a_later_version() {
    let read = only(&weighted("v1alpha4", &["99999999999999999999"]));
    assert_eq!(codes(&read), ["split-weight-unreadable"]);
}

#[test]
fn case_11_no_backends_is_nothing_to_route() {
    let text = "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: web}\nspec: {service: web, backends: []}\n";
    let read = only(text);
    assert_eq!(at(&read, text, "split-backends-empty"), "backends: []");
    assert!(blocks(&read));
    let read = only(&text.replace(", backends: []", ""));
    assert_eq!(codes(&read), ["smi-field-missing"]);
    assert!(blocks(&read));
}

#[test]
fn case_12_a_backend_without_weight_gets_none() {
    for version in ["v1alpha1", "v1alpha4"] {
        let read = only(&weighted(version, &["", "~"]));
        assert_eq!(millis(&read), [None, None]);
        assert_eq!(codes(&read), ["split-weight-missing", "split-weight-missing"]);
        assert!(blocks(&read));
    }
}

#[test]
fn case_18_matches_of_an_older_version_are_kept_and_said_to_be_pruned() {
    let text = weighted("v1alpha2", &["1"]) + "  matches:\n  - {kind: HTTPRouteGroup, name: routes}\n";
    let read = only(&text);
    assert_eq!(split_of(&read).matches.as_ref().map(Vec::len), Some(1));
    assert_eq!(at(&read, &text, "smi-unknown-field"), "matches");
    assert!(message(&read, "smi-unknown-field").contains("v1alpha3, v1alpha4"));
}

#[test]
fn case_22_a_list_of_texts_is_no_list_of_references() {
    let text = weighted("v1alpha4", &["1"]) + "  matches: [routes, other]\n";
    let read = only(&text);
    assert_eq!(codes(&read), ["smi-shape-unclear", "smi-shape-unclear"]);
    assert!(blocks(&read));
    assert!(help(&read, "smi-shape-unclear").contains("kind: HTTPRouteGroup"));
}

#[test]
fn matches_as_a_mapping_block() {
    let text = weighted("v1alpha4", &["1"]) + "  matches: {kind: HTTPRouteGroup, name: routes}\n";
    let read = only(&text);
    assert_eq!(codes(&read), ["smi-shape-unclear"]);
    assert!(blocks(&read));
}

#[test]
fn case_23_the_group_of_a_reference_is_kept_as_written() {
    for group in ["specs.smi-spec.io", "specs.smi-spec.io/v1alpha4"] {
        let text = weighted("v1alpha4", &["1"])
            + &format!("  matches:\n  - {{apiGroup: {group}, kind: HTTPRouteGroup, name: routes}}\n");
        let read = only(&text);
        let matches = split_of(&read).matches.as_ref().expect("matches");
        assert_eq!(matches[0].api_group.as_ref().map(|group| group.value.as_str()), Some(group));
        assert_eq!(codes(&read), [""; 0]);
    }
    let read = only(&(weighted("v1alpha4", &["1"]) + "  matches: [{kind: HTTPRouteGroup, name: routes}]\n"));
    assert!(split_of(&read).matches.as_ref().expect("matches")[0].api_group.is_none());
    assert_eq!(codes(&read), [""; 0]);
}

#[test]
fn case_80_a_template_in_a_weight_is_to_be_rendered_first() {
    for (weight, tool) in
        [("\"{{ .Values.weight }}\"", "helm template"), ("${WEIGHT}", "envsubst"), ("$(WEIGHT)", "kustomize build")]
    {
        let read = only(&weighted("v1alpha4", &[weight]));
        assert_eq!(codes(&read), ["smi-unrendered"], "{weight}");
        assert!(help(&read, "smi-unrendered").contains(tool));
        assert!(blocks(&read));
    }
}

#[test]
fn case_82_an_unknown_field_is_named_and_does_not_block() {
    let text = weighted("v1alpha4", &["1"]) + "    port: 80\n  retries: 3\n";
    let read = only(&text);
    assert_eq!(codes(&read), ["smi-unknown-field", "smi-unknown-field"]);
    assert!(message(&read, "smi-unknown-field").contains("`spec.backends[].port`"));
    assert!(!blocks(&read));
}

#[test]
fn case_84_every_quantity_is_exact() {
    let read = only(&weighted("v1alpha1", &["1Ki", "1e3", "1k", "\"1e3\""]));
    assert_eq!(millis(&read), [Some(1_024_000), Some(1_000_000), Some(1_000_000), Some(1_000_000)]);
    assert_eq!(codes(&read), [""; 0]);
    let read = only(&weighted("v1alpha1", &["100u"]));
    assert_eq!(millis(&read), [Some(1)]);
    assert_eq!(codes(&read), ["split-weight-rounded"]);
    assert!(!blocks(&read));
}

#[test]
fn a_misspelled_backends_is_found_again() {
    let text = weighted("v1alpha4", &["1"]).replace("backends:", "backend:");
    let read = only(&text);
    assert_eq!(codes(&read), ["smi-field-missing", "smi-unknown-field"]);
    assert!(help(&read, "smi-unknown-field").contains("`backends`"));
}

#[test]
fn a_split_that_is_wrong_in_every_part_says_so_of_each() {
    let text = "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: Web}\n\
                spec:\n  service: {name: web}\n  backends:\n  - web-v1\n  - weight: [1]\n";
    let read = only(text);
    assert_eq!(
        codes(&read),
        ["smi-name-invalid", "smi-wrong-type", "smi-wrong-type", "smi-field-missing", "smi-wrong-type"]
    );
    assert!(split_of(&read).service.is_none());
    assert_eq!(split_of(&read).backends.len(), 1);
}

#[test]
fn names_of_services_may_be_qualified_and_carry_a_port() {
    for name in ["web.default.svc.cluster.local", "web:8080", "other/web", "api.example.com"] {
        let read = only(&weighted("v1alpha4", &["1"]).replace("service: web\n", &format!("service: {name}\n")));
        assert_eq!(codes(&read), [""; 0], "{name}");
        assert_eq!(split_of(&read).service.as_ref().map(|service| service.value.as_str()), Some(name));
    }
}

#[test]
fn every_value_knows_where_it_stands() {
    let text = weighted("v1alpha4", &["7"]) + "  matches: [{kind: HTTPRouteGroup, name: routes}]\n";
    let read = only(&text);
    let split = split_of(&read);
    let backend = &split.backends[0];
    assert_eq!(split.service.as_ref().map(|service| service.span.of(&text)), Some("web"));
    assert_eq!(backend.weight.as_ref().map(|weight| weight.span.of(&text)), Some("7"));
    assert!(backend.span.of(&text).starts_with("service: web-v0"));
    assert!(split.backends_span.is_some_and(|span| span.of(&text).starts_with("backends:")));
    assert_eq!(split.matches_span.map(|span| span.of(&text)), Some("matches"));
    assert_eq!(split.meta.span.of(&text), text.trim_end());
}
