#!/usr/bin/env bash
# Builds etcd, kube-apiserver, kubectl and the suite's own kit out of the pinned module in tools/, and prints a directory that holds them.
# What was built once from the same pins, with the same Go, is not built again; the kit changes more often and is kept apart.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v go >/dev/null || die "the cluster suite builds Kubernetes: it needs Go (see docs/cluster-tests.md)"
cd "$here/tools"
export GOFLAGS='-trimpath -buildvcs=false -mod=readonly' CGO_ENABLED=0

programs=$cache/programs-$( (cat go.mod go.sum; go version) | digest)
kit=$programs/kit-$(digest kit/*.go)
mkdir -p "$kit"

build() {
    local out=$1 package=$2 flags=$3
    [[ -x $out ]] && return
    note "building ${out##*/}"
    nice -n 19 go build -o "$out.new" -ldflags "-s -w $flags" "$package" || die "cannot build $package"
    mv "$out.new" "$out"
}

kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${kubernetes#v1.}
version=k8s.io/component-base/version
stamp="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"

exec 9>"$cache/lock"
flock 9
build "$programs/etcd" go.etcd.io/etcd/server/v3 ''
build "$programs/kubectl" k8s.io/kubernetes/cmd/kubectl "$stamp"
build "$programs/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver "$stamp"
build "$kit/kit" ./kit ''
ln -sf ../etcd ../kubectl ../kube-apiserver "$kit/"
echo "$kit"
