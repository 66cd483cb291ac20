//! Worlds of text: pods and Services, SMI before, policy after.

use smi2gamma::inventory::Inventory;
use smi2gamma::inventory::kinds::{Entry, Header};
use smi2gamma::mappings;
use smi2gamma::place::SourceId;
use smi2gamma::smi::{self, Object};
use smi2gamma::target::Profile;
use smi2gamma::verify::access::{self, AccessOptions, Guard};
use smi2gamma::verify::{
    Absent, Account, After, Answer, Deployed, Given, Grants, Manifest, Relation, Request, Source, Verdict, World,
    policy,
};
use smi2gamma::yaml::{self, Node};

/// Objects of the namespace `shop` unless they say otherwise.
pub fn nodes(text: &str) -> Vec<Node> {
    let read = |piece: &yaml::Piece| yaml::parse(text, piece.span).expect("the test writes YAML").root;
    yaml::split(text).iter().filter_map(read).collect()
}

fn namespace(node: &Node) -> Option<&str> {
    node.path(&["metadata", "namespace"]).and_then(Node::as_str).or(Some("shop"))
}

/// Text before, text after, and the pods that both are about.
pub struct Texts {
    pods: Inventory,
    smi: Vec<(Object, String)>,
    policy: Vec<Node>,
    /// Of the mesh after; none: `cluster.local`.
    pub trust_domain: Option<&'static str>,
}

impl Texts {
    pub fn new(pods: &str, smi: &str, policy: &str) -> Self {
        let entries = |text: &str| -> Vec<Entry> {
            let all = nodes(text);
            let read = |node: &Node| {
                let header = Header::of(node)?;
                Some(
                    Entry::read(&header, SourceId(0))
                        .into_iter()
                        .map(|entry| entry.put_into("shop"))
                        .collect::<Vec<_>>(),
                )
            };
            all.iter().filter_map(read).flatten().collect()
        };
        let mut objects = Vec::new();
        for node in nodes(smi) {
            for found in smi::objects(&node) {
                let read = smi::read(&found).expect("an SMI object");
                let object = read.object.expect("an SMI object that can be typed");
                objects.push((object, namespace(found.node).unwrap_or_default().to_owned()));
            }
        }
        let pods = Inventory::new(entries(pods).into_iter().chain(entries(policy)));
        Self { pods, smi: objects, policy: nodes(policy), trust_domain: None }
    }

    pub fn before(&self) -> World<'_> {
        World {
            smi: self
                .smi
                .iter()
                .map(|(object, namespace)| Deployed { object, source: SourceId(0), namespace: Some(namespace) })
                .collect(),
            inventory: &self.pods,
            manifests: Vec::new(),
        }
    }

    pub fn after(&self) -> World<'_> {
        let manifests =
            self.policy.iter().map(|node| Manifest { node, source: SourceId(1), namespace: namespace(node) });
        World { smi: Vec::new(), inventory: &self.pods, manifests: manifests.collect() }
    }

    /// Both sides, asked by `ask`.
    pub fn ask<T>(&self, from: &str, to: &str, ask: impl FnOnce(&dyn Guard, &dyn Guard, &Inventory) -> T) -> T {
        let (before, after) = (self.before(), self.after());
        let grants = Grants::new(&before, mappings::source(from).expect("a source mesh"), true);
        let profile = Profile::parse(to).expect("a target");
        let side = After::new(&after, profile.target, &profile.version).in_trust_domain(self.trust_domain);
        let policy = policy(&side).expect("a target with policy");
        ask(&grants, policy.as_ref(), &self.pods)
    }

    pub fn verify(&self, from: &str, to: &str, options: &AccessOptions) -> Vec<Verdict> {
        self.ask(from, to, |before, after, pods| access::verify(before, after, pods, options))
    }

    /// The verdict on one account of the namespace `shop`.
    pub fn verdict(&self, from: &str, to: &str, name: &str) -> Verdict {
        let own = account(name);
        let options = AccessOptions { only: Some([own].into()), prepared: true, ..AccessOptions::default() };
        self.verify(from, to, &options).pop().unwrap_or_else(|| panic!("nothing is said of {name}"))
    }

    /// What both sides do with the request of a witness, by direct evaluation.
    pub fn again(&self, from: &str, to: &str, name: &str, port: u16, request: &Request) -> (Answer, Answer) {
        let given = Given { services: Absent::Exists, prepared: true };
        self.ask(from, to, |before, after, pods| {
            let ask = |side| access::simulate(side, pods, &account(name), port, request, &given).0;
            (ask(before), ask(after))
        })
    }
}

pub fn account(name: &str) -> Account {
    Account { namespace: Some("shop".into()), name: name.to_owned() }
}

pub fn identity(name: &str) -> Source {
    Source::Identity { namespace: "shop".into(), service_account: name.to_owned() }
}

/// A verdict as people read it in a test: the relation, and who, what.
pub fn shown(verdict: &Verdict) -> String {
    let witness = verdict.witness.as_ref();
    let request =
        witness.map(|one| format!(": {} {} [{} -> {}]", one.request.source, one.request.line(), one.before, one.after));
    format!(
        "{} {}{} {}",
        verdict.destination,
        verdict.relation.word(),
        request.unwrap_or_default(),
        verdict.why.clone().unwrap_or_default()
    )
}

/// Whether the witness of a verdict differs when it is asked again.
pub fn holds(texts: &Texts, from: &str, to: &str, name: &str, verdict: &Verdict) -> bool {
    let Some(witness) = &verdict.witness else { return verdict.relation == Relation::Equal };
    let port = match &witness.request.to {
        smi2gamma::verify::Destination::Workload { port: Some(port), .. } => *port,
        _ => return false,
    };
    let (before, after) = texts.again(from, to, name, port, &witness.request);
    before.relate(&after) == witness.before.relate(&witness.after) && before.relate(&after) != Relation::Equal
}

/// Pods of accounts with the ports 8080 (HTTP) and 9000 (bytes), each behind a Service of its name: 80 and 9000.
pub fn pods(names: &[&str], probe: bool) -> String {
    let probe = if probe { ", livenessProbe: {httpGet: {path: /healthz, port: 8080}}" } else { "" };
    names
        .iter()
        .map(|name| {
            format!(
                "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      serviceAccountName: {name}
      containers:
      - {{name: main, ports: [{{containerPort: 8080, name: web}}, {{containerPort: 9000}}]{probe}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: web}}, {{name: tcp, port: 9000}}]
"
            )
        })
        .collect()
}
