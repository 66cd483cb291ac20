#!/usr/bin/env bash
# user.sh NAME [NAMESPACE VERBS RESOURCES]...: prints the path of a kubeconfig for a user NAME who may do what is said here, and nothing
# else: in NAMESPACE, or everywhere for `*`. VERBS and RESOURCES are lists with commas: user.sh ann shop get,list services,configmaps
#
# The kubeconfig is the administrator's, who acts as NAME: the server then judges NAME's rights alone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
in_cluster

name=$1
shift
count=0
while [[ $# -ge 3 ]]; do
    count=$((count + 1))
    right=user-$name-$count
    if [[ $1 == '*' ]]; then
        "$KUBECTL" create clusterrole "$right" --verb "$2" --resource "$3" >/dev/null
        "$KUBECTL" create clusterrolebinding "$right" --clusterrole "$right" --user "$name" >/dev/null
    else
        "$KUBECTL" create role "$right" -n "$1" --verb "$2" --resource "$3" >/dev/null
        "$KUBECTL" create rolebinding "$right" -n "$1" --role "$right" --user "$name" >/dev/null
    fi
    shift 3
done
[[ $# == 0 ]] || die "user.sh takes NAMESPACE VERBS RESOURCES together; $* is left over"

config=$SMI2GAMMA_CLUSTER/$name.kubeconfig
sed "s/user: {token: \(.*\)}}\]\$/user: {token: \1, as: \"$name\"}}]/" "$KUBECONFIG" >"$config"
chmod 600 "$config"
echo "$config"
