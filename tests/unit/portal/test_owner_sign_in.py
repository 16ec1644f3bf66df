"""The owner's way in: who gets through, and who is stopped before anything costly happens."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Response

from portal.owner_door import COOKIE
from portal.owner_sign_in import _hand_out
from sync.records import owner_account
from tests.unit.portal.owner_store import PASSWORD, OwnersStore, open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[OwnersStore]:
    async with open_store(tmp_path) as store:
        yield store


async def test_the_right_password_shows_the_numbers(store: OwnersStore) -> None:
    answer = await store.sign_in()
    assert (answer.status, answer.headers["Location"]) == (303, "/owner")
    page = await store.client.get("/owner")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"


async def test_a_wrong_password_shows_the_form_again(store: OwnersStore) -> None:
    answer = await store.sign_in("wrong horse battery")
    assert answer.status == 422
    assert "That is not the password." in await answer.text()
    assert COOKIE not in answer.cookies


@pytest.mark.parametrize("password", ["", "x" * 5000, "\0", "密码" * 10])
async def test_odd_passwords_are_wrong_passwords(store: OwnersStore, password: str) -> None:
    assert (await store.sign_in(password)).status == 422


async def test_an_endless_password_is_never_hashed(store: OwnersStore) -> None:
    await store.sign_in("x" * 5000)
    assert store.passwords.looked_at == 0


async def test_who_is_not_signed_in_is_shown_the_way(store: OwnersStore) -> None:
    for path in ("/owner", "/owner/password", "/owner?day=2026-11-01"):
        answer = await store.client.get(path, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/owner/sign-in")
    assert (await store.client.post("/owner/sign-out", allow_redirects=False)).status == 303


async def test_after_five_tries_no_password_is_looked_at_for_a_while(store: OwnersStore) -> None:
    for _ in range(5):
        assert (await store.sign_in("wrong horse battery")).status == 422
    answer = await store.sign_in(PASSWORD)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 21
    assert store.passwords.looked_at == 5
    store.clock.advance(20)
    assert (await store.sign_in(PASSWORD)).status == 303


async def test_a_header_makes_nobody_a_new_source(store: OwnersStore) -> None:
    answers = [await store.sign_in("wrong horse", **{"X-Forwarded-For": f"10.78.0.{n}"}) for n in range(8)]
    assert [answer.status for answer in answers].count(422) == 5


async def test_tries_at_once_are_hashed_one_after_the_other(store: OwnersStore) -> None:
    answers = await asyncio.gather(*(store.sign_in("wrong horse battery") for _ in range(12)))
    assert [answer.status for answer in answers].count(422) == 5
    assert store.passwords.looked_at == 5


async def test_without_a_password_the_page_says_how_to_set_one(tmp_path: Path) -> None:
    async with open_store(tmp_path, password=None) as store:
        page = await store.client.get("/owner/sign-in")
        assert page.status == 200
        assert "yingke-portal password" in await page.text()
        answer = await store.sign_in("anything at all")
        assert answer.status == 403
        assert "No password has been set yet" in await answer.text()
        assert store.passwords.looked_at == 0


async def test_the_cookie_is_for_this_page_alone(store: OwnersStore) -> None:
    cookie = (await store.sign_in()).cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/owner")
    assert not cookie["secure"]


async def test_over_https_the_cookie_never_travels_in_clear() -> None:
    answer = Response()
    _hand_out(
        make_mocked_request("POST", "/owner/sign-in", sslcontext=ssl.create_default_context()),
        answer,
        "token",
    )
    assert answer.cookies[COOKIE]["secure"]


async def test_logging_out_ends_it(store: OwnersStore) -> None:
    await store.sign_in()
    token = store.client.session.cookie_jar.filter_cookies(store.client.make_url("/owner"))[COOKIE].value
    answer = await store.client.post(
        "/owner/sign-out", data={"form_token": await store.form_token()}, allow_redirects=False
    )
    assert (answer.status, answer.headers["Location"]) == (303, "/owner/sign-in")
    again = await store.client.get("/owner", cookies={COOKIE: token}, allow_redirects=False)
    assert again.status == 303


async def test_after_twelve_hours_the_password_is_asked_again(store: OwnersStore) -> None:
    await store.sign_in()
    store.clock.advance(12 * 3600 - 1)
    assert (await store.client.get("/owner", allow_redirects=False)).status == 200
    store.clock.advance(1)
    assert (await store.client.get("/owner", allow_redirects=False)).status == 303


async def test_a_clock_that_is_set_keeps_her_signed_in(store: OwnersStore) -> None:
    await store.sign_in()
    store.clock.jump(86400)
    assert (await store.client.get("/owner", allow_redirects=False)).status == 200


async def test_a_made_up_cookie_is_nobody(store: OwnersStore) -> None:
    await store.sign_in()
    answer = await store.client.get("/owner", cookies={COOKIE: "x" * 43}, allow_redirects=False)
    assert answer.status == 303


async def test_a_password_set_at_the_box_signs_everybody_out(store: OwnersStore) -> None:
    await store.sign_in()
    new = await store.passwords.hash("a new password")
    await store.records.write(owner_account.set_password_hash, new, store.clock.now())
    assert (await store.client.get("/owner", allow_redirects=False)).status == 303


async def _change(store: OwnersStore, **typed: str) -> int:
    fields = {"current": PASSWORD, "new": "a much better one", "again": "a much better one"} | typed
    fields = {"form_token": await store.form_token()} | fields
    answer = await store.client.post("/owner/password", data=fields, allow_redirects=False)
    return answer.status


async def test_the_password_can_be_changed(store: OwnersStore) -> None:
    await store.sign_in()
    assert await _change(store) == 303
    assert (await store.client.get("/owner", allow_redirects=False)).status == 200
    store.client.session.cookie_jar.clear()
    assert (await store.sign_in(PASSWORD)).status == 422
    assert (await store.sign_in("a much better one")).status == 303


@pytest.mark.parametrize(
    "typed",
    [
        {"current": "wrong horse battery"},
        {"new": "too short", "again": "too short"},
        {"again": "another one"},
        {"new": "x" * 257, "again": "x" * 257},
    ],
)
async def test_a_wrong_change_changes_nothing(store: OwnersStore, typed: dict[str, str]) -> None:
    await store.sign_in()
    before = await store.records.read(owner_account.password_hash)
    assert await _change(store, **typed) == 422
    assert await store.records.read(owner_account.password_hash) == before


async def test_the_current_password_cannot_be_guessed_on_an_open_page(store: OwnersStore) -> None:
    await store.sign_in()
    for _ in range(4):
        assert await _change(store, current="wrong horse battery") == 422
    assert await _change(store) == 429


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://evil.example", "Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/owner/sign-in", "/owner/sign-out", "/owner/password"])
async def test_a_form_of_another_site_is_refused(
    store: OwnersStore, headers: dict[str, str], path: str
) -> None:
    await store.sign_in()
    fields = {"form_token": await store.form_token(), "password": PASSWORD}
    answer = await store.client.post(path, data=fields, headers=headers, allow_redirects=False)
    assert answer.status == 403
    assert (await store.client.get("/owner", allow_redirects=False)).status == 200


@pytest.mark.parametrize("token", [None, "", "x" * 32, "ü"])
async def test_a_form_without_her_token_is_refused(store: OwnersStore, token: str | None) -> None:
    await store.sign_in()
    fields = {} if token is None else {"form_token": token}
    answer = await store.client.post("/owner/sign-out", data=fields | {"x": "1"}, allow_redirects=False)
    assert answer.status == 403


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"password=1&password=2", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 100, "application/x-www-form-urlencoded", 400),
        (b"password=" + b"x" * 100_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_form_is_refused(store: OwnersStore, body: bytes, kind: str, status: int) -> None:
    answer = await store.client.post("/owner/sign-in", data=body, headers={"Content-Type": kind})
    assert answer.status == status
