#!/usr/bin/env bash
# Every manifest that any test of the hermetic suite emits for this release (tests/emitted) is accepted, on the channel that it needs and
# on those that hold more. What a target emits that knows no release of Gateway API is judged beside each of them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

version=$1 channel=$2
[[ -n ${SMI2GAMMA_EMITTED:-} ]] || die "SMI2GAMMA_EMITTED names no folder of emitted manifests (suite.sh makes one)"

folders=("$SMI2GAMMA_EMITTED"/{"$version",any}/standard)
[[ $channel == standard ]] || folders+=("$SMI2GAMMA_EMITTED"/{"$version",any}/experimental)
for folder in "${folders[@]}"; do
    [[ -d $folder ]] || continue
    for file in "$folder"/*.yaml; do
        must_take "$version $channel: emitted ${file#"$SMI2GAMMA_EMITTED"/}" "$file"
    done
done
