#!/bin/sh
# Two Forward servers of other projects into the parts' cache: the OpenTelemetry Collector's receiver, around which
# forwardrecv/main.go stands (needs go), and the Fluent project's own for Node, a client too (needs node and npm).
set -eu
parts=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}
here=$(cd "$(dirname "$0")" && pwd)
node_version=1.0.10
mkdir -p "$parts/bin"
if [ ! -x "$parts/bin/forwardrecv" ]; then
    command -v go >/dev/null || { echo "parts: forwardrecv needs go" >&2; exit 1; }
    (cd "$here/forwardrecv" && GOFLAGS=-p=1 CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$parts/bin/forwardrecv" .)
    echo "parts: forwardrecv is there"
fi
if [ ! -e "$parts/fluent-node-$node_version/node_modules/@fluent-org/logger/package.json" ]; then
    command -v npm >/dev/null || { echo "parts: the Forward server for Node needs npm" >&2; exit 1; }
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$parts/fluent-node-$node_version" \
        "@fluent-org/logger@$node_version" >/dev/null
    echo "parts: @fluent-org/logger $node_version is there"
fi
