from tests.unit.portal.conftest import Browser
from tests.unit.portal.gate import GateDouble


async def test_the_box_can_ask_itself_how_it_is(browser: Browser, gate: GateDouble) -> None:
    well = await browser.get("/healthz")
    assert well.status == 200
    parts = {
        "portal": "ok",
        "gate": "ok",
        "records": "ok",
        "sensor": "silent",
        "sync": "no head office is set",
    }
    assert await well.json() == parts
    await gate.stop()
    ill = await browser.get("/healthz")
    assert ill.status == 200
    assert (await ill.json())["gate"].startswith("unavailable")
