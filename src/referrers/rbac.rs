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
    let groups = rule.get("apiGroups").map(Node::items).unwrap_or_default();
    let group = groups.iter().find(|group| group.as_str().is_some_and(|group| group.ends_with("smi-spec.io")))?;
    let texts = |key: &str| -> Vec<&str> {
        rule.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str).collect()
    };
    let (resources, verbs) = (texts("resources"), texts("verbs"));
    let place = Place { source, span: group.span };
    let message = format!(
        "{} `{}` grants {} on {}",
        header.kind,
        header.name,
        verbs.join(", "),
        group.as_str().unwrap_or_default()
    );
    let finding = Finding::new(code!("leftover-rbac"), message).at(place);
    let splits = resources.iter().any(|resource| matches!(resource.split('/').next(), Some("trafficsplits" | "*")));
    Some(if splits {
        let verbs = verbs.iter().map(|verb| format!("\"{verb}\"")).collect::<Vec<_>>().join(", ");
        finding.help(format!(
            "who changes TrafficSplits will change routes: add `{{apiGroups: [\"gateway.networking.k8s.io\"], resources: [\"httproutes\"], verbs: [{verbs}]}}`, and drop this rule when SMI is gone"
        ))
    } else {
        finding.help("drop this rule when SMI is gone; access policy is an API of the mesh, with its own group")
    })
}
