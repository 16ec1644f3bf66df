"""A chain: who is online in one store goes on in another, and in one other at a time."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import pytest

from sync import roaming_code
from sync.headoffice.roaming import UNSURE_SECONDS
from sync.model import SystemClock, new_id, to_wire
from tests.lab.headoffice import HeadOffice
from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import Reply, fetch

Row = Mapping[str, object]


class OtherStore:
    """A store of the chain that has no box here: it speaks to head office as a box does, with its own key."""

    def __init__(self, office: HeadOffice, venue: str, brand: str = "default") -> None:
        answer = office.command("venue", "add", venue, "--name", venue, "--brand", brand, "--json")
        self._key = str(json.loads(answer)["upload_key"])
        self._office = office
        self._venue = f"{office.url}/v1/venues/{venue}"
        self._epoch = new_id()
        self._seq = 0

    def registers(self, contact: str, *, minutes_ago: int = 10, minutes: int = 60) -> str:
        """A shopper registers there; returns the code she is shown. `contact`: a number in E.164."""
        began = datetime.now(UTC) - timedelta(minutes=minutes_ago)
        lead_id, session_id = new_id(), new_id()
        code = roaming_code.code_of(session_id, b"the key of the other store's box")
        lead = {"lead_id": lead_id, "phone": contact, "locale": "en", "registered_at": to_wire(began)}
        session = {
            "session_id": session_id,
            "lead_id": lead_id,
            "method": "form",
            "started_at": to_wire(began),
            "seconds_granted": minutes * 60,
            "roaming_sha256": roaming_code.digest(code),
        }
        self.tells("lead.captured", lead)
        self.tells("session.started", session)
        self.session_id, self.lead_id = session_id, lead_id
        return roaming_code.shown(code)

    def tells(self, kind: str, body: Row) -> None:
        self._seq += 1
        line = {
            "epoch": self._epoch,
            "seq": self._seq,
            "event_id": new_id(),
            "type": kind,
            "at": to_wire(datetime.now(UTC)),
            "clock": "synced",
            "boot_id": "b",
            "monotonic_ms": self._seq,
            "body": body,
        }
        status, answer = self._post("events", line)
        assert (status, answer["rejected"]) == (200, []), answer

    def asks_for(self, code: str, contact: str) -> tuple[int, Row]:
        """A shopper types her code there."""
        read = roaming_code.read(code)
        assert read
        wish = {"request_id": new_id(), "code_sha256": roaming_code.digest(read), "contact": contact}
        return self._post("roaming", wish)

    def _post(self, what: str, body: object) -> tuple[int, Row]:
        headers = f"Authorization: Bearer {self._key}"
        options = ("--header", headers, "--data-binary", json.dumps(body))
        reply = fetch(self._office.namespace, f"{self._venue}/{what}", options=options)
        return reply.status, json.loads(reply.body)


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
