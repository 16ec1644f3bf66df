"""Keeps an eye on the guests' addresses: when they run out, the silent are asked and their leases given back,
and the owner is told."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from netctl.api import Ip, Mac
from netctl.gate.gate import Gate
from netctl.gate.pool import Holder, is_short, to_give_back
from netctl.gate.turns import in_turns
from netctl.lan.access_point import Pool
from netctl.lan.leases import LeaseFile
from netctl.linux.elements import Pair
from netctl.linux.kernel import Kernel
from netctl.linux.neighbours import Neighbour
from sync.model import Clock
from sync.records import notices
from sync.records.connect import Records

log = logging.getLogger(__name__)

NOTICE = "addresses_short"

# Of dnsmasq, which writes its whole file for each, and of the kernel's table of neighbours.
_RELEASED_AT_ONCE = 50
_ASKED_AT_ONCE = 100
_ASK_AGAIN_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Of one lease: as in `Holder`, and when it was asked last."""

    since: float
    answered: float | None = None
    asked: float | None = None
    asked_last: float = 0.0


class PoolWatch:
    """Hears who answers where; looks at the leases each second. `release` gives leases back."""

    def __init__(
        self,
        pool: Pool,
        absent_after_seconds: float,
        gate: Gate,
        kernel: Kernel,
        leases: LeaseFile,
        release: Callable[[Sequence[Pair]], None],
        records: Records,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._absent_after_seconds = absent_after_seconds
        self._gate = gate
        self._kernel = kernel
        self._leases = leases
        self._release = release
        self._records = records
        self._clock = clock
        self._known: dict[Pair, _Known] = {}
        self._written: Mapping[Ip, Mac] | None = None
        self._short = False
        # Nothing is known of what an earlier gate told.
        self._told: bool | None = None

    def heard(self, neighbour: Neighbour) -> None:
        """News from the neighbour table."""
        if neighbour.mac is None or not neighbour.answers or not isinstance(neighbour.ip, IPv4Address):
            return
        lease = (neighbour.mac, neighbour.ip)
        if lease in self._known:
            self._known[lease] = replace(self._known[lease], answered=self._clock.boottime(), asked=None)

    async def look(self) -> None:
        """At the leases; asks and gives back when they run out."""
        self._follow(self._leases.read())
        used, capacity = len(self._known), self._pool.capacity
        self._short = is_short(used, capacity, self._short)
        if self._short:
            holders = [self._holder(lease) async for lease in in_turns(list(self._known))]
            boottime = self._clock.boottime()
            silent = to_give_back(holders, used, capacity, boottime, self._absent_after_seconds)
            self._release([lease for lease in silent[:_RELEASED_AT_ONCE] if not await self._answers(lease)])
            await self._ask([holder for holder in holders if not holder.needed], boottime)
        await self._tell(f"{used} of {capacity}")

    def _follow(self, written: Mapping[Ip, Mac]) -> None:
        if written is self._written:
            return
        boottime = self._clock.boottime()
        # Who held a lease when the gate started has the benefit of the doubt.
        fresh = _Known(since=boottime, answered=boottime if self._written is None else None)
        self._known = {
            lease: self._known.get(lease, fresh)
            for ip, mac in written.items()
            if isinstance(ip, IPv4Address) and ip in self._pool
            for lease in [(mac, ip)]
        }
        self._written = written

    def _holder(self, lease: Pair) -> Holder:
        known = self._known[lease]
        return Holder(
            lease=lease,
            since=known.since,
            answered=known.answered,
            asked=known.asked,
            needed=self._gate.why(lease[0]) in ("admitted", "allowed"),
        )

    async def _answers(self, lease: Pair) -> bool:
        """What the kernel tells may get lost; what it holds does not."""
        mac, address = lease
        neighbour = await self._kernel.neighbour_at(address)
        if neighbour is None or neighbour.mac != mac or not neighbour.answers:
            return False
        self.heard(neighbour)
        return True

    async def _ask(self, holders: Sequence[Holder], boottime: float) -> None:
        """The answer is heard; silence is remembered from the first question in vain on."""
        due = [
            holder.lease
            for holder in sorted(holders, key=lambda holder: holder.since)
            if boottime - self._known[holder.lease].asked_last >= _ASK_AGAIN_SECONDS
        ][:_ASKED_AT_ONCE]
        for lease in due:
            known = self._known[lease]
            self._known[lease] = replace(known, asked=known.asked or boottime, asked_last=boottime)
        await self._kernel.ask([(address, mac) for mac, address in due])

    async def _tell(self, detail: str) -> None:
        if self._short == self._told:
            return
        if self._short:
            log.warning("%s addresses of the guests are taken: those of the silent are given back", detail)
            await self._records.write(notices.raise_notice, NOTICE, "warning", detail, self._clock)
        else:
            await self._records.write(notices.clear, NOTICE, self._clock)
        self._told = self._short
