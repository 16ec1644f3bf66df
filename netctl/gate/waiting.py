"""Requests nobody brought to the gate: made while it was down, granted by head office, taken back by it."""

import contextlib
import logging

from netctl.api import parse_ip
from netctl.gate import store
from netctl.gate.database import GateDatabase
from netctl.gate.gate import Gate
from netctl.gate.refused import Refused
from sync.model import Clock
from sync.records import admission, grants
from sync.records.admission import AdmissionRequest
from sync.records.connect import Records

log = logging.getLogger(__name__)

# Requests are committed in groups: one may become visible a little after a younger one.
_LATE_SECONDS = 10.0


class WaitingRequests:
    """Looks for them in the records, and has the gate grant them."""

    def __init__(self, gate: Gate, database: GateDatabase, records: Records, clock: Clock) -> None:
        self._gate = gate
        self._database = database
        self._records = records
        self._clock = clock
        self._waiting: dict[str, AdmissionRequest] = {}
        self._looked = 0.0

    async def look(self) -> None:
        """Requests that came while the gate was down, or whose station was not there yet, and head office's
        grants; what it took back ends."""
        looked = self._clock.boottime() - _LATE_SECONDS
        fresh = await self._records.read(admission.pending, self._clock, self._looked)
        fresh += await self._records.read(grants.pending, self._clock)
        self._waiting |= {each.request_id: each for each in fresh}
        self._looked = looked
        if self._waiting:
            handled = await self._database.read(store.handled_among, list(self._waiting))
            for request_id, request in list(self._waiting.items()):
                if request_id in handled or await self._is_settled(request):
                    self._waiting.pop(request_id, None)
        await self._end_what_was_revoked()

    async def _is_settled(self, request: AdmissionRequest) -> bool:
        """Whether the request need not be looked at again: granted, or too old by now. Grants of head office
        are read anew each time."""
        try:
            await self._gate.grant(request, parse_ip(request.ip))
        except (Refused, ValueError) as reason:
            log.info("request %s waits: %s", request.request_id, type(reason).__name__)
            return await self._records.read(admission.find, request.request_id, self._clock) is None
        return True

    async def _end_what_was_revoked(self) -> None:
        taken_back = await self._records.read(grants.revoked)
        if not taken_back or not self._gate.sessions():
            return
        revoked = await self._database.read(store.sessions_of_requests, taken_back)
        for session in [each for each in self._gate.sessions() if each.session_id in revoked]:
            asked = await self._database.read(store.requests_of_session, session.session_id)
            # Who registered here besides, or was granted anew, stays.
            if asked <= taken_back:
                with contextlib.suppress(Refused):  # ended by itself meanwhile
                    await self._gate.expel(session.mac)
