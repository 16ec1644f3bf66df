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


@pytest.mark.parametrize(
    "command", ["gate", "sensor", "status", "expel", "device", "count", "legal-log", "render", "apply"]
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert "--config" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["gate", "status", "expel KLMP", "device list", "render", "apply", "count x.pcap"]
)
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
        assert told.startswith("1 station here, 0 admitted.\n")
        # Its settings name no radio of its own: what is behind wlan0 is somebody else's.
        assert "NOTE On wlan0 is no radio of ours: guests behind it may reach each other" in told
        assert "line is down" not in told
        assert f"{code}  {ANNAS_IP}" in told
        assert "Captive: nobody has registered on it" in told
        assert await asyncio.to_thread(main, ["status", code, "--json", "--config", settings]) == 0
        (station,) = json.loads(capsys.readouterr().out)["stations"]
        assert station["captive"] is True
        store.condition.uplink = False
        assert await asyncio.to_thread(main, ["status", "--config", settings]) == 0
        assert "NOTE The internet line is down: shoppers register" in capsys.readouterr().out
        assert await asyncio.to_thread(main, ["status", "nobody", "--config", settings]) == 1
        assert "No station is called nobody." in capsys.readouterr().err
        await server.close()


async def test_status_of_a_station_answers_why_the_portal_did_not_pop_up(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, FakeClock()) as store:
        server = GateServer(tmp_path / "gate.sock", store.desk)
        await server.open()
        store.lease(ANNAS_IP, ANNA)
        await store.stations.look_for_new_leases()
        status = ["status", str(ANNAS_IP), "--config", settings]
        assert await asyncio.to_thread(main, status) == 0
        told = capsys.readouterr().out
        assert "11-23 16:00:00      got its address       10.77.0.11" in told
        assert "never               connectivity check, portal opened, form sent, admitted" in told
        assert "No connectivity check came: private DNS or a VPN is on" in told
        store.attendance.note(ANNA, "check", "Apple", 2)
        assert await asyncio.to_thread(main, status) == 0
        told = capsys.readouterr().out
        assert "connectivity check    Apple, 2 times" in told
        assert "never               portal opened, form sent, admitted" in told
        await server.close()


async def test_a_device_is_allowed_listed_and_forgotten_from_the_command_line(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, FakeClock()) as store:
        server = GateServer(tmp_path / "gate.sock", store.desk)
        await server.open()

        async def told(*words: str) -> tuple[int, str]:
            code = await asyncio.to_thread(main, ["device", *words, "--config", settings])
            return code, capsys.readouterr().out

        assert await told("list") == (0, "No device is allowed or blocked.\n")
        code, line = await told("allow", ANNA, "--name", "the till")
        assert (code, line.split(maxsplit=1)[1]) == (0, "allowed  ----  the till\n")
        assert await told("list") == (0, line)
        assert await told("forget", line.split()[0]) == (0, line)
        assert await told("forget", line.split()[0]) == (1, "")
        await server.close()


async def test_expel_says_whether_the_phone_was_sent_away(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, FakeClock()) as store:
        server = GateServer(tmp_path / "gate.sock", store.desk)
        await server.open()
        store.lease(ANNAS_IP, ANNA)
        await store.ask("request-1")
        await store.gate.admit("request-1", ANNAS_IP)
        expel = ["expel", ANNA, "--config", settings]
        assert await asyncio.to_thread(main, expel) == 0
        assert "No access point of ours could send it away" in capsys.readouterr().out
        assert not store.kernel.open_for(ANNA)
        assert await asyncio.to_thread(main, expel) == 1
        assert "That station is not admitted." in capsys.readouterr().err
        await server.close()


def test_apply_without_anything_rendered_says_so(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--config", settings]) == 1
    assert "is the gate running?" in capsys.readouterr().err
