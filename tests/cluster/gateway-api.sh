#!/usr/bin/env bash
# gateway-api.sh VERSION CHANNEL: makes a running cluster serve exactly this release and channel of Gateway API. Another one that it served
# is deleted first, definitions and objects: the server would neither go back to an older storage version nor forget a kind.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
in_cluster

version=$1 channel=$2
[[ $channel == standard || $channel == experimental ]] || die "a channel is standard or experimental, not $channel"
[[ $(cat "$SMI2GAMMA_CLUSTER/gateway-api" 2>/dev/null) != "$version $channel" ]] || exit 0
list=$("$here/crds.sh" "gateway-api@$version" "$channel")

delete_crds '[.]gateway[.]networking[.]'
install_crds -f "$list"
# What kubectl remembers of the old kinds would send it to addresses that are gone.
rm -rf "${KUBECACHEDIR:?}"
echo "$version $channel" >"$SMI2GAMMA_CLUSTER/gateway-api"
