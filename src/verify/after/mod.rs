//! The side of routes: what a target's engine does, from manifests alone.
//!
//! `object` reads routes as the API server would take them, `routing` answers for one port of a Service, and `engines`
//! holds what differs by mesh. Kinds and fields that the conversion never writes are read too, since the manifests may be
//! anyone's; what is not modelled makes the answer undecided where it could matter.

pub mod access;
pub mod engines;
mod object;
mod routing;
mod shadow;

use std::collections::{BTreeSet, HashMap};

use super::request::{ServiceName, ServicePort, same_namespace};
use super::world::World;
use super::{Judge, Side};
use crate::inventory::{Lookup, Service};
use crate::mappings::{RouteKind, Target, newest};
use crate::verify::speaks;
use crate::yaml::Node;

use engines::Engine;
use object::{Kind, RouteObject};

/// The trust domain of a mesh that was told no other.
const LOCAL_TRUST_DOMAIN: &str = "cluster.local";

/// What a target does with the manifests of a world.
pub struct After<'a> {
    world: &'a World<'a>,
    target: &'static Target,
    version: String,
    /// Of the identities of the mesh.
    trust_domain: String,
    engines: Vec<Box<dyn Engine>>,
    routes: Vec<RouteObject<'a>>,
    /// Indices of `routes` by the name of a parent.
    by_parent: HashMap<&'a str, Vec<usize>>,
    grants: Vec<Grant<'a>>,
}

/// One pair of a ReferenceGrant: who may refer to what.
struct Grant<'a> {
    namespace: Option<&'a str>,
    from_kind: &'a str,
    from_namespace: &'a str,
    /// None: every Service of the namespace.
    service: Option<&'a str>,
}

// === impl After ===

impl<'a> After<'a> {
    /// The side of a target at a version over a world.
    #[must_use]
    pub fn new(world: &'a World<'a>, target: &'static Target, version: &str) -> Self {
        let routes: Vec<RouteObject<'a>> = world.manifests.iter().filter_map(RouteObject::read).collect();
        let mut by_parent: HashMap<&'a str, Vec<usize>> = HashMap::new();
        for (index, route) in routes.iter().enumerate() {
            let names: BTreeSet<&'a str> = route.parents.iter().map(|parent| parent.name).collect();
            names.into_iter().for_each(|name| by_parent.entry(name).or_default().push(index));
        }
        let grants = world.manifests.iter().flat_map(grants).collect();
        let engines = engines::of(&target.name, version);
        let (version, trust_domain) = (version.to_owned(), LOCAL_TRUST_DOMAIN.to_owned());
        Self { world, target, version, trust_domain, engines, routes, by_parent, grants }
    }

    /// The same in a mesh whose identities are of this trust domain; none: `cluster.local`.
    #[must_use]
    pub fn in_trust_domain(mut self, name: Option<&str>) -> Self {
        self.trust_domain = name.unwrap_or(LOCAL_TRUST_DOMAIN).to_owned();
        self
    }

    /// Whether a parentRef of some route names this port of this Service.
    #[must_use]
    pub fn routes_name(&self, at: &ServicePort) -> bool {
        let routes =
            self.by_parent.get(at.service.name.as_str()).into_iter().flatten().map(|&index| &self.routes[index]);
        routes.flat_map(|route| route.parents.iter().map(move |parent| (parent, route))).any(|(parent, route)| {
            parent.service(route).may_be(&at.service) && parent.port.is_none_or(|port| port == at.port)
        })
    }

    fn service(&self, name: &ServiceName) -> Lookup<&'a Service> {
        self.world.inventory.service(name.namespace.as_deref(), &name.name)
    }

    /// Whether the target looks at routes of this kind on a Service at all.
    fn serves(&self, kind: &Kind) -> bool {
        let kind = match kind {
            Kind::Http => RouteKind::HTTPRoute,
            Kind::LinkerdHttp => return self.target.name == "linkerd",
            Kind::Grpc => RouteKind::GRPCRoute,
            Kind::Tcp => RouteKind::TCPRoute,
            Kind::Tls => {
                return ["gateway-api", "istio", "istio-ambient", "linkerd"].contains(&self.target.name.as_str());
            }
            Kind::Udp => return false,
        };
        self.target.api_version(kind, &self.version).is_some()
    }

    /// Only one route of a Service takes effect, and nobody controls which.
    fn one_route_per_service(&self) -> bool {
        newest(&self.target.bundles, &self.version, |row| &row.since).is_some_and(|row| row.one_route_per_service)
    }

    /// Whether a ReferenceGrant lets a route of `from` refer to a Service of another namespace.
    fn granted(&self, kind: &Kind, from: Option<&str>, to: &ServiceName) -> bool {
        self.grants.iter().any(|grant| {
            grant.from_kind == kind.word()
                && Some(grant.from_namespace) == from
                && same_namespace(grant.namespace, to.namespace.as_deref())
                && grant.service.is_none_or(|name| name == to.name)
        })
    }
}

impl Side for After<'_> {
    fn roots(&self) -> BTreeSet<ServiceName> {
        let shadowed = shadow::services(self.world, self.target);
        let parents = self.routes.iter().flat_map(|route| {
            route.parents.iter().filter(|parent| parent.names_a_service()).map(|parent| parent.service(route))
        });
        parents.chain(shadowed).collect()
    }

    fn ports(&self, service: &ServiceName) -> BTreeSet<u16> {
        if let Lookup::Found(found) | Lookup::Ambiguous(found, _) = self.service(service) {
            return speaks::tcp_ports(found).collect();
        }
        let routes = self.by_parent.get(service.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let parents = routes.iter().map(|&index| &self.routes[index]).flat_map(|route| {
            route.parents.iter().filter(|parent| parent.names_a_service() && parent.service(route).may_be(service))
        });
        parents.filter_map(|parent| parent.port).collect()
    }

    fn judge(&self, at: &ServicePort) -> Box<dyn Judge + '_> {
        Box::new(routing::Routing::new(self, at))
    }
}

fn grants<'a>(manifest: &super::Manifest<'a>) -> Vec<Grant<'a>> {
    let Some(header) = manifest.header().filter(|header| header.kind == "ReferenceGrant") else { return Vec::new() };
    let items = |key: &str| header.node.path(&["spec", key]).map(Node::items).unwrap_or_default();
    let text = |node: &'a Node, key: &str| node.get(key).and_then(Node::as_str);
    let services = items("to").iter().filter(|to| text(to, "kind") == Some("Service"));
    services
        .flat_map(|to| {
            items("from").iter().filter_map(move |from| {
                Some(Grant {
                    namespace: manifest.namespace,
                    from_kind: text(from, "kind")?,
                    from_namespace: text(from, "namespace")?,
                    service: text(to, "name"),
                })
            })
        })
        .collect()
}
