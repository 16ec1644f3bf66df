"""What the desk and its pool ask of the database."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sync.headoffice.follow.accounts import Account
from sync.headoffice.follow.decide import Says
from sync.headoffice.follow.event import Answer, FollowEvent, WhyNot
from sync.headoffice.follow.scene import SceneKind

CreditKind = Literal["follow", "registration"]
Reply = Callable[[Says, str | None, str | None], Answer]
"""The words for a key, a link and a code (both None without a grant)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a grant is worth: the link lives `grant_minutes`, the session `session_seconds`.

    `links` is where links lead, with `{venue_id}` and `{venue_number}` in it where stores have names of
    their own; empty: replies have no link.
    """

    links: str
    grant_minutes: int
    session_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """An event as it goes into the books. `platform_says`: whether she follows, as far as it was asked."""

    event: FollowEvent
    platform_says: bool | None = None
    too_often: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The answer, and the store whose log has news, if one has."""

    answer: Answer
    venue_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unminted:
    """A code whose QR is still to be asked for. `ref` is empty for a poster."""

    account: str
    code: str
    venue_id: str
    venue_number: int
    kind: SceneKind
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCheck:
    """Somebody who followed a day ago."""

    account: str
    subject: str
    followed_at: datetime
    check_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of a store's staff; `poster_url` is what the QR of the badge says, None while there is none."""

    venue_id: str
    staff_ref: str
    name: str
    poster_url: str | None
    code: str | None
    left_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """A line of a store's leaderboard."""

    staff_ref: str
    name: str
    follows: int
    registrations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """A member of staff among those of all stores."""

    venue_name: str
    row: BoardRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFollows:
    """A store's follows since a day: won by source, and how many ended, also of older ones."""

    venue_id: str
    name: str
    by_source: dict[str, int]
    claimed: int
    ended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    account: str
    why: WhyNot
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGrant:
    """A grant as its link's page shows it."""

    code: str | None
    venue_name: str
    expires_at: datetime
    opened: bool


class FollowStorage(Protocol):
    """All raise StorageUnavailable while the database cannot answer."""

    async def hear(
        self, account: Account, hearing: Hearing, terms: Terms, reply: Reply, now: datetime
    ) -> Heard:
        """The event, what is decided, the command and the answer: one transaction. Told again: the same."""
        ...

    async def is_known(self, account: str, subject: str) -> bool:
        """Whether she is known to follow."""
        ...

    async def to_check(self, now: datetime, limit: int) -> list[ToCheck]: ...
    async def checked(self, person: ToCheck, next_at: datetime | None) -> None: ...
    async def grant_key_of(self, venue_number: int) -> str | None: ...
    async def seen_grant(self, grant_id: str) -> SeenGrant | None: ...

    async def reserve(
        self, accounts: Sequence[Account], each: int, now: datetime, venues: Collection[str] | None = None
    ) -> int:
        """Fills pools that are half empty, of all stores or these, and gives posters and badges their codes;
        returns how many."""
        ...

    async def unminted(self, account: str, limit: int) -> list[Unminted]: ...
    async def minted(
        self, codes: Sequence[tuple[Unminted, str | None]], expires_at: datetime, now: datetime
    ) -> set[str]:
        """Keeps what the QRs say (None: digits only) and tells the stores; returns those with news."""
        ...

    async def trouble(self, account: str, why: WhyNot | None, now: datetime) -> None:
        """None: there is none any more, and posters and badges without a QR are asked for again."""
        ...

    async def troubles(self) -> list[Trouble]: ...

    async def tell(
        self,
        accounts: Sequence[Account],
        week: str,
        since: datetime,
        now: datetime,
        venues: Collection[str] | None = None,
    ) -> set[str]:
        """Tells all stores, or these, what is new of key, accounts, staff and board; returns those told."""
        ...

    async def enlist(self, venue_id: str, name: str, now: datetime) -> Member:
        """Raises NotThere (the store)."""
        ...

    async def dismiss(self, venue_id: str, staff_ref: str, now: datetime) -> None:
        """Raises NotThere."""
        ...

    async def members(self, venue_id: str) -> list[Member]: ...
    async def board(self, venue_id: str, since: datetime, until: datetime) -> list[BoardRow]: ...
    async def best_since(self, since: datetime, limit: int) -> list[Best]: ...
    async def follows_since(self, since: datetime) -> list[StoreFollows]: ...
    async def purge(self, now: datetime) -> int: ...
