//! What tests emit, kept for the cluster suite: with `SMI2GAMMA_EMITTED=DIR` what a test converts is converted for every
//! version of its target, and each manifest is written to a folder of DIR that says which release and channel of Gateway API
//! has to take it.
//!
//! Without the variable nothing is kept. A test file that converts calls [`keep`] where its conversions come by, and [`judge`]
//! on what came of them, which needs no cluster.

mod shape;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde_json::Value;
use smi2gamma::mappings::{Channel, RouteKind};
use smi2gamma::run::{Options, Run, run};
use smi2gamma::target::Profile;
use smi2gamma::yaml::emit;

const KINDS: [RouteKind; 3] = [RouteKind::HTTPRoute, RouteKind::GRPCRoute, RouteKind::TCPRoute];

/// Writes what a run with these options emits: `DIR/RELEASE/CHANNEL/KIND-DIGEST.yaml`, one manifest each, the same text once.
/// RELEASE is `any` for a target that knows no release of Gateway API.
pub fn keep(options: &Options, stdin: &[u8]) {
    let Some(folder) = env::var_os("SMI2GAMMA_EMITTED").map(PathBuf::from) else { return };
    let mut seen = BTreeSet::new();
    for version in &options.to.target.versions {
        let to = Profile { target: options.to.target, version: version.clone() };
        // Versions that serve the same of the same release are given the same.
        let serves = KINDS.map(|kind| to.api_version(kind).map(|served| served.api_version.clone()));
        if !seen.insert((to.gateway_api().map(str::to_owned), serves)) {
            continue;
        }
        let folder = folder.join(to.gateway_api().unwrap_or("any"));
        let options = Options { to: to.clone(), ..options.clone() };
        let run = run(&options, &mut &*stdin).expect("sources that can be read");
        for (_, manifest) in &run.manifests {
            let folder = folder.join(channel(&to, &manifest.value));
            write(&folder, &manifest.value).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
    }
}

/// Every manifest of a run is one that may be written.
#[track_caller]
pub fn judge(run: &Run) {
    for (_, manifest) in &run.manifests {
        let refusal = shape::refusal(&manifest.value);
        assert_eq!(refusal, None, "{:#}", manifest.value);
    }
}

/// The smallest channel that serves what the target takes a manifest as.
fn channel(to: &Profile, manifest: &Value) -> &'static str {
    let kind = KINDS.into_iter().find(|kind| manifest["kind"] == format!("{kind:?}"));
    match kind.and_then(|kind| to.api_version(kind)).map(|served| served.channel) {
        Some(Channel::Experimental) => "experimental",
        Some(Channel::Standard) | None => "standard",
    }
}

fn write(folder: &Path, manifest: &Value) -> std::io::Result<()> {
    let text = emit::to_yaml(std::slice::from_ref(manifest));
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let name = format!("{}-{:016x}.yaml", manifest["kind"].as_str().unwrap_or_default(), hasher.finish());
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), text)
}
