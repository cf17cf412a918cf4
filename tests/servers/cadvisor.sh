#!/bin/sh
# cAdvisor as a kubelet has it within, into the parts' cache: its library, around which cadvisor/main.go stands (needs
# go). Its own command is no Go module that could be asked for.
set -eu
parts=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}
here=$(cd "$(dirname "$0")" && pwd)
mark="$parts/bin/.cadvisor-$(cat "$here/cadvisor/main.go" "$here/cadvisor/go.mod" | cksum | cut -d' ' -f1)"
mkdir -p "$parts/bin"
if [ -x "$parts/bin/cadvisor" ] && [ -e "$mark" ]; then
    echo "parts: cadvisor is there"
    exit
fi
command -v go >/dev/null || { echo "parts: cadvisor needs go" >&2; exit 1; }
echo "parts: building cadvisor; this takes a minute"
(cd "$here/cadvisor" && GOFLAGS="${GOFLAGS:--p=1}" CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$parts/bin/cadvisor" .)
rm -f "$parts/bin/.cadvisor"-*
touch "$mark"
