#!/bin/sh
# Programs of Kubernetes itself, built from its modules into the parts' cache, and etcd from the distribution.
#
#     tests/servers/kube.sh [PROGRAM…]     kube-apiserver alone, or those named; what is there already is left alone
#
# Needs Go and Python. Some seven minutes of processor time for the first one, little for each other.
set -eu
version=v1.34.4
parts=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}
here=$(cd "$(dirname "$0")" && pwd)
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
wanted=${*:-kube-apiserver}

command -v etcd >/dev/null || {
    $sudo apt-get update -qq && $sudo apt-get install -y -qq etcd-server
}
mkdir -p "$parts/bin"
for name in $wanted; do
    mark="$parts/bin/.$name-$version"
    if [ -x "$parts/bin/$name" ] && [ -e "$mark" ]; then
        echo "parts: $name $version is there"
        continue
    fi
    command -v go >/dev/null || { echo "parts: $name is missing, and Go, which builds it: install golang, 1.24 or newer" >&2; exit 1; }
    echo "parts: building $name $version; the first of them takes some minutes"
    "${PYTHON:-python3}" "$here/kube_gomod.py" "$version" "$parts/kube-$version" \
        kube-apiserver kube-controller-manager kube-scheduler kubelet
    set_version="-X k8s.io/component-base/version.gitVersion=$version"
    set_version="$set_version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
    (cd "$parts/kube-$version" && CGO_ENABLED=0 GOFLAGS="${GOFLAGS:--p=2} -mod=mod" \
        go build -trimpath -ldflags "-s -w $set_version" -o "$parts/bin/$name" "k8s.io/kubernetes/cmd/$name")
    rm -f "$parts/bin/.$name"-*
    touch "$mark"
done
