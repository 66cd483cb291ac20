//! The side of SMI: what a source mesh did, from typed objects and the rows of its table.
//!
//! `routing` answers for TrafficSplits; access has its own room beside it. Nothing here is the reading of `model`: the
//! table says what a mesh did, and these rooms say once more what the words of the table mean for one request.

pub mod access;
mod condition;
mod names;
mod routing;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::request::{ServiceName, ServicePort};
use super::world::{Deployed, World};
use super::{Judge, Side};
use crate::inventory::{Lookup, Port, Service};
use crate::mappings::{ProtocolReading, Source, SplitReading};
use crate::smi::{HttpRouteGroup, Kind, Object};
use crate::verify::speaks::{self, Speaks};

/// What a source mesh did with the SMI of a world.
#[derive(Debug)]
pub struct Before<'a> {
    world: &'a World<'a>,
    mesh: &'static Source,
    /// Shares are not rounded, whatever the mesh did.
    exact: bool,
    /// Splits that may take effect, by the name of the Service that they name.
    by_root: BTreeMap<String, Vec<routing::Split<'a>>>,
    /// Route groups by name.
    groups: HashMap<&'a str, Vec<(&'a HttpRouteGroup, Deployed<'a>)>>,
}

// === impl Before ===

impl<'a> Before<'a> {
    /// The side of `mesh` over a world.
    #[must_use]
    pub fn new(world: &'a World<'a>, mesh: &'static Source) -> Self {
        let mut before = Self { world, mesh, exact: false, by_root: BTreeMap::new(), groups: HashMap::new() };
        for &deployed in &world.smi {
            if let Object::HttpRouteGroup(group) = deployed.object {
                before.groups.entry(&group.meta.id.name).or_default().push((group, deployed));
            }
        }
        for &deployed in &world.smi {
            if let (Object::TrafficSplit(split), Some(reading)) = (deployed.object, &mesh.split)
                && mesh.serves(Kind::TrafficSplit, split.meta.version)
                && let Some(split) = routing::Split::read(split, deployed, reading)
            {
                before.by_root.entry(split.root.name.clone()).or_default().push(split);
            }
        }
        before
    }

    /// The same without the rounding of shares, for telling what the rounding alone did.
    #[must_use]
    pub fn with_exact_shares(mut self) -> Self {
        self.exact = true;
        self
    }

    /// The source mesh.
    #[must_use]
    pub fn mesh(&self) -> &'static Source {
        self.mesh
    }

    fn service(&self, name: &ServiceName) -> Lookup<&'a Service> {
        self.world.inventory.service(name.namespace.as_deref(), &name.name)
    }

    fn reading(&self) -> Option<&'static SplitReading> {
        self.mesh.split.as_ref()
    }

    fn splits_of(&self, root: &ServiceName) -> Vec<&routing::Split<'a>> {
        let named = self.by_root.get(&root.name).map(Vec::as_slice).unwrap_or_default();
        let exact: Vec<_> = named.iter().filter(|split| split.root == *root).collect();
        if exact.is_empty() { named.iter().filter(|split| split.root.may_be(root)).collect() } else { exact }
    }
}

impl Side for Before<'_> {
    fn roots(&self) -> BTreeSet<ServiceName> {
        self.by_root.values().flatten().map(|split| split.root.clone()).collect()
    }

    fn ports(&self, service: &ServiceName) -> BTreeSet<u16> {
        let own = match self.service(service) {
            Lookup::Found(found) | Lookup::Ambiguous(found, _) => return ports_of(found),
            Lookup::Missing => BTreeSet::new(),
        };
        // SMI splits a port among backends that have the same number, so that a root which is not seen has theirs.
        let mut common: Option<BTreeSet<u16>> = None;
        for split in self.splits_of(service) {
            for backend in split.backend_names().filter(|name| !name.may_be(service)) {
                if let Lookup::Found(found) | Lookup::Ambiguous(found, _) = self.service(&backend) {
                    let ports = ports_of(found);
                    common = Some(match common {
                        Some(common) => common.intersection(&ports).copied().collect(),
                        None => ports,
                    });
                }
            }
        }
        common.unwrap_or(own)
    }

    fn judge(&self, at: &ServicePort) -> Box<dyn Judge + '_> {
        Box::new(routing::Routing::new(self, at))
    }
}

/// What a mesh that read protocols so was told of a port of a Service; none where it was told nothing.
fn said(service: &Service, port: &Port, reading: ProtocolReading) -> Option<Speaks> {
    match reading {
        ProtocolReading::AnnotatedElseHttp => speaks::traefik_annotation(service),
        ProtocolReading::Detected => speaks::linkerd_opaque(service, port.number).then_some(Speaks::Bytes),
        ProtocolReading::DeclaredElseHttp | ProtocolReading::HttpOnly | ProtocolReading::Undefined => {
            speaks::declared(port)
        }
    }
}

fn ports_of(service: &Service) -> BTreeSet<u16> {
    speaks::tcp_ports(service).collect()
}
