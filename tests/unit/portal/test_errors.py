"""Failures as shoppers see them, and as the log has them."""

import logging
import re
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from portal.errors import new_reference
from sync.records import Records
from tests.unit.portal.conftest import Browser


async def test_the_reference_on_the_page_stands_in_the_log_and_the_path_does_not(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "yingke.portal"):
        page = await (await browser.get("/secret-of-mine?phone=13800138000")).text()
    reference = re.search(r"<b>([2-9A-Z]{4}-[2-9A-Z]{4})</b>", page)
    assert reference
    assert reference[1] in caplog.text
    assert "secret" not in caplog.text
    assert "13800138000" not in caplog.text


@pytest.mark.parametrize("path", ["//evil.example/", "/%5Cevil.example/", "/%09/evil.example/"])
async def test_no_page_of_ours_links_to_a_site_the_address_names(browser: Browser, path: str) -> None:
    asked = URL(str(browser.make_url("/")).rstrip("/") + path, encoded=True)
    async with ClientSession() as session, session.get(asked) as answer:
        page = await answer.text()
    links = re.findall(r'href="(/[^"]*)"', page)
    assert any("evil.example" in link for link in links)
    assert not any(re.match(r"/[/\\\s]", link) for link in links)


async def test_records_that_cannot_be_read_are_a_page_too(
    browser: Browser, records: Records, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def break_it(connection: object) -> None:
        (tmp_path / "records.db").write_bytes(b"not a database" * 1000)
        (tmp_path / "records.db-wal").unlink(missing_ok=True)

    await records.read(break_it)
    answer = await browser.get("/online")
    assert answer.status in (500, 503)
    assert re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", await answer.text())


def test_references_differ() -> None:
    assert len({new_reference() for _ in range(1000)}) == 1000
