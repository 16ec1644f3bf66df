"""The kernel is made to follow the wishes: who is let through, who is shut out, what is corrected."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from netctl.api import Ip, Mac
from netctl.gate.devices import ALLOWED, KnownDevices
from netctl.gate.refused import Refused
from netctl.gate.sessions import Admit, Expel, LiveSession, Member, Step, admitting, counted, plan, step_for
from netctl.gate.station_locks import StationLocks
from netctl.gate.stations import Stations
from netctl.gate.turns import in_turns
from netctl.gate.wishes import Wishes
from netctl.linux.kernel import Kernel
from netctl.linux.nft import FilterFailed
from netctl.linux.rates import Rates
from sync.model import Clock

log = logging.getLogger(__name__)

# When more are missing somebody has taken them out.
_LEFT_OUT_AT_MOST = 100


class Enforcement:
    """What is wished is decided elsewhere; here the packet filter and the shaper are told."""

    def __init__(
        self,
        kernel: Kernel,
        stations: Stations,
        devices: KnownDevices,
        wishes: Wishes,
        locks: StationLocks,
        clock: Clock,
    ) -> None:
        self._kernel = kernel
        self._stations = stations
        self._devices = devices
        self._wishes = wishes
        self._locks = locks
        self._clock = clock

    # --- all stations ------------------------------------------------------------------------------------

    async def left_by_an_earlier_gate(self) -> dict[Mac, Member]:
        """Whom the kernel still admits; nobody where it cannot be asked."""
        try:
            return await self._kernel.members() or {}
        except FilterFailed as failure:
            # Loading, which follows, knows how to say what is missing.
            log.warning("the packet filter cannot be read: %s", failure)
            return {}

    async def load(self) -> None:
        """Puts the ruleset in force with everyone who is wished in it. Raises ProcessFailed."""
        stations = [self._admitting(each) for each in self._wishes.wished()]
        await self._kernel.load(stations, self._stations.leased_pairs(), self._devices.blocked())

    async def members(self) -> dict[Mac, Member]:
        """Whom the kernel admits; first it is loaded again when somebody took our tables away."""
        members = await self._kernel.members()
        if members is not None:
            return members
        log.error("our tables are gone from the packet filter: loaded again")
        await self.load()
        return await self._kernel.members() or {}

    async def correct(self, members: dict[Mac, Member]) -> None:
        """Lets the kernel admit whom the wishes say, where it does not."""
        busy = self._locks.busy()
        wished = {session.mac: session for session in self._wishes.wished()}
        boottime = self._clock.boottime()
        steps = [step async for step in in_turns(plan(wished, members, boottime)) if step is not None]
        # Whom anything happened to meanwhile is somewhere between wish and truth: next time.
        now = {session.mac: session for session in self._wishes.wished()}
        busy |= {step.mac for step in steps if now.get(step.mac) is not wished.get(step.mac)}
        await self._take(await self._confirmed([step for step in steps if step.mac not in busy]))

    async def shape(self, totals: Rates) -> None:
        """Tells the shaper who is limited to what, and all together to `totals`. Raises ShaperFailed."""
        self._wishes.rates_changed.clear()
        await self._kernel.shape(dict(self._wishes.rates), totals)

    # --- one station, or a few ---------------------------------------------------------------------------

    async def admit(self, session: LiveSession) -> None:
        """Lets this station through. Raises Refused."""
        mac = session.mac
        try:
            await self._kernel.admit([self._admitting(session)], self._stations.addresses(mac))
        except FilterFailed as error:
            # The wish stands: the loop will see to it.
            log.error("the packet filter did not admit a station: %s", error)
            hint = "The gate tries again by itself every few seconds."
            raise Refused("filter_failed", "The gate could not be opened just now.", hint) from error
        self._wishes.limit(mac)

    async def expel(self, macs: Sequence[Mac]) -> None:
        """Shuts these stations out, but for those the owner allowed."""
        shut = [mac for mac in macs if self._devices.kind_of(mac) != ALLOWED]
        try:
            await self._kernel.expel(shut, self._addresses(shut))
        except FilterFailed as error:
            log.error("the packet filter did not expel a station, the loop will: %s", error)

    async def follow_owner(self, mac: Mac) -> None:
        """After the owner's word about this device."""
        try:
            await self._kernel.block(self._devices.blocked())
            wish = next((each for each in self._wishes.wished() if each.mac == mac), None)
            if wish is None:
                await self._kernel.expel([mac], self._stations.addresses(mac))
            else:
                await self._kernel.admit([self._admitting(wish)], self._stations.addresses(mac))
        except FilterFailed as error:
            log.error("the packet filter did not follow the owner, the loop will: %s", error)
        self._wishes.limit(mac)

    async def count(self, session: LiveSession) -> LiveSession:
        """The session with what the kernel has counted up to now, which is what goes on from here."""
        fresh = counted(session, await self._kernel.member(session.mac))
        self._wishes.live[session.mac] = fresh
        return fresh

    async def _confirmed(self, steps: Sequence[Step]) -> Sequence[Step]:
        """Without those whom only the listing left out: to admit them anew would set their counts back."""
        admits = [step for step in steps if isinstance(step, Admit)]
        if len(admits) > _LEFT_OUT_AT_MOST:
            return steps
        wished = {session.mac: session for session in self._wishes.wished()}
        still: list[Step] = [step for step in steps if isinstance(step, Expel)]
        for mac in [step.mac for step in admits if step.mac in wished]:
            member = await self._kernel.member(mac)
            step = step_for(wished[mac], member, self._clock.boottime())
            # Whom anything happened to while the kernel was asked: next time.
            if step is not None and mac not in self._locks.busy():
                still.append(step)
        return still

    async def _take(self, steps: Sequence[Step]) -> None:
        admits = [
            replace(step, addresses=self._leased(step.mac)) for step in steps if isinstance(step, Admit)
        ]
        expels = [step.mac for step in steps if isinstance(step, Expel)]
        if admits or expels:
            log.warning("corrected: %d admitted, %d expelled", len(admits), len(expels))
        if admits:
            await self._kernel.admit(admits, self._addresses([step.mac for step in admits]))
        if expels:
            await self._kernel.expel(expels, self._addresses(expels))

    def _admitting(self, session: LiveSession) -> Admit:
        return admitting(session, self._clock.boottime(), self._leased(session.mac))

    def _leased(self, mac: Mac) -> tuple[IPv4Address, ...]:
        return tuple(ip for ip in self._stations.leased_to(mac) if isinstance(ip, IPv4Address))

    def _addresses(self, macs: Iterable[Mac]) -> list[Ip]:
        return [ip for mac in macs for ip in self._stations.addresses(mac)]
