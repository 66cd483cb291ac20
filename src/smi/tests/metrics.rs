use super::*;

#[test]
fn case_78_metrics_are_nothing_to_migrate() {
    let read = only(
        "{apiVersion: metrics.smi-spec.io/v1alpha1, kind: TrafficMetrics, resource: {kind: Pod, name: a}, window: 30s, metrics: [{name: p99, value: 10m}, {name: ok, value: 100}]}",
    );
    assert_eq!(codes(&read), ["smi-metrics"]);
    assert!(!blocks(&read));
}

#[test]
fn a_list_of_metrics_is_one_object_with_entries() {
    let text = "{apiVersion: metrics.smi-spec.io/v1alpha2, kind: TrafficMetricsList, resource: {kind: Pod}, items: [{metadata: {name: a}, backend: {apex: w, name: v, weight: 9}}, {oops: 1}]}";
    let read = only(text);
    assert_eq!(codes(&read), ["smi-metrics", "smi-unknown-field"]);
    let Some(Object::TrafficMetrics(list)) = &read.object else { panic!("no metrics") };
    assert_eq!(list.items.len(), 2);
    assert_eq!(list.items[0].meta.id.name, "a");
}

#[test]
fn an_answer_without_a_version_is_still_nothing_to_migrate() {
    for text in [
        "{kind: TrafficMetrics, resource: {kind: Pod}}",
        "{apiVersion: v1, kind: TrafficMetrics, resource: {kind: Pod}}",
    ] {
        assert_eq!(codes(&only(text)), ["smi-metrics"], "{text}");
    }
}
