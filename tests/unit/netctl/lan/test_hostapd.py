"""Stations that come to and leave our own access point."""

import asyncio
import socket
from pathlib import Path

import pytest

from netctl.api import Mac
from netctl.lan.hostapd import Associations, parse_event

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
