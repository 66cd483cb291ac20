//! Cilium: exact paths, then expressions, then prefixes, each the longer text first; a method counts as a header.
//!
//! cilium/cilium@013bdd595df2 operator/pkg/model/translation/envoy_virtual_host.go, one commit and not every release.
//! Routes must stand in the Service's own namespace (cilium/cilium@0ccff10c8851 Documentation/network/servicemesh/
//! gateway-api/gamma.rst).

use super::{Engine, Rank, Reads, Sees, counts, length};
use crate::inventory::Service;
use crate::pattern::Anchoring;
use crate::verify::after::object::{Match, Path};

pub(super) struct Cilium;

impl Engine for Cilium {
    fn title(&self) -> &'static str {
        "Cilium"
    }

    fn anchoring(&self) -> Anchoring {
        Anchoring::Full
    }

    fn rank(&self, one: &Match<'_>, _: &str) -> Rank {
        let kind = match one.path {
            Path::Exact(_) | Path::Call { service: Some(_), method: Some(_) } => 3,
            Path::Regex(_) | Path::Call { service: None, .. } => 2,
            Path::Prefix(_) | Path::Call { .. } => 1,
        };
        let (headers, queries) = counts(one);
        [kind, length(one.path), headers + usize::from(one.method.is_some()), queries, 0]
    }

    fn parent_group(&self, group: Option<&str>) -> bool {
        matches!(group, Some("" | "core"))
    }

    fn consumer_routes(&self) -> Reads {
        Reads::No
    }

    fn sees(&self, _: Option<&Service>, _: u16) -> Sees {
        Sees::Http
    }
}
