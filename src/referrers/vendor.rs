//! Objects of vendors that refer to SMI objects or resemble them.

use crate::code;
use crate::inventory::kinds::Header;
use crate::place::SourceId;
use crate::report::Finding;

/// Findings for vendor objects that depend on an HTTPRouteGroup, and for Flomesh's own TrafficSplit.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    let place = header.place(source);
    let depends = |what: &str| {
        Finding::new(code!("leftover-vendor"), format!("{} `{}` depends on SMI: {what}", header.kind, header.name))
            .at(place)
            .help("give it a replacement on the target before the HTTPRouteGroups that it names are deleted")
    };
    match (header.group(), header.kind) {
        ("specs.smi.nginx.com", "RateLimit" | "CircuitBreaker") => {
            vec![depends(
                "its `rules` name matches of an HTTPRouteGroup (nginx-service-mesh docs, SMI traffic policies)",
            )]
        }
        ("policy.openservicemesh.io" | "policy.flomesh.io", "Egress") => {
            vec![depends("its `matches` name HTTPRouteGroups (osm-docs, egress policy demo)")]
        }
        ("policy.openservicemesh.io" | "policy.flomesh.io", "UpstreamTrafficSetting" | "Retry") => {
            vec![depends("its routes are found by the `pathRegex` of an HTTPRouteGroup (osm release-v1.2)")]
        }
        ("traffic.flomesh.io" | "split.flomesh.io", "TrafficSplit") => vec![
            Finding::new(
                code!("flomesh-split"),
                format!("TrafficSplit `{}` is of Flomesh's own group {}", header.name, header.group()),
            )
            .at(place)
            .note("it has the shape of SMI's v1alpha4, but it is another API with a controller that is maintained")
            .help("to convert it too, change its apiVersion to `split.smi-spec.io/v1alpha4` in a copy"),
        ],
        _ => Vec::new(),
    }
}
