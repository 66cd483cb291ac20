#!/usr/bin/env bash
# The suite, inside a running cluster (`run.sh` without a command): for each release and channel of Gateway API that crds.tsv lists,
# every room of suite/ in order; before them, once, every room of once/. suite.sh VERSION CHANNEL does one release alone. The last line counts. $SMI2GAMMA_EMITTED is a folder of manifests
# that tests emitted (tests/emitted); without it they are run for it.
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

# emit: what the hermetic tests write, as SMI2GAMMA_EMITTED.
emit() {
    (cd "$here/../.." && cargo test --quiet --locked --test cases --test conformance --test corpus)
    [[ -n $(ls "$SMI2GAMMA_EMITTED") ]]
}

if [[ -z ${SMI2GAMMA_EMITTED:-} ]]; then
    export SMI2GAMMA_EMITTED=$SMI2GAMMA_CLUSTER/emitted
    must "the tests emit manifests" emit
fi
if [[ $# != 0 ]]; then
    one "$1" "$2"
else
    for room in "$here"/once/*.sh; do
        echo "# ${room##*/}"
        "$room" || not_ok "${room##*/} ended with $?"
    done
    while IFS=$'\t' read -r version _; do
        # What Linkerd 2.14 installs of 0.7 itself is the experimental channel (charts/linkerd-crds), and only Linkerd is asked of it.
        [[ $version == 0.* ]] || one "$version" standard
        one "$version" experimental
    done < <(crd_rows gateway-api | sort -V)
fi

passed=$(grep -c '^ok ' "$counts" || true)
failed=$(grep -c '^not ok ' "$counts" || true)
skipped=$(grep -c '^skipped ' "$counts" || true)
echo "cluster: $passed passed, $failed failed, $skipped skipped"
[[ $failed == 0 && $passed != 0 ]]
