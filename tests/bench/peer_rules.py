"""The packet filter rules that other portals add for each client they let in, in their shape and order.

Facts from their public sources (fw_iptables.c in each), read 2026-11-23: openNDS 11, which calls nft, openNDS
9.10 and nodogsplash 5, which call iptables, on Debian 12 a front of nftables. Of their base chains, those a
client's packets pass.
"""

from collections.abc import Iterable, Sequence

from tests.bench.rig import BRIDGE, UPLINK

Client = tuple[str, str]
"""MAC and IPv4 address."""

_MARK = "0x30000"
_NET = "10.77.0.0/16"
MASQUERADE = f"""
table ip nat_only {{
	chain postrouting {{
		type nat hook postrouting priority srcnat; policy accept;
		iifname {BRIDGE} oifname {UPLINK} masquerade
	}}
}}
"""
"""What any router does, alone it is NAT without a portal."""


def opennds(clients: Sequence[Client]) -> str:
    """openNDS 11, six rules a client, for `nft -f`: the marks are put in front, the rates behind."""
    # `insert` puts the newest first: written backwards.
    marks_out = _lines(
        f"ip saddr {ip} ether saddr {mac} counter meta mark set mark or {_MARK}"
        for mac, ip in reversed(clients)
    )
    marks_in = _lines(f"ip daddr {ip} counter meta mark set mark or {_MARK}" for _, ip in reversed(clients))
    up = _lines(f"ip saddr {ip} counter {verdict}" for _, ip in clients for verdict in ("return", "drop"))
    down = _lines(f"ip daddr {ip} counter {verdict}" for _, ip in clients for verdict in ("return", "drop"))
    return f"""{MASQUERADE}
table ip nds_mangle {{
	chain ndsOUT {{
{marks_out}
	}}
	chain ndsDLR {{
{down}
	}}
	chain ndsINC {{
{marks_in}
		oifname {BRIDGE} counter jump ndsDLR
	}}
	chain PREROUTING {{
		type filter hook prerouting priority mangle; policy accept;
		iifname {BRIDGE} counter jump ndsOUT
	}}
	chain POSTROUTING {{
		type filter hook postrouting priority mangle; policy accept;
		oifname {BRIDGE} counter jump ndsINC
	}}
}}
table ip nds_nat {{
	chain ndsOUT {{
		mark and {_MARK} == {_MARK} counter return
		tcp dport 80 counter redirect to :2050
		counter accept
	}}
	chain PREROUTING {{
		type nat hook prerouting priority dstnat; policy accept;
		iifname {BRIDGE} counter jump ndsOUT
	}}
}}
table ip nds_filter {{
	chain ndsULR {{
{up}
	}}
	chain ndsAUT {{
		counter jump ndsULR
		counter accept
	}}
	chain ndsNET {{
		ct state invalid counter drop
		mark and {_MARK} == {_MARK} counter goto ndsAUT
		counter reject
	}}
	chain FORWARD {{
		type filter hook forward priority filter; policy accept;
		iifname {BRIDGE} counter jump ndsNET
	}}
}}
"""


def opennds9(clients: Sequence[Client]) -> str:
    """openNDS 9.10, four rules a client, for `iptables-restore`: the one for the rate is put in front."""
    rates = "\n".join(f"-A ndsULR -s {ip}/32 -j RETURN" for _, ip in reversed(clients))
    return _iptables(clients, f":ndsULR - [0:0]\n{rates}\n-A ndsULR -j RETURN\n-A ndsAUT -j ndsULR")


def nodogsplash(clients: Sequence[Client]) -> str:
    """nodogsplash 5, three rules a client, for `iptables-restore`."""
    return _iptables(clients, "")


def _iptables(clients: Sequence[Client], rates: str) -> str:
    out = "\n".join(
        f"-A ndsOUT -s {ip}/32 -m mac --mac-source {mac} -j MARK --or-mark {_MARK}" for mac, ip in clients
    )
    into = "\n".join(
        f"-A ndsINC -d {ip}/32 -j MARK --or-mark {_MARK}\n-A ndsINC -d {ip}/32 -j ACCEPT" for _, ip in clients
    )
    return f"""*mangle
:ndsOUT - [0:0]
:ndsINC - [0:0]
-A PREROUTING -i {BRIDGE} -s {_NET} -j ndsOUT
-A POSTROUTING -o {BRIDGE} -d {_NET} -j ndsINC
{out}
{into}
COMMIT
*nat
:ndsOUT - [0:0]
-A PREROUTING -i {BRIDGE} -s {_NET} -j ndsOUT
-A ndsOUT -m mark --mark {_MARK}/{_MARK} -j RETURN
-A ndsOUT -p tcp --dport 80 -j REDIRECT --to-ports 2050
-A ndsOUT -j ACCEPT
-A POSTROUTING -o {UPLINK} -j MASQUERADE
COMMIT
*filter
:ndsNET - [0:0]
:ndsAUT - [0:0]
-A FORWARD -i {BRIDGE} -s {_NET} -j ndsNET
-A ndsNET -m conntrack --ctstate INVALID -j DROP
-A ndsNET -m mark --mark {_MARK}/{_MARK} -g ndsAUT
-A ndsNET -j REJECT --reject-with icmp-port-unreachable
{rates}
-A ndsAUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ndsAUT -j ACCEPT
COMMIT
"""


def _lines(rules: Iterable[str]) -> str:
    return "\n".join(f"\t\t{rule}" for rule in rules)
