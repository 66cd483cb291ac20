#!/bin/sh
# Makes the release archive of one platform from built binaries, and fills in the krew manifest.
#
#   packaging/archive.sh archive OS ARCH [BINARIES] [RUNNABLE]   dist/smi2gamma-vX.Y.Z-OS-ARCH.tar.gz and its .sha256
#   packaging/archive.sh krew                                    dist/smi2gamma.yaml, with the sums of the archives in dist/;
#                                                                fails if one is missing
#
# DIST is another place than dist/. OS is linux, darwin or windows; ARCH is amd64 or arm64. BINARIES is where cargo put them (default target/release).
# RUNNABLE is a program of this machine that writes the manual pages and completions, where the built one does not run here.
set -eu
cd "$(dirname "$0")/.."
dist=${DIST:-dist}

version=v$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

sum() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

archive() {
    os=$1 arch=$2 binaries=${3:-target/release}
    exe=
    [ "$os" != windows ] || exe=.exe
    runnable=${4:-$binaries/smi2gamma$exe}
    name=smi2gamma-$version-$os-$arch
    stage=$(mktemp -d)
    # The folder itself is in the archive: whoever unpacks it in a shared place must not take it away from others.
    chmod 755 "$stage"
    trap 'rm -rf "$stage"' EXIT
    mkdir -p "$dist" "$stage/man" "$stage/completions"
    cp LICENSE "$stage/"
    cp "$binaries/kubectl-smi2gamma$exe" "$binaries/smi2gamma$exe" "$stage/"
    [ "$os" = windows ] || cp packaging/kubectl_complete-smi2gamma "$stage/"
    "$runnable" man --output-dir "$stage/man"
    for shell in bash zsh fish powershell; do
        "$runnable" completions "$shell" >"$stage/completions/smi2gamma.$shell"
    done
    # The same input makes the same archive, where tar can.
    if tar --version 2>/dev/null | grep -q GNU; then
        tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - . | gzip -n >"$dist/$name.tar.gz"
    else
        tar -C "$stage" -czf "$dist/$name.tar.gz" .
    fi
    sum "$dist/$name.tar.gz" >"$dist/$name.tar.gz.sha256"
    echo "$dist/$name.tar.gz $(cat "$dist/$name.tar.gz.sha256")"
}

krew() {
    mkdir -p "$dist"
    sed -e "s/v[0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*/$version/g" \
        -e "s#OWNER/smi2gamma#${GITHUB_REPOSITORY:-OWNER/smi2gamma}#" packaging/krew/smi2gamma.yaml | grep -v '^#' |
        while IFS= read -r line; do
            case $line in
            *uri:*) file=${line##*/} ;;
            *sha256:*)
                if [ -e "$dist/$file.sha256" ]; then
                    line="    sha256: \"$(cat "$dist/$file.sha256")\""
                else
                    echo "$dist/$file is missing: its sum is not filled in" >&2
                fi
                ;;
            esac
            printf '%s\n' "$line"
        done >"$dist/smi2gamma.yaml"
    echo "$dist/smi2gamma.yaml"
    ! grep -q 'sha256: "0*"' "$dist"/smi2gamma.yaml
}

case ${1:-} in
archive) shift && archive "$@" ;;
krew) krew ;;
*) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
