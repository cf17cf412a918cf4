#!/bin/sh
# Servers that tests use, built from source into the parts' cache: ${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}/bin.
#
#     tests/servers/build.sh [NAME…]     all of them, or those named; what is there already is left alone
#
# Needs Go. One package at a time (GOFLAGS=-p=1), so that it takes minutes and not the machine.
set -eu

# name  package  version
servers="
versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0
kubeconform github.com/yannh/kubeconform/cmd/kubeconform v0.8.0
helm helm.sh/helm/v3/cmd/helm v3.22.0
"

bin=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}/bin
mkdir -p "$bin"
wanted=${*:-$(echo "$servers" | cut -d' ' -f1)}

for name in $wanted; do
    line=$(echo "$servers" | grep "^$name ") || { echo "parts: there is no $name" >&2; exit 2; }
    set -- $line
    mark="$bin/.$name-$3"
    if [ -x "$bin/$name" ] && [ -e "$mark" ]; then
        echo "parts: $name $3 is there"
        continue
    fi
    command -v go >/dev/null || { echo "parts: $name is missing, and Go, which builds it: install golang, 1.24 or newer" >&2; exit 1; }
    echo "parts: building $name $3; this takes some minutes"
    GOBIN="$bin" GOFLAGS="${GOFLAGS:--p=1}" CGO_ENABLED=0 go install -trimpath -ldflags "-s -w" "$2@$3"
    rm -f "$bin/.$name"-*
    touch "$mark"
done
