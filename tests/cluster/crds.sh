#!/usr/bin/env bash
# crds.sh SET[@VERSION] [CHANNEL]: prints the path of a file with the CustomResourceDefinitions of that row of crds.tsv, as one List.
# They are read from the Go module that publishes them; nothing of them is kept in the checkout.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

set=$1 channel=${2:-}
IFS=$'\t' read -r version module checksum files <<<"$(crd_row "$set")"
[[ -n ${version:-} ]] || die "crds.tsv has no row for $set"

programs=$("$here/build.sh")
list=$cache/crds-$(digest "$here/crds.tsv" "$programs/kit")/${set%@*}-$version${channel:+-$channel}.json
if [[ ! -s $list ]]; then
    dir=$(module_dir "$module" "$checksum")
    mkdir -p "${list%/*}"
    # shellcheck disable=SC2086 # the files of a row are patterns
    (cd "$dir" && "$programs/kit" crds ${files//\{channel\}/$channel}) >"$list.new"
    mv "$list.new" "$list"
fi
echo "$list"
