"""The tables the data team pulls: every column, its kind, and whether it is personal."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "time", "count", "integer", "histogram"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `personal` ones are shown only to keys with the scope `pii`."""

    name: str
    kind: Kind
    meaning: str
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; beside its own columns each has those of BASE."""

    name: str
    meaning: str
    columns: tuple[Column, ...]


BASE = (
    Column("id", "text", "The row's name, for good."),
    Column("seq", "integer", "Grows with every change of any row; pull from the highest you have."),
    Column("brand_id", "text", "The brand the store belonged to when the row was written."),
    Column("venue_id", "text", "The store."),
    Column("updated_at", "time", "When head office last changed the row."),
)

_VENUES = Table(
    "venues",
    "The stores.",
    (
        Column("venue_number", "integer", "The store's number in grants."),
        Column("name", "text", "Its name."),
    ),
)
_LEADS = Table(
    "leads",
    "Contacts that shoppers gave.",
    (
        Column("name", "text", "As she wrote it.", personal=True),
        Column("phone", "text", "E.164.", personal=True),
        Column("email", "text", "Her e-mail address.", personal=True),
        Column("locale", "text", "The language of the page she saw."),
        Column("method", "text", "How she registered."),
        Column("registered_at", "time", "When she registered first."),
    ),
)
_IDENTITIES = Table(
    "identities",
    "Accounts of leads on platforms.",
    (
        Column("lead_id", "text", "The lead."),
        Column("platform", "text", "The platform."),
        Column("account", "text", "Our account there."),
        Column("subject", "text", "Her name for our account there.", personal=True),
    ),
)
_CONSENTS = Table(
    "consents",
    "Ticked boxes, with the exact sentence by its digest.",
    (
        Column("lead_id", "text", "The lead."),
        Column("purpose", "text", "access_terms or marketing."),
        Column("notice_version", "text", "The version of the text she saw."),
        Column("notice_sha256", "text", "The digest of the text she saw."),
        Column("language", "text", "Its language."),
        Column("given_at", "time", "When she ticked the box."),
        Column("method", "text", "How she gave it."),
        Column("withdrawn_at", "time", "When she took it back."),
    ),
)
_VISITS = Table(
    "visits",
    "Stays of stations on the stores' WiFi.",
    (
        Column("session_id", "text", "The session she had meanwhile."),
        Column("lead_id", "text", "The lead, when she had registered."),
        Column("started_at", "time", "When she came."),
        Column("ended_at", "time", "When she left."),
        Column("dwell_seconds", "count", "How long she stayed."),
    ),
)
_SESSIONS = Table(
    "sessions",
    "Admissions of stations.",
    (
        Column("lead_id", "text", "The lead, when she had registered."),
        Column("method", "text", "How she was admitted."),
        Column("started_at", "time", "When she was admitted."),
        Column("seconds_granted", "count", "For how long."),
        Column("ended_at", "time", "When it ended; null while it lasts."),
        Column("reason", "text", "Why it ended."),
        Column("duration_seconds", "count", "How long it lasted."),
        Column("bytes_up", "count", "Bytes she sent."),
        Column("bytes_down", "count", "Bytes she received."),
    ),
)
_FOLLOWS = Table(
    "follows",
    "Follows of our accounts.",
    (
        Column("lead_id", "text", "The lead."),
        Column("platform", "text", "The platform."),
        Column("account", "text", "Our account there."),
        Column(
            "state",
            "text",
            "claimed by herself, verified by the platform, or ended.",
        ),
        Column(
            "source",
            "text",
            "What she scanned or sent: session, poster, staff or code; known: she followed before; claimed.",
        ),
        Column("staff_ref", "text", "The member of staff whose badge it was."),
        Column("followed_at", "time", "When she began to follow."),
        Column("ended_at", "time", "When she left; null while she follows."),
    ),
)
_FOOTFALL = Table(
    "footfall",
    "Counts of the radios around, window by window; numbers of fewer than five are null.",
    (
        Column("window_start", "time", "Start of the window."),
        Column("window_seconds", "count", "Its length."),
        Column("devices", "count", "Estimated devices; null without a radio."),
        Column("low", "count", "Interval of the estimate: from."),
        Column("high", "count", "Interval of the estimate: to."),
        Column("inside", "count", "Of the devices, those at or above inside_dbm."),
        Column("passers_by", "count", "Of the devices, those below."),
        Column("stations", "count", "Stations on the WiFi."),
        Column("dwell_histogram", "histogram", "Upper bound in seconds to devices."),
        Column("method", "text", "How it was counted."),
        Column("naive_macs", "count", "What counting addresses would have said."),
        Column("frames", "count", "Probe requests heard."),
        Column("inside_dbm", "integer", "The level that counts as inside."),
        Column("estimator_version", "text", "The estimator."),
    ),
)
_DELETIONS = Table(
    "deletions",
    "One row an erasure, ids only.",
    (
        Column("lead_id", "text", "The lead that was erased."),
        Column("erased_at", "time", "When."),
    ),
)

TABLES = {
    table.name: table
    for table in (
        _VENUES,
        _LEADS,
        _IDENTITIES,
        _CONSENTS,
        _VISITS,
        _SESSIONS,
        _FOLLOWS,
        _FOOTFALL,
        _DELETIONS,
    )
}
