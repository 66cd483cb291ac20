#!/usr/bin/env bash
# The suite, inside a running cluster (`run.sh` without a command): for each release and channel of Gateway API that crds.tsv lists,
# every room of suite/ in order. suite.sh VERSION CHANNEL does one of them. The last line counts.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
in_cluster

counts=$SMI2GAMMA_CLUSTER/verdicts
: >"$counts"
export SMI2GAMMA_VERDICTS=$counts

one() {
    "$here/gateway-api.sh" "$1" "$2"
    echo "# Gateway API $1 $2"
    for room in "$here"/suite/*.sh; do
        "$room" "$1" "$2" || not_ok "${room##*/} ended with $?"
    done
    judge
}

if [[ $# != 0 ]]; then
    one "$1" "$2"
else
    while IFS=$'\t' read -r version _; do
        one "$version" standard
        one "$version" experimental
    done < <(crd_rows gateway-api | sort -V)
fi

passed=$(grep -c '^ok ' "$counts" || true)
failed=$(grep -c '^not ok ' "$counts" || true)
skipped=$(grep -c '^skipped ' "$counts" || true)
echo "cluster: $passed passed, $failed failed, $skipped skipped"
[[ $failed == 0 && $passed != 0 ]]
