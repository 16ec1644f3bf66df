"""After a temporary pass the phone is to ask again: it is thrown off our own access point, and joins anew.

A phone that was told it is online does not look again by itself: Android asks every ten minutes, and only
where it knows that it is captive (AOSP NetworkMonitor). Who has our page before her is not thrown off: the
page says that the minutes are over, and on an iPhone it would be closed with what was typed into it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from netctl.api import Mac
from netctl.gate.presences import Stay

GRACE_SECONDS: Final = 5.0
"""An open page looks once more within this, and the portal tells of it within a second."""
LOOKS_FOR: Final = timedelta(seconds=60)
_OUR_PAGES: Final = frozenset({"portal", "form"})


class PassOver:
    """Called for each pass that ran out. `waits` says whether its station is to be asked anew."""

    def __init__(
        self,
        deauthenticate: Callable[[Mac], Awaitable[bool]],
        waits: Callable[[Mac], bool],
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._deauthenticate = deauthenticate
        self._waits = waits
        self._grace_seconds = grace_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, mac: Mac) -> None:
        task = asyncio.create_task(self._throw_off(mac))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _throw_off(self, mac: Mac) -> None:
        await asyncio.sleep(self._grace_seconds)
        if self._waits(mac):
            await self._deauthenticate(mac)


def is_looking(stay: Stay | None, now: datetime) -> bool:
    """Whether a page of ours was opened there a moment ago. Pure."""
    steps = stay.steps if stay is not None else ()
    return any(step.step in _OUR_PAGES and (step.last_at or step.at) > now - LOOKS_FOR for step in steps)
