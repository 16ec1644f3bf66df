"""A log in a folder, its keys, and a store whose clock goes only when told to."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from netctl.legal import seal
from netctl.legal.record import Record
from netctl.legal.segments import LegalLog, Limits
from tests.clock import FakeClock


class Shop:
    """`open` takes the log up as the daemon does at its start; `reader` is the authority's key."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir()
        self.clock = FakeClock()
        self.reader = X25519PrivateKey.generate()
        self.runs = 0

    def open(self, limits: Limits | None = None) -> LegalLog:
        self.runs += 1
        limits = limits or Limits(keep_free_bytes=0)
        signing = seal.signing_key(self.directory / "signing.key")
        about = {"run": f"run-{self.runs}", "venue_id": "shop", "profile": "cn", "days": 30}
        return LegalLog(self.directory, self.reader.public_key(), signing, about, self.clock, limits)

    def at_ms(self) -> int:
        return int(self.clock.boottime() * 1000)

    def opened(self, number: int = 1, port: int = 50000) -> Record:
        return ["o", self.at_ms(), number, 6, "10.77.0.11", port, "198.51.100.2", None, "203.0.113.10", 443]

    def over(self, number: int = 1) -> Record:
        return ["c", self.at_ms(), number]

    def lease(self, mac: str = "02:00:5e:10:00:01") -> Record:
        return {"k": "lease", "at": self.at_ms(), "mac": mac, "ip": "10.77.0.11", "what": "given"}

    def write(self, *batches: Sequence[Record]) -> None:
        """Each batch is a chunk of one segment."""
        log = self.open()
        for batch in batches:
            log.write(batch)
            self.clock.advance(2)
        log.close()

    def segments(self) -> list[Path]:
        return sorted(self.directory.glob("*.segment"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "legal")


@pytest.fixture
def days(shop: Shop) -> Callable[[int], None]:
    """A segment a day, two chunks each."""

    def write(count: int) -> None:
        for number in range(count):
            shop.write([shop.opened(number)], [shop.over(number)])
            shop.clock.advance(86400 - 4)

    return write
