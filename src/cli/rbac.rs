//! `smi2gamma rbac`: the rights to read a cluster, written from the table that the reader reads by.

use anyhow::Result;
use std::collections::BTreeMap;

use super::args::RbacArgs;
use super::exit::Exit;
use super::output::{Stream, Terminal};
use crate::scan::cluster::KINDS;

pub(super) fn run_rbac(args: &RbacArgs, terminal: &Terminal) -> Result<Exit> {
    terminal.write(Stream::Out, &page(args.namespace.as_deref()))?;
    Ok(Exit::Done)
}

/// A role and an example of a binding, as YAML.
fn page(namespace: Option<&str>) -> String {
    let (role, in_namespace) = match namespace {
        Some(name) => ("Role", format!("  namespace: {}\n", serde_json::Value::from(name))),
        None => ("ClusterRole", String::new()),
    };
    let mut groups: Vec<&str> = Vec::new();
    let mut resources: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in KINDS {
        if !resources.contains_key(kind.group) {
            groups.push(kind.group);
        }
        resources.entry(kind.group).or_default().push(kind.plural);
    }
    let rules: String = groups
        .iter()
        .map(|group| {
            let name = if group.is_empty() { "\"\"" } else { group };
            format!("- apiGroups: [{name}]\n  resources: [{}]\n  verbs: [list]\n", resources[group].join(", "))
        })
        .collect();
    format!(
        "\
# All that smi2gamma reads of a cluster. It changes nothing, so it needs no other verb.
# Rules for kinds that the cluster does not serve do no harm. `deployments` is for `status` alone.
apiVersion: rbac.authorization.k8s.io/v1
kind: {role}
metadata:
  name: smi2gamma
{in_namespace}rules:
{rules}---
# An example: whom the rights are given to is yours to say.
apiVersion: rbac.authorization.k8s.io/v1
kind: {role}Binding
metadata:
  name: smi2gamma
{in_namespace}roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {role}
  name: smi2gamma
subjects:
- kind: ServiceAccount
  name: smi2gamma
  namespace: default
"
    )
}
