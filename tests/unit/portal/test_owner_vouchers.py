"""Codes and vouchers on the owner's page and at the keyboard."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal import cli
from portal.codes import read_code
from portal.site import SITE
from sync.records import vouchers
from sync.records.vouchers import Redemption
from tests.unit.portal.conftest import FOREIGN
from tests.unit.portal.owner_store import OwnersStore, open_store

WANTED = {"count": "3", "minutes": "90", "uses": "2", "days": "7"}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[OwnersStore]:
    async with open_store(tmp_path) as store:
        await store.sign_in()
        yield store


async def _make(store: OwnersStore, **changed: str) -> str:
    answer = await store.press("/owner/vouchers", **WANTED | changed)
    assert answer.status == 303
    return answer.headers["Location"]


def _codes(page: str) -> list[str]:
    return re.findall(r"<b>([A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3})</b>", page)


async def test_todays_staff_code_stands_on_the_page_and_is_the_one_that_holds(store: OwnersStore) -> None:
    staff = store.client.app[SITE].staff_code
    page = await store.page("/owner/vouchers")
    assert f"{staff.today()[:3]} {staff.today()[3:]}" in page
    assert "clock of the box" not in page
    store.clock.jump(24 * 3600)
    store.clock.is_synced = False
    later = await store.page("/owner/vouchers", "zh-CN")
    assert f"{staff.today()[:3]} {staff.today()[3:]}" in later
    assert "时钟还没有校准" in later


async def test_vouchers_are_made_shown_to_print_and_listed(store: OwnersStore) -> None:
    sheet = await _make(store)
    page = await store.page(sheet)
    codes = _codes(page)
    assert len(set(codes)) == 3
    assert all(read_code(code) for code in codes)
    assert "1 hr 30 min of WiFi" in page
    assert "2 times" in page
    assert page.count("good until Nov 30 16:00") == 4
    listed = await store.page("/owner/vouchers")
    assert sheet in listed
    assert "0 of 6" in listed


async def test_a_sheet_can_be_printed_again_and_says_which_are_used_up(store: OwnersStore) -> None:
    sheet = await _make(store, uses="1")
    first = await store.page(sheet)
    code = read_code(_codes(first)[0])
    assert code
    redemption = Redemption(form_id="form1", ip="10.77.0.9", code=code.text)
    assert await store.records.write(vouchers.redeem, redemption, store.clock) == "redeemed"
    again = await store.page(sheet)
    assert _codes(again) == _codes(first)
    assert again.count("used up") == 1


async def test_a_lost_sheet_is_withdrawn(store: OwnersStore) -> None:
    sheet = await _make(store)
    answer = await store.press(f"{sheet}/withdraw")
    assert (answer.status, answer.headers["Location"]) == (303, "/owner/vouchers?withdrawn=yes")
    assert "no longer good" in await store.page(answer.headers["Location"])
    assert (await store.client.get(sheet)).status == 404


@pytest.mark.parametrize("field", ["count", "minutes", "uses", "days"])
@pytest.mark.parametrize("typed", ["", "0", "-1", "1.5", "many", "99999999", "١٢"])
async def test_a_wrong_number_is_said_at_its_field_and_makes_nothing(
    store: OwnersStore, field: str, typed: str
) -> None:
    answer = await store.press("/owner/vouchers", **WANTED | {field: typed})
    page = await answer.text()
    assert answer.status == 422
    assert f'aria-describedby="{field}-error"' in page
    assert page.count('role="alert"') == 1
    assert await store.records.read(vouchers.batches) == []


async def test_nobody_makes_or_withdraws_vouchers_from_elsewhere(store: OwnersStore) -> None:
    sheet = await _make(store)
    for path in ("/owner/vouchers", f"{sheet}/withdraw"):
        assert (await store.press(path, **WANTED, form_token="forged")).status == 403
        fields = WANTED | {"form_token": await store.form_token()}
        for headers in FOREIGN:
            assert (await store.client.post(path, data=fields, headers=headers)).status == 403
    (batch,) = await store.records.read(vouchers.batches)
    assert batch.codes == 3


@pytest.mark.parametrize("batch_id", ["nothing", "0" * 26, "..%2f..%2fetc"])
async def test_a_sheet_that_was_never_made_is_no_page(store: OwnersStore, batch_id: str) -> None:
    assert (await store.client.get(f"/owner/vouchers/{batch_id}")).status == 404


def test_vouchers_are_made_at_the_keyboard_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sync.records import migrate

    config = tmp_path / "yingke.toml"
    config.write_text(f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n')
    migrate(tmp_path / "records.db")
    asked = ["vouchers", "--count", "20", "--minutes", "120", "--config", str(config)]
    assert cli.main(asked) == 0
    codes = capsys.readouterr().out.split()
    assert len(set(codes)) == 20
    assert all(read_code(code) for code in codes)


@pytest.mark.parametrize("option", ["count", "minutes", "uses", "days"])
def test_at_the_keyboard_a_wrong_number_is_named_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    config = tmp_path / "yingke.toml"
    config.write_text(f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n')
    assert cli.main(["vouchers", f"--{option}", "0", "--config", str(config)]) == 2
    assert f"--{option} must be a whole number" in capsys.readouterr().err


def test_without_records_the_keyboard_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "yingke.toml"
    config.write_text(f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n')
    assert cli.main(["vouchers", "--config", str(config)]) == 1
    assert "yingke-sync migrate" in capsys.readouterr().err
