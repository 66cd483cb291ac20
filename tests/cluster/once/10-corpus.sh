#!/usr/bin/env bash
# Files and the cluster give the same result: what a corpus of real manifests holds is stored as people store it, with `kubectl apply`,
# read back by `kubectl smi2gamma`, and converted to the same bytes and the same outcomes as the manifests themselves. One project of the
# corpus is one world. Whose reading applies is given: evidence for it may stand in objects that a cluster is not asked for.
# $SMI2GAMMA_CORPUS is its folder; without one this room is skipped.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

corpus=${SMI2GAMMA_CORPUS:-$here/../../../shared/corpus}
if [[ ! -d $corpus ]]; then
    skip "no corpus at $corpus (set SMI2GAMMA_CORPUS)"
    exit 0
fi
program=$(program)
PATH=${program%/*}:$PATH

# What only a cluster adds must not be carried over to anything that is written.
added='managedFields|resourceVersion|creationTimestamp|uid:|generation:|last-applied-configuration|^status:'

# store FOLDER: applies every object; those that the API server does not take are no part of the world.
store() {
    make_namespaces "$1"/*
    plant "$1"
    "$KUBECTL" apply -f "$1" 2>&1 >/dev/null | grep -oE "$1/[^\"]+[.](json|yaml)" | sort -u | xargs -r rm || true
}

# convert REPORT OUT COMMAND...: 3 says that something is left for a person to decide.
convert() {
    local report=$1 out=$2 code=0
    shift 2
    "$@" --no-config --report "json=$report" >"$out" 2>"$out.said" || code=$?
    [[ $code == 0 || $code == 3 ]] || { echo "$* ended with $code: $(<"$out.said")"; return 1; }
}

# same FOLDER FLAGS...
same() {
    local world=$1
    shift
    convert "$world/files.json" "$world/files.out" "$program" convert "$@" "$world/manifests.d/all.yaml" || return
    convert "$world/cluster.json" "$world/cluster.out" "$KUBECTL" smi2gamma convert "$@" || return
    diff "$world/files.out" "$world/cluster.out" || return
    "$KIT" outcomes "$world/files.json" >"$world/files"
    "$KIT" outcomes "$world/cluster.json" >"$world/cluster"
    diff "$world/files" "$world/cluster" || return
    ! grep -nE "$added" "$world/cluster.out"
}

worlds=$SMI2GAMMA_CLUSTER/worlds
objects=0
for project in "$corpus"/*/; do
    name=$(basename "$project")
    world=$worlds/$name
    mkdir -p "$world/manifests.d"
    "$KIT" world "$world" "$project"
    compgen -G "$world/stored/0[0-5],*" >/dev/null || continue
    store "$world/stored"
    for file in "$world"/stored/*; do printf -- '---\n%s\n' "$(<"$world/served/${file##*/}")"; done >"$world/manifests.d/all.yaml"
    objects=$((objects + $(find "$world/stored" -name '0[0-5],*' | wc -l)))
    for flags in '--from spec' '--from osm --to istio'; do
        # shellcheck disable=SC2086 # one flag a word
        must "$name converts alike from files and from the cluster, $flags" same "$world" $flags
    done
    "$KUBECTL" delete --wait=false -f "$world/stored" >/dev/null
done
((objects > 100)) || not_ok "the worlds of the corpus hold only $objects objects of SMI"
