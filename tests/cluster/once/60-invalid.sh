#!/usr/bin/env bash
# Gateway API's own invalid examples, which 20-upstream-invalid.sh shows to the server, are refused by our own rules for emitted manifests
# (tests/emitted/shape.rs), which every test that converts is held to. No server takes part.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

while IFS=$'\t' read -r version module checksum _; do
    dir=$(module_dir "$module" "$checksum")/hack/invalid-examples
    cd "$here/../.."
    SMI2GAMMA_INVALID=$dir must "no invalid example of $version passes our own rules" cargo test --quiet --locked --test shape
done < <(crd_rows gateway-api)
