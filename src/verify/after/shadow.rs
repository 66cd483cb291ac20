//! Objects of the same host that keep a route from being looked at, and what they do instead.

use std::collections::BTreeSet;

use crate::inventory::Lookup;
use crate::mappings::{Shadow, Target};
use crate::verify::request::{ServiceName, ServicePort};
use crate::verify::verdict::{Backend, Cause, Shares};
use crate::verify::world::{Manifest, World};
use crate::yaml::Node;

/// Something that shadows the routes of a Service.
pub(super) struct Shadowing {
    /// `ServiceProfile web.shop.svc.cluster.local`
    pub what: String,
    pub cause: Cause,
    /// What it does instead; none where that is not modelled.
    pub shares: Option<Shares>,
}

/// The Services for which some object of the world splits traffic in place of routes.
pub(super) fn services(world: &World<'_>, target: &Target) -> BTreeSet<ServiceName> {
    let shadows = target.reading.as_ref().map(|reading| reading.shadowed_by.is.as_slice()).unwrap_or_default();
    if !shadows.contains(&Shadow::ServiceProfile) {
        return BTreeSet::new();
    }
    let profiles = world.manifests.iter().filter(|manifest| !overrides(manifest).is_empty());
    profiles.filter_map(|manifest| host(manifest.header()?.name)).collect()
}

/// What shadows the routes of a Service on a target.
pub(super) fn of(world: &World<'_>, target: &Target, at: &ServicePort) -> Option<Shadowing> {
    let shadows = target.reading.as_ref().map(|reading| reading.shadowed_by.is.as_slice()).unwrap_or_default();
    shadows.iter().find_map(|shadow| match shadow {
        Shadow::ServiceProfile => profile(world, at),
        Shadow::VirtualService => virtual_service(world, at),
    })
}

/// A ServiceProfile with routes or overrides (linkerd/linkerd2-proxy@29637b64f linkerd/service-profiles/src/lib.rs,
/// has_routes_or_targets).
fn profile(world: &World<'_>, at: &ServicePort) -> Option<Shadowing> {
    let found = world.manifests.iter().find_map(|manifest| {
        let header = manifest.header().filter(|header| header.kind == "ServiceProfile")?;
        let host = host(header.name).filter(|host| host.may_be(&at.service))?;
        let routes = header.node.path(&["spec", "routes"]).is_some_and(|routes| !routes.items().is_empty());
        (routes || !overrides(manifest).is_empty()).then_some((manifest, host))
    });
    let Some((manifest, _)) = found else {
        let name = &at.service;
        let profiles = world.inventory.profiles(name.namespace.as_deref(), &name.name);
        let profile = profiles.into_iter().find(|profile| profile.has_routes || profile.has_overrides)?;
        let what = format!("ServiceProfile {}", profile.name);
        return Some(Shadowing { cause: Cause { place: Some(profile.place), what: what.clone() }, what, shares: None });
    };
    let name = manifest.header()?.name;
    let what = format!("ServiceProfile {name}");
    let node = manifest.node.get("kind").unwrap_or(manifest.node);
    let cause = Cause { place: Some(manifest.at(node)), what: what.clone() };
    Some(Shadowing { what, cause, shares: shares(world, manifest, at) })
}

fn shares(world: &World<'_>, manifest: &Manifest<'_>, at: &ServicePort) -> Option<Shares> {
    let own = Backend { namespace: None, name: at.service.name.clone(), port: at.port };
    let overrides = overrides(manifest);
    let mut weights = Vec::new();
    let mut fails = 0;
    for one in overrides {
        let service = host(one.get("authority")?.as_str()?)?;
        let weight = milli(one.get("weight")?)?;
        let namespace =
            service.namespace.clone().filter(|other| at.service.namespace.as_ref().is_some_and(|own| own != other));
        let backend = Backend { namespace, name: service.name.clone(), port: at.port };
        match world.inventory.service(service.namespace.as_deref(), &service.name) {
            Lookup::Found(found) | Lookup::Ambiguous(found, _) if found.port(at.port).is_none() => fails += weight,
            Lookup::Found(_) | Lookup::Ambiguous(..) | Lookup::Missing => weights.push((backend, weight)),
        }
    }
    // Overrides of weight 0 are dropped, and without any left the Service's own endpoints answer.
    let any = fails > 0 || weights.iter().any(|(_, weight)| *weight > 0);
    Some(if any { Shares::new(weights, fails) } else { Shares::all_to(own) })
}

fn overrides<'a>(manifest: &Manifest<'a>) -> &'a [Node] {
    let profile = manifest.header().filter(|header| header.kind == "ServiceProfile");
    profile.and_then(|header| header.node.path(&["spec", "dstOverrides"])).map(Node::items).unwrap_or_default()
}

/// A weight in thousandths: `500m`, `1`, 1.
fn milli(node: &Node) -> Option<u128> {
    let written = node.scalar()?;
    match written.as_int() {
        Some(whole) => u128::try_from(whole).ok()?.checked_mul(1000),
        None => match written.as_str()?.strip_suffix('m') {
            Some(milli) => milli.parse().ok(),
            None => written.as_str()?.parse::<u128>().ok()?.checked_mul(1000),
        },
    }
}

/// The Service of `web.shop.svc.cluster.local:80`.
fn host(text: &str) -> Option<ServiceName> {
    let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
    let mut labels = host.split('.');
    let name = labels.next()?.to_owned();
    let namespace = labels.next()?.to_owned();
    (labels.next() == Some("svc")).then_some(ServiceName { namespace: Some(namespace), name })
}

/// A VirtualService of the same host: both become one kind inside, and which of them wins is not promised (istio/istio
/// issues 22997 and 59483).
fn virtual_service(world: &World<'_>, at: &ServicePort) -> Option<Shadowing> {
    let name = &at.service;
    let found = world.inventory.virtual_services(name.namespace.as_deref(), &name.name);
    let service = found.first()?;
    let what = format!("VirtualService {}", service.name);
    Some(Shadowing { cause: Cause { place: Some(service.place), what: what.clone() }, what, shares: None })
}
