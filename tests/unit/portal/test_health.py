from typing import Any

import pytest

from sync.config import Config
from sync.records import footfall, open_records, upload_state
from tests.clock import FakeClock
from tests.unit.portal.conftest import Browser
from tests.unit.portal.gate import GateDouble
from tests.unit.sync.records.test_counting import a_window


async def test_the_box_can_ask_itself_how_it_is(browser: Browser, gate: GateDouble) -> None:
    well = await browser.get("/healthz")
    assert well.status == 200
    parts = {
        "portal": "ok",
        "gate": "ok",
        "uplink": "ok",
        "records": "ok",
        "sensor": "silent",
        "sync": "no head office is set",
    }
    assert await well.json() == parts
    gate.has_uplink = False
    assert (await (await browser.get("/healthz")).json())["uplink"] == "down"
    await gate.stop()
    ill = await browser.get("/healthz")
    assert ill.status == 200
    assert (await ill.json())["gate"].startswith("unavailable")


class TestABoxWithAHeadOffice:
    @pytest.fixture
    def settings(self) -> dict[str, dict[str, Any]]:
        return {"sync": {"head_office_url": "https://head-office.example"}}

    async def test_tells_what_the_sensor_and_the_upload_last_left_in_the_records(
        self, browser: Browser, config: Config, clock: FakeClock
    ) -> None:
        async def parts() -> tuple[str, str]:
            said = await (await browser.get("/healthz")).json()
            return said["sensor"], said["sync"]

        assert await parts() == ("silent", "nothing sent yet")
        path = config.venue.data_dir / "records.db"
        sensor, uploader = await open_records(path, "sensor"), await open_records(path, "sync")
        await sensor.write(footfall.record, a_window(clock), complete=False, clock=clock)
        await uploader.write(upload_state.succeeded, 1, clock.now())
        assert await parts() == ("ok", "ok")
        await uploader.write(upload_state.failed, "Head office does not answer.", clock.now())
        clock.advance(3600)
        assert await parts() == ("silent", "Head office does not answer.")
        await sensor.close()
        await uploader.close()
