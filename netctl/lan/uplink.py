"""Whether there is internet: the resolvers of the uplink are asked what phones ask, and must answer.

A resolver that keeps answers may go on answering a while after its line died. Phones that ask the same names
get the same answers then and find the portal by them, so nobody is worse off until we notice.
"""

import asyncio
import contextlib
import ipaddress
import itertools
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from netctl.lan.dns_message import address_query, is_real_answer
from sync.config import Config

log = logging.getLogger(__name__)

ROUND_SECONDS: Final = 2.0
"""How long a round waits for an answer; the pause between rounds while the uplink is down or in doubt."""

_CALM_SECONDS = 5.0
_SILENT_ROUNDS = 2
_MOST_RESOLVERS = 4
_DNS_PORT = 53
# Theirs are kept for the shortest time of all checks' names: from seconds to a few minutes.
_NAMES = ("captive.apple.com", "connectivitycheck.gstatic.com", "www.msftconnecttest.com")

Resolver = tuple[str, int]
Ask = Callable[[Sequence[Resolver], str], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is known of the uplink. At the start it is thought to be up, until it proves otherwise."""

    up: bool = True
    silent_rounds: int = 0

    @property
    def pause_seconds(self) -> float:
        return _CALM_SECONDS if self.up and not self.silent_rounds else ROUND_SECONDS


def judged(before: Judgement, *, has_route: bool, answered: bool) -> Judgement:
    """After one more round: down without a way out or after two silent rounds, up after one answer."""
    if not has_route:
        return Judgement(up=False, silent_rounds=_SILENT_ROUNDS)
    if answered:
        return Judgement(up=True)
    silent = min(before.silent_rounds + 1, _SILENT_ROUNDS)
    return Judgement(up=before.up and silent < _SILENT_ROUNDS, silent_rounds=silent)


def resolvers(config: Config) -> list[Resolver]:
    """Whom dnsmasq asks: those of the settings, else those the uplink named (resolv.conf(5))."""
    named: Sequence[str] = config.network.dns_servers
    if not named:
        try:
            lines = config.network.uplink_resolv_file.read_text(errors="replace").splitlines()
        except OSError:
            return []
        named = [words[1] for words in map(str.split, lines) if len(words) > 1 and words[0] == "nameserver"]
    return [(address, _DNS_PORT) for address in named if _is_address(address)][:_MOST_RESOLVERS]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


async def ask(named: Sequence[Resolver], name: str) -> bool:
    """Asks all of them at once for the address of `name`; whether one gives a real answer in a round."""
    if not named:
        return False
    asking = [asyncio.create_task(_ask_one(resolver, name)) for resolver in named]
    try:
        async with asyncio.timeout(ROUND_SECONDS):
            for answer in asyncio.as_completed(asking):
                if await answer:
                    return True
    except TimeoutError:
        pass
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    return False


async def _ask_one(resolver: Resolver, name: str) -> bool:
    loop = asyncio.get_running_loop()
    query = address_query(secrets.randbelow(1 << 16), name)
    family = socket.AF_INET6 if ":" in resolver[0] else socket.AF_INET
    # No way there, or nobody listens: as good as silence.
    with (
        contextlib.suppress(OSError),
        socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as asking,
    ):
        # Connected, so that nobody else's datagrams are heard.
        asking.connect(resolver)
        asking.send(query)
        while True:
            heard = await loop.sock_recv(asking, 4096)
            if is_real_answer(heard, query):
                return True
            if heard[:2] == query[:2]:
                # SERVFAIL or REFUSED: it will say nothing better.
                return False
    return False


class Uplink:
    """Looked at again every `pause_seconds`; `changed` is told each time `up` is another than before."""

    def __init__(
        self,
        config: Config,
        has_route: Callable[[], bool],
        changed: Callable[[bool], Awaitable[None]],
        ask: Ask = ask,
    ) -> None:
        """`has_route`: whether there is a default route over the uplink; it may block."""
        self._config = config
        self._has_route = has_route
        self._changed = changed
        self._ask = ask
        self._judgement = Judgement()
        self._told = True
        self._names = itertools.cycle(_NAMES)

    @property
    def up(self) -> bool:
        return self._judgement.up

    @property
    def pause_seconds(self) -> float:
        """Until it is worth looking again: short while the uplink is down or in doubt."""
        return self._judgement.pause_seconds

    async def look(self) -> None:
        """One round. What `changed` raises comes out of here, and it is told again after the next round."""
        has_route = await asyncio.to_thread(self._has_route)
        named = await asyncio.to_thread(resolvers, self._config)
        answered = has_route and await self._ask(named, next(self._names))
        self._judgement = judged(self._judgement, has_route=has_route, answered=answered)
        if self.up != self._told:
            log.warning("the uplink is %s", "up again" if self.up else "down: there is no internet")
            await self._changed(self.up)
            self._told = self.up
