import sqlite3
from dataclasses import replace

from sync.records import Records, admission, leads, outbox
from sync.records.leads import Agreement, Registration
from tests.clock import FakeClock

TERMS = Agreement(purpose="access_terms", version="1", language="en", text="You may use our WiFi.")
MARKETING = Agreement(purpose="marketing", version="1", language="en", text="Write to me.")
FORM = Registration(
    form_id="01FORM",
    ip="10.77.0.9",
    name="Mei",
    phone="+8613800138000",
    email=None,
    locale="en",
    agreements=(TERMS, MARKETING),
    session_seconds=3600,
)


async def _types(records: Records) -> list[str]:
    return [queued.event.type for queued in await records.read(outbox.pending, 0, 100)]


async def test_a_registration_is_a_lead_its_consents_and_a_request_in_one(
    portal_records: Records, clock: FakeClock
) -> None:
    lead_id = await portal_records.write(leads.register, FORM, clock)
    assert await _types(portal_records) == ["lead.captured", "consent.given", "consent.given"]
    request = await portal_records.read(admission.find, "01FORM", clock)
    assert request is not None
    assert (request.ip, request.lead_id, request.session_seconds) == ("10.77.0.9", lead_id, 3600)


async def test_a_second_tap_on_the_form_makes_no_second_lead(
    portal_records: Records, clock: FakeClock
) -> None:
    first = await portal_records.write(leads.register, FORM, clock)
    assert await portal_records.write(leads.register, FORM, clock) == first
    assert len(await _types(portal_records)) == 3


async def test_the_same_contact_next_week_is_the_same_lead_with_new_consents(
    portal_records: Records, clock: FakeClock
) -> None:
    first = await portal_records.write(leads.register, FORM, clock)
    clock.advance(7 * 86400)
    again = replace(FORM, form_id="01AGAIN", name=None, agreements=(TERMS,))
    assert await portal_records.write(leads.register, again, clock) == first
    rows = await portal_records.read(
        lambda connection: connection.execute("SELECT name FROM leads").fetchall()
    )
    assert [row["name"] for row in rows] == ["Mei"]
    consents = await portal_records.read(
        lambda connection: connection.execute("SELECT 1 FROM consents").fetchall()
    )
    assert len(consents) == 3


async def test_a_request_for_admission_dies_after_five_minutes_and_with_the_boot(
    portal_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(leads.register, FORM, clock)
    clock.advance(299)
    clock.jump(86400)
    assert len(await portal_records.read(admission.pending, clock)) == 1
    clock.advance(2)
    assert await portal_records.read(admission.find, "01FORM", clock) is None
    await portal_records.write(leads.register, replace(FORM, form_id="01NEW"), clock)
    assert await portal_records.read(admission.find, "01NEW", clock) is not None
    clock.reboot(10)
    assert await portal_records.read(admission.pending, clock) == []


async def test_withdrawing_twice_is_told_once(portal_records: Records, clock: FakeClock) -> None:
    lead_id = await portal_records.write(leads.register, FORM, clock)
    assert await portal_records.write(leads.withdraw_consents, lead_id, ("marketing",), clock) == 1
    assert await portal_records.write(leads.withdraw_consents, lead_id, ("marketing",), clock) == 0
    assert (await _types(portal_records)).count("consent.withdrawn") == 1


async def test_what_is_withdrawn_is_no_longer_agreed_to(portal_records: Records, clock: FakeClock) -> None:
    lead_id = await portal_records.write(leads.register, FORM, clock)
    assert await portal_records.read(leads.agreed_purposes, lead_id) == ["access_terms", "marketing"]
    await portal_records.write(leads.withdraw_consents, lead_id, ("marketing",), clock)
    assert await portal_records.read(leads.agreed_purposes, lead_id) == ["access_terms"]


async def test_the_last_request_of_an_address_is_found_while_it_is_good(
    portal_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(leads.register, FORM, clock)
    clock.advance(1)
    await portal_records.write(leads.register, replace(FORM, form_id="02FORM"), clock)
    latest = await portal_records.read(admission.latest_from, FORM.ip, clock)
    assert latest is not None
    assert latest.request_id == "02FORM"
    assert await portal_records.read(admission.latest_from, "10.77.0.10", clock) is None
    clock.advance(admission.GOOD_FOR_SECONDS + 1)
    assert await portal_records.read(admission.latest_from, FORM.ip, clock) is None


async def test_only_the_requests_since_the_last_look_are_read(
    portal_records: Records, clock: FakeClock
) -> None:
    await portal_records.write(leads.register, FORM, clock)
    clock.advance(30)
    await portal_records.write(leads.register, replace(FORM, form_id="02FORM"), clock)
    since = await portal_records.read(admission.pending, clock, clock.boottime() - 10)
    assert [request.request_id for request in since] == ["02FORM"]


async def test_the_request_of_an_address_is_found_without_reading_everybodys(
    portal_records: Records, clock: FakeClock
) -> None:
    def steps(connection: sqlite3.Connection) -> list[str]:
        plans: list[str] = []
        connection.set_trace_callback(plans.append)
        admission.latest_from(connection, FORM.ip, clock)
        connection.set_trace_callback(None)
        return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {plans[0]}")]

    (step,) = await portal_records.read(steps)
    assert "admission_requests_by_ip (ip=? AND boot_id=? AND asked_boottime_ms>?)" in step


async def test_an_old_lead_dies_with_its_consents(portal_records: Records, clock: FakeClock) -> None:
    await portal_records.write(leads.register, FORM, clock)
    assert await portal_records.write(leads.purge, clock.now()) == 0
    clock.advance(1)
    assert await portal_records.write(leads.purge, clock.now()) == 1
    rows = await portal_records.read(
        lambda connection: connection.execute("SELECT 1 FROM consents").fetchall()
    )
    assert rows == []


async def test_a_lead_is_named_by_its_telephone_number_first(
    portal_records: Records, clock: FakeClock
) -> None:
    both = await portal_records.write(leads.register, replace(FORM, email="mei@example.com"), clock)
    assert await portal_records.read(leads.contact_of, both) == "+8613800138000"
    assert await portal_records.read(leads.contact_of, "nobody") is None
