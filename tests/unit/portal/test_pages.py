"""The look of a store's own."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from portal.pages import LARGEST_LOGO_BYTES, LogoUnusable, read_logo
from tests.unit.portal.conftest import Browser


def test_without_a_logo_the_name_stands_there() -> None:
    assert read_logo("") == ""


def test_a_logo_that_cannot_be_shown_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "logo.exe").write_bytes(b"x")
    (tmp_path / "logo.png").write_bytes(b"x" * (LARGEST_LOGO_BYTES + 1))
    for name in ("logo.exe", "logo.png", "missing.svg"):
        with pytest.raises(LogoUnusable, match=name):
            read_logo(str(tmp_path / name))


async def test_the_browser_takes_exactly_the_style_that_was_sent(browser: Browser) -> None:
    answer = await browser.get("/register")
    style = re.search(r"<style>(.*?)</style>", await answer.text(), re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert 'style="' not in await answer.text()


class TestBranded:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> dict[str, dict[str, Any]]:
        (tmp_path / "logo.svg").write_text("<svg/>")
        portal = {
            "brand_name": "<Tea & Co>",
            "colour": "#ffd400",
            "logo": str(tmp_path / "logo.svg"),
            "welcome_en": "Slow down, sip",
            "welcome_zh_cn": "慢下来",
        }
        return {"portal": portal, "venue": {"name": "Tea & Co <Pudong>"}}

    async def test_a_brand_shows_its_own_colour_logo_and_words(self, browser: Browser) -> None:
        english = await (await browser.get("/")).text()
        assert "--brand:#ffd400;--ink:#000000;" in english
        assert '<img src="data:image/svg+xml;base64,' in english
        assert 'alt="&lt;Tea &amp; Co&gt;"' in english
        assert "<h1>Slow down, sip</h1>" in english
        assert "<h1>慢下来</h1>" in await (await browser.get("/?lang=zh")).text()

    async def test_a_stores_name_is_text_and_never_markup(self, browser: Browser) -> None:
        page = await (await browser.get("/register")).text()
        assert "Tea &amp; Co &lt;Pudong&gt;" in page
        assert "<Pudong>" not in page
