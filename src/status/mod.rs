//! Where a migration stands: what is left of SMI, what still acts on it, and which routes did not take effect.
//!
//! This room counts and looks; it converts nothing and decides nothing.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::inventory::kinds::Header;
use crate::inventory::{Entry, GatewayRoute, ServiceProfile};
use crate::place::SourceId;
use crate::referrers::adaptor;
use crate::scan::Scan;
use crate::smi;
use crate::yaml::{self, Node};

/// What was found; serialised as it is for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The version of this form.
    pub schema: &'static str,
    /// What was read, as sentences.
    pub read: Vec<String>,
    /// Something could not be read: all numbers may be too low.
    pub incomplete: bool,
    /// What could not be read, and why.
    pub problems: Vec<String>,
    /// SMI objects that are left, by kind.
    pub smi: Vec<Left>,
    /// Programs that act on SMI.
    pub adaptors: Vec<Program>,
    /// ServiceProfiles with routes or overrides for a Service that a route is attached to.
    pub shadowing_profiles: Vec<Shadow>,
    /// Routes that are attached to a Service.
    pub service_routes: usize,
    /// Those of them that did not take effect, and why.
    pub routes_without_effect: Vec<Ineffective>,
    /// Whether policies were looked at that select nothing.
    pub policies: &'static str,
}

/// Objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// For instance `TrafficSplit`.
    pub kind: String,
    /// How many.
    pub count: usize,
    /// How many in each namespace; empty for those that name none.
    pub namespaces: BTreeMap<String, usize>,
}

/// A workload that runs such a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    /// `Kind namespace/name`
    pub workload: String,
    /// The image of its container.
    pub image: String,
    /// What it does with SMI, and what to do with it.
    pub what: &'static str,
}

/// A profile that goes before a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shadow {
    /// `ServiceProfile namespace/name`
    pub profile: String,
    /// `Kind namespace/name`
    pub route: String,
}

/// A route that does nothing, or not all that it says, for one parent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ineffective {
    /// `Kind namespace/name`
    pub route: String,
    /// The Service, with its port if the parent names one.
    pub parent: String,
    /// What its status says.
    pub why: String,
}

/// What stands where nothing was looked at.
const NOT_CHECKED: &str = "not checked";

/// Looks through everything that was read, in `namespace` only where one is named.
#[must_use]
pub fn status(scan: &Scan, namespace: Option<&str>) -> Status {
    let mut desk = Desk::default();
    for doc in &scan.documents {
        if let Ok(document) = yaml::parse(&scan.sources.get(doc.source).text, doc.piece.span)
            && let Some(root) = &document.root
        {
            smi::objects(root).iter().for_each(|found| desk.look(found, doc.source, namespace));
        }
    }
    let mut read = scan.read.clusters.clone();
    if scan.read.files > 0 {
        read.insert(0, format!("{} files read", scan.read.files));
    }
    desk.status(read, scan)
}

#[derive(Default)]
struct Desk {
    left: BTreeMap<String, BTreeMap<String, usize>>,
    adaptors: Vec<Program>,
    profiles: Vec<ServiceProfile>,
    routes: Vec<GatewayRoute>,
    ineffective: Vec<Ineffective>,
}

// === impl Desk ===

impl Desk {
    fn look(&mut self, found: &smi::found::Found<'_>, source: SourceId, namespace: Option<&str>) {
        let Some(header) = Header::of(found.node) else { return };
        if namespace.is_some() && header.namespace != namespace {
            return;
        }
        if smi::read(found).is_some() {
            let kind = self.left.entry(header.kind.to_owned()).or_default();
            *kind.entry(header.namespace.unwrap_or_default().to_owned()).or_default() += 1;
            return;
        }
        self.programs(&header);
        for entry in Entry::read(&header, source) {
            match entry {
                Entry::ServiceProfile(profile) if profile.has_routes || profile.has_overrides => {
                    self.profiles.push(profile);
                }
                Entry::GatewayRoute(route) if !route.parents.is_empty() => {
                    self.effect(&header, &route);
                    self.routes.push(route);
                }
                _ => {}
            }
        }
    }

    fn programs(&mut self, header: &Header<'_>) {
        let containers = header.node.path(&["spec", "template", "spec", "containers"]).map(Node::items);
        let images = containers.unwrap_or_default().iter().filter_map(|container| container.get("image")?.as_str());
        self.adaptors.extend(images.filter_map(|image| {
            let what = adaptor::of_image(image)?;
            let workload = named(header.kind, header.namespace, header.name);
            Some(Program { workload, image: image.to_owned(), what })
        }));
    }

    /// What the status of a route says of its Services (Gateway API v1.4 `apis/v1/shared_types.go`, RouteParentStatus).
    fn effect(&mut self, header: &Header<'_>, route: &GatewayRoute) {
        let answers = header.node.path(&["status", "parents"]).map(Node::items).unwrap_or_default();
        let name = named(&route.kind, route.namespace.as_deref(), &route.name);
        for (namespace, service, port) in &route.parents {
            let parent = named("Service", namespace.as_deref().or(route.namespace.as_deref()), service);
            let parent = port.map_or(parent.clone(), |port| format!("{parent}:{port}"));
            let mut told = false;
            let about = answers.iter().filter(|answer| is_about(answer, service, *port));
            for condition in about.flat_map(|answer| answer.get("conditions").map(Node::items).unwrap_or_default()) {
                told = true;
                if let Some(why) = complaint(condition) {
                    self.ineffective.push(Ineffective { route: name.clone(), parent: parent.clone(), why });
                }
            }
            if !told {
                let why = "no controller has said anything about it".to_owned();
                self.ineffective.push(Ineffective { route: name.clone(), parent, why });
            }
        }
    }

    fn status(mut self, read: Vec<String>, scan: &Scan) -> Status {
        let left = |(kind, namespaces): (String, BTreeMap<String, usize>)| Left {
            kind,
            count: namespaces.values().sum(),
            namespaces,
        };
        self.adaptors.sort();
        self.ineffective.sort();
        self.ineffective.dedup();
        Status {
            schema: "smi2gamma.status/v1",
            read,
            incomplete: scan.read.incomplete,
            problems: scan.findings.iter().map(|finding| finding.message.clone()).collect(),
            shadowing_profiles: self.shadows(),
            service_routes: self.routes.len(),
            smi: self.left.into_iter().map(left).collect(),
            adaptors: self.adaptors,
            routes_without_effect: self.ineffective,
            policies: NOT_CHECKED,
        }
    }

    fn shadows(&self) -> Vec<Shadow> {
        let mut routes: BTreeMap<&str, Vec<(Option<&str>, &GatewayRoute)>> = BTreeMap::new();
        for route in &self.routes {
            for (namespace, service, _) in &route.parents {
                let namespace = namespace.as_deref().or(route.namespace.as_deref());
                routes.entry(service).or_default().push((namespace, route));
            }
        }
        let mut shadows = Vec::new();
        for profile in &self.profiles {
            for (namespace, route) in routes.get(profile.service_name()).into_iter().flatten() {
                let same = match (profile.service_namespace(), namespace) {
                    (Some(one), Some(other)) => one == *other,
                    _ => true,
                };
                if same {
                    shadows.push(Shadow {
                        profile: named("ServiceProfile", profile.namespace.as_deref(), &profile.name),
                        route: named(&route.kind, route.namespace.as_deref(), &route.name),
                    });
                }
            }
        }
        shadows.sort();
        shadows.dedup();
        shadows
    }
}

fn is_about(answer: &Node, service: &str, port: Option<u16>) -> bool {
    let of = |key: &str| answer.path(&["parentRef", key]);
    let answered = of("port").and_then(Node::scalar).and_then(yaml::Scalar::as_int);
    of("kind").and_then(Node::as_str) == Some("Service")
        && of("name").and_then(Node::as_str) == Some(service)
        && answered == port.map(i128::from)
}

fn complaint(condition: &Node) -> Option<String> {
    let text = |key: &str| condition.get(key).and_then(Node::as_str).unwrap_or_default();
    let (about, state) = (text("type"), text("status"));
    if !matches!(about, "Accepted" | "ResolvedRefs") || state == "True" {
        return None;
    }
    let message = text("message");
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    Some(format!("{about} is {state} ({}){message}", text("reason")))
}

fn named(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

// === impl Status ===

impl Status {
    /// For people; ends with a line break. Control characters of the input are left out.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.head();
        self.read.iter().for_each(|read| line(&mut text, 0, read));
        if self.incomplete {
            line(&mut text, 0, "incomplete: all numbers may be too low");
        }
        self.problems.iter().for_each(|problem| line(&mut text, 2, problem));
        for Left { kind, count, namespaces } in &self.smi {
            let places: Vec<String> = namespaces
                .iter()
                .map(|(namespace, count)| {
                    if namespace.is_empty() {
                        format!("without namespace {count}")
                    } else {
                        format!("{namespace} {count}")
                    }
                })
                .collect();
            line(&mut text, 2, &format!("{count} {kind}: {}", places.join(", ")));
        }
        line(&mut text, 0, &format!("programs that act on SMI: {}", self.adaptors.len()));
        for Program { workload, image, what } in &self.adaptors {
            line(&mut text, 2, &format!("{workload} ({image}): it {what}"));
        }
        let ineffective = self.routes_without_effect.len();
        line(&mut text, 0, &format!("routes attached to Services: {}", self.service_routes));
        line(&mut text, 0, &format!("routes without effect, by parent: {ineffective}"));
        for Ineffective { route, parent, why } in &self.routes_without_effect {
            line(&mut text, 2, &format!("{route} for {parent}: {why}"));
        }
        line(&mut text, 0, &format!("ServiceProfiles that go before a route: {}", self.shadowing_profiles.len()));
        for Shadow { profile, route } in &self.shadowing_profiles {
            line(&mut text, 2, &format!("{profile} before {route}"));
        }
        line(&mut text, 0, &format!("policies that select nothing: {}", self.policies));
        text
    }

    fn head(&self) -> String {
        let left: usize = self.smi.iter().map(|left| left.count).sum();
        match left {
            0 => "no SMI is left\n".to_owned(),
            1 => "1 SMI object is left\n".to_owned(),
            _ => format!("{left} SMI objects are left\n"),
        }
    }

    /// For programs; ends with a line break.
    ///
    /// # Panics
    /// Never: it holds only texts, numbers and lists.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts, numbers and lists always serialise") + "\n"
    }
}

fn line(text: &mut String, indent: usize, words: &str) {
    let safe: String = words.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
    let _ = writeln!(text, "{:indent$}{safe}", "");
}
