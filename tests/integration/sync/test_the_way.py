"""From what the box records to what head office lets pull: each thing in its table, nothing refused."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from sync.config import Config
from sync.records import Records, leads, migrate, notices, open_records, outbox, visits
from sync.records.footfall import FootfallWindow
from sync.records.footfall import record as record_footfall
from sync.upload import Uploader
from tests.integration.sync.conftest import HeadOffice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    migrate(tmp_path / "records.db")
    return tmp_path


@pytest.fixture
async def portal(folder: Path) -> AsyncIterator[Records]:
    records = await open_records(folder / "records.db", "portal")
    yield records
    await records.close()


@pytest.fixture
async def sensor(folder: Path) -> AsyncIterator[Records]:
    records = await open_records(folder / "records.db", "sensor")
    yield records
    await records.close()


@pytest.fixture
async def uploader(folder: Path, head_office: HeadOffice) -> AsyncIterator[Uploader]:
    (folder / "key").write_text(head_office.upload_key)
    settings = {"head_office_url": head_office.url, "upload_key_file": str(folder / "key")}
    config = Config.parse({"venue": {"id": "shop-1", "data_dir": str(folder)}, "sync": settings})
    records = await open_records(folder / "records.db", "sync")
    yield Uploader(config, records, head_office.http, head_office.clock)
    await records.close()


async def test_a_shopper_who_registers_stays_and_withdraws(
    portal: Records, sensor: Records, uploader: Uploader, head_office: HeadOffice
) -> None:
    clock = head_office.clock
    marketing = leads.Agreement(purpose="marketing", version="3", language="en", text="News, please.")
    terms = leads.Agreement(purpose="access_terms", version="2", language="en", text="I agree.")
    registration = leads.Registration(
        form_id="form-1",
        ip="10.77.0.9",
        name="Ana",
        phone="+34600000000",
        email=None,
        locale="en",
        agreements=[terms, marketing],
        session_seconds=3600,
    )
    lead_id = await portal.write(leads.register, registration, clock)
    started_at = clock.now()
    clock.advance(1200)
    visit = visits.Visit(
        visit_id="visit-1",
        session_id="session-1",
        lead_id=lead_id,
        started_at=started_at,
        ended_at=clock.now(),
    )
    await sensor.write(visits.record, visit, 1, clock)
    await portal.write(leads.withdraw_consents, lead_id, ["marketing"], clock)
    await uploader.step()

    assert await portal.read(outbox.count) == 0
    [lead] = await head_office.rows("leads")
    assert (lead["id"], lead["name"], lead["phone"], lead["locale"]) == (lead_id, "Ana", "+34600000000", "en")
    consents = {row["purpose"]: row for row in await head_office.rows("consents")}
    assert consents["access_terms"]["notice_sha256"] == terms.sha256
    assert consents["access_terms"]["withdrawn_at"] is None
    assert consents["marketing"]["withdrawn_at"] == "2026-11-23T08:20:00.000000Z"
    [stay] = await head_office.rows("visits")
    assert (stay["id"], stay["lead_id"], stay["dwell_seconds"]) == ("visit-1", lead_id, 1200)
    await _nothing_was_refused(portal)


async def test_counts_with_and_without_a_radio(
    sensor: Records, uploader: Uploader, head_office: HeadOffice
) -> None:
    clock = head_office.clock
    for minutes, devices in ((0, 40), (5, None)):
        window = FootfallWindow(
            footfall_id=f"count-{minutes}",
            window_start=clock.now() + timedelta(minutes=minutes),
            window_seconds=300,
            devices=devices,
            low=devices,
            high=devices,
            inside=devices,
            passers_by=0 if devices else None,
            stations=7,
            method="fingerprint" if devices else "stations",
            naive_macs=90 if devices else 0,
            frames=400 if devices else 0,
            inside_dbm=-65,
            estimator_version="1",
            dwell_histogram={"60": 30, "inf": 10} if devices else {},
        )
        await sensor.write(record_footfall, window, complete=True, clock=clock)
    await uploader.step()

    with_radio, without = await head_office.rows("footfall")
    assert (with_radio["devices"], with_radio["dwell_histogram"]) == (40, {"60": 30, "inf": 10})
    assert (without["devices"], without["stations"], without["suppressed"]) == (None, 7, False)
    await _nothing_was_refused(sensor)


async def test_a_notice_is_kept_though_nobody_pulls_it(
    portal: Records, uploader: Uploader, head_office: HeadOffice
) -> None:
    await portal.write(notices.raise_notice, "gate_down", "trouble", "no answer", head_office.clock)
    await uploader.step()
    assert await portal.read(outbox.count) == 0
    await _nothing_was_refused(portal)


async def _nothing_was_refused(records: Records) -> None:
    refused = await records.read(
        lambda connection: connection.execute("SELECT type, key, message FROM rejected_events").fetchall()
    )
    assert [tuple(row) for row in refused] == []
