"""How rates are told to HTB and the packet filter: a lane each direction, a class each station. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final, NamedTuple

from netctl.api import Mac
from netctl.linux import queues
from netctl.linux.nft import OUR_WORD
from netctl.linux.queues import Message
from netctl.linux.rates import ShaperFailed
from sync.config import Config

TABLE: Final = "netdev yingke_shaper"
IFB: Final = "ifb-yingke"
# "YK": by this handle we know our own queues again after a crash.
HANDLE: Final = 0x594B0000
_TOTAL, _OTHERS = HANDLE | 1, HANDLE | 8
# A station's leaf need not tell many flows apart; ten thousand leaves of the usual 1024 would take 1.3 GB.
_FLOWS, _FLOWS_OF_OTHERS = 32, 1024
# HTB takes turns by packets where one is longer than a turn, and merged ones are up to 64 kB: a station with
# four downloads then got a fifth of one with a single download. A total of 20 Mbit/s sends this in 24 ms.
_TURN_BYTES = 60_000


def minors() -> Iterator[int]:
    """Numbers for classes, 32,767 of them. The low four bits are 8 to 15: on a wired port pfifo_fast takes
    them for the packet's priority, and all of these for the same ordinary one.
    """
    return (high << 4 | low for high in range(0x1000) for low in range(8, 16) if (high, low) != (0, 8))


class Change(NamedTuple):
    """Classes to come, elements of the map to go and to come, classes to go; carried out in this order."""

    made: list[Message]
    going: Sequence[str]
    coming: Sequence[str]
    removed: list[Message]


@dataclass(slots=True, kw_only=True)
class Lane:
    """One direction as it is in the kernel: the interface it waits on, and each station's class."""

    name: str
    index: int
    map: str
    total_kbit: int
    fair: bool
    classes: dict[Mac, tuple[int, int]] = field(default_factory=dict)
    """Class and ceiling in kbit/s of each station."""
    _free: list[int] = field(default_factory=list)
    _fresh: Iterator[int] = field(default_factory=minors)

    def opened(self) -> list[Message]:
        """The root, and with a total what is above all."""
        if not self.total_kbit:
            return [queues.htb_root(self.index, HANDLE, 0)]
        total = self.total_kbit
        above = queues.htb_class(self.index, _TOTAL, HANDLE, kbit=total, ceil_kbit=total, turn=_TURN_BYTES)
        others = self._class(_OTHERS, total, _FLOWS_OF_OTHERS)
        return [queues.htb_root(self.index, HANDLE, _OTHERS & 0xFFFF), above, *others]

    def change(self, ceilings: Mapping[Mac, int]) -> Change:
        """What makes it so. Raises ShaperFailed when there are more stations than classes."""
        going = [mac for mac in self.classes if mac not in ceilings]
        coming = [mac for mac in ceilings if mac not in self.classes]
        other = [mac for mac in ceilings if mac in self.classes and self.classes[mac][1] != ceilings[mac]]
        removed = [queues.no_class(self.index, self._leave(mac)) for mac in going]
        made: list[Message] = []
        for mac in coming:
            self.classes[mac] = (self._number(), ceilings[mac])
            made += self._class(*self.classes[mac], _FLOWS)
        for mac in other:
            self.classes[mac] = (self.classes[mac][0], ceilings[mac])
            made += self._class(*self.classes[mac], None)
        elements = [f"{mac} : {_class_id(self.classes[mac][0])}" for mac in coming]
        return Change(made=made, going=going, coming=elements, removed=removed)

    def _leave(self, mac: Mac) -> int:
        handle, _ = self.classes.pop(mac)
        self._free.append(handle)
        return handle

    def _number(self) -> int:
        fresh = next(self._fresh, None)
        if fresh is not None:
            return HANDLE | fresh
        if self._free:
            return self._free.pop(0)
        raise ShaperFailed("more than 32,767 stations at once have a rate: no class is left for another")

    def _class(self, handle: int, ceil_kbit: int, flows: int | None) -> list[Message]:
        # A class's own rate is given past the total: so small that even 16,000 of them keep to it. What was
        # saved up of it goes before everybody's turn: a page's first packets do not wait for downloads.
        own = min(ceil_kbit, max(1, self.total_kbit >> 14)) if self.total_kbit else ceil_kbit
        parent = _TOTAL if self.total_kbit else HANDLE
        made = queues.htb_class(self.index, handle, parent, kbit=own, ceil_kbit=ceil_kbit, turn=_TURN_BYTES)
        if self.fair:
            return [made, queues.fair_leaf(self.index, handle, kbit=ceil_kbit, flows=flows)]
        return [made, queues.plain_leaf(self.index, handle, kbit=ceil_kbit)]


def _class_id(handle: int) -> str:
    return f"{handle >> 16:x}:{handle & 0xFFFF:x}"


def rules(config: Config, lanes: Mapping[str, Lane]) -> str:
    """Our table, with empty maps: `down` on the way out of the bridge, `up` on the way in."""
    bridge = config.network.bridge
    ours4, ours6 = IPv4Interface(config.network.lan_address).ip, IPv6Interface(config.network.lan_ula).ip
    lines = [f"add table {TABLE}"]
    for name, lane in lanes.items():
        hook = "egress" if name == "down" else "ingress"
        lines.append(f"add map {TABLE} {name} {{ type ether_addr : classid; size 65535; }}")
        # After the admission chain: who may not pass waits in nobody's class.
        chain = f"{{ type filter hook {hook} device {bridge} priority filter + 10; policy accept; }}"
        lines.append(f"add chain {TABLE} {name} {chain}")
        rule = f"add rule {TABLE} {name} "
        if name == "down":
            # Pages, names and leases never wait: past all classes, by the root's own handle.
            past = f"meta priority set {_class_id(HANDLE)} accept"
            lines += [
                f"{rule}meta mark & {OUR_WORD} != 0 {past}",
                f"{rule}ether type != {{ ip, ip6 }} {past}",
                f"{rule}meta priority set ether daddr map @down",
            ]
            continue
        lines += [
            f"{rule}meta pkttype != host accept",
            f"{rule}ether type != {{ ip, ip6 }} accept",
            f"{rule}ip daddr {ours4} accept",
            f"{rule}ip6 daddr {{ {ours6}, fe80::/10 }} accept",
            f'{rule}meta priority set ether saddr map @up fwd to "{IFB}"',
        ]
        if lane.total_kbit:
            lines.append(f'{rule}fwd to "{IFB}"')
    return "\n".join(lines)
