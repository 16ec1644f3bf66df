"""What follows from an event and from what is known: grant, credit, reply. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sync.headoffice.follow.event import FollowEvent
from sync.headoffice.follow.scene import SceneKind

Says = Literal[
    "online", "tap", "used", "expired", "unknown", "send_code", "follow_first", "too_often", "enough"
]

TAKEN_BACK_WITHIN: Final = timedelta(hours=24)
"""An unfollow so soon takes the credit back."""
TOO_OLD: Final = timedelta(hours=1)
"""An event that comes later than this changes what is known of her, but opens no gate."""
MOST_A_DAY: Final = 10
"""Grants for one follower within 24 hours: a family's phones, or a long day; not everybody in the queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a scene or a code stands for. `used_by`: the digest of who has been granted by it.

    `staff_ref`: whose badge it is, or with whose badge she came to the page; of somebody who works at the
    store today.
    """

    kind: SceneKind
    venue_id: str
    venue_number: int
    code: str
    ref: str | None = None
    staff_ref: str | None = None
    expires_at: datetime | None = None
    used_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Head office's word for one admission. Without `ref` and `code` only her link can bring it home: what
    is on a poster is everybody's, and no box knows whose station it is for."""

    grant_id: str
    venue_id: str
    expires_at: datetime
    ref: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known when the event comes in.

    `person`: her digest. `given`: a grant of hers that is still good, by the same source. `credited`: a
    follow of hers has been credited to somebody before. `platform_says`: whether she follows, as far as it
    was asked. `grants_of_a_day`: how many she was given within 24 hours, anywhere.
    """

    person: str
    source: Source | None = None
    following_since: datetime | None = None
    ended_at: datetime | None = None
    credited: bool = False
    credited_at: datetime | None = None
    given: Grant | None = None
    platform_says: bool | None = None
    grants_of_a_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`follows`: what is known of her from now on, None as before. `claims`: she acts as a follower, and the
    platform neither confirms nor denies it. `credit`: whose, by staff_ref."""

    follows: bool | None = None
    claims: bool = False
    grant: Grant | None = None
    credit: str | None = None
    takes_credit_back: bool = False
    says: Says | None = None


def decide(event: FollowEvent, known: Known, now: datetime, new: Grant, *, has_links: bool) -> Decision:
    """`new` is a grant made of fresh ids and its expiry; what is decided has the source's names in it."""
    if event.kind == "unfollow":
        return _ended(event, known)
    if known.ended_at is not None and event.occurred_at < known.ended_at:
        return Decision()  # told in the wrong order: she has left since
    if event.kind == "message" and known.following_since is None and known.platform_says is False:
        return Decision(says="follow_first")
    grant, says = _grant(event, known, now, new, has_links)
    late = now - event.occurred_at > TOO_OLD
    if event.kind == "message" and known.following_since is None and not _is_proof(event, known):
        return Decision() if late else Decision(claims=grant is not None, grant=grant, says=says)
    credit = _credit(event, known, now)
    if late:
        return Decision(follows=True, credit=credit)
    return Decision(follows=True, grant=grant, credit=credit, says=says)


def _ended(event: FollowEvent, known: Known) -> Decision:
    if known.following_since is not None and event.occurred_at < known.following_since:
        return Decision()  # told in the wrong order: she is back since
    soon = known.credited_at is not None and event.occurred_at - known.credited_at <= TAKEN_BACK_WITHIN
    return Decision(follows=False, takes_credit_back=soon)


def _credit(event: FollowEvent, known: Known, now: datetime) -> str | None:
    """A new follow by the badge, and a person only once: who leaves and comes back earns nobody anything,
    however she was won before.

    Where the badge's link carries digits, the follow is told first and the digits come a little later; where
    it leads to a login, the platform's own word of the follow overtakes her way back.
    """
    if known.credited or known.ended_at is not None or known.source is None:
        return None
    begins = event.kind == "follow" and known.following_since is None
    goes_on = event.kind in ("message", "follow") and known.following_since is not None
    just_began = goes_on and _recently(known, now)
    return known.source.staff_ref if begins or just_began else None


def _is_proof(event: FollowEvent, known: Known) -> bool:
    """LINE and Instagram let people write who follow nobody, and a bot those who are not in its channel."""
    return bool(known.platform_says) or event.platform not in ("line", "instagram", "telegram")


def _recently(known: Known, now: datetime) -> bool:
    return known.following_since is None or now - known.following_since <= TOO_OLD


def won_by(event: FollowEvent, known: Known, now: datetime) -> str:
    """What `follows` calls the source of a follow that has one."""
    assert known.source is not None
    if event.kind == "scan" or not _recently(known, now):
        return "known"
    if known.source.kind != "session":
        return known.source.kind
    return "session" if event.scene else "code"


def _grant(
    event: FollowEvent, known: Known, now: datetime, new: Grant, has_links: bool
) -> tuple[Grant | None, Says]:
    source = known.source
    if source is None:
        return None, "unknown" if event.scene or event.code else "send_code"
    own = source.kind == "session"
    if not own and not has_links:
        return None, "send_code"
    if known.given is not None:
        return known.given, "online" if own else "tap"
    if source.used_by is not None:
        return None, "used"
    if source.expires_at is not None and source.expires_at <= now:
        return None, "expired"
    if known.grants_of_a_day >= MOST_A_DAY:
        return None, "enough"
    grant = Grant(
        grant_id=new.grant_id,
        venue_id=source.venue_id,
        ref=source.ref if own else None,
        code=source.code if own else None,
        expires_at=new.expires_at,
    )
    return grant, "online" if own else "tap"
