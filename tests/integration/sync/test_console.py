"""The pages for the people at head office."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest

from sync.headoffice.settings import Settings
from sync.headoffice.storage import Role, Staff
from sync.passwords import hash_password
from tests.integration.sync.conftest import HeadOffice, event, lead, ndjson

PASSWORD = "correct horse"


class Browser:
    """A browser that keeps cookies and sends the Origin of the page it is on."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.http = http

    async def open(self, path: str, **headers: str) -> tuple[int, str, str]:
        async with self.http.get(self.url + path, headers=headers) as response:
            return response.status, response.url.path, await response.text()

    async def post(self, path: str, origin: str | None, **fields: str) -> tuple[int, str, str]:
        headers = {"Origin": origin} if origin else {}
        async with self.http.post(self.url + path, data=fields, headers=headers) as response:
            return response.status, response.url.path, await response.text()

    async def sign_in(self, login: str, password: str = PASSWORD) -> tuple[int, str, str]:
        return await self.post("/sign-in", self.url, login=login, password=password)


@pytest.fixture
async def browser(head_office: HeadOffice) -> AsyncIterator[Browser]:
    roles: dict[str, Role] = {"vic": "viewer", "ann": "marketing"}
    for login, role in roles.items():
        staff = Staff(login=login, password_hash=hash_password(PASSWORD), role=role)
        await head_office.storage.put_staff(staff, head_office.clock.now())
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Browser(head_office.url, http)


async def test_nobody_sees_the_stores_without_signing_in(browser: Browser) -> None:
    status, path, page = await browser.open("/")
    assert (status, path) == (200, "/sign-in")
    assert "Café One" not in page


async def test_who_signs_in_sees_the_stores_and_their_day(browser: Browser, head_office: HeadOffice) -> None:
    at = "2026-11-23T08:00:00.000000Z"
    started = event(1, "venue.started", {"version": "0.1.7", "process": "gate"})
    visit = event(3, "visit.ended", {"visit_id": "v", "started_at": at, "ended_at": at})
    await head_office.upload(ndjson(started, lead(2), visit), Yingke_Pending="1234")

    status, path, page = await browser.sign_in("vic")

    assert (status, path) == (200, "/")
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "Café One shop-1 1 second ago right 1,234 events 1 0 1 0.1.7" in text
    assert "Café Two shop-2 not yet" in text


async def test_names_of_leads_are_for_marketing(browser: Browser, head_office: HeadOffice) -> None:
    await head_office.send(lead(1), lead(2, "lead-2", name="<script>alert(1)</script>"))

    _, _, page = await browser.sign_in("vic")
    assert "Wang" not in page
    assert "W•••" in page

    await browser.post("/sign-out", browser.url)
    _, _, page = await browser.sign_in("ann")
    assert "Wang Xiaoming" in page
    assert "<script>" not in page


class TestInShanghai:
    @pytest.fixture
    def settings(self) -> Settings:
        settings = Settings.parse({})
        return replace(settings, console=replace(settings.console, timezone="Asia/Shanghai"))

    async def test_no_box_breaks_the_page_with_a_time_that_cannot_be(
        self, browser: Browser, head_office: HeadOffice
    ) -> None:
        answer = await head_office.send(lead(1, registered_at="9999-12-31T23:59:59.000000Z"))
        assert [line["key"] for line in answer["rejected"]] == ["bad_body"]
        assert (await browser.sign_in("ann"))[0] == 200


@pytest.mark.parametrize(
    ("accepts", "words"),
    [("zh-CN,zh;q=0.9", "最新留资"), ("fr, en;q=0.5", "Latest leads"), ("", "Latest leads")],
)
async def test_the_page_speaks_the_browsers_language(browser: Browser, accepts: str, words: str) -> None:
    await browser.sign_in("vic")
    _, _, page = await browser.open("/", **{"Accept-Language": accepts})
    assert words in page


async def test_a_wrong_password_and_an_unknown_name_are_told_alike(browser: Browser) -> None:
    status, _, wrong = await browser.sign_in("vic", "wrong")
    unknown_status, _, unknown = await browser.sign_in("nobody", "wrong")
    assert status == unknown_status == 422
    assert wrong.replace('value="vic"', 'value="nobody"') == unknown


async def test_after_many_tries_even_the_right_password_waits(
    browser: Browser, head_office: HeadOffice
) -> None:
    statuses = [(await browser.sign_in("vic", "wrong"))[0] for _ in range(9)]
    assert statuses == [422] * 8 + [429]
    assert (await browser.sign_in("vic"))[0] == 429

    head_office.clock.advance(60)
    assert (await browser.sign_in("vic"))[:2] == (200, "/")


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1"])
async def test_another_sites_form_signs_nobody_in_or_out(browser: Browser, origin: str | None) -> None:
    assert (await browser.post("/sign-in", origin, login="vic", password=PASSWORD))[0] == 403
    await browser.sign_in("vic")
    assert (await browser.post("/sign-out", origin))[0] == 403
    assert (await browser.open("/"))[1] == "/"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Browser) -> None:
    fields = {"login": "vic", "password": PASSWORD}
    url, headers = f"{browser.url}/sign-in", {"Origin": browser.url}
    async with browser.http.post(url, data=fields, headers=headers, allow_redirects=False) as response:
        plain = response.headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Strict" in plain
    behind_tls = headers | {"X-Forwarded-Proto": "https"}
    async with browser.http.post(url, data=fields, headers=behind_tls, allow_redirects=False) as response:
        assert "Secure" in response.headers["Set-Cookie"]


async def test_signing_out_and_time_end_a_sign_in(browser: Browser, head_office: HeadOffice) -> None:
    await browser.sign_in("vic")
    [kept] = [cookie.value for cookie in browser.http.cookie_jar]
    await browser.post("/sign-out", browser.url)
    assert (await browser.open("/", Cookie=f"yingke_console={kept}"))[1] == "/sign-in"

    await browser.sign_in("vic")
    head_office.clock.advance(13 * 3600)
    assert (await browser.open("/"))[1] == "/sign-in"


async def test_a_new_password_ends_the_old_sign_ins(browser: Browser, head_office: HeadOffice) -> None:
    await browser.sign_in("vic")
    staff = Staff(login="vic", password_hash=hash_password("another horse"), role="viewer")
    await head_office.storage.put_staff(staff, head_office.clock.now())
    assert (await browser.open("/"))[1] == "/sign-in"


async def test_a_page_that_is_not_there_is_still_a_page(browser: Browser) -> None:
    status, _, page = await browser.open("/nowhere")
    assert status == 404
    assert "There is no such page." in page
    assert "<form" not in page


async def test_pages_work_without_scripts_and_allow_none(browser: Browser) -> None:
    async with browser.http.get(f"{browser.url}/sign-in") as response:
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "<script" not in await response.text()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded; charset=klingon", b"login=vic"),
        ("application/x-www-form-urlencoded", b"login=\xff"),
        ("application/x-www-form-urlencoded", b"login=%ff%00&password=%ed%a0%80"),
        ("multipart/form-data", b"no border"),
        ("multipart/form-data; boundary=x", b"--x\r\ngarbage\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="login"; filename="a"\r\n\r\nx\r\n--x--\r\n',
        ),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b""),
    ],
)
async def test_no_form_breaks_the_door(browser: Browser, content_type: str, body: bytes) -> None:
    headers = {"Origin": browser.url, "Content-Type": content_type}
    async with browser.http.post(f"{browser.url}/sign-in", data=body, headers=headers) as response:
        assert response.status in (400, 422)
        assert "<h1>" in await response.text()


async def test_follows_are_shown_by_store_and_by_member_of_staff(
    browser: Browser, head_office: HeadOffice
) -> None:
    await browser.sign_in("vic")
    _, _, page = await browser.open("/")
    assert "Nobody has followed yet this week." in page
    follow = head_office.storage.follow
    member = await follow.enlist("shop-1", "Li Na", head_office.clock.now())
    claim = {"follow_id": "f1", "account": "page", "platform": "facebook"}
    await head_office.send(
        event(1, "follow.claimed", claim, at="2026-11-23T07:00:00.000000Z"),
        lead(2, staff_ref=member.staff_ref),
    )
    await follow.trouble("main", "no_permission", head_office.clock.now())
    _, _, page = await browser.open("/")
    assert "Nobody has followed yet this week." not in page
    assert re.search(r"Li Na</th>\s*<td[^>]*>Café One</td>\s*<td[^>]*>0</td>\s*<td[^>]*>1</td>", page)
    assert "gives this account no QR codes" in page
