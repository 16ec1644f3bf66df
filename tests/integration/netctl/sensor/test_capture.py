"""The sensor's ear on a real packet socket, in a network of its own."""

import asyncio
import fcntl
import itertools
import os
import struct
import subprocess
from collections.abc import Iterator
from itertools import islice

import pytest

from netctl.sensor import capture
from netctl.sensor.air import Air
from netctl.sensor.capture import CannotListen, Capture
from netctl.sensor.probe_request import ProbeRequestParser, Sighting
from tests.lab.radio import Transmitter, air
from tests.lab.waiting import until

pytestmark = pytest.mark.usefixtures("private_network")
NUMBERS = itertools.count()
PROBE_REQUESTS = [frame for _, _, frame in islice(air(1, 0.0), 200)]
BEACON = PROBE_REQUESTS[0].replace(b"\x40\0\0\0", b"\x80\0\0\0", 1)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def lay(near: str, far: str) -> None:
    """A wire that carries: the kernel connects its ends some time after they are up (link_watch.c)."""
    ip("link", "add", near, "type", "veth", "peer", "name", far)
    ip("link", "set", near, "up")
    ip("link", "set", far, "up")
    until(lambda: state(near) == state(far) == "UP", "the wire is connected")


def state(link: str) -> str:
    shown = subprocess.run(["ip", "-br", "link", "show", link], capture_output=True, text=True, check=True)
    return shown.stdout.split()[1]


@pytest.fixture
def wire() -> Iterator[tuple[str, str]]:
    """Two ends: what goes in at the first comes out at the second."""
    number = next(NUMBERS)
    near, far = f"air{number}a", f"air{number}b"
    lay(near, far)
    yield near, far
    subprocess.run(["ip", "link", "del", near], check=False, stderr=subprocess.DEVNULL)


def test_probe_requests_come_as_they_were_sent_and_nothing_else_comes(wire: tuple[str, str]) -> None:
    transmitter, listener = Transmitter(wire[0]), Capture(wire[1])
    for frame in PROBE_REQUESTS:
        transmitter.send(BEACON)
        transmitter.send(frame)
    # A veth hands a frame over before send() returns.
    heard = listener.frames()
    assert heard == PROBE_REQUESTS
    assert listener.dropped() == 0
    parser = ProbeRequestParser()
    assert all(isinstance(parser.parse(frame, 0.0), Sighting) for frame in heard)
    transmitter.close()
    listener.close()


def test_a_real_monitor_interface_is_heard_too() -> None:
    """A tunnel that says it is one: ARPHRD_IEEE80211_RADIOTAP (803), as mac80211 makes them."""
    try:
        tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except OSError as refusal:
        pytest.skip(f"no tunnels here: {refusal}")
    name = f"mon{next(NUMBERS)}"
    iff_tun, tunsetiff, tunsetlink = 0x0001, 0x400454CA, 0x400454CD
    fcntl.ioctl(tunnel, tunsetiff, struct.pack("16sH22x", name.encode(), iff_tun))
    fcntl.ioctl(tunnel, tunsetlink, 803)
    ip("link", "set", name, "up")
    listener = Capture(name)
    protocol_802_2 = struct.pack(">HH", 0, 0x0004)
    for frame in PROBE_REQUESTS[:20]:
        os.write(tunnel, protocol_802_2 + BEACON)
        os.write(tunnel, protocol_802_2 + frame)
    assert listener.frames() == PROBE_REQUESTS[:20]
    listener.close()
    os.close(tunnel)


def test_not_even_the_first_frame_slips_past_the_filter(wire: tuple[str, str]) -> None:
    transmitter = Transmitter(wire[0])
    for _ in range(50):
        transmitter.send(BEACON)
        listener = Capture(wire[1])
        transmitter.send(BEACON)
        assert listener.frames() == []
        listener.close()
    transmitter.close()


def test_what_came_too_fast_is_counted(wire: tuple[str, str]) -> None:
    transmitter, listener = Transmitter(wire[0]), Capture(wire[1])
    sent = 20_000
    for frame in itertools.islice(itertools.cycle(PROBE_REQUESTS), sent):
        transmitter.send(frame)
    heard = 0
    while frames := listener.frames():
        heard += len(frames)
    dropped = listener.dropped()
    assert dropped > 0
    assert heard + dropped == sent
    assert listener.dropped() == 0
    transmitter.close()
    listener.close()


def test_a_missing_interface_is_told_in_a_sentence() -> None:
    with pytest.raises(CannotListen, match="nosuch0 cannot be listened on: No such device"):
        Capture("nosuch0")


def test_a_tunnel_is_no_radio() -> None:
    with pytest.raises(CannotListen, match="lo is not in monitor mode"):
        Capture("lo")


async def test_an_interface_pulled_out_and_put_in_again_is_heard_again(wire: tuple[str, str]) -> None:
    heard: list[bytes] = []
    arrived = asyncio.Event()

    def hear(frame: bytes) -> None:
        heard.append(frame)
        arrived.set()

    near, far = wire
    listening = Air([far], hear)
    listening.watch()
    assert listening.is_listening
    ip("link", "del", near)
    listening.watch()
    assert not listening.is_listening
    assert list(listening.gone) == [far]

    lay(near, far)
    listening.watch()
    assert listening.is_listening
    assert not listening.gone
    transmitter = Transmitter(near)
    transmitter.send(PROBE_REQUESTS[0])
    await asyncio.wait_for(arrived.wait(), 5)
    assert heard == PROBE_REQUESTS[:1]
    transmitter.close()
    listening.close()


async def test_an_interface_set_down_and_up_is_heard_again(wire: tuple[str, str]) -> None:
    arrived = asyncio.Event()
    near, far = wire
    listening = Air([far], lambda _frame: arrived.set())
    listening.watch()
    ip("link", "set", far, "down")
    ip("link", "set", far, "up")
    until(lambda: state(near) == state(far) == "UP", "the wire is connected")
    transmitter = Transmitter(near)
    for _ in range(100):
        listening.watch()
        transmitter.send(PROBE_REQUESTS[0])
        await asyncio.sleep(0)
        if arrived.is_set():
            break
    assert arrived.is_set()
    transmitter.close()
    listening.close()


async def test_two_interfaces_are_heard_at_once(wire: tuple[str, str]) -> None:
    number = next(NUMBERS)
    other = f"air{number}a", f"air{number}b"
    ip("link", "add", other[0], "type", "veth", "peer", "name", other[1])
    for end in other:
        ip("link", "set", end, "up")
    heard: list[bytes] = []
    both = asyncio.Event()

    def hear(frame: bytes) -> None:
        heard.append(frame)
        if len(heard) == 2:
            both.set()

    listening = Air([wire[1], other[1]], hear)
    listening.watch()
    for near, frame in zip((wire[0], other[0]), PROBE_REQUESTS, strict=False):
        transmitter = Transmitter(near)
        transmitter.send(frame)
        transmitter.close()
    await asyncio.wait_for(both.wait(), 5)
    assert sorted(heard) == sorted(PROBE_REQUESTS[:2])
    listening.close()
    ip("link", "del", other[0])


def test_the_filter_is_the_one_tcpdump_makes() -> None:
    made = subprocess.run(
        ["tcpdump", "-y", "IEEE802_11_RADIO", "-ddd", "type mgt subtype probe-req"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"tcpdump does not compile filters here: {made.stderr.strip()}")
    theirs = [tuple(map(int, line.split())) for line in made.stdout.splitlines()[1:]]
    assert theirs == [tuple(instruction) for instruction in capture.PROBE_REQUESTS]
