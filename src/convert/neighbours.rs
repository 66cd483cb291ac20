//! What stands beside a route on its target and keeps it from taking effect, or must be there for it to.

use super::Item;
use super::ports::{Protocol, RootPort};
use crate::code;
use crate::inventory::{Inventory, Lookup};
use crate::mappings::{Attachment, ProtocolNeed, Shadow};
use crate::model::ServiceRef;
use crate::report::Finding;
use crate::target::Profile;

/// Findings about what shadows the routes of `root`, or what they need.
pub fn check(
    root: &ServiceRef,
    items: &[&Item<'_>],
    inventory: &Inventory,
    profile: &Profile,
    findings: &mut Vec<(usize, Finding)>,
) {
    let Some(reading) = profile.reading() else { return };
    let first = items[0];
    for shadow in &reading.shadowed_by.is {
        let found = match shadow {
            Shadow::ServiceProfile => service_profiles(root, inventory),
            Shadow::VirtualService => virtual_services(root, inventory),
        };
        if found.is_empty() && first.leaves().contains(shadow) {
            findings.push((first.object, left_behind(*shadow, root, first)));
        }
        findings.extend(found.into_iter().map(|finding| (first.object, finding.at(first.root_place))));
    }
    if reading.attachment.is == Attachment::Waypoint && !has_waypoint(root, inventory) {
        let finding = Finding::new(code!("waypoint-needed"), format!("routes of `{}` take effect only behind a waypoint", root.display()))
            .at(first.root_place)
            .note("in ambient mode, ztunnel forwards connections without looking at routes; a waypoint applies them")
            .help(format!(
                "deploy a waypoint (`istioctl waypoint apply -n {0}`) and label the Service: `kubectl label service {1} -n {0} istio.io/use-waypoint=waypoint`",
                root.namespace.as_deref().unwrap_or("NAMESPACE"),
                root.name
            ));
        findings.push((first.object, finding));
    }
}

/// What a controller made of the split stays in the cluster when the split goes, and shadows the route there.
fn left_behind(shadow: Shadow, root: &ServiceRef, item: &Item<'_>) -> Finding {
    let namespace = root.namespace.as_deref().unwrap_or("NAMESPACE");
    let (name, check) = match shadow {
        Shadow::ServiceProfile => {
            let name = format!("{}.{namespace}.svc.cluster.local", root.name);
            let check = format!(
                "`kubectl get serviceprofile {name} -n {namespace} -o jsonpath='{{.spec}}'` must show neither `dstOverrides` nor `routes`"
            );
            (name, check)
        }
        Shadow::VirtualService => {
            let name = format!("{}-vs", item.id.name);
            let check = format!("`kubectl get virtualservice {name} -n {namespace}` must find nothing");
            (name, check)
        }
    };
    Finding::new(
        code!("shadow-left-behind"),
        format!("{shadow:?} `{name}`, made from this split in the cluster, shadows the route until it is cleared"),
    )
    .at(item.root_place)
    .note("order: apply the route, wait for Accepted, delete the TrafficSplit while its controller runs, then check")
    .help(check)
}

fn has_waypoint(root: &ServiceRef, inventory: &Inventory) -> bool {
    match inventory.service(root.namespace.as_deref(), &root.name) {
        Lookup::Found(service) | Lookup::Ambiguous(service, _) => {
            service.labels.get("istio.io/use-waypoint").is_some_and(|waypoint| waypoint != "none")
        }
        Lookup::Missing => false,
    }
}

/// Linkerd's proxies follow a ServiceProfile with routes or overrides instead of a route (linkerd2-proxy
/// `linkerd/service-profiles/src/lib.rs`, has_routes_or_targets, 2026-08).
fn service_profiles(root: &ServiceRef, inventory: &Inventory) -> Vec<Finding> {
    inventory
        .profiles(root.namespace.as_deref(), &root.name)
        .into_iter()
        .filter(|profile| profile.has_routes || profile.has_overrides)
        .map(|profile| {
            let namespace = profile.namespace.as_deref().or(root.namespace.as_deref()).unwrap_or("NAMESPACE");
            let what = match (profile.has_routes, profile.has_overrides) {
                (true, true) => "`routes` and `dstOverrides`",
                (true, false) => "`routes`",
                _ => "`dstOverrides`",
            };
            let patch = match (profile.has_routes, profile.has_overrides) {
                (false, _) => r#"[{"op":"remove","path":"/spec/dstOverrides"}]"#,
                (true, false) => r#"[{"op":"remove","path":"/spec/routes"}]"#,
                (true, true) => r#"[{"op":"remove","path":"/spec/dstOverrides"},{"op":"remove","path":"/spec/routes"}]"#,
            };
            Finding::new(code!("route-shadowed"), format!("ServiceProfile `{}` has {what}, so its Service's routes are not looked at", profile.name))
                .label(profile.place, "the ServiceProfile")
                .note("order: apply the route, wait for Accepted, delete the TrafficSplit while the adaptor runs, then clear the ServiceProfile; retries and timeouts in it must be moved first")
                .help(format!("`kubectl patch serviceprofile {} -n {namespace} --type=json -p '{patch}'`", profile.name))
        })
        .collect()
}

fn virtual_services(root: &ServiceRef, inventory: &Inventory) -> Vec<Finding> {
    inventory
        .virtual_services(root.namespace.as_deref(), &root.name)
        .into_iter()
        .map(|service| {
            Finding::new(
                code!("route-shadowed"),
                format!("VirtualService `{}` already routes the host of `{}`", service.name, root.display()),
            )
            .label(service.place, "the VirtualService")
            .note(
                "Istio does not merge a VirtualService and an HTTPRoute of one host: which one applies is not defined",
            )
            .help("fold the VirtualService into the route, or keep it and delete the split")
        })
        .collect()
}

/// What a target that routes HTTP only where the port says so needs in the Service; none where nothing is missing. The
/// Service is not written: `kubectl apply` would take a reduced one for the whole, and drop its selector.
pub fn app_protocol(port: &RootPort, root: &ServiceRef, profile: &Profile) -> Option<Finding> {
    let needs = profile.reading().is_some_and(|reading| reading.protocol.is == ProtocolNeed::AppProtocol);
    let speaks = match port.protocol {
        Protocol::Http => "http",
        Protocol::Grpc => "grpc",
        Protocol::Tcp | Protocol::Udp => return None,
    };
    if !needs || port.app_protocol {
        return None;
    }
    let (name, number) = (&root.name, port.number);
    let namespace = root.namespace.as_deref().unwrap_or("NAMESPACE");
    let message =
        format!("{} routes port {number} of `{}` only once it has an appProtocol", profile.title(), root.display());
    Some(Finding::new(code!("app-protocol-needed"), message).help(format!(
        "write `appProtocol: {speaks}` into the Service's manifest, or \
         `kubectl patch service {name} -n {namespace} -p '{{\"spec\":{{\"ports\":[{{\"port\":{number},\"appProtocol\":\"{speaks}\"}}]}}}}'`"
    )))
}
