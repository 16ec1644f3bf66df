"""What the ruleset needs of the kernel, each tried on its own to find out which one is missing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One need, what the owner does when the kernel lacks it, and commands that fail just then."""

    name: str
    remedy: str
    attempt: str

    def tables(self) -> list[str]:
        """The tables that `attempt` is tried in."""
        return [
            f"{kind} yingke_try"
            for kind in ("inet", "netdev", "bridge")
            if f"{kind} yingke_try" in self.attempt
        ]


_KERNEL = "the kernel module {} is missing: install the distribution's full kernel, or load it with modprobe"
_CHAIN = "add chain inet yingke_try c\n"
_STATIONS = "add set inet yingke_try s {{ type ether_addr; {}; size 9; }}\n"
_DEVICE = "add chain netdev yingke_try c {{ type filter hook {} device lo priority filter; }}"
FEATURES = (
    Feature(name="nf_tables", remedy=_KERNEL.format("nf_tables"), attempt="add table inet yingke_try"),
    Feature(
        name="NAT",
        remedy=_KERNEL.format("nft_chain_nat"),
        attempt="add chain inet yingke_try c { type nat hook prerouting priority dstnat; }",
    ),
    Feature(
        name="redirect",
        remedy=_KERNEL.format("nft_redir"),
        attempt="add chain inet yingke_try c { type nat hook prerouting priority dstnat; }\n"
        "add rule inet yingke_try c tcp dport 80 redirect to :2080",
    ),
    Feature(
        name="masquerade",
        remedy=_KERNEL.format("nft_masq"),
        attempt="add chain inet yingke_try c { type nat hook postrouting priority srcnat; }\n"
        "add rule inet yingke_try c masquerade",
    ),
    Feature(
        name="reject",
        remedy=_KERNEL.format("nft_reject_inet"),
        attempt=f"{_CHAIN}add rule inet yingke_try c reject with icmpx port-unreachable",
    ),
    Feature(
        name="fib",
        remedy=_KERNEL.format("nft_fib_inet"),
        attempt="add chain inet yingke_try c { type filter hook prerouting priority 0; }\n"
        "add rule inet yingke_try c fib daddr type local accept",
    ),
    Feature(
        name="connection tracking",
        remedy=_KERNEL.format("nft_ct"),
        attempt=f"{_CHAIN}add rule inet yingke_try c ct state established accept",
    ),
    Feature(
        name="limits of each station",
        remedy=_KERNEL.format("nft_limit"),
        attempt=f"{_CHAIN}{_STATIONS.format('flags dynamic,timeout; timeout 1m')}"
        "add rule inet yingke_try c update @s { ether saddr limit rate over 1/second burst 5 packets } drop",
    ),
    Feature(
        name="counting of connections",
        remedy=_KERNEL.format("nft_connlimit"),
        attempt=f"{_CHAIN}{_STATIONS.format('flags dynamic')}"
        "add rule inet yingke_try c update @s { ether saddr ct count over 9 } drop",
    ),
    Feature(
        name="bridge filtering",
        remedy="filtering between the ports of a bridge takes CONFIG_NF_TABLES_BRIDGE",
        attempt="add table bridge yingke_try\n"
        "add chain bridge yingke_try c { type filter hook forward priority filter; }",
    ),
    Feature(
        name="netdev ingress",
        remedy="filtering on the way into a device takes CONFIG_NETFILTER_INGRESS",
        attempt=f"add table netdev yingke_try\n{_DEVICE.format('ingress')}",
    ),
    Feature(
        name="netdev egress",
        remedy="filtering on the way out of a device takes Linux 5.16 or newer with CONFIG_NETFILTER_EGRESS",
        attempt=f"add table netdev yingke_try\n{_DEVICE.format('egress')}",
    ),
)
