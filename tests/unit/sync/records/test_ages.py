from dataclasses import replace
from pathlib import Path

from sync.config import Config
from sync.records import Records, leads, notices, open_records
from sync.records.ages import VOUCHER_DAYS, ages, bury
from sync.records.connect import WRITERS
from tests.clock import FakeClock
from tests.unit.sync.records.test_leads import FORM

PRIVACY = Config.parse({"privacy": {"lead_days": 30}}).privacy


async def _leads(records: Records) -> int:
    return int(
        await records.read(lambda connection: connection.execute("SELECT COUNT(*) FROM leads").fetchone()[0])
    )


async def test_a_lead_dies_when_its_days_are_over_and_not_before(
    portal_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(leads.register, FORM, clock)
    clock.advance(30 * 86400)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert await _leads(portal_records) == 1
    clock.advance(1)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert await _leads(portal_records) == 0


async def test_a_wrong_clock_buries_nobody(portal_records: Records, clock: FakeClock) -> None:
    await portal_records.write(leads.register, FORM, clock)
    clock.is_synced = False
    clock.jump(3650 * 86400)
    await bury(portal_records, "portal", PRIVACY, clock)
    assert await _leads(portal_records) == 1


async def test_an_open_notice_does_not_die_of_age(path: Path, clock: FakeClock) -> None:
    records = await open_records(path, "sync")
    await records.write(notices.raise_notice, "mended", "info", "", clock)
    await records.write(notices.clear, "mended", clock)
    await records.write(notices.raise_notice, "open", "info", "", clock)
    clock.advance(91 * 86400)
    await bury(records, "sync", PRIVACY, clock)
    rows = await records.read(lambda connection: connection.execute("SELECT key FROM notices").fetchall())
    assert [row["key"] for row in rows] == ["open"]
    await records.close()


async def test_each_process_may_bury_what_it_is_to_bury(path: Path, clock: FakeClock) -> None:
    for process in WRITERS:
        records = await open_records(path, process)
        await bury(records, process, PRIVACY, clock)
        await records.close()


def test_the_settings_decide_the_ages() -> None:
    longer = replace(PRIVACY, lead_days=60, visit_days=61, footfall_days=62)
    assert {60, 1, VOUCHER_DAYS} == set(ages("portal", longer).values())
    assert {61, 62} == set(ages("sensor", longer).values())
