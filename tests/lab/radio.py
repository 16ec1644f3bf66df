"""The air of the virtual store: phones that scan for networks, as radiotap frames on a clock.

Models differ as real ones do: in what they say about themselves, whether the sequence counter goes on when
the address changes, how often they scan, and whether they make up addresses at all. Everything follows from a
seed.
"""

import asyncio
import heapq
import random
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

RATES = bytes.fromhex("010402040b16")
EXTENDED_RATES = bytes.fromhex("32080c1218243048606c")


def element(kind: int, contents: bytes) -> bytes:
    return bytes((kind, len(contents))) + contents


def capabilities(ht: str, extended: str) -> bytes:
    """HT and extended capabilities (IEEE 802.11-2020 sections 9.4.2.55 and 9.4.2.26)."""
    return element(45, bytes.fromhex(ht).ljust(26, b"\0")) + element(127, bytes.fromhex(extended))


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A kind of phone. `scan_seconds`: from one scan to the next; `addresses`: made up anew in each scan."""

    name: str
    elements: bytes
    scan_seconds: float
    addresses: int = 1
    counter_goes_on: bool = True
    makes_up_addresses: bool = True
    asks_for: str = ""  # a network it looks for by name


MODELS = (
    Model(
        name="counter goes on",
        elements=capabilities("ef0113ffff", "00000a8200400000"),
        scan_seconds=45.0,
    ),
    Model(
        name="counter starts anew, several addresses a scan",
        elements=capabilities("2d401bff", "0000080400000040")
        + element(221, bytes.fromhex("0017f20a00010400000000")),
        scan_seconds=60.0,
        addresses=3,
        counter_goes_on=False,
    ),
    Model(
        name="changes a vendor element each time",
        elements=capabilities("6e0103ff", "0400080000000040") + element(221, bytes.fromhex("0050f208000000")),
        scan_seconds=75.0,
    ),
    Model(
        name="asks for a network by name",
        elements=capabilities("2c0103ff", "00000800"),
        scan_seconds=30.0,
        asks_for="Home of the Zhangs",
    ),
    Model(
        name="old, with its vendor's address",
        elements=capabilities("7e1017ff", "0100"),
        scan_seconds=20.0,
        makes_up_addresses=False,
    ),
)


class Phone:
    """One phone and its chance; `signal_dbm` is how it is heard."""

    def __init__(self, model: Model, chance: random.Random, signal_dbm: float) -> None:
        self.model = model
        self.signal_dbm = signal_dbm
        self._chance = chance
        self._counter = chance.randrange(4096)
        self._vendor_address = bytes.fromhex("f4f5e8") + chance.randbytes(3)

    def scan(self, at: float) -> Iterator[tuple[float, bytes]]:
        """The frames of one scan that begins at `at`: some on our channel, some faintly from the next."""
        for _ in range(self.model.addresses):
            mac = self._address()
            if not self.model.counter_goes_on:
                self._counter = self._chance.randrange(4096)
            for _ in range(self._chance.randint(2, 4)):
                off_channel_db = 25 if self._chance.random() < 0.2 else 0
                signal_dbm = round(self._chance.gauss(self.signal_dbm, 1.5)) - off_channel_db
                yield at, probe_request(mac, self._counter, signal_dbm, self._elements())
                self._counter = (self._counter + self._chance.randint(1, 3)) % 4096
                at += self._chance.uniform(0.01, 0.03)
            at += self._chance.uniform(0.3, 2.5)
        self._counter = (self._counter + self._chance.randint(4, 40)) % 4096  # on the other channels

    def next_scan(self, at: float) -> float:
        return at + self.model.scan_seconds * self._chance.uniform(0.95, 1.05)

    def _address(self) -> bytes:
        if not self.model.makes_up_addresses:
            return self._vendor_address
        octets = bytearray(self._chance.randbytes(6))
        octets[0] = octets[0] & 0xFC | 2
        return bytes(octets)

    def _elements(self) -> bytes:
        name = self.model.asks_for.encode() if self._chance.random() < 0.5 else b""
        elements = self.model.elements.replace(
            bytes.fromhex("0050f208000000"), bytes.fromhex("0050f208") + self._chance.randbytes(3)
        )
        return element(0, name) + RATES + EXTENDED_RATES + element(3, b"\x06") + elements


def probe_request(mac: bytes, sequence: int, signal_dbm: int, elements: bytes) -> bytes:
    """A frame as a monitor interface gives it, without FCS: radiotap with flags, channel 6 and signal."""
    radiotap = struct.pack("<BBHIBxHHb", 0, 0, 15, 1 << 1 | 1 << 3 | 1 << 5, 0, 2437, 0xA0, signal_dbm)
    everyone = b"\xff" * 6
    header = b"\x40\0\0\0" + everyone + mac + everyone + struct.pack("<H", sequence << 4)
    return radiotap + header + elements


def air(
    seed: int,
    started_at: float,
    *,
    arrivals_per_minute: float = 2.0,
    mean_stay_seconds: float = 300.0,
    share_inside: float = 0.4,
    already_there: int = 0,
) -> Iterator[tuple[float, int, bytes]]:
    """Without end, in order of time: (when, which phone, frame). Phones come, scan while they stay, go."""
    chance = random.Random(seed)
    numbers = count()
    leaves_at: dict[int, float] = {}
    # (when, order of pushing, what): a frame, a phone about to scan, or None for the next arrival.
    agenda: list[tuple[float, int, tuple[int, Phone | bytes] | None]] = []
    order = count()
    for _ in range(already_there):
        number = next(numbers)
        leaves_at[number] = started_at + chance.expovariate(1 / mean_stay_seconds)
        first_scan = started_at + chance.uniform(0, 20)
        phone = _arrival(chance, share_inside)
        heapq.heappush(agenda, (first_scan, next(order), (number, phone)))
    heapq.heappush(agenda, (started_at, next(order), None))
    while True:
        at, _, what = heapq.heappop(agenda)
        if what is None:
            number = next(numbers)
            phone = _arrival(chance, share_inside)
            leaves_at[number] = at + chance.expovariate(1 / mean_stay_seconds)
            heapq.heappush(agenda, (at, next(order), (number, phone)))
            heapq.heappush(agenda, (at + chance.expovariate(arrivals_per_minute / 60), next(order), None))
            continue
        number, phone_or_frame = what
        if isinstance(phone_or_frame, bytes):
            yield at, number, phone_or_frame
            continue
        for frame_at, frame in phone_or_frame.scan(at):
            heapq.heappush(agenda, (frame_at, next(order), (number, frame)))
        following = phone_or_frame.next_scan(at)
        if following < leaves_at[number]:
            heapq.heappush(agenda, (following, next(order), (number, phone_or_frame)))
        else:
            del leaves_at[number]


def _arrival(chance: random.Random, share_inside: float) -> Phone:
    is_inside = chance.random() < share_inside
    signal_dbm = chance.gauss(-55, 4) if is_inside else chance.gauss(-78, 4)
    return Phone(chance.choice(MODELS), random.Random(chance.getrandbits(64)), signal_dbm)


def write_pcap(path: Path, frames: Iterable[tuple[float, bytes]]) -> None:
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 127))
        for at, frame in frames:
            microseconds = round(at * 1_000_000)
            stamp = divmod(microseconds, 1_000_000)
            file.write(struct.pack("<IIII", *stamp, len(frame), len(frame)) + frame)


class Transmitter:
    """Puts radiotap frames on one end of a veth as they are; the sensor listens at the other."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
        self._socket.bind((interface, 0))

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def close(self) -> None:
        self._socket.close()


async def broadcast(transmitter: Transmitter, frames: Iterable[tuple[float, int, bytes]]) -> None:
    """Sends each frame at its time (seconds since 1970); one whose time is over, at once."""
    for at, _, frame in frames:
        await asyncio.sleep(max(0.0, at - time.time()))
        transmitter.send(frame)
