//! Flagger: Canaries that make TrafficSplits at run time, and the splits that they own.

use crate::code;
use crate::inventory::Canary;
use crate::inventory::kinds::{Entry, Header};
use crate::place::SourceId;
use crate::report::Finding;

/// A finding for a Canary whose provider writes TrafficSplits, or may.
#[must_use]
pub fn inspect(header: &Header<'_>, source: SourceId) -> Vec<Finding> {
    if header.group() != "flagger.app" || header.kind != "Canary" {
        return Vec::new();
    }
    let canary = Entry::read(header, source).into_iter().find_map(|entry| match entry {
        Entry::Canary(canary) => Some(canary),
        _ => None,
    });
    let Some(canary) = canary else { return Vec::new() };
    match canary.writes_splits() {
        Some(false) => Vec::new(),
        Some(true) => {
            let provider = canary.provider.as_deref().unwrap_or_default();
            vec![
                Finding::new(code!("canary-makes-splits"), format!("Flagger writes TrafficSplits for Canary `{}` (provider `{provider}`)", canary.name))
                    .at(canary.place)
                    .note(STEPS_NOTE)
                    .help(steps(&canary)),
            ]
        }
        None => vec![
            Finding::new(code!("canary-provider-unknown"), format!("Canary `{}` names no provider, so Flagger's own `meshProvider` decides whether it writes TrafficSplits", canary.name))
                .at(canary.place)
                .help("look at Flagger's `-mesh-provider`: with `linkerd`, `osm` or `smi:*`, `smi2gamma explain owner-flagger` says what to do"),
        ],
    }
}

/// Why the order matters.
pub const STEPS_NOTE: &str = "Flagger's SMI router leaves its TrafficSplit behind when the provider changes, and a ServiceProfile made from it would shadow the new route; the global meshProvider stays while its metrics are used";

/// What to do on the owner of a split, in order.
#[must_use]
pub fn steps(canary: &Canary) -> String {
    let namespace = canary.namespace.as_deref().unwrap_or("NAMESPACE");
    let port = canary.port.map_or_else(|| "PORT".to_owned(), |port| port.to_string());
    format!(
        "when no rollout is in progress: set `spec.provider: gatewayapi:v1` and \
         `spec.service.gatewayRefs: [{{group: \"\", kind: Service, name: {apex}, namespace: {namespace}, port: {port}}}]` on Canary \
         `{name}`; wait until HTTPRoute `{apex}` is Accepted; delete TrafficSplit `{apex}` while the adaptor runs; check that \
         ServiceProfile `{apex}.{namespace}.svc.cluster.local` has neither routes nor dstOverrides; test with a rollout",
        apex = canary.apex,
        name = canary.name,
    )
}
