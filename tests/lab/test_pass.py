"""A few slow minutes: begun by one button, over by themselves, and only so often a day."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import BrowserFailed, Chromium
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import Reply, forms

CHECK = "http://connectivitycheck.gstatic.com/generate_204"


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that gives one pass of one minute a day."""
    with Store(tmp_path_factory.mktemp("store")) as store:
        yield store.open(limits={"pass_minutes": 1, "passes_a_day": 1})


def _take_a_pass(phone: Phone) -> Reply:
    splash = phone.open_portal()
    button = next(form for form in forms(splash.body) if form.action.startswith("/pass"))
    return phone.get(f"http://{phone.router}{button.action}", form=button.fields, follow=True)


def _shown(browser: Chromium) -> str:
    """Nothing, while it is on its way from one page to the next."""
    try:
        return browser.html
    except BrowserFailed:
        return ""


def test_a_pass_opens_the_internet_for_its_minute_without_a_form(store: Store, phone: Phone) -> None:
    page = _take_a_pass(phone)
    assert (page.status, page.url) == (200, f"http://{phone.router}/pass")
    assert 'http-equiv="refresh"' in page.body
    assert phone.get(CHECK).status == 204
    assert phone.connects("203.0.113.10", 443) == "open"
    # The kernel ends it, whoever else may be dead by then.
    assert 0 < store.box.admitted()[phone.mac] <= 60
    assert store.box.records("SELECT count(*) FROM leads") == [(0,)]


def test_a_pass_is_slow_and_a_registration_is_not(store: Store, phone: Phone) -> None:
    def bytes_in_two_seconds() -> int:
        two_seconds = ["curl", "--silent", "--max-time", "2", "--output", "/dev/null"]
        large = "http://shop.example/bytes/1000000"
        done = phone.namespace.run(*two_seconds, "--write-out", "%{size_download}", large, check=False)
        return int(done.stdout)

    _take_a_pass(phone)
    # A megabyte takes eight seconds at its rate.
    until(lambda: 100_000 < bytes_in_two_seconds() < 500_000, "it is slow")
    phone.submit(phone.get(f"http://{phone.router}/register"), email="fast@example.com", terms="yes")
    until(lambda: bytes_in_two_seconds() == 1_000_000, "it is fast")


def test_a_second_tap_takes_no_second_pass_and_a_second_pass_is_refused(store: Store, phone: Phone) -> None:
    splash = phone.open_portal()
    _take_a_pass(phone)
    button = next(form for form in forms(splash.body) if form.action.startswith("/pass"))
    again = phone.get(f"http://{phone.router}{button.action}", form=button.fields, follow=True)
    assert (again.status, again.url) == (200, f"http://{phone.router}/pass")
    phone.get(f"http://{phone.router}/sign-out", form={}, follow=True)
    assert phone.get("http://news.example/").status == 302
    assert 'action="/pass"' not in phone.open_portal().body
    refused = phone.get(f"http://{phone.router}/pass", form={})
    assert refused.status == 409
    assert phone.get("http://news.example/").status == 302


def test_who_registers_during_a_pass_goes_on_for_longer(store: Store, phone: Phone) -> None:
    _take_a_pass(phone)
    online = phone.submit(
        phone.get(f"http://{phone.router}/register"), email="longer@example.com", terms="yes"
    )
    assert online.url == f"http://{phone.router}/online"
    assert store.box.admitted()[phone.mac] > 3600


def test_when_the_minute_is_over_the_page_leads_back_to_the_splash_by_itself(
    store: Store, phone: Phone
) -> None:
    """The whole minute, in a real browser without JavaScript: nobody touches it."""
    with Chromium(phone.namespace, javascript=False) as browser:
        browser.open(CHECK)
        browser.press("form[action='/pass'] button")
        assert browser.url == f"http://{phone.router}/pass"
        over = "Your few minutes are over"
        until(lambda: over in _shown(browser), "back at the splash", within_seconds=90)
        assert browser.url == f"http://{phone.router}/"
    assert phone.mac not in store.box.admitted()
    assert phone.get("http://news.example/").status == 302
