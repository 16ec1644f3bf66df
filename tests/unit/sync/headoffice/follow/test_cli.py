"""`yingke-headoffice staff` and `account` as they are typed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sync.headoffice import cli
from sync.headoffice.follow.badges import badges_page
from sync.headoffice.follow.replies import LOCALES
from sync.headoffice.follow.storage import Member
from sync.i18n import read_languages


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options for a head office with a store and two accounts."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "main.app_secret").write_text("very secret")
    file = tmp_path / "headoffice.toml"
    file.write_text(
        f'[server]\ndatabase = "sqlite:///{tmp_path}/headoffice.db"\n'
        '[accounts.main]\nplatform = "wechat"\ntitle = "Tea House"\nid = "wx1"\n'
        '[accounts.page]\nplatform = "facebook"\ntitle = "Tea"\nid = "tea"\nlink = "https://facebook.com/tea"\n'
    )
    options = ["--config", str(file)]
    assert cli.main(["venue", "add", "shop", "--name", "Shop", *options]) == 0
    return options


def _answer(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert cli.main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_a_member_of_staff_comes_with_a_badge_and_goes(
    settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    member = _answer(["staff", "enlist", "shop", "--name", "Ann", "--json", *settings], capsys)
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", member["staff_ref"])
    board = _answer(["staff", "board", "shop", "--json", *settings], capsys)
    assert [(row["name"], row["follows"]) for row in board["rows"]] == [("Ann", 0)]
    assert re.fullmatch(r"\d{4}-W\d\d", board["week"])
    assert cli.main(["staff", "dismiss", "shop", member["staff_ref"], *settings]) == 0
    [left] = _answer(["staff", "list", "shop", "--json", *settings], capsys)["members"]
    assert left["left_at"] is not None


def test_what_staff_cannot_do_is_one_sentence(
    settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, told in (
        (["enlist", "west", "--name", "Ann"], "no store 'west'"),
        (["enlist", "shop", "--name", " "], "80 characters"),
        (["dismiss", "shop", "nobody"], "staff list"),
        (["board", "shop", "--week", "last"], "--week"),
        (["badges", "shop", "badges.html"], "no badge"),
    ):
        assert cli.main(["staff", *arguments, *settings]) == 1
        assert told in capsys.readouterr().err


def test_accounts_are_listed_with_the_names_of_their_secrets_only_and_what_is_missing(
    settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main, page = _answer(["account", "list", "--json", *settings], capsys)["accounts"]
    assert (main["callback"], main["proof"]) == ("/platforms/wechat/main", "verified")
    assert main["secrets"] == ["main.app_secret"]
    assert (main["missing"], main["can_be_added"]) == (["main.token"], ["main.aes_key"])
    assert (page["callback"], page["proof"], page["missing"]) == (None, "claimed", [])
    assert cli.main(["account", "list", *settings]) == 0
    said = capsys.readouterr().out
    assert "missing: main.token" in said
    assert "very secret" not in said


def test_a_badge_has_a_name_that_cannot_break_the_page_and_a_qr() -> None:
    member = Member(
        venue_id="shop",
        staff_ref="r" * 16,
        name="<b>Ann</b>",
        poster_url="http://weixin.qq.com/q/02",
        code="482913",
        left_at=None,
    )
    page = badges_page([member], read_languages(LOCALES)["en"])
    assert "&lt;b&gt;Ann" in page
    assert page.count("<svg") == 1
    assert "<?xml" not in page
