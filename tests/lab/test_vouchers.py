"""The owner at her laptop and shoppers on their phones: vouchers, the staff code, her word on a device."""

import re
from collections.abc import Iterator

import pytest

from portal.codes import read_code
from tests.browser.chromium import Chromium
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import Reply

CHECK = "http://connectivitycheck.gstatic.com/generate_204"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def owner(store: Store) -> Iterator[Chromium]:
    """Her browser, signed in, without JavaScript."""
    store.box.command("yingke-portal", "password", stdin=f"{PASSWORD}\n")
    with Chromium(store.laptop, javascript=False, width=1280, height=800) as browser:
        browser.open(f"http://{store.box.OWNER_ADDRESS}/owner/sign-in")
        browser.fill("#password", PASSWORD)
        browser.press("main button")
        yield browser


def _open(owner: Chromium, store: Store, path: str) -> str:
    owner.open(f"http://{store.box.OWNER_ADDRESS}{path}")
    return owner.html


def _enter(phone: Phone, code: str) -> Reply:
    return phone.submit(phone.get(f"http://{phone.router}/voucher"), code=code)


def _code_of(phone: Phone) -> str:
    """The four letters at the bottom of the splash."""
    found = re.search(r'class="code">[^<]*<b>([A-Z]{4})</b>', phone.open_portal().body)
    assert found
    return found[1]


def test_a_voucher_from_the_owners_sheet_lets_one_phone_in_and_no_other(
    store: Store, phone: Phone, owner: Chromium
) -> None:
    _open(owner, store, "/owner/vouchers")
    owner.press("form.make .button")
    codes = re.findall(r"<b>([A-Z0-9-]{11})</b>", owner.html)
    assert len(set(codes)) == 20

    online = _enter(phone, codes[0].replace("-", " ").lower())
    assert (online.status, online.url) == (200, f"http://{phone.router}/online")
    assert phone.get(CHECK).status == 204
    assert store.box.admitted()[phone.mac] <= 120 * 60

    other = store.phone(f"other{len(store.seen)}").join()
    assert _enter(other, codes[0]).status == 422
    assert other.get("http://news.example/").status == 302
    store.gone(other)
    assert "1 of 20" in _open(owner, store, "/owner/vouchers")
    assert store.head_office.wait_for("sessions", 1)[-1]["lead_id"] is None


def test_the_staff_code_on_her_page_lets_staff_in(store: Store, phone: Phone, owner: Chromium) -> None:
    shown = re.search(r'class="big-code">([0-9 ]+)<', _open(owner, store, "/owner/vouchers"))
    assert shown
    wrong = f"{(int(shown[1].replace(' ', '')) + 1) % 10**6:06}"
    assert _enter(phone, wrong).status == 422
    assert _enter(phone, shown[1]).url == f"http://{phone.router}/online"
    assert phone.get(CHECK).status == 204


def test_a_voucher_typed_while_the_gate_is_dead_is_used_once_and_lets_in_when_it_is_back(
    store: Store, phone: Phone
) -> None:
    (code,) = store.box.command("yingke-portal", "vouchers", "--count", "1", "--minutes", "30").split()
    page = phone.get(f"http://{phone.router}/voucher")
    store.box.gate.kill()
    waiting = phone.submit(page, code=code)
    assert (waiting.status, "Your code is good" in waiting.body) == (202, True)
    assert phone.submit(page, code=code).status == 202
    store.box.gate.start()
    until(lambda: phone.mac in store.box.admitted(), "the gate finds the voucher by itself")
    read = read_code(code)
    assert read
    uses = store.box.records(f"SELECT count(*) FROM voucher_uses WHERE code = '{read.text}'")
    assert uses == [(1,)]


def test_her_page_says_why_the_portal_did_not_pop_up(store: Store, phone: Phone, owner: Chromium) -> None:
    assert phone.get("http://captive.apple.com/hotspot-detect.html").status == 302

    def said() -> bool:
        page = _open(owner, store, "/owner/stations")
        return "nobody opened it" in page and "Apple" in page

    until(said, "the owner's page tells of the check")
    code = _code_of(phone)

    def goes_on() -> bool:
        page = _open(owner, store, f"/owner/stations?code={code}")
        return "the form has not been sent" in page

    until(goes_on, "the owner's page tells of the opened portal")
    assert phone.mac not in owner.html.lower()


def test_she_disconnects_a_phone_blocks_it_and_lets_it_in_for_good(
    store: Store, phone: Phone, owner: Chromium
) -> None:
    code = _code_of(phone)
    phone.register(email=f"{phone.name}@example.com", terms="yes")
    assert phone.get(CHECK).status == 204

    _open(owner, store, f"/owner/stations?code={code}")
    owner.press("form:has(input[value=expel]) button")
    assert f"{code} is offline" in owner.html
    assert phone.get("http://news.example/").status == 302
    assert phone.mac not in store.box.admitted()
    assert "Our staff ended your access" in phone.open_portal().body

    _open(owner, store, f"/owner/stations?code={code}")
    owner.press("form:has(input[value=block]) button")
    blocked = phone.get(f"http://{phone.router}/").body
    assert "cannot use our WiFi" in blocked
    assert code in blocked
    phone.submit(phone.get(f"http://{phone.router}/register"), email="again@example.com", terms="yes")
    assert phone.mac not in store.box.admitted()

    _open(owner, store, f"/owner/stations?code={code}")
    owner.tap(".acts summary")
    owner.fill(f"#name-{code}", "Till")
    owner.press("form:has(input[value=allow]) button")
    assert f"{code} is always let in" in owner.html
    until(lambda: phone.mac in store.box.admitted(), "the till is let in")
    assert phone.get(CHECK).status == 204

    owner.press("form:has(input[value=forget]) button")
    until(lambda: phone.mac not in store.box.admitted(), "it is a device like any other again")
