use super::*;

fn split(metadata: &str) -> String {
    format!(
        "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {metadata}\nspec: {{service: web, backends: [{{service: web, weight: 1}}]}}\n"
    )
}

#[test]
fn what_a_cluster_adds_is_known() {
    let read = only(
        &(split(
            "{name: web, namespace: ns, uid: u, resourceVersion: '1', generation: 2, creationTimestamp: null, selfLink: /x, \
             finalizers: [a], managedFields: [{manager: kubectl, fieldsV1: {'f:spec': {}}}], ownerReferences: [{apiVersion: \
             flagger.app/v1beta1, kind: Canary, name: web, uid: u, controller: true, blockOwnerDeletion: true}]}",
        ) + "status: {anything: [1]}\n"),
    );
    assert_eq!(codes(&read), [""; 0]);
    let owner = &split_of(&read).meta.owners[0];
    assert_eq!(
        (owner.api_version.as_str(), owner.kind.as_str(), owner.name.as_str()),
        ("flagger.app/v1beta1", "Canary", "web")
    );
}

#[test]
fn labels_and_annotations_are_kept_with_their_places() {
    let text = split("{name: web, labels: {app: web}, annotations: {note: hello, empty: }}");
    let read = only(&text);
    let meta = &split_of(&read).meta;
    assert_eq!(meta.labels["app"].span.of(&text), "web");
    assert_eq!(meta.annotations["note"].value, "hello");
    assert_eq!(meta.annotations["empty"].value, "");
    assert_eq!(codes(&read), [""; 0]);
}

#[test]
fn a_name_is_required_and_a_generated_one_does_not_do() {
    for metadata in ["{}", "{name: ''}", "{name: }", "{generateName: web-}", "~"] {
        let read = only(&split(metadata));
        assert_eq!(codes(&read), ["smi-field-missing"], "{metadata}");
        assert!(blocks(&read));
    }
}

#[test]
fn names_that_nothing_can_have_block() {
    for metadata in ["{name: Web}", "{name: web_1}", "{name: web, namespace: a.b}", "{name: web, namespace: -a}"] {
        let read = only(&split(metadata));
        assert_eq!(codes(&read), ["smi-name-invalid"], "{metadata}");
        assert!(blocks(&read));
    }
}

#[test]
fn templates_in_names_are_to_be_rendered_first() {
    for metadata in ["{name: 'web-{{ .x }}'}", "{name: web, namespace: $NS}", "{name: web, namespace: <NAMESPACE>}"] {
        let read = only(&split(metadata));
        assert_eq!(codes(&read), ["smi-unrendered"], "{metadata}");
        assert!(blocks(&read));
    }
}

#[test]
fn a_wrong_type_is_said_once_and_its_inside_is_not_searched() {
    let read = only(
        "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: [name]\nspec: {service: web, backends: {service: web, weight: 1}}\n",
    );
    assert_eq!(codes(&read), ["smi-field-missing", "smi-wrong-type", "smi-wrong-type"]);
}

#[test]
fn an_anchored_value_has_its_problem_once() {
    let text = "apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {name: web}\n\
                spec:\n  service: web\n  backends:\n  - &b {service: web-v1, weight: 50%}\n  - *b\n";
    let read = only(text);
    assert_eq!(codes(&read).len(), 2, "one for each backend, whose paths differ: {:?}", read.problems);
    assert_eq!(split_of(&read).backends.len(), 2);
}
