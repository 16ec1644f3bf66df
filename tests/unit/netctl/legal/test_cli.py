"""`yingke-net legal-log` as people use it."""

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from netctl.cli import main
from netctl.legal import seal
from netctl.legal.segments import LegalLog, Limits
from tests.clock import FakeClock
from tests.unit.netctl.legal.conftest import Shop


@pytest.fixture
def private(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The keys as the owner makes them on her laptop; the public half beside the private one."""
    file = tmp_path / "private.pem"
    assert main(["legal-log", "key", str(file)]) == 0
    (tmp_path / "public.pem").write_text(capsys.readouterr().out)
    return file


@pytest.fixture
def written(tmp_path: Path, private: Path) -> Path:
    """A log that was written to the owner's key."""
    shop = Shop(tmp_path / "legal")
    reader = seal.read_public(tmp_path / "public.pem")
    signing = seal.signing_key(shop.directory / "signing.key")
    log = LegalLog(shop.directory, reader, signing, {"run": "r"}, FakeClock(), Limits(keep_free_bytes=0))
    log.write([shop.lease(), shop.opened(), shop.over()])
    log.close()
    return shop.directory


def test_the_private_half_is_the_owners_alone_and_never_overwritten(
    private: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = private.read_bytes()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert main(["legal-log", "key", str(private)]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert private.read_bytes() == before


def test_export_gives_connections_and_the_verification(
    written: Path, private: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["legal-log", "export", "--log", str(written), "--key", str(private), "--port", "50000"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["record"] for row in rows] == ["connection", "verification"]
    assert rows[0]["mac"] == "02:00:5e:10:00:01"
    assert rows[1]["ok"]


def test_export_gives_a_table_too(written: Path, private: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["legal-log", "export", "--log", str(written), "--key", str(private), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("record,start,end,")


def test_a_file_that_is_no_key_is_named(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (tmp_path / "nowhere", tmp_path / "public.pem"):
        assert main(["legal-log", "export", "--log", str(written), "--key", str(file)]) == 1
        assert str(file) in capsys.readouterr().err


def test_verify_needs_no_key_and_says_what_this_log_is_not(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["legal-log", "verify", "--log", str(written)]) == 0
    said = capsys.readouterr().out
    assert "The log is whole." in said
    assert "no certified audit system" in said


def test_verify_fails_when_something_was_cut_off(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (segment,) = written.glob("*.segment")
    segment.write_bytes(segment.read_bytes()[:-1])
    assert main(["legal-log", "verify", "--log", str(written)]) == 1
    assert "THE LOG IS NOT WHOLE." in capsys.readouterr().out


def test_where_there_is_no_log_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["legal-log", "verify", "--log", str(tmp_path / "nowhere")]) == 1
    assert "There is no log" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "typed", "told"),
    [
        ("--from", "yesterday", "is no time such as"),
        ("--mac", "anna", "is not a MAC address"),
        ("--ip", "10.77", "is not an IP address"),
    ],
)
def test_what_cannot_be_asked_for_is_named(
    written: Path, capsys: pytest.CaptureFixture[str], option: str, typed: str, told: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["legal-log", "export", "--log", str(written), "--key", "k", option, typed])
    assert refused.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("spelling", ["02-00-5E-10-00-01", "02005e100001"])
def test_a_mac_is_asked_for_in_any_spelling(
    written: Path, private: Path, capsys: pytest.CaptureFixture[str], spelling: str
) -> None:
    assert main(["legal-log", "export", "--log", str(written), "--key", str(private), "--mac", spelling]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["record"] for row in rows] == ["lease", "connection", "verification"]


@pytest.fixture
def own_logging() -> Iterator[None]:
    """A process sets the root logger up for itself: other tests get theirs back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("own_logging")
def test_with_the_log_off_the_daemon_ends_well_and_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "yingke.toml"
    settings.write_text(f'[venue]\ndata_dir = "{tmp_path / "data"}"\n')
    assert main(["legal-log", "run", "--config", str(settings)]) == 0
    assert 'privacy.legal_log is "off"' in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
