#!/usr/bin/env bash
# Go's regexp, whose syntax is RE2's, agrees with `pattern`: what compiles and what matches, over expressions made up and those of the corpus
# (tests/dialect.rs asks, tests/cluster/regexp answers). No server takes part.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

cd "$here/regexp"
must 'the other engine is what it says' go test ./...
go build -trimpath -o "$SMI2GAMMA_CLUSTER/regexp" .
corpus=${SMI2GAMMA_CORPUS:-$here/../../../shared/corpus}
[[ ! -d $corpus ]] || export SMI2GAMMA_CORPUS=$corpus
cd "$here/../.."
SMI2GAMMA_REGEXP=$SMI2GAMMA_CLUSTER/regexp must 'patterns mean the same to another engine' cargo test --quiet --locked --test dialect
