"""The page of routes against what is promised outside, and what every answer carries."""

import re

import pytest

from portal.app import routes
from tests.unit.portal.conftest import Browser

PROMISED = {
    ("GET", "/"),
    ("GET", "/register"),
    ("POST", "/register"),
    ("GET", "/online"),
    ("POST", "/sign-out"),
    ("GET", "/roaming"),
    ("POST", "/roaming"),
    ("GET", "/roaming/wait"),
    ("GET", "/voucher"),
    ("POST", "/voucher"),
    ("GET", "/pass"),
    ("POST", "/pass"),
    ("GET", "/follow/{platform}"),
    ("GET", "/follow/{platform}/open"),
    ("POST", "/follow/{platform}/pass"),
    ("GET", "/g/{grant}"),
    ("GET", "/expired"),
    ("GET", "/quota"),
    ("GET", "/privacy"),
    ("POST", "/privacy/withdraw"),
    ("GET", "/capport/api"),
    ("GET", "/healthz"),
}
PAGES = ["/", "/register", "/voucher", "/privacy", "/expired", "/nowhere"]


def test_the_routes_are_the_promised_ones() -> None:
    ours = {(route.method, route.path) for route in routes() if not route.path.startswith("/owner")}
    assert ours == PROMISED


@pytest.mark.parametrize("path", ["/verify", "/follow", "/g/", "/wp-login.php"])
async def test_what_is_not_there_is_a_page_that_says_so(browser: Browser, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status == 404
    assert "no such page" in await answer.text()


async def test_a_page_used_wrongly_says_so_and_what_is_allowed(browser: Browser) -> None:
    answer = await browser.put("/register", data=b"x")
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_a_page_needs_nothing_else_and_is_small(browser: Browser, path: str, language: str) -> None:
    answer = await browser.get(path, params={"lang": language})
    page = await answer.text()
    assert len(page.encode()) < 60_000
    assert "<script" not in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "url(" not in page
    assert not re.search(r"<link(?! rel=\"icon\" href=\"data:,\")", page)
    assert f'<html lang="{language}">' in page


@pytest.mark.parametrize("path", [*PAGES, "/online", "/capport/api", "/owner"])
async def test_every_answer_is_neither_framed_nor_sniffed(browser: Browser, path: str) -> None:
    headers = (await browser.get(path, allow_redirects=False)).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == ("private" if path == "/capport/api" else "no-store")
    assert "aiohttp" not in headers["Server"]


async def test_no_page_sets_a_cookie_for_a_shopper(browser: Browser) -> None:
    for path in PAGES:
        assert "Set-Cookie" not in (await browser.get(path)).headers


async def test_the_host_a_phone_names_is_never_repeated(browser: Browser) -> None:
    for path in (*PAGES, "/online"):
        answer = await browser.get(path, headers={"Host": "evil.example"}, allow_redirects=False)
        assert "evil" not in await answer.text()
        assert "evil" not in str(answer.headers)


async def test_the_owners_pages_do_not_open_on_the_guests_network(browser: Browser) -> None:
    for path in ("/owner", "/owner/sign-in", "/owner/api/stats", "/owner/nothing"):
        answer = await browser.get(path, headers={"X-Forwarded-Proto": "https", "Host": "10.78.0.1"})
        assert answer.status == 403
        assert "owner&#39;s own network" in (await answer.text()).replace("owner's", "owner&#39;s")
