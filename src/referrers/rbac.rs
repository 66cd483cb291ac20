//! RBAC rules on the groups of SMI, with the rules on Gateway API that replace them.

use crate::code;
use crate::inventory::kinds::Header;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::yaml::Node;

/// A finding for each rule of a Role or ClusterRole that names an smi-spec.io group.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    if header.group() != "rbac.authorization.k8s.io" || !matches!(header.kind, "Role" | "ClusterRole") {
        return Vec::new();
    }
    let rules = header.node.get("rules").map(Node::items).unwrap_or_default();
    rules.iter().filter_map(|rule| inspect_rule(header, rule, source)).collect()
}

fn inspect_rule(header: &Header<'_>, rule: &Node, source: SourceId) -> Option<Finding> {
    let texts = |key: &str| -> Vec<&str> {
        rule.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str).collect()
    };
    let of_smi = |group: &str| group.ends_with("smi-spec.io");
    let (groups, resources, verbs) = (texts("apiGroups"), texts("resources"), texts("verbs"));
    let smi_groups: Vec<&str> = groups.iter().copied().filter(|group| of_smi(group)).collect();
    let nodes = rule.get("apiGroups").map(Node::items).unwrap_or_default();
    let first = nodes.iter().find(|group| group.as_str().is_some_and(of_smi))?;
    let message = format!("{} `{}` grants {} on {}", header.kind, header.name, verbs.join(", "), smi_groups.join(", "));
    let drop = match smi_groups.len() == groups.len() {
        true => "drop this rule when SMI is gone",
        false => "take the groups of SMI out of this rule when SMI is gone",
    };
    let splits = resources.iter().any(|resource| matches!(resource.split('/').next(), Some("trafficsplits" | "*")))
        && (smi_groups.contains(&"split.smi-spec.io") || groups.contains(&"smi-spec.io"));
    let help = if splits {
        let routes = routes_rule(&verbs);
        match verbs.iter().any(|verb| !matches!(*verb, "get" | "list" | "watch")) {
            true => format!("who changes TrafficSplits will change routes: add `{routes}`, and {drop}"),
            false => {
                format!("what only reads TrafficSplits goes with SMI, or will read routes: then add `{routes}`; {drop}")
            }
        }
    } else {
        format!("{drop}; access policy is an API of the mesh, with its own group")
    };
    Some(Finding::new(code!("leftover-rbac"), message).at(Place { source, span: first.span }).help(help))
}

/// The same verbs on routes.
fn routes_rule(verbs: &[&str]) -> String {
    let verbs = verbs.iter().map(|verb| format!("\"{verb}\"")).collect::<Vec<_>>().join(", ");
    format!("{{apiGroups: [\"gateway.networking.k8s.io\"], resources: [\"httproutes\"], verbs: [{verbs}]}}")
}
