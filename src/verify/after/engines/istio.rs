//! Istio: exact paths, then prefixes, then expressions, each the longer text first.
//!
//! istio/istio@1.31.0-rc.0 pilot/pkg/config/kube/gateway/conversion.go, sortHTTPRoutes: then a method, then the number of
//! headers, then of parameters; the sort is stable. After a match that takes everything nothing more is read, which changes
//! no answer. Parents: pilot/pkg/config/kube/gateway/references.go; ports: route_collections.go.

use super::{Engine, Rank, Reads, Sees, counts, length};
use crate::inventory::Service;
use crate::pattern::Anchoring;
use crate::verify::after::object::{Match, Path};
use crate::verify::speaks::{self, Speaks};

pub(super) struct Istio;

/// Exact 3, prefix 2, expression 1.
pub(super) fn rank(one: &Match<'_>) -> Rank {
    let kind = match one.path {
        Path::Exact(_) | Path::Call { service: Some(_), method: Some(_) } => 3,
        Path::Prefix(_) | Path::Call { service: Some(_), method: None } => 2,
        Path::Regex(_) | Path::Call { .. } => 1,
    };
    let (headers, queries) = counts(one);
    [kind, length(one.path), usize::from(one.method.is_some()), headers, queries]
}

/// appProtocol, then the prefix of the port's name, then detection.
pub(super) fn sees(service: Option<&Service>, port: u16) -> Sees {
    let port = service.and_then(|service| service.port(port));
    match port.and_then(speaks::declared) {
        Some(Speaks::Bytes) => Sees::Bytes,
        Some(Speaks::Http) | None => Sees::Http,
    }
}

impl Engine for Istio {
    fn title(&self) -> &'static str {
        "Istio"
    }

    fn anchoring(&self) -> Anchoring {
        Anchoring::Full
    }

    fn rank(&self, one: &Match<'_>, _: &str) -> Rank {
        rank(one)
    }

    fn section_name(&self) -> Reads {
        Reads::No
    }

    fn sees(&self, service: Option<&Service>, port: u16) -> Sees {
        sees(service, port)
    }

    fn keeps_port_forms_apart(&self) -> bool {
        true
    }
}
