#!/usr/bin/env bash
# Every manifest that `smi2gamma convert` writes is accepted on the release and channel that it was written for: for gateway-api@VERSION,
# and for each target that comes with this release, as mappings/targets says. What says that it needs the experimental channel is judged
# on that channel only. Inputs are the files and folders of inputs/ here, the folders of examples/, and what $SMI2GAMMA_INPUTS names, one
# path a word. A file whose first line is `# convert: FLAGS` is converted with them. The program is $SMI2GAMMA, else the newest build
# under target/.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

version=$1 channel=$2
root=$(cd "$here/../.." && pwd)
# shellcheck disable=SC2012 # these names hold nothing odd
program=${SMI2GAMMA:-$(ls -t "$root"/target/{release,debug}/smi2gamma 2>/dev/null | head -1)}
if [[ -z $program ]]; then
    skip "$version $channel: no smi2gamma to convert with (cargo build, or set SMI2GAMMA)"
    exit 0
fi

# judge INPUT TARGET
judge() {
    local input=$1 target=$2 name="$version $channel: ${1#"$root/"} for $2"
    local out=$SMI2GAMMA_CLUSTER/converted.yaml report=$SMI2GAMMA_CLUSTER/converted.json
    local flags='' code=0
    [[ ! -f $input ]] || flags=$(sed -n '1s/^# convert: //p' "$input")
    # shellcheck disable=SC2086 # one flag a word
    said=$("$program" convert $flags --to "$target" --report "json=$report" "$input" 2>&1 >"$out") || code=$?
    # 3 says that something is left for a person to decide; what was written must hold all the same.
    if [[ $code != 0 && $code != 3 ]]; then
        not_ok "$name: smi2gamma convert ended with $code: $said"
    elif [[ ! -s $out ]]; then
        skip "$name: nothing is written"
    elif [[ $channel == standard ]] && grep -q route-experimental-channel "$report"; then
        skip "$name: needs the experimental channel"
    else
        must_take "$name" "$out"
    fi
}

targets=("gateway-api@$version")
bundles=$("$KIT" bundles "$root"/mappings/targets/*.yaml)
while read -r target release; do
    [[ $release != "$version" ]] || targets+=("$target")
done <<<"$bundles"

shopt -s nullglob
# shellcheck disable=SC2086 # one path a word
for input in "$here"/inputs/* "$root"/examples/*/ ${SMI2GAMMA_INPUTS:-}; do
    for target in "${targets[@]}"; do
        judge "${input%/}" "$target"
    done
done
