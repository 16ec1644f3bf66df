"""The whole path of a follow on a phone: splash, minutes, code, and the grant home by log or by link.

What the platforms say to head office has tests of its own; here head office's words are put into the store's
log, and its links are signed, as it does both.
"""

import asyncio
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import pytest

from sync.grant_token import GrantToken, sign
from sync.headoffice.sqlite.storage import SqliteStorage
from sync.model import SystemClock, to_wire
from tests.browser.chromium import BrowserFailed, Chromium
from tests.lab.box import Box
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import Reply, forms

KEY, NUMBER = secrets.token_bytes(32), 7
HOST = "wifi.example"
CHECK = "http://connectivitycheck.gstatic.com/generate_204"
ACCOUNT = {"account": "main", "platform": "wechat", "title": "Lab Tea", "proof": "verified"}
_NOW = SystemClock()


def _say(store: Store, *commands: tuple[str, dict[str, Any]]) -> None:
    """Into the ordered log of the store's box."""

    async def add() -> None:
        storage = SqliteStorage(store.head_office.namespace.home / "headoffice.db")
        for kind, body in commands:
            await storage.add_command(Box.VENUE, kind, body, None, _NOW.now())
        await storage.close()

    asyncio.run(add())


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store whose head office has an account on WeChat, codes for it, and links to HOST."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        store.open(follow={"link_host": HOST, "session_minutes": 90}, limits={"pass_minutes": 1})
        good_until = to_wire(_NOW.now() + timedelta(days=30))
        codes = [
            {"ref": f"ref-{n}", "code": f"{n}", "url": f"http://q.example/{n}", "expires_at": good_until}
            for n in range(100001, 100030)
        ]
        _say(
            store,
            ("grant_key", {"key": KEY.hex(), "venue_number": NUMBER}),
            ("follow_accounts", {"accounts": [ACCOUNT]}),
            ("follow_codes", {"account": "main", "entries": codes}),
        )
        yield store


@pytest.fixture(autouse=True)
def _offered(store: Store) -> None:
    def codes() -> bool:
        return store.box.records("SELECT count(*) FROM follow_codes") == [(29,)]

    until(codes, "head office's words have arrived")


def _grant_by_log(store: Store, code: str, grant_id: str) -> None:
    body = {
        "grant_id": grant_id,
        "account": "main",
        "platform": "wechat",
        "ref": None,
        "code": code,
        "session_seconds": 7200,
        "lead_id": None,
        "staff_ref": None,
        "subject_hash": "8899aabbccddeeff",
        "expires_at": to_wire(_NOW.now() + timedelta(minutes=15)),
    }
    _say(store, ("follow_grant", body))


def _link(grant_id: str, key: bytes = KEY, number: int = NUMBER, minutes: int = 15) -> str:
    token = GrantToken(
        channel=1,
        expires_at=_NOW.now() + timedelta(minutes=minutes),
        venue_number=number,
        grant_id=grant_id,
        subject_hash="8899aabbccddeeff",
    )
    return f"/g/{sign(token, key)}"


def _follow_page(phone: Phone) -> Reply:
    """From the intercepted check to the page that says how to follow."""
    splash = phone.open_portal()
    link = re.search(r'href="(/follow/wechat[^"]*)"', splash.body)
    assert link, splash.body
    return phone.get(urljoin(splash.url, link[1]))


def _code_on(page: str) -> str:
    shown = re.search(r'class="digits">([0-9]{6})<', page)
    assert shown, page
    return shown[1]


def _shown(browser: Chromium) -> str:
    """Nothing, while it is on its way from one page to the next."""
    try:
        return browser.html
    except BrowserFailed:
        return ""


def test_she_follows_in_her_few_minutes_and_the_page_leads_on_by_itself(store: Store, phone: Phone) -> None:
    """A real browser without JavaScript; nobody touches it after she has gone to follow."""
    with Chromium(phone.namespace, javascript=False) as browser:
        browser.open(CHECK)
        browser.press("a[href^='/follow/wechat']")
        browser.press("form[action^='/follow/wechat/pass'] button")
        assert browser.url == f"http://{phone.router}/follow/wechat"
        assert 0 < store.box.admitted()[phone.mac] <= 60
        _grant_by_log(store, _code_on(browser.html), "00000000000000a1")
        until(lambda: "You can close this page now" in _shown(browser), "the page leads on")
        assert browser.url == f"http://{phone.router}/online"
    assert 7000 < store.box.admitted()[phone.mac] <= 7200
    assert phone.get(CHECK).status == 204


def test_with_the_phone_on_mobile_data_the_log_lets_it_in_without_any_minutes(
    store: Store, phone: Phone
) -> None:
    code = _code_on(_follow_page(phone).body)
    assert phone.mac not in store.box.admitted()
    _grant_by_log(store, code, "00000000000000a2")
    until(lambda: phone.mac in store.box.admitted(), "the log lets her in")
    assert (
        phone.get(f"http://{phone.router}/follow/wechat", follow=True).url == f"http://{phone.router}/online"
    )

    def told() -> bool:
        return "follow" in {row["method"] for row in store.head_office.pull("sessions")}

    until(told, "head office hears of the session")


def test_with_the_line_down_the_link_in_her_phone_opens_the_gate(store: Store, phone: Phone) -> None:
    """Under head office's name, as it stands in the platform's answer: the box is that name here."""
    link = f"http://{HOST}{_link('00000000000000a3')}"
    store.box.namespace.ip(f"link set {Box.UPLINK} down")
    try:
        online = phone.get(link, follow=True)
        assert (online.status, online.url) == (200, f"http://{HOST}/online")
        assert 5000 < store.box.admitted()[phone.mac] <= 5400
    finally:
        store.box.namespace.ip(f"link set {Box.UPLINK} up", "route add default via 198.51.100.1")


def test_a_captive_phone_that_takes_the_links_host_for_another_is_led_on_to_it(
    store: Store, phone: Phone
) -> None:
    """With a strict private resolver it does not ask ours."""
    online = phone.get(f"http://elsewhere.example{_link('00000000000000a4')}", follow=True)
    assert (online.status, online.url) == (200, f"http://{phone.router}/online")
    assert phone.get(CHECK).status == 204


def test_one_follow_lets_one_phone_in_whichever_way_it_came(store: Store, phone: Phone) -> None:
    other = store.phone("other").join()
    grant_id = "00000000000000a5"
    others_code = _code_on(_follow_page(other).body)
    assert phone.get(f"http://{phone.router}{_link(grant_id)}", follow=True).status == 200
    assert phone.mac in store.box.admitted()
    # The same link on another phone, and then the log's word for that phone.
    used = other.get(f"http://{phone.router}{_link(grant_id)}")
    assert (used.status, "This link has been used" in used.body) == (410, True)
    _grant_by_log(store, others_code, grant_id)
    until(
        lambda: store.box.records(f"SELECT 1 FROM follow_grants WHERE grant_id = '{grant_id}'"),
        "the log's word has arrived",
    )
    assert other.open_portal().status == 200
    assert other.mac not in store.box.admitted()
    # Signed out, it opens nothing any more.
    phone.get(f"http://{phone.router}/sign-out", form={}, follow=True)
    assert phone.get(f"http://{phone.router}{_link(grant_id)}").status == 410
    assert phone.mac not in store.box.admitted()
    store.gone(other)


def test_what_is_forged_or_for_another_store_opens_nothing(store: Store, phone: Phone) -> None:
    for path, status in (
        (_link("00000000000000a6", key=bytes(32)), 403),
        (_link("00000000000000a6", number=NUMBER + 1), 409),
        ("/g/" + "A" * 56, 403),
    ):
        assert phone.get(f"http://{phone.router}{path}").status == status, path
    assert phone.mac not in store.box.admitted()


def test_what_head_office_takes_back_ends(store: Store, phone: Phone) -> None:
    grant_id = "00000000000000a7"
    phone.get(f"http://{phone.router}{_link(grant_id)}", follow=True)
    assert phone.mac in store.box.admitted()
    _say(store, ("revoke", {"grant_id": grant_id}))
    until(lambda: phone.mac not in store.box.admitted(), "her access ends")
    assert phone.get("http://news.example/").status == 302


def test_the_minute_over_without_a_follow_she_is_captive_and_has_other_ways(
    store: Store, phone: Phone
) -> None:
    page = _follow_page(phone)
    button = next(form for form in forms(page.body) if form.action.startswith("/follow/wechat/pass"))
    waiting = phone.get(urljoin(page.url, button.action), form=button.fields, follow=True)
    assert (waiting.status, phone.get(CHECK).status) == (200, 204)
    until(lambda: phone.mac not in store.box.admitted(), "the minute is over", within_seconds=90)
    splash = phone.open_portal()
    assert "we have not heard of your follow yet" in splash.body
    assert 'href="/register"' in splash.body
    # What she was given is good still.
    _grant_by_log(store, _code_on(page.body), "00000000000000a8")
    until(lambda: phone.mac in store.box.admitted(), "a late follow counts too")
