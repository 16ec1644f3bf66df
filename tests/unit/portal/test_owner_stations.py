"""Phones on the WiFi, and the owner's word on them."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netctl.api import Device, Session, StationSeen, Step
from netctl.client import GateRefused
from tests.unit.portal.conftest import FOREIGN
from tests.unit.portal.owner_store import OwnersStore, open_store

NOW = datetime(2026, 11, 23, 7, 50, tzinfo=UTC)
SESSION = Session(
    session_id="s",
    lead_id=None,
    method="form",
    started_at=NOW,
    seconds_granted=7200,
    seconds_left=3600,
    bytes_up=0,
    bytes_down=0,
)
ONLINE = StationSeen(
    station_code="KLMP",
    present=True,
    captive=False,
    why="admitted",
    steps=(Step(step="admitted", at=NOW, detail="voucher"),),
    session=SESSION,
)
STUCK = StationSeen(
    station_code="QRST",
    present=True,
    captive=True,
    why="new",
    steps=(
        Step(step="lease", at=NOW, detail="10.77.0.9"),
        Step(step="check", at=NOW, detail="Apple<b>", count=3),
    ),
)
TILL = Device(
    device_id="01K0000000000000000000TILL", kind="allowed", name="Till", station_code=None, added_at=NOW
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[OwnersStore]:
    async with open_store(tmp_path, settings={"wifi": {"interface": "wlan0"}}) as store:
        await store.sign_in()
        store.gate.here = (ONLINE, STUCK)
        store.gate.listed = (TILL,)
        yield store


async def test_she_reads_why_a_phone_does_not_get_in_and_what_it_did(store: OwnersStore) -> None:
    page = await store.page("/owner/stations")
    assert page.index("QRST") < page.index("KLMP")
    assert "nobody opened it" in page
    assert "Online for another 1 hr" in page
    assert "Apple&lt;b&gt;" in page
    assert "with a voucher" in page
    assert "2 devices are here" in page
    assert "Till" in page
    assert "not here now" in page


async def test_the_same_in_chinese(store: OwnersStore) -> None:
    page = await store.page("/owner/stations", "zh-CN")
    assert "没有人打开" in page
    assert "现有 2 台设备" in page


async def test_no_hardware_address_stands_on_the_page(store: OwnersStore) -> None:
    assert not re.search(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", await store.page("/owner/stations"), re.IGNORECASE)


@pytest.mark.parametrize(
    ("fields", "told", "sentence"),
    [
        ({"action": "expel", "code": "KLMP"}, ("expel", "KLMP", "deauthenticate"), "KLMP is offline"),
        ({"action": "block", "code": "QRST"}, ("blocked", "QRST", ""), "QRST is blocked"),
        (
            {"action": "allow", "code": "QRST", "name": "  Till  2 "},
            ("allowed", "QRST", "Till 2"),
            "always let in",
        ),
        ({"action": "forget", "device_id": TILL.device_id}, ("forget", TILL.device_id), "like any other"),
    ],
)
async def test_each_button_does_what_it_says(
    store: OwnersStore, fields: dict[str, str], told: tuple[str, ...], sentence: str
) -> None:
    answer = await store.press("/owner/stations", **fields)
    assert answer.status == 303
    assert store.gate.told == [told]
    assert sentence in await store.page(answer.headers["Location"])


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("unknown_station", "not here any more"),
        ("too_many_devices", "list is full"),
        ("not_kept", "write that down"),
    ],
)
async def test_what_the_gate_would_not_do_is_said(store: OwnersStore, key: str, sentence: str) -> None:
    store.gate.refusal = GateRefused(key, "no")
    answer = await store.press("/owner/stations", action="block", code="KLMP")
    assert answer.status == 303
    assert sentence in await store.page(answer.headers["Location"])


async def test_a_phone_that_never_got_in_may_be_made_to_join_again(store: OwnersStore) -> None:
    assert "Make it join again" in await store.page("/owner/stations")
    store.gate.refusal = GateRefused("no_session", "nothing to end")
    answer = await store.press("/owner/stations", action="expel", code="QRST")
    assert "done=expel" in answer.headers["Location"]


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "expel", "code": "02:00:5e:10:00:01"},
        {"action": "expel", "code": "10.77.0.9"},
        {"action": "allow"},
        {"action": "format", "code": "KLMP"},
        {"action": "forget", "device_id": "../gate.db"},
        {},
    ],
)
async def test_what_is_no_button_of_hers_does_nothing(store: OwnersStore, fields: dict[str, str]) -> None:
    assert (await store.press("/owner/stations", **fields)).status == 400
    assert store.gate.told == []


async def test_nobody_presses_her_buttons_from_elsewhere(store: OwnersStore) -> None:
    fields = {"action": "block", "code": "KLMP"}
    assert (await store.press("/owner/stations", **fields, form_token="forged")).status == 403
    fields["form_token"] = await store.form_token()
    for headers in FOREIGN:
        assert (await store.client.post("/owner/stations", data=fields, headers=headers)).status == 403
    assert store.gate.told == []


async def test_one_is_found_by_the_letters_a_shopper_reads_out(store: OwnersStore) -> None:
    page = await store.page("/owner/stations?code=ql")
    assert "No device with these letters" in page
    page = await store.page("/owner/stations?code=qr")
    assert "QRST" in page
    assert "KLMP" not in page


async def test_a_crowd_is_not_put_on_one_page(store: OwnersStore) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    codes = [f"AA{first}{second}" for first in letters for second in letters][:230]
    store.gate.here = tuple(
        StationSeen(station_code=code, present=True, captive=True, why="new", steps=()) for code in codes
    )
    page = await store.page("/owner/stations")
    assert page.count('class="card station"') == 100
    assert "130 more are not shown" in page


async def test_without_the_gate_the_page_says_so(store: OwnersStore) -> None:
    store.gate.says = None
    assert (await store.client.get("/owner/stations")).status == 503


async def test_who_is_not_signed_in_is_shown_the_door(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        for path in ("/owner/stations", "/owner/vouchers"):
            answer = await store.client.get(path, allow_redirects=False)
            assert (answer.status, answer.headers["Location"]) == (303, "/owner/sign-in")
            assert (await store.client.post(path, data={}, allow_redirects=False)).status == 303
