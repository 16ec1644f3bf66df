"""The link that her own phone brings: opened once, and told clearly when it opens nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from netctl.api import Refusal, parse_ip
from sync.config import Config
from sync.model import LeadId
from sync.records import Records, grant_links, grants, open_records
from sync.records.ages import bury
from sync.records.grant_links import FollowGrant
from tests.clock import FakeClock
from tests.unit.portal.conftest import Browser, rows
from tests.unit.portal.follow_store import KEY, NUMBER, link, set_up
from tests.unit.portal.gate import GateDouble

HERE = parse_ip("127.0.0.1")
TWO_HOURS = 7200


@pytest.fixture
def settings() -> dict[str, dict[str, Any]]:
    return {"follow": {"session_minutes": 90}}


@pytest.fixture
async def sync(config: Config, records: Records, clock: FakeClock) -> AsyncIterator[Records]:
    opened = await open_records(config.venue.data_dir / "records.db", "sync")
    await set_up(opened, clock)
    yield opened
    await opened.close()


async def _opens(browser: Browser, path: str) -> bool:
    """Whether it leads to the page that says she is online."""
    answer = await browser.get(path, allow_redirects=False)
    assert answer.status in (303, 403, 409, 410), await answer.text()
    if answer.status == 303:
        assert answer.headers["Location"] == "/online"
    return answer.status == 303


async def _says(browser: Browser, path: str) -> tuple[int, str]:
    answer = await browser.get(path)
    return answer.status, await answer.text()


async def test_a_good_link_opens_for_as_long_as_the_store_says(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock
) -> None:
    assert await _opens(browser, link(clock))
    session = gate.admitted[HERE]
    assert (session.method, session.seconds_granted, session.lead_id) == ("follow", 5400, None)


async def test_a_second_tap_finds_her_online(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    for _ in range(3):
        assert await _opens(browser, link(clock))
    assert len(await rows(records, "SELECT * FROM used_links")) == 1
    assert len(await rows(records, "SELECT * FROM admission_requests")) == 1


async def test_a_used_link_says_so_once_her_session_is_over(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock
) -> None:
    await _opens(browser, link(clock))
    await browser.post("/sign-out")
    status, page = await _says(browser, link(clock))
    assert (status, "This link has been used" in page) == (410, True)
    assert 'href="/register"' in page
    assert HERE not in gate.admitted


async def test_another_phone_with_the_same_link_stays_where_it_is(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    await records.write(lambda c: c.execute("SELECT 1"))
    await _opens(browser, link(clock))
    session = gate.admitted.pop(HERE)
    await records.write(lambda c: c.execute("UPDATE used_links SET ip = '10.77.0.99'"))
    gate.refusal = Refusal(key="not_yours", message="another let in")
    status, page = await _says(browser, link(clock))
    assert (status, "This link has been used" in page) == (410, True)
    assert HERE not in gate.admitted
    assert session.method == "follow"


async def test_a_forged_a_cut_and_a_foreign_link_open_nothing_and_say_so(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    for path, status, words in (
        (link(clock, key=b"\x08" * 32), 403, "not one of ours"),
        (link(clock)[:-1], 403, "not one of ours"),
        ("/g/" + "A" * 65_000, 403, "not one of ours"),
        ("/g/%00%ff", 403, "not one of ours"),
        (link(clock, number=NUMBER + 1), 409, "another of our stores"),
        (link(clock, minutes=-1), 410, "too old"),
    ):
        said = await browser.get(path)
        if len(path) > 9000:
            assert said.status in (400, 403, 414)
            continue
        page = await said.text()
        assert (said.status, words in page) == (status, True), page
        assert 'href="/register"' in page
    assert gate.admitted == {}
    assert await rows(records, "SELECT * FROM used_links") == []


async def test_before_head_office_has_given_a_key_no_link_is_ours(
    browser: Browser, gate: GateDouble, clock: FakeClock
) -> None:
    status, page = await _says(browser, link(clock))
    assert (status, "not one of ours" in page) == (403, True)
    assert gate.admitted == {}


async def test_a_right_clock_that_is_two_hours_fast_takes_a_good_link_for_too_old(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock
) -> None:
    """It cannot know better; she is told, and the log's grant comes all the same."""
    path = link(clock)
    clock.jump(TWO_HOURS)
    status, page = await _says(browser, path)
    assert (status, "too old" in page) == (410, True)


@pytest.mark.parametrize("off_seconds", [TWO_HOURS, -TWO_HOURS])
async def test_a_clock_that_nobody_has_set_judges_no_end_and_lets_in_once(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock, off_seconds: int
) -> None:
    path = link(clock)
    clock.is_synced = False
    clock.jump(off_seconds)
    assert await _opens(browser, path)
    await browser.post("/sign-out")
    status, _ = await _says(browser, path)
    assert status == 410
    assert HERE not in gate.admitted


async def test_a_link_of_last_week_is_too_old_also_for_a_box_that_woke_up_without_a_clock(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock, config: Config
) -> None:
    used, unused = link(clock), link(clock, grant_id="8899aabbccddeeff")
    await _opens(browser, used)
    await browser.post("/sign-out")
    clock.advance(7 * 86400)
    await bury(records, "portal", config.privacy, clock)
    clock.reboot(60)
    clock.jump(-7 * 86400)
    for path in (used, unused):
        status, page = await _says(browser, path)
        assert (status, "too old" in page) == (410, True)
    assert gate.admitted == {}


async def test_with_the_gate_down_the_link_is_kept_and_the_page_waits(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock
) -> None:
    await gate.stop()
    assert await _opens(browser, link(clock))
    waiting = await browser.get("/online")
    assert waiting.status == 202
    assert "Thank you for following us" in await waiting.text()
    assert await _opens(browser, link(clock))
    await gate.start()
    assert (await browser.get("/online")).status == 200
    assert gate.admitted[HERE].method == "follow"


async def test_what_the_gate_never_heard_of_while_it_was_down_is_good_still(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock
) -> None:
    await gate.stop()
    path = link(clock)
    await _opens(browser, path)
    clock.advance(301)
    await gate.start()
    assert await _opens(browser, path)
    assert gate.admitted[HERE].method == "follow"


async def test_what_the_log_let_in_first_needs_no_link(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    grant = FollowGrant(
        grant_id="0011223344556677",
        account="main",
        platform="wechat",
        ip=str(HERE),
        lead_id=LeadId("lead-1"),
        session_seconds=600,
    )
    await sync.write(grant_links.give, grant, clock)
    assert await _opens(browser, link(clock))
    assert gate.admitted[HERE].seconds_granted == 600
    assert await rows(records, "SELECT * FROM used_links") == []


async def test_a_grant_that_was_taken_back_opens_nothing(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock
) -> None:
    await sync.write(grants.revoke, "0011223344556677", clock.now())
    status, page = await _says(browser, link(clock))
    assert (status, "no longer good" in page) == (410, True)
    assert gate.admitted == {}


@pytest.mark.parametrize("why", ["closed", "blocked", "quota"])
async def test_where_it_would_open_nothing_it_is_not_used_up(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock, why: str
) -> None:
    gate.says = {"why": why}
    answer = await browser.get(link(clock), allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert await rows(records, "SELECT * FROM used_links") == []


async def test_whom_the_gate_does_not_know_uses_nothing_up(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, clock: FakeClock
) -> None:
    gate.known.clear()
    status, _ = await _says(browser, link(clock))
    assert status == 409
    assert await rows(records, "SELECT * FROM used_links") == []


async def test_who_only_asks_whether_it_is_there_uses_nothing_up(
    browser: Browser, sync: Records, records: Records, clock: FakeClock
) -> None:
    assert (await browser.head(link(clock))).status == 405
    assert await rows(records, "SELECT * FROM used_links") == []


async def test_a_token_never_stands_in_the_log(
    browser: Browser, sync: Records, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="yingke")
    good, forged = link(clock), link(clock, key=b"\x08" * 32)
    for path in (good, good, forged):
        await browser.get(path)
    for path in (good, forged):
        assert path.removeprefix("/g/") not in caplog.text
    assert KEY.hex() not in caplog.text
