#!/bin/sh
# Debian packages of servers, named as arguments, that tests start on ports of their own. Their services are neither
# started nor enabled, so that nothing listens on the machine. Needs apt-get, as root or with sudo.
# (Alertmanager is not merely unpacked, because Debian's reads a template below /usr/share.)
set -eu
policy=/usr/sbin/policy-rc.d
sudo=$([ "$(id -u)" = 0 ] || echo sudo)
missing=
for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || { echo "parts: apt-get is needed for$missing" >&2; exit 1; }
if [ ! -e $policy ]; then # dpkg's scripts ask it before they start a service; 101 is "no"
    trap '$sudo rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
fi
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
if command -v systemctl >/dev/null; then
    for unit in $(dpkg -L $missing | sed -n 's#.*/lib/systemd/system/\([^/]*\.\(service\|timer\)\)$#\1#p'); do
        $sudo systemctl disable -q "$unit" 2>/dev/null || true
    done
fi
echo "parts: installed$missing"
