#!/bin/sh
# What a fresh Debian or Raspberry Pi OS machine lacks for the demo and the tests: system packages (as root),
# and the virtual environment given as the first argument. No service of the machine is started or changed.
set -eu
venv=${1:?usage: tests/setup.sh VENV}
cd "$(dirname "$0")/.."

# A program, and the package that brings it.
wanted="nft:nftables dnsmasq:dnsmasq-base ip:iproute2 nsenter:util-linux conntrack:conntrack udhcpc:udhcpc
dhcpcd:dhcpcd-base kea-dhcp6:kea-dhcp6-server
curl:curl chromium:chromium nginx:nginx-light wrk:wrk tcpdump:tcpdump shellcheck:shellcheck
iperf3:iperf3 ethtool:ethtool iptables-nft-restore:iptables iodine:iodine iodined:iodine"

PATH=$PATH:/usr/sbin:/sbin
missing=""
for pair in $wanted; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || missing="$missing fonts-noto-cjk"
[ -e /etc/protocols ] || missing="$missing netbase" # nft reads the names of protocols there
python=$(command -v python3 || true)
if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing="$missing python3-venv"
fi

if [ -n "$missing" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "These packages are missing. Please run, then start again:" >&2
        echo "  sudo apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    # nginx, kea and dnsmasq are only tools here: no package may start a service of its own (policy-rc.d: 101 is "no").
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    tools=""
    command -v nginx >/dev/null || tools="nginx.service"
    command -v kea-dhcp6 >/dev/null || tools="$tools kea-dhcp6-server.service"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words on purpose
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    if [ -n "$tools" ] && [ -d /run/systemd/system ]; then
        # shellcheck disable=SC2086  # a list of words on purpose
        systemctl disable $tools >/dev/null 2>&1 || true # nor at the next boot
    fi
fi

python=$(command -v python3)
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Yingke needs Python 3.11 or newer; $python is $("$python" --version)." >&2
    exit 1
}
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
