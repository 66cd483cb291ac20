#!/bin/sh
# Times the reading of sources against `rg -l smi-spec.io` on the same tree in the same run.
#
#   benches/first_pass.sh [FILES [SMI]]       (default: 100000 files, 500 of them with a TrafficSplit)
#
# Both look at every byte of every file; rg stops there. Target: at most 2.5 times the wall time of rg.
set -eu
files=${1:-100000}
smi=${2:-500}
cd "$(dirname "$0")/.."
cargo build --release --quiet --example make-tree --example first-pass
bin=${CARGO_TARGET_DIR:-target}/release/examples
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT INT TERM
"$bin/make-tree" --files "$files" --smi "$smi" --out "$tree"
"$bin/first-pass" "$tree"

if command -v hyperfine >/dev/null; then
    hyperfine --warmup 2 --runs 10 --ignore-failure -N \
        -n 'rg -l smi-spec.io' "rg -l smi-spec.io $tree" \
        -n 'first pass' "$bin/first-pass $tree"
else
    for command in "rg -l smi-spec.io $tree" "$bin/first-pass $tree"; do
        echo "$command"
        for _ in 1 2 3 4 5; do
            ( time -p $command >/dev/null ) 2>&1 | sed -n 's/^real/  real/p'
        done
    done
fi
