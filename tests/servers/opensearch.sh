#!/bin/sh
# OpenSearch (the distribution without plugins, by Maven) into the parts' cache. Needs mvn and a Python.
set -eu
version=3.4.0
parts=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}
[ -e "$parts/opensearch-$version/ready" ] && exit 0
command -v mvn >/dev/null || { echo "parts: OpenSearch needs mvn: apt-get install maven" >&2; exit 1; }
mkdir -p "$parts"
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:copy \
    -Dartifact=org.opensearch.distribution.integ-test-zip:opensearch:$version:zip -DoutputDirectory="$parts" >/dev/null
rm -rf "$parts/opensearch-$version"
"${PYTHON:-python3}" -m zipfile -e "$parts/opensearch-$version.zip" "$parts"
rm "$parts/opensearch-$version.zip"
chmod +x "$parts/opensearch-$version/bin/"*
touch "$parts/opensearch-$version/ready"
echo "parts: OpenSearch $version is there"
