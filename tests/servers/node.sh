#!/bin/sh
# What `make e2e` needs: a container runtime from the distribution; the programs of a cluster, and kwok, which pretends
# to be many nodes, from source; and the program that its pods run.
#
# Needs Go, Python and Debian's packages; installs as root, or with sudo. What is there already is left alone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
parts=${TAILRACE_PARTS:-$HOME/.cache/tailrace/parts}
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
kwok=v0.8.0
packages="containerd runc containernetworking-plugins iptables iproute2 util-linux"

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
if [ -n "$missing" ]; then
    $sudo apt-get update -qq
    $sudo apt-get install -y -qq --no-install-recommends $missing
fi
echo "parts: containerd, runc and the network plugins are there"
"$here/kube.sh" kube-apiserver kube-controller-manager kube-scheduler kubelet
"$here/build.sh" helm
if [ -x "$parts/bin/kwok" ] && [ -e "$parts/bin/.kwok-$kwok" ]; then
    echo "parts: kwok $kwok is there"
else
    echo "parts: building kwok $kwok; this takes a minute or two"
    GOBIN="$parts/bin" GOFLAGS="${GOFLAGS:--p=1}" CGO_ENABLED=0 \
        go install -trimpath -ldflags "-s -w" "sigs.k8s.io/kwok/cmd/kwok@$kwok"
    rm -f "$parts/bin/.kwok"-*
    touch "$parts/bin/.kwok-$kwok"
fi
