"""Keeps every store's stock of codes full, and stores told of what they offer."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sync.headoffice.bell import Bell
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import CannotMint, Platform
from sync.headoffice.follow.scene import Scene, to_mint
from sync.headoffice.follow.storage import FollowStorage, Unminted
from sync.headoffice.follow.weeks import start_of_week, week_name
from sync.model import Clock

log = logging.getLogger("yingke.headoffice.follow")

_AT_ONCE: Final = 8
_BATCH: Final = 64
_MINT_SECONDS: Final = 15.0
_NO_PERMISSION_SECONDS: Final = 3600.0
_UNAVAILABLE_SECONDS: Final = 30.0
# After so many failures in a row stores get digits without a QR: better than nothing to offer.
_PATIENCE: Final = 3


@dataclass(slots=True)
class _Mood:
    """How an account's platform answered last: until when it is not asked, and how often it failed."""

    silent_until: float = 0.0
    failures: int = 0
    gives_none: bool = False


class Pool:
    """One pass at a time; all that it has done is in the database."""

    def __init__(
        self,
        accounts: Sequence[Account],
        platforms: dict[str, Platform],
        *,
        storage: FollowStorage,
        bell: Bell,
        clock: Clock,
        timezone: ZoneInfo,
        codes_per_store: int,
        code_days: int,
    ) -> None:
        self._accounts = accounts
        self._platforms = platforms
        self._storage = storage
        self._bell = bell
        self._clock = clock
        self._timezone = timezone
        self._codes_per_store = codes_per_store
        self._code_lasts = timedelta(days=code_days)
        self._moods = {account.name: _Mood() for account in accounts}

    async def fill(self, venues: Collection[str] | None = None) -> None:
        """One pass over all accounts and all stores, or these. Raises StorageUnavailable."""
        served = [account for account in self._accounts if account.name in self._platforms]
        await self._storage.reserve(served, self._codes_per_store, self._clock.now(), venues)
        await asyncio.gather(*(self._mint_all(account) for account in served))
        now = self._clock.now()
        week, since = week_name(now, self._timezone), start_of_week(now, self._timezone)
        # An account that cannot be used now is offered nowhere; a plain link needs nothing of ours.
        offered = [account for account in self._accounts if account in served or account.proof == "claimed"]
        self._ring(await self._storage.tell(offered, week, since, now, venues))

    async def _mint_all(self, account: Account) -> None:
        while waiting := await self._storage.unminted(account.name, _BATCH):
            until = self._clock.now() + self._code_lasts
            done = await self._mint(account, waiting)
            if not done:
                return
            self._ring(await self._storage.minted(done, until, self._clock.now()))

    async def _mint(self, account: Account, waiting: list[Unminted]) -> list[tuple[Unminted, str | None]]:
        """Those that are settled, each with what its QR says, or None for digits only."""
        mood = self._moods[account.name]
        if self._clock.boottime() < mood.silent_until:
            return [(code, None) for code in waiting] if mood.gives_none else []
        # The first alone: a platform that refuses refuses all, and its quota is for better things.
        first, *others = waiting
        settled = [(first, await self._ask(account, first))]
        if mood.silent_until > self._clock.boottime():
            return [(code, None) for code in waiting] if mood.gives_none else []
        places = asyncio.Semaphore(_AT_ONCE)

        async def ask(code: Unminted) -> tuple[Unminted, str | None]:
            async with places:
                return code, await self._ask(account, code)

        settled += await asyncio.gather(*(ask(code) for code in others))
        return [each for each in settled if each[1] is not None or mood.gives_none]

    async def _ask(self, account: Account, code: Unminted) -> str | None:
        mood, now = self._moods[account.name], self._clock.now()
        scene = Scene(kind=code.kind, venue_number=code.venue_number, ref=code.ref or None)
        seconds = int(self._code_lasts.total_seconds()) if code.kind == "session" else None
        try:
            async with asyncio.timeout(_MINT_SECONDS):
                minted = await self._platforms[account.name].mint(
                    to_mint(account.platform, scene, code.code), seconds
                )
        except (CannotMint, TimeoutError) as error:
            why = error.why if isinstance(error, CannotMint) else "unavailable"
            mood.failures += 1
            lasts = why != "unavailable"
            mood.gives_none = lasts or mood.failures >= _PATIENCE
            pause = _NO_PERMISSION_SECONDS if lasts else _UNAVAILABLE_SECONDS
            mood.silent_until = self._clock.boottime() + pause
            log.warning("account %s gives no QR codes now: %s", account.name, why)
            await self._storage.trouble(account.name, why, now)
            return None
        if mood.failures or mood.gives_none or mood.silent_until == 0.0:
            mood.failures, mood.gives_none, mood.silent_until = 0, False, self._clock.boottime() - 1
            await self._storage.trouble(account.name, None, now)
        return minted.url

    def _ring(self, venues: set[str]) -> None:
        for venue_id in venues:
            self._bell.ring(venue_id)
