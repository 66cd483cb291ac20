#!/bin/sh
# Every figure of docs/performance.md, measured on this machine in one run.
#
#   benches/run.sh [FILES [SMI [SPLITS [GRANTS]]]]       (default: 100000 500 10000 10000)
#
# Needs ripgrep and hyperfine. Times are compared with `rg -l smi-spec.io` on the same tree in the same run, since a
# machine's speed drifts; peak memory is what the system accounted for the process.
set -eu
files=${1:-100000}
smi=${2:-500}
splits=${3:-10000}
grants=${4:-10000}
cd "$(dirname "$0")/.."
cargo build --release --quiet --bin smi2gamma --example make-tree --example first-pass
bin=${CARGO_TARGET_DIR:-target}/release
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

compare() {
    hyperfine --warmup 1 --runs 7 --ignore-failure -N --export-json "$work/times.json" "$@" >/dev/null 2>&1
    python3 - "$work/times.json" <<'PY'
import json, sys
results = json.load(open(sys.argv[1]))["results"]
first = results[0]["median"]
for result in results:
    name = result["command"].split("/")[-1] if len(result["command"]) > 60 else result["command"]
    print(f"  {result['median']:8.3f} s  {result['median'] / first:5.2f}  {result.get('name') or name}")
PY
}

peak() {
    python3 - "$@" <<'PY'
import os, resource, subprocess, sys, time
start = time.monotonic()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seconds = time.monotonic() - start
mebibytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"  {seconds:.2f} s, {mebibytes:.0f} MiB at most")
PY
}

echo "tree: $files files, $smi with SMI"
"$bin/examples/make-tree" --files "$files" --smi "$smi" --out "$work/tree"
compare -n "rg -l smi-spec.io" "rg -l smi-spec.io $work/tree" \
    -n "first pass" "$bin/examples/first-pass $work/tree" \
    -n "smi2gamma convert" "$bin/smi2gamma convert $work/tree --from spec"

echo "the same SMI in twice the files"
"$bin/examples/make-tree" --files "$((files * 2))" --smi "$smi" --out "$work/twice"
compare -n "rg -l smi-spec.io" "rg -l smi-spec.io $work/twice" \
    -n "smi2gamma convert" "$bin/smi2gamma convert $work/twice --from spec"
rm -rf "$work/twice"

echo "$splits TrafficSplits with their Services, convert"
"$bin/examples/make-tree" --splits "$splits" --out "$work/splits"
peak "$bin/smi2gamma" convert "$work/splits" --from spec
peak "$bin/smi2gamma" convert "$work/splits" --from spec
echo "the same, diff"
peak "$bin/smi2gamma" diff "$work/splits" --from spec

echo "one JSON document: the same as kubectl get -o json writes it"
"$bin/smi2gamma" convert "$work/splits" --from spec -o json >"$work/list.json" 2>/dev/null
ls -l "$work/list.json" | awk '{ printf "  %.1f MB\n", $5 / 1e6 }'
peak "$bin/smi2gamma" report "$work/splits" --from spec --with "$work/list.json"

echo "the same without the comparison of output and input"
peak "$bin/smi2gamma" convert "$work/splits" --from spec --no-verify

"$bin/examples/make-tree" --grants "$grants" --out "$work/grants"
for to in linkerd istio istio-ambient; do
    echo "$grants TrafficTargets, convert --to $to, without and with the comparison"
    peak "$bin/smi2gamma" convert "$work/grants" --from spec --to "$to" --no-verify
    peak "$bin/smi2gamma" convert "$work/grants" --from spec --to "$to"
done

echo "smi2gamma --version"
compare -n "smi2gamma --version" "$bin/smi2gamma --version"

echo "release binary"
ls -l "$bin/smi2gamma" | awk '{ printf "  %.1f MB\n", $5 / 1e6 }'
