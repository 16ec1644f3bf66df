"""Accounts as they are written down, and their secrets."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sync.headoffice.follow.accounts import (
    VERIFIED,
    Account,
    BadAccount,
    needed_secrets,
    parse_accounts,
    read_secrets,
)
from sync.headoffice.follow.event import Answer, FollowEvent
from sync.headoffice.follow.platforms import open_account
from sync.setting import Mistake
from tests.clock import FakeClock

WECHAT = {"platform": "wechat", "title": "Tea House", "id": "wx1"}


def _parse(given: Any) -> tuple[list[Any], list[str]]:
    mistakes: list[Mistake] = []
    return list(parse_accounts(given, mistakes)), [mistake.key for mistake in mistakes]


def test_what_is_beside_the_known_keys_is_the_platforms() -> None:
    [account], wrong = _parse({"main": WECHAT | {"api": "http://127.0.0.1:1", "brands": ["tea"]}})
    assert wrong == []
    assert (account.name, account.platform, account.brands) == ("main", "wechat", ("tea",))
    assert account.options == {"api": "http://127.0.0.1:1"}
    assert account.option("mode", "security") == "security"


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ("main", ["accounts"]),
        ({"Main!": WECHAT}, ["accounts.Main!"]),
        ({"main": 1}, ["accounts.main"]),
        ({"main": {}}, ["accounts.main.platform", "accounts.main.title", "accounts.main.id"]),
        ({"main": WECHAT | {"platform": "myspace"}}, ["accounts.main.platform"]),
        ({"main": WECHAT | {"brands": "tea"}}, ["accounts.main.brands"]),
        ({"main": WECHAT | {"api": 5}}, ["accounts.main.api"]),
        ({"main": WECHAT | {"platform": "facebook"}}, ["accounts.main.link"]),
    ],
)
def test_every_mistake_has_its_key(given: Any, keys: list[str]) -> None:
    assert _parse(given) == ([], keys)


def test_a_link_that_proves_nothing_is_never_verified() -> None:
    [account], _ = _parse({"page": WECHAT | {"platform": "facebook", "link": "https://facebook.com/tea"}})
    assert account.proof == "claimed"
    assert _parse({"main": WECHAT})[0][0].proof == "verified"


def test_secrets_are_files_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "main.app_secret").write_text("s3cret\n")
    (tmp_path / "main-2.app_secret").write_text("another's")
    secrets = read_secrets("main", tmp_path)
    assert secrets == {"app_secret": "s3cret"}
    [account], _ = _parse({"main": WECHAT})
    with pytest.raises(BadAccount, match=r"main\.token"):
        account.secret("token")
    assert read_secrets("other", tmp_path) == {}


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    (tmp_path / "main.token").write_text("\n")
    [account], _ = _parse({"main": WECHAT})
    with pytest.raises(BadAccount, match=r"main\.token"):
        replace(account, secrets=read_secrets("main", tmp_path)).secret("token")


def test_a_secret_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "main.token").write_bytes(b"\xff\xfe")
    with pytest.raises(BadAccount, match="main"):
        read_secrets("main", tmp_path)
    (tmp_path / "main.token").write_bytes(b"a" * 9000)
    with pytest.raises(BadAccount, match="larger"):
        read_secrets("main", tmp_path)


async def _nobody(_: FollowEvent) -> Answer:
    return Answer()


@pytest.mark.parametrize("platform", VERIFIED)
async def test_the_secrets_that_are_called_needed_are_those_it_cannot_do_without(platform: str) -> None:
    way_back = "https://head.example.com/back"
    bare = Account(
        name="main",
        platform=platform,
        title="Tea",
        id="15551234567",
        options={"login_channel": "1", "login_return": way_back, "rest_key": "r", "phone_number_id": "1"},
    )
    secrets = dict.fromkeys(needed_secrets(bare), "A" * 43)
    async with aiohttp.ClientSession() as http:
        await open_account(replace(bare, secrets=secrets), _nobody, http, FakeClock()).close()
        for missing in secrets:
            without = {key: value for key, value in secrets.items() if key != missing}
            with pytest.raises(BadAccount, match=rf"main\.{missing}"):
                open_account(replace(bare, secrets=without), _nobody, http, FakeClock())
