#!/bin/sh
# What takes metrics: Debian's InfluxDB and carbon, and Rotel, a collector of OTLP in Rust, whose wheel brings its
# program (x86_64 only).
set -eu
parts=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}
here=$(cd "$(dirname "$0")" && pwd)
rotel_version=0.0.1a15
"$here/debian.sh" influxdb graphite-carbon
if [ ! -x "$parts/bin/rotel-agent" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --python-version 3.11 --platform manylinux_2_34_x86_64 --dest "$work" "rotel==$rotel_version"
    "${PYTHON:-python3}" -m zipfile -e "$work"/rotel-*.whl "$work/unpacked"
    mkdir -p "$parts/bin"
    install -m 755 "$work/unpacked/rotel/rotel-agent" "$parts/bin/rotel-agent"
    echo "parts: rotel-agent $rotel_version is there"
fi
