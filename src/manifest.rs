//! The envelope of what is emitted: routes and policy alike.
//!
//! Specs are whole struct literals of the gateway-api crate, so that a field added there breaks the build instead of being
//! left out in silence. The envelope is our own, since served versions differ by target.

use gateway_api::apis::standard::referencegrants::{ReferenceGrantFrom, ReferenceGrantSpec, ReferenceGrantTo};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use crate::report::ObjectId;
use crate::yaml::emit;

/// The annotation that says which objects went into this one: `Kind.group/namespace/name`, sorted, no path, no version.
pub const MIGRATED_FROM: &str = "smi2gamma/migrated-from";

/// One object of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Which object it is.
    pub id: ObjectId,
    /// The whole object, keys in idiomatic order.
    pub value: Value,
    /// What it does once it is applied.
    pub effect: Effect,
}

/// What an object of the output does once it is applied. The order is the order in which to apply them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// It says where requests go, and allows or denies nothing.
    Routes,
    /// It does nothing by itself: an enforcing object refers to it, or waits for it.
    Supports,
    /// It reports what enforcing would deny, and denies nothing.
    Audits,
    /// Whoever is not named is denied at the destination that it selects.
    Enforces,
    /// Everything without a grant is denied in its namespace.
    DeniesByDefault,
}

/// What every manifest has besides its spec.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// As the split had it: none stays none.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// Copied from the splits.
    pub labels: BTreeMap<String, String>,
    /// Copied from the splits.
    pub annotations: BTreeMap<String, String>,
    /// The objects whose content it carries.
    pub from: Vec<ObjectId>,
}

/// An object of `api_version` and `kind`.
///
/// # Panics
/// Never: the specs hold nothing that JSON cannot.
#[must_use]
pub fn manifest(api_version: &str, kind: &str, metadata: Metadata, spec: &impl Serialize) -> Manifest {
    let Metadata { namespace, name, labels, mut annotations, from } = metadata;
    let mut origins: Vec<String> = from.iter().map(ToString::to_string).collect();
    origins.sort();
    origins.dedup();
    if !origins.is_empty() {
        annotations.insert(MIGRATED_FROM.to_owned(), origins.join(","));
    }
    let mut meta = Map::new();
    meta.insert("name".into(), json!(name));
    if let Some(namespace) = &namespace {
        meta.insert("namespace".into(), json!(namespace));
    }
    if !labels.is_empty() {
        meta.insert("labels".into(), json!(labels));
    }
    if !annotations.is_empty() {
        meta.insert("annotations".into(), json!(annotations));
    }
    let spec = serde_json::to_value(spec).expect("a spec is plain data");
    let value = emit::order(json!({ "apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec }));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let id = ObjectId { kind: kind.into(), group: group.into(), version: version.into(), namespace, name };
    Manifest { id, value, effect: Effect::Routes }
}

// === impl Manifest ===

impl Manifest {
    /// The same object, known to have this effect.
    #[must_use]
    pub fn with(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

/// Lets routes of `from_namespace` refer to the Services `names` of `namespace`.
///
/// v1beta1 is served by every release from 0.6 to 1.6 (kubernetes-sigs/gateway-api v1.6.1
/// `config/crd/standard/gateway.networking.k8s.io_referencegrants.yaml`).
#[must_use]
pub fn reference_grant(metadata: Metadata, route_kind: &str, from_namespace: &str, names: &[String]) -> Manifest {
    let spec = ReferenceGrantSpec {
        from: vec![ReferenceGrantFrom {
            group: "gateway.networking.k8s.io".into(),
            kind: route_kind.into(),
            namespace: from_namespace.into(),
        }],
        to: names
            .iter()
            .map(|name| ReferenceGrantTo { group: String::new(), kind: "Service".into(), name: Some(name.clone()) })
            .collect(),
    };
    manifest("gateway.networking.k8s.io/v1beta1", "ReferenceGrant", metadata, &spec)
}
