"""Tells the owner of hardware addresses that two devices seem to use."""

import asyncio

from netctl.api import Mac
from netctl.gate.attendance import Attendance
from netctl.gate.gate import Gate
from netctl.gate.turns import in_turns
from netctl.gate.twins import Twins
from sync.model import Clock
from sync.records import notices
from sync.records.connect import Records

NOTICE = "mac_cloned"


class TwinWatch:
    """Hears what hostapd and the bridge say. A station is told of once a stay, and only while it is
    admitted: who is captive gains nothing by another's address."""

    def __init__(self, gate: Gate, attendance: Attendance, records: Records, clock: Clock) -> None:
        self._gate = gate
        self._attendance = attendance
        self._records = records
        self._clock = clock
        self._twins = Twins()
        self.found = asyncio.Event()
        # Nothing is known of what an earlier gate told.
        self._told: set[str] | None = None

    def associated(self, mac: Mac) -> None:
        if self._twins.associated(mac, self._clock.boottime()):
            self._suspect(mac, "keeps associating anew")

    def heard_on(self, mac: Mac, port: int) -> None:
        if self._twins.heard_on(mac, port, self._clock.boottime()):
            self._suspect(mac, "jumps between ports")

    async def look(self) -> None:
        """Writes the notice, or clears it when nobody is here whom it is about."""
        cloned = {
            stay.station_code
            async for stay in in_turns(self._attendance.stays())
            if any(step.step == "cloned" for step in stay.steps)
        }
        if cloned == self._told:
            return
        if cloned:
            detail = ", ".join(sorted(cloned)[:20])
            await self._records.write(notices.raise_notice, NOTICE, "warning", detail, self._clock)
        else:
            await self._records.write(notices.clear, NOTICE, self._clock)
        self._told = cloned

    def _suspect(self, mac: Mac, why: str) -> None:
        if self._is_admitted(mac):
            self._attendance.note(mac, "cloned", why)
            self.found.set()

    def _is_admitted(self, mac: Mac) -> bool:
        return self._gate.why(mac) in ("admitted", "allowed")
