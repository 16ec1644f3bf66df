"""What the console says of a store and of a lead: values -> the words' keys and numbers (pure)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sync.headoffice.follow.storage import StoreFollows
from sync.headoffice.storage import LatestLead, Role, VenueToday

Contact = Literal["never", "late", "fresh"]
ClockWord = Literal["right", "ahead", "behind", "unsynced", "unknown"]

# A quiet box still says that it is there every minute; five missed are no chance.
_LATE = timedelta(minutes=5)
_SKEW_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueView:
    """A store as the page shows it; `skew` is the size of a clock's error."""

    venue_id: str
    name: str
    contact: Contact
    unseen_for: timedelta | None
    version: str | None
    clock: ClockWord
    skew: timedelta
    backlog: int | None
    leads: int
    sessions: int
    visits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowsView:
    """A store's week: follows that platforms confirm, by what won them, and the others beside."""

    name: str
    verified: int
    page: int
    poster: int
    staff: int
    claimed: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadView:
    """A lead as somebody of this role sees it."""

    name: str | None
    venue_name: str
    registered_at: datetime | None
    marketing: bool


def view_venue(venue: VenueToday, now: datetime) -> VenueView:
    # Not less than a second: "in 0 seconds" is what CLDR makes of nothing.
    unseen_for = max(now - venue.last_seen_at, timedelta(seconds=1)) if venue.last_seen_at else None
    return VenueView(
        venue_id=venue.venue_id,
        name=venue.name,
        contact=_contact(unseen_for),
        unseen_for=unseen_for,
        version=venue.health.version,
        clock=_clock(venue),
        skew=timedelta(seconds=abs(venue.health.skew_seconds or 0)),
        backlog=venue.health.backlog,
        leads=venue.leads,
        sessions=venue.sessions,
        visits=venue.visits,
    )


def _contact(unseen_for: timedelta | None) -> Contact:
    if unseen_for is None:
        return "never"
    return "late" if unseen_for > _LATE else "fresh"


def _clock(venue: VenueToday) -> ClockWord:
    skew_seconds = venue.health.skew_seconds
    if skew_seconds is not None and abs(skew_seconds) > _SKEW_SECONDS:
        return "ahead" if skew_seconds > 0 else "behind"
    if venue.health.clock is None:
        return "unknown"
    return "unsynced" if venue.health.clock == "unsynced" else "right"


def view_follows(store: StoreFollows) -> FollowsView:
    """Scanned from her page and sent as digits are two ways of one thing; those who left are counted too."""
    won = store.by_source
    return FollowsView(
        name=store.name,
        verified=sum(won.values()),
        page=won.get("session", 0) + won.get("code", 0),
        poster=won.get("poster", 0),
        staff=won.get("staff", 0),
        claimed=store.claimed,
        left=store.ended,
    )


def view_lead(lead: LatestLead, role: Role) -> LeadView:
    name = lead.name if role == "marketing" or lead.name is None else masked(lead.name)
    return LeadView(
        name=name, venue_name=lead.venue_name, registered_at=lead.registered_at, marketing=lead.marketing
    )


def masked(name: str) -> str:
    """The first letter and three dots: the length of a name tells of it too."""
    return f"{name.strip()[:1]}•••"
