"""How fast stations are: a class of its own for each that has a limit, and one above them all for a total.

Downloads wait on the LAN bridge. Uploads are led through an `ifb`, wait on their way out of it and then
arrive as before. A map from MAC to class sets the packet's priority, which HTB takes for a class: one look-up
a packet however many stations there are. While no rate is wished nothing of this is there. Measured
2026-11-23 (2-core x86 VM, Linux 6.18, busy): one station more or less beside 10,000 others 20 ms, all 10,000
from nothing 5 s in one direction, which is the kernel's own time.
"""

import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from errno import ENOENT, EOPNOTSUPP, EPERM
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from netctl.api import Mac
from netctl.linux import queues
from netctl.linux.lanes import HANDLE, IFB, TABLE, Lane, rules
from netctl.linux.nft import first_complaint, libnftables
from netctl.linux.queues import Queues, Refused
from netctl.linux.rates import Rates, ShaperFailed, Wish, wish
from sync.config import Config

log = logging.getLogger(__name__)

_AT_ONCE = 1000
_FULL_KERNEL = "install the distribution's full kernel, or load it: modprobe {}"


def batched(elements: Sequence[str]) -> Iterator[Sequence[str]]:
    """In parts: ten thousand at once are too long a message where the gate is not root of the machine."""
    return (elements[at : at + _AT_ONCE] for at in range(0, len(elements), _AT_ONCE))


class Shaper:
    """Rates in this network namespace. Calls block; for one thread, without an event loop in it."""

    def __init__(
        self,
        config: Config,
        library: Callable[[], Any] | None = None,
        conversation: Callable[[], Queues] = Queues,
    ) -> None:
        """Raises ProcessFailed when libnftables is not installed."""
        self._config = config
        self._nftables = (library or libnftables)()
        self._queues = conversation()
        self._lanes: dict[str, Lane] | None = None
        """As the kernel has it by our own doing; None when that is not known."""
        self._fair: bool | None = None

    def apply(self, wanted: Mapping[Mac, Rates], totals: Rates) -> None:
        """Makes the kernel's queues agree with this wish; a difference costs what differs. Raises
        ShaperFailed, and then nothing of ours is in place: nobody is slowed, nobody is locked out.
        """
        wishes = {
            "down": wish(totals.down_kbit, {mac: rates.down_kbit for mac, rates in wanted.items()}),
            "up": wish(totals.up_kbit, {mac: rates.up_kbit for mac, rates in wanted.items()}),
        }
        wishes = {name: each for name, each in wishes.items() if not each.empty}
        if self._fits(wishes) and self._intact():
            try:
                return self._differ(wishes)
            except (Refused, OSError, ShaperFailed) as failure:
                log.warning("the queues are not as we left them (%s): all are made anew", failure)
        try:
            self._anew(wishes)
        except (Refused, OSError) as failure:
            self._clear_if_possible()
            raise ShaperFailed(_unkept(failure)) from failure
        except ShaperFailed:
            self._clear_if_possible()
            raise

    def close(self) -> None:
        """The queues stay as they are: a gate that restarts slows nobody down and speeds nobody up."""
        self._queues.close()

    def _fits(self, wishes: Mapping[str, Wish]) -> bool:
        """Whether a difference is enough."""
        lanes = self._lanes
        if lanes is None or lanes.keys() != wishes.keys():
            return False
        return all(lanes[name].total_kbit == each.total_kbit for name, each in wishes.items())

    def _intact(self) -> bool:
        """Whether what we made is still there: a bridge may have been made anew, tables flushed."""
        lanes = (self._lanes or {}).values()
        try:
            ours = all(_is_ours(self._queues.root(lane.index)) for lane in lanes)
            same = all(_index(lane.name) == lane.index for lane in lanes)
        except (Refused, ShaperFailed):
            return False
        return ours and same and all(self._has_chain(lane.map) for lane in lanes)

    def _has_chain(self, name: str) -> bool:
        # Listing it would take 20 ms with 10,000 stations in the map; making it fails at once if it is there.
        code, _, error = self._nftables.cmd(f"create chain {TABLE} {name}")
        return bool(code != 0 and "File exists" in error)

    def _differ(self, wishes: Mapping[str, Wish]) -> None:
        # Until all is done it is not known what the kernel has.
        lanes, self._lanes = self._lanes or {}, None
        for name, each in wishes.items():
            self._turn(lanes[name], each.ceilings)
        self._lanes = lanes

    def _turn(self, lane: Lane, ceilings: Mapping[Mac, int]) -> None:
        change = lane.change(ceilings)
        self._queues.send(change.made)
        # What is led to a class comes after it and goes before it.
        for verb, elements in (("delete", change.going), ("add", change.coming)):
            for some in batched(elements):
                self._nft(f"{verb} element {TABLE} {lane.map} {{ {', '.join(some)} }}")
        self._queues.send(change.removed)

    def _anew(self, wishes: Mapping[str, Wish]) -> None:
        self._lanes = None
        self._clear()
        lanes = {}
        for name, each in wishes.items():
            lanes[name] = self._opened(name, each)
        if lanes:
            self._nft(rules(self._config, lanes))
        for name, each in wishes.items():
            self._turn(lanes[name], each.ceilings)
        self._lanes = lanes

    def _opened(self, name: str, each: Wish) -> Lane:
        interface = self._config.network.bridge if name == "down" else IFB
        if name == "up":
            _make_ifb()
        index = _index(interface)
        self._refuse_strangers(interface, index)
        fair = self._can_be_fair(index)
        lane = Lane(name=interface, index=index, map=name, total_kbit=each.total_kbit, fair=fair)
        try:
            self._queues.send(lane.opened())
        except Refused as refusal:
            raise ShaperFailed(_missing(refusal, "HTB", "CONFIG_NET_SCH_HTB", "sch_htb")) from refusal
        return lane

    def _refuse_strangers(self, interface: str, index: int) -> None:
        root = self._queues.root(index)
        if root is not None and root.handle:
            raise ShaperFailed(
                f"{interface} already sends through a queue that is not ours "
                f"({root.kind} {root.handle >> 16:x}:): take it away "
                f"with `tc qdisc del dev {interface} root`, or wish no rates for guests"
            )

    def _can_be_fair(self, index: int) -> bool:
        """Whether the kernel has fq_codel; tried once."""
        if self._fair is None:
            try:
                self._queues.send([queues.fair_root(index, HANDLE), queues.no_root(index, HANDLE)])
                self._fair = True
            except Refused as refusal:
                if refusal.errno not in (ENOENT, EOPNOTSUPP):
                    raise
                self._fair = False
            leaf = (
                "fq_codel"
                if self._fair
                else "pfifo, for this kernel has no fq_codel (CONFIG_NET_SCH_FQ_CODEL)"
            )
            log.info("limited stations wait in %s", leaf)
        return self._fair

    def _clear(self) -> None:
        """Takes away what is ours, from before a crash too."""
        # First the rules, so that nothing is led to a queue that goes; `add`, since `delete` may find none.
        self._nft(f"add table {TABLE}\ndelete table {TABLE}")
        index = _index(self._config.network.bridge)
        if _is_ours(self._queues.root(index)):
            self._queues.send([queues.no_root(index, HANDLE)])
        with IPRoute() as route:
            for found in route.link_lookup(ifname=IFB):
                route.link("del", index=found)

    def _clear_if_possible(self) -> None:
        self._lanes = None
        try:
            self._clear()
        except (ShaperFailed, Refused, OSError, NetlinkError) as failure:
            log.debug("nothing more could be taken away: %s", failure)

    def _nft(self, commands: str) -> None:
        code, _, error = self._nftables.cmd(commands)
        if code == 0:
            return
        remedy = ""
        if "fwd" in commands:
            remedy = "; it takes CONFIG_NFT_FWD_NETDEV: " + _FULL_KERNEL.format("nft_fwd_netdev")
        raise ShaperFailed(
            f"The packet filter did not take the rules for rates: {first_complaint(error)}{remedy}"
        )


def _is_ours(root: queues.Root | None) -> bool:
    return root is not None and root.handle == HANDLE


def _index(interface: str) -> int:
    """Raises ShaperFailed when there is no such interface."""
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        raise ShaperFailed(f"there is no interface {interface}, so its rates cannot be kept") from error


def _make_ifb() -> None:
    try:
        with IPRoute() as route:
            route.link("add", ifname=IFB, kind="ifb", txqlen=queues.DIRECT_PACKETS)
            route.link("set", index=route.link_lookup(ifname=IFB)[0], state="up")
    except NetlinkError as error:
        refusal = Refused(error.code, "")
        raise ShaperFailed(_missing(refusal, "ifb devices", "CONFIG_IFB", "ifb")) from error


def _missing(refusal: Refused, what: str, option: str, module: str) -> str:
    if refusal.errno in (ENOENT, EOPNOTSUPP):
        return f"This kernel has no {what} ({option}): {_FULL_KERNEL.format(module)}"
    return _unkept(refusal)


def _unkept(failure: Refused | OSError) -> str:
    if failure.errno == EPERM:
        return "Rates cannot be kept: start the gate by systemd or as root (CAP_NET_ADMIN)"
    return f"Rates cannot be kept: {failure}"
