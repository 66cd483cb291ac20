#!/usr/bin/env bash
# gateway-api.sh VERSION CHANNEL: makes a running cluster serve exactly this release and channel of Gateway API. What it served before is
# deleted first, definitions and objects: the server would neither go back to an older storage version nor forget a kind.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
in_cluster

version=$1 channel=$2
[[ $channel == standard || $channel == experimental ]] || die "a channel is standard or experimental, not $channel"
list=$("$here/crds.sh" "gateway-api@$version" "$channel")

old=$("$KUBECTL" get customresourcedefinitions -o name | sed -n '/\.gateway\.networking\./p')
# shellcheck disable=SC2086 # one name a word
[[ -z $old ]] || "$KUBECTL" delete --wait --timeout=60s $old >/dev/null
install_crds -f "$list"
# What kubectl remembers of the old kinds would send it to addresses that are gone.
rm -rf "${KUBECACHEDIR:?}"
echo "$version $channel" >"$SMI2GAMMA_CLUSTER/gateway-api"
