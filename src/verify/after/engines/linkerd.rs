//! Linkerd: its proxy ranks by the length of the path that matched, whatever the type of the match.
//!
//! linkerd/linkerd2-proxy@29637b64f linkerd/http/route/src/http/match.rs and match/path.rs: a prefix counts its own length
//! without trailing slashes, an exact path and an expression count the whole path; then a method, then the number of
//! headers, then of parameters. Parents: linkerd/linkerd2@version-2.20 policy-controller/k8s/index/src/outbound/index.rs.

use super::{Engine, Rank, Reads, Sees, counts, length};
use crate::inventory::Service;
use crate::pattern::Anchoring;
use crate::verify::after::object::{Match, Path};
use crate::verify::speaks::{self, Speaks};

pub(super) struct Linkerd;

impl Engine for Linkerd {
    fn title(&self) -> &'static str {
        "Linkerd"
    }

    fn anchoring(&self) -> Anchoring {
        Anchoring::FirstMatch
    }

    fn rank(&self, one: &Match<'_>, path: &str) -> Rank {
        let matched = match one.path {
            Path::Exact(_) | Path::Regex(_) => path.len(),
            Path::Prefix(_) | Path::Call { .. } => length(one.path),
        };
        let (headers, queries) = counts(one);
        [matched, usize::from(one.method.is_some()), headers, queries, 0]
    }

    fn parent_group(&self, group: Option<&str>) -> bool {
        group.is_none_or(|group| group.is_empty() || group.eq_ignore_ascii_case("core"))
    }

    fn section_name(&self) -> Reads {
        Reads::No
    }

    fn hostnames(&self) -> Reads {
        Reads::Unknown
    }

    fn sees(&self, service: Option<&Service>, port: u16) -> Sees {
        let Some(service) = service else { return Sees::Http };
        match service.port(port).and_then(speaks::app_protocol) {
            Some(Speaks::Bytes) => Sees::Bytes,
            None if speaks::linkerd_opaque(service, port) => Sees::Bytes,
            Some(Speaks::Http) | None => Sees::Http,
        }
    }
}
