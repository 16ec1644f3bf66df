"""Whether a session of one store holds in another of the brand, and for how long. Pure.

She shows that it is hers with two things: the code that her session was given, and the contact she
registered with. Where a time is not sure, it is counted so that she rather gets less than too much.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

RefusalKey = Literal[
    "roaming_off", "unknown", "same_store", "other_brand", "wrong_contact", "over", "moved", "too_often"
]
SENTENCES: Final[dict[RefusalKey, str]] = {
    "roaming_off": "roaming is switched off for this brand",
    "unknown": "no session that was told of has this code",
    "same_store": "the session with this code is one of this very store",
    "other_brand": "the session with this code is one of another brand",
    "wrong_contact": "that is not the contact the session was registered with",
    "over": "the session with this code is over",
    "moved": "the session with this code goes on in another store by now",
    "too_often": "this code, or codes of this store, were tried too often",
}
UNSURE_SECONDS: Final = 30 * 60
"""Most that is left of a session of which nobody knows when it began: what the gate restores after a boot."""

# She has not signed out and nobody has sent her away: she left the store, which is what roaming is for.
_LEFT_ONLY: Final = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A box asks for a shopper; `contact` is E.164 or an e-mail address in lower case."""

    venue_id: str
    request_id: str
    code_sha256: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """When something happened, as its box told: by a clock that was right or not, and since its boot."""

    at: datetime
    synced: bool
    monotonic_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The session that has the code. `later`: any later event of the same boot, told with a right clock."""

    venue_id: str
    brand_id: str
    session_id: str
    lead_id: str | None
    phone: str | None
    email: str | None
    seconds_granted: int
    ended_because: str | None
    started: Told
    received_at: datetime
    later: Told | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Honoured:
    """The session holds at the wish's store until `ends_at`."""

    grant_id: str
    origin_session_id: str
    lead_id: str
    ends_at: datetime


def decide(
    wish: Wish, brand_id: str, roaming_on: bool, origin: Origin | None, now: datetime, grant_id: str
) -> Honoured | RefusalKey:
    """The contact is compared before anything of the session is told."""
    if not roaming_on:
        return "roaming_off"
    if origin is None or origin.lead_id is None:
        return "unknown"
    if origin.venue_id == wish.venue_id:
        return "same_store"
    if origin.brand_id != brand_id:
        return "other_brand"
    if wish.contact not in (origin.phone, origin.email):
        return "wrong_contact"
    try:
        ends_at = surely_ends(origin)
    except OverflowError:
        # A store said what no calendar holds: nothing is owed, and nobody else's answer waits for it.
        return "over"
    if origin.ended_because not in (None, _LEFT_ONLY) or whole_seconds(ends_at - now) < 1:
        return "over"
    return Honoured(
        grant_id=grant_id, origin_session_id=origin.session_id, lead_id=origin.lead_id, ends_at=ends_at
    )


def surely_ends(origin: Origin) -> datetime:
    """When the session is over for sure. It began before head office heard of it, whatever a clock says.

    Raises OverflowError.
    """
    started = origin.started
    if started.synced:
        return min(started.at, origin.received_at) + timedelta(seconds=origin.seconds_granted)
    if origin.later is None:
        return origin.received_at + timedelta(seconds=min(origin.seconds_granted, UNSURE_SECONDS))
    between = timedelta(milliseconds=origin.later.monotonic_ms - started.monotonic_ms)
    return min(origin.later.at - between, origin.received_at) + timedelta(seconds=origin.seconds_granted)


def whole_seconds(left: timedelta) -> int:
    """Rounded down; nothing is left of what is behind."""
    return max(0, int(left.total_seconds()))
