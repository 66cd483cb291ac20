//! Who keeps an object of a cluster as it is: the source of truth that must change, or the change is undone.
//!
//! In files these marks say nothing that a reader of the files does not know; they count for objects read from a cluster.

use crate::code;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::smi::{Meta, Object};

/// Where a mark stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Label,
    Annotation,
}

/// A mark that a tool leaves on what it applies.
struct Mark {
    on: On,
    key: &'static str,
    /// The value that makes it a mark; none: any, and it names the owner.
    value: Option<&'static str>,
    tool: &'static str,
    /// What to change.
    help: &'static str,
}

const fn mark(on: On, key: &'static str, tool: &'static str, help: &'static str) -> Mark {
    Mark { on, key, value: None, tool, help }
}

const ARGO: &str =
    "change the manifests in the repository that Argo CD syncs; what is changed in the cluster alone is drift";
const FLUX: &str =
    "change the manifests in the repository that Flux reconciles; it puts back what is changed in the cluster alone";
const FLUX_HELM: &str = "change the chart or the values that Flux's HelmRelease names; an upgrade puts back what is changed in the cluster alone";
const HELM: &str =
    "change the chart and upgrade the release; the next upgrade puts back what is changed in the cluster alone";
const APPLY: &str =
    "change the manifests that were applied too, so that the next `kubectl apply` of them does not bring SMI back";

/// The marks, the most telling first (argoproj/argo-cd v3.1 `common/common.go`; fluxcd/kustomize-controller v1.6
/// `internal/controller/kustomization_controller.go`; fluxcd/helm-controller v1.3 `internal/postrender`; helm/helm v3.18
/// `pkg/action/validate.go`; kubectl 1.33 `pkg/util/apply.go`).
const MARKS: [Mark; 8] = [
    mark(On::Annotation, "argocd.argoproj.io/tracking-id", "Argo CD", ARGO),
    mark(On::Label, "argocd.argoproj.io/instance", "Argo CD", ARGO),
    mark(On::Label, "kustomize.toolkit.fluxcd.io/name", "Flux", FLUX),
    mark(On::Label, "helm.toolkit.fluxcd.io/name", "Flux", FLUX_HELM),
    mark(On::Annotation, "meta.helm.sh/release-name", "Helm", HELM),
    Mark { value: Some("Helm"), ..mark(On::Label, "app.kubernetes.io/managed-by", "Helm", HELM) },
    Mark { value: Some("Helm"), ..mark(On::Label, "heritage", "Helm", HELM) },
    mark(On::Annotation, LAST_APPLIED, "kubectl apply", APPLY),
];

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The finding that names the source of truth of an object of a cluster; none if nothing says that there is one.
#[must_use]
pub fn of_object(object: &Object, source: SourceId) -> Option<Finding> {
    let Meta { id, name, labels, annotations, .. } = object.meta();
    MARKS.iter().find_map(|mark| {
        let found = match mark.on {
            On::Label => labels.get(mark.key),
            On::Annotation => annotations.get(mark.key),
        }?;
        if mark.value.is_some_and(|value| value != found.value) {
            return None;
        }
        // The annotation of `kubectl apply` holds the whole object: neither an owner nor a line to show.
        let applied = mark.key == LAST_APPLIED;
        let names_owner = mark.value.is_none() && !applied;
        let owner = if names_owner { format!(" (`{}`)", found.value) } else { String::new() };
        let (how, span) = if applied { ("was written by", name.span) } else { ("is kept by", found.span) };
        let message = format!("{} `{}` {how} {}{owner}", id.kind, id.name, mark.tool);
        Some(Finding::new(code!("managed-by-gitops"), message).at(Place { source, span }).help(mark.help))
    })
}

/// Whether a label or an annotation is put on an object by the tool that applies it, not by its manifest. On a route it
/// would claim the route for the tool, and Argo CD prunes what it tracks and does not find.
#[must_use]
pub fn is_put_by_a_tool(key: &str) -> bool {
    const PUT: [&str; 5] = [
        "argocd.argoproj.io/tracking-id",
        "argocd.argoproj.io/instance",
        "meta.helm.sh/",
        "kustomize.toolkit.fluxcd.io/name",
        "helm.toolkit.fluxcd.io/name",
    ];
    key == LAST_APPLIED || PUT.iter().any(|put| key.starts_with(put))
}
