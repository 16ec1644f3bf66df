"""What the head office asks of its database; SQLite answers in `sqlite/`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from sync.envelope import Line
from sync.headoffice.follow.storage import FollowStorage
from sync.headoffice.keys import StoredKey
from sync.headoffice.projection import Change
from sync.headoffice.roaming import Honoured, RefusalKey, Wish

Role = Literal["viewer", "marketing"]
ROLES: tuple[Role, ...] = ("viewer", "marketing")


class StorageUnavailable(Exception):
    """The database cannot be used now; the text is one sentence with the cause."""


class AlreadyThere(Exception):
    """What should be added has been added before; the text says what."""


class NotThere(Exception):
    """What is named does not exist; the text says what does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A checked line with the change it makes, None for a type that is only kept."""

    line: Line
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that is kept aside."""

    raw: bytes
    key: str
    message: str
    epoch: str | None
    seq: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What an upload tells about its box; None where it says nothing."""

    version: str | None = None
    clock: str | None = None
    skew_seconds: int | None = None
    backlog: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One upload, ready to be kept."""

    venue_id: str
    accepted: Sequence[Accepted]
    refused: Sequence[Refused]
    health: Health
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of an upload: new and repeated events, and every line that was kept aside."""

    stored: int
    repeated: int
    refused: Sequence[Refused]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVenue:
    """A store as it was added; the key is shown here and never again."""

    venue_id: str
    venue_number: int
    brand_id: str
    name: str
    upload_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One entry of the ordered log for a box."""

    seq: int
    command_id: str
    kind: str
    issued_at: str
    expires_at: str | None
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Somebody who may sign in to the console."""

    login: str
    password_hash: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueToday:
    """A line of the console: a store, its box and its day so far."""

    venue_id: str
    name: str
    brand_id: str
    last_seen_at: datetime | None
    health: Health
    leads: int
    sessions: int
    visits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestLead:
    """A line of the console's list of leads."""

    lead_id: str
    venue_id: str
    venue_name: str
    name: str | None
    registered_at: datetime | None
    marketing: bool


class Storage(Protocol):
    """Every question head office has. All raise StorageUnavailable while the database cannot answer."""

    @property
    def follow(self) -> FollowStorage: ...

    async def close(self) -> None: ...
    async def ready(self) -> None: ...

    async def receive(self, batch: Batch) -> Receipt:
        """Keeps a batch in one transaction; returns when it is durable. What is there already stays."""
        ...

    async def page(self, table: str, after_seq: int, limit: int) -> list[dict[str, Any]]:
        """Rows behind `after_seq` in the order of seq. No row ever appears behind one already shown."""
        ...

    async def add_command(
        self, venue_id: str, kind: str, body: dict[str, Any], expires_at: datetime | None, now: datetime
    ) -> int: ...
    async def commands(self, venue_id: str, after_seq: int, limit: int) -> list[Command]: ...
    async def venues_with_commands(self, after_seq: int) -> dict[str, int]:
        """The last command's seq of each venue that has one behind `after_seq`."""
        ...

    async def find_key(self, key_id: str) -> StoredKey | None: ...
    async def add_key(self, key: StoredKey, now: datetime) -> None: ...
    async def add_brand(self, brand_id: str, name: str, now: datetime) -> None: ...
    async def add_venue(self, venue_id: str, name: str, brand_id: str, now: datetime) -> NewVenue: ...

    async def set_roaming(self, brand_id: str, on: bool) -> None:
        """Whether sessions of the brand's stores hold in its others. Raises NotThere."""
        ...

    async def honoured_before(self, wish: Wish, now: datetime) -> Honoured | RefusalKey | None:
        """What the same wish was answered before, None for a new one."""
        ...

    async def honour(self, wish: Wish, now: datetime) -> Honoured | RefusalKey:
        """Decides on a wish. An older grant of the same session is taken back by a command in one go."""
        ...

    async def put_staff(self, staff: Staff, now: datetime) -> None: ...
    async def find_staff(self, login: str) -> Staff | None: ...
    async def add_sign_in(self, token_sha256: str, login: str, expires_at: datetime) -> None: ...
    async def find_sign_in(self, token_sha256: str, now: datetime) -> Staff | None: ...
    async def end_sign_in(self, token_sha256: str) -> None: ...

    async def venues_since(self, day_start: datetime) -> list[VenueToday]: ...
    async def latest_leads(self, limit: int) -> list[LatestLead]: ...
    async def purge(self, events_before: datetime, rejected_before: datetime, now: datetime) -> int: ...
