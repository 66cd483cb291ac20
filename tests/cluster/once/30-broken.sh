#!/usr/bin/env bash
# What a broken API server makes of a run: no call outlives --request-timeout by more than two seconds, nothing of a list that is not whole
# is used, and no partial result is shown as a whole one. A proxy of the suite's own breaks it for some requests; the real server is
# stopped at the end. There are more splits than a list has in one chunk, so that `continue=` names a list that is half read.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

program=$(program)
folder=$SMI2GAMMA_CLUSTER/broken
mkdir -p "$folder"
# Long enough for a busy machine, where a kubectl alone takes a second.
timeout=5

"$KIT" fill 600 700
"$program" convert cluster: --from spec --no-config >"$folder/whole" 2>"$folder/said" || { cat "$folder/said"; exit 1; }
[[ $(grep -c '^kind: HTTPRoute' "$folder/whole") == 600 ]] || not_ok "600 splits do not become 600 routes"

# behind MODE MATCH: starts the proxy; its kubeconfig is $folder/config, and it dies with this script.
behind() {
    : >"$folder/address"
    setpriv --pdeathsig KILL "$KIT" proxy "$@" >"$folder/address" 2>"$folder/proxy.log" &
    proxy=$!
    until [[ -s $folder/address ]]; do
        kill -0 "$proxy" || die "the proxy ended: $(<"$folder/proxy.log")"
        sleep 0.05
    done
    cat >"$folder/config" <<YAML
apiVersion: v1
kind: Config
current-context: broken
contexts: [{name: broken, context: {cluster: broken, user: nobody}}]
clusters: [{name: broken, cluster: {server: "$(<"$folder/address")"}}]
users: [{name: nobody, user: {}}]
YAML
}

# run SECONDS: converts through $folder/config; `code`, out and said are its answer. Longer than SECONDS is a failure, and ends it.
run() {
    code=0
    timeout --kill-after=1 "$1" "$program" convert cluster: --from spec --no-config --kubeconfig "$folder/config" \
        --request-timeout "${timeout}s" --report "json=$folder/report" >"$folder/out" 2>"$folder/said" || code=$?
    [[ $code != 124 && $code != 137 ]] || { echo "it hung for $1 s"; return 1; }
}

# says WORDS...: each stands in what was said or in the report.
says() {
    local words
    for words in "$@"; do
        grep -qF -- "$words" "$folder/said" "$folder/report" || { echo "it does not say \"$words\": $(<"$folder/said")"; return 1; }
    done
}

# refused: no trustworthy result: code 2, one line of error, and nothing written.
refused() {
    [[ $code == 2 && ! -s $folder/out ]] || { echo "code $code with $(wc -l <"$folder/out") lines of output: $(<"$folder/said")"; return 1; }
    [[ $(grep -c '^error' "$folder/said") == 1 ]] || { echo "not one line: $(<"$folder/said")"; return 1; }
}

# partial ROUTES: an incomplete result, said to be one in its first lines and in the report, with so many routes.
partial() {
    head -3 "$folder/said" | grep -q incomplete || { echo "its first lines do not say that it is incomplete: $(<"$folder/said")"; return 1; }
    grep -q '"incomplete": true' "$folder/report" || { echo "its report does not say that it is incomplete"; return 1; }
    [[ $code != 2 && $(grep -c '^kind: HTTPRoute' "$folder/out") == "$1" ]] || { echo "code $code, $(grep -c '^kind: HTTPRoute' "$folder/out") routes"; return 1; }
}

healthy() { run 60 && [[ $code == 0 ]] && diff "$folder/whole" "$folder/out"; }
no_result() { local within=$1; shift; run "$within" && refused && says "$@"; }
a_part() { local within=$1 routes=$2; shift 2; run "$within" && partial "$routes" && says "$@"; }
# The others of its group of lists may have been read by then or not: both are right, and a whole result is not.
no_route() { local within=$1; run "$within" && if [[ $code == 2 ]]; then refused; else partial 0; fi; }

# broken NAME MODE MATCH COMMAND...: the claim behind a proxy.
broken() {
    local name=$1 mode=$2 match=$3
    shift 3
    behind "$mode" "$match"
    must "$name" "$@"
    kill -KILL "$proxy" 2>/dev/null || true
    wait "$proxy" 2>/dev/null || true
}

splits=/trafficsplits
broken 'behind a proxy that breaks nothing the result is the whole one' deny nothing-is-called-that healthy
broken 'a server that is gone in the middle of a list gives no route' gone 'continue=' no_route 60
broken 'a server that is gone before the Services gives no route' gone '/services' no_route 60
broken 'a server that is gone from the start is one line' gone /apis no_result $((timeout + 10)) 'cluster:broken'
broken 'a list of SMI that is denied is said' deny "$splits" a_part 60 0 cluster-denied
broken 'a list of SMI whose second half is denied is not half used' deny 'continue=' a_part 60 0 cluster-denied
broken 'a list of SMI that fails is said' fail "$splits" a_part 60 0 cluster-unread
broken 'a list of SMI that fails in the middle is not half used' fail 'continue=' a_part 60 0 cluster-unread
broken 'a list of context that is denied is said' deny /grpcroutes a_part 60 600 cluster-context-denied
broken 'a list of SMI that is cut off is not used' cut=20000 "$splits" a_part 60 0 cluster-unread
broken 'a list of SMI that is cut off in its second half is not used' cut=2000 'continue=' a_part 60 0 cluster-unread
broken 'Services that are cut off are not used' cut=20000 /services a_part 60 0 cluster-unread
broken 'a list of SMI that stops in the middle ends with the timeout' hang=20000 "$splits" a_part $((3 * timeout + 10)) 0 cluster-unread "no answer within $timeout s"
broken 'a list of context that is late ends with the timeout' slow=60 /services a_part $((3 * timeout + 10)) 0 cluster-unread "no answer within $timeout s"
broken 'a server that is late with everything is one line, in time' slow=60 / no_result $((timeout + 10)) "no answer within $timeout s"
broken 'a server that is late but in time gives the whole result' slow=1 "$splits" healthy

# === the real server ===

cp "$KUBECONFIG" "$folder/config"
server=$(<"$SMI2GAMMA_CLUSTER/kube-apiserver.pid")
kill -STOP "$server"
must 'a server that was stopped is one line, in time' no_result $((timeout + 10)) "no answer within $timeout s"
kill -CONT "$server"
must 'a server that goes on gives the whole result' healthy
for namespace in fill-{0..9}; do "$KUBECTL" delete --all trafficsplits.split.smi-spec.io,services -n "$namespace" --wait=false >/dev/null; done
