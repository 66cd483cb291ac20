#!/usr/bin/env bash
# Gateway API's own invalid examples are refused by this server, so its definitions and expressions are in force. They are read where
# Go keeps the module. The examples of the experimental channel are judged there only; those of the standard channel on both.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

version=$1 channel=$2
# What 0.7 refuses, a webhook refused.
[[ $version != 0.* ]] || exit 0
IFS=$'\t' read -r _ module checksum _ <<<"$(crd_row "gateway-api@$version")"
dir=$(module_dir "$module" "$checksum")/hack/invalid-examples

folders=(standard)
[[ $channel == standard ]] || folders+=(experimental)
for folder in "${folders[@]}"; do
    [[ -d $dir/$folder ]] || continue
    while IFS= read -r file; do
        must_refuse "$version $channel: ${file#"$dir/"}" "$file"
    done < <(find "$dir/$folder" -name '*.yaml' | sort)
done
