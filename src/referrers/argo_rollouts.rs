//! Argo Rollouts: Rollouts that make TrafficSplits at run time, and the splits that they own.

use crate::code;
use crate::inventory::Rollout;
use crate::inventory::kinds::{Entry, Header};
use crate::place::SourceId;
use crate::report::Finding;

/// A finding for a Rollout with `trafficRouting.smi`.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    if header.group() != "argoproj.io" || header.kind != "Rollout" {
        return Vec::new();
    }
    let rollouts = Entry::read(header, source).into_iter().filter_map(|entry| match entry {
        Entry::Rollout(rollout) => Some(rollout),
        _ => None,
    });
    rollouts
        .map(|rollout| {
            let message =
                format!("Argo Rollouts writes TrafficSplit `{}` for Rollout `{}`", rollout.split, rollout.name);
            Finding::new(code!("rollout-makes-splits"), message).at(rollout.place).help(steps(&rollout))
        })
        .collect()
}

/// What to do on the owner of a split, in order. The plug-in's configuration is that of its own documentation
/// (argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi `docs/quick-start.md`, read 2026-08).
#[must_use]
pub fn steps(rollout: &Rollout) -> String {
    let root = rollout.root.as_deref().unwrap_or("SERVICE");
    format!(
        "install the Gateway API plug-in in the controller; make an HTTPRoute for Service `{root}` with the stable and the canary \
         Service as backendRefs; when no rollout is in progress, replace `trafficRouting.smi` of Rollout `{name}` by \
         `plugins: {{argoproj-labs/gatewayAPI: {{httpRoute: ROUTE, namespace: {namespace}}}}}`; delete TrafficSplit `{split}`; under \
         Argo CD, ignore differences at `.spec.rules[].backendRefs[].weight`",
        name = rollout.name,
        split = rollout.split,
        namespace = rollout.namespace.as_deref().unwrap_or("NAMESPACE"),
    )
}
