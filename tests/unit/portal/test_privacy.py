"""The notice, and withdrawing."""

from dataclasses import replace

from sync.config import Config
from sync.records import Records, open_records
from tests.clock import FakeClock
from tests.unit.portal.conftest import FOREIGN, Browser, fill_in, rows, send
from tests.unit.portal.follow_store import set_up
from tests.unit.portal.gate import GateDouble


async def test_the_notice_is_there_for_everyone_with_its_version(browser: Browser, gate: GateDouble) -> None:
    await gate.stop()
    answer = await browser.get("/privacy")
    page = await answer.text()
    assert answer.status == 200
    assert "Version 2026-11-23" in page
    assert "730 days" in page
    assert "/privacy/withdraw" not in page


async def test_news_can_be_stopped_without_losing_the_wifi(
    browser: Browser, records: Records, gate: GateDouble
) -> None:
    await send(browser, await fill_in(browser, marketing="yes"))
    assert "Send me no more news" in await (await browser.get("/privacy")).text()
    answer = await send(browser, {"purpose": "marketing"}, "/privacy/withdraw")
    assert (answer.status, answer.headers["Location"]) == (303, "/privacy?withdrawn=yes")
    standing = await rows(records, "SELECT purpose FROM consents WHERE withdrawn_at IS NULL")
    assert standing == [{"purpose": "access_terms"}]
    assert len(gate.admitted) == 1
    page = await (await browser.get("/privacy?withdrawn=yes")).text()
    assert "Done." in page
    assert "Send me no more news" not in page


async def test_withdrawing_everything_ends_the_access_and_is_told_head_office(
    browser: Browser, records: Records, gate: GateDouble
) -> None:
    await send(browser, await fill_in(browser, marketing="yes"))
    answer = await browser.post("/privacy/withdraw", allow_redirects=False)
    assert answer.status == 303
    assert gate.admitted == {}
    assert await rows(records, "SELECT purpose FROM consents WHERE withdrawn_at IS NULL") == []
    told = await rows(records, "SELECT 1 FROM outbox WHERE type = 'consent.withdrawn'")
    assert len(told) == 2


async def test_nobody_withdraws_for_somebody_unknown(browser: Browser) -> None:
    answer = await browser.post("/privacy/withdraw")
    assert answer.status == 409
    assert "connect first" in await answer.text()


async def test_another_website_cannot_withdraw(browser: Browser, records: Records) -> None:
    await send(browser, await fill_in(browser))
    for body in ({}, {"purpose": "marketing"}):
        for foreign in FOREIGN:
            answer = await browser.post("/privacy/withdraw", data=body, headers=foreign)
            assert answer.status == 403
    assert len(await rows(records, "SELECT 1 FROM consents WHERE withdrawn_at IS NULL")) == 1


async def test_who_registered_in_another_store_is_not_told_that_her_consents_are_withdrawn_here(
    browser: Browser, gate: GateDouble
) -> None:
    await send(browser, await fill_in(browser))
    [(ip, session)] = gate.admitted.items()
    gate.admitted[ip] = replace(session, method="roaming", lead_id="lead-of-another-store")
    page = await (await browser.get("/privacy")).text()
    assert "another of our stores" in page
    assert 'action="/privacy/withdraw"' not in page
    answer = await browser.post("/privacy/withdraw")
    assert answer.status == 409
    assert "another of our stores" in await answer.text()
    assert gate.admitted


async def test_who_came_in_by_a_follow_is_told_where_that_ends(
    browser: Browser, gate: GateDouble, records: Records
) -> None:
    await send(browser, await fill_in(browser))
    [(ip, session)] = gate.admitted.items()
    gate.admitted[ip] = replace(session, method="follow", lead_id="lead-of-head-office")
    assert "You came in by following us" in await (await browser.get("/privacy")).text()
    answer = await browser.post("/privacy/withdraw")
    assert (answer.status, "Unfollow us there" in await answer.text()) == (409, True)
    # Who registered here besides withdraws here.
    gate.admitted[ip] = replace(session, method="follow")
    assert 'action="/privacy/withdraw"' in await (await browser.get("/privacy")).text()
    assert (await browser.post("/privacy/withdraw", allow_redirects=False)).status == 303


async def test_where_one_can_follow_the_page_says_what_that_tells_of_her(
    browser: Browser, config: Config, records: Records, clock: FakeClock
) -> None:
    assert "If you follow us" not in await (await browser.get("/privacy")).text()
    sync = await open_records(config.venue.data_dir / "records.db", "sync")
    await set_up(sync, clock)
    await sync.close()
    page = await (await browser.get("/privacy")).text()
    assert "If you follow us" in page
    assert "the head office of Jasmine Tea House" in page
