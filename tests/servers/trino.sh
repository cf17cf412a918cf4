#!/bin/sh
# Trino (by Maven) into the parts' cache, with the two connectors that the lake is asked through. Needs mvn, and Java 24.
set -eu
version=476
parts=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}
[ -e "$parts/trino-$version/ready" ] && exit 0
newest=0
for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
    [ -x "$home/bin/java" ] || continue
    found=$("$home/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
    [ "${found:-0}" -gt "$newest" ] && newest=$found
done
if [ "$newest" -lt 24 ]; then
    echo "parts: no Trino: it needs Java 24 or newer (JAVA_HOME, /usr/lib/jvm); its tests are skipped"
    exit 0
fi
command -v mvn >/dev/null || { echo "parts: Trino needs mvn: apt-get install maven" >&2; exit 1; }
mkdir -p "$parts"
work=$(mktemp -d "$parts/trino.XXXXXX")
trap 'rm -rf "$work"' EXIT
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:copy \
    -Dartifact=io.trino:trino-server:$version:tar.gz -DoutputDirectory="$work" >/dev/null
# All of it, though little is kept: a jar may be a hard link into a plugin that is not.
tar -xzf "$work/trino-server-$version.tar.gz" -C "$work"
rm -rf "$parts/trino-$version"
mkdir -p "$parts/trino-$version/plugin"
mv "$work/trino-server-$version/bin" "$work/trino-server-$version/lib" "$parts/trino-$version"
mv "$work/trino-server-$version/plugin/hive" "$work/trino-server-$version/plugin/iceberg" "$parts/trino-$version/plugin"
touch "$parts/trino-$version/ready"
echo "parts: Trino $version is there"
