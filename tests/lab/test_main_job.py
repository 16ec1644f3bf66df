"""The whole of it: from a phone's first packet to head office's pull."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import forms


@pytest.fixture
def browser(phone: Phone, request: pytest.FixtureRequest) -> Iterator[Chromium]:
    javascript: bool = getattr(request, "param", True)
    with Chromium(phone.namespace, javascript=javascript) as browser:
        yield browser


def test_a_shopper_registers_and_head_office_pulls_exactly_that(store: Store, phone: Phone) -> None:
    office = store.head_office
    before = {table: len(office.pull(table)) for table in ("leads", "sessions", "visits")}

    page = phone.register(name="王小明", phone="13800138000", terms="yes")
    assert page.status == 200
    assert page.url.partition("?")[0] == f"http://{phone.router}/online"
    assert phone.get("http://connectivitycheck.gstatic.com/generate_204").status == 204
    assert "Welcome to the internet" in phone.get("http://news.example/").body

    lead = office.wait_for("leads", before["leads"] + 1)[-1]
    assert (lead["name"], lead["phone"], lead["venue_id"]) == ("王小明", "+8613800138000", store.box.VENUE)
    session = office.wait_for("sessions", before["sessions"] + 1)[-1]
    assert session["lead_id"] == lead["id"]

    phone.leave()
    visit = office.wait_for("visits", before["visits"] + 1)[-1]
    assert visit["lead_id"] == lead["id"]
    assert visit["dwell_seconds"] >= 0
    for table, count in before.items():
        assert len(office.pull(table)) == count + 1, table


def test_everything_is_open_once_registered(phone: Phone) -> None:
    phone.wait_for_ipv6()
    phone.register(email="mei@example.com", terms="yes")
    assert phone.connects("203.0.113.10", 443) == "open"
    assert phone.connects("2001:db8:80::10", 443) == "open"
    assert phone.udp_answer("203.0.113.10", 443) == "answered"
    assert phone.udp_answer("2001:db8:80::10", 443) == "answered"
    assert "198.51.100.2" in phone.get("http://203.0.113.10/").body  # the box's own address: NAT


@pytest.mark.parametrize("address", ["203.0.113.10", "2001:db8:80::10"])
def test_a_connection_kept_from_before_is_not_sent_to_the_portal_any_more(
    store: Store, phone: Phone, address: str
) -> None:
    """Browsers open one too many and keep it: used after admission, it would show the splash once more."""
    phone.wait_for_ipv6()
    other = store.phone(f"bystander{len(store.seen)}").join()
    other.wait_for_ipv6()
    with phone.kept_connection(address) as kept, other.kept_connection(address) as others:
        phone.register(email=f"{phone.name}@example.com", terms="yes")
        assert b" 302 " not in kept.ask()
        assert b" 302 " in others.ask()
    store.gone(other)


def test_one_registration_opens_the_gate_for_nobody_else(store: Store, phone: Phone) -> None:
    other = store.phone("other").join()
    phone.register(email="one@example.com", terms="yes")
    assert other.get("http://news.example/").status == 302
    assert set(store.box.admitted()) >= {phone.mac}
    assert other.mac not in store.box.admitted()
    store.gone(other)


def test_a_second_tap_on_the_form_makes_no_second_lead(store: Store, phone: Phone) -> None:
    form_page = phone.get(f"http://{phone.router}/register")
    first = phone.submit(form_page, email="twice@example.com", terms="yes")
    second = phone.submit(form_page, email="twice@example.com", terms="yes")
    assert (first.status, second.status) == (200, 200)
    leads = store.box.records("SELECT count(*) FROM leads WHERE email = 'twice@example.com'")
    assert leads == [(1,)]


def test_signing_out_closes_the_gate(store: Store, phone: Phone) -> None:
    online = phone.register(email="leaving@example.com", terms="yes")
    sign_out = next(form for form in forms(online.body) if "sign-out" in form.action)
    phone.get(f"http://{phone.router}{sign_out.action}", form=sign_out.fields, follow=True)
    assert phone.get("http://news.example/").status == 302
    assert phone.connects("203.0.113.10", 443) == "refused"
    assert phone.mac not in store.box.admitted()


@pytest.mark.parametrize("browser", [True, False], ids=["javascript", "no-javascript"], indirect=True)
def test_a_real_browser_is_led_to_the_splash_registers_and_reads_the_news(
    store: Store, phone: Phone, browser: Chromium
) -> None:
    contact = f"{phone.name}@example.com"
    browser.open("http://news.example/today")
    assert browser.url.partition("?")[0] == f"http://{phone.router}/"
    browser.press("a[href^='/register']")
    browser.fill("input[name=name]", "Ada")
    browser.fill("input[name=email]", contact)
    browser.tap("input[name=terms]")
    browser.press("form[action^='/register'] button")
    assert browser.url.partition("?")[0] == f"http://{phone.router}/online"
    browser.open("http://news.example/today")
    assert "Welcome to the internet" in browser.html

    def lead() -> object:
        return [row for row in store.head_office.pull("leads") if row.get("email") == contact]

    assert len(until(lead, "her lead at head office")) == 1  # type: ignore[arg-type]


def test_a_wrong_field_is_marked_and_what_was_typed_stays(browser: Chromium, phone: Phone) -> None:
    browser.open(f"http://{phone.router}/register")
    browser.fill("input[name=name]", "Ada")
    browser.fill("input[name=email]", "ada@nowhere")
    browser.tap("input[name=terms]")
    browser.press("form[action^='/register'] button")
    assert browser.shows("input[name=email][aria-invalid=true]")
    assert browser.shows("input[name=name][value=Ada]")
    assert browser.shows("input[name=terms][checked]")
