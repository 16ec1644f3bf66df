"""See `FollowStorage` for what each question means."""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.event import WhyNot
from sync.headoffice.follow.storage import (
    Best,
    BoardRow,
    Heard,
    Hearing,
    Member,
    Reply,
    SeenGrant,
    StoreFollows,
    Terms,
    ToCheck,
    Trouble,
    Unminted,
)
from sync.headoffice.sqlite import follow, follow_events, follow_pool, follow_staff, follow_telling
from sync.model import to_wire

P = ParamSpec("P")
T = TypeVar("T")


# A transaction of more would keep the events of the platforms waiting.
_AT_ONCE = 200
Each = TypeVar("Each")


def _in_parts(things: Sequence[Each]) -> Iterator[Sequence[Each]]:
    for start in range(0, len(things), _AT_ONCE):
        yield things[start : start + _AT_ONCE]


class Run(Protocol):
    """Runs a function of a connection, as a reader or inside the writing transaction."""

    async def __call__(
        self, fn: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T: ...


class SqliteFollow:
    def __init__(self, read: Run, write: Run) -> None:
        self._read = read
        self._write = write

    async def hear(
        self, account: Account, hearing: Hearing, terms: Terms, reply: Reply, now: datetime
    ) -> Heard:
        return await self._write(follow.hear, account, hearing, terms, reply, now)

    async def is_known(self, account: str, subject: str) -> bool:
        return await self._read(follow_events.is_known, account, subject)

    async def to_check(self, now: datetime, limit: int) -> list[ToCheck]:
        return await self._read(follow_events.to_check, now, limit)

    async def checked(self, person: ToCheck, next_at: datetime | None) -> None:
        await self._write(follow_events.checked, person, next_at)

    async def grant_key_of(self, venue_number: int) -> str | None:
        return await self._read(follow_events.grant_key_of, venue_number)

    async def seen_grant(self, grant_id: str) -> SeenGrant | None:
        return await self._read(follow_events.seen_grant, grant_id)

    async def reserve(
        self, accounts: Sequence[Account], each: int, now: datetime, venues: Collection[str] | None = None
    ) -> int:
        """What is missing is looked up by a reader: the writer is busy with uploads and events."""
        brands = [(account.name, json.dumps(account.brands)) for account in accounts]
        wanted = await self._read(follow_pool.missing, brands, each, now, venues)
        return sum([await self._write(follow_pool.reserve, some) for some in _in_parts(wanted)])

    async def unminted(self, account: str, limit: int) -> list[Unminted]:
        return await self._read(follow_pool.unminted, account, limit)

    async def minted(
        self, codes: Sequence[tuple[Unminted, str | None]], expires_at: datetime, now: datetime
    ) -> set[str]:
        return await self._write(follow_pool.minted, codes, expires_at, now)

    async def trouble(self, account: str, why: WhyNot | None, now: datetime) -> None:
        await self._write(follow_pool.trouble, account, why, now)

    async def troubles(self) -> list[Trouble]:
        return await self._read(follow_pool.troubles)

    async def tell(
        self,
        accounts: Sequence[Account],
        week: str,
        since: datetime,
        now: datetime,
        venues: Collection[str] | None = None,
    ) -> set[str]:
        told: set[str] = set()
        # Without an account there is nothing to sign for.
        keyless = await self._read(follow_telling.without_keys) if accounts else []
        for some in _in_parts(keyless):
            told |= await self._write(follow_telling.give_keys, some, now)
        bodies = await self._read(follow_telling.due, accounts, week, to_wire(since), venues)
        for few in _in_parts(list(bodies.items())):
            told |= await self._write(follow_telling.tell, few, now)
        return told

    async def enlist(self, venue_id: str, name: str, now: datetime) -> Member:
        return await self._write(follow_staff.enlist, venue_id, name, now)

    async def dismiss(self, venue_id: str, staff_ref: str, now: datetime) -> None:
        await self._write(follow_staff.dismiss, venue_id, staff_ref, now)

    async def members(self, venue_id: str) -> list[Member]:
        return await self._read(follow_staff.members, venue_id)

    async def board(self, venue_id: str, since: datetime, until: datetime) -> list[BoardRow]:
        return await self._read(follow_staff.board, venue_id, to_wire(since), to_wire(until))

    async def best_since(self, since: datetime, limit: int) -> list[Best]:
        return await self._read(follow_staff.best_since, to_wire(since), limit)

    async def follows_since(self, since: datetime) -> list[StoreFollows]:
        return await self._read(follow_staff.follows_since, to_wire(since))

    async def purge(self, now: datetime) -> int:
        return await self._write(follow_events.purge, now)
