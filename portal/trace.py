"""What the portal saw of each station on its way in, told to the gate once a second.

It answers "why did the portal not pop up?". The interceptor notes here with every redirect, so noting costs
a look into a dict, and nothing grows: so many stations a second are remembered, the others are only counted.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final, Literal

from netctl.api import Fact, Ip, parse_ip
from netctl.client import GateRefused, GateUnavailable
from netctl.lan.connectivity_checks import find

log = logging.getLogger("yingke.portal")

TELL_SECONDS: Final = 1.0
MOST_STATIONS: Final = 512
"""Of whom something is remembered until it is told: more than join in any second, but made up ones."""
MOST_FACTS_AT_ONCE: Final = 200
MOST_LOOKS: Final = 4
LOOKED_AT_BYTES: Final = 1024

_TARGET: Final = re.compile(rb"[A-Z]+ (?:http://([^/ ]*))?(/[^ ?]*)?")
_HOST: Final = re.compile(rb"\nhost:[ \t]*([^\r\n:]+)", re.IGNORECASE)
# What tells who asks where the address does not: Apple and Windows by their programs' names, Android, which
# makers point at hosts of their own, by the path.
_BY_PROGRAM: Final = {b"CaptiveNetworkSupport": "Apple", b"Microsoft NCSI": "Windows"}
_BY_PATH: Final = {b"/generate_204": "Android", b"/gen_204": "Android"}


class Checks:
    """The redirects of one address since the last telling."""

    __slots__ = ("asker", "count", "looks_left")

    def __init__(self, asker: str) -> None:
        self.asker = asker
        self.count = 1
        self.looks_left = MOST_LOOKS - 1


class Trace:
    """What was seen since it was last told. Addresses are texts as sockets name them."""

    def __init__(self, most: int = MOST_STATIONS) -> None:
        self._most = most
        self._checks: dict[str, Checks] = {}
        self._steps: dict[tuple[Ip, Literal["portal", "form"], str], int] = {}
        self.overlooked = 0

    def __len__(self) -> int:
        return len(self._checks) + len(self._steps)

    def redirected(self, address: str, head: bytes) -> None:
        """A request was intercepted. Who asks is looked for in the first few alone."""
        seen = self._checks.get(address)
        if seen is None:
            if len(self._checks) >= self._most:
                self.overlooked += 1
            else:
                self._checks[address] = Checks(who_asks(head))
            return
        seen.count += 1
        if not seen.asker and seen.looks_left:
            seen.looks_left -= 1
            seen.asker = who_asks(head)

    def opened(self, ip: Ip, step: Literal["portal", "form"], detail: str = "") -> None:
        """A page of ours was asked for."""
        key = (ip, step, detail)
        if key in self._steps or len(self._steps) < self._most:
            self._steps[key] = self._steps.get(key, 0) + 1
        else:
            self.overlooked += 1

    def take(self) -> list[Fact]:
        """What is to be told; from here on it is forgotten."""
        checks, self._checks = self._checks, {}
        steps, self._steps = self._steps, {}
        facts = [
            Fact(ip=parse_ip(address), step="check", detail=seen.asker, count=seen.count)
            for address, seen in checks.items()
            if address
        ]
        facts += (
            Fact(ip=ip, step=step, detail=detail, count=count) for (ip, step, detail), count in steps.items()
        )
        return facts

    async def keep_telling(
        self, tell: Callable[[Sequence[Fact]], Awaitable[object]], every_seconds: float = TELL_SECONDS
    ) -> None:
        """Until cancelled. What a silent gate does not hear is lost: it is there to help, not to prove."""
        while True:
            await asyncio.sleep(every_seconds)
            if self.overlooked:
                log.info("not told to the gate: %d steps of more stations than join at once", self.overlooked)
                self.overlooked = 0
            facts = iter(self.take())
            while some := list(islice(facts, MOST_FACTS_AT_ONCE)):
                try:
                    await tell(some)
                except (GateUnavailable, GateRefused) as error:
                    log.debug("the gate did not hear what was seen: %s", error)
                    break


def who_asks(head: bytes) -> str:
    """Whose connectivity check this request is, such as `Apple`; empty for any other page."""
    head = head[:LOOKED_AT_BYTES]
    target = _TARGET.match(head)
    if target is None:
        return ""
    named = _HOST.search(head)
    host = (target[1] or (named[1] if named else b"")).strip().lower().rstrip(b".")
    path = target[2] or b"/"
    if check := find(host.decode("latin-1"), path.decode("latin-1")):
        return check.asker
    if path in _BY_PATH:
        return _BY_PATH[path]
    return next((asker for program, asker in _BY_PROGRAM.items() if program in head), "")
