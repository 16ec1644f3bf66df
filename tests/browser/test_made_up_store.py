"""The store that stands for the pictures has pages worth a picture."""

from pathlib import Path

import aiohttp

from tests.browser.made_up_store import PASSWORD, open_store


async def test_its_owner_sees_a_full_day_and_what_is_wrong(tmp_path: Path) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with open_store(tmp_path, kind="trouble") as store, aiohttp.ClientSession(cookie_jar=jar) as her:
        answer = await her.post(f"{store.owner}/owner/sign-in", data={"password": PASSWORD})
        page = await answer.text()
    assert page.count("<rect") > 20
    assert "Head office has taken nothing since 14:02" in page
    assert "its estimates are too low for that time" in page


async def test_its_shoppers_are_welcomed_by_name(tmp_path: Path) -> None:
    async with open_store(tmp_path, kind="new") as store, aiohttp.ClientSession() as her:
        page = await (await her.get(store.guests)).text()
    assert "Lantern Tea House" in page
    assert "KAFE" in page


async def test_its_owner_sees_who_is_on_the_wifi_and_why_one_is_not_in(tmp_path: Path) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with open_store(tmp_path, kind="new") as store, aiohttp.ClientSession(cookie_jar=jar) as her:
        await her.post(f"{store.owner}/owner/sign-in", data={"password": PASSWORD})
        page = await (await her.get(f"{store.owner}/owner/stations")).text()
    assert "Online for another 11 hr 22 min" in page
    assert "nobody opened it" in page
    assert "Till" in page
