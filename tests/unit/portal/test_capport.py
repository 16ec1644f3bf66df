"""RFC 8908."""

import json

from tests.unit.portal.conftest import Browser, fill_in, send
from tests.unit.portal.gate import GateDouble


async def test_a_captive_phone_is_told_where_the_portal_is(browser: Browser) -> None:
    answer = await browser.get("/capport/api", headers={"Accept": "application/captive+json"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/captive+json"
    assert answer.headers["Cache-Control"] == "private"
    text = await answer.text()
    assert len(text) <= 4096
    said = json.loads(text)
    assert said["captive"] is True
    assert said["user-portal-url"] == "http://10.77.0.1/"


async def test_an_admitted_phone_is_told_for_how_long(browser: Browser) -> None:
    await send(browser, await fill_in(browser))
    said = json.loads(await (await browser.get("/capport/api")).text())
    assert (said["captive"], said["seconds-remaining"]) == (False, 12 * 3600)


async def test_an_unknown_phone_is_captive_and_a_silent_gate_claims_nothing(
    browser: Browser, gate: GateDouble
) -> None:
    gate.known.clear()
    assert json.loads(await (await browser.get("/capport/api")).text())["captive"] is True
    await gate.stop()
    assert (await browser.get("/capport/api")).status == 503
