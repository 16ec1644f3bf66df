"""The poster beside the door."""

from pathlib import Path

import pytest

from portal.cli import main
from portal.poster import poster, wifi_address
from sync.config import Config


@pytest.mark.parametrize(
    ("ssid", "address"),
    [
        ("Free WiFi", "WIFI:T:nopass;S:Free WiFi;;"),
        ('a;b,c:d"e\\f', 'WIFI:T:nopass;S:a\\;b\\,c\\:d\\"e\\\\f;;'),
        ("茶馆", "WIFI:T:nopass;S:茶馆;;"),
    ],
)
def test_a_camera_reads_which_wifi_to_join(ssid: str, address: str) -> None:
    assert wifi_address(ssid) == address


def test_the_poster_says_it_in_every_language_and_needs_nothing_else() -> None:
    page = poster(Config.parse({"venue": {"name": "Tea & Co"}, "wifi": {"ssid": "Tea <Free>"}}))
    for words in ("Free WiFi", "免费 WiFi", "Tea &amp; Co", "Tea &lt;Free&gt;", "<svg"):
        assert words in page
    assert "<?xml" not in page
    assert "<script" not in page


def test_the_command_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "yingke.toml").write_text('[venue]\nname = "Jasmine"\n')
    assert main(["poster", "--config", str(tmp_path / "yingke.toml")]) == 0
    assert "Jasmine" in capsys.readouterr().out
