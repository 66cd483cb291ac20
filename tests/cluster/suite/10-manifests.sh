#!/usr/bin/env bash
# Manifests of our own that a release and channel must accept, refuse or not know. Each says so in its first lines, the first that fits wins:
#
#   # on standard|experimental|any [1.1 | 1.1+ | 1.1-1.3]: accepted
#   # on ...: refused: WORDS THAT THE SERVER SAYS
#   # on ...: not served
#
# A file without a line that fits says nothing about this release.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

version=$1 channel=$2

# fits CHANNEL RANGE
fits() {
    [[ $1 == any || $1 == "$channel" ]] || return 1
    # 0.7 left much to a webhook, which is not here.
    [[ $version != 0.* ]] || return 1
    local minor=${version#*.} from=${2%%[-+]*} to=${2##*[-+]}
    [[ -n $2 ]] || return 0
    [[ $2 == *+ ]] && to=1.999
    ((${from#*.} <= minor && minor <= ${to#*.}))
}

# expectation FILE: the part of the line that fits, after its colon.
expectation() {
    local line
    while IFS= read -r line; do
        [[ $line =~ ^'# on '(standard|experimental|any)(\ ([0-9.+-]+))?': '(.*)$ ]] || return 0
        if fits "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"; then
            echo "${BASH_REMATCH[4]}"
            return
        fi
    done <"$1"
}

for file in "$here"/manifests/*.yaml; do
    expected=$(expectation "$file")
    name="$version $channel: ${file##*/}"
    case $expected in
        '') ;;
        accepted) must_take "$name" "$file" ;;
        'not served') must_not_serve "$name" "$file" ;;
        'refused: '*) must_refuse "$name" "$file" "${expected#refused: }" ;;
        *) not_ok "$name says something else than the three: $expected" ;;
    esac
done
