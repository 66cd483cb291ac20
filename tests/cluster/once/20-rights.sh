#!/usr/bin/env bash
# The rights that `smi2gamma rbac` prints are enough for a whole run, in the cluster and in one namespace, for routes alone and with policy;
# with one rule less the run says which kinds it may not read and that it is incomplete, and holds the destinations of grants. Kinds of the table that no set of definitions brings are served with an open schema.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

program=$(program)
PATH=${program%/*}:$PATH
folder=$SMI2GAMMA_CLUSTER/rights
mkdir -p "$folder"

"$program" rbac >"$folder/all.yaml"
sed '/^---/,$d' "$folder/all.yaml" >"$folder/role.yaml"
# One rule a line: its group, or `core`, then its resources.
awk -F'[][]' '/^- apiGroups:/ { group = $2 == "\"\"" ? "core" : $2 } /^  resources:/ { gsub(",", "", $2); print group, $2 }' \
    "$folder/role.yaml" >"$folder/rules"

# === a cluster that serves all of it, with one split that can be converted ===

# open_definitions: a definition for each resource of the role that the server does not know.
open_definitions() {
    local group resources resource known
    known=$("$KUBECTL" api-resources -o name)
    while read -r group resources; do
        # Groups of Kubernetes itself take no definition of ours: what the channel leaves out stays unserved.
        [[ $group == *.* && $group != *.k8s.io ]] || continue
        for resource in $resources; do
            grep -qxF "$resource.$group" <<<"$known" && continue
            cat <<YAML
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $resource.$group}
spec:
  group: $group
  scope: Namespaced
  names: {plural: $resource, kind: ${resource^}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
YAML
        done
    done <"$folder/rules"
}
open_definitions >"$folder/definitions.yaml"
[[ ! -s $folder/definitions.yaml ]] || install_crds -f "$folder/definitions.yaml"
"$KUBECTL" api-resources -o name >"$folder/served"

make_namespaces "$here/once/split.yaml"
"$KUBECTL" apply -f "$here/once/split.yaml" >/dev/null

# === the whole role ===

must "the API server takes what rbac prints" "$KUBECTL" apply --validate=strict -f "$folder/all.yaml"
reader=$("$here/user.sh" reader)
"$KUBECTL" create clusterrolebinding suite-reader --clusterrole smi2gamma --user reader >/dev/null
of_one=$("$here/user.sh" reader-of-one)
"$program" rbac -n plugin-suite | "$KUBECTL" apply --validate=strict -f - >/dev/null
"$KUBECTL" create rolebinding suite-reader-of-one -n plugin-suite --role smi2gamma --user reader-of-one >/dev/null

# whole KUBECONFIG COMMAND...: as the administrator's run, and nothing is missing.
whole() {
    local config=$1
    shift
    "$program" "$@" >"$folder/wanted" 2>"$folder/said" || { cat "$folder/said"; return 1; }
    "$program" "$@" --kubeconfig "$config" >"$folder/out" 2>"$folder/said" || { cat "$folder/said"; return 1; }
    diff "$folder/wanted" "$folder/out" && ! grep -E 'incomplete|denied' "$folder/said"
}
must "the role is enough to convert a cluster" whole "$reader" convert cluster: --from spec
must "the role is enough for the status of a cluster" whole "$reader" status cluster:
must "the role of a namespace is enough to convert it" whole "$of_one" convert cluster: --from spec -n plugin-suite
must "the role of a namespace is enough for its status" whole "$of_one" status cluster: -n plugin-suite

# === one rule less ===

# without NUMBER: the role without that rule.
without() { awk -v gone="$1" '/^- apiGroups/ { n++ } n != gone || !/^( |-)/' "$folder/role.yaml"; }

# denied GROUP RESOURCE...: whether the run of the reader says so, once for each resource that is served, and that it is incomplete.
denied() {
    local group=${1#core} code=cluster-context-denied flags=(report cluster: --from spec --report json) missing said count=0
    [[ $group != *.smi-spec.io ]] || code=cluster-denied
    shift
    [[ $group == apps ]] && flags=(status cluster: -o json)
    "$program" "${flags[@]}" --kubeconfig "$reader" >"$folder/out" 2>"$folder/said" || true
    grep -qE '"incomplete": ?true' "$folder/out" || { echo "it is not incomplete: $(<"$folder/said")"; return 1; }
    for missing in "$@"; do
        grep -qxF "$missing${group:+.$group}" "$folder/served" || continue
        count=$((count + 1))
        said="cannot list resource \\\"$missing\\\" in API group \\\"$group\\\""
        grep -F "$said" "$folder/out" >"$folder/found" || { echo "it does not say: $said"; return 1; }
    done
    [[ $(grep -c 'may not be listed' "$folder/out") == "$count" && $count != 0 ]] || { grep 'may not be listed' "$folder/out"; return 1; }
    [[ $group == apps ]] || grep -qF "\"$code\"" "$folder/out"
}

number=0
while read -r group resources; do
    number=$((number + 1))
    without "$number" | "$KUBECTL" apply -f - >/dev/null
    # shellcheck disable=SC2086 # one resource a word
    must "without the rule for $group it says what it may not list" denied "$group" $resources
done <"$folder/rules"
((number > 10)) || not_ok "the role has only $number rules"

# === policy ===

"$program" rbac --to linkerd >"$folder/policy.yaml"
sed '/^---/,$d' "$folder/policy.yaml" >"$folder/role.yaml"
"$KUBECTL" delete -f "$here/once/split.yaml" >/dev/null
"$KUBECTL" apply -f "$here/once/grant.yaml" >/dev/null
must "the API server takes what rbac prints for policy" "$KUBECTL" apply --validate=strict -f "$folder/policy.yaml"
"$program" rbac --to linkerd -n plugin-suite | "$KUBECTL" apply --validate=strict -f - >/dev/null
policy=(convert cluster: --from osm --enforced yes --to linkerd)
must "the role is enough for the policy of a cluster" whole "$reader" "${policy[@]}"
must "what is written then enforces" grep -q '^kind: Server' "$folder/out"
must "the role of a namespace is enough for its policy" whole "$of_one" "${policy[@]}" -n plugin-suite

# held RESOURCE: without the rule that has it, the run says what it may not read, and nothing enforces.
held() {
    local rule
    rule=$(awk -v word="[[ ]$1[],]" '/^- apiGroups/ { n++ } /^  resources:/ && $0 ~ word { print n; exit }' "$folder/role.yaml")
    without "${rule:?no rule for $1}" | "$KUBECTL" apply -f - >/dev/null
    "$program" "${policy[@]}" --kubeconfig "$reader" >"$folder/out" 2>"$folder/said" || true
    local words
    for words in incomplete 'may not be' workload-unreadable; do
        grep -q "$words" "$folder/said" || { echo "it does not say $words: $(<"$folder/said")"; return 1; }
    done
    ! grep -q '^kind: Server' "$folder/out"
}
for right in deployments pods jobs namespaces ingresses servers validatingwebhookconfigurations; do
    must "without the right on $right nothing enforces" held "$right"
done

"$KUBECTL" delete -f "$here/once/grant.yaml" -f "$folder/policy.yaml" --wait=false >/dev/null
