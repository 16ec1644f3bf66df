"""How to follow, the few minutes for it, the page that waits, and the other way in."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from netctl.api import Refusal, TakePass, parse_ip
from portal.owner_trace import DETAILS
from portal.site import SITE
from sync.config import Config
from sync.model import LeadId
from sync.records import Records, follow, grant_links, open_records
from sync.records.grant_links import FollowGrant
from tests.clock import FakeClock
from tests.unit.portal.conftest import FOREIGN, Browser, fill_in, rows, send
from tests.unit.portal.follow_store import WECHAT, link, set_up
from tests.unit.portal.gate import GateDouble

HERE = parse_ip("127.0.0.1")
REFRESH = '<meta http-equiv="refresh" content="5;url=/follow/wechat">'


@pytest.fixture
async def sync(config: Config, records: Records, clock: FakeClock) -> AsyncIterator[Records]:
    opened = await open_records(config.venue.data_dir / "records.db", "sync")
    await set_up(opened, clock)
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def _with_passes(gate: GateDouble) -> None:
    gate.says = {"passes_left": 3}


async def _page(browser: Browser, path: str, **query: str) -> str:
    return await (await browser.get(path, params=query)).text()


async def _told(records: Records) -> list[tuple[str, str]]:
    return [(row["type"], row["body"]) for row in await rows(records, "SELECT type, body FROM outbox")]


async def test_the_splash_offers_what_head_office_says_and_the_form_all_the_same(
    browser: Browser, sync: Records
) -> None:
    splash = await _page(browser, "/")
    assert 'href="/follow/wechat">Follow us on WeChat</a>' in splash
    assert 'href="/follow/line">Follow us on LINE</a>' in splash
    assert 'href="/follow/facebook">Facebook</a>' in splash
    assert "Follow us on Facebook" not in splash
    assert 'href="/register"' in splash
    assert "关注我们的微信" in await _page(browser, "/", lang="zh-CN")


async def test_without_accounts_the_splash_says_nothing_of_them(browser: Browser) -> None:
    assert "/follow/" not in await _page(browser, "/")
    assert (await browser.get("/follow/wechat")).status == 404


async def test_the_page_has_a_code_a_qr_the_button_and_the_other_way_in(
    browser: Browser, sync: Records
) -> None:
    page = await _page(browser, "/follow/wechat")
    assert '<b class="digits">100001</b>' in page
    assert "Jasmine Tea" in page
    assert re.search(r'<figure class="scan"[^>]*><svg[^>]*><path d="M', page)
    assert 'action="/follow/wechat/pass"' in page
    assert 'href="/register"' in page
    assert REFRESH in page
    assert "<script" not in page


async def test_she_keeps_her_code_as_often_as_the_page_looks_again(
    browser: Browser, sync: Records, records: Records
) -> None:
    for _ in range(3):
        assert "100001" in await _page(browser, "/follow/wechat")
    assert await _told(records) == [("follow.offered", '{"account":"main","ref":"ref-100001"}')]


async def test_the_button_gives_a_few_minutes_and_leads_to_the_page_that_waits(
    browser: Browser, gate: GateDouble, sync: Records
) -> None:
    for _ in range(2):
        started = await send(browser, {}, "/follow/wechat/pass")
        assert (started.status, started.headers["Location"]) == (303, "/follow/wechat")
    assert len(gate.admitted) == 1
    waiting = await _page(browser, "/follow/wechat")
    assert "5 more minutes" in waiting
    assert "100001" in waiting
    assert REFRESH in waiting
    assert 'action="/follow/wechat/pass"' not in waiting
    assert 'href="/register"' in waiting


async def test_an_app_that_opens_by_a_link_gets_one_once_she_is_online_for_it(
    browser: Browser, sync: Records
) -> None:
    await send(browser, {}, "/follow/line/pass")
    page = await _page(browser, "/follow/line")
    assert 'href="https://line.me/R/oaMessage/%40tea/?200001"' in page
    assert "weixin" not in await _page(browser, "/follow/wechat")


@pytest.mark.parametrize("headers", FOREIGN)
async def test_another_website_starts_nobodys_minutes(
    browser: Browser, gate: GateDouble, sync: Records, headers: dict[str, str]
) -> None:
    answer = await browser.post("/follow/wechat/pass", headers=headers, allow_redirects=False)
    assert answer.status == 403
    assert not any(isinstance(asked, TakePass) for asked in gate.asked)


async def test_as_soon_as_the_log_has_let_her_in_the_page_leads_on(
    browser: Browser, gate: GateDouble, sync: Records, clock: FakeClock
) -> None:
    await send(browser, {}, "/follow/wechat/pass")
    await _page(browser, "/follow/wechat")
    ip = await sync.read(follow.holder, "main", None, "100001", clock)
    assert ip == "127.0.0.1"
    grant = FollowGrant(
        grant_id="0011223344556677",
        account="main",
        platform="wechat",
        ip=ip,
        lead_id=LeadId("lead-1"),
        session_seconds=3600,
    )
    await sync.write(grant_links.give, grant, clock)
    # The gate finds it by itself.
    gate.admitted[HERE] = gate.session("follow", 3600)
    answer = await browser.get("/follow/wechat", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/online")


async def test_the_minutes_over_without_a_follow_the_splash_says_so_and_offers_the_other_way(
    browser: Browser, gate: GateDouble, sync: Records
) -> None:
    await send(browser, {}, "/follow/wechat/pass")
    await _page(browser, "/follow/wechat")
    gate.admitted.clear()
    gate.says = {"why": "pass_over", "passes_left": 2}
    splash = await _page(browser, "/")
    assert "we have not heard of your follow yet" in splash
    assert 'href="/register"' in splash
    assert 'href="/follow/wechat"' in splash
    page = await _page(browser, "/follow/wechat")
    assert "we have not heard of your follow yet" in page
    assert "100001" in page
    assert 'action="/follow/wechat/pass"' in page


async def test_who_had_her_minutes_for_a_mail_is_not_told_of_a_follow(
    browser: Browser, gate: GateDouble, sync: Records
) -> None:
    gate.says = {"why": "pass_over", "passes_left": 2}
    splash = await _page(browser, "/")
    assert "Register, and you are online for longer" in splash
    assert "heard of your follow" not in splash


async def test_with_all_minutes_used_up_she_is_told_how_it_works_without(
    browser: Browser, gate: GateDouble, sync: Records
) -> None:
    gate.says = {"passes_left": 0}
    page = await _page(browser, "/follow/wechat")
    assert 'action="/follow/wechat/pass"' not in page
    assert "With mobile data it works right away" in page
    gate.refusal = Refusal(key="pass_used_up", message="all used")
    refused = await send(browser, {}, "/follow/wechat/pass")
    assert refused.status == 409
    text = await refused.text()
    assert "your few minutes for today" in text
    assert "100001" in text
    assert 'href="/register"' in text


async def test_an_empty_pool_shows_the_stores_own_qr_and_else_the_other_way_in(
    browser: Browser, sync: Records, clock: FakeClock
) -> None:
    await sync.write(lambda connection: connection.execute("DELETE FROM follow_codes"))
    page = await _page(browser, "/follow/wechat")
    assert '<figure class="scan"' in page
    assert 'class="digits"' not in page
    out_of_codes = await _page(browser, "/follow/line")
    assert "out of codes" in out_of_codes
    assert 'href="/register"' in out_of_codes
    await sync.write(follow.set_accounts, [replace(WECHAT, poster_url=None, poster_code="654321")])
    by_code = await _page(browser, "/follow/wechat")
    assert "654321" in by_code
    assert '<figure class="scan"' not in by_code


@pytest.mark.parametrize("platform", ["kakao", "wecom"])
async def test_where_nobody_reads_what_she_writes_no_digits_are_shown(
    browser: Browser, sync: Records, platform: str
) -> None:
    await sync.write(follow.set_accounts, [replace(WECHAT, platform=platform)])
    page = await _page(browser, f"/follow/{platform}")
    assert "<svg" in page
    assert "six digits" not in page
    assert "100001" not in page


async def test_nobody_empties_the_pool_alone(
    browser: Browser, sync: Records, records: Records, clock: FakeClock
) -> None:
    """One station with many addresses counts as one."""
    await set_up(sync, clock, codes=40)
    for _ in range(20):
        page = await _page(browser, "/follow/wechat")
        assert "<svg" in page, "the store's own QR does as well"
        await records.write(lambda connection: connection.execute("UPDATE follow_offers SET ip = 'fd77::9'"))
        clock.advance(15)
    # Eight at once, and one more in each five minutes.
    assert await rows(records, "SELECT count(*) AS given FROM follow_offers") == [{"given": 8}]
    clock.advance(300)
    await _page(browser, "/follow/wechat")
    assert await rows(records, "SELECT count(*) AS given FROM follow_offers") == [{"given": 9}]


async def test_who_waits_while_there_are_no_codes_may_wait_as_long_as_she_likes(
    browser: Browser, sync: Records
) -> None:
    await sync.write(lambda connection: connection.execute("DELETE FROM follow_codes"))
    for _ in range(30):
        assert (await browser.get("/follow/wechat")).status == 200


@pytest.mark.parametrize("why", ["closed", "blocked", "quota"])
async def test_where_no_follow_helps_the_splash_says_why(
    browser: Browser, gate: GateDouble, sync: Records, records: Records, why: str
) -> None:
    gate.says = {"why": why}
    answer = await browser.get("/follow/wechat", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    gate.refusal = Refusal(key=why, message="no")
    started = await send(browser, {}, "/follow/wechat/pass")
    assert (started.status, started.headers["Location"]) == (303, "/")
    assert await _told(records) == []


async def test_whom_the_gate_does_not_know_gets_no_code(
    browser: Browser, gate: GateDouble, sync: Records, records: Records
) -> None:
    gate.known.clear()
    assert (await browser.get("/follow/wechat")).status == 409
    gate.refusal = Refusal(key="unknown_station", message="nobody is there")
    assert (await send(browser, {}, "/follow/wechat/pass")).status == 409
    assert await _told(records) == []


async def test_a_silent_gate_leaves_her_the_page(browser: Browser, gate: GateDouble, sync: Records) -> None:
    await gate.stop()
    answer = await browser.get("/follow/wechat")
    assert answer.status == 200
    assert "100001" in await answer.text()


async def test_a_claimed_follow_is_counted_once_and_opens_nothing(
    browser: Browser, gate: GateDouble, sync: Records, records: Records
) -> None:
    page = await _page(browser, "/follow/facebook")
    assert "does not open the WiFi" in page
    assert "refresh" not in page
    captive = await browser.get("/follow/facebook/open", allow_redirects=False)
    assert captive.headers["Location"] == "/follow/facebook"
    assert await _told(records) == []
    await send(browser, {}, "/follow/facebook/pass")
    assert 'href="/follow/facebook/open"' in await _page(browser, "/follow/facebook")
    for _ in range(2):
        went = await browser.get("/follow/facebook/open", allow_redirects=False)
        assert (went.status, went.headers["Location"]) == (303, "https://facebook.example/jasmine")
    [(kind, body)] = await _told(records)
    assert kind == "follow.claimed"
    assert '"account":"fb","platform":"facebook"' in body
    assert gate.admitted[HERE].method == "temporary_pass"


async def test_nobody_claims_a_hundred_follows_alone(
    browser: Browser, sync: Records, records: Records
) -> None:
    """One station with many addresses; she goes where she wants to go all the same."""
    await send(browser, {}, "/follow/facebook/pass")
    for _ in range(20):
        went = await browser.get("/follow/facebook/open", allow_redirects=False)
        assert went.headers["Location"] == "https://facebook.example/jasmine"
        await records.write(lambda connection: connection.execute("UPDATE follow_claims SET ip = 'fd77::9'"))
    assert len(await _told(records)) == 8


async def test_only_what_proves_nothing_can_be_claimed(browser: Browser, sync: Records) -> None:
    assert (await browser.get("/follow/wechat/open")).status == 404


async def test_who_is_online_finds_the_plain_links_there(
    browser: Browser, gate: GateDouble, sync: Records
) -> None:
    gate.admitted[HERE] = gate.session("form", 3600)
    assert 'href="/follow/facebook">Facebook</a>' in await _page(browser, "/online")


async def test_the_badge_she_came_by_goes_along_to_the_form_and_the_follow(
    browser: Browser, gate: GateDouble, sync: Records, records: Records
) -> None:
    splash = await _page(browser, "/", staff="mei")
    assert 'href="/register?staff=mei"' in splash
    assert 'href="/follow/wechat?staff=mei"' in splash
    page = await _page(browser, "/follow/wechat", staff="mei")
    assert "url=/follow/wechat?staff=mei" in page
    assert 'action="/follow/wechat/pass?staff=mei"' in page
    await send(browser, await fill_in(browser), "/register?staff=mei")
    bodies = dict(await _told(records))
    assert '"staff_ref":"mei"' in bodies["follow.offered"]
    assert '"staff_ref":"mei"' in bodies["lead.captured"]


@pytest.mark.parametrize("staff", ["nobody", "mei</a>", "x" * 65, "mei bo"])
async def test_a_badge_of_nobody_is_nobodys_credit(
    browser: Browser, sync: Records, records: Records, staff: str
) -> None:
    await send(browser, await fill_in(browser), "/register?" + f"staff={staff}")
    assert all("staff_ref" not in body for _, body in await _told(records))
    assert "mei</a>" not in await _page(browser, "/", staff=staff)


async def test_the_owner_is_told_who_is_about_to_follow(
    browser: Browser, sync: Records, clock: FakeClock
) -> None:
    await browser.get("/follow/wechat")
    await browser.get(link(clock), allow_redirects=False)
    trace = {(fact.step, fact.detail) for fact in browser.app[SITE].trace.take()}
    assert trace == {("portal", "follow page"), ("portal", "follow link")}
    assert {"follow page", "follow link", "follow"} <= DETAILS.keys()


async def test_the_chinese_page_says_the_same(browser: Browser, sync: Records) -> None:
    page = await _page(browser, "/follow/wechat", lang="zh-CN")
    for words in ("关注我们的微信", "100001", "改用登记", "上网 5 分钟去关注"):
        assert words in page
