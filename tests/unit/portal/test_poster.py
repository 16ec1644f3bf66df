"""The poster beside the door."""

from pathlib import Path

import pytest

from portal.cli import main
from portal.poster import poster, wifi_address, with_a_qr
from sync.config import Config
from sync.records import follow, migrate
from sync.records.connect import open_connection
from tests.unit.portal.follow_store import FACEBOOK, LINE, WECHAT


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


def test_the_first_account_that_proves_follows_and_has_a_qr_stands_on_it() -> None:
    assert with_a_qr([FACEBOOK, LINE, WECHAT]) is WECHAT
    assert with_a_qr([FACEBOOK, LINE]) is None
    config = Config.parse({})
    page = poster(config, WECHAT)
    assert page.count("<svg") == 2
    for words in ("Or follow us on WeChat", "或关注我们的微信"):
        assert words in page
    assert poster(config).count("<svg") == 1


def test_the_command_takes_the_account_from_the_records_and_prints_without_them_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "yingke.toml"
    settings.write_text(f'[venue]\ndata_dir = "{tmp_path}"\n')
    line = ["poster", "--config", str(settings)]
    (tmp_path / "records.db").write_bytes(b"no database at all, and longer than a hundred bytes" * 3)
    assert main(line) == 0
    said = capsys.readouterr()
    assert ("<svg" in said.out, "without the QR to follow" in said.err) == (True, True)
    (tmp_path / "records.db").unlink()
    migrate(tmp_path / "records.db")
    connection = open_connection(tmp_path / "records.db", "sync")
    follow.set_accounts(connection, [WECHAT])
    connection.close()
    assert main(line) == 0
    assert "Or follow us on WeChat" in capsys.readouterr().out
