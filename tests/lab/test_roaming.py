"""A chain: who is online in one store goes on in another, and in one other at a time."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urljoin

import pytest

from sync.headoffice.roaming import UNSURE_SECONDS
from sync.model import SystemClock, to_wire
from tests.lab.other_store import OtherStore
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import Reply

Row = Mapping[str, object]


@pytest.fixture(scope="module")
def store(private_network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("chain")) as store:
        yield store.open(registration={"roaming": "on"}, venue={"country": "CN"})


@pytest.fixture(scope="module")
def north(store: Store) -> OtherStore:
    """Where she is online already."""
    store.head_office.command("brand", "roaming", "default", "on")
    return OtherStore(store.head_office, "north")


def _types(phone: Phone, code: str, contact: str) -> Reply:
    """From the splash to the page that waits."""
    splash = phone.open_portal()
    link = re.search(r'href="(/roaming[^"]*)"', splash.body)
    assert link
    return phone.submit(phone.get(urljoin(splash.url, link[1])), code=code, contact=contact)


def _outcome(phone: Phone) -> Reply:
    """Where the page that waits leads, looking again as it does by itself."""

    def decided() -> Reply | None:
        page = phone.get(f"http://{phone.router}/roaming/wait", follow=True)
        return None if page.status == 202 else page

    page = until(decided, "head office's word")
    assert page is not None
    return page


def test_her_time_goes_on_in_another_store_of_the_brand(
    store: Store, phone: Phone, north: OtherStore
) -> None:
    code = north.registers("+8613800138001", minutes_ago=10, minutes=60)
    waiting = _types(phone, code.lower().replace("-", " "), "138 0013 8001")
    assert waiting.url.partition("?")[0] == f"http://{phone.router}/roaming/wait"

    online = _outcome(phone)
    assert online.url.partition("?")[0] == f"http://{phone.router}/online"
    assert "Going to another" not in online.body
    assert phone.get("http://connectivitycheck.gstatic.com/generate_204").status == 204
    assert "Welcome to the internet" in phone.get("http://news.example/").body
    # Fifty minutes are left, less what this test took so far.
    assert 45 * 60 < store.box.admitted()[phone.mac] <= 50 * 60

    def told() -> list[Row]:
        rows = store.head_office.pull("sessions")
        return [row for row in rows if row["method"] == "roaming" and row["lead_id"] == north.lead_id]

    [session] = until(told, "the session at head office")
    assert session["venue_id"] == store.box.VENUE


@pytest.mark.parametrize(
    ("contact", "sentence"),
    [("138 0013 8999", "not what you registered with"), ("mei@example.com", "not what you registered with")],
)
def test_a_code_without_its_contact_opens_nothing(
    store: Store, phone: Phone, north: OtherStore, contact: str, sentence: str
) -> None:
    code = north.registers("+8613800138002")
    _types(phone, code, contact)
    assert sentence in _outcome(phone).body
    assert phone.mac not in store.box.admitted()
    assert phone.get("http://news.example/").status == 302


def test_another_brands_session_opens_nothing(store: Store, phone: Phone, north: OtherStore) -> None:
    store.head_office.command("brand", "add", "coffee", "--name", "Coffee")
    store.head_office.command("brand", "roaming", "coffee", "on")
    code = OtherStore(store.head_office, "coffee-1", "coffee").registers("+8613800138003")
    _types(phone, code, "138 0013 8003")
    assert "not one of ours" in _outcome(phone).body
    assert phone.mac not in store.box.admitted()


def test_a_session_that_is_over_opens_nothing(store: Store, phone: Phone, north: OtherStore) -> None:
    spent = north.registers("+8613800138004", minutes_ago=61, minutes=60)
    _types(phone, spent, "138 0013 8004")
    assert "Your time in the other store is over" in _outcome(phone).body

    signed_out = north.registers("+8613800138004")
    now = to_wire(datetime.now(UTC))
    north.tells("session.ended", {"session_id": north.session_id, "ended_at": now, "reason": "signed_out"})
    _types(phone, signed_out, "138 0013 8004")
    assert "Your time in the other store is over" in _outcome(phone).body
    assert phone.mac not in store.box.admitted()


def test_a_made_up_code_opens_nothing(store: Store, phone: Phone, north: OtherStore) -> None:
    _types(phone, "AAAAA-AAAAA", "138 0013 8005")
    assert "We do not know this code" in _outcome(phone).body
    assert phone.mac not in store.box.admitted()


def test_the_third_store_takes_it_from_the_second(store: Store, phone: Phone, north: OtherStore) -> None:
    code = north.registers("+8613800138006")
    _types(phone, code, "138 0013 8006")
    _outcome(phone)
    assert phone.mac in store.box.admitted()

    south = OtherStore(store.head_office, "south")
    status, grant = south.asks_for(code, "+8613800138006")
    assert status == 200, grant
    until(lambda: phone.mac not in store.box.admitted(), "the second store lets go")
    assert phone.get("http://news.example/").status == 302


def test_her_code_of_this_store_takes_her_to_another(store: Store, phone: Phone, north: OtherStore) -> None:
    online = phone.register(phone="13800138007", terms="yes")
    shown = re.search(r'class="spoken">([^<]+)<', online.body)
    assert shown
    west = OtherStore(store.head_office, "west")

    def told() -> bool:
        sessions = store.head_office.pull("sessions")
        return any(row["venue_id"] == store.box.VENUE and row["method"] == "form" for row in sessions)

    until(told, "her session at head office")
    status, answer = west.asks_for(shown[1], "+8613800138007")
    assert status == 200, answer
    seconds = answer["session_seconds"]
    assert isinstance(seconds, int)
    # A machine whose clock nobody has set tells no time to be sure of.
    granted_seconds = 12 * 3600 if SystemClock().synced() else UNSURE_SECONDS
    assert granted_seconds - 120 < seconds <= granted_seconds
    assert phone.mac in store.box.admitted()
    status, refused = west.asks_for(shown[1], "+8613800138999")
    assert (status, refused["key"]) == (409, "wrong_contact")


def test_with_the_line_down_she_is_told_so_and_registers_instead(
    store: Store, phone: Phone, north: OtherStore
) -> None:
    code = north.registers("+8613800138008")
    other = store.phone("patient").join()
    store.head_office.server.stop()
    try:
        for each in (phone, other):
            _types(each, code, "138 0013 8008")

        def said() -> Reply | None:
            page = phone.get(f"http://{phone.router}/roaming/wait")
            return page if "cannot be reached" in page.body else None

        page = until(said, "the page says that head office is silent")
        assert page is not None
        assert 'href="/register"' in page.body
        online = phone.register(phone="13800138008", terms="yes")
        assert online.url.partition("?")[0] == f"http://{phone.router}/online"
        assert phone.mac in store.box.admitted()
        assert other.mac not in store.box.admitted()
    finally:
        store.head_office.server.start()
    until(lambda: other.mac in store.box.admitted(), "who waited is let in once head office is back")
    store.gone(other)
