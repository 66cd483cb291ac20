#!/usr/bin/env bash
# run.sh [OPTION...] [COMMAND...]: starts etcd and kube-apiserver on 127.0.0.1, installs the CustomResourceDefinitions, runs COMMAND (or
# the suite) against them and ends both, whatever happened. The exit code is the command's.
#
#   --gateway-api VERSION   a release of Gateway API that crds.tsv lists (default: its default)
#   --channel CHANNEL       standard (default) or experimental
#   --crds SET,SET@VERSION  the sets of crds.tsv to install beside it (default: all of them and stand-ins/; none for none)
#   --crds-from PATH        more definitions, a file or a directory, as a mesh's own installer prints them; repeatable
#
# COMMAND finds KUBECONFIG (an administrator), KUBECTL (built for this server, and first in PATH), KIT and SMI2GAMMA_CLUSTER, a
# directory that is gone afterwards. user.sh gives users with fewer rights, gateway-api.sh another release, accept.sh a verdict.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version='' channel=standard sets='' more=()
while [[ ${1:-} == -* ]]; do
    case $1 in
        --gateway-api) version=$2 ;;
        --channel) channel=$2 ;;
        --crds) sets=$2 ;;
        --crds-from) more+=(-f "$2") ;;
        *) sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
    shift 2
done
[[ -n $version ]] || version=$(crd_row gateway-api | cut -f1)
stand_ins=()
[[ -n $sets ]] || for file in "$here"/stand-ins/*.yaml; do stand_ins+=(-f "$file"); done
[[ -n $sets ]] || sets=$(awk -F'\t' '!/^#/ && $1 != "gateway-api" { print $1 }' "$here/crds.tsv" | sort -u)
[[ $sets != none ]] || sets=

programs=$("$here/build.sh")
lists=()
for set in ${sets//,/ }; do
    list=$("$here/crds.sh" "$set")
    lists+=(-f "$list")
done

# === start and end ===

SMI2GAMMA_CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/smi2gamma-cluster.XXXXXX")
started=()

# tree PID...: these and all that they started.
tree() {
    local pid
    for pid in "$@"; do
        # shellcheck disable=SC2046 # one number a word
        tree $(pgrep -P "$pid")
        echo "$pid"
    done
}

# Nothing that they hold is kept, so none is given time to say goodbye.
end() {
    local code=$?
    trap - EXIT
    # shellcheck disable=SC2046 # one number a word
    [[ ${#started[@]} == 0 ]] || kill -KILL $(tree "${started[@]}") 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$SMI2GAMMA_CLUSTER"
    exit "$code"
}
trap end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Where the system can, what runs here dies with this script even if that is killed outright.
leash=()
if command -v setpriv >/dev/null && setpriv --pdeathsig KILL true 2>/dev/null; then
    leash=(setpriv --pdeathsig KILL)
fi

# start NAME PROGRAM ARGS...: in the background, its words in NAME.log.
start() {
    local log=$SMI2GAMMA_CLUSTER/$1.log
    shift
    "${leash[@]}" "$@" >"$log" 2>&1 </dev/null &
    started+=($!)
    echo $! >"${log%.log}.pid"
}

# alive: dies with the last words of whichever ended too early.
alive() {
    kill -0 "${started[0]}" 2>/dev/null || { tail -5 "$SMI2GAMMA_CLUSTER/etcd.log" >&2; die "etcd ended"; }
    kill -0 "${started[1]}" 2>/dev/null || { tail -5 "$SMI2GAMMA_CLUSTER/kube-apiserver.log" >&2; die "kube-apiserver ended"; }
}

# === the servers ===

keys=$SMI2GAMMA_CLUSTER/keys
mkdir -m 700 "$keys"
"$programs/kit" keys "$keys"
read -r client peer secure <<<"$("$programs/kit" ports 3)"
token=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
(umask 077 && echo "$token,admin,admin,system:masters" >"$keys/tokens.csv")

start etcd "$programs/etcd" --data-dir "$SMI2GAMMA_CLUSTER/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "default=http://127.0.0.1:$peer"

start kube-apiserver "$programs/kube-apiserver" --etcd-servers "http://127.0.0.1:$client" \
    --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$secure" --endpoint-reconciler-type none \
    --tls-cert-file "$keys/server.crt" --tls-private-key-file "$keys/server.key" --cert-dir "$keys" \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$keys/sa.pub" \
    --service-account-signing-key-file "$keys/sa.key" --service-cluster-ip-range 10.96.0.0/16 \
    --authorization-mode RBAC --token-auth-file "$keys/tokens.csv" --anonymous-auth=false

KUBECONFIG=$SMI2GAMMA_CLUSTER/kubeconfig
(umask 077 && cat >"$KUBECONFIG" <<YAML
apiVersion: v1
kind: Config
current-context: cluster-suite
contexts: [{name: cluster-suite, context: {cluster: cluster-suite, user: admin}}]
clusters: [{name: cluster-suite, cluster: {server: "https://127.0.0.1:$secure", certificate-authority: "$keys/ca.crt"}}]
users: [{name: admin, user: {token: "$token"}}]
YAML
)
# kubectl keeps what it discovers in a cache that is keyed by address: a port that was another cluster's a minute ago must not answer.
export SMI2GAMMA_CLUSTER KUBECONFIG KUBECTL=$programs/kubectl KIT=$programs/kit PATH=$programs:$PATH KUBECACHEDIR=$SMI2GAMMA_CLUSTER/cache

begun=$SECONDS
until "$KUBECTL" get --raw /readyz >/dev/null 2>&1 && "$KUBECTL" get namespace default >/dev/null 2>&1; do
    alive
    ((SECONDS - begun < 120)) || die "kube-apiserver is not ready after two minutes: $("$KUBECTL" get --raw '/readyz?verbose' 2>&1 | tail -20)"
    sleep 0.2
done

lists+=("${stand_ins[@]}" "${more[@]}")
[[ ${#lists[@]} == 0 ]] || install_crds "${lists[@]}"
"$here/gateway-api.sh" "$version" "$channel"
note "Kubernetes $("$KUBECTL" version -o json | sed -n 's/.*"gitVersion": "\(.*\)".*/\1/p' | tail -1), Gateway API $version $channel, ready after $SECONDS s"

# === the command ===

[[ $# != 0 ]] || set -- "$here/suite.sh"
[[ $1 == */* || ! -x $here/$1 ]] || set -- "$here/$1" "${@:2}"
# In the background, so that a signal to this script is heard at once; with the terminal's input all the same.
"${leash[@]}" "$@" <&0 &
command=$!
started+=("$command")
code=0
wait "$command" || code=$?
exit "$code"
