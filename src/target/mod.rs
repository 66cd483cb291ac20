//! What the output is for: a target, at a version.
//!
//! What differs by mesh and is plain data is a row of `mappings/targets/`; a mesh whose policy needs code gets one file
//! here. Rooms before this one know no target.

use thiserror::Error;

use crate::mappings::{self, Limits, RouteKind, RouteReading, Served, Target};

/// A target at one version.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The table of the target.
    pub target: &'static Target,
    /// The version the output is for.
    pub version: String,
}

/// A `--to` that names no target.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// No target of that name.
    #[error("there is no target `{0}`; known are {known}", known = names())]
    Unknown(String),
    /// Older than what was looked at.
    #[error("{title} {version} is older than {oldest}, the first version that smi2gamma knows")]
    TooOld {
        /// The target.
        title: &'static str,
        /// What was asked for.
        version: String,
        /// The first known.
        oldest: &'static str,
    },
}

fn names() -> String {
    mappings::targets().iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ")
}

// === impl Profile ===

impl Profile {
    /// Reads `name[@version]`.
    ///
    /// # Errors
    /// If there is no such target, or the version is older than the first that was looked at.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
        let target = mappings::target(name).ok_or_else(|| ProfileError::Unknown(name.to_owned()))?;
        let version = version.unwrap_or(&target.default_version).trim_start_matches('v').to_owned();
        if let Some(oldest) = target.versions.first()
            && mappings::compare_versions(&version, oldest).is_lt()
        {
            return Err(ProfileError::TooOld { title: &target.title, version, oldest });
        }
        Ok(Self { target, version })
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

    /// How the target serves a kind at this version; none if it does not.
    #[must_use]
    pub fn serves(&self, kind: RouteKind) -> Option<&'static Served> {
        self.target.served(kind, &self.version)
    }

    /// How the target reads routes; none if it has no routes.
    #[must_use]
    pub fn reading(&self) -> Option<&'static RouteReading> {
        self.target.reading.as_ref()
    }

    /// How large a route may be.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.target.limits(&self.version)
    }
}
