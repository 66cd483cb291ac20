#!/usr/bin/env bash
# Every manifest that `smi2gamma convert` writes is accepted on the release and channel that it was written for: for gateway-api@VERSION,
# and for each target that comes with this release, as mappings/targets says. What the report says to need the experimental channel is
# judged on that channel only. Inputs are the files and folders of inputs/ here, the folders of examples/, and what $SMI2GAMMA_INPUTS
# names, one path a word. A file whose first line is `# convert: FLAGS` is converted with them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

version=$1 channel=$2
root=${here%/tests/cluster}
program=$(program)
# What is written for a release is the same on both channels.
converted=$SMI2GAMMA_CLUSTER/converted/$version
declare -A seen=()

# convert INPUT TARGET FOLDER: the documents, a list of them and the report.
convert() {
    local input=$1 target=$2 folder=$3 flags='' code=0
    [[ ! -f $input ]] || flags=$(sed -n '1s/^# convert: //p' "$input")
    mkdir -p "$folder"
    # shellcheck disable=SC2086 # one flag a word
    "$program" convert $flags --to "$target" --report "json=$folder/report" "$input" >"$folder/out" 2>"$folder/said" || code=$?
    # 3 says that something is left for a person to decide; what was written must hold all the same.
    [[ $code == 0 || $code == 3 ]] || { echo "$code" >"$folder/failed"; return; }
    "$KIT" split "$folder/documents" "$folder/out" >"$folder/list"
}

# judge_input INPUT TARGET
judge_input() {
    local input=$1 target=$2 name folder path api kind id
    name="$version $channel: ${input#"$root/"} for $target"
    folder=$converted/$target/${input//\//_}
    [[ -e $folder ]] || convert "$input" "$target" "$folder"
    if [[ -e $folder/failed ]]; then
        not_ok "$name: smi2gamma convert ended with $(<"$folder/failed"): $(<"$folder/said")"
        return
    fi
    [[ -s $folder/list ]] || verdict "skipped - $name: nothing is written"
    while IFS=$'\t' read -r path api kind id; do
        [[ -z ${seen[${path##*/}]:-} ]] || continue
        seen[${path##*/}]=1
        if [[ $channel == standard ]] && grep -q "$kind $api comes only with the experimental channel" "$folder/report"; then
            verdict "skipped - $name: $kind $id needs the experimental channel"
        else
            must_take "$name: $kind $id" "$path"
        fi
    done <"$folder/list"
}

targets=()
[[ $version == 0.* ]] || targets+=("gateway-api@$version")
bundles=$("$KIT" bundles "$root"/mappings/targets/*.yaml)
while read -r target release; do
    [[ $release != "$version" ]] || targets+=("$target")
done <<<"$bundles"

shopt -s nullglob
# shellcheck disable=SC2086 # one path a word
for input in "$here"/inputs/* "$root"/examples/*/ ${SMI2GAMMA_INPUTS:-}; do
    for target in "${targets[@]}"; do
        judge_input "${input%/}" "$target"
    done
done
