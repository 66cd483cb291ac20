//! What the output is for: a target, at a version.
//!
//! What differs by mesh and is plain data is a row of `mappings/targets/`; a mesh whose policy needs code gets one file
//! here. Rooms before this one know no target.

mod istio;
mod istio_ambient;
mod istio_rules;
mod linkerd;

use rayon::prelude::*;
use std::collections::BTreeMap;

use crate::access::{Around, Closed, Closure, Permission, Rest, Written};
use crate::code;
use crate::mappings::{
    Bundle, Limits, RouteKind, RouteReading, Served, Target, gateway_api, names, newest, numbers, reaches, target,
    targets,
};
use crate::report::Finding;

/// A target at one version: what `--to` means.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The table.
    pub target: &'static Target,
    /// The version, as `--to` wrote it without a leading `v`, or the table's default.
    pub version: String,
}

/// A mesh's own policy: one file of this room each.
pub trait Policy: Sync {
    /// What its policy says of each closure of a scope, in their order.
    fn write(&self, closures: &[Closure<'_>], around: Around<'_>) -> Vec<Written>;

    /// What denies everything without a grant in a namespace, or reports it; to be applied last.
    fn default_deny(&self, rest: &Rest<'_>, around: Around<'_>) -> Closed;
}

/// Writes for the closures of each namespace by themselves, side by side, since names are taken within one; the answers
/// are in the order of the closures.
fn in_namespaces<'a>(closures: &[Closure<'a>], write: impl Fn(&[&Closure<'a>]) -> Vec<Written> + Sync) -> Vec<Written> {
    let mut by_namespace: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, closure) in closures.iter().enumerate() {
        by_namespace.entry(&closure.namespace).or_default().push(index);
    }
    let written: Vec<(Vec<usize>, Vec<Written>)> = by_namespace
        .into_values()
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|indices| {
            let own: Vec<&Closure<'_>> = indices.iter().map(|&index| &closures[index]).collect();
            let written = write(&own);
            (indices, written)
        })
        .collect();
    let mut ordered: Vec<(usize, Written)> =
        written.into_iter().flat_map(|(indices, written)| indices.into_iter().zip(written)).collect();
    ordered.sort_by_key(|(index, _)| *index);
    ordered.into_iter().map(|(_, written)| written).collect()
}

/// Why nothing can be written for pods of which no port is known.
fn ports_unknown(permission: &Permission<'_>, closure: &Closure<'_>) -> Finding {
    let message = format!("nothing says on which ports the pods of `{}` listen", closure.account);
    Finding::new(code!("ports-unknown"), message)
        .at(permission.place)
        .help("declare the ports of the containers, or give the Service that selects the pods")
}

/// All policies, by the name of their target.
static POLICIES: &[(&str, &dyn Policy)] =
    &[("linkerd", &linkerd::Linkerd), ("istio", &istio::Sidecar), ("istio-ambient", &istio_ambient::Ambient)];

/// Why a `--to` means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No such name.
    #[error("there is no target {name:?}; targets are: {}", names(targets().iter().map(|target| &*target.name)))]
    Name {
        /// What was written.
        name: String,
    },
    /// Not numbers between dots.
    #[error("{version:?} is no version of {name}: write numbers, as in `{name}@{example}`; known are: {known}")]
    Form {
        /// The target.
        name: String,
        /// What was written.
        version: String,
        /// The default of the target.
        example: String,
        /// The versions of the table.
        known: String,
    },
    /// Older than the oldest version of the table.
    #[error("{name}@{version} is older than what smi2gamma knows of {name}; known are: {known}")]
    TooOld {
        /// The target.
        name: String,
        /// What was written.
        version: String,
        /// The versions of the table.
        known: String,
    },
}

// === impl Profile ===

impl Profile {
    /// Reads `name` or `name@version`, for instance `istio@1.27`.
    ///
    /// # Errors
    /// Says what exists, where the name or the version does not.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
        let target = target(name).ok_or_else(|| ProfileError::Name { name: name.to_owned() })?;
        match version {
            Some(version) => Self::at(target, version),
            None => Ok(Self { target, version: target.default_version.clone() }),
        }
    }

    fn at(target: &'static Target, version: &str) -> Result<Self, ProfileError> {
        let known = || names(target.versions.iter().map(String::as_str));
        let (name, written) = (target.name.clone(), version.to_owned());
        let Some(numbers) = numbers(version) else {
            let example = target.default_version.clone();
            return Err(ProfileError::Form { name, version: written, example, known: known() });
        };
        let oldest = target.versions.first().map_or("0", String::as_str);
        if reaches(&numbers, oldest) {
            let version = version.strip_prefix('v').unwrap_or(version).to_owned();
            Ok(Self { target, version })
        } else {
            Err(ProfileError::TooOld { name, version: written, known: known() })
        }
    }

    /// As what the chosen version serves a route kind on a Service; none where it does not.
    #[must_use]
    pub fn api_version(&self, kind: RouteKind) -> Option<&'static Served> {
        self.target.api_version(kind, &self.version)
    }

    /// What its CRDs admit of a route kind; none where it does not serve the kind.
    #[must_use]
    pub fn limits(&self, kind: RouteKind) -> Option<&'static Limits> {
        self.api_version(kind)?;
        newest(gateway_api().limits.get(&kind)?, self.gateway_api()?, |row| &row.since)
    }

    /// As what ReferenceGrant is written; none where the target has no routes.
    #[must_use]
    pub fn reference_grant(&self) -> Option<&'static Served> {
        newest(&gateway_api().reference_grant, self.gateway_api()?, |row| &row.since)
    }

    /// Which release of Gateway API it goes with; none where the target has no routes.
    #[must_use]
    pub fn gateway_api(&self) -> Option<&str> {
        match self.bundle() {
            Some(bundle) => Some(&bundle.gateway_api),
            None if self.target.limits.is_empty() => None,
            None => Some(&self.version),
        }
    }

    /// How the target reads routes; none if it has no routes.
    #[must_use]
    pub fn reading(&self) -> Option<&'static RouteReading> {
        self.target.reading.as_ref()
    }

    /// Its policy; none where the target has none, or it is not written yet.
    #[must_use]
    pub fn policy(&self) -> Option<&'static dyn Policy> {
        POLICIES.iter().find(|(name, _)| *name == self.target.name).map(|(_, policy)| *policy)
    }

    /// `name@version`
    #[must_use]
    pub fn display(&self) -> String {
        format!("{}@{}", self.target.name, self.version)
    }

    /// The title and version for a sentence: `Linkerd 2.18`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.target.title, self.version)
    }

    /// The row about Gateway API that holds for the chosen version; none for `gateway-api` itself.
    #[must_use]
    pub fn bundle(&self) -> Option<&'static Bundle> {
        newest(&self.target.bundles, &self.version, |row| &row.since)
    }
}
