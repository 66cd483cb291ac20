//! Which objects a document holds, and which of them are SMI.
//!
//! This is the only walk over documents: lists are opened here, and what their entries inherit is decided here. Real
//! manifests lack, shorten and misspell the apiVersion, so kind names decide where the group does not. Nothing of an
//! object's fields is read, except to tell a TCPRoute or UDPRoute of SMI from one of Gateway API.

use super::{Kind, Version, text};
use crate::place::{Span, Spanned};
use crate::yaml::{Node, Value};

/// One object of a document.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The object.
    pub node: &'a Node,
    /// Its `apiVersion`, or the one that the entries of its typed list have; none where it is absent or empty.
    pub api_version: Option<Spanned<&'a str>>,
    /// Its `kind`, or the one that the entries of its typed list have; none where it is absent or empty.
    pub kind: Option<Spanned<&'a str>>,
    /// Whether it is SMI.
    pub verdict: Verdict,
    /// The list that it is an entry of, the innermost of nested ones.
    pub list: Option<Span>,
}

/// Whether an object is SMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A kind of SMI, with its version if it names one that exists.
    Smi(Kind, Result<Version, UnknownVersion>),
    /// An smi-spec.io group with a kind that it never had, or the kind of SMI in another spelling.
    UnknownKind,
    /// A kind of SMI's name and shape under the group of one mesh: traffic.flomesh.io TrafficSplit.
    Lookalike(Kind),
    /// Something else.
    Other,
}

/// Why an object of SMI names no version that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownVersion {
    /// No apiVersion at all.
    Missing,
    /// A version without a group.
    Groupless,
    /// `v1alpha5`, which was a draft.
    Draft,
    /// The right group, and a version that the kind never had.
    NoSuchVersion,
    /// A group that does not have this kind.
    WrongGroup,
}

/// All objects of the document with this `root`, in written order. Every mapping that is not a list counts, with or
/// without a kind; the entries of lists (`List`, typed lists, nested ones) stand in place of the lists. A
/// TrafficMetricsList is one object: its entries are answers, not objects of their own.
#[must_use]
pub fn objects(root: &Node) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let mut waiting = vec![Entry { node: root, inherited: Inherited::default(), list: None }];
    while let Some(entry) = waiting.pop() {
        match entry.opened() {
            Some(entries) => waiting.extend(entries.into_iter().rev()),
            None => found.extend(entry.found()),
        }
    }
    found
}

/// Whether an object with this apiVersion and kind is SMI; `node` is only looked at for the shape of a TCPRoute or
/// UDPRoute that names no group.
#[must_use]
pub fn verdict(node: &Node, api_version: Option<&str>, kind: Option<&str>) -> Verdict {
    if describes_a_kind(node) {
        return Verdict::Other;
    }
    let api = Api::of(api_version);
    let Some(kind_name) = kind else {
        return if api.is_smi() { Verdict::UnknownKind } else { Verdict::Other };
    };
    let Some(kind) = Kind::from_name(kind_name) else {
        let misspelled = api.is_bare() && Kind::ALL.iter().any(|kind| kind.name().eq_ignore_ascii_case(kind_name));
        return if api.is_smi() || misspelled { Verdict::UnknownKind } else { Verdict::Other };
    };
    let port_route = matches!(kind, Kind::TCPRoute | Kind::UDPRoute);
    match api {
        Api::Group { group, .. } if api.is_foreign() => match (group, kind) {
            ("traffic.flomesh.io", Kind::TrafficSplit) => Verdict::Lookalike(kind),
            _ => Verdict::Other,
        },
        Api::Missing | Api::Bare(_) if port_route && !has_smi_shape(node) => Verdict::Other,
        Api::Group { .. } if port_route && !api.is_smi() => Verdict::Other,
        _ => Verdict::Smi(kind, api.version(kind)),
    }
}

/// A node that may be an object or a list, with what it inherits.
struct Entry<'a> {
    node: &'a Node,
    inherited: Inherited<'a>,
    list: Option<Span>,
}

/// What the entries of a typed list inherit from it.
#[derive(Clone, Copy, Default)]
struct Inherited<'a> {
    api_version: Option<(&'a str, Span)>,
    kind: Option<(&'a str, Span)>,
}

/// An apiVersion, taken apart.
#[derive(Clone, Copy)]
enum Api<'a> {
    Missing,
    /// No slash in it.
    Bare(&'a str),
    Group {
        group: &'a str,
        version: &'a str,
    },
}

// === impl Entry ===

impl<'a> Entry<'a> {
    /// The entries of this node, if it is a list.
    fn opened(&self) -> Option<Vec<Entry<'a>>> {
        if let Value::List(items) = &self.node.value {
            return self.list.is_none().then(|| self.entries(items, Inherited::default()));
        }
        let items = self.node.get("items")?;
        if !matches!(items.value, Value::List(_)) && !items.is_null() {
            return None;
        }
        let items = items.items();
        match text_of(self.node, "kind") {
            None | Some(("List", _)) => Some(self.entries(items, Inherited::default())),
            Some((kind, _)) if kind == Kind::TrafficMetricsList.name() => None,
            Some((kind, span)) => {
                let kind = kind.strip_suffix("List")?;
                let inherited = Inherited { api_version: text_of(self.node, "apiVersion"), kind: Some((kind, span)) };
                Some(self.entries(items, inherited))
            }
        }
    }

    fn entries(&self, items: &'a [Node], inherited: Inherited<'a>) -> Vec<Entry<'a>> {
        let list = Some(self.node.span);
        items.iter().map(|node| Entry { node, inherited, list }).collect()
    }

    /// This node as an object; none if it is no mapping and inherits no kind.
    fn found(&self) -> Option<Found<'a>> {
        let api_version = text_of(self.node, "apiVersion").or(self.inherited.api_version);
        let kind = text_of(self.node, "kind").or(self.inherited.kind);
        if !matches!(self.node.value, Value::Map(_)) && self.inherited.kind.is_none() {
            return None;
        }
        let verdict = verdict(self.node, api_version.map(|(text, _)| text), kind.map(|(text, _)| text));
        let spanned = |(text, span)| Spanned::new(text, span);
        Some(Found {
            node: self.node,
            api_version: api_version.map(spanned),
            kind: kind.map(spanned),
            verdict,
            list: self.list,
        })
    }
}

// === impl Api ===

impl<'a> Api<'a> {
    fn of(api_version: Option<&'a str>) -> Self {
        match api_version {
            None | Some("") => Self::Missing,
            Some(text) => match text.split_once('/') {
                Some((group, version)) => Self::Group { group, version },
                None => Self::Bare(text),
            },
        }
    }

    /// Names SMI, perhaps misspelled: `split.smi-spec.io/v1alpha1`, `smi-spec.io/v1beta1`, `split.smi-spec.io`.
    fn is_smi(self) -> bool {
        let group = match self {
            Self::Missing => return false,
            Self::Bare(text) => text,
            Self::Group { group, .. } => group,
        };
        let letters: String = group.chars().filter(char::is_ascii_alphanumeric).collect();
        letters.to_ascii_lowercase().contains("smispec")
            || Kind::ALL.iter().any(|kind| text::distance(group.get(..64).unwrap_or(group), kind.group()) <= 2)
    }

    /// Names no group that could speak against SMI.
    fn is_bare(self) -> bool {
        matches!(self, Self::Missing | Self::Bare(_))
    }

    /// A real group that is not SMI's.
    fn is_foreign(self) -> bool {
        matches!(self, Self::Group { group, .. } if group.contains('.')) && !self.is_smi()
    }

    fn version(self, kind: Kind) -> Result<Version, UnknownVersion> {
        match self {
            Self::Missing => Err(UnknownVersion::Missing),
            Self::Bare(text) if text.starts_with('v') && !self.is_smi() => Err(UnknownVersion::Groupless),
            Self::Bare(_) => Err(UnknownVersion::WrongGroup),
            Self::Group { group, .. } if group != kind.group() => Err(UnknownVersion::WrongGroup),
            Self::Group { version: "v1alpha5", .. } => Err(UnknownVersion::Draft),
            Self::Group { version, .. } => {
                Version::from_name(version).filter(|version| kind.has(*version)).ok_or(UnknownVersion::NoSuchVersion)
            }
        }
    }
}

/// Names a kind and is no object of it: an entry of API discovery (k8s.io/apimachinery@v0.33.0 `pkg/apis/meta/v1`
/// APIResource), or a model of a kind for a designer (meshery/meshery-osm@master `templates/meshmodel`).
fn describes_a_kind(node: &Node) -> bool {
    let has = |name: &str| node.get(name).is_some();
    (has("verbs") && has("namespaced")) || (has("schema") && has("model") && !has("spec"))
}

/// The shape of a port route of SMI: `spec.matches`, or nothing that only Gateway API has.
fn has_smi_shape(node: &Node) -> bool {
    let Some(spec) = node.get("spec") else { return true };
    spec.get("matches").is_some() || (spec.get("parentRefs").is_none() && spec.get("rules").is_none())
}

/// The text of the field called `name`; none where it is absent, empty or no text.
fn text_of<'a>(node: &'a Node, name: &str) -> Option<(&'a str, Span)> {
    let node = node.get(name)?;
    node.as_str().filter(|text| !text.is_empty()).map(|text| (text, node.span))
}
