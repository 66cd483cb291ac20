#!/usr/bin/env bash
# bench.sh [SPLITS SERVICES [TIMES]]: what it costs to convert a cluster of so many objects (5000 and 10000), beside what kubectl alone
# takes for the same lists in the same run. `tests/cluster/run.sh --crds smi bench.sh`, after `cargo build --release`. Fails beyond
# 10 s over kubectl's own time, or 500 MiB.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
in_cluster

splits=${1:-5000} services=${2:-10000} times=${3:-3}
program=${SMI2GAMMA:-${here%/tests/cluster}/target/release/smi2gamma}
[[ -x $program ]] || die "no release build: cargo build --release"
folder=$SMI2GAMMA_CLUSTER/bench
mkdir -p "$folder"

note "storing $splits TrafficSplits and $services Services"
"$KIT" fill "$splits" "$services"

# As smi2gamma asks: two lists at once, in chunks.
lists() {
    "$KUBECTL" get trafficsplits.v1alpha4.split.smi-spec.io -A -o json --chunk-size=500 >"$folder/splits.json" &
    "$KUBECTL" get services -A -o json --chunk-size=500 >"$folder/services.json"
    wait $!
}
export -f lists
export folder

worst=0
for ((i = 1; i <= times; i++)); do
    read -r alone _ < <("$KIT" cost bash -c lists 2>&1)
    read -r whole memory < <("$KIT" cost "$program" convert cluster: --from spec --no-config 2>&1 >"$folder/out")
    [[ $(grep -c '^kind: HTTPRoute' "$folder/out") == "$splits" ]] || die "not every split became a route"
    read -r over fits < <(awk -v a="$alone" -v w="$whole" -v m="$memory" 'BEGIN { print w - a, (w - a < 10 && m < 500) ? "yes" : "no" }')
    echo "kubectl alone $alone s, convert $whole s, over it $over s, $memory MiB"
    [[ $fits == yes ]] || worst=1
done
exit "$worst"
