"""Stations that come to and leave our own access point."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netctl.api import Mac
from netctl.lan.hostapd import Associations, NotDone, deauthenticate, parse_event

ANNA = "02:00:5e:10:00:01"


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (f"<3>AP-STA-CONNECTED {ANNA}", (ANNA, True)),
        (f"<3>AP-STA-CONNECTED {ANNA.upper()} auth_alg=open\n", (ANNA, True)),
        (f"<3>AP-STA-DISCONNECTED {ANNA}", (ANNA, False)),
        ("OK\n", None),
        ("PONG\n", None),
        (f"<3>AP-STA-POLL-OK {ANNA}", None),
        ("<3>AP-STA-CONNECTED ff:ff:ff:ff:ff:ff", None),
        ("", None),
    ],
)
def test_hostapds_messages_are_read(text: str, event: tuple[str, bool] | None) -> None:
    assert parse_event(text) == event


async def test_it_attaches_again_when_hostapd_comes_back(tmp_path: Path) -> None:
    came: asyncio.Queue[Mac] = asyncio.Queue()
    control, own = tmp_path / "wlan0", tmp_path / "events"
    associations = Associations(control, own, came.put_nowait, came.put_nowait, check_seconds=0.02)
    listening = asyncio.create_task(associations.listen())
    for _ in range(2):
        hostapd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        hostapd.bind(str(control))
        request, who = await asyncio.to_thread(hostapd.recvfrom, 100)
        assert request == b"ATTACH"
        hostapd.sendto(f"<3>AP-STA-CONNECTED {ANNA}".encode(), who)
        assert await came.get() == ANNA
        hostapd.close()
        control.unlink()
    listening.cancel()


@pytest.fixture
def hostapd(tmp_path: Path) -> Iterator[socket.socket]:
    """Stands for hostapd's control socket `wlan0`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        control.bind(str(tmp_path / "wlan0"))
        yield control


@pytest.mark.parametrize(
    ("says", "failure"), [(b"OK\n", ""), (b"FAIL\n", "FAIL"), (b"UNKNOWN COMMAND\n", "UNKNOWN")]
)
async def test_a_station_is_sent_away_or_it_is_said_why_not(
    tmp_path: Path, hostapd: socket.socket, says: bytes, failure: str
) -> None:
    asking = asyncio.create_task(deauthenticate(Mac(ANNA), tmp_path / "wlan0", tmp_path / "own"))
    request, who = await asyncio.to_thread(hostapd.recvfrom, 100)
    assert request == f"DEAUTHENTICATE {ANNA}".encode()
    hostapd.sendto(says, who)
    if failure:
        with pytest.raises(NotDone, match=failure):
            await asking
    else:
        await asking
    assert not (tmp_path / "own").exists()


async def test_a_hostapd_that_is_silent_or_gone_holds_nobody_up(
    tmp_path: Path, hostapd: socket.socket
) -> None:
    with pytest.raises(NotDone, match="did not answer"):
        await deauthenticate(Mac(ANNA), tmp_path / "wlan0", tmp_path / "own", timeout_seconds=0.01)
    with pytest.raises(NotDone, match="is not there"):
        await deauthenticate(Mac(ANNA), tmp_path / "nowhere", tmp_path / "own")
    hostapd.close()
    with pytest.raises(NotDone, match="is not there"):
        await deauthenticate(Mac(ANNA), tmp_path / "wlan0", tmp_path / "own")
    assert [path.name for path in tmp_path.iterdir()] == ["wlan0"]
