//! `smi2gamma rbac`: the rights to read a cluster, written from the table that the reader reads by.

use anyhow::Result;

use super::args::RbacArgs;
use super::exit::Exit;
use super::options;
use super::output::{Stream, Terminal};
use crate::scan::cluster::{KINDS, Kind, Reading, Verb};
use crate::target::Profile;

pub(super) fn run_rbac(args: &RbacArgs, terminal: &Terminal) -> Result<Exit> {
    let to = args.to.as_deref().map(Profile::parse).transpose()?;
    let reading = to.as_ref().map(options::reading).unwrap_or_default();
    terminal.write(Stream::Out, &page(args.namespace.as_deref(), reading))?;
    Ok(Exit::Done)
}

/// One rule of a role.
#[derive(PartialEq, Eq)]
struct Rule<'a> {
    group: &'static str,
    verb: Verb,
    /// The only names; empty: any.
    names: Vec<&'a str>,
    resources: Vec<&'static str>,
}

/// The rules, in the order of the table. `status` is read with the same rights as routes.
fn rules(namespace: Option<&str>, reading: Reading) -> Vec<Rule<'_>> {
    let mut rules: Vec<Rule<'_>> = Vec::new();
    let is_read = |kind: &&Kind| kind.read_for(reading) || kind.read_for(Reading::Status);
    for kind in KINDS.iter().filter(is_read).filter(|kind| namespace.is_none() || kind.is_namespaced()) {
        let names = match (kind.verb(), namespace) {
            (Verb::Get, Some(namespace)) => vec![namespace],
            (Verb::Get | Verb::List, _) => kind.names().to_vec(),
        };
        let rule = Rule { group: kind.group, verb: kind.verb(), names, resources: vec![kind.plural] };
        let same =
            |known: &&mut Rule<'_>| (known.group, known.verb, &known.names) == (rule.group, rule.verb, &rule.names);
        match rules.iter_mut().find(same) {
            Some(known) => known.resources.extend(rule.resources),
            None => rules.push(rule),
        }
    }
    rules
}

impl Rule<'_> {
    fn text(&self) -> String {
        let Self { group, verb, names, resources } = self;
        let group = if group.is_empty() { "\"\"" } else { group };
        let verb = match verb {
            Verb::List => "list",
            Verb::Get => "get",
        };
        let names = match names.as_slice() {
            [] => String::new(),
            names => {
                format!("  resourceNames: [{}]\n", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "))
            }
        };
        format!("- apiGroups: [{group}]\n  resources: [{}]\n{names}  verbs: [{verb}]\n", resources.join(", "))
    }
}

/// Text as YAML takes it, whatever it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A role and an example of a binding, as YAML.
fn page(namespace: Option<&str>, reading: Reading) -> String {
    let (role, in_namespace) = match namespace {
        Some(name) => ("Role", format!("  namespace: {}\n", quoted(name))),
        None => ("ClusterRole", String::new()),
    };
    let rules: String = rules(namespace, reading).iter().map(Rule::text).collect();
    let what = match reading {
        Reading::Policy(target) => format!(
            "# All that smi2gamma reads of a cluster for routes and, with `--to {target}`, for policy. It changes nothing.\n\
             # Rules for kinds that the cluster does not serve do no harm.\n"
        ),
        Reading::Convert | Reading::Status => "\
# All that smi2gamma reads of a cluster. It changes nothing, so it needs no other verb.
# Rules for kinds that the cluster does not serve do no harm. `deployments` is for `status` alone.
# Policy needs more: `smi2gamma rbac --to TARGET`.
"
        .to_owned(),
    };
    format!(
        "\
{what}apiVersion: rbac.authorization.k8s.io/v1
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
