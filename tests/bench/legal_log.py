"""What the legal log costs: bytes on the disk and processor time for 10,000 connections, from the kernel's
messages to the encrypted chunks, all that is the daemon's but receiving.

Connections are made up: 200 stations, 400 servers of which some are much asked for, one port in twenty
translated to another. How many changes come between two writings decides how well they compress.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from netctl.legal import seal
from netctl.legal.book import Book
from netctl.legal.connections import Connections, Moment, lan_of
from netctl.legal.conntrack_news import News, messages
from netctl.legal.segments import LegalLog
from sync.model import SystemClock
from tests.bench.result import Result, median
from tests.lab import private
from tests.unit.netctl.legal.wire import DESTROY, NEW, end, message

CONNECTIONS = 10_000
CHANGES_A_WRITING = (10, 100, 1000)
ROUNDS = 5
_SEED = 20261123


def measure() -> Result:
    events = list(_events(random.Random(_SEED)))
    found: dict[int, list[tuple[float, float]]] = {changes: [] for changes in CHANGES_A_WRITING}
    for number in range(ROUNDS):
        for changes, runs in found.items():
            runs.append(_write(events, changes, private.HOME / f"legal-{number}-{changes}"))
    return Result(
        figures={
            f"changes_{changes}": {
                "bytes_a_connection": median([size for size, _ in runs]),
                "cpu_s_per_10000": median([cpu for _, cpu in runs]),
            }
            for changes, runs in found.items()
        }
    )


def _events(chance: random.Random) -> Iterator[bytes]:
    """Each connection's beginning and, some time later, its end."""
    servers = [".".join(str(chance.randrange(1, 255)) for _ in range(4)) for _ in range(400)]
    timed = []
    for at in range(CONNECTIONS):
        source, port = (
            f"10.77.{chance.randrange(2)}.{chance.randrange(10, 110)}",
            chance.randrange(32768, 61000),
        )
        server = servers[min(int(chance.expovariate(1 / 60)), 399)]
        asked, protocol = chance.choice([443, 443, 443, 443, 80, 5223, 123]), chance.choice([6, 6, 17])
        translated = port if chance.random() < 0.95 else chance.randrange(1024, 65535)
        opened = end(source, port, server, asked, protocol)
        answered = end(server, asked, "192.168.1.50", translated, protocol)
        identity = chance.getrandbits(32)
        timed.append((at, message(NEW, opened, answered, identity)))
        timed.append((at + chance.randrange(50, 2000), message(DESTROY, opened, answered, identity)))
    yield from (data for _, data in sorted(timed, key=lambda each: each[0]))


def _write(events: list[bytes], changes: int, home: Path) -> tuple[float, float]:
    """Bytes a connection, and seconds of processor time for all."""
    home.mkdir()
    clock, reader = SystemClock(), X25519PrivateKey.generate().public_key()
    log = LegalLog(home, reader, seal.signing_key(home / "signing.key"), {"run": "bench"}, clock)
    connections, book = Connections(lan_of(["10.77.0.1/16"], ["10.77.0.1"]), destinations=True), Book()
    began_ms, began = int(clock.boottime() * 1000), time.process_time()
    for number, data in enumerate(events, 1):
        now = Moment(boottime_ms=began_ms + number * 10, wall_ms=0)
        for news in messages(data):
            if isinstance(news, News):
                book.add(connections.hear(news, now), now.boottime_ms)
        if number % changes == 0 or number == len(events):
            log.write(book.take(now.boottime_ms))
    cpu_seconds = time.process_time() - began
    log.close()
    return sum(path.stat().st_size for path in home.glob("*.segment")) / CONNECTIONS, cpu_seconds
