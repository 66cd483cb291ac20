use super::*;
use crate::smi::{Kind, UnknownVersion, Verdict, Version};

fn verdicts(text: &str) -> Vec<Verdict> {
    objects(&root(text)).into_iter().map(|found| found.verdict).collect()
}

#[test]
fn every_version_of_every_kind_is_known_by_its_group() {
    for kind in Kind::ALL {
        for version in Version::ALL {
            let text = format!("{{apiVersion: {}/{}, kind: {}}}", kind.group(), version.name(), kind.name());
            let expected = if kind.has(version) { Ok(version) } else { Err(UnknownVersion::NoSuchVersion) };
            assert_eq!(verdicts(&text), [Verdict::Smi(kind, expected)], "{text}");
        }
    }
}

#[test]
fn a_kind_name_is_smi_whatever_its_api_version_says() {
    for (api, reason) in [
        ("", UnknownVersion::Missing),
        ("apiVersion: '',", UnknownVersion::Missing),
        ("apiVersion: v1alpha4,", UnknownVersion::Groupless),
        ("apiVersion: v1beta1,", UnknownVersion::Groupless),
        ("apiVersion: split.smi-spec.io/v1alpha5,", UnknownVersion::Draft),
        ("apiVersion: split.smi-spec.io/v1beta1,", UnknownVersion::NoSuchVersion),
        ("apiVersion: smi-spec.io/v1beta1,", UnknownVersion::WrongGroup),
        ("apiVersion: specs.smi-spec.io/v1alpha4,", UnknownVersion::WrongGroup),
        ("apiVersion: splits.smi-spec.io/v1alpha4,", UnknownVersion::WrongGroup),
        ("apiVersion: split.smi.spec.io/v1alpha4,", UnknownVersion::WrongGroup),
        ("apiVersion: split.smi-spec.io,", UnknownVersion::WrongGroup),
    ] {
        let text = format!("{{{api} kind: TrafficSplit}}");
        assert_eq!(verdicts(&text), [Verdict::Smi(Kind::TrafficSplit, Err(reason))], "{text}");
    }
}

#[test]
fn another_real_group_is_not_smi() {
    for text in [
        "{apiVersion: apps/v1, kind: Deployment}",
        "{apiVersion: example.com/v1, kind: TrafficSplit}",
        "{apiVersion: specs.smi.nginx.com/v1alpha1, kind: RateLimit}",
        "{apiVersion: policy.openservicemesh.io/v1alpha1, kind: Egress}",
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: trafficsplits.split.smi-spec.io}}",
    ] {
        assert_eq!(verdicts(text), [Verdict::Other], "{text}");
    }
}

#[test]
fn case_74_a_route_of_gateway_api_is_not_smi() {
    for text in [
        "{apiVersion: gateway.networking.k8s.io/v1alpha2, kind: TCPRoute, spec: {matches: {}}}",
        "{apiVersion: gateway.networking.k8s.io/v1, kind: UDPRoute}",
        "{kind: TCPRoute, spec: {parentRefs: []}}",
        "{kind: UDPRoute, spec: {rules: []}}",
        "{apiVersion: v1alpha2, kind: TCPRoute, spec: {parentRefs: [], rules: []}}",
    ] {
        assert_eq!(verdicts(text), [Verdict::Other], "{text}");
    }
    for text in ["{kind: TCPRoute, spec: {matches: {ports: [80]}}}", "{kind: TCPRoute}", "{kind: TCPRoute, spec: {}}"] {
        assert_eq!(verdicts(text), [Verdict::Smi(Kind::TCPRoute, Err(UnknownVersion::Missing))], "{text}");
    }
}

#[test]
fn case_75_the_split_of_flomesh_is_a_kind_of_its_own() {
    let text = "{apiVersion: traffic.flomesh.io/v1alpha1, kind: TrafficSplit}";
    assert_eq!(verdicts(text), [Verdict::Lookalike(Kind::TrafficSplit)]);
    assert!(read(&objects(&root(text))[0]).is_none());
}

#[test]
fn a_kind_that_smi_does_not_have_is_said_and_not_lost() {
    for (text, expected) in [
        ("{apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplits}", "`kind: TrafficSplit`"),
        ("{apiVersion: specs.smi-spec.io/v1alpha4, kind: HttpRouteGroup}", "`kind: HTTPRouteGroup`"),
        ("{kind: trafficsplit}", "`kind: TrafficSplit`"),
        ("{apiVersion: split.smi-spec.io/v1alpha4}", "add its `kind`"),
    ] {
        let read = only(text);
        assert!(read.object.is_none());
        assert_eq!(codes(&read), ["smi-kind-unknown"], "{text}");
        assert!(help(&read, "smi-kind-unknown").contains(expected), "{text}");
        assert!(blocks(&read));
    }
}

#[test]
fn case_73_lists_are_opened_and_typed_ones_say_what_their_entries_are() {
    let text = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplitList\nitems:\n- metadata: {name: a}\n- {apiVersion: v1, kind: Service}\n";
    let root = root(text);
    let found = objects(&root);
    assert_eq!(found[0].verdict, Verdict::Smi(Kind::TrafficSplit, Ok(Version::V1alpha2)));
    assert_eq!(found[0].kind.as_ref().map(|kind| kind.value), Some("TrafficSplit"));
    assert_eq!(found[0].list, Some(root.span));
    assert_eq!(found[1].verdict, Verdict::Other);
    assert_eq!(read(&found[0]).expect("a split").id.version, "v1alpha2");
}

#[test]
fn every_typed_list_is_opened() {
    for kind in [Kind::TrafficSplit, Kind::TrafficTarget, Kind::HTTPRouteGroup, Kind::TCPRoute] {
        let text = format!("{{apiVersion: {}/v1alpha3, kind: {}List, items: [{{}}, {{}}]}}", kind.group(), kind.name());
        assert_eq!(verdicts(&text), [Verdict::Smi(kind, Ok(Version::V1alpha3)); 2], "{text}");
    }
    for kind in [Kind::UDPRoute, Kind::IdentityBinding] {
        let text = format!("{{apiVersion: {}/v1alpha4, kind: {}List, items: [{{}}]}}", kind.group(), kind.name());
        assert_eq!(verdicts(&text), [Verdict::Smi(kind, Ok(Version::V1alpha4))], "{text}");
    }
    assert_eq!(verdicts("{apiVersion: v1, kind: ServiceList, items: [{}, {}]}"), [Verdict::Other; 2]);
}

#[test]
fn nested_lists_are_opened_in_written_order() {
    let text = "{kind: List, items: [{kind: TrafficSplit}, {kind: List, items: [{kind: Service}, {kind: List, items: []}]}, {kind: HTTPRouteGroup}]}";
    let root = root(text);
    let kinds: Vec<_> = objects(&root).iter().map(|found| found.kind.as_ref().map(|kind| kind.value)).collect();
    assert_eq!(kinds, [Some("TrafficSplit"), Some("Service"), Some("HTTPRouteGroup")]);
}

#[test]
fn lists_nested_as_deep_as_a_document_may_be_are_opened() {
    let mut text = "{kind: TrafficSplit}".to_owned();
    for _ in 0..50 {
        text = format!("{{kind: List, items: [{text}]}}");
    }
    assert_eq!(verdicts(&text), [Verdict::Smi(Kind::TrafficSplit, Err(UnknownVersion::Missing))]);
}

#[test]
fn an_entry_of_a_typed_list_that_is_no_mapping_is_said_and_not_lost() {
    let read = only("{apiVersion: split.smi-spec.io/v1alpha4, kind: TrafficSplitList, items: [oops]}");
    assert!(read.object.is_none());
    assert_eq!(codes(&read), ["smi-wrong-type"]);
}

#[test]
fn an_array_of_objects_is_opened_and_other_scalars_are_not_objects() {
    assert_eq!(verdicts("[{kind: TrafficSplit}, 3]").len(), 1);
    assert_eq!(verdicts("just a text").len(), 0);
}

#[test]
fn case_76_the_draft_is_called_a_draft() {
    let text = "apiVersion: specs.smi-spec.io/v1alpha5\nkind: HTTPRouteGroup\nmetadata: {name: r}\nspec:\n  routes:\n  - {name: a, pathRegex: /a}\n";
    let read = only(text);
    assert_eq!(codes(&read), ["smi-version-unknown", "smi-version-unknown"]);
    assert!(read.problems.iter().all(|problem| problem.message.contains("draft")));
    assert_eq!(group_of(&read).matches.len(), 1);
    assert!(blocks(&read));
    let text = "apiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {name: r}\nspec: {ports: [80]}\n";
    let read = only(text);
    assert_eq!(at(&read, text, "smi-version-unknown"), "ports");
    assert_eq!(codes(&read).len(), 1);
    assert_eq!(ports_of(&read).ports.as_ref().map(Vec::len), Some(1));
}

#[test]
fn case_77_a_missing_version_is_guessed_from_the_shape_and_blocks() {
    for (text, line) in [
        (
            "{kind: TrafficSplit, metadata: {name: a}, spec: {service: a, backends: [{service: b, weight: 1}]}}",
            "split.smi-spec.io/v1alpha4",
        ),
        (
            "{kind: TrafficSplit, metadata: {name: a}, spec: {service: a, backends: [{service: b, weight: 500m}]}}",
            "split.smi-spec.io/v1alpha1",
        ),
        (
            "{apiVersion: v1alpha3, kind: TrafficSplit, metadata: {name: a}, spec: {service: a, backends: [{service: b, weight: 1}]}}",
            "split.smi-spec.io/v1alpha3",
        ),
        ("{kind: HTTPRouteGroup, metadata: {name: a}, matches: [{pathRegex: /a}]}", "specs.smi-spec.io/v1alpha2"),
        (
            "{kind: HTTPRouteGroup, metadata: {name: a}, spec: {matches: [{pathRegex: /a}]}}",
            "specs.smi-spec.io/v1alpha4",
        ),
        (
            "{kind: TrafficTarget, metadata: {name: a}, destination: {kind: ServiceAccount, name: a}, sources: [], specs: []}",
            "access.smi-spec.io/v1alpha1",
        ),
        (
            "{kind: TrafficTarget, metadata: {name: a}, spec: {destination: {kind: ServiceAccount, name: a, port: 1}, sources: [], rules: []}}",
            "access.smi-spec.io/v1alpha2",
        ),
        (
            "{kind: TrafficTarget, metadata: {name: a}, spec: {destination: {kind: ServiceAccount, name: a}, sources: [], rules: []}}",
            "access.smi-spec.io/v1alpha3",
        ),
        ("{kind: TCPRoute, metadata: {name: a}, spec: {}}", "specs.smi-spec.io/v1alpha3"),
        ("{kind: TCPRoute, metadata: {name: a}, spec: {matches: {ports: [1]}}}", "specs.smi-spec.io/v1alpha4"),
    ] {
        let read = only(text);
        assert_eq!(codes(&read), ["smi-version-missing"], "{text}");
        assert!(help(&read, "smi-version-missing").contains(&format!("`apiVersion: {line}`")), "{text}");
        assert!(read.object.is_some());
        assert!(blocks(&read));
    }
}

#[test]
fn the_identity_of_an_object_is_what_it_says_itself() {
    let read = only("{apiVersion: split.smi-spec.io/v1alpha9, kind: TrafficSplit, metadata: {name: a, namespace: b}}");
    assert_eq!(read.id.to_string(), "TrafficSplit.split.smi-spec.io/b/a");
    assert_eq!(read.id.version, "v1alpha9");
}

#[test]
fn what_only_describes_a_kind_is_no_object_of_it() {
    let discovered = "{name: pods, namespaced: true, kind: TrafficMetrics, verbs: [get, list]}";
    let model = "{kind: TrafficSplit, apiVersion: split.smi-spec.io/v1alpha4, model: {name: mesh}, schema: '{}', metadata: {shape: circle}}";
    for text in [discovered, model] {
        assert_eq!(verdicts(text), [Verdict::Other], "{text}");
    }
    assert_eq!(verdicts(&format!("[{discovered}]")), [Verdict::Other]);
    let split = "{kind: TrafficSplit, apiVersion: split.smi-spec.io/v1alpha4, model: x, schema: x, spec: {}}";
    assert_eq!(verdicts(split), [Verdict::Smi(Kind::TrafficSplit, Ok(Version::V1alpha4))]);
}
