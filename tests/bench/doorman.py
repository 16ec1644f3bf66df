"""Admits stations the way the portal does, without its pages: quicker than thousands of forms."""

import asyncio
from collections.abc import Sequence

from netctl.api import parse_ip
from netctl.client import GateClient
from sync.model import SystemClock, new_id
from sync.records import admission, open_records
from sync.records.admission import AdmissionRequest
from tests.bench.crowd import Station
from tests.lab.store import Store
from tests.lab.waiting import until

_SESSION_SECONDS = 43200
# As many at a time as one group commit takes well.
_AT_ONCE = 50


def admit_all(store: Store, stations: Sequence[Station]) -> None:
    """All are admitted, and all that happened is uploaded, when it returns. Raises RuntimeError."""
    there = len(store.box.admitted())
    asyncio.run(_admit(store, stations))
    rest(store)
    if (admitted := len(store.box.admitted()) - there) < len(stations):
        raise RuntimeError(f"only {admitted} of {len(stations)} are admitted")


def rest(store: Store) -> None:
    """Until all that happened is uploaded."""
    queue = "SELECT count(*) FROM outbox"
    until(lambda: store.box.records(queue) == [(0,)], "all events are uploaded", within_seconds=300)


async def _admit(store: Store, stations: Sequence[Station]) -> None:
    clock = SystemClock()
    records = await open_records(store.box.data_dir / "records.db", "portal")
    gate = GateClient(store.box.run_dir / "gate.sock", timeout_seconds=30)

    async def admit(station: Station) -> None:
        request = AdmissionRequest(
            request_id=new_id(), ip=station.ip, lead_id=None, method="form", session_seconds=_SESSION_SECONDS
        )
        await records.write(admission.ask, request, clock)
        await gate.admit(request_id=request.request_id, ip=parse_ip(station.ip))

    try:
        for at in range(0, len(stations), _AT_ONCE):
            await asyncio.gather(*map(admit, stations[at : at + _AT_ONCE]))
    finally:
        await records.close()
