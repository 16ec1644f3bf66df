"""What the console shows: stores with their day, and the latest leads."""

import sqlite3
from datetime import datetime

from sync.headoffice.storage import Health, LatestLead, VenueToday
from sync.model import from_wire

_VENUES = """
    SELECT venue_id, name, brand_id, last_seen_at, version, clock, skew_seconds, backlog,
        (SELECT COUNT(*) FROM leads WHERE leads.venue_id = venues.venue_id AND deleted = 0
            AND registered_at >= :day_start) AS leads,
        (SELECT COUNT(*) FROM sessions WHERE sessions.venue_id = venues.venue_id
            AND started_at >= :day_start) AS sessions,
        (SELECT COUNT(*) FROM visits WHERE visits.venue_id = venues.venue_id
            AND started_at >= :day_start) AS visits
    FROM venues LEFT JOIN venue_health USING (venue_id)
    WHERE deleted = 0
    ORDER BY name, venue_id
"""
_LEADS = """
    SELECT leads.id, leads.venue_id, venues.name AS venue_name, leads.name, leads.registered_at,
        EXISTS (SELECT 1 FROM consents WHERE consents.venue_id = leads.venue_id AND lead_id = leads.id
            AND purpose = 'marketing' AND withdrawn_at IS NULL) AS marketing
    FROM leads JOIN venues USING (venue_id)
    WHERE leads.deleted = 0
    ORDER BY leads.registered_at DESC
    LIMIT :limit
"""


def venues_since(connection: sqlite3.Connection, day_start: str) -> list[VenueToday]:
    return [
        VenueToday(
            venue_id=row["venue_id"],
            name=row["name"],
            brand_id=row["brand_id"],
            last_seen_at=_time(row["last_seen_at"]),
            health=Health(
                version=row["version"],
                clock=row["clock"],
                skew_seconds=row["skew_seconds"],
                backlog=row["backlog"],
            ),
            leads=row["leads"],
            sessions=row["sessions"],
            visits=row["visits"],
        )
        for row in connection.execute(_VENUES, {"day_start": day_start})
    ]


def latest_leads(connection: sqlite3.Connection, limit: int) -> list[LatestLead]:
    return [
        LatestLead(
            lead_id=row["id"],
            venue_id=row["venue_id"],
            venue_name=row["venue_name"],
            name=row["name"],
            registered_at=_time(row["registered_at"]),
            marketing=bool(row["marketing"]),
        )
        for row in connection.execute(_LEADS, {"limit": limit})
    ]


def _time(text: str | None) -> datetime | None:
    return from_wire(text) if text else None
