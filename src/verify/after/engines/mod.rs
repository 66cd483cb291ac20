//! What differs by mesh where the tables have no row for it: how matches are ranked, which parents count, what a port must
//! be for a route to see its requests.
//!
//! One file per target. A rank is compared from its front, the larger one first; of two matches of one rank in one route
//! the earlier one counts.

mod cilium;
mod consul;
mod gateway_api;
mod istio;
mod istio_ambient;
mod kuma;
mod linkerd;

use super::object::{Match, Path};
use crate::inventory::Service;
use crate::pattern::Anchoring;
use crate::verify::request::Field;

/// How a match stands among those that take one request.
pub type Rank = [usize; 5];

/// What an engine makes of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// HTTP, so that routes for it count.
    Http,
    /// Bytes: routes for HTTP do not count.
    Bytes,
    /// Bytes, until the port has an appProtocol.
    NeedsAppProtocol,
}

/// What an engine makes of a parentRef or a field that not all read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// It counts.
    Yes,
    /// It does not.
    No,
    /// Nobody says.
    Unknown,
}

/// One engine.
pub trait Engine: Sync {
    /// Its name for a sentence.
    fn title(&self) -> &'static str;

    /// How it reads a regular expression.
    fn anchoring(&self) -> Anchoring;

    /// How a match that takes a request to `path` ranks.
    fn rank(&self, one: &Match<'_>, path: &str) -> Rank;

    /// Whether a parentRef with this group and kind Service means a Service.
    fn parent_group(&self, group: Option<&str>) -> bool {
        group == Some("")
    }

    /// Whether `sectionName` narrows a parentRef to a port.
    fn section_name(&self) -> Reads {
        Reads::Unknown
    }

    /// Whether routes of another namespace count, for the clients of theirs.
    fn consumer_routes(&self) -> Reads {
        Reads::Yes
    }

    /// Whether `hostnames` of a route counts.
    fn hostnames(&self) -> Reads {
        Reads::No
    }

    /// What it makes of a port; the Service may be unknown.
    fn sees(&self, service: Option<&Service>, port: u16) -> Sees;

    /// Whether a request that no rule takes goes to the Service instead of being answered 404.
    fn falls_through(&self) -> bool {
        false
    }

    /// Whether routes that name the port and routes that do not stay apart on one Service.
    fn keeps_port_forms_apart(&self) -> bool {
        false
    }
}

/// The engines that a target stands for; none for one that reads no routes of a Service.
pub fn of(target: &str, version: &str) -> Vec<Box<dyn Engine>> {
    match target {
        "linkerd" => vec![Box::new(linkerd::Linkerd)],
        "istio" => vec![Box::new(istio::Istio)],
        "istio-ambient" => vec![Box::new(istio_ambient::Ambient)],
        "cilium" => vec![Box::new(cilium::Cilium)],
        "kuma" => vec![Box::new(kuma::Kuma::at(version))],
        "gateway-api" => gateway_api::all(),
        "consul" => consul::none(),
        _ => Vec::new(),
    }
}

/// The number of headers and of query parameters of a match.
fn counts(one: &Match<'_>) -> (usize, usize) {
    let queries = one.fields.iter().filter(|(field, _)| matches!(field, Field::Query(_))).count();
    (one.fields.len() - queries, queries)
}

/// The text of a path match, for engines that rank by its length.
fn length(path: Path<'_>) -> usize {
    match path {
        Path::Exact(value) | Path::Regex(value) => value.len(),
        Path::Prefix("/") => 1,
        Path::Prefix(value) => value.trim_end_matches('/').len(),
        Path::Call { service, method } => {
            let part = |part: Option<&str>| part.map_or(0, |text| 1 + text.len());
            part(service) + part(method)
        }
    }
}
