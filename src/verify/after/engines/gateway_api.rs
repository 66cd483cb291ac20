//! The standard itself, which leaves the dialect, the anchoring and the rank of regular expressions to the mesh.
//!
//! What the standard says holds for all; what it leaves open is read as each mesh reads it that serves routes of a
//! Service, and an answer counts only where they agree. What a mesh needs beside the route is taken for granted.

use super::cilium::Cilium;
use super::istio::Istio;
use super::kuma::Kuma;
use super::linkerd::Linkerd;
use super::{Engine, Rank, Reads, Sees};
use crate::inventory::Service;
use crate::pattern::Anchoring;
use crate::verify::after::object::Match;
use crate::verify::speaks::{self, Speaks};

/// What one mesh makes of what the standard leaves open.
struct Standard<E>(E);

pub(super) fn all() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Standard(Linkerd)),
        Box::new(Standard(Istio)),
        Box::new(Standard(Cilium)),
        Box::new(Standard(Kuma::at("2.15"))),
    ]
}

impl<E: Engine> Engine for Standard<E> {
    fn title(&self) -> &'static str {
        self.0.title()
    }

    fn anchoring(&self) -> Anchoring {
        self.0.anchoring()
    }

    fn rank(&self, one: &Match<'_>, path: &str) -> Rank {
        self.0.rank(one, path)
    }

    fn section_name(&self) -> Reads {
        self.0.section_name()
    }

    fn hostnames(&self) -> Reads {
        self.0.hostnames()
    }

    /// An implementation should honour appProtocol, and may detect (kubernetes-sigs/gateway-api@v1.6.1 geps/gep-1911).
    fn sees(&self, service: Option<&Service>, port: u16) -> Sees {
        match service.and_then(|service| service.port(port)).and_then(speaks::app_protocol) {
            Some(Speaks::Bytes) => Sees::Bytes,
            Some(Speaks::Http) | None => Sees::Http,
        }
    }
}
