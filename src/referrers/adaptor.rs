//! The programs that act on SMI objects: adaptors and metrics servers.

use crate::code;
use crate::inventory::kinds::Header;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::yaml::Node;

/// Images of programs that read or serve SMI, by a part of their name.
const IMAGES: [(&str, &str); 5] = [
    (
        "linkerd/smi-adaptor",
        "turns TrafficSplits into ServiceProfiles; uninstall it after the last TrafficSplit is deleted, so that it clears `dstOverrides`",
    ),
    ("smi-adapter-istio", "turns SMI into Istio objects; delete those that it made before it goes"),
    ("smi-metrics", "serves metrics.smi-spec.io; nothing in Gateway API replaces it"),
    ("consul-smi-controller", "turns TrafficTargets into Consul intentions; they stay when it goes"),
    (
        "linkerd/linkerd-failover",
        "rewrites the weights of TrafficSplits; replace it before their conversion takes effect",
    ),
];

/// What the program of an image does with SMI; none for other programs.
#[must_use]
pub fn of_image(image: &str) -> Option<&'static str> {
    IMAGES.iter().find(|(part, _)| image.contains(part)).map(|(_, what)| *what)
}

/// A finding for each container that runs such a program.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    if !matches!(header.kind, "Deployment" | "DaemonSet" | "StatefulSet" | "Pod") {
        return Vec::new();
    }
    let containers = header
        .node
        .path(&["spec", "template", "spec", "containers"])
        .or_else(|| header.node.path(&["spec", "containers"]))
        .map(Node::items)
        .unwrap_or_default();
    containers
        .iter()
        .filter_map(|container| container.get("image"))
        .filter_map(|image| {
            let name = image.as_str()?;
            let what = of_image(name)?;
            let message = format!("{} `{}` runs `{name}`", header.kind, header.name);
            Some(
                Finding::new(code!("leftover-adaptor"), message)
                    .at(Place { source, span: image.span })
                    .help(format!("it {what}")),
            )
        })
        .collect()
}
