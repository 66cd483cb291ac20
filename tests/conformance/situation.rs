//! The situations of the suite as manifests: the same applications and the same SMI, in words of this repository.
//!
//! The suite writes SMI at the versions of SMI 0.6; a mesh that served others gets the same said in the newest version that
//! it served.

use smi2gamma::mappings::Source;
use smi2gamma::smi::{Kind, Version};

use crate::suite::To;

/// What is said with SMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No TrafficTarget names `b`; one names `c`, so that there is something to convert.
    NothingAboutB,
    /// `a` may reach every port of `b`.
    AnyPort,
    /// `a` could reach every port of `b` and of `c`, and the first permission was taken away after the conversion.
    Deleted,
    /// `a` may send any method to one path of `b`.
    OnePath,
    /// `a` may send one method to any path of `b`.
    OneMethod,
    /// Nothing at all, beside a Service that selects the pods of `b` and `c`.
    NoSplit,
    /// That Service is split between `b` and `c`.
    Split(u32, u32),
}

/// A source mesh, and how the same is said to it.
#[derive(Clone, Copy, Debug)]
pub struct Mesh(pub &'static Source);

/// What is converted, and what SMI says at the time of the step.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The applications.
    pub apps: String,
    /// The SMI that is converted.
    pub converted: String,
    /// The SMI of the step.
    pub smi: String,
    /// The TrafficTarget whose permission is taken out of the output before the step.
    pub deleted: Option<&'static str>,
    /// What no TrafficTarget grants has to be denied.
    pub default_deny: bool,
    /// What everything is called.
    pub names: Names,
}

/// What the applications are called. Everything is deployed in the namespace `smi`.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// The account that asks.
    pub a: &'static str,
    /// The account that is asked.
    pub b: &'static str,
    /// The leaves that a split names: Services.
    pub leaves: [&'static str; 2],
    /// The Service over both.
    pub root: &'static str,
    /// The one port of every Service and of its pods.
    pub port: u16,
}

/// Everything is deployed here.
pub const NAMESPACE: &str = "smi";

const NAMES: Names = Names { a: "a", b: "b", leaves: ["b", "c"], root: "root", port: 8080 };

// === impl Names ===

impl Names {
    /// A Service by its part in the suite.
    pub fn service(&self, to: To) -> &'static str {
        match to {
            To::B => self.leaves[0],
            To::Root => self.root,
        }
    }
}

// === impl Situation ===

impl Situation {
    /// A state for a mesh; none where it served no kind that could say it.
    pub fn of(state: State, mesh: Mesh) -> Option<Self> {
        let apps = match state {
            State::NoSplit | State::Split(..) => split_applications(),
            State::NothingAboutB | State::AnyPort | State::Deleted | State::OnePath | State::OneMethod => {
                applications()
            }
        };
        let smi = match state {
            State::NothingAboutB | State::Deleted => mesh.any_port(&["c"])?,
            State::AnyPort => mesh.any_port(&["b"])?,
            State::OnePath => mesh.requests("pathRegex: /metrics, methods: ['*']")?,
            State::OneMethod => mesh.requests("pathRegex: '.*', methods: [GET]")?,
            State::NoSplit => String::new(),
            State::Split(b, c) => mesh.split(b, c)?,
        };
        let deleted = state == State::Deleted;
        let converted = if deleted { mesh.any_port(&["b", "c"])? } else { smi.clone() };
        let default_deny = deleted || state == State::NothingAboutB;
        Some(Self { apps, converted, smi, deleted: deleted.then_some("a-to-b"), default_deny, names: NAMES })
    }
}

// === impl Mesh ===

impl Mesh {
    /// As what the mesh takes a kind: the newest version that it served and that is not newer than the suite's.
    pub fn version(self, kind: Kind) -> Option<Version> {
        let suite = if kind == Kind::TrafficTarget { Version::V1alpha3 } else { Version::V1alpha4 };
        self.0.serves.get(&kind)?.is.iter().copied().filter(|version| *version <= suite).max()
    }

    /// `a` may reach every port of each of `names`.
    fn any_port(self, names: &[&str]) -> Option<String> {
        let version = self.version(Kind::TCPRoute)?;
        let spec = match version {
            Version::V1alpha1 | Version::V1alpha2 => "",
            Version::V1alpha3 => "spec: {}\n",
            Version::V1alpha4 => "spec: {matches: {ports: []}}\n",
        };
        let mut text = object("specs", version, "TCPRoute", "any-port", spec);
        for name in names {
            text += &self.target(name, "{kind: TCPRoute, name: any-port}")?;
        }
        Some(text)
    }

    /// `a` may send `b` what one match of a group takes.
    fn requests(self, one: &str) -> Option<String> {
        let version = self.version(Kind::HTTPRouteGroup)?;
        let matches = format!("matches: [{{name: some, {one}}}]");
        let spec = match version {
            Version::V1alpha1 | Version::V1alpha2 => matches + "\n",
            Version::V1alpha3 | Version::V1alpha4 => format!("spec: {{{matches}}}\n"),
        };
        let group = object("specs", version, "HTTPRouteGroup", "requests", &spec);
        Some(group + &self.target("b", "{kind: HTTPRouteGroup, name: requests, matches: [some]}")?)
    }

    fn target(self, to: &str, rule: &str) -> Option<String> {
        let version = self.version(Kind::TrafficTarget)?;
        let subject = |name: &str| format!("{{kind: ServiceAccount, name: {name}, namespace: {NAMESPACE}}}");
        let (destination, sources) = (subject(to), subject("a"));
        let spec = match version {
            Version::V1alpha1 => format!("destination: {destination}\nsources: [{sources}]\nspecs: [{rule}]\n"),
            Version::V1alpha2 | Version::V1alpha3 | Version::V1alpha4 => {
                format!("spec: {{destination: {destination}, sources: [{sources}], rules: [{rule}]}}\n")
            }
        };
        Some(object("access", version, "TrafficTarget", &format!("a-to-{to}"), &spec))
    }

    fn split(self, b: u32, c: u32) -> Option<String> {
        let version = self.version(Kind::TrafficSplit)?;
        let backends = format!("[{{service: b, weight: {b}}}, {{service: c, weight: {c}}}]");
        let spec = format!("spec: {{service: root, backends: {backends}}}\n");
        Some(object("split", version, "TrafficSplit", "root", &spec))
    }
}

fn object(group: &str, version: Version, kind: &str, name: &str, spec: &str) -> String {
    let version = format!("{version:?}").to_lowercase();
    format!(
        "---\napiVersion: {group}.smi-spec.io/{version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: \
         {NAMESPACE}}}\n{spec}"
    )
}

// --- applications ---

/// Three applications, each with an account and a Service of its name that the nodes lead to as well.
fn applications() -> String {
    ["a", "b", "c"].map(|name| application(name, &format!("{{app: {name}}}"))).concat()
}

/// The same, and a Service over the pods of `b` and `c`.
fn split_applications() -> String {
    let leaf = |name: &str| application(name, &format!("{{app: {name}, tier: leaf}}"));
    application("a", "{app: a}") + &leaf("b") + &leaf("c") + &service("root", "{tier: leaf}")
}

fn application(name: &str, labels: &str) -> String {
    let port = NAMES.port;
    format!(
        "---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {NAMESPACE}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec:
  selector: {{matchLabels: {labels}}}
  template:
    metadata: {{labels: {labels}}}
    spec:
      serviceAccountName: {name}
      containers: [{{name: main, ports: [{{name: http, containerPort: {port}}}]}}]
"
    ) + &service(name, labels)
}

fn service(name: &str, labels: &str) -> String {
    let port = NAMES.port;
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {NAMESPACE}}}
spec: {{type: NodePort, selector: {labels}, ports: [{{name: http, port: {port}, targetPort: {port}}}]}}
"
    )
}
