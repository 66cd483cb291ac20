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

# plant FOLDER: an object that no server knows, so that kubectl always has something to complain about: of a single complaint it does not
# say which file it is about, of two it does.
plant() { echo '{apiVersion: cluster-suite/v1, kind: Unknown, metadata: {name: planted}}' >"$1/0.yaml"; }

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

# === what is tested ===

# program: the smi2gamma to test, $SMI2GAMMA or else the newest build.
program() {
    local built newest='' root=${here%/tests/cluster}
    for built in "$root"/target/{release,debug}/smi2gamma; do
        [[ ! -x $built || $built -ot $newest ]] || newest=$built
    done
    newest=${SMI2GAMMA:-$newest}
    [[ -n $newest ]] || die "no smi2gamma to test: cargo build, or set SMI2GAMMA"
    echo "$newest"
}

# === verdicts of the suite ===

# ok, not_ok, skip WORDS...: one line each, which suite.sh counts. What passed is counted in silence.
verdict() { if [[ -n ${SMI2GAMMA_VERDICTS:-} ]]; then echo "$*" >>"$SMI2GAMMA_VERDICTS"; fi; }
ok() { verdict "ok - $*"; }
skip() { verdict "skipped - $*"; echo "skipped - $*"; }
not_ok() { verdict "not ok - $*"; echo "not ok - $*"; }

# must NAME COMMAND...: that the command succeeds; what it prints is shown where it does not.
must() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then ok "$name"; else not_ok "$name${said:+: $said}"; fi
}

# A room says what it expects of each file, and `judge` asks the server about all of them in one breath: a kubectl costs more than a
# hundred verdicts. Every complaint of a plain apply names the file it is about.

# must_take NAME FILE; must_refuse NAME FILE [WORDS]: as an object, in words that hold WORDS; must_not_serve NAME FILE.
must_take() { expect taken "$@"; }
must_refuse() { expect refused "$@"; }
must_not_serve() { expect unserved "$@"; }

expect() {
    local what=$1 name=$2 file=$3 words=${4:-} waiting=$SMI2GAMMA_CLUSTER/waiting folder number
    folder=$waiting/$([[ $what == taken ]] && echo taken || echo others)
    mkdir -p "$waiting/taken" "$waiting/others"
    number=$(($(cat "$waiting/count" 2>/dev/null || echo 10000) + 1))
    echo "$number" >"$waiting/count"
    cp "$file" "$folder/$number.yaml"
    printf '%s\t%s\t%s\t%s\n' "$folder/$number.yaml" "$what" "$name" "$words" >>"$waiting/expected"
}

# judge: the verdicts about everything that waits.
judge() {
    local waiting=$SMI2GAMMA_CLUSTER/waiting file what name words wanted answered
    [[ -s $waiting/expected ]] || return 0
    local -A complaints=()
    make_namespaces "$waiting"/*/*.yaml
    ask "$waiting/others"
    ask "$waiting/taken"
    local taken=("$waiting"/taken/*.yaml)
    # A document that nothing was said of is not an accepted one.
    answered=$(grep -c '(server dry run)$' "$waiting/answers" || true)
    for file in "${!complaints[@]}"; do [[ $file != "$waiting/taken"/* ]] || answered=$((answered + 1)); done
    wanted=0
    [[ ! -e ${taken[0]} ]] || wanted=$("$KIT" count "${taken[@]}")
    ((answered >= wanted)) || not_ok "the server answered for $answered of $wanted documents"
    if [[ $wanted != 0 ]] && ! said=$("$KUBECTL" apply --server-side --dry-run=server --validate=strict -f "$waiting/taken" 2>&1); then
        # These complaints name no file, so each is asked by itself.
        for file in "${taken[@]}"; do
            said=$("$KUBECTL" apply --server-side --dry-run=server --validate=strict -f "$file" 2>&1) || complaints[$file]+=$said
        done
    fi
    while IFS=$'\t' read -r file what name words; do
        said=${complaints[$file]:-}
        case $what in
            taken) if [[ -z $said ]]; then ok "$name is accepted"; else not_ok "$name should be accepted: $said"; fi ;;
            unserved)
                if [[ $said == *'no matches for kind'* ]]; then ok "$name is not served"; else not_ok "$name should not be served: $said"; fi
                ;;
            refused)
                if [[ -z $said ]]; then
                    not_ok "$name should be refused"
                elif ! is_refusal; then
                    not_ok "$name was not judged: $said"
                elif [[ $said != *"$words"* ]]; then
                    not_ok "$name should be refused with \"$words\": $said"
                else
                    ok "$name is refused"
                fi
                ;;
        esac
    done <"$waiting/expected"
    rm -rf "$waiting"
}

# ask FOLDER: what a plain apply says, by file, in the caller's `complaints`; what it does is in `answers` beside the folder.
ask() {
    local line file=$1/
    [[ -n $(ls "$1") ]] || return 0
    plant "$1"
    while IFS= read -r line; do
        [[ $line == Warning:* ]] && continue
        # A complaint may have several lines; the first names the file.
        [[ $line =~ ($1/[0-9]+[.]yaml) ]] && file=${BASH_REMATCH[1]}
        complaints[$file]+="$line "
    done < <("$KUBECTL" apply --dry-run=server --validate=strict -f "$1" 2>&1 >"${1%/*}/answers")
    [[ -n ${complaints[$1/0.yaml]:-} ]] || not_ok "kubectl did not come to the end of $1"
    unset "complaints[$1/0.yaml]"
    rm "$1/0.yaml"
    [[ -z ${complaints[$1/]:-} ]] || not_ok "the server was not asked: ${complaints[$1/]}"
}
