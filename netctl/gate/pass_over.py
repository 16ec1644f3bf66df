"""After a temporary pass the phone is to ask again: it is thrown off our own access point, and joins anew.

A phone that was told it is online does not look again by itself: Android asks every ten minutes, and only
where it knows that it is captive (AOSP NetworkMonitor). Its page has led back to the start meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from netctl.api import Mac

GRACE_SECONDS: Final = 5.0
"""The open page looks once more within this; who goes on from there is not thrown off."""


class PassOver:
    """Called for each pass that ran out. `is_captive` says whether its station still waits."""

    def __init__(
        self,
        deauthenticate: Callable[[Mac], Awaitable[bool]],
        is_captive: Callable[[Mac], bool],
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._deauthenticate = deauthenticate
        self._is_captive = is_captive
        self._grace_seconds = grace_seconds
        self._waiting: set[asyncio.Task[None]] = set()

    def __call__(self, mac: Mac) -> None:
        task = asyncio.create_task(self._throw_off(mac))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _throw_off(self, mac: Mac) -> None:
        await asyncio.sleep(self._grace_seconds)
        if self._is_captive(mac):
            await self._deauthenticate(mac)
