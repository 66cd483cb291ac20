#!/usr/bin/env bash
# accept.sh FILE...: whether the API server takes every object of each file, strictly: unknown and duplicate fields, schemas and the
# expressions of the definitions. Namespaces that the objects name are made; nothing else is stored. Exit code 1: one was refused.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
in_cluster
[[ $# != 0 ]] || die "accept.sh needs at least one file"

code=0
for file in "$@"; do
    make_namespaces "$file"
    if server_takes "$file"; then
        echo "accepted $file"
    else
        code=1
        printf 'refused  %s\n%s\n' "$file" "$said"
    fi
done
exit "$code"
