"""A day after a follow the platform is asked whether she is still there: pushes get lost."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sync.headoffice.follow.desk import Desk
from sync.headoffice.follow.event import FollowEvent, Platform
from sync.headoffice.follow.storage import FollowStorage, ToCheck

log = logging.getLogger("yingke.headoffice.follow")

_AT_A_TIME: Final = 100
_AGAIN: Final = timedelta(hours=12)
_LONG_ENOUGH: Final = timedelta(days=3)


async def reconcile(desk: Desk, storage: FollowStorage, now: datetime) -> int:
    """Asks about those whose day is over; returns about how many. Raises StorageUnavailable."""
    people = await storage.to_check(now, _AT_A_TIME)
    for person in people:
        await _check(desk, desk.platforms, storage, person, now)
    return len(people)


async def _check(
    desk: Desk, platforms: Mapping[str, Platform], storage: FollowStorage, person: ToCheck, now: datetime
) -> None:
    platform = platforms.get(person.account)
    follows = await platform.is_following(person.subject) if platform else None
    if follows is False:
        await desk.hear(_unfollow(desk, person))
        return
    await storage.checked(person, None if follows else next_look(person, now))


def next_look(person: ToCheck, now: datetime) -> datetime | None:
    """When to ask again about somebody of whom the platform could not tell; three days are enough."""
    return now + _AGAIN if now - person.followed_at < _LONG_ENOUGH else None


def _unfollow(desk: Desk, person: ToCheck) -> FollowEvent:
    """She left within the day that is over, whenever it was: so the credit is taken back."""
    return FollowEvent(
        platform=desk.accounts[person.account].platform,
        account=person.account,
        subject_id=person.subject,
        kind="unfollow",
        scene=None,
        code=None,
        occurred_at=person.followed_at + timedelta(hours=24),
        dedupe_key=f"not there any more {person.subject} {person.followed_at.isoformat()}",
    )
