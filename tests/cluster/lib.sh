# What the scripts of the cluster suite share: where things are, how a program is found, and what the API server says of a manifest.
# Sourced, never run. It starts nothing.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # for those who source this
cache=${SMI2GAMMA_CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/smi2gamma/cluster}
export GOTOOLCHAIN=local GOWORK=off

note() { printf '%s\n' "cluster: $*" >&2; }
die() { note "$*"; exit 1; }

# digest FILE...: a short name for exactly these contents.
digest() { cat "$@" | sha256sum | cut -c1-16; }

# === rows of crds.tsv ===

# crd_rows SET: version, module, checksum and files of each row of SET, separated by tabs.
crd_rows() { awk -F'\t' -v set="$1" '$1 == set { print $2 "\t" $3 "\t" $4 "\t" $5 }' "$here/crds.tsv"; }

# crd_row SET[@VERSION]: that one row; without a version, the last row of the set.
crd_row() {
    local set=${1%@*} version=
    [[ $1 == *@* ]] && version=${1#*@}
    crd_rows "$set" | awk -F'\t' -v version="$version" 'version == "" || $1 == version { row = $0 } END { print row }'
}

# module_dir MODULE@VERSION CHECKSUM: the module's directory in Go's module cache; it is downloaded when it is not there.
module_dir() {
    local answer
    answer=$(cd "$here/tools" && GOFLAGS=-mod=mod go mod download -json "$1") || die "cannot download $1: $answer"
    [[ $answer == *"\"Sum\": \"$2\""* ]] || die "$1 is not the archive with checksum $2 that crds.tsv names"
    sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$answer"
}

# === a running cluster ===

in_cluster() {
    [[ -n ${SMI2GAMMA_CLUSTER:-} ]] || die "no cluster: run this as \`tests/cluster/run.sh ${0##*/} ...\`"
}

# The server now and then forgets a definition that was deleted or made again within seconds, until the definition changes: both functions
# nudge it. Warnings about upstream's schemas are not ours to read.

# install_crds FLAGS...: the definitions of `-f` files, and waits until they are served.
install_crds() {
    local said try
    said=$("$KUBECTL" apply --server-side "$@" 2>&1) || die "cannot install the definitions: $said"
    for try in 1 2 3 4; do
        said=$("$KUBECTL" wait --for=condition=Established --timeout=15s "$@" 2>&1) && return
        "$KUBECTL" annotate --overwrite "$@" "cluster-suite/nudge=$try" >/dev/null
    done
    die "the definitions are not served: $said"
}

# delete_crds PATTERN: the definitions whose names the extended regular expression finds, and waits until they are gone.
delete_crds() {
    local said='' try names
    for try in 1 2 3 4 5 6; do
        names=$("$KUBECTL" get customresourcedefinitions -o name | grep -E "$1" || true)
        [[ -n $names ]] || return 0
        # shellcheck disable=SC2086 # one name a word
        said=$("$KUBECTL" delete --wait --timeout=15s --ignore-not-found $names 2>&1) && continue
        # shellcheck disable=SC2086
        "$KUBECTL" annotate --overwrite $names "cluster-suite/nudge=$try" >/dev/null 2>&1 || true
    done
    die "the definitions are not deleted: $said"
}

# make_namespaces FILE...: those that the objects name and the cluster lacks. Which were made is remembered, since each kubectl costs time.
make_namespaces() {
    local name names made=$SMI2GAMMA_CLUSTER/namespaces
    names=$("$KIT" namespaces "$@") || return
    for name in $names; do
        grep -qsxF "$name" "$made" && continue
        "$KUBECTL" create namespace "$name" --dry-run=client -o json | "$KUBECTL" apply --server-side -f - >/dev/null
        echo "$name" >>"$made"
    done
}

# server_takes FILE: whether the server takes every object of it, both as `kubectl apply` and as `kubectl apply --server-side` send
# it. What was said is in $said. Nothing is stored.
server_takes() {
    said=$("$KUBECTL" apply --dry-run=server --validate=strict -f "$1" 2>&1) &&
        said=$("$KUBECTL" apply --server-side --dry-run=server --validate=strict -f "$1" 2>&1)
}

# is_refusal: whether $said is a verdict about the object, not a cluster that lacks something.
is_refusal() { [[ $said == *'is invalid'* || $said == *'strict decoding error'* || $said == *'denied request'* ]]; }

# === verdicts of the suite ===

# ok, not_ok, skip WORDS...: one line each, which suite.sh counts. What passed is counted in silence.
verdict() { if [[ -n ${SMI2GAMMA_VERDICTS:-} ]]; then echo "$*" >>"$SMI2GAMMA_VERDICTS"; fi; }
ok() { verdict "ok - $*"; }
skip() { verdict "skipped - $*"; echo "skipped - $*"; }
not_ok() { verdict "not ok - $*"; echo "not ok - $*"; }

# must_take NAME FILE
must_take() {
    make_namespaces "$2"
    if server_takes "$2"; then ok "$1 is accepted"; else not_ok "$1 should be accepted: $said"; fi
}

# must_not_serve NAME FILE: the server knows no such kind in this version.
must_not_serve() {
    make_namespaces "$2"
    if server_takes "$2"; then
        not_ok "$1 should not be served"
    elif [[ $said != *'no matches for kind'* ]]; then
        not_ok "$1 should not be served: $said"
    else
        ok "$1 is not served"
    fi
}

# must_refuse NAME FILE [WORDS]: refused as an object, in words that hold WORDS.
must_refuse() {
    make_namespaces "$2"
    if server_takes "$2"; then
        not_ok "$1 should be refused"
    elif ! is_refusal; then
        not_ok "$1 was not judged: $said"
    elif [[ $said != *"${3:-}"* ]]; then
        not_ok "$1 should be refused with \"$3\": $said"
    else
        ok "$1 is refused"
    fi
}
