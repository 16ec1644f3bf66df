"""`yingke-net`, as people and units call it."""

import asyncio
import json
from pathlib import Path

import pytest

from netctl.cli import main
from netctl.gate.server import GateServer
from tests.clock import FakeClock
from tests.unit.netctl.gated_store import ANNA, ANNAS_IP, running


@pytest.fixture
def settings(tmp_path: Path) -> str:
    file = tmp_path / "yingke.toml"
    file.write_text(f'[venue]\ndata_dir = "{tmp_path}"\nrun_dir = "{tmp_path}"\n')
    return str(file)


@pytest.mark.parametrize("command", ["gate", "sensor", "status", "count", "render", "apply"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert "--config" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["gate", "sensor", "status", "render", "apply", "count x.pcap"])
@pytest.mark.parametrize("first", [True, False])
def test_wrong_settings_are_all_named_and_end_with_2(
    tmp_path: Path, command: str, first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "yingke.toml"
    file.write_text('[venue]\nid = "No Such"\n[network]\nuplnk = "eth0"\n')
    named = ["--config", str(file)]
    assert main([*named, *command.split()] if first else [*command.split(), *named]) == 2
    told = capsys.readouterr().err
    assert "venue.id" in told
    assert "network.uplnk" in told
    assert "did you mean uplink" in told


def test_without_a_gate_status_says_so(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config", settings]) == 1
    assert "Is yingke-gate.service running?" in capsys.readouterr().err


async def test_status_shows_who_is_here_and_why_they_are_captive(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, FakeClock()) as store:
        server = GateServer(tmp_path / "gate.sock", store.desk)
        await server.open()
        store.lease(ANNAS_IP, ANNA)
        code = store.attendance.heard(ANNA).station_code
        assert await asyncio.to_thread(main, ["status", "--config", settings]) == 0
        told = capsys.readouterr().out
        assert told.startswith("1 stations here, 0 admitted.\n")
        assert f"{code}  {ANNAS_IP}" in told
        assert "Captive: nobody has registered on it" in told
        assert await asyncio.to_thread(main, ["status", code, "--json", "--config", settings]) == 0
        (station,) = json.loads(capsys.readouterr().out)["stations"]
        assert station["captive"] is True
        assert await asyncio.to_thread(main, ["status", "nobody", "--config", settings]) == 1
        assert "No station is called nobody." in capsys.readouterr().err
        await server.close()


def test_apply_without_anything_rendered_says_so(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--config", settings]) == 1
    assert "is the gate running?" in capsys.readouterr().err
