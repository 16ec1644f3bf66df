"""How the database came to be, step by step. A shipped step never changes; schema.sql is their sum."""

from secrets import token_hex

from sqlite_utils import Database, Migrations

from sync.model import SystemClock, to_wire

DEFAULT_BRAND = "default"
migrations = Migrations("headoffice")


@migrations()
def founding(db: Database) -> None:
    # Statement by statement: executescript() would commit the transaction the migration runs in.
    for statement in _FOUNDING.split(";\n"):
        db.execute(statement)
    db.execute("INSERT INTO sequence (id, last_seq) VALUES (1, 0)")
    db.execute(
        "INSERT INTO brands (brand_id, name, added_at) VALUES (:brand, 'Our brand', :now)",
        {"brand": DEFAULT_BRAND, "now": to_wire(SystemClock().now())},
    )


@migrations()
def roaming(db: Database) -> None:
    for statement in _ROAMING.split(";\n"):
        db.execute(statement)


@migrations()
def follow(db: Database) -> None:
    for statement in _FOLLOW.split(";\n"):
        db.execute(statement)
    db.execute("INSERT INTO follow_secret (id, secret) VALUES (1, :secret)", {"secret": token_hex(32)})


@migrations()
def follows_that_ended(db: Database) -> None:
    db.execute("CREATE INDEX follows_by_ended_at ON follows (ended_at) WHERE ended_at IS NOT NULL")


@migrations()
def follows_told_again(db: Database) -> None:
    db.execute("ALTER TABLE follow_people ADD COLUMN again_at TEXT")


_FOUNDING = """
CREATE TABLE brands (
    brand_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    added_at TEXT NOT NULL
) STRICT;
CREATE TABLE sequence (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE keys (
    key_id TEXT PRIMARY KEY,
    secret_sha256 TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('upload', 'pull')),
    name TEXT NOT NULL,
    venue_id TEXT,
    scopes TEXT NOT NULL,
    added_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;
CREATE TABLE staff (
    login TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'marketing')),
    changed_at TEXT NOT NULL
) STRICT;
CREATE TABLE sign_ins (
    token_sha256 TEXT PRIMARY KEY,
    login TEXT NOT NULL REFERENCES staff (login) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
) STRICT;
CREATE TABLE events (
    venue_id TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    clock TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    subject_id TEXT,
    received_at TEXT NOT NULL,
    PRIMARY KEY (venue_id, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_by_id ON events (venue_id, event_id);
CREATE INDEX events_by_subject ON events (venue_id, subject_id) WHERE subject_id IS NOT NULL;
CREATE INDEX events_by_received_at ON events (received_at);
CREATE TABLE rejected_lines (
    venue_id TEXT NOT NULL,
    line_sha256 TEXT NOT NULL,
    epoch TEXT,
    seq INTEGER,
    key TEXT NOT NULL,
    message TEXT NOT NULL,
    line BLOB NOT NULL,
    received_at TEXT NOT NULL,
    PRIMARY KEY (venue_id, line_sha256)
) STRICT, WITHOUT ROWID;
CREATE TABLE venue_health (
    venue_id TEXT PRIMARY KEY,
    last_seen_at TEXT NOT NULL,
    version TEXT,
    clock TEXT,
    skew_seconds INTEGER,
    backlog INTEGER
) STRICT;
CREATE TABLE commands (
    venue_id TEXT NOT NULL,
    seq INTEGER NOT NULL UNIQUE,
    command_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    expires_at TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (venue_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE venues (
    venue_id TEXT NOT NULL, id TEXT NOT NULL CHECK (id = venue_id), seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL REFERENCES brands (brand_id), updated_at TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    venue_number INTEGER NOT NULL UNIQUE, name TEXT NOT NULL,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX venues_by_seq ON venues (seq);
CREATE TABLE leads (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    name TEXT, phone TEXT, email TEXT, locale TEXT, method TEXT, registered_at TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX leads_by_seq ON leads (seq);
CREATE INDEX leads_by_registered_at ON leads (registered_at);
CREATE TABLE identities (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, platform TEXT, account TEXT, subject TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identities_by_seq ON identities (seq);
CREATE TABLE consents (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, purpose TEXT, notice_version TEXT, notice_sha256 TEXT, language TEXT,
    given_at TEXT, method TEXT, withdrawn_at TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX consents_by_seq ON consents (seq);
CREATE INDEX consents_by_lead ON consents (venue_id, lead_id);
CREATE TABLE visits (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    session_id TEXT, lead_id TEXT, started_at TEXT, ended_at TEXT, dwell_seconds INTEGER,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX visits_by_seq ON visits (seq);
CREATE INDEX visits_by_started_at ON visits (started_at);
CREATE TABLE sessions (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, method TEXT, started_at TEXT, seconds_granted INTEGER, ended_at TEXT, reason TEXT,
    duration_seconds INTEGER, bytes_up INTEGER, bytes_down INTEGER,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_by_seq ON sessions (seq);
CREATE INDEX sessions_by_started_at ON sessions (started_at);
CREATE TABLE follows (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, platform TEXT, account TEXT, state TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX follows_by_seq ON follows (seq);
CREATE TABLE footfall (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    window_start TEXT, window_seconds INTEGER, devices INTEGER, low INTEGER, high INTEGER, inside INTEGER,
    passers_by INTEGER, stations INTEGER, dwell_histogram TEXT, method TEXT, naive_macs INTEGER,
    frames INTEGER, inside_dbm INTEGER, estimator_version TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX footfall_by_seq ON footfall (seq);
CREATE TABLE deletions (
    venue_id TEXT NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
    brand_id TEXT NOT NULL, updated_at TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
    lead_id TEXT, erased_at TEXT,
    PRIMARY KEY (venue_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX deletions_by_seq ON deletions (seq)
"""

_ROAMING = """
ALTER TABLE brands ADD COLUMN roaming TEXT NOT NULL DEFAULT 'off';
CREATE TABLE roaming_codes (
    code_sha256 TEXT PRIMARY KEY,
    venue_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    received_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX roaming_codes_by_received_at ON roaming_codes (received_at);
CREATE TABLE roaming_grants (
    venue_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    code_sha256 TEXT NOT NULL,
    origin_venue_id TEXT NOT NULL,
    origin_session_id TEXT NOT NULL,
    lead_id TEXT NOT NULL,
    granted_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    revoked_at TEXT,
    PRIMARY KEY (venue_id, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX roaming_grants_by_origin ON roaming_grants (origin_venue_id, origin_session_id);
CREATE INDEX roaming_grants_by_ends_at ON roaming_grants (ends_at)
"""

_FOLLOW = """
ALTER TABLE follows ADD COLUMN source TEXT;
ALTER TABLE follows ADD COLUMN staff_ref TEXT;
ALTER TABLE follows ADD COLUMN followed_at TEXT;
ALTER TABLE follows ADD COLUMN ended_at TEXT;
CREATE INDEX follows_by_followed_at ON follows (followed_at);
CREATE INDEX identities_by_subject ON identities (account, subject) WHERE subject IS NOT NULL;
CREATE INDEX identities_by_lead ON identities (venue_id, lead_id) WHERE lead_id IS NOT NULL;
CREATE TABLE follow_secret (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret TEXT NOT NULL
) STRICT;
CREATE TABLE follow_keys (
    venue_id TEXT PRIMARY KEY,
    key TEXT NOT NULL
) STRICT;
CREATE TABLE follow_codes (
    account TEXT NOT NULL,
    code TEXT NOT NULL,
    venue_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('session', 'poster', 'staff')),
    ref TEXT NOT NULL,
    url TEXT,
    minted_at TEXT,
    expires_at TEXT,
    offered_at TEXT,
    staff_ref TEXT,
    used_by TEXT,
    PRIMARY KEY (account, code)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX follow_codes_by_ref ON follow_codes (account, ref, venue_id, kind);
CREATE INDEX follow_codes_in_stock ON follow_codes (venue_id, account, expires_at)
    WHERE kind = 'session' AND offered_at IS NULL AND used_by IS NULL;
CREATE INDEX follow_codes_for_good ON follow_codes (venue_id, ref) WHERE kind <> 'session';
CREATE INDEX follow_codes_to_mint ON follow_codes (account) WHERE minted_at IS NULL;
CREATE TABLE follow_grants (
    grant_id TEXT PRIMARY KEY,
    venue_id TEXT NOT NULL,
    account TEXT NOT NULL,
    person TEXT NOT NULL,
    source TEXT NOT NULL,
    ref TEXT,
    code TEXT,
    granted_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    opened_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_grants_by_person ON follow_grants (person, venue_id);
CREATE INDEX follow_grants_by_granted_at ON follow_grants (granted_at);
CREATE TABLE follow_heard (
    account TEXT NOT NULL,
    event TEXT NOT NULL,
    text TEXT,
    link TEXT,
    code TEXT,
    heard_at TEXT NOT NULL,
    PRIMARY KEY (account, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_heard_by_heard_at ON follow_heard (heard_at);
CREATE TABLE follow_people (
    account TEXT NOT NULL,
    subject TEXT NOT NULL,
    person TEXT NOT NULL,
    followed_at TEXT NOT NULL,
    check_at TEXT,
    PRIMARY KEY (account, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_people_by_check_at ON follow_people (check_at) WHERE check_at IS NOT NULL;
CREATE TABLE follow_memory (
    person TEXT PRIMARY KEY,
    credited_at TEXT,
    ended_at TEXT,
    noted_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE follow_members (
    venue_id TEXT NOT NULL,
    staff_ref TEXT NOT NULL,
    name TEXT NOT NULL,
    added_at TEXT NOT NULL,
    left_at TEXT,
    PRIMARY KEY (venue_id, staff_ref)
) STRICT, WITHOUT ROWID;
CREATE TABLE follow_credits (
    venue_id TEXT NOT NULL,
    credit_id TEXT NOT NULL,
    staff_ref TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('follow', 'registration')),
    person TEXT NOT NULL,
    credited_at TEXT NOT NULL,
    taken_back_at TEXT,
    PRIMARY KEY (venue_id, credit_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX follow_credits_by_person ON follow_credits (person);
CREATE INDEX follow_credits_by_credited_at ON follow_credits (credited_at);
CREATE TABLE follow_told (
    venue_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    told_at TEXT NOT NULL,
    PRIMARY KEY (venue_id, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE follow_troubles (
    account TEXT PRIMARY KEY,
    why TEXT NOT NULL CHECK (why IN ('no_permission', 'unavailable', 'unsupported')),
    since TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""
