//! Where grants lead: the namespaces of their destinations, and what of a cluster bears on them there.
//!
//! Only names are looked at. A destination without a known namespace is converted by nobody, so it asks for nothing.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

use super::kinds::{KINDS, Kind, Need};
use crate::inventory::mode;
use crate::scan::Scan;
use crate::smi;
use crate::yaml;

/// The namespaces that the destinations of grants may be in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants {
    pub namespaces: BTreeSet<String>,
}

/// The words one of which stands in every grant.
const WORDS: [&str; 2] = ["TrafficTarget", "IdentityBinding"];

// === impl Grants ===

impl Grants {
    /// Those of the files in `scan`, as they are deployed there.
    pub fn of_files(scan: &Scan) -> Self {
        let mut namespaces = BTreeSet::new();
        for member in scan.scopes.iter().flat_map(|scope| &scope.members) {
            let doc = scan.doc(member.doc);
            let text = &scan.sources.get(doc.source).text;
            let body = doc.piece.span.of(text);
            if !doc.marked || !WORDS.iter().any(|word| body.contains(word)) {
                continue;
            }
            let put_into = member.namespace.as_ref().map(|setting| setting.name.as_str());
            let document = yaml::parse(text, doc.piece.span).ok();
            let root = document.as_ref().and_then(|document| document.root.as_ref());
            for found in root.map(smi::objects).unwrap_or_default() {
                let kind = found.kind.map_or("", |kind| kind.value);
                namespaces.extend(leads_to(kind, &found.node.to_json(), put_into).map(str::to_owned));
            }
        }
        Self { namespaces }
    }

    /// What is kept of a kind that is read for the sake of grants.
    pub fn keeps(&self, kind: &Kind, object: &Value) -> bool {
        match kind.need {
            Need::Service | Need::Caller | Need::Policy(_) => self.has(object),
            Need::Program => (self.has(object) && !belongs(object)) || runs_a_mesh(object),
            Need::Workload => self.has(object) && !belongs(object),
            Need::ClusterCaller => kind.kind == "ClusterPodMonitoring" || self.are_named_in(object),
            Need::FarCaller | Need::Waypoint(_) | Need::Namespace | Need::Switch(_) => true,
            Need::Smi | Need::Follower | Need::Profile | Need::Route | Need::Claim | Need::Evidence => false,
        }
    }

    fn has(&self, object: &Value) -> bool {
        object["metadata"]["namespace"].as_str().is_some_and(|namespace| self.namespaces.contains(namespace))
    }

    /// Whether some text of the object is the name of one of the namespaces.
    fn are_named_in(&self, object: &Value) -> bool {
        let mut waiting = vec![object];
        while let Some(value) = waiting.pop() {
            match value {
                Value::String(text) if self.namespaces.contains(text) => return true,
                Value::Array(items) => waiting.extend(items),
                Value::Object(fields) => waiting.extend(fields.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        false
    }
}

/// The namespace in which the pods of a grant are, as far as it is known: that of the destination, else that of the object,
/// which is `put_into` where something says so. Of an IdentityBinding that of its pods. None for other objects.
pub(super) fn leads_to<'o>(kind: &str, object: &'o Value, put_into: Option<&'o str>) -> Option<&'o str> {
    let own = || put_into.or_else(|| object["metadata"]["namespace"].as_str());
    match kind {
        "TrafficTarget" => {
            // Under `spec`, or at the top as in v1alpha1.
            let destination = [&object["spec"]["destination"], &object["destination"]];
            destination.into_iter().find_map(|destination| destination["namespace"].as_str()).or_else(own)
        }
        "IdentityBinding" => own(),
        _ => None,
    }
}

/// Whether the object is made by another one of a kind that is read itself.
fn belongs(object: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| {
        let group =
            owner["apiVersion"].as_str().and_then(|version| version.split_once('/')).map_or("", |(group, _)| group);
        KINDS.iter().any(|kind| kind.makes_pods() && (kind.group, Some(kind.kind)) == (group, owner["kind"].as_str()))
    })
}

fn runs_a_mesh(workload: &Value) -> bool {
    let containers = workload["spec"]["template"]["spec"]["containers"].as_array();
    let mut images = containers.into_iter().flatten().filter_map(|container| container["image"].as_str());
    images.any(mode::is_controller)
}

/// Takes away from a Job what its controller writes: a selector and labels with the uid of the Job, and its name
/// (kubernetes v1.33 `pkg/apis/batch/types.go`, `pkg/registry/batch/job/strategy.go`).
pub(super) fn strip_job(object: &mut Map<String, Value>) {
    const WRITTEN: [&str; 4] =
        ["controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"];
    let Some(Value::Object(spec)) = object.get_mut("spec") else { return };
    if spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    spec.remove("selector");
    let labels = spec.get_mut("template").and_then(|template| template.pointer_mut("/metadata/labels"));
    if let Some(Value::Object(labels)) = labels {
        WRITTEN.iter().for_each(|key| drop(labels.remove(*key)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_grant_leads_to_the_namespace_of_its_destination_else_to_its_own() {
        let of = |object: Value| leads_to("TrafficTarget", &object, None).map(str::to_owned);
        let target = |spec: Value| json!({"metadata": {"namespace": "shop"}, "spec": spec});
        assert_eq!(of(target(json!({"destination": {"name": "api", "namespace": "pay"}}))).as_deref(), Some("pay"));
        assert_eq!(of(target(json!({"destination": {"name": "api"}}))).as_deref(), Some("shop"));
        let early = json!({"destination": {"namespace": "pay"}});
        assert_eq!(of(early.clone()).as_deref(), Some("pay"));
        assert_eq!(leads_to("TrafficTarget", &target(json!({})), Some("prod")), Some("prod"));
        assert_eq!(leads_to("TrafficTarget", &early, Some("prod")), Some("pay"));
        let split = json!({"metadata": {"namespace": "shop"}});
        assert_eq!(leads_to("TrafficSplit", &split, None), None);
    }

    #[test]
    fn what_belongs_to_an_object_that_is_read_is_not_read_twice_and_the_pods_of_a_stranger_are() {
        let owned = |version: &str, kind: &str| json!({"metadata": {"ownerReferences": [{"apiVersion": version, "kind": kind, "name": "web"}]}});
        assert!(belongs(&owned("apps/v1", "ReplicaSet")));
        assert!(belongs(&owned("argoproj.io/v1alpha1", "Rollout")));
        assert!(belongs(&owned("v1", "ReplicationController")));
        assert!(!belongs(&owned("core.strimzi.io/v1beta2", "StrimziPodSet")));
        assert!(!belongs(&owned("example.org/v1", "Deployment")));
        assert!(!belongs(&json!({"metadata": {}})));
    }
}
