//! Which documents are parsed: those that SMI names, and around grants those that bear on them.

use std::fs;

use super::*;
use crate::inventory::Inventory;
use crate::scan::{self, Input, Options, Scan};

const GRANT: &str = "apiVersion: access.smi-spec.io/v1alpha3\nkind: TrafficTarget\nmetadata: {name: t, namespace: shop}\nspec:\n  \
                     destination: {kind: ServiceAccount, name: web, namespace: shop}\n  sources: [{kind: ServiceAccount, name: \
                     api, namespace: shop}]\n  rules: [{kind: TCPRoute, name: all}]\n";
const SPLIT: &str = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\nmetadata: {name: web, namespace: shop}\nspec:\n  \
                     service: web\n  backends: [{service: web-v1, weight: 1}]\n";
/// Pods that no SMI names, with labels that it may select.
const OTHER: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other, namespace: shop}\nspec:\n  template:\n    \
                     metadata: {labels: {app: x}}\n    spec: {containers: [{name: c}]}\n";
const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {size: '1'}\n";

/// What is read of files with these paths and texts; those under `with/` are context.
fn read(files: &[(&str, &str)]) -> (Scan, Vec<Loaded>) {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    let input =
        |name: &str| Some(Input::Path(directory.path().join(name))).filter(|_| directory.path().join(name).exists());
    let options =
        Options { sources: Vec::from_iter(input("in")), with: Vec::from_iter(input("with")), ..Options::default() };
    let scan = scan::scan(&options, &mut std::io::empty()).expect("a scan");
    let loaded = load(&scan.documents, &scan.scopes, &scan.context, &scan.sources);
    (scan, loaded)
}

/// The inventory of everything that was read.
fn inventory(files: &[(&str, &str)]) -> Inventory {
    Inventory::new(read(files).1.into_iter().flat_map(|loaded| loaded.entries))
}

#[test]
fn pods_are_read_beside_a_grant_and_not_beside_a_split() {
    assert_eq!(inventory(&[("in/t.yaml", GRANT), ("in/other.yaml", OTHER)]).workloads().len(), 1);
    assert_eq!(inventory(&[("in/s.yaml", SPLIT), ("in/other.yaml", OTHER)]).workloads().len(), 0);
}

#[test]
fn a_grant_in_one_scope_costs_nothing_in_another() {
    let files = [("in/a/t.yaml", GRANT), ("in/b/s.yaml", SPLIT), ("in/b/other.yaml", OTHER)];
    assert!(inventory(&files).workloads().is_empty());
}

#[test]
fn context_of_a_grant_is_read_like_its_scope() {
    assert_eq!(inventory(&[("in/t.yaml", GRANT), ("with/other.yaml", OTHER)]).workloads().len(), 1);
    assert_eq!(inventory(&[("in/s.yaml", SPLIT), ("with/other.yaml", OTHER)]).workloads().len(), 0);
}

#[test]
fn what_bears_on_no_grant_is_not_parsed_beside_one() {
    let broken = format!("{SETTINGS}  - [\n");
    assert!(inventory(&[("in/t.yaml", GRANT), ("in/c.yaml", &broken)]).complete(None));
}

#[test]
fn a_document_that_may_hold_pods_and_does_not_parse_is_remembered_with_its_place() {
    let broken = OTHER.replace("labels: {app: x}", "labels: {app: x");
    let template = OTHER.replace("name: other", "name: {{ .Values.name }}");
    for (text, why) in [(&broken, Unread::Syntax), (&template, Unread::Template)] {
        let (scan, loaded) = read(&[("in/t.yaml", GRANT), ("in/other.yaml", text)]);
        let inventory = Inventory::new(loaded.into_iter().flat_map(|loaded| loaded.entries));
        let [unreadable] = inventory.unreadable(Some("shop"))[..] else { panic!("{inventory:?}") };
        assert_eq!(unreadable.why, why);
        assert!(scan.sources.display(unreadable.place).contains("other.yaml:"), "{unreadable:?}");
    }
}

#[test]
fn a_patch_of_a_kustomization_makes_its_pods_unknown() {
    let overlay = "resources: [t.yaml, other.yaml]\npatches: [{path: patch.yaml}]\n";
    let patch = |field: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: other}}\nspec: {{template: {{spec: {{{field}}}}}}}\n"
        )
    };
    let with = |field: &str| {
        let patch = patch(field);
        inventory(&[
            ("in/kustomization.yaml", overlay),
            ("in/t.yaml", GRANT),
            ("in/other.yaml", OTHER),
            ("in/patch.yaml", &patch),
        ])
    };
    let moved = with("serviceAccountName: web");
    assert_eq!((moved.workloads().len(), moved.unreadable(Some("shop")).len()), (1, 1));
    assert!(with("priority: 1").complete(None));
}

#[test]
fn hosts_of_a_source_mesh_are_found_in_settings_beside_a_grant() {
    let text = SETTINGS.replace("size: '1'", "url: 'http://web.shop.traefik.mesh'");
    assert_eq!(inventory(&[("in/t.yaml", GRANT), ("in/c.yaml", &text)]).mentions().len(), 1);
}
