"""The owner's password, as it is set at the box."""

import asyncio
import io
from pathlib import Path

import pytest

from portal.owner_password import set_password, wrong_with
from sync.config import Config
from sync.passwords import Passwords
from sync.records import migrate, open_records, owner_account


@pytest.mark.parametrize(("length", "fits"), [(9, False), (10, True), (256, True), (257, False)])
def test_a_password_has_ten_characters_or_more(length: int, fits: bool) -> None:
    assert (wrong_with("密" * length) == "") is fits


def _box(folder: Path) -> Config:
    return Config.parse({"venue": {"data_dir": str(folder)}})


def test_a_password_piped_in_is_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    migrate(tmp_path / "records.db")
    assert set_password(_box(tmp_path), io.StringIO("correct horse battery\n")) == 0
    assert "is set" in capsys.readouterr().out


async def test_the_password_that_was_set_lets_the_owner_in(tmp_path: Path) -> None:
    migrate(tmp_path / "records.db")
    await asyncio.to_thread(set_password, _box(tmp_path), io.StringIO("correct horse battery\n"))
    records = await open_records(tmp_path / "records.db", "portal")
    kept = await records.read(owner_account.password_hash)
    await records.close()
    assert kept is not None
    assert await Passwords().match(kept, "correct horse battery")


@pytest.mark.parametrize("typed", ["", "short\n"])
def test_a_short_password_is_refused_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    migrate(tmp_path / "records.db")
    assert set_password(_box(tmp_path), io.StringIO(typed)) == 1
    assert "at least 10" in capsys.readouterr().err


def test_a_box_without_records_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set_password(_box(tmp_path), io.StringIO("correct horse battery\n")) == 1
    assert "yingke-sync migrate" in capsys.readouterr().err
