"""The router's packet filter as each side of `forward` has it: `python -m tests.bench.sides`, in the router.

Reads the name of a side a line, puts it in force, and answers `ok` or what went wrong.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address

from netctl.api import Mac
from netctl.gate.sessions import Admit
from netctl.linux.nft import PacketFilter
from sync.config import Config
from tests.bench import peer_rules
from tests.bench.rig import BRIDGE, LAN_PORT, PHONE, PHONE_MAC, UPLINK

OTHERS = (0, 100, 1000, 4000, 10_000)
PEER_CLIENTS = 4000
_FIRST = IPv4Address("10.77.100.0")
_DAY_SECONDS = 86400


def clients(others: int) -> list[peer_rules.Client]:
    """Some others, and last the phone that is measured."""
    made = [
        ("06:00:" + ":".join(f"{octet:02x}" for octet in number.to_bytes(4, "big")), str(_FIRST + number))
        for number in range(others)
    ]
    return [*made, (PHONE_MAC, PHONE)]


def ours(others: int) -> None:
    """The product's own packet filter, with the phone and some others admitted."""
    settings = {"network": {"bridge": BRIDGE, "uplink": UPLINK, "lan_interfaces": [LAN_PORT]}}
    packet_filter = PacketFilter(Config.parse(settings))
    packet_filter.load(
        [
            Admit(mac=Mac(mac), seconds=_DAY_SECONDS, bytes_up=0, bytes_down=0, addresses=(IPv4Address(ip),))
            for mac, ip in clients(others)
        ]
    )


def _nft(rules: str) -> None:
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def _iptables(rules: str) -> None:
    subprocess.run(["iptables-nft-restore"], input=rules, text=True, check=True)


SIDES: Mapping[str, Callable[[], None]] = {
    "plain_nat": lambda: _nft(peer_rules.MASQUERADE),
    "opennds_rules_4000": lambda: _nft(peer_rules.opennds(clients(PEER_CLIENTS - 1))),
    "opennds9_rules_4000": lambda: _iptables(peer_rules.opennds9(clients(PEER_CLIENTS - 1))),
    "nodogsplash_rules_4000": lambda: _iptables(peer_rules.nodogsplash(clients(PEER_CLIENTS - 1))),
} | {f"others_{count}": lambda count=count: ours(count) for count in OTHERS}


def main() -> None:
    for line in sys.stdin:
        try:
            # The namespace is the bench's own: nothing in it is anybody else's.
            subprocess.run(["nft", "flush", "ruleset"], check=True)
            SIDES[line.strip()]()
            subprocess.run(["conntrack", "-F"], check=True, capture_output=True)
            answer = "ok"
        except Exception as reason:
            answer = f"{type(reason).__name__}: {reason}".replace("\n", " ")
        print(answer, flush=True)


if __name__ == "__main__":
    main()
