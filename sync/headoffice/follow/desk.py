"""The desk: hears what platforms tell, and answers. All that must not be lost is in the database."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sync.headoffice.bell import Bell
from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.decide import Says
from sync.headoffice.follow.event import Answer, FollowEvent, Platform
from sync.headoffice.follow.replies import language_of, reply
from sync.headoffice.follow.storage import FollowStorage, Hearing, Terms
from sync.i18n import Language
from sync.model import Clock
from sync.rate import RateLimit

log = logging.getLogger("yingke.headoffice.follow")

# Six digits and a store's worth of living ones: who guesses must not use up what others wait with.
_TRIES, _TRY_REFILL_SECONDS = 10, 60.0
_MOST_PEOPLE: Final = 50_000
# WeChat cuts the line after 5 s; the answer must leave before, with or without the platform's word.
ASKING_SECONDS: Final = 1.5
_TELL_OF_NO_UNFOLLOW: Final = ("instagram",)


class Desk:
    """Our accounts, and the one place where their events are heard."""

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        storage: FollowStorage,
        terms: Terms,
        languages: Mapping[str, Language],
        default_language: str,
        bell: Bell,
        clock: Clock,
        asking_seconds: float = ASKING_SECONDS,
    ) -> None:
        self.accounts = {account.name: account for account in accounts}
        self.platforms: dict[str, Platform] = {}
        self._storage = storage
        self._terms = terms
        self._languages = languages
        self._default_language = default_language
        self._bell = bell
        self._clock = clock
        self._asking_seconds = asking_seconds
        self._tries = RateLimit(
            burst=_TRIES, refill_seconds=_TRY_REFILL_SECONDS, seconds=clock.boottime, keys=_MOST_PEOPLE
        )

    async def hear(self, event: FollowEvent) -> Answer:
        """Raises StorageUnavailable: then nothing is kept, and the platform tells it again."""
        account = self.accounts[event.account]
        hearing = Hearing(event=event)
        if event.code is not None and self._tries.take(f"{event.account} {event.subject_id}"):
            # Digits can be guessed, the ref of a scene cannot. Also in a link: that she follows is heard all
            # the same, what she guessed is not.
            hearing = Hearing(event=replace(event, code=None), too_often=True)
        elif event.kind == "message" and (event.code is not None or event.scene is not None):
            hearing = replace(hearing, platform_says=await self._look(event))
        heard = await self._storage.hear(
            account, hearing, self._terms, self._words_of(account), self._clock.now()
        )
        if heard.venue_id is not None:
            self._bell.ring(heard.venue_id)
        return heard.answer

    async def _look(self, event: FollowEvent) -> bool | None:
        """Whether she follows, asked where we do not know it, or were not told that she left."""
        is_known = await self._storage.is_known(event.account, event.subject_id)
        if is_known and event.platform not in _TELL_OF_NO_UNFOLLOW:
            return None
        says = await self._ask(event)
        if is_known and says is False:
            await self.hear(_left_before(event))
        return says

    async def _ask(self, event: FollowEvent) -> bool | None:
        platform = self.platforms.get(event.account)
        if platform is None:
            return None
        try:
            async with asyncio.timeout(self._asking_seconds):
                return await platform.is_following(event.subject_id)
        except TimeoutError:
            return None

    def _words_of(self, account: Account) -> Callable[[Says, str | None, str | None], Answer]:
        language = self._languages[language_of(account, self._default_language)]
        return lambda says, link, code: reply(account, language, says, link, code)


def _left_before(event: FollowEvent) -> FollowEvent:
    """That she is gone shows when she writes; the platform never said when."""
    return replace(
        event,
        kind="unfollow",
        scene=None,
        code=None,
        occurred_at=event.occurred_at - timedelta(seconds=1),
        dedupe_key=f"gone before {event.dedupe_key}",
    )
