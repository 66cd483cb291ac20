//! Kuma: exact paths, then prefixes, then expressions, each the longer text first; two exact paths never compare.
//!
//! kumahq/kuma@v2.14.3 pkg/plugins/policies/meshhttproute/api/v1alpha1/compare.go. Parents: pkg/plugins/runtime/k8s/
//! controllers/gatewayapi/attachment/attachment.go. Up to 2.14 what no rule takes still goes to the Service.

use super::{Engine, Rank, Reads, Sees, counts, length};
use crate::inventory::Service;
use crate::mappings::compare_versions;
use crate::pattern::Anchoring;
use crate::verify::after::object::{Match, Path};
use crate::verify::speaks::{self, Speaks};

pub(super) struct Kuma {
    falls_through: bool,
}

// === impl Kuma ===

impl Kuma {
    pub(super) fn at(version: &str) -> Self {
        Self { falls_through: compare_versions(version, "2.15").is_some_and(std::cmp::Ordering::is_lt) }
    }
}

impl Engine for Kuma {
    fn title(&self) -> &'static str {
        "Kuma"
    }

    fn anchoring(&self) -> Anchoring {
        Anchoring::Full
    }

    fn rank(&self, one: &Match<'_>, _: &str) -> Rank {
        let (kind, length) = match one.path {
            Path::Exact(_) | Path::Call { service: Some(_), method: Some(_) } => (3, 0),
            Path::Prefix(_) | Path::Call { service: Some(_), method: None } => (2, length(one.path)),
            Path::Regex(_) | Path::Call { .. } => (1, length(one.path)),
        };
        let (headers, queries) = counts(one);
        [kind, length, usize::from(one.method.is_some()), headers, queries]
    }

    fn parent_group(&self, group: Option<&str>) -> bool {
        matches!(group, None | Some("" | "gateway.networking.k8s.io"))
    }

    fn section_name(&self) -> Reads {
        Reads::Unknown
    }

    fn sees(&self, service: Option<&Service>, port: u16) -> Sees {
        let Some(service) = service else { return Sees::NeedsAppProtocol };
        let said = service.port(port).and_then(speaks::app_protocol);
        let annotated = service.annotations.get(&format!("{port}.service.kuma.io/protocol"));
        match (said, annotated.map(String::as_str)) {
            (Some(Speaks::Http), _) | (None, Some("http" | "http2" | "grpc")) => Sees::Http,
            (Some(Speaks::Bytes), _) | (None, Some(_)) => Sees::Bytes,
            (None, None) => Sees::NeedsAppProtocol,
        }
    }

    fn falls_through(&self) -> bool {
        self.falls_through
    }
}
