//! The APIs of SMI themselves: its CustomResourceDefinitions and the metrics APIService.

use crate::code;
use crate::inventory::kinds::Header;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::yaml::Node;

/// Findings for a CRD or an APIService of an smi-spec.io group.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    let group = header.node.path(&["spec", "group"]);
    let of_smi = group.and_then(Node::as_str).is_some_and(|group| group.ends_with("smi-spec.io"));
    if !of_smi {
        return Vec::new();
    }
    let place = group.map_or_else(|| header.place(source), |group| Place { source, span: group.span });
    match (header.group(), header.kind) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => vec![
            Finding::new(code!("leftover-crd"), format!("CustomResourceDefinition `{}` is part of SMI", header.name))
                .at(place)
                .note("deleting a CRD deletes every object of its kind, before a controller could clean up after them")
                .help("delete it last: after every object of its kind is gone and the adaptor is uninstalled"),
        ],
        ("apiregistration.k8s.io", "APIService") => vec![
            Finding::new(code!("leftover-apiservice"), format!("APIService `{}` serves SMI metrics", header.name))
                .at(place)
                .note("Gateway API has no metrics API")
                .help("move dashboards, autoscalers and canary analyses that read it to the metrics of the mesh, then delete it"),
        ],
        _ => Vec::new(),
    }
}
