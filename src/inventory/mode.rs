//! What says whether the source mesh enforced TrafficTargets at all, and what only that mesh made work.
//!
//! Each mesh had a switch, and where it stood is in objects of the control plane, if they are in the scope. Hosts that
//! only one mesh served stop to resolve when it goes. Both are read as they are written; what follows from them is decided
//! elsewhere.

use crate::mappings;
use crate::place::{Place, SourceId};
use crate::yaml::{Node, Value};

use super::kinds::Header;
use super::selector::text;

/// A switch of a source mesh, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The word after `--from`.
    pub mesh: String,
    /// Whether TrafficTargets were enforced.
    pub enforces: bool,
    /// What was seen: `enablePermissiveTrafficPolicyMode: true`, `--acl`.
    pub seen: String,
    /// Where.
    pub place: Place,
}

/// A host that only a source mesh served, written somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The word after `--from`.
    pub mesh: String,
    /// As written: `web.shop.traefik.mesh`.
    pub host: String,
    /// The Service that it stands for, where the host says so.
    pub service: Option<String>,
    /// The namespace of that Service, where the host says so.
    pub service_namespace: Option<String>,
    /// The object that mentions it: ``Deployment `web` ``.
    pub by: String,
    /// The namespace of that object, as written.
    pub namespace: Option<String>,
    /// Where.
    pub place: Place,
}

/// Words one of which stands in every ConfigMap or value that is read here.
pub const WORDS: &[&str] =
    &["enablePermissiveTrafficPolicy", "permissive_traffic_policy_mode", "accessControlMode", "access-control-mode"];

// === impl Mode ===

impl Mode {
    /// The switches in the object of `header`.
    pub(super) fn read(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        match (header.group(), header.kind) {
            // openservicemesh/osm@release-v1.2 pkg/apis/config/v1alpha2/mesh_config.go; flomesh-io/fsm (2026-02), the same.
            ("config.openservicemesh.io", "MeshConfig") => permissive(header, "osm", source).into_iter().collect(),
            ("config.flomesh.io", "MeshConfig") => permissive(header, "flomesh", source).into_iter().collect(),
            // nginxinc/nginx-service-mesh@2e04536 helm-chart/templates/nginx-mesh-controller.yaml.
            ("nsm.nginx.com", "MeshConfig") => {
                let node = header.node.path(&["spec", "accessControlMode"]);
                node.and_then(|node| access_control(node, source)).into_iter().collect()
            }
            ("", "ConfigMap") => config_map(header, source),
            ("helm.toolkit.fluxcd.io", "HelmRelease") => {
                let values = header.node.path(&["spec", "values"]);
                values.map(|values| Self::of_values(values, source)).unwrap_or_default()
            }
            _ => arguments(header, source),
        }
    }

    /// The switches in the values of a chart: those of the mesh's own chart, or under its name in those of another.
    #[must_use]
    pub fn of_values(values: &Node, source: SourceId) -> Vec<Self> {
        let within = values.entries().iter().map(|(key, value)| (key.key_text(), value));
        let own = std::iter::once((std::borrow::Cow::Borrowed(""), values));
        own.chain(within).filter_map(|(name, values)| chart(&name, values, source)).collect()
    }
}

/// `spec.traffic.enablePermissiveTrafficPolicyMode`: in it, TrafficTargets are passed over.
fn permissive(header: &Header<'_>, mesh: &str, source: SourceId) -> Option<Mode> {
    let node = header.node.path(&["spec", "traffic", "enablePermissiveTrafficPolicyMode"])?;
    let permissive = flag(node)?;
    Some(Mode {
        mesh: mesh.to_owned(),
        enforces: !permissive,
        seen: format!("enablePermissiveTrafficPolicyMode: {permissive}"),
        place: Place { source, span: node.span },
    })
}

/// `allow` is the default, and lets through what no TrafficTarget is about; `deny` stops it.
fn access_control(node: &Node, source: SourceId) -> Option<Mode> {
    let mode = node.as_str()?;
    matches!(mode, "allow" | "deny").then(|| Mode {
        mesh: "nginx".to_owned(),
        enforces: mode == "deny",
        seen: format!("accessControlMode: {mode}"),
        place: Place { source, span: node.span },
    })
}

/// Settings that are kept in ConfigMaps: `osm-config` of OSM before 0.9 (a key each), `preset-mesh-config` of OSM and
/// `mesh-config` of NGINX Service Mesh before 2.0 (JSON in one value).
fn config_map(header: &Header<'_>, source: SourceId) -> Vec<Mode> {
    let data = header.node.get("data").map(Node::entries).unwrap_or_default();
    data.iter()
        .filter_map(|(key, value)| {
            let place = Place { source, span: value.span };
            let mode = |mesh: &str, enforces, seen| Some(Mode { mesh: mesh.to_owned(), enforces, seen, place });
            if key.key_text() == "permissive_traffic_policy_mode" {
                let permissive = flag(value)?;
                return mode("osm", !permissive, format!("permissive_traffic_policy_mode: {permissive}"));
            }
            let settings: serde_json::Value = serde_json::from_str(value.as_str()?).ok()?;
            let traffic = settings.pointer("/traffic/enablePermissiveTrafficPolicyMode");
            if let Some(permissive) = traffic.and_then(serde_json::Value::as_bool) {
                let mesh = if header.name.starts_with("fsm") { "flomesh" } else { "osm" };
                return mode(mesh, !permissive, format!("enablePermissiveTrafficPolicyMode: {permissive}"));
            }
            let access = settings.get("accessControlMode")?.as_str()?;
            mode("nginx", access == "deny", format!("accessControlMode: {access}"))
        })
        .collect()
}

/// What the controller of Traefik Mesh was started with: TrafficTargets count only with `--acl`
/// (traefik/mesh@v1.4.8 `cmd/mesh/config.go`, `docs/content/configuration.md`).
fn arguments(header: &Header<'_>, source: SourceId) -> Vec<Mode> {
    let containers = header.node.path(&["spec", "template", "spec", "containers"]).map(Node::items);
    let controllers = containers
        .unwrap_or_default()
        .iter()
        .filter(|container| container.get("image").and_then(Node::as_str).is_some_and(is_controller));
    let mode = |container: &Node| {
        let list = |key: &str| container.get(key).map(Node::items).unwrap_or_default().iter();
        let words = || list("command").chain(list("args")).filter_map(|argument| Some((argument, argument.as_str()?)));
        let elsewhere = words().any(|(_, word)| word.to_ascii_lowercase().starts_with("--configfile"))
            || list("env").any(|variable| variable.get("name").and_then(text).is_some_and(|name| name.contains("ACL")));
        let (span, enforces, seen) = match words().find_map(|(argument, word)| Some((argument, word, acl(word)?))) {
            Some((argument, word, enforces)) => (argument.span, enforces, word.to_owned()),
            None if elsewhere => return None,
            None => (container.span, false, "the controller was started without `--acl`".to_owned()),
        };
        Some(Mode { mesh: "traefik".to_owned(), enforces, seen, place: Place { source, span } })
    };
    controllers.filter_map(mode).collect()
}

/// Whether `image` is the controller of Traefik Mesh, whose arguments are its switch.
#[must_use]
pub fn is_controller(image: &str) -> bool {
    let image = without_tag(image);
    image.ends_with("traefik/mesh") || image.ends_with("containous/maesh")
}

/// An image without tag and digest: `registry.example:5000/traefik/mesh:v1.4` gives `registry.example:5000/traefik/mesh`.
fn without_tag(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or_default();
    image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(image, |(name, _)| name)
}

/// Whether an argument turns ACL on, or off; none for another argument.
fn acl(argument: &str) -> Option<bool> {
    match argument.split_once('=').unwrap_or((argument, "true")) {
        ("--acl" | "--ACL", value) => Some(value != "false"),
        _ => None,
    }
}

/// The switch in the values of one chart; `name` is the key they stand under, empty at the top.
///
/// openservicemesh/osm@release-v1.2 charts/osm/values.yaml (`OpenServiceMesh` before 0.11); nginxinc/nginx-service-mesh@2e04536
/// helm-chart/values.yaml; traefik/mesh-helm-chart@8a7a193 mesh/values.yaml, whose `acl` means something elsewhere too, so that
/// it counts only under the chart's name.
fn chart(name: &str, values: &Node, source: SourceId) -> Option<Mode> {
    let place = |node: &Node| Place { source, span: node.span };
    let osm = ["osm", "OpenServiceMesh"].iter().find_map(|key| values.path(&[key, "enablePermissiveTrafficPolicy"]));
    if let Some((node, permissive)) = osm.and_then(|node| Some((node, flag(node)?))) {
        let seen = format!("enablePermissiveTrafficPolicy: {permissive}");
        return Some(Mode { mesh: "osm".to_owned(), enforces: !permissive, seen, place: place(node) });
    }
    if matches!(name, "traefik-mesh" | "maesh") {
        let node = values.get("acl")?;
        let enforces = flag(node)?;
        return Some(Mode {
            mesh: "traefik".to_owned(),
            enforces,
            seen: format!("acl: {enforces}"),
            place: place(node),
        });
    }
    access_control(values.get("accessControlMode")?, source)
}

/// A boolean, or text that is one: data of a ConfigMap is text.
fn flag(node: &Node) -> Option<bool> {
    node.scalar()?.as_bool().or_else(|| node.as_str()?.parse().ok())
}

// === impl Mention ===

impl Mention {
    /// The hosts that the object of `header` mentions.
    pub(super) fn read(header: &Header<'_>, source: SourceId) -> Vec<Self> {
        let mut found = Vec::new();
        let mut waiting = vec![header.node];
        while let Some(node) = waiting.pop() {
            match &node.value {
                Value::Scalar(_) => {
                    let text = node.as_str().unwrap_or_default();
                    found.extend(hosts(text).map(|(mesh, host)| Self::new(mesh, host, header, node, source)));
                }
                Value::List(items) => waiting.extend(items.iter().rev()),
                Value::Map(entries) => waiting.extend(entries.iter().rev().map(|(_, value)| value)),
            }
        }
        found
    }

    fn new(mesh: &str, host: &str, header: &Header<'_>, node: &Node, source: SourceId) -> Self {
        let mut labels = host.split('.');
        let (service, namespace) = (labels.next(), labels.next());
        let full = host.split('.').count() > 3 || (host.ends_with(".maesh") && host.split('.').count() == 3);
        let part = |label: Option<&str>| label.filter(|_| full).map(str::to_owned);
        Self {
            mesh: mesh.to_owned(),
            host: host.to_owned(),
            service: part(service),
            service_namespace: part(namespace),
            by: format!("{} `{}`", header.kind, header.name),
            namespace: header.namespace.map(str::to_owned),
            place: Place { source, span: node.span },
        }
    }
}

/// The hosts in `text` under a domain that only one source mesh served, with that mesh.
fn hosts(text: &str) -> impl Iterator<Item = (&'static str, &str)> {
    let in_host = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    let words = text.split(move |character| !in_host(character)).map(|word| word.trim_matches('.'));
    words.filter_map(|word| {
        let mut ending =
            served().filter(|(_, domain)| word.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')));
        ending.next().map(|(mesh, _)| (mesh, word))
    })
}

/// The domains that only one source mesh served, with that mesh.
pub fn served() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of = |mesh: &'static mappings::Source| {
        mesh.hosts.iter().flat_map(|hosts| &hosts.is).map(|host| (&*mesh.name, &**host))
    };
    mappings::sources().iter().flat_map(of)
}
