"""Processes die at the worst moment, head office is away: nobody is lost, doubled or thrown out."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.lab.phone import Phone
from tests.lab.store import Store
from tests.lab.waiting import until
from tests.lab.web import NoAnswer, Reply

CHECK = "http://connectivitycheck.gstatic.com/generate_204"


@pytest.fixture
def hands() -> Iterator[ThreadPoolExecutor]:
    """For what a shopper does while something breaks."""
    with ThreadPoolExecutor() as hands:
        yield hands


@pytest.fixture
def admitted(store: Store) -> Iterator[Phone]:
    """Somebody who was online before the accident."""
    phone = store.phone(f"before{len(store.seen)}").join()
    phone.register(email=f"{phone.name}@example.com", terms="yes")
    assert phone.get(CHECK).status == 204
    yield phone
    store.gone(phone)


def leads(store: Store, email: str) -> int:
    return len(store.box.records(f"SELECT 1 FROM leads WHERE email = '{email}'"))


def once_at_head_office(store: Store, email: str) -> None:
    """The lead arrives, and it arrives once."""
    rows = until(
        lambda: [row for row in store.head_office.pull("leads") if row.get("email") == email],
        f"{email} at head office",
    )
    assert len(rows) == 1
    sessions = until(
        lambda: [row for row in store.head_office.pull("sessions") if row["lead_id"] == rows[0]["id"]],
        f"the session of {email} at head office",
    )
    assert len(sessions) == 1


def committed(store: Store, email: str) -> None:
    until(lambda: leads(store, email), f"{email} is in the records")


class TestKilledInTheMiddleOfARegistration:
    def test_the_gate(self, store: Store, phone: Phone, admitted: Phone, hands: ThreadPoolExecutor) -> None:
        email = "gate-dies@example.com"
        page = phone.get(f"http://{phone.router}/register")
        store.box.gate.pause()
        answer: Future[Reply] = hands.submit(phone.submit, page, email=email, terms="yes")
        committed(store, email)
        store.box.gate.kill()
        assert answer.result().status in (200, 202)
        assert admitted.get(CHECK).status == 204
        store.box.gate.start()
        until(lambda: phone.get(CHECK).status == 204, "the gate opens by itself when it is back")
        assert admitted.get(CHECK).status == 204
        assert leads(store, email) == 1
        once_at_head_office(store, email)

    def test_the_portal(self, store: Store, phone: Phone, admitted: Phone, hands: ThreadPoolExecutor) -> None:
        email = "portal-dies@example.com"
        page = phone.get(f"http://{phone.router}/register")
        store.box.gate.pause()
        answer = hands.submit(phone.submit, page, email=email, terms="yes")
        committed(store, email)
        store.box.portal.kill()
        store.box.gate.resume()
        with pytest.raises(NoAnswer):
            answer.result()
        assert admitted.get(CHECK).status == 204
        store.box.portal.start()
        again = phone.submit(page, email=email, terms="yes")
        assert again.status == 200
        assert phone.get(CHECK).status == 204
        assert leads(store, email) == 1
        once_at_head_office(store, email)

    def test_the_sensor(self, store: Store, phone: Phone, admitted: Phone) -> None:
        email = "sensor-dies@example.com"
        page = phone.get(f"http://{phone.router}/register")
        store.box.sensor.kill()
        assert phone.submit(page, email=email, terms="yes").status == 200
        assert phone.get(CHECK).status == 204
        phone.leave()
        store.box.sensor.start()
        once_at_head_office(store, email)
        lead = next(row for row in store.head_office.pull("leads") if row.get("email") == email)
        visits = until(
            lambda: [row for row in store.head_office.pull("visits") if row["lead_id"] == lead["id"]],
            "her visit, from the gate's replay",
        )
        assert len(visits) == 1
        assert admitted.get(CHECK).status == 204

    def test_the_uploader(self, store: Store, phone: Phone, admitted: Phone) -> None:
        email = "sync-dies@example.com"
        page = phone.get(f"http://{phone.router}/register")
        store.head_office.server.pause()
        assert phone.submit(page, email=email, terms="yes").status == 200
        committed(store, email)
        # Its upload hangs: head office has taken it from the wire or not, nobody can tell.
        store.box.sync.kill()
        store.head_office.server.resume()
        store.box.sync.start()
        once_at_head_office(store, email)
        assert admitted.get(CHECK).status == 204


def test_without_the_gate_a_shopper_gets_a_page_and_is_let_in_when_it_is_back(
    store: Store, phone: Phone
) -> None:
    email = "no-gate@example.com"
    store.box.gate.kill()
    splash = phone.open_portal()
    assert splash.status == 200
    page = phone.register(email=email, terms="yes")
    assert page.status < 500
    assert leads(store, email) == 1
    store.box.gate.start()
    until(lambda: phone.get(CHECK).status == 204, "the gate opens by itself")
    once_at_head_office(store, email)


def test_with_head_office_down_rows_wait_and_arrive_once(store: Store, phone: Phone) -> None:
    email = "office-down@example.com"
    store.head_office.server.kill()
    assert phone.register(email=email, terms="yes").status == 200
    assert phone.get(CHECK).status == 204
    waiting = store.box.records("SELECT count(*) FROM outbox WHERE type = 'lead.captured'")
    assert waiting == [(1,)]
    store.head_office.server.start()
    once_at_head_office(store, email)
    until(
        lambda: store.box.records("SELECT count(*) FROM outbox WHERE type = 'lead.captured'") == [(0,)],
        "the queue is empty again",
    )


def test_after_a_restart_of_everything_who_was_admitted_still_is(store: Store, admitted: Phone) -> None:
    store.box.stop()
    store.box.start()
    assert admitted.get(CHECK).status == 204
    assert admitted.mac in store.box.admitted()
