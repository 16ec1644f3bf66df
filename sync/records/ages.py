"""Every table has an age at which its rows die; each process buries its own."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from sync.config import Privacy
from sync.model import Clock
from sync.records import (
    admission,
    command_log,
    follow,
    follow_staff,
    footfall,
    grant_links,
    grants,
    leads,
    notices,
    outbox,
    roaming,
    visits,
    vouchers,
)
from sync.records.connect import Process, Records, RecordsUnavailable

log = logging.getLogger(__name__)

ADMISSION_REQUEST_DAYS = 1
SET_ASIDE_DAYS = 90
VOUCHER_DAYS = 90
GRANT_DAYS = 31
FOLLOW_DAYS = 1
BOARD_DAYS = 90
_LOOK_SECONDS = 3600

Purge = Callable[[sqlite3.Connection, datetime], int]


def ages(process: Process, privacy: Privacy) -> dict[Purge, int]:
    """What this process buries, each with its age in days. gate.db's ages are the gate's own,
    the legal log's its own."""
    of_process: dict[Process, dict[Purge, int]] = {
        "portal": {
            leads.purge: privacy.lead_days,
            admission.purge: ADMISSION_REQUEST_DAYS,
            roaming.purge: ADMISSION_REQUEST_DAYS,
            vouchers.purge: VOUCHER_DAYS,
            follow.purge_offers: FOLLOW_DAYS,
            follow.purge_claims: FOLLOW_DAYS,
            grant_links.forget_links: FOLLOW_DAYS,
        },
        "gate": {},
        "sensor": {visits.purge: privacy.visit_days, footfall.purge: privacy.footfall_days},
        "sync": {
            outbox.purge_set_aside: SET_ASIDE_DAYS,
            notices.purge: SET_ASIDE_DAYS,
            command_log.purge_set_aside: SET_ASIDE_DAYS,
            grants.purge: GRANT_DAYS,
            grants.purge_revoked_links: GRANT_DAYS,
            grant_links.purge_grants: GRANT_DAYS,
            follow.purge_codes: FOLLOW_DAYS,
            follow_staff.purge_board: BOARD_DAYS,
            roaming.purge_refusals: ADMISSION_REQUEST_DAYS,
        },
        "legal": {},
    }
    return of_process[process]


async def bury(records: Records, process: Process, privacy: Privacy, clock: Clock) -> None:
    """Once through the tables. A clock that is not right yet would judge every age wrongly: then nothing."""
    if not clock.synced():
        return
    for purge, days in ages(process, privacy).items():
        await records.write(purge, clock.now() - timedelta(days=days))


async def keep_burying(records: Records, process: Process, privacy: Privacy, clock: Clock) -> None:
    """Every hour, for ever; records that cannot be written are tried again the next time."""
    while True:
        try:
            await bury(records, process, privacy, clock)
        except RecordsUnavailable as error:
            log.error("%s", error)
        await asyncio.sleep(_LOOK_SECONDS)
