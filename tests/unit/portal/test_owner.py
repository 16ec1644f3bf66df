"""What the owner reads on her page, from real records."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from netctl.api import Health
from sync.model import new_event, new_id
from sync.records import footfall, leads, notices, outbox, upload_state, visits
from sync.records.footfall import FootfallWindow
from sync.records.leads import Agreement, Registration
from sync.records.visits import Visit
from tests.unit.portal.owner_store import OwnersStore, open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[OwnersStore]:
    async with open_store(tmp_path) as store:
        await store.sign_in()
        yield store


async def _page(store: OwnersStore, path: str = "/owner", language: str = "en") -> str:
    answer = await store.client.get(path, headers={"Accept-Language": language}, allow_redirects=False)
    assert answer.status == 200
    return await answer.text()


async def _count(
    store: OwnersStore, inside: int, passers_by: int, *, minutes_ago: int = 1, stations: int = 3
) -> None:
    sensor = await store.another_process("sensor")
    devices = inside + passers_by
    window = FootfallWindow(
        footfall_id=new_id(),
        window_start=store.clock.now() - timedelta(minutes=minutes_ago),
        window_seconds=300,
        devices=devices,
        low=devices - devices // 10,
        high=devices + devices // 10,
        inside=inside,
        passers_by=passers_by,
        stations=stations,
        method="association",
        naive_macs=0,
        frames=0,
        inside_dbm=-65,
        estimator_version="1",
    )
    await sensor.write(footfall.record, window, complete=False, clock=store.clock)
    await sensor.close()


async def _stay(store: OwnersStore, minutes: int, *, hours_ago: float = 1) -> None:
    sensor = await store.another_process("sensor")
    start = store.clock.now() - timedelta(hours=hours_ago)
    visit = Visit(
        visit_id=new_id(),
        session_id=None,
        lead_id=None,
        started_at=start,
        ended_at=start + timedelta(minutes=minutes),
    )
    await sensor.write(visits.record, visit, 1, store.clock)
    await sensor.close()


async def _register(store: OwnersStore, phone: str, name: str | None = None) -> None:
    registration = Registration(
        form_id=new_id(),
        ip="10.77.0.9",
        name=name,
        phone=phone,
        email=None,
        locale="en",
        agreements=[Agreement(purpose="access_terms", version="1", language="en", text="Terms")],
        session_seconds=60,
    )
    await store.records.write(leads.register, registration, store.clock)


async def test_the_owner_sees_her_day(store: OwnersStore) -> None:
    await _count(store, inside=12, passers_by=88)
    for minutes in (10, 20, 45):
        await _stay(store, minutes)
    await _register(store, "+8613800138000")
    page = await _page(store)
    assert "<b>20 min</b>" in page
    assert "<b>3</b><span>phones that came and left" in page
    assert "<b>1</b><span>1 in all" in page
    assert "79 to 97" in page
    assert "<b>3</b><span>devices" in page


async def test_an_empty_store_is_welcomed_not_alarmed(store: OwnersStore) -> None:
    page = await _page(store)
    assert "Nothing has been counted on this day yet" in page
    assert "The counter has not counted yet" in page
    assert "no stay has ended yet" in page
    assert "<rect" not in page


async def test_too_few_devices_are_shown_as_fewer_than_five(store: OwnersStore) -> None:
    await _count(store, inside=3, passers_by=4)
    await _stay(store, 5)
    page = await _page(store)
    assert page.count("<b>&lt;5</b>") == 4
    assert not re.search(r"\d to \d", page)
    assert "%" not in page.partition("Capture rate")[2].partition("</div>")[0]
    assert "fewer than 5 devices, too few to show" in page


async def test_without_a_radio_only_stations_are_counted(tmp_path: Path) -> None:
    async with open_store(tmp_path, settings={"sensor": {"interfaces": []}}) as store:
        await store.sign_in()
        await _stay(store, 5)
        page = await _page(store)
        assert page.count("needs a monitor radio") == 2
        assert "<rect" in page


async def test_a_count_of_an_hour_ago_is_not_called_now(store: OwnersStore) -> None:
    await _count(store, inside=12, passers_by=88, minutes_ago=70)
    page = await _page(store)
    now = page.partition('id="now-title"')[2].partition("</section>")[0]
    assert "about" not in now
    assert "The counter has been silent since" in page


async def test_yesterday_can_be_looked_at_and_stands_still(store: OwnersStore) -> None:
    await _stay(store, 30, hours_ago=20)
    assert 'http-equiv="refresh"' in await _page(store)
    page = await _page(store, "/owner?day=2026-11-22")
    assert "<b>30 min</b>" in page
    assert "Sunday, November 22, 2026" in page
    assert 'http-equiv="refresh"' not in page
    assert "Right now" not in page


async def test_today_begins_at_the_store_s_midnight(store: OwnersStore) -> None:
    """It is 16:00 in Shanghai; 16 hours and a little ago it was yesterday there, in UTC the same day."""
    store.clock.advance(8 * 3600 - 60)
    await _stay(store, 1, hours_ago=24)
    assert "<b>0</b><span>phones that came and left" in await _page(store)
    await _stay(store, 1, hours_ago=23.5)
    assert "<b>1</b><span>phones that came and left" in await _page(store)


async def test_the_page_can_be_made_to_stand_still(store: OwnersStore) -> None:
    page = await _page(store, "/owner?still=1")
    assert 'http-equiv="refresh"' not in page
    assert "Renew this page by itself" in page


async def test_head_office_that_is_away_is_told_first(tmp_path: Path) -> None:
    settings = {"sync": {"head_office_url": "https://head-office.example"}}
    async with open_store(tmp_path, settings=settings) as store:
        await store.sign_in()
        uploader = await store.another_process("sync")
        await uploader.write(outbox.append, new_event("venue.started", {}, store.clock))
        store.clock.advance(3600)
        await uploader.write(upload_state.failed, "<b>no route</b>", store.clock.now())
        await uploader.close()
        page = await _page(store)
        assert "Head office has taken nothing since 16:00. Messages waiting: 1." in page
        assert "&lt;b&gt;no route&lt;/b&gt;" in page


async def test_a_gate_that_does_not_answer_is_told_and_the_numbers_still_come(store: OwnersStore) -> None:
    store.gate.says = None
    page = await _page(store)
    assert "The gate does not answer" in page
    assert "Passers-by" in page
    store.gate.says = Health(ok=False, compared_at=None, problems=("nft is missing",))
    assert "nft is missing" in await _page(store)


async def test_notices_are_shown_until_they_are_mended(store: OwnersStore) -> None:
    await store.records.write(notices.raise_notice, "something_new", "warning", "wlan1 is gone", store.clock)
    assert "something_new: wlan1 is gone" in await _page(store)
    await store.records.write(notices.clear, "something_new", store.clock)
    assert "wlan1 is gone" not in await _page(store)


async def test_nothing_personal_stands_on_the_page(store: OwnersStore) -> None:
    await _register(store, "+8613800138000", name="Wang Xiaoming")
    page = await _page(store)
    assert "13800138000" not in page
    assert "Wang" not in page


@pytest.mark.parametrize("path", ["/owner", "/owner/password", "/owner?day=2026-11-22"])
async def test_chinese_owners_read_chinese(store: OwnersStore, path: str) -> None:
    page = await _page(store, path, language="zh-CN")
    assert 'lang="zh-CN"' in page
    assert "Change the password" not in page
    assert "修改密码" in page


async def test_the_language_of_a_link_stays_in_the_links(store: OwnersStore) -> None:
    page = await _page(store, "/owner?lang=zh-CN")
    assert "/owner/password?lang=zh-CN" in page
    assert "url=/owner?lang=zh-CN" in page


@pytest.mark.parametrize("day", ["", "nonsense", "2026-11-24", "0001-01-01", "9999-12-31", "2026-02-30"])
async def test_an_odd_day_is_today(store: OwnersStore, day: str) -> None:
    assert "Right now" in await _page(store, f"/owner?day={day}")


async def test_no_style_or_script_is_loaded_or_inline(store: OwnersStore) -> None:
    await _count(store, inside=12, passers_by=88)
    page = await _page(store)
    assert " style=" not in page
    assert "<script" not in page
    assert '<link rel="stylesheet"' not in page


async def test_there_is_no_other_page_of_the_owner_s(store: OwnersStore) -> None:
    assert (await store.client.get("/owner/settings")).status == 404


@pytest.mark.parametrize(
    "path",
    ["/owner", "/owner/sign-in", "/owner/password", "/owner/api/stats", "/owner/api/stats.csv", "/owner/x"],
)
async def test_from_the_guests_wifi_nothing_of_it_opens(tmp_path: Path, path: str) -> None:
    """Guests reach another address of the box; what a header says changes nothing."""
    async with open_store(tmp_path, settings={"network": {"owner_address": "10.78.0.1/24"}}) as store:
        lies = {
            "X-Forwarded-For": "10.78.0.5",
            "X-Forwarded-Host": "10.78.0.1",
            "X-Forwarded-Proto": "https",
            "Forwarded": "for=10.78.0.5;proto=https;host=10.78.0.1",
            "Host": "10.78.0.1",
        }
        for headers in ({}, lies):
            answer = await store.client.get(path, headers=headers, allow_redirects=False)
            assert answer.status == 403
            assert "own network, or over HTTPS" in await answer.text()
        posted = await store.client.post(path, data={"password": "x"}, headers=lies)
        assert posted.status == 403
        assert store.passwords.looked_at == 0
