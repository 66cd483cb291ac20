//! References to SMI from kustomizations and charts.

use crate::code;
use crate::inventory::kinds::Header;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::yaml::Node;

/// A finding for each resource of a kustomization that fetches SMI, and each selector that names one of its groups.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    if header.group() != "kustomize.config.k8s.io" && header.kind != "Kustomization" {
        return Vec::new();
    }
    let lists = ["resources", "bases", "components", "crds"]
        .iter()
        .filter_map(|key| header.node.get(key))
        .flat_map(Node::items);
    let resources = lists.filter(|item| item.as_str().is_some_and(names_smi)).map(|item| {
        let message = format!("the kustomization takes `{}` in, which brings SMI", item.as_str().unwrap_or_default());
        Finding::new(code!("leftover-package"), message)
            .at(Place { source, span: item.span })
            .help("take the line out when the last SMI object is gone")
    });
    let patches = ["patches", "patchesJson6902"].iter().filter_map(|key| header.node.get(key)).flat_map(Node::items);
    let targets = patches.filter_map(|patch| {
        let target = patch.get("target")?;
        let group = target.get("group").and_then(Node::as_str).unwrap_or_default();
        let kind = target.get("kind")?;
        let of_smi = group.ends_with("smi-spec.io")
            || (group.is_empty() && matches!(kind.as_str(), Some("TrafficSplit" | "TrafficTarget" | "HTTPRouteGroup")));
        of_smi.then(|| {
            let message = format!("a patch of the kustomization targets {}", kind.as_str().unwrap_or_default());
            Finding::new(code!("leftover-patch"), message)
                .at(Place { source, span: kind.span })
                .help("give the patch the route as its target, with the paths of a route")
        })
    });
    resources.chain(targets).collect()
}

/// Charts and manifests that install SMI.
#[must_use]
pub fn names_smi(text: &str) -> bool {
    ["linkerd-smi", "smi-spec.io", "smi-sdk-go", "servicemeshinterface/", "smi-adapter"]
        .iter()
        .any(|part| text.contains(part))
}

/// A finding for each dependency of a chart that installs SMI. `chart` is the root of a `Chart.yaml`.
#[must_use]
pub fn inspect_chart(chart: &Node, source: SourceId) -> Vec<Finding> {
    let dependencies = chart.get("dependencies").map(Node::items).unwrap_or_default();
    dependencies
        .iter()
        .filter_map(|dependency| dependency.get("name"))
        .filter(|name| name.as_str().is_some_and(names_smi))
        .map(|name| {
            let message = format!("the chart depends on `{}`, which installs SMI", name.as_str().unwrap_or_default());
            Finding::new(code!("leftover-package"), message)
                .at(Place { source, span: name.span })
                .help("take the dependency out when the last SMI object is gone")
        })
        .collect()
}
