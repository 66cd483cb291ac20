#!/usr/bin/env bash
# A new user: installs the archive as krew lays it out, completes by tab, reads the cluster, converts, asks the API server, looks at the
# status, applies the routes, and looks again. krew itself cannot be had here as a Go module; its rules for a manifest are held by the kit.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
in_cluster

root=${here%/tests/cluster}
program=$(program)
user=$SMI2GAMMA_CLUSTER/user
case $(uname -m) in aarch64 | arm64) arch=arm64 ;; *) arch=amd64 ;; esac
mkdir -p "$user"

# === the archive ===

export DIST=$user/dist
must 'the archive is made' "$root/packaging/archive.sh" archive linux "$arch" "${program%/*}"
# Sums of the archives of other machines are zeros here.
"$root/packaging/archive.sh" krew >/dev/null 2>&1 || true
archive=$(echo "$DIST"/smi2gamma-*-linux-"$arch".tar.gz)
must 'the manifest and the archive keep the rules of krew' "$KIT" krew "$DIST/smi2gamma.yaml" "$archive"

# === installed, as krew 0.4 does ===

version=$(sed -n 's/^  version: //p' "$DIST/smi2gamma.yaml")
store=$user/.krew/store/smi2gamma/$version
mkdir -p "$store" "$user/.krew/bin" "$user/work"
tar -C "$store" -xzf "$archive"
ln -s "$store/kubectl-smi2gamma" "$user/.krew/bin/kubectl-smi2gamma"
# What docs/plugin.md tells to do for completion.
ln -s "$store/kubectl_complete-smi2gamma" "$user/.krew/bin/"
export HOME=$user PATH=$user/.krew/bin:${KUBECTL%/*}:/usr/bin:/bin
cd "$user/work"

# prints WORDS COMMAND...: the command succeeds and its output holds the words, as an extended regular expression.
prints() {
    local words=$1 said
    shift
    said=$("$@" 2>&1 </dev/null) || { echo "it ended with $?: $said"; return 1; }
    grep -qE -- "$words" <<<"$said" || { echo "no \"$words\" in: $said"; return 1; }
}

must 'kubectl finds the plugin' prints 'kubectl-smi2gamma$' kubectl plugin list
must 'the plugin names itself as it was called' prints 'Usage: kubectl smi2gamma' kubectl smi2gamma --help
must 'a command is completed' prints '^convert' kubectl __complete smi2gamma con
must 'a flag is completed' prints '^--server-dry-run' kubectl __complete smi2gamma convert --
must 'the value of a flag is completed' prints '^istio-ambient' kubectl __complete smi2gamma convert --to ''

make_namespaces "$here/once/split.yaml"
kubectl apply -f "$here/once/split.yaml" >/dev/null
must 'the report says what is there' prints '1 SMI and 3 other objects' kubectl smi2gamma report
must 'the report says what to run next' prints 'kubectl smi2gamma explain' kubectl smi2gamma report
must 'what it says can be run' prints 'managed-by-gitops' kubectl smi2gamma explain managed-by-gitops
must 'the API server accepts the route' prints '^accepted HTTPRoute' kubectl smi2gamma convert --server-dry-run
must 'the status says what is left' prints '^1 SMI object is left' kubectl smi2gamma status
kubectl smi2gamma convert >routes.yaml 2>/dev/null
must 'the output is one that kubectl applies' prints 'created$' kubectl apply -f routes.yaml
must 'the status knows the route, and that nobody accepted it' prints '^routes attached to Services: 1' kubectl smi2gamma status
kubectl delete -f "$here/once/split.yaml" -f routes.yaml >/dev/null
must 'the status says that nothing is left' prints 'no SMI|^0 SMI' kubectl smi2gamma status
