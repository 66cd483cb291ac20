//! What is deployed together on one side: typed SMI objects, the inventory, and every other manifest that may decide.

use crate::inventory::Inventory;
use crate::inventory::kinds::Header;
use crate::place::{Place, SourceId};
use crate::smi::Object;
use crate::yaml::Node;

/// An SMI object as its scope deploys it.
#[derive(Clone, Copy, Debug)]
pub struct Deployed<'a> {
    /// The object.
    pub object: &'a Object,
    /// The text it stands in.
    pub source: SourceId,
    /// The namespace it ends in; none where nothing says.
    pub namespace: Option<&'a str>,
}

/// Any other object as its scope deploys it.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'a> {
    /// The whole object.
    pub node: &'a Node,
    /// The text it stands in.
    pub source: SourceId,
    /// The namespace it ends in; none where nothing says.
    pub namespace: Option<&'a str>,
}

/// What is deployed together.
#[derive(Clone, Debug)]
pub struct World<'a> {
    /// SMI objects that took effect or may have; patches and unreadable objects are left out.
    pub smi: Vec<Deployed<'a>>,
    /// Services and what else stands beside SMI.
    pub inventory: &'a Inventory,
    /// Every object of a kind that [`is_read`] names.
    pub manifests: Vec<Manifest<'a>>,
}

/// Whether an object of this group and kind may decide about routes or access, so that a world must hold its whole text.
#[must_use]
pub fn is_read(group: &str, kind: &str) -> bool {
    match group {
        "gateway.networking.k8s.io" => kind.ends_with("Route") || matches!(kind, "ReferenceGrant" | "Gateway"),
        "policy.linkerd.io" | "security.istio.io" => true,
        "linkerd.io" => kind == "ServiceProfile",
        "networking.istio.io" => kind == "VirtualService",
        "" => kind == "Namespace",
        _ => false,
    }
}

// === impl Manifest ===

impl<'a> Manifest<'a> {
    /// What every object has.
    #[must_use]
    pub fn header(&self) -> Option<Header<'a>> {
        Header::of(self.node)
    }

    /// The place of a part of it.
    #[must_use]
    pub fn at(&self, node: &Node) -> Place {
        Place { source: self.source, span: node.span }
    }
}
