//! Istio in ambient mode: a waypoint reads routes as a sidecar does. That one is needed is a row of the table.

use super::{Engine, Rank, Reads, Sees, istio};
use crate::inventory::Service;
use crate::pattern::Anchoring;
use crate::verify::after::object::Match;

pub(super) struct Ambient;

impl Engine for Ambient {
    fn title(&self) -> &'static str {
        "Istio's waypoint"
    }

    fn anchoring(&self) -> Anchoring {
        Anchoring::Full
    }

    fn rank(&self, one: &Match<'_>, _: &str) -> Rank {
        istio::rank(one)
    }

    fn section_name(&self) -> Reads {
        Reads::No
    }

    /// A waypoint stands before the Service, not at the client.
    fn consumer_routes(&self) -> Reads {
        Reads::Unknown
    }

    fn sees(&self, service: Option<&Service>, port: u16) -> Sees {
        istio::sees(service, port)
    }

    fn keeps_port_forms_apart(&self) -> bool {
        true
    }
}
