//! `smi2gamma.yaml`: decisions that a repository keeps. Flags win over it, it wins over detection. It cannot name programs.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use super::policy::{LossConfig, PolicyConfig};

/// The file's name.
pub const NAME: &str = "smi2gamma.yaml";

/// The content of `smi2gamma.yaml`; `docs/smi2gamma.schema.json` describes the same.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "keys such as `to:` and `losses:`")]
pub struct Config {
    /// As `--from`.
    #[serde(default)]
    pub from: Option<String>,
    /// As `--to`.
    #[serde(default)]
    pub to: Option<String>,
    /// As `--service-port`: `namespace/service` to ports.
    #[serde(default)]
    pub service_ports: BTreeMap<String, Vec<NonZeroU16>>,
    /// As `--unowned`.
    #[serde(default)]
    pub unowned: Vec<String>,
    /// As `--grpc-routes`.
    #[serde(default)]
    pub grpc_routes: bool,
    /// Decisions about policy.
    #[serde(default)]
    pub policy: PolicyConfig,
    /// Losses that are accepted.
    #[serde(default)]
    pub losses: Vec<LossConfig>,
}

/// The configuration and the file it is from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Where; none without a file.
    pub path: Option<PathBuf>,
    /// Its text.
    pub text: String,
}

/// Reads the configuration: `named`, else the nearest `smi2gamma.yaml` from `start` upward.
///
/// # Errors
/// If a file is there and cannot be read, with the place in it.
pub fn load(named: Option<&Path>, start: Option<&Path>) -> Result<Loaded> {
    let path = match named {
        Some(path) => Some(path.to_path_buf()),
        None => start.and_then(nearest),
    };
    let Some(path) = path else { return Ok(Loaded::default()) };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the configuration `{}`", path.display()))?;
    let config = if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        Config::default()
    } else {
        serde_yaml::from_str(&text).with_context(|| format!("the configuration `{}` is not right", path.display()))?
    };
    Ok(Loaded { config, path: Some(path), text })
}

fn nearest(start: &Path) -> Option<PathBuf> {
    let start = std::path::absolute(start).ok()?;
    start.ancestors().map(|directory| directory.join(NAME)).find(|path| path.is_file())
}
