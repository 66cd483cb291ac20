//! Who writes a TrafficSplit: a controller, or a person.
//!
//! A split that a controller owns is never converted: the controller would write it again, or fight the route.

use std::collections::BTreeSet;

use super::{argo_rollouts, flagger};
use crate::code;
use crate::inventory::Inventory;
use crate::place::{Place, SourceId};
use crate::report::{Finding, ObjectId};
use crate::smi::{Backend, Owner, TrafficSplit};

/// The finding that delegates `split` to its owner; none if a person owns it. `unowned` holds `namespace/name` of splits
/// that the user says no controller owns.
#[must_use]
pub fn of_split(
    split: &TrafficSplit,
    source: SourceId,
    namespace: Option<&str>,
    inventory: &Inventory,
    unowned: &BTreeSet<String>,
) -> Option<Finding> {
    let place = Place { source, span: split.meta.name.span };
    let name = split.meta.name.value.as_str();
    by_reference(split, source, inventory)
        .or_else(|| by_label(split, source))
        .or_else(|| by_owner_in_scope(split, place, namespace, inventory))
        .or_else(|| {
            let asserted =
                unowned.contains(&format!("{}/{name}", namespace.unwrap_or_default())) || unowned.contains(name);
            let other = split.meta.owners.first().map(|owner| other(owner, &split.meta.id, source));
            let likely = || looks_like_flagger(split).then(|| likely_flagger(split, place));
            if asserted { None } else { other.or_else(likely) }
        })
}

/// The finding for an object with an owner that nothing special is known of.
#[must_use]
pub fn other(owner: &Owner, id: &ObjectId, source: SourceId) -> Finding {
    let Owner { api_version, kind, name, span } = owner;
    let mut finding =
        Finding::new(code!("owner-other"), format!("{kind} `{name}` ({api_version}) owns {} `{}`", id.kind, id.name))
            .at(Place { source, span: *span })
            .note("a controller that makes the object would make it again, and the object goes when its owner goes");
    finding.help = Some(match id.kind.as_str() {
        "TrafficSplit" => format!(
            "change {kind} `{name}`; if no controller writes the split any more, say so with `--unowned {}`",
            id.name
        ),
        _ => format!("change {kind} `{name}`, or take the owner reference away if no controller writes the object"),
    });
    finding
}

fn by_reference(split: &TrafficSplit, source: SourceId, inventory: &Inventory) -> Option<Finding> {
    split.meta.owners.iter().find_map(|owner| {
        let group = owner.api_version.split('/').next().unwrap_or_default();
        let place = Place { source, span: owner.span };
        match (group, owner.kind.as_str()) {
            ("flagger.app", "Canary") => {
                let canaries = inventory.canaries().iter().filter(|canary| canary.name == owner.name);
                let canary = nearest(canaries, source, |canary| canary.place);
                let finding = Finding::new(
                    code!("owner-flagger"),
                    format!("Flagger writes this split for Canary `{}`", owner.name),
                )
                .at(place)
                .note(flagger::STEPS_NOTE);
                Some(match canary {
                    Some(canary) => finding.label(canary.place, "the Canary").help(flagger::steps(canary)),
                    None => finding.help(format!(
                        "change Canary `{}`: `smi2gamma explain owner-flagger` has the steps",
                        owner.name
                    )),
                })
            }
            ("argoproj.io", "Rollout") => {
                let rollouts = inventory.rollouts().iter().filter(|rollout| rollout.name == owner.name);
                let rollout = nearest(rollouts, source, |rollout| rollout.place);
                let finding = Finding::new(
                    code!("owner-argo-rollouts"),
                    format!("Argo Rollouts writes this split for Rollout `{}`", owner.name),
                )
                .at(place);
                Some(match rollout {
                    Some(rollout) => finding.label(rollout.place, "the Rollout").help(argo_rollouts::steps(rollout)),
                    None => finding.help(format!(
                        "change Rollout `{}`: `smi2gamma explain owner-argo-rollouts` has the steps",
                        owner.name
                    )),
                })
            }
            _ => None,
        }
    })
}

fn by_label(split: &TrafficSplit, source: SourceId) -> Option<Finding> {
    let label = split.meta.labels.get("failover.linkerd.io/controlled-by")?;
    Some(
        Finding::new(code!("owner-linkerd-failover"), "linkerd-failover rewrites the weights of this split")
            .at(Place { source, span: label.span })
            .note("a route would freeze the weights of this moment, and the failover would be lost (linkerd/linkerd-failover README)")
            .help("replace the failover first, for instance by a federated Service of Linkerd, then delete the split"),
    )
}

fn by_owner_in_scope(split: &TrafficSplit, place: Place, own: Option<&str>, inventory: &Inventory) -> Option<Finding> {
    let name = split.meta.name.value.as_str();
    let same_namespace = |namespace: Option<&str>| namespace.is_none() || own.is_none() || namespace == own;
    let canaries = inventory.canaries().iter().filter(|canary| {
        canary.apex == name && canary.writes_splits() != Some(false) && same_namespace(canary.namespace.as_deref())
    });
    let canary = nearest(canaries, place.source, |canary| canary.place);
    if let Some(canary) = canary.filter(|_| looks_like_flagger(split)) {
        return Some(
            Finding::new(code!("owner-flagger"), format!("Flagger writes this split for Canary `{}`", canary.name))
                .at(place)
                .label(canary.place, "the Canary")
                .note(flagger::STEPS_NOTE)
                .help(flagger::steps(canary)),
        );
    }
    let rollouts = inventory
        .rollouts()
        .iter()
        .filter(|rollout| rollout.split == name && same_namespace(rollout.namespace.as_deref()));
    let rollout = nearest(rollouts, place.source, |rollout| rollout.place)?;
    Some(
        Finding::new(
            code!("owner-argo-rollouts"),
            format!("Argo Rollouts writes this split for Rollout `{}`", rollout.name),
        )
        .at(place)
        .label(rollout.place, "the Rollout")
        .help(argo_rollouts::steps(rollout)),
    )
}

/// The first of those in the text of the split, or else the first of all.
fn nearest<'a, T>(
    candidates: impl Iterator<Item = &'a T>,
    source: SourceId,
    place: impl Fn(&T) -> Place,
) -> Option<&'a T> {
    candidates.min_by_key(|&candidate| place(candidate).source != source)
}

/// Flagger names the split like the apex and its backends `<apex>-canary` and `<apex>-primary` (fluxcd/flagger
/// `pkg/router/smi.go`, 2026-07); it sets no owner reference when the mesh is in another cluster.
fn looks_like_flagger(split: &TrafficSplit) -> bool {
    let apex = split.meta.name.value.as_str();
    let names: BTreeSet<&str> = split.backends.iter().filter_map(backend_name).collect();
    let [canary, primary] = [format!("{apex}-canary"), format!("{apex}-primary")];
    names == BTreeSet::from([canary.as_str(), primary.as_str()])
}

fn backend_name(backend: &Backend) -> Option<&str> {
    backend.service.as_ref().map(|service| service.value.as_str())
}

fn likely_flagger(split: &TrafficSplit, place: Place) -> Finding {
    let name = &split.meta.name.value;
    Finding::new(code!("owner-flagger-likely"), format!("`{name}` with backends `{name}-canary` and `{name}-primary` is how Flagger writes splits"))
        .at(place)
        .note("a copy of what Flagger wrote carries no owner reference, and a route made from it would freeze one moment of a rollout")
        .help(format!("if a Canary owns it, change the Canary (`smi2gamma explain owner-flagger`); if none does, say so with `--unowned {name}`"))
}
